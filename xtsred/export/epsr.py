"""EPSR and Dissolve: the X-ray interference function in their three normalizations.

Both take Gudrun's .mint01 (Q at the left edge of its bin); Dissolve also reads plain columns (`xy`, Q at the centre, `Error 3`).
Dissolve's XRaySQ states the normalization of the reference: None, SquareOfAverage (<b>^2), AverageOfSquares (<b^2>); EPSR's
weights file has the same three (unnormalised, <f>^2, <f^2>). Each file says which it is in its name and its header.
Sources: docs.projectdissolve.com (XRaySQ module; Data1D format); Soper, RAL-TR-2011-012 (the EPSR manual).
"""

from xtsred.export.gudrun import int01
from xtsred.export.result import Result, factors_words, origin
from xtsred.stages import Array

__all__ = ["NAME", "SUMMARY", "files"]

NAME = "epsr"
SUMMARY = "EPSR and Dissolve .mint01, .dat: F(Q) absolute, by <f>^2, by <f^2>"


def files(result: Result) -> dict[str, str]:
    """NAME_sqav (by |<f>|^2), NAME_avsq (by <f^2>) and NAME_abs (electron units), each as .mint01 and .dat; and what to state."""
    distinct = result.s - 1.0
    ratio = result.square_mean / result.mean_square
    curves = {
        "sqav": (distinct, result.sigma, "F(Q) / |<f>|^2 = S(Q) - 1, Faber-Ziman, X-rays", "SquareOfAverage"),
        "avsq": (ratio * distinct, ratio * result.sigma, "F(Q) / <f^2> = S_AL(Q) - 1, X-rays", "AverageOfSquares"),
        "abs": (
            result.square_mean * distinct,
            result.square_mean * result.sigma,
            "F(Q) = |<f>|^2 [S(Q) - 1], X-rays, electron units per atom",
            "None",
        ),
    }  # fmt: skip
    texts: dict[str, str] = {}
    for end, (values, sigma, words, keyword) in curves.items():
        told = (words, f"Dissolve: ReferenceNormalisedTo {keyword}; EPSR: {_EPSR[keyword]}")
        mint, plain = f"{result.name}_{end}.mint01", f"{result.name}_{end}.dat"
        texts[mint] = int01(mint, result, values, sigma, told=told)
        texts[plain] = _plain(result, values, sigma, told)
    texts["how_to_use.txt"] = _how(result, {k: (v[2], v[3]) for k, v in curves.items()})
    return texts


_EPSR = {
    "SquareOfAverage": "normalised to <f>^2",
    "AverageOfSquares": "normalised to <f^2>",
    "None": "not normalised",
}


def _plain(result: Result, values: Array, sigma: Array, told: tuple[str, ...]) -> str:
    head = [
        origin(result),
        *told,
        factors_words(result),
        f"number density {result.number_density_per_a3:.6g} atoms/A^3, composition {result.composition}",
        "Q 1/A (centre of the bin)  F(Q)  standard uncertainty (counting)",
    ]
    rows = zip(result.q.tolist(), values.tolist(), sigma.tolist(), strict=True)
    body = [f"{q:.6f} {value:.8g} {error:.8g}" for q, value, error in rows]
    return "\n".join([*(f"# {line}" for line in head), *body]) + "\n"


def _how(result: Result, curves: dict[str, tuple[str, str]]) -> str:
    lines = [
        f"{origin(result)}: one measurement, three normalizations; use ONE of them.",
        "The scattering is of X-rays: in EPSR make X-ray weights, in Dissolve an XRaySQ module.",
        f"number density {result.number_density_per_a3:.6g} atoms/A^3, composition {result.composition}",
        "",
    ]
    for end, (words, keyword) in curves.items():
        stem = f"{result.name}_{end}"
        lines += [
            f"{stem}: {words}",
            f"  Dissolve: Reference mint01 '{stem}.mint01' (or xy '{stem}.dat', Error 3); ReferenceNormalisedTo {keyword}",
            f"  EPSR: {stem}.mint01, {_EPSR[keyword]}",
            "",
        ]
    return "\n".join(lines)
