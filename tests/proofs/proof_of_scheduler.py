"""The scheduler always comes back to idle, and how far it is from there only ever shrinks.

A rank is a number made of what is left to do: populations, the phase of this one, its connections,
events or spikes of the connection, cycles of the update. In every cycle that does not end in
``idle`` the rank becomes smaller, so there can be no endless step, clearing or refusal.

Memories are any value in each cycle that reads them. Assumed of the rest:

* of the program, what ``memory_image.pack`` writes: each population has 1..slots slots, exactly the
  last one is marked so, and spikes of a connection end within the bitmap;
* ``reset_state`` comes before the first step (the command unit gives it when an image is loaded);
* the number of events stays while the scheduler is not idle (the event memory is not open then);
* a word of the bitmap that is read again is the same (nothing writes it during delivery, which is
  proved here, too);
* lanes take a row that is offered, and come to rest, after some number of cycles below 65536, any
  other one each time. What they do with rows is not part of this proof.
"""

from __future__ import annotations

from amaranth.hdl import Assert, Assume, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from edgesnn.core_config import WORD_BITS, CoreConfig
from edgesnn.memory_layout import ConnectionWord, PopulationFlag
from edgesnn_hdl.scheduler import FINISH_CYCLES, SETTLE_CYCLES, Scheduler
from tests.proofs.inside import Inside
from tests.proofs.prover import Bug, Proof, prove


def implies(condition: Value, fact: Value) -> Assert:
    return Assert(~condition | fact)


class StepsEnd(wiring.Component):
    """Commands, program, events and lanes of a scheduler, as any as the assumptions allow."""

    def __init__(self, config: CoreConfig) -> None:
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "reset_state": In(1),
                "program_word": In(16),
                "populations": In(16),
                "event": In(16),
                "num_events": In(config.events.bit_length()),
                "refused": In(1),
                "spikes_word": In(WORD_BITS),
                "spikes": In(config.lanes),
                "rows_ready": In(1),
                "lanes_busy": In(1),
                "patience": In(16),
            }
        )

    def elaborate(self, _platform: object) -> Module:
        m = Module()
        config = self.config
        self.scheduler = scheduler = Scheduler(config)
        inside = Inside(scheduler)
        m.submodules.scheduler = inside.fragment
        reader, delivery, update = map(inside.part, ("descriptors", "delivery", "update"))
        m.d.comb += [
            scheduler.start.eq(self.start),
            scheduler.reset_state.eq(self.reset_state),
            scheduler.program_word.eq(self.program_word),
            scheduler.event.eq(self.event),
            scheduler.num_events.eq(self.num_events),
            scheduler.refused.eq(self.refused),
            scheduler.spikes_word.eq(self.spikes_word),
            scheduler.spikes.eq(self.spikes),
            scheduler.rows.ready.eq(self.rows_ready),
            scheduler.lanes_busy.eq(self.lanes_busy),
        ]
        idle, delivers = inside.state("Idle"), inside.state("Deliver")
        connects, drains = inside.state("Connection"), inside.state("Drain")
        updates, settles = inside.state("Update"), inside.state("Settle")
        finishes, clears = inside.state("Finish"), inside.state("Clear")
        rewinds, forgets = inside.state("Rewind"), inside.state("Forget")
        waits, reads_population = reader.state("Wait"), reader.state("Population")
        reads_connection, field = reader.state("Connection"), reader["field"]
        connections, num_slots = reader["connections"], reader["num_slots"]
        is_last = inside["flags"][PopulationFlag.IS_LAST]

        # The program: populations that come after the one that is being read, or was last.
        to_come, after = Signal(16), Signal(16)  # and after the one that is updated
        with m.If(inside["next_population"]):
            m.d.sync += to_come.eq(Mux(inside["from_start"], self.populations, to_come - 1))
        with m.If(inside["begin"]):
            m.d.sync += after.eq(to_come)
        word = self.program_word
        slots = word[: len(num_slots)]
        m.d.comb += [
            Assume(~(reads_population & (field == 1)) | ((slots >= 1) & (slots <= config.slots))),
            Assume(
                ~(reads_population & (field == 3))
                | (word[PopulationFlag.IS_LAST] == (to_come == 0))
            ),
            Assume(
                ~(reads_connection & (field == ConnectionWord.END_SOURCE) & ~reader["from_input"])
                | (word <= config.spike_words)
            ),
        ]

        # Commands, events and the bitmap.
        loaded = Signal()
        with m.If(idle & self.reset_state):
            m.d.sync += loaded.eq(1)
        events_before = Signal.like(self.num_events)
        address_1, address_2 = (Signal.like(scheduler.spikes_address, name=n) for n in "ab")
        word_before = Signal(WORD_BITS)
        m.d.sync += [
            events_before.eq(self.num_events),
            address_1.eq(scheduler.spikes_address),
            address_2.eq(address_1),
            word_before.eq(self.spikes_word),
        ]
        m.d.comb += [
            Assume(loaded | ~self.start | self.reset_state | self.refused),
            Assume(idle | (self.num_events == events_before)),
            Assume(~delivers | (address_1 != address_2) | (self.spikes_word == word_before)),
        ]

        # Lanes let the scheduler wait, but not for ever.
        patience = Signal(16)
        stalled = (
            (delivers & scheduler.rows.valid & ~self.rows_ready)
            | (connects & reader["ready"] & ~inside["alike"] & self.lanes_busy)
            | (drains & self.lanes_busy)
        )
        m.d.comb += Assume(~stalled | (patience != 0))
        m.d.sync += patience.eq(Mux(stalled, patience - 1, self.patience))

        # The rank.
        reading = Mux(reads_population, 8 - field, Mux(reads_connection, 4 - field, 0))[:4]
        position, on_list = delivery["position"], delivery["on_list"]
        end = Mux(on_list, self.num_events, inside["end_source"])
        distance = (end - position)[: len(position)]
        remaining = Mux(inside["from_input"], 0, self.spikes_word & ~delivery["done"])
        waited, left, lane, sweep = (
            inside["waited"],
            update["left"],
            update["lane"],
            update["sweep"],
        )
        major, phase = Signal(17), Signal(3)
        connection, within = Signal(9), Signal(max(len(position) + WORD_BITS, 24))
        for state, ranks in (
            (delivers, (to_come + 1, 3, Cat(1, connections), Cat(remaining, distance))),
            (connects, (to_come + 1, 3, Cat(0, connections), reading)),
            (drains, (to_come + 1, 2, 0, 0)),
            (updates, (after, 5, 0, Cat((config.lanes - 1 - lane)[:4], left))),
            (settles, (after, 4, 0, Cat(reading, (SETTLE_CYCLES - 1 - waited)[:3]))),
            (finishes, (after, 4, 0, Cat(reading, (FINISH_CYCLES - 1 - waited)[:3]))),
            (clears, (0, 4, 0, ~sweep)),
            (rewinds, (0, 3, 0, 0)),
            (forgets, (0, 2, 0, distance)),
        ):
            with m.If(state):
                parts = (major, phase, connection, within)
                m.d.comb += [part.eq(rank) for part, rank in zip(parts, ranks, strict=True)]
        rank = Cat(patience, within, connection, phase, major)
        rank_before, busy_before = Signal(len(rank)), Signal()
        m.d.sync += [rank_before.eq(rank), busy_before.eq(~idle)]
        m.d.comb += [
            Assert(scheduler.idle == idle),
            implies(busy_before & ~idle, rank < rank_before),
            implies(delivers, ~scheduler.spikes_write),
        ]

        # For the induction: which descriptor is there in which state, and what is known of it.
        m.d.comb += [
            Assert(waits | reads_population | reads_connection),
            Assert(idle | (phase != 0)),
            implies(~loaded, (idle | rewinds | forgets) & waits),
            implies(waits, field == 0),
            implies(idle | delivers | drains | rewinds | forgets, waits),
            implies(connects, ~reads_population & (connections != 0)),
            implies(
                loaded & (~reads_population | (field >= 2)),
                (num_slots >= 1) & (num_slots <= config.slots),
            ),
            implies(
                loaded & ~reads_population,
                reader["flags"][PopulationFlag.IS_LAST] == (to_come == 0),
            ),
            implies(updates | settles | finishes, is_last == (after == 0)),
            implies((updates & ~is_last) | settles, (to_come + 1 == after)),
            implies(settles, ~is_last & (waited < SETTLE_CYCLES)),
            implies(finishes, is_last & (waited < FINISH_CYCLES)),
            Assert(updates == (left != 0)),
            implies(~clears, sweep == 0),
            implies(clears, (reading == 0) | (reading + sweep <= 8)),
        ]
        return m


EVERYTHING = {"currents": True, "delays": True}
SIZES = {
    "one lane, 1024 neurons": CoreConfig(),
    "four lanes, currents, delays": CoreConfig(lanes=4, **EVERYTHING),
    "smallest": CoreConfig(
        neurons=16, synapse_words=512, inputs=16, events=16, program_words=16, readout_neurons=2
    ),
    "largest": CoreConfig(16, 24, 65536, 1048576, 32768, 32768, 65536, 65536, 64, **EVERYTHING),
}

PROOF = Proof(
    "the scheduler always comes back to idle",
    "induction over a rank that shrinks",
    {name: lambda config=config: prove(StepsEnd(config)) for name, config in SIZES.items()},
    ("one lane, 1024 neurons",),
    Bug(
        "an event of a refused step is forgotten again and again",
        "edgesnn_hdl.delivery",
        "(self.forgetting & ~self.at_end & ~self.rewind)",
        "(self.forgetting & ~self.at_end & self.rewind)",
    ),
)
