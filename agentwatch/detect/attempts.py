"""Which job a run is of, and how it went: whether it failed, and whether it did anything that no former one did."""

from msgspec import Struct
from xxhash import xxh3_64_intdigest

from agentwatch.detect.history import FAILED, History, mix, remember, rfind
from agentwatch.detect.jobs import Job
from agentwatch.detect.reading import call_digest
from agentwatch.detect.state import RunState, Scope
from agentwatch.fingerprint import nearest
from agentwatch.records import Observation

__all__ = ["EXEMPT", "Outcome", "job_key", "judge", "keep"]

EXEMPT = 1  # what a human asked for is no job
LEAST_WORDS = 4  # a shorter prompt says too little to be a job
SEEN = 64  # (call, answer) pairs of former runs that are remembered of a job
ALIKE = 0.7  # outputs more alike than this are the same in other words
_DIGEST = 8
_SKETCH = 64


class Outcome(Struct, frozen=True, gc=False):
    """How a run went. fresh: it did or got something that no former run of the job had; known: that can be told."""

    failed: bool = False
    fresh: bool = False
    known: bool = False
    ended: bool = False


def job_key(seen: Observation, state: Scope) -> int:
    """Name the job that an event begins; 0 where that cannot be told yet."""
    event, run, prompt = seen.event, state.run, seen.prints.input
    if event.trigger == "human" or run.rare.human_at:
        return EXEMPT
    if event.op in ("compact", "run_end"):
        return 0
    if run.task and run.root == run.run:
        return mix(xxh3_64_intdigest(run.agent.encode()), xxh3_64_intdigest(run.task.encode()))
    if event.op == "execute_tool":
        asked = call_digest(seen)
    elif prompt is not None and prompt.words >= LEAST_WORDS and event.op != "invoke_agent":
        asked = prompt.masked
    else:
        return 0
    return mix(1 if run.root == run.run else xxh3_64_intdigest(run.root.encode()), asked)


def judge(run: RunState, job: Job, *, failed: bool = False) -> Outcome:
    """Compare a run with what the job's former ones did. failed: its end said so."""
    own = run.own
    broke = failed or bool(not run.ended and own.calls and own.mark_at(own.window - 1) & FAILED)
    done = _done(own)
    if done:
        first = not job.seen
        fresh = not first and any(rfind(job.seen, pair) < 0 for pair in done)
        return Outcome(broke, fresh, known=not first, ended=run.ended)
    said, before = own.spoken, bool(job.seen or job.said)
    if own.calls or said is None or not said.outputs:
        return Outcome(broke, known=bool(own.calls), ended=run.ended)
    alike = bool(job.said) and nearest(job.said, said.said) >= ALIKE
    fresh = not alike and any(rfind(job.seen, one) < 0 for one in _digests(said.outputs))
    return Outcome(broke, fresh and before, known=before, ended=run.ended)


def keep(run: RunState, job: Job) -> None:
    """Remember what a run did and got, and what it used."""
    for pair in _done(run.own):
        if rfind(job.seen, pair) < 0:
            remember(job.seen, pair, SEEN)
    spoken = run.own.spoken
    if spoken is not None:
        if not run.own.calls:
            for said in _digests(spoken.outputs):
                if rfind(job.seen, said) < 0:
                    remember(job.seen, said, SEEN)
        job.said = spoken.said[-_SKETCH:] or job.said
    job.tokens += run.tokens
    job.cost_nusd += run.cost_nusd
    job.unpriced += run.unpriced


def _done(own: History) -> list[int]:
    """List the calls of a run that did not fail, each with its answer, as digests."""
    return [mix(call, answer) for call, answer, _, mark in own.entries() if not mark & FAILED]


def _digests(ring: bytes | bytearray) -> list[int]:
    return [int.from_bytes(ring[at : at + _DIGEST], "little") for at in range(0, len(ring), _DIGEST)]
