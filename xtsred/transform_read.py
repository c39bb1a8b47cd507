"""What a table holds, for `xtsred transform`: which function, in which columns, with which uncertainty."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.composition import ELEMENTS
from calibration.errors import InputError
from calibration.report import Finding
from xtsred.functions import FUNCTIONS, Function, find_function
from xtsred.simulation.curves import Table, check_q_unit, recognise
from xtsred.simulation.headings import facts, real_space
from xtsred.stages import Array

__all__ = ["Column", "Columns", "columns_of", "function_of", "means_over_bins", "was_transformed"]

# how a definition in a header begins -> the function
_DEFINITIONS = {
    "Faber-Ziman S(Q)": "S",
    "F(Q) = Q [S(Q) - 1]": "F",
    "G(r) = (2/pi)": "G",
    "g(r) = 1 +": "g",
    "g_ab(r)": "g",
    "a-b: Faber-Ziman": "S",
    "I_coh, coherent scattering per average atom": "I",
}
_PDFGETX = {"gr": "G", "fq": "F", "sq": "S"}
_PAIR = re.compile(r"(?:S\(|g\(|(?P<al>AL\())?(?P<a>[A-Z][a-z]?)[-_ ]?(?P<b>[A-Z][a-z]?)\)?$")
_SIGMA = re.compile(r"(?:sigma|err|error|std|esd|uncertainty|delta)(?:$|[\s_(])", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One curve of a table. x, y, sigma: shape (n,); pair: elements of a partial, None for a total; name: of the pair."""

    name: str
    x: Array
    y: Array
    sigma: Array | None
    pair: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The curves that were found, and what was taken for granted."""

    columns: tuple[Column, ...]
    findings: tuple[Finding, ...]


def function_of(
    table: Table, *, stated: str | None, other_column: bool = False
) -> tuple[Function, tuple[Finding, ...]]:
    """The function of a table: as stated, else as its header says, else by its limits.

    other_column: the user chose another column than the second, of which the header does not speak. Raises InputError where the header contradicts the statement, or nothing tells.
    """
    said = None if other_column else _said(table)
    if other_column and stated is None:
        raise InputError(
            "what the chosen column holds is not stated",
            why="a header speaks of the second column",
            remedy="add --from",
            where=table.file,
        )
    if stated is not None:
        source = find_function(stated)
        # partials of both kinds stand in one table
        same = said is None or said[0] is source or {said[0].name, source.name} == {"S", "S_AL"}
        if said is not None and not same:
            raise InputError(
                f"the file holds {said[0].name}, not {source.name}",
                why=said[1],
                remedy=f"state --from {said[0].name}, or leave it out",
                where=table.file,
            )
        if said is None and source.space == "Q":
            evidence = real_space(table.comments, table.names, zeros_until=table.zeros_until)
            if evidence is not None and "is zero up to" not in evidence.text:
                raise InputError(
                    f"the file holds a function of r, not {source.name} of Q",
                    why=evidence.text,
                    remedy="state g, G, T or R",
                    where=table.file,
                )
        return source, ()
    if said is None:
        said = _by_limits(table)
    text = f"{Path(table.file).name} is taken as {said[0].name}: {said[1]}. Not stated with --from."
    return said[0], (Finding("note", text),)


def _said(table: Table) -> tuple[Function, str] | None:
    named = facts(table.comments)
    if named.get("function") in FUNCTIONS:
        return FUNCTIONS[named["function"]], f"its header says function = {named['function']}"
    definition = named.get("definition", "")
    for begin, name in _DEFINITIONS.items():
        if definition.startswith(begin):
            return FUNCTIONS[name], f"its header says {begin!r}"
    for line in table.comments:
        found = re.match(r"outputtype\s*=\s*(gr|fq|sq)\s*$", line)
        if found:
            return FUNCTIONS[_PDFGETX[found[1]]], f"its header says {line.strip()!r}"
    return None


def _by_limits(table: Table) -> tuple[Function, str]:
    evidence = real_space(table.comments, table.names, zeros_until=table.zeros_until)
    if evidence is not None and evidence.holds == "g":
        return FUNCTIONS["g"], evidence.text
    if evidence is not None:
        raise InputError(
            "which function of r the file holds is not stated",
            why=evidence.text,
            remedy="state --from g, G, T or R",
            where=table.file,
        )
    meaning, how = recognise(
        table.values[:, 0], table.values[:, 1], mean_b_squared=None, where=table.file
    )
    return find_function(meaning), how


def columns_of(table: Table, *, source: Function, chosen: Mapping[str, int]) -> Columns:
    """The curves of a table. chosen: "x", "y", "sigma" -> number of the column, from 1; empty: by names and places.

    Raises InputError for a column that is not there.
    """
    findings = list(table.findings)
    _check_unit(table, source)
    if not chosen:
        pairs = _partials(table, source)
        if pairs:
            return Columns(columns=pairs, findings=tuple(findings))
    width = table.values.shape[1]
    for key, number in chosen.items():
        if key not in ("x", "y", "sigma") or not 1 <= number <= width:
            raise InputError(
                f"--columns {key}={number}: the file has columns 1 to {width}",
                remedy='write for instance --columns "x=1,y=4,sigma=6"',
                where=table.file,
            )
    y_at = chosen.get("y", 2) - 1
    sigma_at = chosen["sigma"] - 1 if "sigma" in chosen else None
    if sigma_at is None and not chosen:
        sigma_at, said = _sigma_column(table)
        findings += said
    sigma = None if sigma_at is None else table.values[:, sigma_at]
    if sigma is not None and (np.any(sigma < 0.0) or not np.any(sigma > 0.0)):
        findings.append(
            Finding("warning", f"Column {(sigma_at or 0) + 1} is no uncertainty; left out.")
        )
        sigma = None
    x = table.values[:, chosen.get("x", 1) - 1]
    if np.any(np.diff(x) <= 0.0) or x[0] <= 0.0:
        raise InputError("the column of x does not increase from above 0", where=table.file)
    left = [n for k, n in enumerate(table.names) if n and k > 1 and k not in (y_at, sigma_at)]
    if left and not chosen:
        findings.append(Finding("note", f"Columns that are not carried on: {', '.join(left)}."))
    column = Column(name=source.name, x=x, y=table.values[:, y_at], sigma=sigma)
    return Columns(columns=(column,), findings=tuple(findings))


def _check_unit(table: Table, source: Function) -> None:
    if source.space == "Q":
        check_q_unit(table, table.values[:, 0])
    elif re.search(r"\bnm\b", table.names[0]):
        raise InputError(
            "r is not in Å",
            why=f"heading {table.names[0]!r}",
            remedy="multiply the first column by 10 if it is in nm",
            where=table.file,
        )


def _sigma_column(table: Table) -> tuple[int | None, list[Finding]]:
    """Its place by name; without names the third column, which is said."""
    y_name = table.names[1]
    letter = re.match(r"[A-Za-z]*", y_name)
    own = f"d{letter[0]}" if letter and letter[0] else ""
    for place, name in enumerate(table.names):
        if place >= 2 and name and (_SIGMA.match(name) or name == own):
            return place, []
    if any(table.names) or table.values.shape[1] < 3:
        return None, []
    text = "The columns have no names: the third is taken as the standard uncertainty (--columns says otherwise)."
    return 2, [Finding("note", text)]


def _partials(table: Table, source: Function) -> tuple[Column, ...]:
    """Columns named by pairs of elements; of Ashcroft and Langreth those in AL(...), where there are some."""
    langreth = source.name == "S_AL" and any(n.startswith("AL(") for n in table.names)
    found: list[Column] = []
    for place, name in enumerate(table.names):
        match = _PAIR.match(name) if place else None
        if match is None or not {match["a"], match["b"]} <= set(ELEMENTS):
            continue
        if langreth != bool(match["al"]):
            continue
        pair = (match["a"], match["b"])
        plain = f"{pair[0]}-{pair[1]}"
        sigma_name = f"sigma({plain})"
        sigma = (
            table.values[:, table.names.index(sigma_name)] if sigma_name in table.names else None
        )
        found.append(
            Column(
                name=plain,
                x=table.values[:, 0],
                y=table.values[:, place],
                sigma=sigma,
                pair=pair,
            )
        )
    return tuple(found)


def means_over_bins(comments: Sequence[str]) -> bool:
    """Whether a header says that S(Q) was measured and reduced here: then each value is the mean over its bin."""
    said = facts(comments)
    return (
        said.get("software", "").startswith("xtsred")
        and "normalization" in said
        and any(name.startswith("input") for name in said)
    )


def was_transformed(comments: Sequence[str]) -> str | None:
    """The window that a function of r was made with, where its header says so."""
    return facts(comments).get("window")
