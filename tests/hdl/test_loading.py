"""Images word by word into the gates: what they write is what the packer meant."""

import zlib
from dataclasses import replace

import numpy as np
import pytest
from amaranth.sim import Simulator

from edgesnn.core_config import CoreConfig
from edgesnn.memory_image import pack, sections
from edgesnn.memory_layout import HEADER_WORDS, HeaderWord, Region, header_limits
from edgesnn.protocol import Status
from edgesnn_hdl.image_loader import ImageLoader, max_image_words
from tests.small_board import SMALL, small_network

IMAGE = pack(small_network(), SMALL)
#: A core with all features.
WHOLE = replace(SMALL, currents=True, delays=True)


def load(image, total=None, config=SMALL):
    """What is written, by (region, lane, address); the status; whether it counts as loaded."""
    dut = ImageLoader(config)
    written = {}
    outcome = []

    async def testbench(ctx):
        ctx.set(dut.total, len(image) // 2 if total is None else total)
        ctx.set(dut.begin, 1)
        await ctx.tick()
        ctx.set(dut.begin, 0)
        for word in np.frombuffer(image, "<u2").tolist():
            ctx.set(dut.words.payload, word)
            ctx.set(dut.words.valid, 1)
            for _ in range(8):
                ready = ctx.get(dut.words.ready)
                if ctx.get(dut.write):
                    where = tuple(ctx.get(s) for s in (dut.region, dut.lane, dut.address))
                    written[where] = ctx.get(dut.write_data)
                await ctx.tick()
                if ready:
                    break
            ctx.set(dut.words.valid, 0)
        await ctx.tick().repeat(8)
        ctx.set(dut.end, 1)
        await ctx.tick()
        ctx.set(dut.end, 0)
        outcome.extend((Status(ctx.get(dut.status)), bool(ctx.get(dut.loaded))))
        if outcome[1]:
            assert ctx.get(dut.image_crc) == zlib.crc32(image[:-4])
            assert ctx.get(dut.position) == len(image) // 2
        assert not ctx.get(dut.loading)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return written, *outcome


def changed(word, value, image=IMAGE):
    words = np.frombuffer(image, "<u2").copy()
    words[word] = value
    data = words[:-2].tobytes()
    return data + zlib.crc32(data).to_bytes(4, "little")


def late_image():
    """With currents and delays, for a core that has both."""
    inputs, hidden, output = small_network().populations
    current = replace(hidden, synaptic_decay=np.arange(hidden.size) + 7, current_bits=9)
    into, around, out = small_network().connections
    network = replace(
        small_network(),
        populations=(inputs, current, output),
        connections=(into, replace(around, delay=3), replace(out, delay=15)),
    )
    return pack(network, WHOLE)


@pytest.mark.parametrize(
    ("image", "config"), [(IMAGE, SMALL), (IMAGE, WHOLE), (late_image(), WHOLE)], ids=str
)
def test_every_element_of_every_section_is_written(image, config):
    written, status, loaded = load(image, config=config)
    assert (status, loaded) == (Status.OK, True)
    expected = {
        (int(region), lane, address): int(element) % 2 ** (32 if width == 2 else 16)
        for (region, lane), elements in sections(np.frombuffer(image[:-4], "<u2"))
        for width in [2 if region in (Region.THRESHOLD, Region.BIAS) else 1]
        for address, element in enumerate(elements)
    }
    assert written == expected


@pytest.mark.parametrize(("currents", "delays"), [(False, False), (True, False), (False, True)])
def test_features_that_a_core_lacks_are_refused_with_the_header(currents, delays):
    config = replace(SMALL, currents=currents, delays=delays)
    written, status, loaded = load(late_image(), config=config)
    assert (written, status, loaded) == ({}, Status.NOT_LOADING, False)
    for value in range(1, 4):
        known = bool(value & 1) <= currents and bool(value & 2) <= delays
        header = changed(HeaderWord.FEATURES, value)[: 2 * HEADER_WORDS]
        expected = Status.IMAGE_INCOMPLETE if known else Status.NOT_LOADING
        assert load(header, config=config)[1:] == (expected, False), value


def test_every_header_word_is_held_to_its_limits():
    limits = header_limits(SMALL)
    for index in range(HEADER_WORDS):
        names = HeaderWord._value2member_map_
        low, high = limits.get(names[index], (0, 0)) if index in names else (0, 0)
        for value in {low - 1, high + 1} & set(range(65536)):
            written, status, loaded = load(changed(index, value)[: 2 * HEADER_WORDS])
            assert (status, loaded) == (Status.NOT_LOADING, False), index
            assert written == {}


def test_the_sum_is_checked():
    assert load(IMAGE[:-4] + b"oops")[1:] == (Status.IMAGE_DAMAGED, False)


def test_the_number_of_words_must_be_the_one_announced():
    assert load(IMAGE, total=len(IMAGE) // 2 + 1)[1:] == (Status.IMAGE_INCOMPLETE, False)
    assert load(IMAGE[:-2])[1:] == (Status.IMAGE_INCOMPLETE, False)


@pytest.mark.parametrize("config", [SMALL, CoreConfig(), CoreConfig(lanes=4)])
def test_a_core_holds_an_image_of_its_largest_size_and_no_more(config):
    most = max_image_words(config)
    assert most >= config.synapse_words + 5 * config.neurons
    assert load(b"", total=most, config=config)[1:] == (Status.IMAGE_INCOMPLETE, False)
    assert load(b"", total=most + 1, config=config)[1:] == (Status.NOT_LOADING, False)


def test_an_image_for_another_number_of_lanes_writes_nothing():
    image = pack(small_network(), CoreConfig(lanes=1))
    written, _, loaded = load(image)
    assert written == {}
    assert not loaded
