"""Takes a memory image word by word, checks it, and fills the core's memories.

The image is trusted only when all of it has come, its header and sections are those of this core
and its CRC-32 matches; until then ``loaded`` is 0 and nothing may run.
"""

from __future__ import annotations

from enum import IntEnum

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from edgesnn.core_config import CoreConfig
from edgesnn.memory_layout import (
    END_OF_SECTIONS,
    HEADER_WORDS,
    MAX_SECTION_ELEMENTS,
    TWO_WORD_REGIONS,
    Feature,
    HeaderWord,
    MemoryLayout,
    Region,
    features,
    header_limits,
)
from edgesnn.protocol import Status
from edgesnn_hdl.crc32 import Crc32

#: Regions of a section, in their order; the first exists once, the others for each lane. The last
#: one is there only in images with currents.
_REGIONS = (
    Region.PROGRAM,
    Region.SYNAPSES,
    Region.THRESHOLD,
    Region.BIAS,
    Region.DECAY,
    Region.SYNAPTIC_DECAY,
)
_SECTION_HEADER_WORDS = 4


def max_image_words(config: CoreConfig) -> int:
    """Words of the largest image that a core of this size can hold."""
    layout = MemoryLayout(config)
    words = HEADER_WORDS + _SECTION_HEADER_WORDS + 2
    for region in _REGIONS if config.currents else _REGIONS[:-1]:
        copies = 1 if region is Region.PROGRAM else config.lanes
        width = 2 if region in TWO_WORD_REGIONS else 1
        words += copies * (_SECTION_HEADER_WORDS + width * layout.depth(region))
    return words


class Part(IntEnum):
    """What the next word of an image is."""

    HEADER = 0
    TAG = 1
    ELEMENT_WORDS = 2
    COUNT = 3
    ADDRESS = 4
    BODY = 5
    PADDING = 6
    CRC = 7
    NOTHING = 8


class ImageLoader(wiring.Component):
    """Loads one image.

    Members
    -------
    begin : In(1), total : In(32)
        A new image of ``total`` words; from now on nothing is loaded.
    words : In(stream)
        The words in order; taken while ``loading``.
    end : In(1)
        No more words come; ``loaded`` rises if all is well.
    status : Out(4)
        A Status: the first thing that was wrong since ``begin``, and after ``end``.
    loading, loaded : Out(1)
    position : Out
        Words taken so far.
    image_crc : Out(32)
        The last two words.
    turn : In(1)
        Turns them by a byte; four times is none.
    region, lane, address, write, write_data : Out
        To the core's access port.
    """

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        self.position_bits = max_image_words(config).bit_length()
        super().__init__(
            {
                "begin": In(1),
                "total": In(32),
                "words": In(stream.Signature(unsigned(16))),
                "end": In(1),
                "status": Out(4),
                "loading": Out(1),
                "loaded": Out(1),
                "position": Out(self.position_bits),
                "image_crc": Out(32),
                "turn": In(1),
                "region": Out(4),
                "lane": Out(4),
                "address": Out(16),
                "write": Out(1),
                "write_data": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout = MemoryLayout(self.config)
        limits = header_limits(self.config)
        by_index = {int(word): pair for word, pair in limits.items()}
        ranges = [by_index.get(index, (0, 0)) for index in range(HEADER_WORDS)]
        m.submodules.limits = table = memory.Memory(
            shape=unsigned(16),
            depth=2 * HEADER_WORDS,
            init=[value for pair in ranges for value in pair],
            attrs={"rom_style": "block", "ram_style": "block"},  # else it becomes logic
        )
        limit = table.read_port()
        m.submodules.crc = sum_ = Crc32()

        total = Signal(self.position_bits)
        part = Signal(Part)
        word = self.image_crc[16:]
        left = Signal(16)
        nibble = Signal(2)
        ending = Signal()  # every section has come
        next_section = Signal()
        second_half = Signal()
        two_words = Signal()
        # One comparison serves every check: what the word must be, or at most (or at least) be.
        bound = Signal(16)
        larger = Signal()
        equal = Signal()
        fault = Signal(4)
        has_currents = Signal()
        known = features(self.config.currents, self.config.delays)
        m.d.comb += [
            limit.addr.eq(Cat(nibble[0], self.position[:5])),
            limit.en.eq(1),
            two_words.eq((self.region == Region.THRESHOLD) | (self.region == Region.BIAS)),
            larger.eq(word > bound),
            equal.eq(word == bound),
            self.write_data.eq(Mux(two_words, self.image_crc, Cat(word, Const(0, 16)))),
            sum_.data.eq(word.word_select(nibble, 4)),
        ]
        with m.Switch(part):
            with m.Case(Part.HEADER):
                m.d.comb += bound.eq(limit.data)
            with m.Case(Part.TAG):
                tag = Cat(self.region, Const(0, 4), self.lane)
                m.d.comb += bound.eq(Mux(ending, END_OF_SECTIONS, tag))
            with m.Case(Part.ELEMENT_WORDS):
                m.d.comb += bound.eq(Mux(ending, 0, Mux(two_words, 2, 1)))
            with m.Case(Part.COUNT), m.If(~ending):
                m.d.comb += bound.eq(layout.depth(Region.THRESHOLD))
                for region in (Region.PROGRAM, Region.SYNAPSES):
                    with m.If(self.region == region):
                        # A section counts its elements in one word.
                        m.d.comb += bound.eq(min(layout.depth(region), MAX_SECTION_ELEMENTS))

        with m.FSM():
            with m.State("Wait"):
                m.d.comb += self.words.ready.eq(self.loading)
                m.d.sync += nibble.eq(0)
                with m.If(self.turn):
                    m.d.sync += self.image_crc.eq(self.image_crc.rotate_right(8))
                with m.If(self.words.valid & self.loading):
                    m.d.sync += self.image_crc.eq(Cat(word, self.words.payload))
                    m.next = "Sum"
            with m.State("Sum"):
                m.d.comb += sum_.valid.eq(1)
                m.d.sync += nibble.eq(nibble + 1)
                # The lower limit was addressed in the cycle before and is here in nibble 1,
                # the upper one in nibble 2.
                with m.If((part == Part.HEADER) & (nibble == 1) & ~larger & ~equal):
                    m.d.comb += fault.eq(Status.IMAGE_HEADER)
                with m.If((part == Part.HEADER) & (nibble == 2) & larger):
                    m.d.comb += fault.eq(Status.IMAGE_HEADER)
                if known:
                    at_features = (part == Part.HEADER) & (self.position == HeaderWord.FEATURES)
                    with m.If(at_features):
                        m.d.sync += has_currents.eq(word[Feature.CURRENTS])
                        with m.If((word & (0xFFFF ^ known)) != 0):
                            m.d.comb += fault.eq(Status.IMAGE_HEADER)
                with m.If(nibble == 3):
                    m.next = "Check"
            with m.State("Check"):
                m.d.sync += self.position.eq(self.position + 1)
                m.next = "Wait"
                with m.Switch(part):
                    with m.Case(Part.HEADER):
                        with m.If(self.position[:5] == HEADER_WORDS - 1):
                            m.d.sync += part.eq(Part.TAG)
                    with m.Case(Part.TAG):
                        self._expect(m, fault, equal)
                        m.d.sync += part.eq(Part.ELEMENT_WORDS)
                    with m.Case(Part.ELEMENT_WORDS):
                        self._expect(m, fault, equal)
                        m.d.sync += part.eq(Part.COUNT)
                    with m.Case(Part.COUNT):
                        self._expect(m, fault, ~larger)
                        m.d.sync += [left.eq(word), part.eq(Part.ADDRESS)]
                    with m.Case(Part.ADDRESS):
                        self._expect(m, fault, equal)
                        m.d.sync += [self.address.eq(0), second_half.eq(0), part.eq(Part.BODY)]
                        with m.If(ending):
                            m.d.sync += part.eq(Part.CRC)
                        with m.Elif(left == 0):
                            m.d.comb += next_section.eq(1)
                    with m.Case(Part.BODY):
                        with m.If(two_words & ~second_half):
                            m.d.sync += second_half.eq(1)
                        with m.Else():
                            m.d.comb += self.write.eq(1)
                            m.d.sync += [
                                second_half.eq(0),
                                left.eq(left - 1),
                                self.address.eq(self.address + 1),
                            ]
                            with m.If(left == 1):
                                with m.If(two_words | self.address[0]):
                                    m.d.comb += next_section.eq(1)
                                with m.Else():
                                    m.d.sync += part.eq(Part.PADDING)
                    with m.Case(Part.PADDING):
                        m.d.comb += next_section.eq(1)
                    with m.Case(Part.CRC):
                        m.d.sync += second_half.eq(1)
                        with m.If(second_half):
                            m.d.sync += part.eq(Part.NOTHING)
                    with m.Default():
                        m.d.comb += fault.eq(Status.IMAGE_SECTION)

        last_region = Signal(4)
        m.d.comb += last_region.eq(Region.DECAY)
        if self.config.currents:
            with m.If(has_currents):
                m.d.comb += last_region.eq(Region.SYNAPTIC_DECAY)
        with m.If(next_section):
            m.d.sync += part.eq(Part.TAG)
            with m.If(self.region != last_region):
                m.d.sync += self.region.eq(self.region + 1)
            with m.Elif(self.lane == self.config.lanes - 1):
                m.d.sync += ending.eq(1)
            with m.Else():
                m.d.sync += [self.lane.eq(self.lane + 1), self.region.eq(_REGIONS[1])]

        with m.If(self.end):
            m.d.sync += self.loading.eq(0)
            with m.If(~self.loading):
                m.d.comb += fault.eq(Status.NOT_LOADING)
            with m.Elif((part != Part.NOTHING) | (self.position != total)):
                m.d.comb += fault.eq(Status.IMAGE_INCOMPLETE)
            with m.Elif(~sum_.matches):
                m.d.comb += fault.eq(Status.IMAGE_DAMAGED)
            with m.Else():
                m.d.sync += self.loaded.eq(1)
        with m.If(fault != 0):
            m.d.sync += [self.status.eq(fault), self.loading.eq(0)]
        with m.If(self.begin):
            m.d.sync += [
                self.loaded.eq(0),
                self.loading.eq(1),
                self.status.eq(Status.OK),
                self.position.eq(0),
                total.eq(self.total),
                part.eq(Part.HEADER),
                self.region.eq(_REGIONS[0]),
                self.lane.eq(0),
                ending.eq(0),
                second_half.eq(0),
            ]
            m.d.comb += sum_.start.eq(1)
            with m.If(self.total > max_image_words(self.config)):
                m.d.sync += [self.loading.eq(0), self.status.eq(Status.IMAGE_TOO_LARGE)]
        return m

    @staticmethod
    def _expect(m: Module, fault: Signal, holds: Signal) -> None:
        with m.If(~holds):
            m.d.comb += fault.eq(Status.IMAGE_SECTION)
