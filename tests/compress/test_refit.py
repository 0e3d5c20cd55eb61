"""A read-out that is fitted once more to what codes do."""

from __future__ import annotations

import numpy as np
import pytest

from edgesnn.compress.pipeline import compress
from edgesnn.compress.prune import prune
from edgesnn.compress.quantize import quantize
from edgesnn.compress.refit import under_the_same_mask, with_fitted_readout
from edgesnn.compress.settings import CompressionSettings
from edgesnn.compress.statistics import collect
from edgesnn.event_windows import EventTargets, LabelledEvents
from edgesnn.model import Model
from edgesnn.recurrent.deploy import network_values
from edgesnn.recurrent.networks import HIDDEN, OUTPUT, RecurrentSettings, recurrent_model
from edgesnn.recurrent.readout import fit_to, readout_values
from tests.compress.models import events


@pytest.fixture(scope="module")
def case() -> tuple[Model, EventTargets]:
    """A network, and what its read-out says before anything is rounded."""
    settings = RecurrentSettings(20, 60, 2, neighbours=8, readout_decay=0.8, window_steps=30)
    windows = events(20, windows=40, rate=0.3, steps=30)
    info = {"encoder": {"kind": "event", "channels": 20, "max_events": 1}}
    model = recurrent_model(settings, 0, info)
    return model, EventTargets(windows, readout_values(model, windows).astype(np.float32))


def test_others_are_as_they_were_and_the_readout_is_the_fitted_one(case) -> None:
    model, data = case
    statistics = collect(model, data.events)
    pruned = prune(model, statistics, [600, 300, 60])
    quantized = quantize(model, statistics, pruned)
    renewed, on_codes = with_fitted_readout(model, quantized, fit_to(data))
    for connection, before, codes in zip(
        renewed.connections, model.connections, on_codes.connections, strict=True
    ):
        if connection.target == HIDDEN:
            assert np.array_equal(connection.weights, before.weights)
            assert not np.array_equal(codes.weights, before.weights)
        else:
            assert np.array_equal(connection.weights, codes.weights)
            assert not np.array_equal(codes.weights, before.weights)
    # Fitted already: another fit to the same codes finds the same.
    again = fit_to(data)(on_codes)
    assert again.connections[2].weights == pytest.approx(renewed.connections[2].weights, abs=1e-6)
    layer = under_the_same_mask(renewed, pruned[-1])
    assert layer.layer.target == OUTPUT
    assert not layer.weights[~pruned[-1].masks].any()
    assert np.array_equal(
        layer.weights[pruned[-1].masks].float(), renewed.connections[2].weights.T[pruned[-1].masks]
    )


def test_the_network_of_integers_is_nearer_to_the_values(case) -> None:
    model, data = case
    samples = LabelledEvents.of_one_class(data.events)
    settings = CompressionSettings(sparsity=0.5, match_rates=False, range="search", threads=1)

    def error(**options) -> float:
        network, report = compress(model, samples, settings, training=data, **options)
        assert ("fitted" in [s.name for s in report.stages]) == bool(options)
        missed = network_values(network, data.events) - data.targets
        return float((missed**2).mean())

    with_fit, without = error(refit=fit_to(data)), error()
    assert with_fit < 0.9 * without
