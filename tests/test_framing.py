"""Frames: published COBS vectors, zlib's CRC-32, and whatever a line may do to bytes."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesnn.errors import FrameError
from edgesnn.framing import (
    MAX_PAYLOAD,
    Frame,
    FrameReader,
    cobs_decode,
    cobs_encode,
    decode,
    encode,
)

FRAMES = st.builds(Frame, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=MAX_PAYLOAD))

#: From the paper's rules, as Wikipedia lists them ("Consistent Overhead Byte Stuffing").
COBS_VECTORS = [
    ("", "01"),
    ("00", "01 01"),
    ("00 00", "01 01 01"),
    ("00 11 00", "01 02 11 01"),
    ("11 22 00 33", "03 11 22 02 33"),
    ("11 22 33 44", "05 11 22 33 44"),
    ("11 00 00 00", "02 11 01 01 01"),
    (bytes(range(1, 255)).hex(), "ff" + bytes(range(1, 255)).hex()),
    (bytes(range(255)).hex(), "01 ff" + bytes(range(1, 255)).hex()),
    (bytes(range(1, 256)).hex(), "ff" + bytes(range(1, 255)).hex() + "02 ff"),
    (bytes(range(2, 256)).hex() + "00", "ff" + bytes(range(2, 256)).hex() + "01 01"),
    (bytes(range(3, 256)).hex() + "00 01", "fe" + bytes(range(3, 256)).hex() + "02 01"),
]


@pytest.mark.parametrize(("data", "encoded"), COBS_VECTORS, ids=range(len(COBS_VECTORS)))
def test_cobs_gives_the_published_vectors(data, encoded):
    assert cobs_encode(bytes.fromhex(data)) == bytes.fromhex(encoded)
    assert cobs_decode(bytes.fromhex(encoded)) == bytes.fromhex(data)


@given(st.binary(max_size=600))
def test_cobs_leaves_no_zero_and_loses_nothing(data):
    encoded = cobs_encode(data)
    assert 0 not in encoded
    assert len(encoded) <= len(data) + 1 + len(data) // 254
    assert cobs_decode(encoded) == data


def test_a_frame_is_header_payload_and_the_crc_of_zlib():
    wire = encode(Frame(6, 1, b"abc"))
    content = cobs_decode(wire[:-1])
    assert wire[-1] == 0
    assert content[:7] == b"\x06\x01\x03\x00abc"
    assert content[7:] == zlib.crc32(content[:7]).to_bytes(4, "little")


@given(FRAMES)
def test_frames_come_back_as_they_were(frame):
    wire = encode(frame)
    assert len(wire) <= 254
    assert wire.index(0) == len(wire) - 1
    assert decode(wire[:-1]) == frame


@given(st.binary(max_size=300))
def test_bytes_that_are_no_frame_raise_frame_errors_and_nothing_else(data):
    try:
        decode(data)
    except FrameError:
        return
    assert encode(decode(data))[:-1] == data


@given(FRAMES, st.data())
def test_a_flipped_bit_is_always_noticed(frame, data):
    wire = bytearray(encode(frame)[:-1])
    bit = data.draw(st.integers(0, 8 * len(wire) - 1))
    wire[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FrameError):
        decode(bytes(wire))


@given(st.binary(max_size=600), st.lists(FRAMES, max_size=3), st.lists(st.integers(1, 40)))
def test_garbage_in_front_never_loses_the_frames_after_the_next_zero(garbage, frames, cuts):
    stream = garbage + b"\0" + b"".join(encode(f) for f in frames)
    reader = FrameReader()
    found = []
    for cut in [*cuts, len(stream)]:
        found += reader.feed(stream[:cut])
        stream = stream[cut:]
    assert found[len(found) - len(frames) :] == frames


def test_the_reader_counts_what_is_no_frame():
    reader = FrameReader()
    good = encode(Frame(1, 2, b"x"))
    assert reader.feed(b"\0\0" + good + b"\5\1\0" + good[:-3] + b"\0" + b"\7" * 900) == [
        Frame(1, 2, b"x")
    ]
    assert reader.bad_frames == 2
    assert reader.feed(b"\7\0" + good) == [Frame(1, 2, b"x")]
    assert reader.bad_frames == 3


def test_frames_outside_the_limits_are_refused():
    with pytest.raises(ValueError, match="type must be in 0..255, not 256"):
        Frame(256, 0)
    with pytest.raises(ValueError, match="sequence must be in 0..255, not -1"):
        Frame(0, -1)
    with pytest.raises(ValueError, match="a payload must have at most 244 bytes, not 245"):
        Frame(0, 0, bytes(245))


@pytest.mark.parametrize(
    ("encoded", "text"),
    [
        (b"\2\0", "COBS bytes must not hold a zero"),
        (b"\5\1", "a COBS block must end within the frame; the frame was cut"),
        (cobs_encode(b"1234567"), "a frame must hold 8..252 bytes, not 7"),
        (cobs_encode(b"12345678"), "the CRC-32 must match the frame"),
        (
            cobs_encode(b"\1\1\1\0" + zlib.crc32(b"\1\1\1\0").to_bytes(4, "little")),
            "the payload must have 1 bytes, as the frame says",
        ),
    ],
)
def test_errors_say_what_must_be(encoded, text):
    with pytest.raises(FrameError, match=text):
        decode(encoded)
