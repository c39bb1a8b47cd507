"""A reduction that follows changed keys: exact, or a preview while a slider moves; the last good one stays."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calibration.errors import InputError
from calibration.folder import safe_name
from calibration.page.edits import Edits
from calibration.page.project_file import as_settings
from calibration.records import Loaded
from xtsred.certificates import certified_keys
from xtsred.config import Project, load_project
from xtsred.inputs import read_inputs
from xtsred.memo import Memo
from xtsred.pipeline import reduce_inputs
from xtsred.stages import Reduction
from xtsred.tune.controls import Control, Number, controls
from xtsred.tune.preview import Node, Nodes, PreviewMemo, context, follows, node_values, previewed

__all__ = ["Result", "Session"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the page shows. preview: absorption and multiple scattering are interpolated. milliseconds: it took."""

    reduction: Reduction
    project: Project
    preview: bool
    milliseconds: float


@dataclass(frozen=True, slots=True)
class _Exact:
    """The last exact result as a node, and the changes that it belongs to."""

    changes: Mapping[str, Any]
    node: Node


class Session:
    """One page's project: its edits and what they give.

    result: the last good one; error: why the present values have none, None where they have. start: of the file.
    Raises InputError where the file as it is cannot be reduced.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.edits = Edits(path)
        self.error: InputError | None = None
        self._memo, self._inputs, self._nodes = PreviewMemo(), Memo(keep=2), Nodes()
        # values for later previews push nothing out of what the present result is made of
        self._aside = PreviewMemo(keep=1)
        self._impossible: set[tuple[str, bytes, float]] = set()
        self._exact: _Exact | None = None
        self.start = self.result = self._reduce(self.edits.changes)
        # what a certificate says is not turned: the file would contradict it
        fixed = certified_keys(self._load(self.edits.changes))
        self.controls: tuple[Control, ...] = tuple(
            c for c in controls(self.start.project, self.start.reduction) if c.key not in fixed
        )

    def apply(self, moving: str | None = None) -> bool:
        """Reduce with the edits as they are; returns whether that was possible (else see `error`).

        moving: the key whose slider moves, for which a preview is enough.
        """
        changes = self.edits.changes
        try:
            guess = None if moving is None else self._guess(moving, changes)
            self.result = self._reduce(changes, guess=guess)
        except InputError as error:
            self.error = error
            return False
        self.error = None
        return True

    def value(self, control: Control) -> Any:
        """What a control has to show: what is changed, or in the file, or applies without."""
        value = self.edits.value(control.key)
        return control.default if value is None else value

    def in_file(self, control: Control) -> Any:
        """What the file says, or what applies without."""
        value = self.edits.file.value(control.key)
        if isinstance(value, Mapping):
            value = value.get("value")
        return control.default if value is None else value

    def deviation(self, control: Number) -> float | None:
        """By how many of its stated sigmas a value differs from the file's; None where no sigma is stated."""
        if not control.sigma:
            return None
        return float((self.value(control) - self.in_file(control)) / control.sigma)

    def command(self) -> list[str]:
        """Words of the command that gives this result. Raises InputError where --set cannot say a change."""
        name = safe_name(self.start.project.sample.name)
        words = ["xtsred", "reduce", str(self.path), "--out", f"{name}-tuned"]
        for setting in self.edits.settings():
            words += ["--set", setting]
        return words

    def prepare(self, key: str | None = None) -> bool:
        """Compute one exact value for later previews, of one key or of any; returns whether there may be more to compute."""
        changes = self.edits.changes
        try:
            wanted = next(self._wanted(changes, key), None)
        except InputError:
            return False  # around values that cannot be there is nothing to prepare
        if wanted is None:
            return False
        control, where, value = wanted
        try:
            self._reduce({**changes, control.key: value}, node_of=(control.key, where))
        except InputError:
            # a value that cannot be has no preview; the page says why when it is asked for
            self._impossible.add((control.key, where, value))
        return True

    def _wanted(
        self, changes: Mapping[str, Any], key: str | None
    ) -> Iterator[tuple[Number, bytes, float]]:
        """Values that are not known exactly: the ends of every slider, then points between them."""
        numbers = [c for c in self.controls if isinstance(c, Number) and previewed(c.key)]
        numbers = [c for c in numbers if key in (None, c.key)]
        places = {c.key: self._context(c.key, changes) for c in numbers}
        order = {c.key: node_values(c.low, c.high) for c in numbers}
        for i in range(max(map(len, order.values()), default=0)):
            for control in numbers:
                where, value = places[control.key], order[control.key][i]
                if value in self._nodes.values(control.key, where):
                    continue
                if (control.key, where, value) not in self._impossible:
                    yield control, where, value

    def _guess(self, key: str, changes: Mapping[str, Any]) -> Node | None:
        exact = self._exact
        if exact is not None and _without(exact.changes, key) != _without(changes, key):
            exact = None
        if follows(key):
            return None if exact is None else exact.node
        if not previewed(key):
            return None
        where = self._context(key, changes)
        if exact is not None:
            self._nodes.add(key, where, exact.node.at(self._number(key, exact.changes)))
        return self._nodes.between(key, where, self._number(key, changes))

    def _context(self, key: str, changes: Mapping[str, Any]) -> bytes:
        return context(self._load(_without(changes, key)).record)

    def _number(self, key: str, changes: Mapping[str, Any]) -> float:
        value = changes.get(key, self.edits.file.value(key))
        return float(value["value"] if isinstance(value, Mapping) else value)

    def _load(self, changes: Mapping[str, Any]) -> Loaded[Project]:
        settings = as_settings(self.edits.file, changes)
        return load_project(self.path, settings=settings)

    def _reduce(
        self,
        changes: Mapping[str, Any],
        *,
        guess: Node | None = None,
        node_of: tuple[str, bytes] | None = None,
    ) -> Result:
        began = time.perf_counter()
        loaded = self._load(changes)
        project = loaded.record
        inputs = self._inputs("inputs", (project.scan,), lambda: read_inputs(loaded))
        memo = self._memo if node_of is None else self._aside
        with memo.guess(guess):
            reduction = reduce_inputs(loaded, inputs, memo=memo)
        took = 1e3 * (time.perf_counter() - began)
        preview = memo.guessed
        if not preview:
            table = project.multiple_scattering
            node = memo.node(reduction, scale=1.0 if table is None else table.scale.value)
            if node_of is None:
                self._exact = None if node is None else _Exact(dict(changes), node)
            elif node is not None:
                key, where = node_of
                self._nodes.add(key, where, node.at(self._number(key, changes)))
        return Result(reduction=reduction, project=project, preview=preview, milliseconds=took)


def _without(changes: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in changes.items() if k != key}
