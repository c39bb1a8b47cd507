"""The command line of xtsred: one module per command, imported only when it is called."""

from calibration.commandline import LazyGroup, run

__all__ = ["command", "main"]

command = LazyGroup(
    name="xtsred",
    help="X-ray total scattering: from raw scans to S(Q), g(r) and a report.",
    lazy={
        "demo": ("reduce a virtual NS glass that ships with the package", "xtsred.cli.demo:demo"),
        "init": ("write a commented project file from scans", "xtsred.cli.init:init"),
        "inspect": ("say what each scan file is", "xtsred.cli.inspect:inspect"),
        "convert": ("write scans as plain text", "xtsred.cli.convert:convert"),
        "reduce": ("raw scans to S(Q), g(r) and a report", "xtsred.cli.reduce:reduce"),
        "batch": ("many patterns of one setup to one result", "xtsred.cli.batch:batch"),
        "optimize": (
            "inputs adjusted inside their sigma until what must hold does",
            "xtsred.cli.optimize:optimize",
        ),
        "calibrate": (
            "zero, displacement, resolution from a line standard; mu R of a capillary",
            "xtsred.cli.calibrate:calibrate",
        ),
        "tune": ("turn the numbers of a project on a page", "xtsred.cli.tune:tune"),
        "compare": ("Wright R_X of a model against a measured S(Q)", "xtsred.cli.compare:compare"),
        "transform": (
            "S, i, F, g, G, T, R and Keen's functions into each other",
            "xtsred.cli.transform:transform",
        ),
        "export": (
            "a result for RMCProfile, EPSR, Dissolve, Gudrun, PDFgui",
            "xtsred.cli.export:export",
        ),
        "structure": ("structure and transport of a trajectory", "xtsred.cli.structure:structure"),
        "bundle": (
            "pack a result with all it came from for co-authors",
            "xtsred.cli.bundle:bundle",
        ),
        "verify": ("run a bundle again and say what changed", "xtsred.cli.bundle:verify"),
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Entry point of the `xtsred` command."""
    raise SystemExit(run(command))
