"""Lines of a standard in a measured scan: where each is, how wide, and how well that is known."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration.errors import InputError
from calibration.fitted_lines import (
    FittedGroup,
    FittedLine,
    LineFits,
    LineStatus,
    ProfileName,
    ScanPoints,
)
from calibration.least_squares import Fit, Start, least_squares
from calibration.line_groups import (
    ExpectedLine,
    Group,
    crowded_lines,
    group_lines,
    nearest_fwhm,
    offset_of,
)
from calibration.profiles import multiplet, pseudo_voigt, thompson_cox_hastings
from calibration.quantity import Quantity
from calibration.radiation import Line

__all__ = ["fit_lines"]

Array = npt.NDArray[np.float64]

_OWN_SHIFT = 10.0  # area over its sigma, from which a line has a position of its own
_FIRM_WIDTH = 30.0
_PASSES = 3
_RAN_AWAY = 1.0  # FWHM
_POSITIVE = 5.0  # a cluster can be firm while its leader is not
_APART = 0.7  # FWHM


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What is known of width and mixing before a pass: FWHM(angle) as polynomial of tan theta in FWHM^2, eta linear."""

    fwhm2: Array
    eta: Array

    def width(self, angle: npt.ArrayLike) -> Array:
        t = np.tan(np.radians(np.asarray(angle, dtype=np.float64)) / 2.0)
        floor = 0.09 * float(self.fwhm2[-1]) if self.fwhm2[-1] > 0.0 else 1e-8
        return np.asarray(np.sqrt(np.maximum(np.polyval(self.fwhm2, t), floor)))

    def mixing(self, angle: float) -> float:
        return float(np.clip(np.polyval(self.eta, angle), 0.0, 1.0))


@dataclass(slots=True)
class _State:
    """A group between two passes."""

    group: Group
    values: Mapping[str, float]
    fit: Fit | None = None
    coefficients: Array | None = None
    covariance: Array | None = None
    tails: Array | None = None


def fit_lines(
    scan: ScanPoints,
    expected: Sequence[ExpectedLine],
    *,
    lines: Sequence[Line],
    profile: ProfileName = "pseudo-voigt",
) -> LineFits:
    """Fit every line that the scan covers.

    Lines whose profiles overlap are fitted together on a polynomial background, each with all lines of the tube; areas and
    background are linear and eliminated (variable projection: Golub & Pereyra, SIAM J. Numer. Anal. 10 (1973)
    413). The first pass gives a group one shift; later passes give every firm line its own, start from the smooth course
    of the width and subtract the tails of the other groups. Sigmas are widened by the square root of the reduced
    chi^2 where it is above 1 (always, where sigma is not absolute) and by correlated residuals
    (cf. Bérar & Lelann, J. Appl. Cryst. 24 (1991) 1). Raises InputError where no lines of the standard are found.
    """
    offset = offset_of(scan.two_theta_deg, scan.rate, expected, lines=lines)
    inside = [
        e
        for e in expected
        if scan.two_theta_deg[0] < e.two_theta_deg + offset < scan.two_theta_deg[-1]
    ]
    width = nearest_fwhm(scan.two_theta_deg, scan.rate, inside, offset_deg=offset)
    shape = _Shape(fwhm2=np.array([width**2]), eta=np.array([0.5]))
    groups = group_lines(scan.two_theta_deg, inside, offset_deg=offset, fwhm_deg=width, lines=lines)
    if not groups:
        raise InputError("the scan holds no line of the standard with enough points around it")
    states = [_State(group, {"shift": offset}) for group in groups]
    problem = _Problem(scan, lines, profile)
    for number in range(_PASSES):
        problem.improve(states, shape, own=number > 0)
        shape = problem.smooth(states, shape)
    crowded = crowded_lines(groups, fwhm_deg=lambda a: float(shape.width(a)), lines=lines)
    return LineFits(
        groups=tuple(problem.finish(state, shape, crowded) for state in states),
        offset_deg=offset,
        absolute=scan.absolute,
        profile=profile,
    )


class _Problem:
    """The scan, the lines of the tube, and the shape of a profile."""

    def __init__(self, scan: ScanPoints, lines: Sequence[Line], profile: ProfileName) -> None:
        self.scan, self.lines, self.profile = scan, lines, profile

    def improve(self, states: list[_State], shape: _Shape, *, own: bool) -> None:
        """One pass over all groups, the strongest first: each is fitted to the data less what the others have there."""
        model = np.zeros_like(self.scan.rate)
        for state in states:
            if state.coefficients is not None:
                model += self._lines_everywhere(state, shape)
        for state in sorted(states, key=lambda s: -max(e.area for e in s.group.lines)):
            if state.coefficients is not None:
                model -= self._lines_everywhere(state, shape)
            state.tails = model[state.group.points]
            self._fit(state, shape, own=own)
            model += self._lines_everywhere(state, shape)

    def _leaders(self, state: _State, shape: _Shape) -> list[int]:
        """For each line, which one's shift it takes: lines closer than their width cannot be told apart."""
        angles = [e.two_theta_deg for e in state.group.lines]
        clusters: list[list[int]] = []
        for i in np.argsort(angles):
            near = _APART * float(shape.width(angles[i]))
            if clusters and angles[i] - angles[clusters[-1][-1]] < near:
                clusters[-1].append(int(i))
            else:
                clusters.append([int(i)])
        leaders = [0] * len(angles)
        for cluster in clusters:
            first = max(cluster, key=lambda i: state.group.lines[i].area)
            for i in cluster:
                leaders[i] = first
        return leaders

    def _fit(self, state: _State, shape: _Shape, *, own: bool) -> None:
        ratios = {} if state.coefficients is None else self._ratios(state, shape)
        firm = sorted(i for i, ratio in ratios.items() if own and ratio > _OWN_SHIFT)
        width_is_firm = not ratios or max(ratios.values()) > _FIRM_WIDTH
        start = {"shift": Start(value=state.values["shift"])}
        if firm:
            start = {
                f"shift {i}": Start(value=state.values.get(f"shift {i}", state.values["shift"]))
                for i in firm
            }
        if width_is_firm:
            start |= self._shape_start(state, shape)
        common = state.values["shift"]

        def residual(values: Mapping[str, float]) -> Array:
            return self._project(state, shape, {"shift": common, **values})[0]

        fit = least_squares(residual, start)
        values = {"shift": common, **fit.values}
        if firm:
            shifts = np.array([values[f"shift {i}"] for i in firm])
            values["shift"] = float(np.median(shifts))
        _, coefficients, covariance = self._project(state, shape, values)
        state.values, state.fit = values, fit
        state.coefficients, state.covariance = coefficients, covariance

    def _shape_start(self, state: _State, shape: _Shape) -> dict[str, Start]:
        if self.profile == "pseudo-voigt":
            eta = state.values.get("eta", shape.mixing(state.group.center_deg))
            return {
                "width": Start(value=state.values.get("width", 1.0), low=0.2, high=5.0),
                "eta": Start(value=min(max(eta, -0.4), 1.4), low=-0.5, high=1.5),
            }
        return {
            "gauss": Start(value=state.values.get("gauss", 0.7), low=1e-3, high=5.0),
            "lorentz": Start(value=state.values.get("lorentz", 0.5), low=1e-3, high=5.0),
        }

    def _ratios(self, state: _State, shape: _Shape) -> dict[int, float]:
        """Area over its sigma of every cluster of lines, by its leader."""
        assert state.coefficients is not None
        assert state.covariance is not None
        leaders = self._leaders(state, shape)
        found = {}
        for leader in set(leaders):
            members = [i for i, m in enumerate(leaders) if m == leader]
            area = float(state.coefficients[members].sum())
            variance = float(state.covariance[np.ix_(members, members)].sum())
            found[leader] = area / (math.sqrt(max(variance, 1e-300)) * self._scatter(state))
        return found

    def _significance(self, state: _State, shape: _Shape) -> float:
        return max(self._ratios(state, shape).values())

    def _scatter(self, state: _State) -> float:
        """By how much the uncertainties of a group are wider than its sigma says."""
        chi2, correlation = self._quality(state)
        widened = math.sqrt(max(chi2, 1.0) if self.scan.absolute else chi2)
        return widened * math.sqrt((1.0 + correlation) / (1.0 - correlation))

    def _quality(self, state: _State) -> tuple[float, float]:
        """Reduced chi^2, and the correlation of neighbouring residuals where it is significant (else 0)."""
        assert state.fit is not None
        assert state.coefficients is not None
        r = state.fit.residual
        dof = max(r.size - len(state.fit.values) - state.coefficients.size, 1)
        chi2 = float(r @ r) / dof
        lag = float(r[1:] @ r[:-1]) / float(r @ r) if chi2 > 0.0 else 0.0
        return chi2, min(lag, 0.95) if lag > 2.5 / math.sqrt(r.size) else 0.0

    def _widths(
        self, state: _State, shape: _Shape, values: Mapping[str, float]
    ) -> tuple[float, float]:
        """Scale of the width against the smooth course, and mixing."""
        if "gauss" in values:
            width, eta = thompson_cox_hastings(
                gauss_fwhm=values["gauss"], lorentz_fwhm=values["lorentz"]
            )
            return float(width), float(eta)
        return values.get("width", 1.0), values.get("eta", shape.mixing(state.group.center_deg))

    def _columns(
        self, state: _State, shape: _Shape, values: Mapping[str, float], x: Array
    ) -> Array:
        """Profile of each line of unit area, shape (points, lines)."""
        scale, eta = self._widths(state, shape, values)
        columns = np.zeros((x.size, len(state.group.lines)))
        leaders = self._leaders(state, shape)
        for i, line in enumerate(state.group.lines):
            shift = values.get(f"shift {leaders[i]}", values["shift"])
            angles, shares = multiplet(line.two_theta_deg, lines=self.lines)
            for angle, share in zip(angles[0], shares, strict=True):
                if np.isfinite(angle):
                    columns[:, i] += share * pseudo_voigt(
                        x,
                        position=angle + shift,
                        fwhm=scale * shape.width(angle),
                        eta=eta,
                    )
        return columns

    def _project(
        self, state: _State, shape: _Shape, values: Mapping[str, float]
    ) -> tuple[Array, Array, Array]:
        """Residual over sigma after the linear fit of areas and background; these, and their covariance."""
        assert state.tails is not None
        inside = state.group.points
        x, weight = self.scan.two_theta_deg[inside], 1.0 / self.scan.sigma[inside]
        t = (x - x[0]) / (x[-1] - x[0]) * 2.0 - 1.0
        background = np.vander(t, state.group.background + 1)
        design = np.hstack([self._columns(state, shape, values, x), background]) * weight[:, None]
        data = (self.scan.rate[inside] - state.tails) * weight
        normal = design.T @ design
        inverse = np.linalg.pinv(normal, hermitian=True)
        coefficients = inverse @ (design.T @ data)
        return (
            data - design @ coefficients,
            coefficients,
            np.asarray(inverse, dtype=np.float64),
        )

    def _lines_everywhere(self, state: _State, shape: _Shape) -> Array:
        assert state.coefficients is not None
        x = self.scan.two_theta_deg
        columns = self._columns(state, shape, state.values, x)
        return np.asarray(columns @ state.coefficients[: columns.shape[1]])

    def smooth(self, states: Sequence[_State], shape: _Shape) -> _Shape:
        """The course of the width and of the mixing through the firm groups."""
        points = []
        for state in states:
            width = self._width(state, shape)
            if width is not None:
                points.append((state.group.center_deg, *width))
        if len(points) < 4:
            return shape
        angle, fwhm, fwhm_sigma, eta, eta_sigma = np.array(points).T
        t = np.tan(np.radians(angle) / 2.0)
        # a few percent on top: the course is smooth, and no single firm line decides it
        w = 1.0 / (2.0 * fwhm * np.hypot(fwhm_sigma, 0.03 * fwhm))
        fwhm2 = np.polyfit(t, fwhm**2, 2, w=w)
        new = _Shape(fwhm2=fwhm2, eta=np.polyfit(angle, eta, 1, w=1.0 / np.hypot(eta_sigma, 0.05)))
        for state in states:  # widths are relative to the course, which has moved
            old = float(shape.width(state.group.center_deg)) / float(
                new.width(state.group.center_deg)
            )
            state.values = {
                k: (v * old if k in ("width", "gauss", "lorentz") else v)
                for k, v in state.values.items()
            }
        return new

    def _width(self, state: _State, shape: _Shape) -> tuple[float, float, float, float] | None:
        """FWHM, its sigma, mixing and its sigma; None where the group is too weak for them."""
        assert state.fit is not None
        fit = state.fit
        if fit.covariance is None or self._significance(state, shape) <= _FIRM_WIDTH:
            return None
        names = ("width", "eta") if self.profile == "pseudo-voigt" else ("gauss", "lorentz")
        if not set(names) <= set(fit.values):
            return None
        place = [list(fit.values).index(n) for n in names]
        part = fit.covariance[np.ix_(place, place)] * self._scatter(state) ** 2
        scale, eta = self._widths(state, shape, state.values)
        jacobian = np.eye(2)
        if self.profile != "pseudo-voigt":
            jacobian = self._tch_jacobian(state.values)
        part = jacobian @ part @ jacobian.T
        unit = float(shape.width(state.group.center_deg))
        return scale * unit, math.sqrt(part[0, 0]) * unit, eta, math.sqrt(part[1, 1])

    @staticmethod
    def _tch_jacobian(values: Mapping[str, float]) -> Array:
        g, w = values["gauss"], values["lorentz"]
        step = 1e-5 * (g + w)
        at = np.array(thompson_cox_hastings(gauss_fwhm=g, lorentz_fwhm=w))
        by_g = np.array(thompson_cox_hastings(gauss_fwhm=g + step, lorentz_fwhm=w))
        by_w = np.array(thompson_cox_hastings(gauss_fwhm=g, lorentz_fwhm=w + step))
        return np.column_stack([(by_g - at) / step, (by_w - at) / step])

    def finish(self, state: _State, shape: _Shape, crowded: frozenset[str]) -> FittedGroup:
        """What a group leaves behind; crowded: labels of lines whose position others decide."""
        assert state.coefficients is not None
        assert state.tails is not None
        inside = state.group.points
        x = self.scan.two_theta_deg[inside]
        columns = self._columns(state, shape, state.values, x)
        count = len(state.group.lines)
        t = (x - x[0]) / (x[-1] - x[0]) * 2.0 - 1.0
        background = (
            np.vander(t, state.group.background + 1) @ state.coefficients[count:] + state.tails
        )
        chi2, correlation = self._quality(state)
        width = self._width(state, shape)
        return FittedGroup(
            lines=tuple(self._line(state, shape, i, crowded) for i in range(count)),
            x=x,
            y=self.scan.rate[inside],
            sigma=self.scan.sigma[inside],
            model=background + columns @ state.coefficients[:count],
            background=background,
            center_deg=state.group.center_deg + state.values["shift"],
            fwhm_deg=None if width is None else Quantity(width[0], width[1], "°"),
            eta=None if width is None else Quantity(width[2], width[3]),
            chi2_reduced=chi2,
            correlation=correlation,
        )

    def _line(self, state: _State, shape: _Shape, i: int, crowded: frozenset[str]) -> FittedLine:
        assert state.coefficients is not None
        assert state.covariance is not None
        assert state.fit is not None
        line, scatter = state.group.lines[i], self._scatter(state)
        leader = self._leaders(state, shape)[i]
        name = f"shift {leader}"
        shift = state.values.get(name, state.values["shift"])
        scale, _ = self._widths(state, shape, state.values)
        fwhm = scale * float(shape.width(line.two_theta_deg))
        sigma_area = math.sqrt(max(float(state.covariance[i, i]), 0.0)) * scatter
        area = Quantity(float(state.coefficients[i]), sigma_area)
        found = state.fit.sigma(name) if name in state.fit.values else None
        sigma = None if found is None else found * scatter
        status: LineStatus = "used"
        if (sigma is not None and leader != i) or line.label in crowded:
            status, sigma = "overlapped", None
        elif sigma is None or area.value < _POSITIVE * (area.sigma or 0.0):
            status, sigma = "weak", None
        elif abs(shift - state.values["shift"]) > _RAN_AWAY * fwhm:
            status = "moved"
        return FittedLine(
            label=line.label,
            expected_deg=line.two_theta_deg,
            position=Quantity(line.two_theta_deg + shift, sigma, "°"),
            area=area,
            fwhm_deg=fwhm,
            status=status,
        )
