"""Writing a bundle, and opening one that came from somebody else: nothing in it is trusted.

A bundle is a ZIP whose `bundle.json` lists every other member with size and SHA-256. Members are plain files below the
bundle's own folder; anything else (absolute or climbing paths, links, encrypted or doubled members, more
than it declares, far more than its size can hold) is refused before a byte of it is used.
"""

import hashlib
import json
import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from calibration.errors import InputError, OutputError

__all__ = ["MANIFEST", "OpenedBundle", "open_bundle", "write_bundle"]

MANIFEST = "bundle.json"

_FORMAT = "xtsred bundle"
_VERSION = 1
_MOST_MEMBERS = 20_000
_MOST_BYTES = 8 << 30
_FREE_BYTES = 64 << 20  # members may unpack to this much whatever the ratio
_MOST_RATIO = 100.0  # columns of numbers compress three- to tenfold
_CHUNK = 1 << 20
# what zipfile raises for damaged, encrypted and future archives
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    UnicodeDecodeError,
)
_WHEN = (1980, 1, 1, 0, 0, 0)  # equal content makes equal bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBundle:
    """A bundle that was unpacked and found whole: its folder, and what its manifest says."""

    folder: Path
    facts: Mapping[str, Any]


def write_bundle(
    target: Path,
    members: Mapping[str, bytes | Path],
    *,
    facts: Mapping[str, Any],
    overwrite: bool = False,
) -> None:
    """Write members (path inside the bundle -> content or file) and their manifest, whole or not at all.

    facts: what the manifest says besides (program, versions ...). Raises OutputError where the file exists or
    cannot be written, InputError for a member that cannot be read.
    """
    if target.exists() and not overwrite:
        raise OutputError(
            "the bundle exists already",
            why="earlier results are never replaced unasked",
            remedy="name another file, or add --overwrite",
            where=str(target),
        )
    for path, source in members.items():
        if not _is_plain(path):
            raise InputError(
                f"{PurePosixPath(path).name!r} cannot be the name of a file in a bundle",
                why='some systems know no file with one of \\ : * ? " < > | in its name, or have another meaning for it',
                remedy="rename the file, make the result again, and bundle that",
                where=str(target) if isinstance(source, bytes) else str(source),
            )
    files = {}
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=".partial", dir=target.absolute().parent
        )
    except OSError as error:
        raise _unwritable(target, error) from error
    work = Path(name)
    try:
        with os.fdopen(handle, "wb") as raw, zipfile.ZipFile(raw, "w") as archive:
            for path, source in members.items():
                content = source if isinstance(source, bytes) else _content(source)
                files[path] = {"size": len(content), "sha256": _digest(content)}
                _add(archive, path, content)
            manifest = {"format": _FORMAT, "version": _VERSION, **facts, "files": files}
            text = json.dumps(manifest, indent=1, ensure_ascii=False)
            _add(archive, MANIFEST, text.encode())
        mask = os.umask(0)
        os.umask(mask)
        work.chmod(0o666 & ~mask)
        work.replace(target)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        work.unlink(missing_ok=True)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            "a file of the bundle cannot be read",
            why=error.strerror or str(error),
            where=str(path),
        ) from error


def _add(archive: zipfile.ZipFile, path: str, content: bytes) -> None:
    info = zipfile.ZipInfo(path, _WHEN)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    archive.writestr(info, content)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _unwritable(target: Path, error: OSError) -> OutputError:
    return OutputError(
        "the bundle cannot be written", why=error.strerror or str(error), where=str(target)
    )


def open_bundle(path: Path, *, into: Path) -> OpenedBundle:
    """Unpack a bundle into the empty folder `into` and check every member against the manifest.

    Raises InputError for a file that is no bundle, is damaged or altered, or tries anything else.
    """
    where = str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = _checked_members(archive, where, size=path.stat().st_size)
            facts = _manifest(archive, members, where)
            for name, listed in facts["files"].items():
                _unpack(archive, members[name], listed, into / name, where)
    except OSError as error:
        raise InputError(
            "the bundle cannot be read", why=error.strerror or str(error), where=where
        ) from error
    except _DAMAGE as error:
        raise InputError(
            "this is no bundle, or a damaged one",
            why=str(error),
            remedy="fetch it again; `bundle` makes such a file from a result folder",
            where=where,
        ) from error
    return OpenedBundle(folder=into, facts=facts)


def _checked_members(
    archive: zipfile.ZipFile, where: str, *, size: int
) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > _MOST_MEMBERS:
        raise _refused(f"it has {len(infos)} members, {_MOST_MEMBERS} at most are taken", where)
    declared = sum(info.file_size for info in infos)
    if declared > min(_MOST_BYTES, max(_FREE_BYTES, _MOST_RATIO * size)):
        raise _refused(
            f"it would unpack to {declared / 1e6:.0f} MB from {size / 1e6:.3g} MB", where
        )
    members: dict[str, zipfile.ZipInfo] = {}
    seen: set[str] = set()
    for info in infos:
        _check_name(info.filename, where=where)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.is_dir() or kind not in (0, stat.S_IFREG):
            raise _refused(f"{info.filename!r} is not a plain file", where)
        if info.flag_bits & 0x1:
            raise _refused(f"{info.filename!r} is encrypted", where)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _refused(f"{info.filename!r} is compressed in an unusual way", where)
        if info.filename.casefold() in seen:
            raise _refused(f"{info.filename!r} stands in it twice", where)
        seen.add(info.filename.casefold())
        members[info.filename] = info
    return members


def _check_name(name: str, *, where: str) -> None:
    if not _is_plain(name):
        raise _refused(f"{name!r} is not a plain path inside the bundle", where)


def _is_plain(name: str) -> bool:
    """Only plain relative paths: what one system takes for a name another takes for a place."""
    odd = any(part in ("", ".", "..") for part in name.split("/"))
    return not odd and not any(c in name for c in '\\:\0*?"<>|')


def _manifest(
    archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], where: str
) -> dict[str, Any]:
    if MANIFEST not in members:
        raise _refused(f"it has no {MANIFEST}", where)
    if members[MANIFEST].file_size > _FREE_BYTES:
        raise _refused(f"{MANIFEST} is too large", where)
    try:
        facts: Any = json.loads(_bounded(archive, members[MANIFEST]))
    except (ValueError, RecursionError) as error:
        raise _refused(f"{MANIFEST} is not JSON: {error}", where) from error
    if not isinstance(facts, dict):
        raise _refused(f"{MANIFEST} is not the manifest of a bundle", where)
    listed = facts.get("files")
    if not isinstance(listed, dict) or facts.get("format") != _FORMAT:
        raise _refused(f"{MANIFEST} is not the manifest of a bundle", where)
    if facts.get("version") != _VERSION:
        raise _refused(
            f"its version is {facts.get('version')!r}, this program knows {_VERSION}", where
        )
    extra = sorted(set(members) - {MANIFEST} - set(listed))
    absent = sorted(set(listed) - set(members))
    if extra or absent:
        text = "; ".join(
            f"{what} {', '.join(names[:5])}"
            for what, names in (("not listed:", extra), ("missing:", absent))
            if names
        )
        raise _refused(f"its members are not those of its manifest ({text})", where)
    return facts


def _bounded(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """A member whole; `ZipFile.read` would unpack more than is declared before it looks at the sum."""
    with archive.open(info) as source:
        return source.read(info.file_size + 1)


def _unpack(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, listed: Any, target: Path, where: str
) -> None:
    digest, left = hashlib.sha256(), info.file_size
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as source, target.open("xb") as sink:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise _refused(f"{info.filename!r} holds more than it declares", where)
            digest.update(chunk)
            sink.write(chunk)
    expected = listed.get("sha256") if isinstance(listed, dict) else None
    if digest.hexdigest() != expected:
        raise InputError(
            f"{info.filename} was altered or damaged",
            why="its checksum is not that of the manifest",
            remedy="ask for the bundle again",
            where=where,
        )


def _refused(why: str, where: str) -> InputError:
    return InputError(
        "the bundle is refused",
        why=why,
        remedy="take bundles as `bundle` wrote them",
        where=where,
    )
