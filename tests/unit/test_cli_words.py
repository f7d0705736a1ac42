"""How subjects are named and quantities read on the command line."""

from typing import Any

import click
import pytest

from agentwatch.cli.subjects import named_subject
from agentwatch.cli.wording import DURATION, age, count, duration, level, moment, money
from agentwatch.errors import BadRequest
from agentwatch.records import Level

NONE: dict[str, Any] = dict.fromkeys(("tenant", "app", "agent", "root", "run", "task"))


@pytest.mark.parametrize(
    ("options", "subject"),
    [
        ({"agent": "bot"}, "default/bot/agent/bot"),
        ({"agent": "bot", "app": "crew"}, "default/crew/agent/bot"),
        ({"agent": "bot", "run": "r/1"}, "default/bot/run/r%2F1"),
        ({"app": "crew", "run": "r1", "tenant": "acme"}, "acme/crew/run/r1"),
        ({"app": "crew", "root": "r1"}, "default/crew/root/r1"),
        ({"agent": "bot", "task": "a+b"}, "default/bot/task/bot+a%2Bb"),
        ({"app": "crew"}, "default/crew"),
        ({"tenant": "ac/me"}, "ac%2Fme"),
    ],
)
def test_options_stand_for_a_subject(options: dict[str, str], subject: str) -> None:
    assert named_subject(None, **{**NONE, **options}) == subject


def test_a_whole_subject_is_taken_as_it_is() -> None:
    assert named_subject("acme/crew/run/r%2F1", **NONE) == "acme/crew/run/r%2F1"


@pytest.mark.parametrize(
    ("subject", "options"),
    [
        (None, {}),
        ("bot", {}),
        ("acme/crew/robot/x", {}),
        ("acme/crew", {"agent": "bot"}),
        (None, {"run": "r1"}),
        (None, {"app": "a", "run": "r1", "root": "r2"}),
        (None, {"app": "a", "task": "t"}),
        (None, {"tenant": "t", "run": "r"}),
    ],
)
def test_what_could_mean_something_else_is_refused(subject: str | None, options: dict[str, str]) -> None:
    with pytest.raises(BadRequest) as caught:
        named_subject(subject, **{**NONE, **options})
    assert caught.value.field == "subject"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90.0), ("90s", 90.0), ("30m", 1800.0), ("1h30m", 5400.0), ("2d", 172800.0), ("1.5h", 5400.0), (7, 7.0)],
)
def test_time_spans_are_read(text: str | int, seconds: float) -> None:
    assert DURATION.convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 minutes", "-5m", "m", "1h30"])
def test_other_words_are_no_time_spans(text: str) -> None:
    with pytest.raises(click.BadParameter):
        DURATION.convert(text, None, None)


def test_quantities_read_well() -> None:
    assert [money(n) for n in (0, 1_230_000, 99_000_000, 12_345_670_000_000)] == [
        "$0.00",
        "$0.0012",
        "$0.0990",
        "$12,345.67",
    ]
    assert [duration(s) for s in (0, 59.6, 3725, 266_400)] == ["0s", "1m", "1h 2m", "3d 2h"]
    assert (age(0.0, 10.0), age(5.0, 10.0)) == ("-", "5s ago")
    assert moment(1_700_000_000.0) == "2023-11-14 22:13:20Z"
    assert count(1234567) == "1,234,567"
    assert level(Level.kill) == "[red]kill[/]"
