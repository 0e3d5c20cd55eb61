"""Executes requests; the gates of :mod:`edgesnn.protocol`.

A small processor decides: see :mod:`edgesnn_hdl.link_program`. Around it is what it is too slow
for, which is the timer, counts of errors and the sum over an image, and what must last.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from edgesnn.core_config import CoreConfig
from edgesnn.protocol import MAX_ERROR_COUNT
from edgesnn_hdl.core import AccessPort
from edgesnn_hdl.crc32 import Crc32
from edgesnn_hdl.link_ports import LANE_PLACE, LOADED, READS, Control, Given, Is, Taken
from edgesnn_hdl.link_program import link_program
from edgesnn_hdl.processor import Condition, Processor


class CommandUnit(wiring.Component):
    """Between the frames and the core.

    Members
    -------
    request_valid, release, request_address, request_data, frame_error
        To a FrameReceiver; the request begins at address 0 with its type.
    reply_address, reply_data, reply_write, send, again, reply_length, sending
        To a FrameTransmitter.
    event, event_valid, event_ready, start, reset_state, clear_counters, idle, refused, access
        To a Core.
    own : In(1)
        The request is the device's own: it is never one that comes again, its RESET does not stop
        the timer, and its reply says so.
    hold : In(1)
        No step of the timer may begin.
    trouble : In(1)
        Something was wrong elsewhere.
    status : Out(4)
        How the request ended, a Status; with ``release``.
    busy, loaded, error : Out(1)
        Something is going on; a network is loaded; something was wrong since the counters were
        cleared last.
    alive : Out(1)
        Changes about once in a second, but for periods of the timer that are shorter than that.
    decision : Out(4)
        Low bits of the last decision that was read; all ones if there was none.
    """

    def __init__(self, config: CoreConfig, clock_hz: float) -> None:
        self.config = config
        self.clock_khz = round(clock_hz / 1000)
        self.alive_bit = round(clock_hz).bit_length() - 1
        super().__init__(
            {
                "request_valid": In(1),
                "release": Out(1),
                "request_address": Out(8),
                "request_data": In(8),
                "frame_error": In(1),
                "reply_address": Out(8),
                "reply_data": Out(8),
                "reply_write": Out(1),
                "send": Out(1),
                "again": Out(1),
                "reply_length": Out(8),
                "sending": In(1),
                "event": Out(16),
                "event_valid": Out(1),
                "event_ready": In(1),
                "start": Out(1),
                "reset_state": Out(1),
                "clear_counters": Out(1),
                "idle": In(1),
                "refused": In(1),
                "access": Out(AccessPort()),
                "own": In(1),
                "hold": In(1),
                "trouble": In(1),
                "status": Out(4),
                "busy": Out(1),
                "loaded": Out(1),
                "error": Out(1),
                "alive": Out(1),
                "decision": Out(4),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        program = link_program(self.config, self.clock_khz)
        m.submodules.processor = processor = Processor(program)
        value = processor.value
        access = self.access

        def given(port: Given) -> Signal:
            """The processor gives its value to this port."""
            strobe = Signal(name=f"gives_{port.name.lower()}")
            m.d.comb += strobe.eq(processor.gives & (processor.port == port))
            return strobe

        def kept(port: Given, width: int) -> Signal:
            """What it gave to this port last."""
            register = Signal(width, name=port.name.lower())
            with m.If(given(port)):
                m.d.sync += register.eq(value)
            return register

        # The request and the reply.
        waiting, asleep = given(Given.WAIT), Signal()
        takes = {
            port: processor.takes & (processor.port == port)
            for port in (Taken.REQUEST, Taken.ELEMENT)
        }
        request_place, reply_place = self.request_address, self.reply_address
        with m.If(takes[Taken.REQUEST]):
            m.d.sync += request_place.eq(request_place + 1)
        with m.If(given(Given.REQUEST_PLACE)):
            m.d.sync += request_place.eq(value)
        with m.If(self.reply_write):
            m.d.sync += reply_place.eq(reply_place + 1)
        with m.If(given(Given.REPLY_PLACE)):
            m.d.sync += reply_place.eq(value)
        m.d.comb += [
            self.reply_write.eq(given(Given.REPLY)),
            self.reply_data.eq(value),
            self.reply_length.eq(reply_place),
            self.event.eq(value),
            self.event_valid.eq(given(Given.EVENT)),
            self.status.eq(kept(Given.STATUS, len(self.status))),
            asleep.eq(waiting & (~self.request_valid | self.sending)),
            processor.wait.eq(asleep | (self.event_valid & ~self.event_ready)),
        ]
        control = Signal(max(Control).bit_length())
        lights = kept(Given.LIGHTS, 1 + len(self.decision))
        m.d.comb += [
            self.send.eq((control & Control.SEND).any()),
            self.again.eq((control & Control.AGAIN).any()),
            self.release.eq((control & Control.RELEASE).any()),
            self.reset_state.eq((control & Control.RESET_STATE).any()),
            self.clear_counters.eq((control & Control.CLEAR_COUNTERS).any()),
            self.loaded.eq((lights & LOADED).any()),
            self.decision.eq(lights >> LOADED.bit_length()),
        ]

        # What goes far is registered first. The value stays for two cycles at least.
        m.d.sync += [
            control.eq(Mux(given(Given.CONTROL), value, 0)),
            access.write.eq(given(Given.ELEMENT)),
        ]

        # Elements of the core's memories.
        place = kept(Given.ELEMENT_PLACE, READS.bit_length())
        byte = Signal(2)
        with m.If(takes[Taken.ELEMENT]):
            m.d.sync += byte.eq(byte + 1)
        with m.If(given(Given.ADDRESS)):
            m.d.sync += byte.eq(0)
        m.d.comb += [
            access.region.eq(place[:LANE_PLACE]),
            access.lane.eq(place[LANE_PLACE:-1]),
            access.enable.eq(place[-1] | access.write),
            access.address.eq(kept(Given.ADDRESS, 16)),
            access.byte.eq(byte),
            access.write_data.eq(Cat(value, kept(Given.HIGH, 16))),
        ]

        # The sum over an image: four cycles for a word, which stays that long.
        m.submodules.crc = sum_ = Crc32()
        nibble = Signal(2)
        with m.If(sum_.valid):
            m.d.sync += nibble.eq(nibble + 1)
        m.d.comb += [
            sum_.start.eq((control & Control.CLEAR_SUM).any()),
            sum_.valid.eq(given(Given.IMAGE_WORD) | (nibble != 0)),
            sum_.data.eq(value.word_select(nibble, 4)),
        ]

        # Errors, and steps by the timer. One begins only while the processor sleeps: a request
        # goes before it, or too short a period would lock the host out.
        frame_errors = self._saturating(m, "frame_errors", self.frame_error)
        timer_on = kept(Given.TIMER, 1)
        period = Cat(kept(Given.PERIOD_LOW, 16), kept(Given.PERIOD_HIGH, 16))
        passed = Signal(32)
        due = Signal()
        expires = timer_on & (passed == period)
        late_steps = self._saturating(m, "late_steps", expires & due)
        starts, refused, steps = Signal(), Signal(), Signal()
        m.d.comb += [
            steps.eq(asleep & due & self.idle & ~starts & ~self.hold),
            # Not before the last event is in, which may have come from elsewhere.
            self.start.eq(starts & self.idle),
        ]
        with m.If(self.start):
            m.d.sync += [starts.eq(0), refused.eq(self.refused)]
        with m.If((control & Control.START).any() | steps):
            m.d.sync += starts.eq(1)
        m.d.sync += passed.eq(passed + 1)
        with m.If(expires | given(Given.TIMER)):
            m.d.sync += passed.eq(1)
        with m.If(steps):
            m.d.sync += due.eq(0)
        with m.If(expires):
            m.d.sync += due.eq(1)
        with m.If(~timer_on):
            m.d.sync += due.eq(0)
        refusal = given(Given.STATUS) & (value != 0)
        with m.If(self.frame_error | (expires & due) | self.trouble | refusal):
            m.d.sync += self.error.eq(1)
        with m.If(self.clear_counters):
            m.d.sync += self.error.eq(0)
        m.d.comb += [
            self.alive.eq(passed[self.alive_bit]),
            self.busy.eq(~waiting | self.request_valid | self.sending | timer_on | ~self.idle),
        ]

        bytes_ = {
            Taken.REQUEST: self.request_data,
            Taken.ELEMENT: access.read_data,
            Taken.FRAME_ERRORS: frame_errors,
            Taken.LATE_STEPS: late_steps,
        }
        with m.Switch(processor.port):
            for port, byte_there in bytes_.items():
                with m.Case(port):
                    m.d.comb += processor.byte.eq(byte_there)
        facts = {
            Is.IDLE: self.idle & ~starts,
            Is.OWN: self.own,
            Is.REFUSED: refused,
            Is.SETTLED: access.settled,
            Is.WHOLE: sum_.matches,
        }
        for fact, holds in facts.items():
            m.d.comb += processor.conditions[fact - Condition.EXTERNAL].eq(holds)
        return m

    def _saturating(self, m: Module, name: str, happens: Signal) -> Signal:
        """An error counter; see MAX_ERROR_COUNT."""
        counter = Signal(range(MAX_ERROR_COUNT + 1), name=name)
        with m.If(happens & (counter != MAX_ERROR_COUNT)):
            m.d.sync += counter.eq(counter + 1)
        with m.If(self.clear_counters):
            m.d.sync += counter.eq(0)
        return counter
