"""Whether this tree decides what another revision decided, byte for byte: the guard of changes that must not change it.

`python -m bench.same_decisions [--base REF] [TRACE…]` lets both revisions play the same events and compares each commit
that they make: decisions, commands, incidents, dead letters, ledger. The events are those of the traces given, and of
every scenario in every form, each for itself and all at once as a fleet. A file is played as `replay` does; fleet and
traces also as the daemon does, with ticks, and with a checkpoint that is loaded anew half-way. States are compared
too, and only told of, since a change may keep them otherwise. Ends with 1 where a commit differs.
"""

import argparse
import gzip
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from itertools import islice
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agentwatch import checkpointing
from agentwatch.config import Config
from agentwatch.records import Batch, Entry, Event, Tick
from agentwatch.service.composing import make_pipeline, make_rulebook, replay_gate
from agentwatch.store.ledger_lines import row_of
from agentwatch.testing.scenarios import FORMS, SCENARIOS, in_form

ROOT = Path(__file__).resolve().parent.parent
_REPLAYED, _LIVE = 512, 96  # events a batch
_SHOWN = 160  # bytes on each side of the first difference


def write_events(folder: Path, seeds: int, traces: Sequence[Path]) -> None:
    """Write what both revisions play: a file a scenario, seed and form, one fleet a seed and form, and the traces."""
    for seed in range(1, seeds + 1):
        played = {one.name: one.make(seed).events for one in SCENARIOS}
        for form in FORMS:
            formed = {name: [in_form(event, form) for event in events] for name, events in played.items()}
            for name, events in formed.items():
                _write(folder / f"{name}-{form}-{seed}.jsonl", events)
            fleet = [replace(event, tenant=name) for name, events in formed.items() for event in events]
            _write(folder / f"fleet-{form}-{seed}.live.jsonl", sorted(fleet, key=lambda event: event.ts))
    for trace in traces:
        opened = gzip.open if trace.suffix == ".gz" else open
        with opened(trace, "rb") as lines:
            whole = lines.read()
        name = trace.name.partition(".")[0]
        (folder / f"trace-{name}.jsonl").write_bytes(whole)
        (folder / f"trace-{name}.live.jsonl").write_bytes(whole)


def _write(path: Path, events: Sequence[Event]) -> None:
    path.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))


def play(source: Path, target: Path) -> None:
    """Play every file by this process's agentwatch: commits to `<name>`, a digest of the state to `<name>.state`."""
    config = Config()
    replaying = replace(config, gate=replay_gate(config.gate), pipeline=replace(config.pipeline, event_ticks=True))
    rulebook = make_rulebook(config, {})
    for path in sorted(source.iterdir()):
        live = path.suffixes[0] == ".live"
        chosen = config if live else replaying
        pipeline = make_pipeline(chosen, rulebook)
        lines = path.read_bytes().splitlines()
        batches = list(_batches(lines, live=live))
        with (target / path.name).open("wb") as out:
            for at, batch in enumerate(batches):
                if live and at == len(batches) // 2:
                    kept = checkpointing.dump(pipeline, batch.tick.at)
                    pipeline = make_pipeline(chosen, rulebook)
                    checkpointing.load(pipeline, kept)
                commit = pipeline.step(batch)
                # the decisions come first, so that the first difference is one of theirs where there is any
                told = (*commit.decisions, replace(commit, ledger=()), msgspec.msgpack.decode(row_of(commit.ledger)))
                out.writelines(msgspec.json.encode(each) + b"\n" for each in told)
        state = sha256(b"".join(checkpointing.dump(pipeline, 0.0).chunks)).hexdigest()
        (target / f"{path.name}.state").write_text(state)


def _batches(lines: Sequence[bytes], *, live: bool) -> Iterator[Batch]:
    rest, index, at = iter(lines), 0, 0.0
    while chunk := list(islice(rest, _LIVE if live else _REPLAYED)):
        entries = []
        for data in chunk:
            if live:
                at = max(at, float(msgspec.json.decode(data, type=dict).get("ts") or 0.0))
            entries.append(Entry(f"{int(at * 1000)}-{index}" if live else f"0-{index}", data))
            index += 1
        yield Batch(Tick(at, 0), tuple(entries))


@contextmanager
def revision(ref: str, folder: Path) -> Iterator[Path]:
    """Lay a revision out beside this tree for a while."""
    tree = folder / "base"
    git = ("git", "-C", str(ROOT))
    subprocess.run([*git, "worktree", "add", "--quiet", "--detach", str(tree), ref], check=True)
    try:
        yield tree
    finally:
        subprocess.run([*git, "worktree", "remove", "--force", str(tree)], check=True)


def differences(before: Path, after: Path) -> Iterator[str]:
    """Tell each file whose commits differ, with the place where they begin to."""
    for path in sorted(before.glob("*.jsonl")):
        one, other = path.read_bytes(), (after / path.name).read_bytes()
        if one != other:
            at = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))
            shown = slice(max(0, at - _SHOWN), at + _SHOWN)
            yield f"{path.name}, byte {at}:\n  base …{one[shown].decode()}…\n  here …{other[shown].decode()}…"


def compare(ref: str, seeds: int, traces: Sequence[Path]) -> int:
    """Play both revisions, one process each, and print what came of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events, before, after = (folder / one for one in ("events", "before", "after"))
        for each in (events, before, after):
            each.mkdir()
        write_events(events, seeds, traces)
        with revision(ref, folder) as tree:
            players = [
                subprocess.Popen(
                    [sys.executable, __file__, "--play", events, target], env={**os.environ, "PYTHONPATH": str(where)}
                )
                for where, target in ((tree, before), (ROOT, after))
            ]
            ended = [player.wait() for player in players]
        if any(ended):
            return 2
        found = list(differences(before, after))
        for one in found[:5]:
            print(one)
        states = sum((after / path.name).read_text() != path.read_text() for path in before.glob("*.state"))
        count = len(list(events.iterdir()))
    print(f"{count} files, {len(found)} decided otherwise than by {ref}, {states} with another state at the end")
    return 1 if found else 0


def main() -> int:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("traces", nargs="*", type=Path, help="recorded events, .jsonl or .jsonl.gz")
    parser.add_argument("--base", default="main", help="the revision to compare with (default: main)")
    parser.add_argument("--seeds", type=int, default=1, help="of each scenario (default: 1)")
    parser.add_argument("--play", nargs=2, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.play:
        play(*given.play)
        return 0
    return compare(given.base, given.seeds, given.traces)


if __name__ == "__main__":
    sys.exit(main())
