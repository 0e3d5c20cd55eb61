"""Hessians are what they claim: the squared error of membranes, or of input currents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from edgesnn.compress import statistics
from edgesnn.compress.layers import layers_of, on_hardware_grid, weights_of, with_weights
from edgesnn.compress.statistics import collect, decay_groups
from edgesnn.connections import ConvConnection, ModelConnection
from edgesnn.errors import InputError, UnsupportedModel
from edgesnn.model import Model
from edgesnn.train.dynamics import Dynamics
from tests.compress.models import (
    convolutional,
    events,
    feed_forward,
    model_of,
    population,
    random_weights,
    recurrent,
)


def readout_only(decay: object, synaptic_decay: object = None, inputs: int = 9) -> Model:
    """One population that never resets, so that its membranes are linear in the weights."""
    return model_of(
        inputs,
        [population("out", 5, decay, spiking=False, synaptic_decay=synaptic_decay)],
        [ModelConnection(0, 1, random_weights(inputs, 5))],
    )


@pytest.mark.parametrize(
    ("decay", "synaptic"),
    [
        (0.875, None),
        (0.0, None),
        (1.0, None),
        (np.array([0.5, 0.75, 0.5, 0.96875, 0.75]), None),
        (0.875, 0.75),
    ],
)
def test_the_membrane_hessian_is_the_squared_error_of_membranes(
    decay: object, synaptic: object
) -> None:
    model, samples = readout_only(decay, synaptic), events(9)
    found = collect(model, samples).layers[0]
    changed = weights_of(model, found.layer) + torch.from_numpy(
        random_weights(5, 9, seed=7).astype(np.float64)
    )
    moved = torch.linspace(-0.5, 0.5, 5, dtype=torch.float64)
    other = with_weights(model, [found.layer], [(changed, moved)])
    difference = torch.nn.functional.pad(changed - weights_of(model, found.layer), (0, 1))
    difference[:, -1] = moved
    before, after = (Dynamics(m).record(samples).values[1] for m in (model, other))
    assert before is not None
    assert after is not None
    expected = ((after - before).double() ** 2).sum(dim=(0, 1)) / len(samples)
    seen = set()
    for group in found.groups["membrane"]:
        assert group.exact
        rows = difference[group.rows]
        assert torch.allclose(
            ((rows @ group.hessian) * rows).sum(dim=1), expected[group.rows], rtol=1e-4
        )
        seen |= set(group.rows.tolist())
    assert seen == set(range(5))


def test_the_input_hessian_is_that_of_the_events_themselves() -> None:
    samples = events(9)
    found = collect(readout_only(0.9), samples, ("input",)).layers[0].groups["input"]
    flat = samples.to_rasters().reshape(-1, 9).astype(float)
    flat = np.concatenate([flat, np.ones((len(flat), 1))], axis=1)
    assert len(found) == 1
    assert np.allclose(found[0].hessian.numpy(), flat.T @ flat / len(samples))


def test_decays_are_those_that_the_hardware_applies() -> None:
    (group,) = collect(readout_only(0.9), events(9)).layers[0].groups["membrane"]
    assert group.decay == 3686 / 4096
    assert on_hardware_grid(np.array([0.9]))[0] == 3686 / 4096


def test_recurrent_weights_read_the_spikes_of_the_step_before() -> None:
    model, samples = recurrent(), events(20)
    (hidden, _) = collect(model, samples, ("input",)).layers
    spikes = Dynamics(model).record(samples).spikes
    late = torch.cat([torch.zeros_like(spikes[1][:, :1]), spikes[1][:, :-1]], dim=1)
    flat = torch.cat([spikes[0], late], dim=2).flatten(0, 1).double()
    (group,) = hidden.groups["input"]
    assert hidden.layer.fan_in == 20 + 16
    assert torch.allclose(group.hessian[:-1, :-1], flat.T @ flat / len(samples))
    assert torch.allclose(hidden.rates, flat.mean(dim=0))


def test_a_convolution_has_one_row_for_each_channel() -> None:
    model, samples = convolutional(), events(72)
    layer = collect(model, samples, ("input",)).layers[0]
    assert (layer.layer.rows, layer.layer.positions, layer.layer.fan_in) == (3, 4, 8)
    pooled = samples.to_rasters().reshape(-1, 2, 3, 2, 3, 2).sum(axis=(3, 5)).astype(np.float32)
    patches = torch.nn.functional.unfold(torch.from_numpy(pooled), 2).transpose(1, 2).flatten(0, 1)
    expected = patches.double().T @ patches.double() / len(samples)
    assert torch.allclose(layer.groups["input"][0].hessian[:-1, :-1], expected)


def test_a_kernel_that_covers_all_pools_reads_sums_beside_another_connection() -> None:
    kernel = random_weights(16, 2, 3, 3, seed=4)
    pooled = ConvConnection(0, 1, kernel, (2, 6, 6), pool=(2, 2))
    loop = ModelConnection(1, 1, random_weights(16, 16))
    model = model_of(72, [population("out", 16)], [pooled, loop])
    samples = events(72)
    (layer,) = collect(model, samples, ("input",)).layers
    sums = samples.to_rasters().reshape(-1, 2, 3, 2, 3, 2).sum(axis=(3, 5)).reshape(-1, 18)
    assert layer.layer.fan_ins == (18, 16)
    assert np.allclose(layer.rates[:18], sums.mean(axis=0))


def test_batches_are_streamed_and_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    model, samples = recurrent(), events(20)
    whole = collect(model, samples)
    monkeypatch.setattr(statistics, "BATCH_SIZE", 1000)
    pieces = collect(model, samples)
    for a, b in zip(whole.layers, pieces.layers, strict=True):
        for g, h in zip(a.groups["membrane"], b.groups["membrane"], strict=True):
            assert torch.allclose(g.hessian, h.hessian, rtol=1e-5)
    for name in ("rates", "mean_v", "lowest", "highest"):
        for one, other in zip(getattr(whole, name), getattr(pieces, name), strict=True):
            assert np.allclose(one, other, rtol=1e-5)


def test_rates_and_extremes_are_those_of_the_run() -> None:
    model, samples = feed_forward(), events(20)
    found = collect(model, samples, objectives=())
    run = Dynamics(model).record(samples)
    assert np.allclose(found.rates[1], run.spikes[1].mean(dim=(0, 1)))
    assert run.values[2] is not None
    assert np.allclose(found.mean_v[2], run.values[2].mean(dim=(0, 1)), rtol=1e-5, atol=1e-6)
    assert np.allclose(found.highest[2], run.values[2].amax(dim=(0, 1)).clamp_min(0))
    assert found.layers[0].groups == {}


def test_many_decays_are_merged_into_groups_of_like_time_constants() -> None:
    decay = torch.linspace(0.5, 0.99, 40, dtype=torch.float64)
    groups = decay_groups(decay, None, max_groups=4)
    assert [len(g[0]) for g in groups] == [10, 10, 10, 10]
    for rows, mean, synaptic, exact in groups:
        assert decay[rows].min() < mean < decay[rows].max()
        assert synaptic is None
        assert not exact
        constants = -1 / decay[rows].log()
        assert -1 / np.log(mean) == pytest.approx(float(constants.log().mean().exp()), rel=0.01)
    alike = decay_groups(decay, None, max_groups=40)
    assert all(exact and mean == decay[rows[0]] for rows, mean, _, exact in alike)


def test_samples_that_do_not_fit_are_refused() -> None:
    model = feed_forward()
    with pytest.raises(InputError, match="one window or more of 20 sources, not 30 of 19"):
        collect(model, events(19))
    with pytest.raises(InputError, match="not 0 of 20"):
        collect(model, events(20).select([]))
    with pytest.raises(InputError, match="must be one of membrane, input, not 'sbc'"):
        collect(model, events(20), ("sbc",))


def test_a_convolution_beside_another_connection_is_refused() -> None:
    model = convolutional()
    loop = ModelConnection(1, 1, random_weights(12, 12))
    both = replace(model, connections=(*model.connections, loop))
    with pytest.raises(UnsupportedModel, match="into 'maps' must be its only connection"):
        layers_of(both)


def test_rows_of_one_decay_are_never_parted() -> None:
    decay = torch.tensor([0.9] * 100 + np.linspace(0.5, 0.99, 20).tolist(), dtype=torch.float64)
    groups = decay_groups(decay, None, max_groups=8)
    members = [set(rows.tolist()) for rows, *_ in groups]
    assert len(groups) <= 8
    assert sum(not set(range(100)).isdisjoint(m) for m in members) == 1
    assert sorted(i for m in members for i in m) == list(range(120))


def test_positions_of_a_channel_with_decays_of_their_own_are_not_called_exact() -> None:
    model = convolutional()
    maps = replace(model.populations[1], decay=np.linspace(0.3, 0.9, 12).astype(np.float32))  # type: ignore[type-var]
    model = replace(model, populations=(model.populations[0], maps, model.populations[2]))
    first = collect(model, events(72)).layers[0]
    assert not any(group.exact for group in first.of("membrane"))
    assert all(
        group.exact for group in collect(model, events(72), ("input",)).layers[0].of("input")
    )


def test_an_objective_that_was_not_collected_is_named() -> None:
    with pytest.raises(
        InputError, match=r"must hold the objective 'input', not only \['membrane'\]"
    ):
        collect(feed_forward(), events(20)).layers[0].of("input")
