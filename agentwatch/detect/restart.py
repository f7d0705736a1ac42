"""The same job started again and again, each time in a run of its own, and nothing comes of it.

What tells a job from another is its task, else what its run is asked first, else its first call: whatever the agent is
called. A run that ends well with something new clears it, and so does a human's turn.
"""

from typing import Annotated

from msgspec import Meta, Struct

from agentwatch.counting import counted
from agentwatch.detect.attempts import EXEMPT, Outcome, job_key, judge, keep
from agentwatch.detect.grade import grade
from agentwatch.detect.history import IDS
from agentwatch.detect.jobs import Job, came, noted
from agentwatch.detect.state import RunState, Scope
from agentwatch.records import Evidence, Level, Observation, Signal
from agentwatch.subject import root_subject, task_subject

__all__ = ["Restart", "RestartOptions"]

HOUR_S, DAY_S = 3600.0, 86400.0
FAILED = 1.0  # a run that failed and got nowhere that the former ones had not been
STRAYED = 0.75  # one that failed after something new: soft
ABORTED = 1.0  # one that never ended, with nothing new: soft, a log may lack its end
FUTILE = 0.75  # one that ended well, with nothing new: soft
DEAR_TOKENS = 20_000  # a scheduled check that finds nothing new is as it should be, unless each one takes this much,
DEAR_NUSD = 20_000_000  # or costs two cents; then it warns at most
UNPRICED = 0.25  # one by a schedule whose log does not tell what it takes: a dozen and more a day, and it warns at most
APART_S = 5.0  # starts closer than this run side by side
SILENT_S = 1.0  # and a run that spoke this lately still goes on

Starts = Annotated[float, Meta(gt=1, le=1000)]
Many = Annotated[int, Meta(ge=1, le=65_536)]


class RestartOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Starts of one job with nothing to show for them: within an hour to warn and to kill, and within a day to kill.

    starts: how many starts of an app are remembered. jobs: of how many jobs what their runs brought. waste_usd,
    waste_runs, waste_usd_an_hour: what a schedule's runs must have cost, how many they must be, and what they must burn
    an hour, without anything new, to be paused. cheap_usd_a_day: below it such a schedule is not even warned of.
    """

    enabled: bool = True
    warn: Starts = 3.0
    kill: Starts = 6.0
    kill_a_day: Starts = 10.0
    starts: Many = 256
    jobs: Many = 32
    waste_usd: Annotated[float, Meta(gt=0, le=1e9)] = 2.0
    waste_runs: Annotated[int, Meta(ge=2, le=1_000_000)] = 12
    cheap_usd_a_day: Annotated[float, Meta(ge=0, le=1e9)] = 1.0
    waste_usd_an_hour: Annotated[float, Meta(gt=0, le=1e9)] = 0.5


class Restart:
    """Warns of a job that is started again without success; its kill is the task's, else that of the newest tree."""

    kind = "restart"

    def __init__(self, options: RestartOptions) -> None:
        self.options = options

    def read(self, seen: Observation, state: Scope) -> Signal | None:
        """Judge the event, where it begins a run of a job that is known, by how the former ones went."""
        jobs = state.app.jobs
        if jobs is None or state.run.job:
            return None
        job = jobs.get(job_key(seen, state))
        if job is None:
            return None
        pending = _pending(seen, state, job)
        if pending is not None and pending.fresh and not pending.failed:
            return None
        return self._signal(seen, state, job, pending)

    def learn(self, seen: Observation, state: Scope) -> None:
        """Take in how a run begins, and how it ends."""
        run = state.run
        if not run.job:
            run.job = job_key(seen, state)
            if run.job > EXEMPT:
                self._start(seen, state, run.job)
        elif run.rare.human_at and run.job > EXEMPT:
            self._cleared(state)
        if run.job > EXEMPT and (state.app.jobs or seen.event.op == "run_end"):
            self._go_on(seen, state)

    def _signal(self, seen: Observation, state: Scope, job: Job, pending: Outcome | None) -> Signal | None:
        options = self.options
        earlier = state.app.runs.get(job.run)
        weight, is_hard = _weight(seen, earlier or state.run, pending)
        hour, day = job.weight(seen.now, HOUR_S), job.weight(seen.now, DAY_S)
        scale = options.kill / options.kill_a_day
        total = 1.0 + max(hour[1] + weight, (day[1] + weight) * scale)
        hard = max(hour[0] + weight * is_hard, (day[0] + weight * is_hard) * scale)
        hard += 1.0 if hard * 2.0 >= total else 0.0
        if total < options.warn:
            return None
        graded = grade(hard, total, options.warn, options.kill)
        run, failing = state.run, hard > 0.0
        checks = seen.event.trigger == "schedule" and not failing
        ceiling = self._ceiling(graded.ceiling, job, seen.now, checks=checks)
        if ceiling is Level.observe:
            return None
        return Signal(
            kind=self.kind,
            subject=_subject(run),
            strength=graded.strength,
            kill_at=graded.kill_at,
            ceiling=ceiling,
            confidence=graded.confidence,
            reason=f"{_name(run)} was started {counted(job.count + 1, 'time')} without success",
            speaks_for=("its former runs failed" if failing else "its former runs brought nothing new",),
            speaks_against=("its former runs did not fail",) if not failing else (),
            evidence=_evidence(seen, state, job),
        )

    def _ceiling(self, graded: Level, job: Job, now: float, *, checks: bool) -> Level:
        """Tell the most that may follow: a scheduled check that finds nothing is as it should be, unless it burns."""
        if not checks:
            return graded
        options = self.options
        hourly = job.cost_nusd / 1e9 * HOUR_S / max(HOUR_S, now - job.since)
        small = job.cost_nusd and not job.unpriced and job.tokens < DEAR_TOKENS * job.count
        if small and hourly * 24.0 < options.cheap_usd_a_day:
            return Level.observe
        waste = job.cost_nusd >= options.waste_usd * 1e9 and job.count >= options.waste_runs and not job.unpriced
        return min(graded, Level.pause) if waste and hourly >= options.waste_usd_an_hour else Level.warn

    def _start(self, seen: Observation, state: Scope, key: int) -> None:
        app, run = state.app, state.run
        before = came(app.starts, key)
        app.starts = noted(app.starts, key, seen.now, self.options.starts)
        job = app.jobs.get(key) if app.jobs is not None else None
        if job is None and before is not None and seen.now - before <= DAY_S:
            earlier = app.runs.get(state.agent.run)
            known = earlier is not None and earlier.job == key and earlier.run != run.run
            job = self._record(state, key, state.agent.run if known else "", before, seen)
        if job is not None:
            pending = _pending(seen, state, job)
            if pending is not None:
                _judged(job, app.runs[job.run], pending, seen)
            job.run, job.judged, job.last = run.run, False, seen.now
            job.count += 1
            job.ids = [*job.ids, seen.event.id][-IDS:]
        state.agent.run = run.run

    def _record(self, state: Scope, key: int, run: str, since: float, seen: Observation) -> Job:
        app = state.app
        if app.jobs is None:
            app.jobs = {}
        jobs = app.jobs
        if len(jobs) >= self.options.jobs:
            del jobs[min(jobs, key=lambda one: (len(jobs[one].marks), jobs[one].last))]
        job = jobs[key] = Job(run, since, since, seen.index, seen.event.id, judged=not run)
        return job

    def _go_on(self, seen: Observation, state: Scope) -> None:
        """Judge a run at its end, and notice one that goes on beside a later one."""
        run, jobs = state.run, state.app.jobs
        job = jobs.get(run.job) if jobs is not None else None
        ends = seen.event.op == "run_end"
        failed = seen.event.status in ("error", "denied")
        if job is None:
            if not ends or not failed:
                return
            job = self._record(state, run.job, run.run, run.started, seen)
        if job.run != run.run:
            if not job.overlaps and not ends:
                job.side_by_side()
        elif ends and not job.judged:
            _judged(job, run, judge(run, job, failed=failed), seen)

    def _cleared(self, state: Scope) -> None:
        job = (state.app.jobs or {}).get(state.run.job)
        if job is not None:
            job.clear()
        state.run.job = EXEMPT


def _pending(seen: Observation, state: Scope, job: Job) -> Outcome | None:
    """Judge the job's latest run, where that was not done at its end and it does not seem to go on."""
    if job.judged:
        return None
    earlier = state.app.runs.get(job.run)
    if earlier is None or earlier is state.run:
        return None
    goes_on = job.overlaps or seen.now - earlier.started < APART_S or seen.now - earlier.last < SILENT_S
    return None if goes_on and not earlier.ended else judge(earlier, job)


def _weight(seen: Observation, run: RunState, outcome: Outcome | None) -> tuple[float, bool]:
    """Tell how much a run counts against its job, and whether that is hard evidence."""
    if outcome is None:
        return 0.0, False
    if outcome.failed:
        return (STRAYED, False) if outcome.fresh else (FAILED, True)
    if outcome.fresh or not outcome.known:
        return 0.0, False
    if not outcome.ended:
        return ABORTED, False
    if seen.event.trigger == "schedule" and run.tokens < DEAR_TOKENS and run.cost_nusd < DEAR_NUSD:
        return (0.0 if run.tokens else UNPRICED), False
    return FUTILE, False


def _judged(job: Job, run: RunState, outcome: Outcome, seen: Observation) -> None:
    weight, hard = _weight(seen, run, outcome)
    if outcome.fresh and not outcome.failed:
        job.clear()
        job.since, job.index, job.event_id = seen.now, seen.index, seen.event.id
    elif weight:
        job.add(seen.now, weight, hard=hard, unfinished=not outcome.ended)
    keep(run, job)
    job.judged = True


def _subject(run: RunState) -> str:
    """Name what must not be started again: the task; without one the tree of the newest run."""
    if run.task and run.root == run.run:
        return task_subject(run.tenant, run.app, run.agent, run.task)
    return root_subject(run.tenant, run.app, run.root)


def _name(run: RunState) -> str:
    return f"task {run.task}" if run.task else f"the same work of {run.agent}"


def _evidence(seen: Observation, state: Scope, job: Job) -> Evidence:
    return Evidence(
        count=job.count + 1,
        onset_index=job.index,
        onset_id=job.event_id,
        since=job.since,
        last=seen.now,
        event_ids=(*job.ids, seen.event.id)[-IDS:],
        tool=seen.event.tool,
        model=seen.event.model or state.run.model,
        tokens=job.tokens,
        cost_nusd=job.cost_nusd,
        unpriced=job.unpriced,
    )
