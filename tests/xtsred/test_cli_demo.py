"""`xtsred demo`: ends by saying how far from the truth it is, where the report is, and that all of it is virtual."""

import json
from pathlib import Path

import pytest

from calibration.commandline import EXIT_DONE, EXIT_FIXABLE, run
from xtsred.cli import command


def test_the_demo_says_how_far_it_is_from_the_truth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "demo"
    assert run(command, ["demo", "--out", str(out)]) == EXIT_DONE
    said = capsys.readouterr().out
    assert said.startswith("Virtual experiment")
    assert str(out / "report.html") in said
    assert "virtual experiment was simulated from a known S(Q)" in said.splitlines()[-1]
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    found = result["comparison"]
    assert f"{found['rms']:.4f} (rms)" in said
    # the uncertainties are those of the deviations: counting noise alone, no error of a correction beside it
    assert 0.9 < found["pull_width"] < 1.2
    assert run(command, ["demo", "--out", str(out)]) == EXIT_FIXABLE
    assert "exists already" in capsys.readouterr().err
    assert run(command, ["demo", "--out", str(out), "--overwrite", "--json"]) == EXIT_DONE
    assert json.loads(capsys.readouterr().out)["virtual"] is True
