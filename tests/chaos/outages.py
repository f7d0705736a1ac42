"""What happens to Redis: killed, stopped, failed over, cut and slowed in mid-reply, and set to another time."""

import random
import re
import signal
import time

from tests.chaos.account import Account
from tests.chaos.proxy import LABELS, Fault, Moment
from tests.chaos.servers import Redis, until
from tests.chaos.stage import Kit, Stage, stage
from tests.chaos.workload import mixed

__all__ = [
    "clock_set",
    "cut_and_slowed",
    "failed_over",
    "killed_everysec",
    "power_lost",
    "refused_and_hung",
    "restarted",
]

_TIME = re.compile(rb"(\*2\r\n\$10\r\n)(\d{10})(\r\n\$\d\r\n)")
_BACK = re.compile(r"the store holds commit (\d+), not (\d+)")
_FIRE_S = 10.0


def restarted(kit: Kit, times: int, how: signal.Signals, seed: int = 1) -> Account:
    """Redis with `appendfsync always` is ended in the middle of a request and comes back; the daemon lives on."""
    chance = random.Random(seed)
    name = "killed" if how is signal.SIGKILL else "stopped"
    with stage(kit, f"redis {name}") as on:
        on.daemon.start()
        for at in range(times):
            moment: Moment = ("before", "half", "unanswered", "answered")[at % 4]
            end = (lambda: on.server.end(how)) if how is signal.SIGKILL else (lambda: None)
            on.feed(0.9 / times)
            on.proxy.arm(Fault(label=chance.choice(LABELS[1:3]), moment=moment, skip=chance.randrange(3), call=end))
            assert on.proxy.fired.wait(_FIRE_S), on.daemon.words()
            on.server.end(how)
            time.sleep(chance.uniform(0.0, 0.3))
            on.server.start()
            on.injected += 1
            on.done()
        return on.finish(f"{kit.redis} {name}, appendfsync always")


def power_lost(kit: Kit, times: int, window_s: float = 1.0, seed: int = 2) -> tuple[Account, list[str]]:
    """Redis with `appendfsync everysec` is killed, and what it wrote in its last second is taken from the disk, too.

    A kill alone loses what the server had not yet handed to the kernel; a loss of power may lose all since the last
    fsync. The events of the window are sent again, apps mixed otherwise, as by producers who keep them for as long.
    Each second time the daemon is lost with the server, and only the broker lives on.
    """
    chance = random.Random(seed)
    lost: list[str] = []
    with stage(kit, "power lost", appendfsync="everysec") as on:
        on.daemon.start()
        log = on.directory / "redis" / "appendonlydir" / "appendonly.aof.1.incr.aof"
        for at in range(times):
            on.feed(0.45 / times)
            on.done()
            time.sleep(chance.uniform(0.0, 0.3))
            size = log.stat().st_size
            began = time.monotonic()
            on.feed(0.45 / times)
            while on.counted() < on.sent - 5 and time.monotonic() - began < window_s * 0.9:
                time.sleep(0.01)
            with on.server.client() as client:
                before = (client.xinfo_stream("agentwatch:{0}:events")["entries-added"], _number(client))
            window = time.monotonic() - began
            time.sleep(chance.uniform(0.0, 0.2))
            on.server.end(signal.SIGKILL)
            if at % 2:
                on.daemon.end(signal.SIGKILL)
            with log.open("r+b") as file:
                file.truncate(size)
            on.server.start()
            with on.server.client() as client:
                after = (client.xinfo_stream("agentwatch:{0}:events")["entries-added"], _number(client))
            lost.append(f"{before[0] - after[0]} events and {before[1] - after[1]} commits of {window:.2f} s")
            on.lines[after[0] : on.sent] = mixed(on.lines[after[0] : on.sent], chance)
            on.sent = after[0]
            on.injected += 1
            if at % 2:
                on.daemon.start()
        return on.finish(f"{kit.redis} loses its last {window_s:g} s (everysec)", lossy=True, mixed=True), lost


def killed_everysec(kit: Kit, times: int, seed: int = 3) -> tuple[Account, list[str]]:
    """Redis with `appendfsync everysec` is killed alone; what it lost is measured, and sent again."""
    chance = random.Random(seed)
    lost: list[str] = []
    with stage(kit, "everysec", appendfsync="everysec") as on:
        on.daemon.start()
        for _ in range(times):
            on.feed(0.9 / times)
            time.sleep(chance.uniform(0.0, 0.2))
            with on.server.client() as client:
                before = _number(client)
            on.server.end(signal.SIGKILL)
            on.server.start()
            with on.server.client() as client:
                added = client.xinfo_stream("agentwatch:{0}:events")["entries-added"]
                lost.append(f"{on.sent - added} events, at least {max(0, before - _number(client))} commits")
            on.sent = added
            on.injected += 1
            on.done()
        return on.finish(f"{kit.redis} killed, appendfsync everysec", lossy=True), lost


def failed_over(kit: Kit, times: int, behind_s: float, seed: int = 4) -> tuple[Account, list[str]]:
    """The primary is killed and its replica, which had fallen behind by so many seconds, is promoted."""
    chance = random.Random(seed)
    with stage(kit, f"failed over {behind_s:g}") as on:
        on.daemon.start()
        for at in range(times):
            replica = Redis(kit.redis, on.directory / f"replica-{at}")
            replica.start()
            try:
                replica.follow(on.server)
                on.feed(0.9 / times)
                _in_step(on, replica)
                if behind_s:  # it hears no more, while the daemon commits
                    with replica.client() as client:
                        client.replicaof("127.0.0.1", "1")
                time.sleep(behind_s or chance.uniform(0.0, 0.2))
                on.server.end(signal.SIGKILL)
                replica.promote()
                on.proxy.upstream = replica.port
                on.proxy.drop_all()
                on.proxy.up()
            finally:
                on.server.end(signal.SIGKILL)
                on.server.__dict__.update(replica.__dict__)
            on.injected += 1
            on.done()
        behind = f"replica {behind_s:g} s behind" if behind_s else "replica in step"
        back = [int(was) - int(holds) for holds, was in _BACK.findall(on.daemon.log.read_text(errors="replace"))]
        return on.finish(f"{kit.redis} failed over, {behind}", lossy=True), [f"{number} commits" for number in back]


def _in_step(on: Stage, replica: Redis) -> None:
    """Wait until the events that were fed are on the replica: a producer may ask so with WAIT."""

    def there() -> bool:
        with replica.client() as client:
            return client.xinfo_stream("agentwatch:{0}:events")["entries-added"] >= on.sent

    until(there, "the replica is not in step")


def cut_and_slowed(kit: Kit, times: int, seed: int = 5) -> Account:
    """Connections are cut after some bytes of an answer, stalled for less and for more than the time-out, or hang."""
    chance = random.Random(seed)
    with stage(kit, "cut and slowed") as on:
        on.daemon.start()
        for at in range(times):
            label = LABELS[1:][at % (len(LABELS) - 1)]
            harm = ("cut", "stall", "cut", "hang", "cut", "stall")[at % 6]
            moment: Moment = "unanswered" if harm == "cut" else chance.choice(("before", "half", "unanswered"))
            fault = Fault(
                label=label, moment=moment, harm=harm, bytes_on=chance.randrange(1, 200),
                seconds=chance.choice((0.3, 1.5)), skip=chance.randrange(2),
            )  # fmt: skip
            on.proxy.arm(fault)
            on.feed(0.9 / times)
            if on.proxy.fired.wait(3):
                on.injected += 1
            on.done()
        return on.finish("connection cut, stalled, half-open in mid-reply")


def refused_and_hung(kit: Kit, times: int, hung_s: float) -> Account:
    """Redis has no memory for writes, and answers nothing for longer than a lease, in turn."""
    with stage(kit, "refused and hung") as on:
        on.daemon.start()
        for at in range(times):
            on.feed(0.9 / times)
            if at % 2:
                on.server.send(signal.SIGSTOP)
                time.sleep(hung_s)
                on.server.send(signal.SIGCONT)
            else:
                with on.server.client() as client:
                    client.config_set("maxmemory", 1)
                    time.sleep(0.5)
                    client.config_set("maxmemory", 0)
            on.injected += 1
            on.done()
        return on.finish(f"{kit.redis} out of memory, hung for {hung_s:g} s")


def clock_set(kit: Kit, steps: tuple[float, ...]) -> Account:
    """The server's clock, as the daemon reads it, is set ahead and back in mid-stream."""
    with stage(kit, "clock set") as on:
        shift = [0.0]

        def rewrite(label: str, answer: bytes) -> bytes:
            if label not in ("time", "batch read") or not shift[0]:
                return answer
            return _TIME.sub(lambda m: m[1] + b"%d" % (int(m[2]) + int(shift[0])) + m[3], answer)

        on.proxy.rewrite = rewrite
        on.daemon.start()
        for step in steps:
            on.feed(0.9 / (2 * len(steps)))
            on.done()
            shift[0] += step
            on.injected += 1
            on.feed(0.9 / (2 * len(steps)))
            on.done()
        return on.finish("clock set " + ", ".join(f"{step:+g} s" for step in steps))


def _number(client: object) -> int:
    return int(client.hget("agentwatch:{0}:committed", "number") or 0)
