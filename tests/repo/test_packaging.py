"""The wheel, as a stranger installs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

import edgesnn
from edgesnn import _resources, model_file
from edgesnn.network import Network

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
TOP_LEVEL = {"edgesnn", "edgesnn_hdl", "edgesnn_boards"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the files that git would put into a clone, with what is installed here."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "copy"
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(git, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, copy / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    built_before = copy / "firmware/build/edgesnn.o"
    built_before.parent.mkdir()
    built_before.touch()
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(folder), "."]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_installs_exactly_three_packages(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == TOP_LEVEL


def test_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for package, folder in (
        ("edgesnn", "edgesnn"),
        ("edgesnn_hdl", "hdl/edgesnn_hdl"),
        ("edgesnn_boards", "boards/edgesnn_boards"),
    ):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix in {".py", ".cpp", ".h", ".typed"}:
                assert f"{package}/{path.relative_to(ROOT / folder).as_posix()}" in names
        assert f"{package}/py.typed" in names


def test_wheel_carries_firmware_and_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    folder = ROOT / "firmware"
    sources = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    wanted = {s.as_posix() for s in sources if s.parts[0] not in ("build", "fuzz")} | {"LICENSE"}
    carried = {name for name in names if name.startswith("edgesnn/_firmware/")}
    assert carried == {f"edgesnn/_firmware/{name}" for name in wanted}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith("edgesnn/_firmware/") and ".py" in name]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel; its dependencies are those of this environment."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin/python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    site = Path(done.stdout.strip())
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)],
        check=True,
        capture_output=True,
    )
    dependencies = [path for path in sys.path if path.endswith("site-packages")]
    (site / "dependencies.pth").write_text("\n".join(dependencies) + "\n")
    return home


def run(home: Path, *arguments: str) -> str:
    """Run the installed command, away from the checkout."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}
    done = subprocess.run(
        [home / "bin/edgesnn", *arguments],
        cwd=home,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_installed_command_tells_its_version(installed: Path) -> None:
    assert run(installed, "--version") == f"edgesnn {edgesnn.__version__}\n"


def test_installed_command_finds_its_boards(installed: Path) -> None:
    boards = json.loads(run(installed, "boards", "--json"))
    assert "icebreaker" in [board["name"] for board in boards]


def test_installed_package_finds_its_firmware(installed: Path) -> None:
    code = "from edgesnn._resources import firmware_dir; print(firmware_dir())"
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [installed / "bin/python", "-c", code],
        cwd=installed,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip().startswith(str(installed))
    assert done.stdout.strip().endswith("edgesnn/_firmware")


@pytest.mark.slow
def test_installed_command_writes_c_that_is_whole(
    installed: Path, small_network: Network, tmp_path: Path
) -> None:
    model_file.write(small_network, tmp_path / "small.esnn")
    run(installed, "export-c", str(tmp_path / "small.esnn"), "-o", str(tmp_path / "c"))
    written = {p.relative_to(tmp_path / "c").as_posix() for p in (tmp_path / "c").rglob("*.*")}
    assert {"LICENSE"} <= {p.name for p in (tmp_path / "c").iterdir()}
    assert {"src/edgesnn_load.c", "zephyr/module.yml", "example/main.c"} <= written
    done = subprocess.run(["make", "-s", "-C", tmp_path / "c", "run"], check=False)
    assert done.returncode == 0


def test_checkout_finds_its_firmware_too() -> None:
    assert (_resources.firmware_dir() / "README.md").is_file()


def test_missing_firmware_names_both_places(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(_resources, "_PACKAGE", tmp_path / "edgesnn")
    with pytest.raises(FileNotFoundError, match="_firmware or .*firmware: install edgesnn again"):
        _resources.firmware_dir()


def requirements() -> list[str]:
    project = PROJECT["project"]
    return [
        *project["dependencies"],
        *(r for extra in project["optional-dependencies"].values() for r in extra),
    ]


def test_every_dependency_has_its_reason_beside_it() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    for requirement in requirements():
        (line,) = [text for text in lines if text.strip().startswith(f'"{requirement}"')]
        assert "#" in line, requirement


def test_every_dependency_is_pinned_in_the_constraints() -> None:
    def plain(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    pinned = {
        plain(line.split("==")[0])
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    for requirement in requirements():
        name = plain(re.split(r"[\[<>=]", requirement)[0])
        assert name == "edgesnn" or name in pinned, requirement


def test_boards_of_the_package_have_entry_points() -> None:
    from edgesnn_boards import all_boards

    declared = PROJECT["project"]["entry-points"]["edgesnn.boards"]
    assert {board.name for board in all_boards()} >= set(declared)
