"""Terminal agents: operators of clusters and hosts, through a shell."""

from agentwatch.records import Status
from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.places.workplace import Workplace
from agentwatch.testing.scenarios.stamps import iso
from agentwatch.testing.scenarios.writer import Writer

__all__ = ["TERMINAL", "log_lines", "shell"]

_APPS = ("ops-agent", "sre-copilot", "shell-runner")
_AGENTS = ("operator", "sre", "shell")


def shell(command: str, output: str, code: int = 0) -> Call:
    """Run a command; a code other than 0 is a failure."""
    status: Status = "error" if code else "ok"
    return Call(
        tool="shell",
        arguments={"command": command},
        result=output,
        status=status,
        error=f"exit status {code}" if code else None,
    )


def log_lines(w: Writer, count: int, at: float = 1_760_000_000.0) -> str:
    """Write lines of a service's log, each a little later than the one before."""
    lines = []
    for _ in range(count):
        at += w.rng.random() * 9
        level = w.one(("INFO", "INFO", "INFO", "WARN", "DEBUG"))
        lines.append(
            f"{iso(at)} {level} {w.noun()}.{w.noun()} {w.adjective()} {w.noun()} "
            f"{w.verb()} {w.noun()}={w.number(1, 9999)}"
        )
    return "\n".join(lines)


def _host(w: Writer) -> str:
    return f"{w.noun()}-{w.one(('web', 'db', 'cache', 'edge'))}-{w.number(1, 40):02d}"


def _task(w: Writer) -> str:
    told = f"{w.company()}: the {w.noun()} service on {_host(w)} {w.verb()} its {w.noun()}."
    return f"{told} {w.sentence()} Find the cause and mend it."


def _work(w: Writer) -> Call:
    kind = w.number(0, 5)
    if kind == 0:
        rows = "\n".join(
            f"{w.noun()}-{w.noun()}-{w.token(5)}  1/1  Running  {w.number(0, 9)}  {w.number(1, 90)}d"
            for _ in range(w.number(3, 10))
        )
        return shell(f"kubectl get pods -n {w.noun()}-{w.noun()}", f"NAME READY STATUS RESTARTS AGE\n{rows}")
    if kind == 1:
        return shell(
            f"journalctl -u {w.noun()}-{w.noun()} -n {w.number(10, 60)} --no-pager", log_lines(w, w.number(6, 18))
        )
    if kind == 2:
        return shell(
            f"cat /etc/{w.noun()}/{w.noun()}.conf",
            "\n".join(f"{w.noun()}_{w.noun()} = {w.adjective()}" for _ in range(w.number(5, 16))),
        )
    if kind == 3:
        return shell(
            f"df -h /srv/{w.noun()}",
            f"/dev/sd{w.one('abcd')}{w.number(1, 4)} {w.number(40, 900)}G {w.number(9, 39)}G {w.number(5, 97)}% /srv",
        )
    if kind == 4:
        return shell(
            f"curl -s http://{_host(w)}:{w.number(3000, 9999)}/health",
            f'{{"{w.noun()}": "{w.adjective()}", "{w.noun()}": {w.number(1, 999)}, "note": "{w.sentence()}"}}',
        )
    return shell(f"systemctl restart {w.noun()}-{w.noun()}.service", "")


def _lookup(w: Writer) -> Call:
    unit = f"{w.noun()}-{w.noun()}"
    if w.chance(0.5):
        loaded = f"Loaded: loaded (/lib/systemd/system/{unit}.service; enabled)\n Active: inactive (dead)"
        shown = f"{unit}.service - {w.sentence()}\n {loaded}\n{w.prose(1, 2)}"
        return shell(f"systemctl status {unit} --no-pager", shown)
    return shell(
        f"cat /etc/{unit}/settings.yaml",
        "\n".join(f"{w.noun()}: {w.adjective()}-{w.noun()}" for _ in range(w.number(8, 18))),
    )


def _nothing(w: Writer) -> Call:
    return shell(f"grep -rn '{w.noun()} {w.noun()}' /var/log/{w.noun()}/", "")


def _broken(w: Writer) -> Call:
    unit = f"{w.noun()}-{w.noun()}"
    if w.chance(0.5):
        return shell(f"systemctl start {unit}", f"Failed to start {unit}.service: Unit {unit}.service not found.", 5)
    field = f'unknown field "spec.{w.noun()}.{w.noun()}"'
    error = f'error: error validating "deploy/{unit}.yaml": {field}; use --validate=false to ignore these errors'
    return shell(f"kubectl apply -f deploy/{unit}.yaml", error, 1)


def _minor(w: Writer) -> Call:
    return shell(
        w.one(
            (
                f"mkdir -p /tmp/{w.noun()}-{w.token(4)}",
                f"cd /srv/{w.noun()}/{w.noun()}",
                f"export {w.noun().upper()}_{w.noun().upper()}={w.adjective()}",
            )
        ),
        "",
    )


TERMINAL = Workplace("terminal", _APPS, _AGENTS, _task, _work, _lookup, _nothing, _broken, _minor)
