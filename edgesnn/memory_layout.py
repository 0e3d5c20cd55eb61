"""What lies where in the memories of a core, in the program, and in the header of an image.

The one home of these numbers: the packer, the gates and the documents take them from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from edgesnn.core_config import WORD_BITS, CoreConfig
from edgesnn.number_format import MAX_DELAY

IMAGE_VERSION = 2
MAGIC = b"ESNI"
HEADER_WORDS = 32


class Region(IntEnum):
    """Memories of a core. The first six are loaded; the others can only be read back."""

    PROGRAM = 0
    SYNAPSES = 1
    THRESHOLD = 2
    BIAS = 3
    DECAY = 4
    SYNAPTIC_DECAY = 5
    MEMBRANE = 8
    SPIKES = 9
    ACCUMULATOR = 10
    COUNTER = 11
    CURRENT = 12


#: Regions that an image fills, in its order: the first one once, the others for each lane. The last
#: one is there only in images with currents.
LOADED_REGIONS = (
    Region.PROGRAM,
    Region.SYNAPSES,
    Region.THRESHOLD,
    Region.BIAS,
    Region.DECAY,
    Region.SYNAPTIC_DECAY,
)
#: Tag, words of an element, number of elements, first address.
SECTION_HEADER_WORDS = 4
#: A section counts its elements in one word.
MAX_SECTION_ELEMENTS = 65535
#: Ends the list of sections.
END_OF_SECTIONS = 0xFF
#: Regions whose elements are stored as two words, low word first.
TWO_WORD_REGIONS = (Region.THRESHOLD, Region.BIAS)
#: Regions that exist once, not once in each lane.
SHARED_REGIONS = (Region.PROGRAM, Region.SPIKES, Region.COUNTER)


class CounterWord(IntEnum):
    """Elements of the counter region, 32 bits each; the first as in run_result.Counters."""

    STEPS = 0
    EVENTS = 1
    SOPS = 2
    SPIKES = 3
    OVERFLOWS = 4
    DROPPED = 5
    CYCLES = 6
    STEPS_SINCE_RESET = 7


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
            Region.COUNTER: len(CounterWord),
        }.get(region, c.slots)

    def width(self, region: Region) -> int:
        return {
            Region.PROGRAM: WORD_BITS,
            Region.SYNAPSES: WORD_BITS,
            Region.SPIKES: WORD_BITS,
            Region.DECAY: 13,
            Region.SYNAPTIC_DECAY: 13,
            Region.ACCUMULATOR: 32,
            Region.COUNTER: 32,
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
    """Descriptor of a population: its connections, its slots, where it lies, its flags.

    CLAMP_BITS holds membrane_bits in its low byte and current_bits, 0 of a population that is not
    current-based, in its high byte. The flags come late: the gates may fetch a descriptor while
    the last neurons of the population before it are still on their way.
    """

    NUM_CONNECTIONS = 0
    NUM_SLOTS = 1
    FIRST_SLOT = 2
    FIRST_SPIKE_WORD = 3
    SIZE = 4
    CLAMP_BITS = 5
    FLAGS = 6


#: Place of current_bits in PopulationWord.CLAMP_BITS.
CURRENT_BITS_SHIFT = 8


class PopulationFlag(IntEnum):
    """Bit positions in PopulationWord.FLAGS; the reset mode takes two bits."""

    SPIKING = 0
    STRICT = 1
    RESET_AFTER_DECAY = 2
    IS_READOUT = 3
    RESET_MODE = 4
    IS_LAST = 6


class ConnectionWord(IntEnum):
    """Descriptor of a connection.

    FIRST_SOURCE, END_SOURCE  source ids of inputs, or words of the spike bitmap for neurons; the
    second is one past the last. ROW_BASE plus a source number is the address of its row start,
    modulo 65536; the source number is the source id of an input, or the bit of a neuron in the
    spike bitmap, counted from bit 0 of word 0.
    """

    FLAGS = 0
    FIRST_SOURCE = 1
    END_SOURCE = 2
    ROW_BASE = 3


class ConnectionFlag(IntEnum):
    """Bit positions in ConnectionWord.FLAGS; the shift takes four bits, the delay too."""

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
    MAX_DELAY = 22


class Feature(IntEnum):
    """Bit positions in HeaderWord.FEATURES: what not every device can do."""

    CURRENTS = 0
    DELAYS = 1


def features(currents: bool, delays: bool) -> int:
    """HeaderWord.FEATURES of a network, or the bits of it that a device knows."""
    return currents << Feature.CURRENTS | delays << Feature.DELAYS


def header_limits(config: CoreConfig) -> dict[HeaderWord, tuple[int, int]]:
    """Lowest and highest value that a core accepts in each header word.

    The gates check the same table; words that are not in it must be 0. Of the features, any of the
    bits of the highest value may be set.
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
        HeaderWord.FEATURES: (0, features(config.currents, config.delays)),
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
        HeaderWord.MAX_DELAY: (0, MAX_DELAY if config.delays else 0),
    }


def max_image_words(config: CoreConfig) -> int:
    """Words of the largest image that a core of this size can hold."""
    layout = MemoryLayout(config)
    words = HEADER_WORDS + SECTION_HEADER_WORDS + 2
    for region in LOADED_REGIONS if config.currents else LOADED_REGIONS[:-1]:
        copies = 1 if region is Region.PROGRAM else config.lanes
        width = 2 if region in TWO_WORD_REGIONS else 1
        words += copies * (SECTION_HEADER_WORDS + width * layout.depth(region))
    return words
