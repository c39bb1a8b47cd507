"""What must not change a reduction does not: the same measurement told in another way gives the same S(Q)."""

import shutil
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest
import tomlkit

from xtsred.config import load_project
from xtsred.pipeline import reduce_project
from xtsred.stages import Reduction

Change = Callable[[Path, tomlkit.TOMLDocument], None]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "demo"
    with as_file(files("xtsred") / "data" / "demo") as shipped:
        shutil.copytree(shipped, folder)
    return folder


@pytest.fixture(scope="module")
def reference(demo: Path) -> Reduction:
    return reduce_project(load_project(demo / "run.toml"))


@pytest.fixture
def reduced(demo: Path, tmp_path: Path) -> Callable[[Change], Reduction]:
    """Reduce a copy of the demonstration after a change of its files or its project."""

    def run(change: Change) -> Reduction:
        folder = tmp_path / "changed"
        shutil.copytree(demo, folder)
        document = tomlkit.parse((folder / "run.toml").read_text(encoding="utf-8"))
        change(folder, document)
        (folder / "run.toml").write_text(tomlkit.dumps(document), encoding="utf-8")
        return reduce_project(load_project(folder / "run.toml"))

    return run


def scan(path: Path) -> tuple[np.ndarray, np.ndarray]:
    angle, counts = np.loadtxt(path).T
    return angle, counts


def write_scan(path: Path, angle: np.ndarray, counts: np.ndarray) -> None:
    """Without the header, so that times come from the project file alone; all bits of the numbers kept."""
    rows = (f"{a!r} {c!r}" for a, c in zip(angle.tolist(), counts.tolist(), strict=True))
    path.write_text("# two_theta_deg counts\n" + "\n".join(rows) + "\n", encoding="utf-8")


def assert_same(
    a: Reduction, b: Reduction, *, rtol: float = 1e-9, sigma_ratio: float = 1.0
) -> None:
    """S, g and K, and their counting uncertainties up to a known ratio."""
    for x, y in (
        (a.structure_factor.s, b.structure_factor.s),
        (sigma_ratio * a.structure_factor.sigma, b.structure_factor.sigma),
        (a.pair_distribution.d, b.pair_distribution.d),
        (sigma_ratio * a.pair_distribution.d_sigma, b.pair_distribution.d_sigma),
    ):
        np.testing.assert_allclose(y, x, rtol=rtol, atol=rtol * float(np.max(np.abs(x))))


def test_ten_times_the_counts_in_ten_times_the_time(
    reduced: Callable[[Change], Reduction], demo: Path
) -> None:
    """The curve stays; its uncertainty shrinks by the root of ten.

    One scan of each role: ten times the counts carry ten times the scatter, which two overlapping scans would
    rightly call spikes (the counts of a longer measurement do not scatter so).
    """

    def one_scan(document: tomlkit.TOMLDocument) -> None:
        del document["scan"][1:3]

    def change(folder: Path, document: tomlkit.TOMLDocument) -> None:
        one_scan(document)
        for entry in document["scan"]:
            angle, counts = scan(folder / entry["file"])
            write_scan(folder / entry["file"], angle, 10.0 * counts)
            entry["seconds_per_step"] = 10.0 * entry["seconds_per_step"]

    document = tomlkit.parse((demo / "run.toml").read_text(encoding="utf-8"))
    one_scan(document)
    (demo / "one.toml").write_text(tomlkit.dumps(document), encoding="utf-8")
    once, longer = reduce_project(load_project(demo / "one.toml")), reduced(change)
    # points with fewer than 10 counts borrow the variance of their neighbours: 1e-3 of some sigma
    np.testing.assert_allclose(
        longer.structure_factor.s, once.structure_factor.s, rtol=1e-6, atol=1e-6
    )
    ratio = longer.structure_factor.sigma / once.structure_factor.sigma
    np.testing.assert_allclose(ratio, np.sqrt(0.1), rtol=2e-3)
    assert longer.normalization.k.value == pytest.approx(once.normalization.k.value, rel=1e-6)


def test_a_scan_split_in_two_by_time_and_merged(
    reference: Reduction, reduced: Callable[[Change], Reduction]
) -> None:
    """Two visits of every angle, counts divided at random between them: nothing is gained or lost."""

    def change(folder: Path, document: tomlkit.TOMLDocument) -> None:
        entry = document["scan"][1]
        angle, counts = scan(folder / entry["file"])
        first = np.random.default_rng(5).binomial(counts.astype(int), 0.4).astype(float)
        write_scan(folder / "first.xy", angle, first)
        write_scan(folder / "second.xy", angle, counts - first)
        seconds = float(entry["seconds_per_step"])
        entry["file"], entry["seconds_per_step"] = "first.xy", 0.4 * seconds
        other = tomlkit.table()
        other.update({"role": "sample", "file": "second.xy", "seconds_per_step": 0.6 * seconds})
        document["scan"].append(other)

    assert_same(reference, reduced(change))


def test_a_scan_split_in_two_by_angle_and_merged(
    reference: Reduction, reduced: Callable[[Change], Reduction]
) -> None:
    def change(folder: Path, document: tomlkit.TOMLDocument) -> None:
        entry = document["scan"][0]
        angle, counts = scan(folder / entry["file"])
        low = angle <= 70.0
        write_scan(folder / "low.xy", angle[low], counts[low])
        write_scan(folder / "high.xy", angle[~low], counts[~low])
        entry["file"] = "low.xy"
        other = tomlkit.table()
        other.update(
            {
                "role": "sample",
                "file": "high.xy",
                "seconds_per_step": float(entry["seconds_per_step"]),
            }
        )
        document["scan"].append(other)

    assert_same(reference, reduced(change))


def test_the_order_of_the_scans(
    reference: Reduction, reduced: Callable[[Change], Reduction]
) -> None:
    def change(_folder: Path, document: tomlkit.TOMLDocument) -> None:
        tables = [dict(entry) for entry in document["scan"]]
        for entry, other in zip(
            document["scan"], [tables[k] for k in (4, 2, 0, 3, 1)], strict=True
        ):
            for key, value in other.items():
                entry[key] = value

    assert_same(reference, reduced(change))


def test_a_zero_error_and_its_correction(
    reference: Reduction, reduced: Callable[[Change], Reduction]
) -> None:
    """Every reading is 0.25° (a multiple of the step) too large, and the goniometer's table says so."""

    def change(folder: Path, document: tomlkit.TOMLDocument) -> None:
        for entry in document["scan"]:
            angle, counts = scan(folder / entry["file"])
            write_scan(folder / entry["file"], angle + 0.25, counts)
        document["goniometer"] = {"zero_deg": 0.25}

    assert_same(reference, reduced(change), rtol=1e-6)


@pytest.mark.parametrize(
    "formula", ["Na2SiS3", "(Na2S)(SiS2)", "(SiS2)0.5(Na2S)0.5", "S3SiNa2", "Na4Si2S6"]
)
def test_one_composition_in_many_words(
    reference: Reduction, reduced: Callable[[Change], Reduction], formula: str
) -> None:
    def change(_folder: Path, document: tomlkit.TOMLDocument) -> None:
        document["sample"]["composition"] = formula

    assert_same(reference, reduced(change), rtol=1e-8)


def test_rates_with_their_times_are_the_counts(
    reference: Reduction, reduced: Callable[[Change], Reduction]
) -> None:
    """A file in counts per second, with the time in a column, is the same measurement."""

    def change(folder: Path, document: tomlkit.TOMLDocument) -> None:
        for entry in document["scan"]:
            angle, counts = scan(folder / entry["file"])
            seconds = float(entry["seconds_per_step"])
            rows = (
                f"{a!r} {c / seconds!r} {seconds!r}"
                for a, c in zip(angle.tolist(), counts.tolist(), strict=True)
            )
            (folder / entry["file"]).write_text("\n".join(rows) + "\n", encoding="utf-8")
            entry["columns"] = {"two_theta_deg": 1, "rate_cps": 2, "seconds_per_step": 3}
            del entry["seconds_per_step"]

    assert_same(reference, reduced(change))
