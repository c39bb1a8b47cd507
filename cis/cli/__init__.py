"""The command line of cis: one module per command, imported only when it is called."""

from calibration.commandline import LazyGroup, run

__all__ = ["command", "main"]

command = LazyGroup(
    name="cis",
    help="Complex impedance spectroscopy: from exports to R, sigma_DC and activation energies.",
    lazy={
        "demo": ("analyze virtual spectra that ship with the package", "cis.cli.demo:demo"),
        "init": ("write a commented project file from exports", "cis.cli.init:init"),
        "inspect": ("say what each export is", "cis.cli.inspect:inspect"),
        "convert": ("write spectra as plain text", "cis.cli.convert:convert"),
        "analyze": ("a temperature series to sigma_DC and E_A", "cis.cli.analyze:analyze"),
        "tune": ("turn the keys of a project, watch R and E_A", "cis.cli.tune:tune"),
        "batch": ("many samples to one table and page", "cis.cli.batch:batch"),
        "fit": ("fit one spectrum or many, no project file", "cis.cli.fit:fit"),
        "arrhenius": ("activation energies from a table", "cis.cli.arrhenius:arrhenius"),
        "calibrate": (
            "certify the cell, the fixture or the thermometer",
            "cis.cli.calibrate:calibrate",
        ),
        "bundle": ("pack a result with all it came from for co-authors", "cis.cli.bundle:bundle"),
        "verify": ("run a bundle again and say what changed", "cis.cli.bundle:verify"),
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Entry point of the `cis` command."""
    raise SystemExit(run(command))
