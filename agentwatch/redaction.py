"""Takes known secrets out of texts: whatever was read as a secret is never seen again in a log, an answer or a dump."""

import re
from json import dumps
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

__all__ = ["HIDDEN", "Redactor", "conceal", "redacted", "reveal"]

HIDDEN: Final = "•••"
_LEAST: Final = 4  # shorter ones are words of everyday texts; nobody is helped by their absence
_LONG: Final = 12  # of one part of a URL: a key, and no word like "services"
_MOST: Final = 4096


class Redactor:
    """Knows secrets in the forms in which they may appear: plain, inside JSON, percent-escaped. Bounded."""

    def __init__(self) -> None:
        self._known: dict[str, None] = {}
        self._pattern: re.Pattern[str] | None = None

    def learn(self, secret: str) -> None:
        """Hide this text from now on; each line of several, and of a URL also what follows its host."""
        parts = [line for line in secret.splitlines() if not line.startswith("-----")]
        if "://" in secret:
            url = urlsplit(secret)
            parts += [f"{url.path}?{url.query}" if url.query else url.path, url.password or "", url.query]
            pieces = (*url.path.split("/"), *(value for _, value in parse_qsl(url.query)))
            parts += [piece for piece in pieces if len(piece) >= _LONG]
        for part in map(str.strip, parts):
            if len(part) < _LEAST:
                continue
            for form in (part, dumps(part)[1:-1], dumps(part, ensure_ascii=False)[1:-1], quote(part, safe="")):
                self._known.setdefault(form)
        while len(self._known) > _MOST:
            del self._known[next(iter(self._known))]
        self._pattern = None

    def clean(self, text: str) -> str:
        """Give the text without the secrets in it."""
        if not self._known:
            return text
        if self._pattern is None:
            longest_first = sorted(self._known, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        return self._pattern.sub(HIDDEN, text)


_process = Redactor()  # one of the deliberate globals: a secret is one wherever in the process it is shown


def conceal(secret: str) -> None:
    """Hide a secret in all that is logged or answered from now on."""
    _process.learn(secret)


def redacted(text: str) -> str:
    """Give a text without the secrets in it."""
    return _process.clean(text)


def reveal() -> None:
    """Forget all secrets: nothing is hidden any more."""
    global _process  # noqa: PLW0603
    _process = Redactor()
