"""The ladder: climbing while evidence grows, coming down when it stops, and surviving a restart."""

import pytest

from agentwatch.errors import Incompatible
from agentwatch.policy.ladder import Ladder, LadderOptions
from agentwatch.records import Change, Decision, Level, Origin, Signal
from agentwatch.verdict import fold

RUN = "t/a/run/r"


def verdict(strength, subject=RUN, ceiling=Level.kill, kill_at=3.0):
    (found,) = fold([
        Signal(kind="repeat", subject=subject, strength=strength, kill_at=kill_at, ceiling=ceiling, reason="again")
    ])  # fmt: skip
    return found


def decision(level, origin=Origin.policy, subject=RUN, change=Change.up):
    return Decision(
        id="d0-1", seq=1, at=1.0, tenant="t", app="a", agent="x", run="r", root_run="r",
        subject=subject, kind="repeat", level=level, change=change, origin=origin,
    )  # fmt: skip


def climbed(ladder, *strengths, allowed=tuple(Level), **fields):
    moves = [ladder.climb(verdict(strength, **fields), float(at), allowed) for at, strength in enumerate(strengths)]
    return [move.level for move in moves if move is not None]


def test_levels_come_one_after_the_other_as_evidence_grows():
    assert climbed(Ladder(LadderOptions()), 0.9, 1.0, 1.3, 1.7, 2.0, 2.4, 3.0, 9.0) == [
        Level.warn,
        Level.throttle,
        Level.kill,
    ]


def test_a_pause_is_for_what_can_get_no_further():
    ladder = Ladder(LadderOptions())
    assert climbed(ladder, 1.0, 2.4, ceiling=Level.pause) == [Level.warn, Level.pause]
    spared = Ladder(LadderOptions())
    assert climbed(spared, 1.0, 2.4, allowed=(Level.warn, Level.throttle, Level.pause)) == [Level.warn, Level.pause]
    careful = Ladder(LadderOptions(pause_before_kill=True))
    assert climbed(careful, 1.0, 2.4, 3.0) == [Level.warn, Level.pause, Level.kill]


def test_nothing_moves_while_the_evidence_stands_still():
    assert climbed(Ladder(LadderOptions()), 1.0, 1.0, 1.0, 0.9, 1.0) == [Level.warn]


def test_the_ceiling_of_the_evidence_and_the_rule_both_cap():
    assert climbed(Ladder(LadderOptions()), 1.0, 2.0, 9.0, ceiling=Level.pause)[-1] is Level.pause
    assert climbed(Ladder(LadderOptions()), 9.0, allowed=(Level.warn, Level.throttle)) == [Level.throttle]
    assert climbed(Ladder(LadderOptions()), 9.0, allowed=(Level.pause, Level.kill)) == [Level.kill]
    assert climbed(Ladder(LadderOptions()), 1.0, allowed=(Level.kill,)) == []


def test_the_same_level_is_told_again_at_twice_the_evidence():
    ladder = Ladder(LadderOptions())
    again = [ladder.climb(verdict(one, ceiling=Level.warn), 0.0) for one in (1.0, 1.9, 2.0, 3.9, 4.0)]
    assert [move and (move.previous, move.level) for move in again] == [
        (Level.observe, Level.warn),
        None,
        (Level.warn, Level.warn),
        None,
        (Level.warn, Level.warn),
    ]


def test_calm_needs_events_and_time_and_takes_one_level():
    ladder = Ladder(LadderOptions(calm_events=3, calm_s=10.0))
    climbed(ladder, 1.0, 2.0)
    assert ladder.level(RUN) is Level.throttle
    assert [ladder.calm(RUN, now) for now in (2.0, 3.0, 4.0, 5.0)] == [None] * 4
    down = ladder.calm(RUN, 12.0)
    assert (down.change, down.previous, down.level) == (Change.down, Level.throttle, Level.warn)
    assert ladder.calm(RUN, 13.0) is None
    assert [ladder.calm(RUN, now) for now in (30.0, 31.0)][-1].level is Level.observe
    assert len(ladder) == 0


@pytest.mark.parametrize(
    ("allowed", "came_down"),
    [
        ((Level.warn, Level.pause), [Level.warn, Level.observe]),
        ((Level.pause,), [Level.observe]),
        ((Level.throttle, Level.pause), [Level.throttle, Level.observe]),
    ],
)
def test_coming_down_lands_on_levels_that_the_rule_allows(allowed, came_down):
    ladder = Ladder(LadderOptions(calm_events=1, calm_s=0.0))
    climbed(ladder, 2.5, ceiling=Level.pause, allowed=allowed)
    assert ladder.level(RUN) is Level.pause
    moves = [ladder.calm(RUN, float(now), allowed) for now in range(10, 14)]
    assert [move.level for move in moves if move is not None] == came_down
    assert ladder.level(RUN) is Level.observe
    assert len(ladder) == 0


def test_new_evidence_ends_the_calm():
    ladder = Ladder(LadderOptions(calm_events=2, calm_s=0.0))
    climbed(ladder, 1.0)
    ladder.calm(RUN, 5.0)
    ladder.climb(verdict(1.0), 6.0)
    assert ladder.calm(RUN, 7.0) is None


def test_who_was_killed_stays_so_until_released():
    ladder = Ladder(LadderOptions(calm_events=1, calm_s=0.0, forget_s=1.0))
    climbed(ladder, 3.0)
    assert ladder.calm(RUN, 1e6) is None
    assert ladder.climb(verdict(9.0), 2e6) is None
    ladder.fold(decision(Level.observe, Origin.operator, change=Change.down))
    assert ladder.level(RUN) is Level.observe


def test_an_operators_release_forgives_the_evidence_so_far():
    ladder = Ladder(LadderOptions())
    climbed(ladder, 1.0, 3.0)
    ladder.fold(decision(Level.observe, Origin.operator, change=Change.down))
    assert climbed(ladder, 3.0, 3.4, 3.9) == []
    assert climbed(ladder, 4.0, 6.0) == [Level.warn, Level.kill]


def test_forgiven_evidence_that_drained_is_not_forgiven_twice():
    ladder = Ladder(LadderOptions())
    climbed(ladder, 3.0)
    ladder.fold(decision(Level.observe, Origin.operator, change=Change.down))
    climbed(ladder, 0.5)
    assert climbed(ladder, 1.5) == [Level.warn]


def test_the_end_of_a_lease_begins_anew():
    ladder = Ladder(LadderOptions())
    climbed(ladder, 3.0)
    ladder.fold(decision(Level.observe))
    assert climbed(ladder, 3.0) == [Level.kill]


def test_after_long_quiet_a_subject_is_told_of_anew_evidence():
    ladder = Ladder(LadderOptions(forget_s=100.0))
    ladder.climb(verdict(2.0), 0.0)
    move = ladder.climb(verdict(3.0), 1000.0)
    assert (move.previous, move.level) == (Level.throttle, Level.kill)


def test_recorded_decisions_stand_and_are_climbed_from():
    ladder = Ladder(LadderOptions())
    ladder.fold(decision(Level.throttle))
    move = ladder.climb(verdict(3.0), 2.0)
    assert (move.previous, move.level) == (Level.throttle, Level.kill)
    assert ladder.standing() == {RUN: Level.kill}


def test_a_snapshot_brings_everything_back():
    ladder, other = Ladder(LadderOptions()), Ladder(LadderOptions())
    climbed(ladder, 1.0, 2.0)
    other.restore(ladder.snapshot())
    assert other.snapshot() == ladder.snapshot()
    assert other.climb(verdict(3.0), 5.0) == ladder.climb(verdict(3.0), 5.0)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x93\x02\x00\x80"])
def test_a_foreign_snapshot_is_refused_by_name(data):
    with pytest.raises(Incompatible, match="ladder"):
        Ladder(LadderOptions()).restore(data)


def test_a_full_ladder_drops_the_lowest_that_rest_longest_and_counts_them():
    ladder = Ladder(LadderOptions(max_subjects=32))
    ladder.climb(verdict(3.0, subject="t/a/run/killed"), 0.0)
    for at in range(100):
        ladder.climb(verdict(1.0, subject=f"t/a/run/{at}"), float(at))
    assert len(ladder) <= 32
    assert ladder.dropped == 101 - len(ladder)
    assert ladder.level("t/a/run/killed") is Level.kill
    assert ladder.level("t/a/run/99") is Level.warn


def test_a_rules_own_options_rule():
    ladder = Ladder(LadderOptions())
    own = LadderOptions(throttle_at=0.0, pause_at=0.1, pause_before_kill=True)
    assert ladder.climb(verdict(2.0), 0.0, tuple(Level), own).level is Level.pause
