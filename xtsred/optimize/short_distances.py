"""What must hold below the first distance, as a few independent numbers of unit variance.

The low-r line G(r) = -4 pi rho0 r, the sum rule and S -> 1 at high Q are one statement seen at three places: below the
first distance there is nothing but the hole. Each is a linear functional of S(Q), and all are made of the same counts, so
to fit them side by side would count every photon three times. They enter together, once.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError
from xtsred.stages import Array, Intensity, PairDistribution, Reduction, StructureFactor, frozen

__all__ = ["SHARE_OF_FIRST", "ShortDistances", "hole", "relative_curves"]

SHARE_OF_FIRST = 0.8
"""Only distances below this share of the first one are used: the onset of a peak is never taken for an error."""

_FREE = 0.1  # relative width that leaves K and the fitted amplitudes free
_FARTHEST_A = 30.0  # beyond, a glass's G(r) is nothing
_NEAR_A = 1.0  # how far a peak may be from where it is seen
_SLOW = 3.0  # Å^-1 over which the error of calculated scattering changes


def hole(q: Array, *, number_density_per_a3: float, limit_a: float) -> Array:
    """S(Q) - 1 of G(r) = -4 pi rho0 r below limit_a and 0 beyond: -4 pi rho0 (sin x - x cos x)/Q^3, x = Q limit_a.

    q: shape (n,), Å^-1, > 0. Source: the sphere's transform; Keen, J. Appl. Cryst. 34 (2001) 172, Eq. 22 inverted.
    """
    x = q * limit_a
    return np.asarray(-4.0 * np.pi * number_density_per_a3 * (np.sin(x) - x * np.cos(x)) / q**3)


def relative_curves(intensity: Intensity, q: Array) -> dict[str, Array]:
    """Change of S(Q) for a relative change of K ("K") and of every calculated component; shape of q each.

    Interpolated to the bins: all of them vary slowly but for K's, which is the measured pattern itself.
    """
    # sigma of I_coh is that of the rate over K times |<f>|^2 over the sensitivity: this gives the sensitivity
    sensitivity = intensity.sigma * intensity.square_mean / intensity.coherent_sigma
    curves = {"K": intensity.measured, **intensity.components}
    return {n: np.interp(q, intensity.q, -c / sensitivity) for n, c in curves.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortDistances:
    """Linear functionals of S(Q) - 1 - hole whose true value is 0 and whose counting covariance is the unit matrix.

    limit_a: below it no pair can be. first, last: bins used, as multiples of step (Å^-1). matrix: shape (m, n).
    tolerance: shape (m, m), covariance by a relative error of 1 of the calculated scattering that changes slowly with Q.
    seen: shape (m,), over how many sigma each pattern would be seen if the line were missing.
    """

    limit_a: float
    step: float
    first: int
    last: int
    matrix: Array
    tolerance: Array
    seen: Array

    @classmethod
    def of(cls, reduction: Reduction, *, q_range: tuple[float, float]) -> Self:
        """Choose the functionals for a reduction; q_range: of the bins used, Å^-1.

        y = S - 1 - hole is noise (its covariance by counting), plus an unknown G(r) beyond the limit (any: white,
        twice as strong as the strongest that is seen within 1 Å), plus unknown K and fitted amplitudes. With C = L L^T the covariance of all three,
        the singular vectors of L^-1 A (A: from G(r) below the limit to S) are independent patterns of the low-r line,
        the best determined first; those that would be seen are kept. It is the prolate-spheroidal choice: functions on the
        measured range of Q that leak least beyond a range of r. Source: Slepian & Pollak, Bell Syst. Tech. J. 40 (1961) 43.

        Raises InputError where no first distance is known.
        """
        pair, s = reduction.pair_distribution, reduction.structure_factor
        if pair.first_distance is None:
            raise InputError(
                "g(r) shows no first peak: nothing is known to be empty, so nothing can be adjusted",
                why="the low-r line holds below the first distance between atoms",
                remedy="look at the report of `xtsred reduce`: the inputs are far from right, or the range of Q is too short",
            )
        step = float(s.q[1] - s.q[0])
        number = np.rint(s.q / step).astype(int)
        inside = (s.q >= q_range[0] - 1e-9) & (s.q + step / 2.0 <= q_range[1] + 1e-9)
        q = s.q[inside]
        limit, reach = SHARE_OF_FIRST * pair.first_distance, np.pi / float(q[-1])
        curves = relative_curves(reduction.intensity, q)
        covariance = _counting(s, inside)
        far = _middles(limit, min(_FARTHEST_A, np.pi / step), 0.05)
        beyond = _waves(q, far, step) * _envelope(pair, far)
        covariance += reach * 0.05 * (beyond @ beyond.T)
        for curve in _free(reduction, curves):
            covariance += _FREE**2 * np.outer(curve, curve)
        low = np.linalg.cholesky(covariance)
        below = _waves(q, _middles(0.0, limit, 0.01), step)
        size = 4.0 * np.pi * pair.number_density_per_a3 * limit * np.sqrt(reach * 0.01)
        left, seen, _ = np.linalg.svd(np.linalg.solve(low, size * below), full_matrices=False)
        kept = seen >= 1.0
        matrix = np.linalg.solve(low.T, left[:, kept]).T
        slow = np.exp(-0.5 * (np.subtract.outer(q, q) / _SLOW) ** 2)
        total = sum(curve for name, curve in curves.items() if name != "K")
        return cls(
            limit_a=limit,
            step=step,
            first=int(number[inside][0]),
            last=int(number[inside][-1]),
            matrix=frozen(matrix),
            tolerance=frozen(matrix @ (np.outer(total, total) * slow) @ matrix.T),
            seen=frozen(seen[kept]),
        )

    def bins(self, structure: StructureFactor) -> slice:
        """Where the bins are in another reduction's S(Q): a wavelength or a zero shift moves the ends of the grid."""
        start = self.first - int(np.rint(structure.q[0] / self.step))
        stop = start + self.last - self.first + 1
        if start < 0 or stop > structure.q.size:
            raise InputError(
                "the bins of S(Q) end where the adjusted angles or wavelength no longer reach",
                remedy="narrow fourier.q_range by a bin or two",
                where="fourier.q_range",
            )
        return slice(start, stop)

    def __call__(self, reduction: Reduction) -> Array:
        """The deviations of a reduction in units of their counting sigma; shape (m,)."""
        s = reduction.structure_factor
        inside = self.bins(s)
        empty = hole(
            s.q[inside],
            number_density_per_a3=reduction.number_density_per_a3,
            limit_a=self.limit_a,
        )
        return np.asarray(self.matrix @ (s.s[inside] - 1.0 - empty))


def _counting(structure: StructureFactor, inside: npt.NDArray[np.bool_]) -> Array:
    if structure.covariance is None:
        return np.diag(structure.sigma[inside] ** 2)
    return np.array(structure.covariance[np.ix_(inside, inside)])


def _envelope(pair: PairDistribution, r: Array) -> Array:
    """How strong G(r) may be: twice its largest value within 1 Å, the last one beyond the end; shape of r."""
    near = [np.abs(pair.r - min(x, float(pair.r[-1]))) <= _NEAR_A for x in r]
    return 2.0 * np.array([float(np.max(np.abs(pair.d[k]))) for k in near])


def _middles(first: float, last: float, step: float) -> Array:
    return np.arange(first + step / 2.0, last, step)


def _waves(q: Array, r: Array, step: float) -> Array:
    """sin(Qr)/Q, averaged over bins of width step: S - 1 of a unit of G(r) dr; shape (q, r)."""
    return np.asarray(np.sin(np.outer(q, r)) / q[:, None] * np.sinc(r * step / (2.0 * np.pi)))


def _free(reduction: Reduction, curves: dict[str, Array]) -> list[Array]:
    """Directions that the reduction itself fits: they are left free, for it will fit them again."""
    n = reduction.normalization
    fitted = {"Compton": n.compton_response, "continuum": n.continuum}
    names = [name for name, value in fitted.items() if value is not None]
    return [curves["K"], *(curves[name] for name in names)]
