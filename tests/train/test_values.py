"""Training of values: the read-out's ``v`` follows a target, pruned weights stay away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgesnn.errors import InputError
from edgesnn.event_windows import EventTargets, EventWindows
from edgesnn.model import Model
from edgesnn.recurrent.networks import RecurrentSettings, recurrent_model
from edgesnn.recurrent.readout import readout_values
from edgesnn.train.dynamics import Dynamics
from edgesnn.train.objective import loss_of
from edgesnn.train.settings import TrainingSettings
from edgesnn.train.sparse import train_sparse
from edgesnn.train.split import split_validation
from edgesnn.train.trainer import Epoch, train

SETTINGS = TrainingSettings(epochs=6, batch_size=8, learning_rate=1e-2)


@pytest.fixture(scope="module")
def case() -> tuple[Model, EventTargets]:
    """Four inputs; the difference of the rates of two is asked for, but not at once."""
    rng = np.random.default_rng(0)
    rates = rng.random((16, 1, 4)) * np.ones((1, 30, 1))
    events = (rng.random(rates.shape) < rates).astype(np.uint8)
    targets = (rates[..., :1] - rates[..., 1:2]).astype(np.float32)
    targets[:, :10] = np.nan
    model = recurrent_model(RecurrentSettings(4, 24, 1, neighbours=4, input_gain=2.0), 0)
    return model, EventTargets(EventWindows.from_rasters(events), targets)


def error(model: Model, data: EventTargets) -> float:
    """Mean square error where something is asked for, by NumPy."""
    found = readout_values(model, data.events)
    return float(np.nanmean((found - data.targets) ** 2))


def test_loss_is_the_mean_square_error_where_something_is_asked_for(case) -> None:
    model, data = case
    loss = loss_of(Dynamics(model).record(data.events), model.readout, data)
    assert float(loss) == pytest.approx(error(model, data), rel=1e-5)


def test_training_brings_the_readout_to_its_targets(case) -> None:
    model, data = case
    told: list[Epoch] = []
    trained = train(model, data, replace(SETTINGS, learn_decay=True), progress=told.append)
    assert error(trained, data) < 0.2 * error(model, data)
    assert told[-1].loss < told[0].loss
    assert told[-1].validation_accuracy is None


def test_the_epoch_of_the_smallest_validation_loss_is_taken(case) -> None:
    model, data = case
    told: list[Epoch] = []
    training, validation = split_validation(data, 0.25, 0)
    trained = train(model, training, SETTINGS, validation=validation, progress=told.append)
    losses = [epoch.validation_loss for epoch in told]
    assert error(trained, validation) == pytest.approx(min(losses), rel=1e-5)
    assert [epoch.best for epoch in told][int(np.argmin(losses))]


def test_validation_windows_of_a_series_are_its_last_ones(case) -> None:
    _, data = case
    training, validation = split_validation(data, 0.25, 0)
    assert np.array_equal(training.targets, data.targets[:12], equal_nan=True)
    assert np.array_equal(validation.targets, data.targets[12:], equal_nan=True)


def test_interrupted_training_of_values_goes_on_exactly(case, tmp_path: Path) -> None:
    model, data = case
    whole = train(model, data, SETTINGS)

    def stop(epoch: Epoch) -> None:
        if epoch.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(model, data, SETTINGS, progress=stop, resume=tmp_path / "state")
    again = train(model, data, SETTINGS, resume=tmp_path / "state")
    assert np.array_equal(whole.connections[1].parameters, again.connections[1].parameters)
    other = EventTargets(data.events, data.targets + 1)
    with pytest.raises(InputError, match="belongs to another training data"):
        train(model, other, SETTINGS, resume=tmp_path / "state")


def test_weights_that_were_pruned_stay_away(case) -> None:
    model, data = case
    trained = train_sparse(model, data, SETTINGS)
    for before, after in zip(model.connections, trained.connections, strict=True):
        assert not np.any(after.parameters[np.asarray(before.parameters) == 0])
    assert error(trained, data) < 0.3 * error(model, data)


def test_targets_that_do_not_fit_are_refused(case) -> None:
    model, data = case
    events = data.events
    with pytest.raises(InputError, match=r"of 16 windows and 30 steps, not float32 \[16, 29, 1\]"):
        EventTargets(events, data.targets[:, :29])
    with pytest.raises(InputError, match="must be finite, or NaN where nothing is asked for"):
        EventTargets(events, np.full((16, 30, 1), np.inf, np.float32))
    with pytest.raises(InputError, match="of the 1 outputs of the model, not 2"):
        train(model, EventTargets(events, np.zeros((16, 30, 2), np.float32)), SETTINGS)
    with pytest.raises(InputError, match="every window must have a target in one step at least"):
        train(model, EventTargets(events, np.full((16, 30, 1), np.nan, np.float32)), SETTINGS)
