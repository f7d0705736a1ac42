"""A machine with a real systemd as PID 1, in namespaces of its own, and the Debian package installed on it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
UNIT = "agentwatch.service"
CONFIG = "/etc/agentwatch/agentwatch.toml"
POLICY = "/etc/agentwatch/policy.d/00-default.toml"
DROP_INS = f"/etc/systemd/system/{UNIT}.d"
DEADLINE_S = 60.0
_INSIDE = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all that is here: it needs Debian's packages, root, and time."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("debian")
            item.add_marker("slow")


def until(true: Callable[[], Any], seconds: float = DEADLINE_S, what: str = "") -> Any:
    """Poll for what the machine brings about, and give what was found."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"not reached in {seconds:g} s: {what}"
        time.sleep(0.1)
    return found


class Machine:
    """The booted machine: `run` a command in it, `write` a file on it."""

    def __init__(self, shared: Path) -> None:
        self.shared = shared
        self.token = ""
        self._log = (shared / "boot.log").open("wb")
        self._boot = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", str(HERE / "boot.sh"), f"agentwatch-booted-{os.getpid()}", str(shared)],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._init = 0

    def boot(self) -> None:
        """Wait until systemd says that it is up."""
        self._init = until(self._find_init, what="systemd as PID 1 of the namespace")
        found = until(self._up, what="systemctl is-system-running")
        failed = self.run("systemctl", "list-units", "--failed", "--no-legend").stdout
        assert found == "running", failed

    def _find_init(self) -> int:
        """Find the script's child (unshare) and its child, once that has become systemd."""
        if self._boot.poll() is not None:
            pytest.skip(f"cannot boot a systemd here: {(self.shared / 'boot.log').read_text()[-500:]}")
        pids = [self._boot.pid]
        for _ in range(2):
            pids = [int(child) for pid in pids for child in _children(pid)]
        with contextlib.suppress(OSError):
            return next((pid for pid in pids if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd"), 0)
        return 0

    def _up(self) -> str:
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state if state in ("running", "degraded") else ""

    def run(self, *command: str, check: bool = True, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as root."""
        found = subprocess.run(
            ["/usr/bin/nsenter", "--target", str(self._init), "--all", "--", *command],
            env=_INSIDE,
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if check and found.returncode != 0:
            pytest.fail(f"{' '.join(command)[:300]}: {found.returncode}\n{found.stdout}\n{found.stderr}")
        return found

    def write(self, path: str, text: str, mode: str = "0644") -> None:
        """Write a file; one that exists keeps its owner and mode."""
        script = 'if [ -e "$1" ]; then cat >"$1"; else install -D -m "$2" /dev/stdin "$1"; fi'
        self.run("sh", "-c", script, "sh", path, mode, text=text)

    def read(self, path: str) -> str:
        return self.run("cat", path).stdout

    def shown(self, name: str, unit: str = UNIT) -> str:
        """Give one property of a unit."""
        return self.run("systemctl", "show", "--value", "--property", name, unit).stdout.strip()

    def journal(self, since: str = "", unit: str = UNIT) -> str:
        """Give what a unit and its manager said, since a cursor."""
        after = ["--after-cursor", since] if since else []
        return self.run("journalctl", "--no-pager", "--output", "cat", "--unit", unit, *after).stdout

    def cursor(self) -> str:
        """Mark the present end of the journal."""
        return self.run("journalctl", "--no-pager", "-n", "0", "--show-cursor").stdout.rpartition("cursor: ")[2].strip()

    def operator(self) -> None:
        """Give the operator a token, once: its digest into the configuration, itself into a file."""
        if self.token:
            return
        roles = ("--role", "operator", "--role", "producer")
        made = json.loads(self.run("agentwatch", "token", "new", "ops", *roles, "-o", "json").stdout)
        self.token = made["token"]
        self.write("/root/token", made["token"], "0600")
        self.write(CONFIG, self.read(CONFIG) + "\n" + made["toml"] + "\n")
        self.run("systemctl", "restart", UNIT)

    def ask(self, path: str, *, check: bool = False) -> Any:
        """Ask the control API, as any HTTP client does; {} while it does not answer, unless it must."""
        head = f"Authorization: Bearer {self.token}"
        url = f"http://127.0.0.1:8420{path}"
        found = self.run("curl", "--silent", "--fail", "--max-time", "10", "-H", head, url, check=check)
        return json.loads(found.stdout) if found.returncode == 0 else {}

    def send(self, agent: str, count: int, start: int = 0) -> None:
        """Send a loop's events with the command line."""
        event = {
            "agent": agent,
            "run": agent,
            "op": "execute_tool",
            "tool": "read",
            "arguments": "{}",
            "result": "again",
        }
        lines = "".join(json.dumps({**event, "id": f"{agent}{at}"}) + "\n" for at in range(start, start + count))
        self.run("agentwatch", "emit", "--token-file", "/root/token", text=lines)

    def events(self) -> int:
        """Tell how many events the daemon has counted; -1 while it does not answer."""
        return int(self.ask("/v1/status").get("events", -1))

    def poll(self, true: Callable[[], Any], seconds: float = DEADLINE_S) -> Any:
        """Wait until something holds, and give what was found."""
        return until(true, seconds)

    def restarted(self, before: str) -> None:
        """Wait until the service has another main process than before, and answers."""
        until(lambda: self.shown("MainPID") not in ("0", before), what="another main process")
        self.active()

    def active(self) -> None:
        until(lambda: self.shown("ActiveState") == "active", what=f"{UNIT} active:\n{self.journal()[-2000:]}")

    @contextlib.contextmanager
    def drop_in(self, name: str, text: str) -> Iterator[None]:
        """Lay a drop-in over the unit and restart; take it away again at the end."""
        self.write(f"{DROP_INS}/{name}.conf", text)
        self.run("systemctl", "daemon-reload")
        try:
            self.run("systemctl", "restart", UNIT)
            yield
        finally:
            self.run("rm", "-f", f"{DROP_INS}/{name}.conf")
            self.run("systemctl", "daemon-reload")
            self.run("systemctl", "reset-failed", check=False)
            self.run("systemctl", "restart", UNIT)

    def off(self) -> None:
        """Pull the plug, and wait until the script has cleared up."""
        self._boot.send_signal(signal.SIGTERM)
        try:
            self._boot.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._boot.pid, signal.SIGKILL)
            self._boot.wait()
        self._log.close()


def _children(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return []


def _package() -> Path:
    """Find the package of this tree's version; `make deb` makes it."""
    lines = (ROOT / "agentwatch/__init__.py").read_text().splitlines()
    version = next(line for line in lines if "__version__" in line).split('"')[1]
    found = sorted((ROOT / "dist").glob(f"agentwatch_{version}_*.deb"))
    if not found:
        pytest.skip("there is no Debian package in dist/: make deb")
    return found[0]


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A booted machine on which the package was just installed, and whose operator has a token."""
    if os.geteuid() != 0:
        pytest.skip("only root can make namespaces with a systemd in them")
    for tool in ("unshare", "nsenter", "setpriv", "ip", "/lib/systemd/systemd", "journalctl", "dpkg", "curl"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    package = _package()
    shared = tmp_path_factory.mktemp("shared")
    shared.chmod(0o755)
    shutil.copy(package, shared / "agentwatch.deb")
    found = Machine(shared)
    try:
        found.boot()
        found.run("dpkg", "-i", "/shared/agentwatch.deb")
        yield found
    finally:
        found.off()
