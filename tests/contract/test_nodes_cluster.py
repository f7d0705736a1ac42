"""A partition's client follows its slot: to the node that owns it, and to the one that takes it over."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.crc import key_slot
from redis.exceptions import RedisError

from agentwatch.client.redis_sink import RedisSink
from agentwatch.connection import RedisOptions
from agentwatch.errors import StoreUnavailable
from agentwatch.ingest.intake import RedisIntake
from agentwatch.keys import META, keys, partition
from agentwatch.nodes import Nodes
from agentwatch.records import Event
from agentwatch.store.meta import settle_partitions
from tests.cluster import Cluster

PARTITIONS = 6


async def settled(url: str, seeds: tuple[str, ...] = ()) -> Nodes:
    nodes = Nodes(url, RedisOptions(), seeds)
    await nodes.settle()
    return nodes


async def test_each_partition_is_served_by_the_node_that_owns_its_slot(cluster: str, cluster_servers: Cluster) -> None:
    nodes = await settled(cluster)
    assert nodes.cluster
    used = set()
    for index in range(PARTITIONS):
        await nodes.of(index).execute_command("XADD", keys(index).events, "*", "data", b"x")
        owner = cluster_servers.primary_of(key_slot(keys(index).prefix.encode()))
        assert owner.client().xlen(keys(index).events) == 1
        used.add(owner.port)
    assert len(used) > 1, "the partitions of this test are to lie on several nodes"
    await nodes.aclose()


async def test_the_number_of_partitions_is_written_once_for_the_whole_cluster(cluster: str) -> None:
    nodes = await settled(cluster)
    assert await settle_partitions(nodes.common) == 1
    await nodes.common.execute_command("HSET", META, "partitions", PARTITIONS)
    other = await settled(cluster)
    assert await settle_partitions(other.common) == PARTITIONS
    for one in (nodes, other):
        await one.aclose()


async def test_what_is_sent_over_http_and_by_an_emitter_lands_in_the_partitions_of_its_apps(cluster: str) -> None:
    nodes = await settled(cluster)
    nodes.partitions = PARTITIONS
    await nodes.common.execute_command("HSET", META, "partitions", PARTITIONS)
    apps = [f"app{at}" for at in range(20)]
    found = await RedisIntake(nodes).put([b'{"agent":"a","app":"%s"}' % app.encode() for app in apps])
    assert all(one.id for one in found)
    sink = RedisSink(cluster, 5.0)
    sink.send([Event(agent="a", app=app) for app in apps], [b"{}"] * len(apps))
    sink.close()
    for index in range(PARTITIONS):
        expected = [app for app in apps if partition("default", app, PARTITIONS) == index]
        rows = await nodes.of(index).execute_command("XLEN", keys(index).events)
        assert rows == 2 * len(expected)
    await nodes.aclose()


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[Cluster]:
    running = Cluster(tmp_path, replicas=1)
    running.start()
    yield running
    running.stop()


@pytest.mark.slow
async def test_a_partition_is_followed_to_the_replica_that_takes_over_its_node(own_cluster: Cluster) -> None:
    nodes = await settled(own_cluster.url, tuple(own_cluster.seeds))
    name = keys(0).events
    await nodes.of(0).execute_command("XADD", name, "*", "data", b"x")
    assert await nodes.of(0).execute_command("WAIT", 1, 5000) == 1
    own_cluster.primary_of(key_slot(name.encode())).kill()

    async def answered() -> bool:
        try:
            async with nodes.of(0).pipeline(transaction=True) as pipe:
                pipe.execute_command("XLEN", name)
                pipe.execute_command("XADD", name, "*", "data", b"y")
                return (await pipe.execute())[0] == 1
        except (RedisError, OSError):  # nobody owns the slot yet
            return False

    deadline = time.monotonic() + 30
    while not await answered():
        assert time.monotonic() < deadline, "the replica does not take over"
        await asyncio.sleep(0.1)
    await nodes.aclose()


async def test_a_server_that_is_no_cluster_is_one_node_for_everything(valkey: str) -> None:
    nodes = await settled(valkey)
    assert not nodes.cluster
    assert nodes.of(3) is nodes.common
    await nodes.aclose()


async def test_nobody_there_is_said_in_our_own_words() -> None:
    nodes = Nodes("redis://127.0.0.1:1", RedisOptions(connect_timeout_s=0.5), ("127.0.0.1:2",))
    with pytest.raises(StoreUnavailable, match="greeting Redis: "):
        await nodes.settle()
    await nodes.aclose()
