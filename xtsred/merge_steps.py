"""What merging leaves for the report: one step per role, per overlap, and per correction of the reading."""

from collections.abc import Sequence

import numpy as np

from calibration.goniometer import true_two_theta
from xtsred.counting import Counted, Instrument, Measurement
from xtsred.overlap import Overlap
from xtsred.stages import Pattern, Role, Step, frozen

__all__ = ["alignment_step", "dead_time_step", "merge_step", "overlap_step"]


def merge_step(role: Role, counted: Sequence[Counted], pattern: Pattern) -> Step:
    """Merged rates of a role, and how much each scan gave."""
    return Step(
        name=f"Merging the {role} scans",
        x=pattern.two_theta_deg,
        x_label="2θ (°)",
        y_label="rate (counts/s)",
        curves={"rate": pattern.rate_cps},
        parameters={
            **{
                s.label: f"{s.two_theta_deg[0]:g} to {s.two_theta_deg[-1]:g}°, {s.two_theta_deg.size} points, "
                f"{s.counts.sum():.4g} counts, {np.median(s.exposure_s):.4g} s per point"
                for s in counted
            },
            "points": f"{pattern.two_theta_deg.size}",
        },
        reference="rate = Σ counts / Σ exposure, variance = Σ counts / (Σ exposure)² (Poisson)",
    )


def overlap_step(role: Role, overlap: Overlap) -> Step:
    """Ratio of two scans with its band, and the tests of it."""
    return Step(
        name=f"Overlap of {role} scans: {overlap.name_a} / {overlap.name_b}",
        x=frozen(overlap.two_theta_deg),
        x_label="2θ (°)",
        y_label="ratio of rates",
        curves={
            "ratio": frozen(overlap.ratio),
            "lower": frozen(overlap.ratio - overlap.ratio_sigma),
            "upper": frozen(overlap.ratio + overlap.ratio_sigma),
        },
        parameters={
            "scale": str(overlap.scale),
            "chi²/dof": f"{overlap.chi2:.1f}/{overlap.dof}",
            "p": f"{overlap.p:.3g}",
            "drift": str(overlap.drift_per_deg),
        },
        reference="binomial comparison of Poisson counts (Przyborowski & Wilenski, Biometrika 31 (1940) 313)",
    )


def dead_time_step(role: Role, counted: Sequence[Counted], dead_time_s: float) -> Step:
    """Live share of the time at each point."""
    order = np.argsort(np.concatenate([s.two_theta_deg for s in counted]), kind="stable")
    return Step(
        name=f"Dead time of the {role} scans",
        x=frozen(np.concatenate([s.two_theta_deg for s in counted])[order]),
        x_label="2θ (°)",
        y_label="live share of the time",
        curves={"1 − mτ": frozen(np.concatenate([s.live for s in counted])[order])},
        parameters={"τ": f"{dead_time_s:.4g} s"},
        reference="non-paralysable counter, J. W. Müller, Nucl. Instrum. Methods 112 (1973) 47",
    )


def alignment_step(measurement: Measurement, instrument: Instrument) -> Step:
    """What the alignment adds to the readings of a scan."""
    reading, a = measurement.scan.two_theta_deg, instrument.alignment
    return Step(
        name="Alignment of the goniometer",
        x=reading,
        x_label="2θ as read (°)",
        y_label="2θ − reading (°)",
        curves={"correction": frozen(true_two_theta(reading, alignment=a) - reading)},
        parameters={
            "zero": f"{a.zero_deg:g}°",
            "displacement along, across the beam": f"{a.along_mm:g}, {a.across_mm:g} mm"
            if a.along_mm or a.across_mm
            else f"{a.along_deg:g}, {a.across_deg:g}° of the radius",
        },
        reference="geometry of a displaced sample on a circle of radius R (calibration.goniometer)",
    )
