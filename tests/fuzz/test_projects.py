"""Project files that people spoil, by hand or by accident: a result or one clear error, never a traceback or a hang."""

import shutil
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest

from tests.fuzz.harness import bent_project, bent_text, survives


@pytest.fixture(scope="module")
def coarse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration's project on every tenth point of its scans: a reduction takes a tenth of a second."""
    folder = tmp_path_factory.mktemp("coarse")
    with as_file(files("xtsred") / "data" / "demo") as demo:
        for path in demo.glob("*.xy"):
            angle, counts = np.loadtxt(path).T
            np.savetxt(folder / path.name, np.column_stack([angle, counts])[::10], fmt="%.3f %d")
        shutil.copy(demo / "truth_SQ.csv", folder)
        text = (demo / "run.toml").read_text(encoding="utf-8")
    text = text.replace("q_step = 0.05", "q_step = 0.1")
    (folder / "run.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def pellets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pellets")
    with as_file(files("cis") / "data" / "demo") as demo:
        shutil.copytree(demo, folder, dirs_exist_ok=True)
    return folder


def reduce_file(path: Path) -> None:
    from xtsred.config import load_project
    from xtsred.pipeline import reduce_project

    reduce_project(load_project(path))


def load_reduction(path: Path) -> None:
    from xtsred.config import load_project

    load_project(path)


def load_series(path: Path) -> None:
    from cis.pipeline import load_config, read_inputs

    read_inputs(load_config(path))


def analyze_file(path: Path) -> None:
    from cis.pipeline import analyze, load_config, read_inputs

    loaded = load_config(path)
    analyze(loaded.record, read_inputs(loaded))


SERIES = """\
name = "heating"
project = "run.toml"
variable = "temperature_K"
variable_sigma = "sigma_K"
set = { "fourier.r_max" = 15.0 }

[[pattern]]
file = "a.xy"
values = { temperature_K = 300, sigma_K = 2.0 }
set = { "scan[0].file" = "sample_scan1.xy", "sample.packing_fraction" = 0.4 }

[[pattern]]
file = "b.xy"
name = "second"
values = { temperature_K = 320 }
set = { "scan[0].file" = "sample_scan2.xy" }
"""
NAMED = """\
name = "heating"
project = "one.toml"
variable = "scan"

[patterns]
files = "sample_scan*.xy"
from_name = "sample_scan{scan}.xy"

[set]
"fourier.r_max" = 15.0
"""
TABLE = """\
name;file;temperature_K;scan[0].file;sample.packing_fraction
a;a.xy;300,5;sample_scan1.xy;0.5
b;b.xy;320;sample_scan2.xy;0.4
"""
BATCH = """\
name = "pellets"
projects = "N*.toml"
table = "pellets.csv"
ignore = ["remark"]

[defaults.temperature]
sigma_K = 0.5

[defaults.fixture]
open = "open.csv"
"""
PELLETS = """\
sample,file,thickness_mm,thickness_sigma_mm,diameter_mm,circuit,temperature_C,remark
one,NS.csv,0.75,0.01,10,R0-p(R1;CPE1),,x
two,N2S.csv,0.75,,10,auto,25,
two,N5S3.csv,,,,,35,
"""


def load_patterns(path: Path) -> None:
    from xtsred.batch.series import load_series

    load_series(path)


def load_table(path: Path) -> None:
    """The bent file is the table of an unbent series."""
    series = path.with_suffix(".series")
    text = (
        f'name = "a"\nproject = "run.toml"\nvariable = "number"\npatterns.table = "{path.name}"\n'
    )
    series.write_text(text, encoding="utf-8")
    load_patterns(series)


def load_batch(path: Path) -> None:
    from cis.batch.samples import load_samples

    load_samples(path)


def load_pellets(path: Path) -> None:
    """The bent file is the table of an unbent batch."""
    batch = path.with_suffix(".batch")
    batch.write_text(f'name = "a"\ntable = "{path.name}"\nignore = ["remark"]\n', "utf-8")
    load_batch(batch)


def load_standard(path: Path) -> None:
    from xtsred.calibrate.config import load_calibration

    load_calibration(path)


def load_cell(path: Path) -> None:
    from cis.calibrate.config import load_calibration

    load_calibration(path)


def campaigns(coarse: Path, pellets: Path) -> dict[str, tuple[Path, str, Callable[[Path], None]]]:
    """kind -> (folder, name of the file, what loads it)."""
    from cis.calibrate.examples import EXAMPLES
    from xtsred.calibrate.config import EXAMPLE

    texts = {
        "series.toml": SERIES,
        "named.toml": NAMED,
        "table.csv": TABLE,
        "standard.toml": EXAMPLE,
    }
    project = (coarse / "run.toml").read_text(encoding="utf-8")
    first, *_, container, environment = project.split("[[scan]]")[1:]
    head = project[: project.index("[[scan]]")]
    texts["one.toml"] = "[[scan]]".join([head, first, container, environment])
    for name, text in texts.items():
        (coarse / name).write_text(text, encoding="utf-8")
    texts = {"batch.toml": BATCH, "pellets.csv": PELLETS, "cell.toml": EXAMPLES["cell"]}
    for name, text in texts.items():
        (pellets / name).write_text(text, encoding="utf-8")
    return {
        "series": (coarse, "series.toml", load_patterns),
        "named": (coarse, "named.toml", load_patterns),
        "table": (coarse, "table.csv", load_table),
        "standard": (coarse, "standard.toml", load_standard),
        "batch": (pellets, "batch.toml", load_batch),
        "pellets": (pellets, "pellets.csv", load_pellets),
        "cell": (pellets, "cell.toml", load_cell),
    }


KINDS = ("series", "named", "table", "standard", "batch", "pellets", "cell")


def fuzz(
    folder: Path, name: str, run: Callable[[Path], None], *, cases: int, seed: int
) -> tuple[int, int]:
    """Bend the project `cases` times; returns how many went through and how many were refused."""
    text = (folder / name).read_text(encoding="utf-8")
    random = np.random.default_rng(seed)
    path = folder / f"bent-{seed}.toml"
    through = 0
    for case in range(cases):
        if name.endswith(".toml") and random.random() < 0.7:
            path.write_text(bent_project(text, random), encoding="utf-8")
        else:
            path.write_bytes(bent_text(text, random))
        said = f"{name}, seed {seed}, case {case}"
        through += survives(lambda: run(path), said, size=100_000)
    return through, cases - through


def test_spoilt_reductions_are_loaded_or_refused(coarse: Path) -> None:
    through, refused = fuzz(coarse, "run.toml", load_reduction, cases=400, seed=1)
    assert through > 20
    assert refused > 200


def test_spoilt_reductions_run_or_are_refused(coarse: Path) -> None:
    fuzz(coarse, "run.toml", reduce_file, cases=30, seed=2)


def test_spoilt_series_are_loaded_or_refused(pellets: Path) -> None:
    _, refused = fuzz(pellets, "NS.toml", load_series, cases=200, seed=3)
    assert refused > 50


def test_spoilt_series_run_or_are_refused(pellets: Path) -> None:
    fuzz(pellets, "NS.toml", analyze_file, cases=6, seed=4)


@pytest.mark.parametrize("kind", KINDS)
def test_spoilt_campaigns_and_standards_are_loaded_or_refused(
    coarse: Path, pellets: Path, kind: str
) -> None:
    folder, name, load = campaigns(coarse, pellets)[kind]
    load(folder / name)
    _, refused = fuzz(folder, name, load, cases=60, seed=5)
    assert refused > 5


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_campaigns_and_standards_at_length(coarse: Path, pellets: Path, kind: str) -> None:
    folder, name, load = campaigns(coarse, pellets)[kind]
    fuzz(folder, name, load, cases=3000, seed=300)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 110))
def test_projects_at_length(coarse: Path, pellets: Path, seed: int) -> None:
    fuzz(coarse, "run.toml", load_reduction, cases=3000, seed=seed)
    fuzz(pellets, "NS.toml", load_series, cases=1000, seed=seed)
    fuzz(coarse, "run.toml", reduce_file, cases=80, seed=seed + 1000)
    fuzz(pellets, "NS.toml", analyze_file, cases=10, seed=seed + 1000)


@pytest.mark.parametrize("name", ["a" * 300, "a/" * 3000, "a\0b"])
def test_names_that_no_system_can_open(
    coarse: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import tomlkit

    from calibration.commandline import run
    from xtsred.cli import command

    document = tomlkit.parse((coarse / "run.toml").read_text(encoding="utf-8"))
    document["scan"][0]["file"] = name
    (coarse / "named.toml").write_text(tomlkit.dumps(document), encoding="utf-8")
    assert run(command, ["reduce", str(coarse / "named.toml"), "--out", str(coarse / "out")]) == 2
    assert "scan[0].file" in capsys.readouterr().err
    assert run(command, ["inspect", name.replace("\0", "")]) == 2
