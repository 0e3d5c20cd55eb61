"""A network as C: a folder with the runtime that compiles as it is, on a host or microcontroller.

The fixed files are in ``firmware/``: runtime and build descriptions as they are, what is filled in
in ``firmware/package`` (``@name@`` and the like).
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgesnn import __version__, design_rules
from edgesnn._resources import firmware_dir
from edgesnn.encoders import AnyEncoder, encoder_from_info, encoder_to_c
from edgesnn.errors import InputError
from edgesnn.events import EventStream
from edgesnn.files import write_whole_folder
from edgesnn.memory_image import pack_placement
from edgesnn.network import EventLimitForm, LifPopulation, Network
from edgesnn.placement import Placement, place_for_software
from edgesnn.run_result import RunResult
from edgesnn.simulator import Simulator

#: ``sizeof(esnn_network)`` where pointers have 4 bytes; a test compiles it.
NETWORK_BYTES = 84
#: SPARE_STATES of ``edgesnn_load.c``.
_SPARE_STATES = 8

#: What each part of the runtime is: names in ``firmware``, without ``.c`` and ``.h``. Whatever
#: is in none of them goes with the runtime.
Group = tuple[str, ...]
RUNTIME: Group = ("edgesnn", "edgesnn_load", "edgesnn_crc32")
ENCODERS: Group = ("edgesnn_encoders",)
PROTOCOL: Group = ("edgesnn_frames", "edgesnn_device")
NODE: Group = ("edgesnn_node", "edgesnn_ring")
#: Goes with no spiking network.
LANGUAGE: Group = (
    "edgesnn_language", "edgesnn_language_load", "edgesnn_language_model",
    "edgesnn_language_tables",
)  # fmt: skip
#: Bytes of code for a Cortex-M0+ with -Os, rounded up; a test measures them.
CODE_BYTES = {RUNTIME: 4700, ENCODERS: 1400, PROTOCOL: 2500, NODE: 1100}
#: Deepest stack of the runtime there: in ``esnn_load``, and in the loop.
LOAD_STACK_BYTES, STEP_STACK_BYTES = 180, 180

#: Of a window that is made up: steps, and events of a step, at most.
_MADE_UP_STEPS = 256
_MADE_UP_EVENTS = 32
_MADE_UP_SEED = 2026


@dataclass(frozen=True)
class Export:
    """What was written.

    working_bytes   of memory for the network where pointers have 4 bytes
    files           names below ``folder``
    """

    folder: str
    name: str
    image_bytes: int
    working_bytes: int
    files: list[str]


def working_bytes(placement: Placement) -> int:
    """Bytes that the runtime needs behind its ``esnn_network``: twin of divide_memory in C."""
    network = placement.network
    total = 4 * placement.lanes
    state_words = 1 + network.has_currents
    total += 4 * (placement.lanes * placement.slots * state_words + _SPARE_STATES)
    total += 4 * network.populations[network.readout.population].size
    total += 2 * placement.spike_words * (1 + network.max_delay)
    total += 2 * placement.most_events
    if network.event_limit.form is EventLimitForm.FULL:
        total += network.num_inputs
    return (total + 3) & ~3


def name_in_c(text: str) -> str:
    """A prefix for names in C, made of the name of a file, say."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:40].rstrip("_")
    if not name or name[0].isdigit() or name.startswith(("edgesnn", "esnn")):
        name = f"network_{name}".rstrip("_")
    return name


def check_name(name: str) -> None:
    """Raise ``InputError`` unless ``name`` can begin names in C."""
    if name != name_in_c(name):
        raise InputError(
            "a name must be a letter, then letters, digits and single underscores, at most 40, in "
            f"lower case, and not begin with edgesnn or esnn; {name_in_c(name)!r} would be one"
        )


def check_folder(folder: Path, force: bool) -> None:
    """Raise ``InputError`` or ``OSError`` unless a folder may be written at ``folder``.

    force   it may replace one that :func:`export` has written
    """
    if not folder.resolve().parent.is_dir():
        raise FileNotFoundError(f"{folder} must lie in a folder that exists; make {folder.parent}")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} must be a folder, and is a file")
    here = Path.cwd().resolve()
    if folder.resolve() in (here, *here.parents):
        raise InputError(f"{folder} must not hold the current folder; choose another one")
    if not any(folder.iterdir()):
        return
    if not force:
        raise InputError(
            f"{folder} must be empty or not exist; choose another folder, or replace all that is "
            "in it with --force"
        )
    if not all((folder / "src" / name).is_file() for name in ("edgesnn.h", "edgesnn_load.c")):
        raise InputError(
            f"{folder} must be a folder that export-c has written to be replaced; choose another "
            "one, or remove it yourself"
        )


def made_up_window(network: Network) -> EventStream:
    """Events that the network takes, the same ones each time, for at most one window."""
    rng = np.random.default_rng(_MADE_UP_SEED)
    most = min(network.num_inputs, _MADE_UP_EVENTS)
    if network.event_limit.form is EventLimitForm.LIMITED:
        most = min(most, network.event_limit.value)
    return EventStream.from_steps(
        rng.choice(network.num_inputs, int(rng.integers(most + 1)), replace=False).tolist()
        for _ in range(min(network.readout.window_steps, _MADE_UP_STEPS))
    )


# Text of C


def c_string(text: str) -> str:
    """A literal of C in UTF-8; what is not plain is written as an octal number."""
    plain = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode("utf-8", "backslashreplace")
    )
    return f'"{plain}"'


def _comment(text: str) -> str:
    """Text that can stand in a comment."""
    plain = re.sub(r"[^ -~]|`", "?", text)
    return plain.replace("*/", "* /").replace("/*", "/ *")


def _rows(values: Sequence[str], in_a_row: int) -> str:
    rows = range(0, len(values), in_a_row)
    return ",\n".join("    " + ", ".join(values[i : i + in_a_row]) for i in rows)


def _int32(value: int) -> str:
    return "(-2147483647 - 1)" if value == -(1 << 31) else str(value)


def _image_words(image: bytes) -> str:
    words = np.frombuffer(image, "<u4").tolist()
    return _rows([f"0x{word:08x}u" for word in words], 8)


def _labels(network: Network) -> list[str]:
    """Names of the decisions, if the network has one for each."""
    labels = network.info.get("labels")
    size = network.populations[network.readout.population].size
    if isinstance(labels, list | tuple) and len(labels) == size:
        return [str(label) for label in labels]
    return []


@dataclass(frozen=True)
class _Encoder:
    """The encoder of the network in C, and what is to be said of it.

    reason   why there is none; empty if there is one
    """

    declared: AnyEncoder | None
    text: str
    reason: str


def _encoder(network: Network, name: str) -> _Encoder:
    try:
        encoder = encoder_from_info(network.info)
        if encoder.num_sources != network.num_inputs:
            raise InputError(
                f"the encoder must give {network.num_inputs} sources, not {encoder.num_sources}"
            )
        text = encoder_to_c(encoder, f"{name}_encoder", public=True)
    except InputError as error:
        return _Encoder(None, "", _comment(str(error)))
    return _Encoder(encoder, text, "")


def _header(placement: Placement, image: bytes, name: str, encoder: _Encoder) -> str:
    network = placement.network
    upper, labels = name.upper(), _labels(network)
    size = network.populations[network.readout.population].size
    crc = int.from_bytes(image[-4:], "little")
    parts = [
        f"""\
/* The network {name}, written by edgesnn export-c (edgesnn {__version__}); do not edit.
 * {network.num_inputs} inputs, {network.num_neurons} neurons, {network.num_synapses} synapses; \
image for flash and size of memory, labels, encoder. */
#ifndef {upper}_NETWORK_H
#define {upper}_NETWORK_H

#include <limits.h>

#include "edgesnn.h"
"""
    ]
    if encoder.declared is not None:
        parts.append('#include "edgesnn_encoders.h"\n')
    parts.append(
        f"""
#if UINT_MAX < 0xFFFFFFFFu
#error "int must have 32 bits for edgesnn"
#endif
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the machine must be little-endian for edgesnn"
#endif

#ifdef __cplusplus
extern "C" {{
#endif

/* The memory image (docs/memory_image.md of edgesnn), its bytes, and the CRC-32 at its end. It is
 * read where it is, and begins at a multiple of 4. To place it in a section of your own, compile
 * {name}_network.c with -D{upper}_IMAGE_ATTRIBUTES='__attribute__((section("...")))'. */
#define {upper}_IMAGE_BYTES {len(image)}u
#define {upper}_IMAGE_CRC 0x{crc:08x}u
extern const uint32_t {name}_image[{upper}_IMAGE_BYTES / 4u];

/* Bytes of memory that the network works in: exactly esnn_required_bytes of the image. */
#define {upper}_MEMORY_BYTES ((uint32_t)sizeof(esnn_network) + {working_bytes(placement)}u)

/* Memory of that size, aligned as it must be: static {name}_memory memory; */
typedef union {{
    esnn_network network;
    uint8_t bytes[{upper}_MEMORY_BYTES];
}} {name}_memory;

/* Events come from inputs 0 .. {upper}_NUM_INPUTS - 1, and in a time step {_limit_text(network)};
 * {upper}_STEP_EVENTS is the most that a time step can hold. */
#define {upper}_NUM_INPUTS {network.num_inputs}u
#define {upper}_STEP_EVENTS {placement.most_events}u

/* Time steps of one decision; reset after them. */
#define {upper}_WINDOW_STEPS {network.readout.window_steps}u

/* Decisions are 0 .. {upper}_NUM_OUTPUTS - 1, or -1. */
#define {upper}_NUM_OUTPUTS {size}u
"""
    )
    if labels:
        parts.append(
            f"""
/* What the decisions mean, in UTF-8. */
extern const char *const {name}_labels[{upper}_NUM_OUTPUTS];
"""
        )
    if encoder.declared is not None:
        parts.append(
            f"""
/* How samples become events (edgesnn_encoders.h); start it anew with each window. */
#define {upper}_CHANNELS {encoder.declared.channels}u
#define {upper}_STEPS_PER_SAMPLE {encoder.declared.steps_per_sample}u
extern const esnn_{encoder.declared.kind} {name}_encoder;
"""
        )
    else:
        parts.append(
            "\n"
            + textwrap.fill(
                f"/* There is no encoder in C: {encoder.reason}; events must come from elsewhere. "
                "*/",
                96,
                subsequent_indent=" * ",
                break_long_words=False,
            )
            + "\n"
        )
    parts.append(
        f"""
/* esnn_load of this image: checks it and makes a network, or returns a status below 0. */
static inline int32_t {name}_load(esnn_network **network, {name}_memory *memory) {{
    return esnn_load(network, {name}_image, {upper}_IMAGE_BYTES, memory,
                     (uint32_t)sizeof *memory);
}}

#ifdef __cplusplus
}}
#endif

#endif
"""
    )
    return "".join(parts)


def _limit_text(network: Network) -> str:
    value = network.event_limit.value
    each = network.event_limit.form is EventLimitForm.FULL
    return f"at most {value} from {'each' if each else 'all together'}"


def _source(placement: Placement, image: bytes, name: str, encoder: _Encoder) -> str:
    upper = name.upper()
    parts = [
        f"""\
/* The network {name}, written by edgesnn export-c (edgesnn {__version__}); do not edit. */
#include "{name}_network.h"

#ifndef {upper}_IMAGE_ATTRIBUTES
#define {upper}_IMAGE_ATTRIBUTES
#endif

{upper}_IMAGE_ATTRIBUTES const uint32_t {name}_image[{upper}_IMAGE_BYTES / 4u] = {{
{_image_words(image)}
}};
"""
    ]
    if labels := _labels(placement.network):
        rows = "".join(f"    {c_string(label)},\n" for label in labels)
        parts.append(f"\nconst char *const {name}_labels[{upper}_NUM_OUTPUTS] = {{\n{rows}}};\n")
    if encoder.text:
        parts.append(f"\n{encoder.text}")
    return "".join(parts)


def _test_header(stream: EventStream, expected: RunResult, name: str, recorded: bool) -> str:
    upper = name.upper()
    decision = -1 if expected.decision is None else expected.decision
    origin = "a recorded window" if recorded else "a window of made up events"
    return f"""\
/* For a self-test: {origin}, and what edgesnn's simulator makes of it. Written by
 * edgesnn export-c (edgesnn {__version__}); do not edit. */
#ifndef {upper}_TEST_H
#define {upper}_TEST_H

#include "{name}_network.h"

#ifdef __cplusplus
extern "C" {{
#endif

#define {upper}_TEST_STEPS {stream.num_steps}u
#define {upper}_TEST_WORDS {stream.num_steps + len(stream.source_ids)}u

/* For each step the number of its events, then their inputs. */
extern const uint16_t {name}_test_events[{upper}_TEST_WORDS];

/* After the last step, counted from esnn_load on. */
#define {upper}_TEST_DECISION ({decision})
extern const int32_t {name}_test_accumulators[{upper}_NUM_OUTPUTS];
extern const esnn_counters {name}_test_counters;

#ifdef __cplusplus
}}
#endif

#endif
"""


def _test_source(stream: EventStream, expected: RunResult, name: str) -> str:
    upper = name.upper()
    starts = np.asarray(stream.step_start).tolist()
    words: list[int] = []
    for first, end in pairwise(starts):
        words += [end - first, *np.asarray(stream.source_ids[first:end]).tolist()]
    accumulators: npt.NDArray[np.int64] = expected.accumulators
    c = expected.counters
    return f"""\
/* Written by edgesnn export-c (edgesnn {__version__}); do not edit. */
#include "{name}_test.h"

const uint16_t {name}_test_events[{upper}_TEST_WORDS] = {{
{_rows([str(word) for word in words], 16)}
}};

const int32_t {name}_test_accumulators[{upper}_NUM_OUTPUTS] = {{
{_rows([_int32(a) for a in accumulators.tolist()], 8)}
}};

const esnn_counters {name}_test_counters = {{
    .steps = {c.steps}u,
    .events = {c.events}u,
    .sops = {c.sops}u,
    .spikes = {c.spikes}u,
    .dropped = {c.dropped}u,
}};
"""


# The folder


def filled_in(template: str, values: Mapping[str, str]) -> str:
    """A text of ``firmware/package`` with ``@key@`` replaced; an unknown key is a ``KeyError``."""
    return re.sub(r"@(\w+)@", lambda found: values[found[1]], template)


def _licence() -> bytes:
    for folder in (firmware_dir(), firmware_dir().parent):
        if (folder / "LICENSE").is_file():
            return (folder / "LICENSE").read_bytes()
    raise FileNotFoundError(f"LICENSE must lie in {firmware_dir()}: install edgesnn again")


def _size_rows(placement: Placement, image: bytes, groups: list[Group]) -> str:
    rest = working_bytes(placement)
    needed = {
        "CURRENTS": placement.network.has_currents,
        "DELAYS": placement.network.max_delay > 0,
    }
    spare = " ".join(f"-DESNN_WITH_{name}=0" for name, is_needed in needed.items() if not is_needed)
    told = {
        RUNTIME: "code of the runtime" + (f"; less: `{spare}`" if spare else ""),
        ENCODERS: "code of the encoders, only what is used",
        PROTOCOL: "code of the serial protocol, only what is used",
        NODE: "code of a sensor node, only what is used",
    }
    rows = [
        ("flash", f"{len(image):,}", "the image"),
        *(("flash", f"about {CODE_BYTES[g]:,}", told[g]) for g in groups),
        ("RAM", f"{NETWORK_BYTES + rest:,}", f"memory of the network: {NETWORK_BYTES} + {rest:,}"),
        ("stack", f"{LOAD_STACK_BYTES}", "in `esnn_load`"),
        ("stack", f"{STEP_STACK_BYTES}", "in `esnn_step`"),
    ]
    return "\n".join(f"| {what} | {size} | {why} |" for what, size, why in rows)


def _facts(network: Network) -> str:
    layers = [
        f"`{_comment(p.name)}` ({p.size} {'neurons' if isinstance(p, LifPopulation) else 'inputs'})"
        for p in network.populations
    ]
    return textwrap.fill(
        f"{network.num_synapses:,} synapses between {', '.join(layers)}; a decision takes "
        f"{network.readout.window_steps:,} time steps.",
        100,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _encoder_text(encoder: _Encoder, name: str) -> str:
    if encoder.declared is not None:
        return (
            f"Samples become events with `{name}_encoder` and `esnn_{encoder.declared.kind}_...` "
            "of\n`src/edgesnn_encoders.h`."
        )
    return textwrap.fill(f"There is no encoder in C: {encoder.reason}.", 100)


def package(
    network: Network, name: str, window: EventStream | None = None, with_protocol: bool = False
) -> tuple[Placement, bytes, dict[str, bytes]]:
    """The files of the folder by name, beside the placement and the image of the network.

    window          events of the self-test; None makes some up
    with_protocol   also the serial protocol, for a device and for a sensor node
    Raises ``DesignRuleError``, ``DoesNotFit``, ``InputError`` for a name that C does not take, and
    ``EventLimitError`` for a window that the network does not take.
    """
    check_name(name)
    design_rules.check(network)
    placement = place_for_software(network)
    image = pack_placement(placement)
    stream = made_up_window(network) if window is None else window
    expected, _ = Simulator(network).run(stream)

    encoder = _encoder(network, name)
    groups = [RUNTIME]
    groups += [ENCODERS] if encoder.declared is not None else []
    groups += [PROTOCOL, NODE] if with_protocol else []
    firmware = firmware_dir()
    files = {"LICENSE": _licence()}
    left_out = {name for group in CODE_BYTES if group not in groups for name in group}
    left_out |= set(LANGUAGE)
    for path in sorted([*firmware.glob("src/*.[ch]"), *firmware.glob("include/*.h")]):
        if path.stem not in left_out:
            files[f"src/{path.name}"] = path.read_bytes()
    for part in ("CMakeLists.txt", "zephyr/CMakeLists.txt", "zephyr/Kconfig", "zephyr/module.yml"):
        files[part] = (firmware / part).read_bytes()
    manifest = json.loads((firmware / "library.json").read_text())
    manifest["name"] = f"edgesnn-{name.replace('_', '-')}"
    manifest["headers"] = f"{name}_network.h"
    files["library.json"] = (json.dumps(manifest, indent=2) + "\n").encode()

    more = "| `src/edgesnn_encoders.h` | samples into events |\n" if ENCODERS in groups else ""
    if with_protocol:
        more += "| `src/edgesnn_device.h`, `src/edgesnn_node.h` | the serial protocol |\n"
    values = {
        "name": name,
        "NAME": name.upper(),
        "version": __version__,
        "folder": f"{name}_c",
        "facts": _facts(network),
        "sizes": _size_rows(placement, image, groups),
        "window": "recorded" if window is not None else "made up",
        "encoder": _encoder_text(encoder, name),
        "more_files": more,
    }
    texts = {
        f"src/{name}_network.h": _header(placement, image, name, encoder),
        f"src/{name}_network.c": _source(placement, image, name, encoder),
        f"src/{name}_test.h": _test_header(stream, expected, name, window is not None),
        f"src/{name}_test.c": _test_source(stream, expected, name),
    }
    for template, target in {
        "README.md": "README.md",
        "Makefile": "Makefile",
        "library.properties": "library.properties",
        "main.c": "example/main.c",
        "edgesnn_example.ino": "examples/edgesnn_example/edgesnn_example.ino",
    }.items():
        texts[target] = (firmware / "package" / template).read_text()
        if target != "Makefile":
            texts[target] = filled_in(texts[target], values)
    files.update({target: text.encode() for target, text in texts.items()})
    return placement, image, files


def export(
    network: Network,
    folder: Path,
    name: str,
    window: EventStream | None = None,
    with_protocol: bool = False,
    force: bool = False,
) -> Export:
    """Write :func:`package` to a folder, whole or not at all.

    force   replace a folder that was written by this function
    Raises what :func:`package` and :func:`check_folder` raise.
    """
    check_folder(folder, force)
    placement, image, files = package(network, name, window, with_protocol)
    write_whole_folder(folder, files)
    return Export(
        str(folder), name, len(image), NETWORK_BYTES + working_bytes(placement), sorted(files)
    )
