"""Codes and scales to a network of integers, as fine as the overflow rule allows.

The unit of a neuron's membrane is its scale divided by 2**weight_shift. A larger shift rounds
threshold, bias and decay less, and needs more bits; the largest one that passes the design rules
is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgesnn import design_rules
from edgesnn.compress.quantize import QuantizedConnection
from edgesnn.compress.statistics import Statistics
from edgesnn.errors import DesignRuleError
from edgesnn.model import Model, ModelPopulation
from edgesnn.network import (
    Connection,
    EventLimit,
    InputPopulation,
    LifPopulation,
    Network,
    Population,
)
from edgesnn.number_format import DECAY_ONE, MAX_WEIGHT_SHIFT, STATE_BITS, SignedFormat
from edgesnn.synapses import Synapses

#: Decay toward zero costs half a unit a step in the mean: 1.6 % of a threshold of this size.
FINE_THRESHOLD = 32

Scales = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Choice:
    """What is chosen for one population; current_bits is 0 where there is no current."""

    weight_shift: int
    membrane_bits: int
    current_bits: int


@dataclass(frozen=True, eq=False)
class IntegerNetwork:
    """A network and what its numbers mean.

    units   for each population of neurons float64 [size], the float value of a membrane, or of a
            synaptic current, of 1; None for inputs
    """

    network: Network
    units: tuple[Scales | None, ...]


def _scale_of_population(
    model: Model, quantized: tuple[QuantizedConnection, ...], index: int
) -> Scales:
    """Float value of one unit of each membrane at weight_shift 0; 1 where nothing arrives."""
    for connection, q in zip(model.connections, quantized, strict=True):
        if connection.target == index:
            return q.scale
    return np.ones(model.populations[index].size)


def _population(
    p: ModelPopulation, scale: Scales, choice: _Choice, state_bits: int
) -> LifPopulation:
    unit = scale / 2.0**choice.weight_shift
    word = SignedFormat(state_bits)
    # Beyond the word a threshold is refused, and the text takes its exact value from the model.
    limit = 2 * word.maximum
    threshold = np.clip(np.rint(p.threshold / unit), 1, limit) if p.spiking else 0 * unit
    return LifPopulation(
        p.name,
        threshold=threshold.astype(np.int32),
        decay=_in_fractions(p.decay),
        bias=np.clip(np.rint(p.bias / unit), -limit, limit).astype(np.int32),
        spiking=p.spiking,
        reset_mode=p.reset_mode,
        reset_order=p.reset_order,
        strict=p.strict,
        membrane_bits=choice.membrane_bits,
        synaptic_decay=None if p.synaptic_decay is None else _in_fractions(p.synaptic_decay),
        current_bits=choice.current_bits,
    )


def _in_fractions(decay: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """Decays in units of 1 / 4096."""
    return np.rint(decay * DECAY_ONE).astype(np.int32)


def _network(
    model: Model,
    quantized: tuple[QuantizedConnection, ...],
    choices: Mapping[int, _Choice],
    state_bits: int,
    event_limit: EventLimit,
    info: Mapping[str, Any],
) -> Network:
    """The network with what was chosen for each population."""
    populations: list[Population] = []
    for index, p in enumerate(model.populations):
        if isinstance(p, InputPopulation):
            populations.append(p)
        else:
            scale = _scale_of_population(model, quantized, index)
            populations.append(_population(p, scale, choices[index], state_bits))
    connections = tuple(
        Connection(
            c.source,
            c.target,
            Synapses.from_dense(c.expand(codes)),
            weight_shift=choices[c.target].weight_shift + shift,
        )
        for c, q in zip(model.connections, quantized, strict=True)
        for codes, shift in q.parts()
    )
    return Network(
        tuple(populations), connections, model.readout, state_bits, event_limit, dict(info)
    )


def _needed(
    model: Model, statistics: Statistics, index: int, scale: Scales, weight_shift: int
) -> _Choice:
    """Bits that hold what membranes and currents reached in calibration, with a margin of 2.

    Where calibration saw less of a membrane than a threshold, twice the threshold counts.
    """
    p = model.populations[index]
    assert isinstance(p, ModelPopulation)
    unit = scale / 2.0**weight_shift
    reached = np.maximum(np.abs(statistics.lowest[index]), np.abs(statistics.highest[index]))
    if p.spiking:
        reached = np.maximum(reached, p.threshold)
    currents = _bits_for(statistics.largest_current[index] / unit)
    return _Choice(
        weight_shift, _bits_for(reached / unit), 0 if p.synaptic_decay is None else currents
    )


def _bits_for(reached: Scales) -> int:
    """Width of a signed number of twice what was reached."""
    return max(2, int(np.ceil(np.log2(2 * float(reached.max(initial=0)) + 1))) + 1)


def to_integers(
    model: Model,
    quantized: tuple[QuantizedConnection, ...],
    statistics: Statistics,
    event_limit: EventLimit,
    state_bits: int | None = None,
    info: Mapping[str, Any] | None = None,
) -> IntegerNetwork:
    """The finest network that obeys the design rules.

    statistics   of ``model`` with the weights that the codes stand for
    state_bits   None takes the narrowest word in which every spiking population has a
                 threshold of ``FINE_THRESHOLD`` units in the mean, or the widest word

    Raises ``DesignRuleError`` if even weight_shift 0 breaks them: the violations are those of the
    coarsest network, with what helps.
    """
    if state_bits is not None:
        return _in_words_of(model, quantized, statistics, event_limit, state_bits, info)
    refused: DesignRuleError | None = None
    result: IntegerNetwork | None = None
    for bits in STATE_BITS:
        try:
            result = _in_words_of(model, quantized, statistics, event_limit, bits, info)
        except DesignRuleError as error:
            refused = error
            continue
        if _is_fine(result.network):
            break
    if result is None:
        assert refused is not None
        raise refused
    return result


def _is_fine(network: Network) -> bool:
    means = [p.threshold.mean() for p in network.neurons if p.spiking]
    return all(mean >= FINE_THRESHOLD for mean in means)


def _in_words_of(
    model: Model,
    quantized: tuple[QuantizedConnection, ...],
    statistics: Statistics,
    event_limit: EventLimit,
    state_bits: int,
    info: Mapping[str, Any] | None,
) -> IntegerNetwork:
    travels = dict(model.info) if info is None else dict(info)
    relative = {
        i: max(
            (
                shift
                for c, q in zip(model.connections, quantized, strict=True)
                if c.target == i
                for _, shift in q.parts()
            ),
            default=0,
        )
        for i in range(len(model.populations))
    }
    choices = {
        i: _Choice(0, state_bits - 1, 0 if p.synaptic_decay is None else 2)
        for i, p in enumerate(model.populations)
        if isinstance(p, ModelPopulation)
    }
    # Populations do not share membranes, so each is chosen by itself.
    for index in choices:
        scale = _scale_of_population(model, quantized, index)
        for shift in range(MAX_WEIGHT_SHIFT - relative[index], -1, -1):
            choice = _needed(model, statistics, index, scale, shift)
            if max(choice.membrane_bits, choice.current_bits) > state_bits:
                continue
            attempt = {**choices, index: choice}
            network = _network(model, quantized, attempt, state_bits, event_limit, travels)
            if not _violations_of(network, index):
                choices[index] = choice
                break
        else:
            coarsest = _needed(model, statistics, index, scale, 0)
            choices[index] = _Choice(
                0, min(coarsest.membrane_bits, state_bits), min(coarsest.current_bits, state_bits)
            )
    network = _network(model, quantized, choices, state_bits, event_limit, travels)
    try:
        design_rules.check(network)
    except DesignRuleError as error:
        raise DesignRuleError(
            _told(error.violations, model, quantized, choices, state_bits)
        ) from None
    units = tuple(
        _scale_of_population(model, quantized, i) / 2.0 ** choices[i].weight_shift
        if i in choices
        else None
        for i in range(len(model.populations))
    )
    return IntegerNetwork(network, units)


def _told(
    violations: list[str],
    model: Model,
    quantized: tuple[QuantizedConnection, ...],
    choices: Mapping[int, _Choice],
    state_bits: int,
) -> list[str]:
    """Violations as a user of the compressor needs them: real numbers, and what can be done."""
    wider = "" if state_bits == max(STATE_BITS) else ", or widen state_bits"
    fewer = "prune more, take fewer bits, or an encoder with fewer events in a step (max_events)"
    told = [text.replace(design_rules.OVERFLOW_REMEDY, fewer + wider) for text in violations]
    word = SignedFormat(state_bits)
    for index, choice in choices.items():
        p = model.populations[index]
        assert isinstance(p, ModelPopulation)
        unit = _scale_of_population(model, quantized, index) / 2.0**choice.weight_shift
        values = {"threshold + strict": p.threshold / unit + p.strict, "bias": p.bias / unit}
        for start, numbers in values.items():
            worst = int(np.abs(numbers).argmax())
            number = round(float(numbers[worst]))
            if (p.spiking or start == "bias") and not word.contains(number):
                # What is said of this population's membranes only follows from it.
                of_it = (f"{start} of {p.name!r} ", f"possible membrane of {p.name!r} ")
                told = [text for text in told if not any(of in text for of in of_it)]
                lowest = word.minimum if start == "bias" else 1
                told.append(
                    f"{start} of {p.name!r} must be in {lowest}..{word.maximum}, not {number} "
                    f"(neuron {worst}, in units of its weights' scale, {unit[worst]:.3g}): make it "
                    f"smaller next to the weights that reach the neuron, by another training{wider}"
                )
    return told


def _violations_of(network: Network, index: int) -> list[str]:
    """Violations of the design rules that name one population."""
    name = repr(network.populations[index].name)
    try:
        design_rules.check(network)
    except DesignRuleError as error:
        return [text for text in error.violations if name in text]
    return []
