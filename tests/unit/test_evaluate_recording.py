"""A replay that is listened to: the verdicts stay the same, and how near a miss was is heard."""

import msgspec
import pytest
from msgspec.structs import replace

from agentwatch.config import Config
from agentwatch.evaluate import Label, evaluate
from agentwatch.evaluate.pieces import PIECES
from agentwatch.evaluate.recording import record
from agentwatch.service.composing import make_rulebook
from agentwatch.service.replaying import Replay, change_line
from agentwatch.testing import LOOK_ALIKES, LOOPS

CONFIG = Config()
RULES = make_rulebook(CONFIG, {})


def lines_of(*groups):
    return [
        (at, msgspec.json.encode(event))
        for at, event in enumerate(
            (
                replace(event, id=f"{name}-{n}", app=name, run=name, root_run=name)
                for name, events in groups
                for n, event in enumerate(events)
            ),
            1,
        )
    ]


@pytest.fixture(scope="module")
def everything():
    made = [*LOOPS.items(), *LOOK_ALIKES.items()]
    return lines_of(*((name, make()) for name, make in made))


def test_listening_changes_no_verdict(everything):
    plain = [change_line(decision) for decision in Replay(CONFIG, RULES).changes(everything)]
    heard = record(CONFIG, RULES, everything, probe=True)
    assert heard.changes == plain
    assert len(heard.placed) == len(heard.moments) == len(everything)


def test_what_is_heard_is_on_the_scale_of_the_warning(everything):
    heard = record(CONFIG, RULES, everything, probe=True).heard
    repeats = [one.strength for one in heard["exact_repeat"] if one.kind == "repeat"]
    assert repeats == sorted(repeats)
    assert 0 < repeats[0] < 1 <= repeats[-1]
    assert repeats[0] == pytest.approx(repeats[1] / 2, rel=0.5)


def test_a_miss_says_what_came_nearest():
    trace = lines_of(("short", LOOPS["exact_repeat"]()[:3]), ("other", LOOK_ALIKES["batch"]()))
    recording = record(CONFIG, RULES, trace, probe=True)
    labels = [Label(run="short", loop=True, onset=1, reason="said so"), Label(run="other", loop=False)]
    report = evaluate(recording.changes, recording.placed, labels, heard=recording.heard)
    (miss,) = [one for one in report.wrong if one.at == "warn"]
    assert miss.what == "missed"
    assert miss.nearest is not None
    assert miss.nearest.kind == "repeat"
    assert 0 < miss.nearest.strength < 1
    assert "repeat came to 0." in miss.why


def test_lines_that_are_no_events_keep_their_places():
    trace = lines_of(("loop", LOOPS["exact_repeat"]()))
    broken = [(1, b"not json"), *((at + 1, raw) for at, raw in trace), (99, b"{}")]
    told = []
    recording = record(CONFIG, RULES, broken, tell=told.append)
    assert [bad.line for bad in told] == [1, 99]
    assert recording.placed[0] == recording.placed[-1] == ("", -1)
    assert recording.placed[1] == ("loop", 0)
    assert len(recording.placed) == len(broken)


@pytest.mark.parametrize("name", PIECES)
def test_going_without_a_piece_of_evidence_is_possible(name, everything):
    record(CONFIG, RULES, everything, without=PIECES[name])


def test_going_without_a_piece_of_evidence_changes_verdicts(everything):
    def warned(name):
        changes = record(CONFIG, RULES, everything, without=PIECES.get(name)).changes
        return {change["run"] for change in changes if change["change"] == "up"}

    whole = warned("")
    assert whole & LOOK_ALIKES.keys() == set()
    assert warned("success") & LOOK_ALIKES.keys() == {"retry_then_success"}
    assert whole - warned("soft")
