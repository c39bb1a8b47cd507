"""Zahner Thales impedance files (.ism, binary).

Schema: frequency (Hz), |Z| (Ohm), phase (radians, negative capacitive), time, significance for each sample.
Uncertainties: a significance of 0..1000 for each sample is stored; no sigma.
Metadata: date, system, voltage, current, temperature and comments follow the samples in a layout that varies; not read.
Structure: big-endian. Six bytes (version), six bytes (number of samples - 1), then arrays of that many 8-byte floats:
    frequencies, moduli, phases, times; then 2-byte significances. Thales begins within the range, goes to one end, turns,
    and goes to the other: the first part is measured twice, and as in Zahner's own programs only the part between the highest
    and the lowest frequency is the spectrum. Layout as published by Zahner (zahner_analysis, MIT); the code is ours.
"""

from pathlib import Path

import numpy as np

from calibration.errors import ReadError
from calibration.report import Finding
from cis.io.options import AS_THE_FILE_SAYS, ReadOptions
from cis.io.spectra import Facts, build, make_spectrum
from cis.io.text import load_bytes
from cis.stages import Array, Spectrum

__all__ = ["NAME", "matches", "read"]

NAME = "Zahner ism"
_VERSION = (b"\0\0\xff\xff\xff\xfe", b"\0\0\xff\xff\xff\xff", b"\0\0\xff\xff\xff\xfd")
_MOST = 1_000_000


def matches(head: bytes, name: str) -> bool:
    """The version, and a first frequency that is one."""
    if len(head) < 20 or head[:6] not in _VERSION or int.from_bytes(head[6:12], "big") >= _MOST:
        return False
    first = float(np.frombuffer(head[12:20], dtype=">f8")[0])
    return bool(1e-9 < first < 1e12)


def read(path: Path | str, options: ReadOptions = AS_THE_FILE_SAYS) -> tuple[Spectrum, ...]:
    """The one spectrum between the highest and the lowest frequency; `line` is the number of the sample, from 1."""
    content = load_bytes(path)
    count = int.from_bytes(content[6:12], "big") + 1
    if len(content) < 12 + 24 * count:
        raise ReadError(
            "the file is cut short",
            why=f"{count} samples are announced and {max(len(content) - 12, 0) // 24} are there",
            remedy="copy the file again",
            where=str(path),
        )
    f, modulus, phase = (_array(content, k, count) for k in range(3))
    if not (
        np.all(np.isfinite(f))
        and np.all(f > 0)
        and np.all(np.isfinite(modulus))
        and np.all(np.isfinite(phase))
    ):
        raise ReadError(
            "the samples are damaged", why="not all are finite numbers", where=str(path)
        )
    if (
        np.any(f > 1e12)
        or np.any(modulus <= 0)
        or np.any(modulus > 1e30)
        or np.any(np.abs(phase) > 7.0)
    ):
        raise ReadError(
            "the samples are damaged",
            why="frequency, modulus or phase is out of all range",
            where=str(path),
        )
    low, high = sorted((int(np.argmin(f)), int(np.argmax(f))))
    kept = slice(low, high + 1)
    sign = -1.0 if options.imaginary_sign == "minus" else 1.0
    left = count - (high + 1 - low)
    findings = (
        (
            Finding(
                "note",
                "Samples of the part that Thales measures twice were left out.",
                {"samples": float(left)},
            ),
        )
        if left
        else ()
    )
    return build(
        [
            make_spectrum(
                file=str(path), format_name=NAME, frequency_hz=f[kept],
                z_ohm=(modulus * np.exp(1j * sign * phase))[kept],
                line=np.arange(1, count + 1, dtype=np.int64)[kept],
                facts=Facts(findings=findings, ignored=("time", "significance", "texts after the samples")),
            )
        ],
        where=str(path),
    )  # fmt: skip


def _array(content: bytes, index: int, count: int) -> Array:
    return np.frombuffer(content, dtype=">f8", count=count, offset=12 + 8 * count * index).astype(
        np.float64
    )
