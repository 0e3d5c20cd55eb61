"""Images hold the network, to a decoder that knows the document alone; damage is refused."""

from __future__ import annotations

import json
import re
import time
import zlib
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn.core_config import CoreConfig
from edgesnn.errors import DesignRuleError, DoesNotFit, ModelFileError
from edgesnn.events import EventStream
from edgesnn.memory_image import pack, pack_placement, sections, unpack
from edgesnn.memory_layout import (
    HEADER_WORDS,
    IMAGE_VERSION,
    HeaderWord,
    PopulationWord,
    Prologue,
    Region,
)
from edgesnn.network import (
    Connection,
    EventLimit,
    InputPopulation,
    LifPopulation,
    Network,
    Readout,
    ReadoutRule,
)
from edgesnn.neuron import ResetOrder
from edgesnn.placement import place
from edgesnn.reference import simulate
from edgesnn.run_result import differences
from edgesnn.simulator import Simulator
from edgesnn.synapse_coding import Coding
from edgesnn.synapses import Synapses
from tests.image_decoder import crc32, decode
from tests.strategies import random_events, random_network
from tests.vectors.generate import example_network
from tests.vectors.generate_images import NETWORKS

IMAGES = Path(__file__).parent / "vectors/images"
PAGE = Path(__file__).parents[1] / "docs/memory_image.md"
GOLDEN = sorted(IMAGES.glob(f"v{IMAGE_VERSION}-*.bin"))
CODINGS = (None, Coding.WIDE, Coding.PACKED)


def core(lanes: int) -> CoreConfig:
    """Room for every random network."""
    return CoreConfig(
        lanes=lanes,
        state_bits=24,
        neurons=2048,
        synapse_words=65536 * lanes,
        inputs=1024,
        events=32768,
        program_words=1024,
        readout_neurons=512,
        currents=True,
        delays=True,
    )


def some_network(seed: int, max_size: int = 60) -> Network:
    late = bool(seed % 2)
    network = random_network(seed, max_size=max_size, max_synapses=3000, currents=late, delays=late)
    limit = network.event_limit
    return replace(network, event_limit=EventLimit(limit.form, min(limit.value, 15)))


def expected_content(network: Network, lanes: int) -> dict[str, Any]:
    """What ``tests.image_decoder`` finds in the image of a network, but for the codings."""
    populations = []
    for index, p in enumerate(network.populations):
        if not isinstance(p, LifPopulation):
            continue
        connections = []
        for c in network.incoming(index):
            from_input = isinstance(network.populations[c.source], InputPopulation)
            connections.append(
                {
                    "from_input": from_input,
                    "shift": c.weight_shift,
                    "rows": [list(c.synapses.fan_out(s)) for s in range(c.synapses.num_sources)],
                }
                | ({"delay": c.delay} if c.delay else {})
            )
        populations.append(
            {name: int(getattr(p, name)) for name in ("size", "membrane_bits", "spiking", "strict")}
            | {"reset_order": int(p.reset_order), "reset_mode": int(p.reset_mode)}
            | {name: getattr(p, name).tolist() for name in ("threshold", "bias", "decay")}
            | (
                {"synaptic_decay": p.synaptic_decay.tolist(), "current_bits": p.current_bits}
                if p.synaptic_decay is not None
                else {}
            )
            | {"is_readout": index == network.readout.population, "connections": connections}
        )
    limit = network.event_limit
    return {
        "lanes": lanes,
        "state_bits": network.state_bits,
        "rule": int(network.readout.rule),
        "readout_size": network.populations[network.readout.population].size,
        "event_limit": [int(limit.form), limit.value],
        "most_events": limit.value * (1 if limit.form else network.num_inputs),
        "window_steps": network.readout.window_steps,
        "num_inputs": network.num_inputs,
        "populations": populations,
    }


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_decoder_made_from_the_document_finds_every_number(
    lanes: int, coding: Coding | None
) -> None:
    for seed in range(25):
        network = some_network(seed)
        found = decode(pack(network, core(lanes), coding))
        for population in found["populations"]:
            for connection in population["connections"]:
                connection.pop("first")
                packed = connection.pop("packed")
                assert coding is None or packed == coding
        assert found == expected_content(network, lanes), seed


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_unpacked_network_does_the_same(lanes: int, coding: Coding | None) -> None:
    for seed in range(20):
        network = some_network(100 + seed, max_size=30)
        stream = random_events(network, seed, 15)
        again = unpack(pack(network, core(lanes), coding))
        expected = simulate(network, stream)
        assert not differences(expected, simulate(again, stream)), seed
        assert not differences(expected, Simulator(again).run(stream, record=True)[0]), seed
        # Nothing is lost but names, and borders of inputs that nobody reads.
        assert again.num_inputs == network.num_inputs
        assert again.readout.window_steps == network.readout.window_steps
        assert pack(again, core(lanes), coding) == pack(network, core(lanes), coding)


def test_crc_is_the_usual_one() -> None:
    assert crc32(b"123456789") == zlib.crc32(b"123456789") == 0xCBF43926


def test_network_that_breaks_a_rule_is_not_packed(small_network: Network) -> None:
    shifted = replace(
        small_network,
        connections=tuple(replace(c, weight_shift=15) for c in small_network.connections),
    )
    with pytest.raises(DesignRuleError, match="highest possible membrane of 'hidden'"):
        pack(shifted, core(1))


def test_network_that_does_not_fit_is_not_packed() -> None:
    with pytest.raises(DoesNotFit, match="state bits must be at most 16, not 18"):
        pack(example_network(), CoreConfig())


def test_core_without_a_feature_takes_no_network_that_needs_it(late_network: Network) -> None:
    with pytest.raises(DoesNotFit) as caught:
        pack(late_network, CoreConfig())
    assert caught.value.violations == [
        "current-based neurons must be at most 0, not 2 (2 too many); "
        "take a core with currents, or train plain LIF neurons",
        "steps of delay must be at most 0, not 2 (2 too many); take a core with delays",
    ]
    pack(late_network, CoreConfig(currents=True, delays=True))


def test_more_words_than_a_section_can_count_are_refused() -> None:
    # 255 full rows of 256 fill 65536 words of the largest core to the last one.
    dense = np.ones((255, 256), int)
    population = LifPopulation("p", [1000] * 256, [0] * 256, [0] * 256, membrane_bits=8)
    network = Network(
        (InputPopulation("input", 255), population),
        (Connection(0, 1, Synapses.from_dense(dense)),),
        Readout(1),
    )
    with pytest.raises(
        DoesNotFit, match=r"synapse words must be at most 65535, not 65536 \(1 too many\); prune"
    ):
        pack(network, core(1), Coding.WIDE)
    dense[0, 0] = 0
    smaller = replace(network, connections=(Connection(0, 1, Synapses.from_dense(dense)),))
    assert unpack(pack(smaller, core(1), Coding.WIDE)).num_synapses == 255 * 256 - 1


# --- the document and the golden images -----------------------------------------------------


def document_network() -> Network:
    """The network of the example in the document."""
    population = LifPopulation(
        "layer",
        [9, 10, 11, 12, 13],
        [4096] * 5,
        [0, 0, 0, 0, -1],
        reset_order=ResetOrder.AFTER_DECAY,
        strict=True,
        membrane_bits=12,
    )
    weights = np.array([[7, 0, 0, -1, 0], [0, 0, 0, 0, 2]])
    return Network(
        (InputPopulation("keys", 2), population),
        (Connection(0, 1, Synapses.from_dense(weights), 1),),
        Readout(1, ReadoutRule.SPIKE_COUNT, 25),
    )


def dump(image: bytes) -> str:
    """Eight words a line; lines that repeat the one before become one ``*``."""
    words = np.frombuffer(image, "<u2")
    lines: list[str] = []
    before = None
    for first in range(0, len(words), 8):
        line = " ".join(f"{w:04x}" for w in words[first : first + 8])
        if line != before:
            lines.append(f"{first:04x}  {line}")
        elif lines[-1] != "*":
            lines.append("*")
        before = line
    return "\n".join(lines) + "\n"


def test_whole_image_of_the_document_is_what_pack_writes() -> None:
    found = re.findall(r"^```image\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found == [dump(pack(document_network(), CoreConfig(lanes=2), Coding.WIDE))]


def test_there_are_golden_images_of_every_version_and_coding() -> None:
    names = {p.stem for p in IMAGES.glob("*.bin")}
    plain = {f"v{v}-{c}" for v in range(1, IMAGE_VERSION + 1) for c in ("wide", "packed")}
    late = {f"v{v}-{c}-late" for v in range(2, IMAGE_VERSION + 1) for c in ("wide", "packed")}
    assert names == plain | late


def golden_network(path: Path) -> Network:
    """The network that a golden image holds."""
    return NETWORKS["-late" if path.stem.endswith("-late") else ""]()


@pytest.mark.parametrize("version", range(1, IMAGE_VERSION))
def test_image_of_an_older_version_is_refused(version: int) -> None:
    for path in IMAGES.glob(f"v{version}-*.bin"):
        with pytest.raises(ModelFileError) as caught:
            unpack(path.read_bytes())
        assert str(caught.value) == (
            f"image version must be {IMAGE_VERSION}, not {version}; "
            "pack the network again with this version of edgesnn"
        )


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_golden_image_holds_what_is_written_beside_it(path: Path) -> None:
    image = path.read_bytes()
    content = json.loads(path.with_suffix(".json").read_text())
    assert json.loads(json.dumps(decode(image))) == content
    network = unpack(image)
    stream = random_events(network, 1, 30)
    assert not differences(simulate(golden_network(path), stream), simulate(network, stream))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_golden_image_is_packed_again_byte_by_byte(path: Path) -> None:
    image = path.read_bytes()
    lanes = json.loads(path.with_suffix(".json").read_text())["lanes"]
    coding = Coding[path.stem.split("-")[1].upper()]
    config = CoreConfig(lanes=lanes, state_bits=18, currents=True, delays=True)
    assert pack(golden_network(path), config, coding) == image
    assert pack(unpack(image), config, coding) == image


# --- damage ---------------------------------------------------------------------------------


def repaired(image: bytes) -> bytes:
    """The image with the CRC-32 of what it holds now."""
    return image[:-4] + zlib.crc32(image[:-4]).to_bytes(4, "little")


def with_word(image: bytes, index: int, value: int) -> bytes:
    return repaired(image[: 2 * index] + value.to_bytes(2, "little") + image[2 * index + 2 :])


@lru_cache
def image_of(seed: int, lanes: int) -> bytes:
    """A small image with recurrent connections and both codings."""
    network = some_network(seed, max_size=12)
    codings = [Coding((seed + i) % 2) for i in range(len(network.connections))]
    return pack_placement(place(network, lanes, codings))


def refuses_or_is_equal(image: bytes) -> None:
    """Either a typed error, or the very network that the image holds."""
    try:
        network = unpack(image)
    except ModelFileError:
        return
    content = decode(image)
    for population in content["populations"]:
        for connection in population["connections"]:
            connection.pop("first")
            connection.pop("packed")
    assert content == expected_content(network, content["lanes"])


images = st.builds(image_of, st.integers(0, 7), st.sampled_from([1, 2]))


@settings(max_examples=150)
@given(images, st.data())
def test_flipped_bits_are_refused(image: bytes, data: st.DataObject) -> None:
    damaged = bytearray(image)
    for bit in data.draw(st.sets(st.integers(0, 8 * len(image) - 1), min_size=1, max_size=8)):
        damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ModelFileError):
        unpack(bytes(damaged))


@settings(max_examples=400)
@given(images, st.data())
def test_changed_words_with_a_right_crc_are_refused_or_another_network(
    image: bytes, data: st.DataObject
) -> None:
    damaged = bytearray(image)
    last = len(image) // 2 - 3
    # Most words are synapse words and zeros: half of the changes go to the header and the program.
    places = st.one_of(st.integers(0, last), st.integers(0, 80))
    edges = st.sampled_from([0, 1, 2, 255, 256, 0x7FFF, 0x8000, 0xFFFF])
    for _ in range(data.draw(st.integers(1, 4))):
        at = 2 * data.draw(places)
        value = data.draw(st.one_of(edges, st.integers(0, 0xFFFF)))
        damaged[at : at + 2] = value.to_bytes(2, "little")
    begin = time.monotonic()
    refuses_or_is_equal(repaired(bytes(damaged)))
    assert time.monotonic() - begin < 10


@settings(max_examples=400)
@given(images, st.data())
def test_flipped_bits_with_a_right_crc_are_refused_or_another_network(
    image: bytes, data: st.DataObject
) -> None:
    damaged = bytearray(image)
    for bit in data.draw(st.sets(st.integers(32, 8 * len(image) - 33), min_size=1, max_size=3)):
        damaged[bit // 8] ^= 1 << bit % 8
    refuses_or_is_equal(repaired(bytes(damaged)))


@settings(max_examples=100)
@given(images, st.data(), st.booleans())
def test_truncated_images_are_refused(image: bytes, data: st.DataObject, repair: bool) -> None:
    cut = image[: data.draw(st.integers(0, len(image) - 1))]
    with pytest.raises(ModelFileError):
        unpack(repaired(cut) if repair and len(cut) > 4 else cut)


@settings(max_examples=60)
@given(images, st.binary(min_size=1, max_size=40), st.booleans())
def test_extended_images_are_refused(image: bytes, more: bytes, repair: bool) -> None:
    longer = image + more
    with pytest.raises(ModelFileError):
        unpack(repaired(longer) if repair else longer)


@given(st.binary(max_size=300))
def test_garbage_is_refused(data: bytes) -> None:
    for image in (data, b"ESNI\x01\x00" + data):
        with pytest.raises(ModelFileError):
            unpack(image)
        if len(image) > 70:
            with pytest.raises(ModelFileError):
                unpack(repaired(image))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i: i[:0], "must have an even number of bytes, at least 68, not 0"),
        (lambda i: i[:-1], "must have an even number of bytes"),
        (lambda i: b"ELF!" + i[4:], "must begin with b'ESNI', not b'ELF!'"),
        (lambda i: with_word(i, 2, 3), "image version must be 2, not 3; pack the network again"),
        (
            lambda i: i[:-1] + bytes([i[-1] ^ 1]),
            "CRC-32 must match the image; the image is damaged",
        ),
        (lambda i: with_word(i, HeaderWord.LANES, 3), "lanes must be one of (1, 2, 4, 8, 16)"),
        (lambda i: with_word(i, HeaderWord.STATE_BITS, 20), "state_bits must be one of"),
        (lambda i: with_word(i, HeaderWord.FEATURES, 1), "differs from what its own network"),
        (
            lambda i: with_word(i, HeaderWord.FEATURES, 6),
            "image features must be among ['CURRENTS', 'DELAYS'], not 0x6; read the image with the "
            "version of edgesnn that packed it",
        ),
        (lambda i: with_word(i, HeaderWord.MAX_DELAY, 1), "differs from what its own network"),
        (lambda i: with_word(i, HeaderWord.SPIKES_PER_STEP, 2), "differs from what its own"),
        (lambda i: with_word(i, HeaderWord.EVENTS, 8), "differs from what its own network"),
        (lambda i: with_word(i, 31, 1), "differs from what its own network would give"),
        (lambda i: with_word(i, 32, 0x0107), "is inconsistent"),
        (lambda i: with_word(i, 33, 2), "the header of section PROGRAM is not one of ours"),
        (lambda i: with_word(i, 34, 0xFFFF), "section PROGRAM must end within the image"),
    ],
)
def test_refusal_says_what_must_be_what(change: Any, message: str) -> None:
    image = (IMAGES / "v2-wide.bin").read_bytes()
    with pytest.raises(ModelFileError) as caught:
        unpack(change(image))
    assert message in str(caught.value)


def program_word(offset: int) -> int:
    """Index in the image of a word of the program."""
    return HEADER_WORDS + 4 + offset


FIRST_POPULATION = len(Prologue)
FIRST_CONNECTION = FIRST_POPULATION + len(PopulationWord)


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (Prologue.READOUT_RULE, 5, "5 is not a valid ReadoutRule"),
        (Prologue.EVENT_LIMIT_FORM, 2, "2 is not a valid EventLimitForm"),
        (Prologue.EVENT_LIMIT_VALUE, 0, "event limit must be in 1..65535, not 0"),
        (Prologue.NUM_POPULATIONS, 0, "is inconsistent"),
        (Prologue.NUM_POPULATIONS, 0xFFFF, "is inconsistent"),
        (FIRST_POPULATION + PopulationWord.FIRST_SLOT, 1, "first slot of population 0 must be 0"),
        (FIRST_POPULATION + PopulationWord.CLAMP_BITS, 0x00FF, "membrane_bits of 'lif0' must"),
        (FIRST_POPULATION + PopulationWord.CLAMP_BITS, 0x0A0A, "is inconsistent"),
        (FIRST_POPULATION + PopulationWord.SIZE, 0xFFFF, "differs from what its own network"),
        (FIRST_POPULATION + PopulationWord.NUM_CONNECTIONS, 0xFFFF, "is inconsistent"),
        (FIRST_CONNECTION + 0, 1 << 8 | 1, "delay of 'input0' -> 'lif0' must be 0, since it comes"),
        (FIRST_CONNECTION + 0, 1 << 12 | 1, "differs from what its own network would give"),
        (FIRST_CONNECTION + 2, 0, "is inconsistent"),
        (FIRST_CONNECTION + 3, 1, "row starts must follow one another"),
    ],
)
def test_program_that_contradicts_itself_is_refused(offset: int, value: int, message: str) -> None:
    image = with_word((IMAGES / "v2-wide.bin").read_bytes(), program_word(offset), value)
    with pytest.raises(ModelFileError) as caught:
        unpack(image)
    assert message in str(caught.value)


def test_rows_out_of_order_are_refused() -> None:
    image = (IMAGES / "v2-wide.bin").read_bytes()
    words = np.frombuffer(image[:-4], "<u2")
    lane = dict(sections(words))[Region.SYNAPSES, 0]
    where = np.flatnonzero(words == int(lane[0]))
    at = int(where[where > program_word(0)][0])
    with pytest.raises(ModelFileError, match="rows must follow one another"):
        unpack(with_word(image, at + 2, int(lane[0])))
    with pytest.raises(ModelFileError, match="rows must follow one another"):
        unpack(with_word(image, at, 255))


def test_rows_that_share_their_words_cost_no_time() -> None:
    # Every row start of a large table points to one long row: four thousand million words.
    network = Network(
        (InputPopulation("input", 30_000), LifPopulation("p", [9], [0], [0], membrane_bits=8)),
        (Connection(0, 1, Synapses.from_dense(np.ones((30_000, 1), int))),),
        Readout(1),
        24,
    )
    image = bytearray(pack_placement(place(network, 1, Coding.WIDE)))
    first = 2 * (HEADER_WORDS + 4 + 18 + 4)
    memory = np.frombuffer(image, "<u2", 60_000, first).copy()
    assert memory[0] == 30_000
    memory[:30_000] = 30_000
    memory[30_000:] &= 0x7FFF
    image[first : first + 120_000] = memory.tobytes()
    begin = time.monotonic()
    with pytest.raises(ModelFileError):
        unpack(repaired(bytes(image)))
    assert time.monotonic() - begin < 2


def test_events_of_an_unpacked_network_run() -> None:
    network = unpack((IMAGES / "v2-packed.bin").read_bytes())
    result = simulate(network, EventStream.from_steps([[0, 0, 3], [4]]))
    assert result.counters.sops == 2 + 2 + 1 + 4
