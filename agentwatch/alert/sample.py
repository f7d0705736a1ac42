"""A made-up incident to try receivers with."""

from agentwatch.records import Evidence, Incident, Level
from agentwatch.subject import root_subject

__all__ = ["sample_incident"]


def sample_incident(now: float) -> Incident:
    """Make an incident that looks like a real one and says that it is none; `now` keeps its id apart from others."""
    return Incident(
        id=f"i-test-{int(now)}",
        seq=1,
        state="opened",
        change="this is a test of the receiver; no agent is affected",
        opened_at=now,
        updated_at=now,
        tenant="default",
        app="research",
        agent="summariser",
        team="example",
        run="test-run",
        root_run="test-run",
        task="report.pdf",
        subject=root_subject("default", "research", "test-run"),
        kind="repeat",
        level=Level.kill,
        reason="the same call with the same result, 16 times in a row (a test)",
        speaks_for=("16 equal results in a row", "nothing new in 64 events"),
        evidence=Evidence(
            count=16,
            period=1,
            since=now - 1800,
            last=now,
            tool="read_pdf",
            tokens=412_000,
            cost_nusd=3_120_000_000,
            digests=("9f1c0d3e5a7b2468",),
        ),
        cost_nusd=3_120_000_000,
        cost_per_hour_nusd=6_240_000_000,
        verified="pending",
        rule="default",
    )
