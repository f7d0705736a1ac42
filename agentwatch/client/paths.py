"""Which signal paths a guard listens to, and the channels that serve them."""

import time
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from agentwatch.broker import broker_address, require_mqtt
from agentwatch.client.channel import Channel, Listener
from agentwatch.client.command_keys import command_keys
from agentwatch.client.http_channel import HttpChannel
from agentwatch.client.identity import Identity
from agentwatch.client.mqtt_channel import MqttChannel
from agentwatch.client.options import GuardOptions
from agentwatch.client.trust import Trust
from agentwatch.client.watch import Watch
from agentwatch.errors import BadConfig

__all__ = ["Paths", "channels_of", "paths_from"]


class Paths(Struct, frozen=True, kw_only=True):
    """URLs of the signal paths; at least one. `token` is the bearer token for HTTP.

    command_keys: public keys, or `file:/path` with them; where given, commands that they did not sign are refused.

    Redis and MQTT may be given together, and both are listened to. HTTP is asked only where there is no Redis.
    """

    redis: str = ""
    mqtt: str = ""
    http: str = ""
    token: str = ""
    command_keys: str = ""

    def __repr__(self) -> str:
        given = [name for name in ("redis", "mqtt", "http") if getattr(self, name)]
        return f"Paths({', '.join(given)})"

    def environment(self) -> dict[str, str]:
        """Give the URLs as variables for another process; never the token."""
        given = {
            "REDIS_URL": self.redis,
            "MQTT_URL": self.mqtt,
            "HTTP_URL": self.http,
            "COMMAND_KEYS": self.command_keys,
        }
        return {f"AGENTWATCH_{name}": url for name, url in given.items() if url}


def paths_from(environment: Mapping[str, str]) -> Paths:
    """Read `AGENTWATCH_REDIS_URL`, `_MQTT_URL`, `_HTTP_URL`, `_TOKEN` or `_TOKEN_FILE`; raises `BadConfig`."""
    token = environment.get("AGENTWATCH_TOKEN", "")
    token_file = environment.get("AGENTWATCH_TOKEN_FILE", "")
    if token_file and not token:
        try:
            token = Path(token_file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise BadConfig(f"cannot read {token_file}: {error.strerror}", "AGENTWATCH_TOKEN_FILE") from error
    return Paths(
        redis=environment.get("AGENTWATCH_REDIS_URL", ""),
        mqtt=environment.get("AGENTWATCH_MQTT_URL", ""),
        http=environment.get("AGENTWATCH_HTTP_URL", ""),
        token=token,
        command_keys=environment.get("AGENTWATCH_COMMAND_KEYS", ""),
    )


def channels_of(paths: Paths, identity: Identity, watch: Watch, options: GuardOptions) -> list[Channel]:
    """Make the channels, the authority first; raises `BadConfig` for no path, a wrong URL or a missing extra."""
    channels: list[Channel] = []
    listener = _listener(paths, identity, watch)
    if paths.redis:
        # its driver is most of what a client loads, and a guard over MQTT or HTTP has no use for it
        from agentwatch.client.redis_channel import RedisChannel
        from agentwatch.client.redis_url import checked_redis_url

        channels.append(RedisChannel(checked_redis_url(paths.redis, "redis"), identity, listener, options))
    elif paths.http:
        channels.append(HttpChannel(paths.http, paths.token, identity, listener, options))
    if paths.mqtt:
        require_mqtt()
        channels.append(MqttChannel(broker_address(paths.mqtt), identity, listener, options))
    if not channels:
        raise BadConfig("give at least one of redis, mqtt and http", "redis")
    return channels


def _listener(paths: Paths, identity: Identity, watch: Watch) -> Listener:
    if not paths.command_keys:
        return watch
    return Trust(watch, identity.subjects(), command_keys(paths.command_keys), time.time, whole=bool(paths.redis))
