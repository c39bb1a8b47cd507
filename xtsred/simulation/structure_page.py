"""A structure as values for --json, as lines, and as a report."""

from typing import Any

from calibration.provenance import Provenance
from calibration.quantity import Quantity, concise
from calibration.report import RenderedFigure, Report, Section, Table
from xtsred.simulation.structure import Structure
from xtsred.simulation.topology import Network
from xtsred.simulation.transport import Transport

__all__ = ["arrhenius_table", "structure_lines", "structure_report", "structure_values"]


def structure_values(structure: Structure) -> dict[str, Any]:
    """What --json prints and result.json holds."""
    p = structure.partials
    return {
        "elements": dict(zip(p.elements, p.numbers, strict=True)),
        "frames": p.frames,
        "number_density_per_A3": p.density,
        "r_max_A": p.r_max,
        "minima": {
            name: None if m is None else {"r_A": m.position, "g": m.g, "peak_A": m.peak}
            for name, m in zip(p.names, structure.minima, strict=True)
        },
        "coordination": [
            {
                "centre": c.centre,
                "neighbour": c.neighbour,
                "cutoff_A": c.cutoff,
                "cutoff_stated": c.stated,
                "n": c.n,
                "sigma": c.sigma,
            }
            for c in structure.coordination
        ],
        "networks": [_network(n) for n in structure.networks],
        "neighbours": [
            {"pair": f"{d.centre}-{d.neighbour}", "mean_A": d.mean, "width_A": d.width}
            for d in structure.neighbours
        ],
        "transport": None if structure.transport is None else _transport(structure.transport),
        "findings": [{"severity": f.severity, "text": f.text} for f in structure.findings],
    }


def _network(n: Network) -> dict[str, Any]:
    return {
        "former": n.former,
        "anion": n.anion,
        "cutoff_A": n.cutoff,
        "bridges_between": list(n.partners),
        "Q_n_percent": {str(k): 100.0 * float(x) for k, x in enumerate(n.q_n) if k <= 6},
        "Q_n_sigma_percent": None
        if n.q_n_sigma is None
        else {str(k): 100.0 * float(x) for k, x in enumerate(n.q_n_sigma) if k <= 6},
        "E_k_percent": {str(k): 100.0 * float(x) for k, x in enumerate(n.edges) if k <= 4},
        "coordination_percent": {str(k): 100.0 * float(x) for k, x in enumerate(n.coordination)},
        "mean_coordination": n.mean_coordination,
        "anions_by_formers_percent": {
            str(k): 100.0 * float(x) for k, x in enumerate(n.bridging) if k <= 4
        },
        "homopolar_former_percent": _percent(n.homopolar_former),
        "homopolar_anion_percent": _percent(n.homopolar_anion),
    }


def _percent(share: float | None) -> float | None:
    return None if share is None else 100.0 * share


def _transport(t: Transport) -> dict[str, Any]:
    return {
        "temperature_K": t.temperature_k,
        "window_ps": list(t.diffusion[0].window),
        "diffusion_cm2_per_s": {
            d.element: {"value": d.d.value, "sigma": d.d.sigma, "exponent": d.exponent}
            for d in t.diffusion
        },
        "sigma_Nernst_Einstein": t.nernst_einstein,
        "sigma_Einstein_Helfand": t.einstein_helfand,
        "Haven_ratio": t.haven,
        "mobile": t.mobile,
        "reference_frame": "centre of mass of the box",
        "charges": dict(t.charges),
    }


def structure_lines(structure: Structure) -> list[str]:
    """What the command prints."""
    p = structure.partials
    atoms = ", ".join(f"{n} {e}" for e, n in zip(p.elements, p.numbers, strict=True))
    lines = [f"{atoms}; {p.frames} frame(s); {p.density:.5f} atoms/Å^3; g(r) to {p.r_max:.2f} Å"]
    for c in structure.coordination:
        source = "stated" if c.stated else "first minimum"
        lines.append(
            f"  n({c.centre}-{c.neighbour}) = {concise(c.n, c.sigma, digits=5)} within {c.cutoff:.2f} Å ({source})"
        )
    for n in structure.networks:
        units = "  ".join(f"Q{k} {100 * x:.2f}" for k, x in enumerate(n.q_n) if x > 0)
        edges = "  ".join(f"E{k} {100 * x:.2f}" for k, x in enumerate(n.edges[:3]))
        lines.append(
            f"  {n.former} units by bridging {n.anion} (%): {units}; shared edges: {edges}"
        )
        if n.homopolar_former is not None:
            lines.append(
                f"  {n.former} with a {n.former}-{n.former} bond: {100 * n.homopolar_former:.2f}%"
            )
        if n.homopolar_anion is not None:
            lines.append(
                f"  {n.anion} with a {n.anion}-{n.anion} bond: {100 * n.homopolar_anion:.2f}%"
            )
    if structure.transport is not None:
        t = structure.transport
        lines += [
            f"  D({d.element}) = {d.d} relative to the centre of mass, msd ~ t^{d.exponent:.2f}"
            for d in t.diffusion
        ]
        lines.append(
            f"  sigma: Nernst-Einstein {t.nernst_einstein}, Einstein-Helfand {t.einstein_helfand}; "
            f"Haven ratio {concise(t.haven.value, t.haven.sigma)} at {t.temperature_k:g} K"
        )
    return lines


def arrhenius_table(transport: Transport, *, name: str) -> str:
    """One row per way to the conductivity, in the columns that `cis arrhenius` reads; no resistance was measured.

    identifiable is false, and the row left out there, where the ions do not diffuse in the fitted window.
    """
    head = (
        "name,temperature_K,temperature_sigma_K,R_ohm,R_sigma_ohm,sigma_S_per_cm,sigma_stat_S_per_cm,"
        "sigma_geometry_S_per_cm,circuit,method,kind,identifiable"
    )
    rows = [head]
    for label, value in (
        ("Nernst-Einstein", transport.nernst_einstein),
        ("Einstein-Helfand", transport.einstein_helfand),
    ):
        error = "" if value.sigma is None else f"{value.sigma:.6e}"
        usable = str(transport.diffusive).lower()
        rows.append(
            f"{name} {label},{transport.temperature_k:g},,,,{value.value:.6e},{error},,,simulation,{label},{usable}"
        )
    return "\n".join(rows) + "\n"


def structure_report(
    structure: Structure, provenance: Provenance, *, title: str, figures: list[RenderedFigure]
) -> Report:
    """The page. figures: drawn by figures.py."""
    rows = [
        [
            f"{c.centre}-{c.neighbour}",
            concise(c.n, c.sigma, digits=5),
            f"{c.cutoff:.2f}",
            "stated" if c.stated else "first minimum",
        ]
        for c in structure.coordination
    ]
    sections = [
        Section(
            title="Distances and neighbours",
            tables=(
                Table(
                    title="Coordination numbers",
                    columns=("pair", "n", "cutoff (Å)", "cutoff from"),
                    rows=rows,
                    caption="Counted atom by atom; N_i n_ij = N_j n_ji.",
                ),
            ),
            figures=tuple(figures),
        )
    ]
    if structure.networks:
        sections.append(
            Section(
                title="Network",
                paragraphs=(
                    "Q^n: formers with n bridging anions (bonded to two or more formers, of any element whose cutoff is stated). E^k: formers whose "
                    "polyhedron shares k edges. Shares in % of the formers.",
                ),
                tables=tuple(_unit_table(n) for n in structure.networks),
            )
        )
    headline: list[tuple[str, Quantity | str]] = [
        (f"n({c.centre}-{c.neighbour})", Quantity(c.n, c.sigma))
        for c in structure.coordination
        if c.stated
    ]
    if structure.transport is not None:
        t = structure.transport
        headline += [(f"D({d.element})", d.d) for d in t.diffusion if d.element == t.mobile]
        headline += [
            ("σ, Nernst-Einstein", t.nernst_einstein),
            ("σ, Einstein-Helfand", t.einstein_helfand),
            ("Haven ratio D*/D_σ", t.haven),
        ]
    return Report(
        title="Structure of a simulation",
        subtitle=title,
        findings=structure.findings,
        headline=headline,
        sections=sections,
        provenance=provenance,
        values=structure_values(structure),
    )


def _unit_table(n: Network) -> Table:
    rows = []
    for k in range(7):
        if n.q_n[k] > 0 or n.edges[k] > 0 or n.coordination[k] > 0:
            sigma = None if n.q_n_sigma is None else 100.0 * float(n.q_n_sigma[k])
            rows.append(
                [
                    str(k),
                    concise(100.0 * float(n.q_n[k]), sigma),
                    f"{100.0 * n.edges[k]:.2f}",
                    f"{100.0 * n.coordination[k]:.2f}",
                ]
            )
    return Table(
        title=f"{n.former} with {n.anion} within {n.cutoff:g} Å",
        columns=("k", f"Q^k ({n.former})", "E^k", f"{n.former} with k {n.anion}"),
        rows=rows,
        caption=f"Mean number of {n.anion} about {n.former}: {n.mean_coordination:.4f}.",
    )
