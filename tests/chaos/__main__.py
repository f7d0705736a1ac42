"""`python -m tests.chaos`: every scenario at full length, on real servers; ends with the table, and 1 if one is bad."""

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec.structs import replace
from redis.exceptions import RedisError

from tests.chaos import clustered, delivery, embedded, outages, surroundings
from tests.chaos.account import Account
from tests.chaos.forking import Forker
from tests.chaos.killing import killed
from tests.chaos.servers import binary_of, mosquitto
from tests.chaos.stage import Kit
from tests.chaos.table import shown
from tests.chaos.workload import events, replayed

_EVENTS_A_KILL = 30
_EVENTS_A_BLOCK = 327


def scenarios(kit: Kit, away_s: float) -> Iterator[tuple[str, Callable[[], object]]]:
    """List the scenarios by name, each with what runs it."""
    yield "redis-killed", lambda: outages.restarted(kit, 16, signal.SIGKILL)
    yield "redis-stopped", lambda: outages.restarted(kit, 8, signal.SIGTERM)
    yield "everysec", lambda: outages.killed_everysec(kit, 10)
    yield "power-lost", lambda: outages.power_lost(kit, 10)
    yield "failed-over", lambda: outages.failed_over(kit, 6, 0.0)
    yield "failed-over-behind", lambda: outages.failed_over(kit, 6, 1.0)
    if kit.redis == "valkey":
        yield "cluster", lambda: clustered.cluster_failed_over(kit, 4)
        yield "embedded", lambda: embedded.embedded_killed(kit, 12)
    yield "connections", lambda: outages.cut_and_slowed(kit, 84)
    yield "hung", lambda: outages.refused_and_hung(kit, 6, 4.0)
    yield "clock", lambda: outages.clock_set(kit, (90.0, -60.0, 240.0, -200.0, -120.0, 180.0))
    yield "delivery", lambda: delivery.doubled_and_mixed(kit)
    yield "group", lambda: delivery.group_moved(kit, 24)
    yield "broker", lambda: surroundings.broker_gone(kit, 2, away_s)
    yield "broker-hung", lambda: surroundings.broker_hung(kit, 3, 4.0)
    yield "disk-always", lambda: surroundings.disk_full(kit, "always")
    yield "disk-everysec", lambda: surroundings.disk_full(kit, "everysec")
    yield "safe-mode", lambda: surroundings.safe_after_crashes(kit)


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=120, help="kills of the daemon for each kind of server")
    parser.add_argument("--servers", default="valkey,redis")
    parser.add_argument("--away", type=float, default=60.0, help="seconds for which the broker is gone")
    parser.add_argument("--only", default="", help="names of scenarios, separated by commas")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    only = set(filter(None, asked.only.split(",")))
    accounts: list[Account] = []
    notes: list[str] = [f"seed {asked.seed}"]
    boundaries: Counter[str] = Counter()
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        forker = Forker()
        stack.callback(forker.close)
        for kind in asked.servers.split(","):
            binary_of(kind)
            lines = events(asked.kills * _EVENTS_A_KILL // _EVENTS_A_BLOCK + 1)
            kit = Kit(
                directory=directory / kind,
                redis=kind,
                broker=mosquitto,
                lines=lines,
                expected=replayed(lines),
                forker=forker,
            )
            if asked.kills and (not only or "kills" in only):
                account, done = killed(kit, asked.kills, asked.seed)
                _tell(account, accounts)
                boundaries += done
            lines = events(4)
            kit = replace(kit, lines=lines, expected=replayed(lines))
            for name, run in scenarios(kit, asked.away):
                if only and name not in only:
                    continue
                account, more = _outcome(name, run)
                notes += [f"{account.scenario}: lost by the server {one}" for one in more]
                _tell(account, accounts)
    print("\n" + shown(accounts) + "\n")
    print("\n".join(f"{number:4} x killed at: {name}" for name, number in sorted(boundaries.items())))
    print("\n".join(notes))
    return 0 if all(account.good for account in accounts) else 1


def _outcome(name: str, run: Callable[[], object]) -> tuple[Account, list[str]]:
    """Run a scenario; one that does not come to its end is a bad line of the table, and the others go on."""
    try:
        found = run()
    except (AssertionError, OSError, RedisError) as error:
        why = [repr(error)[:2000]]
        return Account(scenario=name, injected=0, events=0, counted=0, expected=0, found=0, why=why), []
    return found if isinstance(found, tuple) else (found, [])


def _tell(account: Account, accounts: list[Account]) -> None:
    accounts.append(account)
    print(f"{account.scenario}: {'good' if account.good else account.why} ({account.seconds:.0f} s)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
