"""The serial line: against a line drawn by hand, bit by bit."""

import pytest
from amaranth.sim import Simulator

from edgesnn_hdl.uart import UartReceiver, UartTransmitter, divisor_for

BYTES = [0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80, 0x5E]


def line_of(data):
    """Levels of a line, one for each bit."""
    return [bit for byte in data for bit in [0, *((byte >> n) & 1 for n in range(8)), 1]]


def run(design, testbench):
    simulator = Simulator(design)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


def received(levels, divisor):
    """Bytes that the receiver makes of ``levels``, one for each clock cycle."""
    dut = UartReceiver(divisor)
    found = []

    async def testbench(ctx):
        for level in [*levels, *[1] * (4 * divisor)]:
            ctx.set(dut.rx, level)
            await ctx.tick()
            if ctx.get(dut.bytes.valid):
                found.append(ctx.get(dut.bytes.payload))

    run(dut, testbench)
    return found


@pytest.mark.parametrize("divisor", [4, 5, 12, 104])
def test_the_receiver_takes_bytes_without_a_gap(divisor):
    levels = [level for bit in line_of(BYTES) for level in [bit] * divisor]
    assert received(levels, divisor) == BYTES


@pytest.mark.parametrize("rate", [0.97, 1.03])
def test_the_receiver_stands_a_line_that_is_three_percent_off(rate):
    bits = line_of(BYTES)
    levels = [bits[int(n / (12 * rate))] for n in range(int(len(bits) * 12 * rate))]
    assert received(levels, 12) == BYTES


def test_a_glitch_is_no_start_bit():
    levels = [0] * 3 + [1] * 30 + [bit for bit in line_of([0x42]) for _ in range(12)]
    assert received(levels, 12) == [0x42]


def test_a_byte_without_its_stop_bit_is_dropped():
    bits = [*line_of([0x42])[:-1], 0, 1, 1, *line_of([0x43])]
    assert received([bit for bit in bits for _ in range(8)], 8) == [0x43]


@pytest.mark.parametrize("divisor", [4, 12])
def test_the_transmitter_draws_the_line(divisor):
    dut = UartTransmitter(divisor)
    levels = []

    async def testbench(ctx):
        for byte in BYTES:
            ctx.set(dut.bytes.payload, byte)
            ctx.set(dut.bytes.valid, 1)
            taken = False
            while not taken:
                taken = ctx.get(dut.bytes.ready)
                levels.append(ctx.get(dut.tx))
                await ctx.tick()
        ctx.set(dut.bytes.valid, 0)
        for _ in range(12 * divisor):
            levels.append(ctx.get(dut.tx))
            await ctx.tick()

    run(dut, testbench)
    assert received(levels, divisor) == BYTES
    first = levels.index(0)
    assert levels[first : first + 10 * divisor] == [
        bit for bit in line_of(BYTES[:1]) for _ in range(divisor)
    ]


def test_the_clock_must_be_able_to_make_the_rate():
    assert divisor_for(12e6, 1e6) == 12
    assert divisor_for(24e6, 115200) == 208
    with pytest.raises(ValueError, match="baud must be at most 3000000 with a clock of 12000000"):
        divisor_for(12e6, 4e6)
    with pytest.raises(ValueError, match="must be within 2 % .* not 2100000; 2000000 is the near"):
        divisor_for(12e6, 2.1e6)
