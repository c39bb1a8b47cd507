"""Curves and trajectories from others that are damaged: compared, or refused with one clear error."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from calibration.commandline import run
from tests.fuzz.harness import bent_text, survives
from xtsred.cli import command

_Q = np.arange(0.5, 15.0, 0.05)
_S = 1.0 - np.exp(-0.3 * _Q) * np.cos(2.2 * _Q)


def places(seed: int) -> np.ndarray:
    """60 of 64 places of a shaken lattice with an edge of 12 Å: no two atoms touch."""
    random = np.random.default_rng(seed)
    lattice = 3.0 * np.stack(np.meshgrid(*[np.arange(4)] * 3), axis=-1).reshape(-1, 3) + 1.0
    return random.permutation(lattice + random.uniform(-0.4, 0.4, lattice.shape))[:60]


def curve_file(path: Path) -> None:
    rows = "\n".join(f"{q:.3f} {s:.6f} 0.005" for q, s in zip(_Q, _S, strict=True))
    path.write_text(f"# sample = glass\n#L Q  S  sigma\n{rows}\n", encoding="utf-8")


def xyz_file(path: Path) -> None:
    frames = []
    for seed in (1, 4):
        atoms = "\n".join(
            f"{'Si' if k < 20 else 'O'} {x:.4f} {y:.4f} {z:.4f}"
            for k, (x, y, z) in enumerate(places(seed))
        )
        frames.append(
            f'60\nLattice="12 0 0 0 12 0 0 0 12" Properties=species:S:1:pos:R:3\n{atoms}\n'
        )
    path.write_text("".join(frames), encoding="utf-8")


def lammps_file(path: Path) -> None:
    atoms = "\n".join(
        f"{k + 1} {1 + k % 2} {x:.4f} {y:.4f} {z:.4f}" for k, (x, y, z) in enumerate(places(2))
    )
    path.write_text(
        "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n60\nITEM: BOX BOUNDS pp pp pp\n0 12\n0 12\n0 12\n"
        f"ITEM: ATOMS id type x y z\n{atoms}\n",
        encoding="utf-8",
    )


def poscar_file(path: Path) -> None:
    atoms = "\n".join(f"{x:.5f} {y:.5f} {z:.5f}" for x, y, z in places(3) / 12.0)
    path.write_text(
        f"glass\n1.0\n12 0 0\n0 12 0\n0 0 12\nSi O\n20 40\nDirect configuration= 1\n{atoms}\n",
        encoding="utf-8",
    )


MODELS: dict[str, tuple[str, Callable[[Path], None], list[str]]] = {
    "curve": ("model.dat", curve_file, []),
    "xyz": ("model.xyz", xyz_file, ["--weights", "xray"]),
    "lammps": ("model.lammpstrj", lammps_file, ["--types", "1=Si,2=O", "--weights", "xray"]),
    "xdatcar": ("XDATCAR", poscar_file, ["--weights", "neutron"]),
}


def compare_once(measured: Path, model: Path, options: list[str]) -> Callable[[], None]:
    """The library behind `xtsred compare`, called as the command calls it but with its errors left alone."""

    def call() -> None:
        arguments = ["compare", str(measured), str(model), "--range", "0.6", "12", "--json"]
        status = command.main(args=[*arguments, *options], standalone_mode=False)
        assert status in (None, 0)

    return call


def fuzz(folder: Path, kind: str, *, cases: int, seed: int, memory: bool) -> int:
    name, write, options = MODELS[kind]
    measured, model = folder / "measured.sq", folder / name
    curve_file(measured)
    write(model)
    text, random, through = model.read_text(encoding="utf-8"), np.random.default_rng(seed), 0
    for case in range(cases):
        data = bent_text(text, random)
        model.write_bytes(data)
        said = f"{kind}, seed {seed}, case {case}"
        through += survives(
            compare_once(measured, model, options), said, size=len(data), memory=memory
        )
    return through


@pytest.mark.parametrize("kind", MODELS)
def test_sound_models_are_compared(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name, write, options = MODELS[kind]
    curve_file(tmp_path / "measured.sq")
    write(tmp_path / name)
    arguments = [
        "compare",
        str(tmp_path / "measured.sq"),
        str(tmp_path / name),
        "--range",
        "0.6",
        "12",
    ]
    assert run(command, [*arguments, "--json", *options]) == 0
    assert "R_X" in capsys.readouterr().out


@pytest.mark.parametrize("kind", MODELS)
def test_damaged_models(tmp_path: Path, kind: str) -> None:
    fuzz(tmp_path, kind, cases=60, seed=5, memory=False)


@pytest.mark.parametrize("kind", MODELS)
def test_memory_of_damaged_models(tmp_path: Path, kind: str) -> None:
    fuzz(tmp_path, kind, cases=6, seed=6, memory=True)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(200, 205))
def test_damaged_models_at_length(tmp_path: Path, seed: int) -> None:
    for kind in MODELS:
        fuzz(tmp_path, kind, cases=1500, seed=seed, memory=False)
