"""Serial receiver and transmitter: eight bits, no parity, one stop bit."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

#: Fewest clock cycles of a bit that the receiver can tell apart.
MIN_CLOCKS_PER_BIT = 4
#: Largest deviation of the bit rate.
MAX_RATE_ERROR = 0.02


def divisor_for(clock_hz: float, baud: float) -> int:
    """Clock cycles of one bit. Raises ``ValueError`` if the clock cannot make that rate."""
    divisor = round(clock_hz / baud)
    if divisor < MIN_CLOCKS_PER_BIT:
        raise ValueError(
            f"baud must be at most {clock_hz / MIN_CLOCKS_PER_BIT:.0f} with a clock of "
            f"{clock_hz:.0f} Hz, not {baud:.0f}"
        )
    if abs(clock_hz / divisor / baud - 1) > MAX_RATE_ERROR:
        raise ValueError(
            f"baud must be within 2 % of {clock_hz:.0f} Hz divided by a whole number, "
            f"not {baud:.0f}; {clock_hz / divisor:.0f} is the nearest"
        )
    return divisor


class UartReceiver(wiring.Component):
    """Bytes from a line; each bit is sampled in its middle.

    A byte without its stop bit is dropped.

    Members
    -------
    rx : In(1)
        The line; may change at any time.
    bytes : Out(stream)
        Pulses ``valid`` for each byte; nobody can hold it back.
    """

    def __init__(self, divisor: int) -> None:
        self.divisor = divisor
        super().__init__(
            {
                "rx": In(1, init=1),
                "bytes": Out(stream.Signature(unsigned(8), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1)
        busy = Signal()
        wait = Signal(range(self.divisor))
        bit = Signal(range(10))
        m.d.sync += wait.eq(wait - 1)
        with m.If(~busy):
            m.d.sync += [wait.eq(self.divisor // 2 - 1), bit.eq(0), busy.eq(~line)]
        with m.Elif(wait == 0):
            m.d.sync += [wait.eq(self.divisor - 1), bit.eq(bit + 1)]
            with m.If(bit == 0):  # the start bit must still be there
                m.d.sync += busy.eq(~line)
            with m.Elif(bit == 9):
                m.d.sync += busy.eq(0)
                m.d.comb += self.bytes.valid.eq(line)
            with m.Else():
                m.d.sync += self.bytes.payload.eq(Cat(self.bytes.payload[1:], line))
        return m


class UartTransmitter(wiring.Component):
    """Bytes onto a line.

    Members
    -------
    bytes : In(stream)
    tx : Out(1)
    """

    def __init__(self, divisor: int) -> None:
        self.divisor = divisor
        super().__init__(
            {"bytes": In(stream.Signature(unsigned(8))), "tx": Out(1, init=1)},
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = Signal(9, init=0x1FF)  # the start bit and eight more; ones follow
        left = Signal(range(11))
        wait = Signal(range(self.divisor))
        m.d.comb += [self.tx.eq(bits[0]), self.bytes.ready.eq(left == 0)]
        with m.If(left == 0):
            m.d.sync += wait.eq(self.divisor - 1)
            with m.If(self.bytes.valid):
                m.d.sync += [bits.eq(Cat(Const(0, 1), self.bytes.payload)), left.eq(10)]
        with m.Elif(wait == 0):
            m.d.sync += [
                wait.eq(self.divisor - 1),
                bits.eq(Cat(bits[1:], Const(1, 1))),
                left.eq(left - 1),
            ]
        with m.Else():
            m.d.sync += wait.eq(wait - 1)
        return m
