"""What is wrong with a project file, in the words of who wrote it: never in those of a parser or a library."""

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Sequence
from typing import Any

__all__ = ["explain", "toml_remedy"]


def explain(cls: type[Any], errors: Sequence[Any]) -> list[str]:
    """One line for each error of pydantic, beginning with its key path; what only follows from another is left out."""
    return [_explain(cls, e) for e in errors if not _follows(e, errors)]


def _follows(error: Any, errors: Sequence[Any]) -> bool:
    """Whether a list is too short only because its entries, which are named themselves, are wrong."""
    loc = error["loc"]
    return error["type"] == "too_short" and any(
        len(e["loc"]) > len(loc) and e["loc"][: len(loc)] == loc for e in errors
    )


_PLAIN = {
    "greater_than": "must be > {gt:g}",
    "greater_than_equal": "must be >= {ge:g}",
    "less_than": "must be < {lt:g}",
    "less_than_equal": "must be <= {le:g}",
    "finite_number": "must be finite",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "string_type": "must be text in quotes",
    "tuple_type": "must be a list in [ ]",
    "dict_type": "must be a table of keys",
}
"""Words for what is wrong with a value, by pydantic's kind of error; the value itself follows."""


def _plain(error: Any) -> str:
    """What is wrong with a value, and the value."""
    kind, raw, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    if kind == "string_too_short":
        return "must not be empty"
    if kind in ("too_short", "too_long"):
        wanted = context.get("min_length", context.get("max_length"))
        least = "at least" if kind == "too_short" else "no more than"
        noun = "entry" if wanted == 1 else "entries"
        return f"must have {least} {wanted} {noun}, not {context['actual_length']}"
    message = "must be a table of keys" if kind.startswith("dataclass") else _PLAIN.get(kind)
    if message is None:
        message = f"{str(error['msg'])[0].lower()}{str(error['msg'])[1:]}"
    shown = "" if isinstance(raw, (dict, list, tuple)) else f", not {raw!r}"
    return message.format(**context) + shown


def _explain(cls: type[Any], error: Any) -> str:
    loc = [
        part
        for part in error["loc"]
        if not (isinstance(part, str) and part.startswith("function-"))
    ]
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else (f".{part}" if path else str(part))
    kind = error["type"]
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        names = _keys(cls, loc[:-1])
        near = difflib.get_close_matches(str(loc[-1]), names, n=1, cutoff=0.5)
        hint = (
            f'; did you mean "{near[0]}"?' if near else f"; known here: {', '.join(sorted(names))}"
        )
        return f"{path}: unknown key{hint}"
    if kind in ("missing", "missing_argument", "missing_keyword_only_argument"):
        return f"{path}: missing"
    if kind == "literal_error":
        expected = str(error["ctx"]["expected"])
        near = difflib.get_close_matches(
            str(error["input"]),
            [w.strip("' ") for w in expected.replace(" or ", ",").split(",")],
            n=1,
        )
        hint = f'; did you mean "{near[0]}"?' if near else ""
        return f"{path}: {error['input']!r} is not one of {expected}{hint}"
    return f"{path or 'project file'}: {_plain(error)}"


def _keys(cls: type[Any], loc: Sequence[int | str]) -> list[str]:
    """The valid key names of the table at loc."""
    current: Any = cls
    for part in loc:
        if isinstance(part, int):
            continue
        hints = typing.get_type_hints(current)
        current = _record_in(hints.get(part))
        if current is None:
            return []
    return [f.name for f in dataclasses.fields(current)]


def _record_in(annotation: Any) -> Any:
    if dataclasses.is_dataclass(annotation):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, tuple, list):
        for argument in typing.get_args(annotation):
            found = _record_in(argument)
            if found is not None:
                return found
    return None


def toml_remedy(text: str, message: str) -> str:
    """What to write instead, judged by the line that could not be read."""
    place = re.search(r"at line (\d+)", message)
    lines = text.splitlines()
    number = int(place[1]) if place else len(lines)
    line = lines[number - 1].strip() if 0 < number <= len(lines) else ""
    key, equals, value = (part.strip() for part in line.partition("="))
    if "\\" in value and '"' in value:
        inside = value[value.index('"') + 1 : value.rindex('"')] or value
        return f"write paths in single quotes or with /: {key} = '{inside}'"
    decimal = re.match(r"[-+]?(\d+),(\d+)", value)
    if decimal:
        return f"write a decimal point: {key} = {decimal[1]}.{decimal[2]}"
    if re.match(r"[-+]?\.\d", value):
        return f"write the zero before the point: {key} = 0{value.lstrip('-+')}"
    if equals and not value:
        return f"write a value after {key} =, or remove the line"
    if "cannot overwrite" in message.lower() or "twice" in message.lower():
        return "keep one of the two"
    if (
        equals
        and re.match(r"[A-Za-z]", value)
        and value.split("#")[0].strip() not in ("true", "false")
    ):
        return f'write text in quotes: {key} = "{value.split("#")[0].strip()}"'
    shown = f" line {number}" if place else " the end of the file"
    return f'look at{shown}: write key = 0.25, key = "text", key = [1, 2], or [table] on a line of its own'
