"""What a producer's log holds: whether chats, steps, states, tokens are in it, and how it puts what is new."""

import random
from typing import Literal

from msgspec import Struct

__all__ = ["Style", "style_of"]

Told = Literal["none", "result", "framed"]
_MODELS = (
    *("gpt-4o", "gpt-4o-mini", "gpt-4.1", "claude-sonnet-4-20250514", "claude-3-5-haiku-20241022"),
    *("gemini-2.5-pro", "gemini-2.5-flash", "o3-mini"),
)


class Style(Struct, frozen=True, kw_only=True):
    """told: what a chat's input holds of the result before it. ends: run_start and run_end are in the log."""

    model: str
    chats: bool = True
    told: Told = "none"
    thoughts: bool = True
    steps: bool = False
    status: bool = True
    usage: bool = True
    call_ids: bool = False
    ends: bool = True
    durations: bool = True


def style_of(rng: random.Random, *, gaps: bool) -> Style:
    """Draw one; with gaps, fields are missing that most producers fill in."""
    drawn = [rng.random() for _ in range(9)]
    often = 0.45 if gaps else 0.92
    return Style(
        model=rng.choice(_MODELS),
        chats=drawn[0] < (0.7 if gaps else 0.95),
        told="none" if drawn[1] < 0.4 else "result" if drawn[1] < 0.75 else "framed",
        thoughts=drawn[2] < 0.8,
        steps=drawn[3] < (0.1 if gaps else 0.5),
        status=drawn[4] < often,
        usage=drawn[5] < (0.7 if gaps else 0.97),
        call_ids=drawn[6] < 0.5,
        ends=drawn[7] < often,
        durations=drawn[8] < often,
    )
