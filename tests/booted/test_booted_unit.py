"""The unit under a real systemd: readiness, reload, watchdog, limits, drain, crash, sandbox."""

import re
import shutil

import pytest

UNIT = "agentwatch.service"
CONFIG = "/etc/agentwatch/agentwatch.toml"
POLICY = "/etc/agentwatch/policy.d/00-default.toml"

# Put before the daemon's own code by a drop-in: faults that no daemon offers by itself.
FAULTS = """
import signal, time

def hang_for_ever(*_):
    while True:
        time.sleep(1)

def eat_memory(*_):
    eaten = []
    while True:
        eaten.append(bytearray(b"x" * (8 << 20)))

signal.signal(signal.SIGUSR1, hang_for_ever)
signal.signal(signal.SIGUSR2, eat_memory)
"""


@pytest.fixture
def served(machine):
    """The machine with the service at work and an operator's token."""
    machine.operator()
    machine.active()
    return machine


def test_active_means_that_it_answers(served) -> None:
    """`systemctl restart` returns with the ready notification, and not before requests are answered."""
    mark = served.cursor()
    served.run("systemctl", "restart", UNIT)
    assert served.ask("/readyz", check=True) is not None
    assert served.shown("Type") == "notify"
    assert re.fullmatch(r"\w+: [\d,]+ events?, lag \d+, [\d,]+ subjects? stands?", served.shown("StatusText"))
    said = served.journal(mark)
    assert said.index("api_listening") < said.index(f"Started {UNIT}")


def test_a_good_reload_is_taken_over_without_a_restart(served) -> None:
    pid, before = served.shown("MainPID"), served.ask("/v1/status")
    policy = served.read(POLICY)
    served.write(POLICY, policy + '\n[[rules]]\nname = "booted"\nmatch.agent = "x"\n')
    try:
        served.run("systemctl", "reload", UNIT)
        after = served.poll(lambda: (found := served.ask("/v1/status"))["rules"] != before["rules"] and found)
        assert after["last_reload"] == "loaded"
        assert served.shown("MainPID") == pid
        assert served.shown("ActiveState") == "active"
    finally:
        served.write(POLICY, policy)
        served.run("systemctl", "reload", UNIT)


def test_a_bad_reload_fails_and_changes_nothing(served) -> None:
    served.run("systemctl", "reload", UNIT)
    pid, before, mark = served.shown("MainPID"), served.ask("/v1/status"), served.cursor()
    policy = served.read(POLICY)
    served.write(POLICY, policy.replace('mode = "enforce"', 'mode = "sometimes"', 1))
    try:
        assert served.run("systemctl", "reload", UNIT, check=False).returncode != 0
        assert "defaults.mode" in served.journal(mark)
        # past the check of the unit, straight to the daemon
        served.run("systemctl", "kill", "--kill-who=main", "--signal=HUP", UNIT)
        served.poll(lambda: "refused" in served.ask("/v1/status")["last_reload"])
        after = served.ask("/v1/status")
        assert (after["policy_digest"], served.shown("MainPID")) == (before["policy_digest"], pid)
    finally:
        served.write(POLICY, policy)
        served.run("systemctl", "reload", UNIT)


def test_a_hanging_loop_is_aborted_with_a_traceback_in_the_journal_and_started_again(served) -> None:
    served.write("/shared/faults/sitecustomize.py", FAULTS)
    with served.drop_in("90-faults", "[Service]\nEnvironment=PYTHONPATH=/shared/faults\nWatchdogSec=4\nRestartSec=1\n"):
        served.poll(lambda: served.ask("/v1/status"))
        events, pid, mark = served.events(), served.shown("MainPID"), served.cursor()
        served.run("systemctl", "kill", "--kill-who=main", "--signal=USR1", UNIT)
        served.restarted(pid)
        said = served.journal(mark)
        assert "Watchdog timeout" in said
        assert "Fatal Python error: Aborted" in said
        assert "hang_for_ever" in said  # where it hung
        assert "status=6/ABRT" in said
        assert served.poll(lambda: served.events() == events)


def test_memory_is_limited_and_who_eats_it_is_ended_and_started_again(served) -> None:
    at = "system.slice/agentwatch.service/memory"
    files = f"/sys/fs/cgroup/{at}.max /sys/fs/cgroup/memory/{at}.limit_in_bytes"  # one of them is there
    assert int(served.run("sh", "-c", f"cat {files} 2>/dev/null || true").stdout) == 1536 << 20
    served.write("/shared/faults/sitecustomize.py", FAULTS)
    faults = "[Service]\nEnvironment=PYTHONPATH=/shared/faults\nMemoryHigh=infinity\nMemoryMax=400M\nRestartSec=1\n"
    with served.drop_in("90-faults", faults):
        events, pid, mark = served.events(), served.shown("MainPID"), served.cursor()
        served.run("systemctl", "kill", "--kill-who=main", "--signal=USR2", UNIT)
        served.restarted(pid)
        assert re.search(r"oom-kill|status=9/KILL", served.journal(mark))
        assert served.poll(lambda: served.events() == events)


def test_a_stop_drains_and_nothing_is_lost(served) -> None:
    before, mark = served.events(), served.cursor()
    served.send("drained", 3000)
    served.run("systemctl", "stop", UNIT)
    assert (served.shown("Result"), served.shown("ExecMainStatus"), served.shown("ActiveState")) == (
        "success", "0", "inactive")  # fmt: skip
    said = served.journal(mark)
    assert "daemon_stopped" in said
    assert "embedded_server_stopped" in said
    assert "drain_late" not in said
    assert "SIGKILL" not in said
    left = served.run(
        "sh", "-c", "cat /sys/fs/cgroup/*/system.slice/agentwatch.service/cgroup.procs 2>/dev/null || true"
    )
    assert left.stdout == ""
    served.run("systemctl", "start", UNIT)
    assert served.poll(lambda: served.events() == before + 3000)


def crashed(machine) -> list[dict]:
    """List what was decided on the agent of that name, without the findings that its stop worked."""
    found = machine.ask("/v1/decisions")["decisions"]
    return [each for each in found if each["app"] == "crashed" and each["change"] != "verified"]


def test_a_kill_9_is_followed_by_a_start_with_the_state_kept(served) -> None:
    served.send("crashed", 20)
    before = served.poll(lambda: (found := served.ask("/v1/status"))["lag"] == 0 and found)
    decided = crashed(served)
    assert decided
    pid, restarts = served.shown("MainPID"), int(served.shown("NRestarts"))
    served.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", UNIT)
    served.restarted(pid)
    assert int(served.shown("NRestarts")) == restarts + 1
    after = served.poll(lambda: (found := served.ask("/v1/status"))["events"] == before["events"] and found)
    assert after["standing"] == before["standing"]
    assert crashed(served) == decided
    served.send("crashed", 20)  # the same events once more: what was seen is still known
    assert served.poll(lambda: served.ask("/v1/status")["lag"] == 0)
    assert crashed(served) == decided


def test_a_refused_configuration_stays_failed_and_tells_on_call(served) -> None:
    heard = "/shared/heard"
    hook = (
        "import http.server\n"
        "class Hook(http.server.BaseHTTPRequestHandler):\n"
        "    def do_POST(self):\n"
        f"        open('{heard}', 'ab').write(self.rfile.read(int(self.headers['content-length'])) + b'\\n')\n"
        "        self.send_response(200); self.end_headers()\n"
        "http.server.HTTPServer(('127.0.0.1', 9099), Hook).serve_forever()\n"
    )
    served.run("systemd-run", "--unit=hook", "/usr/bin/python3", "-c", hook)
    config = served.read(CONFIG)
    receiver = '\n[[receivers]]\nname = "oncall"\nurl = "http://127.0.0.1:9099/"\n'
    served.write(CONFIG, config.replace("[standing]\n", "[standing]\nmax = 1\n") + receiver)
    try:
        assert served.run("systemctl", "restart", UNIT, check=False).returncode != 0
        served.poll(lambda: served.shown("ActiveState") == "failed")
        assert served.shown("ExecMainStatus") == "2"
        served.poll(lambda: (served.shared / "heard").exists() and "failed" in (served.shared / "heard").read_text())
        assert served.shown("ActiveState") == "failed"
        assert "standing.max" in served.journal()
    finally:
        served.write(CONFIG, config)
        served.run("systemctl", "stop", "hook")
        served.run("systemctl", "reset-failed")
        served.run("systemctl", "start", UNIT)


@pytest.mark.parametrize("service", [UNIT, "agentwatch-alert@x.service"])
def test_the_exposure_of_what_is_installed_is_at_most_one(served, service: str) -> None:
    found = served.run("systemd-analyze", "security", "--threshold=10", "--no-pager", service, check=False)
    assert found.returncode == 0, found.stdout[-3000:]


def test_the_process_has_no_rights_that_it_does_not_need(served) -> None:
    status = served.read(f"/proc/{served.shown('MainPID')}/status")
    found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    user = served.run("id", "-u", "agentwatch").stdout.strip()
    assert set(found["Uid"].split()) == {user}
    assert {int(found[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
    mounts = served.read(f"/proc/{served.shown('MainPID')}/mountinfo")
    writable = {line.split()[4] for line in mounts.splitlines() if "rw" in line.split()[5].split(",")}
    inside = ("/etc/", "/usr", "/opt", "/home", "/root", "/boot")
    assert {path for path in writable if path.startswith(inside)} <= {"/etc/agentwatch"}
    assert served.run("runuser", "-u", "agentwatch", "--", "test", "-w", "/etc/agentwatch", check=False).returncode == 1
    assert "/var/lib/agentwatch" in writable


@pytest.fixture
def redis_with_password(served):
    """A Redis of the distribution on the machine, whose password is `one`."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    served.run("systemd-run", "--unit=ourredis", "redis-server", "--port", "7777", "--requirepass", "one", "--save", "")
    served.poll(lambda: served.run("redis-cli", "-p", "7777", "ping", check=False).stdout)
    yield served
    served.run("systemctl", "stop", "ourredis", check=False)


SECRET = "/etc/agentwatch/credentials/redis-password"


@pytest.fixture
def with_credential(redis_with_password):
    """The service on that Redis, with the password as a credential."""
    machine = redis_with_password
    config = machine.read(CONFIG)
    assert config.count("[redis]\n") == 1
    there = '[redis]\nurl = "redis://127.0.0.1:7777"\npassword = "credential:redis-password"\n'
    machine.write(SECRET, "one\n", "0600")
    machine.write(CONFIG, config.replace("[redis]\n", there))
    with machine.drop_in("20-credentials", f"[Service]\nLoadCredential=redis-password:{SECRET}\n"):
        yield machine
        machine.write(CONFIG, config)
    machine.active()


def test_a_password_comes_as_a_credential_and_is_changed_by_a_restart(with_credential) -> None:
    machine, pid = with_credential, with_credential.shown("MainPID")
    assert machine.events() == 0  # another Redis, another state
    machine.send("there", 20)
    machine.poll(lambda: machine.events() == 20)
    machine.run("redis-cli", "-p", "7777", "-a", "one", "config", "set", "requirepass", "two")
    machine.write(SECRET, "two\n")
    machine.run("systemctl", "reload", UNIT)  # its check reads the secrets too, and the daemon stays connected
    assert machine.events() == 20
    machine.run("systemctl", "restart", UNIT)
    assert machine.poll(lambda: machine.events() == 20)
    assert machine.shown("MainPID") != pid
    environment = machine.run("sh", "-c", f"tr '\\0' '\\n' </proc/{machine.shown('MainPID')}/environ").stdout
    assert "CREDENTIALS_DIRECTORY=" in environment
    assert not re.search(r"=(one|two)$", environment, re.MULTILINE)
    assert not re.search(r":(one|two)@", machine.journal())


def test_a_credential_that_is_missing_keeps_the_service_from_starting_and_is_named(with_credential) -> None:
    machine, mark = with_credential, with_credential.cursor()
    machine.run("mv", SECRET, f"{SECRET}.away")
    assert machine.run("systemctl", "restart", UNIT, check=False).returncode != 0
    assert "status=243/CREDENTIALS" in machine.journal(mark)
    machine.run("mv", f"{SECRET}.away", SECRET)
    machine.active()  # it is tried again and again
