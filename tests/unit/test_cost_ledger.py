"""The ledger: lines that add up, whatever the bound."""

from agentwatch.cost.ledger import OTHER, Ledger, LedgerOptions
from agentwatch.records import Event

DAY = 86400.0


def event(ts: float = 10.0, **more) -> Event:
    fields = {"agent": "a", "tenant": "t", "team": "m", "app": "x", "model": "gpt", "ts": ts}
    return Event(**fields | {"input_tokens": 10, "output_tokens": 5} | more)


def test_a_batch_is_one_line_for_each_day_team_app_agent_and_model():
    ledger = Ledger(LedgerOptions())
    ledger.add(event(), 100)
    ledger.add(event(), None)
    ledger.add(event(DAY), 100, looping=True)
    ledger.waste(event(DAY), 40)
    ledger.add(event(op="invoke_agent"), 0)
    first, second = ledger.drain()
    assert (first.day, first.events, first.input_tokens, first.output_tokens) == ("1970-01-01", 3, 20, 10)
    assert (first.cost_nusd, first.unpriced, first.looping_nusd) == (100, 1, 0)
    assert (second.day, second.cost_nusd, second.looping_nusd) == ("1970-01-02", 100, 140)
    assert ledger.drain() == ()


def test_beyond_the_bound_only_names_are_lost():
    ledger = Ledger(LedgerOptions(max_lines=3))
    for number in range(10):
        ledger.add(event(agent=f"a{number}"), 7)
    lines = ledger.drain()
    assert len(lines) == 4
    assert lines[-1].agent == OTHER
    assert sum(line.cost_nusd for line in lines) == 70
    assert ledger.merged == 7
