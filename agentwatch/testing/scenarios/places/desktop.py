"""GUI agents: they look at screens, click and type."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.places.workplace import Workplace
from agentwatch.testing.scenarios.writer import Writer

__all__ = ["DESKTOP", "click", "screen"]

_APPS = ("portal-clicker", "gui-agent", "browser-use")
_AGENTS = ("clicker", "navigator", "operator")


def screen(w: Writer, elements: int) -> str:
    """Write a screen as a tree of its elements."""
    lines = [f"window '{w.company()} {w.noun().title()}' focused"]
    for at in range(elements):
        role = w.one(("button", "link", "textbox", "menuitem", "checkbox", "cell", "heading"))
        lines.append(f"  [{at}] {role} '{w.adjective()} {w.noun()} {w.noun()}'")
    return "\n".join(lines)


def click(w: Writer, result: str) -> Call:
    """Click at a place drawn at random; `result` is the screen after it."""
    return Call(
        tool="computer",
        arguments={"action": "left_click", "coordinate": [w.number(10, 1900), w.number(10, 1060)]},
        result=result,
    )


def _task(w: Writer) -> str:
    opened = f"In the {w.company()} portal, open the {w.adjective()} {w.noun()} of {w.person()}"
    return f"{opened} and set its {w.noun()} to {w.number(10, 900)}. {w.sentence()}"


def _work(w: Writer) -> Call:
    kind = w.number(0, 3)
    if kind == 0:
        return Call(
            tool="computer",
            arguments={"action": "type", "text": f"{w.person()} {w.noun()} {w.number(1, 999)}"},
            result=screen(w, w.number(5, 14)),
        )
    if kind == 1:
        return Call(
            tool="computer",
            arguments={
                "action": "scroll",
                "coordinate": [w.number(300, 900), w.number(200, 800)],
                "amount": w.number(2, 12),
            },
            result=screen(w, w.number(8, 18)),
        )
    return click(w, screen(w, w.number(6, 18)))


def _lookup(w: Writer) -> Call:
    return click(w, screen(w, w.number(8, 16)))


def _nothing(w: Writer) -> Call:
    return Call(
        tool="find_element", arguments={"text": f"{w.adjective()} {w.noun()} {w.noun()}"}, result="no element matches"
    )


def _broken(w: Writer) -> Call:
    name = f"{w.adjective()} {w.noun()}"
    error = w.one(
        (
            f"Element '{name}' is not clickable at this point: another element would receive the click",
            f"Timeout 30000ms exceeded waiting for selector '#{w.noun()}-{w.noun()}'",
        )
    )
    return Call(tool="click_element", arguments={"element": name}, result=error, status="error", error="ElementError")


def _minor(w: Writer) -> Call:
    return Call(
        tool="computer",
        arguments={"action": "mouse_move", "coordinate": [w.number(10, 1900), w.number(10, 1060)]},
        result="done",
    )


DESKTOP = Workplace("desktop", _APPS, _AGENTS, _task, _work, _lookup, _nothing, _broken, _minor)
