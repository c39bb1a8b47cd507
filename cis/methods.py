"""The paragraph of a methods section: how these conductivities and energies were found, with numbers and references."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from calibration.quantity import Quantity
from calibration.report import typeset
from calibration.thermometer import celsius

__all__ = ["methods_text"]

_REFERENCES = (
    "M. Schönleber, D. Klotz and E. Ivers-Tiffée, Electrochim. Acta 131, 20 (2014)",
    "J. R. Macdonald and E. Barsoukov, Impedance Spectroscopy, 3rd ed. (Wiley, 2018)",
)
_FORMS = {"ln_sigma": "σ = σ0 exp(-E_A/kT)", "ln_sigma_T": "σT = B exp(-E_A/kT)"}


def methods_text(folder: Path) -> str:
    """The paragraph for a result folder of `cis analyze`; every number in it is the result's."""
    result: Any = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    rows = result["conductivity"]
    sentences = [
        *_measured(result, rows),
        *_fitted(result, rows),
        *(_energy(row) for row in result["arrhenius"]),
    ]
    if result["virtual"]:
        sentences.insert(0, "The spectra are computed: this describes a virtual experiment.")
    sentences.append(
        f"All steps were done with xtsred (cis) {result['provenance']['version']}; stated uncertainties are one standard "
        "uncertainty."
    )
    references = "\n".join(f"[{i}] {text}" for i, text in enumerate(_REFERENCES, start=1))
    return typeset(" ".join(sentences)) + "\n\n" + typeset(references) + "\n"


def _measured(result: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    known = [row["temperature_K"] for row in rows if row["temperature_K"] is not None]
    span = ""
    if known:
        low, high = celsius(min(known)), celsius(max(known))
        span = f" from {low:.1f} to {high:.1f} °C" if high > low else f" at {low:.1f} °C"
    cell = Quantity(**result["cell_constant"])
    return [
        f"The impedance of {result['sample']} was measured at {len(rows)} temperatures{span}"
        if len(known) == len(rows) and len(set(known)) == len(rows)
        else f"{len(rows)} impedance spectra of {result['sample']} were measured{span}",
        f"in a cell of constant e/A = {cell}.",
        result["fixture"],
        "The spectra were checked for consistency by the linear Kramers-Kronig test [1]"
        f"{_dropped(result)}.",
    ]


def _dropped(result: Mapping[str, Any]) -> str:
    number = sum(len(fit["dropped"]) for fit in result["fits"])
    refused = len(result["refused"])
    text = f"; {number} points were left out for stated reasons" if number else ""
    return text + (f"; {refused} spectra were refused" if refused else "")


def _fitted(result: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    circuits = Counter(str(fit["circuit_string"]) for fit in result["fits"])
    named = ", ".join(f"{circuit} ({number})" for circuit, number in circuits.most_common())
    kinds = Counter(str(row["kind"]) for row in rows)
    evidence = ", ".join(f"{kind} ({number})" for kind, number in kinds.most_common())
    return [
        f"Equivalent circuits [2] were fitted to the complex impedance with modulus weights: {named}.",
        f"The resistance R is the low-frequency intercept of the arc with the real axis (kind of evidence: {evidence}), and "
        "σ = (e/A)/R.",
    ]


def _energy(row: Mapping[str, Any]) -> str:
    energy = Quantity(row["E_A_eV"], row["E_A_sigma_eV"], "eV")
    room = Quantity(row["sigma_298K_S_per_cm"], row["sigma_298K_sigma_S_per_cm"], "S/cm")
    segment = "" if row["segment"] == "all" else f" {row['segment']} the break"
    far = row["extrapolated_to_298K_by_K"]
    extrapolated = f", extrapolated by {far:.2g} K" if far else ""
    return f"From {_FORMS[row['form']]}, {row['n']} points{segment}, E_A = {energy} and σ(298.15 K) = {room}{extrapolated}."
