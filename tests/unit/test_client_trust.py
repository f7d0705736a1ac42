"""What a guard with keys believes, and what it refuses; every way that a command can be tampered with."""

import re
import string
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agentwatch.client.command_keys import command_keys
from agentwatch.client.obedience import Held
from agentwatch.client.trust import Trust
from agentwatch.errors import BadConfig, BadRequest
from agentwatch.records import Command
from agentwatch.service.signing import Signer, new_private_key, read_private_key
from agentwatch.signed import command_message, netstrings, read_sig, sig_text

PEM, PUBLIC = new_private_key()
OTHER_PEM, OTHER_PUBLIC = new_private_key()
SIGNER, FORGER = (Signer(read_private_key(pem.decode())) for pem in (PEM, OTHER_PEM))
KEYS = command_keys(PUBLIC)
RUN, AGENT = "t/a/run/r", "t/a/agent/bot"
KILL = Command(
    id="d5", cmd="kill", scope="run", subject=RUN, epoch=5, reason="loop", incident="i1", issued_at=1000.25,
    expires_at=4600.25, limit=None,
)  # fmt: skip


class Guard:
    """Stands for the guard behind: keeps what came through."""

    def __init__(self) -> None:
        self.time, self.stands, self.heard_of, self.answers = 50.0, {}, [], []

    def now(self) -> float:
        return self.time

    def settled(self, found: dict[str, Held], asked_at: float) -> None:
        self.stands = found

    def heard(self, command: Command, lease_s: float) -> None:
        self.heard_of.append((command.id, lease_s))

    def acknowledge(self, command: Command, state: str, reason: str = "") -> None:
        self.answers.append((command.id, state, reason))

    def __getattr__(self, name: str) -> Any:
        return lambda *given: self.heard_of.append((name, *given))


@pytest.fixture
def guard() -> Guard:
    return Guard()


@pytest.fixture
def wall() -> list[float]:
    return [1001.0]


@pytest.fixture
def trust(guard, wall) -> Trust:
    return Trust(guard, (RUN, AGENT, "t/a", "t"), KEYS, lambda: wall[0])


def held(command: Command, until: float = float("inf")) -> dict[str, Held]:
    return {command.subject: Held(command, until, 50.0)}


def test_a_signed_command_comes_through_by_either_way(trust, guard):
    signed = SIGNER.command(KILL)
    trust.settled(held(signed, 60.0), 50.0)
    assert guard.stands[RUN].until == 60.0
    trust.heard(signed, 30.0)
    assert guard.heard_of == [("d5", 30.0)]
    assert guard.answers == []
    assert trust.refused == 0


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (KILL, "it is not signed"),
        (FORGER.command(KILL), "not trusted"),
        (replace(SIGNER.command(KILL), reason="another"), "its signature is wrong"),
        (replace(SIGNER.command(KILL), sig="ed25519:x:y"), "cannot be read"),
        (replace(FORGER.command(KILL), sig=FORGER.command(KILL).sig.replace(FORGER.kid, SIGNER.kid)), "is wrong"),
        (SIGNER.command(replace(KILL, expires_at=900.0)), "it has expired"),
        (SIGNER.command(replace(KILL, scope="agent")), "its scope is not run"),
        (replace(SIGNER.command(KILL), expires_at=1e300), "its signature is wrong"),
    ],
)
def test_what_is_refused_and_why(trust, guard, command, reason):
    trust.settled(held(command), 50.0)
    trust.heard(command, 30.0)
    assert guard.stands == {}
    assert guard.heard_of == []
    assert [state for _, state, _ in guard.answers] == ["refused"], "said once, not each second"
    assert reason in guard.answers[0][2]


def test_a_command_for_another_subject_stops_nobody(trust, guard):
    signed = SIGNER.command(replace(KILL, subject="t/a/run/other"))
    trust.heard(signed, 30.0)
    trust.settled(held(signed), 50.0)
    trust.settled({RUN: Held(signed, 99.0, 50.0)}, 50.0)  # copied into the key of another run
    assert (guard.stands, guard.heard_of, guard.answers) == ({}, [], [])


def test_an_older_epoch_is_refused_even_from_the_authority(trust, guard):
    old, new = (SIGNER.command(replace(KILL, id=f"d{n}", epoch=n)) for n in (5, 9))
    trust.settled(held(new), 50.0)
    trust.settled(held(old), 51.0)
    assert guard.stands == {}
    assert guard.answers == [("d5", "refused", "epoch 5 is older than 9")]
    trust.settled(held(new), 52.0)
    assert guard.stands == {}, "what was named no longer was taken back, and does not come again"


def test_an_answer_from_before_a_push_still_counts(trust, guard):
    old, new = (SIGNER.command(replace(KILL, id=f"d{n}", epoch=n)) for n in (5, 9))
    guard.time = 55.0
    trust.heard(new, 30.0)
    trust.settled(held(old), 54.0)
    assert guard.stands[RUN].command.epoch == 5
    trust.settled(held(new), 56.0)
    assert guard.stands[RUN].command.epoch == 9
    assert guard.answers == []


def test_what_was_taken_back_does_not_come_again(trust, guard):
    signed = SIGNER.command(KILL)
    trust.settled(held(signed), 50.0)
    trust.settled({}, 51.0)
    trust.settled(held(signed), 52.0)
    assert guard.stands == {}
    assert guard.answers == [("d5", "refused", "it was taken back")]
    trust.settled(held(SIGNER.command(replace(KILL, id="d6", epoch=6))), 53.0)
    assert guard.stands[RUN].command.id == "d6"


def test_over_http_a_hidden_command_is_not_taken_back(guard, wall):
    trust = Trust(guard, (RUN, AGENT), KEYS, lambda: wall[0], whole=False)
    throttle = SIGNER.command(replace(KILL, id="d3", epoch=3, cmd="throttle", scope="agent", subject=AGENT, limit=6.0))
    for told in (throttle, SIGNER.command(KILL), throttle):
        trust.settled(held(told), 50.0)
    assert guard.stands[AGENT].command.id == "d3"


def test_the_carrier_cannot_lengthen_a_lease(trust, guard, wall):
    signed = SIGNER.command(KILL)
    wall[0] = KILL.expires_at - 10
    trust.heard(signed, 1e9)
    trust.settled(held(signed), 50.0)
    assert guard.heard_of == [("d5", pytest.approx(40.0))]  # clocks may be half a minute apart
    assert guard.stands[RUN].until == pytest.approx(90.0)
    wall[0] = KILL.expires_at + 31
    trust.settled(held(signed), 51.0)
    assert guard.stands == {}


TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=40)
COMMANDS = st.builds(
    Command,
    id=TEXT, cmd=st.sampled_from(["throttle", "pause", "kill", "resume"]), scope=st.sampled_from(["run", "agent"]),
    subject=TEXT, epoch=st.integers(0, 2**53), reason=TEXT, incident=TEXT, issued_by=TEXT,
    issued_at=st.floats(0, 4e9), expires_at=st.floats(0, 4e9), grace_ms=st.integers(0, 10**9),
    limit=st.none() | st.floats(0, 1e6),
)  # fmt: skip


@settings(max_examples=60)
@given(COMMANDS, COMMANDS)
def test_no_change_of_any_field_keeps_a_signature(one, other):
    signed = SIGNER.command(one)
    assert KEYS.reason(signed) == ""
    assert SIGNER.command(one).sig == signed.sig
    assert KEYS.reason(msgspec.json.decode(msgspec.json.encode(signed), type=Command)) == "", "over the wire"
    for name in Command.__struct_fields__:
        if name in ("sig", "v"):
            continue
        changed = replace(signed, **{name: getattr(other, name)})
        if command_message(changed, SIGNER.kid) != command_message(signed, SIGNER.kid):
            assert KEYS.reason(changed) == "its signature is wrong", name
        else:  # a millionth at most
            assert getattr(changed, name) == pytest.approx(getattr(one, name), abs=2e-6), name


@given(st.text(string.printable, max_size=120) | st.binary(min_size=64, max_size=64).map(lambda b: sig_text("k", b)))
def test_a_signature_of_any_text_is_read_or_refused(text):
    try:
        kid, signature = read_sig(text)
    except BadRequest:
        return
    assert sig_text(kid, signature) == text


@given(st.lists(TEXT, max_size=5), st.lists(TEXT, max_size=5))
def test_no_two_lists_of_fields_have_one_message(one, other):
    assert (netstrings(*one) == netstrings(*other)) == (one == other)


def test_keys_of_a_file_are_read_again_when_a_new_one_signs(tmp_path):
    file, now = tmp_path / "keys", [0.0]
    file.write_text(f"# guards believe these\n{PUBLIC}  # of November\n")
    keys = command_keys(f"file:{file}", lambda: now[0])
    new = FORGER.command(KILL)
    assert "not trusted" in keys.reason(new)
    file.write_text(f"{PUBLIC}\n{OTHER_PUBLIC}\n")
    assert "not trusted" in keys.reason(new), "not looked for at every signature"
    now[0] = 11.0
    assert keys.reason(new) == ""
    assert keys.reason(SIGNER.command(KILL)) == ""
    file.write_text("nonsense")
    now[0] = 30.0
    unknown = replace(new, sig=new.sig.replace(FORGER.kid, "0" * 16))
    assert "not trusted" in keys.reason(unknown)
    assert keys.reason(new) == "", "a broken file leaves the keys that were read"


@pytest.mark.parametrize(
    "given",
    ["", "ed25519:AAAA", "rsa:" + "A" * 44, "file:/nowhere/at/all", PUBLIC + "x"],
    ids=["nothing", "short", "other-kind", "no-file", "too-long"],
)
def test_keys_that_are_none_are_refused_by_name(given):
    with pytest.raises(BadConfig) as caught:
        command_keys(given)
    assert caught.value.field == "command_keys"


def test_several_words_are_several_keys():
    keys = command_keys(f"{PUBLIC},{OTHER_PUBLIC}")
    assert keys.reason(SIGNER.command(KILL)) == keys.reason(FORGER.command(KILL)) == ""


def test_without_the_extra_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cryptography", None)
    with pytest.raises(BadConfig, match=r"install agentwatch\[verify\]"):
        command_keys(PUBLIC)


@pytest.mark.parametrize("text", ["nonsense", PEM.decode()[:80], PUBLIC], ids=["nonsense", "cut-off", "public"])
def test_a_private_key_that_is_none_is_not_told(text):
    with pytest.raises(BadConfig) as caught:
        read_private_key(text)
    assert caught.value.field == "signing.private_key"
    assert text not in str(caught.value)


def test_a_key_of_another_kind_is_refused():
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(BadConfig, match="Ed25519 is needed"):
        read_private_key(pem.decode())


def test_the_example_of_the_documentation_is_true():
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    page = (Path(__file__).parents[2] / "docs" / "connect.md").read_text("utf-8")
    example = re.search(r'\{"id":"d81".*?\}', page, re.DOTALL)[0]
    command = msgspec.json.decode(example, type=Command)
    signer = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    assert signer.command(replace(command, sig="")).sig == command.sig
    public = re.search(r"public `(ed25519:\S+)`", page)[1]
    assert command_keys(public).reason(command) == ""


def test_an_unsigned_daemon_changes_nothing():
    assert Signer().command(KILL) is KILL
