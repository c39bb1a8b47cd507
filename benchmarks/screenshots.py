"""Makes docs/tune.png: the page of `xtsred tune` with the shipped virtual glass and two of its numbers moved.

Needs chromium; run in the folder of the checkout as `PYTHONPATH=. python benchmarks/screenshots.py`. Prints the size.
"""

import contextlib
import io
import shutil
import tempfile
import time
from importlib.resources import as_file, files
from pathlib import Path

from bokeh.document import Document
from PIL import Image

from calibration.page.serve import PageServer, running
from tests.chromium import chromium, open_tab
from xtsred.tune.page import TunePage
from xtsred.tune.session import Session

_SIZE = (1480, 900)
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

    with running(PageServer(build)) as server, open_tab(profile) as tab:
        tab.size(*_SIZE)
        tab.open(server.url)
        tab.wait_for(_READY)
        time.sleep(1.0)  # what is drawn last
        shot = Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
    small = shot.quantize(_COLOURS, dither=Image.Dither.NONE)
    small.save(target, optimize=True)
    print(f"{target}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    if chromium() is None:
        print("no chromium: no pictures")
    else:
        tune(Path("docs").absolute() / "tune.png")
