"""Gives every part of a network its place in a core, and says whether it fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgesnn.core_config import LANES, WORD_BITS, CoreConfig
from edgesnn.errors import DoesNotFit
from edgesnn.memory_layout import (
    MAX_SECTION_ELEMENTS,
    ConnectionWord,
    PopulationWord,
    Prologue,
)
from edgesnn.network import Connection, EventLimitForm, InputPopulation, Network
from edgesnn.number_format import MAX_DELAY
from edgesnn.synapse_coding import (
    FIRST_ROW_WORD,
    CodedRows,
    Coding,
    encode_rows,
    smaller_coding,
)


@dataclass(frozen=True)
class Usage:
    """What a network needs of one resource of a core; both in units of ``name``."""

    name: str
    needed: int
    available: int

    @property
    def fits(self) -> bool:
        return self.needed <= self.available


@dataclass(frozen=True, eq=False)
class PlacedConnection:
    """A connection with its place in the lanes."""

    connection: Connection
    coding: Coding
    row_starts: int
    lanes: tuple[CodedRows, ...]
    first_word: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Placement:
    """Where every part of a network lies in the memories of a core with ``lanes`` lanes.

    first_slot, num_slots, first_spike_word   one for each population; 0 for inputs
    """

    network: Network
    lanes: int
    connections: tuple[PlacedConnection, ...]
    first_slot: tuple[int, ...]
    num_slots: tuple[int, ...]
    first_spike_word: tuple[int, ...]
    spike_words: int
    synapse_words: tuple[int, ...]

    @property
    def slots(self) -> int:
        return sum(self.num_slots)

    @property
    def program_words(self) -> int:
        return (
            len(Prologue)
            + len(self.network.neurons) * len(PopulationWord)
            + len(self.connections) * len(ConnectionWord)
        )

    @property
    def most_events(self) -> int:
        """Input events that the network allows in one time step."""
        limit = self.network.event_limit
        times = self.network.num_inputs if limit.form is EventLimitForm.FULL else 1
        return times * limit.value


def place(
    network: Network, lanes: int, coding: Coding | Sequence[Coding] | None = None
) -> Placement:
    """Give every part of a network its place; row starts first, then the rows.

    coding   one coding for all connections, or one for each; None takes the smaller one for each
    """
    if coding is None:
        codings = [smaller_coding(c.synapses, lanes) for c in network.connections]
    elif isinstance(coding, Coding):
        codings = [coding] * len(network.connections)
    else:
        codings = list(coding)
    first_slot, num_slots, first_word = [], [], []
    slots = spike_words = 0
    for p in network.populations:
        is_input = isinstance(p, InputPopulation)
        needed = 0 if is_input else -(-p.size // lanes)
        first_slot.append(0 if is_input else slots)
        first_word.append(0 if is_input else spike_words)
        num_slots.append(needed)
        slots += needed
        spike_words += 0 if is_input else -(-needed * lanes // WORD_BITS)

    row_starts, table = [], 0
    for c in network.connections:
        row_starts.append(table)
        table += c.synapses.num_sources
    used = [max(table, FIRST_ROW_WORD)] * lanes
    placed = []
    for c, start, chosen in zip(network.connections, row_starts, codings, strict=True):
        coded = tuple(encode_rows(c.synapses, chosen, k, lanes) for k in range(lanes))
        placed.append(PlacedConnection(c, chosen, start, coded, tuple(used)))
        used = [u + len(rows.words) for u, rows in zip(used, coded, strict=True)]
    return Placement(
        network,
        lanes,
        tuple(placed),
        tuple(first_slot),
        tuple(num_slots),
        tuple(first_word),
        spike_words,
        tuple(used),
    )


def usage(placement: Placement, config: CoreConfig) -> list[Usage]:
    """What a network needs next to what a core has, resource by resource."""
    network = placement.network
    size = network.populations[network.readout.population].size
    lanes = config.lanes
    current_based = sum(p.size for p in network.neurons if p.current_based)
    # What few networks need and few cores have is told only where one of them does.
    features = [
        Usage("current-based neurons", current_based, config.neurons * config.currents),
        Usage("steps of delay", network.max_delay, MAX_DELAY * config.delays),
    ]
    return [
        Usage("state bits", network.state_bits, config.state_bits),
        Usage("neurons", placement.slots * lanes, config.neurons),
        Usage("inputs", network.num_inputs, config.inputs),
        Usage(
            "synapse words",
            max(placement.synapse_words) * lanes,
            # A section of an image counts its words in 16 bits.
            min(config.synapse_words, MAX_SECTION_ELEMENTS * lanes),
        ),
        Usage("program words", placement.program_words, config.program_words),
        Usage("spike words", placement.spike_words, config.spike_words),
        Usage("read-out neurons", -(-size // lanes) * lanes, config.readout_neurons),
        Usage("events in a time step", placement.most_events, config.events),
        *(u for u in features if u.needed or u.available),
    ]


_REMEDIES = {
    "state bits": "compress with a smaller --state-bits",
    "synapse words": "prune more",
    "events in a time step": "use the LIMITED form of the event limit",
    "current-based neurons": "take a core with currents, or train plain LIF neurons",
    "steps of delay": "take a core with delays",
}


def check_fits(placement: Placement, config: CoreConfig) -> None:
    """Raise ``DoesNotFit`` with every shortage: what, how much too much, what to do."""
    if placement.lanes != config.lanes:
        raise ValueError(f"placement must be for {config.lanes} lanes, not {placement.lanes}")
    short = [u for u in usage(placement, config) if not u.fits]
    if short:
        remedy = "take a larger core"
        raise DoesNotFit(
            [
                f"{u.name} must be at most {u.available}, not {u.needed} "
                f"({u.needed - u.available} too many); {_REMEDIES.get(u.name, remedy)}"
                for u in short
            ]
        )


def check_fits_image(placement: Placement) -> None:
    """Raise ``DoesNotFit`` with every number that the 16-bit fields of an image cannot hold."""
    sizes = {
        "neurons": placement.slots,
        "inputs": placement.network.num_inputs,
        "synapse words": max(placement.synapse_words),
        "program words": placement.program_words,
        "events in a time step": placement.most_events,
    }
    remedy = "take a smaller network"
    short = [
        f"{name} must be at most {MAX_SECTION_ELEMENTS} for each lane of a memory image, "
        f"not {size}; {_REMEDIES.get(name, remedy)}"
        for name, size in sizes.items()
        if size > MAX_SECTION_ELEMENTS
    ]
    if short:
        raise DoesNotFit(short)


def place_for_software(
    network: Network, coding: Coding | Sequence[Coding] | None = None
) -> Placement:
    """The placement with as few lanes as hold the network: one, unless it is very large.

    Lanes mean nothing to the C runtime; they only give an image more room.
    Raises ``DoesNotFit`` if the largest number of lanes is too small.
    """
    *fewer, most = LANES
    for lanes in fewer:
        placement = place(network, lanes, coding)
        try:
            check_fits_image(placement)
        except DoesNotFit:
            continue
        return placement
    placement = place(network, most, coding)
    check_fits_image(placement)
    return placement
