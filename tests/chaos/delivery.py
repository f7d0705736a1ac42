"""What happens to deliveries: events sent twice, apps mixed otherwise, and a consumer group that others move."""

import random

from agentwatch.keys import GROUP, keys
from tests.chaos.account import Account
from tests.chaos.stage import Kit, stage
from tests.chaos.workload import app_of, mixed

__all__ = ["doubled_and_mixed", "group_moved"]

_NEAR = 64  # events of a run within which one is sent again


def doubled_and_mixed(kit: Kit, seed: int = 6) -> Account:
    """Each tenth event is sent twice, and the apps are mixed otherwise; within an app the order is the producer's.

    An entry that is a duplicate moves the positions on, so `index` and the like are left out of the comparison.
    """
    chance = random.Random(seed)
    lines: list[bytes] = []
    sent: dict[str, list[bytes]] = {}
    again = 0
    for line in mixed(kit.lines, chance):
        before = sent.setdefault(app_of(line), [])
        before.append(line)
        lines.append(line)
        if chance.random() < 0.1:
            lines.append(chance.choice(before[-_NEAR:]))
            again += 1
    other = Kit(
        directory=kit.directory, redis=kit.redis, broker=kit.broker, lines=lines, expected=kit.expected,
        forker=kit.forker, sends=len(kit.lines),
    )  # fmt: skip
    with stage(other, "doubled and mixed") as on:
        on.daemon.start()
        on.injected = again
        return on.finish("events sent twice, apps mixed otherwise")


def group_moved(kit: Kit, times: int, seed: int = 7) -> Account:
    """Somebody else reads through the group, sets it back, or takes it away, while the daemon works."""
    chance = random.Random(seed)
    names = keys(0)
    with stage(kit, "group moved") as on:
        on.daemon.start()
        on.feed(0.05)
        on.done()
        for at in range(times):
            on.feed(0.9 / times)
            with on.server.client() as client:
                what = at % 4
                if what == 0:
                    client.xgroup_setid(names.events, GROUP, "0-0")
                elif what == 1:
                    client.xreadgroup(GROUP, "stranger", {names.events: ">"}, count=chance.randrange(1, 30))
                elif what == 2:
                    client.xgroup_destroy(names.events, GROUP)
                else:
                    client.xgroup_setid(names.events, GROUP, "$")
            on.injected += 1
            on.done()
        return on.finish("group read by a stranger, set back, set ahead, destroyed")
