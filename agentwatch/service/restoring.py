"""Brings a pipeline to where the store is: the last checkpoint, then what was committed after it, learnt again."""

from collections.abc import Callable, Sequence

from agentwatch import checkpointing
from agentwatch.ingest.account import order
from agentwatch.pipeline import Pipeline
from agentwatch.ports import DecisionLog, EventSource, Opened
from agentwatch.records import Decision, Entry

__all__ = ["restore"]

_PAGE = 2000


async def restore(
    pipeline: Pipeline, opened: Opened, source: EventSource, log: DecisionLog, beat: Callable[[], None]
) -> int:
    """Fill an empty pipeline and put the source behind the last commit; gives the number of entries learnt again.

    `beat` is called after each page, for a long way takes time. Raises `Incompatible` for a state that cannot be read.
    """
    if opened.checkpoint is not None:
        checkpointing.load(pipeline, opened.checkpoint)
        beat()
    start, committed = pipeline.positions, opened.committed
    await source.seek(start)
    rest = await _decisions(log, start.seq, committed.seq)
    controls = await source.controls(start.controls, committed.controls)
    while True:
        after = pipeline.positions.events
        entries: Sequence[Entry] = ()
        if order(after) < order(committed.events):
            entries = await source.history(after, committed.events, _PAGE)
        reached = order(entries[-1].id) if entries else (0, 0)
        due = [d for d in rest if order(d.position) <= reached] if entries else rest
        rest = rest[len(due) :]
        pipeline.recover(entries, due, controls)
        controls = ()
        beat()
        if not entries:
            break
    pipeline.positions = committed
    await source.seek(committed)
    return committed.index - start.index


async def _decisions(log: DecisionLog, after: int, until: int) -> list[Decision]:
    found: list[Decision] = []
    while after < until:
        page = await log.decisions(f"{after}-0", _PAGE)
        if not page:
            break
        found += [decision for _, decision in page if decision.seq <= until]
        after = page[-1][1].seq
    return found
