"""The `bundle` and `verify` commands, the same for both halves."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calibration.commandline import EXIT_DONE, EXIT_SOME_FAILED

if TYPE_CHECKING:
    from calibration.bundle.pack import Half, Verification

__all__ = ["bundle_command", "verify_command"]


def bundle_command(half: "Callable[[], Half]", *, program: str) -> click.Command:
    """`PROGRAM bundle RESULT_DIR`; half is asked for only when the command runs."""

    @click.command(
        name="bundle",
        help=f"Pack a result folder of {program} with its raw files, project file, tables and methods into one ZIP "
        f"that `{program} verify` can check elsewhere.",
    )
    @click.argument("folder", metavar="RESULT_DIR", type=click.Path(path_type=Path))
    @click.option(
        "--out",
        metavar="BUNDLE.zip",
        type=click.Path(path_type=Path),
        help="The ZIP; default: RESULT_DIR.zip beside the folder.",
    )
    @click.option("--overwrite", is_flag=True, help="Replace an earlier bundle.")
    @click.option("--json", "as_json", is_flag=True, help="Print what was packed as JSON.")
    def bundle(folder: Path, out: Path | None, overwrite: bool, as_json: bool) -> int:
        from calibration.bundle.pack import make_bundle

        target = out or folder.resolve().with_name(f"{folder.resolve().name}.zip")
        words = [program, "bundle", str(folder), *(["--out", str(out)] if out else [])]
        members = make_bundle(
            half(), folder, target, overwrite=overwrite, command=shlex.join(words)
        )
        size = target.stat().st_size
        if as_json:
            click.echo(
                json.dumps({"bundle": str(target), "bytes": size, "members": members}, indent=1)
            )
            return EXIT_DONE
        click.echo(f"{target}: {len(members)} files, {size / 1e6:.1f} MB")
        click.echo(f"check it anywhere with: {program} verify {target.name}")
        return EXIT_DONE

    return bundle


def verify_command(half: "Callable[[], Half]", *, program: str) -> click.Command:
    """`PROGRAM verify BUNDLE.zip`; exit status 3 where a result changed."""

    @click.command(
        name="verify",
        help="Run a bundle's project again with this installation and say what changed, in standard uncertainties. "
        "Exit status 0: nothing but rounding; 3: something changed (listed); 2: the bundle is damaged or altered.",
    )
    @click.argument("bundle", metavar="BUNDLE.zip", type=click.Path(path_type=Path))
    @click.option(
        "--keep",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Keep the second run's result in this new folder.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
    def verify(bundle: Path, keep: Path | None, as_json: bool) -> int:
        from calibration.bundle.pack import verify_bundle

        found = verify_bundle(half(), bundle, keep=keep)
        if as_json:
            click.echo(json.dumps(_values(found), indent=1, ensure_ascii=False))
        else:
            _say(found, keep)
        return EXIT_SOME_FAILED if found.changed else EXIT_DONE

    return verify


def _values(found: "Verification") -> dict[str, object]:
    from calibration.report import to_json

    return {
        "title": found.title,
        "changed": len(found.changed),
        "differences": [
            {
                "name": d.name,
                "then": d.then,
                "now": d.now,
                "in_sigma": to_json(d.in_sigma),
                "relative": to_json(d.relative),
                "where": d.where,
                "verdict": d.verdict,
            }
            for d in found.differences
        ],
        "versions": found.versions,
        "findings_gone": found.findings[0],
        "findings_new": found.findings[1],
    }


def _say(found: "Verification", keep: Path | None) -> None:
    total, changed = len(found.differences), found.changed
    identical = sum(d.verdict == "identical" for d in found.differences)
    click.echo(f"{found.title}: every file is as it was bundled; the project was run again.")
    click.echo(
        f"  {total} results compared: {identical} identical, {total - identical - len(changed)} the same within rounding, "
        f"{len(changed)} changed"
    )
    for d in changed:
        size = (
            "by an unknown number of sigma" if d.in_sigma is None else f"by {d.in_sigma:.2g} sigma"
        )
        place = f" at {d.where}" if d.where else ""
        click.echo(f"  changed: {d.name}{place} {size}: then {d.then}, now {d.now}")
    for name, (then, now) in found.versions.items():
        click.echo(f"  {name}: then {then}, now {now}")
    for text in found.findings[0]:
        click.echo(f"  finding of then only: {text}")
    for text in found.findings[1]:
        click.echo(f"  finding of now only: {text}")
    if keep is not None:
        click.echo(f"  second run: {keep / 'report.html'}")
