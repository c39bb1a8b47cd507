"""One file per trajectory format: `matches(head, file_name)` and `read(lines, options)`."""

from collections.abc import Callable, Iterator, Mapping

from xtsred.simulation.formats import cpmd, lammps_data, lammps_dump, rmc_cfg, xdatcar, xyz
from xtsred.simulation.formats.lines import LineReader
from xtsred.simulation.frame import Frame, ReadOptions

__all__ = ["READERS"]

Reader = tuple[Callable[[str, str], bool], Callable[[LineReader, ReadOptions], Iterator[Frame]]]

# recognised by content, in this order: the most telling first
READERS: Mapping[str, Reader] = {
    module.NAME: (module.matches, module.read)
    for module in (lammps_dump, rmc_cfg, xdatcar, lammps_data, xyz, cpmd)
}
