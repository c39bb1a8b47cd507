"""Columns of numbers with long names, units and comments: csv as Origin imports it, and sheets of a workbook."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Column", "DataTable", "Value", "origin_csv", "write_workbook"]

Value = float | int | str | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: name as in the result files, long name, unit ("" for none), comment, values (None: unknown)."""

    name: str
    long_name: str
    unit: str
    comment: str
    values: Sequence[Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTable:
    """One table; name: of the file and the sheet, 31 characters at most. Columns may differ in length."""

    name: str
    title: str
    columns: Sequence[Column]


def origin_csv(table: DataTable) -> str:
    """Three rows (long name, units, comments), as Origin's csv import takes them for its column labels, then the data."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([c.long_name for c in table.columns])
    writer.writerow([c.unit for c in table.columns])
    writer.writerow([c.comment for c in table.columns])
    longest = max((len(c.values) for c in table.columns), default=0)
    for i in range(longest):
        writer.writerow([_cell(c.values[i]) if i < len(c.values) else "" for c in table.columns])
    return text.getvalue()


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.9g}" if value == value else ""
    return str(value) if isinstance(value, int) else _text(value)


def _text(value: Value) -> str:
    """Text that no spreadsheet takes for a formula."""
    text = str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def write_workbook(
    path: Path, tables: Sequence[DataTable], *, facts: Mapping[str, Sequence[Sequence[str]]]
) -> None:
    """One sheet of text rows per entry of `facts` (its first row is the heading), then one sheet per table.

    Text is written as text, never as a formula or a link. Raises OSError where the place cannot be written.
    """
    import xlsxwriter

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(path, options) as book:
        bold = book.add_format({"bold": True})
        soft = book.add_format({"italic": True, "font_color": "#59636e"})
        wrap = book.add_format({"text_wrap": True, "valign": "top"})
        for name, rows in facts.items():
            sheet = book.add_worksheet(name[:31])
            sheet.set_column(0, 0, 34)
            sheet.set_column(1, 8, 44, wrap)
            for i, row in enumerate(rows):
                for j, cell in enumerate(row):
                    sheet.write_string(i, j, cell, bold if i == 0 else None)
        for table in tables:
            sheet = book.add_worksheet(table.name[:31])
            sheet.freeze_panes(3, 0)
            for j, column in enumerate(table.columns):
                sheet.set_column(j, j, max(12, min(len(column.long_name) + 2, 40)))
                sheet.write_string(0, j, column.long_name, bold)
                sheet.write_string(1, j, column.unit, soft)
                sheet.write_string(2, j, column.comment, soft)
                for i, value in enumerate(column.values):
                    _write(sheet, i + 3, j, value)


def _write(sheet: Any, row: int, column: int, value: Value) -> None:
    if value is None or (isinstance(value, float) and not abs(value) < float("inf")):
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, (int, float)):
        sheet.write_number(row, column, value)
    else:
        sheet.write_string(row, column, value)
