"""The kinds of query and path parameters. Litestar reads their bounds from its own markers, not from msgspec's."""

from typing import Annotated, Literal

from litestar.params import HeaderParameter, PathParameter, QueryParameter

__all__ = [
    "AskedId",
    "AskedLabel",
    "AskedLevel",
    "AskedLimit",
    "AskedName",
    "AskedPosition",
    "AskedSubject",
    "AskedWhy",
    "LastEventId",
    "LevelName",
    "WantedLevel",
    "WantedState",
    "WantedSubject",
]

_POSITION = "^[0-9A-Za-z_-]*$"
LevelName = Literal["observe", "warn", "throttle", "pause", "kill"]
AskedLabel = Annotated[str, QueryParameter(max_length=256)]
AskedName = Annotated[str, QueryParameter(min_length=1, max_length=256)]
AskedWhy = Annotated[str, QueryParameter(min_length=1, max_length=2000)]
AskedSubject = Annotated[
    str, QueryParameter(min_length=1, max_length=2048, description="tenant/app[/agent|root|run|task/ID], escaped parts")
]
WantedSubject = Annotated[str, QueryParameter(max_length=2048, description="only this subject")]
AskedLevel = Annotated[LevelName, QueryParameter()]
WantedLevel = Annotated[LevelName | None, QueryParameter(required=False)]
WantedState = Annotated[Literal["open", "resolved", ""], QueryParameter(name="state", description="only in this state")]
AskedLimit = Annotated[int, QueryParameter(ge=1, le=1000)]
AskedPosition = Annotated[str, QueryParameter(max_length=1024, pattern=_POSITION)]
AskedId = Annotated[str, PathParameter(max_length=128)]
LastEventId = Annotated[str, HeaderParameter(name="Last-Event-ID", max_length=1024, pattern=_POSITION, required=False)]
