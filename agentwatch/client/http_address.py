"""Where the control API is, as a URL, and how a connection to it is opened with the standard library alone."""

import http.client
import ssl
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from agentwatch.errors import BadConfig

__all__ = ["HttpAddress", "http_address"]

_QUERY = {"ca", "cert", "key"}


class HttpAddress(Struct, frozen=True, kw_only=True):
    """Host, port and path before every route. `ca`, `cert` and `key` are PEM files for TLS, or empty."""

    host: str
    port: int | None = None
    base: str = ""
    secure: bool = False
    ca: str = ""
    cert: str = ""
    key: str = ""

    def connection(self, timeout_s: float) -> http.client.HTTPConnection:
        """Make a connection, not open yet. Raises `OSError` where a file of TLS cannot be used."""
        if not self.secure:
            return http.client.HTTPConnection(self.host, self.port, timeout=timeout_s)
        context = ssl.create_default_context(cafile=self.ca or None)
        if self.cert:
            context.load_cert_chain(self.cert, self.key or None)
        return http.client.HTTPSConnection(self.host, self.port, timeout=timeout_s, context=context)


def http_address(url: str) -> HttpAddress:
    """Read `http[s]://host[:port][/path][?ca=&cert=&key=]`; raises `BadConfig`."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
        raise BadConfig("write http://host[:port] or https://host[:port]", "http")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    unknown = sorted(set(query) - _QUERY)
    if unknown:
        raise BadConfig(f"unknown option {unknown[0]!r} in the URL; known: {', '.join(sorted(_QUERY))}", "http")
    secure = parts.scheme == "https"
    return HttpAddress(host=parts.hostname, port=port, base=parts.path.rstrip("/"), secure=secure, **query)
