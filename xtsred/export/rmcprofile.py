"""RMCProfile: X-ray F(Q) and the real-space functions, each with its line for the control file.

Layout of a data file (manual of version 6.7, section 4.12): line 1 the number of points, line 2 a title, then x and y.
X-ray F(Q) is sum c_i c_j f_i f_j [S_ij - 1], divided as NORMALIZATION_TYPE says: <f>^2 here; the program's default is
<f^2>, so the line must stand in the control file. Real space: D(r) / <f>^2 = 4 pi rho0 r [g - 1] (PDFgui's G) and
Keen's G(r) / <f>^2 = g - 1, both dimensionless in f: not in barn, which for X-rays does not exist in r.
Sources: RMCProfile User Manual 6.7; Keen, J. Appl. Cryst. 34 (2001) 172.
"""

import numpy as np

from xtsred.export.result import Result, factors_words, origin
from xtsred.stages import Array

__all__ = ["NAME", "SUMMARY", "files"]

NAME = "rmcprofile"
SUMMARY = "RMCProfile .dat: X-ray F(Q) by <f>^2 or <f^2>, D(r), G(r); with the control lines"


def files(result: Result) -> dict[str, str]:
    """NAME_fq.dat, NAME_fq_f2.dat, NAME_dr.dat, NAME_gr.dat and the lines of a control file."""
    name = result.name
    distinct = result.s - 1.0
    ratio = result.square_mean / result.mean_square
    r, d = result.r[1:], result.d[1:]
    g = d / (4.0 * np.pi * result.number_density_per_a3 * r)
    title = origin(result)
    cut = f"sharp cut at Q_max = {result.q_range[1]:g} 1/A, no window"
    return {
        f"{name}_fq.dat": _two_lines(
            result.q, distinct, f"rmc F(Q) X-ray = S(Q)-1, NORMALIZATION_TYPE <f>^2 # {title}"
        ),
        f"{name}_fq_f2.dat": _two_lines(
            result.q, ratio * distinct, f"rmc F(Q) X-ray, NORMALIZATION_TYPE <f^2> # {title}"
        ),
        f"{name}_dr.dat": _two_lines(
            r, d, f"rmc D(r)/<f>^2 = 4 pi rho0 r [g(r)-1] 1/A^2, X-ray, {cut} # {title}"
        ),
        f"{name}_gr.dat": _two_lines(
            r, g, f"rmc Keen G(r)/<f>^2 = g(r)-1, X-ray, not barn, {cut} # {title}"
        ),
        f"{name}_control.txt": _control(result),
    }


def _two_lines(x: Array, y: Array, title: str) -> str:
    rows = zip(x.tolist(), y.tolist(), strict=True)
    body = [f"{a:14.7f} {b:17.9e}" for a, b in rows]
    return "\n".join([f"{x.size}", title.replace("Å", "A"), *body]) + "\n"


def _control(result: Result) -> str:
    middle = float(np.median(result.sigma))
    count = result.q.size
    return (
        f"%% {origin(result)}. Lines for the control file; %% begins a comment.\n"
        f"%% {result.composition}; counting uncertainty of F(Q): median {middle:.3g}, from {result.sigma.min():.3g} to {result.sigma.max():.3g}\n"
        f"%% <f>^2, <f^2>: {factors_words(result)}\n"
        f"NUMBER_DENSITY :: {result.number_density_per_a3:.6g} Angstrom^-3\n"
        "\n"
        "XRAY_RECIPROCAL_SPACE_DATA ::\n"
        f"  > FILENAME :: {result.name}_fq.dat\n"
        "  > DATA_TYPE :: F(Q)\n"
        "  > FIT_TYPE :: F(Q)\n"
        "  > NORMALIZATION_TYPE :: <f>^2      %% must be said: the program's default is <f^2> (then use _fq_f2.dat)\n"
        f"  > RECIPROCAL_SPACE_FIT :: 1 {count} 1\n"
        f"  > RECIPROCAL_SPACE_PARAMETERS :: 1 {count} {middle:.3g}\n"
        "  > NO_FITTED_OFFSET\n"
        "  > NO_FITTED_SCALE\n"
        "\n"
        f"%% {result.name}_dr.dat is D(r) and {result.name}_gr.dat is G(r), both divided by <f>^2 and cut off sharply at Q_max\n"
        f"%% = {result.q_range[1]:g}: ask the manual of your version for the DATA_TYPE of normalized X-ray real-space data.\n"
    )
