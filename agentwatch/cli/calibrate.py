"""`calibrate`: thresholds from good runs of one's own, at a rate of false alarms that one states."""

import time
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from agentwatch.calibrate import Calibration, calibrate, check, held_out, policy_text, score_runs, within
from agentwatch.cli.failure import FINE, FOUND
from agentwatch.cli.output import Format, output_option, rows, show
from agentwatch.cli.policy_files import config_of, read_policy
from agentwatch.cli.printable import escape
from agentwatch.cli.replay import NumberedLines, config_option, policy_option, teller
from agentwatch.cli.wording import count
from agentwatch.config import Config
from agentwatch.counting import counted
from agentwatch.errors import BadInput
from agentwatch.policy.rules import DEFAULT_RULE
from agentwatch.service.composing import make_rulebook

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["calibrate_command"]

_LAST: Final = "~calibrated.toml"  # sorts behind the names of the files that it is laid over
_TOLD: Final = 10


class _Rate(click.ParamType[Fraction]):
    """A share between nothing and a half, kept exact: the number of runs that it needs depends on it."""

    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """Read the text into a fraction."""
        try:
            rate = Fraction(str(value))
        except (ValueError, ZeroDivisionError):
            self.fail(f"{value!r} is not a share; write 0.01 or 1/100", param, ctx)
        if not Fraction(1, 100_000) <= rate <= Fraction(1, 2):
            self.fail(f"{value} is not between 0.00001 and 0.5", param, ctx)
        return rate


@click.command("calibrate")
@click.argument("good_runs", nargs=-1, required=True, metavar="GOOD_RUNS…")
@click.option("--rate", type=_Rate(), default="0.01", show_default=True,
              help="False alarms a run that are acceptable, of all detectors together.")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Draws which runs calibrate and which check.")
@click.option("--tighten", is_flag=True, help="Let thresholds become lower as well, down to half of what they were.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None,
              help="Write the policy file here instead of to standard output.")  # fmt: skip
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@policy_option
@config_option
@output_option
def calibrate_command(
    good_runs: tuple[str, ...],
    rate: Fraction,
    seed: int,
    tighten: bool,
    out: Path | None,
    force: bool,
    policy_files: tuple[Path, ...],
    config_file: Path | None,
    output: Format,
) -> int:
    """Find thresholds that warn of at most RATE of runs like GOOD_RUNS, and write them as a policy file.

    GOOD_RUNS are recorded events (.jsonl, .jsonl.gz or -) of runs that went well. Half of the runs set the thresholds
    by split conformal prediction, the other half tells what came of it. Thresholds only become higher unless you say
    --tighten. Too few runs are refused (exit code 2): 198 for a rate of 0.01. Exit code 1: more of the held-out half
    were warned of than the rate can explain.
    """
    if out is not None and out.exists() and not force:
        raise BadInput("is there already; --force writes over it", str(out))
    files = read_policy([str(path) for path in policy_files] or ["shipped"])
    found, text = _calibrated(good_runs, rate, seed, tighten, config_of(config_file), files)
    if out is not None:
        _write(out, text)
    told = {"calibration": found, "policy": text, "out": str(out) if out is not None else ""}
    show(told, output, lambda console: _print(console, found, text, out))
    return FOUND if within(found.checked, found.split.check)[0] > found.rate else FINE


def _calibrated(
    good_runs: Sequence[str], rate: Fraction, seed: int, tighten: bool, config: Config, files: Mapping[str, bytes]
) -> tuple[Calibration, str]:
    """Find the thresholds on one half of the runs, and what came of them on the other; with the policy file's text."""
    book = make_rulebook(config, files)
    options = book.get(DEFAULT_RULE).detect
    numbered = NumberedLines(good_runs)
    kept = list(numbered) if "-" in good_runs else None  # standard input comes once, and is needed again

    def lines() -> Any:
        return NumberedLines(good_runs) if kept is None else kept

    scored = score_runs(config, options, lambda: numbered if kept is None else kept, tighten, teller(numbered))
    found = calibrate(scored, options, rate, seed, tighten)
    sources = [Path(name).name if name != "-" else "standard input" for name in good_runs]
    first = policy_text(found, time.time(), sources)
    fresh = make_rulebook(config, {**files, _LAST: first.encode()})
    found = check(config, book, fresh, lines, scored, found)
    return found, policy_text(found, time.time(), sources)


def _write(path: Path, text: str) -> None:
    """Write the file whole or not at all: a daemon may read it at any moment."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def _print(out: "Console", found: Calibration, text: str, path: Path | None) -> None:
    if path is None:
        out.print(text, markup=False, end="")
        return
    out.print(
        f"{counted(found.runs, 'run')}, {counted(found.events, 'event')}; {found.split.shape} tell scales, "
        f"{found.split.calibrate} calibrate, {found.split.check} check (seed {found.seed})"
    )
    rows(
        out,
        ["threshold", "was", "now", "furthest", "runs beyond"],
        [
            [f"{one.kind}.{one.option}", f"{one.was:g}", f"{one.now:g}", f"{one.highest:.3g}", count(one.runs_over)]
            for one in found.changed
        ],
        "no threshold need change: those in force keep to the rate",
        right=("was", "now", "furthest", "runs beyond"),
    )
    out.print(held_out(found))
    if found.accused:
        out.print("Warned of by the thresholds before. Are they really good runs?")
        for subject, kind, times in found.accused[:_TOLD]:
            out.print(f"  {escape(subject)}  {kind}, {times:g} times its threshold")
        if len(found.accused) > _TOLD:
            out.print(f"  … and {count(len(found.accused) - _TOLD)} more")
    out.print(f"written: {escape(str(path))}. Name it in policy.files, then `agentwatch rules check` and reload.")
