"""Points that the project file leaves out, with their reasons: `[[mask]]`."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.errors import InputError
from calibration.records import to_toml
from cis.config import Mask, Project
from cis.masks import hit_by, masked
from cis.output import result_values
from cis.pipeline import Analysis, analyze, load_config, read_inputs
from cis.report import dropped_table
from cis.validate import validate


def analyzed(path: Path, *settings: str) -> Analysis:
    loaded = load_config(path, settings=settings)
    return analyze(loaded.record, read_inputs(loaded))


def mask(path: Path, text: str) -> Path:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    return path


def test_masked_points_are_not_fitted_and_are_listed_with_the_reason(project: Path) -> None:
    before = analyzed(project)
    f = before.fits[2].spectrum.frequency_hz
    mask(
        project,
        f'\n[[mask]]\nspectrum = "series#2"\nfrequency_Hz = {f[[10, 20]].tolist()}\nreason = "cable moved"\n'
        '\n[[mask]]\nspectrum = "series#4"\nrange_Hz = [9.0, 31.0]\nreason = "contact lost"\n',
    )
    after = analyzed(project)
    # the other spectra are what they were
    for k in (0, 1, 3):
        assert after.fits[k].resistance_ohm == before.fits[k].resistance_ohm
    assert after.fits[2].resistance_ohm != before.fits[2].resistance_ohm
    by_hand = [d for d in after.fits[2].validation.dropped if "by hand" in d.reason]
    assert [d.index for d in by_hand] == [10, 20]
    assert {d.reason for d in by_hand} == {"masked by hand: cable moved"}
    assert not after.fits[2].validation.used[[10, 20]].any()
    low = after.fits[4].spectrum.frequency_hz <= 31.0
    assert low.sum() == 4
    assert not after.fits[4].validation.used[low].any()
    said = [f.text for f in after.findings if "Masked by hand" in f.text]
    assert said == [
        "Masked by hand, 'cable moved': 2 points of series#2 (2).",
        "Masked by hand, 'contact lost': 4 points of series#4 (4).",
    ]


def test_a_spoilt_point_that_is_masked_does_no_harm(project: Path) -> None:
    loaded = load_config(project)
    inputs = read_inputs(loaded)
    spectrum = inputs.spectra[2].spectrum
    clean = validate(spectrum)
    spoilt = spectrum.z_ohm.copy()
    spoilt[12:18] *= np.exp(2.5j)  # phases that no sample has: more than a tenth of the points
    bad = type(spectrum)(
        **{k: getattr(spectrum, k) for k in ("file", "format", "frequency_hz", "line")},
        z_ohm=spoilt,
    )
    with pytest.raises(InputError, match="phase beyond"):
        validate(bad)
    f = spectrum.frequency_hz
    one = Mask(spectrum="a", reason="no contact", range_Hz=(f[17], f[12]))
    checked = validate(masked(bad, "a", [one]))
    assert checked.noise_relative == pytest.approx(clean.noise_relative, rel=0.3)
    assert validate(masked(bad, "b", [Mask(spectrum="b", reason="x", frequency_Hz=tuple(f[12:18]))])).used.sum() == checked.used.sum()  # fmt: skip


def test_frequencies_are_told_apart_to_a_hundredth_of_a_percent() -> None:
    f = np.array([100.0, 100.005, 100.02, 99.995])
    one = Mask(spectrum="a", reason="r", frequency_Hz=(100.0,))
    assert hit_by(one, f).tolist() == [True, True, False, True]
    both = Mask(spectrum="a", reason="r", range_Hz=(99.999, 100.005))
    assert hit_by(both, f).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('[{spectrum = "series#2", frequency_Hz = [10.0], reason = " "}]', "mask[0].*reason"),
        ('[{spectrum = "series#2", frequency_Hz = [10.0]}]', "mask[0].*reason"),
        ('[{spectrum = "series#2", reason = "a"}]', "mask[0].*give one of"),
        ('[{spectrum = "series#2", frequency_Hz = [], reason = "a"}]', "must name"),
        ('[{spectrum = "series#2", range_Hz = [5, 2], reason = "a"}]', "low < high"),
        (
            '[{spectrum = "series2", frequency_Hz = [10.0], reason = "a"}]',
            "no spectrum is called 'series2'.*series#2",
        ),
        (
            '[{spectrum = "series#2", frequency_Hz = [11.0], reason = "a"}]',
            "no point at 11 Hz.*nearest is at 10 Hz",
        ),
        (
            '[{spectrum = "series#2", range_Hz = [1.0, 2.0], reason = "a"}]',
            "no point in 1 to 2 Hz.*measured from 10",
        ),
    ],
)
def test_a_wrong_mask_is_refused(project: Path, setting: str, said: str) -> None:
    with pytest.raises(InputError, match="(?s)" + re.sub(r"(?=[\[\]])", r"\\", said)):
        analyzed(project, f"mask={setting}")


def test_too_many_masked_points_refuse_the_spectrum_not_the_series(project: Path) -> None:
    setting = 'mask=[{spectrum = "series#2", range_Hz = [11.0, 1e7], reason = "a"}]'
    found = analyzed(project, setting)
    assert [r.label for r in found.refused] == ["series#2"]
    assert "masked by hand: a" in found.refused[0].reason


def test_the_report_the_result_and_the_resolved_project_have_the_mask(project: Path) -> None:
    mask(
        project,
        '\n[[mask]]\nspectrum = "series#2"\nfrequency_Hz = [10.0]\nreason = "drift at the end"\n',
    )
    found = analyzed(project)
    table = dropped_table(found.series)
    assert table is not None
    rows = [row for row in table.rows if row[3].startswith("masked")]
    assert rows == [["series#2", "133", "10", "masked by hand: drift at the end"]]
    fits: Any = result_values(found)["fits"]
    reasons = [d["reason"] for fit in fits for d in fit["dropped"]]
    assert "masked by hand: drift at the end" in reasons
    # as `cis analyze` writes it beside its result
    record = load_config(project).record
    project.write_text(to_toml(record), encoding="utf-8")
    assert load_config(project).record == record


def test_a_project_without_masks_has_none(project: Path) -> None:
    record: Project = load_config(project).record
    assert record.mask == ()
