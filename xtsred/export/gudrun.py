"""GudrunX .int01 and .mint01: S(Q) - 1 with its uncertainty.

Layout: 14 lines that begin with "#": the file's name, a title, "1 n" (one group, n rows), the number of lines that
follow in the header (10), those lines; then Q, value, standard uncertainty in E format. Q is the left edge of its bin,
as the documentation of Dissolve says of its `mint01` import (docs.projectdissolve.com, Reference, Data1D format); the
layout is that of files GudrunX and GudrunN write. Values: i(Q) = S(Q) - 1 by |<f>|^2, GudrunX's "normalise to <f>^2".
Source: Soper, RAL-TR-2011-013 (the Gudrun manual).
"""

import numpy as np

from xtsred.export.result import Result, factors_words, origin
from xtsred.stages import Array

__all__ = ["NAME", "SUMMARY", "files", "int01"]

NAME = "gudrun"
SUMMARY = "GudrunX .int01, .mint01: S(Q) - 1 by |<f>|^2, Q at the left edge of its bin"


def files(result: Result) -> dict[str, str]:
    """NAME.int01 and NAME.mint01; the same numbers: no Fourier filter stands between them here."""
    told = (
        "i(Q) = S(Q) - 1, X-rays, Faber-Ziman, divided by |<f>|^2",
        "GudrunX: normalise to <f>^2; dimensionless, not absolute",
    )
    return {
        f"{result.name}.{end}": int01(
            f"{result.name}.{end}", result, result.s - 1.0, result.sigma, told=told
        )
        for end in ("int01", "mint01")
    }


def int01(name: str, result: Result, values: Array, sigma: Array, *, told: tuple[str, ...]) -> str:
    """The text of one file. values, sigma: shape (n,) at result.q; told: up to four lines that say what they are."""
    step = float(result.q[1] - result.q[0])
    low, high = result.q_range
    said = [
        *told,
        f"Q 1/A at the LEFT EDGE of bins of {step:.6g}; centres are {step / 2:.6g} higher",
        "third column: standard uncertainty, counting statistics",
        factors_words(result),
        f"composition {result.composition}",
        f"number density {result.number_density_per_a3:.6g} atoms/A^3",
        f"Q range {low:g} to {high:g} 1/A; no Fourier filter applied",
    ]
    said += [""] * (10 - len(said))
    head = [name, origin(result), f"    1 {result.q.size:5d}", "   10", *said]
    lines = [f"# {_ascii(line)[:78]:<78s}" for line in head]
    rows = np.column_stack([result.q - step / 2.0, values, sigma]).tolist()
    lines += [" " + "".join(f" {v:15.7E}" for v in row) for row in rows]
    return "\n".join(lines) + "\n"


def _ascii(text: str) -> str:
    """Fortran readers take one byte for a character."""
    return text.replace("Å", "A").encode("ascii", "replace").decode("ascii")
