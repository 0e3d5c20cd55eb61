"""The memory image: what a device loads. Little-endian 16-bit words; ``docs/memory_image.md``.

A header with what the network needs, then sections (region, lane, elements), then a CRC-32 of
everything before. Where things lie is in :mod:`edgesnn.memory_layout`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from edgesnn import design_rules
from edgesnn.core_config import LANES, WORD_BITS, CoreConfig
from edgesnn.errors import DesignRuleError, ModelFileError
from edgesnn.memory_layout import (
    CURRENT_BITS_SHIFT,
    END_OF_SECTIONS,
    HEADER_WORDS,
    IMAGE_VERSION,
    MAGIC,
    TWO_WORD_REGIONS,
    ConnectionFlag,
    ConnectionWord,
    Feature,
    HeaderWord,
    PopulationFlag,
    PopulationWord,
    Prologue,
    Region,
    features,
)
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
from edgesnn.placement import Placement, check_fits, place
from edgesnn.synapse_coding import FIRST_ROW_WORD, Coding, decode_row
from edgesnn.synapses import Synapses


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
            | int(p.reset_mode) << PopulationFlag.RESET_MODE
            | (index == len(network.populations) - 1) << PopulationFlag.IS_LAST,
            PopulationWord.NUM_CONNECTIONS: len(incoming),
            PopulationWord.NUM_SLOTS: placement.num_slots[index],
            PopulationWord.FIRST_SLOT: placement.first_slot[index],
            PopulationWord.FIRST_SPIKE_WORD: placement.first_spike_word[index],
            PopulationWord.CLAMP_BITS: p.membrane_bits | p.current_bits << CURRENT_BITS_SHIFT,
            PopulationWord.SIZE: p.size,
        }
        words += [descriptor[name] for name in PopulationWord]
        for placed in incoming:
            source = placed.connection.source
            from_input = isinstance(network.populations[source], InputPopulation)
            size = network.populations[source].size
            first = network.first_id[source] if from_input else placement.first_spike_word[source]
            number = first if from_input else first * WORD_BITS
            connection = {
                ConnectionWord.FLAGS: from_input << ConnectionFlag.FROM_INPUT
                | int(placed.coding) << ConnectionFlag.PACKED
                | placed.connection.weight_shift << ConnectionFlag.WEIGHT_SHIFT
                | placed.connection.delay << ConnectionFlag.DELAY,
                ConnectionWord.FIRST_SOURCE: first,
                ConnectionWord.END_SOURCE: first + (size if from_input else -(-size // WORD_BITS)),
                ConnectionWord.ROW_BASE: (placed.row_starts - number) & 0xFFFF,
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


def _parameter(placement: Placement, region: Region, lane: int, pad: int) -> npt.NDArray[np.int64]:
    """One parameter for every slot of a lane; ``pad`` where a slot has no neuron.

    The synaptic decay of a neuron without a current is 0.
    """
    parts = []
    for p, count in zip(placement.network.populations, placement.num_slots, strict=True):
        if isinstance(p, LifPopulation):
            values = getattr(p, region.name.lower())
            mine = (np.zeros(p.size, np.int32) if values is None else values)[
                lane :: placement.lanes
            ]
            parts.append(np.concatenate((mine, np.full(count - len(mine), pad))))
    return np.concatenate(parts).astype(np.int64)


def _section(
    region: int, lane: int, elements: npt.NDArray[np.int64]
) -> list[npt.NDArray[np.uint16]]:
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
    parameters = [(Region.THRESHOLD, never), (Region.BIAS, 0), (Region.DECAY, 0)]
    if network.has_currents:
        parameters.append((Region.SYNAPTIC_DECAY, 0))
    parts = _section(Region.PROGRAM, 0, np.array(_program(placement)))
    for lane in range(placement.lanes):
        parts += _section(Region.SYNAPSES, lane, _lane_memory(placement, lane).astype(np.int64))
        for region, pad in parameters:
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
        HeaderWord.FEATURES: features(network.has_currents, network.max_delay > 0),
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
        HeaderWord.MAX_DELAY: network.max_delay,
    }
    header = np.zeros(HEADER_WORDS, "<u2")
    for name, value in fields.items():
        header[name] = value
    data = np.concatenate((header, body)).tobytes()
    return data + zlib.crc32(data).to_bytes(4, "little")


def sections(
    words: npt.NDArray[np.uint16],
) -> Iterator[tuple[tuple[Region, int], npt.NDArray[np.int64]]]:
    """(region, lane) and elements of every section of an image.

    words   the image without its CRC-32. Raises ``ValueError`` for a section that is not ours.
    """
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
    found: dict[tuple[Region, int], npt.NDArray[np.int64]],
    region: Region,
    lanes: int,
    slots: slice,
    size: int,
) -> npt.NDArray[np.int32]:
    """A parameter of a population, from its lanes back to neuron order."""
    columns = [found[region, k][slots] for k in range(lanes)]
    return np.stack(columns, axis=1).reshape(-1)[:size].astype(np.int32)


class _LaneReader:
    """Reads row starts and rows in the order in which they lie in the lanes.

    Whatever lies elsewhere is refused, so that the work is bounded by the size of the image.
    """

    def __init__(self, memories: list[npt.NDArray[np.uint16]]) -> None:
        self.memories = memories
        self.next_row_start = 0
        self.next_word = [FIRST_ROW_WORD] * len(memories)

    def synapses(
        self, words: dict[ConnectionWord, int], num_sources: int, num_targets: int
    ) -> Synapses:
        """The synapses of the next connection of the program."""
        flags = words[ConnectionWord.FLAGS]
        coding = Coding((flags >> ConnectionFlag.PACKED) & 1)
        number = words[ConnectionWord.FIRST_SOURCE]
        if not flags & 1 << ConnectionFlag.FROM_INPUT:
            number *= WORD_BITS
        if (words[ConnectionWord.ROW_BASE] + number) & 0xFFFF != self.next_row_start:
            raise ValueError("row starts must follow one another in the order of connections")
        lanes = len(self.memories)
        row_start, targets, weights = [0], [], []
        for _ in range(num_sources):
            row = []
            for lane, memory in enumerate(self.memories):
                start = int(memory[self.next_row_start])
                if start:
                    if start < self.next_word[lane]:
                        raise ValueError("rows must follow one another in the order of row starts")
                    pairs, length = decode_row(memory, start, coding)
                    self.next_word[lane] = start + length
                    row += [(slot * lanes + lane, weight) for slot, weight in pairs]
            self.next_row_start += 1
            row.sort()
            targets += [t for t, _ in row]
            weights += [w for _, w in row]
            row_start.append(len(targets))
        return Synapses(np.array(row_start), np.array(targets), np.array(weights), num_targets)


def _network(words: npt.NDArray[np.uint16]) -> tuple[Network, int, list[Coding]]:
    """The network, lanes and codings that the words of an image describe."""
    lanes = int(words[HeaderWord.LANES])
    if lanes not in LANES:
        raise ValueError(f"lanes must be one of {LANES}, not {lanes}")
    found = dict(sections(words))
    program = found[Region.PROGRAM, 0]
    reader = _LaneReader([found[Region.SYNAPSES, k].astype(np.uint16) for k in range(lanes)])
    descriptors = _descriptors(program)

    # Input populations are not in the image: cut the sources where connections begin and end.
    num_inputs = int(program[Prologue.NUM_INPUTS])
    cuts = {0, num_inputs}
    for descriptor in descriptors:
        for c in descriptor.connections:
            if c[ConnectionWord.FLAGS] & 1 << ConnectionFlag.FROM_INPUT:
                cuts |= {c[ConnectionWord.FIRST_SOURCE], c[ConnectionWord.END_SOURCE]}
    bounds = sorted(cuts)
    inputs = [
        InputPopulation(f"input{i}", last - first)
        for i, (first, last) in enumerate(pairwise(bounds))
    ]
    population_of_source = {first: i for i, first in enumerate(bounds[:-1])}
    population_of_spikes = {
        d.words[PopulationWord.FIRST_SPIKE_WORD]: len(inputs) + i for i, d in enumerate(descriptors)
    }
    neurons: list[LifPopulation] = []
    connections: list[Connection] = []
    codings: list[Coding] = []
    readouts: list[int] = []
    next_slot = 0
    for d in descriptors:
        flags, size = d.words[PopulationWord.FLAGS], d.words[PopulationWord.SIZE]
        first_slot = d.words[PopulationWord.FIRST_SLOT]
        if first_slot != next_slot:
            raise ValueError(f"the first slot of population {len(neurons)} must be {next_slot}")
        next_slot += d.words[PopulationWord.NUM_SLOTS]
        slots = slice(first_slot, next_slot)
        index = len(inputs) + len(neurons)
        if flags & 1 << PopulationFlag.IS_READOUT:
            readouts.append(index)
        clamp_bits = d.words[PopulationWord.CLAMP_BITS]
        current_bits = clamp_bits >> CURRENT_BITS_SHIFT
        regions = [Region.THRESHOLD, Region.DECAY, Region.BIAS]
        regions += [Region.SYNAPTIC_DECAY] if current_bits else []
        parameters = {
            region.name.lower(): _interleaved(found, region, lanes, slots, size)
            for region in regions
        }
        neurons.append(
            LifPopulation(
                f"lif{len(neurons)}",
                **parameters,
                spiking=bool(flags & 1 << PopulationFlag.SPIKING),
                reset_mode=ResetMode((flags >> PopulationFlag.RESET_MODE) & 3),
                reset_order=ResetOrder((flags >> PopulationFlag.RESET_AFTER_DECAY) & 1),
                strict=bool(flags & 1 << PopulationFlag.STRICT),
                membrane_bits=clamp_bits & (1 << CURRENT_BITS_SHIFT) - 1,
                current_bits=current_bits,
            )
        )
    for target, d in enumerate(descriptors, start=len(inputs)):
        for c in d.connections:
            first = c[ConnectionWord.FIRST_SOURCE]
            if c[ConnectionWord.FLAGS] & 1 << ConnectionFlag.FROM_INPUT:
                source = population_of_source[first]
                num_sources = c[ConnectionWord.END_SOURCE] - first
            else:
                source = population_of_spikes[first]
                num_sources = neurons[source - len(inputs)].size
            connections.append(
                Connection(
                    source,
                    target,
                    reader.synapses(c, num_sources, neurons[target - len(inputs)].size),
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
            ReadoutRule(int(program[Prologue.READOUT_RULE])),
            int(words[HeaderWord.WINDOW_STEPS]),
        ),
        int(words[HeaderWord.STATE_BITS]),
        EventLimit(
            EventLimitForm(int(program[Prologue.EVENT_LIMIT_FORM])),
            int(program[Prologue.EVENT_LIMIT_VALUE]),
        ),
    )
    return network, lanes, codings


#: What reading an image whose numbers contradict one another may raise.
_INCONSISTENT = (
    ValueError,
    IndexError,
    KeyError,
    OverflowError,
    StopIteration,
    DesignRuleError,
)


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
    if words[HeaderWord.FEATURES] >> len(Feature):
        raise ModelFileError(
            f"image features must be among {[f.name for f in Feature]}, not "
            f"{words[HeaderWord.FEATURES]:#x}; read the image with the version of edgesnn that "
            "packed it"
        )
    if zlib.crc32(image[:-4]) != int.from_bytes(image[-4:], "little"):
        raise ModelFileError("the CRC-32 must match the image; the image is damaged")
    try:
        network, lanes, codings = _network(words)
        design_rules.check(network)
        again = pack_placement(place(network, lanes, codings))
    except _INCONSISTENT as error:
        raise ModelFileError(f"the memory image is inconsistent: {error}") from error
    # One network has one image: whatever a reader might overlook shows up as a difference here.
    if again != image:
        raise ModelFileError("the memory image differs from what its own network would give")
    return network
