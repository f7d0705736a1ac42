"""What single weights of evidence are worth: `python -m bench.weights DIR` prints the table in docs/detectors.md.

Where `bench.ablation` takes a whole piece of evidence away, this sets one constant or one question of the detectors to
what it would be without the thought behind it, and replays the labelled runs in DIR (`events.jsonl.gz`, `labels.csv`)
and all twins. It reaches into modules on purpose: nothing else may, and a name that is gone fails at once.
"""

import argparse
import gzip
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import msgspec

from agentwatch.config import Config
from agentwatch.evaluate import Label, place, read_labels
from agentwatch.records import Change, Event, Level
from agentwatch.service.composing import make_rulebook
from agentwatch.service.replaying import Replay
from agentwatch.testing.scenarios import SCENARIOS
from agentwatch.testing.scenarios.judging import decide

Changed = tuple[tuple[str, object], ...]


def _never(*_: object, **__: object) -> bool:
    return False


CHANGES: dict[str, Changed] = {
    "as shipped": (),
    "nothing is ever new": (("calls.is_novel", _never),),
    "few words count like many": (("variants.MANY_WORDS", 1),),
    "novelty takes nothing off the hard bucket": (("evidence.LEAK", 0.0),),
    "no half for a change between": (("history.History.wrote_since", _never),),
    "silence needs no likeness": (("variants.CLOSE_FROM", 0.0),),
    "calls that say next to nothing count like others": (("calls._is_terse", _never),),
    "a second pass counts in full": (("calls.AGAIN", 1.0), ("calls.NEARBY", 1000)),
    "a short answer counts in full with new calls between": (("calls.BETWEEN", 1.0),),
}


@contextmanager
def changed(change: Changed) -> Iterator[None]:
    """Let constants and questions of the detectors be others for a while."""
    with ExitStack() as stack:
        for name, value in change:
            stack.enter_context(patch(f"agentwatch.detect.{name}", value))
        yield


def on_traces(lines: list[tuple[int, bytes]], labels: list[Label]) -> tuple[int, int]:
    """Count the loops found and the benign runs accused."""
    config = Config()
    placed = place(msgspec.json.decode(line, type=_Run).run for _, line in lines)
    rises: dict[str, list[int]] = {}
    for one in Replay(config, make_rulebook(config, {})).changes(lines):
        if one.change is Change.up:
            run, position = placed[one.index]
            rises.setdefault(run, []).append(position)
    found = sum(any(at >= one.onset - 1 for at in rises.get(one.run, ())) for one in labels if one.loop)
    return found, sum(one.run in rises for one in labels if not one.loop)


def on_twins(twins: list[list[Event]]) -> tuple[int, int]:
    """Count the look-alikes that are accused, and those that are killed."""
    config = Config()
    rulebook = make_rulebook(config, {})
    reached = [{one.level for one in decide(events, config, rulebook)} for events in twins]
    return sum(map(bool, reached)), sum(Level.kill in levels for levels in reached)


def main() -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("traces", type=Path)
    parser.add_argument("--seeds", type=int, default=4, help="of each twin")
    given = parser.parse_args()
    with gzip.open(given.traces / "events.jsonl.gz", "rb") as file:
        lines = [(at, line) for at, line in enumerate(file.read().splitlines(), 1) if line.strip()]
    labels = read_labels((given.traces / "labels.csv").read_text("utf-8").splitlines())
    twins = [one.make(seed).events for one in SCENARIOS if not one.loop for seed in range(given.seeds)]
    loops = sum(one.loop for one in labels)
    print(
        f"| changed | loops found of {loops} | accused of {len(labels) - loops} | accused of {len(twins)} look-alikes |"
    )
    print("|---|---|---|---|")
    for name, change in CHANGES.items():
        with changed(change):
            found, accused = on_traces(lines, labels)
            alike, killed = on_twins(twins)
        print(f"| {name} | {found} | {accused} | {alike}{f' ({killed} killed)' if killed else ''} |", flush=True)


class _Run(msgspec.Struct):
    run: str


if __name__ == "__main__":
    main()
