"""Takes a body with several events apart, without reading the events: each stays as the bytes that were sent."""

import json
from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from agentwatch.errors import BadInput

__all__ = ["Piece", "TooMany", "split_json", "split_lines"]

_WHITESPACE = b" \t\r\n"
_VALUES = 1_000_000  # each value of an array costs memory before it can be counted


class TooMany(BadInput):
    """More events in one request than are taken at once."""


class Piece(Struct, frozen=True, gc=False):
    """One event as it was sent. index: 0-based place in the request. line: 1-based, of NDJSON; 0 otherwise."""

    raw: bytes
    index: int
    line: int = 0


def split_lines(body: bytes, most: int) -> list[Piece]:
    """Take NDJSON apart; empty lines count as lines and are no events. Raises `TooMany`."""
    if body.count(b"\n") > 2 * most:
        raise TooMany(f"more than {most} events in one request")
    pieces: list[Piece] = []
    for number, line in enumerate(body.split(b"\n"), start=1):
        raw = line.strip(_WHITESPACE)
        if raw:
            pieces.append(Piece(raw, len(pieces), number))
    if len(pieces) > most:
        raise TooMany(f"more than {most} events in one request")
    return pieces


def split_json(body: bytes, most: int) -> list[Piece]:
    """Take a JSON array apart; anything else is one event. Raises `TooMany`, and `BadInput` for a broken array."""
    whole = body.strip(_WHITESPACE)
    if not whole.startswith(b"["):
        return [Piece(whole, 0)] if whole else []
    if whole.count(b",") > _VALUES:
        raise TooMany(f"more than {_VALUES} values in one request")
    try:
        raws = [bytes(raw) for raw in msgspec.json.decode(whole, type=Annotated[list[Raw], Meta(max_length=most)])]
    except msgspec.ValidationError:
        raise TooMany(f"more than {most} events in one request") from None
    except (msgspec.DecodeError, RecursionError) as error:
        raws = _split_leniently(whole, most, error)
    return [Piece(raw, index) for index, raw in enumerate(raws)]


def _split_leniently(whole: bytes, most: int, first: Exception) -> list[bytes]:
    """Take apart an array whose brackets and commas are in order though a value in it is not acceptable.

    A lone surrogate in one event would otherwise cost its sender all the others of the request.
    """
    try:
        return [part.encode("utf-8", "surrogateescape") for part in _values(whole, most)]
    except RecursionError:
        raise BadInput("nested too deeply") from None
    except ValueError:
        raise BadInput(str(first)) from None


def _values(whole: bytes, most: int) -> Iterator[str]:
    text = whole.decode("utf-8", "surrogateescape")
    decode = json.JSONDecoder(parse_int=len, parse_float=len).raw_decode  # values are not used, only where they end
    at, count = 1, 0
    while True:
        at = _skip(text, at)
        _, end = decode(text, at)
        count += 1
        if count > most:
            raise TooMany(f"more than {most} events in one request")
        yield text[at:end]
        at = _skip(text, end)
        if text[at : at + 1] == "]" and _skip(text, at + 1) == len(text):
            return
        if text[at : at + 1] != ",":
            raise ValueError("neither a comma nor the end of the array")
        at += 1


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at
