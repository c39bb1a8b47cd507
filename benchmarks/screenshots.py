"""Makes docs/tune.png and docs/cis_tune.png: the pages of `xtsred tune` and `cis tune` with a shipped virtual glass and keys changed.

Needs chromium; run in the folder of the checkout as `PYTHONPATH=. python benchmarks/screenshots.py [NAME.png]`. Prints the size.
"""

import contextlib
import io
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

from bokeh.document import Document
from PIL import Image

from calibration.page.serve import PageServer, running
from cis.tune.page import TunePage as CisTunePage
from cis.tune.session import Session as CisSession
from tests.chromium import chromium, open_tab
from xtsred.tune.page import TunePage
from xtsred.tune.session import Session

_SIZE = (1480, 900)
_CIS_SIZE = (1480, 1010)
_COLOURS = 256
_READY = "window.Bokeh && Bokeh.documents.length > 0 && Bokeh.documents[0].is_idle"


def tune(target: Path) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        work = Path(name)
        with as_file(files("xtsred") / "data" / "demo") as shipped:
            shutil.copytree(shipped, work / "ns-glass")
        path = work / "ns-glass" / "run.toml"
        text = path.read_text(encoding="utf-8")
        stated = "packing_fraction = { value = 0.5, sigma = 0.02 }"
        path.write_text(text.replace("packing_fraction = 0.5", stated), encoding="utf-8")
        with contextlib.chdir(work):
            picture(Path("ns-glass/run.toml"), target, profile=work / "profile")


def picture(path: Path, target: Path, *, profile: Path) -> None:
    session = Session(path)

    def build(document: Document) -> None:
        page = TunePage(document, session)
        session.edits.set("sample.packing_fraction", 0.545)
        page.settle()
        page.plots.ghost()
        session.edits.set("fourier.q_range", [0.6, 14.0])
        page.settle()

    shoot(build, target, size=_SIZE, profile=profile)


def cis_tune(target: Path) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        work = Path(name)
        with as_file(files("cis") / "data" / "demo") as shipped:
            shutil.copytree(shipped, work / "ns-pellet")
        with contextlib.chdir(work):
            cis_picture(Path("ns-pellet/NS.toml"), target, profile=work / "profile")


def cis_picture(path: Path, target: Path, *, profile: Path) -> None:
    """Points masked at the end of a sweep, after another circuit had been tried; further points are selected."""
    session = CisSession(path)

    def build(document: Document) -> None:
        page = CisTunePage(document, session)
        page.select(session.labels[2])
        page.set("model.circuit", "bulk")
        page.settle()
        page.set("model.circuit", "auto")
        chosen = page.plots.sources["points"]
        chosen.selected.indices = [k for k, f in enumerate(chosen.data["f"]) if f < 30.0]
        page.reason.value = "electrode drifts at the end"
        page.mask_selected()
        page.answer()
        page.settle()
        chosen.selected.indices = [8, 9, 10, 11]
        page.plots.spectrum.views.active = 1

    shoot(build, target, size=_CIS_SIZE, profile=profile)


def shoot(
    build: Callable[[Document], None], target: Path, *, size: tuple[int, int], profile: Path
) -> None:
    with running(PageServer(build)) as server, open_tab(profile) as tab:
        tab.size(*size)
        tab.open(server.url)
        tab.wait_for(_READY)
        time.sleep(1.0)  # what is drawn last
        shot = Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
    small = shot.quantize(_COLOURS, kmeans=4, dither=Image.Dither.NONE)
    small.save(target, optimize=True)
    print(f"{target}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    if chromium() is None:
        print("no chromium: no pictures")
    else:
        for name, make in (("tune.png", tune), ("cis_tune.png", cis_tune)):
            if not sys.argv[1:] or name in sys.argv[1:]:
                make(Path("docs").absolute() / name)
