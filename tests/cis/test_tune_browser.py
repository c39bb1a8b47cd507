"""The tune page in a headless Chromium: points are drawn around, masked with a reason, the fit moves, Save writes the file."""

import itertools
import time
from pathlib import Path

import pytest

from calibration.page.serve import PageServer, running
from cis.pipeline import analyze, load_config, read_inputs
from cis.tune.page import TunePage
from cis.tune.session import Session
from tests.chromium import Tab, chromium, open_tab
from tests.cis.conftest import PROJECT, write_series

pytestmark = pytest.mark.skipif(chromium() is None, reason="no chromium on this computer")

READY = "window.Bokeh && Bokeh.documents.length > 0 && Bokeh.documents[0].is_idle"
MODEL = "Bokeh.documents[0].get_model_by_name({name!r})"


def middle(tab: Tab, name: str, selector: str) -> tuple[float, float]:
    """Where a part of a widget is on the screen."""
    x, y = tab.run(
        f"""(() => {{
            const view = Bokeh.index.find_one_by_id({MODEL.format(name=name)}.id);
            const part = view.shadow_el.querySelector({selector!r});
            part.scrollIntoView({{block: "center"}});
            const box = part.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }})()"""
    )
    return x, y


def place(tab: Tab, plot: str, x: float, y: float) -> tuple[float, float]:
    """Where a point of a plot's coordinates is on the screen."""
    sx, sy = tab.run(
        f"""(() => {{
            const view = Bokeh.index.find_one_by_id({MODEL.format(name=plot)}.id);
            view.el.scrollIntoView({{block: "center"}});
            const box = view.el.getBoundingClientRect();
            return [box.x + view.frame.x_scale.compute({x}), box.y + view.frame.y_scale.compute({y})];
        }})()"""
    )
    return sx, sy


def click(tab: Tab, at: tuple[float, float]) -> None:
    tab.mouse("mouseMoved", *at)
    tab.mouse("mousePressed", *at)
    tab.mouse("mouseReleased", *at)


def total(tab: Tab) -> float:
    """A number that changes with the fitted line as the browser has it."""
    data = f"{MODEL.format(name='fit')}.data"
    found = tab.run(
        f"Array.from({data}.get ? {data}.get('re') : {data}.re).reduce((a, b) => a + b, 0)"
    )
    return float(found)


def test_points_are_drawn_around_masked_and_saved(tmp_path: Path) -> None:
    write_series(tmp_path, (5.0, 25.0, 45.0))
    path = tmp_path / "run.toml"
    path.write_text(PROJECT, encoding="utf-8")
    session = Session(path)
    frames = session.labels
    server = PageServer(lambda document: TunePage(document, session), grace_s=0.3)
    with running(server), open_tab(tmp_path / "profile") as tab:
        tab.size(1500, 950)
        tab.open(server.start)
        tab.wait_for(READY)
        assert tab.run("location.href") == server.url

        # the last tile
        click(tab, place(tab, "tiles", 2 * 1.45 + 0.4, -0.7))
        tab.wait_for(f"{MODEL.format(name='spectrum')}.value === {frames[2]!r}")
        tab.wait_for(READY)
        first = total(tab)

        # a loop around the top of the arc
        size = session.result.of(frames[2]).fit.resistance_ohm / 1e3  # type: ignore[union-attr]
        loop = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.3, 0.31)]
        corners = [place(tab, "nyquist plot", u * size, v * size) for u, v in loop]
        tab.mouse("mouseMoved", *corners[0])
        tab.mouse("mousePressed", *corners[0])
        for (x0, y0), (x1, y1) in itertools.pairwise(corners):
            for part in (0.25, 0.5, 0.75, 1.0):
                tab.mouse("mouseMoved", x0 + part * (x1 - x0), y0 + part * (y1 - y0))
        tab.mouse("mouseReleased", *corners[-1])
        tab.wait_for(f"{MODEL.format(name='points')}.selected.indices.length > 1")
        chosen = tab.run(f"{MODEL.format(name='points')}.selected.indices")

        click(tab, middle(tab, "reason", "input"))
        tab.call("Input.insertText", text="hand on the cable")
        click(tab, middle(tab, "mask", "button"))
        tab.wait_for(f"!{MODEL.format(name='save')}.disabled")
        deadline = time.monotonic() + 20.0
        while total(tab) == first and time.monotonic() < deadline:
            time.sleep(0.05)
        assert total(tab) != first

        click(tab, middle(tab, "save", "button"))
        tab.wait_for(f"{MODEL.format(name='save')}.disabled")
        text = path.read_text(encoding="utf-8")
        listed = session.measured(frames[2]).frequency_hz[sorted(chosen)].tolist()
        assert text == (
            f'{PROJECT}\n[[mask]]\nspectrum = "{frames[2]}"\nfrequency_Hz = {listed}\nreason = "hand on the cable"\n'
        )
        loaded = load_config(path)
        again = analyze(loaded.record, read_inputs(loaded))
        assert again.fits[2].resistance_ohm == session.result.analysis.fits[2].resistance_ohm

        assert tab.errors == []
        foreign = [r for r in tab.requests if not r.startswith(("data:", "blob:"))]
        assert foreign
        assert all(r.split("://")[1].startswith(f"127.0.0.1:{server.port}/") for r in foreign)
