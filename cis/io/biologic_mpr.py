"""BioLogic EC-Lab binary files (.mpr), from the publicly documented layout of their modules.

Schema: columns by number: 32 freq/Hz, 37 Re(Z)/Ohm, 38 -Im(Z)/Ohm, 24 cycle number, 206 Temperature/°C; single precision.
Uncertainties: none are stored; single precision limits the values to about 1e-7.
Metadata: version of the data module and the date in the header of the module.
Structure: "BIO-LOGIC MODULAR FILE", then modules: "MODULE", a short name of 10 and a long name of 25 bytes, the length
    of the data, the version, the date (month/day/year, 8 bytes); newer files have 0xFFFFFFFF, the length and a second
    version between. Module "VMP data": number of points (uint32), number of columns (uint8), column numbers (uint16,
    big-endian from version 10 on), and the records at byte 405 (version 2), 406 (3) or 1007 (10, 11). Columns of bit flags
    share one byte. Layout as documented by yadg (docs, eclab.mpr) and in the issues of galvani; the code is ours.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.errors import ReadError
from cis.io.columns import Column, Role
from cis.io.metadata import iso_time
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import Facts, build, spectra_of_table
from cis.io.table import Table
from cis.io.text import TextFile, load_bytes
from cis.stages import Array, Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "BioLogic mpr"
_MAGIC = b"BIO-LOGIC MODULAR FILE"
_FLAGS = frozenset({1, 2, 3, 21, 31, 65})
_DOUBLE = frozenset({4, 7, 11, 13, 23, 24, 74, 110, 112, 115, 116, 123, 124, 125, 126, 182, 211})
_SHORT = frozenset({39, 131})
_LONG = frozenset({212, 213})
_BYTE = frozenset({253})
_SINGLE = frozenset(
    {5, 6, 8, 9, 15, 16, 17, 19, 20, *range(32, 39), 45, 46, 69, 70, 75, 76, 77, 78, 96, 98, 99, 100, 101, 105, 106}
    | {135, 136, 163, *range(166, 170), *range(172, 180), 185, 206, 215, *range(217, 226), *range(230, 250)}
)  # fmt: skip
_ROLES: dict[int, tuple[str, Role, int, str, float]] = {
    32: ("freq/Hz", "f", 1, "Hz", 1.0),
    37: ("Re(Z)/Ohm", "Z'", 1, "Ohm", 1.0),
    38: ("-Im(Z)/Ohm", "Z''", -1, "Ohm", 1.0),
    24: ("cycle number", "cycle", 1, "", 1.0),
    206: ("Temperature/°C", "T", 1, "°C", 1.0),
}
_MODULUS = 36  # |Z|/Ohm, used to check that the columns were found
_START = {2: 405, 3: 406, 10: 1007, 11: 1007}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Module:
    name: str
    version: int
    date: str
    begin: int
    data: bytes


def matches(head: bytes, name: str) -> bool:
    """The signature."""
    return head.startswith(_MAGIC)


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """One spectrum for each cycle and sweep; `line` is the number of the record, from 1."""
    content = load_bytes(path)
    module = next((m for m in _modules(content, path) if m.name == "VMP data"), None)
    if module is None:
        raise ReadError(
            "the file has no data module", remedy="copy the file again", where=str(path)
        )
    ids, count = _column_ids(module, path)
    values = _records(module, ids, count, path)
    columns = tuple(
        Column(header=h, position=i, role=r, sign=s, unit=u, factor=f)
        for i, (h, r, s, u, f) in enumerate(_ROLES[k] for k in values)
    )
    table = Table(
        columns=columns,
        values=np.column_stack(list(values.values())),
        line=np.arange(1, count + 1, dtype=np.int64),
        header_line=0,
        above=(0, 0),
        ignored=tuple(f"column {k}" for k in ids if k not in _ROLES),
    )
    text = TextFile(path=str(path), encoding="binary", lines=())
    facts = Facts(
        started=iso_time(_four_digits(module.date), order="mdy"),
        header={"data module version": str(module.version), "date": module.date},
    )
    found = spectra_of_table(
        table, text=text, format_name=NAME, options=options, facts=facts, sign_known=True
    )
    return build(found, where=str(path))


def _four_digits(date: str) -> str:
    return f"{date[:-2]}20{date[-2:]}" if len(date) == 8 else date


def _modules(content: bytes, path: Path | str) -> list[_Module]:
    found: list[_Module] = []
    at = content.find(b"MODULE", len(_MAGIC))
    while at >= 0:
        head = content[at + 6 : at + 69]
        if len(head) < 51:
            raise _cut(path, at)
        (length,) = struct.unpack_from("<I", head, 35)
        if length == 0xFFFFFFFF and len(head) >= 63:
            length, old, new = struct.unpack_from("<III", head, 39)
            begin, version, date = at + 69, old + new, head[51:59]
            # the date closes the header of either generation
            begin, date = at + 6 + 59, head[51:59]
        else:
            (version,) = struct.unpack_from("<I", head, 39)
            begin, date = at + 6 + 51, head[43:51]
        if begin + length > len(content):
            raise _cut(path, at)
        found.append(
            _Module(
                name=head[:10].decode("latin-1").strip(), version=version, date=date.decode("latin-1").strip("\0 "),
                begin=begin, data=content[begin : begin + length],
            )
        )  # fmt: skip
        at = content.find(b"MODULE", begin + length)
    return found


def _cut(path: Path | str, at: int) -> ReadError:
    return ReadError(
        "the file is cut short or damaged",
        why=f"the module at byte {at} is not whole",
        remedy="copy the file again, or export .mpt from EC-Lab",
        where=str(path),
    )


def _column_ids(module: _Module, path: Path | str) -> tuple[list[int], int]:
    if module.version not in _START or len(module.data) < _START[module.version]:
        raise ReadError(
            f"version {module.version} of the data module is not known here",
            remedy="export the measurement as .mpt from EC-Lab",
            where=str(path),
        )
    count, width = struct.unpack_from("<IB", module.data, 0)
    order = ">" if module.version >= 10 else "<"
    ids = list(struct.unpack_from(f"{order}{width}H", module.data, 5))
    missing = [k for k in (32, 37, 38) if k not in ids]
    if missing:
        raise ReadError(
            "the file holds no impedance of the working electrode",
            why=f"no column {', '.join(_ROLES[k][0] for k in missing)} among its {width}",
            remedy="choose the file of an impedance technique (PEIS, GEIS)",
            where=str(path),
        )
    return ids, count


def _records(module: _Module, ids: list[int], count: int, path: Path | str) -> dict[int, Array]:
    """Wanted columns by number. The size of a record must agree with the length of the module."""
    body = module.data[_START[module.version] :]
    if count == 0 or len(body) % count:
        raise _unfilled(path, f"{count} records in {len(body)} bytes")
    size = len(body) // count
    kinds = _kinds(ids, size, path)
    offsets: dict[int, int] = {}
    at = 0
    for k, kind in zip(ids, kinds, strict=True):
        offsets.setdefault(k, at)
        at += np.dtype(kind).itemsize if kind else 0
    if at != size:
        raise _unfilled(path, f"{count} records of {at} bytes in {len(body)} bytes")
    wanted = [k for k in (*_ROLES, _MODULUS) if k in offsets]
    layout = np.dtype(
        {
            "names": [str(k) for k in wanted],
            "formats": [kinds[ids.index(k)] for k in wanted],
            "offsets": [offsets[k] for k in wanted],
            "itemsize": size,
        }
    )
    records = np.frombuffer(body, dtype=layout, count=count)
    with np.errstate(all="ignore"):  # damaged bytes may be signalling NaN
        values = {k: records[str(k)].astype(np.float64) for k in wanted}
        modulus = values.pop(_MODULUS, None)
        if modulus is not None and not np.allclose(
            modulus, np.hypot(values[37], values[38]), rtol=1e-4, equal_nan=True
        ):
            raise _unfilled(path, "|Z| of the file is not that of Re(Z) and Im(Z)")
    return values


def _kinds(ids: list[int], size: int, path: Path | str) -> list[str]:
    """Type of each column; flags share the byte of the first. Columns of unknown type are single precision if that fills the record."""
    table = (("<f4", _SINGLE), ("<f8", _DOUBLE), ("<u2", _SHORT), ("<u4", _LONG), ("u1", _BYTE))
    kinds = [next((t for t, members in table if k in members), "?") for k in ids]
    first_flag = next((i for i, k in enumerate(ids) if k in _FLAGS), None)
    for i, k in enumerate(ids):
        if k in _FLAGS:
            kinds[i] = "u1" if i == first_flag else ""
    unknown = [k for k, kind in zip(ids, kinds, strict=True) if kind == "?"]
    rest = size - sum(np.dtype(kind).itemsize for kind in kinds if kind not in ("?", ""))
    if not unknown:
        return kinds
    if rest == 4 * len(unknown):
        return ["<f4" if kind == "?" else kind for kind in kinds]
    if rest == 8 and len(unknown) == 1:
        return ["<f8" if kind == "?" else kind for kind in kinds]
    raise ReadError(
        f"columns {', '.join(map(str, unknown[:6]))} of the file are not known here",
        why="their sizes are needed to find the columns after them",
        remedy="export the measurement as .mpt from EC-Lab, and tell us the names of those columns",
        where=str(path),
    )


def _unfilled(path: Path | str, why: str) -> ReadError:
    return ReadError(
        "the records do not fill the data module",
        why=why,
        remedy="the measurement may be unfinished, or the file damaged: export it as .mpt from EC-Lab",
        where=str(path),
    )
