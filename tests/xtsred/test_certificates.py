"""Certificates in a project file: applied, reported, refused where they cannot belong or contradict it."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xtsred
from calibration.certificate import (
    BelongsTo,
    Kind,
    issue_certificate,
    remarks_of,
    write_certificate,
)
from calibration.commandline import run
from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.records import to_toml
from calibration.report import Finding
from xtsred.certificates import certificate_notes, certified_keys
from xtsred.cli import command
from xtsred.config import load_project
from xtsred.inputs import input_files, instrument_of, read_inputs
from xtsred.optimize.project import Adjusted, posterior_project
from xtsred.pipeline import reduce_inputs
from xtsred.tune.session import Session
from xtsred.unpack import make_plan

DEMO = Path(xtsred.__file__).parent / "data" / "demo"
SILVER = BelongsTo(anode="Ag", wavelength_A=0.5594218)
GONIOMETER = {"zero_deg": Quantity(0.03, 0.001), "along_deg": Quantity(0.02, 0.002)}


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    for path in DEMO.iterdir():
        shutil.copy(path, tmp_path)
    return tmp_path


def certify(
    demo: Path,
    kind: Kind = "goniometer",
    values: dict[str, Quantity] | None = None,
    belongs_to: BelongsTo = SILVER,
    **more: Any,
) -> None:
    certificate = issue_certificate(
        kind,
        name="made up",
        values=values or GONIOMETER,
        sources=[demo / "air.xy"],
        belongs_to=belongs_to,
        **more,
    )
    write_certificate(certificate, demo / f"{kind}.toml")


def project(demo: Path, *kinds: Kind, old: str = "", new: str = "", more: str = "") -> Path:
    text = (demo / "run.toml").read_text(encoding="utf-8")
    assert old in text
    text = text.replace(old, new) if old else text
    named = "".join(f'{kind} = "{kind}.toml"\n' for kind in kinds)
    path = demo / "certified.toml"
    path.write_text(f"{text}\n[calibration]\n{named}{more}", encoding="utf-8")
    return path


def test_goniometer_values_stand_in_their_keys(demo: Path) -> None:
    certify(demo, valid_days=10)
    loaded = load_project(project(demo, "goniometer"))
    table = loaded.record.goniometer
    assert table is not None
    assert table.zero_deg == Quantity(0.03, 0.001, "°")
    alignment = instrument_of(loaded.record).alignment
    assert (alignment.zero_deg, alignment.along_deg) == (0.03, 0.02)
    assert demo / "goniometer.toml" in input_files(loaded)
    notes = certificate_notes(loaded)
    assert notes.parameters["goniometer certificate, zero_deg"].value == 0.03
    assert [f.severity for f in notes.findings] == ["note"]


@pytest.mark.parametrize("anode", [BelongsTo(anode="Mo", wavelength_A=0.7093), BelongsTo(anode="Cu")])  # fmt: skip
def test_another_anode_is_refused(demo: Path, anode: BelongsTo, capsys: Any) -> None:
    certify(demo, belongs_to=anode)
    status = run(command, ["reduce", str(project(demo, "goniometer")), "--out", str(demo / "out")])
    assert status == 2
    assert "cannot belong" in capsys.readouterr().err
    assert not (demo / "out").exists()


def test_an_altered_certificate_is_refused(demo: Path) -> None:
    certify(demo)
    path = demo / "goniometer.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("0.03", "0.04"), encoding="utf-8")
    with pytest.raises(InputError, match="altered"):
        load_project(project(demo, "goniometer"))


def test_one_past_its_validity_is_applied_with_a_finding(demo: Path) -> None:
    certify(demo, valid_days=-3)
    loaded = load_project(project(demo, "goniometer"))
    assert [f.severity for f in certificate_notes(loaded).findings] == ["warning", "note"]
    # the day of the measurement decides where the scans know it
    earlier = certificate_notes(loaded, started=("2020-05-01T10:00:00", "a Tuesday"))
    assert [f.severity for f in earlier.findings] == ["note"]


def test_a_certificate_of_another_kind_is_refused(demo: Path) -> None:
    certify(demo, kind="attenuation", values={"mu_R": Quantity(0.2, 0.01)})
    shutil.copy(demo / "attenuation.toml", demo / "goniometer.toml")
    with pytest.raises(InputError, match="attenuation"):
        load_project(project(demo, "goniometer"))


def test_a_goniometer_table_may_agree_but_not_disagree(demo: Path) -> None:
    certify(demo)
    same = "[goniometer]\nzero_deg = 0.03\nalong_deg = 0.02\n"
    loaded = load_project(project(demo, "goniometer", more=same))
    assert loaded.record.goniometer is not None
    assert loaded.record.goniometer.zero_deg.sigma == 0.001
    with pytest.raises(InputError, match="disagree"):
        load_project(project(demo, "goniometer", more="[goniometer]\nzero_deg = 0.03\n"))
    in_mm = (
        f"[goniometer]\nzero_deg = 0.03\nalong_mm = {np.radians(0.02) * 240.0}\nradius_mm = 240.0\n"
    )
    load_project(project(demo, "goniometer", more=in_mm))


def test_what_was_resolved_can_be_reduced_again(demo: Path, tmp_path: Path) -> None:
    from xtsred.output import resolved_project

    certify(demo)
    loaded = load_project(project(demo, "goniometer"))
    folder = demo / "deeper" / "still"
    folder.mkdir(parents=True)
    (folder / "run.toml").write_text(resolved_project(loaded, folder=folder), encoding="utf-8")
    again = load_project(folder / "run.toml")
    assert again.record.goniometer == loaded.record.goniometer
    assert input_files(again)[-1].resolve() == (demo / "goniometer.toml").resolve()


def test_mu_r_replaces_the_packing_and_is_compared_with_it(demo: Path) -> None:
    computed = make_plan(load_project(demo / "run.toml").record).mu_r
    certify(demo, kind="attenuation", values={"mu_R": Quantity(1.3 * computed, 0.001)})
    alone = load_project(project(demo, "attenuation", old="packing_fraction = 0.5\n"))
    plan = make_plan(alone.record)
    assert plan.mu_r == pytest.approx(1.3 * computed)
    assert plan.parameters["mu R (stated)"].sigma == 0.001
    both = make_plan(load_project(project(demo, "attenuation")).record)
    assert both.mu_r == pytest.approx(1.3 * computed)
    assert any("packing" in f.text and f.severity == "warning" for f in both.findings)
    with pytest.raises(InputError, match="disagree"):
        load_project(project(demo, "attenuation", old="packing_fraction = 0.5", new="mu_R = 0.9"))


def test_mu_r_of_another_capillary_or_sample_is_a_finding(demo: Path) -> None:
    certify(
        demo,
        kind="attenuation",
        values={"mu_R": Quantity(0.1, 0.001), "radius_mm": Quantity(0.4, 0.01)},
        facts={"composition": "CeO2"},
    )
    texts = [f.text for f in certificate_notes(load_project(project(demo, "attenuation"))).findings]
    assert any("capillary of radius" in t for t in texts)
    assert any("is of CeO2" in t for t in texts)


def test_detector_values_stand_in_their_keys(demo: Path) -> None:
    values = {
        "dead_time_s": Quantity(2e-6, 1e-7),
        "lower_keV": Quantity(20.0, 0.1),
        "upper_keV": Quantity(24.0, 0.1),
        "fwhm_keV": Quantity(0.8, 0.1),
    }
    certify(demo, kind="detector", values=values)
    free = 'response = "threshold"'
    table = load_project(project(demo, "detector", old='response = "ideal"', new=free)).record.detector  # fmt: skip
    assert table.dead_time_s == Quantity(2e-6, 1e-7, "s")
    assert table.lower_keV == Quantity(20.0, 0.1, "keV")
    assert table.fwhm_keV == Quantity(0.8, 0.1, "keV")
    window = load_project(project(demo, "detector", old='response = "ideal"', new='response = "window"'))  # fmt: skip
    assert window.record.detector.window_keV == (Quantity(20.0, 0.1, "keV"), Quantity(24.0, 0.1, "keV"))  # fmt: skip
    make_plan(window.record)
    with pytest.raises(InputError, match="ideal"):
        load_project(project(demo, "detector"))
    with pytest.raises(InputError, match="disagree"):
        load_project(project(demo, "detector", old='response = "ideal"', new=f"{free}\nupper_keV = 25.0"))  # fmt: skip
    with pytest.raises(InputError, match="disagree"):
        load_project(project(demo, "detector", old="dead_time_s = 0.0", new="dead_time_s = 3e-6"))


def test_a_wavelength_that_was_fitted_with_the_angles_is_told(demo: Path) -> None:
    certify(demo, values={**GONIOMETER, "wavelength_ratio": Quantity(1.001, 1e-5)})
    texts = [f.text for f in certificate_notes(load_project(project(demo, "goniometer"))).findings]
    assert any("free wavelength" in t for t in texts)


def test_a_missing_certificate_is_named(demo: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_project(project(demo, "goniometer"))
    assert "goniometer.toml" in caught.value.where


def test_what_is_not_used_is_not_called_applied(demo: Path) -> None:
    certify(demo, values={**GONIOMETER, "q_damp_per_A": Quantity(0.0128, 0.0002)})
    (note,) = certificate_notes(load_project(project(demo, "goniometer"))).findings
    applied, _, beside = note.text.partition("also holds")
    assert "zero_deg 0.030(1); along_deg 0.020(2)" in applied
    assert "q_damp" not in applied
    assert "q_damp_per_A, which change nothing" in beside


def test_the_problems_of_a_calibration_follow_its_certificate(demo: Path) -> None:
    found = (Finding("problem", "the cell is wrong"), Finding("warning", "no counting times"), Finding("note", "all"))  # fmt: skip
    certify(demo, remarks=remarks_of(found))
    first, note = certificate_notes(load_project(project(demo, "goniometer"))).findings
    assert (first.severity, note.severity) == ("warning", "note")
    assert "issued with a problem" in first.text
    assert first.text.endswith("the cell is wrong")


def test_a_file_that_is_no_certificate_is_called_so(demo: Path) -> None:
    for content, match in (
        ((demo / "run.toml").read_bytes(), "no certificate"),
        (b"x = [", "the certificate is not valid TOML"),
        (b"\xd0\xd1\xff", "the certificate is not UTF-8"),
    ):
        (demo / "goniometer.toml").write_bytes(content)
        with pytest.raises(InputError, match=match) as caught:
            load_project(project(demo, "goniometer"))
        assert "init" not in str(caught.value)


def test_certified_keys_are_not_turned_on_the_page(demo: Path) -> None:
    certify(demo)
    certify(demo, kind="attenuation", values={"mu_R": Quantity(0.09, 0.002)})
    path = project(demo, "goniometer", "attenuation", old="[2.0, 152.0]", new="[2.0, 151.5]")
    assert certified_keys(load_project(path)) == {
        "goniometer.zero_deg": "goniometer",
        "goniometer.along_deg": "goniometer",
        "sample.mu_R": "attenuation",
    }
    keys = {control.key for control in Session(path).controls}
    assert "sample.radius_mm" in keys
    assert not keys & {"goniometer.zero_deg", "goniometer.along_deg", "sample.mu_R"}


def test_a_posterior_takes_the_place_of_its_certificate(demo: Path) -> None:
    """Its project file must be accepted again: it would contradict a certificate that it still named."""
    certify(demo)
    certify(demo, kind="attenuation", values={"mu_R": Quantity(0.09, 0.002)})
    loaded = load_project(project(demo, "goniometer", "attenuation"))
    moved = Adjusted(
        path="goniometer.zero_deg",
        prior=Quantity(0.03, 0.001),
        posterior=Quantity(0.031, 0.0009),
        pull=1.0,
    )
    changed, _ = posterior_project(loaded, read_inputs(loaded), (moved,))
    (demo / "posterior.toml").write_text(to_toml(changed.record), encoding="utf-8")
    again = load_project(demo / "posterior.toml").record
    assert again.goniometer is not None
    assert again.goniometer.zero_deg.value == 0.031
    assert again.goniometer.along_deg.value == 0.02
    assert again.calibration is not None
    assert (again.calibration.goniometer, again.calibration.attenuation) == (None, "attenuation.toml")  # fmt: skip


def test_a_certificate_of_another_instrument_is_refused(demo: Path) -> None:
    own = BelongsTo(anode="Ag", wavelength_A=0.5594218, instrument="diffractometer 1")
    certify(demo, belongs_to=own)
    load_project(project(demo, "goniometer"))  # the data do not say theirs
    load_project(project(demo, "goniometer", more='instrument = "diffractometer 1"\n'))
    with pytest.raises(InputError, match="cannot belong") as caught:
        load_project(project(demo, "goniometer", more='instrument = "diffractometer 2"\n'))
    assert "diffractometer 1" in caught.value.why


def test_a_range_that_the_correction_of_angles_leaves_says_so(demo: Path) -> None:
    certify(demo, values={"zero_deg": Quantity(0.3, 0.01)})
    loaded = load_project(project(demo, "goniometer"))
    with pytest.raises(InputError, match=r"cover -0\.\d+ to 151\.7") as caught:
        reduce_inputs(loaded, read_inputs(loaded))
    assert "after the correction" in caught.value.why


def test_edges_belong_to_the_resolution_that_they_were_fitted_with(demo: Path) -> None:
    certify(demo, kind="detector", values={"upper_keV": Quantity(24.0, 0.1)}, facts={"fwhm_keV_held": "0.8"})  # fmt: skip
    for fwhm, count in ((0.8, 0), (1.0, 1)):
        free = f'response = "threshold"\nfwhm_keV = {fwhm}\nlower_keV = 15.0'
        loaded = load_project(project(demo, "detector", old='response = "ideal"', new=free))
        texts = [f.text for f in certificate_notes(loaded).findings]
        assert sum("belong together" in t for t in texts) == count
