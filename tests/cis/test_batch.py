"""Many samples: a table of pellets and many projects give what each gives alone."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from calibration.campaign.workers import local_pool
from calibration.commandline import run
from calibration.errors import ConfigError, InputError
from calibration.report import RenderedFigure
from cis.batch.recipe import SampleRecipe
from cis.batch.run import Batch, run_batch
from cis.batch.samples import load_samples
from cis.cli import command
from cis.output import CONDUCTIVITY_COLUMNS, conductivity_rows
from cis.pipeline import analyze, load_config, read_inputs
from tests.calibration.batch_recipes import in_thread
from tests.calibration.test_batch_campaign import ROOT, kill_and_finish
from tests.cis.conftest import PROJECT, write_series

BATCH = """\
name = "pellets"
table = "pellets.csv"
ignore = ["date"]

[defaults]
virtual = true

[defaults.temperature]
sigma_K = 0.1

[defaults.model]
circuit = "bulk-blocking"
series = "separate"

[defaults.arrhenius]
form = "both"
"""
PELLETS = """\
sample,file,thickness_mm,thickness_sigma_mm,diameter_mm,diameter_sigma_mm,date
first,a.csv,0.753,0.004,10.0,0.02,2015-03-01
second,b.csv,0.753,0.004,10.0,0.02,2024-11-30
"""


@pytest.fixture
def pellets(tmp_path: Path) -> Path:
    """A batch file with a table of two virtual pellets."""
    folder = tmp_path / "pellets"
    folder.mkdir()
    write_series(folder, (5.0, 35.0, 65.0), name="a.csv")
    write_series(folder, (10.0, 40.0, 60.0), name="b.csv")
    (folder / "pellets.csv").write_text(PELLETS, encoding="utf-8")
    (folder / "batch.toml").write_text(BATCH, encoding="utf-8")
    return folder / "batch.toml"


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures without a picture, for tests of something else."""

    def empty(_figure: object, *, name: str, title: str, caption: str) -> RenderedFigure:
        return RenderedFigure(name=name, title=title, caption=caption, svg=b"", png=b"")

    monkeypatch.setattr("cis.batch.figures.render", empty)


def batch(path: Path, out: Path, *settings: str) -> Batch:
    samples = load_samples(path, settings=settings)
    return run_batch(samples, out=out, pool=in_thread(1), command="test")


def statuses(done: Batch) -> list[str]:
    return [o.status for o in done.run.outcomes]


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.usefixtures("undrawn")
def test_a_row_of_the_table_is_the_project_alone(pellets: Path, tmp_path: Path) -> None:
    done = batch(pellets, tmp_path / "out")
    assert statuses(done) == ["computed"] * 2
    project = pellets.parent / "run.toml"
    text = PROJECT.replace("series.csv", "b.csv").replace(
        'circuit = "bulk-blocking"', 'circuit = "bulk-blocking"\nseries = "separate"'
    )
    project.write_text(text, encoding="utf-8")
    loaded = load_config(project)
    alone = conductivity_rows(analyze(loaded.record, read_inputs(loaded)))
    rows = [r for r in table(tmp_path / "out", "conductivity.csv") if r["name"] == "second"]
    assert list(rows[0])[: len(CONDUCTIVITY_COLUMNS)] == list(CONDUCTIVITY_COLUMNS)
    for key in ("temperature_K", "R_ohm", "sigma_S_per_cm", "sigma_geometry_S_per_cm"):
        for row, one in zip(rows, alone, strict=True):
            assert float(row[key]) == pytest.approx(float(one[key] or 0.0), rel=1e-8)
    assert {r["file"] for r in rows} == {"b.csv"}
    energies = table(tmp_path / "out", "arrhenius.csv")
    assert [r["name"] for r in energies] == ["first", "first", "second", "second"]
    for row in energies:  # the truth of tests/cis/conftest.py
        if row["form"] == "ln_sigma":
            assert abs(float(row["E_A_eV"]) - 0.41) < 4.0 * float(row["E_A_sigma_eV"])
    assert [r["status"] for r in table(tmp_path / "out", "samples.csv")] != ["failed"] * 2


@pytest.mark.usefixtures("undrawn")
def test_only_what_changed_is_analyzed_again(pellets: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch(pellets, out)
    before = (out / "conductivity.csv").read_bytes()
    assert statuses(batch(pellets, out)) == ["kept"] * 2
    assert (out / "conductivity.csv").read_bytes() == before
    # a row above moves the others down, which is no change of theirs; a date is nothing that counts
    rows = PELLETS.splitlines()
    rows.insert(1, "third,c.csv,0.8,,10.0,,1999-01-01")
    rows[2] = rows[2].replace("2015-03-01", "2015-03-02")
    rows[3] = rows[3].replace("0.753", "0.760")
    (pellets.parent / "pellets.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    done = batch(pellets, out)
    assert statuses(done) == ["failed", "kept", "computed"]
    assert done.run.failed[0].failure is not None
    assert "'c.csv' does not exist" in done.run.failed[0].failure.text
    assert [r["status"] == "failed" for r in table(out, "samples.csv")] == [False, False, True]


def test_projects_and_a_page(pellets: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder = pellets.parent / name
        folder.mkdir()
        write_series(folder, (5.0, 35.0, 65.0))
        text = PROJECT.replace('"virtual"', '"<b>virtual</b>"', 1)
        (folder / "run.toml").write_text(text, encoding="utf-8")
    path = pellets.parent / "projects.toml"
    path.write_text('name = "projects"\nprojects = "*/run.toml"\n', encoding="utf-8")
    done = batch(path, tmp_path / "out", "model.series=separate")
    assert [o.name for o in done.run.outcomes] == ["one", "two"]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<b>virtual" not in page
    assert "Which samples" in page
    assert (tmp_path / "out" / "figures" / "arrhenius_all.svg").stat().st_size > 5000
    assert "VIRTUAL DATA" in page


@pytest.mark.long
def test_workers_and_kills_do_not_change_a_byte(pellets: Path, tmp_path: Path) -> None:
    for workers in (1, 2):
        samples, out = load_samples(pellets), tmp_path / str(workers)
        run_batch(samples, out=out, pool=local_pool(workers), command=f"test {workers}")
    code = "from cis.cli import main; main()"
    place = ["--out", str(tmp_path / "3"), "--workers", "2"]
    words = [sys.executable, "-c", code, "batch", str(pellets), *place]
    assert kill_and_finish(words, kills=1, longest_s=3.0, seed=5, cwd=ROOT) == 0
    for name in (
        "conductivity.csv", "arrhenius.csv", "fits.csv", "samples.csv", "findings.csv",
        "figures/arrhenius_all.svg", "figures/energies.svg",
    ):  # fmt: skip
        whole = (tmp_path / "1" / name).read_bytes()
        assert (tmp_path / "2" / name).read_bytes() == whole
        assert (tmp_path / "3" / name).read_bytes() == whole


@pytest.mark.usefixtures("undrawn")
def test_command_says_what_failed_and_what_was_refused(
    pellets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pellets.parent / "b.csv").write_text("no impedance\n", encoding="utf-8")
    arguments = ["batch", str(pellets), "--out", str(tmp_path / "out"), "--workers", "1", "--json"]
    assert run(command, arguments) == 3
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert [f["name"] for f in found["failed"]] == ["second"]
    assert found["status"]["failed"] == 1
    assert "failed: second" in printed.err


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("pellets.csv", "thickness_sigma_mm", "thicknes_sigma_mm", "did you mean 'thickness_sigma_mm'"),
        ("pellets.csv", "sample,", "name,", "column sample is missing"),
        ("pellets.csv", "second,b.csv", ",b.csv", "names no sample"),
        ("pellets.csv", "first,a.csv", "first,", "names no file"),
        ("pellets.csv", "second,b.csv,0.753", "second,b.csv,thick", "pellets.csv:3: thickness_mm: 'thick'"),
        ("pellets.csv", "second,b.csv,0.753", "second,b.csv,", "without thickness_mm"),
        ("pellets.csv", "second,b.csv,0.753", "first,b.csv,0.8", "another row of the same sample"),
        ("batch.toml", "sigma_K = 0.1", "sigma_k = 0.1", "sigma_k"),
        ("batch.toml", 'table = "pellets.csv"', "", "give projects, table, or both"),
        ("batch.toml", "pellets.csv", "nothere.csv", "cannot be read"),
    ],
)  # fmt: skip
def test_mistakes_are_named(pellets: Path, file: str, old: str, new: str, said: str) -> None:
    path = pellets.parent / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises((InputError, ConfigError)) as caught:
        load_samples(pellets)
    assert said in str(caught.value)


def test_settings_are_for_projects(pellets: Path) -> None:
    with pytest.raises(InputError, match="has a table"):
        load_samples(pellets, settings=["model.circuit=auto"])


def test_the_example_begins_a_batch(pellets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command, ["batch", "--example"]) == 0
    text = capsys.readouterr().out
    rows = [line.lstrip("# ") for line in text.splitlines() if line.startswith("#   ")]
    table = "\n".join(row for row in rows if row.count(",") == 5)
    (pellets.parent / "pellets.csv").write_text(table, encoding="utf-8")
    pellets.write_text(text.replace("# [def", "[def").replace("# sigma_K", "sigma_K"), "utf-8")
    loaded = load_samples(pellets)
    assert [job.name for job in loaded.jobs] == ["NS50-1", "NS50-2"]
    record = loaded.jobs[1].spec["record"]
    assert record["sample"]["thickness_mm"] == {"value": 0.98, "sigma": 0.01}
    assert record["temperature"]["sigma_K"] == 0.5
    for path in ("2016/ns50_1.z", "2017/ns50b_1.z"):
        (pellets.parent / path).parent.mkdir()
    shutil.copy(pellets.parent / "a.csv", pellets.parent / "2016" / "ns50_1.z")
    shutil.copy(pellets.parent / "b.csv", pellets.parent / "2017" / "ns50b_1.z")
    recipe = SampleRecipe(folder=str(pellets.parent), table=str(pellets.parent / "pellets.csv"))
    assert [len(recipe.prepare(job).files) for job in loaded.jobs] == [1, 1]
    for wrong in (["batch"], ["batch", str(pellets)]):
        assert run(command, wrong) == 2
        assert "--example" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["projects", "table"])
@pytest.mark.parametrize("name", ["", ".", "/", "a" * 5000, "a/" * 3000, "a\\u0000b", "/dev/zero"])
def test_names_that_no_system_can_open(pellets: Path, key: str, name: str) -> None:
    pellets.write_text(f'name = "a"\n{key} = "{name}"\n', encoding="utf-8")
    with pytest.raises(InputError):
        load_samples(pellets)


def test_a_sample_without_a_circuit_is_named(pellets: Path) -> None:
    text = BATCH.replace('[defaults.model]\ncircuit = "bulk-blocking"\nseries = "separate"\n', "")
    pellets.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="no circuit is named for 'first'") as caught:
        load_samples(pellets)
    assert caught.value.where.endswith("pellets.csv:2")
    table_path = pellets.parent / "pellets.csv"
    rows = table_path.read_text(encoding="utf-8").splitlines()
    rows = [f"{row},{cell}" for row, cell in zip(rows, ("circuit", "auto", "auto"), strict=True)]
    table_path.write_text("\n".join(rows), encoding="utf-8")
    assert len(load_samples(pellets).jobs) == 2


def test_help_says_how_to_continue() -> None:
    code = "from cis.cli import main; main()"
    words = [sys.executable, "-c", code, "batch", "--help"]
    said = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "the same command continues" in said
