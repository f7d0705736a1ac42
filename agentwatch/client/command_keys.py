"""The public keys by which a guard believes commands; several are valid at once, so that keys can be changed."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from agentwatch.client.log import log
from agentwatch.errors import BadConfig, BadRequest
from agentwatch.records import Command
from agentwatch.signed import command_message, key_id, read_public_line, read_sig

__all__ = ["CommandKeys", "command_keys"]

_FIELD = "command_keys"
_LOOK_S = 10.0
_MAX_KEYS = 64


class CommandKeys:
    """Verifies signatures. Keys of a file are read again when a signature names one that is not known."""

    def __init__(self, keys: dict[str, Any], file: Path | None, clock: Callable[[], float]) -> None:
        self._keys = keys
        self._file = file
        self._clock = clock
        self._looked_at = clock()

    def reason(self, command: Command) -> str:
        """Tell why a command is not to be believed; "" where its signature holds."""
        if not command.sig:
            return "it is not signed"
        try:
            message = command_message(command, read_sig(command.sig)[0])
        except BadRequest as error:
            return f"its signature cannot be read: {error.reason}"
        return self.reason_of(command.sig, message)

    def reason_of(self, sig: str, message: bytes) -> str:
        """Tell why a signature of any message is not to be believed; "" where it holds."""
        from cryptography.exceptions import InvalidSignature

        try:
            kid, signature = read_sig(sig)
        except BadRequest as error:
            return f"its signature cannot be read: {error.reason}"
        key = self._keys.get(kid) or self._new(kid)
        if key is None:
            return f"it is signed with a key that is not trusted: {kid[:16]}"
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return "its signature is wrong"
        return ""

    def _new(self, kid: str) -> Any:
        """Look for a key in the file, at most every ten seconds: anybody can name keys that there are not."""
        if self._file is None or self._clock() - self._looked_at < _LOOK_S:
            return None
        self._looked_at = self._clock()
        try:
            self._keys = _read(_lines(self._file))
        except BadConfig as error:
            log.error("command_keys_unreadable", reason=str(error))
        return self._keys.get(kid)


def command_keys(given: str, clock: Callable[[], float] = time.monotonic, field: str = _FIELD) -> CommandKeys:
    """Read keys: words `ed25519:<base64>` apart by white space or commas, or `file:/path` with one a line.

    Raises `BadConfig`, also where the extra that verifies is not installed. It names `field`.
    """
    try:
        import cryptography  # noqa: F401  # only whether it can be imported is asked
    except ImportError as error:
        raise BadConfig("signed commands need cryptography: install agentwatch[verify]", field) from error
    file = Path(given.removeprefix("file:")) if given.startswith("file:") else None
    return CommandKeys(
        _read(_lines(file, field) if file is not None else given.replace(",", " ").split(), field), file, clock
    )


def _lines(file: Path, field: str = _FIELD) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"cannot read {file}: {getattr(error, 'strerror', None) or 'not text'}", field) from error
    return [words[0] for line in text.splitlines() if (words := line.partition("#")[0].split())]


def _read(lines: Iterable[str], field: str = _FIELD) -> dict[str, Any]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    raw = [read_public_line(line, field) for line in lines]
    if not raw or len(raw) > _MAX_KEYS:
        raise BadConfig(f"give at least one public key, and at most {_MAX_KEYS}", field)
    return {key_id(public): Ed25519PublicKey.from_public_bytes(public) for public in raw}
