"""Thresholds from somebody's own good runs, at a rate of false alarms that they state."""

from agentwatch.calibrate.calibration import Calibration, Scored, Threshold, calibrate, check, score_runs
from agentwatch.calibrate.conformal import needed, quantile, rank, split, within
from agentwatch.calibrate.thresholds import divide, thresholds
from agentwatch.calibrate.writing import held_out, policy_text

__all__ = [
    "Calibration",
    "Scored",
    "Threshold",
    "calibrate",
    "check",
    "divide",
    "held_out",
    "needed",
    "policy_text",
    "quantile",
    "rank",
    "score_runs",
    "split",
    "thresholds",
    "within",
]
