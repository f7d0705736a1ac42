"""The shipped policy: one content in two places, valid throughout, and showing every option with its default."""

import re
from pathlib import Path
from typing import Any

import msgspec

import agentwatch.policy
from agentwatch.detect.options import DetectOptions, merge
from agentwatch.policy.ladder import LadderOptions
from agentwatch.policy.load import load_policy
from agentwatch.policy.rules import Rule

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = Path(agentwatch.policy.__file__).with_name("shipped.toml")
ADVICE = "change policy/shipped.toml and configs/policy.d/00-default.toml together with the option's default"


def shipped() -> Rule:
    return load_policy({"shipped.toml": SHIPPED.read_bytes()}).default


def written_out() -> Rule:
    """The same with every commented option in force."""
    head, examples = SHIPPED.read_text().split("# Examples of rules")
    assert examples
    return load_policy({"shipped.toml": re.sub(r"(?m)^# ([a-z_]+ = )", r"\1", head).encode()}).default


def set_options(options: Any) -> dict[str, dict[str, Any]]:
    """What an option tree sets, without what is none."""
    whole = msgspec.to_builtins(options)
    return {kind: {n: v for n, v in table.items() if v is not None} for kind, table in whole.items()}


def test_the_packaged_and_the_installed_policy_are_one():
    assert SHIPPED.read_bytes() == (ROOT / "configs/policy.d/00-default.toml").read_bytes()


def test_it_changes_no_default_of_the_code():
    assert merge(DetectOptions(), shipped().detectors) == DetectOptions()
    assert shipped().ladder == {}


def test_it_shows_every_option_of_every_detector_with_its_default():
    shown = written_out().detectors
    for kind, table in set_options(DetectOptions()).items():
        assert {name: shown[kind].get(name) for name in table} == table, f"{kind}: {ADVICE}"
    for kind, options in msgspec.to_builtins(DetectOptions()).items():
        assert set(shown[kind]) == set(options), f"{kind}: {ADVICE}"
    merge(DetectOptions(), shown)


def test_it_shows_every_option_of_the_ladder_with_its_default():
    defaults = msgspec.to_builtins(LadderOptions())
    defaults.pop("max_subjects")  # a bound of the daemon, not a matter of policy
    assert written_out().ladder == defaults, ADVICE


def test_its_settings_are_the_defaults_of_a_rule():
    plain = Rule(name="default")
    for name in ("mode", "actions", "ttl_s", "limit", "grace_ms", "samples", "protected", "receivers", "users"):
        assert getattr(shipped(), name) == getattr(plain, name), name


def test_its_examples_are_valid_rules():
    lines = SHIPPED.read_text().split("# Examples of rules")[1].splitlines()[2:]
    examples = "\n".join(line.removeprefix("# ").removeprefix("#") for line in lines)
    policy = load_policy({"shipped.toml": SHIPPED.read_bytes(), "zz.toml": examples.encode()})
    assert [rule.name for rule in policy.rules] == ["payments", "new-crew", "default"]
    merge(DetectOptions(), policy.rules[1].detectors)
