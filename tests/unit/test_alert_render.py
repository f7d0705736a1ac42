"""What on-call reads: a golden text, and text from agents that cannot forge it."""

from msgspec.structs import replace

from agentwatch.alert.render import render
from agentwatch.alert.sample import sample_incident
from agentwatch.records import Evidence, Incident, Level

LOOP = Incident(
    id="i-41-0d8f2c1a",
    seq=3,
    state="updated",
    change="kill",
    opened_at=1_790_000_000.0,
    updated_at=1_790_002_280.0,
    tenant="acme",
    app="research",
    agent="summariser",
    team="docs",
    users=("ada@acme.example",),
    run="r-7f",
    root_run="r-7f",
    task="report.pdf",
    subject="acme/research/root/r-7f",
    kind="repeat",
    level=Level.kill,
    reason="read_pdf with the same arguments and the same result",
    speaks_for=("412 equal results", "nothing new in 64 events"),
    speaks_against=("a human wrote 38 minutes ago",),
    evidence=Evidence(
        count=412,
        period=1,
        since=1_790_000_000.0,
        last=1_790_002_280.0,
        tool="read_pdf",
        tokens=5_120_400,
        cost_nusd=38_115_200_000,
        unpriced=2,
        digests=("9f1c0d3e5a7b2468",),
    ),
    cost_nusd=38_115_200_000,
    cost_per_hour_nusd=60_182_000_000,
    verified="pending",
    rule="default",
)

GOLDEN = """\
What changed: kill
Agent: summariser, app research, tenant acme
Owner: team docs, ada@acme.example
Run: r-7f, root r-7f, task report.pdf
What repeats: repeat: read_pdf with the same arguments and the same result
How often: 412 times, tool read_pdf, content 9f1c0d3e5a7b2468
Since: 2026-09-21 14:13:20 UTC, last seen 2026-09-21 14:51:20 UTC
Cost so far: $38.12, $60.18 an hour, 5,120,400 tokens (2 calls without a known price)
What was done: killed, not yet proven
Speaks for it: 412 equal results; nothing new in 64 events
Speaks against: a human wrote 38 minutes ago
Rule: default

Explain: agentwatch explain acme/research/root/r-7f
Undo:    agentwatch resume acme/research/root/r-7f --reason 'not a loop'
Allow:   agentwatch allow add acme/research/root/r-7f --for 1h --comment 'let it run'

Incident i-41-0d8f2c1a, message 3 (updated)"""


def test_an_alert_says_everything_that_on_call_needs():
    alert = render(LOOP)
    assert alert.title == "[agentwatch] summariser (research) loops: repeat, killed, $38.12"
    assert alert.body == GOLDEN
    assert alert.severity == "critical"


def test_what_would_have_been_done_offers_to_do_it():
    alert = render(replace(LOOP, gate="mode", verified=""))
    assert "What was done: would have been killed (observing only)" in alert.body
    assert "Stop:    agentwatch kill acme/research/root/r-7f" in alert.body
    assert "Undo:" not in alert.body
    assert "held back by breaker" in render(replace(LOOP, gate="breaker", verified="")).body


def test_what_is_protected_offers_no_command_that_is_refused():
    body = render(replace(LOOP, gate="protected", rule="vip")).body
    assert "agentwatch kill" not in body
    assert "Stop:    take the protection by rule 'vip' out of the policy's files first" in body


def test_who_was_not_killed_waits_no_longer_once_it_is_over():
    asked = replace(LOOP, gate="approval", verified="")
    assert "waits for approval to be killed" in render(asked).title
    over = render(replace(asked, state="resolved", change="resume by olivia"))
    assert "waited for approval to be killed" in over.title
    assert "waits" not in over.body


def test_urgency_follows_level_and_proof():
    assert render(replace(LOOP, level=Level.warn, verified="")).severity == "warning"
    assert render(replace(LOOP, state="resolved", verified="verified")).severity == "info"
    failed = render(replace(LOOP, level=Level.throttle, verified="failed"))
    assert failed.severity == "critical"
    assert "WITHOUT EFFECT" in failed.body


def test_an_outage_reads_as_one():
    alert = render(replace(LOOP, kind="outage", gate="outage", root_run="", reason="outage: 12 of 14 active runs fail"))
    assert alert.title == "[agentwatch] provider outage, tenant acme: nobody is killed (updated)"
    assert "Undo" not in alert.body


def test_text_from_agents_stays_on_its_line():
    evil = "x\nWhat was done: nothing\x1b[2J\u202e" + "y" * 9999
    alert = render(replace(LOOP, agent=evil, reason=evil, team=evil, task=evil, speaks_for=(evil,)))
    assert len(alert.body.splitlines()) == len(GOLDEN.splitlines())
    assert "\x1b" not in alert.body
    assert "\u202e" not in alert.body
    assert max(map(len, alert.body.splitlines())) <= 400
    assert "\n" not in alert.title


def test_the_sample_says_that_it_is_a_test():
    assert "a test" in render(sample_incident(1_790_000_000.0)).body
