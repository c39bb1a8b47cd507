"""The tune page in a headless Chromium: a slider is dragged, the curve moves, Save is pressed, the file has it."""

import shutil
import time
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from calibration.page.serve import PageServer, running
from tests.chromium import Tab, chromium, open_tab
from xtsred.tune.page import TunePage
from xtsred.tune.session import Session

pytestmark = pytest.mark.skipif(chromium() is None, reason="no chromium on this computer")

READY = "window.Bokeh && Bokeh.documents.length > 0 && Bokeh.documents[0].is_idle"
KEY = "fourier.q_range"


def element(tab: Tab, name: str, selector: str, number: int = 0) -> tuple[float, float]:
    """Where a part of a widget is on the screen."""
    x, y = tab.run(
        f"""(() => {{
            const model = Bokeh.documents[0].get_model_by_name({name!r});
            const part = Bokeh.index.find_one_by_id(model.id).shadow_el.querySelectorAll({selector!r})[{number}];
            part.scrollIntoView({{block: "center"}});
            const box = part.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }})()"""
    )
    return x, y


def total(tab: Tab) -> float:
    """A number that changes with g(r) as the browser has it."""
    found = tab.run(
        "Array.from(Bokeh.documents[0].get_model_by_name('pair').data.get"
        " ? Bokeh.documents[0].get_model_by_name('pair').data.get('g')"
        " : Bokeh.documents[0].get_model_by_name('pair').data.g).reduce((a, b) => a + Math.abs(b), 0)"
    )
    return float(found)


def test_a_slider_is_dragged_the_curve_follows_and_save_writes_the_file(tmp_path: Path) -> None:
    with as_file(files("xtsred") / "data" / "demo") as shipped:
        shutil.copytree(shipped, tmp_path / "demo")
    path = tmp_path / "demo" / "run.toml"
    before = path.read_text(encoding="utf-8")
    session = Session(path)
    server = PageServer(lambda document: TunePage(document, session), grace_s=0.3)
    with running(server), open_tab(tmp_path / "profile") as tab:
        tab.size(1500, 900)
        tab.open(server.start)
        tab.wait_for(READY)
        assert tab.run("location.href") == server.url
        first = total(tab)

        x, y = element(tab, KEY, ".noUi-handle", 1)
        tab.mouse("mouseMoved", x, y)
        tab.mouse("mousePressed", x, y)
        for step in range(1, 9):
            tab.mouse("mouseMoved", x - 7.0 * step, y)
        tab.mouse("mouseReleased", x - 56.0, y)
        tab.wait_for("!Bokeh.documents[0].get_model_by_name('save').disabled")
        tab.wait_for(f"Bokeh.documents[0].get_model_by_name({KEY!r}).value[1] < 19")
        deadline = time.monotonic() + 20.0
        while total(tab) == first and time.monotonic() < deadline:
            time.sleep(0.05)
        assert total(tab) != first
        low, high = tab.run(f"Bokeh.documents[0].get_model_by_name({KEY!r}).value")
        assert low == 0.6

        x, y = element(tab, "save", "button")
        tab.mouse("mousePressed", x, y)
        tab.mouse("mouseReleased", x, y)
        tab.wait_for("Bokeh.documents[0].get_model_by_name('save').disabled")
        after = path.read_text(encoding="utf-8")
        assert after == before.replace(
            "q_range = [0.6, 21.5]\nr_max", f"q_range = [0.6, {high}]\nr_max"
        )
        assert after != before

        assert tab.errors == []
        foreign = [r for r in tab.requests if not r.startswith(("data:", "blob:"))]
        assert foreign
        assert all(r.split("://")[1].startswith(f"127.0.0.1:{server.port}/") for r in foreign)

        # the tab goes, and with it the server
        tab.call("Page.navigate", url="about:blank")
        deadline = time.monotonic() + 20.0
        while not server.ended and time.monotonic() < deadline:
            time.sleep(0.05)
        assert server.ended
