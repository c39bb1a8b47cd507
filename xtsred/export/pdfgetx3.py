"""PDFgetX3 .gr, .fq and .sq: what PDFgui, diffpy.srfit and diffpy.utils read, with G(r) cut off sharply as theirs is.

Layout: the configuration as `key = value`, "#### start data", "#S 1", "#L" with the column names, two columns; G(r) from
r = 0. PDFgetX3 has no window and no uncertainties: G(r) is computed again without one, and the uncertainties stay in
the result folder's own files. Its scale is ad hoc (rpoly); ours is absolute. S(Q) is Faber-Ziman, divided by <f>^2, in both.
Sources: Juhas et al., J. Appl. Cryst. 46 (2013) 560; diffpy.org/products/pdfgetx (output files).
"""

from xtsred.export.result import Result, origin
from xtsred.stages import Array

__all__ = ["NAME", "SUMMARY", "files"]

NAME = "pdfgetx3"
SUMMARY = "PDFgetX3 .gr, .fq, .sq for PDFgui and diffpy: sharp cut at Qmax"

_COLUMNS = {
    "gr": "r($\\AA$)  G($\\AA^{-2}$)",
    "fq": "Q($\\AA^{-1}$)  F($\\AA^{-1}$)",
    "sq": "Q($\\AA^{-1}$)  S",
}
_DEFINITIONS = {
    "gr": "G(r) = (2/pi) int Q [S(Q) - 1] sin(Qr) dQ = 4 pi rho0 r [g(r) - 1], 1/A^2",
    "fq": "F(Q) = Q [S(Q) - 1], 1/A",
    "sq": "S(Q) of Faber and Ziman, X-rays: [I_coh - (<f^2> - |<f>|^2)] / |<f>|^2",
}


def files(result: Result) -> dict[str, str]:
    """NAME.gr, NAME.fq, NAME.sq."""
    curves = {
        "gr": (result.r, result.d),
        "fq": (result.q, result.q * (result.s - 1.0)),
        "sq": (result.q, result.s),
    }
    return {f"{result.name}.{end}": _text(result, end, x, y) for end, (x, y) in curves.items()}


def _text(result: Result, end: str, x: Array, y: Array) -> str:
    low, high = result.q_range
    step = float(result.r[1] - result.r[0])
    virtual = (
        ["# VIRTUAL: the scans are simulated, this is not a measurement"] if result.virtual else []
    )
    head = [
        "[DEFAULT]",
        "",
        f"# {origin(result)}, in the layout of PDFgetX3",
        *virtual,
        f"# {_DEFINITIONS[end]}",
        "# X-ray weights: divided by |<f(Q)>|^2; absolute scale, none fitted (rpoly does not apply)",
        f"# window: none, sharp cut at qmax; below qmin {result.extrapolation}",
        f"# number density: {result.number_density_per_a3:.6g} atoms/A^3",
        "# uncertainties: PDFgetX3 files have none; they are in the files of the result folder",
        "",
        "# input and output specifications",
        "dataformat = QA",
        f"inputfile = {result.name}.sq",
        "backgroundfile =",
        f"outputtype = {end}",
        "",
        "# PDF calculation setup",
        "mode = xray",
        f"composition = {_formula(result.composition)}",
        f"qmaxinst = {high:g}",
        f"qmin = {low:g}",
        f"qmax = {high:g}",
        "rmin = 0",
        f"rmax = {result.r[-1]:g}",
        f"rstep = {step:g}",
        "",
        "# End of config --------------------------------------------------------------",
        "",
        "#### start data",
        "",
        "#S 1",
        f"#L {_COLUMNS[end]}",
    ]
    rows = zip(x.tolist(), y.tolist(), strict=True)
    return "\n".join([*head, *(f"{a:.9g} {b:.9g}" for a, b in rows)]) + "\n"


def _formula(text: str) -> str:
    """Brackets and dots of our formulas as the plain sum that PDFgetX3 knows; as it stands where it cannot be read."""
    from calibration.composition import parse_formula

    fractions = parse_formula(text)
    return "".join(f"{element}{value:.6g}" for element, value in fractions.items())
