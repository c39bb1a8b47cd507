"""One known spectrum written in many dialects must come back as it was."""

import codecs
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from calibration.errors import ReadError
from cis.io import ReadOptions, read_spectra
from cis.io.temperature import kelvin_in
from cis.stages import Array, ComplexArray

F = np.logspace(6, 0, 31)
W = 2 * np.pi * F
Z = 40.0 + 5e3 / (1 + (1j * W * 5e3 * 2e-9) ** 0.95) + 1 / (3e-6 * (1j * W) ** 0.8)


def number(value: float, decimal: str = ".") -> str:
    return f"{value:.12e}".replace(".", decimal)


def table(
    header: str, columns: Sequence[Array], *, sep: str = ",", decimal: str = ".", above: str = "", end: str = "\n",
    trailing: str = "",
) -> str:  # fmt: skip
    rows = [
        sep.join(number(v, decimal) for v in row) + trailing for row in zip(*columns, strict=True)
    ]
    return above + end.join([header, *rows]) + end


def write(path: Path, text: str, encoding: str = "utf-8", name: str = "a.csv") -> Path:
    file = path / name
    file.write_bytes(text.encode(encoding))
    return file


def check(file: Path, options: ReadOptions | None = None, *, rtol: float = 1e-9) -> None:
    (spectrum,) = read_spectra(file, options=options or ReadOptions())
    np.testing.assert_allclose(spectrum.frequency_hz, F, rtol=rtol)
    np.testing.assert_allclose(spectrum.z_ohm, Z, rtol=rtol)


Y = 1 / Z
DEG = np.degrees(np.angle(Z))
CP, G = Y.imag / W, Y.real
CS = -1 / (W * Z.imag)
HEADERS: dict[str, tuple[str, Sequence[Array]]] = {
    "plain": ("f,Z',Z''", (F, Z.real, Z.imag)),
    "minus": ("freq,Zre,-Zim", (F, Z.real, -Z.imag)),
    "both minus": ("f,-Z',-Z''", (F, -Z.real, -Z.imag)),
    "spaces around slash": ("f / Hz,Re(Z) / Ohm,-Im(Z) / Ohm", (F, Z.real, -Z.imag)),
    "kHz kOhm": ("f [kHz],Re(Z)/kOhm,-Im(Z)/kOhm", (F / 1e3, Z.real / 1e3, -Z.imag / 1e3)),
    "MHz MOhm": ("Frequency (MHz),Z' (MOhm),Z'' (MOhm)", (F / 1e6, Z.real / 1e6, Z.imag / 1e6)),
    "mOhm": ("Freq. [Hz],Z' [mOhm],Z'' [mΩ]", (F, Z.real * 1e3, Z.imag * 1e3)),
    "omega": ("omega,ReZ,ImZ", (W, Z.real, Z.imag)),
    "omega unit": ("ω (rad/s),Re{Z} (Ω),Im{Z} (Ω)", (W, Z.real, Z.imag)),
    "numbered": ("Freq(Hz),Z'(a),Z''(b)", (F, Z.real, Z.imag)),
    "modulus degrees": ("Frequency (Hz),|Z| (Ohm),Phase (deg)", (F, np.abs(Z), DEG)),
    "modulus minus phase": ("Frequency (Hz),|Z| (Ohm),-Phase (°)", (F, np.abs(Z), -DEG)),
    "modulus radians": ("Frequency (Hz),|Z|/Ohm,theta (rad)", (F, np.abs(Z), np.angle(Z))),
    "radians unnamed": ("f/Hz,|Z|/Ohm,theta", (F, np.abs(Z), np.angle(Z))),
    "degrees unnamed": ("f/Hz,|Z|/Ohm,theta", (F, np.abs(Z), DEG)),
    "log modulus": ("log(f/Hz),log(|Z|/Ohm),Phase(Z)/deg", (np.log10(F), np.log10(np.abs(Z)), DEG)),
    "log10 modulus": ("f/Hz,log10(|Z|),phase/deg", (F, np.log10(np.abs(Z)), DEG)),
    "admittance": ("f/Hz,Re(Y)/Ohm-1,Im(Y)/Ohm-1", (F, Y.real, Y.imag)),
    "G B": ("Freq [Hz],G [mS],B [mS]", (F, Y.real * 1e3, Y.imag * 1e3)),
    "Y phase": ("f/Hz,|Y|/S,Phase(Y)/deg", (F, np.abs(Y), -DEG)),
    "Cp D": ("Frequency(Hz),Cp(F),D", (F, CP, G / (W * CP))),
    "Cp D pF": ("Frequency(Hz),Cp(pF),tan(delta)", (F, CP * 1e12, G / (W * CP))),
    "Cp G": ("f/Hz,Cp/F,G/S", (F, CP, G)),
    "Cp Rp": ("f (Hz),Cp (nF),Rp (kOhm)", (F, CP * 1e9, 1 / G / 1e3)),
    "Cs Rs": ("f (Hz),Cs (µF),Rs (Ohm)", (F, CS * 1e6, Z.real)),
    "Cs D": ("f (Hz),Cs (F),D", (F, CS, -Z.real / Z.imag)),
    "Ls Rs": ("f (Hz),Ls (H),Rs (Ohm)", (F, Z.imag / W, Z.real)),
    "R X": ("Frequency(Hz), R(Ohm)-data, X(Ohm)-data", (F, Z.real, Z.imag)),
    "quoted": ("\"Freq. (Hz)\",\"Z' (Ohm)\",\"Z'' (Ohm)\"", (F, Z.real, Z.imag)),
    "German": ("Frequenz [Hz],Realteil [Ohm],Imaginärteil [Ohm]", (F, Z.real, Z.imag)),
    "typographic": ("f (Hz),Z′ (Ω),−Z″ (Ω)", (F, Z.real, -Z.imag)),
    "comma units": ("\"Frequency, Hz\",\"Z', Ohm\",\"-Z'', Ohm\"", (F, Z.real, -Z.imag)),
    "underscores": ("freq_Hz,Z_re_ohm,Z_im_ohm", (F, Z.real, Z.imag)),
    "words": ("Frequency,Real,Imaginary", (F, Z.real, Z.imag)),
    "hash": ("# f,Z',Z''", (F, Z.real, Z.imag)),
    "gamry like": ("Pt,Freq,Zreal,Zimag,Zmod,Zphz", (np.arange(31.0), F, Z.real, Z.imag, np.abs(Z), DEG)),
    "nova": (
        "Index,Frequency (Hz),Z' (Ω),-Z'' (Ω),Z (Ω),-Phase (°),Time (s)",
        (np.arange(31.0), F, Z.real, -Z.imag, np.abs(Z), -DEG, np.arange(31.0)),
    ),
    "imaginary first": ("Z'',Z',f", (Z.imag, Z.real, F)),
    "unknown columns": ("E/V,f/Hz,Ich/A,Z'/Ohm,x,Z''/Ohm", (F * 0, F, F * 0, Z.real, F * 0 + 7, Z.imag)),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADERS)
def test_headers(name: str, tmp_path: Path) -> None:
    header, columns = HEADERS[name]
    check(write(tmp_path, table(header, columns)))


RI = (F, Z.real, Z.imag)
LAYOUTS: dict[str, Callable[[], bytes]] = {
    "semicolon decimal comma": lambda: table("f;Z';Z''", RI, sep=";", decimal=",").encode(),
    "tab decimal comma": lambda: table("f\tZ'\tZ''", RI, sep="\t", decimal=",").encode(),
    "blanks": lambda: table("f   Z'   Z''", RI, sep="   ").encode(),
    "blanks decimal comma": lambda: table("f Z' Z''", RI, sep=" ", decimal=",").encode(),
    "comma blank decimal comma": lambda: table("f, Z', Z''", RI, sep=", ", decimal=",").encode(),
    "quoted decimal comma": lambda: table("f,Z',Z''", RI, sep='","', decimal=",")
    .replace("\n", '"\n"').replace("f,Z',Z''\"", "f,Z',Z''").removesuffix('"').encode(),
    "header commas rows semicolon": lambda: table("f,Z',Z''", RI, sep=";", decimal=",").encode(),
    "trailing separators": lambda: table("f;Z';Z'';", RI, sep=";", trailing=";").encode(),
    "trailing tabs": lambda: table("f\tZ'\tZ''\t", RI, sep="\t", trailing="\t").encode(),
    "trailing separator on rows only": lambda: table("f,Z',Z''", RI, trailing=",").encode(),
    "utf-16": lambda: codecs.BOM_UTF16_LE + table("f\tZ'\tZ''", RI, sep="\t").encode("utf-16-le"),
    "utf-16 big endian": lambda: codecs.BOM_UTF16_BE + table("f\tZ' (Ω)\tZ'' (Ω)", RI, sep="\t").encode("utf-16-be"),
    "utf-16 without mark": lambda: table("f\tZ'\tZ''", RI, sep="\t").encode("utf-16-le"),
    "utf-8 mark": lambda: codecs.BOM_UTF8 + table("f,Z',Z''", RI).encode(),
    "cp1252": lambda: table("f;Z';Z'';T [°C]", (*RI, F * 0 + 25), sep=";").encode("cp1252"),
    "mac line ends": lambda: table("f,Z',Z''", RI, end="\r").encode(),
    "windows line ends": lambda: table("f,Z',Z''", RI, end="\r\n").encode(),
    "doubled carriage returns": lambda: table("f,Z',Z''", RI, end="\r\r\n").encode(),
    "no last line end": lambda: table("f,Z',Z''", RI).rstrip().encode(),
    "facts above": lambda: table("f,Z',Z''", RI, above="Sample: NS\nDate: 1.2.2024\n\n3,4,5\n\n").encode(),
    "blank columns": lambda: table("f,,Z',,Z''", RI, sep=",,").encode(),
    "unit row": lambda: table("f,Z',Z''\nHz,Ohm,Ohm", RI).encode(),
    "unit row scaled": lambda: table("f\tZ'\tZ''\nkHz\tkOhm\tkOhm", [c / 1e3 for c in RI], sep="\t").encode(),
    "unit row in brackets": lambda: table("f;Z';Z''\n[Hz];[Ohm];[Ohm]", RI, sep=";").encode(),
    "blank line after header": lambda: table("f,Z',Z''\n", RI).encode(),
    "leading blanks": lambda: table("   f \t Z' \t Z''", RI, sep="\t  ").encode(),
    "fortran exponents": lambda: table("f Z' Z''", RI, sep=" ").replace("e", "D").encode(),
    "unicode minus": lambda: table("f,Z',Z''", RI).replace("-", "\u2212").encode(),
    "all quoted": lambda: "\n".join(
        ",".join(f'"{c}"' for c in line.split(",")) for line in table("f,Z',Z''", RI).splitlines()).encode(),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(name: str, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(LAYOUTS[name]())
    check(file)


def test_thousands_separators(tmp_path: Path) -> None:
    rows = "\n".join(f"{f:,.3f};{z.real:,.6f};{z.imag:,.6f}" for f, z in zip(F, Z, strict=True))
    check(write(tmp_path, "f;Z';Z''\n" + rows), rtol=1e-3)
    swapped = rows.replace(",", "_").replace(".", ",").replace("_", ".")
    check(write(tmp_path, "f;Z';Z''\n" + swapped), rtol=1e-3)


def test_decimal_and_separating_commas_are_refused(tmp_path: Path) -> None:
    rows = "\n".join(
        f"{f:.3f},{z.real:.6f},{z.imag:.6f}".replace(".", ",") for f, z in zip(F, Z, strict=True)
    )
    with pytest.raises(ReadError, match="cannot be told apart") as caught:
        read_spectra(write(tmp_path, "f,Z',Z''\n" + rows))
    assert caught.value.where.endswith(":2")


def test_gaps_are_left_out_and_said(tmp_path: Path) -> None:
    lines = table("f,Z',Z''", RI).splitlines()
    lines[4] = lines[4].split(",")[0] + ",NaN,NaN"
    lines[9] = lines[9].split(",")[0] + ",,"
    (spectrum,) = read_spectra(write(tmp_path, "\n".join(lines)))
    assert len(spectrum.frequency_hz) == 29
    assert any("line 5, 10" in f.text for f in spectrum.findings)


def test_repeated_header_begins_a_new_spectrum(tmp_path: Path) -> None:
    one = table("f,Z',Z''", RI)
    assert [len(s.line) for s in read_spectra(write(tmp_path, one + one + "\n\n" + one))] == [
        31
    ] * 3


@pytest.mark.parametrize("turn", [slice(None), slice(None, None, -1)])
def test_restart_and_turn_of_the_frequency(turn: slice, tmp_path: Path) -> None:
    columns = [np.concatenate([c, c[turn][1:]]) for c in RI]
    spectra = read_spectra(write(tmp_path, table("f,Z',Z''", columns)))
    assert [len(s.line) for s in spectra] == [31, 30]


def test_turning_points_measured_twice(tmp_path: Path) -> None:
    index = np.r_[np.arange(31), np.arange(30, -1, -1), np.arange(31)]
    spectra = read_spectra(write(tmp_path, table("f,Z',Z''", [c[index] for c in RI])))
    assert [len(s.line) for s in spectra] == [31, 31, 31]


def test_random_order_is_one_spectrum(tmp_path: Path) -> None:
    for seed in range(10):
        index = np.random.default_rng(seed).permutation(31)
        (s,) = read_spectra(write(tmp_path, table("f,Z',Z''", [c[index] for c in RI])))
        np.testing.assert_allclose(s.z_ohm, Z[index], rtol=1e-9)


def test_disorder_is_no_restart(tmp_path: Path) -> None:
    order = np.arange(31)
    order[[10, 11]] = order[[11, 10]]
    repeated = np.sort(np.concatenate([order, [5, 5, 20]]))
    for index in (order, repeated):
        (spectrum,) = read_spectra(write(tmp_path, table("f,Z',Z''", [c[index] for c in RI])))
        assert len(spectrum.line) == index.size


def test_set_point_and_cycle_split_and_temperature(tmp_path: Path) -> None:
    """Two set points with one frequency order: the set point alone divides; the measured temperature is given."""
    set_c = np.repeat([25.0, 50.0], 31)
    columns = [*(np.tile(c, 2) for c in RI), set_c, set_c + 0.4]
    spectra = read_spectra(
        write(tmp_path, table("f,Z',Z'',Set Point ('C),Temperature ('C)", columns))
    )
    assert [s.temperature_k for s in spectra] == pytest.approx([298.55, 323.55])
    columns = [*(np.tile(c, 2) for c in RI), np.repeat([298.15, 323.15], 31)]
    spectra = read_spectra(write(tmp_path, table("f,Z',Z'',T/K", columns)))
    assert [s.temperature_k for s in spectra] == pytest.approx([298.15, 323.15])
    unnamed = read_spectra(write(tmp_path, table("f,Z',Z'',Temperature", columns)))
    assert unnamed[0].temperature_k is None
    assert any("no unit" in f.text for f in unnamed[0].findings)


def test_side_by_side(tmp_path: Path) -> None:
    shared = table(
        "f,Z'_1,Z''_1,Z'_2,Z''_2".replace("_1", "").replace("_2", ""), (*RI, 2 * Z.real, 2 * Z.imag)
    )
    spectra = read_spectra(write(tmp_path, shared))
    np.testing.assert_allclose(spectra[1].z_ohm, 2 * Z, rtol=1e-9)
    own = table("f,Z',Z'',f,Z',Z''", (*RI, *(2 * c for c in RI)))
    spectra = read_spectra(write(tmp_path, own))
    np.testing.assert_allclose(spectra[1].frequency_hz, 2 * F, rtol=1e-9)
    np.testing.assert_allclose(spectra[0].z_ohm, Z, rtol=1e-9)


def test_sign_that_physics_forbids_is_a_question(tmp_path: Path) -> None:
    file = write(tmp_path, table("f,Z',Z''", (F, Z.real, -Z.imag)))
    with pytest.raises(ReadError, match="hold Z'' or -Z''") as caught:
        read_spectra(file)
    assert "--imaginary-sign" in caught.value.remedy
    check(file, ReadOptions(imaginary_sign="minus"))


def test_sign_of_a_phase_that_physics_forbids_is_a_finding(tmp_path: Path) -> None:
    (spectrum,) = read_spectra(
        write(tmp_path, table("f/Hz,|Z|/Ohm,phase/deg", (F, np.abs(Z), -DEG)))
    )
    assert any(f.severity == "warning" and "turned" in f.text for f in spectrum.findings)


@pytest.mark.parametrize(
    "columns", [RI, (F, Z.real, -Z.imag), (F, np.abs(Z), DEG), (F, np.abs(Z), -DEG)]
)
def test_three_columns_without_names(columns: Sequence[Array], tmp_path: Path) -> None:
    """Physics tells Z', Z'' from |Z|, phase and settles the sign; it says so."""
    text = "\n".join(table("", columns).splitlines()[1:])
    file = write(tmp_path, text)
    check(file)
    assert any("no names" in f.text for f in read_spectra(file)[0].findings)


def test_columns_without_names_that_physics_cannot_tell(tmp_path: Path) -> None:
    resistor = table("", (F, F * 0 + 100.0, F * 0 + 0.001)).strip()
    file = write(tmp_path, resistor)
    with pytest.raises(ReadError, match="no names"):
        read_spectra(file)
    options = ReadOptions(columns={"f": "1", "Z'": "2", "-Z''": "3"})
    (spectrum,) = read_spectra(file, options=options)
    np.testing.assert_allclose(spectrum.z_ohm, 100.0 - 0.001j)


def test_columns_named_by_the_user(tmp_path: Path) -> None:
    file = write(tmp_path, table("A,B,C", (Z.real, F / 1e3, -Z.imag)))
    with pytest.raises(ReadError):
        read_spectra(file)
    check(file, ReadOptions(columns={"f": "B", "Z'": "A", "-Z''": "C"}, frequency_unit="kHz"))
    check(file, ReadOptions(columns={"f": "2", "Z'": "1", "-Z''": "3"}, frequency_unit="kHz"))


def test_area_specific_impedance_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="times an area"):
        read_spectra(write(tmp_path, table("f/Hz,Z' (Ohm cm2),Z'' (Ohm cm2)", RI)))


def test_modulus_and_parts_that_disagree_are_said(tmp_path: Path) -> None:
    file = write(
        tmp_path, table("f/Hz,Z'/Ohm,Z''/Ohm,|Z|/Ohm,phase/deg", (*RI, np.abs(Z) * 1.5, DEG))
    )
    assert any("disagree" in f.text for f in read_spectra(file)[0].findings)


BROKEN: dict[str, Callable[[list[str]], list[str]]] = {
    "cut row": lambda lines: [*lines[:-1], lines[-1].split(",")[0] + "," + lines[-1].split(",")[1]],
    "letters": lambda lines: [
        *lines[:7],
        lines[7].replace("e", "x", 2).replace(",", ",q", 1),
        *lines[8:],
    ],
    "negative frequency": lambda lines: [*lines[:7], "-" + lines[7], *lines[8:]],
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_damaged_row_is_named_by_its_line(name: str, tmp_path: Path) -> None:
    lines = BROKEN[name](table("f,Z',Z''", RI).splitlines())
    with pytest.raises(ReadError) as caught:
        read_spectra(write(tmp_path, "\n".join(lines)))
    assert caught.value.where.rsplit(":", 1)[1] in {"8", str(len(lines))}


def test_z_is_complex(tmp_path: Path) -> None:
    (spectrum,) = read_spectra(write(tmp_path, table("f,Z',Z''", RI)))
    z: ComplexArray = spectrum.z_ohm
    assert z.dtype == np.complex128
    assert not z.flags.writeable
    assert spectrum.line[0] == 2


def test_labels_between_sweeps_state_the_temperature(tmp_path: Path) -> None:
    rows = table("f,Z',Z''", RI).splitlines()
    text = "\n".join(
        [rows[0], "T = 25 °C", *rows[1:], "T = 50 °C", *rows[1:], "T = 75 °C", *rows[1:]]
    )
    spectra = read_spectra(write(tmp_path, text))
    assert [s.temperature_k for s in spectra] == pytest.approx([298.15, 323.15, 348.15])


@pytest.mark.parametrize(
    ("line", "kelvin"),
    [
        ("Temperature: 25 °C", 298.15), ("Temp. [K]=3.3743e+02", 337.43), ("Sample temp (C) = 0", 273.15),
        ("T = 300 K", 300.0), ("Temp. [\ufffdC]=2.5e+01  AC Volt=1", 298.15), ("Temperatur: 25,5 °C", 298.65),
        ("T control = 5", None), ("Temperature rate: 5 K/min", None), ("template: 25 C", None), ("Time: 12 C", None),
        ("temp /K  : 0.000", None), ("Temperature: 25", None),
    ],
)  # fmt: skip
def test_temperature_in_a_line(line: str, kelvin: float | None) -> None:
    assert kelvin_in(line) == (None if kelvin is None else pytest.approx(kelvin))


def test_a_sign_without_a_header_is_taken_from_the_user(tmp_path: Path) -> None:
    text = "\n".join(table("", (F, Z.real, -Z.imag)).splitlines()[1:])
    check(write(tmp_path, text), ReadOptions(imaginary_sign="minus"))


def test_positive_everywhere_is_doubted_where_physics_is_silent(tmp_path: Path) -> None:
    flat = table("f,Z',Z''", (F, F * 0 + 100, F * 0 + 0.5))
    (s,) = read_spectra(write(tmp_path, flat))
    assert any("--imaginary-sign minus" in f.text for f in s.findings)


@pytest.mark.parametrize("line", [1, 15, 31])
def test_a_damaged_frequency_is_refused_wherever_it_stands(line: int, tmp_path: Path) -> None:
    lines = table("f,Z',Z''", RI).splitlines()
    lines[line] = lines[line].replace("e", "x", 1)
    with pytest.raises(ReadError) as caught:
        read_spectra(write(tmp_path, "\n".join(lines)))
    assert caught.value.where.endswith(f":{line + 1}")


def test_more_values_than_names_are_refused(tmp_path: Path) -> None:
    lines = table("f Z' Z''", RI, sep=" ").splitlines()
    text = "\n".join([lines[0], *(f"{k} {line}" for k, line in enumerate(lines[1:]))])
    with pytest.raises(ReadError, match="4 values, and the header 3 names"):
        read_spectra(write(tmp_path, text))


def test_mhz_in_small_letters_is_a_question(tmp_path: Path) -> None:
    file = write(tmp_path, table("freq (mhz),Z' (ohm),Z'' (ohm)", (F / 1e6, Z.real, Z.imag)))
    with pytest.raises(ReadError, match="MHz or mHz"):
        read_spectra(file)
    check(file, ReadOptions(frequency_unit="MHz"))


def test_missing_units_are_said(tmp_path: Path) -> None:
    (s,) = read_spectra(write(tmp_path, table("f,Z',Z''", RI)))
    assert {f.text for f in s.findings} >= {
        'No unit stands at "f": taken as Hz.',
        'No unit stands at "Z\'": taken as Ohm.',
    }


def test_names_that_are_not_understood_are_not_passed_over(tmp_path: Path) -> None:
    """Physics could tell the columns apart, but not that they are in kOhm."""
    file = write(tmp_path, table("Freak/kHz,Riil/kOhm,Imago/kOhm", [c / 1e3 for c in RI]))
    with pytest.raises(ReadError, match="not understood") as caught:
        read_spectra(file)
    assert caught.value.where.endswith(":1")


@pytest.mark.parametrize(
    ("header", "kelvin"),
    [
        ("f/Hz,Z'(25°C)/Ohm,Z''(25°C)/Ohm,Z'(50°C)/Ohm,Z''(50°C)/Ohm", [298.15, 323.15]),
        ("f/Hz,Z' 25C,Z'' 25C,Z' 50C,Z'' 50C", [298.15, 323.15]),
        ("f/Hz,Re(Z)_298K/Ohm,Im(Z)_298K/Ohm,Re(Z)_323K/Ohm,Im(Z)_323K/Ohm", [298.0, 323.0]),
        ("f/Hz,Z'_1,Z''_1,Z'_2,Z''_2", [None, None]),
        ("f,Z',Z'',Z'.1,Z''.1", [None, None]),
    ],
)
def test_labels_of_spectra_side_by_side(
    header: str, kelvin: list[float | None], tmp_path: Path
) -> None:
    file = write(tmp_path, table(header, (*RI, 2 * Z.real, 2 * Z.imag)))
    spectra = read_spectra(file)
    assert [s.temperature_k for s in spectra] == kelvin
    np.testing.assert_allclose(spectra[0].z_ohm, Z, rtol=1e-9)
    np.testing.assert_allclose(spectra[1].z_ohm, 2 * Z, rtol=1e-9)
