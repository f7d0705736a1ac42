"""The measured table of every scenario, as it stands in `docs/scenarios.md` between its two marks."""

from collections.abc import Iterable
from pathlib import Path

__all__ = ["put"]

PAGE = Path(__file__).parents[1] / "docs" / "scenarios.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
Line = dict[str, object]


def put(lines: list[Line], forms: tuple[str, ...], told: Iterable[str], about: str) -> None:
    """Write the table into the page; raises ValueError where the page lost its marks."""
    page = PAGE.read_text("utf-8")
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(f"{before}{BEGIN}\n{_table(lines, forms, told, about)}\n{END}{after}", "utf-8")


def _table(lines: list[Line], forms: tuple[str, ...], told: Iterable[str], about: str) -> str:
    by = {(row["name"], row["form"]): row for row in lines}
    loops, twins = ([name for name in _names(lines) if by[name, forms[0]]["loop"] is loop] for loop in (True, False))
    heads = "".join(f" {form} |" for form in forms)
    out = [about, "", *(f"* {one}" for one in told), ""]
    out += [f"| loop: warned / paused / killed, % |{heads} events | found by |", "|---" * (len(forms) + 3) + "|"]
    for name in loops:
        cells = "".join(" {warn:.0f} / {pause:.0f} / {kill:.0f} |".format(**by[name, form]) for form in forms)
        first = by[name, forms[0]]
        out.append(f"| `{name}` |{cells} {first['delay_events']} | {_kinds(first['found_by'])} |")
    out += ["", f"| twin: warned / killed, % |{heads} accused by |", "|---" * (len(forms) + 2) + "|"]
    for name in twins:
        cells = "".join(" {accused:.1f} / {accused_killed:.1f} |".format(**by[name, form]) for form in forms)
        out.append(f"| `{name}` |{cells} {_kinds(by[name, forms[0]]['wrong_kinds'])} |")
    return "\n".join(out)


def _names(lines: list[Line]) -> list[object]:
    return list(dict.fromkeys(row["name"] for row in lines))


def _kinds(counts: object) -> str:
    return ", ".join(f"`{kind}` {count}" for kind, count in counts.items()) if isinstance(counts, dict) else ""
