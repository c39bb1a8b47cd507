"""Diffusion and conductivity from trajectories with a time step.

D_k = lim <|r_i(t) - r_i(0)|^2>/(6 t) (Einstein); sigma_NE = e^2/(V k_B T) sum_k N_k z_k^2 D_k (Nernst-Einstein);
sigma = lim e^2/(6 V k_B T t) <|sum_i z_i (r_i(t) - r_i(0))|^2> (Einstein-Helfand, both sums over all ions);
Haven ratio H_R = D*/D_sigma with D_sigma = sigma V k_B T/(N z^2 e^2) of the mobile ion. (The printed Eqs. 12-16 of
Micoulaut et al. 2025 lack 1/3 and N_k, carry a superfluous N, and invert the ratio.)
Frenkel & Smit, Understanding Molecular Simulation, ch. 4; Marcolongo & Marzari, Phys. Rev. Mater. 1 (2017) 025402.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from calibration.errors import InputError
from calibration.quantity import Quantity
from calibration.report import Finding
from xtsred.simulation.frame import Frame, Kinds
from xtsred.stages import Array, frozen

__all__ = [
    "Diffusion",
    "Motion",
    "Transport",
    "mean_square_displacement",
    "transport",
    "unwrap",
]

_ELEMENTARY_CHARGE = 1.602176634e-19  # C, SI 2019, exact
_BOLTZMANN = 1.380649e-23  # J/K, SI 2019, exact
# e^2/k_B in S/cm for D in cm^2/s, V in Å^3, T in K: C^2/(J/K)/(1e-24 cm^3)
_S_PER_CM = _ELEMENTARY_CHARGE**2 / (_BOLTZMANN * 1e-24)
_CM2_PER_S = 1e-4  # Å^2/ps in cm^2/s
_BLOCKS = 10
_HALF_CELL = 0.45  # of the cell: steps beyond it cannot be followed
_ENOUGH = 8  # atoms of an element, for its common motion to be told from theirs


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """Unwrapped positions without the drift of the centre of mass.

    elements, numbers; kinds: shape (n,), index into elements. displacements: shape (t, n, 3), Å, from each
    atom's start. time_step_ps between frames; volume: mean, Å^3; drift_a: how far the centre of mass went, Å.
    Unlike g(r), this grows with the run: 24 bytes per atom and frame (choose frames to thin it out).
    """

    elements: tuple[str, ...]
    numbers: Mapping[str, int]
    kinds: Kinds
    displacements: Array
    time_step_ps: float
    volume: float
    drift_a: float
    findings: tuple[Finding, ...] = ()


def unwrap(frames: Iterable[Frame], *, time_step_ps: float) -> Motion:
    """Follow every atom from frame to frame by the shortest image, in the frame of the centre of mass.

    time_step_ps: time between the frames given. Raises InputError for fewer than 20 frames, and where a step is
    about half the cell: the path is not known. Above a quarter of it is reported: the atom may have gone the other way.
    """
    from xtsred.atoms import Composition

    if not time_step_ps > 0.0:
        raise InputError(
            f"a time step of {time_step_ps:g} ps is none", remedy="--time-step-ps must be above 0"
        )
    previous: Array | None = None
    steps: list[Array] = []
    inverse_volume, longest = 0.0, 0.0
    first: Frame | None = None
    for frame in frames:
        turns = frame.positions @ np.linalg.inv(frame.cell)
        if first is None or previous is None:
            first = frame
            steps.append(np.zeros(frame.positions.shape, dtype=np.float32))
        else:
            delta = turns - previous
            delta -= np.rint(delta)
            longest = max(longest, float(np.abs(delta).max()))
            steps.append((delta @ frame.cell).astype(np.float32))
        previous = turns
        inverse_volume += 1.0 / frame.volume
    if longest > _HALF_CELL:
        raise InputError(
            f"an atom moves by {longest:.2f} of the cell between two frames: its path cannot be told",
            why="a step of half a cell in one direction is one of half a cell in the other",
            remedy="write frames more often, or give every frame (--frames without a step)",
        )
    if first is None or len(steps) < 20:
        raise InputError(
            f"diffusion needs at least 20 frames, not {len(steps)}",
            why="mean-square displacements and their block errors are averages over time",
        )
    path = np.cumsum(np.array(steps), axis=0, dtype=np.float64)
    masses = np.array([Composition.of({e: 1.0}).mean_atomic_mass for e in first.elements])
    weight = masses[first.kinds] / masses[first.kinds].sum()
    drift = np.einsum("tnc,n->tc", path, weight)
    findings: tuple[Finding, ...] = ()
    if longest > 0.25:
        findings = (
            Finding(
                "warning",
                f"An atom moves by {longest:.2f} of the cell between two frames: the shortest image may be the "
                "wrong one; write frames more often.",
                {"fraction": longest},
            ),
        )
    return Motion(
        elements=first.elements,
        numbers=first.numbers,
        kinds=first.kinds,
        displacements=frozen(path - drift[:, None, :]),
        time_step_ps=time_step_ps,
        volume=len(steps) / inverse_volume,
        drift_a=float(np.linalg.norm(drift[-1])),
        findings=findings,
    )


def mean_square_displacement(path: Array) -> Array:
    """<|r(t0 + t) - r(t0)|^2> over all origins t0 and all walkers, for every lag; shape (t,).

    path: shape (t, n, 3). By correlation through FFT (Calandrini et al., Collection SFN 12 (2011) 201):
    S1 - 2 S2 with S2 the autocorrelation of the positions.
    """
    length = path.shape[0]
    total = np.zeros(length)
    size = 1 << (2 * length - 1).bit_length()
    norm = length - np.arange(length)
    # some walkers at a time: the transform of one call stays near 32 MB
    width = max(1, 1_000_000 // (size * 3))
    for start in range(0, path.shape[1], width):
        part = path[:, start : start + width].reshape(length, -1)
        transformed = np.fft.rfft(part, size, axis=0)
        correlation = np.fft.irfft(np.abs(transformed) ** 2, size, axis=0)[:length].sum(axis=1)
        square = (part**2).sum(axis=1)
        head = np.concatenate([[0.0], np.cumsum(square)])
        ends = head[length - np.arange(length)] + (head[-1] - head[np.arange(length)])
        total += (ends - 2.0 * correlation) / norm
    return np.asarray(np.maximum(total / path.shape[1], 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Diffusion:
    """D of one element. time: ps, msd: Å^2, shape (t,); window: ps, where the slope was fitted; exponent: d ln msd /
    d ln t over the window (1: diffusive); d: cm^2/s with the standard error of blocks in time."""

    element: str
    time: Array
    msd: Array
    window: tuple[float, float]
    exponent: float
    d: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """Conductivities in S/cm. haven: D*/D_sigma of the mobile element; charges: in e.
    doubtful: elements whose D is not larger than its uncertainty, or than the recoil."""

    temperature_k: float
    charges: Mapping[str, float]
    mobile: str
    diffusion: tuple[Diffusion, ...]
    collective_msd: Array
    nernst_einstein: Quantity
    einstein_helfand: Quantity
    haven: Quantity
    doubtful: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()

    @property
    def diffusive(self) -> bool:
        """Whether the mobile ion's displacement grows as t^0.9 to t^1.1 in the window, and its D is not doubtful."""
        return self.mobile not in self.doubtful and any(
            d.element == self.mobile and _is_diffusive(d) for d in self.diffusion
        )


def _is_diffusive(diffusion: Diffusion) -> bool:
    return abs(diffusion.exponent - 1.0) <= 0.1


def transport(
    motion: Motion,
    *,
    temperature_k: float,
    charges: Mapping[str, float],
    mobile: str,
    window_ps: tuple[float, float],
) -> Transport:
    """D of every element, both conductivities and the Haven ratio.

    charges: of every element, in e. window_ps: lags of the fit, within a third of the run: errors come from up
    to 10 blocks in time, each longer than the window (at least 3). Raises InputError.
    """
    missing = [e for e in motion.elements if e not in charges]
    if missing or mobile not in motion.elements:
        raise InputError(
            f"no charge is stated for {', '.join(missing)}"
            if missing
            else f"the model has no {mobile}",
            remedy="state charges in e, for instance --charge Na=1,Si=4,S=-2, and --mobile Na",
        )
    if not 0.0 < temperature_k < 1e5:
        raise InputError(
            f"{temperature_k:g} K is no temperature", remedy="state it in kelvin, above 0"
        )
    fit = _window(motion, window_ps)
    path = motion.displacements
    unit = _S_PER_CM * _CM2_PER_S / (motion.volume * temperature_k)
    strength = {e: unit * motion.numbers[e] * charges[e] ** 2 for e in motion.elements}
    parts, slopes, common = [], {}, {}
    einstein, einstein_blocks = 0.0, np.zeros(len(fit.blocks))
    for k, e in enumerate(motion.elements):
        part = path[:, motion.kinds == k]
        msd = mean_square_displacement(part)
        slopes[e] = (fit.slope(msd), fit.block_slopes(part))
        parts.append(_diffusion(e, msd, slopes[e], fit))
        common[e] = fit.slope(mean_square_displacement(part.mean(axis=1, keepdims=True)))
        einstein += strength[e] * slopes[e][0]
        einstein_blocks += strength[e] * slopes[e][1]
    z = np.array([charges[e] for e in motion.elements])[motion.kinds]
    polarization = np.einsum("tnc,n->tc", path, z)[:, None, :]
    collective = mean_square_displacement(polarization)
    helfand, helfand_blocks = (
        unit * fit.slope(collective),
        unit * fit.block_slopes(polarization),
    )
    # H = D*/D_sigma; numerator and denominator are correlated: first order, block by block
    haven, haven_error = float("nan"), None
    if helfand > 0.0:
        haven = strength[mobile] * slopes[mobile][0] / helfand
        haven_error = _error(
            (strength[mobile] * slopes[mobile][1] - haven * helfand_blocks) / helfand
        )
    tracer = next(d for d in parts if d.element == mobile)
    doubtful, recoil = _recoil(parts, common, motion)
    return Transport(
        temperature_k=temperature_k,
        charges=dict(charges),
        mobile=mobile,
        diffusion=tuple(parts),
        collective_msd=frozen(collective),
        nernst_einstein=Quantity(einstein, _error(einstein_blocks), "S/cm"),
        einstein_helfand=Quantity(helfand, _error(helfand_blocks), "S/cm"),
        haven=Quantity(haven, haven_error, ""),
        doubtful=doubtful,
        findings=(*motion.findings, _FRAME, *recoil, *_doubts(tracer, fit)),
    )


_FRAME = Finding(
    "note",
    "Displacements, D and the conductivities are relative to the centre of mass of the whole box.",
)


def _recoil(
    parts: Iterable[Diffusion], common: Mapping[str, float], motion: Motion
) -> tuple[frozenset[str], tuple[Finding, ...]]:
    """Elements whose atoms move together, or not at all, as a framework does that recoils from the ions.

    common: slope of the mean-square displacement of the element's own centre, Å^2/ps: equal to that of its atoms
    where they move as one, and 1/N of it where they are independent.
    """
    findings: list[Finding] = []
    doubtful: list[str] = []
    for part in parts:
        e, d, sigma = part.element, part.d.value, part.d.sigma or 0.0
        if d <= 2.0 * sigma:
            text = f"D({e}) = {part.d} is not larger than its uncertainty: no diffusion of {e} is seen."
            findings.append(Finding("note", text, {"D": d}))
            doubtful.append(e)
        elif motion.numbers[e] >= _ENOUGH and d - 2.0 * sigma < 2.0 * common[e] * _CM2_PER_S:
            text = (
                f"D({e}) = {part.d} is not larger than what the common motion of all {e} gives "
                f"({common[e] * _CM2_PER_S:.2g} cm^2/s): it may be the recoil from the other atoms in the frame of "
                "the centre of mass, not diffusion."
            )
            findings.append(Finding("warning", text, {"D": d, "common": common[e] * _CM2_PER_S}))
            doubtful.append(e)
    return frozenset(doubtful), tuple(findings)


def _doubts(tracer: Diffusion, fit: "_Fit") -> tuple[Finding, ...]:
    blocks = Finding(
        "note",
        f"Errors come from {len(fit.blocks)} blocks in time; slopes were fitted over lags of "
        f"{tracer.window[0]:g} to {tracer.window[1]:g} ps.",
    )
    if _is_diffusive(tracer):
        return (blocks,)
    return (
        Finding(
            "warning",
            f"The mean-square displacement of {tracer.element} grows as t^{tracer.exponent:.2f} in the "
            "window: it is not diffusive there.",
            {"exponent": tracer.exponent},
        ),
        blocks,
    )


@dataclass(frozen=True, slots=True)
class _Fit:
    """Window in lags (both ends included), step in ps, and the blocks in time."""

    first: int
    last: int
    step_ps: float
    blocks: tuple[slice, ...]

    def slope(self, msd: Array) -> float:
        """d msd/dt / 6 by least squares over the window, Å^2/ps."""
        lags = np.arange(self.first, self.last + 1)
        return float(np.polyfit(lags * self.step_ps, msd[lags], 1)[0]) / 6.0

    def block_slopes(self, path: Array) -> Array:
        """The slope of each block alone, shape (b,)."""
        return np.array([self.slope(mean_square_displacement(path[b])) for b in self.blocks])


def _window(motion: Motion, window_ps: tuple[float, float]) -> _Fit:
    length = motion.displacements.shape[0]
    first, last = (round(w / motion.time_step_ps) for w in window_ps)
    if first < 1 or last - first < 3 or 3 * (last + 1) > length:
        raise InputError(
            f"the window {window_ps[0]:g} to {window_ps[1]:g} ps does not fit the run",
            why=f"{length} frames of {motion.time_step_ps:g} ps",
            remedy=f"it must begin after 0, hold 4 lags and end before {length * motion.time_step_ps / 3.0:.4g} ps",
        )
    count = min(_BLOCKS, length // (last + 1))
    blocks = (slice(k * length // count, (k + 1) * length // count) for k in range(count))
    return _Fit(first, last, motion.time_step_ps, tuple(blocks))


def _error(values: Array) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def _diffusion(element: str, msd: Array, slopes: tuple[float, Array], fit: _Fit) -> Diffusion:
    lags = np.arange(fit.first, fit.last + 1)
    exponent = float("nan")
    if np.all(msd[lags] > 0.0):
        exponent = float(np.polyfit(np.log(lags), np.log(msd[lags]), 1)[0])
    return Diffusion(
        element=element,
        time=frozen(np.arange(len(msd)) * fit.step_ps),
        msd=frozen(msd),
        window=(fit.first * fit.step_ps, fit.last * fit.step_ps),
        exponent=exponent,
        d=Quantity(slopes[0] * _CM2_PER_S, _error(slopes[1]) * _CM2_PER_S, "cm^2/s"),
    )
