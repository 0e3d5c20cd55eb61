"""Built things are kept in one place, which the user may move."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgesnn.cache import cache_dir


def test_variable_moves_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESNN_CACHE", str(tmp_path / "mine"))
    folder = cache_dir("gates")
    assert folder == tmp_path / "mine/gates"
    assert folder.is_dir()
    assert cache_dir("gates") == folder  # a second time too


def test_users_cache_folder_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGESNN_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir("builds") == tmp_path / "edgesnn/builds"


def test_home_is_used_where_no_cache_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGESNN_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_dir("builds") == tmp_path / ".cache/edgesnn/builds"


def test_kinds_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGESNN_CACHE", str(tmp_path))
    assert cache_dir("gates") != cache_dir("builds")
