"""Frames of the firmware: the same bytes as Python's, whatever a line may do to them."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesnn import framing
from edgesnn.framing import MAX_CONTENT, MAX_PAYLOAD, Frame, FrameReader, cobs_encode
from tests.firmware.library import Reader, encode, encode_too_long, library
from tests.firmware.streams import FRAMES, lines


@given(st.binary(max_size=600), st.integers(0, 600))
def test_the_crc_is_that_of_zlib_in_one_go_and_in_two(data, cut):
    crc = library().esnn_crc32
    assert crc(0, data, len(data)) == zlib.crc32(data)
    head, tail = data[:cut], data[cut:]
    assert crc(crc(0, head, len(head)), tail, len(tail)) == zlib.crc32(data)


@given(FRAMES, st.booleans())
def test_frames_are_encoded_as_in_python(frame, in_place):
    assert encode(frame, in_place) == framing.encode(frame)


@pytest.mark.parametrize("byte", [b"\0", b"\7", b"\0\7", b"\7\0"])
def test_payloads_of_every_length_go_both_ways(byte):
    for size in range(MAX_PAYLOAD + 1):
        frame = Frame(0, 255, (byte * size)[:size])
        wire = encode(frame)
        assert wire == framing.encode(frame)
        assert Reader().feed(wire) == [frame]


def test_a_payload_that_is_too_long_is_refused():
    assert encode_too_long() == 0


@given(lines(FRAMES))
def test_the_reader_finds_the_frames_that_python_finds(stream):
    ours, theirs = FrameReader(), Reader()
    assert theirs.feed(stream) == ours.feed(stream)
    assert theirs.bad_frames == ours.bad_frames
    whole = Frame(1, 2, b"x")
    assert theirs.feed(b"\0" + framing.encode(whole))[-1] == whole


@given(st.binary(max_size=MAX_CONTENT + 10))
def test_any_content_is_taken_or_dropped_as_in_python(content):
    body = content + zlib.crc32(content).to_bytes(4, "little")
    for wire in (cobs_encode(content) + b"\0", cobs_encode(body) + b"\0", content + b"\0"):
        ours, theirs = FrameReader(), Reader()
        assert theirs.feed(wire) == ours.feed(wire)
        assert theirs.bad_frames == ours.bad_frames


def test_a_length_that_is_not_the_frames_is_refused():
    for length in (1, 3, 256 + 2, 0xFFFF):
        content = bytes((1, 1)) + length.to_bytes(2, "little") + b"ab"
        wire = cobs_encode(content + zlib.crc32(content).to_bytes(4, "little")) + b"\0"
        reader = Reader()
        assert reader.feed(wire) == []
        assert reader.bad_frames == 1


def test_a_whole_frame_with_more_behind_it_is_refused():
    payload = bytes(range(MAX_PAYLOAD))
    whole = framing.encode(Frame(1, 2, payload))
    content = bytes((1, 2, MAX_PAYLOAD, 0)) + payload
    content += zlib.crc32(content).to_bytes(4, "little")
    assert len(content) == MAX_CONTENT
    reader = Reader()
    assert reader.feed(cobs_encode(content) + b"\0") == reader.feed(whole) != []
    assert reader.feed(cobs_encode(content + b"x") + b"\0") == []
    assert reader.bad_frames == 1


@given(FRAMES, st.data())
def test_a_flipped_bit_is_always_noticed(frame, data):
    wire = bytearray(encode(frame))
    bit = data.draw(st.integers(0, 8 * len(wire) - 9))
    wire[bit // 8] ^= 1 << bit % 8
    reader = Reader()
    assert reader.feed(bytes(wire)) == []
    assert reader.bad_frames >= 1


@given(FRAMES)
def test_a_frame_whose_last_code_promises_more_is_cut(frame):
    wire = bytearray(framing.encode(frame))
    code = 0
    while code + wire[code] < len(wire) - 1:
        code += wire[code]
    wire[code] += 1
    reader = Reader()
    assert (reader.feed(bytes(wire)), reader.bad_frames) == ([], 1)
