"""The size of a core: what is fixed when a bitstream is made.

One bitstream runs every network that fits; :mod:`edgesnn.memory_image` says whether one does.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from edgesnn.number_format import MAX_DELAY, STATE_BITS

#: Synapse words, row starts and the program are 16 bits wide.
WORD_BITS = 16
LANES = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class CoreConfig:
    """Size of a core. Totals are over all lanes; every size is a power of two.

    lanes            lane k owns the neurons j with j mod lanes = k
    state_bits       width of a membrane: 16, 18 or 24
    neurons          neurons of all populations
    synapse_words    16-bit words for row starts and synapses; at most 65536 in each lane
    inputs           input sources
    events           input events that one time step may hold
    program_words    16-bit words for the descriptors of populations and connections
    readout_neurons  neurons of the read-out population
    queue_events     events that wait in front of each lane
    currents         whether it runs current-based neurons, which takes a second state memory
    delays           whether it runs connections with a delay, which takes a ring of spike bitmaps

    Raises ``ValueError`` with every reason at once.
    """

    lanes: int = 1
    state_bits: int = 16
    neurons: int = 1024
    synapse_words: int = 65536
    inputs: int = 1024
    events: int = 1024
    program_words: int = 256
    readout_neurons: int = 64
    queue_events: int = 4
    currents: bool = False
    delays: bool = False

    def __post_init__(self) -> None:
        reasons = []
        if self.lanes not in LANES:
            reasons.append(f"lanes must be one of {LANES}, not {self.lanes}")
        if self.state_bits not in STATE_BITS:
            reasons.append(f"state_bits must be one of {STATE_BITS}, not {self.state_bits}")
        lanes = max(self.lanes, 1)
        limits = {
            "neurons": (16 * lanes, 4096 * lanes),
            "synapse_words": (512 * lanes, 65536 * lanes),
            "inputs": (16, 32768),
            "events": (16, 32768),
            "program_words": (16, 65536),
            "readout_neurons": (2 * lanes, 4096 * lanes),
            "queue_events": (2, 64),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high or value & (value - 1):
                reasons.append(f"{name} must be a power of two in {low}..{high}, not {value}")
        if reasons:
            raise ValueError("; ".join(reasons))

    @property
    def slots(self) -> int:
        """Neurons of one lane."""
        return self.neurons // self.lanes

    @property
    def synapse_words_per_lane(self) -> int:
        return self.synapse_words // self.lanes

    @property
    def readout_slots(self) -> int:
        return self.readout_neurons // self.lanes

    @property
    def spike_words(self) -> int:
        """16-bit words of the spike bitmap; every population starts a new word."""
        return 2 * self.neurons // WORD_BITS

    @property
    def spike_bitmaps(self) -> int:
        """Time steps whose spike bitmaps are kept, a power of two."""
        return MAX_DELAY + 1 if self.delays else 1

    def describe(self) -> dict[str, int]:
        """All fields by name, for reports and cache keys."""
        return {f.name: getattr(self, f.name) for f in fields(self)}
