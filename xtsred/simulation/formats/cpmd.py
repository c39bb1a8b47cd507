"""CPMD TRAJECTORY: per line step, x y z, vx vy vz, in bohr and atomic units; no cell and no elements.

Both come from ReadOptions (cell in Å, atoms in the order of the file). A line "<<<<<<  NEW DATA  >>>>>>" marks a
restart and is passed over. CPMD's TRAJEC.xyz is plain XYZ. bohr: CODATA 2018.
"""

from collections.abc import Iterator

import numpy as np

from calibration.errors import ReadError
from xtsred.simulation.formats.lines import LineReader, numbers
from xtsred.simulation.frame import Frame, ReadOptions, checked_frame

__all__ = ["BOHR_A", "NAME", "matches", "read"]

NAME = "cpmd"
BOHR_A = 0.529177210903


def matches(head: str, file_name: str) -> bool:
    """Seven columns whose first is a whole number that repeats."""
    rows = [line.split() for line in head.splitlines() if "NEW DATA" not in line][:2]
    return len(rows) == 2 and all(len(row) in (7, 10) and row[0].isdecimal() for row in rows)


def read(lines: LineReader, options: ReadOptions) -> Iterator[Frame]:
    """Yield the wanted frames. Raises ReadError."""
    symbols = options.symbols_of_atoms()
    cell = options.cell
    if not symbols or cell is None:
        raise ReadError(
            "a CPMD TRAJECTORY has no cell and no elements",
            why="the format stores only steps, positions and velocities",
            remedy="give --cell a b c (Å) and --atoms Na36,Si36,S96 in the order of the file",
            where=lines.name,
        )
    index = -1
    while (text := lines.line()) is not None:
        if "NEW DATA" in text or not text.strip():
            continue
        index += 1
        if options.frames.done(index):
            return
        start = lines.number
        rows = [text, *lines.block(len(symbols) - 1, f"frame {index}")]
        table = numbers(rows, slice(0, 4), first_line=start, name=lines.name)
        if not np.all(table[:, 0] == table[0, 0]) or not np.isfinite(table[0, 0]):
            raise ReadError(
                f"frame {index} does not have {len(symbols)} atoms",
                why="the step number changes inside the frame",
                remedy="correct --atoms: their numbers must add up to the atoms of the run",
                where=f"{lines.name}:{start}",
            )
        if options.frames.wanted(index):
            yield checked_frame(
                cell=cell,
                symbols=symbols,
                positions=table[:, 1:] * BOHR_A,
                index=index,
                step=int(table[0, 0]),
                where=f"{lines.name}:{start}",
            )
