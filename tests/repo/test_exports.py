"""The public surface: names are sorted, exist, and are those that their modules document."""

from __future__ import annotations

import importlib
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import edgesnn

ROOT = Path(__file__).parents[2]


def test_exported_names_are_sorted_and_unique() -> None:
    assert edgesnn.__all__ == sorted(set(edgesnn.__all__))


@pytest.mark.parametrize("name", edgesnn.__all__)
def test_exported_name_comes_from_its_home_and_is_documented(name: str) -> None:
    exported = getattr(edgesnn, name)
    assert exported is getattr(importlib.import_module(exported.__module__), name)
    assert exported.__doc__


def test_every_export_has_a_home_and_every_home_is_exported() -> None:
    assert sorted(edgesnn._HOME_OF) == edgesnn.__all__


def test_star_import_gives_exactly_the_exported_names() -> None:
    code = "from edgesnn import *; print(*sorted(n for n in globals() if n[0] != '_'))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == edgesnn.__all__


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'edgesnn' has no attribute 'nonsense'"):
        _ = edgesnn.nonsense


def test_version_is_the_one_of_the_installed_package() -> None:
    try:
        installed = metadata.version("edgesnn")
    except metadata.PackageNotFoundError:
        pytest.skip("edgesnn runs from a checkout that is not installed")
    assert installed == edgesnn.__version__
