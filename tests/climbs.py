"""A trace through the bank, the verdict and the ladder together: how far it climbs, and at which event."""

from agentwatch.detect.bank import Bank
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.policy.ladder import Ladder, LadderOptions
from agentwatch.records import Change, Level
from agentwatch.testing import observations
from agentwatch.verdict import fold

WORDS = (
    *("alpha", "report", "invoice", "region", "budget", "deploy", "metric", "cluster"),
    *("shard", "ledger", "quota", "window", "parser", "schema", "index"),
)


def text(draw, count):
    return " ".join(draw.choice(WORDS) + str(draw.randrange(1000)) for _ in range(count))


def climb(trace):
    bank, ladder, options = Bank(StateOptions()), Ladder(LadderOptions()), DetectOptions()
    moves = []
    for seen in observations(trace.events):
        scope = bank.admit(seen.event, seen.index)
        for verdict in fold(bank.observe(seen, scope, options)):
            move = ladder.climb(verdict, seen.now)
            if move is not None and move.change is Change.up:
                moves.append((seen.index, move))
    return moves


def reached(trace):
    return max((move.level for _, move in climb(trace)), default=Level.observe)


def loop_same(trace, draw, gap_s=0.3):
    answer = text(draw, 20)
    for _ in range(30):
        trace.call("search", {"q": "who owns the deployment"}, answer, gap_s=gap_s)
