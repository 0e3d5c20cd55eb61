"""Reads a serial flash from one address on, word by word."""

from __future__ import annotations

from enum import IntEnum
from math import ceil

from amaranth.hdl import Cat, Const, Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

#: Longest time that a flash takes to wake up; 3 us of many, 30 us of some.
WAKE_SECONDS = 50e-6
#: READ, the command without dummy cycles, works up to this clock on every flash.
MAX_READ_HZ = 20e6


def half_period(clock_hz: float) -> int:
    """Cycles of half a period of the flash's clock."""
    return max(1, ceil(clock_hz / 2 / MAX_READ_HZ))


class FlashCommand(IntEnum):
    """Commands that every serial NOR flash understands."""

    READ = 0x03
    WAKE = 0xAB  # release from power-down: where a configured FPGA may have left it


def read_command(offset: int) -> int:
    """READ from a byte on, as 32 bits. Raises ``ValueError`` if three bytes cannot address it."""
    if not 0 <= offset < 1 << 24:
        raise ValueError(f"offset must be within 3 bytes of address, not {offset}")
    return FlashCommand.READ << 24 | offset


class FlashReader(wiring.Component):
    """SPI in mode 0: wakes the flash, sends one READ, and goes on as long as words are taken.

    The flash shifts out with the falling edge; a bit is sampled at the next falling edge, which
    leaves it a whole period. Between words that nobody takes the clock rests, low.

    Parameters
    ----------
    offset : int
        Address of the first byte; see :func:`read_command`.
    clock_hz : float
        Clock of the ``sync`` domain.

    Members
    -------
    read : In(1)
        Read; when it falls the flash is deselected.
    words : Out(stream)
        16-bit words, low byte first.
    spi_clk, spi_cs, spi_copi : Out(1), spi_cipo : In(1)
        To the flash; ``spi_cs`` is 1 while it is selected.
    """

    words: stream.Interface

    def __init__(self, offset: int, clock_hz: float) -> None:
        self.command = read_command(offset)
        self.half_period = half_period(clock_hz)
        self.wake_cycles = ceil(clock_hz * WAKE_SECONDS)
        super().__init__(
            {
                "read": In(1),
                "words": Out(stream.Signature(unsigned(16))),
                "spi_clk": Out(1),
                "spi_cs": Out(1),
                "spi_copi": Out(1),
                "spi_cipo": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = Signal(32)  # leave at the top, come in at the bottom
        left = Signal(range(33))
        wait = Signal(range(max(self.half_period, 2)))
        pause = Signal(range(self.wake_cycles))
        shifting = Signal()
        done = Signal()
        m.d.comb += [
            self.spi_copi.eq(bits[-1]),
            self.words.payload.eq(Cat(bits[8:16], bits[:8])),
            done.eq(shifting & self.spi_clk & (wait == 0) & (left == 1)),
        ]
        with m.If(shifting):
            m.d.sync += wait.eq(wait - 1)
            with m.If(wait == 0):
                m.d.sync += [wait.eq(self.half_period - 1), self.spi_clk.eq(~self.spi_clk)]
                with m.If(self.spi_clk):
                    m.d.sync += [bits.eq(Cat(self.spi_cipo, bits[:-1])), left.eq(left - 1)]
        with m.FSM():
            with m.State("Off"):
                m.d.sync += [bits.eq(Const(FlashCommand.WAKE << 24, 32)), left.eq(8)]
                m.d.sync += [wait.eq(self.half_period - 1), pause.eq(self.wake_cycles - 1)]
                with m.If(self.read):
                    m.d.sync += self.spi_cs.eq(1)
                    m.next = "Wake"
            with m.State("Wake"):
                m.d.comb += shifting.eq(1)
                with m.If(done):
                    m.next = "Pause"
            with m.State("Pause"):
                m.d.sync += [self.spi_cs.eq(0), pause.eq(pause - 1)]
                m.d.sync += [bits.eq(Const(self.command, 32)), left.eq(32)]
                with m.If(pause == 0):
                    m.d.sync += self.spi_cs.eq(1)
                    m.next = "Address"
            with m.State("Address"):
                m.d.comb += shifting.eq(1)
                with m.If(done):
                    m.d.sync += left.eq(16)
                    m.next = "Data"
            with m.State("Data"):
                m.d.comb += shifting.eq(1)
                with m.If(done):
                    m.d.sync += left.eq(16)
                    m.next = "Word"
            with m.State("Word"):
                m.d.comb += self.words.valid.eq(1)
                with m.If(self.words.ready):
                    m.next = "Data"
                with m.If(~self.read):
                    m.d.sync += self.spi_cs.eq(0)
                    m.next = "Off"
        return m
