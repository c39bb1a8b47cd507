"""Every real export: points counted by eye in the file, first and last point as they stand there, and other readers."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from calibration.errors import ReadError
from cis.io import READERS, generic, read_spectra
from cis.io.physics import bode_agreement
from cis.io.text import load_head
from cis.stages import Spectrum

MPR = "formats/20201202-KS-KS326-PEIS-10mV-1MHz-100mHz-20ptsprdec-charged_symmetric_inert_ref_LMO-VSP_C03.mpr"
MPT = MPR[:-1] + "t"
# file: (format, points of each spectrum, first f, first Z, last f, last Z): typed from the file, not from our output
EXPECTED: dict[str, tuple[str, list[int], float, complex, float, complex]] = {
    MPR: ("BioLogic mpr", [77], 1.0000186e6, -4.8992124 + 6.8641634j, 1.9992474e-2, 39.638184 - 5.7124491j),
    MPT: ("BioLogic mpt", [77], 1.0000186e6, -4.8992124 + 6.8641634j, 1.9992474e-2, 39.638184 - 5.7124491j),
    "formats/agilent_4294a.txt": (
        "Agilent 4294A", [534], 1e3, 1.324238 * np.exp(1j * np.radians(75.85065)),
        1e5, 128.4186 * np.exp(1j * np.radians(89.65614)),
    ),
    "formats/case-multiple-spectra.csv": ("text table", [29] * 4, 1e4, 109.00918219 - 26.55567988j, 1.0, 645.4787002 - 90.61812831j),
    "formats/case-negative-real-imaginary.csv": ("text table", [29], 1e4, 109.00918219 - 26.55567988j, 1.0, 645.4787002 - 90.61812831j),
    "formats/data-comma-decimal-separator.csv": ("text table", [29], 1e4, 109.00918219 - 26.55567988j, 1.0, 645.4787002 - 90.61812831j),
    "formats/data-header-variant-2.csv": ("text table", [29], 1e4, 109.00918219 - 26.55567988j, 1.0, 645.4787002 - 90.61812831j),
    "formats/data-semicolon.csv": ("text table", [29], 1e4, 109.00918219 - 26.55567988j, 1.0, 645.4787002 - 90.61812831j),
    "formats/data-tab.csv": ("text table", [29], 1e4, 109.00918219 - 26.55567988j, 1.0, 645.4787002 - 90.61812831j),
    "formats/data.P00": ("Eco Chemie FRA", [29], 1e4, 109.0 - 26.556j, 1.0, 645.5 - 90.618j),
    "formats/data.dfr": ("Eco Chemie FRA", [29], 1e4, 109.00918219 - 26.55567988j, 1.0, 645.4787002 - 90.61812831j),
    "formats/data.i2b": ("Elchemea i2b", [29], 1e4, 109.00918219 - 26.55567988j, 1.0, 645.4787002 - 90.61812831j),
    "formats/data.idf": ("Ivium idf", [29], 1e4, 109.009 - 26.5557j, 1.0, 645.479 - 90.6181j),
    "formats/data.pssession": ("PalmSens pssession", [51], 1e5, 10331.902945892 - 120.574887528j, 1.0, 9950.655182 + 3.632464600j),
    "formats/eclab_decimal_comma.mpt": ("BioLogic mpt", [37], 1000024.25, 14.9947605 + 2.70319676j, 0.998529792, 65.8375397 - 97.8572464j),
    "formats/eclab_zview_decimal_comma.txt": ("text table", [37], 1000024.25, 14.9947605 + 2.70319676j, 0.998529792, 65.8375397 - 97.8572464j),
    "formats/exampleData.csv": ("text table", [66], 3.1623e-3, 0.0494998978 - 0.0204386985j, 1e4, 0.0157714827 + 0.0101574746j),
    "formats/exampleDataAutolab.txt": ("ZPlot/ZView", [41], 1e4, 0.013785863964 + 0.007191946306j, 0.1, 0.034569777192 - 0.003902928888j),
    "formats/exampleDataBioLogic.mpt": ("BioLogic mpt", [43], 1000.3201, 65.470886 - 0.38998979j, 0.01689554, 110.97003 - 2.3458567j),
    "formats/exampleDataCHInstruments.txt": ("CH Instruments", [73], 9.961e4, 98.91 - 2.748j, 0.1, 5685 - 15860j),
    "formats/exampleDataGamry.DTA": ("Gamry DTA", [72], 200015.6, 825.8584 - 1367.239j, 0.0158898, 17007.49 - 6635.557j),
    "formats/exampleDataGamryABORT.DTA": ("Gamry DTA", [72], 200015.6, 825.8584 - 1367.239j, 0.0158898, 17007.49 - 6635.557j),
    "formats/exampleDataParstat.txt": ("Parstat/PowerSuite", [31], 1e4, -0.00049816280 + 0.01751434800j, 10.0, 0.02709464915 - 0.00399791080j),
    "formats/exampleDataPowersuite.txt": ("Parstat/PowerSuite", [30], 0.1, 423929.46 - 49014.063j, 2e6, -470.54113 - 1397.7358j),
    "formats/exampleDataVersaStudio.par": ("VersaStudio", [61], 1e5, 55.31571 + 4.575431j, 0.02154435, 1516.313 - 122.8279j),
    "formats/exampleDataZPlot.z": ("ZPlot/ZView", [21], 3e5, 147.77 - 11.335j, 3e3, 613.68 - 137.13j),
    "formats/exampleDataZPlot_noComments.z": ("ZPlot/ZView", [31], 3e5, 642.62 - 85.821j, 300.0, 1305.3 - 195.01j),
    "formats/novocontrol_windeta_4T_scrambled.txt": ("Novocontrol", [60] * 4, 1e7, 15.7623 - 475.4915j, 0.1, 1.12286e9 - 1.37807e10j),
    "formats/novocontrol_windeta_K_0.txt": ("Novocontrol", [38], 3e6, 22.2135 - 1447.66j, 0.1, 5.41263e8 - 2.08493e9j),
    "formats/rc-data.ism": ("Zahner ism", [55], 1e5, 165.6071 - 10868.178j, 0.2, 99513834.1 - 1933631.4j),
    "formats/zurich_mfia_excerpt.txt": ("Zurich MFIA", [19, 14], 1e6, 941470.6 - 73830.74j, 0.1, 113772.0 + 9.809898j),
    "formats/zview_calculated.z": ("ZPlot/ZView", [37], 1000024.25, 14.9947605 + 2.70319676j, 0.998529792, 65.8375397 - 97.8572464j),
    "formats/zview_saved.z": ("ZPlot/ZView", [28], 316223.1, 13.51807 - 1.220154j, 9.990411, 53.75937 - 13.9895j),
    "lrc_bad/corrupt_150C.txt": ("LCR meter text", [401], 40.0, 26789.48 * np.exp(1j * np.radians(148.447)), 5e6, -5.5626 - 22.5356j),
    "lrc_bad/good_42C.txt": ("LCR meter text", [401], 60.0, 544721.8 * np.exp(1j * np.radians(-64.48946)), 5e6, 1357.2237 - 3446.4728j),
    "series_s04147/s04147-120deg.txt": ("Novocontrol", [42], 1e6, 17362.7 - 68814.5j, 0.04, 1.03494e7 - 2.43174e6j),
    "series_s04147/s04147-140deg.txt": ("Novocontrol", [42], 1e6, 22142.3 - 54311.5j, 0.03, 3.27266e6 - 1.40853e6j),
    "series_s04147/s04147-150deg.txt": ("Novocontrol", [42], 1e6, 22696.8 - 46373.0j, 0.03, 2.03344e6 - 1.0518e6j),
    "series_s04147/s04147-160deg.txt": ("Novocontrol", [42], 1e6, 21112.2 - 39556.8j, 0.03, 1.32853e6 - 7.93978e5j),
    "series_s04147/s04147-170deg.txt": ("Novocontrol", [41], 1e6, 20791.5 - 33304.0j, 0.04577, 8.02011e5 - 4.61894e5j),
    "series_s04147/s04147-180deg.txt": ("Novocontrol", [41], 1e6, 19624.1 - 27606.6j, 0.04577, 5.47582e5 - 3.4452e5j),
    "series_s04147/s04147-190deg.txt": ("Novocontrol", [41], 1e6, 17693.8 - 22612.7j, 0.04577, 3.81677e5 - 2.56512e5j),
    "series_s04147/s04147-200deg.txt": ("Novocontrol", [40], 1e6, 15859.6 - 18347.1j, 0.06984, 2.35592e5 - 1.37609e5j),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "cis"


def test_every_file_is_expected(folder: Path) -> None:
    found = {
        p.relative_to(folder).as_posix() for p in folder.glob("*/*") if p.parent.name != "tables"
    }
    assert found == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_read_right(name: str, folder: Path) -> None:
    form, points, f0, z0, f1, z1 = EXPECTED[name]
    spectra = read_spectra(folder / name)
    assert [len(s.frequency_hz) for s in spectra] == points
    assert {s.format for s in spectra} == {form}
    first = spectra[0]
    assert first.frequency_hz[[0, -1]] == pytest.approx([f0, f1], rel=1e-4)
    np.testing.assert_allclose(first.z_ohm[0], z0, rtol=2e-5)
    np.testing.assert_allclose(first.z_ohm[-1], z1, rtol=2e-5)
    assert [s.index for s in spectra] == list(range(len(points)))


@pytest.mark.parametrize("name", EXPECTED)
def test_one_reader_claims_it(name: str, folder: Path) -> None:
    claims = [r.NAME for r in READERS if r.matches(load_head(folder / name), Path(name).name)]
    assert len(claims) == (0 if EXPECTED[name][0] == generic.NAME else 1)


def test_a_table_of_conductivities_is_refused_with_its_line(folder: Path) -> None:
    with pytest.raises(ReadError, match="no table of an impedance") as caught:
        read_spectra(folder / "tables/LiIonDatabase.csv")
    assert caught.value.where.endswith(":1")


# scrambled on purpose; a short-circuited cell; corrupt; an excerpt whose first point is an outlier; a cell of 27 mOhm
# whose |Z| hardly changes while the leads turn the phase
NOT_PHYSICAL = ("scrambled", "KS326", "corrupt_150C", "zurich", "Parstat")


@pytest.mark.parametrize("name", [n for n in EXPECTED if not any(k in n for k in NOT_PHYSICAL)])
def test_physical(name: str, folder: Path) -> None:
    """Nearly all points passive, and the phase is the one that the slope of |Z| demands (Bode): the sign is right."""
    for s in read_spectra(folder / name):
        assert np.mean(s.z_ohm.real > 0) > 0.9
        agreement = bode_agreement(s.frequency_hz, s.z_ohm)
        assert agreement is None or agreement > 0.5


def same(a: Spectrum, b: Spectrum, rtol: float) -> None:
    np.testing.assert_allclose(a.frequency_hz, b.frequency_hz, rtol=rtol)
    np.testing.assert_allclose(a.z_ohm, b.z_ohm, rtol=rtol)


def test_binary_and_text_of_one_run_agree(folder: Path) -> None:
    """Single precision keeps seven digits."""
    same(read_spectra(folder / MPR)[0], read_spectra(folder / MPT)[0], 1.2e-7)


@pytest.mark.parametrize(
    ("name", "rtol"),
    [
        ("case-multiple-spectra.csv", 1e-15), ("case-negative-real-imaginary.csv", 1e-15),
        ("data-comma-decimal-separator.csv", 1e-15), ("data-header-variant-2.csv", 1e-12), ("data-semicolon.csv", 1e-15),
        ("data.dfr", 1e-15), ("data.i2b", 1e-15), ("data.idf", 1e-5), ("data.P00", 5e-3),
    ],
)  # fmt: skip
def test_one_spectrum_in_many_formats(name: str, rtol: float, folder: Path) -> None:
    same(
        read_spectra(folder / "formats" / name)[0],
        read_spectra(folder / "formats/data-tab.csv")[0],
        rtol,
    )


def test_ecl_lab_and_zview_of_one_spectrum(folder: Path) -> None:
    reference = read_spectra(folder / "formats/eclab_decimal_comma.mpt")[0]
    for name in ("eclab_zview_decimal_comma.txt", "zview_calculated.z"):
        same(read_spectra(folder / "formats" / name)[0], reference, 1e-8)


def test_impedance_py_reads_the_same_where_it_is_sound(folder: Path) -> None:
    preprocessing = pytest.importorskip("impedance.preprocessing")
    readers: dict[str, Callable[[str], tuple[np.ndarray, np.ndarray]]] = {
        "exampleData.csv": preprocessing.readCSV,
        "exampleDataAutolab.txt": preprocessing.readAutolab,
        "exampleDataBioLogic.mpt": preprocessing.readBioLogic,
        "exampleDataCHInstruments.txt": preprocessing.readCHInstruments,
        "exampleDataGamry.DTA": preprocessing.readGamry,
        "exampleDataGamryABORT.DTA": preprocessing.readGamry,
        "exampleDataPowersuite.txt": preprocessing.readPowerSuite,
        "exampleDataVersaStudio.par": preprocessing.readVersaStudio,
        "exampleDataZPlot.z": preprocessing.readZPlot,
        "exampleDataZPlot_noComments.z": preprocessing.readZPlot,
        "exampleDataParstat.txt": preprocessing.readParstat,
    }
    for name, reader in readers.items():
        file = folder / "formats" / name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            f, z = reader(str(file))
        ours = read_spectra(file)[0]
        theirs = np.asarray(f) > 0  # it keeps rows that are no impedance
        np.testing.assert_allclose(
            ours.frequency_hz, np.asarray(f)[theirs], rtol=1e-12, err_msg=name
        )
        np.testing.assert_allclose(ours.z_ohm, np.asarray(z)[theirs], rtol=1e-12, err_msg=name)


def test_temperatures(folder: Path) -> None:
    mfia = read_spectra(folder / "formats/zurich_mfia_excerpt.txt")
    assert [s.temperature_k for s in mfia] == [449.81, 449.66]
    assert [s.started for s in mfia] == ["2023-07-26T18:33:58", "2023-07-26T18:36:07"]
    four = read_spectra(folder / "formats/novocontrol_windeta_4T_scrambled.txt")
    assert [float(s.header["set temperature / K"]) for s in four] == [
        295.15,
        323.15,
        343.15,
        363.15,
    ]
    kelvin = read_spectra(folder / "formats/novocontrol_windeta_K_0.txt")[0]
    assert kelvin.temperature_k == pytest.approx(337.43, abs=0.05)


def test_permittivity_and_impedance_of_novocontrol_agree(folder: Path) -> None:
    """Eps* and Zs* of one file belong to one capacitance C0 at all frequencies: Z i omega eps* = 1/C0."""
    file = folder / "formats/novocontrol_windeta_K_0.txt"
    s = read_spectra(file)[0]
    table = np.array(
        [
            [float(c) for c in line.split()]
            for line in file.read_text().splitlines()[3:]
            if line.strip()
        ]
    )
    eps = table[:, 1] - 1j * table[:, 2]
    c0 = 1 / (2j * np.pi * s.frequency_hz * s.z_ohm * eps)
    assert np.std(c0.real) / np.mean(c0.real) < 2e-3
    assert np.max(np.abs(c0.imag)) / np.mean(c0.real) < 5e-3


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("exampleDataGamryABORT.DTA", "aborted"), ("exampleDataVersaStudio.par", "before the calibration"),
        ("exampleDataZPlot.z", "announces 56 points and holds 21"), ("exampleDataParstat.txt", "781 rows"),
        ("exampleData.csv", "no names"), ("rc-data.ism", "twice"),
    ],
)  # fmt: skip
def test_doubts_are_said(name: str, words: str, folder: Path) -> None:
    assert any(words in f.text for s in read_spectra(folder / "formats" / name) for f in s.findings)


def test_versastudio_z_is_e_over_i(folder: Path) -> None:
    """The Z of a .par is the ratio of its own raw phasors: nothing has been calibrated."""
    file = folder / "formats/exampleDataVersaStudio.par"
    rows = [
        r.split(",")
        for r in file.read_text("utf-8").splitlines()
        if r.startswith("0,") and r.count(",") > 20
    ]
    raw = np.array([[float(c) for c in r[:16]] for r in rows])
    z = (raw[:, 10] + 1j * raw[:, 11]) / (raw[:, 12] + 1j * raw[:, 13])
    np.testing.assert_allclose(read_spectra(file)[0].z_ohm, z, rtol=1e-4)
