"""A network as C: a folder with the runtime that compiles as it is, on a host or microcontroller.

What it shares with the folders of language models is in :mod:`edgesnn.c_package`.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgesnn import design_rules
from edgesnn._resources import firmware_dir
from edgesnn.c_package import (
    WRITTEN,
    Export,
    Runtime,
    check_folder,
    check_name,
    comment,
    folder_files,
    header,
    image_header,
    image_source,
    int32,
    rows,
    size_rows,
    string_array,
)
from edgesnn.encoders import AnyEncoder, encoder_from_info, encoder_to_c
from edgesnn.errors import InputError
from edgesnn.events import EventStream
from edgesnn.files import write_whole_folder
from edgesnn.memory_image import pack_placement
from edgesnn.network import EventLimitForm, LifPopulation, Network
from edgesnn.placement import Placement, place_for_software
from edgesnn.run_result import RunResult
from edgesnn.simulator import Simulator

IN_C = Runtime("network", "edgesnn.h", "esnn_network", "esnn", "memory_image.md")
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
        return _Encoder(None, "", comment(str(error)))
    return _Encoder(encoder, text, "")


def _header(placement: Placement, image: bytes, name: str, encoder: _Encoder) -> str:
    network = placement.network
    upper, labels = name.upper(), _labels(network)
    size = network.populations[network.readout.population].size
    parts = [
        f"""
/* Events come from inputs 0 .. {upper}_NUM_INPUTS - 1, and in a time step {_limit_text(network)};
 * {upper}_STEP_EVENTS is the most that a time step can hold. */
#define {upper}_NUM_INPUTS {network.num_inputs}u
#define {upper}_STEP_EVENTS {placement.most_events}u

/* Time steps of one decision; reset after them. */
#define {upper}_WINDOW_STEPS {network.readout.window_steps}u

/* Decisions are 0 .. {upper}_NUM_OUTPUTS - 1, or -1. */
#define {upper}_NUM_OUTPUTS {size}u
"""
    ]
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
    about = (
        f"{network.num_inputs} inputs, {network.num_neurons} neurons, {network.num_synapses} "
        "synapses; image for flash and size of memory, labels, encoder."
    )
    includes = () if encoder.declared is None else ("edgesnn_encoders.h",)
    return image_header(
        IN_C, name, image, working_bytes(placement), about, "".join(parts), includes
    )


def _limit_text(network: Network) -> str:
    value = network.event_limit.value
    each = network.event_limit.form is EventLimitForm.FULL
    return f"at most {value} from {'each' if each else 'all together'}"


def _source(placement: Placement, image: bytes, name: str, encoder: _Encoder) -> str:
    parts = [image_source(IN_C, name, image)]
    if labels := _labels(placement.network):
        parts.append(string_array(f"{name}_labels", f"{name.upper()}_NUM_OUTPUTS", labels))
    if encoder.text:
        parts.append(encoder.text)
    return "\n".join(parts)


def _test_header(stream: EventStream, expected: RunResult, name: str, recorded: bool) -> str:
    upper = name.upper()
    decision = -1 if expected.decision is None else expected.decision
    origin = "a recorded window" if recorded else "a window of made up events"
    return header(
        f"{upper}_TEST_H",
        f"For a self-test: {origin}, and what edgesnn's simulator makes of it;\n * {WRITTEN}",
        (f"{name}_network.h",),
        f"""
#define {upper}_TEST_STEPS {stream.num_steps}u
#define {upper}_TEST_WORDS {stream.num_steps + len(stream.source_ids)}u

/* For each step the number of its events, then their inputs. */
extern const uint16_t {name}_test_events[{upper}_TEST_WORDS];

/* After the last step, counted from esnn_load on. */
#define {upper}_TEST_DECISION ({decision})
extern const int32_t {name}_test_accumulators[{upper}_NUM_OUTPUTS];
extern const esnn_counters {name}_test_counters;
""",
    )


def _test_source(stream: EventStream, expected: RunResult, name: str) -> str:
    upper = name.upper()
    starts = np.asarray(stream.step_start).tolist()
    words: list[int] = []
    for first, end in pairwise(starts):
        words += [end - first, *np.asarray(stream.source_ids[first:end]).tolist()]
    accumulators: npt.NDArray[np.int64] = expected.accumulators
    c = expected.counters
    return f"""\
/* The self-test of {name}, {WRITTEN} */
#include "{name}_test.h"

const uint16_t {name}_test_events[{upper}_TEST_WORDS] = {{
{rows([str(word) for word in words], 16)}
}};

const int32_t {name}_test_accumulators[{upper}_NUM_OUTPUTS] = {{
{rows([int32(a) for a in accumulators.tolist()], 8)}
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
    return size_rows(
        [
            ("flash", f"{len(image):,}", "the image"),
            *(("flash", f"about {CODE_BYTES[g]:,}", told[g]) for g in groups),
            (
                "RAM",
                f"{NETWORK_BYTES + rest:,}",
                f"memory of the network: {NETWORK_BYTES} + {rest:,}",
            ),
            ("stack", f"{LOAD_STACK_BYTES}", "in `esnn_load`"),
            ("stack", f"{STEP_STACK_BYTES}", "in `esnn_step`"),
        ]
    )


def _facts(network: Network) -> str:
    layers = [
        f"`{comment(p.name)}` ({p.size} {'neurons' if isinstance(p, LifPopulation) else 'inputs'})"
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
    more = "| `src/edgesnn_encoders.h` | samples into events |\n" if ENCODERS in groups else ""
    if with_protocol:
        more += "| `src/edgesnn_device.h`, `src/edgesnn_node.h` | the serial protocol |\n"
    left_out = {name for group in CODE_BYTES if group not in groups for name in group}
    left_out |= set(LANGUAGE)
    sources = sorted([*firmware_dir().glob("src/*.[ch]"), *firmware_dir().glob("include/*.h")])
    files = folder_files(
        name,
        f"{name}_network.h",
        [path for path in sources if path.stem not in left_out],
        {
            "README.md": "README.md",
            "main.c": "example/main.c",
            "edgesnn_example.ino": "examples/edgesnn_example/edgesnn_example.ino",
        },
        {
            "kind": "spiking neural network",
            "sketch": f";\nthen open *File, Examples, edgesnn_{name}, edgesnn_example*",
            "facts": _facts(network),
            "sizes": _size_rows(placement, image, groups),
            "window": "recorded" if window is not None else "made up",
            "encoder": _encoder_text(encoder, name),
            "more_files": more,
        },
    )
    texts = {
        f"src/{name}_network.h": _header(placement, image, name, encoder),
        f"src/{name}_network.c": _source(placement, image, name, encoder),
        f"src/{name}_test.h": _test_header(stream, expected, name, window is not None),
        f"src/{name}_test.c": _test_source(stream, expected, name),
    }
    files |= {target: text.encode() for target, text in texts.items()}
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
