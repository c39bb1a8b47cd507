"""An analysis that follows changed keys: at once what follows from the fits, at rest all of it; the last good one stays."""

import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from calibration.errors import InputError
from calibration.folder import safe_name
from calibration.memo import Memo
from calibration.page.edits import Edits
from calibration.page.project_file import changed_text
from calibration.records import Loaded, parse
from cis.config import Project
from cis.crosschecks import CrossCheck, cross_check
from cis.inputs import Inputs
from cis.pipeline import Analysis, analyze, load_config, read_inputs
from cis.stages import ArcFit, Spectrum

__all__ = ["Result", "Session", "Shown"]

_KEPT = 6
"""Results kept for every spectrum: undo, redo and a second look cost nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One spectrum of the series: its fit, or why it has none; spectrum: as used, or as read where it was refused."""

    label: str
    temperature_k: float | None
    spectrum: Spectrum
    fit: ArcFit | None
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the page shows. quick: without the joint fit and the cross-checks. milliseconds: it took."""

    analysis: Analysis
    project: Project
    shown: tuple[Shown, ...]
    quick: bool
    milliseconds: float

    def of(self, label: str) -> Shown:
        """The spectrum of that name. Raises KeyError."""
        for one in self.shown:
            if one.label == label:
                return one
        raise KeyError(label)


class Session:
    """One page's project: its edits and what they give.

    result: the last good one; before: the one before the last change; error: why the present values have none.
    Raises InputError where the file as it is cannot be analyzed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        loaded = load_config(path)
        self.edits = Edits(path)
        self.error: InputError | None = None
        self.inputs: Inputs = read_inputs(loaded)
        self._memo = Memo(keep=_KEPT * len(self.inputs.spectra))
        self.result = self._analyze(loaded.record, quick=False)
        self.before: Result | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of all spectra, refused ones too, by rising temperature."""
        return tuple(s.label for s in self.inputs.spectra)

    def measured(self, label: str) -> Spectrum:
        """A spectrum as it was read."""
        return next(s.spectrum for s in self.inputs.spectra if s.label == label)

    def remember(self) -> None:
        """What is shown now is what the next result is compared with."""
        self.before = self.result

    def apply(self, *, quick: bool = False) -> bool:
        """Analyze with the edits as they are; returns whether that was possible (else see `error`)."""
        try:
            project = self.project(self.edits.changes)
            self.result = self._analyze(project, quick=quick)
        except InputError as error:
            self.error = error
            return False
        self.error = None
        return True

    def project(self, changes: Mapping[str, Any]) -> Project:
        """The project as it would be saved. Raises ConfigError."""
        table = tomllib.loads(changed_text(self.edits.file, changes))
        return parse(Project, table, where=str(self.path))

    def check(self, path: Path) -> None:
        """Raises InputError for a project file whose values have no result."""
        loaded: Loaded[Project] = load_config(path)
        self._analyze(loaded.record, quick=True)

    def cross_check(self, label: str) -> CrossCheck | None:
        """One spectrum without its circuit, None where it has no fit."""
        fit = self.result.of(label).fit
        if fit is None:
            return None
        depends_on = (fit.spectrum, fit.circuit_string, fit.parameters)
        return self._memo("cross-check", depends_on, lambda: cross_check(fit))

    def command(self) -> list[str]:
        """Words of the command that gives this result. Raises InputError where --set cannot say a change."""
        name = safe_name(self.result.project.sample.name)
        words = ["cis", "analyze", str(self.path), "--out", f"{name}-tuned"]
        for setting in self.edits.settings():
            words += ["--set", setting]
        return words

    @property
    def computed(self) -> Mapping[str, int]:
        """How often each stage was really computed."""
        return dict(self._memo.computed)

    def _analyze(self, project: Project, *, quick: bool) -> Result:
        began = time.perf_counter()
        asked = project
        if quick:
            asked = replace(project, model=replace(project.model, series="separate"))
        analysis = (
            analyze(asked, self.inputs, memo=self._memo, most_checks=0)
            if quick
            else analyze(asked, self.inputs, memo=self._memo)
        )
        fits = dict(zip(analysis.labels, analysis.fits, strict=True))
        refused = {r.label: r.reason for r in analysis.refused}
        shown = tuple(
            Shown(
                label=item.label,
                temperature_k=item.temperature_k,
                spectrum=fits[item.label].spectrum if item.label in fits else item.spectrum,
                fit=fits.get(item.label),
                refused=refused.get(item.label, ""),
            )
            for item in self.inputs.spectra
        )
        return Result(
            analysis=analysis,
            project=project,
            shown=shown,
            quick=quick,
            milliseconds=1e3 * (time.perf_counter() - began),
        )
