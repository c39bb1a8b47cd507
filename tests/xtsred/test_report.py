"""The report's own work: findings in few words, pictures without losing a point, paths that hold elsewhere."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.provenance import collect
from calibration.quantity import Quantity
from calibration.records import load
from calibration.report import Finding, render_html
from xtsred.config import Project, load_project
from xtsred.figures import (
    components_figure,
    envelope,
    normalization_figure,
    pair_figure,
    scans_figure,
    steps_figures,
    structure_figures,
    window_text,
)
from xtsred.fourier import Window
from xtsred.output import resolved_project, table_text
from xtsred.report import build_report, collapsed
from xtsred.stages import (
    Intensity,
    Normalization,
    PairDistribution,
    Pattern,
    Reduction,
    Scan,
    Step,
    StructureFactor,
    frozen,
)

DEMO = Path(__file__).resolve().parents[2] / "xtsred" / "data" / "demo" / "run.toml"


def reduction(**changes: Any) -> Reduction:
    """A small made-up reduction: shapes and names are right, numbers mean nothing."""
    x = frozen(np.linspace(2.0, 150.0, 1800))
    q = frozen(np.linspace(0.3, 17.0, 300))
    r = frozen(np.linspace(0.05, 10.0, 200))
    one, ones, wave = (
        frozen(np.ones(300)),
        frozen(np.ones(1800)),
        frozen(np.sin(np.linspace(0, 9, 200))),
    )
    k = Quantity(50.0, 0.1, "counts/s per e.u.")
    scans = tuple(
        Scan(file=f"/data/{n}.xy", format="t", two_theta_deg=x, values=ones, kind="counts")
        for n in "ab"
    )
    pattern = Pattern(
        role="sample", two_theta_deg=x, rate_cps=ones, sigma_cps=ones, exposure_s=ones, scans=ones
    )
    step = Step(
        name="Polarization", x=x, x_label="2θ (°)", y_label="P", curves={"P": ones},
        parameters={"a": "1"}, reference="book",
    )  # fmt: skip
    fields: dict[str, Any] = {
        "name": "glass", "composition_text": "SiO2", "number_density_per_a3": 0.066,
        "scans": {"sample": scans}, "patterns": {"sample": pattern}, "steps": (step,),
        "intensity": Intensity(
            two_theta_deg=x, q=frozen(np.linspace(0.3, 17.0, 1800)), measured=ones, sigma=ones,
            components={"self": ones, "Compton": ones}, coherent=ones, coherent_sigma=ones,
            square_mean=ones, mean_square=ones,
        ),
        "normalization": Normalization(
            method="high-angle", k=k, k_high_angle=k, k_integral=k, q_range=(8.0, 17.0)
        ),
        "structure_factor": StructureFactor(q=q, s=one, sigma=one, sigma_systematic=one),
        "pair_distribution": PairDistribution(
            r=r, g=wave, g_sigma=wave, d=wave, d_sigma=wave, t=wave, t_sigma=wave, rdf=wave,
            rdf_sigma=wave, window="none", extrapolation="none", number_density_per_a3=0.066,
            first_distance=1.4,
        ),
        "shells": (), "findings": (), "parameters": {},
    }  # fmt: skip
    return Reduction(**(fields | changes))


def test_findings_name_files_shortly_and_once() -> None:
    found = collapsed(
        reduction(
            findings=(
                Finding("note", "/data/a.xy: taken as counts"),
                Finding("note", "/data/b.xy: taken as counts"),
                Finding("warning", "muR differs: check it"),
            )
        )
    )
    assert [f.text for f in found] == ["a.xy, b.xy: taken as counts", "muR differs: check it"]


def test_findings_of_different_weight_or_text_stay_apart() -> None:
    found = collapsed(
        reduction(
            findings=(
                Finding("note", "/data/a.xy: odd", {"n": 1.0}),
                Finding("warning", "/data/b.xy: odd"),
            )
        )
    )
    assert [(f.severity, f.text) for f in found] == [
        ("note", "a.xy: odd"),
        ("warning", "b.xy: odd"),
    ]
    assert found[0].numbers == {"n": 1.0}


def test_an_envelope_loses_no_extreme_and_keeps_the_order() -> None:
    rng = np.random.default_rng(1)
    x, y = np.arange(7601.0), rng.normal(size=7601)
    y[4321], y[17] = 40.0, -50.0
    ex, ey = envelope(x, y)
    assert ex.size <= 1000
    assert (ey.max(), ey.min()) == (40.0, -50.0)
    assert (np.diff(ex) >= 0.0).all()
    assert set(zip(ex, ey, strict=True)) <= set(zip(x, y, strict=True))
    short = envelope(x[:100], y[:100])
    assert short[0].size == 100


def test_every_picture_is_drawn_with_a_name_of_its_own() -> None:
    r = reduction()
    pictures = [scans_figure(r), *steps_figures(r), components_figure(r), normalization_figure(r)]
    pictures += [*structure_figures(r), pair_figure(r)]
    names = [p.name for p in pictures]
    assert len(set(names)) == len(names)
    assert all(p.title and p.caption for p in pictures)


def test_a_new_correction_appears_by_itself() -> None:
    r = reduction()
    more = tuple(
        Step(
            name=f"Correction {i}", x=r.steps[0].x, x_label="x", y_label="y",
            curves={"curve": r.steps[0].x}, parameters={}, reference="",
        )
        for i in range(8)
    )  # fmt: skip
    svgs = [p.svg.decode() for p in steps_figures(reduction(steps=more))]
    assert len(svgs) == 2
    assert all(f"Correction {i}" in svgs[i // 6] for i in range(8))


def test_a_table_keeps_nine_digits_and_one_line_per_fact() -> None:
    text = table_text("T", {"a": "x\ny"}, [("Q", np.array([1 / 3])), ("S", np.array([2.0]))])
    assert text == "# T\n# a = x y\n#\n#### start data\n#L Q  S\n0.333333333 2\n"


def test_resolved_paths_hold_from_another_folder(tmp_path: Path) -> None:
    loaded = load_project(DEMO, settings=["fourier.r_max=12"])
    target = tmp_path / "deep" / "out"
    target.mkdir(parents=True)
    path = target / "run.toml"
    path.write_text(resolved_project(loaded, folder=target), encoding="utf-8")
    again = load(Project, path)
    assert again.record.fourier.r_max == 12.0
    for old, new in zip(loaded.record.scan, again.record.scan, strict=True):
        assert (target / new.file).resolve() == (DEMO.parent / old.file).resolve()
        assert not Path(new.file).is_absolute()
    assert again.record.comparison is not None
    assert (target / str(again.record.comparison.curve)).is_file()


@pytest.mark.parametrize("asked", [True, False])
def test_the_covariance_is_written_on_request(tmp_path: Path, asked: bool) -> None:
    import h5py

    from calibration.provenance import collect
    from xtsred.nexus import write_nexus

    loaded = load_project(DEMO, settings=[f"fourier.covariance={str(asked).lower()}"])
    r = reduction()
    pair = r.pair_distribution
    fields = {name: getattr(pair, name) for name in pair.__dataclass_fields__}
    r = reduction(
        pair_distribution=PairDistribution(**(fields | {"covariance": frozen(np.eye(200))}))
    )
    path = tmp_path / "a.h5"
    provenance = collect("xtsred", command="", inputs=[], libraries=[])
    write_nexus(path, r, project=loaded.record, provenance=provenance, project_toml="")
    with h5py.File(path) as file:
        assert ("G_covariance" in file["entry/pair_distribution"]) is asked
        assert file["entry/parameters/K"].attrs["uncertainty"] == 0.1


def test_the_page_has_one_way_to_write_units_and_no_unknown_where_nothing_is_unknown() -> None:
    """Å⁻¹ everywhere, the window once, times and transmissions without ±."""
    loaded = load_project(DEMO)
    window = str(Window(name="lorch", q_max=21.0))
    one = reduction(
        findings=(Finding("note", "the range begins at 0.5 Å^-1"),),
        parameters={
            "number density": Quantity(0.0431, None, "Å^-3"),
            "mu R (stated)": Quantity(0.19, 0.01),
            "beam transmission, sample": Quantity(0.7),
            "counting time, sample": Quantity(12.5, None, "h"),
        },
    )
    one = replace(one, pair_distribution=replace(one.pair_distribution, window=window))
    report = build_report(one, loaded, collect("t", command="", inputs=[], libraries=[]))
    page = re.sub(r"data:image[^\"]*", "", render_html(report))
    assert "Å^-" not in page
    assert "0.5 Å⁻¹" in page
    assert "Å⁻³" in page
    assert "lorch window, Q_max = 21 Å⁻¹" in page
    assert "indow lorch" not in page
    assert ">12.5 h<" in page
    assert ">0.7<" in page
    assert window_text(str(Window(name="none", q_max=9.0))).startswith("sharp cut (no window)")
