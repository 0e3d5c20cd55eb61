"""Turns the events of a connection into row starts for the lanes, one a cycle.

Events come from the list of input events, in order of arrival, or from the spike bitmap, in
ascending order. An event of another input costs a cycle, an empty word of the bitmap too.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from edgesnn.core_config import WORD_BITS, CoreConfig


def _any_and_several(bits: Value) -> tuple[Value, Value]:
    """Whether any of the bits is 1, and whether more than one is: a tree, which is faster than to
    look at what ``bits & (bits - 1)`` leaves."""
    if len(bits) == 1:
        return bits, Const(0, 1)
    half = len(bits) // 2
    low, high = _any_and_several(bits[:half]), _any_and_several(bits[half:])
    return low[0] | high[0], low[1] | high[1] | (low[0] & high[0])


class Delivery(wiring.Component):
    """A position in the event list or in the bitmap, and what is there.

    Members
    -------
    rewind : In(1)
        Go to the first event of the connection (or of the list, for ``forgetting``).
    delivering, forgetting : In(1)
        Deliver to ``rows``; or only visit each event of the list, so that it can be forgotten.
    at_end : Out(1)
        Everything was visited; nothing happens any more.
    forget : Out(1)
        Pulses when an event of the list was visited.
    from_input, first_source, end_source, row_base : In
        Of the connection, see memory_layout.ConnectionWord.
    event_address, event, num_events : event list
    spikes_address, spikes_word : bitmap
    rows : Out(stream)
        Addresses of row starts.
    """

    def __init__(self, config: CoreConfig) -> None:
        # Counts and ends may be as large as the memories.
        event_bits = config.events.bit_length()
        self.source_bits = max(config.inputs.bit_length(), config.spike_words.bit_length())
        self.position_bits = max(event_bits, config.spike_words.bit_length())
        super().__init__(
            {
                "rewind": In(1),
                "delivering": In(1),
                "forgetting": In(1),
                "at_end": Out(1),
                "forget": Out(1),
                "from_input": In(1),
                "first_source": In(self.source_bits),
                "end_source": In(self.source_bits),
                "row_base": In(16),
                "event_address": Out(event_bits),
                "event": In(16),
                "num_events": In(event_bits),
                "spikes_address": Out(range(config.spike_words)),
                "spikes_word": In(WORD_BITS),
                "rows": Out(stream.Signature(unsigned(16))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        position = Signal(self.position_bits)
        hold = Signal(self.position_bits)
        following = Signal(self.position_bits)
        next_position = Signal(self.position_bits)
        advance = Signal()
        on_list = Signal()
        m.d.comb += [
            on_list.eq(self.from_input | self.forgetting),
            hold.eq(position),
            following.eq(position + 1),
            next_position.eq(Mux(advance, following, hold)),
            self.event_address.eq(next_position),
            self.spikes_address.eq(next_position),
        ]
        # The end is compared with one cycle early, for each of the two places that can be next.
        end = Signal(self.position_bits)
        m.d.comb += end.eq(Mux(on_list, self.num_events, self.end_source))
        m.d.sync += [
            position.eq(next_position),
            self.at_end.eq(Mux(advance, following == end, hold == end)),
        ]
        with m.If(self.rewind):
            m.d.comb += hold.eq(Mux(on_list, 0, self.first_source))

        # What the visible event or word offers. These paths begin at a memory and end at its
        # address, so the choice whether to advance is kept shallow.
        active = Signal()
        from_list = Signal()
        event = self.event[: self.source_bits]
        below = event < self.first_source
        beyond = event >= self.end_source
        done = Signal(WORD_BITS)  # bits of the visible word that were delivered
        remaining = self.spikes_word & ~done
        others = Signal(WORD_BITS)  # remaining, but for the lowest bit
        lowest_bit = Signal(range(WORD_BITS))
        any_left, several_left = _any_and_several(remaining)
        m.d.comb += [
            active.eq(self.delivering & ~self.at_end),
            from_list.eq(active & self.from_input),
            others.eq(remaining & (remaining - 1)),
            self.rows.valid.eq(active & Mux(self.from_input, ~below & ~beyond, any_left)),
            self.rows.payload.eq(
                self.row_base + Mux(self.from_input, event, Cat(lowest_bit, position[:12]))
            ),
            advance.eq(
                (from_list & (self.rows.ready | below | beyond))
                | (active & ~self.from_input & ~several_left & (self.rows.ready | ~any_left))
                | (self.forgetting & ~self.at_end & ~self.rewind)
            ),
            self.forget.eq(advance & on_list),
        ]
        for bit in reversed(range(WORD_BITS)):
            with m.If(remaining[bit]):
                m.d.comb += lowest_bit.eq(bit)
        with m.If(self.rewind | advance):
            m.d.sync += done.eq(0)
        with m.Elif(self.rows.valid & self.rows.ready):
            m.d.sync += done.eq(self.spikes_word & ~others)
        return m
