"""Writes the C headers whose numbers have their home in Python: ``python -m edgesnn.codegen``.

With ``--check`` it writes nothing, and fails if a committed file is stale.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgesnn import __version__, framing, memory_layout, network, protocol, synapse_coding
from edgesnn._resources import firmware_dir
from edgesnn.core_config import LANES, WORD_BITS
from edgesnn.encoders import MAX_CODE, filter_bank
from edgesnn.files import write_whole
from edgesnn.firmware_status import FIRMWARE_STATUS_TEXT, FirmwareStatus
from edgesnn.language import integer_image, integer_model
from edgesnn.neuron import ResetMode
from edgesnn.number_format import DECAY_FRACTION_BITS, MAX_DELAY, STATE_BITS
from edgesnn.readout import NOTHING

#: Prefix in C, the enumeration in Python, and what its constants are.
_ENUMS: tuple[tuple[str, type[IntEnum], str], ...] = (
    ("HEADER", memory_layout.HeaderWord, "words of the header of an image"),
    ("FEATURE", memory_layout.Feature, "bits of ESNN_HEADER_FEATURES"),
    ("REGION", memory_layout.Region, "memories; the first six are sections of an image"),
    ("PROLOGUE", memory_layout.Prologue, "words at the start of the program"),
    ("POPULATION", memory_layout.PopulationWord, "words that describe a population"),
    ("POPULATION_FLAG", memory_layout.PopulationFlag, "bits of ESNN_POPULATION_FLAGS"),
    ("CONNECTION", memory_layout.ConnectionWord, "words that describe a connection"),
    ("CONNECTION_FLAG", memory_layout.ConnectionFlag, "bits of ESNN_CONNECTION_FLAGS"),
    ("RESET", ResetMode, "what a spike does to the membrane"),
    ("LIMIT", network.EventLimitForm, "how events of a time step are bounded"),
    ("READOUT", network.ReadoutRule, "what an accumulator of the read-out holds"),
    ("COUNTER", memory_layout.CounterWord, "elements of the counter region"),
    ("MESSAGE", protocol.Message, "types of requests of the serial protocol"),
    ("STATUS", protocol.Status, "first byte of a reply of the serial protocol"),
    ("IDENTITY", protocol.IdentityFlag, "bits of the first byte of the reply to IDENTIFY"),
    ("LM_KIND", integer_image.LayerKind, "layers of a language model"),
    ("LM_HEADER", integer_image.HeaderWord, "words of the header of an image of a language model"),
    ("LM_LAYER", integer_image.LayerWord, "words that describe a layer of a language model"),
)


def _set(messages: Iterable[protocol.Message]) -> int:
    """Requests as a set of bits, bit n for type n."""
    return sum(1 << message for message in messages)


def _numbers() -> dict[str, dict[str, int]]:
    """Constants of C, in groups with a heading."""
    magic = int.from_bytes(memory_layout.MAGIC, "little")
    return {
        "the memory image": {
            "IMAGE_MAGIC": magic,
            "IMAGE_VERSION": memory_layout.IMAGE_VERSION,
            "HEADER_WORDS": memory_layout.HEADER_WORDS,
            "NUM_HEADER_WORDS_USED": len(memory_layout.HeaderWord),
            "NUM_PROLOGUE_WORDS": len(memory_layout.Prologue),
            "NUM_POPULATION_WORDS": len(memory_layout.PopulationWord),
            "NUM_CONNECTION_WORDS": len(memory_layout.ConnectionWord),
            "NUM_COUNTERS": len(memory_layout.CounterWord),
            "END_OF_SECTIONS": memory_layout.END_OF_SECTIONS,
            "MAX_LANES": max(LANES),
            "MAX_DELAY": MAX_DELAY,
            "CURRENT_BITS_SHIFT": memory_layout.CURRENT_BITS_SHIFT,
            "WORD_BITS": WORD_BITS,
            "MAX_EVENTS_PER_SOURCE": network.MAX_EVENTS_PER_SOURCE,
            "FIRST_ROW_WORD": synapse_coding.FIRST_ROW_WORD,
            "WIDE_SLOTS": synapse_coding.WIDE_SLOTS,
            "WIDE_LAST": synapse_coding.WIDE_LAST,
            "PACKED_END": synapse_coding.END,
            "PACKED_FULL_FILLER": synapse_coding.MAX_FILLER_GAP << 4,
        },
        "numbers": {
            **{f"STATE_BITS_{bits}": bits for bits in STATE_BITS},
            "DECAY_FRACTION_BITS": DECAY_FRACTION_BITS,
        },
        "the encoders": {
            "MAX_CODE": MAX_CODE,
            "COEFFICIENT_BITS": filter_bank.COEFFICIENT_BITS,
            "GUARD_BITS": filter_bank.GUARD_BITS,
            "FILTER_BITS": filter_bank.FILTER_BITS,
            "LOG_BITS": filter_bank.LOG_BITS,
            "SMOOTH_BITS": filter_bank.SMOOTH_BITS,
        },
        "language models": {
            "LM_IMAGE_MAGIC": int.from_bytes(integer_image.MAGIC, "little"),
            "LM_IMAGE_VERSION": integer_image.IMAGE_VERSION,
            "LM_NUM_HEADER_WORDS": len(integer_image.HeaderWord),
            "LM_NUM_LAYER_WORDS": len(integer_image.LayerWord),
            "LM_MAX_COUNT": integer_image.MAX_COUNT,
            "LM_MAX_BYTES": integer_image.MAX_BYTES,
            "LM_MAX_FILLER": integer_image.MAX_FILLER,
            "LM_STATE_BITS": integer_model.STATE_BITS,
            "LM_EVENT_BITS": integer_model.EVENT_BITS,
            "LM_MULTIPLIER_BITS": integer_model.MULTIPLIER_BITS,
            "LM_LARGEST_EVENT": integer_model.LARGEST_EVENT,
            "LM_LARGEST_WEIGHT": integer_model.LARGEST_WEIGHT,
            "LM_LARGEST_SUM": integer_model.LARGEST_SUM,
            "LM_SIGMOID_SHIFT": integer_model.SIGMOID_SHIFT,
            "LM_TANH_SHIFT": integer_model.TANH_SHIFT,
            "LM_HALF_TABLE": integer_model.TABLE_SIZE // 2,
        },
        "the serial protocol": {
            "PROTOCOL_VERSION": protocol.PROTOCOL_VERSION,
            "REPLY_BIT": protocol.REPLY_BIT,
            "ARGUMENT_BYTES": protocol.ARGUMENT_BYTES,
            "REPLY_HEADER_BYTES": protocol.REPLY_HEADER_BYTES,
            "FRAME_HEADER_BYTES": framing.HEADER_BYTES,
            "FRAME_CRC_BYTES": framing.CRC_BYTES,
            "FRAME_DELIMITER": framing.DELIMITER,
            "MAX_PAYLOAD": framing.MAX_PAYLOAD,
            "MAX_CONTENT": framing.MAX_CONTENT,
            "MAX_WORDS": protocol.MAX_WORDS,
            "MAX_REPORT_WORDS": protocol.MAX_REPORT_WORDS,
            "MAX_ELEMENTS": protocol.MAX_ELEMENTS,
            "ADVANCE": protocol.ADVANCE,
            "FIRST_CONTROL_WORD": protocol.FIRST_CONTROL_WORD,
            "NO_DECISION": protocol.NO_DECISION,
            "MAX_ERROR_COUNT": protocol.MAX_ERROR_COUNT,
            "NUM_CONFIG_FIELDS": len(protocol.CONFIG_FIELDS),
        },
        "sets of requests, bit n for type n": {
            "MESSAGES_KNOWN": _set(protocol.Message),
            "MESSAGES_WITHOUT_ARGUMENT": _set(protocol.WITHOUT_ARGUMENT),
            "MESSAGES_WITH_WORDS": _set(protocol.WITH_WORDS),
            "MESSAGES_NEED_IMAGE": _set(protocol.NEED_IMAGE),
        },
        "fields of the core in the reply to IDENTIFY": {
            f"CONFIG_{name.upper()}": index for index, name in enumerate(protocol.CONFIG_FIELDS)
        },
    }


def _enum(prefix: str, members: Mapping[str, int], about: str) -> list[str]:
    lines = [f"/* {about[0].upper()}{about[1:]}. */", "enum {"]
    lines += [f"    ESNN_{prefix}{name} = {value}," for name, value in members.items()]
    lines[-1] = lines[-1].rstrip(",")
    return [*lines, "};", ""]


def header() -> str:
    """The text of ``edgesnn_format.h``."""
    lines = [
        "/* Generated by `python -m edgesnn.codegen`; do not edit. */",
        "#ifndef EDGESNN_FORMAT_H",
        "#define EDGESNN_FORMAT_H",
        "",
        "#include <stdint.h>",
        "",
        f'#define ESNN_VERSION "{__version__}"',
        "",
    ]
    lines += ["/* What the functions of the runtime return. */", "enum {"]
    for status in FirmwareStatus:
        comma = "" if status is list(FirmwareStatus)[-1] else ","
        lines.append(f"    ESNN_{status.name} = {int(status)}{comma}")
        lines.append(f"    /* {FIRMWARE_STATUS_TEXT[status]} */")
    lines += ["};", ""]
    for about, numbers in _numbers().items():
        lines += _enum("", numbers, about)
    for prefix, members, about in _ENUMS:
        lines += _enum(f"{prefix}_", {m.name: int(m) for m in members}, about)
    lines += [
        "/* An accumulator of the read-out that holds nothing yet. */",
        f"#define ESNN_NOTHING ((int32_t)(-{-NOTHING - 1} - 1))",
        "",
        "#endif",
    ]
    return "\n".join(lines) + "\n"


def _upper_half(table: npt.NDArray[np.int16], both: int) -> str:
    """Entries of the arguments from 0 on, as C; ``both`` less them are those below 0."""
    below, above = np.split(table.astype(int), 2)
    if not np.array_equal(below[::-1], both - above):
        raise ValueError("a table must be symmetrical for one half to tell the other")
    indent = "    "
    return textwrap.fill(
        ", ".join(map(str, above)), 100, initial_indent=indent, subsequent_indent=indent
    )


def language_tables() -> str:
    """The text of ``edgesnn_language_tables.h``: the tables of docs/egru.md, their upper halves."""
    lines = [
        "/* Generated by `python -m edgesnn.codegen`; do not edit. */",
        "#ifndef EDGESNN_LANGUAGE_TABLES_H",
        "#define EDGESNN_LANGUAGE_TABLES_H",
        "",
        '#include "edgesnn_format.h"',
        "",
        "/* Of arguments a from 0 on. Below 0 it is what the entry of -1 - a leaves: of one",
        " * (2^ESNN_LM_STATE_BITS) in the table of sigmoid, of 0 in that of tanh. */",
    ]
    for name, table, both in (
        ("sigmoid", integer_model.sigmoid_table(), integer_model.STATE_ONE),
        ("tanh", integer_model.tanh_table(), 0),
    ):
        declared = f"static const int16_t esnn_{name}_table[ESNN_LM_HALF_TABLE] = {{"
        lines += [declared, _upper_half(table, both), "};", ""]
    return "\n".join([*lines, "#endif"]) + "\n"


#: Names in ``firmware``, and what makes their text.
FILES: dict[str, Callable[[], str]] = {
    "include/edgesnn_format.h": header,
    "src/edgesnn_language_tables.h": language_tables,
}


def status_table() -> str:
    """What the runtime returns, as a table for its README."""
    lines = ["| status | value | meaning |", "|---|---|---|"]
    for status in FirmwareStatus:
        lines.append(f"| `ESNN_{status.name}` | {int(status)} | {FIRMWARE_STATUS_TEXT[status]} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Write the headers, or check them; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m edgesnn.codegen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    options = parser.parse_args(arguments)
    code = 0
    for name, text in ((name, make()) for name, make in FILES.items()):
        path: Path = firmware_dir() / name
        if not options.check:
            write_whole(path, text.encode())
        elif not path.is_file() or path.read_text() != text:
            sys.stderr.write(f"{path} is stale: run python -m edgesnn.codegen\n")
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
