"""Numbers with what they count."""

import pytest

from agentwatch.counting import counted


@pytest.mark.parametrize(
    ("number", "words", "told"),
    [
        (0, ("run",), "0 runs"),
        (1, ("run",), "1 run"),
        (2, ("run",), "2 runs"),
        (1204, ("entry", "entries"), "1,204 entries"),
        (1, ("entry", "entries"), "1 entry"),
        (1, ("agent is", "agents are"), "1 agent is"),
    ],
)
def test_a_number_is_told_with_what_it_counts(number: int, words: tuple[str, ...], told: str) -> None:
    assert counted(number, *words) == told
