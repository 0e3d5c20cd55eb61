"""The flash reader against a flash that looks at every edge; see also test_standalone.py."""

from __future__ import annotations

import random

import pytest
from amaranth.sim import SimulatorContext

from edgesnn_hdl.flash_reader import MAX_READ_HZ, WAKE_SECONDS, FlashReader, read_command
from edgesnn_hdl.simulation import simulate_component

OFFSET = 0xA5C30F


class Transfer:
    """What a flash in mode 0 sees while it is selected: its input at each rising edge."""

    def __init__(self, cycle: int) -> None:
        self.begins = cycle
        self.bits: list[int] = []
        self.edges: list[int] = []

    def number(self, first: int, count: int) -> int:
        return int("".join(map(str, self.bits[first : first + count])), 2)


def read(clock_hz: float, words: int, pauses: random.Random) -> tuple[list[int], list[Transfer]]:
    """Words that a reader gets from a flash whose byte n behind OFFSET is (7 n + 1) mod 256."""
    dut = FlashReader(OFFSET, clock_hz)
    found: list[int] = []
    transfers: list[Transfer] = []

    async def flash(ctx: SimulatorContext) -> None:
        selected = clock = out = cycle = 0
        while len(found) < words or selected:
            await ctx.tick()
            cycle += 1
            was_selected, was_clock = selected, clock
            selected, clock = ctx.get(dut.spi_cs), ctx.get(dut.spi_clk)
            if selected and not was_selected:
                transfers.append(Transfer(cycle))
                out = 0
            if selected != was_selected:
                assert not clock
                assert not was_clock
            elif clock != was_clock:
                assert selected
                transfer = transfers[-1]
                transfer.edges.append(cycle)
                if clock:
                    transfer.bits.append(ctx.get(dut.spi_copi))
                elif len(transfer.bits) >= 32:
                    byte = 7 * (out // 8) + 1 & 0xFF
                    ctx.set(dut.spi_cipo, byte >> 7 - out % 8 & 1)
                    out += 1

    async def taker(ctx: SimulatorContext) -> None:
        ctx.set(dut.read, 1)
        while len(found) < words:
            await ctx.tick()
            if ctx.get(dut.words.valid):
                await ctx.tick().repeat(pauses.randrange(1, 6))
                ctx.set(dut.words.ready, 1)
                found.append(ctx.get(dut.words.payload))
                await ctx.tick()
                ctx.set(dut.words.ready, 0)
        ctx.set(dut.read, 0)

    simulate_component(dut, flash, taker)
    return found, transfers


@pytest.mark.parametrize("clock_hz", [12e6, 40e6, 50e6, 100e6])
def test_the_flash_is_woken_and_read_in_one_go(clock_hz: float) -> None:
    words, (wake, data) = read(clock_hz, 6, random.Random(1))
    content = [7 * n + 1 & 0xFF for n in range(12)]
    assert words == [low | high << 8 for low, high in zip(content[::2], content[1::2], strict=True)]
    assert (len(wake.bits), wake.number(0, 8)) == (8, 0xAB)
    assert data.number(0, 32) == 0x03 << 24 | OFFSET
    # Every command leaves the flash the time that its data sheet asks for.
    assert data.begins - wake.edges[-1] >= WAKE_SECONDS * clock_hz
    phases = [b - a for t in (wake, data) for a, b in zip(t.edges, t.edges[1:], strict=False)]
    assert clock_hz / 2 / min(phases) <= MAX_READ_HZ


@pytest.mark.parametrize("offset", [-1, 1 << 24])
def test_an_offset_that_has_no_address_is_refused(offset: int) -> None:
    with pytest.raises(ValueError, match=f"offset must be within 3 bytes .*, not {offset}"):
        read_command(offset)
