"""The same events replayed under changed conditions, many times: a detector off, a threshold moved, a piece missing.

Each process reads the events once and keeps their fingerprints; a trial costs what detection and deciding cost.
"""

import multiprocessing
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from types import TracebackType
from typing import Any, Final, Self

from msgspec import Struct
from msgspec.structs import replace

from agentwatch.config import Config
from agentwatch.evaluate.pieces import PIECES
from agentwatch.evaluate.probing import THRESHOLDS
from agentwatch.evaluate.recording import record
from agentwatch.fingerprint.batch import Fingerprinter
from agentwatch.policy.load import load_policy
from agentwatch.policy.rules import Policy, Rule
from agentwatch.rulebook import RuleBook
from agentwatch.service.composing import shipped_policy

__all__ = ["Conditions", "Material", "Trials", "rulebook_of", "scales"]

PROCESSES: Final = 2
_LEAST = 2  # of a threshold that is counted: what happened once repeats nothing

Changes = list[dict[str, Any]]


class Conditions(Struct, frozen=True):
    """What is different in a trial. off: detectors. scale: factors on warnings, by detector. without: a piece."""

    off: tuple[str, ...] = ()
    scale: tuple[tuple[str, float], ...] = ()
    without: str = ""


class Material(Struct, frozen=True):
    """What every trial replays, and the configuration and policy files that it starts from (none: the shipped ones)."""

    config: Config
    policy: dict[str, bytes]
    lines: list[tuple[int, bytes]]


class Trials:
    """Replays under conditions, in up to two processes, each condition once. A context manager, for its processes."""

    def __init__(self, material: Material, processes: int = PROCESSES) -> None:
        self._material = material
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None
        self._known: dict[Conditions, Changes] = {}

    def __enter__(self) -> Self:
        if self._processes > 1:
            self._pool = ProcessPoolExecutor(
                self._processes, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(self._material,)
            )
        else:
            _begin(self._material)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    @property
    def made(self) -> int:
        """Tell how many replays were made."""
        return len(self._known)

    def run(self, asked: Iterable[Conditions]) -> list[Changes]:
        """Give the rises under each of the conditions, in order: `index`, `change`, `level`, `kind` of each."""
        wanted = list(asked)
        fresh = [one for one in dict.fromkeys(wanted) if one not in self._known]
        made = map(_play, fresh) if self._pool is None else self._pool.map(_play, fresh)
        self._known.update(zip(fresh, made, strict=True))
        return [self._known[one] for one in wanted]


class _Bench:
    """What a process keeps between trials."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.fingerprinter = Fingerprinter(material.config.fingerprint)


_BENCH: list[_Bench] = []


def _begin(material: Material) -> None:
    _BENCH[:] = [_Bench(material)]


def _play(conditions: Conditions) -> Changes:
    (bench,) = _BENCH
    material = bench.material
    recording = record(
        material.config,
        rulebook_of(material.config, material.policy, conditions),
        material.lines,
        without=PIECES[conditions.without] if conditions.without else None,
        fingerprinter=bench.fingerprinter,
    )
    return [
        {name: change[name] for name in ("index", "change", "level", "kind")}
        for change in recording.changes
        if change["change"] == "up"
    ]


def rulebook_of(config: Config, files: Mapping[str, bytes], conditions: Conditions) -> RuleBook:
    """Compile a policy with the conditions laid over each rule's own thresholds."""
    policy = load_policy(files or shipped_policy())
    plain = RuleBook(policy, config.detectors, config.ladder)
    *rules, default = [_changed(rule, plain, conditions) for rule in policy.rules]
    return RuleBook(Policy(rules, default), config.detectors, config.ladder)


def _changed(rule: Rule, plain: RuleBook, conditions: Conditions) -> Rule:
    tables = {kind: dict(table) for kind, table in rule.detectors.items()}
    for kind in conditions.off:
        tables.setdefault(kind, {})["enabled"] = False
    options = plain.get(rule.name).detect
    for kind, factor in conditions.scale:
        its_own = getattr(options, kind)
        for name in THRESHOLDS[kind]:
            tables.setdefault(kind, {})[name] = _scaled(getattr(its_own, name), factor)
    return replace(rule, detectors=tables)


def _scaled(value: float, factor: float) -> float:
    return max(_LEAST, round(value * factor)) if isinstance(value, int) else value * factor


def scales(factors: Mapping[str, float]) -> Conditions:
    """Give the conditions of moved warnings; a factor of 1 is none."""
    return Conditions(scale=tuple(sorted((kind, factor) for kind, factor in factors.items() if factor != 1.0)))
