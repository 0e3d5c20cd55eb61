"""What a network is: populations, connections, a read-out. Frozen, integers only, checked.

Inputs come first, then neurons. A neuron's ``neuron_id`` and an input's ``source_id`` are counted
through the populations of their kind, in order. Order in a time step: populations in order; a
connection to a later population delivers in the same step, one to the same or an earlier
population (recurrent, feedback) delivers in the next step; and each ``delay`` steps after that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from edgesnn.neuron import LifParameters, ResetMode, ResetOrder
from edgesnn.number_format import MAX_DELAY, MAX_WEIGHT_SHIFT, STATE_BITS
from edgesnn.synapses import Synapses

#: Events from one source in one step are counted in four bits.
MAX_EVENTS_PER_SOURCE = 15


def _frozen(name: str, values: npt.ArrayLike) -> npt.NDArray[np.int32]:
    array = np.asarray(values)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{name} must be a list of integers, not {array.dtype} {array.shape}")
    if len(array) and (array.min() < -(2**31) or array.max() >= 2**31):
        raise ValueError(f"{name} must fit 32 bits")
    result = array.astype(np.int32)
    result.flags.writeable = False
    return result


@dataclass(frozen=True, eq=False)
class InputPopulation:
    """``size`` sources of events from outside."""

    name: str
    size: int

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size of {self.name!r} must be at least 1, not {self.size}")


@dataclass(frozen=True, eq=False)
class LifPopulation:
    """Leaky integrate-and-fire neurons that share flags; see :mod:`edgesnn.neuron`.

    threshold, decay, bias   int32 [size]; one value for each neuron
    synaptic_decay           likewise, of a current-based population; else None
    Other fields as in :class:`edgesnn.neuron.LifParameters`.
    """

    name: str
    threshold: npt.NDArray[np.int32]
    decay: npt.NDArray[np.int32]
    bias: npt.NDArray[np.int32]
    spiking: bool = True
    reset_mode: ResetMode = ResetMode.SUBTRACT
    reset_order: ResetOrder = ResetOrder.BEFORE_DECAY
    strict: bool = False
    membrane_bits: int = 16
    synaptic_decay: npt.NDArray[np.int32] | None = None
    current_bits: int = 0

    def __post_init__(self) -> None:
        names = ["threshold", "decay", "bias"]
        if self.synaptic_decay is not None:
            names.append("synaptic_decay")
        elif self.current_bits:
            raise ValueError(
                f"current_bits of {self.name!r} must be 0 without a synaptic_decay, "
                f"not {self.current_bits}"
            )
        for name in names:
            object.__setattr__(self, name, _frozen(f"{name} of {self.name!r}", getattr(self, name)))
        object.__setattr__(self, "reset_mode", ResetMode(self.reset_mode))
        object.__setattr__(self, "reset_order", ResetOrder(self.reset_order))
        sizes = {len(getattr(self, name)) for name in names}
        if len(sizes) != 1 or not self.size:
            listed = " and ".join((", ".join(names[:-1]), names[-1]))
            raise ValueError(
                f"{listed} of {self.name!r} must have one length >= 1, not {sorted(sizes)}"
            )

    @property
    def size(self) -> int:
        return len(self.threshold)

    @property
    def current_based(self) -> bool:
        """Whether arriving weights add to a synaptic current, the second state word."""
        return self.synaptic_decay is not None

    def parameters(self, index: int, state_bits: int) -> LifParameters:
        """Parameters of one neuron; raises ``ValueError`` if they cannot work."""
        return LifParameters(
            threshold=int(self.threshold[index]),
            decay=int(self.decay[index]),
            bias=int(self.bias[index]),
            spiking=self.spiking,
            reset_mode=self.reset_mode,
            reset_order=self.reset_order,
            strict=self.strict,
            membrane_bits=self.membrane_bits,
            state_bits=state_bits,
            synaptic_decay=None if self.synaptic_decay is None else int(self.synaptic_decay[index]),
            current_bits=self.current_bits,
        )


Population = InputPopulation | LifPopulation


@dataclass(frozen=True, eq=False)
class Connection:
    """Synapses from population ``source`` to population ``target`` (indices into the network).

    An event adds ``weight_code << weight_shift`` to the membrane of each target, or to its
    synaptic current if it is current-based; ``delay`` time steps late, 0..15.
    """

    source: int
    target: int
    synapses: Synapses
    weight_shift: int = 0
    delay: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.weight_shift <= MAX_WEIGHT_SHIFT:
            raise ValueError(
                f"weight_shift must be in 0..{MAX_WEIGHT_SHIFT}, not {self.weight_shift}"
            )
        if not 0 <= self.delay <= MAX_DELAY:
            raise ValueError(f"delay must be in 0..{MAX_DELAY}, not {self.delay}")


class EventLimitForm(IntEnum):
    """How the number of input events in a time step is bounded."""

    FULL = 0
    LIMITED = 1


@dataclass(frozen=True)
class EventLimit:
    """The most input events that one time step may carry. A step with more is refused.

    FULL     every source may send up to ``value`` events (1..15)
    LIMITED  all sources together may send up to ``value`` events (1..65535)
    """

    form: EventLimitForm = EventLimitForm.FULL
    value: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "form", EventLimitForm(self.form))
        highest = MAX_EVENTS_PER_SOURCE if self.form is EventLimitForm.FULL else 65535
        if not 1 <= self.value <= highest:
            raise ValueError(f"event limit must be in 1..{highest}, not {self.value}")


class ReadoutRule(IntEnum):
    """What the accumulator of each read-out neuron holds; the largest one decides."""

    SPIKE_COUNT = 0
    MEMBRANE_LAST = 1
    MEMBRANE_SUM = 2
    MEMBRANE_MAX = 3
    FIRST_SPIKE = 4


@dataclass(frozen=True)
class Readout:
    """Which population decides, and how.

    population    index into the network's populations
    rule          see :class:`ReadoutRule`
    window_steps  time steps of one decision (a sample), 1..65535
    """

    population: int
    rule: ReadoutRule = ReadoutRule.SPIKE_COUNT
    window_steps: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "rule", ReadoutRule(self.rule))
        if not 1 <= self.window_steps <= 65535:
            raise ValueError(f"window_steps must be in 1..65535, not {self.window_steps}")


@dataclass(frozen=True, eq=False)
class Network:
    """A compressed network: what every executor runs.

    populations   inputs first, then LIF populations
    connections   in any order; kept sorted by (target, source)
    readout       the population that decides
    state_bits    width of the state word: 16, 18 or 24
    event_limit   most input events in a time step
    info          what travels along and changes no result: labels, encoder, time step in seconds,
                  measured accuracy, origin (JSON values)

    Raises ``ValueError`` if parts do not fit together. Rules about numbers (overflow and so on)
    are in :mod:`edgesnn.design_rules` and are checked by everything that runs a network.
    """

    populations: tuple[Population, ...]
    connections: tuple[Connection, ...]
    readout: Readout
    state_bits: int = 16
    event_limit: EventLimit = EventLimit()
    info: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        populations = tuple(self.populations)
        kinds = [isinstance(p, LifPopulation) for p in populations]
        if not kinds or kinds[0] or not kinds[-1] or kinds != sorted(kinds):
            raise ValueError("populations must be one or more inputs, then one or more LIF ones")
        names = [p.name for p in populations]
        if len(set(names)) != len(names):
            raise ValueError(f"population names must differ, not {names}")
        if self.state_bits not in STATE_BITS:
            raise ValueError(f"state_bits must be one of {STATE_BITS}, not {self.state_bits}")
        for c in self.connections:
            if not 0 <= c.source < len(populations) or not 0 <= c.target < len(populations):
                raise ValueError(
                    f"a connection must join populations 0..{len(populations) - 1}, "
                    f"not {c.source} and {c.target}"
                )
            if not kinds[c.target]:
                raise ValueError(f"{names[c.target]!r} is an input and cannot be a target")
            if c.delay and not kinds[c.source]:
                raise ValueError(
                    f"delay of {names[c.source]!r} -> {names[c.target]!r} must be 0, since it "
                    f"comes from an input, not {c.delay}; delay the events of that input instead"
                )
            shape = (populations[c.source].size, populations[c.target].size)
            if (c.synapses.num_sources, c.synapses.num_targets) != shape:
                raise ValueError(
                    f"synapses {names[c.source]!r} -> {names[c.target]!r} must be "
                    f"{shape[0]} x {shape[1]}, not "
                    f"{c.synapses.num_sources} x {c.synapses.num_targets}"
                )
        if (
            not 0 <= self.readout.population < len(populations)
            or not kinds[self.readout.population]
        ):
            raise ValueError("the read-out must be a LIF population")
        ordered = tuple(sorted(self.connections, key=lambda c: (c.target, c.source)))
        object.__setattr__(self, "populations", populations)
        object.__setattr__(self, "connections", ordered)
        object.__setattr__(self, "info", dict(self.info))

    @cached_property
    def inputs(self) -> tuple[InputPopulation, ...]:
        return tuple(p for p in self.populations if isinstance(p, InputPopulation))

    @cached_property
    def neurons(self) -> tuple[LifPopulation, ...]:
        return tuple(p for p in self.populations if isinstance(p, LifPopulation))

    @cached_property
    def first_id(self) -> tuple[int, ...]:
        """For each population the first ``source_id`` (inputs) or ``neuron_id`` (neurons)."""
        ids, counts = [], {InputPopulation: 0, LifPopulation: 0}
        for p in self.populations:
            ids.append(counts[type(p)])
            counts[type(p)] += p.size
        return tuple(ids)

    @cached_property
    def num_inputs(self) -> int:
        return sum(p.size for p in self.inputs)

    @cached_property
    def num_neurons(self) -> int:
        return sum(p.size for p in self.neurons)

    @cached_property
    def num_synapses(self) -> int:
        return sum(c.synapses.num_synapses for c in self.connections)

    @cached_property
    def has_currents(self) -> bool:
        """Whether a population is current-based."""
        return any(p.current_based for p in self.neurons)

    @cached_property
    def max_delay(self) -> int:
        """The largest delay of a connection; spikes are kept for so many steps more."""
        return max((c.delay for c in self.connections), default=0)

    def is_same_step(self, connection: Connection) -> bool:
        """Whether a connection without delay delivers in the step in which its source fires."""
        return connection.source < connection.target

    def incoming(self, population: int) -> tuple[Connection, ...]:
        """Connections to a population, in the order in which they are integrated."""
        return tuple(c for c in self.connections if c.target == population)

    def neuron_slice(self, population: int) -> slice:
        """Where a LIF population lies in an array over all neurons."""
        first = self.first_id[population]
        return slice(first, first + self.populations[population].size)
