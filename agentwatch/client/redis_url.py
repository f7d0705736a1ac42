"""Whether a Redis URL can be used, asked before anything connects."""

from redis.asyncio.connection import parse_url

from agentwatch.connection import check_tls_files, url_reason
from agentwatch.errors import BadConfig

__all__ = ["checked_redis_url"]


def checked_redis_url(url: str, field: str) -> str:
    """Give the URL back; raises `BadConfig`, naming `field`, for one that cannot be used."""
    try:
        parse_url(url)
    except ValueError as error:
        raise BadConfig(url_reason(error), field) from None
    check_tls_files(url, field)
    return url
