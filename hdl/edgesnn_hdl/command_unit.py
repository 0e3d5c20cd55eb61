"""Executes requests; the gates of :mod:`edgesnn.protocol`.

One request at a time: read the argument, do it, write the reply, send it. A request that was
executed last and comes again gets the reply that is still in the transmitter's buffer.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from edgesnn.core_config import CoreConfig
from edgesnn.framing import HEADER_BYTES, MAX_PAYLOAD
from edgesnn.memory_layout import CounterWord, Prologue, Region
from edgesnn.network import ReadoutRule
from edgesnn.protocol import (
    ADVANCE,
    ARGUMENT_BYTES,
    MAX_ELEMENTS,
    MAX_ERROR_COUNT,
    NEED_IMAGE,
    NO_DECISION,
    PROTOCOL_VERSION,
    REPLY_BIT,
    REPLY_HEADER_BYTES,
    WITH_WORDS,
    WITHOUT_ARGUMENT,
    Message,
    Status,
    config_bytes,
)
from edgesnn.readout import NOTHING
from edgesnn_hdl.core import READ_LATENCY, AccessPort
from edgesnn_hdl.image_loader import ImageLoader

#: Where the data of a reply begin in the transmitter's buffer, and where they must end.
_DATA = HEADER_BYTES + REPLY_HEADER_BYTES
_END = HEADER_BYTES + MAX_PAYLOAD
_PAGE_END = _DATA + 4 * MAX_ELEMENTS


class CommandUnit(wiring.Component):
    """Between the frames and the core.

    Members
    -------
    request_valid, release, type, sequence, length, request_address, request_data, frame_error
        To a FrameReceiver.
    reply_address, reply_data, reply_write, send, reply_length, sending
        To a FrameTransmitter.
    event, event_valid, event_ready, start, reset_state, clear_counters, idle, refused, access
        To a Core.
    busy, loaded, error : Out(1)
        Something is going on; a network is loaded; something was wrong since the counters were
        cleared last.
    """

    def __init__(self, config: CoreConfig, clock_hz: float) -> None:
        self.config = config
        self.clock_khz = round(clock_hz / 1000)
        super().__init__(
            {
                "request_valid": In(1),
                "release": Out(1),
                "type": In(8),
                "sequence": In(8),
                "length": In(8),
                "request_address": Out(8),
                "request_data": In(8),
                "frame_error": In(1),
                "reply_address": Out(8),
                "reply_data": Out(8),
                "reply_write": Out(1),
                "send": Out(1),
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
                "busy": Out(1),
                "loaded": Out(1),
                "error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.loader = loader = ImageLoader(self.config)
        access = self.access

        # The request: ``byte`` is the one at ``at``; ``take`` moves on.
        at = Signal(8)
        take = Signal()
        byte = self.request_data
        request_end = Signal(8)
        argument = Signal(32)
        low = Signal(8)
        word = Signal(16)
        kind = self.type[:4]  # enough once the request is known to be one of ours
        last_type = Signal(8)
        last_sequence = Signal(8)

        # The reply: its result is written at the end, its data as they come.
        to = Signal(8)
        status = Signal(Status)
        result = Signal(16)
        reply_too_long = Signal()  # the spikes of one more step do not fit
        m.d.comb += [
            self.request_address.eq(at + take),
            word.eq(Cat(low, byte)),
            request_end.eq(self.length + HEADER_BYTES),
            self.reply_address.eq(to),
        ]
        m.d.sync += at.eq(self.request_address)

        # A walk through elements of the core's memories, ``left`` of them, into the reply.
        region = Signal(4)
        element = Signal(16)
        left = Signal(max(8, self.config.readout_neurons.bit_length()))
        in_prologue = Signal()
        tick = Signal(range(READ_LATENCY + 4))
        value = Signal(signed(32))
        highest = Signal(signed(32))
        found = Signal()
        counts_spikes = Signal()
        m.d.comb += [
            value.eq(access.read_data),
            access.region.eq(region),
            access.lane.eq(argument[28:]),
            access.address.eq(element),
            access.write_data.eq(loader.write_data),
        ]
        with m.Switch(kind):
            with m.Case(Message.RUN):
                m.d.comb += region.eq(Region.SPIKES)
            with m.Case(Message.READ_COUNTERS):
                m.d.comb += region.eq(Region.COUNTER)
            with m.Case(Message.READ_MEMORY):
                m.d.comb += region.eq(argument[24:28])
            with m.Default():
                m.d.comb += region.eq(Mux(in_prologue, Region.PROGRAM, Region.ACCUMULATOR))
        lane_bits = (self.config.lanes - 1).bit_length()
        if lane_bits:
            with m.If((kind == Message.READ_OUT) & ~in_prologue):
                m.d.comb += [
                    access.lane.eq(element[:lane_bits]),
                    access.address.eq(element[lane_bits:]),
                ]
        with m.If(loader.write):
            m.d.comb += [
                access.enable.eq(1),
                access.write.eq(1),
                access.region.eq(loader.region),
                access.lane.eq(loader.lane),
                access.address.eq(loader.address),
            ]

        # Errors, and steps by the timer.
        frame_errors = self._saturating(m, "frame_errors", self.frame_error)
        timer_on = Signal()
        period = Signal(32)
        wait = Signal(32)
        due = Signal()
        expires = timer_on & (wait == period)
        late_steps = self._saturating(m, "late_steps", expires & due)
        may_step = Signal()
        m.d.sync += wait.eq(wait + 1)
        with m.If(expires | ~timer_on):
            m.d.sync += wait.eq(1)
        with m.If(may_step & due & self.idle):
            m.d.comb += self.start.eq(1)
            m.d.sync += due.eq(0)
        with m.If(expires):
            m.d.sync += due.eq(1)
        with m.If(~timer_on):
            m.d.sync += due.eq(0)
        with m.If(self.frame_error | (expires & due)):
            m.d.sync += self.error.eq(1)
        m.d.comb += self.loaded.eq(loader.loaded)

        with m.FSM() as fsm:
            with m.State("Wait"):
                # A request goes before a step of the timer, or too short a period would lock
                # the host out.
                m.d.comb += [
                    self.request_address.eq(HEADER_BYTES),
                    may_step.eq(~self.request_valid),
                ]
                m.d.sync += [status.eq(Status.OK), tick.eq(0)]
                with m.If(self.request_valid & self.idle):
                    with m.If(
                        (self.type == last_type)
                        & (self.sequence == last_sequence)
                        & (self.type != Message.IDENTIFY)
                    ):
                        m.next = "Send"
                    with m.Else():
                        m.d.sync += [last_type.eq(self.type), last_sequence.eq(self.sequence)]
                        m.d.sync += [to.eq(_DATA), result.eq(0)]
                        m.next = "Decode"
            with m.State("Decode"):
                m.next = "Finish"
                with m.If(~self.type.matches(*Message)):
                    m.d.sync += status.eq(Status.UNKNOWN_MESSAGE)
                with m.Elif(
                    Mux(
                        kind.matches(*WITHOUT_ARGUMENT),
                        self.length != 0,
                        Mux(
                            kind.matches(*WITH_WORDS),
                            self.length[0] | (self.length[2:] == 0),
                            self.length != ARGUMENT_BYTES,
                        ),
                    )
                ):
                    m.d.sync += status.eq(Status.BAD_LENGTH)
                with m.Elif(kind.matches(*NEED_IMAGE) & ~loader.loaded):
                    m.d.sync += status.eq(Status.NOT_LOADED)
                with m.Elif(kind.matches(*WITHOUT_ARGUMENT)):
                    m.next = "Execute"
                with m.Else():
                    m.next = "Argument"
            with m.State("Argument"):
                m.d.comb += take.eq(1)
                m.d.sync += [argument.eq(Cat(argument[8:], byte)), tick.eq(tick + 1)]
                with m.If(tick == ARGUMENT_BYTES - 1):
                    m.d.sync += tick.eq(0)
                    m.next = "Execute"
            with m.State("Execute"):
                m.next = "Finish"
                m.d.sync += [element.eq(argument[:16]), left.eq(argument[16:24])]
                with m.Switch(kind):
                    with m.Case(Message.IDENTIFY):
                        m.d.sync += result.eq(PROTOCOL_VERSION)
                        m.next = "Identify"
                    with m.Case(Message.LOAD_BEGIN):
                        m.d.comb += loader.begin.eq(1)
                        m.d.sync += timer_on.eq(0)
                        m.next = "Loaded"
                    with m.Case(Message.LOAD_DATA):
                        with m.If(~loader.loading):
                            m.d.sync += status.eq(Status.NOT_LOADING)
                        with m.Elif(argument != loader.position):
                            m.d.sync += status.eq(Status.BAD_OFFSET)
                        with m.Else():
                            m.next = "Word"
                    with m.Case(Message.LOAD_END):
                        m.d.comb += loader.end.eq(1)
                        m.next = "Loaded"
                    with m.Case(Message.RESET):
                        m.next = "Reset"
                    with m.Case(Message.RUN):
                        m.next = "Word"
                    with m.Case(Message.READ_OUT):
                        m.d.sync += [
                            in_prologue.eq(1),
                            element.eq(Prologue.READOUT_RULE),
                            highest.eq(NOTHING),
                            found.eq(0),
                        ]
                        m.next = "Prologue"
                    with m.Case(Message.READ_COUNTERS):
                        m.d.sync += [
                            element.eq(0),
                            left.eq(len(CounterWord)),
                            result.eq(Cat(frame_errors, late_steps)),
                        ]
                        m.next = "Element"
                    with m.Case(Message.READ_MEMORY):
                        count = argument[16:24]
                        with m.If(
                            (count == 0)
                            | (count > MAX_ELEMENTS)
                            | (argument[28:] >= self.config.lanes)
                        ):
                            m.d.sync += status.eq(Status.BAD_ARGUMENT)
                        with m.Else():
                            m.next = "Element"
                    with m.Case(Message.SET_TIMER):
                        # Off for a cycle, in which the count begins anew.
                        m.d.sync += [period.eq(argument), timer_on.eq(0)]
                        m.next = "Timer"

            with m.State("Timer"):
                m.d.sync += timer_on.eq(period != 0)
                m.next = "Finish"
            with m.State("Identify"):
                m.d.comb += self.reply_write.eq(1)
                m.d.sync += to.eq(to + 1)
                facts = [Cat(loader.loaded, Const(0, 7))]
                facts += [loader.image_crc.word_select(n, 8) for n in range(4)]
                facts += [Const(b, 8) for b in self.clock_khz.to_bytes(4, "little")]
                facts += [Const(b, 8) for b in config_bytes(self.config)]
                with m.Switch(to):
                    for n, fact in enumerate(facts):
                        with m.Case(_DATA + n):
                            m.d.comb += self.reply_data.eq(fact)
                with m.If(to == _DATA + len(facts) - 1):
                    m.next = "Finish"
            with m.State("Loaded"):
                m.d.sync += status.eq(loader.status)
                m.next = "Finish"
                with m.If((kind == Message.LOAD_END) & (loader.status == Status.OK)):
                    m.next = "Reset"
            with m.State("Reset"):
                m.d.comb += self.reset_state.eq(1)
                m.d.sync += timer_on.eq(0)
                m.next = "Settle"
            with m.State("Settle"):
                with m.If(self.idle):
                    m.next = "Finish"

            # Words of LOAD_DATA and RUN.
            with m.State("Word"):
                # In time for "High"; neither side has changed since the state before.
                m.d.sync += reply_too_long.eq(Cat(Const(0, 1), argument[16:24]) > _END - to)
                m.d.sync += [low.eq(byte), tick.eq(0)]
                m.d.sync += [element.eq(argument[:16]), left.eq(argument[16:24])]
                with m.If(at == request_end):
                    with m.If(kind == Message.RUN):
                        m.next = "Finish"
                    with m.Elif(loader.words.ready | ~loader.loading):
                        m.d.sync += status.eq(loader.status)
                        m.next = "Finish"
                with m.Else():
                    m.d.comb += take.eq(1)
                    m.next = "High"
            with m.State("High"):
                m.d.comb += [self.event.eq(word), loader.words.payload.eq(word)]
                with m.If(kind == Message.LOAD_DATA):
                    m.d.comb += loader.words.valid.eq(1)
                    with m.If(loader.words.ready):
                        m.d.comb += take.eq(1)
                        m.next = "Word"
                    with m.If(loader.status != Status.OK):
                        m.d.sync += status.eq(loader.status)
                        m.next = "Finish"
                with m.Elif(~word[15]):
                    m.d.comb += self.event_valid.eq(1)
                    with m.If(self.event_ready):
                        m.d.comb += take.eq(1)
                        m.next = "Word"
                with m.Elif(word != ADVANCE):
                    m.d.sync += status.eq(Status.BAD_WORD)
                    m.next = "Finish"
                with m.Elif(reply_too_long):
                    m.d.sync += status.eq(Status.REPLY_TOO_LONG)
                    m.next = "Finish"
                with m.Elif(self.idle):
                    m.d.comb += [self.start.eq(1), take.eq(1)]
                    with m.If(self.refused):
                        m.d.sync += status.eq(Status.EVENTS_REFUSED)
                        m.next = "Settle"
                    with m.Else():
                        m.d.sync += result.eq(result + 1)
                        m.next = "Step"
            with m.State("Step"):
                with m.If(self.idle):
                    m.next = "Element"

            # Elements of memories.
            with m.State("Prologue"):
                m.d.comb += access.enable.eq(1)
                m.d.sync += tick.eq(tick + 1)
                with m.If(tick == READ_LATENCY):
                    m.d.sync += [tick.eq(0), element.eq(Prologue.READOUT_SIZE)]
                    with m.If(element == Prologue.READOUT_RULE):
                        m.d.sync += counts_spikes.eq(value[:3] == ReadoutRule.SPIKE_COUNT)
                    with m.Else():
                        m.d.sync += [
                            left.eq(value),
                            in_prologue.eq(0),
                            element.eq(0),
                        ]
                        m.next = "Element"
            with m.State("Element"):
                m.d.comb += access.enable.eq(1)
                m.d.sync += tick.eq(tick + 1)
                wanted = Signal()
                last = Signal()
                m.d.comb += wanted.eq(1)
                with m.If(kind == Message.READ_OUT):
                    m.d.comb += wanted.eq((element >= argument[:16]) & (to < _PAGE_END))
                m.d.comb += last.eq(
                    tick == Mux(kind == Message.RUN, READ_LATENCY + 1, READ_LATENCY + 3)
                )
                with m.If(left == 0):
                    m.d.sync += tick.eq(0)
                    m.next = "Finish"
                    with m.If(kind == Message.RUN):
                        m.next = "Word"
                    with m.If(kind == Message.READ_OUT):
                        with m.If(~found | (counts_spikes & (highest == 0))):
                            m.d.sync += result.eq(NO_DECISION)
                    with m.If(kind == Message.READ_COUNTERS):
                        m.d.comb += self.clear_counters.eq(argument[0])
                with m.Elif(tick >= READ_LATENCY):
                    m.d.comb += self.reply_write.eq(wanted)
                    m.d.sync += to.eq(to + wanted)
                    with m.Switch(tick):
                        for n in range(4):
                            with m.Case(READ_LATENCY + n):
                                m.d.comb += self.reply_data.eq(value.word_select(n, 8))
                    with m.If(
                        (kind == Message.READ_OUT) & (tick == READ_LATENCY) & (value > highest)
                    ):
                        m.d.sync += [highest.eq(value), found.eq(1), result.eq(element)]
                    with m.If(last):
                        m.d.sync += [tick.eq(0), element.eq(element + 1), left.eq(left - 1)]

            # Header, status and result of the reply.
            with m.State("Finish"):
                m.d.comb += [self.reply_address.eq(tick), self.reply_write.eq(1)]
                m.d.sync += tick.eq(tick + 1)
                header = [
                    self.type | REPLY_BIT,
                    self.sequence,
                    to - HEADER_BYTES,
                    Const(0, 8),
                    status,
                    result[:8],
                    result[8:],
                ]
                with m.Switch(tick):
                    for n, fact in enumerate(header):
                        with m.Case(n):
                            m.d.comb += self.reply_data.eq(fact)
                with m.If(tick == len(header) - 1):
                    with m.If(status != Status.OK):
                        m.d.sync += self.error.eq(1)
                    m.next = "Send"
            with m.State("Send"):
                m.d.comb += [self.send.eq(1), self.release.eq(1)]
                m.next = "Sending"
            with m.State("Sending"):
                m.d.comb += may_step.eq(1)
                with m.If(~self.sending):
                    m.next = "Wait"
        m.d.comb += [
            self.reply_length.eq(to),
            loader.total.eq(argument),
            self.busy.eq(~fsm.ongoing("Wait") | self.request_valid | timer_on | ~self.idle),
        ]
        with m.If(self.clear_counters):
            m.d.sync += self.error.eq(0)
        return m

    def _saturating(self, m: Module, name: str, happens: Signal) -> Signal:
        """An error counter; see MAX_ERROR_COUNT."""
        counter = Signal(range(MAX_ERROR_COUNT + 1), name=name)
        with m.If(happens & (counter != MAX_ERROR_COUNT)):
            m.d.sync += counter.eq(counter + 1)
        with m.If(self.clear_counters):
            m.d.sync += counter.eq(0)
        return counter
