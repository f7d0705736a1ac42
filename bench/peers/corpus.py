"""What all are measured on: agentwatch's own scenarios, and labelled traces where a folder of them is given."""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import msgspec

from agentwatch.evaluate import Label, labels_from_rows
from agentwatch.records import Event
from agentwatch.testing.scenarios import SCENARIOS
from bench.peers.scoring import Case

__all__ = ["scenario_cases", "trace_cases"]


def scenario_cases(seeds: int) -> Iterator[Case]:
    """Play every scenario with the seeds 0 to `seeds` - 1, in text, since no peer reads digests."""
    for scenario in SCENARIOS:
        for seed in range(seeds):
            played = scenario.make(seed)
            yield Case(
                name=f"{scenario.name}/{seed}",
                group=scenario.name,
                loop=scenario.loop,
                events=played.events,
                onset=played.onset,
                suspects=played.suspects,
            )


def trace_cases(folder: Path) -> Iterator[Case]:
    """Read `events.jsonl.gz` and `labels.csv` of a folder; a case is a run. Raises OSError where one is missing."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as table:
        labels = {label.run: label for label in labels_from_rows(csv.DictReader(table))}
    runs: dict[str, list[Event]] = {}
    with gzip.open(folder / "events.jsonl.gz", "rb") as lines:
        for line in lines:
            event = msgspec.json.decode(line, type=Event)
            if event.run in labels:
                runs.setdefault(event.run, []).append(event)
    for run, events in runs.items():
        yield _case(labels[run], events)


def _case(label: Label, events: list[Event]) -> Case:
    return Case(
        name=label.run,
        group=label.source,
        loop=label.loop,
        events=events,
        onset=label.onset,
        suspects=frozenset((label.run,)),
    )
