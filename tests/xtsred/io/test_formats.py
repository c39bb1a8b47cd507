"""Every format gives back the numbers that were put in; independent readers of the same file agree."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from calibration.errors import ReadError
from tests.xtsred.io import makers
from xtsred.io import READERS, read_scans
from xtsred.stages import Scan

FILES = makers.everything()


def put(folder: Path, content: bytes, name: str) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def is_put(scan: Scan, y: np.ndarray) -> None:
    np.testing.assert_allclose(scan.two_theta_deg, makers.angles(y.size), atol=1e-9)
    np.testing.assert_array_equal(scan.values, y)
    assert scan.kind == "counts"


@pytest.mark.parametrize("name", FILES)
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    scans = read_scans(put(tmp_path, FILES[name], name))
    written = [makers.counts(0)]
    if name.startswith(("two", "old")):
        written.append(makers.counts(1, 40))
    assert [s.range_index for s in scans] == list(range(len(written)))
    for scan, y in zip(scans, written, strict=True):
        is_put(scan, y)
        if not name.endswith((".xy", ".chi", ".fxye")) and name != "stoe.raw":
            assert scan.seconds_per_step is not None
            np.testing.assert_allclose(scan.seconds_per_step, makers.SECONDS, rtol=1e-6)
        if not name.endswith(".xy"):
            assert scan.header.sample_name == "a glass"
        if not name.endswith((".xy", ".chi", ".fxye", ".v1.raw", "stoe.raw")):
            assert scan.header.anode == "Mo"
            assert scan.header.wavelengths_a[0] == pytest.approx(0.7093, abs=3e-5)
            assert len(scan.header.wavelengths_a) == 2


def test_each_file_is_recognised_by_one_reader_before_text() -> None:
    for name, content in FILES.items():
        found = [r.NAME for r in READERS[:-1] if r.matches(content[:4096], name)]
        assert len(found) == (0 if name.endswith(".xy") else 1), name


def test_content_beats_the_name(tmp_path: Path) -> None:
    assert read_scans(put(tmp_path, FILES["one.xrdml"], "a.txt"))[0].format == "PANalytical xrdml"
    assert read_scans(put(tmp_path, FILES["one.brml"], "a.zip"))[0].format == "Bruker brml"
    assert read_scans(put(tmp_path, FILES["one.v4.raw"], "a.xy"))[0].format == "Bruker RAW v4"


@pytest.mark.parametrize("make", [makers.uxd, makers.ras, makers.asc], ids=lambda m: m.__name__)
def test_rates_are_turned_back_into_counts(tmp_path: Path, make: Callable[..., bytes]) -> None:
    y = makers.counts()
    content = make(y, block="_CPS") if make is makers.uxd else make(y, unit="cps")
    (scan,) = read_scans(put(tmp_path, content, f"a.{make.__name__}"))
    is_put(scan, y)
    assert any("read as counts" in f.text for f in scan.findings)


@pytest.mark.parametrize("element", ["counts", "intensities"])
def test_attenuated_points_stay_counts_and_lose_time(tmp_path: Path, element: str) -> None:
    """True rate r: behind factor f, N = r t / f counts. Rate N/(t/f) = r and variance N f^2/t^2 follow."""
    y = makers.counts()
    factors = np.where(np.arange(y.size) % 7 == 0, 150, 1)
    (scan,) = read_scans(
        put(tmp_path, makers.xrdml(y, element=element, factors=factors), "a.xrdml")
    )
    is_put(scan, y)
    assert scan.seconds_per_step is not None
    np.testing.assert_allclose(scan.seconds_per_step, makers.SECONDS / factors)
    assert any("attenuator" in f.text for f in scan.findings)


def test_attenuators_of_ras_and_brml(tmp_path: Path) -> None:
    y = makers.counts()
    factors = np.where(np.arange(y.size) < 5, 10.0, 1.0)
    for name, content in (
        ("a.ras", makers.ras(y, factors=factors)),
        ("b.brml", makers.brml(y, absorber=factors)),
        ("d.brml", makers.brml(y, absorber=0.83 * factors + 0.17)),
        ("c.ras", makers.ras(y, factors=factors, unit="cps")),
    ):
        (scan,) = read_scans(put(tmp_path, content, name))
        assert scan.seconds_per_step is not None
        used = 0.83 * factors + 0.17 if name.startswith("d") else factors
        np.testing.assert_allclose(scan.seconds_per_step, makers.SECONDS / used)
        np.testing.assert_allclose(scan.values, y, atol=1e-3)
        assert any("attenuator" in f.text for f in scan.findings)


def test_other_axes_are_named_or_refused(tmp_path: Path) -> None:
    y = makers.counts()
    for name, content in (
        ("a.raw", makers.raw3(y, scan_type=3)),
        ("b.raw", makers.raw4(y, scan_type=b"Z scan")),
        ("c.brml", makers.zipped({"Experiment0/RawData0.xml": makers.brml_part(y, axis="Phi")})),
        ("d.xrdml", makers.xrdml(y).replace(b'"Gonio"', b'"Omega"')),
        ("e.ras", makers.ras(y).replace(b"TwoThetaTheta", b"Omega")),
        ("f.uxd", makers.uxd(y).replace(b"COUPLED", b"PHI")),
    ):
        with pytest.raises(ReadError, match="no scan over 2theta"):
            read_scans(put(tmp_path, content, name))
    mixed = makers.xrdml(y, y).replace(b'"Gonio"', b'"Omega"', 1)
    (scan,) = read_scans(put(tmp_path, mixed, "g.xrdml"))
    assert scan.range_index == 0  # what `range = 0` selects
    assert any("not read" in f.text and f.severity == "warning" for f in scan.findings)


def test_a_stopped_measurement_is_read_and_said(tmp_path: Path) -> None:
    (scan,) = read_scans(put(tmp_path, makers.raw4(makers.counts(), left=20), "a.raw"))
    assert scan.values.size == 40
    assert any("40 of 60 points" in f.text for f in scan.findings)


def test_a_stopped_brml_is_read_and_said(tmp_path: Path) -> None:
    part = makers.brml_part(makers.counts())
    stopped = part.replace("<MeasurementPoints>60<", "<MeasurementPoints>90<")
    (scan,) = read_scans(
        put(tmp_path, makers.zipped({"Experiment0/RawData0.xml": stopped}), "a.brml")
    )
    is_put(scan, makers.counts())
    assert any("stopped after 60 of 90" in f.text for f in scan.findings)
    cut = stopped.replace('MeasuredSteps="60"', 'MeasuredSteps="70"')
    with pytest.raises(ReadError, match="90 points were to be measured, 60"):
        read_scans(put(tmp_path, makers.zipped({"Experiment0/RawData0.xml": cut}), "b.brml"))


def test_an_unknown_scan_type_is_read_and_doubted(tmp_path: Path) -> None:
    content = makers.raw4(makers.counts(), scan_type=b"Something New")
    (scan,) = read_scans(put(tmp_path, content, "a.raw"))
    is_put(scan, makers.counts())
    assert any("'Something New' is not known" in f.text for f in scan.findings)


def test_an_aborted_xrdml_is_read_and_said(tmp_path: Path) -> None:
    content = makers.xrdml(makers.counts())
    aborted = content.replace(
        b'mode="Continuous" status="Completed"', b'mode="Continuous" status="Aborted"'
    )
    assert aborted != content
    (scan,) = read_scans(put(tmp_path, aborted, "a.xrdml"))
    assert any("'Aborted'" in f.text and f.severity == "warning" for f in scan.findings)


def test_descending_scans_are_turned_and_said(tmp_path: Path) -> None:
    content = makers.xrdml(makers.counts())
    turned = content.replace(b"<startPosition>10.0<", b"<startPosition>20.0<")
    (scan,) = read_scans(put(tmp_path, turned, "a.xrdml"))
    assert scan.two_theta_deg[0] < scan.two_theta_deg[-1] == 20.0
    np.testing.assert_array_equal(scan.values, makers.counts()[::-1])
    assert any("turned round" in f.text for f in scan.findings)


@pytest.mark.parametrize(
    "axis", ["Q (Inverse Nanometres)", "Q (A^-1)", "Radial Distance (mm)", "2theta (rad)"]
)
def test_chi_over_another_axis_is_refused(tmp_path: Path, axis: str) -> None:
    with pytest.raises(ReadError, match="2theta in degrees is expected"):
        read_scans(put(tmp_path, makers.chi(makers.counts(), axis), "a.chi"))


def test_xml_bombs_and_entities_are_refused(tmp_path: Path) -> None:
    bomb = makers.xrdml(makers.counts()).replace(
        b"?>\n", b'?>\n<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>\n', 1
    )
    with pytest.raises(ReadError, match="document type"):
        read_scans(put(tmp_path, bomb, "a.xrdml"))
    deep = b"<xrdMeasurements>" + b"<a>" * 5000
    with pytest.raises(ReadError, match="too deeply"):
        read_scans(put(tmp_path, deep, "b.xrdml"))
    wide = b"<xrdMeasurements>" + b"<a/>" * 400_000 + b"</xrdMeasurements>"
    with pytest.raises(ReadError, match="too many elements"):
        read_scans(put(tmp_path, wide, "c.xrdml"))


def test_zip_bombs_are_refused(tmp_path: Path) -> None:
    content = makers.zipped({"Experiment0/RawData0.xml": "<a>" + " " * 40_000_000})
    assert len(content) < 100_000
    with pytest.raises(ReadError, match="larger than"):
        read_scans(put(tmp_path, content, "a.brml"))


def test_a_changed_point_count_never_shortens_a_scan(tmp_path: Path) -> None:
    """The declared number of points against the points that are there, for every format that declares it."""
    y = makers.counts()
    for name, content, old, new in (
        ("a.xrdml", makers.xrdml(y), b"</counts>", b" 12</counts>"),
        ("b.asc", makers.asc(y), b"=  60\r", b"=  59\r"),
        ("c.uxd", makers.uxd(y), b"_STEPCOUNT=60", b"_STEPCOUNT=61"),
        ("d.fxye", makers.fxye(y), b"BANK 1 60", b"BANK 1 59"),
        ("e.chi", makers.chi(y), b"      60\n", b"      61\n"),
        ("f.ras", makers.ras(y), b'STOP "12.9500"', b'STOP "13.1500"'),
    ):
        assert content.count(old) == 1, name
        path = put(tmp_path, content.replace(old, new), name)
        if (
            name == "a.xrdml"
        ):  # declares no number: one more point on the same range is another step
            assert read_scans(path)[0].values.size == 61
            continue
        with pytest.raises(ReadError):
            read_scans(path)


def test_uxd_with_times_and_peak_lists(tmp_path: Path) -> None:
    y = makers.counts()
    text = makers.uxd(y, block="_2THETACOUNTS").decode()
    head, _, rows = text.partition("_2THETACOUNTS\r\n")
    timed = "".join(f"{row}\t{2.5 + i}\r\n" for i, row in enumerate(rows.splitlines()))
    peaks = "_2THETA-I\r\n12.0 300\r\n13.0 20\r\n"
    content = f"{head}_2THETACOUNTSTIME\r\n{timed}{peaks}".encode()
    (scan,) = read_scans(put(tmp_path, content, "a.uxd"))
    is_put(scan, y)
    np.testing.assert_allclose(scan.seconds_per_step, 2.5 + np.arange(y.size))
    assert any("list of peaks" in f.text for f in scan.findings)


def test_asc_of_the_older_programs(tmp_path: Path) -> None:
    """As DASH's source quotes it: rates, seconds per step in SPEED_DIM, one line, no *EOF."""
    y = makers.counts()
    shown = ",".join(f"{v / 0.4:.1f}" for v in y)
    content = (
        "*TYPE\t\t=  Raw\n*GROUP_COUNT\t=  1\n*SCAN_AXIS\t=  2theta/theta\n*MEAS_MODE\t=  Continuous Scanning\n"
        "*TARGET\t\t=  29\n*XRAY_CHAR\t=  K-ALPHA1\n*WAVE_LENGTH1\t=  1.54056\n*WAVE_LENGTH2\t=  1.5444\n"
        "*SCAN_MODE\t=  2theta/theta\n*SPEED_DIM\t=  sec./step\n*YUNIT\t\t=  cps\n*BEGIN\n*GROUP\t\t=  0\n"
        f"*START\t\t=  10\n*STOP\t\t=  12.95\n*STEP\t\t=  0.05\n*SPEED\t\t=  0.4\n*COUNT\t\t=  60\n{shown}\n*END\n"
    )
    (scan,) = read_scans(put(tmp_path, content.encode(), "a.asc"))
    is_put(scan, y)
    assert scan.seconds_per_step is not None
    assert scan.seconds_per_step[0] == 0.4
    assert (scan.header.anode, scan.header.wavelengths_a) == ("Cu", (1.54056,))
    assert any("*EOF" in f.text for f in scan.findings)
    twice = content.replace("GROUP_COUNT\t=  1", "GROUP_COUNT\t=  2")
    with pytest.raises(ReadError, match="GROUP_COUNT"):
        read_scans(put(tmp_path, twice.encode(), "b.asc"))


def test_a_long_header_before_the_bank_line(tmp_path: Path) -> None:
    """Beamline 11-BM writes dozens of comment lines first."""
    y = makers.counts()
    title, _, rest = makers.fxye(y).partition(b"\r\n")
    comments = b"".join(b"# Extra PV %d: name, value, 1.0\r\n" % i for i in range(300))
    (scan,) = read_scans(put(tmp_path, title + b"\r\n" + comments + rest, "a.fxye"))
    is_put(scan, y)


# what each real file is, from its own header and from two independent programs (xylib's and rietx's output)
REAL = {
    "datalab_HL1-2_5-90_60min.xrdml": (
        "PANalytical xrdml",
        [(6474, 5.00116514, 89.99348491, 133.62)],
        7388773,
    ),
    "datalab_JO_KL_16_ZF_3_60deg_0.02step_12degpermin_001.rasx": (
        "Rigaku rasx",
        [(2851, 3.0, 60.0, 0.1)],
        1042277,
    ),
    "datalab_TiO2.raw": ("Bruker RAW v4", [(1647, 10.0, 70.041142, 77.9)], 565823),
    "datalab_TiOF.brml": ("Bruker brml", [(2469, 9.998839261, 60.012776015, 124.8)], 5856036),
    "pyxrd_RAW2.raw": ("Bruker RAW v2", [(7251, 5.0, 150.0, 3.0)], 1567326),
    "pyxrd_RAW_v1.raw": ("Bruker RAW v1", [(876, 4.98, 39.98, 4.0)], 550306),
    "xrdtools_test_scan.xrdml": ("PANalytical xrdml", [(750, 15.01, 29.99, 10.0)], 3996832),
    "xylib_BT86.raw": ("Bruker RAW v3", [(2374, 3.0, 40.00029, 0.5)], 918372),
    "xylib_empyrean.xrdml": ("PANalytical xrdml", [(196, 30.05, 41.75, 0.44)], 1814),
    "xylib_format1.raw": (
        "Bruker RAW v3",
        [(101, 10.0, 20.0, 0.1), (26, 30.0, 35.0, 0.2), (51, 40.0, 45.0, 0.1)],
        873,
    ),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files(shared_data: Path, name: str) -> None:
    form, ranges, total = REAL[name]
    scans = read_scans(shared_data / "xrd/formats" / name)
    assert [s.format for s in scans] == [form] * len(ranges)
    for scan, (points, first, last, seconds) in zip(scans, ranges, strict=True):
        assert scan.values.size == points
        np.testing.assert_allclose(scan.two_theta_deg[[0, -1]], [first, last], atol=2e-5)
        assert scan.seconds_per_step is not None
        np.testing.assert_allclose(scan.seconds_per_step, seconds, rtol=1e-6)
        assert scan.kind == "counts"
    assert scans[0].values.sum() == total


def test_the_same_scan_as_binary_and_as_text(shared_data: Path) -> None:
    (binary,) = read_scans(shared_data / "xrd/formats/xylib_BT86.raw")
    (text,) = read_scans(shared_data / "xrd/formats/xylib_BT86_.UXD")
    np.testing.assert_array_equal(binary.values, text.values)
    # _STEPSIZE has six decimals: half a unit of the last, times 2373 steps, is 0.0012°
    np.testing.assert_allclose(binary.two_theta_deg, text.two_theta_deg, atol=1.2e-3)
    np.testing.assert_allclose(binary.seconds_per_step, text.seconds_per_step)
    assert binary.header.anode == text.header.anode
    assert binary.header.wavelengths_a == pytest.approx(text.header.wavelengths_a)
    assert binary.header.line_ratio == text.header.line_ratio
    assert binary.header.sample_name == text.header.sample_name


def test_counts_that_cannot_be_poisson_are_said(shared_data: Path) -> None:
    for scan in read_scans(shared_data / "xrd/formats/xrayutilities_inas.ras"):
        assert any("not whole numbers" in f.text for f in scan.findings)


def test_effective_time_of_a_fast_scan_agrees_with_the_total_time(shared_data: Path) -> None:
    """D2 Phaser, LynxEye of 190 channels: 77.9 s = 190 x 0.41 s, and (1647 + 190) x 0.41 s fit in 782 s."""
    path = shared_data / "xrd/formats/datalab_TiO2.raw"
    (scan,) = read_scans(path)
    assert scan.seconds_per_step is not None
    set_time = scan.seconds_per_step[0] / 190
    total = float(np.frombuffer(path.read_bytes(), "<f4", 1, 48)[0])
    assert 0.9 * total < (scan.values.size + 190) * set_time < total


# rietx 1.10 is another program by other people; it takes RAW v4 times for milliseconds and has no RAW v1 and v2
INDEPENDENT = [n for n in REAL if not n.startswith("pyxrd")] + ["xylib_BT86_.UXD"]


@pytest.mark.parametrize("name", INDEPENDENT)
def test_an_independent_reader_agrees(shared_data: Path, name: str) -> None:
    rietx = pytest.importorskip("rietx", reason="rietx, the independent reader, is not installed")
    path = shared_data / "xrd/formats" / name
    ours = read_scans(path)[0]
    theirs = rietx.read_pattern(str(path))
    np.testing.assert_allclose(ours.values, np.asarray(theirs.intensity), rtol=1e-6)
    # it takes the angles of the .uxd from the column, which has two decimals above 10°
    atol = 5.5e-3 if name.endswith(".UXD") else 2e-5
    np.testing.assert_allclose(ours.two_theta_deg, np.asarray(theirs.two_theta), atol=atol)
    assert ours.header.anode == theirs.metadata["anode"]
    if name != "datalab_TiO2.raw":
        assert ours.seconds_per_step is not None
        assert ours.seconds_per_step[0] == pytest.approx(float(theirs.metadata["count_time_s"]))
