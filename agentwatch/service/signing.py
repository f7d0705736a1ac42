"""Signs what must be believed without believing its carrier: commands, and the heads of the audit log."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from agentwatch.config import secret
from agentwatch.errors import BadConfig
from agentwatch.records import Command
from agentwatch.signed import command_message, key_id, public_line, sig_text

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["Signer", "new_private_key", "read_private_key"]


class Signer:
    """Holds the key in force, which a reload may change; without one, nothing is signed and nothing changed."""

    def __init__(self, key: "Ed25519PrivateKey | None" = None) -> None:
        self._key: Ed25519PrivateKey | None = None
        self.kid = ""
        self.adopt(key)

    def adopt(self, key: "Ed25519PrivateKey | None") -> None:
        """Sign with another key from now on, or no more."""
        self._key = key
        self.kid = key_id(_raw(key)) if key is not None else ""

    def command(self, command: Command) -> Command:
        """Give the command with its signature; the same command and key always give the same one."""
        if self._key is None:
            return command
        return replace(command, sig=sig_text(self.kid, self._key.sign(command_message(command, self.kid))))

    def text(self, message: bytes) -> str:
        """Sign any other message; "" where there is no key."""
        return sig_text(self.kid, self._key.sign(message)) if self._key is not None else ""


def read_private_key(value: str, field: str = "signing.private_key") -> "Ed25519PrivateKey | None":
    """Read the key that a configured value names (`file:`, `credential:` or PEM itself); None for "".

    Raises `BadConfig` that tells the field and never the key.
    """
    if not value:
        return None
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    text = secret(value, field)
    try:
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError):
        raise BadConfig("is no private key in PEM form without a passphrase (agentwatch keys new)", field) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadConfig("is a key of another kind: Ed25519 is needed (agentwatch keys new)", field)
    return key


def new_private_key() -> tuple[bytes, str]:
    """Draw a key: the private one as PEM, and the public one as the word that guards are given."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), public_line(_raw(key))


def _raw(key: "Ed25519PrivateKey") -> bytes:
    return key.public_key().public_bytes_raw()
