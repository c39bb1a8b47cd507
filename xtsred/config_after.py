"""Tables of a project file that ask for more than the reduction: what may be adjusted, and a filter as a second output."""

from typing import Annotated, Literal

from pydantic import Field

from calibration.records import record

__all__ = ["LowRFilter", "Optimize"]

Text = Annotated[str, Field(min_length=1)]
Tolerance = Annotated[float, Field(gt=0.0, le=10.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


@record
class Optimize:
    """What `xtsred optimize` may adjust, and how well it is known what must hold.

    parameters: key paths, each with a stated sigma that is its prior; absent: every number with one. Tolerances are relative:
    model_tolerance of the calculated scattering where it changes slowly with Q, wall_tolerance of the empty container's
    rate against that of its wall (tables, stability of the tube). posterior: these numbers are the result of such a fit.
    """

    parameters: tuple[Text, ...] = ()
    model_tolerance: Tolerance = 3e-4
    wall_tolerance: Tolerance = 0.01
    posterior: bool = False


@record
class LowRFilter:
    """A low-r Fourier filter, written beside the result as NAME_filtered.*, never in its place.

    limit_A: below it G(r) is forced to -4 pi rho0 r; absent: 0.8 of the first distance. iterations: of kaplow and eggert;
    top_hat_per_A: radius of the sphere of top-hat; absent: so that its transform is 0 at the limit.
    """

    method: Literal["kaplow", "eggert", "top-hat"]
    limit_A: Positive | None = None
    iterations: Annotated[int, Field(ge=1, le=1000)] = 5
    top_hat_per_A: Positive | None = None
