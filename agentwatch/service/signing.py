"""Signs what must be believed without believing its carrier: commands, and the heads of the audit log."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from agentwatch.client.command_keys import command_keys
from agentwatch.config import SigningOptions, secret
from agentwatch.errors import BadConfig
from agentwatch.records import Command
from agentwatch.signed import command_message, key_id, public_line, read_sig, sig_text
from agentwatch.wishes import Wishes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["Signer", "believing", "new_private_key", "read_private_key"]

_KEPT = 4  # own keys whose signatures are still believed after they were changed


class Signer:
    """Holds the key in force, which a reload may change; without one, nothing is signed and nothing changed."""

    def __init__(self, key: "Ed25519PrivateKey | None" = None) -> None:
        self._key: Ed25519PrivateKey | None = None
        self._own: dict[str, Ed25519PublicKey] = {}
        self.kid = ""
        self.adopt(key)

    def adopt(self, key: "Ed25519PrivateKey | None") -> None:
        """Sign with another key from now on, or no more."""
        self._key = key
        self.kid = key_id(_raw(key)) if key is not None else ""
        if key is not None:
            self._own[self.kid] = key.public_key()
            while len(self._own) > _KEPT:
                del self._own[next(iter(self._own))]

    def made(self, sig: str, message: bytes) -> bool:
        """Tell whether a signature was made with a key that is, or lately was, this daemon's own."""
        from cryptography.exceptions import InvalidSignature

        kid, signature = read_sig(sig)
        try:
            self._own[kid].verify(signature, message)
        except (KeyError, InvalidSignature):
            return False
        return True

    def command(self, command: Command) -> Command:
        """Give the command with its signature; the same command and key always give the same one."""
        if self._key is None:
            return command
        return replace(command, sig=sig_text(self.kid, self._key.sign(command_message(command, self.kid))))

    def text(self, message: bytes) -> str:
        """Sign any other message; "" where there is no key."""
        return sig_text(self.kid, self._key.sign(message)) if self._key is not None else ""


def believing(options: SigningOptions, signer: Signer) -> Callable[[], Wishes | None]:
    """Give what makes a partition's judge of wishes; it makes None where all are believed. Raises `BadConfig`."""
    if not options.require_signed_controls:
        return lambda: None
    others = command_keys(options.trusted_keys, field="signing.trusted_keys") if options.trusted_keys else None

    def check(sig: str, message: bytes) -> str:
        if signer.made(sig, message):
            return ""
        return others.reason_of(sig, message) if others is not None else "it is signed with a key that is not trusted"

    return lambda: Wishes(check)


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
