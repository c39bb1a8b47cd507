"""Small systems whose answers are known."""

from pathlib import Path

import numpy as np
import pytest

from xtsred.simulation.frame import Frame


def write_xyz(path: Path, frames: list[Frame]) -> Path:
    """Extended XYZ, all digits."""
    lines = []
    for frame in frames:
        cell = " ".join(f"{x:.10f}" for x in frame.cell.ravel())
        lines += [
            str(len(frame.kinds)),
            f'Lattice="{cell}" Properties=species:S:1:pos:R:3 pbc="T T T"',
        ]
        lines += [
            f"{frame.elements[k]} {x:.10f} {y:.10f} {z:.10f}"
            for k, (x, y, z) in zip(frame.kinds, frame.positions, strict=True)
        ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def ideal_gas():
    """Make frames of independent uniform atoms: g = 1 for every pair."""

    def make(numbers: dict[str, int], cell, *, frames: int = 1, seed: int = 0) -> list[Frame]:
        rng = np.random.default_rng(seed)
        cell = np.asarray(cell, dtype=float)
        kinds = np.repeat(np.arange(len(numbers)), list(numbers.values()))
        return [
            Frame(
                cell=cell,
                elements=tuple(numbers),
                kinds=kinds,
                positions=rng.random((len(kinds), 3)) @ cell,
                index=k,
            )
            for k in range(frames)
        ]

    return make
