"""A list of [[tables]] in a TOML document set anew: entries that stay keep their place, layout and comments."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import tomlkit
from tomlkit.items import Table, Whitespace

__all__ = ["set_tables"]


def set_tables(node: Any, name: str, new: Sequence[Mapping[str, Any]]) -> None:
    """Make node[name], a list of tables that may not be there yet, say `new`; none at all removes it.

    What is equal is not touched, what stands in the place of another is changed key by key. Comments after an entry belong to
    what follows, and stay there. node: a tomlkit document or table.
    """
    if name not in node:
        node[name] = tomlkit.aot()
    tables = node[name]
    old = [repr(entry) for entry in tables.unwrap()]
    wanted = [repr(dict(entry)) for entry in new]
    matcher = difflib.SequenceMatcher(None, old, wanted, autojunk=False)
    # from the end, so that places before stay what they are
    for kind, i1, i2, j1, j2 in reversed(matcher.get_opcodes()):
        if kind == "equal":
            continue
        common = min(i2 - i1, j2 - j1)
        if not new:
            _remove_all(node, name)
            return
        for place in range(i2 - 1, i1 + common - 1, -1):
            _remove(tables, place)
        for offset in range(common, j2 - j1):
            _insert(tables, i1 + offset, new[j1 + offset])
        for offset in range(common):
            _change(tables[i1 + offset], new[j1 + offset])


def _insert(tables: Any, place: int, entry: Mapping[str, Any]) -> None:
    table = tomlkit.table()
    for key, value in entry.items():
        table[key] = value
    table.trivia.indent = "\n"
    follows: list[str] = []
    if place > 0:
        lines = _take_trailing(tables[place - 1])
        own = lines.index("\n") if "\n" in lines else len(lines)
        _add_lines(tables[place - 1], lines[:own])
        follows = lines[own:]
    tables.insert(place, table)
    _add_lines(tables[place], follows)


def _remove(tables: Any, place: int) -> None:
    follows = _take_trailing(tables[place])
    del tables[place]
    if place > 0:
        before = _take_trailing(tables[place - 1])
        if before[-1:] == follows[:1] == ["\n"]:
            before.pop()
        _add_lines(tables[place - 1], before + follows)
    else:
        tables[0].trivia.indent = "".join(follows).removeprefix("\n") + tables[0].trivia.indent


def _remove_all(node: Any, name: str) -> None:
    """The key is gone; what followed its last entry takes its place."""
    follows = _take_trailing(node[name][-1])
    body = node.body if hasattr(node, "body") else node.value.body
    place = next(i for i, (key, _) in enumerate(body) if key is not None and key.key == name)
    del node[name]
    body[place] = (None, Whitespace("".join(follows).removeprefix("\n"), fixed=True))


def _change(table: Any, entry: Mapping[str, Any]) -> None:
    follows = _take_trailing(table)
    for key in [key for key in table if key not in entry]:
        del table[key]
    for key, value in entry.items():
        if key not in table or table[key] != value:
            table[key] = value
    _add_lines(table, follows)


def _take_trailing(table: Table) -> list[str]:
    """The lines after the last key, taken off."""
    body = table.value.body
    text = ""
    while body and body[-1][0] is None:
        text = body.pop()[1].as_string() + text
    return text.splitlines(keepends=True)


def _add_lines(table: Table, lines: Sequence[str]) -> None:
    if lines:
        table.value.body.append((None, Whitespace("".join(lines), fixed=True)))
