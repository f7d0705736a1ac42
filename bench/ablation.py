"""What each detector and each piece of evidence is worth on scenarios: loops lost and look-alikes accused without it.

`python -m bench.ablation` replays every scenario without each part in turn (`agentwatch eval --ablate` does so with
recorded runs) and prints a row a part. Three seeds take some minutes on two cores.
"""

import argparse
import json
import multiprocessing
from collections import Counter
from collections.abc import Sequence
from functools import cache

import msgspec

from agentwatch.config import Config
from agentwatch.detect.bank import DETECTORS
from agentwatch.evaluate.pieces import PIECES
from agentwatch.evaluate.probing import ProbingBank
from agentwatch.evaluate.tables import Table, to_text
from agentwatch.evaluate.trials import Conditions, rulebook_of
from agentwatch.fingerprint.batch import Fingerprinter
from agentwatch.records import Change
from agentwatch.rulebook import RuleBook
from agentwatch.service.replaying import Replay
from agentwatch.testing.scenarios import SCENARIOS, scenario
from agentwatch.testing.scenarios.judging import Outcome, outcome

PROCESSES = 2
CONFIG = Config()
CONDITIONS = {
    "nothing": Conditions(),
    **{kind: Conditions(off=(kind,)) for kind in (*DETECTORS, "stakes")},
    **{name: Conditions(without=name) for name in PIECES},
}


@cache
def _rules(part: str) -> RuleBook:
    return rulebook_of(CONFIG, {}, CONDITIONS[part])


def _play(task: tuple[str, int]) -> dict[str, Outcome]:
    """Play one scenario without each part in turn; its texts are fingerprinted once."""
    name, seed = task
    one = scenario(name)
    played = one.make(seed)
    lines = [(at, msgspec.json.encode(event)) for at, event in enumerate(played.events, 1)]
    fingerprinter = Fingerprinter(CONFIG.fingerprint)
    found = {}
    for part, conditions in CONDITIONS.items():
        bank = ProbingBank(CONFIG.state, without=PIECES.get(conditions.without))
        replay = Replay(CONFIG, _rules(part), bank=bank, fingerprinter=fingerprinter)
        rises = [rise for rise in replay.changes(lines) if rise.change is Change.up]
        found[part] = outcome(played, "text", one.loop, rises)
    return found


def _what(part: str) -> str:
    if part in PIECES:
        return "against" if PIECES[part].against else "for"
    return "" if part == "nothing" else "detector"


def _names(counts: Counter[str], seeds: int) -> str:
    """Name the scenarios that are meant, those first that every seed is."""
    return ", ".join(f"{name} {count / seeds:.0%}" for name, count in counts.most_common(3))


def row(part: str, whole: list[Outcome], without: list[Outcome], seeds: int) -> dict[str, object]:
    """Compare the outcomes without a part with those of the whole."""
    lost: Counter[str] = Counter()
    accused: Counter[str] = Counter()
    for before, after in zip(whole, without, strict=True):
        if before.loop:
            lost[before.name] += "warn" in before.hits and "warn" not in after.hits
        accused[before.name] += bool(after.strays or after.early) and not (before.strays or before.early)
    lost, accused = +lost, +accused
    return {
        "without": part,
        "is": _what(part),
        "found": sum("warn" in one.hits for one in without),
        "killed": sum("kill" in one.hits for one in without),
        "lost": lost.total(),
        "accused": sum(bool(one.strays) or one.early for one in without),
        "newly": accused.total(),
        "wrongly killed": sum("kill" in one.strays for one in without),
        "lost, most of all": _names(lost, seeds),
        "newly accused, most of all": _names(accused, seeds),
    }


def replayed(seeds: int, only: Sequence[str] = ()) -> tuple[list[dict[str, object]], int, int]:
    """Replay scenarios without each part; gives a row a part, and how many loops and look-alikes were played."""
    tasks = [(name, seed) for name in only or [one.name for one in SCENARIOS] for seed in range(seeds)]
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        played = pool.map(_play, tasks, chunksize=1)
    whole = [each["nothing"] for each in played]
    loops = sum(one.loop for one in whole)
    rows = [row(part, whole, [each[part] for each in played], seeds) for part in CONDITIONS]
    return rows, loops, len(whole) - loops


def main() -> None:
    """Replay, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], help="names of scenarios")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows, loops, twins = replayed(asked.seeds, asked.only)
    if asked.json:
        print(json.dumps({"seeds": asked.seeds, "loops": loops, "twins": twins, "rows": rows}))
        return
    cells = tuple(tuple(str(cell) for cell in each.values()) for each in rows)
    print(to_text([Table(f"Without each part: {loops} loops, {twins} look-alikes", tuple(rows[0]), cells)]))


if __name__ == "__main__":
    main()
