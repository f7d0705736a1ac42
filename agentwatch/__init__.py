"""agentwatch: find the agent that is stuck, stop it, and show why."""

__version__ = "0.1.0"
