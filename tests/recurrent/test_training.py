"""Training of forecasters as a whole."""

from __future__ import annotations

import numpy as np

from edgesnn.recurrent.deploy import model_error
from edgesnn.recurrent.networks import RecurrentSettings, recurrent_model, recurrent_weights
from edgesnn.recurrent.readout import fit_readout
from edgesnn.recurrent.tasks import Forecast
from edgesnn.recurrent.training import train_forecaster


def waves(count, _seed, _data):
    time = np.arange(count)
    return np.stack([np.sin(time / 4), np.sin(time / 7 + 1)], axis=1)


TASK = Forecast("waves", "", waves, 2, 2, 1.0, window_samples=40, skip=10, training=30, held_out=8)


def test_training_makes_the_error_smaller_and_leaves_zeros_alone() -> None:
    data = TASK.load()
    settings = RecurrentSettings(
        TASK.encoder.num_sources, 50, 2, neighbours=8, input_gain=3.0, readout_decay=0.8,
        window_steps=TASK.window_steps,
    )  # fmt: skip
    ready = recurrent_model(settings, 0)
    before = fit_readout(ready, data.training.events, data.training.targets, ridge=1e-3)
    seen: list[int] = []
    after = train_forecaster(before, data.training, 16, progress=lambda e: seen.append(e.done))
    assert seen == list(range(1, 17))
    assert model_error(after, data.held_out) < 0.85 * model_error(before, data.held_out)
    missing = recurrent_weights(before) == 0
    assert missing.any()
    assert not recurrent_weights(after)[missing].any()
