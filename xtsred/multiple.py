"""Multiple scattering of a project, for whatever S(Q) the iteration has reached."""

from xtsred.config import Project
from xtsred.scattering import LineTerms
from xtsred.solve import MultipleScatteringModel
from xtsred.stages import Array, StructureFactor
from xtsred.unpack import Plan

__all__ = ["multiple_scattering_model"]


def multiple_scattering_model(
    project: Project, plan: Plan, lines: list[LineTerms]
) -> MultipleScatteringModel:
    """The model that `solve` asks in every round; it answers None where the project does not ask for it."""

    def not_applied(structure: StructureFactor | None) -> Array | None:
        return None

    return not_applied
