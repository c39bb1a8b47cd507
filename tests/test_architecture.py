"""The architecture is held by reading the imports, not by good intentions."""

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("calibration", "xtsred", "cis")
MODULES = sorted(p for name in PACKAGES for p in (ROOT / name).rglob("*.py"))
# an awkward package is imported in exactly one place (matplotlib: in figures modules)
ONE_PLACE = {
    "xraylib": {"xtsred/atoms.py", "xtsred/forward"},
    "h5py": {"xtsred/nexus.py", "xtsred/batch/nexus.py"},
    "jinja2": {"calibration/report.py"},
    "lmfit": {"calibration/least_squares.py"},
    "pydantic": {
        "calibration/records.py",
        "xtsred/config.py",
        "xtsred/config_after.py",
        "cis/config.py",
    },
    "bokeh": {
        "calibration/page",
        "xtsred/tune",
        "cis/tune",
    },
    "tornado": {"calibration/page"},
}
LAZY = (
    "scipy.optimize",
    "lmfit",
    "matplotlib",
    "h5py",
    "jinja2",
    "rich",
    "pydantic",
    "xraydb",
    "bokeh",
    "tornado",
)


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
    return names


def label(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_there_is_something_to_read() -> None:
    assert len(MODULES) > 20


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_halves_know_only_calibration(path: Path) -> None:
    forbidden = {
        "calibration": {"xtsred", "cis"},
        "xtsred": {"cis"},
        "cis": {"xtsred"},
    }[path.relative_to(ROOT).parts[0]]
    tops = {name.split(".")[0] for name in imported(path)}
    assert not tops & forbidden


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_awkward_packages_live_in_one_place(path: Path) -> None:
    name = label(path)
    for package in {n.split(".")[0] for n in imported(path)}:
        if package == "matplotlib":
            assert path.name == "figures.py"
        elif package in ONE_PLACE:
            assert any(name == home or name.startswith(home) for home in ONE_PLACE[package])


@pytest.mark.parametrize("path", MODULES, ids=label)
def test_modules_stay_readable(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_listed_and_exist(package: str) -> None:
    root = importlib.import_module(package)
    for info in pkgutil.walk_packages(root.__path__, prefix=f"{package}."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        source = Path(module.__file__ or "")
        if source.name == "__init__.py" and "__all__" not in source.read_text(encoding="utf-8"):
            continue
        assert hasattr(module, "__all__"), f"{info.name} lists no public names"
        for name in module.__all__:
            assert hasattr(module, name), f"{info.name} lists {name}, which it lacks"


@pytest.mark.parametrize("package", ["xtsred", "cis"])
def test_help_loads_nothing_heavy(package: str) -> None:
    import subprocess
    import sys

    code = (
        f"import sys; from {package}.cli import command\n"
        "from calibration.commandline import run\n"
        "status = run(command, ['--help'])\n"
        f"loaded = [n for n in {(*LAZY, 'scipy', 'numpy')!r} if n in sys.modules]\n"
        "assert status == 0 and not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)
