"""How far hard and soft evidence together reach: the strength of a signal and the most that it may ever justify."""

from msgspec import Struct

from agentwatch.records import Level

__all__ = ["Grade", "grade"]

JUST_BELOW = 0.999
LITTLE = 0.25  # of what a kill takes; the hard part lacks no more than that, which is one to three equal repeats


class Grade(Struct, frozen=True, gc=False):
    """A signal's strength in units of its warning, the level it may justify at most, and how sure it is."""

    strength: float
    kill_at: float
    ceiling: Level
    confidence: float


def grade(hard: float, total: float, warn: float, kill: float) -> Grade:
    """Grade evidence of which `hard` is exact repetition: only as much of it as `kill` reaches a kill.

    Evidence that is hard for the smaller part pauses at most; other evidence is on its way to a kill, and stays just
    below it until its hard part gets there. Where both parts together have reached it, it pauses until then, unless
    little of it is soft: an agent that waits in a pause adds no evidence, and would be left there just before its kill.
    """
    strength = total / warn
    kill_at = kill / warn
    mostly_hard = hard * 2.0 >= total
    waits = hard < kill <= total and total - hard > LITTLE * kill
    ceiling = Level.kill if mostly_hard and not waits else Level.pause
    if mostly_hard and hard < kill:
        strength = min(strength, kill_at * JUST_BELOW)
    return Grade(strength, kill_at, ceiling, min(0.99, 0.5 + 0.5 * hard / kill))
