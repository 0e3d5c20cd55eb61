"""Takes the place of the host: loads the network from a flash, and asks for decisions.

It speaks to the command unit as a host does, with requests that come from no line. At power-up the
boot image (see :mod:`edgesnn.boot_image`) becomes LOAD_BEGIN, LOAD_DATA for each word, LOAD_END and
SET_TIMER. From then on, behind every window of time steps, it sends READ_OUT and RESET. So what the
protocol guarantees holds here too: nothing runs that is not whole.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from edgesnn.boot_image import BOOT_HEADER_WORDS, FIXED_WORDS, BootWord
from edgesnn.framing import HEADER_BYTES
from edgesnn.protocol import ARGUMENT_BYTES, TAKING_OVER, WITHOUT_ARGUMENT, Message, Status
from edgesnn_hdl.crc32 import Crc32

#: READ_OUT from here on gives the decision alone.
_BEYOND_ACCUMULATORS = 0xFFFF


class Standalone(wiring.Component):
    """Between a FrameReceiver and a CommandUnit: passes the host's requests, and adds its own.

    While the flash is read the host waits. What is wrong there ends it with ``failed``; then, and
    as soon as the host has said something that changes what runs, only the host is heard.

    Members
    -------
    words : In(stream), read : Out(1)
        From a FlashReader.
    host_valid, host_release, host_type, host_data
        To a FrameReceiver, whose address is that of the command unit.
    valid, release, address, data, status : to a CommandUnit
    own : Out(1)
        The request is not the host's.
    silent : Out(1)
        Nobody is told the reply.
    step : In(1)
        A time step begins.
    turn : Out(1)
        Between the last step of a window and the reset: no step may begin, no event may enter.
    failed : Out(1)
        Pulses if there was nothing to load, or it was damaged.
    busy : Out(1)
    """

    words: stream.Interface

    def __init__(self) -> None:
        super().__init__(
            {
                "words": In(stream.Signature(unsigned(16))),
                "read": Out(1),
                "host_valid": In(1),
                "host_release": Out(1),
                "host_type": In(8),
                "host_data": In(8),
                "valid": Out(1),
                "release": In(1),
                "address": In(8),
                "data": Out(8),
                "status": In(4),
                "own": Out(1),
                "silent": Out(1),
                "step": In(1),
                "turn": Out(1),
                "failed": Out(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = sum_ = Crc32()
        word = Signal(16)
        nibble = Signal(2)
        index = Signal(range(BOOT_HEADER_WORDS))
        window_steps, image_words, step_cycles = Signal(16), Signal(32), Signal(32)
        position = Signal(32)
        steps = Signal(16)
        windows = Signal(8)
        message = Signal(4)
        argument = Signal(32)
        saying = Signal()

        # The request: the host's, or one that is made of these.
        at = Signal(4)
        m.d.sync += at.eq(self.address)
        with m.Switch(message):
            with m.Case(Message.LOAD_BEGIN):
                m.d.comb += argument.eq(image_words)
            with m.Case(Message.LOAD_DATA):
                m.d.comb += argument.eq(position)
            with m.Case(Message.SET_TIMER):
                m.d.comb += argument.eq(step_cycles)
            with m.Case(Message.READ_OUT):
                m.d.comb += argument.eq(_BEYOND_ACCUMULATORS)
        without = message.matches(*WITHOUT_ARGUMENT)
        with_word = message == Message.LOAD_DATA
        length = Signal(8)
        m.d.comb += length.eq(Mux(without, 0, ARGUMENT_BYTES + 2 * with_word))
        content = Signal(8 * (HEADER_BYTES + ARGUMENT_BYTES + 2))
        m.d.comb += [
            self.silent.eq(self.own & (message != Message.READ_OUT)),
            self.valid.eq(Mux(self.own, saying, self.host_valid)),
            content.eq(Cat(message, Const(0, 4), windows, length, Const(0, 8), argument, word)),
            self.data.eq(Mux(self.own, content.word_select(at, 8), self.host_data)),
            self.host_release.eq(self.release & ~self.own),
        ]

        # The header, word by word.
        fields = Cat(window_steps, image_words, step_cycles)
        expected = Signal(16)
        is_fixed = index < len(FIXED_WORDS)
        is_field = ~is_fixed & (index < BootWord.CRC_LOW)
        m.d.comb += [
            sum_.data.eq(word.word_select(nibble, 4)),
            expected.eq(Cat(Const(n, 16) for n in FIXED_WORDS).word_select(index, 16)),
        ]

        last = Signal()
        in_window = Signal()
        m.d.comb += [
            last.eq(position + 1 == image_words),
            self.read.eq(self.own & (message < Message.LOAD_END)),
            self.turn.eq(self.own | (in_window & (steps == window_steps))),
            self.busy.eq(self.own),
        ]
        with m.FSM() as fsm:
            with m.State("Header"):
                m.d.comb += self.words.ready.eq(1)
                m.d.sync += word.eq(self.words.payload)
                with m.If(self.words.valid):
                    m.next = "Sum"
            with m.State("Sum"):
                m.d.comb += sum_.valid.eq(1)
                m.d.sync += nibble.eq(nibble + 1)
                with m.If(nibble == 3):
                    m.next = "Check"
            with m.State("Check"):
                m.d.sync += index.eq(index + 1)
                m.next = "Header"
                with m.If(is_fixed):
                    m.d.comb += self.failed.eq(word != expected)
                with m.Elif(is_field):
                    m.d.sync += fields.eq(Cat(fields[16:], word))
                with m.Elif(index == BootWord.CRC_HIGH):
                    m.d.comb += self.failed.eq(~sum_.matches)
                    m.d.sync += message.eq(Message.LOAD_BEGIN)
                    m.next = "Say"
                with m.If(self.failed):
                    m.next = "Rest"
            with m.State("Word"):
                m.d.comb += self.words.ready.eq(1)
                m.d.sync += word.eq(self.words.payload)
                with m.If(self.words.valid):
                    m.next = "Say"
            with m.State("Say"):
                m.d.comb += [
                    saying.eq(1),
                    self.failed.eq(self.release & (self.status != Status.OK)),
                ]
                with m.If(self.release):
                    with m.Switch(message):
                        with m.Case(Message.LOAD_BEGIN):
                            m.d.sync += message.eq(Message.LOAD_DATA)
                            m.next = "Word"
                        with m.Case(Message.LOAD_DATA):
                            m.d.sync += position.eq(position + 1)
                            m.next = "Word"
                            with m.If(last):
                                m.d.sync += message.eq(Message.LOAD_END)
                                m.next = "Say"
                        with m.Case(Message.LOAD_END):
                            m.d.sync += message.eq(Message.SET_TIMER)
                            with m.If(step_cycles == 0):
                                m.next = "Rest"
                        with m.Case(Message.READ_OUT):
                            m.d.sync += [message.eq(Message.RESET), windows.eq(windows + 1)]
                        with m.Default():  # SET_TIMER and RESET
                            m.d.sync += [message.eq(Message.READ_OUT), steps.eq(0)]
                            m.next = "Watch"
                with m.If(self.failed):
                    m.next = "Rest"
            with m.State("Watch"):
                m.d.comb += in_window.eq(1)
                m.d.sync += steps.eq(steps + self.step)
                with m.If(self.host_release & self.host_type.matches(*TAKING_OVER)):
                    m.next = "Rest"
                with m.Elif(self.turn & ~self.host_valid):
                    m.next = "Say"
            with m.State("Rest"):
                pass
        m.d.comb += self.own.eq(~(fsm.ongoing("Watch") | fsm.ongoing("Rest")))
        return m
