"""For tests of agentwatch's parts and of your own: a clock to turn by hand, traces to feed, and contract suites."""

from agentwatch.testing.clock import ManualClock
from agentwatch.testing.detectors import Bench, check_detector, observations
from agentwatch.testing.shapes import LOOK_ALIKES, LOOPS
from agentwatch.testing.trace import Trace

__all__ = ["LOOK_ALIKES", "LOOPS", "Bench", "ManualClock", "Trace", "check_detector", "observations"]
