"""The key that signs commands, handed to the unit by systemd: a guard believes it alone, and it can be changed."""

import json

import pytest

UNIT = "agentwatch.service"
CONFIG = "/etc/agentwatch/agentwatch.toml"
KEY = "/etc/agentwatch/credentials/command-key"
TRUSTED = "/etc/agentwatch/command-keys"

# A guard as an agent has it: it says what it heard and what it refused, one line each, until it is killed.
GUARD = """
import asyncio, logging, sys
from agentwatch.client import AgentStopped, Guard

async def main(run, keys):
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    guard = Guard("signed", app="signed", run=run, http="http://127.0.0.1:8420", command_keys=keys,
                  token=open("/root/guard-token").read().strip())
    async with guard:
        print("listening", flush=True)
        for _ in range(300):
            try:
                await guard.check()
            except AgentStopped as stopped:
                print("stopped:", stopped, flush=True)
                return
            await asyncio.sleep(0.1)
        print("never stopped", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def signing(machine):
    """The service with a key as a credential, the guards' file of public keys, and a guard's token."""
    machine.operator()
    machine.active()
    public = json.loads(machine.run("agentwatch", "keys", "new", KEY, "-o", "json").stdout)["public"]
    machine.write(TRUSTED, f"{public}\n", "0644")
    machine.write("/root/guard.py", GUARD)
    made = ("agentwatch", "clients", "add", "guards", "--role", "guard", "--save", "/root/guard-token")
    machine.run(*made, "--reason", "to be stopped", "--token-file", "/root/token")
    config = machine.read(CONFIG)
    assert config.count("[signing]\n") == 1
    machine.write(CONFIG, config.replace("[signing]\n", '[signing]\nprivate_key = "credential:command-key"\n'))
    with machine.drop_in("20-credentials", f"[Service]\nLoadCredential=command-key:{KEY}\n"):
        machine.active()
        yield machine
        machine.write(CONFIG, config)
    machine.active()


def stopped(machine, run: str, keys: str) -> str:
    """Let a guard listen that believes these keys, kill its run by hand, and give all that the guard said."""
    unit = f"guard-{run}"
    guard = ("/opt/agentwatch/bin/python3", "/root/guard.py", run, keys)
    machine.run("systemd-run", f"--unit={unit}", *guard)
    machine.poll(lambda: "listening" in machine.journal(unit=unit))
    subject = f"default/signed/run/{run}"
    machine.run("agentwatch", "kill", subject, "--reason", "by hand", "--token-file", "/root/token", "--yes")
    machine.poll(lambda: any(word in machine.journal(unit=unit) for word in ("stopped:", "refused")))
    said = machine.journal(unit=unit)
    machine.run("systemctl", "stop", unit, check=False)
    return said


def test_a_guard_is_stopped_by_a_command_that_the_units_key_signed(signing) -> None:
    assert "stopped:" in stopped(signing, "first", f"file:{TRUSTED}")


def test_a_guard_that_believes_another_key_refuses(signing) -> None:
    strange = json.loads(signing.run("agentwatch", "keys", "new", "/root/strange", "-o", "json").stdout)["public"]
    said = stopped(signing, "stranger", strange)
    assert "command_refused" in said
    assert "stopped:" not in said


def test_the_key_is_private_to_the_unit(signing) -> None:
    pid = signing.shown("MainPID")
    there = signing.run(
        "sh", "-c", f"tr '\\0' '\\n' </proc/{pid}/environ | sed -n 's/^CREDENTIALS_DIRECTORY=//p'"
    ).stdout
    found = signing.run("stat", "--format", "%a %U", f"{there.strip()}/command-key").stdout.split()
    assert found[0] in ("400", "440")
    assert "PRIVATE KEY" not in signing.journal()
    assert signing.run("runuser", "-u", "nobody", "--", "cat", f"{there.strip()}/command-key", check=False).returncode


def test_the_key_is_changed_without_a_guard_that_is_without_the_right_one(signing) -> None:
    old = signing.read(TRUSTED).split()[0]
    signing.run("agentwatch", "keys", "rotate", KEY, "--trusted", TRUSTED)
    assert "stopped:" in stopped(signing, "between", f"file:{TRUSTED}")  # the old key still signs
    signing.run("agentwatch", "keys", "rotate", KEY, "--switch")
    signing.run("systemctl", "restart", UNIT)  # some systemd hand credentials over at the start alone
    signing.active()
    assert "stopped:" in stopped(signing, "after", f"file:{TRUSTED}")
    assert "command_refused" in stopped(signing, "late", old)
