"""From a moved control of `xtsred tune` to the new g(r), and how far a preview is from the exact result.

Prints, for every control of the shipped virtual glass (or of the project files named as arguments): milliseconds of
processor time (the clock's in brackets) of the answer to a move, the same of the exact result at rest, and the largest
difference of S(Q) and g(r) between the two.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from xtsred.tune.controls import Choice, Control, Interval
from xtsred.tune.session import Session

_SHARES = (0.31, 0.47, 0.62, 0.83)


def main(paths: list[Path]) -> None:
    for path in paths:
        session = Session(path)
        began = time.perf_counter()
        prepared = 0
        while session.prepare():
            prepared += 1
        print(
            f"{path}: {prepared} exact results for previews in {time.perf_counter() - began:.1f} s"
        )
        print(f"{'key':42} {'answer, ms':>16} {'exact, ms':>16} {'max |dS|':>9} {'max |dg|':>9}")
        for control in session.controls:
            print(row(session, control))


def row(session: Session, control: Control) -> str:
    answers: list[tuple[float, float]] = []
    exacts: list[tuple[float, float]] = []
    differences = []
    for value in values(session, control):
        along = {"fourier.delta_A": 0.1} if value == "soper-barney" else {}
        session.edits.set(control.key, value, along=along)
        answers.append(timed(session, control.key))
        answer = session.result
        if answer.preview:
            exacts.append(timed(session, None))
            a, b = answer.reduction, session.result.reduction
            differences.append(
                (
                    float(np.max(np.abs(a.structure_factor.s - b.structure_factor.s))),
                    # at r -> 0 g is any error over nothing
                    float(np.max(np.abs(a.pair_distribution.g - b.pair_distribution.g)[25:])),
                )
            )
        session.edits.reset()
        session.apply()
    s, g = np.max(differences, axis=0) if differences else (0.0, 0.0)
    shown = (f"{s:9.1e} {g:9.1e}") if differences else f"{'':9} {'':9}"
    return f"{control.key:42} {said(answers)} {said(exacts)} {shown}"


def values(session: Session, control: Control) -> Iterator[object]:
    if isinstance(control, Choice):
        yield from (o for o in control.options if o != session.value(control))
        return
    if control.key == "fourier.delta_A":
        return
    for share in _SHARES:
        value = control.low + share * (control.high - control.low)
        if isinstance(control, Interval):
            yield [control.low + 0.1 * share * (value - control.low), value]
        else:
            yield round(value) if isinstance(control.step, int) else value


def timed(session: Session, moving: str | None) -> tuple[float, float]:
    clock, processor = time.perf_counter(), time.process_time()
    session.apply(moving)
    return 1e3 * (time.process_time() - processor), 1e3 * (time.perf_counter() - clock)


def said(times: list[tuple[float, float]]) -> str:
    if not times:
        return f"{'':16}"
    processor, clock = np.median(times, axis=0)
    return f"{processor:8.0f} ({clock:4.0f})"


if __name__ == "__main__":
    with ExitStack() as stack:
        folder = stack.enter_context(as_file(files("xtsred") / "data" / "demo"))
        main([Path(a) for a in sys.argv[1:]] or [folder / "run.toml"])
