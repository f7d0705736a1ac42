"""The Debian package on a booted machine: installed, enabled, working, upgraded, removed."""

import hashlib
from pathlib import Path

UNIT = "agentwatch.service"
CONFIG = "/etc/agentwatch/agentwatch.toml"
ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_package_is_of_this_tree(machine) -> None:
    """An old package in dist/ would test what nobody changes any more."""
    home = "$(echo /opt/agentwatch/lib/python3*/site-packages)"
    sums = machine.run("sh", "-c", f"cd {home} && find agentwatch -name '*.py' -exec sha256sum {{}} +").stdout
    packed = dict(reversed(line.split()) for line in sums.splitlines())
    tree = {str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (ROOT / "agentwatch").rglob("*.py")}  # fmt: skip
    assert sorted(path for path in packed | tree if packed.get(path) != tree.get(path)) == [], "make deb"


def test_installing_enables_and_starts_the_service(machine) -> None:
    assert machine.run("systemctl", "is-enabled", UNIT).stdout.strip() == "enabled"
    machine.active()
    assert machine.run("agentwatch", "--version").stdout.startswith("agentwatch, version ")
    assert machine.run("stat", "-c", "%a %U:%G", CONFIG).stdout.strip() == "640 root:agentwatch"
    assert machine.run("stat", "-c", "%a %U:%G", "/etc/agentwatch/credentials").stdout.strip() == "700 root:root"
    assert machine.run("stat", "-c", "%a %U:%G", "/var/lib/agentwatch").stdout.strip() == "700 agentwatch:agentwatch"
    assert machine.run("dpkg", "--verify", "agentwatch").stdout == ""
    assert machine.run("sh", "-c", "ls /usr/share/man/man1/agentwatch-run.1.gz").returncode == 0


def test_an_event_goes_in_and_a_decision_comes_out(machine) -> None:
    machine.operator()
    machine.send("bot", 20)
    page = machine.poll(lambda: machine.ask("/v1/decisions").get("decisions"))
    assert {(each["level"], each["subject"]) for each in page} >= {("kill", "default/bot/run/bot")}
    assert machine.events() == 20
    listed = machine.run("agentwatch", "decisions", "list", "--token-file", "/root/token", check=False).stdout
    assert "kill" in listed


def test_an_upgrade_keeps_the_state_and_what_was_changed(machine) -> None:
    before, config = machine.events(), machine.read(CONFIG)
    pid = machine.shown("MainPID")
    machine.run("dpkg", "-i", "/shared/agentwatch.deb")
    machine.restarted(pid)
    assert machine.read(CONFIG) == config
    assert machine.poll(lambda: machine.events() == before)
    assert machine.ask("/v1/status")["standing"]["kill"] == 1
