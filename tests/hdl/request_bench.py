"""A command unit between requests by hand and a core that only pretends."""

from amaranth.sim import Simulator

from edgesnn_hdl.command_unit import CommandUnit
from edgesnn_hdl.core import READ_LATENCY

#: Cycles that a request may take.
PATIENCE = 20000


class RequestBench:
    """Plays the frame receiver, the transmitter and an idle core.

    sent     content of each reply
    touched  whether a memory of the core was
    written  (region, lane, address) -> element
    loaded   whether a network counts as loaded, after each request
    """

    def __init__(self, config):
        self.dut = CommandUnit(config, 12e6)
        self.sent, self.loaded = [], []
        self.touched, self.written = False, {}
        self._reply = bytearray(256)

    def run(self, *requests):
        """Ask (type, sequence, payload), one after the other; returns ``sent``."""
        simulator = Simulator(self.dut)
        simulator.add_clock(1e-6)

        async def testbench(ctx):
            for type_, sequence, payload in requests:
                await self._ask(ctx, bytes((type_, sequence, len(payload), 0)) + payload)
                self.loaded.append(bool(ctx.get(self.dut.loaded)))

        simulator.add_testbench(testbench)
        simulator.run()
        return self.sent

    async def _ask(self, ctx, content):
        dut, access = self.dut, self.dut.access
        ctx.set(dut.idle, 1)
        ctx.set(dut.request_valid, 1)
        ctx.set(access.settled, 1)
        delayed = [0] * READ_LATENCY
        for _ in range(PATIENCE):
            at = ctx.get(dut.request_address)
            element = 0
            if ctx.get(access.enable):
                where = tuple(ctx.get(s) for s in (access.region, access.lane, access.address))
                if ctx.get(access.write):
                    self.written[where] = ctx.get(access.write_data)
                element = where[0] << 24 | where[2]
                self.touched = True
            delayed = [*delayed[1:], element >> 8 * ctx.get(access.byte) & 255]
            if ctx.get(dut.reply_write):
                self._reply[ctx.get(dut.reply_address)] = ctx.get(dut.reply_data)
            sends = ctx.get(dut.send) or ctx.get(dut.again)
            if sends:
                assert ctx.get(dut.release)
                self.sent.append(bytes(self._reply[: ctx.get(dut.reply_length)]))
                ctx.set(dut.request_valid, 0)
            await ctx.tick()
            ctx.set(dut.request_data, content[at] if at < len(content) else 0)
            ctx.set(access.read_data, delayed[0])
            if sends:
                break
        else:
            raise AssertionError("the command unit must answer")
        await ctx.tick().repeat(3)
