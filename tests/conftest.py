"""Fixtures for every test: where the real measurements are, if they are here."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def find_shared() -> Path | None:
    """The folder of shared measurements: $XTSRED_SHARED, or `shared` beside the checkout."""
    named = os.environ.get("XTSRED_SHARED")
    candidates = [Path(named)] if named else [ROOT.parent / "shared"]
    return next((c for c in candidates if (c / "data").is_dir()), None)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder data/ of real measurements; tests that need it skip, by name, without it."""
    folder = find_shared()
    if folder is None:
        pytest.skip("the folder of shared measurements (../shared/data) is not here")
    return folder / "data"


@pytest.fixture(scope="session")
def shared_examples() -> Path:
    """The example project files; tests that need them skip, by name, without them."""
    folder = find_shared()
    if folder is None:
        pytest.skip("the folder of example projects (../shared/examples) is not here")
    return folder / "examples"
