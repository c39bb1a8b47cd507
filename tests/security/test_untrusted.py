"""Files from others are data: what reads them evaluates nothing, unpickles nothing, grows without limit nowhere, leaves its
folder nowhere, and prints what it read as text. One place that proves it; the parts have tests of their own."""

import ast
import dataclasses
import http.client
import io
import json
import tracemalloc
import typing
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from calibration.bundle.archive import open_bundle
from calibration.bundle.project import check_inside
from calibration.commandline import run
from calibration.errors import InputError
from calibration.records import FileName
from cis.circuits import circuit
from cis.io import read_spectra
from xtsred.io import read_scans

ROOT = Path(__file__).resolve().parents[2]
MODULES = [
    p for name in ("calibration", "xtsred", "cis") for p in sorted((ROOT / name).rglob("*.py"))
]
EVIL = '<script>alert("x")</script>'

CALLS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "breakpoint",
    "os.system",
    "os.popen",
    "yaml.load",
}
PACKAGES = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "shelve",
    "marshal",
    "yaml",
    "code",
    "codeop",
    "pty",
    "telnetlib",
}
XML = {
    "lxml",
    "xml.dom",
    "xml.sax",
    "xml.etree",
}  # parsers of files; calibration and readers use expat with handlers
TYPES_ONLY = {"Element", "TreeBuilder", "SubElement", "tostring"}


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


def offences(text: str) -> Iterator[str]:
    """What a module does that must not be done with input of others, by reading its syntax tree."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in CALLS:
                yield f"{node.lineno}: {name}()"
            for keyword in node.keywords:
                value = keyword.value.value if isinstance(keyword.value, ast.Constant) else ""
                if keyword.arg == "shell" and value is not False:
                    yield f"{node.lineno}: {name}(shell=...)"
                if keyword.arg == "allow_pickle" and value is not False:
                    yield f"{node.lineno}: {name}(allow_pickle=...)"
                if keyword.arg == "autoescape" and value is not True:
                    yield f"{node.lineno}: autoescape is off"
            if name.rpartition(".")[2] in ("extract", "extractall", "unpack_archive"):
                yield f"{node.lineno}: {name}()"
            keys = {k.arg for k in node.keywords}
            if name.endswith("jinja2.Environment") and "autoescape" not in keys:
                yield f"{node.lineno}: autoescape is off"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in PACKAGES or any(alias.name.startswith(x) for x in XML):
                    yield f"{node.lineno}: import {alias.name}"
        elif isinstance(node, ast.ImportFrom) and node.module:
            known = all(alias.name in TYPES_ONLY for alias in node.names)
            if node.module in PACKAGES or (node.module.startswith(tuple(XML)) and not known):
                yield f"{node.lineno}: from {node.module}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_nothing_is_evaluated_or_unpickled(path: Path) -> None:
    assert list(offences(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "text",
    [
        "eval(x)",
        "import pickle",
        "from xml.etree.ElementTree import fromstring",
        "np.load(x, allow_pickle=True)",
        "subprocess.run(x, shell=True)",
        "archive.extractall(x)",
        "jinja2.Environment()",
        "jinja2.Environment(autoescape=False)",
    ],
)
def test_the_reading_finds_what_it_looks_for(text: str) -> None:
    assert list(offences(text))


def test_templates_switch_no_escaping_off() -> None:
    templates = [p for m in ("calibration", "xtsred", "cis") for p in (ROOT / m).rglob("*.j2")]
    assert templates
    for path in templates:
        text = path.read_text(encoding="utf-8")
        assert "autoescape" not in text
        assert "|safe" not in text.replace(" ", "")


@pytest.mark.parametrize(
    "text",
    ['__import__("os").system("true")', "R1.__class__", "(lambda: 0)()", "R1;R2", "p(" * 9999],
)
def test_a_circuit_is_never_python(text: str) -> None:
    with pytest.raises(InputError, match="cannot be read at character"):
        circuit(text)


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb">'
    + "".join(f'<!ENTITY {y} "{f"&{x};" * 10}">' for x, y in zip("bcdefgh", "cdefghi", strict=True))
    + "]>"
)
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY i SYSTEM "file:///etc/passwd">]>'


def zipped(members: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return content.getvalue()


@pytest.mark.parametrize("head", [BOMB, OUTSIDE], ids=["billion laughs", "another file"])
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.xrdml", lambda x: f"{x}<xrdMeasurements>&i;</xrdMeasurements>".encode()),
        ("a.brml", lambda x: zipped({"Experiment0/RawData0.xml": f"{x}<RawData>&i;</RawData>"})),
        (
            "a.rasx",
            lambda x: zipped(
                {
                    "Data0/Profile0.txt": "1\t2\t1\n2\t3\t1\n3\t4\t1\n",
                    "Data0/MesurementConditions0.xml": f"{x}<a>&i;</a>",
                }
            ),
        ),
    ],
    ids=["xrdml", "brml", "rasx"],
)
def test_xml_entities_are_refused(
    tmp_path: Path, head: str, name: str, make: Callable[[str], bytes]
) -> None:
    (tmp_path / name).write_bytes(make(head))
    with pytest.raises(InputError, match="document type"):
        read_scans(tmp_path / name)


def lying(content: bytes, size: int) -> bytes:
    """The archive with its member declared as 100 bytes, in its directory and before the data."""
    assert content.count(size.to_bytes(4, "little")) == 2
    return content.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))


@pytest.mark.parametrize("honest", [True, False])
@pytest.mark.parametrize(
    ("name", "member", "read"),
    [
        ("a.brml", "Experiment0/RawData0.xml", read_scans),
        ("a.rasx", "Data0/Profile0.txt", read_scans),
        ("a.mdat", "one.z", read_spectra),
        ("a.zip", "bundle.json", lambda path: open_bundle(path, into=path.parent / "out")),
    ],
)
def test_zip_bombs_cost_no_memory(
    tmp_path: Path, name: str, member: str, read: Callable[[Path], object], honest: bool
) -> None:
    size = 100_000_001
    content = zipped({member: "0" * size})
    assert len(content) < 1_000_000
    (tmp_path / name).write_bytes(content if honest else lying(content, size))
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            read(tmp_path / name)
        assert tracemalloc.get_traced_memory()[1] < 60_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "name",
    ["../out", "/tmp/out", "a/../../out", "..\\out", "C:\\out", "a/./b", "con:out", "a\0b", ""],
)
def test_no_member_of_a_bundle_leaves_its_folder(tmp_path: Path, name: str) -> None:
    manifest = {"format": "xtsred bundle", "version": 1, "program": "xtsred", "files": {name: {}}}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("bundle.json", json.dumps(manifest))
        info = zipfile.ZipInfo("x")
        info.filename = name  # as written by others: the constructor would mend some
        archive.writestr(info, "x")
    (tmp_path / "b.zip").write_bytes(content.getvalue())
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError):
        open_bundle(tmp_path / "b.zip", into=tmp_path / "in")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.zip", "in"]
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize(
    "file", ["/etc/passwd", "../../x", "../raw/../../x", "../raw/**/**/../../../x", "..\\..\\x"]
)
@pytest.mark.parametrize("half", ["xtsred", "cis"])
def test_no_project_of_a_bundle_reads_outside(tmp_path: Path, half: str, file: str) -> None:
    from cis.bundle import PATH_KEYS as IMPEDANCE
    from xtsred.bundle import PATH_KEYS as SCATTERING

    (tmp_path / "project").mkdir()
    for key in IMPEDANCE if half == "cis" else SCATTERING:
        table, _, name = key.rpartition(".")
        head = f"[[{table[:-2]}]]" if table.endswith("[]") else f"[{table}]"
        with pytest.raises(InputError, match="outside the bundle"):
            check_inside(
                f"{head}\n{name} = {json.dumps(file)}\n",
                folder=tmp_path / "project",
                root=tmp_path,
                keys=(key,),
                where="b.zip",
            )


def parts_of(hint: object) -> Iterator[object]:
    """A type and everything that it is made of: of tuple[A, ...] | None also A."""
    yield hint
    for part in typing.get_args(hint):
        yield from parts_of(part)


def path_keys_of(record: type, prefix: str = "") -> Iterator[str]:
    """Keys of a project file whose type is the name of a file, by the types of its records."""
    file_check = typing.get_args(FileName)[-1]
    for field, hint in typing.get_type_hints(record, include_extras=True).items():
        parts = list(parts_of(hint))
        many = any(typing.get_origin(part) is tuple for part in parts)
        for part in parts:
            if file_check in getattr(part, "__metadata__", ()):
                yield f"{prefix}{field}"
            elif dataclasses.is_dataclass(part) and isinstance(part, type):
                yield from path_keys_of(part, f"{prefix}{field}{'[]' if many else ''}.")


def test_a_bundle_knows_every_key_that_names_a_file() -> None:
    """A key that is forgotten there is a file that is missing in bundles, and one that could lie anywhere."""
    from cis.bundle import PATH_KEYS as IMPEDANCE
    from cis.config import Project as Series
    from xtsred.bundle import PATH_KEYS as SCATTERING
    from xtsred.config import Project as Reduction

    assert set(path_keys_of(Reduction)) == set(SCATTERING)
    assert set(path_keys_of(Series)) == set(IMPEDANCE)


def test_reports_print_names_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import shutil

    from cis.cli import command as impedance
    from xtsred.cli import command as scattering

    name = f"sample.name={json.dumps(EVIL)}"
    shutil.copytree(ROOT / "xtsred" / "data" / "demo", tmp_path / "x")
    shutil.copytree(ROOT / "cis" / "data" / "demo", tmp_path / "c")
    for command, verb, project in (
        (scattering, "reduce", "x/run.toml"),
        (impedance, "analyze", "c/NS.toml"),
    ):
        out = tmp_path / f"out {verb}"
        words = [verb, str(tmp_path / project), "--out", str(out), "--set", name]
        assert run(command, words) == 0
        text = (out / "report.html").read_text(encoding="utf-8")
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text
        for picture in (out / "figures").glob("*.svg"):
            assert "<script" not in picture.read_text(encoding="utf-8")
        assert all("<" not in p.name for p in out.rglob("*"))
    capsys.readouterr()


def test_the_page_needs_its_token() -> None:
    from bokeh.models import Div

    from calibration.page.serve import PageServer, running

    def ask(path: str, **headers: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", path, headers=headers)
        status = connection.getresponse().status
        connection.close()
        return status

    with running(PageServer(lambda document: document.add_root(Div(text="x")))) as server:
        path = urlsplit(server.url).path
        assert ask(path) == 200
        assert ask("/") == ask("/ws") == ask(path[:-2] + "/") == 403
        assert ask(path, Host="evil.example") == 403
        assert ask(path, Origin="http://evil.example") == 403
