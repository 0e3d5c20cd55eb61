"""The CRC-32 of the gates, against zlib and Amaranth's own library."""

import random
import zlib

from amaranth.lib.crc import Parameters
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.sim import Simulator

from edgesnn_hdl.crc32 import Crc32


def run(testbench):
    dut = Crc32()
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)

    async def process(ctx):
        await testbench(ctx, dut)

    simulator.add_testbench(process)
    simulator.run()


async def feed(ctx, dut, data):
    ctx.set(dut.valid, 1)
    for byte in data:
        for nibble in (byte & 15, byte >> 4):
            ctx.set(dut.data, nibble)
            await ctx.tick()
    ctx.set(dut.valid, 0)


def test_the_sum_is_that_of_zlib_and_of_amaranth():
    async def testbench(ctx, dut):
        for data in (b"", b"123456789", random.Random(3).randbytes(100)):
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            await feed(ctx, dut, data)
            assert ctx.get(dut.crc) == zlib.crc32(data)
            assert ctx.get(dut.crc) == Parameters(CRC32_ISO_HDLC, 8).compute(data)

    run(testbench)


def test_data_with_their_own_sum_match():
    async def testbench(ctx, dut):
        data = b"edgesnn"
        await feed(ctx, dut, data + zlib.crc32(data).to_bytes(4, "little"))
        assert ctx.get(dut.matches)
        await feed(ctx, dut, b"\0")
        assert not ctx.get(dut.matches)

    run(testbench)
