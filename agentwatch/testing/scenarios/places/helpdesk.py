"""Helpdesk agents: they look customers and orders up and answer tickets."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.places.workplace import Workplace
from agentwatch.testing.scenarios.writer import Writer

__all__ = ["HELPDESK", "order"]

_APPS = ("helpdesk", "returns-desk", "support-bot")
_AGENTS = ("support", "returns", "triage")


def order(w: Writer) -> str:
    """Write an order as JSON."""
    lines = ", ".join(
        f'{{"sku": "{w.code("SKU")}", "name": "{w.adjective()} {w.noun()}", "quantity": {w.number(1, 9)}}}'
        for _ in range(w.number(1, 4))
    )
    head = f'"order_id": "{w.code("ORD")}", "customer": "{w.person()}", "city": "{w.place()}"'
    return f'{{{head}, "status": "{w.adjective()}", "lines": [{lines}], "note": "{w.sentence()}"}}'


def _task(w: Writer) -> str:
    told = f"my {w.adjective()} {w.noun()} never arrived and the {w.noun()} {w.verb()} my {w.noun()}"
    return f"Ticket {w.code('HD')} from {w.person()}, {w.place()}: {told}. {w.sentence()}"


def _work(w: Writer) -> Call:
    kind = w.number(0, 3)
    if kind == 0:
        return Call(tool="get_order", arguments={"order_id": w.code("ORD")}, result=order(w))
    if kind == 1:
        history = "\n".join(f"- {w.person()}: {w.sentence()}" for _ in range(w.number(2, 6)))
        return Call(tool="get_ticket_history", arguments={"customer": w.person()}, result=history)
    if kind == 2:
        return Call(
            tool="search_knowledge_base",
            arguments={"query": f"{w.noun()} {w.noun()} {w.adjective()}"},
            result=w.prose(3, 6),
        )
    return Call(
        tool="update_ticket", arguments={"ticket": w.code("HD"), "comment": w.prose(1, 2)}, result='{"ok": true}'
    )


def _lookup(w: Writer) -> Call:
    if w.chance(0.5):
        return Call(
            tool="get_order", arguments={"order_id": w.code("ORD"), "expand": ["lines", "shipment"]}, result=order(w)
        )
    return Call(
        tool="search_knowledge_base",
        arguments={"query": f"{w.adjective()} {w.noun()} {w.noun()}", "top": 3},
        result=w.prose(4, 7),
    )


def _nothing(w: Writer) -> Call:
    return Call(
        tool="find_customer",
        arguments={"name": w.person(), "city": w.place()},
        result=w.one(("[]", "no customer found", '{"matches": []}')),
    )


def _broken(w: Writer) -> Call:
    code = w.code("ORD")
    error = w.one(
        (
            f"Error: order {code} cannot be refunded in status shipped",
            f"403: agent lacks the role refunds.write for {code}",
            f"validation failed: amount exceeds the order total of {code}",
        )
    )
    return Call(
        tool="refund_order",
        arguments={"order_id": code, "amount": w.number(5, 400)},
        result=error,
        status="error",
        error="RefundError",
    )


def _minor(w: Writer) -> Call:
    return Call(
        tool="add_tag", arguments={"ticket": w.code("HD"), "tag": f"{w.adjective()}-{w.noun()}"}, result='{"ok": true}'
    )


HELPDESK = Workplace("helpdesk", _APPS, _AGENTS, _task, _work, _lookup, _nothing, _broken, _minor)
