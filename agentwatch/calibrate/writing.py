"""A calibration as a policy file: the thresholds that changed, and in comments how they were found."""

from collections.abc import Sequence
from datetime import UTC, datetime

from agentwatch import __version__
from agentwatch.calibrate.calibration import Calibration, Threshold
from agentwatch.calibrate.conformal import within
from agentwatch.counting import counted

__all__ = ["held_out", "policy_text"]

_WIDTH = 110


def policy_text(found: Calibration, at: float, sources: Sequence[str]) -> str:
    """Write the file. at: when it is made, in unix seconds. sources: the files that the runs came from."""
    whence = ", ".join(sources)
    lines = [
        *_wrapped(
            f"Thresholds from {counted(found.runs, 'good run')}, by `agentwatch calibrate` of agentwatch {__version__} "
            f"on {_day(at)}. Name this file in `policy.files`, and so that it sorts behind the files whose thresholds "
            "it replaces: files are read in order of their names."
        ),
        "#",
        *_wrapped(f"Runs: {whence}; {counted(found.events, 'event')} from {_day(found.since)} to {_day(found.until)}."),
        *_wrapped(
            f"Split, drawn with seed {found.seed}: {found.split.shape} runs tell how far each detector gets, "
            f"{found.split.calibrate} calibrate, {found.split.check} check."
        ),
        *_wrapped(
            f"Method: split conformal prediction at a false-alarm rate of {found.rate:g} a run for all calibrated "
            "detectors together. The rate is not split among them: all thresholds rise together along one line, each "
            "in proportion to how far its detector got in the first part, and one number of each run says from "
            f"where on along that line no detector warns of it. Of the {found.split.calibrate} numbers, from the "
            f"smallest on, number {found.rank} is taken: {found.quantile:.4g}."
        ),
        *_wrapped(
            "It holds for runs that are like these (exchangeable with them), and not for kinds of work that are not "
            "among them. Kills keep their proportion to the warning. "
            + ("Thresholds were allowed to become lower." if found.tighten else "No threshold is lower than it was.")
        ),
        *_wrapped(held_out(found)),
        "",
        "version = 1",
    ]
    if not found.changed:
        lines += ["", "# Nothing to change: the thresholds in force keep to the rate already."]
    for one in found.changed:
        lines += ["", *_table(one)]
    return "\n".join(lines) + "\n"


def held_out(found: Calibration) -> str:
    """Say what the new thresholds did to the runs that were held out."""
    low, high = within(found.checked, found.split.check)
    share = found.checked / found.split.check if found.split.check else 0.0
    by = ", ".join(f"{kind} {count}" for kind, count in sorted(found.by.items()))
    return (
        f"Held out: {found.checked} of {found.split.check} runs warned of ({share:.1%}, with 95 % confidence between "
        f"{low:.1%} and {high:.1%}){': ' + by if by else ''}; {found.before} with the thresholds before."
    )


def _table(one: Threshold) -> list[str]:
    over = f"{one.runs_over} of the runs were beyond" if one.runs_over else "no run was beyond"
    said = f"was {_number(one.was)}: {over}; the furthest that set it got to {one.highest:.4g}"
    lines = [f"[defaults.detectors.{one.kind}]", f"{one.option} = {_number(one.now)}  # {said}"]
    return lines + [f"{name} = {_number(value)}" for name, value in one.kill.items()]


def _number(value: float) -> str:
    """Write whole rounds as integers where the option is one, and anything else with its point."""
    return repr(value) if isinstance(value, int) else f"{value:.10g}" if value % 1 else f"{value:.1f}"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%MZ")


def _wrapped(words: str) -> list[str]:
    lines, line = [], "#"
    for word in words.split():
        if len(line) + len(word) + 1 > _WIDTH:
            lines.append(line)
            line = "#"
        line += f" {word}"
    return [*lines, line]
