"""What operators do, as ordered inputs of the partition: appended to its stream, answered once they are committed."""

import asyncio
import time
from collections.abc import Callable, Sequence

from agentwatch.errors import BadRequest, StoreUnavailable
from agentwatch.operating import check_reach
from agentwatch.ports import Accepted, ControlIntake
from agentwatch.records import AllowEntry, Control
from agentwatch.service.hub import Hub
from agentwatch.service.worker import Worker
from agentwatch.subject import check_pattern
from agentwatch.views import ApprovalView, BreakerView

__all__ = ["OperatorDesk", "checked"]


class OperatorDesk:
    """Answers `Operations` for one worker.

    wait_s: how long a caller waits for the commit. mine: whether a subject lies in this worker's partition; what lies
    in another is handed on there, and nobody here can wait for it.
    """

    def __init__(
        self,
        worker: Worker,
        intake: ControlIntake,
        hub: Hub,
        wait_s: float,
        clock: Callable[[], float] = time.time,
        mine: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._worker = worker
        self._intake = intake
        self._hub = hub
        self._wait_s = wait_s
        self._clock = clock
        self._mine = mine

    async def submit(self, control: Control) -> Accepted:
        """Append the control and wait until it is committed."""
        checked(control)
        if "/" in control.subject and not self._mine(control.subject):
            await self._intake.append(control)
            return Accepted(control_id=control.id)
        future = self._hub.expect(control.id)
        try:
            await self._intake.append(control)
            done, _ = await asyncio.wait([future], timeout=self._wait_s)
            if not done:
                raise StoreUnavailable("the request is queued but was not committed in time; look at the decisions")
            return Accepted(control_id=control.id, decision=future.result())
        finally:
            self._hub.forget(control.id)
            future.cancel()

    @property
    def _now(self) -> float:
        """The time by which the state is asked: the source's, for by another clock asking would change answers."""
        return self._worker.last_batch_at or self._clock()

    def allow_list(self) -> Sequence[AllowEntry]:
        """List the unexpired entries of the allow list."""
        return self._worker.pipeline.ledgers.gate.allow.entries(self._now)

    def breakers(self) -> Sequence[BreakerView]:
        """List the breakers' states."""
        return self._worker.pipeline.ledgers.gate.breakers(self._now)

    def approvals(self) -> Sequence[ApprovalView]:
        """List what waits for approval, oldest first."""
        pipeline = self._worker.pipeline
        found = []
        for decision in pipeline.ledgers.standing.held_by("approval"):
            rule = pipeline.rulebook.get(decision.rule).rule
            until = decision.at + rule.approve_timeout_s
            found.append(ApprovalView(decision=decision, until=until, otherwise=rule.approve_else))
        return found

    def mode(self) -> tuple[str, dict[str, str]]:
        """Tell the global mode and the rules' own modes."""
        pipeline = self._worker.pipeline
        own = {rule.name: rule.mode for rule in pipeline.rulebook.policy.rules}
        return pipeline.ledgers.gate.mode, {**own, **pipeline.ledgers.gate.rule_modes()}


def checked(control: Control) -> None:
    """Raise `BadRequest` for what cannot be carried out by anybody."""
    if control.kind == "decide":
        check_reach(control)
    if control.entry is not None:
        check_pattern(control.entry.pattern)
    if control.kind == "policy":
        raise BadRequest("the policy is changed in its files and by a reload", "kind")
