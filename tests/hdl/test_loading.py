"""Images, request by request, into the gates: what they write is what the packer meant."""

import zlib
from dataclasses import replace

import numpy as np
import pytest

from edgesnn.backends.serial_device import SerialDevice
from edgesnn.core_config import CoreConfig
from edgesnn.memory_image import pack, sections
from edgesnn.memory_layout import (
    HEADER_WORDS,
    HeaderWord,
    Region,
    header_limits,
    max_image_words,
)
from edgesnn.protocol import MAX_WORDS, Message, Status, request_payload
from edgesnn.virtual_board import VirtualBoard
from tests.hdl.request_bench import RequestBench
from tests.small_board import SMALL, small_network

IMAGE = pack(small_network(), SMALL)
#: A core with all features.
WHOLE = replace(SMALL, currents=True, delays=True)


def requests(image, total=None, between=()):
    """(message, argument, words) of a load; other requests come ``between`` all of them."""
    starts = range(0, len(image), 2 * MAX_WORDS)
    loading = [
        (Message.LOAD_BEGIN, len(image) // 2 if total is None else total, b""),
        *((Message.LOAD_DATA, at // 2, image[at : at + 2 * MAX_WORDS]) for at in starts),
        (Message.LOAD_END, 0, b""),
    ]
    return [request for one in loading for request in (one, *between)]


def first_refusal(statuses):
    """What comes behind it is refused because nothing is being loaded."""
    wrong = [status for status in statuses if status]
    assert set(wrong[1:]) <= {Status.NOT_LOADING}
    return wrong[0] if wrong else Status.OK


def load(image, total=None, config=SMALL, between=()):
    """What the command unit writes, by (region, lane, address), and the first refusal."""
    bench = RequestBench(config)
    sent = bench.run(
        *(
            (message, number, request_payload(message, argument, words))
            for number, (message, argument, words) in enumerate(requests(image, total, between))
        )
    )
    refusal = first_refusal([Status(reply[4]) for reply in sent])
    assert bench.loaded[-1] == (refusal is Status.OK)
    return bench.written, refusal


@pytest.fixture(name="board", scope="module")
def board_fixture():
    with VirtualBoard(SMALL) as board, SerialDevice(board.port) as device:
        yield device


def refused(board, image, total=None):
    """As ``load``, by all of the gates: the first refusal."""
    statuses = [
        Status(board.link.ask(message, request_payload(message, argument, words)).status)
        for message, argument, words in requests(image, total)
    ]
    identity = board.identify()
    assert identity.loaded == (not any(statuses))
    if identity.loaded:
        assert identity.image_crc == zlib.crc32(image[:-4])
    return first_refusal(statuses)


def changed(word, value, image=IMAGE):
    words = np.frombuffer(image, "<u2").copy()
    words[word] = value
    data = words[:-2].tobytes()
    return data + zlib.crc32(data).to_bytes(4, "little")


def elements(image):
    """(region, lane, address) -> element as it is written."""
    return {
        (int(region), lane, address): int(element) % 2 ** (32 if width == 2 else 16)
        for (region, lane), found in sections(np.frombuffer(image[:-4], "<u2"))
        for width in [2 if region in (Region.THRESHOLD, Region.BIAS) else 1]
        for address, element in enumerate(found)
    }


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
    ("image", "config"),
    [(IMAGE, SMALL), (IMAGE, WHOLE), (late_image(), WHOLE)],
    ids=["all that it can do", "less than it can do", "currents and delays"],
)
def test_every_element_of_every_section_is_written(image, config):
    assert load(image, config=config) == (elements(image), Status.OK)


def test_requests_that_only_look_may_come_between():
    looks = ((Message.READ_COUNTERS, 1, b""), (Message.IDENTIFY, 0, b""))
    assert load(IMAGE, between=looks) == (elements(IMAGE), Status.OK)


@pytest.mark.parametrize(("currents", "delays"), [(False, False), (True, False), (False, True)])
def test_features_that_a_core_lacks_are_refused_with_the_header(currents, delays):
    config = replace(SMALL, currents=currents, delays=delays)
    assert load(late_image(), config=config) == ({}, Status.IMAGE_HEADER)
    for value in range(1, 4):
        known = bool(value & 1) <= currents and bool(value & 2) <= delays
        header = changed(HeaderWord.FEATURES, value)[: 2 * HEADER_WORDS]
        expected = Status.IMAGE_INCOMPLETE if known else Status.IMAGE_HEADER
        assert load(header, config=config)[1] is expected, value


@pytest.mark.parametrize("config", [SMALL, CoreConfig(), CoreConfig(lanes=4)])
def test_a_core_holds_an_image_of_its_largest_size_and_no_more(config):
    most = max_image_words(config)
    assert most >= config.synapse_words + 5 * config.neurons
    assert load(b"", total=most, config=config)[1] is Status.IMAGE_INCOMPLETE
    assert load(b"", total=most + 1, config=config)[1] is Status.IMAGE_TOO_LARGE


def test_an_image_for_another_number_of_lanes_writes_nothing():
    assert load(pack(small_network(), CoreConfig(lanes=1))) == ({}, Status.IMAGE_HEADER)


def test_a_whole_image_is_loaded(board):
    assert refused(board, IMAGE) is Status.OK


def test_every_header_word_is_held_to_its_limits(board):
    limits = header_limits(SMALL)
    for index in range(HEADER_WORDS):
        names = HeaderWord._value2member_map_
        low, high = limits.get(names[index], (0, 0)) if index in names else (0, 0)
        for value in {low - 1, high + 1} & set(range(65536)):
            assert refused(board, changed(index, value)) is Status.IMAGE_HEADER, index


def test_the_sum_is_checked(board):
    assert refused(board, IMAGE[:-4] + b"oops") is Status.IMAGE_DAMAGED


def test_the_number_of_words_must_be_the_one_announced(board):
    assert refused(board, IMAGE, total=len(IMAGE) // 2 + 1) is Status.IMAGE_INCOMPLETE
    assert refused(board, IMAGE[:-2]) is Status.IMAGE_INCOMPLETE
    assert refused(board, IMAGE + bytes(2)) is Status.IMAGE_SECTION


#: What the words of a section's header are behind the program's: where they lie in IMAGE.
SYNAPSES = HEADER_WORDS + 4 + int(np.frombuffer(IMAGE, "<u2")[HEADER_WORDS + 2] + 1) // 2 * 2


@pytest.mark.parametrize("place", range(4), ids=["tag", "width", "count", "address"])
@pytest.mark.parametrize("start", [HEADER_WORDS, SYNAPSES], ids=["program", "synapses"])
def test_headers_of_sections_are_checked(board, start, place):
    word = np.frombuffer(IMAGE, "<u2")[start + place]
    value = 65535 if place == 2 else word + 1
    assert refused(board, changed(start + place, value)) is Status.IMAGE_SECTION


def test_the_end_of_the_sections_is_checked(board):
    end = len(IMAGE) // 2 - 6
    assert np.frombuffer(IMAGE, "<u2")[end] == 0xFF
    for place in range(4):
        value = 1 if place else 0xFE
        assert refused(board, changed(end + place, value)) is Status.IMAGE_SECTION, place
