"""What a line may do: Hypothesis strategies for streams of bytes."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

from edgesnn.framing import MAX_PAYLOAD, Frame, encode
from edgesnn.protocol import ADVANCE, MAX_WORDS, Message, request_payload

FRAMES = st.builds(Frame, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=MAX_PAYLOAD))


@st.composite
def damaged(draw: st.DrawFn, wires: st.SearchStrategy[bytes]) -> bytes:
    """A frame on the line, mostly whole: or cut, doubled, or with bytes flipped or put in."""
    wire = draw(wires)
    at = draw(st.integers(0, len(wire) - 1))
    match draw(
        st.sampled_from(("whole", "whole", "whole", "cut", "tail", "double", "flip", "put"))
    ):
        case "cut":
            return wire[:at]
        case "tail":
            return wire[at:]
        case "double":
            return wire + wire
        case "flip":
            return wire[:at] + bytes((wire[at] ^ draw(st.integers(1, 255)),)) + wire[at + 1 :]
        case "put":
            return wire[:at] + draw(st.binary(min_size=1, max_size=300)) + wire[at:]
        case _:
            return wire


def lines(frames: st.SearchStrategy[Frame]) -> st.SearchStrategy[bytes]:
    """Streams of frames, damage and garbage."""
    garbage = st.binary(max_size=600) | st.integers(0, 600).map(lambda n: b"\7" * n)
    pieces = st.one_of(damaged(frames.map(encode)), damaged(frames.map(encode)), garbage)
    return st.lists(pieces, max_size=12).map(b"".join)


WORDS = st.lists(
    st.one_of(st.integers(0, 10), st.just(ADVANCE), st.just(ADVANCE), st.integers(0, 65535)),
    max_size=MAX_WORDS,
).map(lambda words: struct.pack(f"<{len(words)}H", *words))
ARGUMENTS = st.one_of(
    st.integers(0, 40),
    st.builds(
        lambda first, count, place: first | count << 16 | place << 24,
        st.integers(0, 40) | st.integers(0, 65535),
        st.integers(0, 61) | st.integers(0, 255),
        st.integers(0, 12) | st.integers(0, 255),
    ),
    st.integers(0, 2**32 - 1),
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[int, bytes]:
    """Type and payload of a request that makes sense, more or less."""
    message = draw(st.sampled_from(Message))
    words = draw(WORDS) if message in (Message.RUN, Message.LOAD_DATA) else b""
    return message, request_payload(message, draw(ARGUMENTS), words)
