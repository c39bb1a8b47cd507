"""`xtsred reduce` as a user runs it: one project, several, changed keys, JSON; what it writes can be used."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from calibration.commandline import EXIT_DONE, EXIT_FIXABLE, EXIT_SOME_FAILED, run
from xtsred.cli import command

DEMO = Path(__file__).resolve().parents[2] / "xtsred" / "data" / "demo"
FAST = ["--set", "multiple_scattering.orders=2", "--set", "fourier.r_step=0.05"]


def call(*arguments: object) -> int:
    return run(command, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reduce") / "out"
    assert call("reduce", DEMO / "run.toml", "--out", folder, *FAST) == EXIT_DONE
    return folder


def table(path: Path) -> tuple[dict[str, str], list[str], np.ndarray]:
    """Facts, column names and rows of a result file, read as any program would."""
    header = [li for li in path.read_text(encoding="utf-8").splitlines() if li.startswith("#")]
    facts = dict(li[2:].split(" = ", 1) for li in header if " = " in li)
    names = next(li for li in header if li.startswith("#L ")).split()[1:]
    return facts, names, np.loadtxt(path)


def test_the_folder_is_what_the_contract_says(out: Path) -> None:
    name = "VIRTUAL_50Na2S-50SiS2"
    files = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    wanted = {f"{name}.{end}" for end in ("iq", "sq", "fq", "gr", "gofr", "h5")}
    assert wanted | {"result.json", "report.html", "run.toml"} <= files
    pictures = {f for f in files if f.startswith("figures/")}
    assert {p.rsplit(".")[1] for p in pictures} == {"svg", "png"}
    for stem in ("scans", "corrections_1", "components", "normalization", "structure_factor",
                 "interference", "pair_distribution"):  # fmt: skip
        assert {f"figures/{stem}.svg", f"figures/{stem}.png"} <= pictures
    assert [p.name for p in out.parent.iterdir()] == ["out"]


def test_text_files_say_what_they_are(out: Path) -> None:
    stem = out / "VIRTUAL_50Na2S-50SiS2"
    for end, columns in {
        ".sq": ["Q", "S", "sigma"],
        ".fq": ["Q", "F", "sigma"],
        ".gr": ["r", "G", "sigma"],
        ".gofr": ["r", "g", "sigma", "T", "R"],
        ".iq": ["Q", "I_coh", "sigma"],
    }.items():
        facts, names, rows = table(stem.with_suffix(end))
        assert names[: len(columns)] == columns
        assert rows.shape[1] == len(names)
        assert np.isfinite(rows).all()
        assert {"definition", "units", "sigma", "normalization", "window", "software"} <= set(facts)
        assert facts["virtual"].startswith("yes")
        assert "sha256" in facts["input 1"]


def test_functions_in_the_files_fit_each_other(out: Path) -> None:
    stem = out / "VIRTUAL_50Na2S-50SiS2"
    _, _, sq = table(stem.with_suffix(".sq"))
    _, _, fq = table(stem.with_suffix(".fq"))
    assert fq[:, 1] == pytest.approx(sq[:, 0] * (sq[:, 1] - 1.0), abs=3e-7)
    assert fq[:, 2] == pytest.approx(sq[:, 0] * sq[:, 2], rel=1e-7)
    _, _, gr = table(stem.with_suffix(".gr"))
    _, names, gofr = table(stem.with_suffix(".gofr"))
    r, g = gofr[:, names.index("r")], gofr[:, names.index("g")]
    t, rdf = gofr[:, names.index("T")], gofr[:, names.index("R")]
    density = 0.0431
    assert t == pytest.approx(4.0 * np.pi * density * r * g, rel=1e-6, abs=1e-8)
    assert rdf == pytest.approx(r * t, rel=1e-6, abs=1e-8)
    at = np.searchsorted(r, gr[:, 0] - 1e-9)
    assert gr[:, 1] == pytest.approx(
        4.0 * np.pi * density * gr[:, 0] * (g[at] - 1.0), rel=1e-5, abs=1e-6
    )


def test_gr_is_read_like_pdfgui_reads_it(out: Path) -> None:
    # the conventions of PDFgetX files, as the readers of PDFgui and diffpy.srfit apply them
    text = (out / "VIRTUAL_50Na2S-50SiS2.gr").read_text(encoding="utf-8")
    start = re.search(r"^#+ start data\s*(?:#.*\s+)*", text, re.MULTILINE)
    assert start is not None
    header, rows = text[: start.end()], text[start.end() :].strip().split("\n")
    assert re.search("(x-?ray|PDFgetX)", header, re.IGNORECASE)
    assert not re.search("(neutron|PDFgetN)", header, re.IGNORECASE)
    number = r"[-+]?(\d+(\.\d*)?|\d*\.\d+)([eE][-+]?\d+)?"
    qmax = re.search(rf"\bqmax *= *({number})\b", header, re.IGNORECASE)
    assert qmax is not None
    assert float(qmax[1]) == 21.5
    for word in (r"\b(?:x|doping)\ *=\ *", r"\b(?:temp|temperature|T)\ *=\ *", r"\bscale *= *"):
        assert not re.search(rf"{word}({number})\b", header)
    values = np.array([[float(v) for v in row.split()] for row in rows])
    assert values.shape[1] >= 4
    assert (values[:, 3] > 0.0).all()  # one zero and all uncertainties of G are dropped
    assert (values[:, 2] == values[:, 3]).all()


def test_the_resolved_project_runs_from_its_folder_and_gives_the_same(
    out: Path, tmp_path: Path
) -> None:
    text = (out / "run.toml").read_text(encoding="utf-8")
    assert "# --set fourier.r_step=0.05" in text
    assert tomllib.loads(text)["fourier"]["r_step"] == 0.05
    assert call("reduce", out / "run.toml", "--out", tmp_path / "again") == EXIT_DONE
    for end in (".sq", ".gr"):
        first, again = (
            table((f / "VIRTUAL_50Na2S-50SiS2").with_suffix(end))[2]
            for f in (out, tmp_path / "again")
        )
        assert again == pytest.approx(first, rel=1e-9, abs=1e-12)


def test_the_hdf5_file_plots_by_itself_and_holds_everything(out: Path) -> None:
    with h5py.File(out / "VIRTUAL_50Na2S-50SiS2.h5") as file:
        entry = file[file.attrs["default"]]
        assert entry.attrs["NX_class"] == "NXentry"
        assert bool(entry["virtual"][()])
        data = entry[entry.attrs["default"]]
        assert data.attrs["NX_class"] == "NXdata"
        signal, axis = data[data.attrs["signal"]], data[data.attrs["axes"]]
        assert signal.shape == axis.shape
        _, _, sq = table(out / "VIRTUAL_50Na2S-50SiS2.sq")
        assert signal[()] == pytest.approx(sq[:, 1], rel=1e-8)
        assert {"scans", "merged", "intensity", "steps", "process", "comparison"} <= set(entry)
        assert len(entry["steps"]) >= 6
        assert json.loads(entry["process/provenance"].asstr()[()])["inputs"]
        assert tomllib.loads(entry["process/project_file"].asstr()[()])["virtual"]
        broken: list[str] = []

        def visit(name: str, node: object) -> None:
            if isinstance(node, h5py.Group) and node.attrs.get("NX_class") == "NXdata":
                signal = node.attrs.get("signal")
                if signal not in node or node.attrs.get("axes") not in node:
                    broken.append(name)

        file.visititems(visit)
        assert broken == []


def test_the_report_stands_alone_and_says_that_it_is_virtual(out: Path) -> None:
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Virtual experiment" in page
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", page)
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert result["virtual"] is True
    assert "Virtual" in result["banner"]
    for step in result["steps"]:
        assert step["name"].replace("&", "&amp;") in page
    assert result["provenance"]["command"].startswith("xtsred reduce")
    names = {Path(i["path"]).name for i in result["provenance"]["inputs"]}
    assert names == {"run.toml", "sample_scan1.xy", "sample_scan2.xy", "sample_scan3.xy",
                     "empty_capillary.xy", "air.xy", "truth_SQ.csv"}  # fmt: skip


def test_several_projects_one_of_which_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.toml"
    text = (DEMO / "run.toml").read_text(encoding="utf-8")
    bad.write_text(text.replace("radius_mm = 0.25", "radius_mm = -1"), encoding="utf-8")
    target = tmp_path / "results"
    good = DEMO / "run.toml"
    status = call("reduce", good, bad, good, "--out", target, "--json", *FAST)
    said = capsys.readouterr()
    assert status == EXIT_SOME_FAILED
    content = json.loads(said.out)
    # two samples of one name do not overwrite each other
    assert [Path(r["folder"]).name for r in content["results"]] == [
        "VIRTUAL_50Na2S-50SiS2",
        "VIRTUAL_50Na2S-50SiS2-2",
    ]
    assert "sample.radius_mm" in content["failed"][0]["error"]
    assert "1 of 3 failed" in said.err
    assert sorted(p.name for p in target.iterdir()) == [
        "VIRTUAL_50Na2S-50SiS2",
        "VIRTUAL_50Na2S-50SiS2-2",
    ]


def test_all_of_several_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = call("reduce", tmp_path / "a.toml", tmp_path / "b.toml", "--out", tmp_path / "out")
    assert status == EXIT_FIXABLE
    assert "2 of 2 failed" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_speed_of_help(benchmark: Any) -> None:
    """`xtsred --help`, whole process, reported; 0.4 s asked (tests/test_architecture.py holds what makes it so)."""
    code = [sys.executable, "-c", "from xtsred.cli import main; main()", "--help"]
    result = benchmark.pedantic(
        subprocess.run, args=(code,), kwargs={"capture_output": True, "text": True}, rounds=3
    )
    assert result.returncode == 0
    assert "reduce" in result.stdout


SMALL_FILES = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from xtsred.cli import main
sys.argv = ["xtsred", *sys.argv[2:]]
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the system limits no file there")
def test_a_disk_that_fills_under_the_hdf5_file_is_one_clear_error(
    out: Path, tmp_path: Path
) -> None:
    """libhdf5 crashes where a write fails under it; here by a limit that only the HDF5 file and the page exceed."""
    sizes = {p.name: p.stat().st_size for p in out.iterdir() if p.suffix != ".html"}
    *_, second, largest = sorted(sizes.values())
    assert max(sizes, key=lambda name: sizes[name]).endswith(".h5")
    words = ["reduce", str(DEMO / "run.toml"), "--out", str(tmp_path / "out"), *FAST]
    done = subprocess.run(
        [sys.executable, "-c", SMALL_FILES, str((second + largest) // 2), *words],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == EXIT_FIXABLE, done.stderr
    assert "the results could not be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
