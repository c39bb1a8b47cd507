"""Tables for Origin and spreadsheets, moved project files, and what counts as a difference."""

import csv
import io
import math
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from calibration.bundle.differences import Curve, compare_curves, compare_quantities
from calibration.bundle.project import check_inside, move_project
from calibration.bundle.tables import Column, DataTable, origin_csv, write_workbook
from calibration.errors import InputError

TABLE = DataTable(
    name="sq",
    title="S(Q)",
    columns=[
        Column(name="Q", long_name="Q", unit="Å^-1", comment="NS, glass", values=[0.5, 1.0]),
        Column(name="S", long_name="S(Q)", unit="", comment="", values=[1.25, None, True]),
        Column(name="t", long_name="text", unit="", comment="", values=["=1+1", '<script>"']),
    ],
)


def test_origin_rows_and_no_formula() -> None:
    rows = list(csv.reader(io.StringIO(origin_csv(TABLE))))
    assert rows[:3] == [["Q", "S(Q)", "text"], ["Å^-1", "", ""], ["NS, glass", "", ""]]
    assert rows[3:] == [["0.5", "1.25", "'=1+1"], ["1", "", '<script>"'], ["", "true", ""]]


def test_workbook_read_by_another_program(tmp_path: Path) -> None:
    facts = {"result": [["name", "value"], ["=2+2", "http://example.org"]]}
    write_workbook(tmp_path / "r.xlsx", [TABLE], facts=facts)
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    assert book.sheetnames == ["result", "sq"]
    sheet = book["sq"]
    assert [c.value for c in sheet[1]] == ["Q", "S(Q)", "text"]
    assert sheet["A4"].value == 0.5
    assert sheet["B5"].value is None
    assert sheet["C4"].value == "=1+1"
    assert sheet["C4"].data_type == "s"  # text, not a formula
    assert book["result"]["A2"].data_type == "s"
    assert book["result"]["B2"].hyperlink is None


def test_files_keep_their_names_and_patterns_their_meaning(tmp_path: Path) -> None:
    for name in ("a/run 1/x-10.txt", "a/run 1/x-20.txt", "b/run 1/x-10.txt", "p/open.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    text = (
        '# mine\nname = "open.csv"\n[[spectrum]]\nfiles = "../a/run 1/x-*.txt" # kept\n'
        '[[spectrum]]\nfiles = "../b/run 1/x-10.txt"\n[fixture]\nopen = "open.csv"\n'
    )
    files = [
        tmp_path / "a/run 1/x-10.txt",
        tmp_path / "p" / "../a/run 1/x-20.txt",
        tmp_path / "b/run 1/x-10.txt",
        tmp_path / "p/open.csv",
    ]
    keys = ("spectrum[].files", "fixture.open", "fixture.short")
    moved = move_project(text, folder=tmp_path / "p", keys=keys, files=files)
    assert list(moved.files) == [
        "raw/run_1/x-10.txt",
        "raw/run_1/x-20.txt",
        "raw/run_1-2/x-10.txt",
        "raw/p/open.csv",
    ]
    assert 'files = "../raw/run_1/x-*.txt" # kept' in moved.text
    assert 'files = "../raw/run_1-2/x-10.txt"' in moved.text
    assert 'open = "../raw/p/open.csv"' in moved.text
    assert 'name = "open.csv"' in moved.text  # no path, whatever it looks like


def test_folders_that_a_pattern_runs_over_keep_their_places(tmp_path: Path) -> None:
    names = ("D [1]/25C/x.txt", "D [1]/50C/x.txt", "d_1/x.txt")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    text = '[[spectrum]]\nfiles = "D [[]1]/*/x.txt"\n[[spectrum]]\nfiles = "d_1/x.txt"\n'
    moved = move_project(
        text, folder=tmp_path, keys=("spectrum[].files",), files=[tmp_path / n for n in names]
    )
    assert list(moved.files) == ["raw/D_1/25C/x.txt", "raw/D_1/50C/x.txt", "raw/d_1-2/x.txt"]
    assert 'files = "../raw/D_1/*/x.txt"' in moved.text
    assert 'files = "../raw/d_1-2/x.txt"' in moved.text  # not one folder with D_1 on any system


def test_a_project_that_reaches_out_of_the_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bundle" / "project").mkdir(parents=True)
    where = {"folder": tmp_path / "bundle" / "project", "root": tmp_path / "bundle"}
    # ** may stand for no folder at all: what follows climbs out of the bundle
    climbing = ("../raw/**/**/../../../x", "../raw/*/../../../x", "..\\\\..\\\\x")
    for file in ("../../secret", "/etc/passwd", "../raw/../../x", *climbing):
        with pytest.raises(InputError, match="outside the bundle"):
            check_inside(
                f'[[scan]]\nfile = "{file}"\n', keys=("scan[].file",), where="b.zip", **where
            )
    check_inside('[[scan]]\nfile = "../raw/x"\n', keys=("scan[].file",), where="b.zip", **where)


def test_differences_are_in_units_of_sigma() -> None:
    x = np.array([1.0, 2.0, 3.0])
    a = Curve(x=x, y=np.array([1.0, 2.0, 4.0]), sigma=np.array([0.1, 0.1, 0.5]))
    b = Curve(x=x, y=np.array([1.0, 2.02, 4.05]), sigma=None)
    (found,) = compare_curves({"S": a}, {"S": b})
    assert found.in_sigma == pytest.approx(0.2)  # at 2: 0.02/0.1, not 0.05/0.5 at 3
    assert (found.where, found.then, found.now) == ("2", "2", "2.02")
    assert found.verdict == "changed"
    same = compare_curves({"S": a}, {"S": a})
    assert [d.verdict for d in same] == ["identical", "identical"]
    rounded = Curve(x=x, y=a.y * (1 + 1e-9), sigma=a.sigma)
    assert compare_curves({"S": a}, {"S": rounded})[0].verdict == "same within rounding"
    shifted = Curve(x=x + 0.1, y=a.y, sigma=a.sigma)
    for other in ({}, {"S": shifted}):
        (found,) = compare_curves({"S": a}, other)
        assert math.isinf(found.relative)
        assert found.verdict == "changed"


def test_a_change_where_no_sigma_is_known_is_not_excused_by_sigmas_elsewhere() -> None:
    x = np.array([1.0, 2.0, 3.0])
    sigma = np.array([0.1, 0.0, 0.1])
    a = Curve(x=x, y=np.array([1.0, 2.0, math.nan]), sigma=sigma)
    b = Curve(x=x, y=np.array([1.0, 2.5, math.nan]), sigma=sigma)
    found = compare_curves({"S": a}, {"S": b})[0]
    assert (found.verdict, found.in_sigma, found.where) == ("changed", None, "2")
    assert compare_curves({"S": a}, {"S": a})[0].verdict == "identical"  # nan then and now
    c = Curve(x=x, y=np.array([1.0, 2.0, 4.0]), sigma=sigma)
    gone = compare_curves({"S": c}, {"S": a})[0]
    assert gone.verdict == "changed"
    assert math.isinf(gone.relative)


def test_an_uncertainty_that_changed_is_told() -> None:
    x = np.array([1.0, 2.0])
    a = Curve(x=x, y=x, sigma=np.array([0.1, 0.1]))
    b = Curve(x=x, y=x, sigma=np.array([0.1, 0.15]))
    value, uncertainty = compare_curves({"S": a}, {"S": b})
    assert value.verdict == "identical"
    assert (uncertainty.name, uncertainty.verdict) == ("uncertainty of S", "changed")
    assert uncertainty.in_sigma == pytest.approx(0.5)
    then = {"K": {"value": 40.0, "sigma": 0.1}, "n": {"value": 1.0, "sigma": None}}
    now = {"K": {"value": 40.0, "sigma": 0.2}, "n": {"value": 1.0, "sigma": 0.1}}
    assert [d.verdict for d in compare_quantities(then, now)] == ["changed", "changed"]


def test_quantities_and_words() -> None:
    then = {"K": {"value": 40.0, "sigma": 0.1, "unit": ""}, "kind": "arc", "gone": "x"}
    now = {"K": {"value": 40.05, "sigma": 0.1, "unit": ""}, "kind": "tail"}
    found = {d.name: d for d in compare_quantities(then, now)}
    assert found["K"].in_sigma == pytest.approx(0.5)
    assert found["kind"].verdict == "changed"
    assert (found["gone"].then, found["gone"].now) == ("x", "absent")
