"""What is measured: forecasts and decisions, networks of integers, ablations, time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benches.recurrent.deployed import (
    Deployed,
    deciding_integers,
    deciding_ways,
    forecasting_integers,
    forecasting_ways,
)
from benches.recurrent.networks import (
    HOMOGENEOUS,
    PRUNING,
    VARIANT,
    Plan,
    compared,
    pruned_alike,
    size_of,
)
from edgesnn.encoders import encoder_to_info
from edgesnn.event_windows import EventTargets, LabelledEvents
from edgesnn.model import Model
from edgesnn.recipes import find_recipe
from edgesnn.recurrent.baselines import BASELINES
from edgesnn.recurrent.deploy import (
    model_error,
)
from edgesnn.recurrent.free_run import mean_valid_time
from edgesnn.recurrent.lnp import ablations, drive, prune_recurrent
from edgesnn.recurrent.metrics import operations_per_step
from edgesnn.recurrent.networks import RecurrentSettings, TimeScales, recurrent_model
from edgesnn.recurrent.readout import fit_readout
from edgesnn.recurrent.tasks import (
    FORECASTS,
    INPUT_GAIN,
    READOUT_DECAY,
    SCALES,
    forecaster,
)
from edgesnn.recurrent.training import TRAINING, train_forecaster
from edgesnn.samples import accuracy
from edgesnn.train.sparse import train_sparse
from edgesnn.train.trainer import decisions

RIDGE = 1e-3
#: Of classifiers, by surrogate gradients.
CLASSIFIER = replace(
    TRAINING,
    epochs=40,
    batch_size=20,
    learning_rate=3e-3,
    event_dropout=0.1,
    surrogate_slope=2.5,
)
#: Of each class, of the training part, that classifiers are trained on, at most.
PER_CLASS = 200
#: Of networks that were pruned after they were trained: so many of the epochs follow.
REPAIR = 0.2
#: Networks that are trained whole: on the tasks of the headline, and on others.
TRAINED = ("dense", "LNP", VARIANT, *BASELINES)
TRAINED_ELSEWHERE = ("dense", "LNP")
HEADLINE = ("lorenz", "roessler", "ecg", "fsdd")
#: What a score was taken after; "late" is trained dense, pruned, and trained on for a while.
RIDGE_STAGE, TRAINED_STAGE, LATE_STAGE = "ridge", "trained", "late"
#: Free runs: stretches of the held-out part, samples that are seen, samples that follow.
RUNS, KNOWN, FOLLOWING = 16, 30, 60
CLASSIFICATIONS = ("fsdd", "imu-digits")
#: Of a CHRSNN: from fast to slow neurons.
CLUSTERS = tuple(TimeScales(2.0, scale) for scale in (2.0, 4.0, 8.0, 16.0))


def trained_names(task: str) -> tuple[str, ...]:
    """Which networks of a task are trained whole."""
    return TRAINED if task in HEADLINE else TRAINED_ELSEWHERE


@dataclass(frozen=True)
class Score:
    """NRMSE, or accuracy in per cent, of one network with one seed.

    stage        what it was trained by
    operations   synaptic operations of a time step, inputs and read-out included
    valid_time   of free runs, in the task's own time, where there are such
    """

    task: str
    name: str
    stage: str
    seed: int
    value: float
    neurons: int = 0
    synapses: int = 0
    operations: float = 0.0
    valid_time: float | None = None


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Lyapunov exponents of a network before training, under the noise that LNP drives it with.

    exponents   float64, largest first, per time step
    """

    task: str
    name: str
    seed: int
    exponents: np.ndarray


@dataclass(frozen=True)
class Studied:
    """All of one task with one seed."""

    scores: list[Score]
    deployed: list[Deployed]
    spectra: list[Spectrum]


@dataclass(frozen=True)
class Timed:
    """LNP with the settings of the bench but without the search for time constants."""

    neurons: int
    seconds: float


def fitted(model: Model, data: EventTargets) -> Model:
    """With a read-out by ridge regression."""
    return fit_readout(model, data.events, data.targets.astype(np.float64), RIDGE)


def forecasts(plan: Plan, task_name: str, seed: int) -> Studied:
    """One series: every network by ridge, most trained whole, LNP's as integers."""
    task = FORECASTS[task_name]
    data = task.load(seed)
    stretches = task.held_out_samples(RUNS, KNOWN + FOLLOWING, seed)

    def score(name: str, stage: str, model: Model) -> Score:
        valid = None if stage == RIDGE_STAGE else mean_valid_time(model, task, stretches, KNOWN)
        found = Score(
            task.name,
            name,
            stage,
            seed,
            model_error(model, data.held_out),
            *size_of(model),
            operations_per_step(model, data.held_out.events),
            valid,
        )
        print(found, flush=True)
        return found

    dense = forecaster(task, plan.neurons, seed)
    alike = forecaster(task, plan.neurons, seed, HOMOGENEOUS)
    models = compared(dense, alike, plan, seed, data.training.events)
    rows = [Score(task.name, "no change", RIDGE_STAGE, seed, task.persistence(seed))]
    ready = {name: fitted(model, data.training) for name, model in models.items()}
    rows += [score(name, RIDGE_STAGE, model) for name, model in ready.items()]
    names = trained_names(task.name)
    trained = {
        name: train_forecaster(ready[name], data.training, plan.epochs, seed) for name in names
    }
    rows += [score(name, TRAINED_STAGE, model) for name, model in trained.items()]
    deployed = [
        forecasting_integers(way, trained[way.network], data, task.name, seed)
        for way in forecasting_ways(models)
    ]
    if names == TRAINED:
        repair = max(round(REPAIR * plan.epochs), 1)
        size = size_of(models["LNP"])
        for name, model in pruned_alike(trained["dense"], size, data.training.events, seed):
            repaired = train_forecaster(model, data.training, repair, seed)
            rows.append(score(name, LATE_STAGE, repaired))
    spectra = [
        Spectrum(task.name, name, seed, drive(model, plan.settings(seed)).spectrum.exponents)
        for name, model in models.items()
    ]
    return Studied(rows, deployed, spectra)


def classes(plan: Plan, recipe_name: str, seed: int) -> Studied:
    """Spoken digits or gestures: one output for each class, asked in every step."""
    recipe = find_recipe(recipe_name)
    training, held_out = recipe.load()
    training = training.per_class(PER_CLASS, 0)
    steps = training.events.num_steps
    wanted = np.eye(len(recipe.labels))[training.labels][:, np.newaxis]
    settings = RecurrentSettings(
        recipe.encoder.num_sources,
        plan.neurons,
        len(recipe.labels),
        clusters=(SCALES,),
        input_gain=INPUT_GAIN,
        readout_decay=READOUT_DECAY,
        window_steps=steps,
    )

    def score(name: str, stage: str, model: Model) -> Score:
        right = accuracy(decisions(model, held_out.events), held_out.labels)
        operations = operations_per_step(model, held_out.events)
        found = Score(recipe.name, name, stage, seed, 100 * right, *size_of(model), operations)
        print(found, flush=True)
        return found

    dense = recurrent_model(settings, seed, {"encoder": encoder_to_info(recipe.encoder)})
    alike = recurrent_model(replace(settings, clusters=(HOMOGENEOUS,)), seed, dense.info)
    few: LabelledEvents = training.per_class(20, seed)
    models = compared(dense, alike, plan, seed, few.events)
    rows, trained = [], {}
    for name, model in models.items():
        ready = fit_readout(model, training.events, np.repeat(wanted, steps, axis=1), RIDGE)
        rows.append(score(name, RIDGE_STAGE, ready))
        if name in trained_names(recipe_name):
            trained[name] = train_sparse(ready, training, replace(CLASSIFIER, seed=seed))
            rows.append(score(name, TRAINED_STAGE, trained[name]))
    deployed = [
        deciding_integers(way, trained[way.network], (training, held_out), recipe.name, seed)
        for way in deciding_ways(models)
    ]
    return Studied(rows, deployed, [])


def variants(plan: Plan, task_name: str, seed: int) -> list[Score]:
    """LNP with one choice changed at a time, and of a clustered network; ridge read-out."""
    task = FORECASTS[task_name]
    data = task.load(seed)
    rows = []

    def add(name: str, model: Model) -> None:
        error = model_error(fitted(model, data.training), data.held_out)
        rows.append(Score(task.name, name, RIDGE_STAGE, seed, error, *size_of(model)))
        print(rows[-1], flush=True)

    dense = forecaster(task, plan.neurons, seed)
    for name, settings in ablations(plan.settings(seed)).items():
        add(name, prune_recurrent(dense, settings, SCALES)[0])
    clustered = forecaster(task, plan.neurons, seed, clusters=CLUSTERS)
    pruned = prune_recurrent(clustered, plan.settings(seed))[0]
    add("CHRSNN, dense", clustered)
    add("CHRSNN, LNP", pruned)
    for name, model in pruned_alike(clustered, size_of(pruned), data.training.events, seed):
        add(f"CHRSNN, {name}", model)
    return rows


def timed(neurons: int) -> Timed:
    """Steps I to III of a network for one task, from dense to the wanted size."""
    dense = forecaster(FORECASTS["lorenz"], neurons, 0)
    began = time.perf_counter()
    prune_recurrent(dense, PRUNING)
    found = Timed(neurons, time.perf_counter() - began)
    print(found, flush=True)
    return found


def exponent(rows: list[Timed]) -> float:
    """Of the power law through the times, by least squares of logarithms."""
    sizes, seconds = ([getattr(r, k) for r in rows] for k in ("neurons", "seconds"))
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


#: By the kind of a task, what studies one.
STUDIES: dict[str, Callable[[Plan, str, int], Studied]] = {
    **dict.fromkeys(FORECASTS, forecasts),
    **dict.fromkeys(CLASSIFICATIONS, classes),
}
