"""Which command stands: epochs, leases, and who decides when two paths disagree."""

from math import inf

import pytest

from agentwatch.client.obedience import Held, Obedience
from agentwatch.records import Command
from agentwatch.subject import covering

SUBJECTS = covering("default", "crew", "bot", "r1", "r0", "job")
RUN, ROOT = SUBJECTS[0], SUBJECTS[1]


def command(cmd: str = "kill", epoch: int = 1, subject: str = RUN, **more) -> Command:
    scope = "run" if subject == RUN else "root"
    return Command(
        id=f"{cmd}{epoch}", cmd=cmd, scope=scope, subject=subject, epoch=epoch, issued_at=0.0, expires_at=100.0, **more
    )


def held(made: Command, until: float = 100.0, at: float = 0.0) -> Held:
    return Held(made, until, at)


def said(answers) -> list[tuple[str, str]]:
    return [(answer.command.id, answer.state) for answer in answers]


def keys(*found: Held) -> dict[str, Held]:
    return {each.command.subject: each for each in found}


def test_a_pushed_kill_stands_until_its_lease_ends():
    obedience = Obedience(SUBJECTS)
    assert said(obedience.hear(command(), 10.0, 0.0)) == [("kill1", "received"), ("kill1", "accepted")]
    assert obedience.standing(9.9).kill == command()
    assert obedience.standing(9.9).until == 10.0
    assert obedience.standing(10.0).clear
    assert obedience.epoch == 1


def test_an_older_epoch_never_replaces_a_newer_one():
    obedience = Obedience(SUBJECTS)
    obedience.hear(command("pause", 5), 10.0, 0.0)
    answers = obedience.hear(command("kill", 4), 10.0, 0.0)
    assert said(answers) == [("kill4", "refused")]
    assert "older" in answers[0].reason
    assert obedience.standing(1.0).pause == command("pause", 5)
    assert obedience.standing(1.0).kill is None


def test_an_older_epoch_does_not_come_back_when_the_newer_one_ends():
    obedience = Obedience(SUBJECTS)
    obedience.settle(keys(held(command("kill", 1), until=50.0)), 0.0)
    obedience.lose()
    obedience.hear(command("pause", 2), 10.0, 1.0)
    assert obedience.standing(20.0).clear


def test_what_has_ended_or_is_meant_for_others_is_refused():
    obedience = Obedience(SUBJECTS)
    assert said(obedience.hear(command(), 5.0, 5.0)) == [("kill1", "refused")]
    assert said(obedience.hear(command(subject="default/crew/run/other"), 9.0, 5.0)) == [("kill1", "refused")]
    assert obedience.standing(5.0).clear


def test_a_second_delivery_is_neither_answered_nor_longer():
    obedience = Obedience(SUBJECTS)
    obedience.hear(command(), 10.0, 0.0)
    assert obedience.hear(command(), 30.0, 5.0) == []
    assert obedience.standing(11.0).clear


def test_a_resume_ends_what_stands_and_is_not_answered():
    obedience = Obedience(SUBJECTS)
    obedience.hear(command("pause", 1), 10.0, 0.0)
    assert obedience.hear(command("resume", 2), 10.0, 1.0) == []
    assert obedience.standing(2.0).clear
    assert said(obedience.hear(command("pause", 1), 10.0, 3.0)) == [("pause1", "refused")]


def test_while_the_keys_can_be_read_they_alone_decide():
    obedience = Obedience(SUBJECTS)
    obedience.settle({}, 0.0)
    assert said(obedience.hear(command("kill", 7), 10.0, 1.0)) == [("kill7", "received")]
    assert obedience.standing(1.0).clear
    assert said(obedience.settle({}, 2.0)) == [("kill7", "refused")]
    obedience.lose()
    assert obedience.standing(3.0).clear


def test_a_key_of_an_older_epoch_decides_too():
    obedience = Obedience(SUBJECTS)
    obedience.settle({}, 0.0)
    obedience.hear(command("kill", 7), 10.0, 1.0)
    obedience.settle(keys(held(command("pause", 6))), 2.0)
    assert obedience.standing(3.0).pause == command("pause", 6)
    assert obedience.standing(3.0).kill is None


def test_an_answer_asked_for_before_a_push_says_nothing_about_it():
    obedience = Obedience(SUBJECTS)
    obedience.settle({}, 0.0)
    obedience.hear(command("kill", 7), 10.0, 5.0)
    assert obedience.settle({}, 4.9) == []
    assert said(obedience.settle(keys(held(command("kill", 7))), 5.1)) == [("kill7", "accepted")]
    assert obedience.standing(6.0).kill is not None


def test_without_the_keys_the_higher_epoch_of_both_counts():
    obedience = Obedience(SUBJECTS)
    obedience.settle(keys(held(command("pause", 3))), 0.0)
    obedience.lose()
    assert obedience.standing(1.0).pause is not None
    obedience.hear(command("resume", 4), 10.0, 1.0)
    assert obedience.standing(2.0).clear
    obedience.settle(keys(held(command("pause", 3))), 3.0)
    assert obedience.standing(4.0).pause is not None


def test_a_key_without_expiry_stands_while_it_is_there():
    obedience = Obedience(SUBJECTS)
    obedience.settle(keys(held(command(), until=inf)), 0.0)
    assert obedience.standing(1e9).kill is not None
    obedience.settle({}, 1.0)
    assert obedience.standing(2.0).clear


def test_a_gone_key_lets_the_run_go_on_and_a_new_one_of_a_restarted_count_is_obeyed():
    obedience = Obedience(SUBJECTS)
    obedience.settle(keys(held(command("kill", 500))), 0.0)
    obedience.settle({}, 1.0)
    assert obedience.standing(1.0).clear
    obedience.settle(keys(held(command("kill", 2))), 2.0)
    assert obedience.standing(2.0).kill is not None
    obedience.lose()
    assert said(obedience.hear(command("pause", 3), 10.0, 3.0)) == [("pause3", "received"), ("pause3", "accepted")]


def test_what_a_broker_no_longer_retains_is_dropped():
    obedience = Obedience(SUBJECTS)
    obedience.hear(command("pause", 1), 10.0, 0.0)
    obedience.hear(command("kill", 2, subject=ROOT), 10.0, 0.0)
    obedience.keep_only([ROOT])
    assert obedience.standing(1.0).pause is None
    assert obedience.standing(1.0).kill is not None
    obedience.forget([ROOT])
    assert obedience.standing(1.0).clear


def test_every_level_that_stands_is_told_and_no_calls_at_all_is_a_pause():
    obedience = Obedience(SUBJECTS)
    obedience.settle(
        keys(
            held(command("throttle", 1, limit=6.0), until=30.0),
            held(command("throttle", 2, subject=ROOT, limit=0.0), until=20.0),
        ),
        0.0,
    )
    standing = obedience.standing(1.0)
    assert [each.epoch for each in standing.throttles] == [1]
    assert standing.pause is not None
    assert standing.until == 20.0


@pytest.mark.parametrize("cmd", ["throttle", "pause", "kill"])
def test_a_command_is_answered_once_however_often_the_key_is_read(cmd):
    obedience = Obedience(SUBJECTS)
    found = keys(held(command(cmd, 1, limit=1.0)))
    assert said(obedience.settle(found, 0.0)) == [(f"{cmd}1", "received"), (f"{cmd}1", "accepted")]
    for at in range(1, 5):
        assert obedience.settle(found, float(at)) == []
