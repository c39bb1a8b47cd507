"""From a changed key of `cis tune` to the numbers of a new picture.

Prints, for the shipped virtual glass NS (or the project files named as arguments), milliseconds of the clock (median of five) until the
fits, E_A and everything that is sent to the browser are there, and until all is (joint fit, cross-checks), with what was computed.
"""

import statistics
import sys
import time
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

from bokeh.document import Document

from cis.circuits import CIRCUITS
from cis.tune.page import TunePage
from cis.tune.session import Session


def main(paths: list[Path]) -> None:
    for path in paths:
        began = time.perf_counter()
        page = TunePage(Document(), Session(path))
        took = time.perf_counter() - began
        print(f"{path.name}: {len(page.session.labels)} spectra, opened in {took:.2f} s")
        print(f"{'change':36} {'E_A, ms':>8} {'all, ms':>8}  computed")
        rows(page)


def rows(page: TunePage) -> None:
    labels, result = page.session.labels, page.session.result
    thickness = result.project.sample.thickness_mm.value
    low = min((t for t in result.analysis.readings_k if t is not None), default=0.0)
    row(page, "mask two points, circuit auto", mask(page, "auto"))
    row(page, "another circuit for all spectra", circuits(page))
    page.set("model.circuit", "bulk-blocking")
    page.settle()
    row(page, "mask two points, circuit by name", mask(page, "by name"))
    row(page, "thickness", lambda k: page.set("sample.thickness_mm", thickness * (1.1 + 0.1 * k)))
    row(page, "temperatures in the line", lambda k: page.set("arrhenius.range_K", [low - 1.0 - k, 1e3]))  # fmt: skip
    row(page, "another spectrum large", lambda k: page.select(labels[k % len(labels)]))


def mask(page: TunePage, reason: str) -> Callable[[int], None]:
    def act(k: int) -> None:
        sources = page.plots.sources
        sources["points"].selected.indices = [4 + 5 * k, 6 + 5 * k]
        page.reason.value = reason  # another one is another mask: nothing is remembered
        page.mask_selected()

    return act


def circuits(page: TunePage) -> Callable[[int], None]:
    names = [n for n in CIRCUITS if n.startswith("bulk")]
    return lambda k: page.set("model.circuit", names[k])


def row(page: TunePage, name: str, act: Callable[[int], None]) -> None:
    first, whole = [], []
    was = page.session.computed
    for k in range(5):
        began = time.perf_counter()
        act(k)
        page.answer()
        first.append(1e3 * (time.perf_counter() - began))
        began = time.perf_counter()
        page.settle()
        whole.append(first[-1] + 1e3 * (time.perf_counter() - began))
    done = {n: v - was.get(n, 0) for n, v in page.session.computed.items() if v != was.get(n, 0)}
    computed = ", ".join(f"{n} {v / 5:g}" for n, v in done.items())
    print(f"{name:36} {statistics.median(first):8.0f} {statistics.median(whole):8.0f}  {computed}")
    page.session.edits.reset()
    page.settle()


if __name__ == "__main__":
    named = [Path(argument) for argument in sys.argv[1:]]
    if named:
        main(named)
    else:
        with as_file(files("cis") / "data" / "demo") as shipped:
            main([shipped / "NS.toml"])
