"""Ridge regression of the read-out, through the network that then runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from edgesnn.errors import InputError
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model
from edgesnn.recurrent.networks import OUTPUT, RecurrentSettings, recurrent_model
from edgesnn.recurrent.readout import fit_readout, readout_values
from edgesnn.train.dynamics import Dynamics


@pytest.fixture(scope="module")
def case() -> tuple[Model, EventWindows]:
    model = recurrent_model(RecurrentSettings(6, 40, 2, readout_decay=0.8), 0)
    rasters = np.random.default_rng(0).random((5, 60, 6)) < 0.4
    return model, EventWindows.from_rasters(rasters.astype(np.uint8))


def test_a_readout_that_exists_is_found_again(case) -> None:
    model, events = case
    other = recurrent_model(RecurrentSettings(6, 40, 2, readout_decay=0.8), 0)
    weights = np.random.default_rng(3).normal(size=(40, 2))
    bias = np.array([0.3, -1.2], np.float32)
    populations = list(other.populations)
    populations[OUTPUT] = replace(populations[OUTPUT], bias=bias)
    teacher = Model(
        tuple(populations),
        (*other.connections[:2], other.connections[2].with_parameters(weights)),
        other.readout,
    )
    targets = readout_values(teacher, events)
    fitted = fit_readout(model, events, targets, ridge=1e-12)
    assert readout_values(fitted, events) == pytest.approx(targets, abs=1e-3)
    assert fitted.populations[OUTPUT].bias == pytest.approx(bias, abs=1e-3)


def test_it_is_the_ridge_regression_of_another_library(case) -> None:
    model, events = case
    targets = np.random.default_rng(1).normal(size=(5, 60, 2))
    spikes = Dynamics(model).record(events).spikes[1].double().numpy()
    trace = np.zeros((5, 60, 41))
    for t in range(60):
        trace[:, t] = 0.8 * trace[:, t - 1] * (t > 0)
        trace[:, t, :40] += spikes[:, t]
        trace[:, t, 40] += 1
    rows = trace[:, 10:].reshape(-1, 41)
    # The constant is a filtered one, and carries no penalty: it is taken out of both sides.
    ones = rows[:, 40:] / np.linalg.norm(rows[:, 40:])
    wanted = targets[:, 10:].reshape(-1, 2)
    centred = rows[:, :40] - ones @ (ones.T @ rows[:, :40])
    power = (rows[:, :40] ** 2).sum() / 40
    ridge = Ridge(alpha=0.01 * power, fit_intercept=False)
    ridge.fit(centred, wanted - ones @ (ones.T @ wanted))
    fitted = fit_readout(model, events, targets, ridge=0.01, skip=10)
    assert fitted.connections[2].weights == pytest.approx(ridge.coef_.T, abs=1e-5)


def test_steps_without_a_target_do_not_count(case) -> None:
    model, events = case
    targets = np.random.default_rng(2).normal(size=(5, 60, 2))
    some = targets.copy()
    some[:, :30] = np.nan
    one, other = fit_readout(model, events, some), fit_readout(model, events, targets, skip=30)
    assert one.connections[2].weights == pytest.approx(other.connections[2].weights, abs=1e-6)


def test_an_output_is_fitted_with_the_decay_that_it_has(case) -> None:
    model, events = case
    targets = np.random.default_rng(4).normal(size=(5, 60, 2))

    def with_decays(*decay: float) -> Model:
        readout = replace(model.populations[OUTPUT], decay=np.array(decay, np.float32))
        return Model((*model.populations[:OUTPUT], readout), model.connections, model.readout)

    mixed = fit_readout(with_decays(0.5, 0.75), events, targets)
    for i, decay in enumerate((0.5, 0.75)):
        alike = fit_readout(with_decays(decay, decay), events, targets)
        for own, other in (
            (mixed.connections[2].weights[:, i], alike.connections[2].weights[:, i]),
            (mixed.populations[OUTPUT].bias[i], alike.populations[OUTPUT].bias[i]),
        ):
            assert own == pytest.approx(other)


def test_bad_input_is_refused_with_what_to_do(case) -> None:
    model, events = case
    with pytest.raises(InputError, match=r"step and output, \(5, 60, 2\), not \(5, 60, 3\)"):
        fit_readout(model, events, np.zeros((5, 60, 3)))
    with pytest.raises(InputError, match="steps with targets after the 60 that are skipped"):
        fit_readout(model, events, np.zeros((5, 60, 2)), skip=60)
    firing = replace(model.populations[OUTPUT], spiking=True)
    mixed = Model((*model.populations[:OUTPUT], firing), model.connections, model.readout)
    with pytest.raises(InputError, match="outputs must not fire"):
        fit_readout(mixed, events, np.zeros((5, 60, 2)))
