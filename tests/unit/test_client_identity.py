"""Names, environment and URLs: what a guard is told before it connects."""

import pytest

from agentwatch.backoff import Backoff, BackoffOptions
from agentwatch.broker import BrokerAddress, broker_address
from agentwatch.client import Guard, GuardOptions, ThreadGuard
from agentwatch.client.bucket import LocalBucket, interval_s
from agentwatch.client.identity import Identity, identity_from
from agentwatch.client.mqtt_channel import lease_s
from agentwatch.client.paths import Paths, channels_of
from agentwatch.client.watch import Watch
from agentwatch.errors import BadConfig, BadRequest
from agentwatch.records import Command
from agentwatch.topics import ack_topic, command_topic, subject_of


def test_defaults_are_those_of_the_daemon():
    who = Identity(agent="bot").filled()
    assert (who.app, who.run, who.root_run, who.tenant) == ("bot", "bot", "bot", "default")
    with pytest.raises(BadConfig):
        Identity(agent="").filled()


def test_the_environment_carries_a_run_into_a_process_and_names_its_children():
    guard = Guard("bot", app="crew", run="r1", task="t", redis="redis://h", token="secret")
    assert identity_from(guard.environment()).filled() == guard.identity
    assert "secret" not in str(guard.environment())
    child = Guard.from_env(guard.environment(run="r2", agent="helper"))
    assert child.identity == Identity(
        agent="helper", app="crew", run="r2", root_run="r1", parent_run="r1", tenant="default"
    )
    assert child.paths == Paths(redis="redis://h")


def test_from_env_reads_options_and_what_is_given_goes_first(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("aw_x\n")
    environment = {
        "AGENTWATCH_AGENT": "bot",
        "AGENTWATCH_HTTP_URL": "http://h",
        "AGENTWATCH_TOKEN_FILE": str(secret),
        "AGENTWATCH_FAIL": "closed",
        "AGENTWATCH_FAIL_AFTER_S": "2.5",
    }
    guard = Guard.from_env(environment, run="r9")
    assert (guard.paths.http, guard.paths.token, guard.identity.run) == ("http://h", "aw_x", "r9")
    assert (guard.options.fail, guard.options.fail_after_s) == ("closed", 2.5)
    assert isinstance(ThreadGuard.from_env(environment), ThreadGuard)
    assert ThreadGuard.from_env({}, agent="x").environment()["AGENTWATCH_AGENT"] == "x"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"AGENTWATCH_AGENT": "bot", "AGENTWATCH_FAIL": "sometimes"},
        {"AGENTWATCH_AGENT": "bot", "AGENTWATCH_FAIL_AFTER_S": "soon"},
        {"AGENTWATCH_AGENT": "bot", "AGENTWATCH_TOKEN_FILE": "/does/not/exist"},
    ],
)
def test_a_wrong_environment_is_named(environment):
    with pytest.raises(BadConfig):
        Guard.from_env(environment)


@pytest.mark.parametrize(
    "paths",
    [
        Paths(),
        Paths(redis="http://h"),
        Paths(mqtt="redis://h"),
        Paths(mqtt="mqtt://h:70000"),
        Paths(mqtt="mqtt://h?colour=red"),
    ],
)
def test_a_path_that_cannot_be_used_is_refused_before_anything_connects(paths):
    who = Identity(agent="bot").filled()
    with pytest.raises(BadConfig):
        channels_of(paths, who, Watch(who, GuardOptions(), "g"), GuardOptions())


def test_brokers_are_named_by_url():
    assert broker_address("mqtt://h") == BrokerAddress(host="h", port=1883)
    address = broker_address("mqtts://u%40x:p%3A@h:1/?ca=/ca.pem&cert=/c.pem&key=/k.pem&password_file=/run/p")
    assert address == BrokerAddress(
        host="h", port=1, tls=True, user="u@x", password="p:", ca="/ca.pem", cert="/c.pem", key="/k.pem",
        password_file="/run/p",
    )  # fmt: skip
    assert "p:" not in repr(address)
    assert broker_address("mqtts://h").port == 8883


@pytest.mark.parametrize(
    ("subject", "middle"),
    [
        ("acme", "acme/-/tenant/acme"),
        ("acme/crew", "acme/crew/app/crew"),
        ("acme/crew/agent/a%2Fb", "acme/crew/agent/a%2Fb"),
        ("acme/crew/run/r%2B%231", "acme/crew/run/r%2B%231"),
        ("acme/crew/root/r", "acme/crew/root/r"),
        ("acme/crew/task/a%2Cb+c", "acme/crew/task/a%2Cb,c"),
        ("acme/-/run/tenant", "acme/-/run/tenant"),
    ],
)
def test_topics_and_subjects_name_each_other(subject, middle):
    assert command_topic(subject) == f"agentwatch/v1/{middle}/command"
    assert ack_topic(subject) == f"agentwatch/v1/{middle}/ack"
    assert subject_of(command_topic(subject)) == subject_of(ack_topic(subject)) == subject
    assert not set("+#") & set(command_topic(subject))


@pytest.mark.parametrize(
    "topic", ["", "agentwatch/v1/status", "agentwatch/v1/a/b/c/d/command", "x/y/a/b/run/r/command"]
)
def test_a_foreign_topic_has_no_subject(topic):
    with pytest.raises(BadRequest):
        subject_of(topic)


def test_a_live_message_needs_no_common_clock_and_a_retained_one_is_never_longer_than_it_was():
    made = Command(id="d", cmd="kill", scope="run", subject="a/b/run/c", epoch=1, issued_at=1000.0, expires_at=1060.0)
    assert lease_s(made, 40_000, retained=False, wall=9999.0) == 40.0
    assert lease_s(made, None, retained=False, wall=9999.0) == 60.0
    assert lease_s(made, 40_000, retained=True, wall=1050.0) == 10.0
    assert lease_s(made, 40_000, retained=True, wall=500.0) == 40.0
    assert lease_s(made, 40_000, retained=True, wall=2000.0) < 0


def test_the_local_bucket_spaces_calls_evenly_for_every_subject_at_once():
    bucket = LocalBucket()
    slow, quick = interval_s(6), interval_s(60)
    assert bucket.take({"a": slow}, 0.0) == 0.0
    assert bucket.take({"a": slow, "b": quick}, 4.0) == 6.0
    assert bucket.take({"a": slow, "b": quick}, 10.0) == 0.0
    assert bucket.take({"b": quick}, 10.5) == 0.5
    assert bucket.take({"a": interval_s(600)}, 10.0) == 0.0


def test_a_raised_limit_counts_at_once():
    bucket = LocalBucket()
    bucket.take({"a": interval_s(1)}, 0.0)
    assert bucket.take({"a": interval_s(60)}, 0.5) == 1.0


def test_waits_double_up_to_the_cap_and_keep_half_at_least():
    backoff = Backoff(BackoffOptions(min_s=1.0, max_s=8.0), jitter=lambda: 1.0)
    assert [backoff.next() for _ in range(5)] == [1.0, 2.0, 4.0, 8.0, 8.0]
    backoff.reset()
    assert Backoff(BackoffOptions(min_s=1.0, max_s=8.0), jitter=lambda: 0.0).next() == 0.5
    assert backoff.next() == 1.0
