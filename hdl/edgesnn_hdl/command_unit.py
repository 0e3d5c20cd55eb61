"""Executes requests; the gates of :mod:`edgesnn.protocol`.

One request at a time: read the argument, do it, write the reply, send it. A request that was
executed last and comes again gets the reply that is still in the transmitter's buffer.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
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
    MAX_WORDS,
    NEED_IMAGE,
    OWN_BIT,
    PROTOCOL_VERSION,
    REPLY_BIT,
    REPLY_HEADER_BYTES,
    WITH_WORDS,
    WITHOUT_ARGUMENT,
    Message,
    Status,
    config_bytes,
)
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
        no_room = Signal()  # for the spikes of a step; a cycle after ``to``
        readout_bits = (self.config.readout_neurons - 1).bit_length()
        result = Signal(max(MAX_WORDS.bit_length(), readout_bits))
        undecided = Signal()
        m.d.comb += [
            self.request_address.eq(at + take),
            word.eq(Cat(low, byte)),
            request_end.eq(self.length + HEADER_BYTES),
            self.reply_address.eq(to),
        ]
        m.d.sync += at.eq(self.request_address)
        m.d.sync += no_room.eq(to + (argument[16:24] << 1) > _END)

        # A walk through elements of the core's memories into the reply: ``first`` is where it
        # begins, ``count`` how many there are, ``index`` how many are done.
        first = argument[:16]
        count = argument[16:24]
        index = Signal(max(8, readout_bits + 1))
        is_readout = kind == Message.READ_OUT
        at_end = Signal()
        tick = Signal(range(READ_LATENCY + 4))
        arrives = tick >= READ_LATENCY
        value = access.read_data
        in_prologue = Signal()
        address = Signal(16)
        region = Signal(4)
        lane_bits = (self.config.lanes - 1).bit_length()
        m.d.comb += [
            at_end.eq((index[:8] == count) & (index[8:] == Mux(is_readout, argument[24:], 0))),
            address.eq(first + index),
            access.region.eq(region),
            access.lane.eq(argument[28:]),
            access.address.eq(address),
            access.byte.eq(tick),
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
                m.d.comb += [
                    region.eq(Region.ACCUMULATOR),
                    access.lane.eq(index[:lane_bits]),
                    access.address.eq(index[lane_bits:]),
                ]
        with m.If(in_prologue):
            # The rule, and then both bytes of the size.
            m.d.comb += [
                region.eq(Region.PROGRAM),
                access.address.eq(Mux(tick == 0, Prologue.READOUT_RULE, Prologue.READOUT_SIZE)),
                access.byte.eq(tick == 2),
            ]
        with m.If(loader.write):
            m.d.comb += [
                access.enable.eq(1),
                access.write.eq(1),
                access.region.eq(loader.region),
                access.lane.eq(loader.lane),
                access.address.eq(loader.address),
            ]

        # The largest accumulator so far. Bytes come lowest first, and so does the subtraction
        # that compares them; ``highest`` turns with them.
        highest = Signal(32)
        found = Signal()
        counts_spikes = Signal()
        in_page = Signal()
        clears = Signal()  # the counters, when they were read
        borrow = Signal()
        is_sign = tick == READ_LATENCY + 3
        lowest = Cat(Const(0, 7), is_sign & ~counts_spikes)  # of NOTHING, or of no spikes
        sign = Cat(Const(0, 7), is_sign)
        larger = Signal()
        m.d.comb += larger.eq(
            ((Mux(found, highest[:8], lowest) ^ sign) - (value ^ sign) - borrow)[-1]
        )

        # Errors, and steps by the timer.
        frame_errors = self._saturating(m, "frame_errors", self.frame_error)
        timer_on = Signal()
        period = Signal(32)
        wait = Signal(32)
        begins = Signal()  # a period begins
        due = Signal()
        expires = timer_on & (wait == period)
        late_steps = self._saturating(m, "late_steps", expires & due)
        may_step = Signal()
        m.d.sync += wait.eq(wait + 1)
        with m.If(expires | begins):
            m.d.sync += wait.eq(1)
        with m.If(may_step & due & self.idle & ~self.hold):
            m.d.comb += self.start.eq(1)
            m.d.sync += due.eq(0)
        with m.If(expires):
            m.d.sync += due.eq(1)
        with m.If(~timer_on):
            m.d.sync += due.eq(0)
        with m.If(self.frame_error | (expires & due) | self.trouble):
            m.d.sync += self.error.eq(1)
        m.d.comb += [self.status.eq(status), self.loaded.eq(loader.loaded)]
        m.d.comb += self.alive.eq(wait[self.alive_bit])

        with m.FSM() as fsm:
            with m.State("Wait"):
                # A request goes before a step of the timer, or too short a period would lock
                # the host out.
                m.d.comb += [
                    self.request_address.eq(HEADER_BYTES),
                    may_step.eq(~self.request_valid),
                ]
                m.d.sync += [status.eq(Status.OK), tick.eq(0), index.eq(0)]
                with m.If(self.request_valid & self.idle):
                    with m.If(
                        (self.type == last_type)
                        & (self.sequence == last_sequence)
                        & (self.type != Message.IDENTIFY)
                        & ~self.own
                    ):
                        m.d.comb += [self.again.eq(1), self.release.eq(1)]
                        m.next = "Sending"
                    with m.Else():
                        # No request has the type 0.
                        m.d.sync += last_type.eq(Mux(self.own, 0, self.type))
                        m.d.sync += last_sequence.eq(self.sequence)
                        m.d.sync += [to.eq(_DATA), result.eq(0), undecided.eq(0)]
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
                # The second half of READ_OUT's says nothing; the size takes its place.
                with m.If(Mux(is_readout, tick[0], tick == ARGUMENT_BYTES - 1)):
                    m.d.sync += tick.eq(0)
                    m.next = "Execute"
            with m.State("Execute"):
                m.next = "Finish"
                m.d.sync += [found.eq(0), in_page.eq(0)]
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
                        m.next = "Prologue"
                    with m.Case(Message.READ_COUNTERS):
                        m.d.sync += [
                            clears.eq(argument[0]),
                            argument.eq(len(CounterWord) << 16),
                        ]
                        m.next = "Element"
                    with m.Case(Message.READ_MEMORY):
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
                m.d.comb += begins.eq(1)
                m.d.sync += timer_on.eq(period != 0)
                m.next = "Finish"
            with m.State("Identify"):
                m.d.comb += self.reply_write.eq(1)
                m.d.sync += [to.eq(to + 1), index.eq(index + 1)]
                can = self.config
                facts = [Cat(loader.loaded, Const(0, 1), Const(can.currents), Const(can.delays))]
                facts += [loader.image_crc[:8]] * 4
                facts += [Const(b, 8) for b in self.clock_khz.to_bytes(4, "little")]
                facts += [Const(b, 8) for b in config_bytes(self.config)]
                with m.Switch(index):
                    for n, fact in enumerate(facts):
                        with m.Case(n):
                            m.d.comb += [self.reply_data.eq(fact), loader.turn.eq(1 <= n <= 4)]
                with m.If(index == len(facts) - 1):
                    m.next = "Finish"
            with m.State("Loaded"):
                m.d.sync += status.eq(loader.status)
                m.next = "Finish"
                with m.If((kind == Message.LOAD_END) & (loader.status == Status.OK)):
                    m.next = "Reset"
            with m.State("Reset"):
                m.d.comb += self.reset_state.eq(1)
                m.d.sync += timer_on.eq(timer_on & self.own)
                m.next = "Settle"
            with m.State("Settle"):
                with m.If(self.idle):
                    m.next = "Finish"

            # Words of LOAD_DATA and RUN.
            with m.State("Word"):
                m.d.sync += [low.eq(byte), index.eq(0)]
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
                with m.Elif(no_room):
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
                m.d.comb += [access.enable.eq(1), in_prologue.eq(1)]
                m.d.sync += tick.eq(tick + 1)
                with m.If(tick == READ_LATENCY):
                    m.d.sync += counts_spikes.eq(value[:3] == ReadoutRule.SPIKE_COUNT)
                with m.If(tick > READ_LATENCY):
                    m.d.sync += argument.eq(Cat(argument[8:], value))
                with m.If(tick == READ_LATENCY + 2):
                    m.d.sync += tick.eq(0)
                    m.next = "Element"
            with m.State("Element"):
                m.d.comb += access.enable.eq(1)
                m.d.sync += [tick.eq(tick + access.settled), borrow.eq(arrives & larger)]
                with m.If(is_readout & (index == first)):
                    m.d.sync += in_page.eq(1)
                wanted = ~is_readout | ((in_page | (index == first)) & (to < _PAGE_END))
                last = tick == Mux(kind == Message.RUN, READ_LATENCY + 1, READ_LATENCY + 3)
                with m.If(at_end):
                    m.d.sync += [tick.eq(0), undecided.eq(is_readout & ~found)]
                    m.next = "Finish"
                    with m.If(kind == Message.RUN):
                        m.next = "Word"
                with m.Elif(arrives):
                    m.d.comb += [self.reply_write.eq(wanted), self.reply_data.eq(value)]
                    m.d.sync += [to.eq(to + wanted), highest.eq(Cat(highest[8:], highest[:8]))]
                    with m.If(last):
                        m.d.sync += tick.eq(0)
                        with m.If(is_readout & larger):
                            m.d.sync += [found.eq(1), result.eq(index)]
                            m.next = "Keep"
                        with m.Else():
                            m.d.sync += index.eq(index + 1)
            with m.State("Keep"):
                m.d.comb += access.enable.eq(1)
                m.d.sync += tick.eq(tick + 1)
                with m.If(arrives):
                    m.d.sync += highest.eq(Cat(highest[8:], value))
                with m.If(is_sign):
                    m.d.sync += [tick.eq(0), index.eq(index + 1)]
                    m.next = "Element"

            # Header, status and result of the reply.
            with m.State("Finish"):
                m.d.comb += [self.reply_address.eq(tick), self.reply_write.eq(1)]
                m.d.sync += tick.eq(tick + 1)
                counted = (kind == Message.READ_COUNTERS) & (status == Status.OK)
                header = [
                    self.type | REPLY_BIT | Mux(self.own, OWN_BIT, 0),
                    self.sequence,
                    to - HEADER_BYTES,
                    Const(0, 8),
                    status,
                    Mux(counted, frame_errors, result[:8] | undecided.replicate(8)),
                    Mux(counted, late_steps, result[8:] | undecided.replicate(8)),
                ]
                with m.Switch(tick):
                    for n, fact in enumerate(header):
                        with m.Case(n):
                            m.d.comb += self.reply_data.eq(fact)
                with m.If(tick == len(header) - 1):
                    m.d.comb += self.clear_counters.eq(counted & clears)
                    with m.If(status != Status.OK):
                        m.d.sync += self.error.eq(1)
                    m.next = "Send"
            with m.State("Send"):
                m.d.comb += [self.send.eq(1), self.release.eq(1)]
                with m.If(is_readout & (status == Status.OK)):
                    m.d.sync += self.decision.eq(result | undecided.replicate(len(self.decision)))
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
