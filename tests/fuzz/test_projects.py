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


def fuzz(
    folder: Path, name: str, run: Callable[[Path], None], *, cases: int, seed: int
) -> tuple[int, int]:
    """Bend the project `cases` times; returns how many went through and how many were refused."""
    text = (folder / name).read_text(encoding="utf-8")
    random = np.random.default_rng(seed)
    path = folder / f"bent-{seed}.toml"
    through = 0
    for case in range(cases):
        if random.random() < 0.7:
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
