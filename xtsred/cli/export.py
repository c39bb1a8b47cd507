"""`xtsred export`: a result in the formats of the programs that model it."""

import json
import shlex
import sys
from pathlib import Path

import click

from calibration.commandline import EXIT_DONE

__all__ = ["export"]

_FORMATS = ("rmcprofile", "epsr", "gudrun", "pdfgetx3")


@click.command()
@click.argument("result", type=click.Path(path_type=Path))
@click.option(
    "--to", "formats", required=True, multiple=True, type=click.Choice([*_FORMATS, "all"]),
    help="the program; may be repeated",
)  # fmt: skip
@click.option("--out", required=True, type=click.Path(path_type=Path), help="folder for the files")
@click.option("--overwrite", is_flag=True, help="replace an earlier export")
@click.option("--json", "as_json", is_flag=True, help="print the machine-readable result")
def export(
    result: Path, formats: tuple[str, ...], out: Path, overwrite: bool, as_json: bool
) -> int:
    """Write RESULT, a folder of `xtsred reduce`, for RMCProfile, EPSR and Dissolve, Gudrun, or PDFgui and diffpy.

    Each format has a folder of its own; every file says its function, its X-ray normalization, and its units.
    """
    from calibration.folder import check_target, result_folder
    from calibration.provenance import collect
    from calibration.report import to_json
    from xtsred.export import EXPORTERS
    from xtsred.export.result import read_result

    check_target(out, overwrite=overwrite)
    data = read_result(result)
    chosen = _FORMATS if "all" in formats else tuple(dict.fromkeys(formats))
    texts = {
        f"{name}/{file}": text
        for name in chosen
        for file, text in EXPORTERS[name].files(data).items()
    }
    command = shlex.join(["xtsred", *sys.argv[1:]])
    provenance = collect("xtsred", command=command, inputs=data.files, libraries=("numpy",))
    values = {
        "title": f"{data.sample}: exported",
        "virtual": data.virtual,
        "formats": {name: EXPORTERS[name].SUMMARY for name in chosen},
        "files": list(texts),
        "q_range": list(data.q_range),
        "provenance": to_json(provenance),
    }
    with result_folder(out, overwrite=overwrite) as folder:
        for name, text in texts.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
        (folder / "result.json").write_text(
            json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    if as_json:
        click.echo(json.dumps({**values, "out": str(out)}, indent=1, ensure_ascii=False))
        return EXIT_DONE
    for name in chosen:
        click.echo(f"{out / name}: {EXPORTERS[name].SUMMARY}")
    return EXIT_DONE
