"""A result folder of `xtsred reduce`, as the exporters need it: S(Q) over the range that was transformed, and G(r) of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.composition import parse_formula
from calibration.errors import InputError
from xtsred.atoms import Composition, form_factors, mean_square, square_mean
from xtsred.fourier import Window
from xtsred.functions import FUNCTIONS, Material
from xtsred.simulation.curves import Table, read_table
from xtsred.simulation.headings import facts
from xtsred.stages import Array, frozen
from xtsred.transform import Crossing, Profile, transform, uniform_grid

__all__ = ["Result", "factors_words", "origin", "read_result"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a reduction found, ready to be written for another program.

    name: stem of the files. q: bin centres (Å^-1), shape (n,), uniform; s, sigma: Faber-Ziman S(Q). square_mean,
    mean_square: |<f>|^2 and <f^2> at q, e.u., with f' and f'' at energy_kev. r: Å, shape (m,), from 0 up; d: G(r) = 4 pi rho0 r (g - 1) of this S(Q)
    cut off sharply at q_range[1], no window, with d_sigma. header: facts of the result's own files.
    """

    name: str
    sample: str
    composition: str
    number_density_per_a3: float
    q: Array
    s: Array
    sigma: Array
    square_mean: Array
    mean_square: Array
    energy_kev: float
    r: Array
    d: Array
    d_sigma: Array
    q_range: tuple[float, float]
    extrapolation: str
    header: Mapping[str, str]
    files: tuple[Path, ...]

    @property
    def virtual(self) -> bool:
        """Whether the scans were simulated."""
        return "virtual" in self.header


def read_result(folder: Path) -> Result:
    """Read NAME.sq, NAME.gr and run.toml of a result folder. Raises InputError where it is none, or not whole."""
    sq = _only(folder, "sq")
    gr = sq.with_suffix(".gr")
    if not gr.is_file():
        raise InputError(
            f"{gr.name} is missing beside {sq.name}",
            why="the folder is not as `xtsred reduce` left it",
            remedy="run xtsred reduce again",
            where=str(folder),
        )
    table = read_table(sq)
    header = facts(table.comments)
    q, s, sigma = _columns(table, ("Q", "S", "sigma"))
    low, high = _number(header, "qmin", sq), _number(header, "qmax", sq)
    used = (q >= low - 1e-9) & (q <= high + 1e-9)
    q, s, sigma = q[used], s[used], sigma[used]
    composition = Composition.of(parse_formula(header.get("composition", "")))
    energy = _energy(folder / "run.toml")
    f = form_factors(composition, q, energy_kev=energy)
    r = _columns(read_table(gr, zeros="values"), ("r",))[0]
    step = round(float(r[1] - r[0]), 9)
    r = uniform_grid(step, float(r[-1]) + 1e-6, step=step, name="r")
    density = _number(header, "number density", sq)
    done = transform(
        Profile(function=FUNCTIONS["S"], x=frozen(q), y=frozen(s), sigma=frozen(sigma)),
        FUNCTIONS["G"],
        material=Material(number_density_per_a3=density),
        target_material=Material(number_density_per_a3=density),
        crossing=Crossing(grid=r, window=Window(name="none", q_max=high), sampling="bins"),
    )
    profile = done.profile
    if profile.sigma is None:
        raise InputError("the S(Q) has no uncertainty", where=str(sq))
    return Result(
        name=sq.stem,
        sample=header.get("sample", sq.stem),
        composition=header.get("composition", ""),
        number_density_per_a3=density,
        q=frozen(q),
        s=frozen(s),
        sigma=frozen(sigma),
        square_mean=frozen(square_mean(composition, f)),
        mean_square=frozen(mean_square(composition, f)),
        energy_kev=energy,
        r=frozen(np.concatenate([[0.0], r])),
        d=frozen(np.concatenate([[0.0], profile.y])),
        d_sigma=frozen(np.concatenate([[0.0], profile.sigma])),
        q_range=(low, high),
        extrapolation=done.facts["extrapolation below qmin"],
        header=header,
        files=(sq, gr, folder / "run.toml"),
    )


def _only(folder: Path, end: str) -> Path:
    if not folder.is_dir():
        raise InputError(
            "this is no folder",
            remedy="name the folder that `xtsred reduce --out` made",
            where=str(folder),
        )
    found = sorted(folder.glob(f"*.{end}"))
    if len(found) != 1:
        names = ", ".join(p.name for p in found[:4])
        raise InputError(
            f"the folder has {len(found)} .{end} files" + (f": {names}" if names else ""),
            why="a result of `xtsred reduce` has one",
            remedy="name the folder of one result",
            where=str(folder),
        )
    return found[0]


def _columns(table: Table, names: tuple[str, ...]) -> list[Array]:
    missing = [n for n in names if n not in table.names]
    if missing:
        raise InputError(
            f"the column {missing[0]} is missing",
            why=f"the file has {', '.join(table.names)}",
            remedy="name the folder that `xtsred reduce --out` made",
            where=table.file,
        )
    return [table.values[:, table.names.index(n)] for n in names]


def _number(header: Mapping[str, str], name: str, path: Path) -> float:
    try:
        return float(header[name].split()[0])
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(
            f"the header does not say {name}",
            remedy="name the folder that `xtsred reduce --out` made",
            where=str(path),
        ) from error


def _energy(project: Path) -> float:
    """Photon energy of the strongest line, keV: that of f' and f'' in the reduction."""
    import tomllib

    from calibration.records import attempt
    from xtsred.config import Radiation
    from xtsred.unpack import tube_lines

    try:
        raw = tomllib.loads(project.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            "the resolved project file of the result cannot be read",
            why=str(error),
            remedy="name the folder that `xtsred reduce --out` made",
            where=str(project),
        ) from error
    radiation = attempt(Radiation, raw.get("radiation"))
    if radiation is None:
        raise InputError("the radiation is not stated", where=f"{project}: radiation")
    return max(tube_lines(radiation), key=lambda line: line.weight).energy_kev


def factors_words(result: Result) -> str:
    """Which form factors stand in <f>^2 and <f^2>."""
    return f"f0 Waasmaier & Kirfel 1995, f', f'' Chantler at {result.energy_kev:.4f} keV"


def origin(result: Result) -> str:
    """One line for a title: sample, program, and that the data are virtual if they are."""
    said = "VIRTUAL (simulated scans) " if result.virtual else ""
    return f"{said}{result.sample}, {result.header.get('software', 'xtsred')}"
