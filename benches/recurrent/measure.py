"""The parts: forecasts, ablations, training, integers, spoken digits, time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benches.recurrent.networks import PRUNING, Plan, compared, dense_and_pruned, size_of
from edgesnn.backends.simulated import ReferenceBackend, SimulatorBackend
from edgesnn.core_config import CoreConfig
from edgesnn.encoders import encoder_to_info
from edgesnn.event_windows import EventTargets, LabelledEvents
from edgesnn.model import Model
from edgesnn.recipes import find_recipe
from edgesnn.recurrent.baselines import BASELINES, prune_to_size
from edgesnn.recurrent.deploy import (
    compress_forecaster,
    forecast_error,
    model_error,
    network_values,
)
from edgesnn.recurrent.lnp import ablations, begin, iterate, prune_recurrent
from edgesnn.recurrent.networks import RecurrentSettings, recurrent_model
from edgesnn.recurrent.readout import fit_readout
from edgesnn.recurrent.tasks import FORECASTS, INPUT_GAIN, READOUT_DECAY, SCALES, forecaster
from edgesnn.samples import accuracy
from edgesnn.simulator import Simulator
from edgesnn.train.settings import TrainingSettings
from edgesnn.train.sparse import train_sparse
from edgesnn.train.trainer import decisions
from edgesnn.verification import compare, run_windows

RIDGE = 1e-3
#: Of the regression by surrogate gradients, from the ridge read-out on.
TRAINING = TrainingSettings(
    epochs=10, batch_size=25, learning_rate=2e-3, learn_decay=True, gradient_norm=1.0
)
#: Windows whose every bit is compared between reference and simulator.
COMPARED = 2
CORE = CoreConfig(lanes=2, state_bits=24)


@dataclass(frozen=True)
class Score:
    """NRMSE, or accuracy in per cent, of one network with one seed."""

    task: str
    name: str
    seed: int
    value: float
    neurons: int = 0
    synapses: int = 0


@dataclass(frozen=True)
class Deployed:
    """One LNP network as integers, SBC and 4 bits, on the held-out windows."""

    task: str
    seed: int
    float_nrmse: float
    nrmse: float
    bits_per_synapse: float
    synapses: int
    sops_per_step: float
    cycles_per_step: float
    mismatches: int


@dataclass(frozen=True)
class Timed:
    """LNP with the settings of the bench but without the search for time constants."""

    neurons: int
    seconds: float


def fitted(model: Model, data: EventTargets) -> Model:
    """With a read-out by ridge regression."""
    return fit_readout(model, data.events, data.targets.astype(np.float64), RIDGE)


def _tell(what: object) -> None:
    print(what, flush=True)


def forecast_rows(plan: Plan) -> list[Score]:
    """Every task and network with a ridge read-out; and that nothing changes."""
    rows = []
    for task in FORECASTS.values():
        for seed in range(plan.seeds):
            data = task.load(seed)
            rows.append(Score(task.name, "persistence", seed, task.persistence(seed)))
            for name, model in compared(task, plan, seed, data.training.events):
                error = model_error(fitted(model, data.training), data.held_out)
                rows.append(Score(task.name, name, seed, error, *size_of(model)))
                _tell(rows[-1])
    return rows


def ablation_rows(plan: Plan, task_name: str = "lorenz") -> list[Score]:
    """LNP with one choice changed at a time, ridge read-out."""
    task, rows = FORECASTS[task_name], []
    for seed in range(plan.seeds):
        data = task.load(seed)
        dense = forecaster(task, plan.neurons, seed)
        for name, settings in ablations(plan.settings(seed)).items():
            model, _ = prune_recurrent(dense, settings, SCALES)
            error = model_error(fitted(model, data.training), data.held_out)
            rows.append(Score(task.name, name, seed, error, *size_of(model)))
            _tell(rows[-1])
    return rows


def trained_rows(plan: Plan, names: tuple[str, ...] = ("dense", "LNP", "random")) -> list[Score]:
    """Networks trained whole by surrogate gradients after the ridge read-out."""
    rows = []
    for task in FORECASTS.values():
        for seed in range(plan.seeds):
            data = task.load(seed)
            for name, model in compared(task, plan, seed, data.training.events):
                if name == "dense, homogeneous":
                    break  # what follows is not trained here
                if name in names:
                    start = fitted(model, data.training)
                    trained = train_sparse(start, data.training, replace(TRAINING, seed=seed))
                    error = model_error(trained, data.held_out)
                    rows.append(Score(task.name, name, seed, error, *size_of(trained)))
                    _tell(rows[-1])
    return rows


def deployed_rows(plan: Plan) -> list[Deployed]:
    """LNP networks through the compressor, compared bit for bit."""
    rows = []
    for task in FORECASTS.values():
        for seed in range(plan.seeds):
            data = task.load(seed)
            _, pruned = dense_and_pruned(task.name, plan, seed)
            model = fitted(pruned, data.training)
            network, report = compress_forecaster(model, data.training.events)
            found = forecast_error(network_values(network, data.held_out.events), data.held_out)
            streams = list(data.held_out.events.streams())
            reference = ReferenceBackend()
            reference.load(network)
            expected = run_windows(reference, streams[:COMPARED], record=True)
            agreed, _ = compare(
                expected, SimulatorBackend(), network, streams[:COMPARED], record=True
            )
            batch = Simulator(network, CORE).run_batch(streams)
            steps = len(streams) * data.held_out.events.num_steps
            rows.append(
                Deployed(
                    task.name,
                    seed,
                    model_error(model, data.held_out),
                    found,
                    report.bits_per_synapse,
                    network.num_synapses,
                    float(batch.sops.sum()) / steps,
                    float(batch.cycles.sum()) / steps,
                    agreed.mismatches,
                )
            )
            _tell(rows[-1])
    return rows


def digits_rows(plan: Plan) -> list[Score]:
    """Spoken digits: a ridge read-out of one output for each class, in every step."""
    recipe = find_recipe("fsdd")
    training, held_out = recipe.load()
    classes, steps = len(recipe.labels), training.events.num_steps
    wanted = np.repeat(np.eye(classes)[training.labels][:, np.newaxis], steps, axis=1)
    settings = RecurrentSettings(
        recipe.encoder.num_sources,
        plan.neurons,
        classes,
        clusters=(SCALES,),
        input_gain=INPUT_GAIN,
        readout_decay=READOUT_DECAY,
        window_steps=steps,
    )
    rows = []
    for seed in range(plan.seeds):
        dense = recurrent_model(settings, seed, {"encoder": encoder_to_info(recipe.encoder)})
        for name, model in _classifiers(dense, plan, seed, training):
            ready = fit_readout(model, training.events, wanted, RIDGE)
            right = accuracy(decisions(ready, held_out.events), held_out.labels)
            rows.append(Score("fsdd", name, seed, 100 * right, *size_of(model)))
            _tell(rows[-1])
    return rows


def _classifiers(
    dense: Model, plan: Plan, seed: int, training: LabelledEvents
) -> Iterator[tuple[str, Model]]:
    yield "dense", dense
    pruned, _ = prune_recurrent(dense, plan.settings(seed), SCALES)
    yield "LNP", pruned
    events = training.per_class(20, seed).events
    for method in BASELINES:
        yield method, prune_to_size(dense, method, *size_of(pruned), events, seed)


def speed_rows(plan: Plan) -> list[Timed]:
    """Steps I to III of a network for one task, from dense to the wanted size."""
    rows = []
    for neurons in plan.sizes:
        dense = forecaster(FORECASTS["lorenz"], neurons, 0)
        began = time.perf_counter()
        state = begin(dense, PRUNING)
        while len(state.log) <= PRUNING.iterations:
            state = iterate(state, PRUNING)
        rows.append(Timed(neurons, time.perf_counter() - began))
        _tell(rows[-1])
    return rows


def exponent(rows: list[Timed]) -> float:
    """Of the power law through the times, by least squares of logarithms."""
    sizes, seconds = ([getattr(r, k) for r in rows] for k in ("neurons", "seconds"))
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
