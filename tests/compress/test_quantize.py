"""Models to codes: common units, shared read-outs, and mask and codes chosen together."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from edgesnn.compress import settings
from edgesnn.compress.grid import Grid
from edgesnn.compress.joint import ORDERS, Problem, jointly, prune_first, quantize_first, swap
from edgesnn.compress.layers import weights_of
from edgesnn.compress.obs import compensate, damped
from edgesnn.compress.prune import prune
from edgesnn.compress.quantize import QUANTIZERS, connections_of, quantize, quantized_model
from edgesnn.compress.rounding import Rows, by_descent, column_by_column
from edgesnn.compress.statistics import Statistics, collect
from edgesnn.errors import InputError
from edgesnn.model import Model, ModelConnection, ModelPopulation
from edgesnn.network import InputPopulation, Readout, ReadoutRule
from edgesnn.train.dynamics import Dynamics
from tests.compress.models import convolutional, events, feed_forward, recurrent
from tests.compress.test_obs import layer, layer_error


def pieces(model: Model, kept: list[int] | None = None) -> tuple[Statistics, list]:
    statistics = collect(model, events(model.num_inputs), ("membrane", "input"))
    everything = [c.parameters.size for c in model.connections]
    return statistics, prune(model, statistics, kept or everything, "sbc")


@pytest.mark.parametrize("method", QUANTIZERS)
@pytest.mark.parametrize("make", [feed_forward, recurrent, convolutional])
def test_codes_stand_for_weights_that_are_near(method: str, make: object) -> None:
    model: Model = make()  # type: ignore[operator]
    statistics, pruned = pieces(model)
    quantized = quantize(model, statistics, pruned, method)
    after = quantized_model(model, quantized)
    for c, d, q in zip(
        model.connections, after.connections, connections_of(quantized), strict=True
    ):
        assert q.codes.dtype == np.int8
        assert np.abs(q.codes).max() <= 7
        assert np.linalg.norm(c.parameters - d.parameters) < 0.35 * np.linalg.norm(c.parameters)
        scale = q.scale.reshape(c.parameters.shape[1], -1)[:, 0]
        assert np.allclose(d.parameters, q.codes * scale * 2.0**q.shift, rtol=1e-5)


def test_read_out_neurons_share_one_unit_and_others_have_their_own() -> None:
    model = feed_forward()
    hidden, output = quantize(model, *pieces(model))
    assert len(hidden.scale.unique()) == 16
    assert len(output.scale.unique()) == 1


def test_outputs_that_are_read_as_values_have_units_of_their_own() -> None:
    model = feed_forward()
    output = quantize(model, *pieces(model), values=True)[1]
    assert len(output.scale.unique()) == len(output.scale)


@pytest.mark.parametrize("values", [False, True])
def test_searched_scales_err_least_where_few_weights_are_large(values: bool) -> None:
    rng = np.random.default_rng(0)
    zero = np.zeros(3, np.float32)
    model = Model(
        (
            InputPopulation("in", 120),
            ModelPopulation("out", zero + 1, zero + 0.8, zero, spiking=False),
        ),
        (ModelConnection(0, 1, rng.standard_t(1.5, (120, 3)).astype(np.float32)),),
        Readout(1, ReadoutRule.MEMBRANE_SUM, 20),
    )
    statistics, pruned = pieces(model)

    def error(name: str) -> float:
        quantized = quantize(model, statistics, pruned, grid=Grid(range=name), values=values)
        assert len(quantized[0].scale.unique()) == (3 if values else 1)
        after = quantized_model(model, quantized)
        wanted, found = (Dynamics(m).record(events(120)).values[1] for m in (model, after))
        assert wanted is not None
        assert found is not None
        return float(((wanted - found) ** 2).mean())

    assert error("search") < 0.97 * error("mse")
    assert error("search") < 0.97 * error("max")


def test_recurrent_and_input_weights_of_a_neuron_share_its_unit_times_a_power_of_two() -> None:
    model = recurrent()
    first, _, loop = model.connections
    model = model.with_parameters((8 * first.parameters, model.connections[1].parameters,
                                   loop.parameters))  # fmt: skip
    quantized = quantize(model, *pieces(model))
    found = connections_of(quantized)
    assert found[0].shift - found[2].shift in (3, 4)
    assert np.array_equal(found[0].scale, found[2].scale)


def test_pruned_weights_have_no_code() -> None:
    model = recurrent()
    for order in ORDERS:
        statistics, pruned = pieces(model, [100, 40, 80])
        quantized = quantize(model, statistics, pruned, order=order)
        counts = [int(np.count_nonzero(q.codes)) for q in connections_of(quantized)]
        assert counts[0] + counts[2] <= 180
        assert counts[1] <= 40
        assert sum(counts) > 0.85 * 220


def test_fewer_bits_have_more_error() -> None:
    model = feed_forward()
    statistics, pruned = pieces(model)
    errors = []
    for bits in (4, 3, 2):
        (first, _) = quantize(model, statistics, pruned, grid=Grid(bits))
        before = weights_of(model, first.layer)
        errors.append(float((before - first.weights()).norm() / before.norm()))
        assert int(first.codes.abs().max()) == Grid(bits).largest_code
    assert errors == sorted(errors)


def test_a_read_out_of_8_bits_is_two_synapses_for_each_weight_and_much_nearer() -> None:
    model = recurrent()
    statistics, pruned = pieces(model)
    plain = quantize(model, statistics, pruned, "sbc")
    fine = quantize(model, statistics, pruned, "sbc", readout_bits=8)
    rest, readout = 0, 1
    assert torch.equal(fine[rest].codes, plain[rest].codes)
    wanted = weights_of(model, fine[readout].layer)
    missed = [float((q[readout].weights() - wanted).norm()) for q in (plain, fine)]
    assert missed[1] < 0.1 * missed[0]
    (index,) = fine[readout].layer.connections
    found = connections_of(fine)[index]
    (upper, above), (lower, below) = found.parts()
    assert above - below == 4
    assert np.array_equal(16 * upper.astype(int) + lower, found.codes)


def test_decays_in_several_groups_keep_a_shared_scale_shared() -> None:
    model = recurrent(decay=np.linspace(0.5, 0.99, 16))
    quantized = quantize(model, *pieces(model), grid=Grid(granularity="layer"))
    assert len(quantized[0].scale.unique()) == 1


def problem(seed: int = 0, keep: float = 0.4) -> Problem:
    _, hessian, weights = layer(5, 24, seed)
    chosen = torch.rand(weights.shape, generator=torch.Generator().manual_seed(seed)) < keep
    chosen[:, -1] = True
    present = compensate(hessian, weights, chosen)
    scale = Grid().scales(present[:, :-1], torch.ones(23, dtype=torch.float64), shared=False)
    ones = torch.ones(5, dtype=torch.float64)
    rows = Rows(hessian, present, chosen, scale, Grid(), kept=1)
    return Problem(rows, weights, ones)


@given(st.integers(0, 1000))
@hypothesis_settings(max_examples=20, deadline=None)
def test_the_joint_choice_is_at_least_as_good_as_either_order(seed: int) -> None:
    task = problem(seed)
    best = task.error(jointly(task, by_descent))
    assert best <= task.error(prune_first(task, by_descent)) * (1 + 1e-9)
    assert best <= task.error(quantize_first(task, by_descent)) * (1 + 1e-9)


@given(st.integers(0, 1000))
@hypothesis_settings(max_examples=20, deadline=None)
def test_a_swap_lowers_the_error_and_keeps_the_number_of_weights(seed: int) -> None:
    task = problem(seed)
    start = prune_first(task, column_by_column)
    swapped, masks = swap(task, start)
    assert torch.equal((swapped.codes != 0).sum(dim=1), (start.codes != 0).sum(dim=1))
    assert task.error(swapped) <= task.error(start) * (1 + 1e-9)
    assert not swapped.codes[~masks].any()
    assert masks[:, -1].all()


def test_swaps_find_what_was_pruned_by_mistake() -> None:
    task = problem()
    random = prune_first(task, by_descent)
    assert task.error(jointly(task, by_descent)) < 0.7 * task.error(random)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    model = feed_forward()
    statistics, pruned = pieces(model)
    with pytest.raises(InputError, match="one of nearest, obc, sbc, obc-descent, sbc-descent"):
        quantize(model, statistics, pruned, "gptq")
    with pytest.raises(InputError, match="order must be one of prune-first, quantize-first, joint"):
        quantize(model, statistics, pruned, order="best")
    with pytest.raises(InputError, match="'prune-first' with the quantizer 'nearest'"):
        quantize(model, statistics, pruned, "nearest", order="joint")
    assert set(settings.QUANTIZER_NAMES) == set(QUANTIZERS)
    assert set(settings.ORDER_NAMES) == set(ORDERS)


def test_weights_that_magnitude_chose_are_made_the_best_ones_before_rounding() -> None:
    model = feed_forward()
    statistics, _ = pieces(model)
    pruned = prune(model, statistics, [100, 30], "magnitude")
    (first, _) = quantize(model, statistics, pruned, "sbc-descent")
    (group,) = statistics.layers[0].of("membrane")
    hessian = damped(group.hessian)
    wanted = torch.nn.functional.pad(weights_of(model, first.layer), (0, 1))
    masks = torch.nn.functional.pad(pruned[0].masks, (0, 1), value=True)
    best = layer_error(hessian, wanted, compensate(hessian, wanted, masks)).mean()
    coded = torch.cat([first.weights(), first.bias[:, None]], dim=1)
    assert layer_error(hessian, wanted, coded).mean() < 1.2 * best
