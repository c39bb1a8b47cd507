"""A bundle opens as it was written; one that anybody touched, or that means harm, does not."""

import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.bundle.archive import MANIFEST, open_bundle, write_bundle
from calibration.errors import InputError, OutputError

NAMES = st.from_regex(
    r"[A-Za-z0-9_\-]{1,8}(/[A-Za-z0-9_\- ]{1,7}x)?(\.[a-z]{1,3})?", fullmatch=True
)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    raw = tmp_path / "scan.xy"
    raw.write_bytes(b"1 2\n3 4\n")
    path = tmp_path / "b.zip"
    write_bundle(path, {"raw/scan.xy": raw, "README.txt": b"hello"}, facts={"program": "xtsred"})
    return path


def test_round_trip_and_equal_bytes(bundle: Path, tmp_path: Path) -> None:
    opened = open_bundle(bundle, into=tmp_path / "out")
    assert opened.facts["program"] == "xtsred"
    assert (opened.folder / "raw" / "scan.xy").read_bytes() == b"1 2\n3 4\n"
    again = tmp_path / "again.zip"
    members: dict[str, bytes | Path] = {
        "raw/scan.xy": tmp_path / "scan.xy",
        "README.txt": b"hello",
    }
    write_bundle(again, members, facts={"program": "xtsred"})
    assert again.read_bytes() == bundle.read_bytes()


@given(st.dictionaries(NAMES, st.binary(max_size=50), max_size=4))
def test_any_members_survive(
    tmp_path_factory: pytest.TempPathFactory, members: dict[str, bytes]
) -> None:
    if len({n.casefold() for n in members}) < len(members) or MANIFEST in members:
        return
    if any(b.startswith(f"{a}/") for a in members for b in members):
        return  # a name cannot be a file and a folder
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder / "b.zip", members, facts={})
    opened = open_bundle(folder / "b.zip", into=folder / "out")
    for name, content in members.items():
        assert (opened.folder / name).read_bytes() == content


def test_a_name_that_some_systems_refuse_is_told_when_the_bundle_is_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be the name of a file in a bundle") as caught:
        write_bundle(tmp_path / "b.zip", {"raw/a/air 10:30.xy": b"1"}, facts={})
    assert "rename the file" in caught.value.remedy
    assert not list(tmp_path.iterdir())


def test_an_earlier_bundle_stays(bundle: Path) -> None:
    before = bundle.read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        write_bundle(bundle, {}, facts={})
    with pytest.raises(InputError, match="cannot be read"):
        write_bundle(bundle, {"x": bundle.parent / "absent"}, facts={}, overwrite=True)
    assert bundle.read_bytes() == before
    assert not list(bundle.parent.glob(".*"))


def rewritten(bundle: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The bundle with its members changed, the ZIP itself sound."""
    with zipfile.ZipFile(bundle) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    change(members)
    path = bundle.with_name("changed.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def alter(name: str, content: bytes) -> Callable[[dict[str, bytes]], None]:
    return lambda members: members.update({name: content})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (alter("raw/scan.xy", b"1 2\n3 5\n"), "raw/scan.xy was altered"),
        (alter("raw/more.xy", b"1"), "not listed: raw/more.xy"),
        (alter("../climb", b"1"), "not a plain path"),
        (alter("/etc/passwd", b"1"), "not a plain path"),
        (alter("C:\\x", b"1"), "not a plain path"),
        (alter("raw\\..\\..\\x", b"1"), "not a plain path"),
        (alter("raw/./x", b"1"), "not a plain path"),
        (alter("RAW/scan.xy", b"1"), "stands in it twice"),
        (alter("raw/", b""), "not a plain path"),
        (alter(MANIFEST, b"[]"), "not the manifest"),
        (alter(MANIFEST, b"{"), "not JSON"),
        (alter(MANIFEST, b"[" * 100_000), "not JSON"),
        (alter(MANIFEST, b'{"format": "xtsred bundle", "version": 9, "files": {}}'), "version"),
        (lambda members: members.pop("README.txt") and None, "missing: README.txt"),
        (lambda members: members.pop(MANIFEST) and None, f"no {MANIFEST}"),
        (alter("bomb", b"0" * 70_000_000), "would unpack to 70 MB"),
    ],
)
def test_what_is_not_as_written_is_refused(
    bundle: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], None], said: str
) -> None:
    outside = {p for p in tmp_path.parent.rglob("*") if tmp_path not in p.parents}
    with pytest.raises(InputError, match=said.replace("\\", "\\\\")):
        open_bundle(rewritten(bundle, change), into=tmp_path / "out")
    assert {p for p in tmp_path.parent.rglob("*") if tmp_path not in p.parents} == outside


def test_links_are_refused(bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle, "a") as archive:
        link = zipfile.ZipInfo("raw/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(InputError, match="not a plain file"):
        open_bundle(bundle, into=tmp_path / "out")


def test_a_member_larger_than_declared_is_refused(bundle: Path, tmp_path: Path) -> None:
    content = bytearray(bundle.read_bytes())
    with zipfile.ZipFile(bundle) as archive:
        size = archive.getinfo("README.txt").file_size
    at = content.rfind(b"README.txt")  # the entry of the central directory
    assert content[at - 22 : at - 18] == size.to_bytes(4, "little")
    content[at - 22 : at - 18] = (2).to_bytes(4, "little")
    bundle.write_bytes(content)
    with pytest.raises(InputError):
        open_bundle(bundle, into=tmp_path / "out")


@given(st.data())
def test_damage_is_told_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damage")
    path = folder / "b.zip"
    write_bundle(path, {"a.txt": b"1 2 3\n" * 20}, facts={"n": 1})
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[at] ^= data.draw(st.integers(1, 255))
    else:
        del content[at:]
    path.write_bytes(content)
    try:
        opened = open_bundle(path, into=folder / "out")
    except InputError:
        return
    listed = json.loads(json.dumps(dict(opened.facts)))["files"]
    assert all((opened.folder / name).is_file() for name in listed)


def test_no_zip_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with pytest.raises(InputError, match="cannot be read"):
        open_bundle(path, into=tmp_path / "out")
    path.write_text("not a zip")
    with pytest.raises(InputError, match="no bundle"):
        open_bundle(path, into=tmp_path / "out")
