"""The running daemon as the verbs see it: its control API over HTTP, its errors as ours."""

import os
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import click
import httpx
import msgspec
from msgspec import Struct

from agentwatch.cli.failure import NotFound
from agentwatch.errors import BadInput, BadRequest, Unavailable

__all__ = ["Daemon", "DaemonAddress", "daemon_options"]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
_MOST_S: Final = 86_400
_PATIENCE: Final = 5  # times that a question is asked that came too soon
DEFAULT_URL: Final = "http://127.0.0.1:8420"


class DaemonAddress(Struct, frozen=True, kw_only=True):
    """Where the control API is, and the bearer token for it ("" for none). ca, cert, cert_key: PEM files for TLS."""

    url: str
    token: str = ""
    timeout_s: float = 10.0
    ca: str = ""
    cert: str = ""
    cert_key: str = ""


class _FieldProblem(Struct, frozen=True):
    field: str = ""
    reason: str = ""
    line: int | None = None


class _Problem(Struct, frozen=True):
    """The parts of a problem detail that we read."""

    title: str = ""
    detail: str = ""
    errors: tuple[_FieldProblem, ...] = ()


class Daemon:
    """Asks the control API. Raises `BadRequest`, `NotFound` or `Unavailable` with what the daemon said."""

    def __init__(self, address: DaemonAddress, sleep: Callable[[float], None] = time.sleep) -> None:
        self._address = address
        self._sleep = sleep
        headers = {"Accept": "application/json"}
        if address.token:
            headers["Authorization"] = f"Bearer {address.token}"
        # The environment's proxies are for the outside; the daemon is asked directly.
        try:
            self._http = httpx.Client(
                base_url=address.url.rstrip("/"),
                headers=headers,
                timeout=address.timeout_s,
                trust_env=False,
                verify=_context(address),
            )
        except httpx.InvalidURL as error:
            raise BadInput(f"{address.url!r} is not an address: {error}", "url") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, kind: type[T], **query: Any) -> T:
        """Read a resource; conditions that are None or empty are left out."""
        wanted = {name: value for name, value in query.items() if value not in (None, "", False)}
        return self._read(self._ask("GET", path, params=wanted), kind)

    def send(self, method: str, path: str, kind: type[T], body: Any = None, **query: Any) -> T:
        """Change a resource; returns the daemon's answer."""
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if content is None else {"Content-Type": "application/json"}
        return self._read(self._ask(method, path, content=content, headers=headers, params=query), kind)

    def post_many(self, path: str, content: bytes, content_type: str, kind: type[T]) -> T:
        """Post many things in one body; an answer that names some of them as wrong is an answer, not a failure."""
        headers = {"Content-Type": content_type}
        answer = self._request("POST", path, content=content, headers=headers)
        if answer.status_code in (400, 422):
            problem = msgspec.json.decode(answer.content, type=_Problem)
            if any(wrong.line is not None for wrong in problem.errors):
                return self._read(answer, kind)
        return self._read(self._checked(answer), kind)

    def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        return self._checked(self._request(method, path, **request))

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_error or answer.is_redirect:
            raise _failure(answer, self._address)
        return answer

    def _request(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Ask; a command that has much to ask waits where it is told that it asks too often."""
        for _ in range(_PATIENCE):
            answer = self._once(method, path, **request)
            wait = answer.headers.get("retry-after", "")
            if answer.status_code != 429 or not wait.isdecimal():
                break
            self._sleep(min(float(wait), self._address.timeout_s))
        return answer

    def _once(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **request)
        except httpx.InvalidURL as error:
            raise BadInput(f"{self._address.url!r} is not an address: {error}", "url") from error
        except httpx.UnsupportedProtocol as error:
            raise BadInput(f"{self._address.url!r} is not an http address", "url") from error
        except httpx.HTTPError as error:
            raise Unavailable(f"no answer from {self._address.url}: {error or type(error).__name__}") from error

    def _read(self, answer: httpx.Response, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except msgspec.DecodeError as error:
            raise Unavailable(f"{self._address.url} answers, but not as agentwatch does: {error}") from error


def _context(address: DaemonAddress) -> ssl.SSLContext | bool:
    """Make the TLS settings; the system's own authorities where none are named."""
    if not (address.ca or address.cert):
        return True
    try:
        context = ssl.create_default_context(cafile=address.ca or None)
        if address.cert:
            context.load_cert_chain(address.cert, address.cert_key or None)
    except OSError as error:  # an SSLError is one
        raise BadInput(f"cannot be used: {error}", "ca" if not address.cert else "cert") from error
    return context


def _failure(answer: httpx.Response, address: DaemonAddress) -> Exception:
    try:
        problem = msgspec.json.decode(answer.content, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem(title=answer.reason_phrase)
    words = problem.detail or problem.title or f"HTTP {answer.status_code}"
    if answer.status_code == 401:
        return BadRequest(f"{words} (give --token, AGENTWATCH_TOKEN or --token-file)", "token")
    if answer.status_code == 403:
        return BadRequest(words, "token")
    if answer.status_code == 404:
        return NotFound(words)
    if answer.status_code in (400, 405, 409, 413, 415, 422):
        only = problem.errors[0] if len(problem.errors) == 1 else None
        return BadRequest(only.reason, only.field) if only else BadRequest(words)
    return Unavailable(f"{address.url}: {words} (HTTP {answer.status_code})")


def daemon_options(function: F) -> F:
    """Add `--url`, `--token`, `--token-file` and those for TLS; the command gets a `DaemonAddress` as `daemon`."""

    def gather(
        url: str,
        token: str | None,
        token_file: Path | None,
        timeout: float,
        ca: str,
        cert: str,
        cert_key: str,
        **rest: Any,
    ) -> Any:
        if not 0 < timeout <= _MOST_S:  # which nan is not either
            raise BadInput(f"must be above 0 and at most {_MOST_S:,} seconds", "timeout")
        secret = _checked(token if token is not None else _token_from(token_file))
        return function(
            daemon=DaemonAddress(url=url, token=secret, timeout_s=timeout, ca=ca, cert=cert, cert_key=cert_key), **rest
        )

    gather.__doc__ = function.__doc__
    gather.__name__ = function.__name__
    if hasattr(function, "__click_params__"):
        gather.__click_params__ = function.__click_params__  # type: ignore[attr-defined]  # click keeps them there
    for option in reversed(_OPTIONS):
        gather = option(gather)
    return gather  # type: ignore[return-value]  # click calls it by keywords; no type says which


_OPTIONS: Final = (
    click.option(
        "--url", envvar="AGENTWATCH_URL", default=DEFAULT_URL, show_default=True, help="The daemon's control API."
    ),
    click.option("--token", envvar="AGENTWATCH_TOKEN", default=None, help="Bearer token (better: a file)."),
    click.option(
        "--token-file",
        envvar="AGENTWATCH_TOKEN_FILE",
        type=click.Path(path_type=Path, dir_okay=False),
        default=None,
        help="File with the token; else ~/.config/agentwatch/token where it exists.",
    ),
    click.option("--ca", envvar="AGENTWATCH_CA", default="", help="File of the authorities to trust, for https."),
    click.option("--cert", envvar="AGENTWATCH_CERT", default="", help="File of our certificate, for mutual TLS."),
    click.option("--cert-key", envvar="AGENTWATCH_CERT_KEY", default="", help="File of its key, if not in the same."),
    click.option("--timeout", type=float, default=10.0, show_default=True, help="Seconds to wait for an answer."),
)


def _token_from(path: Path | None, environ: Mapping[str, str] = os.environ) -> str:
    if path is not None:
        return _text_of(path)
    home = environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    usual = Path(home) / "agentwatch" / "token"
    return _text_of(usual) if usual.is_file() else ""


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except UnicodeDecodeError as error:
        raise BadInput("holds no token", str(path)) from error


def _checked(token: str) -> str:
    """Refuse what can be sent as no token, before the library that sends it does so without a name."""
    if not (token.isascii() and token.isprintable()):
        raise BadInput("is not a token: it has characters that none has, or several lines", "token")
    return token
