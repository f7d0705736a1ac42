"""What a broker is to retain: bounded, in the order of epochs, and due to go when a lease ends."""

from agentwatch.act.retained import Retained
from agentwatch.records import Command


def command(epoch: int, subject: str = "t/a/run/r", until: float = 100.0) -> Command:
    return Command(
        id=f"d{epoch}", cmd="kill", scope="run", subject=subject, epoch=epoch, issued_at=0.0, expires_at=until
    )


def test_a_lease_that_ends_makes_its_subject_due_once():
    retained = Retained()
    retained.put(command(1, until=10.0))
    retained.put(command(2, "t/a/run/s", until=20.0))
    assert retained.next_end() == 10.0
    retained.expire(10.0)
    assert retained.due() == ("t/a/run/r",)
    retained.cleared("t/a/run/r")
    retained.expire(15.0)
    assert retained.due() == ()
    assert [each.epoch for each in retained.standing()] == [2]


def test_a_renewed_lease_is_not_ended_by_the_old_end():
    retained = Retained()
    retained.put(command(1, until=10.0))
    retained.put(command(2, until=50.0))
    retained.expire(20.0)
    assert retained.due() == ()
    assert len(retained) == 1


def test_a_new_command_takes_back_that_its_subject_is_due():
    retained = Retained()
    retained.put(command(1))
    retained.remove("t/a/run/r", 2)
    assert not retained.newer("t/a/run/r", 1)
    retained.put(command(3))
    assert retained.due() == ()


def test_what_is_found_at_a_broker_is_kept_until_its_end_or_goes():
    retained = Retained()
    retained.put(command(5))
    retained.remove("t/a/run/gone", 9)
    retained.cleared("t/a/run/gone")
    found = [command(4), command(8, "t/a/run/gone"), command(2, "t/a/run/old", 3.0), command(7, "t/a/run/new")]
    retained.adopt(found, now=10.0, complete=False)
    assert {each.subject for each in retained.standing()} == {"t/a/run/r", "t/a/run/new"}
    assert set(retained.due()) == {"t/a/run/gone", "t/a/run/old"}
    retained.adopt([command(11, "t/a/run/unknown")], now=10.0, complete=True)
    assert "t/a/run/unknown" in retained.due()


def test_replacing_all_makes_the_rest_due():
    retained = Retained()
    retained.put(command(1, "t/a/run/x"))
    retained.replace([command(2)])
    assert retained.due() == ("t/a/run/x",)
    assert [each.subject for each in retained.standing()] == ["t/a/run/r"]


def test_what_the_store_says_now_decides_against_what_was_sent_before_it_lost_that():
    retained = Retained()
    retained.put(command(9))
    retained.replace([command(7)])
    assert [each.epoch for each in retained.standing()] == [7]
    retained.adopt([command(9)], now=10.0, complete=True)
    assert [each.epoch for each in retained.standing()] == [7]
    assert retained.due() == ()


def test_epochs_are_remembered_for_a_bounded_number_of_subjects():
    retained = Retained(max_subjects=10)
    for number in range(25):
        retained.remove(f"t/a/run/{number}", 5)
        retained.cleared(f"t/a/run/{number}")
    assert retained.dropped == 15
    assert not retained.newer("t/a/run/24", 4)
    assert retained.newer("t/a/run/0", 4)
