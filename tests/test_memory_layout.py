"""The tables of ``docs/memory_image.md`` and the numbers of the code are the same."""

from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path

import pytest

from edgesnn import memory_layout
from edgesnn.core_config import LANES, CoreConfig
from edgesnn.memory_layout import (
    END_OF_SECTIONS,
    HEADER_WORDS,
    IMAGE_VERSION,
    MAGIC,
    MAX_SECTION_ELEMENTS,
    SHARED_REGIONS,
    TWO_WORD_REGIONS,
    ConnectionFlag,
    ConnectionWord,
    CounterWord,
    Feature,
    HeaderWord,
    MemoryLayout,
    PopulationFlag,
    PopulationWord,
    Prologue,
    Region,
    header_limits,
)
from edgesnn.network import EventLimitForm, ReadoutRule
from edgesnn.neuron import ResetMode, ResetOrder
from edgesnn.number_format import DECAY_ONE, STATE_BITS
from edgesnn.run_result import Counters

PAGE = (Path(__file__).parents[1] / "docs/memory_image.md").read_text()
TABLES = {
    "Header": HeaderWord,
    "Features": Feature,
    "Sections": Region,
    "Prologue": Prologue,
    "Population": PopulationWord,
    "Population flags": PopulationFlag,
    "Connection": ConnectionWord,
    "Connection flags": ConnectionFlag,
}
ROW = re.compile(r"^\| (\d+) \| `(\w+)` \|", re.MULTILINE)


def chapter(title: str) -> str:
    found = re.search(rf"^#+ {title}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


@pytest.mark.parametrize("title", TABLES)
def test_table_of_the_document_is_that_of_the_code(title: str) -> None:
    rows = [(int(value), name) for value, name in ROW.findall(chapter(title))]
    assert rows == [(member.value, member.name) for member in TABLES[title]]


def test_every_table_of_the_code_is_in_the_document() -> None:
    in_code = {
        value
        for value in vars(memory_layout).values()
        if isinstance(value, type) and issubclass(value, IntEnum) and value is not IntEnum
    }
    assert in_code - {CounterWord} == set(TABLES.values())


def test_numbers_in_the_text_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert f"# The memory image, version {IMAGE_VERSION}" in text
    assert f"| {HEADER_WORDS} | header |" in text
    assert f"end of sections: `0x{END_OF_SECTIONS:04X} 0 0 0`" in text
    assert f"number of elements (at most {MAX_SECTION_ELEMENTS})" in text
    assert f"one word, 0..{DECAY_ONE}: one for each slot" in text
    assert f"width of the state word: {STATE_BITS[0]}, {STATE_BITS[1]} or {STATE_BITS[2]}" in text
    assert f"L: {', '.join(map(str, LANES[:-1]))} or {LANES[-1]}" in text
    low, high = MAGIC[:2], MAGIC[2:]
    assert f"0x{int.from_bytes(low, 'little'):04X}: the bytes `{low.decode()}`" in text
    assert f"0x{int.from_bytes(high, 'little'):04X}: the bytes `{high.decode()}`" in text
    assert "header words from 23 on" in text
    assert max(HeaderWord) == 22
    for region in Region:
        if region < Region.MEMBRANE:
            two = re.search(rf"`{region.name}` \| two words", text) is not None
            assert two == (region in TWO_WORD_REGIONS)


def test_codes_in_the_text_are_those_of_the_code() -> None:
    assert "0 spike count, 1 last membrane, 2 sum, 3 maximum, 4 first spike" in PAGE
    assert [r.name for r in ReadoutRule] == [
        "SPIKE_COUNT",
        "MEMBRANE_LAST",
        "MEMBRANE_SUM",
        "MEMBRANE_MAX",
        "FIRST_SPIKE",
    ]
    assert "0 full: for each source; 1 limited" in PAGE
    assert (EventLimitForm.FULL, EventLimitForm.LIMITED) == (0, 1)
    assert "two bits: 0 subtract, 1 to zero, 2 none" in PAGE
    assert (ResetMode.SUBTRACT, ResetMode.TO_ZERO, ResetMode.NONE) == (0, 1, 2)
    assert (ResetOrder.BEFORE_DECAY, ResetOrder.AFTER_DECAY) == (0, 1)


def test_counter_words_are_the_counters() -> None:
    names = [name.lower() for name in CounterWord.__members__]
    assert names[: len(Counters.__dataclass_fields__)] == list(Counters.__dataclass_fields__)


@pytest.mark.parametrize("lanes", LANES)
def test_memories_have_the_sizes_of_the_core(lanes: int) -> None:
    config = CoreConfig(
        lanes=lanes, state_bits=18, neurons=2048, synapse_words=1 << 16, program_words=128
    )
    layout = MemoryLayout(config)
    depths = {r: layout.depth(r) * (1 if r in SHARED_REGIONS else lanes) for r in Region}
    assert depths == {
        Region.PROGRAM: 128,
        Region.SYNAPSES: 1 << 16,
        Region.THRESHOLD: 2048,
        Region.BIAS: 2048,
        Region.DECAY: 2048,
        Region.SYNAPTIC_DECAY: 2048,
        Region.MEMBRANE: 2048,
        Region.SPIKES: 256,
        Region.ACCUMULATOR: 64,
        Region.COUNTER: 8,
        Region.CURRENT: 2048,
    }
    assert {r: layout.width(r) for r in Region} == {
        Region.PROGRAM: 16,
        Region.SYNAPSES: 16,
        Region.THRESHOLD: 18,
        Region.BIAS: 18,
        Region.DECAY: 13,
        Region.SYNAPTIC_DECAY: 13,
        Region.MEMBRANE: 18,
        Region.SPIKES: 16,
        Region.ACCUMULATOR: 32,
        Region.COUNTER: 32,
        Region.CURRENT: 18,
    }


def test_header_limits_are_the_sizes_of_the_core_and_reserve_the_rest() -> None:
    config = CoreConfig(lanes=2)
    limits = header_limits(config)
    assert limits[HeaderWord.FEATURES] == limits[HeaderWord.MAX_DELAY] == (0, 0)
    with_all = header_limits(CoreConfig(currents=True, delays=True))
    assert (with_all[HeaderWord.FEATURES], with_all[HeaderWord.MAX_DELAY]) == ((0, 3), (0, 15))
    assert limits[HeaderWord.SPIKES_PER_STEP] == (1, 1)
    assert limits[HeaderWord.LANES] == (2, 2)
    assert limits[HeaderWord.SLOTS] == (1, 512)
    assert limits[HeaderWord.SYNAPSE_WORDS_MINUS_1] == (0, 32767)
    assert limits[HeaderWord.EVENTS] == (1, 1024)
    assert limits[HeaderWord.VERSION] == (IMAGE_VERSION, IMAGE_VERSION)
    assert all(0 <= low <= high <= 65535 for low, high in limits.values())
