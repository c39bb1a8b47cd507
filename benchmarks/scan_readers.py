"""Time and outcome of the scan readers, beside an independent reader where one is installed.

    python -m benchmarks.scan_readers [FOLDER ...]        (from the checkout)

Reads files made to each format's layout (one range; ten ranges of 1520 points), then every file of the folders
given (default: the shared sample files, if they are here). `wrong` is where the made numbers do not come back.
"""

import importlib
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from calibration.errors import ReadError
from tests.xtsred.io import makers
from xtsred.io import read_scans

ROOT = Path(__file__).resolve().parent.parent
TEN = [makers.counts(i, 1520) for i in range(10)]
MAKERS: dict[str, Callable[..., bytes]] = {
    "v1.raw": makers.raw1,
    "v2.raw": makers.raw2,
    "v3.raw": makers.raw3,
    "v4.raw": makers.raw4,
    "brml": makers.brml,
    "xrdml": makers.xrdml,
    "ras": makers.ras,
    "rasx": makers.rasx,
    "asc": makers.asc,
    "uxd": makers.uxd,
    "fxye": makers.fxye,
}
ONE: dict[str, Callable[..., bytes]] = {
    "stoe.raw": makers.stoe,
    "chi": makers.chi,
    "xy": makers.xy,
}


def best_of(read: Callable[[], object], repeats: int = 5) -> float:
    """Shortest time in ms."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        read()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def outcome(path: Path) -> tuple[str, float]:
    """What came of reading, and how long it took."""
    try:
        took = best_of(lambda: read_scans(path))
    except ReadError as error:
        return f"refused: {error.what}", 0.0
    scans = read_scans(path)
    points = sum(s.values.size for s in scans)
    warned = sum(f.severity == "warning" for s in scans for f in s.findings)
    note = f", {warned} warning{'s' if warned > 1 else ''}" if warned else ""
    return f"{scans[0].format}: {len(scans)} ranges, {points} points{note}", took


def made(folder: Path) -> None:
    """Ten ranges of 1520 points in every format, and whether the numbers come back."""
    print(f"{'made file':<14}{'bytes':>10}{'ms':>9}  outcome")
    for name, make in {**MAKERS, **ONE}.items():
        ranges = TEN if name in MAKERS else TEN[:1]
        path = folder / f"ten.{name}"
        path.write_bytes(make(*ranges))
        said, took = outcome(path)
        scans = read_scans(path)
        right = len(scans) == len(ranges) and all(
            np.array_equal(s.values, y)
            and np.allclose(s.two_theta_deg, makers.angles(y.size), atol=1e-6)
            for s, y in zip(scans, ranges, strict=True)
        )
        print(
            f"{name:<14}{path.stat().st_size:>10}{took:>9.2f}  {'right' if right else 'WRONG'}, {said}"
        )


def real(folder: Path) -> None:
    """Every file of a folder, and the independent reader on the same."""
    peer = None
    if importlib.util.find_spec("rietx") is not None:
        start = time.perf_counter()
        peer = importlib.import_module("rietx")
        print(f"\nrietx: import {time.perf_counter() - start:.2f} s")
    print(f"\n{'file':<60}{'bytes':>9}{'ms':>8}{'rietx ms':>10}  outcome")
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        said, took = outcome(path)
        theirs = "-"
        if peer is not None:
            try:
                theirs = f"{best_of(lambda p=path: peer.read_pattern(str(p))):.2f}"
            except ValueError:
                theirs = "refused"
        print(f"{path.name[:58]:<60}{path.stat().st_size:>9}{took:>8.2f}{theirs:>10}  {said}")


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        made(Path(folder))
    shared = (
        Path(os.environ.get("XTSRED_SHARED", ROOT.parent / "shared")) / "data" / "xrd" / "formats"
    )
    for folder in [Path(a) for a in sys.argv[1:]] or [shared]:
        if folder.is_dir():
            real(folder)


if __name__ == "__main__":
    main()
