"""The command unit alone, between a request by hand and a core that only pretends."""

import struct

from amaranth.sim import Simulator

from edgesnn.memory_layout import Region
from edgesnn.protocol import (
    Message,
    Status,
    read_memory_argument,
    request_payload,
)
from edgesnn_hdl.command_unit import CommandUnit
from edgesnn_hdl.core import READ_LATENCY
from tests.small_board import SMALL


class Bench:
    """Plays the frame receiver, the transmitter and an idle core."""

    def __init__(self):
        self.dut = CommandUnit(SMALL, 12e6)
        self.sent = []
        self.reads = []

    def run(self, *requests):
        """Ask; returns the content of each reply."""
        simulator = Simulator(self.dut)
        simulator.add_clock(1e-6)

        async def testbench(ctx):
            for type_, sequence, payload in requests:
                await self._ask(ctx, type_, sequence, payload)

        simulator.add_testbench(testbench)
        simulator.run()
        return self.sent

    async def _ask(self, ctx, type_, sequence, payload):
        dut = self.dut
        content = bytes((type_, sequence, len(payload), 0)) + payload
        reply = getattr(self, "reply", bytearray(256))
        self.reply = reply
        ctx.set(dut.idle, 1)
        ctx.set(dut.type, type_)
        ctx.set(dut.sequence, sequence)
        ctx.set(dut.length, len(payload))
        ctx.set(dut.request_valid, 1)
        delayed = [0] * READ_LATENCY
        for _ in range(4000):
            at = ctx.get(dut.request_address)
            access = dut.access
            ctx.set(access.settled, 1)
            where = [ctx.get(s) for s in (access.region, access.lane, access.address)]
            byte = ctx.get(access.byte)
            if ctx.get(dut.reply_write):
                reply[ctx.get(dut.reply_address)] = ctx.get(dut.reply_data)
            sends, length = ctx.get(dut.send) or ctx.get(dut.again), ctx.get(dut.reply_length)
            if sends:
                assert ctx.get(dut.release)
                self.sent.append(bytes(reply[:length]))
                ctx.set(dut.request_valid, 0)
            self.reads.append((ctx.get(access.enable), *where))
            element = where[0] << 24 | where[2]
            delayed = [*delayed[1:], element >> 8 * byte & 255]
            await ctx.tick()
            ctx.set(dut.request_data, content[at] if at < len(content) else 0)
            ctx.set(dut.access.read_data, delayed[0])
            ctx.set(dut.sending, 0)
            if sends:
                break
        else:
            raise AssertionError("the command unit must answer")
        await ctx.tick().repeat(3)


def test_a_reply_has_header_status_and_result():
    (reply,) = Bench().run((0x55, 7, b""))
    assert reply == bytes((0xD5, 7, 3, 0, Status.UNKNOWN_MESSAGE, 0, 0))


def test_counters_are_read_in_order_and_low_byte_first():
    (reply,) = Bench().run((Message.READ_COUNTERS, 1, bytes(4)))
    assert reply[:7] == bytes((0x88, 1, 35, 0, Status.OK, 0, 0))
    assert struct.unpack("<8I", reply[7:]) == tuple(Region.COUNTER << 24 | n for n in range(8))


def test_memory_is_never_touched_without_a_network():
    bench = Bench()
    argument = read_memory_argument(Region.MEMBRANE, 1, 5, 2)
    (reply,) = bench.run((Message.READ_MEMORY, 1, request_payload(Message.READ_MEMORY, argument)))
    assert reply[4] == Status.NOT_LOADED
    assert not any(enable for enable, *_ in bench.reads)


def test_the_same_request_gets_the_stored_reply():
    bench = Bench()
    first, again, other = bench.run(
        (Message.LOAD_BEGIN, 1, bytes(4)),
        (Message.LOAD_BEGIN, 1, bytes(4)),
        (Message.LOAD_END, 1, b""),
    )
    assert first == again
    assert other[:1] == b"\x84"


def test_identify_is_never_taken_for_a_repetition():
    first, second = Bench().run((Message.IDENTIFY, 1, b""), (Message.IDENTIFY, 1, b""))
    assert first == second
    assert first[4:7] == bytes((Status.OK, 1, 0))
