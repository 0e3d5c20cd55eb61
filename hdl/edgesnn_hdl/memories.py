"""The memories of a core: plain synchronous memories, and the large one for synapses.

Sizes come from :class:`edgesnn.memory_layout.MemoryLayout`.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, ClockSignal, Const, Instance, Module, Signal, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

#: Words of one single-port RAM block of iCE40 UltraPlus.
SPRAM_WORDS = 1 << 14
#: For Yosys, after reading the design: no read depends on a write in the same cycle.
COLLISION_SCRIPT = "setparam -set COLLISION_X_MASK 1 t:$memrd_v2"


#: A memory of ECP5 with at most so many bits is made of logic cells: a block has eighteen times as
#: many, and more bits than this in logic slow the core down. The queue of events from ten pins is
#: one of these: the block RAM of the ULX3S-25F is used up.
_DISTRIBUTED_BITS = 1280


def _style(platform: Any, bits: int) -> dict[str, str]:
    """What Yosys is told about a memory of so many bits."""
    is_ecp5 = getattr(platform, "device", "").startswith("LFE5U")
    return {"ram_style": "distributed"} if is_ecp5 and bits <= _DISTRIBUTED_BITS else {}


class TwoPortMemory(wiring.Component):
    """One write port, one read port; the read word is there in the next cycle.

    Without ``read_enable`` nothing is read and the last word stays.

    A read in the cycle of a write to the same address gives an undefined word: block RAM of
    iCE40 has no rule for it, and logic around it would cost more than the memory. Without a
    platform (in simulation) the word is then the complement of the right one, so that tests
    notice whoever relies on it. ``COLLISION_SCRIPT`` tells Yosys.
    """

    def __init__(self, width: int, depth: int) -> None:
        self.width = width
        self.depth = depth
        address = unsigned(max((depth - 1).bit_length(), 1))
        super().__init__(
            {
                "read_enable": In(1, init=1),
                "read_address": In(address),
                "read_data": Out(unsigned(width)),
                "write_address": In(address),
                "write_data": In(unsigned(width)),
                "write_enable": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.words = words = memory.Memory(
            shape=unsigned(self.width),
            depth=self.depth,
            init=[],
            attrs=_style(platform, self.width * self.depth),
        )
        write = words.write_port()
        read = words.read_port()
        m.d.comb += [
            read.addr.eq(self.read_address),
            read.en.eq(self.read_enable),
            self.read_data.eq(read.data),
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
            write.en.eq(self.write_enable),
        ]
        if platform is None:
            collision = Signal()
            same = self.read_address == self.write_address
            with m.If(self.read_enable):
                m.d.sync += collision.eq(self.write_enable & same)
            with m.If(collision):
                m.d.comb += self.read_data.eq(~read.data)
        return m


class SynapseMemory(wiring.Component):
    """16-bit words, one port: a cycle either writes or reads; the read word comes one later.

    Without ``enable`` nothing is read or written. In a cycle that writes, ``address`` and
    ``write_address`` must be the same; the second is a register, so that the choice of a block to
    write does not wait for the first.

    iCE40 UltraPlus has single-port RAM blocks for it (undefined after configuration, so a model
    is always loaded); other devices take block RAM. In a cycle after a write the read data is
    undefined.
    """

    def __init__(self, depth: int) -> None:
        self.depth = depth
        super().__init__(
            {
                "enable": In(1, init=1),
                "address": In(16),
                "read_data": Out(16),
                "write_address": In(16),
                "write_data": In(16),
                "write_enable": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        if getattr(platform, "device", "") == "iCE40UP5K":
            return self._spram()
        m = Module()
        m.submodules.words = words = TwoPortMemory(16, self.depth)
        m.d.comb += [
            words.read_enable.eq(self.enable),
            words.read_address.eq(self.address),
            words.write_address.eq(self.write_address),
            words.write_data.eq(self.write_data),
            words.write_enable.eq(self.write_enable),
            self.read_data.eq(words.read_data),
        ]
        return m

    def _spram(self) -> Module:
        m = Module()
        blocks = max(self.depth // SPRAM_WORDS, 1)
        chosen = Signal(range(max(blocks, 2)))
        outputs = Array(Signal(16, name=f"output_{n}") for n in range(blocks))
        block = self.address[14:] if blocks > 1 else Const(0, 1)
        m.d.sync += chosen.eq(block)
        for n in range(blocks):
            m.submodules[f"spram_{n}"] = Instance(
                "SB_SPRAM256KA",
                i_ADDRESS=self.address[:14],
                i_DATAIN=self.write_data,
                i_MASKWREN=Const(0b1111, 4),
                i_WREN=self.write_enable & (self.write_address[14:] == n)
                if blocks > 1
                else self.write_enable,
                # All blocks at once: a choice here would lengthen the slowest path of the core.
                i_CHIPSELECT=self.enable,
                i_CLOCK=ClockSignal(),
                i_STANDBY=Const(0, 1),
                i_SLEEP=Const(0, 1),
                i_POWEROFF=Const(1, 1),
                o_DATAOUT=outputs[n],
            )
        m.d.comb += self.read_data.eq(outputs[chosen] if blocks > 1 else outputs[0])
        return m
