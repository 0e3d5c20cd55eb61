"""Imports point down, and each heavy package has one home. Read from the sources with ``ast``."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "edgesnn": ROOT / "edgesnn",
    "edgesnn_hdl": ROOT / "hdl/edgesnn_hdl",
    "edgesnn_boards": ROOT / "boards/edgesnn_boards",
}

#: Layer of each module, or of the package it is in. An import may only point to the same layer or
#: a lower one. ``edgesnn`` itself (names and version) is below everything.
LAYERS = (
    {"edgesnn.errors", "edgesnn.number_format", "edgesnn.neuron", "edgesnn.files",
     "edgesnn.cache", "edgesnn.extras", "edgesnn._resources", "edgesnn.measurement",
     "edgesnn.firmware_status", "edgesnn.native_compiler"},
    {"edgesnn.network", "edgesnn.synapses", "edgesnn.synapse_coding", "edgesnn.readout",
     "edgesnn.events", "edgesnn.event_windows", "edgesnn.run_result", "edgesnn.design_rules",
     "edgesnn.reference", "edgesnn.connections",
     "edgesnn.encoders", "edgesnn.samples", "edgesnn.data", "edgesnn.model", "edgesnn.checkpoint",
     "edgesnn.model_file", "edgesnn.model_container", "edgesnn.core_config",
     "edgesnn.memory_layout", "edgesnn.memory_image", "edgesnn.placement", "edgesnn.protocol",
     "edgesnn.framing", "edgesnn.boot_image"},
    {"edgesnn.simulator", "edgesnn.compress", "edgesnn.train", "edgesnn.recipes",
     "edgesnn.importers", "edgesnn.analysis", "edgesnn.recurrent", "edgesnn.language",
     "edgesnn_hdl"},
    {"edgesnn.backends", "edgesnn.serial_link", "edgesnn.virtual_board", "edgesnn.build",
     "edgesnn.sensor", "edgesnn.streaming", "edgesnn.chat", "edgesnn.verification",
     "edgesnn.c_package", "edgesnn.export_c", "edgesnn.export_language_c", "edgesnn.codegen",
     "edgesnn.microcontroller", "edgesnn.sensor_node", "edgesnn_boards"},
    {"edgesnn.cli", "edgesnn.demo", "edgesnn.__main__"},
)  # fmt: skip

#: Where each heavy package may be imported at all.
HOMES = {
    "torch": (
        "edgesnn.train",
        "edgesnn.compress",
        "edgesnn.importers",
        "edgesnn.language",
        "edgesnn.analysis.module_features",
    ),
    "numba": (
        "edgesnn.simulator",
        "edgesnn.train.compiled",
        "edgesnn.language.integer_simulator",
    ),
    "amaranth": ("edgesnn_hdl", "edgesnn_boards"),
    "amaranth_boards": ("edgesnn_boards",),
    "serial": ("edgesnn.serial_link",),
    "typer": ("edgesnn.cli",),
    "rich": ("edgesnn.cli", "edgesnn.demo"),
    "sklearn": ("edgesnn.recipes",),
    "scipy": ("edgesnn.analysis.covariance", "edgesnn.recurrent.tasks", "edgesnn.data.bearing"),
    "rustworkx": ("edgesnn.recurrent.node_pruning",),
    "optuna": ("edgesnn.recurrent.time_scales",),
    "threadpoolctl": ("edgesnn.recurrent.lnp",),
    "matplotlib": (
        "edgesnn.demo.pictures",
        "edgesnn.compress.report_pictures",
        "edgesnn.analysis.heat_map",
    ),
    "pydantic": (
        "edgesnn.model_container",
        "edgesnn.model_file",
        "edgesnn.checkpoint",
        "edgesnn.language.language_file",
        "edgesnn.language.integer_file",
    ),
    "safetensors": (
        "edgesnn.model_container",
        "edgesnn.checkpoint",
        "edgesnn.language.language_file",
    ),
}
#: A verb may look whether an optional package is there before it starts long work.
PROBES = {("edgesnn.cli.demo_verb", "torch"), ("edgesnn.cli.demo_verb", "sklearn")}


def modules() -> Iterator[tuple[str, Path]]:
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            yield ".".join((package, *parts)).removesuffix(".__init__"), path


MODULES = dict(modules())


def imports(module: str) -> Iterator[str]:
    """Full names of all that a module imports, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} must import by full names"
            assert node.module is not None
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module


def layer(module: str) -> int | None:
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        for index, members in enumerate(LAYERS):
            if prefix in members:
                return index
    return None


def is_inside(module: str, homes: tuple[str, ...]) -> bool:
    return any(module == home or module.startswith(f"{home}.") for home in homes)


def test_every_module_has_a_layer() -> None:
    assert [m for m in MODULES if m != "edgesnn" and layer(m) is None] == []


def test_every_layer_names_modules_that_exist() -> None:
    named = set().union(*LAYERS)
    assert sorted(n for n in named if n not in MODULES) == []


@pytest.mark.parametrize("module", [m for m in MODULES if m != "edgesnn"])
def test_imports_point_down(module: str) -> None:
    own = layer(module)
    assert own is not None
    upward = [
        name
        for name in imports(module)
        if name.split(".")[0] in PACKAGES and name != "edgesnn" and (layer(name) or 0) > own
    ]
    assert upward == []


@pytest.mark.parametrize("module", MODULES)
def test_heavy_packages_are_imported_only_at_their_homes(module: str) -> None:
    strays = [
        name
        for name in imports(module)
        if (top := name.split(".")[0]) in HOMES
        and not is_inside(module, HOMES[top])
        and (module, top) not in PROBES
    ]
    assert strays == []


def loaded_after(code: str) -> set[str]:
    """Top-level names of the modules that are loaded after ``code`` ran in a fresh Python."""
    path = [str(ROOT), str(ROOT / "hdl"), str(ROOT / "boards")]
    program = f"import sys; sys.path[:0] = {path!r}\n{code}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}


def test_importing_edgesnn_loads_nothing_heavy() -> None:
    assert not loaded_after("import edgesnn") & {*HOMES, "numpy"}


def test_help_of_the_command_line_loads_nothing_heavy() -> None:
    code = (
        "from edgesnn.cli import main\n"
        "sys.argv = ['edgesnn', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass"
    )
    heavy = {"torch", "numba", "amaranth", "matplotlib", "sklearn", "numpy", "serial"}
    assert not loaded_after(code) & heavy


def test_streaming_needs_neither_torch_nor_amaranth() -> None:
    code = (
        "import edgesnn.streaming, edgesnn.samples, edgesnn.model_file, edgesnn.recipes\n"
        "import edgesnn.backends.simulated, edgesnn.sensor, edgesnn_boards"
    )
    assert not loaded_after(code) & {"torch", "amaranth", "matplotlib", "sklearn"}
