"""Pictures with names from files in them."""

import pytest

from calibration.figures import literal, new_figure, render


@pytest.mark.parametrize("name", [r"a $\frac{$ b", "5 $ per 3 $", "_hidden", "<script>&amp;"])
def test_a_name_is_no_formula_and_stands_in_the_legend(name: str) -> None:
    figure = new_figure()
    axes = figure.subplots()
    axes.plot([1.0, 2.0], label=literal(name))
    legend = axes.legend()
    assert len(legend.get_texts()) == 1
    svg = render(figure, name="x", title="x", caption="").svg.decode()
    shown = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert shown in svg


def test_a_formula_of_ours_stays_one_and_what_is_none_does_not_end_the_report() -> None:
    figure = new_figure()
    axes = figure.subplots()
    axes.set_xlabel("Q / Å$^{-1}$")
    axes.set_title(r"$\frac{$")
    svg = render(figure, name="x", title="x", caption="").svg.decode()
    assert "$^{-1}$" not in svg.split("<g", 1)[1].replace("<!-- Q / Å$^{-1}$ -->", "")
    assert r"$\frac{$" in svg
