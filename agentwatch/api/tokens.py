"""Bearer tokens: how one is drawn, and how it is stored. Apart from `auth`, so that a command line needs no server."""

import hashlib
import secrets

__all__ = ["hash_token", "new_token"]


def new_token() -> str:
    """Draw a token of 256 random bits; shown once, stored only as `hash_token` of it."""
    return "aw_" + secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Digest a token as the configuration holds it (hexadecimal SHA-256)."""
    return hashlib.sha256(token.encode()).hexdigest()
