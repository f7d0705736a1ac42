"""The whole state as msgpack chunks of at most 1 MiB, each readable by itself, and back.

A chunk is [format, next index, records]; a record is [part, [key, state]]: the app itself first, then what hangs on it.
A state larger than a chunk travels alone in a larger one, which the bounds on a run's state make impossible in
practice. The encoding is that of the state Structs (arrays by field order): a change of theirs is a change of FORMAT,
with a step in `former` for the runs of the format before.
"""

from collections.abc import Iterable, Iterator
from sys import intern
from typing import Literal

import msgspec
from msgspec import Struct

from agentwatch.detect.former import run_of_1
from agentwatch.detect.names import same_names
from agentwatch.detect.population import Population
from agentwatch.detect.state import AgentState, AppState, RootState, RunState
from agentwatch.errors import Incompatible

__all__ = ["CHUNK_BYTES", "FORMAT", "dump", "load"]

FORMAT = 2
_OLDEST = 1
CHUNK_BYTES = 1 << 20
_ROOM = CHUNK_BYTES - 64
_LINEAGE_AT_ONCE = 512
Part = Literal["app", "agent", "root", "run", "parents", "placed", "dropped"]


class _Chunk(Struct, array_like=True):
    format: int
    index: int
    records: list[tuple[Part, msgspec.Raw]]


class _Head(Struct, array_like=True):
    format: int


def dump(population: Population, index: int) -> Iterator[bytes]:
    """Encode everything; a snapshot of nothing is one chunk too."""
    encode = msgspec.msgpack.Encoder().encode
    records: list[tuple[Part, msgspec.Raw]] = []
    size = 0
    for part, state in _parts(population):
        raw = encode(state)
        if size + len(raw) + 16 > _ROOM and records:
            yield encode(_Chunk(FORMAT, index, records))
            records, size = [], 0
        records.append((part, msgspec.Raw(raw)))
        size += len(raw) + 16
    yield encode(_Chunk(FORMAT, index, records))


def _parts(population: Population) -> Iterator[tuple[Part, object]]:
    yield "dropped", (population.dropped, population.lineage.dropped)
    for app in population.apps.values():
        key = (app.tenant, app.app)
        yield "app", (key, msgspec.structs.replace(app, agents={}, roots={}, runs={}))
        for agent in app.agents.values():
            yield "agent", (key, agent)
        for root in app.roots.values():
            yield "root", (key, root)
        for run in app.runs.values():
            yield "run", (key, run)
    parents = list(population.lineage.parents())
    for at in range(0, len(parents), _LINEAGE_AT_ONCE):
        yield "parents", parents[at : at + _LINEAGE_AT_ONCE]
    placed = list(population.lineage.placed())
    for at in range(0, len(placed), _LINEAGE_AT_ONCE):
        yield "placed", placed[at : at + _LINEAGE_AT_ONCE]


Key = tuple[str, str]
_chunks = msgspec.msgpack.Decoder(_Chunk)
_apps = msgspec.msgpack.Decoder(tuple[Key, AppState])
_agents = msgspec.msgpack.Decoder(tuple[Key, AgentState])
_roots = msgspec.msgpack.Decoder(tuple[Key, RootState])
_runs = msgspec.msgpack.Decoder(tuple[Key, RunState])
_parents = msgspec.msgpack.Decoder(list[tuple[str, str, str]])
_placed = msgspec.msgpack.Decoder(list[tuple[str, str, str, str]])
_dropped = msgspec.msgpack.Decoder(tuple[dict[str, int], int])


def load(population: Population, chunks: Iterable[bytes | memoryview]) -> int:
    """Fill an empty population from chunks in their order, which need not exist at once, and return the next index.

    Raises `Incompatible` for a format that this version does not read, or for damaged chunks.
    """
    index = 0
    for chunk in chunks:
        try:
            whole = _chunk(chunk)
            index, found = whole.index, whole.format
            for part, raw in whole.records:
                if part == "run":
                    _take_run(population, *(run_of_1(raw) if found == 1 else _runs.decode(raw)))
                else:
                    _take(population, part, raw)
        except (msgspec.MsgspecError, KeyError, IndexError) as error:
            raise Incompatible(f"detector state cannot be read: {error}") from error
    return index


def _chunk(data: bytes | memoryview) -> _Chunk:
    try:
        whole = _chunks.decode(data)
        found = whole.format
    except msgspec.ValidationError:
        found = msgspec.msgpack.decode(data, type=_Head).format
        if found <= FORMAT:
            raise
    if not _OLDEST <= found <= FORMAT:
        raise Incompatible(f"detector state has format {found}; this version reads {_OLDEST} to {FORMAT}")
    return whole


def _take_run(population: Population, key: Key, run: RunState) -> None:
    app = population.apps[key]
    same_names(app, run)
    app.runs[run.run] = run
    population.runs += 1
    population.trees += run.tree is not None


def _take(population: Population, part: Part, raw: msgspec.Raw) -> None:
    if part == "agent":
        key, agent = _agents.decode(raw)
        agent.team, agent.run = intern(agent.team), intern(agent.run)
        population.apps[key].agents[agent.agent] = agent
        population.agents += 1
    elif part == "root":
        key, root = _roots.decode(raw)
        population.apps[key].roots[root.root] = root
        population.trees += 1
    elif part == "app":
        key, app = _apps.decode(raw)
        population.apps[key] = app
    elif part == "parents":
        population.lineage.restore(
            parents=[(intern(tenant), intern(run), intern(app)) for tenant, run, app in _parents.decode(raw)]
        )
    elif part == "placed":
        population.lineage.restore(placed=_placed.decode(raw))
    else:
        population.dropped, population.lineage.dropped = _dropped.decode(raw)
