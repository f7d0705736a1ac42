"""Back-office agents: documents, invoices, calendars, mail."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.places.workplace import Workplace
from agentwatch.testing.scenarios.writer import Writer

__all__ = ["OFFICE"]

_APPS = ("back-office", "invoice-crew", "assistant")
_AGENTS = ("clerk", "bookkeeper", "assistant")


def _task(w: Writer) -> str:
    asked = f"Go through the {w.adjective()} {w.noun()} documents of {w.company()}"
    return f"{asked} and settle every open {w.noun()} with {w.person()}. {w.sentence()}"


def _work(w: Writer) -> Call:
    kind = w.number(0, 3)
    if kind == 0:
        return Call(
            tool="read_document",
            arguments={"document": f"{w.noun()}-{w.noun()}-{w.number(1, 400)}.pdf"},
            result=w.prose(5, 11),
        )
    if kind == 1:
        mails = "\n".join(
            f"{w.person()} <{w.noun()}@{w.company().lower()}.example>: {w.sentence()}" for _ in range(w.number(2, 6))
        )
        return Call(tool="search_mail", arguments={"query": f"from:{w.noun()} {w.noun()}"}, result=mails)
    if kind == 2:
        return Call(
            tool="post_invoice",
            arguments={"number": w.code("INV"), "amount": w.number(20, 9000), "memo": w.sentence()},
            result="posted",
        )
    return Call(
        tool="read_calendar",
        arguments={"person": w.person(), "week": w.number(1, 52)},
        result="\n".join(
            f"{w.number(8, 17)}:{w.one(('00', '15', '30'))} {w.noun()} with {w.person()} in {w.place()}"
            for _ in range(w.number(2, 8))
        ),
    )


def _lookup(w: Writer) -> Call:
    return Call(
        tool="read_document",
        arguments={"document": f"{w.noun()}-{w.noun()}.pdf", "pages": "1-4"},
        result=w.prose(6, 12),
    )


def _nothing(w: Writer) -> Call:
    return Call(
        tool="search_mail",
        arguments={"query": f"subject:{w.noun()} {w.noun()}"},
        result=w.one(("0 messages", "[]", "")),
        status=w.one(("ok", "empty")),
    )


def _broken(w: Writer) -> Call:
    code = w.code("INV")
    error = w.one(
        (
            f"{code}: period is closed for posting",
            f"{code}: supplier {w.company()} has no bank account on file",
            f"mandatory field cost_centre missing in {code}",
        )
    )
    return Call(
        tool="post_invoice",
        arguments={"number": code, "amount": w.number(20, 9000)},
        result=error,
        status="error",
        error="PostingError",
    )


def _minor(w: Writer) -> Call:
    return Call(tool="add_reminder", arguments={"text": w.sentence()}, result="reminder added")


OFFICE = Workplace("office", _APPS, _AGENTS, _task, _work, _lookup, _nothing, _broken, _minor)
