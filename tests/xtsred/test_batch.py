"""A series of patterns: what is recovered, what its file may say, what a stopped run leaves."""

import csv
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from calibration.campaign.workers import local_pool, pool_of
from calibration.commandline import run
from calibration.errors import ConfigError, InputError, OutputError
from calibration.report import RenderedFigure
from tests.calibration.batch_recipes import in_thread
from tests.calibration.test_batch_campaign import (
    ROOT,
    Mounted,
    kill_and_finish,
    needs_dask,
    small_disk,
)
from tests.xtsred.batch_series import GROWTH_A_PER_K, write_heating
from xtsred.batch.run import Batch, run_batch
from xtsred.batch.series import load_series, values_from_name
from xtsred.batch.trend import trend
from xtsred.cli import command
from xtsred.config import load_project
from xtsred.pipeline import reduce_project

__all__ = ["small_disk"]  # a fixture of the engine's tests

TEMPERATURES = [300.0, 400.0, 500.0, 600.0, 700.0, 800.0]
SAME = ("series.h5", "series.csv", "findings.csv", "failures.csv")


@pytest.fixture(scope="module")
def heating(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A series file with six virtual patterns; not to be written to."""
    return write_heating(tmp_path_factory.mktemp("heating"), TEMPERATURES)


@pytest.fixture
def own(heating: Path, tmp_path: Path) -> Path:
    """A copy of the series that a test may change."""
    shutil.copytree(heating.parent, tmp_path / "own")
    return tmp_path / "own" / "series.toml"


def batch(series: Path, out: Path, *settings: str) -> Batch:
    loaded = load_series(series, settings=settings)
    return run_batch(loaded, out=out, pool=in_thread(1), command="test")


def statuses(done: Batch) -> list[str]:
    return [o.status for o in done.run.outcomes]


def table(folder: Path, name: str = "series.csv") -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def same_bytes(a: Path, b: Path) -> None:
    figures = sorted(p.name for p in (a / "figures").iterdir())
    assert figures == sorted(p.name for p in (b / "figures").iterdir())
    for name in (*SAME, *(f"figures/{f}" for f in figures)):
        assert (a / name).read_bytes() == (b / name).read_bytes(), name


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures without a picture, for tests of something else: drawing is most of the time of a small batch."""

    def empty(_figure: object, *, name: str, title: str, caption: str) -> RenderedFigure:
        return RenderedFigure(name=name, title=title, caption=caption, svg=b"", png=b"")

    monkeypatch.setattr("xtsred.batch.figures.render", empty)


@pytest.fixture(scope="module")
def reduced(heating: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished batch; not to be written to.

    By one worker process: two threads of a numerical library in this one would change the last bits.
    """
    out = tmp_path_factory.mktemp("reduced") / "out"
    run_batch(load_series(heating), out=out, pool=local_pool(1), command="test")
    return out


# --- what is recovered -------------------------------------------------------------------------------


def test_the_growth_of_a_bond_is_recovered(reduced: Path) -> None:
    """Truth 5e-5 Å/K put into the counts; counting alone moves the distances here."""
    found = json.loads((reduced / "result.json").read_text(encoding="utf-8"))
    slope = found["slopes"]["Si-S distance"]
    value, sigma = slope["slope"]["value"], slope["slope"]["sigma"]
    assert abs(value - GROWTH_A_PER_K) < 3.0 * sigma
    assert sigma < 0.1 * GROWTH_A_PER_K
    assert slope["n"] == 6
    coordination = found["slopes"]["Si-S coordination"]["slope"]
    assert abs(coordination["value"]) < 3.5 * coordination["sigma"]


def test_a_pattern_of_a_series_is_the_reduction_alone(heating: Path, reduced: Path) -> None:
    alone = reduce_project(
        load_project(heating.parent / "run.toml", settings=["scan[0].file=hot/ns_500K.xy"])
    )
    with h5py.File(reduced / "series.h5") as file:
        entry = file["entry"]
        row = list(entry["pair_distribution/temperature_K"][()]).index(500.0)
        q = entry["structure_factor/Q"][()]
        np.testing.assert_allclose(q, alone.structure_factor.q, rtol=1e-12)
        for key, values in {
            "structure_factor/S": alone.structure_factor.s,
            "structure_factor/S_errors": alone.structure_factor.sigma,
            "pair_distribution/g": alone.pair_distribution.g,
            "pair_distribution/g_errors": alone.pair_distribution.g_sigma,
        }.items():
            np.testing.assert_allclose(entry[key][row], values, rtol=1e-9, atol=1e-12)
        assert entry["patterns/name"].asstr()[row] == "ns_500K"
        assert entry["pair_distribution"].attrs["NX_class"] == "NXdata"
        assert list(entry["pair_distribution"].attrs["axes"]) == ["temperature_K", "r"]
    rows = table(reduced)
    assert [r["name"] for r in rows] == [f"ns_{t:g}K" for t in TEMPERATURES]
    shell = alone.shells[0]
    assert float(rows[2]["Si-S_distance_A"]) == pytest.approx(shell.position.value, rel=1e-8)
    assert shell.coordination is not None
    assert float(rows[2]["Si-S_coordination_sigma"]) == pytest.approx(
        shell.coordination.sigma or 0.0, rel=1e-8
    )


@pytest.mark.usefixtures("undrawn")
def test_the_page_says_which_patterns_have_findings(own: Path, tmp_path: Path) -> None:
    dim = own.parent / "hot" / "ns_400K.xy"
    lines = dim.read_text(encoding="utf-8").splitlines()
    # a quarter of the counts missing: the two normalizations and S(Q) suffer
    worse = [
        f"{a} {int(0.75 * int(n) if float(a) > 60 else int(n))}" for a, n in map(str.split, lines)
    ]
    dim.write_text("\n".join(worse) + "\n", encoding="utf-8")
    batch(own, tmp_path / "out")
    rows = {r["name"]: r for r in table(tmp_path / "out")}
    assert rows["ns_400K"]["status"] in ("warning", "problem")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Patterns with problems or warnings" in page
    assert "of 6 patterns (ns_400K" in page


@pytest.mark.usefixtures("undrawn")
def test_hostile_names_are_text(own: Path, tmp_path: Path) -> None:
    text = own.read_text(encoding="utf-8").replace("virtual heating", "<script>alert(1)</script>")
    own.write_text(text, encoding="utf-8")
    batch(own, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_trend_is_the_textbook_line() -> None:
    """Against numpy's weighted polyfit, and against the closed form for equal sigmas."""
    x = np.array([1.0, 2.0, 3.0, 5.0, 8.0])
    y = np.array([2.1, 3.9, 6.2, 9.8, 16.3])
    sigma = np.array([0.1, 0.2, 0.1, 0.3, 0.2])
    found = trend(x, y, sigma=sigma)
    slope, _ = np.polyfit(x, y, 1, w=1.0 / sigma)
    assert found is not None
    assert found.slope.value == pytest.approx(slope, rel=1e-12)
    equal = trend(x, 2.0 * x, sigma=np.full(5, 0.1))
    assert equal is not None
    assert equal.slope.sigma == pytest.approx(0.1 / math.sqrt(np.sum((x - x.mean()) ** 2)))
    assert equal.chi2_reduced == pytest.approx(0.0, abs=1e-20)
    unknown = trend(x, y, sigma=np.full(5, np.nan))
    assert unknown is not None
    assert unknown.chi2_reduced is None
    _, covariance = np.polyfit(x, y, 1, cov=True)
    assert unknown.slope.sigma == pytest.approx(math.sqrt(covariance[0, 0]))
    assert trend(x[:2], y[:2], sigma=sigma[:2]) is None
    assert trend(np.ones(5), y, sigma=sigma) is None


# --- the same bytes, again and again -------------------------------------------------------------------


def test_workers_do_not_change_a_byte(heating: Path, reduced: Path, tmp_path: Path) -> None:
    """Two processes against one; four in the longer test, and of the engine alone in test_batch_campaign."""
    run_batch(load_series(heating), out=tmp_path / "2", pool=local_pool(2), command="other")
    same_bytes(reduced, tmp_path / "2")


@pytest.mark.long
def test_one_two_or_four_workers_do_not_change_a_byte(
    heating: Path, reduced: Path, tmp_path: Path
) -> None:
    for workers in (2, 4):
        out = tmp_path / str(workers)
        run_batch(load_series(heating), out=out, pool=local_pool(workers), command="other")
        same_bytes(reduced, out)


@needs_dask
@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_dask_does_not_change_a_byte(heating: Path, reduced: Path, tmp_path: Path) -> None:
    pool = pool_of(workers=2, scheduler="local")
    run_batch(load_series(heating), out=tmp_path / "dask", pool=pool, command="dask")
    same_bytes(reduced, tmp_path / "dask")


@pytest.mark.usefixtures("undrawn")
def test_only_what_changed_is_computed_again(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert statuses(batch(own, out)) == ["computed"] * 6
    before = (out / "series.h5").read_bytes()
    assert statuses(batch(own, out)) == ["kept"] * 6
    assert (out / "series.h5").read_bytes() == before

    first = own.parent / "hot" / "ns_300K.xy"
    lines = first.read_text(encoding="utf-8").splitlines()
    first.write_text("\n".join([*lines[:-1], "152.0000 9"]) + "\n", encoding="utf-8")
    done = batch(own, out)
    assert statuses(done) == ["computed", *["kept"] * 5]
    assert done.removed == 1  # the result of the old counts
    assert statuses(batch(own, out, "fourier.window=none")) == ["computed"] * 6

    empty = own.parent / "container.xy"
    empty.write_text(empty.read_text(encoding="utf-8") + "# end\n", encoding="utf-8")
    assert statuses(batch(own, out, "fourier.window=none")) == ["computed"] * 6


@pytest.mark.usefixtures("undrawn")
def test_files_that_come_back_find_their_results(own: Path, tmp_path: Path) -> None:
    """A failed pattern removes nothing: a drive that was not there is no new input."""
    out = tmp_path / "out"
    batch(own, out)
    series = own.read_text(encoding="utf-8")
    entries = "".join(
        f'[[pattern]]\nfile = "hot/ns_{t:g}K.xy"\nvalues = {{ temperature_K = {t} }}\n'
        for t in TEMPERATURES
    )
    own.write_text(series[: series.index("[patterns]")] + entries, encoding="utf-8")
    away = own.parent / "away.xy"
    (own.parent / "hot" / "ns_700K.xy").rename(away)
    done = batch(own, out)
    assert [o.name for o in done.run.failed] == ["ns_700K"]
    assert done.removed == 0
    rows = table(out)
    assert [r["status"] for r in rows].count("failed") == 1
    assert rows[4]["Si-S_distance_A"] == ""
    with h5py.File(out / "series.h5") as file:
        assert np.isnan(file["entry/pair_distribution/g"][4]).all()
        assert np.isfinite(file["entry/pair_distribution/g"][3]).all()
    away.rename(own.parent / "hot" / "ns_700K.xy")
    assert statuses(batch(own, out)) == ["kept"] * 6


@pytest.mark.usefixtures("undrawn")
def test_a_disk_that_fills_while_the_whole_is_written(
    heating: Path, small_disk: Mounted, tmp_path: Path
) -> None:
    """Room for the patterns, and not for series.h5: libhdf5 would crash, so it is not asked."""
    out = small_disk("size=500k") / "out"
    with pytest.raises(OutputError) as caught:
        batch(heating, out)
    assert caught.value.why == "the disk is full"
    assert caught.value.where == str(out)
    assert not (out / "result.json").exists()
    assert not list(out.glob(".next*"))
    small_disk("size=20m")
    assert statuses(batch(heating, out)) == ["kept"] * 6


# --- what a series file may say ------------------------------------------------------------------------


@pytest.mark.usefixtures("undrawn")
def test_a_table_with_parameters_of_its_own(own: Path, tmp_path: Path) -> None:
    (own.parent / "patterns.csv").write_text(
        "name,file,temperature_K,temperature_sigma_K,sample.packing_fraction\n"
        "cold,hot/ns_300K.xy,300,1,\n"
        "warm,hot/ns_500K.xy,500,2,0.52\n"
        "hot,hot/ns_700K.xy,700,3,1.7\n",
        encoding="utf-8",
    )
    own.write_text(
        'name = "table"\nproject = "run.toml"\nvariable = "temperature_K"\n'
        'variable_sigma = "temperature_sigma_K"\nset = { "fourier.window" = "none" }\n'
        '[patterns]\ntable = "patterns.csv"\n',
        encoding="utf-8",
    )
    done = batch(own, tmp_path / "out")
    assert [o.name for o in done.run.failed] == ["hot"]
    assert done.run.failed[0].failure is not None
    assert "sample.packing_fraction" in done.run.failed[0].failure.text
    rows = table(tmp_path / "out")
    assert [r["packing_fraction"] for r in rows] == ["0.5", "0.52", ""]
    assert [r["temperature_sigma_K"] for r in rows] == ["1", "2", "3"]
    result = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert result["failed"][0]["pattern"] == "hot"


@pytest.mark.usefixtures("undrawn")
def test_several_scans_of_a_pattern_are_named_by_key(own: Path, tmp_path: Path) -> None:
    project = own.parent / "run.toml"
    second = '\n[[scan]]\nrole = "sample"\nfile = "hot/ns_400K.xy"\nseconds_per_step = 40.0\n'
    project.write_text(project.read_text(encoding="utf-8") + second, encoding="utf-8")
    with pytest.raises(InputError, match="several sample scans"):
        load_series(own)
    (own.parent / "t.csv").write_text(
        "name,scan[0].file,scan[3].file\na,hot/ns_300K.xy,hot/ns_400K.xy\nb,hot/ns_500K.xy,hot/ns_600K.xy\n",
        encoding="utf-8",
    )
    own.write_text(
        'name = "two"\nproject = "run.toml"\nvariable = "number"\n[patterns]\ntable = "t.csv"\n',
        encoding="utf-8",
    )
    assert statuses(batch(own, tmp_path / "out")) == ["computed"] * 2


def rewritten(own: Path, old: str, new: str) -> Path:
    text = own.read_text(encoding="utf-8")
    assert old in text
    own.write_text(text.replace(old, new), encoding="utf-8")
    return own


@pytest.mark.parametrize("files", ["", ".", "/", "a" * 5000, "a/" * 3000, "a\\u0000b"])
def test_patterns_that_no_system_can_look_for(own: Path, files: str) -> None:
    series = rewritten(own, "hot/*.xy", files)
    with pytest.raises(InputError) as caught:
        load_series(series)
    assert "patterns.files" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("hot/*.xy", "cold/*.xy", "matches no file"),
        ('"temperature_K"', '"time_s"', "no pattern has a value 'time_s'"),
        ("{temperature_K}K", "{temperature_K}C", "does not fit"),
        ("{temperature_K}", "*", "name in braces"),
        ('project = "run.toml"', 'project = "no.toml"', "cannot be read"),
        ('project = "run.toml"', 'project = "/dev/zero"', "cannot be read"),
        ("name = ", 'nane = "x"\nname = ', "nane"),
        ("files = ", 'table = "t.csv"\nfiles = ', "give one of files and table"),
        (
            "variable = ",
            'set = { "sample.packing_fractoin" = 0.4 }\nvariable = ',
            "packing_fractoin",
        ),
        ("variable = ", 'variable_sigma = "u_K"\nvariable = ', "no pattern has a value 'u_K'"),
    ],
)
def test_mistakes_are_named(own: Path, old: str, new: str, said: str) -> None:
    with pytest.raises((InputError, ConfigError)) as caught:
        load_series(rewritten(own, old, new))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("temperature_K\n300\n", "column file is missing"),
        ("file,temperature_K\nhot/ns_300K.xy,warm\n", "'warm' is not a number"),
        ("file,temperature_K\n,300\n", "names no file"),
        ("file,temperature_K\nhot/ns_300K.xy,1\nhot/ns_300K.xy,2\n", "two patterns have the name"),
        ("file,temperature_K,fourier.r_step\nhot/ns_300K.xy,1,0.01\n", "must be the same for all"),
        ("file,temperature_K,sample.pakcing\nhot/ns_300K.xy,1,0.5\n", "pakcing"),
    ],
)
def test_mistakes_of_a_table_are_named(own: Path, content: str, said: str) -> None:
    (own.parent / "t.csv").write_text(content, encoding="utf-8")
    series = rewritten(
        own, 'files = "hot/*.xy"\nfrom_name = "ns_{temperature_K}K.xy"', 'table = "t.csv"'
    )
    with pytest.raises((InputError, ConfigError)) as caught:
        load_series(series)
    assert said in str(caught.value)


def test_values_from_names() -> None:
    found = values_from_name("run12_T300p5K_x.xy", "run{n}_T{temperature_K}K_*.xy", where="")
    assert found == {"n": 12.0, "temperature_K": 300.5}


# --- the command ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("undrawn")
def test_command_prints_json_and_says_what_failed(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    (own.parent / "hot" / "ns_800K.xy").write_text("not a scan\n", encoding="utf-8")
    arguments = ["batch", str(own), "--out", str(out), "--workers", "1", "--json"]
    assert run(command, arguments) == 3
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert (found["jobs"], found["computed"], len(found["failed"])) == (6, 5, 1)
    assert "no rows of numbers" in found["failed"][0]["error"]
    assert "failed: ns_800K" in printed.err
    assert found["provenance"]["program"] == "xtsred batch"
    assert run(command, ["batch", str(own), "--out", str(own.parent)]) == 2
    assert "something that is not an earlier run" in capsys.readouterr().err
    assert [r["pattern"] for r in table(out, "failures.csv")] == ["ns_800K"]


def test_the_example_begins_a_series(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command, ["batch", "--example"]) == 0
    text = capsys.readouterr().out
    series = own.parent / "example.toml"
    files = text.replace("heating/*.xy", "hot/*.xy").replace("K_*.xy", "K.xy")
    series.write_text(files, encoding="utf-8")
    assert len(load_series(series).members) == len(load_series(own).members)
    for wrong in (["batch"], ["batch", str(series)]):
        assert run(command, wrong) == 2
        assert "--example" in capsys.readouterr().err


def test_the_table_and_the_list_of_the_example_are_read(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command, ["batch", "--example"]) == 0
    text = capsys.readouterr().out
    head, patterns = text.split("[patterns]", 1)
    rows = [line.lstrip("# ") for line in patterns.splitlines() if line.startswith("#   ")]
    table = "\n".join(row for row in rows if row.count(",") == 3)
    (own.parent / "heating.csv").write_text(table, encoding="utf-8")
    series = own.parent / "example.toml"
    series.write_text(f'{head}[patterns]\ntable = "heating.csv"\n', encoding="utf-8")
    first, second = load_series(series).members
    assert (first.values["temperature_K"], second.values["temperature_sigma_K"]) == (300.0, 2.0)
    assert "sample.packing_fraction=0.49" in second.settings
    listed = patterns[patterns.index("# [[pattern]]") : patterns.index("# A project of several")]
    series.write_text(head + re.sub(r"(?m)^# ", "", listed), encoding="utf-8")
    (only,) = load_series(series).members
    assert only.values == {"temperature_K": 300.0}


def cli(*arguments: str) -> list[str]:
    code = "from xtsred.cli import main; main()"
    return [sys.executable, "-c", code, *arguments]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_ends_with_130_and_keeps_what_is_done(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = cli("batch", str(own), "--out", str(out), "--workers", "1")
    process = subprocess.Popen(
        arguments, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60.0
    while not list(out.glob("parts/*/*.npz")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the group
    _, said = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("the run ended before the interrupt reached it")
    assert process.returncode == 130
    assert "the same command continues" in said
    assert "Traceback" not in said
    assert not (out / "result.json").exists()
    assert list(out.glob("parts/*/*.npz"))  # a killed run continues in the same way, see below


@pytest.mark.long
def test_killed_runs_end_with_the_same_bytes(own: Path, reduced: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = cli("batch", str(own), "--out", str(out), "--workers", "2")
    assert kill_and_finish(arguments, kills=1, longest_s=4.0, seed=3, cwd=ROOT) == 0
    same_bytes(reduced, out)


@pytest.mark.long
def test_fifty_killed_runs_end_with_the_same_bytes(
    own: Path, reduced: Path, tmp_path: Path
) -> None:
    for seed in range(10):
        out = tmp_path / str(seed)
        arguments = cli("batch", str(own), "--out", str(out), "--workers", "2")
        assert kill_and_finish(arguments, kills=5, longest_s=5.0, seed=seed, cwd=ROOT) == 0
        same_bytes(reduced, out)
        assert not [p for p in out.rglob("*") if p.name.endswith(".partial")]
