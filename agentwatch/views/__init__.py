"""What the control API, the CLI and the page show of the running daemon: plain answers, made from the state."""

from agentwatch.views.daemon import BoundView, BreakerView, ComponentHealth, PartitionView, StatusView
from agentwatch.views.explanation import CrossingView, Explanation, RepeatView
from agentwatch.views.fleet import AgentView, CohortView, RunView, SignalView, StepView
from agentwatch.views.lists import DeadItem, DeadPage, DecisionFilter, IncidentPage, Page, Requeued
from agentwatch.views.ruling import ApprovalView, ModeView, RulesView, RuleView

__all__ = [
    "AgentView",
    "ApprovalView",
    "BoundView",
    "BreakerView",
    "CohortView",
    "ComponentHealth",
    "CrossingView",
    "DeadItem",
    "DeadPage",
    "DecisionFilter",
    "Explanation",
    "IncidentPage",
    "ModeView",
    "Page",
    "PartitionView",
    "RepeatView",
    "Requeued",
    "RuleView",
    "RulesView",
    "RunView",
    "SignalView",
    "StatusView",
    "StepView",
]
