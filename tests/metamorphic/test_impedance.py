"""The same spectrum told in another way has the same resistance."""

import csv
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest

from cis.fit import fit_spectrum
from cis.io import read_spectra
from cis.stages import ArcFit, Spectrum


@pytest.fixture(scope="module")
def spectrum() -> Spectrum:
    with as_file(files("cis") / "data" / "demo") as demo:
        return read_spectra(demo / "NS.csv")[3]


@pytest.fixture(scope="module")
def reference(spectrum: Spectrum) -> ArcFit:
    return fit_spectrum(spectrum, circuit="auto")


def assert_same(a: ArcFit, b: ArcFit) -> None:
    assert b.circuit == a.circuit
    assert b.resistance_ohm == pytest.approx(a.resistance_ohm, rel=1e-6)
    assert b.resistance_sigma_ohm == pytest.approx(a.resistance_sigma_ohm, rel=1e-4)


def written(
    path: Path, spectrum: Spectrum, order: np.ndarray, *, admittance: bool = False
) -> Spectrum:
    f, z = spectrum.frequency_hz[order], spectrum.z_ohm[order]
    values = 1.0 / z if admittance else z
    names = ["Y' (S)", "Y'' (S)"] if admittance else ["Z' (Ohm)", "Z'' (Ohm)"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Frequency (Hz)", *names])
        writer.writerows(
            [repr(a), repr(b.real), repr(b.imag)]
            for a, b in zip(f.tolist(), values.tolist(), strict=True)
        )
    (found,) = read_spectra(path)
    return found


@pytest.mark.parametrize("order", ["rising", "falling", "shuffled"])
def test_the_order_of_the_frequencies(
    tmp_path: Path, spectrum: Spectrum, reference: ArcFit, order: str
) -> None:
    n = spectrum.frequency_hz.size
    rising = np.argsort(spectrum.frequency_hz)
    index = {
        "rising": rising,
        "falling": rising[::-1],
        "shuffled": np.random.default_rng(3).permutation(n),
    }[order]
    assert_same(
        reference, fit_spectrum(written(tmp_path / "s.csv", spectrum, index), circuit="auto")
    )


def test_a_larger_pellet_of_the_same_glass(spectrum: Spectrum, reference: ArcFit) -> None:
    """All impedances times ten: R times ten, the same circuit, the same relative uncertainty."""
    larger = Spectrum(
        file="virtual",
        format="virtual",
        frequency_hz=spectrum.frequency_hz,
        z_ohm=10.0 * spectrum.z_ohm,
        line=spectrum.line,
    )
    fit = fit_spectrum(larger, circuit="auto")
    assert fit.circuit == reference.circuit
    assert fit.resistance_ohm == pytest.approx(10.0 * reference.resistance_ohm, rel=1e-4)
    assert fit.resistance_sigma_ohm is not None
    assert reference.resistance_sigma_ohm is not None
    assert fit.resistance_sigma_ohm / fit.resistance_ohm == pytest.approx(
        reference.resistance_sigma_ohm / reference.resistance_ohm, rel=1e-2
    )


def test_a_slower_glass(spectrum: Spectrum, reference: ArcFit) -> None:
    """All frequencies over ten, all times times ten: capacitances times ten, the same R."""
    slower = Spectrum(
        file="virtual",
        format="virtual",
        frequency_hz=spectrum.frequency_hz / 10.0,
        z_ohm=spectrum.z_ohm,
        line=spectrum.line,
    )
    fit = fit_spectrum(slower, circuit=reference.circuit_string)
    same = fit_spectrum(spectrum, circuit=reference.circuit_string)
    assert fit.resistance_ohm == pytest.approx(same.resistance_ohm, rel=1e-3)
