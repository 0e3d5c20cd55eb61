"""The gates of edgesnn.framing, against edgesnn.framing."""

import random

import pytest
from amaranth.sim import Simulator

from edgesnn.framing import MAX_PAYLOAD, Frame, encode
from edgesnn_hdl.frame_receiver import FrameReceiver
from edgesnn_hdl.frame_transmitter import FrameTransmitter

PAYLOADS = [
    b"",
    b"\0",
    b"\0\0\0",
    b"\1\2\3",
    b"\0\1\0\2\0",
    bytes(range(1, 245)),
    bytes(MAX_PAYLOAD),
    bytes(random.Random(1).choices(range(4), k=97)),
]


def run(design, testbench):
    simulator = Simulator(design)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


def receive(data, release=True):
    """What the gates see: the frames, and the number of errors."""
    dut = FrameReceiver()
    frames = []
    errors = 0

    async def testbench(ctx):
        nonlocal errors
        for byte in data:
            ctx.set(dut.bytes.payload, byte)
            ctx.set(dut.bytes.valid, 1)
            errors += ctx.get(dut.error)
            await ctx.tick()
            ctx.set(dut.bytes.valid, 0)
            await ctx.tick().repeat(2)
            if ctx.get(dut.valid) and release:
                length = ctx.get(dut.length)
                payload = []
                for n in range(length):
                    ctx.set(dut.read_address, 4 + n)
                    await ctx.tick()
                    payload.append(ctx.get(dut.read_data))
                frames.append(Frame(ctx.get(dut.type), ctx.get(dut.sequence), bytes(payload)))
                ctx.set(dut.release, 1)
                await ctx.tick()
                ctx.set(dut.release, 0)

    run(dut, testbench)
    return frames, errors


def transmit(frame, times=1, pace=1):
    """The bytes that the gates send."""
    dut = FrameTransmitter()
    content = bytes((frame.type, frame.sequence, len(frame.payload), 0)) + frame.payload
    sent = []

    async def testbench(ctx):
        for n, byte in enumerate(content):
            ctx.set(dut.write_address, n)
            ctx.set(dut.write_data, byte)
            ctx.set(dut.write_enable, 1)
            await ctx.tick()
        ctx.set(dut.write_enable, 0)
        ctx.set(dut.length, len(content))
        for n in range(times):
            begin = dut.again if n else dut.send
            ctx.set(begin, 1)
            await ctx.tick()
            ctx.set(begin, 0)
            while ctx.get(dut.busy):
                ctx.set(dut.bytes.ready, 1)
                if ctx.get(dut.bytes.valid):
                    sent.append(ctx.get(dut.bytes.payload))
                await ctx.tick()
                ctx.set(dut.bytes.ready, 0)
                if pace > 1:
                    await ctx.tick().repeat(pace - 1)

    run(dut, testbench)
    return bytes(sent)


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda p: f"{len(p)}-{p[:3].hex()}")
def test_the_gates_send_the_bytes_of_the_model(payload):
    frame = Frame(0x86, 0, payload)
    assert transmit(frame) == encode(frame)


def test_a_slow_line_changes_nothing():
    frame = Frame(0x81, 7, bytes(range(9)))
    assert transmit(frame, pace=5) == encode(frame)


def test_a_reply_can_be_sent_again():
    frame = Frame(0x81, 0xFE, b"\0ab")
    assert transmit(frame, times=3) == encode(frame) * 3


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda p: f"{len(p)}-{p[:3].hex()}")
def test_the_gates_receive_what_the_model_sends(payload):
    frame = Frame(0x06, 0x00, payload)
    assert receive(encode(frame)) == ([frame], 0)


def test_empty_frames_are_no_errors():
    frame = Frame(1, 2)
    assert receive(b"\0\0" + encode(frame) + b"\0\0") == ([frame], 0)


@pytest.mark.parametrize(
    "garbage",
    [b"\1", b"\xff" * 300, b"\5\1\2", b"\1" * 20, encode(Frame(1, 1, b"abc"))[:-3]],
    ids=["code", "long", "cut block", "zeros", "cut frame"],
)
def test_garbage_in_front_costs_one_error_and_no_frame(garbage):
    frame = Frame(3, 9, b"after")
    assert receive(garbage + b"\0" + encode(frame)) == ([frame], 1)


def test_garbage_joined_to_a_frame_costs_that_frame_alone():
    lost, kept = Frame(3, 9, b"lost"), Frame(3, 10, b"kept")
    assert receive(b"\x21\x42" + encode(lost) + encode(kept)) == ([kept], 1)


def test_every_flipped_bit_is_an_error():
    encoded = encode(Frame(6, 1, b"\0\x10\x20"))
    for bit in range(8 * (len(encoded) - 1)):
        damaged = bytearray(encoded)
        damaged[bit // 8] ^= 1 << bit % 8
        frames, errors = receive(bytes(damaged))
        assert frames == []
        assert errors >= 1


def test_a_frame_with_a_wrong_length_is_an_error():
    import zlib

    from edgesnn.framing import cobs_encode

    for header in (b"\1\2\4\0", b"\1\2\2\0", b"\1\2\3\1", b"\1\2\xfb\0"):
        content = header + b"abc"
        content += zlib.crc32(content).to_bytes(4, "little")
        assert receive(cobs_encode(content) + b"\0") == ([], 1)


def test_what_comes_while_a_frame_is_held_is_dropped_and_counted():
    first, second = Frame(1, 1, b"first"), Frame(1, 2, b"second")
    assert receive(encode(first) + encode(second) * 2, release=False) == ([], 2)


def test_the_rest_of_a_frame_that_was_begun_while_another_was_held_is_dropped():
    first, second, third = (Frame(1, n, b"payload") for n in range(3))
    dut = FrameReceiver()
    seen = []

    async def testbench(ctx):
        data = encode(first) + encode(second) + encode(third)
        for n, byte in enumerate(data):
            ctx.set(dut.bytes.payload, byte)
            ctx.set(dut.bytes.valid, 1)
            await ctx.tick()
            ctx.set(dut.bytes.valid, 0)
            ctx.set(dut.release, n == len(encode(first)) + 4)
            await ctx.tick().repeat(2)
            ctx.set(dut.release, 0)
            if ctx.get(dut.valid) and ctx.get(dut.sequence) not in seen:
                seen.append(ctx.get(dut.sequence))

    run(dut, testbench)
    assert seen == [0, 2]
