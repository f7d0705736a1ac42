import pytest

from agentwatch.detect.dedup import Seen
from agentwatch.detect.steps import MAX_MEMBERS, OpenStep, close_step, enter_step
from agentwatch.records import Event, Observation, Prints


def symbols(*events):
    """Feed (op, symbol, step, now) and give the symbols of all closed steps, the open one closed at the end."""
    state, closed = OpenStep(), []
    for op, symbol, step, now in events:
        event = Event(agent="a", op=op, step=step)
        closed += enter_step(state, Observation(0, "0-0", now, event, Prints()), symbol)
    return closed + close_step(state)


CHAT, TOOL = "chat", "execute_tool"


def test_without_numbers_each_tool_event_is_a_step():
    assert symbols((TOOL, 11, None, 0.0), (TOOL, 12, None, 0.1), (TOOL, 11, None, 0.2)) == [11, 12, 11]


def test_a_chat_is_a_step_only_if_no_tool_follows_it():
    assert symbols((CHAT, 5, None, 0.0), (TOOL, 11, None, 60.0), (CHAT, 6, None, 61.0), (CHAT, 7, None, 62.0)) == [
        11,
        6,
        7,
    ]


def test_parallel_calls_of_one_number_are_one_step_in_any_order():
    one = symbols((CHAT, 5, 1, 0.0), (TOOL, 11, 1, 0.1), (TOOL, 12, 1, 0.2))
    other = symbols((CHAT, 6, 1, 0.0), (TOOL, 12, 1, 0.1), (TOOL, 11, 1, 0.2))
    assert len(one) == 1
    assert one == other
    assert one != symbols((TOOL, 11, 1, 0.0), (TOOL, 13, 1, 0.1))


def test_parallel_duplicates_count_once():
    assert symbols((TOOL, 11, 1, 0.0), (TOOL, 11, 1, 0.1)) == [11]


def test_a_higher_number_closes_and_stragglers_of_a_closed_step_are_dropped():
    assert symbols((TOOL, 11, 1, 0.0), (TOOL, 12, 2, 0.1), (TOOL, 13, 1, 0.2)) == [11, 12]


def test_a_slow_parallel_call_still_joins_its_open_step():
    assert symbols((TOOL, 11, 1, 0.0), (TOOL, 12, 1, 30.0)) == symbols((TOOL, 12, 1, 0.0), (TOOL, 11, 1, 0.1))


def test_after_five_seconds_a_lower_number_begins_a_new_step():
    assert symbols((TOOL, 11, 9, 0.0), (TOOL, 12, 1, 5.1)) == [11, 12]


def test_a_step_of_chat_alone_counts_by_its_chat():
    assert symbols((CHAT, 5, 1, 0.0), (CHAT, 6, 2, 1.0)) == [5, 6]


def test_members_of_a_step_are_bounded():
    state = OpenStep()
    for at in range(500):
        event = Event(agent="a", op=TOOL, step=1)
        enter_step(state, Observation(0, "0-0", 0.0, event, Prints()), at + 1)
    assert len(state.members) == MAX_MEMBERS


def test_closing_nothing_gives_nothing():
    assert close_step(OpenStep()) == []


def test_seen_ids_grow_with_use_and_forget_by_age_and_number():
    seen = Seen.begin(1000.5)
    assert len(seen.digests) == 0
    assert all(seen.add(str(at), 1000.0 + at, 256, 600.0) for at in range(2000))
    assert len(seen.digests) == 256 * 8
    assert len(seen.times) == 256 * 4
    assert not seen.add("1999", 3000.0, 256, 600.0)
    assert seen.add("new", 9000.0, 256, 600.0)
    assert len(seen.times) == 4


@pytest.mark.parametrize("now", [0.0, 999.0])
def test_seen_ids_work_when_time_seems_to_stand(now):
    seen = Seen.begin(1000.0)
    assert seen.add("a", now, 256, 600.0)
    assert not seen.add("a", now, 256, 600.0)
