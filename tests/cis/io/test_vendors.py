"""Formats without a sample file, written from their documented layout; and what must be refused."""

import struct
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from calibration.errors import ReadError
from cis.io import READERS, ReadOptions, read_spectra
from cis.io.text import MAX_BYTES

F = np.logspace(6, 1, 11)
Z = 50 + 2e3 / (1 + 2j * np.pi * F * 2e3 * 1e-9) + 1 / (2j * np.pi * F * 1e-6)
SMART = (
    "Result Number,Sweep Number,Point Number,Time,Frequency (Hz),AC Level (V),DC Level (V),Set Point ('C),"
    "Temperature ('C),Control ('C),Impedance Magnitude (Ohms),Impedance Phase Degrees ('),Admittance Magnitude (S),"
    "Capacitance Magnitude (F),"
)


def smart(
    path: Path,
    *,
    sep: str,
    comma: bool,
    set_points: list[float],
    thermometer: bool = True,
    lines: int = 3,
) -> Path:
    """A SMaRT csv: introductory lines, the header with commas always, rows in the locale, a trailing separator."""
    rows = [
        "Exported SMaRT Impedance Data",
        "Experiment start time: 25/03/2021 14:02:11",
        *[""] * (lines - 2),
        SMART,
    ]
    for sweep, set_point in enumerate(set_points, start=1):
        for k, (f, z) in enumerate(zip(F, Z * sweep, strict=True), start=1):
            cells = [
                str((sweep - 1) * 11 + k), str(sweep), str(k), f"{k * 1.5:.2f}", f"{f:.9g}", "0.1", "0",
                f"{set_point:.2f}", f"{set_point + 0.3:.2f}" if thermometer else "-", "-",
                f"{abs(z):.12g}", f"{np.degrees(np.angle(z)):.12g}", f"{1 / abs(z):.8g}", "-1.1E-10",
            ]  # fmt: skip
            row = sep.join(cells) + sep
            rows.append(row.replace(".", ",") if comma else row)
    path.write_bytes("\r\n".join(rows).encode("cp1252"))
    return path


@pytest.mark.parametrize(("sep", "comma"), [(",", False), (";", True), ("\t", True)])
@pytest.mark.parametrize("lines", [2, 3, 7])
def test_solartron_smart(sep: str, comma: bool, lines: int, tmp_path: Path) -> None:
    file = smart(tmp_path / "a.csv", sep=sep, comma=comma, set_points=[25, 50, 75], lines=lines)
    spectra = read_spectra(file)
    assert [s.format for s in spectra] == ["Solartron SMaRT csv"] * 3
    assert [s.temperature_k for s in spectra] == pytest.approx([298.45, 323.45, 348.45])
    for k, s in enumerate(spectra, start=1):
        np.testing.assert_allclose(s.frequency_hz, F, rtol=1e-8)
        np.testing.assert_allclose(s.z_ohm, Z * k, rtol=1e-9)
        assert s.z_ohm.imag.max() < 0
    assert spectra[0].started == "2021-03-25T14:02:11"


def test_solartron_smart_without_thermometer_gives_the_set_point(tmp_path: Path) -> None:
    (s,) = read_spectra(
        smart(tmp_path / "a.csv", sep=",", comma=False, set_points=[0], thermometer=False)
    )
    assert s.temperature_k == pytest.approx(273.15)


def test_a_thermometer_that_reads_zero_is_doubted(tmp_path: Path) -> None:
    rows = [f"{f:.9g},{z.real:.12g},{z.imag:.12g},0.00" for f, z in zip(F, Z, strict=True)]
    (tmp_path / "a.csv").write_text("\n".join(["f/Hz,Z'/Ohm,Z''/Ohm,Temperature ('C)", *rows]))
    (s,) = read_spectra(tmp_path / "a.csv")
    assert any("not connected" in f.text for f in s.findings)


def test_solartron_smart_in_kelvin_with_real_and_imaginary(tmp_path: Path) -> None:
    header = "Sweep Number,Frequency (Hz),Set Point (K),Temperature (K),Impedance Real (Ohms),Impedance Imaginary (Ohms),"
    rows = [f"1,{f:.9g},300,300.5,{z.real:.12g},{z.imag:.12g}," for f, z in zip(F, Z, strict=True)]
    file = tmp_path / "a.csv"
    file.write_text("\n".join(["", header, *rows]))
    (s,) = read_spectra(file)
    assert (s.format, s.temperature_k) == ("Solartron SMaRT csv", pytest.approx(300.5))
    np.testing.assert_allclose(s.z_ohm, Z, rtol=1e-9)


@pytest.mark.parametrize("content", [b"SMaRT_Data" + b"\0\1" * 300, b"\x7f" + b"\0\0\1" * 200])
def test_solartron_binary_is_refused_with_the_way_out(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "run.dat"
    file.write_bytes(content)
    with pytest.raises(ReadError) as caught:
        read_spectra(file)
    assert "csv" in caught.value.remedy


def zplot_text(scale: float = 1.0) -> str:
    rows = "".join(
        f"{f:.9g}\t1E-2\t0\t1\t{z.real:.12g}\t{z.imag:.12g}\t0\t0\t0\n"
        for f, z in zip(F, scale * Z, strict=True)
    )
    return f"ZPLOT2 ASCII\n  Data Points:  {F.size}\n  Freq(Hz)\tAmpl\tBias\tTime(Sec)\tZ'(a)\tZ''(b)\tGD\tErr\tRange\nEnd Comments\n{rows}"


def archive(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for name, text in members.items():
            z.writestr(name, text)
    return path


def test_multistat(tmp_path: Path) -> None:
    file = archive(
        tmp_path / "a.mdat",
        {"s/one.z": zplot_text(), "s/two.z": zplot_text(3.0), "info.xml": "<a/>"},
    )
    spectra = read_spectra(file)
    assert [s.name for s in spectra] == ["one", "two"]
    np.testing.assert_allclose(spectra[1].z_ohm, 3 * Z, rtol=1e-9)


def test_bad_archives_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"without \.z"):
        read_spectra(archive(tmp_path / "a.mdat", {"../../x.txt": "1"}))
    with pytest.raises(ReadError, match="Excel"):
        read_spectra(archive(tmp_path / "a.xlsx", {"xl/workbook.xml": "1"}))
    with pytest.raises(ReadError, match="more than a measurement"):
        read_spectra(archive(tmp_path / "b.mdat", {"bomb.z": "0" * (MAX_BYTES + 1)}))
    lying = archive(tmp_path / "e.mdat", {"one.z": "0" * 30_000_000}).read_bytes()
    (tmp_path / "e.mdat").write_bytes(
        lying.replace((30_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    )
    tracemalloc.start()  # ZipFile.read would unpack all of it before it looks at the size
    with pytest.raises(ReadError):
        read_spectra(tmp_path / "e.mdat")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000
    whole = archive(tmp_path / "c.mdat", {"one.z": zplot_text()}).read_bytes()
    for cut in (30, len(whole) // 2, len(whole) - 5):
        (tmp_path / "d.mdat").write_bytes(whole[:cut])
        with pytest.raises(ReadError):
            read_spectra(tmp_path / "d.mdat")


@pytest.mark.parametrize(
    "first",
    [
        "ZPlotW Data File: Version 2.1",
        "ZView Calculated Data File: Version 1.1",
        "Z60W Data File: Version 1.1",
    ],
)
@pytest.mark.parametrize("sep", [", ", "\t", ","])
def test_zplot_variants(first: str, sep: str, tmp_path: Path) -> None:
    head = [
        f'"{first}"',
        '"Raw Data"',
        "Date: 12-17-2019    Time: 16:24:35",
        "0,3,0,1,300000,0.005",
        str(F.size),
    ]
    names = "\"  Freq(Hz)    Ampl     Bias   Time(Sec)   Z'(a)    Z''(b)    GD   Err   Range\""
    rows = [
        sep.join(f"{v:.12g}" for v in (f, 1e-2, 0, 1, z.real, z.imag, 0, 0, 5))
        for f, z in zip(F, Z, strict=True)
    ]
    file = tmp_path / "a.z"
    file.write_text("\r\n".join([*head, names, *rows]))
    (s,) = read_spectra(file)
    np.testing.assert_allclose(s.z_ohm, Z, rtol=1e-9)
    assert (s.format, s.started, s.findings) == ("ZPlot/ZView", "2019-12-17T16:24:35", ())


@pytest.mark.parametrize(
    ("names", "values"),
    [
        ("Frequency(Hz), R(Ohm)-data, X(Ohm)-data", lambda z: (z.real, z.imag)),
        ("Frequency(Hz), |Z|(Ohm)-data, theta-z(deg)-data", lambda z: (abs(z), np.degrees(np.angle(z)))),
    ],
)  # fmt: skip
def test_keysight_e4990a(names: str, values: object, tmp_path: Path) -> None:
    assert callable(values)
    rows = [", ".join(f"{v:+.11e}" for v in (f, *values(z))) for f, z in zip(F, Z, strict=True)]
    text = "!Agilent Technologies,E4990A,MY54101026,A.02.12\n!Date: Fri Aug 28 18:37:56 2020\n\nBEGIN CH1_DATA\n"
    (tmp_path / "a.csv").write_text(text + "\n".join([names, *rows, "END\n"]))
    (s,) = read_spectra(tmp_path / "a.csv")
    np.testing.assert_allclose(s.z_ohm, Z, rtol=1e-9)
    assert s.format == "Keysight E4990A"


def test_labone_csv(tmp_path: Path) -> None:
    rows = [
        f"0;17;11;{name};" + ";".join(f"{v:.15g}" for v in values)
        for name, values in (
            ("frequency", F),
            ("realz", Z.real),
            ("imagz", Z.imag),
            ("realzstddev", F * 0),
        )
    ]
    (tmp_path / "a.csv").write_text("\n".join(["chunk;timestamp;size;fieldname", *rows]))
    (s,) = read_spectra(tmp_path / "a.csv")
    np.testing.assert_allclose(s.z_ohm, Z, rtol=1e-12)


@pytest.mark.parametrize(
    ("parameter", "a", "b"),
    [
        ("IMPEDANCE MAG PHASE (DEG)", np.abs(Z), np.degrees(np.angle(Z))),
        ("IMPEDANCE MAG PHASE (RAD)", np.abs(Z), np.angle(Z)),
        ("IMPEDANCE REAL IMAG", Z.real, Z.imag),
        ("ADMITTANCE REAL IMAG", (1 / Z).real, (1 / Z).imag),
    ],
)
def test_agilent_4294a(parameter: str, a: np.ndarray, b: np.ndarray, tmp_path: Path) -> None:
    def block(name: str, v: np.ndarray) -> str:
        rows = "".join(f"{f:.11e}\t{x:.9e}\t0.000000e+00\n" for f, x in zip(F, v, strict=True))
        return f'"TRACE: {name}"\n"FORMAT: LOG"\n\n"Frequency"\t"Data Trace Real"\t"Data Trace Imag"\n{rows}\n'

    text = f'4294A REV1.11\n"DATE: Jan 25 2018"\n"MEASURE PARAMETER: {parameter}"\n"NUMBER of POINTS: 11"\n'
    (tmp_path / "a.txt").write_text(text + block("A", a) + block("B", b))
    (s,) = read_spectra(tmp_path / "a.txt")
    np.testing.assert_allclose(s.z_ohm, Z, rtol=1e-8)
    assert s.started == "2018-01-25"
    (tmp_path / "a.txt").write_text(text + block("A", a))
    with pytest.raises(ReadError, match="trace B"):
        read_spectra(tmp_path / "a.txt")
    (tmp_path / "a.txt").write_text(text + block("A", a) + block("B", b)[:-60])
    with pytest.raises(ReadError):
        read_spectra(tmp_path / "a.txt")


def test_gamry_without_impedance_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.DTA").write_text(
        "EXPLAIN\nTAG\tCV\nCURVE1\tTABLE\t2\n\tPt\tT\n\t#\ts\n\t0\t1\n\t1\t2\n"
    )
    with pytest.raises(ReadError, match="no impedance"):
        read_spectra(tmp_path / "a.DTA")


def test_zahner_keeps_the_part_between_the_extremes(tmp_path: Path) -> None:
    order = np.r_[
        np.arange(4, -1, -1), np.arange(1, 11)
    ]  # begins within, goes up, turns, goes down
    head = b"\0\0\xff\xff\xff\xfe" + (order.size - 1).to_bytes(6, "big")
    body = b"".join(
        np.asarray(v[order], dtype=">f8").tobytes() for v in (F, np.abs(Z), np.angle(Z))
    )
    (tmp_path / "a.ism").write_bytes(head + body + bytes(200))
    (s,) = read_spectra(tmp_path / "a.ism")
    np.testing.assert_allclose(s.frequency_hz, F)
    np.testing.assert_allclose(s.z_ohm, Z)
    assert s.line[0] == 5
    (tmp_path / "a.ism").write_bytes((head + body)[:-9])
    with pytest.raises(ReadError, match="cut short"):
        read_spectra(tmp_path / "a.ism")


def mpr(columns: list[int], kinds: list[str], values: list[np.ndarray], *, version: int) -> bytes:
    records = np.zeros(F.size, dtype=[(str(k), t) for k, t in enumerate(kinds)])
    for k, v in enumerate(values):
        records[str(k)] = v
    start = {2: 405, 3: 406, 11: 1007}[version]
    order = ">" if version >= 10 else "<"
    data = struct.pack("<IB", F.size, len(columns)) + struct.pack(
        f"{order}{len(columns)}H", *columns
    )
    data = data.ljust(start, b"\0") + records.tobytes()
    name = b"VMP data  VMP data".ljust(35)
    if version >= 10:
        header = name + struct.pack("<IIII", 0xFFFFFFFF, len(data), 1, version - 1) + b"03/02/21"
    else:
        header = name + struct.pack("<II", len(data), version) + b"03/02/21"
    return b"BIO-LOGIC MODULAR FILE\x1a".ljust(48) + bytes(4) + b"MODULE" + header + data


@pytest.mark.parametrize("version", [2, 3, 11])
def test_biologic_mpr_versions_flags_and_an_unknown_column(version: int, tmp_path: Path) -> None:
    content = mpr(
        [32, 999, 37, 38, 36, 4], ["<f4", "<f4", "<f4", "<f4", "<f4", "<f8"],
        [F, F * 0, Z.real, -Z.imag, np.abs(Z), F * 0], version=version,
    )  # fmt: skip
    (tmp_path / "a.mpr").write_bytes(content)
    (s,) = read_spectra(tmp_path / "a.mpr")
    np.testing.assert_allclose(s.z_ohm, Z, rtol=1e-6)
    assert s.started == "2021-03-02"
    (tmp_path / "a.mpr").write_bytes(content[:-3])
    with pytest.raises(ReadError):
        read_spectra(tmp_path / "a.mpr")


def test_biologic_mpr_whose_columns_do_not_fit_is_refused(tmp_path: Path) -> None:
    content = mpr([32, 37, 38, 36], ["<f4"] * 4, [F, Z.real, -Z.imag, F], version=2)
    (tmp_path / "a.mpr").write_bytes(content)
    with pytest.raises(ReadError, match="do not fill"):
        read_spectra(tmp_path / "a.mpr")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\1\2\3" * 100,
        b"\x89PNG\r\n\x1a\n" + bytes(50),
        b"hello\nworld\n",
        b"1\n2\n3\n",
        b"\n\n\n",
    ],
)
def test_what_is_no_export_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(ReadError):
        read_spectra(tmp_path / "a.bin")


def test_places_that_are_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv", Path("a\0b")):
        with pytest.raises(ReadError):
            read_spectra(path)
    huge = tmp_path / "huge.csv"
    with huge.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    with pytest.raises(ReadError, match="too large"):
        read_spectra(huge)


def test_every_reader_documents_itself() -> None:
    assert len({r.NAME for r in READERS}) == len(READERS)
    for reader in READERS:
        text = reader.__doc__ or ""
        assert all(
            word in text.lower() for word in ("schema", "uncertainties", "metadata", "structure")
        )


def test_an_explicit_sign_wins_everywhere(tmp_path: Path) -> None:
    (tmp_path / "a.z").write_text(zplot_text())
    (s,) = read_spectra(tmp_path / "a.z", options=ReadOptions(imaginary_sign="minus"))
    np.testing.assert_allclose(s.z_ohm, Z.conj(), rtol=1e-9)


def ivium(*methods: str) -> str:
    rows = "".join(f"{z.real:.9E} {z.imag:.9E}\t{f:.9E} \r\n" for f, z in zip(F, Z, strict=True))
    return "Peaks=false\r\n" + "".join(
        f"Method={m}\r\nTechnique=x\r\nprimary_data    \r\n3     \r\n{F.size}      \r\n{rows}"
        for m in methods
    )


def test_ivium_reads_the_impedance_blocks_only(tmp_path: Path) -> None:
    (tmp_path / "a.ids").write_bytes(ivium("Impedance", "CyclicVoltammetry", "Impedance").encode())
    spectra = read_spectra(tmp_path / "a.ids")
    assert len(spectra) == 2
    np.testing.assert_allclose(spectra[1].z_ohm, Z, rtol=1e-8)
    (tmp_path / "a.ids").write_bytes(ivium("CyclicVoltammetry").encode())
    with pytest.raises(ReadError, match="no impedance"):
        read_spectra(tmp_path / "a.ids")


def test_lines_without_end_do_not_stall(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("f," + "(" * 9000 + "," + " a" * 4000 + "\n1,2,3\n")
    begun = time.process_time()
    with pytest.raises(ReadError):
        read_spectra(tmp_path / "a.csv")
    assert time.process_time() - begun < 10.0  # a stall would take minutes
