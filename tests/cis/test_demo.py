"""The shipped virtual glasses: small, marked, reproducible, and honest about their truth."""

import pytest

from calibration.quantity import Quantity
from calibration.records import load
from cis.arrhenius import fit_arrhenius
from cis.config import Project
from cis.demo import DEMO_FOLDER, GLASSES, demo_plates, demo_projects, make_demo, recovery
from tests.cis.test_arrhenius import line, points


def test_files_are_what_the_package_makes(tmp_path):
    make_demo(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        shipped = (DEMO_FOLDER / path.name).read_text(encoding="utf-8").splitlines()
        made = path.read_text(encoding="utf-8").splitlines()
        assert len(made) == len(shipped)
        if path.suffix == ".toml":
            assert made == shipped
            continue
        for one, two in zip(made[4:], shipped[4:], strict=True):
            numbers = [
                [float(c) for k, c in enumerate(row.split(",")[:-1]) if k != 3]
                for row in (one, two)
            ]
            assert numbers[0] == pytest.approx(numbers[1], rel=1e-4)


def test_files_are_small_and_marked_as_virtual():
    files = [p for p in DEMO_FOLDER.iterdir() if p.is_file()]
    assert sum(p.stat().st_size for p in files) < 500_000
    for path in files:
        assert "VIRTUAL" in path.read_text(encoding="utf-8").splitlines()[0]


def test_projects_state_the_pellet_of_the_truth():
    assert [p.stem for p in demo_projects()] == list(GLASSES)
    for path in demo_projects():
        project = load(Project, path).record
        assert project.sample.virtual
        assert project.sample.plates == demo_plates()
    # 10 mm, 120 mg and 0.753 mm make 2.03 g/cm^3
    assert demo_plates().constant_per_cm.value == pytest.approx(0.0753 / 0.785398, rel=1e-5)


def test_truth_is_what_was_asked_for():
    table = {g.name: (g.room_s_per_cm, g.activation_ev) for g in GLASSES.values()}
    assert table == {"NS": (4.2e-6, 0.41), "N5S3": (1.1e-5, 0.41), "N2S": (2.9e-5, 0.37)}


def test_recovery_is_told_in_standard_uncertainties():
    fit = fit_arrhenius(points(line(0.42, 4.3e-6)), form="ln_sigma")
    found = recovery(fit, GLASSES["NS"])
    assert found.activation_off_ev == pytest.approx(0.01, abs=1e-6)
    assert found.room_off_percent == pytest.approx(100 * (4.3 / 4.2 - 1), abs=1e-6)
    assert found.activation_pull is None  # the thermometer is unknown there
    assert isinstance(found.activation, Quantity)
    with pytest.raises(ValueError, match="ln sigma"):
        recovery(fit_arrhenius(points(line()), form="ln_sigma_T"), GLASSES["NS"])
