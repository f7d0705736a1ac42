"""Research agents: they search the web, read pages and take notes."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.places.workplace import Workplace
from agentwatch.testing.scenarios.writer import Writer

__all__ = ["RESEARCH", "hits", "query"]

_APPS = ("deep-research", "market-scout", "briefing-crew")
_AGENTS = ("researcher", "scout", "analyst")


def query(w: Writer) -> str:
    """Write what one would type into a search box."""
    kind = w.one(("statistics", "report", "overview", "case study", "regulation", "cost"))
    return f"{w.topic()} {kind} {w.place()} {w.number(2012, 2026)}"


def hits(w: Writer, count: int) -> str:
    """Write a page of search results."""
    return "\n\n".join(
        f"{at}. {w.adjective().title()} {w.noun()} of {w.company()}\n{w.url()}\n{w.prose(1, 2)}"
        for at in range(1, count + 1)
    )


def _task(w: Writer) -> str:
    return f"Write a briefing on {w.topic()} for {w.company()}, with at least {w.number(4, 12)} sources. {w.sentence()}"


def _work(w: Writer) -> Call:
    kind = w.number(0, 3)
    if kind == 0:
        return Call(tool="web_search", arguments={"query": query(w)}, result=hits(w, w.number(3, 6)))
    if kind == 3:
        return Call(tool="take_note", arguments={"text": w.prose(1, 3), "source": w.url()}, result="noted")
    return Call(
        tool="fetch_page", arguments={"url": w.url()}, result=f"# {w.noun().title()} and {w.noun()}\n\n{w.prose(4, 10)}"
    )


def _lookup(w: Writer) -> Call:
    if w.chance(0.5):
        return Call(
            tool="fetch_page",
            arguments={"url": w.url(), "format": "markdown"},
            result=f"# {w.noun().title()}\n\n{w.prose(4, 9)}",
        )
    return Call(tool="web_search", arguments={"query": query(w), "limit": 5}, result=hits(w, 4))


def _nothing(w: Writer) -> Call:
    return Call(
        tool="web_search",
        arguments={"query": query(w)},
        result=w.one(("No results found.", "[]", '{"results": [], "total": 0}')),
        status=w.one(("ok", "empty")),
    )


def _broken(w: Writer) -> Call:
    url = w.url()
    error = w.one(
        (
            f"404 Not Found for {url}",
            f"Could not fetch {url}: certificate verify failed",
            f"Access to {url} is forbidden by robots.txt",
        )
    )
    return Call(tool="fetch_page", arguments={"url": url}, result=error, status="error", error=error)


def _minor(w: Writer) -> Call:
    return Call(tool="take_note", arguments={"text": w.prose(1, 2)}, result="noted")


RESEARCH = Workplace("research", _APPS, _AGENTS, _task, _work, _lookup, _nothing, _broken, _minor)
