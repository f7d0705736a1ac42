"""Removing the package stops the service and keeps what is the site's; purging takes that away too."""

UNIT = "agentwatch.service"


def test_removal_keeps_configuration_and_state_and_purge_takes_them(machine) -> None:
    machine.run("dpkg", "--remove", "agentwatch")
    assert machine.shown("ActiveState") == "inactive"
    assert machine.run("pgrep", "-u", "agentwatch", check=False).stdout == ""
    machine.run("test", "-f", "/etc/agentwatch/agentwatch.toml")
    machine.run("test", "-d", "/var/lib/agentwatch/valkey")
    machine.run("dpkg", "--purge", "agentwatch")
    for path in ("/etc/agentwatch", "/var/lib/agentwatch", "/opt/agentwatch", "/usr/bin/agentwatch"):
        assert machine.run("test", "-e", path, check=False).returncode == 1, path
    assert machine.run("systemctl", "is-enabled", UNIT, check=False).returncode != 0
    machine.token = ""  # gone with the configuration
    machine.run("dpkg", "-i", "/shared/agentwatch.deb")
    machine.active()
