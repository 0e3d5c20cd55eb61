"""Integers that stand for floats: the network does what the model does, as rules allow."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from edgesnn import design_rules
from edgesnn.compress.prune import prune
from edgesnn.compress.quantize import connections_of, quantize, quantized_model
from edgesnn.compress.statistics import collect
from edgesnn.compress.to_integers import FINE_THRESHOLD, IntegerNetwork, to_integers
from edgesnn.errors import DesignRuleError
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model, ModelConnection, ModelPopulation
from edgesnn.network import (
    EventLimit,
    InputPopulation,
    LifPopulation,
    Network,
    Readout,
    ReadoutRule,
)
from edgesnn.neuron import ResetMode
from edgesnn.reference import Reference, simulate
from edgesnn.run_result import differences
from edgesnn.train.dynamics import Dynamics
from edgesnn.train.trainer import decisions
from tests.compress.models import convolutional
from tests.compress.models import events as windows_of


def model(fan_in: int = 12, recurrent: bool = True, seed: int = 0) -> Model:
    """Weights already on a grid of 4 bits, so that only the rounding of the rest remains."""
    rng = np.random.default_rng(seed)

    def grid(sources: int, targets: int, scale: float) -> np.ndarray:
        codes = rng.integers(-7, 8, (sources, targets))
        codes[0] = 7
        return codes * scale

    def neurons(name: str, size: int, spiking: bool) -> ModelPopulation:
        return ModelPopulation(
            name,
            rng.uniform(0.8, 1.5, size),
            rng.uniform(0.5, 1.0, size),
            rng.uniform(-0.05, 0.05, size),
            spiking,
            ResetMode.SUBTRACT,
        )

    connections = [ModelConnection(0, 1, grid(fan_in, 10, 0.06))]
    if recurrent:
        connections.append(ModelConnection(1, 1, grid(10, 10, 0.06 / 4)))
    connections.append(ModelConnection(1, 2, grid(10, 4, 0.1)))
    return Model(
        (InputPopulation("in", fan_in), neurons("a", 10, True), neurons("out", 4, False)),
        tuple(connections),
        Readout(2, ReadoutRule.MEMBRANE_SUM, 20),
        {"labels": list("abcd")},
    )


def events(fan_in: int = 12, seed: int = 1) -> EventWindows:
    rng = np.random.default_rng(seed)
    return EventWindows.from_rasters((rng.random((40, 20, fan_in)) < 0.4).astype(np.uint8))


def converted(
    trained: Model, data: EventWindows, limit: int = 1, state_bits: int | None = 16
) -> IntegerNetwork:
    statistics = collect(trained, data, ())
    everything = [c.parameters.size for c in trained.connections]
    quantized = quantize(trained, statistics, prune(trained, statistics, everything), "nearest")
    rounded = quantized_model(trained, quantized)
    return to_integers(
        rounded,
        connections_of(quantized),
        collect(rounded, data, ()),
        EventLimit(value=limit),
        state_bits,
    )


def integers(
    trained: Model, data: EventWindows, limit: int = 1, state_bits: int | None = 16
) -> Network:
    return converted(trained, data, limit, state_bits).network


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("recurrent", [False, True])
def test_network_decides_like_the_model(seed: int, recurrent: bool) -> None:
    trained = model(recurrent=recurrent, seed=seed)
    data = events()
    network = integers(trained, data, state_bits=24)
    got = [simulate(network, stream).decision for stream in data.streams()]
    assert np.mean(np.array(got) == decisions(trained, data)) > 0.9


def test_thresholds_and_biases_are_counted_in_the_unit_of_their_neuron() -> None:
    trained = model(recurrent=False)
    network = integers(trained, events())
    hidden, connection = network.populations[1], network.connections[0]
    floats = trained.populations[1]
    assert isinstance(hidden, LifPopulation)
    assert isinstance(floats, ModelPopulation)
    unit = 0.06 / 2**connection.weight_shift
    assert np.allclose(converted(trained, events()).units[1], unit)
    assert np.allclose(hidden.threshold * unit, floats.threshold, atol=0.51 * unit)
    assert np.allclose(hidden.bias * unit, floats.bias, atol=0.51 * unit)
    assert np.allclose(hidden.decay / 4096, floats.decay, atol=0.51 / 4096)


@pytest.mark.parametrize("state_bits", [16, 18, 24])
def test_result_obeys_the_rules_and_nothing_finer_does(state_bits: int) -> None:
    network = integers(model(recurrent=False), events(), state_bits=state_bits)
    design_rules.check(network)
    finer = replace(network.connections[0], weight_shift=network.connections[0].weight_shift + 1)
    hidden = network.populations[1]
    assert isinstance(hidden, LifPopulation)
    wider = replace(
        hidden,
        threshold=2 * hidden.threshold,
        bias=2 * hidden.bias,
        membrane_bits=min(hidden.membrane_bits + 1, state_bits),
    )
    with pytest.raises(DesignRuleError):
        design_rules.check(
            replace(
                network,
                connections=(finer, *network.connections[1:]),
                populations=(network.populations[0], wider, network.populations[2]),
            )
        )


def test_wider_words_and_fewer_events_allow_finer_steps() -> None:
    trained, data = model(recurrent=False), events()
    narrow = integers(trained, data).connections[0].weight_shift
    assert integers(trained, data, state_bits=24).connections[0].weight_shift > narrow
    assert integers(trained, data, limit=15).connections[0].weight_shift < narrow


def test_relative_shifts_survive() -> None:
    network = integers(model(), events())
    into_hidden = {c.source: c.weight_shift for c in network.connections if c.target == 1}
    assert into_hidden[0] - into_hidden[1] == 2


def test_clamp_leaves_room_for_what_calibration_saw() -> None:
    trained, data = model(), events()
    network = integers(trained, data)
    for stream in islice(data.streams(), 10):
        result = simulate(network, stream)
        assert result.membranes is not None
        assert result.values is not None
        for index in (1, 2):
            p = network.populations[index]
            assert isinstance(p, LifPopulation)
            top = 1 << (p.membrane_bits - 1)
            stored = result.membranes[:, network.neuron_slice(index)]
            assert -top < stored.min()
            assert stored.max() < top - 1


def test_network_that_no_shift_makes_safe_is_refused_with_numbers() -> None:
    trained = model(fan_in=6000, recurrent=False)
    data = events(fan_in=6000)
    with pytest.raises(DesignRuleError, match="possible membrane of 'a' must be in") as caught:
        integers(trained, data, limit=15)
    assert all("'a'" in text for text in caught.value.violations)


def beyond_the_word(**values: np.ndarray) -> Model:
    trained = model(recurrent=False)
    hidden = trained.populations[1]
    assert isinstance(hidden, ModelPopulation)
    changed = replace(hidden, **values)
    return replace(trained, populations=(trained.populations[0], changed, trained.populations[2]))


@pytest.mark.parametrize("state_bits", [16, None])
def test_a_threshold_or_bias_beyond_the_word_is_told_as_it_is(state_bits: int | None) -> None:
    top = 2 ** ((state_bits or 24) - 1)
    threshold = np.ones(10)
    threshold[3] = 1e9
    # The largest weight of 7 * 0.06 is code 7, so a unit is 0.06, also of the worst neuron.
    real = round(float(np.float32(1e9)) / 0.06)
    with pytest.raises(DesignRuleError) as refused:
        integers(beyond_the_word(threshold=threshold), events(), state_bits=state_bits)
    (text,) = refused.value.violations
    assert text.startswith(f"threshold + strict of 'a' must be in 1..{top - 1}, not ")
    told = int(text.split("not ")[1].split(" ")[0])
    assert told == pytest.approx(real, rel=1e-4)
    assert "(neuron 3, in units of its weights' scale, 0.06)" in text
    assert "make it smaller next to the weights that reach the neuron" in text
    assert ("or widen state_bits" in text) == (state_bits == 16)

    with pytest.raises(DesignRuleError) as refused:
        integers(beyond_the_word(bias=-threshold), events(), state_bits=state_bits)
    (text,) = refused.value.violations
    assert text.startswith(f"bias of 'a' must be in {-top}..{top - 1}, not -1666")


def test_overflow_is_told_with_what_a_user_of_the_compressor_can_do() -> None:
    many = model(fan_in=6000, recurrent=False), events(fan_in=6000)
    # Biases that fill the widest word leave no room for a single event.
    biased = beyond_the_word(bias=np.full(10, 0.06 * 0.99999 * 2**23)), events()
    remedy = "; prune more, take fewer bits, or an encoder with fewer events in a step (max_events)"
    for case, state_bits, end in (
        (many, 16, f"{remedy}, or widen state_bits"),
        (biased, None, remedy),
    ):
        with pytest.raises(DesignRuleError) as refused:
            integers(*case, limit=15, state_bits=state_bits)
        overflows = [t for t in refused.value.violations if "possible membrane" in t]
        assert overflows
        assert all(text.endswith(end) for text in overflows)
        assert "weight_shift" not in str(refused.value)


def test_info_travels_along() -> None:
    assert integers(model(), events()).info == {"labels": list("abcd")}


def test_the_narrowest_word_that_is_fine_enough_is_chosen() -> None:
    trained, data = model(recurrent=False), events()
    network = integers(trained, data, state_bits=None)
    assert network.state_bits == 16
    wide, many = model(fan_in=5000, recurrent=False), events(fan_in=5000)
    chosen = integers(wide, many, state_bits=None)
    assert chosen.state_bits > 16
    hidden = chosen.populations[1]
    assert isinstance(hidden, LifPopulation)
    assert hidden.threshold.mean() >= FINE_THRESHOLD


def test_a_convolution_is_unrolled_with_its_codes() -> None:
    trained, data = convolutional(), windows_of(72)
    network = integers(trained, data)
    found = converted(trained, data)
    unit = found.units[1]
    assert unit is not None
    dense = network.connections[0].synapses.to_dense() * 2.0 ** network.connections[0].weight_shift
    assert np.abs(dense * unit - trained.connections[0].weights).max() < 0.1
    got = [simulate(network, stream).decision for stream in data.streams()]
    assert np.mean(np.array(got) == decisions(trained, data)) > 0.7


def with_currents(trained: Model) -> Model:
    """The model with a current-based population in the middle, whose decays differ."""
    hidden = trained.populations[1]
    assert isinstance(hidden, ModelPopulation)
    current = replace(hidden, synaptic_decay=np.linspace(0.1, 0.9, 10).astype(np.float32))
    return replace(trained, populations=(trained.populations[0], current, trained.populations[2]))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("recurrent", [False, True])
def test_network_with_currents_decides_like_the_model(seed: int, recurrent: bool) -> None:
    trained = with_currents(model(recurrent=recurrent, seed=seed))
    data = events()
    network = integers(trained, data, state_bits=24)
    assert network.has_currents
    got = [simulate(network, stream).decision for stream in data.streams()]
    assert np.mean(np.array(got) == decisions(trained, data)) > 0.9


def test_membranes_and_currents_are_those_of_the_model_in_their_unit() -> None:
    trained = with_currents(model(recurrent=False))
    silent = replace(trained.populations[1], spiking=False)
    trained = replace(trained, populations=(trained.populations[0], silent, trained.populations[2]))
    data = events()
    found = converted(trained, data, state_bits=24)
    hidden, unit = found.network.populations[1], found.units[1]
    assert isinstance(hidden, LifPopulation)
    assert unit is not None
    assert hidden.synaptic_decay is not None
    assert np.allclose(hidden.synaptic_decay / 4096, silent.synaptic_decay, atol=0.51 / 4096)
    run = Dynamics(trained).record(data)
    values, currents = run.values[1], run.currents[1]
    assert values is not None
    assert currents is not None
    for window, stream in enumerate(islice(data.streams(), 5)):
        result = simulate(found.network, stream)
        assert result.values is not None
        assert result.currents is not None
        # Rounded decays, bias, and less than a unit a step that decays take.
        v = result.values[:, :10] * unit
        i = result.currents[:, :10] * unit
        assert np.allclose(v, values[window].numpy(), rtol=0.01, atol=0.02)
        assert np.allclose(i, currents[window].numpy(), rtol=0.01, atol=0.01)


@pytest.mark.parametrize("state_bits", [16, 18, 24])
def test_both_words_of_a_current_based_population_have_room(state_bits: int) -> None:
    trained, data = with_currents(model()), events()
    network = integers(trained, data, state_bits=state_bits)
    design_rules.check(network)
    hidden = network.populations[1]
    assert isinstance(hidden, LifPopulation)
    # Twice of what calibration reached is not clamped: with all of the word it does the same.
    free = replace(hidden, membrane_bits=state_bits, current_bits=state_bits)
    unclamped = replace(network, populations=(network.populations[0], free, network.populations[2]))
    for stream in islice(data.streams(), 10):
        expected = Reference(unclamped, check=False).run(stream)
        assert not differences(expected, simulate(network, stream))
