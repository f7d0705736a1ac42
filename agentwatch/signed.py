"""What a signature is made over, and how it and its keys are written; the same for the daemon, its guards and auditors.

Ed25519 (RFC 8032) over netstrings, so that nothing needs a canonical JSON: each field is `<bytes>:<UTF-8>,`. Times and
limits are whole millionths. A key's id is the start of its SHA-256, so it needs no registry.
"""

import binascii
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final

from agentwatch.errors import BadConfig, BadRequest
from agentwatch.records import Command

__all__ = [
    "command_message",
    "key_id",
    "netstrings",
    "public_line",
    "read_public_line",
    "read_sig",
    "sig_text",
    "wish_message",
]

_ALGORITHM: Final = "ed25519"
_KEY_BYTES: Final = 32
_SIG_BYTES: Final = 64
_MILLION: Final = 1_000_000


def netstrings(*fields: str) -> bytes:
    """Join fields so that no two lists of fields give the same bytes."""
    parts = [field.encode() for field in fields]
    return b"".join(b"%d:%b," % (len(part), part) for part in parts)


def command_message(command: Command, kid: str) -> bytes:
    """Give the bytes that a command's signature covers. Raises `BadRequest` for numbers that are none."""
    try:
        times = [str(round(at * _MILLION)) for at in (command.issued_at, command.expires_at)]
        limit = "" if command.limit is None else str(round(command.limit * _MILLION))
    except (OverflowError, ValueError) as error:
        raise BadRequest("a time or a limit is no number", "issued_at") from error
    return netstrings(
        "agentwatch command 1",
        kid,
        str(command.v),
        command.id,
        command.cmd,
        command.scope,
        command.subject,
        str(command.epoch),
        command.reason,
        command.incident,
        command.issued_by,
        *times,
        str(command.grace_ms),
        limit,
    )


def wish_message(data: bytes, kid: str) -> bytes:
    """Give the bytes that the signature of an operator's wish covers: those of its entry, word for word."""
    return netstrings("agentwatch wish 1", kid) + b"%d:%b," % (len(data), data)


def key_id(public: bytes) -> str:
    """Name a public key: the first 16 hexadecimal digits of its SHA-256."""
    return sha256(public).hexdigest()[:16]


def public_line(public: bytes) -> str:
    """Write a public key as one word: `ed25519:<base64>`."""
    return f"{_ALGORITHM}:{b64encode(public).decode()}"


def read_public_line(line: str, field: str) -> bytes:
    """Read a public key's word; raises `BadConfig`."""
    name, _, text = line.strip().partition(":")
    try:
        public = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        public = b""
    if name != _ALGORITHM or len(public) != _KEY_BYTES:
        raise BadConfig(f"{line.strip()[:80]!r} is not a public key; write ed25519:<base64 of 32 bytes>", field)
    return public


def sig_text(kid: str, signature: bytes) -> str:
    """Write a signature with the id of its key: `ed25519:<key id>:<base64url>`."""
    return f"{_ALGORITHM}:{kid}:{urlsafe_b64encode(signature).decode().rstrip('=')}"


def read_sig(text: str) -> tuple[str, bytes]:
    """Read a signature's key id and bytes; raises `BadRequest` for anything but what `sig_text` writes."""
    name, _, rest = text.partition(":")
    kid, _, encoded = rest.partition(":")
    try:
        signature = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except (binascii.Error, ValueError):
        signature = b""
    if name != _ALGORITHM or len(signature) != _SIG_BYTES or sig_text(kid, signature) != text:
        raise BadRequest("not a signature", "sig")
    return kid, signature
