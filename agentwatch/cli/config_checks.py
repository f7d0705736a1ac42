"""What a configuration names, looked at piece by piece, so that one mistake does not hide the next."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct

from agentwatch.broker import broker_address
from agentwatch.config import Config, ReceiverOptions, read_policy_files, secret
from agentwatch.connection import RedisOptions, connect
from agentwatch.errors import BadConfig
from agentwatch.policy.rules import Policy
from agentwatch.service.composing import make_rulebook
from agentwatch.service.notifiers import check_notifier
from agentwatch.service.receivers import resolved
from agentwatch.service.signing import read_private_key

__all__ = ["Checked", "Unchecked", "checked"]


class Unchecked(Struct, frozen=True, kw_only=True):
    """A secret that only the service itself can read: the key that names it, and its name."""

    key: str
    names: str


class Checked(Struct, frozen=True, kw_only=True):
    """What was found: all that is wrong, what could not be looked at from here, and the policy where it is right."""

    policy: Policy | None
    wrong: tuple[BadConfig, ...]
    unchecked: tuple[Unchecked, ...]


def checked(config: Config, path: Path | None) -> Checked:
    """Check what a configuration names: policy, addresses, secrets, receivers. Nothing is connected to."""
    wrong: list[BadConfig] = []
    unchecked: list[Unchecked] = []
    policy: list[Policy] = []
    base = path.absolute().parent if path is not None else Path.cwd()

    def read_policy() -> None:
        policy.append(make_rulebook(config, read_policy_files(config, base)).policy)

    for check in (read_policy, *_addresses(config)):
        _collect(check, wrong)
    for named, check in _secrets(config):
        hidden = [Unchecked(key=key, names=value) for key, value in named.items() if not _readable(value)]
        unchecked += hidden
        if not hidden:
            _collect(check, wrong)
    return Checked(policy=policy[0] if policy else None, wrong=tuple(wrong), unchecked=tuple(unchecked))


def _collect(check: Callable[[], Any], wrong: list[BadConfig]) -> None:
    try:
        check()
    except BadConfig as error:
        wrong.append(error)


def _addresses(config: Config) -> Iterator[Callable[[], Any]]:
    """Read the URLs as the daemon will."""
    if config.redis.url:
        yield lambda: connect(config.redis.url, RedisOptions())
    if config.mqtt.url:
        yield lambda: broker_address(config.mqtt.url, "mqtt.url")


def _secrets(config: Config) -> Iterator[tuple[dict[str, str], Callable[[], Any]]]:
    """Give each check with the values that it must be able to read."""
    yield {"signing.private_key": config.signing.private_key}, lambda: read_private_key(config.signing.private_key)
    yield {"redis.password": config.redis.password}, lambda: secret(config.redis.password, "redis.password")
    yield {"mqtt.password": config.mqtt.password}, lambda: secret(config.mqtt.password, "mqtt.password")
    yield {"heartbeat.url": config.heartbeat.url}, lambda: secret(config.heartbeat.url, "heartbeat.url")
    for receiver in config.receivers:
        key = f"receivers.{receiver.name}"
        named = {f"{key}.url": receiver.url, f"{key}.secret": receiver.secret}
        yield named, partial(_check_receiver, receiver)


def _check_receiver(receiver: ReceiverOptions) -> None:
    check_notifier(resolved(receiver))


def _readable(value: str) -> bool:
    """Tell whether a secret can be read from here: credentials exist only inside the service."""
    if not value.startswith("credential:"):
        return True
    # the check that systemd runs before a reload is told of the folder, and may not look into it
    directory = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return bool(directory) and os.access(directory, os.R_OK | os.X_OK)
