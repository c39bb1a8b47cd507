"""How one pattern of a series is reduced: what it shares with the others is computed once in each worker."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from calibration.campaign.jobs import Job, Prepared, Result
from calibration.quantity import Quantity
from calibration.report import to_json
from xtsred.batch.series import Series
from xtsred.config import load_project
from xtsred.inputs import input_files, read_inputs
from xtsred.memo import Memo
from xtsred.stages import Reduction, Shell

__all__ = ["PROGRAM", "PatternRecipe", "jobs_of", "result_of"]

PROGRAM = "xtsred batch"


@dataclass(frozen=True, slots=True)
class PatternRecipe:
    """Reduces one pattern. project: path of the file that all share."""

    project: str
    program: str = PROGRAM
    libraries: tuple[str, ...] = ("scipy", "xraydb", "xraylib")

    def prepare(self, job: Job) -> Prepared:
        """Load the project with the pattern's settings. Raises InputError."""
        loaded = load_project(Path(self.project), settings=job.spec["settings"])
        return Prepared(files=input_files(loaded), state=loaded)

    def compute(self, job: Job, prepared: Prepared) -> Result:
        """Reduce. Raises InputError."""
        from xtsred.pipeline import reduce_inputs

        scans, stages = _memories(self.project)
        inputs = read_inputs(prepared.state, memo=scans)
        return result_of(reduce_inputs(prepared.state, inputs, memo=stages))


@lru_cache(maxsize=1)
def _memories(_project: str) -> tuple[Memo, Memo]:
    """Scans and stages that this worker keeps from one pattern of a project to the next."""
    return Memo(keep=24), Memo(keep=4)


def jobs_of(series: Series) -> list[Job]:
    """A job for each pattern, in the order of the series."""
    return [
        Job(number=i, name=m.name, spec={"settings": list(m.settings)})
        for i, m in enumerate(series.members)
    ]


def result_of(reduction: Reduction) -> Result:
    """What a series keeps of a reduction: S(Q), g(r), numbers with their parts of uncertainty, findings."""
    s, p = reduction.structure_factor, reduction.pair_distribution
    arrays = {"q": s.q, "s": s.s, "s_sigma": s.sigma}
    if s.sigma_systematic is not None:
        arrays["s_systematic"] = s.sigma_systematic
    arrays |= {"r": p.r, "g": p.g, "g_sigma": p.g_sigma, "G": p.d, "G_sigma": p.d_sigma}
    names = {
        scan.file: Path(scan.file).name for group in reduction.scans.values() for scan in group
    }
    findings = []
    for finding in reduction.findings:
        text = finding.text
        for path, name in names.items():
            text = text.replace(path, name)
        findings.append({"severity": finding.severity, "text": text})
    values = {
        "sample": reduction.name,
        "composition": reduction.composition_text,
        "quantities": to_json(_quantities(reduction)),
        "findings": findings,
        "window": p.window,
        "extrapolation": p.extrapolation,
        "files": list(names.values()),
    }
    return Result(values=values, arrays={k: np.asarray(v) for k, v in arrays.items()})


def _quantities(reduction: Reduction) -> dict[str, dict[str, Any]]:
    """name -> value, sigma (counting), systematic (common to all r or Q), unit; column names of the table."""
    found: dict[str, dict[str, Any]] = {}

    def add(name: str, quantity: Quantity | None, systematic: float | None = None) -> None:
        if quantity is not None:
            found[name] = {
                "value": quantity.value,
                "sigma": quantity.sigma,
                "systematic": systematic,
                "unit": quantity.unit,
            }

    for i, shell in enumerate(reduction.shells):
        _add_shell(add, shell, shell.pair or f"peak {i + 1}")
    n = reduction.normalization
    add("K", n.k)
    add("Compton response", n.compton_response)
    add("continuum amplitude", n.continuum)
    c = reduction.comparison
    if c is not None:
        add("R_X", Quantity(c.r_x, c.r_x_sigma))
        add("rms difference of S", Quantity(c.rms))
    for name, quantity in reduction.parameters.items():
        add(name, quantity)
    return found


def _add_shell(add: Any, shell: Shell, name: str) -> None:
    add(f"{name} distance", shell.position, shell.position_systematic)
    add(f"{name} coordination", shell.coordination, shell.coordination_systematic)
    add(f"{name} coordination (integral)", shell.coordination_integral)
    add(f"{name} width", shell.width)
