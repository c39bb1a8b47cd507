"""Text columns: what is read, what is refused, and how it is said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.errors import ReadError
from xtsred.io import read_scans
from xtsred.io.checks import scatter_ratio


def write(folder: Path, text: str | bytes, name: str = "a.xy") -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return path


ROWS = "".join(f"{2 + 0.02 * i:.2f} {100 + (i * 7) % 13}\n" for i in range(60))


@pytest.mark.parametrize(
    "text",
    [
        "5.00 12\n5.02 13\n5.04 11\n",
        "5.00\t12\r\n5.02\t13\r\n5.04\t11\r\n",
        "5.00,12\n5.02,13\n5.04,11\n",
        "5.00, 12\n5.02, 13\n5.04, 11",
        "5.00 ,12\n5.02 ,13\n5.04 ,11",
        "5,00;12\n5,02;13\n5,04;11\n",
        "5.00;12;\n5.02;13;\n5.04;11;\n",
        "5,00 12\n5,02 13\n5,04 11\n",
        "5,00\t12,0\n5,02\t13,0\n5,04\t11,0\n",
        "\ufeff5.00 12\n5.02 13\n5.04 11\n",
        "# two theta, counts\n! more\n; more\n\n5.00 12\n# in the middle\n5.02 13\n\n5.04 11\n",
        "2theta counts\n5.00 12\n5.02 13\n5.04 11\n",
        "2-Theta (deg);Intensity\n5.00;12\n5.02;13\n5.04;11\n",
        '"Angle","Counts"\n"5.00","12"\n"5.02","13"\n"5.04","11"\n',
        "5.00e0 1.2e1\n5.02e0 1.3e1\n5.04e0 1.1e1\n",
        "5.00 12 # first\n5.02 13\n5.04 11\n",
        "  5.00   12  \n  5.02   13  \n  5.04   11  \n\x1a",
        "5.00 12\r5.02 13\r5.04 11\r",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_every_way_to_write_the_same_scan(tmp_path: Path, text: str, encoding: str) -> None:
    (scan,) = read_scans(write(tmp_path, text.encode(encoding)))
    np.testing.assert_allclose(scan.two_theta_deg, [5.0, 5.02, 5.04])
    np.testing.assert_array_equal(scan.values, [12, 13, 11])
    assert scan.kind == "counts"
    assert scan.sigma is None
    assert any("taken as counts" in f.text for f in scan.findings)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", None, "empty"),
        ("  \n \n", None, "empty"),
        ("# only a header\n", None, "no rows"),
        ("5.0\n5.1\n5.2\n", 1, "one column"),
        ("5.0 3\n5.1 abc\n5.2 4\n", 2, "'abc', not a number"),
        ("5.0x 3\n5.1 4\n5.2 4\n", 1, "'5.0x' is not a number"),
        ("5.0 3\n5.1 1_0\n5.2 4\n", 2, "'1_0', not a number"),
        ("5.0 3\n\n5.1\n5.2 4\n", 3, "1 column"),
        ("5.0 3\n5.1 4 5\n5.2 4\n", 2, "3 columns"),
        ("5.0,3\n5.1,\n5.2,4\n", 2, "column"),
        ("5.0 3\n# c\n5.1 nan\n5.2 4\n", 3, "nan"),
        ("5.0 3\n5.1 inf\n5.2 4\n", 2, "inf"),
        ("5.0 3\n5.1 -4\n5.2 4\n", 2, "negative"),
        ("5.0 3\n5.2 4\n5.1 4\n", 3, "5.1° comes after 5.2°"),
        ("5.0 3\n5.1 4\n5.1 4\n", 3, "repeats"),
        ("179.0 3\n180.0 4\n181.0 4\n", 3, "181"),
        ("Q(A-1) I\n0.5 3\n0.6 4\n", 1, "looks like Q"),
        ("# q_A^-1 I sigma\n0.5 3 1\n0.6 4 1\n", 1, "looks like Q"),
        ("Q,S\n0.5,3\n0.6,4\n", 1, "looks like Q"),
        ("# Q [1/Å]\n0.5,3\n0.6,4\n", 1, "looks like Q"),
        ("5.0 1,200\n5.1 1,300\n", 1, "mixed"),
        ("5.0 3 1 1\n5.1 4 1 1\n", 1, "which is what"),
        ("5.0 3\n", None, "1 point"),
    ],
)
def test_what_is_refused_is_named_with_its_line(
    tmp_path: Path, text: str, line: int | None, words: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ReadError) as caught:
        read_scans(path)
    assert words in str(caught.value)
    assert caught.value.where == (f"{path}:{line}" if line else str(path))


def test_q_without_a_header_is_known_by_its_shrinking_steps(tmp_path: Path) -> None:
    theta = np.radians(np.arange(1.0, 75.0, 0.1))
    q = 4 * np.pi * np.sin(theta) / 0.7093
    path = write(tmp_path, "".join(f"{x:.6f} 100\n" for x in q))
    with pytest.raises(ReadError, match="looks like Q"):
        read_scans(path)


def test_angles_of_equal_steps_are_never_taken_for_q(tmp_path: Path) -> None:
    for step in (0.013, 0.02, 0.05):
        path = write(tmp_path, "".join(f"{1 + step * i:.3f} 100\n" for i in range(400)))
        assert read_scans(path)[0].two_theta_deg.size == 400


def test_a_header_that_mentions_kelvin_or_q_max_is_no_q_axis(tmp_path: Path) -> None:
    path = write(tmp_path, "# glass at 25 K\n# Qmax 17 1/A wanted\n# run d\n" + ROWS)
    assert read_scans(path)[0].two_theta_deg.size == 60


@pytest.mark.parametrize(
    "content", [b"\x00\x01\x02\x03" * 50, b"5.0 3\n5.1 \x00\x004\n", b"\x89PNG\r\n\x1a\n\x00\x00"]
)
def test_binary_junk_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ReadError):
        read_scans(write(tmp_path, content))


def test_binary_after_the_first_block_is_refused_with_its_line(tmp_path: Path) -> None:
    rows = "".join(f"{2 + 0.01 * i:.2f} 10\n" for i in range(1000)).encode()
    with pytest.raises(ReadError, match="line 1001 holds the byte 0x00"):
        read_scans(write(tmp_path, rows + b"\x00\x00"))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="cannot be read"):
        read_scans(tmp_path / "none.xy")
    with pytest.raises(ReadError, match="folder"):
        read_scans(tmp_path)


def test_a_processed_curve_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"holds S\(Q\)"):
        read_scans(write(tmp_path, ROWS, "glass.sq"))


TABLE = "# a b c d e\n" + "".join(
    f"{3 + 0.2 * i:.1f} {10.5 + i} {1.25 + i / 8} {4.5 + i} 2\n" for i in range(5)
)


def test_columns_map_gives_rates_with_sigma_and_lists_the_rest(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE, "a.dat")
    columns = {"two_theta_deg": 1, "rate_cps": 2, "rate_sigma_cps": 3, "seconds_per_step": 5}
    (scan,) = read_scans(path, columns=columns)
    assert scan.kind == "rates"
    np.testing.assert_allclose(scan.values, 10.5 + np.arange(5))
    assert scan.sigma is not None
    np.testing.assert_allclose(scan.sigma, 1.25 + np.arange(5) / 8)
    assert scan.seconds_per_step is not None
    np.testing.assert_array_equal(scan.seconds_per_step, 2.0)
    assert scan.header.ignored == ("column 4",)
    with pytest.raises(ValueError, match="read-only"):
        scan.values[0] = 1.0


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"two_theta_deg": 1, "counts": 6}, "column 6 is asked for as counts, but the file has 5"),
        ({"two_theta_deg": 0, "counts": 2}, "column 0"),
        ({"two_theta_deg": 1, "count": 2}, "columns.count"),
        ({"two_theta_deg": 1}, "needs counts or rate_cps"),
        ({"two_theta_deg": 1, "counts": 2, "rate_cps": 3}, "needs counts or rate_cps"),
        ({"counts": 2}, "no two_theta_deg"),
        ({"two_theta_deg": 1, "counts": 1}, "two meanings"),
        ({"two_theta_deg": 1, "counts": 2, "rate_sigma_cps": 3}, "does not belong"),
    ],
)
def test_a_wrong_columns_map_is_named(tmp_path: Path, columns: dict[str, int], words: str) -> None:
    with pytest.raises(ReadError) as caught:
        read_scans(write(tmp_path, TABLE, "a.dat"), columns=columns)
    assert words in str(caught.value)


def test_counts_that_are_not_whole_are_doubted(tmp_path: Path) -> None:
    (scan,) = read_scans(write(tmp_path, TABLE), columns={"two_theta_deg": 1, "counts": 2})
    assert [f.severity for f in scan.findings] == ["warning"]
    assert "not whole numbers" in scan.findings[0].text


def test_eva_header_gives_anode_and_time(tmp_path: Path) -> None:
    head = '\'Id: "NS 1" Comment: "" Anode: "Mo" Scantype: "Coupled TwoTheta/Theta" TimePerStep: "96"\n'
    (scan,) = read_scans(write(tmp_path, head + ROWS))
    assert (scan.header.anode, scan.header.sample_name) == ("Mo", "NS 1")
    assert scan.seconds_per_step is not None
    assert set(scan.seconds_per_step) == {96.0}
    with pytest.raises(ReadError, match='scan over "Z"'):
        read_scans(write(tmp_path, head.replace("Coupled TwoTheta/Theta", "Z") + ROWS))


def poisson(scale: float, *, seed: int = 1) -> str:
    counts = np.random.default_rng(seed).poisson(400, 500)
    return "".join(f"{2 + 0.02 * i:.2f} {n * scale:.6g}\n" for i, n in enumerate(counts))


@pytest.mark.parametrize(("scale", "doubted"), [(1.0, False), (10.0, True)])
def test_counts_with_an_impossible_scatter_are_doubted(
    tmp_path: Path, scale: float, doubted: bool
) -> None:
    (scan,) = read_scans(write(tmp_path, poisson(scale)))
    assert any("variance of Poisson" in f.text for f in scan.findings) is doubted


def test_smoothed_counts_are_doubted(tmp_path: Path) -> None:
    counts = np.random.default_rng(2).poisson(400, 600)
    smooth = np.rint(np.convolve(counts, np.full(9, 1 / 9), "valid"))
    text = "".join(f"{2 + 0.02 * i:.2f} {n:.0f}\n" for i, n in enumerate(smooth))
    (scan,) = read_scans(write(tmp_path, text))
    assert any("smoother than Poisson" in f.text for f in scan.findings)


def test_xye_takes_sigma_and_says_so(tmp_path: Path) -> None:
    text = "".join(f"{2 + 0.02 * i:.2f} {9.5 + i % 3} {0.5}\n" for i in range(20))
    (scan,) = read_scans(write(tmp_path, text, "a.xye"))
    assert scan.kind == "rates"
    assert scan.sigma is not None
    assert any("standard uncertainty" in f.text for f in scan.findings)


def test_the_virtual_and_the_silica_scans(shared_data: Path) -> None:
    (scan,) = read_scans(shared_data / "xrd/ns_mo_virtual/sample_scan1.xy")
    assert (scan.kind, scan.two_theta_deg.size, scan.two_theta_deg[-1]) == ("counts", 7601, 152.0)
    assert [f.severity for f in scan.findings] == ["note"]
    (silica,) = read_scans(
        shared_data / "xrd/silica_ag_rod/raw_rates.dat",
        columns={"two_theta_deg": 1, "rate_cps": 2, "rate_sigma_cps": 3},
    )
    assert silica.sigma is not None
    # sigma = sqrt(N)/t: the time of the first points is 210 s, whole seconds
    np.testing.assert_allclose((silica.values / silica.sigma**2)[:5], 210.0, rtol=1e-4)


def test_speed_of_7600_lines(benchmark: Any, tmp_path: Path) -> None:
    """Reported; 10 ms asked."""
    path = write(tmp_path, "".join(f"{0.02 * i:.2f} {i % 977}\n" for i in range(7600)))
    (scan,) = benchmark.pedantic(read_scans, args=(path,), rounds=3)
    assert scan.values.size == 7600


def test_labels_with_numbers_are_a_header(tmp_path: Path) -> None:
    (scan,) = read_scans(write(tmp_path, "Wavelength 1.5406\nVoltage 45\nPoints 60\n" + ROWS))
    assert scan.two_theta_deg.size == 60


def test_a_lost_row_is_said(tmp_path: Path) -> None:
    lines = ROWS.splitlines(keepends=True)
    (scan,) = read_scans(write(tmp_path, "".join(lines[:30] + lines[31:])))
    assert any("points are missing at 1 place, first after 2.58°" in f.text for f in scan.findings)
    (whole,) = read_scans(write(tmp_path, ROWS))
    assert not any("missing" in f.text for f in whole.findings)


def test_a_file_without_its_last_line_end_is_doubted(tmp_path: Path) -> None:
    (scan,) = read_scans(write(tmp_path, ROWS[:-2]))
    assert any("no line end" in f.text for f in scan.findings)


@pytest.mark.parametrize(
    ("magic", "words"),
    [
        (b"\x89HDF\r\n\x1a\n", "HDF5 or NeXus"),
        (b"V5RD" + b"\0" * 20, "Philips .rd"),
        (b"%PDF-1.7\n\0", "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Office"),
        (b"\x1f\x8b\x08\x00\x01\x02", "unpack it first"),
    ],
)
def test_what_people_hand_in_by_mistake_is_named(tmp_path: Path, magic: bytes, words: str) -> None:
    with pytest.raises(ReadError, match=words):
        read_scans(write(tmp_path, magic + b"\0\1\2" * 50, "a.raw"))


def test_columns_are_refused_for_a_format_that_names_its_own(tmp_path: Path) -> None:
    path = write(tmp_path, "_FILEVERSION=2\n_START=5\n_STEPSIZE=1\n_COUNTS\n1 2 3\n", "a.uxd")
    with pytest.raises(ReadError, match="this is a Bruker uxd file"):
        read_scans(path, columns={"two_theta_deg": 1, "counts": 2})


@pytest.mark.parametrize(
    ("count", "flat"), [(4.0, False), (400.0, True)], ids=["too few counts", "enough counts"]
)
def test_scatter_ratio_of_poisson_counts_is_one(tmp_path: Path, count: float, flat: bool) -> None:
    """The median of chi^2 with one degree of freedom is 0.4549 (Abramowitz and Stegun, table 26.8)."""
    values = np.random.default_rng(5).poisson(count, 4000)
    text = "".join(f"{2 + 0.02 * i:.2f} {n}\n" for i, n in enumerate(values))
    ratio = scatter_ratio(read_scans(write(tmp_path, text))[0])
    if flat:
        assert ratio == pytest.approx(1.0, abs=0.1)
    else:
        assert ratio is None
