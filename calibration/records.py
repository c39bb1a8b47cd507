"""Strict TOML into frozen dataclasses: every mistake named by its key path, all of them at once."""

import dataclasses
import errno
import json
import math
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar, cast, dataclass_transform

import pydantic
from pydantic_core import core_schema

from calibration.errors import ConfigError, InputError
from calibration.quantity import Quantity
from calibration.wording import explain, toml_remedy

__all__ = [
    "Check",
    "FileName",
    "Loaded",
    "Number",
    "as_table",
    "attempt",
    "load",
    "number_in",
    "parse",
    "record",
    "to_toml",
]

T = TypeVar("T")

_MAX_DEPTH = 30

Check = Callable[[Mapping[str, Any]], Sequence[str]]
"""What no single key can know: raw table -> problems, each beginning with its key path.

A check must cope with wrong and missing keys (they are named already): read what it needs with `attempt`.
"""


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,)
)
def record(cls: type[T]) -> type[T]:
    """Decorator of a table of a project file: frozen, unknown keys refused, nothing coerced."""
    made: Any = pydantic.dataclasses.dataclass(
        cls,
        frozen=True,
        slots=True,
        kw_only=True,
        config=pydantic.ConfigDict(extra="forbid", strict=True),
    )
    return cast("type[T]", made)


def _file_name(text: str) -> str:
    """Raises ValueError for what no system can open: asking it would end in an error of its own."""
    if "\0" in text:
        raise ValueError("a file name cannot hold a NUL character")
    if any(len(part.encode()) > 255 for part in re.split(r"[/\\]", text)) or len(text) > 4000:
        raise ValueError(f"is too long for a file name ({len(text)} characters)")
    return text


FileName = Annotated[str, pydantic.Field(min_length=1), pydantic.AfterValidator(_file_name)]
"""A path or a pattern as it may stand in a project file."""


@dataclass(frozen=True)
class Number:
    """Annotation of a number that may be written plain or as { value = ..., sigma = ... }.

    Use as Annotated[Quantity, Number(unit="mm", gt=0.0)]; plain means sigma not stated (None).
    """

    unit: str = ""
    gt: float | None = None
    ge: float | None = None
    le: float | None = None
    lt: float | None = None

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def read(self, raw: object) -> Quantity:
        """Raises ValueError with the reason."""
        if isinstance(raw, Quantity):
            return raw
        if isinstance(raw, Mapping):
            unknown = set(raw) - {"value", "sigma"}
            if unknown or "value" not in raw:
                raise ValueError("write a number as 0.5 or as { value = 0.5, sigma = 0.02 }")
            value, sigma = _real(raw["value"]), raw.get("sigma")
            if sigma is not None:
                sigma = _real(sigma)
                if sigma < 0.0:
                    raise ValueError(f"sigma must not be negative, not {sigma:g}")
                if sigma > _LARGEST:
                    raise ValueError(f"sigma must be below {_LARGEST:g}, not {sigma:g}")
        else:
            value, sigma = _real(raw), None
        for bound, broken, sign in (
            (self.gt, self.gt is not None and not value > self.gt, ">"),
            (self.ge, self.ge is not None and not value >= self.ge, ">="),
            (self.lt, self.lt is not None and not value < self.lt, "<"),
            (self.le, self.le is not None and not value <= self.le, "<="),
        ):
            if broken:
                raise ValueError(f"must be {sign} {bound:g}, not {value:g}")
        return Quantity(value, sigma, self.unit)


_LARGEST = 1e100  # its square is still a number


def _real(raw: object) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        raise ValueError(f"must be a number, not {raw!r}")
    try:
        number = float(raw)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"must be finite, not {number}")
    return number


@dataclass(frozen=True, slots=True)
class Loaded(Generic[T]):
    """A project file: its record, the file, the folder its paths are relative to, and what --set changed."""

    record: T
    path: Path
    overrides: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """Relative paths of the project file start here."""
        return self.path.parent


def load(
    cls: type[T], path: Path, *, settings: Sequence[str] = (), check: Check | None = None
) -> Loaded[T]:
    """Read a project file into a record, after applying `key.path=value` settings.

    Raises InputError for a file that cannot be read or is not TOML, ConfigError for every wrong key at once.
    """
    try:
        if path.is_char_device():  # one may never end
            raise OSError(errno.EINVAL, "it is a device, not a file")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            "the project file cannot be read",
            why=error.strerror or str(error),
            remedy="check its path; `init` writes a project file from your data files",
            where=str(path),
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            "the project file is not UTF-8 text",
            why=str(error),
            remedy="save it as UTF-8 in a text editor",
            where=str(path),
        ) from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            "the project file is not valid TOML",
            why=str(error),
            remedy=toml_remedy(text, str(error)),
            where=str(path),
        ) from error
    except RecursionError as error:
        raise _too_deep(path) from error
    overrides = {}
    for setting in settings:
        key, value = _apply(table, setting)
        overrides[key] = value
    if _depth(table) > _MAX_DEPTH:
        raise _too_deep(path)
    return Loaded(parse(cls, table, where=str(path), check=check), path, overrides)


def _too_deep(path: Path) -> InputError:
    return InputError(
        "the project file is nested too deeply",
        why=f"no key of a project file is deeper than {_MAX_DEPTH} tables and lists",
        where=str(path),
    )


def _depth(table: dict[str, Any]) -> int:
    """Levels of tables and lists; counted level by level, for recursion would end in an error of its own."""
    depth, level = 0, list[dict[str, Any] | list[Any]]([table])
    while level:
        depth += 1
        inner = [v for node in level for v in (node.values() if isinstance(node, dict) else node)]
        level = [v for v in inner if isinstance(v, (dict, list))]
    return depth


def parse(cls: type[T], table: Mapping[str, Any], *, where: str, check: Check | None = None) -> T:
    """Validate a TOML table into a record. Raises ConfigError with all problems."""
    # JSON mode: strict about every scalar, yet a table makes a record and an array a tuple
    text = json.dumps(table, default=str)
    problems: list[str] = []
    value: T | None = None
    try:
        value = pydantic.TypeAdapter(cls).validate_json(text)
    except pydantic.ValidationError as error:
        problems += explain(cls, error.errors(include_url=False))
    if check is not None:
        problems += check(table)
    if value is None or problems:
        raise ConfigError(problems, where=where)
    return value


def attempt(cls: type[T], raw: object) -> T | None:
    """The record, or None where the table is absent or wrong (its own problems are named elsewhere)."""
    try:
        return pydantic.TypeAdapter(cls).validate_json(json.dumps(raw, default=str))
    except pydantic.ValidationError:
        return None


def number_in(raw: object) -> float | None:
    """The value of a number key of a raw table, plain or { value = ... }; None where it is no finite number."""
    if isinstance(raw, Mapping):
        raw = raw.get("value")
    try:
        return _real(raw)
    except ValueError:
        return None


def _apply(table: dict[str, Any], setting: str) -> tuple[str, str]:
    key, found, raw = setting.partition("=")
    key, raw = key.strip(), raw.strip()
    if not found or not key:
        raise InputError(
            f"--set {setting!r} is not of the form key.path=value",
            remedy='write for instance --set sample.radius_mm=0.25 or --set fourier.window="none"',
        )
    try:
        value = tomllib.loads(f"v = {raw}")["v"]
    except tomllib.TOMLDecodeError:
        value = raw  # a bare word on the command line is meant as text
    node: Any = table
    parts = re.sub(r"\[(\d+)\]", r".\1", key).split(".")
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        if isinstance(node, list):
            if not part.isdecimal() or int(part) >= len(node):
                raise InputError(
                    f"--set {key}: {part!r} is not an entry of {'.'.join(parts[:depth])!r}",
                    why=f"it has entries 0 to {len(node) - 1}",
                )
            if last:
                node[int(part)] = value
            else:
                node = node[int(part)]
        elif isinstance(node, dict):
            if last:
                node[part] = value
            else:
                node = node.setdefault(part, {})
        else:
            raise InputError(f"--set {key}: {'.'.join(parts[:depth])!r} is a value, not a table")
    return key, raw


def as_table(value: Any) -> Any:
    """A record as nested dicts and lists, keys that are None or empty left out; quantities stay what they are."""
    if isinstance(value, Quantity):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
        return {name: as_table(item) for name, item in fields if item is not None and item != ()}
    if isinstance(value, Mapping):
        return {k: as_table(v) for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [as_table(v) for v in value]
    return value


def to_toml(value: Any, *, header: Sequence[str] = ()) -> str:
    """A record as TOML text with comment lines on top; keys that are None or empty are left out."""
    import tomlkit

    document = tomlkit.document()
    for line in header:
        document.add(tomlkit.comment(line))
    for key, item in _inline(as_table(value)).items():
        document[key] = item
    return tomlkit.dumps(document)


def _inline(value: Any) -> Any:
    """Quantities as numbers or as { value = ..., sigma = ... }."""
    if isinstance(value, Quantity):
        if value.sigma is None:
            return value.value
        import tomlkit

        table = tomlkit.inline_table()
        table.update({"value": value.value, "sigma": value.sigma})
        return table
    if isinstance(value, dict):
        return {k: _inline(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_inline(v) for v in value]
    return value
