"""Policy files: what they mean, and how a wrong one is named."""

import pytest

from agentwatch.errors import BadConfig
from agentwatch.policy.load import load_policy
from agentwatch.records import Level

SITE = b"""
[defaults]
mode = "observe"
limit = 10
ttl_s.kill = 100
[defaults.detectors.repeat]
warn = 4.0

[[rules]]
name = "crew"
match = { agent = ["planner", "writer-?"], model = "gpt-*" }
mode = "enforce"
actions = ["kill", "warn"]
detectors.repeat.kill = 12.0
notify = { receivers = ["oncall"], users = ["ada"] }

[[rules]]
name = "late"
match.agent = "planner"
protected = true
"""


def ask(policy, agent="planner", model="gpt-4o", **more):
    names = {"tenant": "t", "app": "a", "team": "", "tool": ""} | more
    return policy.match(agent=agent, model=model, **names)


def test_the_first_rule_that_fits_governs_as_a_whole():
    policy = load_policy({"site.toml": SITE})
    assert ask(policy).name == "crew"
    assert not ask(policy).protected
    assert ask(policy, model="claude").name == "late"
    assert ask(policy, agent="writer-1").name == "crew"
    assert ask(policy, agent="writer-10").name == "default"
    assert ask(policy, agent="Planner").name == "default"


def test_defaults_lie_under_what_a_rule_does_not_say():
    crew, late, default = load_policy({"site.toml": SITE}).rules
    assert crew.detectors == {"repeat": {"warn": 4.0, "kill": 12.0}}
    assert (crew.mode, late.mode, default.mode) == ("enforce", "observe", "observe")
    assert (crew.limit, crew.ttl(Level.kill), crew.ttl(Level.pause), crew.ttl(Level.observe)) == (10, 100, 3600, 0)
    assert (crew.receivers, crew.users, late.receivers) == (("oncall",), ("ada",), ())


def test_a_level_that_is_not_allowed_is_lowered_to_one_that_is():
    crew = load_policy({"site.toml": SITE}).rules[0]
    assert [crew.cap(level) for level in Level] == [Level.observe, Level.warn, Level.warn, Level.warn, Level.kill]
    none = load_policy({"x": b"defaults.actions = []"}).default
    assert {none.cap(level) for level in Level} == {Level.observe}


def test_later_files_go_over_earlier_ones_by_name():
    policy = load_policy({"20.toml": b"defaults.limit = 5", "10.toml": SITE})
    assert policy.default.limit == 5
    assert policy.default.mode == "observe"
    assert policy.default.detectors == {"repeat": {"warn": 4.0}}


def test_a_rule_without_match_governs_everything():
    policy = load_policy({"x": b'[[rules]]\nname = "all"\nsamples = true'})
    assert ask(policy).samples


def test_digests_follow_the_content_not_the_writing():
    reordered = b'# words\n[defaults]\nlimit = 10.0\nmode = "observe"\n' + SITE.split(b"limit = 10")[1]
    first, second = load_policy({"a.toml": SITE}), load_policy({"b.toml": reordered})
    assert first.digest == second.digest
    changed = load_policy({"a.toml": SITE.replace(b"12.0", b"13.0")})
    assert changed.digest != first.digest
    assert changed.rules[0].digest != first.rules[0].digest
    assert changed.rules[1].digest == first.rules[1].digest


def test_answers_are_remembered_within_a_bound():
    policy = load_policy({"site.toml": SITE})
    for number in range(20_000):
        assert ask(policy, agent=f"agent-{number}").name == "default"
    assert len(policy._seen) <= 8192


@pytest.mark.parametrize("name", ["a" * 256, "a" * 255 + "b"])
def test_many_stars_cost_no_more_than_a_long_name(name):
    policy = load_policy({"x": b'[[rules]]\nname = "s"\nmatch.agent = "' + b"*a" * 100 + b'*c"'})
    assert ask(policy, agent=name).name == "default"


@pytest.mark.parametrize(
    ("content", "field", "reason"),
    [
        (b"x = 1", "f.toml: x", "no such key"),
        (b"[defaults]\nmod = 1", "f.toml: defaults.mod", "no such key"),
        (b'[[rules]]\nname = "a"\nmatch = { agnt = "x" }', "f.toml: rules[0].match.agnt", "no such key"),
        (b'[[rules]]\nname = "a"\nactions = ["die"]', "f.toml: rules[0].actions[0]", "die"),
        (b'[[rules]]\nname = "a"\n[[rules]]\nname = "a"', "f.toml: rules[1].name", "taken"),
        (b'[[rules]]\nname = "default"', "f.toml: rules[0].name", "taken"),
        (b'[[rules]]\nmode = "enforce"', "f.toml: rules[0]", "name"),
        (b'defaults.mode = "kill"', "f.toml: defaults.mode", "kill"),
        (b"[defaults.ttl_s]\nkill = 0", "f.toml: defaults.ttl_s.kill", ">= 1"),
        (b"defaults.limit = 0", "f.toml: defaults.limit", "> 0"),
        (b"version = 2", "f.toml: version", "<= 1"),
        (b"a =", "f.toml", "not TOML"),
        (b"\xff", "f.toml", "not TOML"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(content, field, reason):
    with pytest.raises(BadConfig) as caught:
        load_policy({"f.toml": content})
    assert caught.value.field == field
    assert reason in caught.value.reason
