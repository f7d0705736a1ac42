"""What others do or say in a tree of runs, and what it makes of an agent that says the same again."""

import pytest

from agentwatch.config import Config
from agentwatch.records import Event, Level
from agentwatch.service.composing import make_rulebook
from agentwatch.testing.scenarios import in_form, scenario
from agentwatch.testing.scenarios.judging import decide, outcome

SAYS = "The request has not been satisfied yet, so I ask the next speaker of the team to go on with it."


@pytest.fixture(scope="module")
def rules():
    config = Config()
    return config, make_rulebook(config, {})


def judged(name, seed, form, rules):
    played = scenario(name).make(seed)
    rises = decide([in_form(event, form) for event in played.events], *rules)
    return outcome(played, form, scenario(name).loop, rises)


@pytest.mark.parametrize("form", ["text", "digests"])
@pytest.mark.parametrize("name", ["approver", "moderated_talk", "status_round", "orchestrator_chatter"])
def test_who_answers_something_new_in_the_same_words_is_left_alone(name, form, rules):
    for seed in range(100, 103):
        assert judged(name, seed, form, rules).strays == ()


def test_a_critic_of_ever_other_drafts_is_paused_and_never_killed(rules):
    hits = [judged("critic_never_satisfied", seed, "text", rules).hits for seed in range(100, 103)]
    assert all("warn" in hit for hit in hits)
    assert not any("kill" in hit for hit in hits)


def _team(stuck_is_told):
    """Let one child of a tree say the same while its sibling gets on; a message may tell it of each step."""
    events, at = [], 0

    def add(agent, **fields):
        nonlocal at
        at += 1
        run = {} if agent == "lead" else {"parent_run": "lead-1", "root_run": "lead-1"}
        ts = 1_760_000_000.0 + at * 2
        events.append(Event(id=str(at), ts=ts, app="team", agent=agent, run=f"{agent}-1", **{**run, **fields}))

    add("lead", op="chat", output="I start two workers, and each of them gets a part of this task.")
    for number in range(24):
        add("busy", op="execute_tool", tool="read", arguments=f'{{"n": {number}}}', result=f"row {number} {number**5}")
        if stuck_is_told:
            letter = f"Part {number} of {number**3} is done: " + " ".join(f"{number * k}th" for k in range(9))
            add("busy", op="message", to_agent="stuck", output=letter)
        add("stuck", op="chat", output=SAYS)
    return events


def test_the_progress_of_a_sibling_does_not_hide_a_monologue(rules):
    rises = decide(_team(stuck_is_told=False), *rules)
    assert {rise.run for rise in rises} == {"stuck-1"}
    assert max(rise.level for rise in rises) is Level.kill


def test_what_a_sibling_tells_it_does_excuse_one(rules):
    assert decide(_team(stuck_is_told=True), *rules) == []
