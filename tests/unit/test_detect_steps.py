from agentwatch.detect.dedup import SLOT, note
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
    ring = b""
    for at in range(2000):
        ring = note(ring, str(at), at, 256, 600.0)
        assert len(ring) == min(at + 1, 256) * SLOT
    assert note(ring, "1999", 2000, 256, 600.0) is None
    assert note(ring, "1744", 2000, 256, 600.0) is None
    assert note(ring, "1743", 2000, 256, 600.0) is not None
    assert len(note(ring, "new", 9000, 256, 600.0)) == SLOT


def test_an_id_is_found_only_where_a_digest_begins():
    ring = note(b"", "a", 0, 256, 600.0)
    shifted = b"\0" * 4 + ring[:8] + b"\0" * 12
    assert note(shifted, "a", 0, 256, 600.0) is not None
