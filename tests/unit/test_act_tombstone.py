"""Tombstones: what was killed stays dead, what replaces it is caught, and nobody else is touched."""

from agentwatch.act.tombstone import TombstoneOptions, Tombstones
from agentwatch.records import Change, Decision, Event, Level, Origin

NOW = 1000.0


def kill(subject: str = "t/x/root/R", **more) -> Decision:
    fields = {
        "id": "d-1",
        "seq": 1,
        "at": NOW,
        "tenant": "t",
        "app": "x",
        "agent": "worker",
        "run": "R",
        "root_run": "R",
        "task": "report",
        "subject": subject,
        "kind": "repeat",
        "level": Level.kill,
        "change": Change.up,
        "expires_at": NOW + 100,
    }
    return Decision(**fields | more)


def event(run: str = "R2", **more) -> Event:
    fields = {"agent": "worker", "tenant": "t", "app": "x", "run": run, "root_run": run, "task": "other", "ts": NOW + 1}
    return Event(**fields | more)


def stones(*decisions: Decision) -> Tombstones:
    made = Tombstones(TombstoneOptions())
    for decision in decisions:
        made.fold(decision)
    return made


def matched(tombstones: Tombstones, asked: Event) -> str:
    stone = tombstones.match(asked)
    return "" if stone is None else tombstones.relation(stone, asked)


def test_the_tree_and_new_runs_of_the_task_are_caught_and_innocent_runs_are_not():
    dead = stones(kill())
    assert matched(dead, event("R")) == "same"
    assert matched(dead, event("child", root_run="R", parent_run="R", agent="helper")) == "same"
    assert matched(dead, event(task="report")) == "restart"
    assert matched(dead, event()) == ""
    assert matched(dead, event(task="")) == ""
    assert matched(dead, event(task="report", agent="another")) == ""
    assert matched(dead, event(task="report", app="y")) == ""
    assert matched(dead, event("R", tenant="u")) == ""


def test_a_kill_without_a_task_catches_no_other_run():
    dead = stones(kill(task=""))
    assert matched(dead, event(task="")) == ""
    assert matched(dead, event("R")) == "same"


def test_below_a_killed_run_everything_is_caught_and_beside_it_nothing():
    dead = stones(kill("t/x/run/C", run="C", root_run="R"))
    assert matched(dead, event("C", root_run="R")) == "same"
    assert matched(dead, event("D", root_run="R", parent_run="C")) == "descendant"
    assert matched(dead, event("E", root_run="R", parent_run="D")) == "descendant"
    assert matched(dead, event("E", root_run="R")) == "descendant"
    assert matched(dead, event("sibling", root_run="R", parent_run="R")) == ""
    assert matched(dead, event("C2", root_run="R", parent_run="R", task="report")) == "restart"


def test_whole_agents_apps_and_tenants_only_when_they_were_killed_as_such():
    assert matched(stones(kill("t/x/agent/worker", task="")), event()) == "same"
    assert matched(stones(kill("t/x/agent/worker", task="")), event(agent="other")) == ""
    assert matched(stones(kill("t/x")), event(agent="other")) == "same"
    assert matched(stones(kill("t")), event(app="z")) == "same"
    assert matched(stones(kill("t/x/task/worker+report")), event(task="report")) == "same"


def test_what_was_held_back_is_no_tombstone():
    assert matched(stones(kill(gate="mode")), event("R")) == ""


def test_it_ends_with_its_lease_and_a_renewal_makes_it_longer():
    dead = stones(kill())
    assert matched(dead, event("R", ts=NOW + 100)) == ""
    dead.fold(kill(change=Change.renewed, expires_at=NOW + 500))
    assert matched(dead, event("R", ts=NOW + 100)) == "same"
    dead.expire(NOW + 500)
    assert len(dead) == 0


def test_an_operator_ends_it_and_a_calmer_ladder_does_not():
    dead = stones(kill(), kill(level=Level.observe, change=Change.down))
    assert matched(dead, event(task="report")) == "restart"
    dead.fold(kill(change=Change.verified))
    assert len(dead) == 1
    dead.fold(kill(level=Level.observe, change=Change.down, origin=Origin.operator))
    assert matched(dead, event(task="report")) == ""
    assert matched(dead, event("R")) == ""


def test_a_caught_restart_does_not_make_the_tasks_tombstone_live_longer():
    dead = stones(kill())
    dead.fold(kill("t/x/root/R2", run="R2", root_run="R2", origin=Origin.tombstone, expires_at=NOW + 900))
    assert matched(dead, event("R3", task="report", ts=NOW + 50)) == "restart"
    assert matched(dead, event("R3", task="report", ts=NOW + 150)) == ""
    assert matched(dead, event("R2", ts=NOW + 150)) == "same"


def test_it_is_bounded_and_counts_what_it_dropped():
    dead = Tombstones(TombstoneOptions(max_tombstones=3, max_descendants=2))
    for number in range(5):
        dead.fold(kill(f"t/x/run/R{number}", run=f"R{number}", task=""))
    assert [stone.subject for stone in dead.standing()] == ["t/x/run/R2", "t/x/run/R3", "t/x/run/R4"]
    for number in range(5):
        assert matched(dead, event(f"child-{number}", parent_run="R4")) == "descendant"
    assert dead.dropped == {"tombstones": 2, "descendants": 3}
    assert matched(dead, event("R0")) == ""


def test_it_survives_a_restart():
    dead = stones(kill(), kill("t/x/run/C", run="C", root_run="Q", task=""))
    assert matched(dead, event("D", root_run="Q", parent_run="C")) == "descendant"
    again = Tombstones(TombstoneOptions())
    again.restore(dead.snapshot())
    assert again.snapshot() == dead.snapshot()
    for asked in (event("R"), event(task="report"), event("D", root_run="Q"), event("E", parent_run="D"), event()):
        assert matched(again, asked) == matched(dead, asked)


def test_a_command_that_is_issued_anew_leaves_reason_and_task_as_they_were():
    dead = stones(kill(reason="it loops"))
    dead.fold(kill(reason="still spends", change=Change.escalated, origin=Origin.verify, expires_at=NOW + 200))
    dead.fold(kill("t/x/root/R2", run="R2", root_run="R2", origin=Origin.tombstone))
    dead.fold(kill("t/x/root/R2", run="R2", root_run="R2", origin=Origin.verify, change=Change.escalated))
    stone = dead.match(event("R3", task="report", ts=NOW + 150))
    assert stone is not None
    assert (stone.subject, stone.decision.reason, stone.expires_at) == ("t/x/root/R", "it loops", NOW + 200)
