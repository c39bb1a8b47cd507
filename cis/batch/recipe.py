"""How one sample of a batch is analyzed."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calibration.campaign.jobs import Job, Prepared, Result
from calibration.records import Loaded, parse
from calibration.report import to_json
from cis.certificates import read_certificates
from cis.config import Project
from cis.inputs import matching_files

__all__ = ["PROGRAM", "SampleRecipe"]

PROGRAM = "cis batch"


@dataclass(frozen=True, slots=True)
class SampleRecipe:
    """Analyzes one sample. folder: of the batch file; table: path of its table, "" where it has none."""

    folder: str
    table: str
    program: str = PROGRAM
    libraries: tuple[str, ...] = ("scipy",)

    def prepare(self, job: Job) -> Prepared:
        """The project of the sample and its files. Raises InputError."""
        from cis.pipeline import load_config

        files: list[Path] = []
        if "project" in job.spec:
            path = Path(self.folder) / job.spec["project"]
            loaded = load_config(path, settings=job.spec["settings"])
            files.append(path)
        else:
            record = parse(Project, job.spec["record"], where=job.where)
            loaded = Loaded(record, Path(self.table), {})
        return Prepared(files=[*files, *_data_files(loaded)], state=loaded)

    def compute(self, job: Job, prepared: Prepared) -> Result:
        """Analyze. Raises InputError."""
        from cis.inputs import read_inputs
        from cis.output import arrhenius_rows, conductivity_rows, fits_rows
        from cis.pipeline import analyze

        loaded: Loaded[Project] = prepared.state
        inputs = read_inputs(loaded)
        analysis = analyze(loaded.record, inputs)
        name = loaded.record.sample.name
        rows = conductivity_rows(analysis)
        for row in rows:
            row["file"] = _relative(str(row["file"]), self.folder)
        values: dict[str, Any] = {
            "sample": name,
            "virtual": loaded.record.sample.virtual,
            "conductivity": rows,
            "fits": fits_rows(analysis.series, name=name),
            "arrhenius": arrhenius_rows(name, analysis.arrhenius),
            "refused": [{"spectrum": r.label, "reason": r.reason} for r in analysis.refused],
            "findings": [{"severity": f.severity, "text": f.text} for f in analysis.findings],
            "own_names": [name, *analysis.labels],
        }
        return Result(values=to_json(values))


def _relative(path: str, folder: str) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return path


def _data_files(loaded: Loaded[Project]) -> list[Path]:
    """Every file that a project names. Raises InputError where a name or a pattern finds none."""
    project = loaded.record
    files: list[Path] = []
    for k, spectra in enumerate(project.spectrum):
        files += matching_files(spectra.files, folder=loaded.folder, key=f"spectrum[{k}].files")
    if project.fixture is not None:
        for name in ("open", "short", "load"):
            pattern = getattr(project.fixture, name)
            if pattern is not None:
                files += matching_files(pattern, folder=loaded.folder, key=f"fixture.{name}")
    return [*files, *read_certificates(project, folder=loaded.folder).files]
