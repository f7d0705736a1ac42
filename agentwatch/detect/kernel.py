"""The compiled form of detection, where it was built: the same results at a fraction of the cost.

It takes the ordinary event, of which most are; one that is not it hands to the pure form, before it has changed
anything. It works on the very records and state that the pure form does, at the places in memory where their fields
lie. Those are found by looking, and not known by heart: where anything is not as it should be, the pure form runs.
"""

from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple, Protocol

from msgspec import Struct

from agentwatch.detect import (
    accounts,
    against,
    attempts,
    backoff,
    beats,
    brood,
    calls,
    cycle,
    evidence,
    familiar,
    history,
    lookup,
    made_of,
    manner,
    news,
    phrase,
    pingpong,
    reworded,
    said,
    slow,
    spawn,
    steps,
    unattended,
    variants,
)
from agentwatch.detect.cohort import CohortOptions
from agentwatch.detect.context import Context, ContextOptions
from agentwatch.detect.cycle import Cycle, CycleOptions
from agentwatch.detect.exchange import Exchange, Voice
from agentwatch.detect.failure import FailureOptions
from agentwatch.detect.familiar import Familiar
from agentwatch.detect.growth import Growth
from agentwatch.detect.history import History, Laps, Spoken, Streak
from agentwatch.detect.hitters import Hitters, Recurrence
from agentwatch.detect.jobs import Job
from agentwatch.detect.manner import Manner
from agentwatch.detect.monologue import MonologueOptions
from agentwatch.detect.pace import Pace
from agentwatch.detect.paraphrase import ParaphraseOptions
from agentwatch.detect.pingpong import PingpongOptions
from agentwatch.detect.rate import RateOptions
from agentwatch.detect.reading import NOTHING, Reading
from agentwatch.detect.repeat import RepeatOptions
from agentwatch.detect.restart import RestartOptions
from agentwatch.detect.said import Said
from agentwatch.detect.slow import SlowOptions
from agentwatch.detect.stagnation import StagnationOptions
from agentwatch.detect.state import AgentState, AppState, DayTotals, RootState, RunState, Scope, Seldom
from agentwatch.detect.steps import OpenStep
from agentwatch.detect.unattended import UnattendedOptions
from agentwatch.fingerprint.compiled import compiled_form, places
from agentwatch.fingerprint.sketch import ESTIMATES
from agentwatch.records import Event, Fingerprint, Observation, Prints, ResultClass, Signal

try:
    from agentwatch.detect import _kernel as native
except ImportError:  # no compiler where it was built
    native = None  # type: ignore[assignment]

__all__ = ["UNWATCHED", "Asked", "Form", "Parts", "Told", "form", "kernel_form", "kernel_trouble", "native"]

_INTERFACE = 15
_CLASSES: dict[str, type[Struct]] = {
    one.__name__: one
    for one in (
        *(Event, Observation, Prints, Fingerprint, Scope, Reading, Said),
        *(RunState, RootState, AgentState, AppState, DayTotals, History, Spoken, Laps, OpenStep, Growth, Familiar),
        *(Seldom, Hitters, Pace, Manner, RateOptions, CohortOptions, Streak, CycleOptions, Exchange, Job),
        *(beats.Asked, RepeatOptions, StagnationOptions, FailureOptions, ParaphraseOptions, MonologueOptions),
        *(PingpongOptions, UnattendedOptions, Voice, RestartOptions, SlowOptions, Recurrence),
        *(brood.Brood, brood.Line, spawn.SpawnOptions),
    )
}
_WEIGHED: dict[str, ModuleType] = {
    one.__name__.rpartition(".")[2]: one
    for one in (
        *(against, backoff, brood, calls, evidence, pingpong, reworded, said, spawn, steps, unattended, variants),
    )
}
_Take = Callable[[Observation, Scope], None]
# Of some detectors: their numbers in `Form.watchers` (`UNWATCHED`: it has none), a method of each, and its options,
# which may not change.
Asked = tuple[bytes, tuple[Callable[[Observation, Scope], Signal | None], ...], tuple[object, ...]]
Told = tuple[bytes, tuple[_Take, ...], tuple[object, ...]]
Bounds = tuple[float, float, int, float]
UNWATCHED = 255


class Parts(NamedTuple):
    """What to ask and what to tell of an event of one `op`.

    hears: what to tell of events that say nothing about content, to detectors that care when an agent wakes; None for
    all others. accused: what to ask where the shared evidence speaks against the event, and calm: where it does not.
    """

    hears: tuple[_Take, ...] | None
    calm: Asked
    accused: Asked
    learns: Told


class Places(Protocol):
    """Finds where events belong that begin nothing; the pure form leaves all of them to the population."""

    def place(self, event: Event, index: int, /) -> Scope | None:
        """Place an event of a run that goes on, as `Population.admit` does; None, changing nothing, for any other."""

    def foresee(self, events: list[Event], prints: list[Prints], /) -> None:
        """Be told which events come next, in order, so that they and what they belong to are near when wanted."""

    def forget(self) -> None:
        """Look up anew what the next events belong to: something is gone."""


class Form(Struct, frozen=True):
    """What the bank does with each event.

    places: makes what finds where events belong. ask: gives the signals of those that have one; tell: lets them learn.
    take: all of it at one go (`Bank.observe`), where there is such a thing. watchers: numbers of the kinds of which it
    is known when there is nothing to ask or to tell them.
    """

    places: Callable[[dict[tuple[str, str], AppState], Bounds, Reading], Places]
    account: _Take
    read: _Take
    learn: _Take
    ask: Callable[[Observation, Scope, Asked], list[Signal]]
    tell: Callable[[Observation, Scope, Told], None]
    take: Callable[[Observation, Scope, Parts], list[Signal]] | None
    watchers: dict[str, int]


class _Nowhere:
    def __init__(self, _apps: object, _bounds: object, _nothing: object) -> None: ...

    def place(self, _event: Event, _index: int, /) -> None:
        return None

    def foresee(self, _events: list[Event], _prints: list[Prints], /) -> None: ...

    def forget(self) -> None: ...


def _ask(seen: Observation, scope: Scope, asked: Asked) -> list[Signal]:
    return [signal for read in asked[1] if (signal := read(seen, scope)) is not None]


def _tell(seen: Observation, scope: Scope, told: Told) -> None:
    for learn in told[1]:
        learn(seen, scope)


_PURE = Form(_Nowhere, accounts.account, evidence.read, evidence.learn, _ask, _tell, None, {})


def _bins(alike: float) -> int:
    """Tell in how many bins two sketches must agree to be so alike."""
    return next(bins for bins, estimate in enumerate(ESTIMATES) if estimate >= alike)


def _limits() -> dict[str, int]:
    return {
        "akin_answers": _bins(reworded.AKIN_ANSWERS),
        "news_below": _bins(against.NEWS_BELOW),
        "said_alike": _bins(said.ALIKE),
        "long_alike": _bins(said.LONG_ALIKE),
        "templated": _bins(phrase.TEMPLATED),
        "context_akin": _bins(made_of.AKIN),
        "news": news.NEWS,
        "calls": history.CALLS,
        "near": history.NEAR,
        "numbers": history.NUMBERS,
        "inputs": history.INPUTS,
        "outputs": history.OUTPUTS,
        "texts": history.TEXTS,
        "symbols": cycle.SYMBOLS,
        "brief_words": reworded.FEW_WORDS,
        "answer_words": reworded.MANY_WORDS,
        "step_words": cycle.MANY_WORDS,
        "said_words": said.MIN_WORDS,
        "long_words": said.LONG_WORDS,
        "prompt_words": phrase.MIN_WORDS,
        "context_words": made_of.MANY_WORDS,
        "context_calls": made_of.FEWEST,
        "slow_words": slow.LEAST_WORDS,
        "slow_sparse": int(slow.SPARSE_S),
        "exempt": attempts.EXEMPT,
        "job_words": attempts.LEAST_WORDS,
        "manner_full": int(manner.FULL),
        "manner_rest": int(manner.LONGEST_S),
        "context_pieces": made_of.MANY_PIECES,
        "context_leak": round(made_of.LEAK),
        "familiar_full": familiar.FULL,
        "shared_percent": round(made_of.SHARED * 100),
        "nearly_percent": round(made_of.NEARLY_SAME * 100),
        "hardly_percent": round(made_of.HARDLY_PIECES * 100),
        "ids": history.IDS,
        "members": steps.MAX_MEMBERS,
        "max_lag": cycle.MAX_LAG,
        "patient_from": cycle.PATIENT_FROM,
        "asked": familiar.ASKED,
        "answer": familiar.ANSWER,
        "said": familiar.SAID,
        "ancestors": news.ANCESTORS,
        "addressees": news.ADDRESSEES,
    }


def _weight(name: str) -> float:
    """Look a weight up by its module here and its name there."""
    module, constant = name.split(".")
    return float(getattr(_WEIGHED[module], constant))


def _bound() -> bool:
    """Tell the compiled form where everything is; False where it cannot be used."""
    if native is None or not compiled_form() or native.INTERFACE != _INTERFACE:
        return False
    functions: dict[str, object] = {
        "account": accounts.account,
        "read": evidence.read,
        "learn": evidence.learn,
        "learn_cycle": Cycle(CycleOptions()).learn,
        "learn_context": Context(ContextOptions()).learn,
        "nothing": NOTHING,
        "is_busy": backoff.is_busy,
        "acts": lookup.acts,
        "looks_up": lookup.looks_up,
    }
    try:
        found = {name: place for kind in _CLASSES.values() for name, place in places(kind).items()}
        limits = _limits()
        native.bind(
            tuple(_CLASSES[name] for name in native.CLASSES),
            tuple(found[name] for name in native.FIELDS),
            tuple(functions[name] for name in native.FUNCTIONS),
            tuple(ResultClass[name] for name in native.KLASSES),
            tuple(limits[name] for name in native.LIMITS),
            tuple(map(_weight, native.WEIGHTS)),
            tuple(_bins(_weight(name)) for name in native.LIKENESSES),
        )
    except (KeyError, ValueError, TypeError, AttributeError, StopIteration):
        return False  # of another version, or laid out in a way that is not known here
    return True


_BOUND = _bound()
_COMPILED = (
    Form(
        *(native.Places, native.account, native.read, native.learn, native.ask, native.tell, native.take),
        {kind: number for number, kind in enumerate(native.WATCHERS)},
    )
    if _BOUND
    else _PURE
)


def kernel_form() -> bool:
    """Tell whether the compiled form of detection runs."""
    return _BOUND


def kernel_trouble() -> str:
    """Say that a compiled form that is there does not fit; empty where it runs, is kept out, or was not built."""
    if native is None or _BOUND or not compiled_form():
        return ""
    return "the compiled form of detection is of another version: build it anew"


def form(*, pure: bool = False) -> Form:
    """Give the form that runs; `pure` keeps the compiled one out."""
    return _PURE if pure else _COMPILED
