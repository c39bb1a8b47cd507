"""Every bad input: one clear error, exit status 2 (130 for an interrupt), nothing half-written."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from calibration.commandline import EXIT_FIXABLE, EXIT_INTERRUPTED, run
from xtsred.cli import command
from xtsred.config import load_project
from xtsred.inputs import read_inputs

PROJECT = """
[sample]
name = "glass"
composition = "SiO2"
number_density_per_A3 = 0.0663
radius_mm = 0.5
packing_fraction = 1.0
[container]
material = "borosilicate 3.3"
wall_thickness_mm = 0.01
[radiation]
wavelength_A = 0.709318
[beam]
width_mm = 2.0
height_mm = 8.0
[polarization]
monochromator = "none"
[detector]
response = "ideal"
[[scan]]
role = "sample"
file = "sample.xy"
seconds_per_step = 10.0
[[scan]]
role = "container"
file = "container.xy"
seconds_per_step = 10.0
[[scan]]
role = "environment"
file = "air.xy"
seconds_per_step = 10.0
[range]
two_theta_deg = [3.0, 150.0]
q_step = 0.05
[normalization]
method = "high-angle"
[fourier]
window = "lorch"
q_range = [0.6, 16.5]
r_max = 10.0
r_step = 0.05
"""

ANGLES = np.arange(2.0, 152.05, 0.2)


def write_scan(path: Path, *, level: float, angles: np.ndarray = ANGLES, seed: int = 1) -> None:
    """Poisson counts that fall with the angle, as a scan of a glass does."""
    counts = np.random.default_rng(seed).poisson(level * (0.3 + np.exp(-angles / 40.0)))
    rows = [f"{x:.3f} {n}" for x, n in zip(angles, counts, strict=True)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project that is right in everything."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "run.toml").write_text(PROJECT, encoding="utf-8")
    write_scan(work / "sample.xy", level=3e4, seed=1)
    write_scan(work / "container.xy", level=2e3, seed=2)
    write_scan(work / "air.xy", level=300.0, seed=3)
    return work


def refused(folder: Path, capsys: pytest.CaptureFixture[str], settings: Sequence[str] = ()) -> str:
    """Run the reduction; it must end with status 2, one error on stderr, and no trace on the disk."""
    before = sorted(p.name for p in folder.parent.rglob("*"))
    arguments = ["reduce", str(folder / "run.toml"), "--out", str(folder.parent / "out")]
    for setting in settings:
        arguments += ["--set", setting]
    status = run(command, arguments)
    said = capsys.readouterr()
    assert status == EXIT_FIXABLE
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("error:") == 1
    assert "Traceback" not in said.err
    assert sorted(p.name for p in folder.parent.rglob("*")) == before
    return said.err


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def missing(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_text("", encoding="utf-8")


def one_column(path: Path) -> None:
    path.write_text("\n".join(line.split()[1] for line in lines_of(path)), encoding="utf-8")


def edit(row: int, text: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        rows = lines_of(path)
        rows[row] = text
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")

    return change


def unsorted(path: Path) -> None:
    rows = lines_of(path)
    rows[100], rows[101] = rows[101], rows[100]
    path.write_text("\n".join(rows), encoding="utf-8")


def duplicate(path: Path) -> None:
    rows = lines_of(path)
    path.write_text("\n".join([*rows[:101], *rows[100:]]), encoding="utf-8")


def beyond_180(path: Path) -> None:
    write_scan(path, level=1e3, angles=np.arange(2.0, 190.0, 0.2))


def in_q(path: Path) -> None:
    write_scan(path, level=1e4, angles=np.arange(0.3, 17.0, 0.01))


def binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 8)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (missing, "sample.xy: the file cannot be read"),
        (empty, "sample.xy: the file is empty"),
        (one_column, "sample.xy"),
        (edit(49, "11.8 12x4"), "sample.xy:50"),
        (edit(49, "11.8 nan"), "sample.xy:50"),
        (edit(49, "11.8 -5"), "sample.xy:50: the counts is negative"),
        (unsorted, "sample.xy:102"),
        (duplicate, "sample.xy:102"),
        (beyond_180, "180"),
        (in_q, "first column is Q"),
        (binary, "sample.xy"),
    ],
    ids=lambda v: getattr(v, "__name__", None),
)
def test_a_damaged_scan_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], None], said: str
) -> None:
    damage(folder / "sample.xy")
    assert said in refused(folder, capsys)


ENTRY = '[[scan]]\nrole = "{}"\nfile = "{}"\nseconds_per_step = 10.0\n'


@pytest.mark.parametrize(
    ("role", "part", "roles"),
    [
        ("sample", "", "scan[0] (role sample, sample.xy) and scan[3] (role sample, copy.xy)"),
        ("container", "", "scan[0] (role sample, sample.xy) and scan[3] (role container, copy.xy)"),
        ("sample", "two_theta_deg = [60.0, 152.0]\n", "scan[0] (role sample, sample.xy)"),
    ],
)
def test_the_same_counts_twice_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], role: str, part: str, roles: str
) -> None:
    (folder / "copy.xy").write_bytes((folder / "sample.xy").read_bytes())
    text = PROJECT + ENTRY.format(role, "copy.xy") + part
    (folder / "run.toml").write_text(text, encoding="utf-8")
    said = refused(folder, capsys)
    assert roles in said
    assert "hold the same numbers" in said


def test_two_parts_or_two_columns_of_one_file_are_two_scans(folder: Path) -> None:
    both = [
        f"{a}\t{b.split()[1]}"
        for a, b in zip(lines_of(folder / "sample.xy"), lines_of(folder / "air.xy"), strict=True)
    ]
    (folder / "both.xy").write_text("\n".join(both), encoding="utf-8")
    column = "columns = {{ two_theta_deg = 1, counts = {} }}\n"
    text = PROJECT.replace(
        'file = "sample.xy"\n', 'file = "both.xy"\ntwo_theta_deg = [2.0, 60.0]\n' + column.format(2)
    )
    text = text.replace('file = "air.xy"\n', 'file = "both.xy"\n' + column.format(3))
    text += ENTRY.format("sample", "both.xy") + "two_theta_deg = [60.0, 152.0]\n" + column.format(2)
    (folder / "run.toml").write_text(text, encoding="utf-8")
    inputs = read_inputs(load_project(folder / "run.toml"))
    assert {role: len(group) for role, group in inputs.items()} == {
        "sample": 2,
        "container": 1,
        "environment": 1,
    }


def test_sample_and_container_in_each_others_place_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(folder, capsys, ["scan[0].file=container.xy", "scan[1].file=sample.xy"])
    assert "check the roles of the scans" in said


def test_scans_without_overlap_leave_a_gap(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_scan(folder / "sample.xy", level=3e4, angles=np.arange(2.0, 70.0, 0.2))
    write_scan(folder / "high.xy", level=3e4, angles=np.arange(90.0, 152.05, 0.2))
    text = PROJECT + '[[scan]]\nrole = "sample"\nfile = "high.xy"\nseconds_per_step = 10.0\n'
    (folder / "run.toml").write_text(text, encoding="utf-8")
    said = refused(folder, capsys)
    assert "no sample scan covers 69.8 to 90°" in said


def test_a_container_scan_shorter_than_the_sample_is_refused_with_both_ranges(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_scan(folder / "container.xy", level=2e3, angles=np.arange(2.0, 100.0, 0.2))
    said = refused(folder, capsys)
    assert "container" in said
    assert "2 to 99.8°" in said
    assert "3 to 150°" in said


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("sample.composition=SiO2)", "sample.composition"),
        ("sample.composition=SiOx", "'Ox'"),
        ("sample.number_density_per_A3=0", "sample.number_density_per_A3: must be > 0"),
        ("sample.packing_fraction=1.3", "sample.packing_fraction: must be <= 1"),
        ("radiation.anode=Ag", "it is Mo Ka1"),
        ("sample.nmae=x", 'did you mean "name"'),
        ("fourier.q_range=[0.6,17.4]", "fourier.q_range"),
        ("range.two_theta_deg=[3,170]", "asks for 3 to 170"),
    ],
)
def test_an_impossible_project_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], setting: str, said: str
) -> None:
    assert said in refused(folder, capsys, [setting])


def test_a_project_that_is_missing_or_no_toml(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "run.toml").write_text("a = [", encoding="utf-8")
    assert "not valid TOML" in refused(folder, capsys)
    (folder / "run.toml").unlink()
    assert "cannot be read" in refused(folder, capsys)


def test_a_missing_comparison_curve_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(folder, capsys, ['comparison={curve="none.csv", q_range=[1, 12]}'])
    assert "none.csv" in said


def test_a_comparison_is_corrected_in_the_words_of_the_project_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    q = np.arange(0.5, 20.0, 0.05)
    rows = [f"{x:.3f} {3.0 + np.sin(x):.5f}" for x in q]
    (folder / "odd.dat").write_text("\n".join(rows), encoding="utf-8")
    said = refused(folder, capsys, ['comparison={curve="odd.dat", q_range=[1, 12]}'])
    assert "comparison.curve_is" in said
    assert "--" not in said
    rows = [f"{x:.3f} {1.0 + np.sin(x) / x:.5f}" for x in q]
    (folder / "odd.dat").write_text("\n".join(rows), encoding="utf-8")
    said = refused(folder, capsys, ['comparison={curve="odd.dat", q_range=[1, 1.05]}'])
    assert "comparison.q_range" in said
    assert "--" not in said


def test_what_only_compare_can_be_told_is_sent_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    atoms = "\n".join(f"Si {k} 0 0" for k in range(8))
    (folder / "md.xyz").write_text(f"8\nno lattice\n{atoms}\n", encoding="utf-8")
    setting = 'comparison={trajectory="md.xyz", weights="xray", q_range=[1, 12]}'
    said = refused(folder, capsys, [setting])
    assert "--cell" in said
    assert "an option of `xtsred compare`" in said


def test_an_output_folder_that_cannot_be_written_is_refused_before_the_work(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def worked(*_: object, **__: object) -> None:
        raise AssertionError("the work began")

    monkeypatch.setattr("xtsred.budget.apply.reduce_with_budget", worked)
    blocked = folder.parent / "file"
    blocked.write_text("not a folder", encoding="utf-8")
    status = run(command, ["reduce", str(folder / "run.toml"), "--out", str(blocked / "out")])
    assert status == EXIT_FIXABLE
    assert "is a file, not a folder" in capsys.readouterr().err


@pytest.mark.skipif(
    sys.platform == "win32" or getattr(os, "geteuid", lambda: 1)() == 0,
    reason="permissions do not bind this user",
)
def test_a_folder_without_permission_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    locked = folder.parent / "locked"
    locked.mkdir(mode=0o500)
    status = run(command, ["reduce", str(folder / "run.toml"), "--out", str(locked / "out")])
    assert status == EXIT_FIXABLE
    assert "may not be written to" in capsys.readouterr().err


def test_an_earlier_result_is_kept_unless_asked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder.parent / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    arguments = ["reduce", str(folder / "run.toml"), "--out", str(out)]
    assert run(command, arguments) == EXIT_FIXABLE
    assert "exists already" in capsys.readouterr().err
    assert run(command, [*arguments, "--overwrite"]) == EXIT_FIXABLE
    assert "not an earlier result" in capsys.readouterr().err
    assert [p.name for p in out.iterdir()] == ["notes.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT of another process is POSIX")
@pytest.mark.parametrize("lost", [False, True], ids=["raised", "lost in a callback"])
def test_an_interrupt_leaves_nothing_half_written(folder: Path, lost: bool) -> None:
    """A real SIGINT after half of the files are written; a library may swallow the exception it raises."""
    guard = "contextlib.suppress(KeyboardInterrupt)" if lost else "contextlib.nullcontext()"
    code = (
        "import contextlib, os, signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import xtsred.report as report\n"
        "write = report.write_nexus\n"
        "def interrupted(*arguments, **named):\n"
        "    write(*arguments, **named)\n"
        f"    with {guard}:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        time.sleep(5.0)\n"
        "report.write_nexus = interrupted\n"
        "from xtsred.cli import main; main()"
    )
    out = folder.parent / "results" / "out"
    done = subprocess.run(
        [sys.executable, "-c", code, "reduce", str(folder / "run.toml"), "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == EXIT_INTERRUPTED, done.stderr
    assert "interrupted" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(out.parent.iterdir()) == []
