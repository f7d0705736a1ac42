"""A shortened week: with run ids that come and go, and with a flood, what is held stops growing at its bounds."""

import pytest

from agentwatch.act.standing import StandingOptions
from agentwatch.act.tombstone import TombstoneOptions
from agentwatch.act.verify import VerifyOptions
from agentwatch.alert.incident import IncidentOptions
from agentwatch.config import Config
from agentwatch.cost.ledger import LedgerOptions
from agentwatch.detect.options import StateOptions
from agentwatch.policy.activity import ActivityOptions
from agentwatch.policy.gate import GateOptions
from agentwatch.policy.ladder import LadderOptions
from agentwatch.policy.outage import OutageOptions
from bench.week import live

pytestmark = pytest.mark.slow

SMALL = Config(
    state=StateOptions(max_runs=600, max_agents=500, max_apps=300, max_parents=600),
    ladder=LadderOptions(max_subjects=60),
    standing=StandingOptions(max_subjects=60),
    tombstones=TombstoneOptions(max_tombstones=40, max_descendants=40),
    verify=VerifyOptions(max_watches=20),
    incidents=IncidentOptions(max_open=40),
    ledger=LedgerOptions(max_remembered=40),  # each day has lines of its own
    gate=GateOptions(activity=ActivityOptions(max_runs=200), outage=OutageOptions(max_runs=200)),
)
LIMITS = {"state.max_runs": 600, "state.max_agents": 500, "state.max_apps": 300, "standing.max_subjects": 60}


@pytest.mark.parametrize("flood", [0, 15_000])
def test_entries_and_bytes_are_flat_once_the_bounds_are_reached(flood: int) -> None:
    week = list(live(SMALL, runs=12_000, days=1.0 if flood else 7.0, samples=12, flood=flood))
    assert week[-1].opened >= 11_000
    for held in week:
        assert all(held.used[name] <= limit for name, limit in LIMITS.items())
    early, late = week[4:8], week[8:]
    most = {name: max(held.used[name] for held in early) for name in early[0].used}
    for held in late:
        for name, used in held.used.items():
            assert used <= max(1.15 * most[name], most[name] + 10), name
        assert held.checkpoint <= 1.15 * max(one.checkpoint for one in early)
