"""The memory image: what a device loads. Little-endian 16-bit words; ``docs/memory_image.md``.

A header with what the network needs, then sections (region, lane, first address, elements), then
a CRC-32 of everything before. The same :class:`MemoryLayout` sizes the memories of the gates and
checks what is packed for them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from edgesnn import design_rules
from edgesnn.core_config import WORD_BITS, CoreConfig
from edgesnn.errors import DesignRuleError, DoesNotFit, ModelFileError
from edgesnn.network import (
    Connection,
    EventLimit,
    EventLimitForm,
    InputPopulation,
    LifPopulation,
    Network,
    Readout,
    ReadoutRule,
)
from edgesnn.neuron import ResetMode, ResetOrder
from edgesnn.synapse_coding import CodedRows, Coding, decode_row, encode_rows, smaller_coding
from edgesnn.synapses import Synapses

IMAGE_VERSION = 1
MAGIC = b"ESNI"
HEADER_WORDS = 32


class Region(IntEnum):
    """Memories of a core. The first five are loaded; the others can only be read back."""

    PROGRAM = 0
    SYNAPSES = 1
    THRESHOLD = 2
    BIAS = 3
    DECAY = 4
    MEMBRANE = 8
    SPIKES = 9
    ACCUMULATOR = 10


#: Ends the list of sections.
END_OF_SECTIONS = 0xFF
#: Regions whose elements are stored as two words, low word first.
TWO_WORD_REGIONS = (Region.THRESHOLD, Region.BIAS)
#: Regions that exist once, not once in each lane.
SHARED_REGIONS = (Region.PROGRAM, Region.SPIKES)


@dataclass(frozen=True)
class MemoryLayout:
    """Depth (elements in each lane) and width (bits) of every memory of a core."""

    config: CoreConfig

    def depth(self, region: Region) -> int:
        c = self.config
        return {
            Region.PROGRAM: c.program_words,
            Region.SYNAPSES: c.synapse_words_per_lane,
            Region.SPIKES: c.spike_words,
            Region.ACCUMULATOR: c.readout_slots,
        }.get(region, c.slots)

    def width(self, region: Region) -> int:
        return {
            Region.PROGRAM: WORD_BITS,
            Region.SYNAPSES: WORD_BITS,
            Region.SPIKES: WORD_BITS,
            Region.DECAY: 13,
            Region.ACCUMULATOR: 32,
        }.get(region, self.config.state_bits)


# The program: a prologue, then for each LIF population its descriptor followed by those of its
# incoming connections. Offsets are words within the descriptor.


class Prologue(IntEnum):
    """Words at the start of the program."""

    READOUT_RULE = 0
    READOUT_SIZE = 1
    EVENT_LIMIT_FORM = 2
    EVENT_LIMIT_VALUE = 3
    NUM_INPUTS = 4
    NUM_POPULATIONS = 5


class PopulationWord(IntEnum):
    """Descriptor of a population: flags, update slots, and where it lies."""

    FLAGS = 0
    NUM_CONNECTIONS = 1
    NUM_SLOTS = 2
    FIRST_SLOT = 3
    FIRST_SPIKE_WORD = 4
    MEMBRANE_BITS = 5
    SIZE = 6


class PopulationFlag(IntEnum):
    """Bit positions in PopulationWord.FLAGS; the reset mode takes two bits."""

    SPIKING = 0
    STRICT = 1
    RESET_AFTER_DECAY = 2
    IS_READOUT = 3
    RESET_MODE = 4


class ConnectionWord(IntEnum):
    """Descriptor of a connection.

    FIRST_SOURCE is a source id for inputs, a word of the spike bitmap for neurons;
    NUM_SOURCES counts sources for inputs, words of the bitmap for neurons.
    """

    FLAGS = 0
    FIRST_SOURCE = 1
    NUM_SOURCES = 2
    ROW_STARTS = 3


class ConnectionFlag(IntEnum):
    """Bit positions in ConnectionWord.FLAGS; the shift takes four bits, the delay (0) too."""

    FROM_INPUT = 0
    PACKED = 1
    WEIGHT_SHIFT = 4
    DELAY = 8


class HeaderWord(IntEnum):
    """Words of the header; those not named are reserved and 0."""

    MAGIC_LOW = 0
    MAGIC_HIGH = 1
    VERSION = 2
    HEADER_WORDS = 3
    TOTAL_WORDS_LOW = 4
    TOTAL_WORDS_HIGH = 5
    LANES = 6
    STATE_BITS = 7
    FEATURES = 8
    SPIKES_PER_STEP = 9
    NUM_POPULATIONS = 10
    NUM_CONNECTIONS = 11
    NUM_INPUTS = 12
    NUM_NEURONS_LOW = 13
    NUM_NEURONS_HIGH = 14
    SLOTS = 15
    SYNAPSE_WORDS_MINUS_1 = 16
    PROGRAM_WORDS = 17
    SPIKE_WORDS = 18
    READOUT_SLOTS = 19
    EVENTS = 20
    WINDOW_STEPS = 21


def header_limits(config: CoreConfig) -> dict[HeaderWord, tuple[int, int]]:
    """Lowest and highest value that a core accepts in each header word.

    The gates check the same table; words that are not in it must be 0.
    """
    layout = MemoryLayout(config)
    magic = np.frombuffer(MAGIC, "<u2")
    return {
        HeaderWord.MAGIC_LOW: (int(magic[0]), int(magic[0])),
        HeaderWord.MAGIC_HIGH: (int(magic[1]), int(magic[1])),
        HeaderWord.VERSION: (IMAGE_VERSION, IMAGE_VERSION),
        HeaderWord.HEADER_WORDS: (HEADER_WORDS, HEADER_WORDS),
        HeaderWord.TOTAL_WORDS_LOW: (0, 65535),
        HeaderWord.TOTAL_WORDS_HIGH: (0, 65535),
        HeaderWord.LANES: (config.lanes, config.lanes),
        HeaderWord.STATE_BITS: (2, config.state_bits),
        HeaderWord.SPIKES_PER_STEP: (1, 1),
        HeaderWord.NUM_POPULATIONS: (1, 65535),
        HeaderWord.NUM_CONNECTIONS: (0, 65535),
        HeaderWord.NUM_INPUTS: (1, config.inputs),
        HeaderWord.NUM_NEURONS_LOW: (0, 65535),
        HeaderWord.NUM_NEURONS_HIGH: (0, 65535),
        HeaderWord.SLOTS: (1, config.slots),
        HeaderWord.SYNAPSE_WORDS_MINUS_1: (0, config.synapse_words_per_lane - 1),
        HeaderWord.PROGRAM_WORDS: (1, config.program_words),
        HeaderWord.SPIKE_WORDS: (1, layout.depth(Region.SPIKES)),
        HeaderWord.READOUT_SLOTS: (1, config.readout_slots),
        HeaderWord.EVENTS: (1, config.events),
        HeaderWord.WINDOW_STEPS: (1, 65535),
    }


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
    used = [table] * lanes
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
    size = placement.network.populations[placement.network.readout.population].size
    lanes = config.lanes
    return [
        Usage("state bits", placement.network.state_bits, config.state_bits),
        Usage("neurons", placement.slots * lanes, config.neurons),
        Usage("inputs", placement.network.num_inputs, config.inputs),
        Usage("synapse words", max(placement.synapse_words) * lanes, config.synapse_words),
        Usage("program words", placement.program_words, config.program_words),
        Usage("spike words", placement.spike_words, config.spike_words),
        Usage("read-out neurons", -(-size // lanes) * lanes, config.readout_neurons),
        Usage("events in a time step", placement.most_events, config.events),
    ]


_REMEDIES = {
    "synapse words": "prune more",
    "events in a time step": "use the LIMITED form of the event limit",
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


def _program(placement: Placement) -> list[int]:
    network = placement.network
    prologue = {
        Prologue.READOUT_RULE: int(network.readout.rule),
        Prologue.READOUT_SIZE: network.populations[network.readout.population].size,
        Prologue.EVENT_LIMIT_FORM: int(network.event_limit.form),
        Prologue.EVENT_LIMIT_VALUE: network.event_limit.value,
        Prologue.NUM_INPUTS: network.num_inputs,
        Prologue.NUM_POPULATIONS: len(network.neurons),
    }
    words = [prologue[name] for name in Prologue]
    for index, p in enumerate(network.populations):
        if not isinstance(p, LifPopulation):
            continue
        incoming = [c for c in placement.connections if c.connection.target == index]
        descriptor = {
            PopulationWord.FLAGS: p.spiking << PopulationFlag.SPIKING
            | p.strict << PopulationFlag.STRICT
            | int(p.reset_order) << PopulationFlag.RESET_AFTER_DECAY
            | (index == network.readout.population) << PopulationFlag.IS_READOUT
            | int(p.reset_mode) << PopulationFlag.RESET_MODE,
            PopulationWord.NUM_CONNECTIONS: len(incoming),
            PopulationWord.NUM_SLOTS: placement.num_slots[index],
            PopulationWord.FIRST_SLOT: placement.first_slot[index],
            PopulationWord.FIRST_SPIKE_WORD: placement.first_spike_word[index],
            PopulationWord.MEMBRANE_BITS: p.membrane_bits,
            PopulationWord.SIZE: p.size,
        }
        words += [descriptor[name] for name in PopulationWord]
        for placed in incoming:
            source = placed.connection.source
            from_input = isinstance(network.populations[source], InputPopulation)
            size = network.populations[source].size
            connection = {
                ConnectionWord.FLAGS: from_input << ConnectionFlag.FROM_INPUT
                | int(placed.coding) << ConnectionFlag.PACKED
                | placed.connection.weight_shift << ConnectionFlag.WEIGHT_SHIFT
                | placed.connection.delay << ConnectionFlag.DELAY,
                ConnectionWord.FIRST_SOURCE: network.first_id[source]
                if from_input
                else placement.first_spike_word[source],
                ConnectionWord.NUM_SOURCES: size if from_input else -(-size // WORD_BITS),
                ConnectionWord.ROW_STARTS: placed.row_starts,
            }
            words += [connection[name] for name in ConnectionWord]
    return words


def _lane_memory(placement: Placement, lane: int) -> npt.NDArray[np.uint16]:
    """Row starts and rows of one lane."""
    memory = np.zeros(placement.synapse_words[lane], np.uint16)
    for placed in placement.connections:
        rows, first = placed.lanes[lane], placed.first_word[lane]
        starts = np.where(rows.row_start >= 0, rows.row_start + first, 0)
        memory[placed.row_starts : placed.row_starts + len(starts)] = starts
        memory[first : first + len(rows.words)] = rows.words
    return memory


def _parameter(
    placement: Placement, region: Region, lane: int, pad: int
) -> npt.NDArray[np.int64]:
    """One parameter for every slot of a lane; ``pad`` where a slot has no neuron."""
    field = {Region.THRESHOLD: "threshold", Region.BIAS: "bias", Region.DECAY: "decay"}[region]
    parts = []
    for p, count in zip(placement.network.populations, placement.num_slots, strict=True):
        if isinstance(p, LifPopulation):
            mine = getattr(p, field)[lane :: placement.lanes]
            parts.append(np.concatenate((mine, np.full(count - len(mine), pad))))
    return np.concatenate(parts).astype(np.int64)


def _section(region: int, lane: int, elements: npt.NDArray[np.int64]) -> list[npt.NDArray]:
    """Header (region and lane, words of an element, elements, first address), elements, padding."""
    two_words = region in TWO_WORD_REGIONS
    body = elements.astype("<i4").view("<u2") if two_words else elements.astype("<u2")
    header = np.array([region | lane << 8, 1 + two_words, len(elements), 0], "<u2")
    return [header, body, np.zeros(len(body) % 2, "<u2")]


def pack(network: Network, config: CoreConfig, coding: Coding | None = None) -> bytes:
    """The memory image of a network for a core.

    Raises ``DesignRuleError`` or ``DoesNotFit``; nothing that breaks a rule is ever packed.
    """
    design_rules.check(network)
    placement = place(network, config.lanes, coding)
    check_fits(placement, config)
    return pack_placement(placement)


def pack_placement(placement: Placement) -> bytes:
    """The bytes of a placement, without any check of rules (to study what they forbid)."""
    network = placement.network
    # A slot without a neuron keeps still: nothing points to it and it can never fire.
    never = (1 << (network.state_bits - 1)) - 1
    parts = _section(Region.PROGRAM, 0, np.array(_program(placement)))
    for lane in range(placement.lanes):
        parts += _section(Region.SYNAPSES, lane, _lane_memory(placement, lane).astype(np.int64))
        for region, pad in ((Region.THRESHOLD, never), (Region.BIAS, 0), (Region.DECAY, 0)):
            parts += _section(region, lane, _parameter(placement, region, lane, pad))
    parts.append(np.array([END_OF_SECTIONS, 0, 0, 0], "<u2"))

    body = np.concatenate(parts)
    total = HEADER_WORDS + len(body) + 2
    size = network.populations[network.readout.population].size
    magic = np.frombuffer(MAGIC, "<u2")
    fields = {
        HeaderWord.MAGIC_LOW: int(magic[0]),
        HeaderWord.MAGIC_HIGH: int(magic[1]),
        HeaderWord.VERSION: IMAGE_VERSION,
        HeaderWord.HEADER_WORDS: HEADER_WORDS,
        HeaderWord.TOTAL_WORDS_LOW: total & 0xFFFF,
        HeaderWord.TOTAL_WORDS_HIGH: total >> 16,
        HeaderWord.LANES: placement.lanes,
        HeaderWord.STATE_BITS: network.state_bits,
        HeaderWord.FEATURES: 0,
        HeaderWord.SPIKES_PER_STEP: 1,
        HeaderWord.NUM_POPULATIONS: len(network.neurons),
        HeaderWord.NUM_CONNECTIONS: len(network.connections),
        HeaderWord.NUM_INPUTS: network.num_inputs,
        HeaderWord.NUM_NEURONS_LOW: network.num_neurons & 0xFFFF,
        HeaderWord.NUM_NEURONS_HIGH: network.num_neurons >> 16,
        HeaderWord.SLOTS: placement.slots,
        HeaderWord.SYNAPSE_WORDS_MINUS_1: max(max(placement.synapse_words) - 1, 0),
        HeaderWord.PROGRAM_WORDS: placement.program_words,
        HeaderWord.SPIKE_WORDS: placement.spike_words,
        HeaderWord.READOUT_SLOTS: -(-size // placement.lanes),
        HeaderWord.EVENTS: placement.most_events,
        HeaderWord.WINDOW_STEPS: network.readout.window_steps,
    }
    header = np.zeros(HEADER_WORDS, "<u2")
    for name, value in fields.items():
        header[name] = value
    data = np.concatenate((header, body)).tobytes()
    return data + zlib.crc32(data).to_bytes(4, "little")


def _sections(
    words: npt.NDArray[np.uint16],
) -> Iterator[tuple[tuple[Region, int], npt.NDArray[np.int64]]]:
    """(region, lane) and elements of every section; refuses what is out of bounds or unknown."""
    at = HEADER_WORDS
    while True:
        tag, element_words, count, address = (int(w) for w in words[at : at + 4])
        at += 4
        if tag == END_OF_SECTIONS:
            return
        region = Region(tag & 0xFF)
        width = 1 + (region in TWO_WORD_REGIONS)
        if element_words != width or address:
            raise ValueError(f"the header of section {region.name} is not one of ours")
        body = words[at : at + count * width]
        if len(body) != count * width:
            raise ValueError(f"section {region.name} must end within the image")
        yield (region, tag >> 8), body.view("<i4" if width == 2 else "<u2").astype(np.int64)
        at += count * width + (count * width) % 2


@dataclass(frozen=True)
class _Descriptor:
    """A population of the program with its incoming connections, still as numbers."""

    words: dict[PopulationWord, int]
    connections: list[dict[ConnectionWord, int]]


def _descriptors(program: npt.NDArray[np.int64]) -> list[_Descriptor]:
    words = iter(program[len(Prologue) :].tolist())
    found = []
    for _ in range(int(program[Prologue.NUM_POPULATIONS])):
        population = {name: next(words) for name in PopulationWord}
        connections = [
            {name: next(words) for name in ConnectionWord}
            for _ in range(population[PopulationWord.NUM_CONNECTIONS])
        ]
        found.append(_Descriptor(population, connections))
    return found


def _interleaved(
    sections: dict[tuple[Region, int], npt.NDArray[np.int64]],
    region: Region,
    lanes: int,
    slots: slice,
    size: int,
) -> npt.NDArray[np.int64]:
    """A parameter of a population, from its lanes back to neuron order."""
    return np.stack([sections[region, k][slots] for k in range(lanes)], axis=1).reshape(-1)[:size]


def _unpack_synapses(
    memories: list[npt.NDArray[np.uint16]],
    words: dict[ConnectionWord, int],
    num_sources: int,
    num_targets: int,
) -> Synapses:
    coding = Coding((words[ConnectionWord.FLAGS] >> ConnectionFlag.PACKED) & 1)
    lanes = len(memories)
    row_start, targets, weights = [0], [], []
    for source in range(num_sources):
        row = []
        for lane, memory in enumerate(memories):
            start = int(memory[words[ConnectionWord.ROW_STARTS] + source])
            if start:
                pairs, _ = decode_row(memory, start, coding)
                row += [(slot * lanes + lane, weight) for slot, weight in pairs]
        row.sort()
        targets += [t for t, _ in row]
        weights += [w for _, w in row]
        row_start.append(len(targets))
    return Synapses(np.array(row_start), np.array(targets), np.array(weights), num_targets)


def _network(words: npt.NDArray[np.uint16]) -> tuple[Network, int, list[Coding]]:
    """The network, lanes and codings that the words of an image describe."""
    lanes = int(words[HeaderWord.LANES])
    sections = dict(_sections(words))
    program = sections[Region.PROGRAM, 0]
    memories = [sections[Region.SYNAPSES, k].astype(np.uint16) for k in range(lanes)]
    descriptors = _descriptors(program)

    # Input populations are not in the image: cut the sources where connections begin and end.
    num_inputs = int(program[Prologue.NUM_INPUTS])
    cuts = {0, num_inputs}
    for descriptor in descriptors:
        for c in descriptor.connections:
            if c[ConnectionWord.FLAGS] & 1 << ConnectionFlag.FROM_INPUT:
                first = c[ConnectionWord.FIRST_SOURCE]
                cuts |= {first, first + c[ConnectionWord.NUM_SOURCES]}
    bounds = sorted(cuts)
    inputs = [
        InputPopulation(f"input{i}", last - first)
        for i, (first, last) in enumerate(zip(bounds[:-1], bounds[1:], strict=True))
    ]
    population_of_source = {first: i for i, first in enumerate(bounds[:-1])}
    population_of_spikes = {
        d.words[PopulationWord.FIRST_SPIKE_WORD]: len(inputs) + i
        for i, d in enumerate(descriptors)
    }
    neurons: list[LifPopulation] = []
    connections: list[Connection] = []
    codings: list[Coding] = []
    readouts: list[int] = []
    for d in descriptors:
        flags, size = d.words[PopulationWord.FLAGS], d.words[PopulationWord.SIZE]
        first_slot = d.words[PopulationWord.FIRST_SLOT]
        slots = slice(first_slot, first_slot + d.words[PopulationWord.NUM_SLOTS])
        index = len(inputs) + len(neurons)
        if flags & 1 << PopulationFlag.IS_READOUT:
            readouts.append(index)
        threshold, bias, decay = (
            _interleaved(sections, region, lanes, slots, size)
            for region in (Region.THRESHOLD, Region.BIAS, Region.DECAY)
        )
        neurons.append(
            LifPopulation(
                f"lif{len(neurons)}",
                threshold,
                decay,
                bias,
                spiking=bool(flags & 1 << PopulationFlag.SPIKING),
                reset_mode=ResetMode((flags >> PopulationFlag.RESET_MODE) & 3),
                reset_order=ResetOrder((flags >> PopulationFlag.RESET_AFTER_DECAY) & 1),
                strict=bool(flags & 1 << PopulationFlag.STRICT),
                membrane_bits=d.words[PopulationWord.MEMBRANE_BITS],
            )
        )
    for target, d in enumerate(descriptors, start=len(inputs)):
        for c in d.connections:
            first = c[ConnectionWord.FIRST_SOURCE]
            if c[ConnectionWord.FLAGS] & 1 << ConnectionFlag.FROM_INPUT:
                source, num_sources = population_of_source[first], c[ConnectionWord.NUM_SOURCES]
            else:
                source = population_of_spikes[first]
                num_sources = neurons[source - len(inputs)].size
            connections.append(
                Connection(
                    source,
                    target,
                    _unpack_synapses(
                        memories, c, num_sources, neurons[target - len(inputs)].size
                    ),
                    weight_shift=(c[ConnectionWord.FLAGS] >> ConnectionFlag.WEIGHT_SHIFT) & 15,
                    delay=(c[ConnectionWord.FLAGS] >> ConnectionFlag.DELAY) & 15,
                )
            )
            codings.append(Coding((c[ConnectionWord.FLAGS] >> ConnectionFlag.PACKED) & 1))
    (readout,) = readouts
    network = Network(
        tuple(inputs) + tuple(neurons),
        tuple(connections),
        Readout(
            readout,
            ReadoutRule(program[Prologue.READOUT_RULE]),
            int(words[HeaderWord.WINDOW_STEPS]),
        ),
        int(words[HeaderWord.STATE_BITS]),
        EventLimit(
            EventLimitForm(program[Prologue.EVENT_LIMIT_FORM]),
            int(program[Prologue.EVENT_LIMIT_VALUE]),
        ),
    )
    return network, lanes, codings


def unpack(image: bytes) -> Network:
    """The network in a memory image; populations get plain names, ``info`` is empty.

    Raises ``ModelFileError`` for anything that :func:`pack` would not have written.
    """
    if len(image) < 2 * HEADER_WORDS + 4 or len(image) % 2:
        raise ModelFileError(
            f"a memory image must have an even number of bytes, at least {2 * HEADER_WORDS + 4}, "
            f"not {len(image)}"
        )
    if image[:4] != MAGIC:
        raise ModelFileError(f"a memory image must begin with {MAGIC!r}, not {image[:4]!r}")
    words = np.frombuffer(image[:-4], "<u2")
    if words[HeaderWord.VERSION] != IMAGE_VERSION:
        raise ModelFileError(
            f"image version must be {IMAGE_VERSION}, not {words[HeaderWord.VERSION]}; "
            "pack the network again with this version of edgesnn"
        )
    if zlib.crc32(image[:-4]) != int.from_bytes(image[-4:], "little"):
        raise ModelFileError("the CRC-32 must match the image; the image is damaged")
    try:
        network, lanes, codings = _network(words)
        design_rules.check(network)
        again = pack_placement(place(network, lanes, codings))
    except (ValueError, IndexError, KeyError, StopIteration, DesignRuleError) as error:
        raise ModelFileError(f"the memory image is inconsistent: {error}") from error
    # One network has one image: whatever a reader might overlook shows up as a difference here.
    if again != image:
        raise ModelFileError("the memory image differs from what its own network would give")
    return network
