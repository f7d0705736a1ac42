"""Walks the configuration's Structs: every key with its type, range, default, variable and what it does."""

import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct, inspect

from agentwatch.config import Config
from scripts.config_texts import TABLES, TEXTS

__all__ = ["Key", "Table", "dotted", "tables", "toml"]

_LISTS = {"api.tokens": "api.tokens[]", "receivers": "receivers[]", "prices.overrides": "prices.overrides.*"}


class Key(Struct, frozen=True):
    """One key that can be set. default: as TOML, "" where there is none. variable: "" inside a list's entry."""

    path: str
    type: str
    default: str
    text: str
    variable: str
    required: bool

    @property
    def name(self) -> str:
        """Give the last part of the path."""
        return self.path.rpartition(".")[2]


class Table(Struct, frozen=True):
    """One table with its own keys. A path with `[]` or `*` is that of each entry of a list or of a map."""

    path: str
    text: str
    keys: list[Key]


def tables() -> list[Table]:
    """List every table, the parts in the order of `Config`, each before what is inside it."""
    whole = inspect.type_info(Config)
    assert isinstance(whole, inspect.StructType)
    return list(_walk(whole, Config(), ""))


def dotted(parent: str, name: str) -> str:
    """Join a path."""
    return f"{parent}.{name}" if parent else name


def toml(value: Any) -> str:
    """Write a default as TOML; what JSON has and TOML has not is not among them."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(part) for part in value) + "]"
    if isinstance(value, dict):
        return "{}"
    return msgspec.json.encode(msgspec.to_builtins(value)).decode()


def _walk(of: inspect.StructType, defaults: Struct | None, path: str) -> Iterator[Table]:
    """Walk a Struct; `defaults` is None for an entry of a list, whose keys stand alone."""
    texts, hints = _said(of.cls), get_type_hints(of.cls, include_extras=True)
    keys: list[Key] = []
    below: list[tuple[inspect.StructType, Struct | None, str]] = []
    for field in of.fields:
        inner, full = _unwrap(field.type), dotted(path, field.encode_name)
        default = _default(field) if defaults is None else getattr(defaults, field.name)
        if isinstance(inner, inspect.StructType):
            below.append((inner, default, full))
            continue
        text = TEXTS.get(full) or texts.get(field.name) or TEXTS.get(f"*.{field.encode_name}", "")
        variable = "" if "[]" in full or "*" in full else "AGENTWATCH_" + full.replace(".", "_").upper()
        kind = _choice(hints[field.name]) or _type(inner)
        keys.append(Key(full, kind, toml(default), _sentence(text), variable, field.required))
        held = _held(inner)
        if held is not None:
            below.append((held, None, _LISTS[full]))
    yield Table(path, TABLES.get(path, _summary(of.cls)), keys)
    for part, inside, name in below:
        yield from _walk(part, inside, name)


def _default(field: inspect.Field) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default if field.default is not msgspec.NODEFAULT else None


def _choice(hint: Any) -> str:
    """Name the values of a Literal, in the order of the code; a list of it too."""
    if get_origin(hint) is Literal:
        return " ".join(f'`"{value}"`' for value in get_args(hint))
    if not get_args(hint):
        return ""
    inner = _choice(get_args(hint)[0])
    return f"list of {inner}" if inner and get_origin(hint) is tuple else inner


def _unwrap(kind: inspect.Type) -> inspect.Type:
    return _unwrap(kind.type) if isinstance(kind, inspect.Metadata) else kind


def _held(kind: inspect.Type) -> inspect.StructType | None:
    """Give the Struct that a list or a map holds, if it holds one."""
    inner = None
    if isinstance(kind, inspect.VarTupleType):
        inner = _unwrap(kind.item_type)
    elif isinstance(kind, inspect.DictType):
        inner = _unwrap(kind.value_type)
    return inner if isinstance(inner, inspect.StructType) else None


def _type(kind: inspect.Type) -> str:
    kind = _unwrap(kind)
    if isinstance(kind, inspect.UnionType):
        return " or ".join(_type(part) for part in kind.types if not isinstance(part, inspect.NoneType))
    if isinstance(kind, inspect.VarTupleType):
        held = _unwrap(kind.item_type)
        what = "tables" if isinstance(held, inspect.StructType) else "strings"
        return f"list of {what}" + _most(kind.max_length)
    if isinstance(kind, inspect.DictType):
        return "table of tables"
    if isinstance(kind, (inspect.IntType, inspect.FloatType)):
        return ("integer" if isinstance(kind, inspect.IntType) else "number") + _range(kind)
    if isinstance(kind, inspect.StrType):
        return "string" + (f" like `{kind.pattern}`" if kind.pattern else _most(kind.max_length))
    if isinstance(kind, inspect.LiteralType):
        return " or ".join(f"`{value}`" for value in kind.values)
    return {inspect.BoolType: "boolean", inspect.DateTimeType: "date and time with offset"}[type(kind)]


def _most(count: int | None) -> str:
    return f", at most {count}" if count is not None else ""


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    low = [f"≥ {_figure(kind.ge)}"] if kind.ge is not None else [f"> {_figure(kind.gt)}"] if kind.gt is not None else []
    high = (
        [f"≤ {_figure(kind.le)}"] if kind.le is not None else [f"< {_figure(kind.lt)}"] if kind.lt is not None else []
    )
    return " " + ", ".join(low + high) if low or high else ""


def _figure(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


def _summary(cls: type[Struct]) -> str:
    """Give the first sentence of a docstring, where it is no field's."""
    first = " ".join((cls.__doc__ or "").strip().split("\n\n")[0].split())
    fields = "|".join(cls.__struct_fields__)
    return "" if re.match(rf"(?:{fields})(?:, \w+)*: ", first) else re.split(rf" (?:{fields}): ", first)[0]


def _said(cls: type[Struct]) -> dict[str, str]:
    """Collect the `name: text` parts of a class docstring; `a, b: text` is said of both."""
    text = " ".join((cls.__doc__ or "").split())
    names = "|".join(sorted(cls.__struct_fields__, key=len, reverse=True))
    starts = list(re.finditer(rf"(?:^|(?<=[.;,)] )|(?<=and ))((?:{names})(?:, (?:{names}))*): ", text))
    found: dict[str, str] = {}
    ends = [each.start() for each in starts[1:]] + [len(text)]
    for start, end in zip(starts, ends, strict=False):
        said = text[start.end() : end]
        for name in start.group(1).split(", "):
            found[name] = said
    return found


def _sentence(text: str) -> str:
    """Make a whole sentence of a docstring's part."""
    text = re.sub(r"[;,. ]*(?: and)?[;,. ]*$", "", text.strip())
    if not text:
        return ""
    text = text if text[:1] == "`" else text[:1].upper() + text[1:]
    return text + ("" if text[-1] in ".!?" else ".")
