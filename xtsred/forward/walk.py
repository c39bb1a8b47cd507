"""Multiple scattering by a photon walk with forced detection.

Photons enter a tube, are forced to collide at every flight, carry their linear polarisation as a 3 x 3
coherency matrix, lose energy in Compton events, and from every collision of order >= 2 send their expected
contribution to every detector angle (next-event estimation). Random numbers are scrambled Sobol points:
independent scrambles give the standard error.

Source of the method: Lux & Koblinger, Monte Carlo Particle Transport Methods (CRC, 1991);
of the polarised cross-sections: Heitler, The Quantum Theory of Radiation, 3rd ed., section 22.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from xtsred.forward.doppler import Doppler
from xtsred.forward.geometry import Tube, trace
from xtsred.forward.media import ELECTRON_REST_KEV, Scatterer
from xtsred.stages import Array, frozen

__all__ = ["Source", "WalkResult", "WalkSize", "walk"]

Indices = npt.NDArray[np.intp]
_BINS = 1500
_DRAWS_PER_FLIGHT = 4  # free path, polar angle, azimuth, process


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The incident beam of a walk: its width and height, energy, and the share polarised across the axis.

    horizontal_share: 0.5 unpolarised; 1 fully polarised in the scattering plane; 0 perpendicular to it.
    """

    width_mm: float
    height_mm: float
    energy_kev: float
    horizontal_share: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkSize:
    """How long a walk is: orders of scattering (>= 1), batches (>= 2) of 2**log2_photons photons each."""

    orders: int = 5
    batches: int = 8
    log2_photons: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkResult:
    """What a walk counted, for one photon per mm^2 of a beam of which 1 mm height meets the tube.

    by_order: shape (orders, n), mm^2 per mm height and sr: differential cross-section per mm of tube, with
    attenuation, of order 1, 2, ... at n angles, times the detector's response; sigma: its standard error.
    unscattered, escaped, absorbed, residual: shares of the photons that meet the tube: through without a
    collision; out after one or more; taken out of the beam by absorption; still inside after the last order.
    energy_escaped: mean energy leaving per photon that meets the tube, keV, unscattered ones included;
    energy_absorbed: photons absorbed, with the energy they then had; recoil: given to Compton electrons.
    """

    two_theta_deg: Array
    by_order: Array
    sigma: Array
    unscattered: float
    escaped: float
    absorbed: float
    residual: float
    energy_escaped: float
    energy_absorbed: float
    energy_recoil: float
    energy_residual: float


@dataclass(slots=True, kw_only=True)
class _Photons:
    """The state of a batch: position (3, n) mm, direction (3, n), coherency (n, 3, 3), keV, weight."""

    position: Array
    direction: Array
    coherency: Array
    energy: Array
    weight: Array


class _Proposal:
    """A direction generator: the unpolarised cross-section of one medium in bins of the polar angle."""

    def __init__(self, medium: Scatterer, energy: float) -> None:
        edges = np.cos(np.linspace(0.0, np.pi, _BINS + 1))
        middle, self._width = 0.5 * (edges[1:] + edges[:-1]), edges[:-1] - edges[1:]
        unpolarised = 0.5 * (1.0 - middle * middle)
        density = sum(medium.differential(middle, np.full(_BINS, energy), unpolarised))
        share = density * self._width
        # a tenth is isotropic, so that no direction is rare where polarisation or energy differ
        share = (
            0.9 * share / share.sum() + 0.05 * self._width if share.sum() > 0 else 0.5 * self._width
        )
        self._upper = edges[:-1]
        self._cumulative = np.concatenate([[0.0], np.cumsum(share / share.sum())])
        self._share = share / share.sum()

    def draw(self, u: Array) -> tuple[Array, Array]:
        """Cosine of the polar angle, and its density per steradian."""
        bins = np.clip(np.searchsorted(self._cumulative, u, side="right") - 1, 0, _BINS - 1)
        within = np.clip((u - self._cumulative[bins]) / self._share[bins], 0.0, 1.0)
        cosine = self._upper[bins] - within * self._width[bins]
        return cosine, self._share[bins] / (2 * np.pi * self._width[bins])


def walk(
    two_theta_deg: Array,
    *,
    tube: Tube,
    media: tuple[Scatterer, Scatterer],
    source: Source,
    size: WalkSize,
    seed: int,
    response: Callable[[Array], Array] | None = None,
    doppler: tuple[Doppler | None, Doppler | None] = (None, None),
) -> WalkResult:
    """Scattering of every order from a tube (core, wall) towards two_theta_deg, shape (n,).

    response: detector efficiency as a function of photon energy (None: 1). doppler: broadened Compton lines of
    core and wall; None: those of free electrons at rest. On their way to the detector Compton photons are
    attenuated at the energy of the line's centre.
    """
    angles = np.asarray(two_theta_deg, dtype=np.float64)
    engine = _Engine(angles, tube, media, source, size.orders, response or np.ones_like, doppler)
    seeds = np.random.SeedSequence(seed).spawn(size.batches)
    tallies = []
    curves = np.empty((size.batches, size.orders, len(angles)))
    for batch in range(size.batches):
        dimensions = 2 + _DRAWS_PER_FLIGHT * size.orders
        sobol = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seeds[batch]))
        momenta = np.random.default_rng([seed, batch])
        curves[batch], tally = engine.run(sobol.random_base2(size.log2_photons), momenta)
        tallies.append(tally)
    share = np.mean(tallies, axis=0)
    return WalkResult(
        two_theta_deg=frozen(angles),
        by_order=frozen(curves.mean(axis=0)),
        sigma=frozen(curves.std(axis=0, ddof=1) / np.sqrt(size.batches)),
        unscattered=float(share[0]),
        escaped=float(share[1]),
        absorbed=float(share[2]),
        residual=float(share[3]),
        energy_escaped=float(share[4]),
        energy_absorbed=float(share[5]),
        energy_recoil=float(share[6]),
        energy_residual=float(share[7]),
    )


class _Engine:
    """What stays the same from batch to batch."""

    def __init__(
        self,
        angles: Array,
        tube: Tube,
        media: tuple[Scatterer, Scatterer],
        source: Source,
        orders: int,
        response: Callable[[Array], Array],
        doppler: tuple[Doppler | None, Doppler | None],
    ) -> None:
        self.doppler = doppler
        self.tube, self.media, self.source, self.orders = tube, media, source, orders
        self.response = response
        self.sine, self.cosine = np.sin(np.radians(angles)), np.cos(np.radians(angles))
        self.proposals = [_Proposal(m, source.energy_kev) for m in media]
        self.lit_width = min(source.width_mm, 2 * tube.outer_mm)

    def run(self, random: Array, momenta: np.random.Generator) -> tuple[Array, Array]:
        """One batch; random: shape (photons, draws); momenta: of electrons, where Compton lines are broadened.

        Returns curves (orders, angles) and the tally (8,).
        """
        photons = self._start(random[:, 0], random[:, 1])
        curves = np.zeros((self.orders, len(self.sine)))
        tally = np.zeros(8)
        for order in range(self.orders):
            first = 2 + _DRAWS_PER_FLIGHT * order
            draws = random[:, first : first + _DRAWS_PER_FLIGHT]
            out = self._fly(photons, draws[:, 0])
            slot = 0 if order == 0 else 1
            tally[slot] += out.mean()
            tally[4] += np.mean(out * photons.energy)
            curves[order] = self._detect(photons)
            self._collide(photons, draws[:, 1:], tally, momenta)
        tally[3] += photons.weight.mean()
        tally[7] += np.mean(photons.weight * photons.energy)
        return curves * self.lit_width, tally

    def _start(self, u: Array, v: Array) -> _Photons:
        n = len(u)
        x = (u - 0.5) * self.lit_width
        z = -np.sqrt(np.maximum(self.tube.outer_mm**2 - x * x, 0.0))
        height = self.source.height_mm
        if self.tube.length_mm is not None:
            height = min(height, self.tube.length_mm)
        direction = np.zeros((3, n))
        direction[2] = 1.0
        share = self.source.horizontal_share
        return _Photons(
            position=np.stack([x, (v - 0.5) * height, z]),
            direction=direction,
            coherency=np.tile(np.diag([share, 1.0 - share, 0.0]), (n, 1, 1)),
            energy=np.full(n, self.source.energy_kev),
            weight=np.ones(n),
        )

    def _fly(self, photons: _Photons, u: Array) -> Array:
        """Move to a forced collision; returns the weight that leaves the tube instead."""
        rays = trace(self.tube, tuple(photons.position), tuple(photons.direction))
        mu_core, mu_wall = (m.attenuation(photons.energy) for m in self.media)
        before, core = mu_wall * rays.enter, mu_core * rays.core()
        depth = before + core + mu_wall * (rays.end - rays.leave)
        out = photons.weight * np.exp(-depth)
        target = -np.log1p(u * np.expm1(-depth))
        tiny = 1e-300
        step = np.where(
            target <= before,
            target / np.maximum(mu_wall, tiny),
            np.where(
                target <= before + core,
                rays.enter + (target - before) / np.maximum(mu_core, tiny),
                rays.leave + (target - before - core) / np.maximum(mu_wall, tiny),
            ),
        )
        photons.position = photons.position + photons.direction * np.minimum(step, rays.end)
        photons.weight = photons.weight - out
        return out

    def _medium_of(self, photons: _Photons) -> list[Indices]:
        x, _, z = photons.position
        core = x * x + z * z <= self.tube.core_mm**2
        return [np.flatnonzero(core), np.flatnonzero(~core)]

    def _detect(self, photons: _Photons) -> Array:
        """Expected contribution of this collision to every angle, per photon and steradian."""
        total = np.zeros(len(self.sine))
        for k, members in enumerate(self._medium_of(photons)):
            for start in range(0, len(members), 2048):
                total += self._send(photons, k, members[start : start + 2048])
        return total / len(photons.weight)

    def _send(self, photons: _Photons, which: int, who: Indices) -> Array:
        medium, doppler = self.media[which], self.doppler[which]
        sine, cosine = self.sine[None, :], self.cosine[None, :]
        x, y, z = (c[who, None] for c in photons.position)
        ux, _, uz = (c[who, None] for c in photons.direction)
        energy = photons.energy[who, None]
        m = photons.coherency[who]
        transverse = (
            m[:, 0, 0, None] * sine**2
            + 2 * m[:, 0, 2, None] * sine * cosine
            + m[:, 2, 2, None] * cosine**2
        )
        turn = ux * sine + uz * cosine
        coherent, compton = medium.differential(turn, energy, transverse)
        rays = trace(self.tube, (x, y, z), (sine, np.zeros_like(sine), cosine))
        shifted = energy / (1 + energy / ELECTRON_REST_KEV * (1 - turn))
        core, wall = self.media
        through = np.exp(
            -core.attenuation(energy) * rays.core() - wall.attenuation(energy) * rays.wall()
        )
        recoiled = np.exp(
            -core.attenuation(shifted) * rays.core() - wall.attenuation(shifted) * rays.wall()
        )
        arriving = coherent * through * self.response(energy)
        seen = self.response(shifted) if doppler is None else doppler.response(energy, turn)
        arriving = arriving + compton * recoiled * seen
        weight = photons.weight[who] / medium.attenuation(photons.energy[who])
        return np.asarray(weight @ arriving)

    def _collide(
        self, photons: _Photons, draws: Array, tally: Array, momenta: np.random.Generator
    ) -> None:
        """Scatter every photon; what is absorbed goes to the tally in expectation."""
        n = len(photons.weight)
        cosine, density = np.empty(n), np.empty(n)
        members = self._medium_of(photons)
        for proposal, who in zip(self.proposals, members, strict=True):
            cosine[who], density[who] = proposal.draw(draws[who, 0])
        new = _turn(photons.direction, cosine, 2 * np.pi * draws[:, 1])
        along = np.einsum("nij,jn->ni", photons.coherency, new)
        transverse = np.einsum("ni,in->n", along, new)
        coherent, compton, mu = np.empty(n), np.empty(n), np.empty(n)
        for medium, who in zip(self.media, members, strict=True):
            coherent[who], compton[who] = medium.differential(
                cosine[who], photons.energy[who], transverse[who]
            )
            mu[who] = medium.attenuation(photons.energy[who])
        total = np.maximum(coherent + compton, 1e-300)
        inelastic = draws[:, 2] * total < compton
        ratio = np.where(
            inelastic, 1 / (1 + photons.energy / ELECTRON_REST_KEV * (1 - cosine)), 1.0
        )
        weight = photons.weight * total / (mu * density)
        tally[2] += np.mean(photons.weight - weight)
        tally[5] += np.mean((photons.weight - weight) * photons.energy)
        energy = photons.energy * ratio
        for broadened, who in zip(self.doppler, members, strict=True):
            if broadened is not None:
                lost = who[inelastic[who]]
                u = momenta.random(len(lost))
                energy[lost] = broadened.draw(photons.energy[lost], cosine[lost], u)
        tally[6] += np.mean(weight * (photons.energy - energy))
        photons.coherency = _scattered_coherency(photons.coherency, new, along, transverse, ratio)
        photons.weight, photons.energy, photons.direction = weight, energy, new


def _turn(direction: Array, cosine: Array, azimuth: Array) -> Array:
    """Directions at a polar angle and azimuth about given ones; direction: shape (3, n), unit."""
    x, y, _ = direction
    steep = np.abs(y) < 0.9
    # any vector not along the direction spans the azimuth's origin
    helper = np.stack([np.where(steep, 0.0, 1.0), np.where(steep, 1.0, 0.0), np.zeros_like(x)])
    first = np.cross(direction, helper, axis=0)
    first /= np.linalg.norm(first, axis=0)
    second = np.cross(direction, first, axis=0)
    sine = np.sqrt(np.maximum(1 - cosine * cosine, 0.0))
    new = cosine * direction + sine * (np.cos(azimuth) * first + np.sin(azimuth) * second)
    return np.asarray(new / np.linalg.norm(new, axis=0))


def _scattered_coherency(
    matrix: Array, new: Array, along: Array, transverse: Array, ratio: Array
) -> Array:
    """Coherency after an event, trace 1: P M P (+ the unpolarised Klein-Nishina part), P = 1 - n n.

    ratio: E'/E, 1 for coherent events, where the extra part (E/E' + E'/E - 2)/4 vanishes by itself.
    """
    n = new.T
    outer = n[:, :, None] * n[:, None, :]
    cross = along[:, :, None] * n[:, None, :]
    seen = matrix - cross - np.swapaxes(cross, 1, 2) + transverse[:, None, None] * outer
    seen += 0.25 * (ratio + 1 / ratio - 2)[:, None, None] * (np.eye(3) - outer)
    trace_ = np.einsum("nii->n", seen)
    seen /= np.maximum(trace_, 1e-300)[:, None, None]
    return np.asarray(seen)
