"""Whether a stop worked: silence proves it, spending disproves it, and refusing is answered at once."""

import pytest

from agentwatch.act.verify import Verifier, VerifyOptions
from agentwatch.records import Ack, Change, Decision, Event, Level, Tick

NOW = 1000.0


def stop(seq: int = 1, level: Level = Level.kill, **more) -> Decision:
    fields = {
        "id": f"d-{seq}",
        "seq": seq,
        "at": NOW,
        "tenant": "t",
        "app": "x",
        "agent": "a",
        "run": "R",
        "root_run": "R",
        "subject": "t/x/root/R",
        "kind": "repeat",
        "level": level,
        "change": Change.up,
        "grace_ms": 5000,
        "expires_at": NOW + 1000,
    }
    return Decision(**fields | more)


def call(after_s: float, **more) -> Event:
    fields = {"agent": "a", "tenant": "t", "app": "x", "run": "R", "root_run": "R", "ts": NOW + after_s}
    return Event(**fields | more)


def ack(state: str, epoch: int = 1, at: float = NOW + 1) -> Ack:
    return Ack(command="d-1", subject="t/x/root/R", epoch=epoch, state=state, at=at, guard="g-1", reason="no")


def verifier(**options) -> Verifier:
    made = Verifier(VerifyOptions(**options))
    made.fold(stop())
    return made


def changes(findings) -> list[str]:
    return [finding.change.value for finding in findings]


def test_silence_proves_it_and_says_how_long_the_stop_took():
    watch = verifier()
    assert watch.see(call(2.5), 700) == ()
    assert watch.tick(Tick(NOW + 12)) == ()
    (found,) = watch.tick(Tick(NOW + 12.5))
    assert (found.change, found.subject, found.time_to_stop_s) == (Change.verified, "t/x/root/R", 2.5)
    assert (found.spent_nusd, found.reason) == (700, "silent for 10 s")
    assert watch.tick(Tick(NOW + 99)) == ()


def test_silence_means_nothing_while_events_wait_to_be_read():
    watch = verifier()
    assert watch.tick(Tick(NOW + 500, lag=1)) == ()
    assert changes(watch.tick(Tick(NOW + 500))) == ["verified"]


@pytest.mark.parametrize(("gap", "grace_ms", "silence"), [(0.0, 5000, 10.0), (30.0, 5000, 60.0), (1.0, 20_000, 20.0)])
def test_the_silence_follows_the_runs_own_pauses_and_the_grace(gap, grace_ms, silence):
    watch = Verifier(VerifyOptions())
    watch.fold(stop(grace_ms=grace_ms), gap)
    assert watch.tick(Tick(NOW + silence - 0.1)) == ()
    assert changes(watch.tick(Tick(NOW + silence))) == ["verified"]


def test_a_call_after_the_grace_is_answered_and_one_under_way_is_not():
    watch = verifier()
    assert watch.see(call(4.9), 1) == ()
    assert watch.see(call(60.0, duration_ms=58_000), 1) == ()
    (found,) = watch.see(call(60.5, duration_ms=100), 1)
    assert (found.change, found.attempt) == (Change.escalated, 1)
    assert found.reason == "1 call after the grace, 60 s after the decision"


@pytest.mark.parametrize(
    "event",
    [
        call(20, status="held"),
        call(20, op="heartbeat"),
        call(20, run="other", root_run="other"),
        call(-1),
        call(20, op="message"),
    ],
)
def test_what_is_no_spending_is_no_disobedience(event):
    assert verifier().see(event, 1) == ()


def test_descendants_count_as_the_tree():
    assert changes(verifier().see(call(20, run="child", agent="helper"), 1)) == ["escalated"]


def test_it_insists_at_growing_intervals_then_wakes_somebody_once():
    watch, answers = verifier(attempts=3, interval_s=5.0), []
    for second in range(6, 120):
        answers += [(second, change) for change in changes(watch.see(call(second), 1))]
    assert answers == [(6, "escalated"), (11, "escalated"), (21, "escalated"), (41, "failed")]
    assert changes(watch.tick(Tick(NOW + 200))) == ["verified"]


def test_a_reissued_command_does_not_begin_the_count_anew():
    watch = verifier()
    (first,) = watch.see(call(6), 1)
    watch.fold(stop(2, change=Change.escalated))
    (second,) = watch.see(call(12), 1)
    assert (first.attempt, second.attempt, second.decision.seq) == (1, 2, 2)


def test_a_refusal_is_answered_at_once_and_an_old_one_is_not():
    watch = verifier()
    assert watch.ack(ack("received")) == ()
    (found,) = watch.ack(ack("refused"))
    assert (found.change, found.reason, found.acks.refused) == (Change.escalated, "refused by g-1: no", 1)
    watch.fold(stop(2, change=Change.escalated))
    assert watch.ack(ack("refused", epoch=1, at=NOW + 100)) == ()
    assert watch.acks("t/x/root/R").received == 1


def test_the_end_of_the_run_proves_it():
    (found,) = verifier().see(call(1, op="run_end"), 0)
    assert (found.change, found.reason) == (Change.verified, "the run ended")
    assert verifier().see(call(1, op="run_end", run="child"), 0) == ()


def test_who_was_silent_and_spends_again_is_found_out():
    watch = verifier()
    assert changes(watch.tick(Tick(NOW + 10))) == ["verified"]
    watch.fold(stop(2, change=Change.verified))
    assert not watch.pending("t/x/root/R")
    assert changes(watch.see(call(300), 1)) == ["escalated"]
    assert watch.pending("t/x/root/R")
    assert changes(watch.tick(Tick(NOW + 310))) == ["verified"]
    assert watch.see(call(1000), 1) == ()


@pytest.mark.parametrize("lesser", [Level.observe, Level.throttle])
def test_what_is_taken_back_is_watched_no_more(lesser):
    watch = verifier()
    watch.fold(stop(2, lesser, change=Change.down))
    assert len(watch) == 0
    assert watch.see(call(50), 1) == ()


def test_what_was_held_back_is_not_watched():
    watch = Verifier(VerifyOptions())
    watch.fold(stop(gate="mode"))
    watch.fold(stop(level=Level.warn))
    assert len(watch) == 0


def test_an_expired_command_is_watched_no_more():
    watch = verifier()
    assert watch.tick(Tick(NOW + 1000, lag=5)) == ()
    assert len(watch) == 0


def test_a_kill_after_a_pause_has_a_grace_of_its_own():
    watch = Verifier(VerifyOptions())
    watch.fold(stop(level=Level.pause))
    assert changes(watch.see(call(6), 1)) == ["escalated"]
    watch.fold(stop(2, at=NOW + 10))
    assert watch.see(call(14), 1) == ()
    assert changes(watch.see(call(16), 1)) == ["escalated"]


def test_it_is_bounded():
    watch = Verifier(VerifyOptions(max_watches=2))
    for number in range(5):
        watch.fold(stop(subject=f"t/x/root/R{number}"))
    assert (len(watch), watch.dropped) == (2, 3)


def test_it_survives_a_restart():
    watch = verifier()
    watch.fold(stop(subject="t/x/root/Q", root_run="Q"))
    watch.see(call(6), 1)
    watch.fold(stop(9, subject="t/x/root/Q", change=Change.verified))
    again = Verifier(VerifyOptions())
    again.restore(watch.snapshot())
    assert again.snapshot() == watch.snapshot()
    for event in (call(7), call(12), call(20, run="Q", root_run="Q")):
        assert again.see(event, 1) == watch.see(event, 1)
