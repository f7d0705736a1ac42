"""No wish is carried out twice: not one that was passed on twice after a crash, nor a copy after a restart."""

import pytest
from msgspec import structs

from agentwatch import checkpointing
from agentwatch.config import Config
from agentwatch.keys import Home
from agentwatch.records import Batch, Control, Level, Tick
from agentwatch.service.composing import make_pipeline, make_rulebook, shipped_policy
from agentwatch.wished import Wished


def kill(id: str = "one", subject: str = "default/app/run/r", at: float = 100.0) -> Control:
    return Control(id=id, kind="decide", at=at, author="olivia", subject=subject, level=Level.kill)


def a_pipeline(home: Home | None = None):
    return make_pipeline(Config(), make_rulebook(Config(), shipped_policy()), home)


def wish(path, position: str, control: Control):
    return path.step(Batch(Tick(int(position.partition("-")[0]) / 1000), controls=((position, control),)))


def test_a_wish_that_comes_twice_is_carried_out_once_also_over_a_restart() -> None:
    path = a_pipeline()
    assert len(wish(path, "100000-0", kill()).decisions) == 1
    assert path.repeated == 0
    assert wish(path, "101000-0", kill()).decisions == ()
    assert (path.repeated, path.answers, path.positions.controls) == (1, [], "101000-0")

    again = a_pipeline()
    checkpointing.load(again, checkpointing.dump(path, 101.0))
    assert wish(again, "102000-0", kill()).decisions == ()
    assert again.repeated == 1

    learnt = a_pipeline()  # the checkpoint was of before
    learnt.recover([], [], [kill()])
    assert wish(learnt, "102000-0", kill()).decisions == ()
    assert len(wish(learnt, "103000-0", kill("another")).decisions) == 1


def test_a_wish_that_came_through_redis_stops_no_whole_tenant_unless_it_says_so() -> None:
    path = a_pipeline()
    for at, level in enumerate((Level.throttle, Level.pause, Level.kill), 101):
        bare = structs.replace(kill(level.name, subject="x"), level=level)
        assert wish(path, f"{at}000-0", bare).decisions == ()
        (answered,) = path.answers
        assert (answered[0], answered[1].field) == (level.name, "subject")
    (made,) = wish(path, "110000-0", structs.replace(kill("meant", subject="x"), whole_tenant=True)).decisions
    assert (made.subject, made.level) == ("x", Level.kill)
    (freed,) = wish(path, "111000-0", structs.replace(kill("free", subject="x"), level=Level.observe)).decisions
    assert (freed.subject, freed.level) == ("x", Level.observe)


def test_a_wish_that_is_passed_on_counts_where_it_is_carried_out_and_there_alone() -> None:
    home, other = (Home(index, 2) for index in range(2))
    subject = next(name for name in (f"default/app{n}/run/r" for n in range(99)) if other.mine(name))
    path = a_pipeline(home)
    assert wish(path, "100000-0", kill(subject=subject)).astray
    whole = a_pipeline(Home(0, 1))  # the partitions were put together, and it was passed on to where it came from
    whole.absorb(path, lambda _: True, everyones=True)
    assert len(wish(whole, "101000-0", kill(subject=subject)).decisions) == 1

    grown = a_pipeline(other)
    grown.absorb(whole, other.mine, everyones=True)
    assert wish(grown, "102000-0", kill(subject=subject)).decisions == ()


HIDE = Control(id="all", kind="mode", at=100.0, author="olivia", value="observe")
FREE = Control(id="free", kind="decide", at=100.0, author="olivia", subject="tenant", level=Level.observe)


@pytest.mark.parametrize("control", [HIDE, FREE], ids=["mode", "tenant"])
def test_what_concerns_every_partition_is_not_missed_for_another_had_it_first(control: Control) -> None:
    first, second = a_pipeline(Home(0, 2)), a_pipeline(Home(1, 2))
    wish(first, "100000-0", control)
    second.absorb(first, lambda _: True, everyones=False)
    wish(second, "101000-0", control)
    assert second.repeated == 0


def test_what_is_remembered_is_bounded_by_time_and_number() -> None:
    wished = Wished()
    for index in range(10_050):
        assert wished.first(kill(str(index)))
    assert len(wished) == 10_000
    assert not wished.first(kill("10049"))
    assert wished.first(kill("later", at=1001.0))
    assert len(wished) == 1
