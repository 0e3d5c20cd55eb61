"""Where data sets are looked for, and what is said if they are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgesnn.data import DATA_SETS, find_data_set
from edgesnn.data.catalog import data_folders
from edgesnn.errors import InputError

IDX = [f"{p}-{k}-ubyte" for p in ("train", "t10k") for k in ("images-idx3", "labels-idx1")]


@pytest.mark.parametrize("place", ["mnist", "MNIST/raw", "."])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_mnist_is_found_where_torchvision_leaves_it_too(
    tmp_path: Path, place: str, ending: str
) -> None:
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    for name in IDX:
        (tmp_path / place / f"{name}{ending}").touch()
    assert find_data_set("mnist").find(tmp_path) == tmp_path / place


def test_recordings_are_found_where_tonic_leaves_them(tmp_path: Path) -> None:
    for part in ("Train", "Test"):
        (tmp_path / f"NMNIST/{part}/0").mkdir(parents=True)
        (tmp_path / f"NMNIST/{part}/0/00002.bin").touch()
    assert find_data_set("nmnist").find(tmp_path) == tmp_path / "NMNIST"


def test_incomplete_data_set_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    for name in IDX[:-1]:
        (tmp_path / "mnist" / name).touch()
    with pytest.raises(InputError):
        find_data_set("mnist").find(tmp_path)


@pytest.mark.parametrize("name", DATA_SETS)
def test_missing_data_set_says_where_what_and_how(tmp_path: Path, name: str) -> None:
    data_set = find_data_set(name)
    with pytest.raises(InputError) as caught:
        data_set.find(tmp_path)
    text = str(caught.value)
    assert f"the data set '{name}' must lie in one of these folders:\n  {tmp_path}" in text
    assert all(str(layout) in text for layout in data_set.layouts)
    assert f"How to get it: {data_set.origin}. Licence: {data_set.licence}." in text


def test_given_archive_is_taken_as_it_is(tmp_path: Path) -> None:
    archive = tmp_path / "mine.tar.xz"
    archive.touch()
    assert find_data_set("fsdd").find(archive) == archive


def test_environment_replaces_the_usual_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGESNN_DATA", raising=False)
    assert next(data_folders()) == Path("data")
    monkeypatch.setenv("EDGESNN_DATA", str(tmp_path))
    assert list(data_folders()) == [tmp_path]
    assert list(data_folders(tmp_path / "given")) == [tmp_path / "given"]


def test_unknown_data_set_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="must be one of mnist, fashion_mnist, .*, not 'letters'"):
        find_data_set("letters")
