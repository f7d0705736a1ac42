"""Compares agents with their peers now and then, in a thread, and keeps what came of it for whoever asks.

What is found here is shown beside the verdicts and never decides anything: a replay decides the same without it.
"""

import asyncio
from collections.abc import Callable

import structlog

from agentwatch.detect.cohort import CohortOptions
from agentwatch.detect.peers import manners
from agentwatch.pipeline import Pipeline
from agentwatch.service.forest import compare
from agentwatch.subject import agent_subject
from agentwatch.views import CohortView

__all__ = ["CohortWatch"]

_log = structlog.get_logger()
_LOOK_S = 5.0


class CohortWatch:
    """`run` fits again whenever enough events came since the last time; `of` tells what was found of an agent."""

    def __init__(self, pipeline: Callable[[], Pipeline], look_s: float = _LOOK_S) -> None:
        self._pipeline = pipeline
        self._look_s = look_s
        self._fitted_at = -1
        self._found: dict[str, CohortView] = {}

    def of(self, subject: str) -> CohortView | None:
        """Tell how an agent compares with its peers; None where it was not compared."""
        return self._found.get(subject)

    async def run(self) -> None:
        """Compare at event counts until cancelled; without scikit-learn, say so once and stay idle."""
        while True:
            await asyncio.sleep(self._look_s)
            try:
                await self.look()
            except ImportError as error:
                _log.warning("cohort_unavailable", reason=str(error))
                await asyncio.Event().wait()

    async def look(self) -> bool:
        """Compare now where it is due; tells whether it was. Raises ImportError where scikit-learn is missing."""
        pipeline = self._pipeline()
        options = self._options(pipeline)
        index = pipeline.positions.index
        if not options.enabled or 0 <= self._fitted_at <= index < self._fitted_at + options.refit_events:
            return False
        rows = list(manners(pipeline.parts.bank.population, options))
        if self._fitted_at < 0 and len(rows) < options.least_peers:
            return False  # nothing to compare yet: the model is not even loaded
        self._fitted_at = index
        found = await asyncio.to_thread(compare, rows, options)
        self._found = {agent_subject(*key): view for key, view in found.items()}
        unlike = sum(view.unlike for view in found.values())
        _log.info("cohort_compared", agents=len(found), unlike=unlike, events=index)
        return True

    @staticmethod
    def _options(pipeline: Pipeline) -> CohortOptions:
        rulebook = pipeline.rulebook
        return rulebook.get(rulebook.policy.default.name).detect.cohort
