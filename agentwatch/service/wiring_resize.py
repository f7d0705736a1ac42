"""Joins what a change of the number of partitions needs: like `wiring`, a place that names adapters."""

from collections.abc import Callable
from functools import partial

from agentwatch.connection import RedisOptions as ConnectionOptions
from agentwatch.errors import BadConfig
from agentwatch.ingest.intake import RedisIntake
from agentwatch.ingest.stream import RedisSource
from agentwatch.keys import Home
from agentwatch.nodes import Nodes
from agentwatch.pipeline import Pipeline
from agentwatch.service.composing import make_pipeline
from agentwatch.service.resizing import Partition, Resized, Resizer
from agentwatch.service.seating import storing
from agentwatch.service.settings import Settings
from agentwatch.service.signing import Signer, believing, read_private_key
from agentwatch.service.wiring import redis_url
from agentwatch.store.log import RedisLog
from agentwatch.store.meta import settle_partitions
from agentwatch.store.redis import RedisStore, StoreOptions
from agentwatch.store.retired import RedisRetired
from agentwatch.store.switch import RedisSwitch
from agentwatch.wishes import Wishes

__all__ = ["resize"]


async def resize(settings: Settings, partitions: int, wait_s: float) -> Resized:
    """Change the number of partitions of the Redis that is configured, with everything kept.

    Raises `BadConfig` where none is configured or the number is the same, `Unavailable` where the store or a worker
    does not let it.
    """
    config = settings.config
    if not config.redis.url:
        raise BadConfig("is needed: the embedded server is one daemon's own, and has one partition", "redis.url")
    url, _ = redis_url(config)
    nodes = Nodes(url, ConnectionOptions(timeout_s=config.redis.timeout_s), config.redis.seeds)
    try:
        await nodes.settle()
        before = await settle_partitions(nodes.common)
        signer = Signer(read_private_key(config.signing.private_key))
        bounds = storing(config)
        at = partial(_partition, nodes, bounds, signer, believing(config.signing, signer))
        retired = RedisRetired(nodes, bounds.dead_letters, bounds.ledger_days * 86_400)
        make, pass_on = partial(_pipeline, settings), RedisIntake(nodes, config.decode, signer=signer).pass_on
        resizer = Resizer(at, make, RedisSwitch(nodes), retired, pass_on, wait_s=wait_s)
        return await resizer.run(before, partitions)
    finally:
        await nodes.aclose()


def _partition(
    nodes: Nodes, bounds: StoreOptions, signer: Signer, wishes: Callable[[], Wishes | None], index: int
) -> Partition:
    client = nodes.of(index)
    source = RedisSource(client, index, wishes=wishes())
    return Partition(RedisStore(client, index, bounds, signer), source, RedisLog(client, index))


def _pipeline(settings: Settings, home: Home) -> Pipeline:
    return make_pipeline(settings.config, settings.rulebook, home)
