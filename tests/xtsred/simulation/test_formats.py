"""Trajectory formats: the same box written in each gives the same frame; damaged files give one clear error."""

import gzip

import numpy as np
import pytest

from calibration.errors import InputError, ReadError
from xtsred.simulation.formats.cpmd import BOHR_A
from xtsred.simulation.frame import FrameRange, ReadOptions, cell_heights
from xtsred.simulation.trajectory import (
    check_sample,
    formal_charge,
    open_trajectory,
    parse_atoms,
    parse_cell,
    parse_frames,
    parse_types,
    parse_values,
)

CELL = np.array([[12.0, 0, 0], [1.5, 13.0, 0], [-2.0, 0.7, 14.0]])
TYPES = {"1": "Si", "2": "O"}
SYMBOLS = ["Si"] * 5 + ["O"] * 10


def positions(frame: int):
    return np.random.default_rng(frame).random((15, 3)) @ CELL


def table(rows, *, head="{}"):
    return "".join(
        f"{head.format(k)} {x:.10f} {y:.10f} {z:.10f}\n" for k, (x, y, z) in enumerate(rows)
    )


def as_xyz(frames=3):
    cell = " ".join(str(x) for x in CELL.ravel())
    text = ""
    for f in range(frames):
        text += f'15\nProperties=id:I:1:species:S:1:pos:R:3 Lattice="{cell}" pbc="T T T"\n'
        for k, (x, y, z) in enumerate(positions(f)):
            text += f"{k + 1} {SYMBOLS[k]} {x:.10f} {y:.10f} {z:.10f}\n"
    return text


def as_xdatcar(frames=3):
    rows = "\n".join(" ".join(str(x / 2.0) for x in row) for row in CELL)
    text = f"title\n2.0\n{rows}\nSi O\n5 10\n"
    for f in range(frames):
        text += f"Direct configuration= {f + 1}\n"
        text += "".join(
            " ".join(f"{x:.12f}" for x in row) + "\n" for row in positions(f) @ np.linalg.inv(CELL)
        )
    return text


def as_dump(frames=3, *, scaled=False):
    lx, ly, lz, xy, xz, yz = 12.0, 13.0, 14.0, 1.5, -2.0, 0.7
    low = np.array([3.0, -4.0, 5.0])
    lows = low + np.array([min(0, xy, xz, xy + xz), min(0, yz), 0])
    highs = low + np.array([lx, ly, lz]) + np.array([max(0, xy, xz, xy + xz), max(0, yz), 0])
    text = ""
    for f in range(frames):
        text += f"ITEM: TIMESTEP\n{100 * f}\nITEM: NUMBER OF ATOMS\n15\nITEM: BOX BOUNDS xy xz yz pp pp pp\n"
        text += "".join(f"{a} {b} {t}\n" for a, b, t in zip(lows, highs, (xy, xz, yz), strict=True))
        columns = "xs ys zs" if scaled else "x y z"
        text += f"ITEM: ATOMS type id {columns}\n"
        where = positions(f) @ np.linalg.inv(CELL) if scaled else positions(f) + low
        for k in np.random.default_rng(f).permutation(15):
            x, y, z = where[k]
            text += f"{1 if SYMBOLS[k] == 'Si' else 2} {k + 1} {x:.12f} {y:.12f} {z:.12f}\n"
    return text


def as_data():
    text = "title\n\n15 atoms\n2 atom types\n\n1.0 13.0 xlo xhi\n-2 11.0 ylo yhi\n0 14.0 zlo zhi\n1.5 -2.0 0.7 xy xz yz\n"
    text += "\nMasses\n\n1 28.0855 # Si\n2 15.9994\n\nAtoms # charge\n\n"
    for k, (x, y, z) in enumerate(positions(0) + np.array([1.0, -2.0, 0.0])):
        kind = 1 if SYMBOLS[k] == "Si" else 2
        text += f"{k + 1} {kind} 0.5 {x:.10f} {y:.10f} {z:.10f}\n"
    return text


def as_cpmd(frames=3):
    text = ""
    for f in range(frames):
        text += " <<<<<<  NEW DATA  >>>>>>\n" if f == 1 else ""
        for x, y, z in positions(f) / BOHR_A:
            text += f"{10 * f} {x:.12f} {y:.12f} {z:.12f} 0.0 0.0 0.0\n"
    return text


def as_cfg():
    vectors = "\n".join(" ".join(str(x / 2.0) for x in row) for row in CELL)
    rows = "".join(
        " ".join(f"{x:.12f}" for x in row) + "\n"
        for row in 2.0 * (positions(0) @ np.linalg.inv(CELL)) - 1.0
    )
    groups = "".join(
        f"\n {n} molecules of type  {t}\n 1 atomic sites\n 0.0 0.0 0.0\n"
        for n, t in ((5, 1), (10, 2))
    )
    return (
        " (Version 3 format configuration file)\n a title\n\n 1 2 3 moves generated, tried, accepted\n 0 configurations saved\n\n"
        " 15 molecules of all types\n 2 types of molecules\n 1 is the largest number of atoms in a molecule\n"
        " 0 Euler angles are provided\n\n F (Box is not truncated octahedral)\n Defining vectors are:\n"
        f"{vectors}\n{groups}\n{rows}"
    )


WRITERS = {
    "xyz": (as_xyz, ReadOptions(), 3),
    "xdatcar": (as_xdatcar, ReadOptions(), 3),
    "lammps-dump": (as_dump, ReadOptions(types=TYPES), 3),
    "lammps-data": (as_data, ReadOptions(), 1),
    "cpmd": (as_cpmd, ReadOptions(cell=CELL, atoms=(("Si", 5), ("O", 10))), 3),
    "rmc-cfg": (as_cfg, ReadOptions(types=TYPES), 1),
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_box(tmp_path, name, packed):
    writer, options, count = WRITERS[name]
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(writer().encode()) if packed else writer().encode())
    trajectory = open_trajectory(path, options=options)
    assert trajectory.format == name
    frames = list(trajectory)
    assert [f.index for f in frames] == list(range(count))
    for f, frame in enumerate(frames):
        assert np.allclose(frame.cell, CELL, atol=1e-9)
        assert [frame.elements[k] for k in frame.kinds] == SYMBOLS
        off = (frame.positions - positions(f)) @ np.linalg.inv(CELL)
        assert np.abs(off - np.round(off)).max() < 1e-8
    # a second pass reads it again
    assert len(list(trajectory)) == count


def test_scaled_dump(tmp_path):
    path = tmp_path / "a.dump"
    path.write_text(as_dump(scaled=True))
    frame = next(iter(open_trajectory(path, options=ReadOptions(types=TYPES))))
    assert np.allclose(frame.positions, positions(0), atol=1e-8)
    assert frame.step == 0


@pytest.mark.parametrize("name", ["xyz", "xdatcar", "lammps-dump", "cpmd"])
def test_chosen_frames(tmp_path, name):
    writer, options, _ = WRITERS[name]
    path = tmp_path / "file"
    path.write_text(writer(8))
    chosen = ReadOptions(
        types=options.types, cell=options.cell, atoms=options.atoms, frames=FrameRange(1, 7, 2)
    )
    assert [f.index for f in open_trajectory(path, options=chosen)] == [1, 3, 5]
    late = ReadOptions(
        types=options.types, cell=options.cell, atoms=options.atoms, frames=FrameRange(50)
    )
    with pytest.raises(ReadError, match="no frame"):
        list(open_trajectory(path, options=late))


@pytest.mark.parametrize("name", WRITERS)
def test_truncated_files(tmp_path, name):
    writer, options, _ = WRITERS[name]
    text = writer()
    path = tmp_path / "file"
    path.write_text("".join(text.splitlines(keepends=True)[:-4]))
    with pytest.raises(ReadError, match=r"truncated|number of atoms"):
        list(open_trajectory(path, options=options))


def test_truncated_gzip(tmp_path):
    path = tmp_path / "file.gz"
    packed = gzip.compress(as_xyz(200).encode())
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(ReadError, match=r"truncated|damaged"):
        list(open_trajectory(path))


@pytest.mark.parametrize("name", ["xyz", "xdatcar", "lammps-dump", "cpmd"])
def test_nan_positions(tmp_path, name):
    writer, options, _ = WRITERS[name]
    path = tmp_path / "file"
    lines = writer().splitlines()
    lines[-3] = lines[-3].rsplit(" ", 1)[0] + " nan" if name != "cpmd" else "20 nan 0 0 0 0 0"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ReadError, match="not a finite number"):
        list(open_trajectory(path, options=options))


def test_no_cell(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text("2\ncomment\nSi 0 0 0\nO 1.6 0 0\n")
    with pytest.raises(ReadError, match="no cell"):
        list(open_trajectory(path))
    frame = next(iter(open_trajectory(path, options=ReadOptions(cell=parse_cell("10")))))
    assert frame.volume == pytest.approx(1000.0)


def test_cpmd_needs_cell_and_atoms(tmp_path):
    path = tmp_path / "TRAJECTORY"
    path.write_text(as_cpmd())
    with pytest.raises(ReadError, match="--atoms"):
        list(open_trajectory(path))
    path.write_text(as_cpmd().replace(" <<<<<<  NEW DATA  >>>>>>\n", ""))
    with pytest.raises(ReadError, match="does not have"):
        list(open_trajectory(path, options=ReadOptions(cell=CELL, atoms=(("Si", 5), ("O", 8)))))


def test_wrong_units(tmp_path):
    path = tmp_path / "a.xyz"
    rows = table(np.random.default_rng(0).random((400, 3)) * 1.8, head="O")
    path.write_text(f"400\nCUB 1.8\n{rows}")
    with pytest.raises(ReadError, match="nm"):
        list(open_trajectory(path))


def test_frames_of_different_size_or_order(tmp_path):
    path = tmp_path / "a.xyz"
    one = "2\nCUB 10\nSi 0 0 0\nO 1.6 0 0\n"
    path.write_text(one + "3\nCUB 10\nSi 0 0 0\nO 1.6 0 0\nO 0 1.6 0\n")
    with pytest.raises(ReadError, match="same system"):
        list(open_trajectory(path))
    path.write_text(one + "2\nCUB 10\nO 0 0 0\nSi 1.6 0 0\n")
    with pytest.raises(ReadError, match="order"):
        list(open_trajectory(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('1\nLattice="1 0 0 0 1 0 0 0 1" pbc="T T F"\nO 0 0 0\n', "not periodic"),
        ('1\nLattice="10 0 0 0 10 0 0 0 0"\nO 0 0 0\n', "no volume"),
        ("1\nCUB 10\n1 0 0 0\n", "not a chemical element"),
        ("1\nCUB 10\nO 0 zero 0\n", "expected 3 numbers"),
        ("1\nCUB 10\nO 0 0 0\nwhat\n", "number of atoms"),
    ],
)
def test_one_clear_error_each(tmp_path, text, message):
    path = tmp_path / "a.xyz"
    path.write_text(text)
    with pytest.raises(ReadError, match=message) as caught:
        list(open_trajectory(path))
    assert str(path) in str(caught.value)


def test_unknown_content(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text("this is a letter\n")
    with pytest.raises(ReadError, match="no trajectory"):
        open_trajectory(path)


def test_lj_units_and_open_boundaries_of_a_dump(tmp_path):
    path = tmp_path / "a.dump"
    path.write_text("ITEM: UNITS\nlj\n" + as_dump())
    with pytest.raises(ReadError, match="units"):
        list(open_trajectory(path, options=ReadOptions(types=TYPES)))
    path.write_text(as_dump().replace("pp pp pp", "pp pp ff"))
    with pytest.raises(ReadError, match="not periodic"):
        list(open_trajectory(path, options=ReadOptions(types=TYPES)))


def test_options_of_the_command_line():
    assert parse_frames("5:9:2") == FrameRange(5, 9, 2)
    assert parse_frames(":") == FrameRange()
    assert parse_types("1=Si, 2=O") == TYPES
    assert parse_atoms("Na36,S12") == (("Na", 36), ("S", 12))
    assert parse_values("Li=-2.22", option="--length") == {"Li": -2.22}
    assert np.allclose(cell_heights(parse_cell("1,2,3")), [1, 2, 3])
    for call in (
        lambda: parse_frames("9:5"),
        lambda: parse_frames("::0"),
        lambda: parse_frames("-5:"),
        lambda: parse_types("1=Xx"),
        lambda: parse_atoms("36Na"),
        lambda: parse_cell("1,2"),
        lambda: parse_values("Li=x", option="--length"),
    ):
        with pytest.raises(InputError):
            call()


def test_model_against_sample(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text(as_xyz(1))
    frame = next(iter(open_trajectory(path)))
    density = 15 / frame.volume
    good = {"Si": 1 / 3, "O": 2 / 3}
    assert check_sample(frame, fractions=good, number_density_per_a3=density) == ()
    found = check_sample(frame, fractions={"Si": 0.5, "O": 0.5}, number_density_per_a3=2 * density)
    assert len(found) == 2
    with pytest.raises(InputError, match="S"):
        check_sample(frame, fractions={"Si": 1, "S": 2}, number_density_per_a3=None)
    # the printed N2S box of the reference study: 36 Si, 132 S, 132 Na
    assert formal_charge({"Si": 36, "S": 132, "Na": 132}) == 12
    assert formal_charge({"Fe": 2}) is None


def test_real_files(shared_data):
    other = shared_data / "md" / "other"
    xdatcar = list(open_trajectory(other / "Li6PS5Cl_50p_run1_XDATCAR.gz"))
    assert len(xdatcar) == 140
    glass = {"1": "O", "2": "Si", "3": "B", "4": "Na"}
    dump = next(
        iter(open_trajectory(other / "20Na2O-10B2O3-70SiO2.dump", options=ReadOptions(types=glass)))
    )
    # 20 Na2O - 10 B2O3 - 70 SiO2 is neutral with this map
    assert formal_charge(dump.numbers) == 0
    assert dump.numbers["Na"] == 2 * dump.numbers["Si"] * 20 // 70
    inside = dump.positions @ np.linalg.inv(dump.cell)
    assert inside.min() > -0.01
    assert inside.max() < 1.01
    boron = next(iter(open_trajectory(other / "1.data")))
    assert boron.numbers == {"B": 144, "O": 216}
