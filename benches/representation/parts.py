"""What the bench measures, part by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product

import numpy as np
from torch import Tensor

from benches.representation.networks import Task, clothes, saccades, trained
from edgesnn.analysis.cka import LayerCka, MinibatchCka, batches, cka, compare
from edgesnn.analysis.module_features import model_grams, module_grams
from edgesnn.analysis.population_features import Signal, network_grams
from edgesnn.compress.pipeline import compress
from edgesnn.compress.settings import CompressionSettings
from edgesnn.data import find_data_set
from edgesnn.errors import InputError
from edgesnn.recipes import find_recipe
from edgesnn.recipes.training import train_recipe
from edgesnn.train.attack import projected_gradient
from edgesnn.train.classifier import share_right
from edgesnn.train.residual import ResidualNetwork, ResidualSettings, layers_of
from tests.analysis.test_cka import slow_cka

#: Held-out inputs that layers are compared on, and of these together.
NUM_COMPARED, BATCH_SIZE = 512, 256
NUM_ATTACKED = 128
DEPTHS, WIDTHS = (8, 14, 20), (4, 8)
EPSILONS = (0.01, 0.03)
SPARSITIES = (0.0, 0.5, 0.8, 0.9, 0.97)
#: Of random features in the checks.
NUM_PAIRS = 300

_grams = partial(module_grams, batch_size=BATCH_SIZE)


@dataclass(frozen=True)
class Checks:
    """The estimator on features whose CKA is known.

    identity              of features with themselves, turned and scaled
    independent           mean over pairs of independent ones
    reference_difference  the largest to the formula written out in loops
    """

    identity: float
    independent: float
    reference_difference: float


def _normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def checks() -> Checks:
    x = _normal(0, 256, 40)
    identity = cka(x, 3.7 * x @ np.linalg.qr(_normal(1, 40, 40))[0])
    independent = [cka(_normal(s, 32, 500), _normal(1000 + s, 32, 500)) for s in range(NUM_PAIRS)]
    differences = []
    for seed in range(5):
        x = _normal(seed, 24, 9)
        y = np.tanh(x @ _normal(seed + 50, 9, 7))
        one = MinibatchCka()
        parts = batches(24, 8)
        for part in parts:
            one.add({"x": x[part]}, {"y": y[part]})
        wanted = slow_cka([(x[part], y[part]) for part in parts])
        differences.append(abs(float(one.result()[0, 0]) - wanted))
    return Checks(identity, float(np.mean(independent)), max(differences))


@dataclass(frozen=True, eq=False)
class Pair:
    """A spiking network (rows) and its twin without spikes (columns), layer by layer.

    spiking_accuracy, plain_accuracy   per cent of the held-out inputs
    """

    residual: bool
    depth: int
    width: int
    seed: int
    spiking_accuracy: float
    plain_accuracy: float
    similarity: LayerCka

    def twins(self) -> np.ndarray:
        """CKA of each layer with its twin, from input to output."""
        return np.array(list(self.similarity.twins().values()))

    @property
    def mean(self) -> float:
        """Mean over layers that are not silent."""
        return float(np.nanmean(self.twins()))


def _compared(task: Task) -> Tensor:
    return task.held_out[:NUM_COMPARED]


def _of(network: ResidualNetwork, inputs: Tensor, other: ResidualNetwork) -> LayerCka:
    names = layers_of(network)
    return compare(_grams(network, inputs, names), _grams(other, inputs, layers_of(other)))


def pair(task: Task, settings: ResidualSettings, seed: int) -> Pair:
    """Twins of these settings, with and without spikes."""
    spiking, plain = (trained(task, _kind(settings, s), seed) for s in (True, False))
    return Pair(
        settings.residual,
        settings.depth,
        settings.width,
        seed,
        spiking.accuracy,
        plain.accuracy,
        _of(spiking.network, _compared(task), plain.network),
    )


def _kind(settings: ResidualSettings, spiking: bool) -> ResidualSettings:
    return ResidualSettings(
        settings.depth, settings.width, settings.residual, spiking, settings.num_steps
    )


def pairs(seeds: Sequence[int]) -> list[Pair]:
    """Residual and plain networks on Fashion-MNIST, of the smallest depth."""
    return [
        pair(clothes(), ResidualSettings(residual=residual), seed)
        for residual in (True, False)
        for seed in seeds
    ]


@dataclass(frozen=True)
class Control:
    """Mean CKA of layers of two networks of one kind that differ in their seed alone."""

    residual: bool
    spiking: bool
    means: tuple[float, ...]


def controls(seeds: Sequence[int]) -> list[Control]:
    """What another seed does, to hold what spikes do against."""
    found = []
    for residual in (True, False):
        for spiking in (True, False):
            settings = ResidualSettings(residual=residual, spiking=spiking)
            networks = [trained(clothes(), settings, seed).network for seed in seeds]
            means = tuple(
                float(np.nanmean(list(_of(one, _compared(clothes()), other).twins().values())))
                for one, other in pairwise(networks)
            )
            found.append(Control(residual, spiking, means))
    return found


def depths(seeds: Sequence[int], of: Sequence[int] = DEPTHS) -> list[Pair]:
    return [
        pair(clothes(), ResidualSettings(depth=depth, residual=residual), seed)
        for residual in (True, False)
        for depth in of
        for seed in seeds
    ]


def widths(seeds: Sequence[int]) -> list[Pair]:
    return [
        pair(clothes(), ResidualSettings(width=width, residual=residual), seed)
        for residual in (True, False)
        for width in WIDTHS
        for seed in seeds
    ]


def events(seeds: Sequence[int]) -> list[Pair]:
    """As :func:`pairs`, on the recordings of an event camera."""
    return [
        pair(saccades(), ResidualSettings(residual=residual), seed)
        for residual in (True, False)
        for seed in seeds
    ]


@dataclass(frozen=True, eq=False)
class Steps:
    """CKA of time steps of the layers of neurons of a spiking network, mean over seeds.

    maps   of each layer [step, step]
    """

    residual: bool
    maps: dict[str, np.ndarray]


def steps(seeds: Sequence[int]) -> list[Steps]:
    found = []
    for residual in (True, False):
        settings = ResidualSettings(residual=residual)
        maps: dict[str, list[np.ndarray]] = {}
        for seed in seeds:
            network = trained(clothes(), settings, seed).network
            names = [name for name in layers_of(network) if "fire" in name]
            found_steps = compare(_grams(network, _compared(clothes()), names, by_step=True))
            of = np.array([name.rpartition(" @ ")[0] for name in found_steps.rows])
            for name in names:
                chosen = of == name
                maps.setdefault(name, []).append(found_steps.values[np.ix_(chosen, chosen)])
        means = {name: np.nanmean(values, axis=0) for name, values in maps.items()}
        found.append(Steps(residual, means))
    return found


@dataclass(frozen=True)
class Attacked:
    """A network under attack by projected gradients.

    clean_accuracy, attacked_accuracy   per cent of the attacked inputs
    mean, last                          CKA of clean and attacked inputs, over layers and of the
                                        last activation
    """

    residual: bool
    spiking: bool
    epsilon: float
    clean_accuracy: float
    attacked_accuracy: float
    mean: float
    last: float


def attacks(seeds: Sequence[int]) -> list[Attacked]:
    found = []
    task = clothes()
    inputs, labels = task.held_out[:NUM_ATTACKED], task.held_out_labels[:NUM_ATTACKED]
    for residual, spiking, seed in product((True, False), (True, False), seeds):
        network = trained(task, ResidualSettings(residual=residual, spiking=spiking), seed).network
        names = layers_of(network)
        clean = 100 * share_right(network, inputs, labels)
        for epsilon in EPSILONS:
            other = projected_gradient(network, inputs, labels, epsilon)
            twins = compare(_grams(network, inputs, names), _grams(network, other, names)).twins()
            worse = 100 * share_right(network, other, labels)
            mean = float(np.nanmean(list(twins.values())))
            found.append(Attacked(residual, spiking, epsilon, clean, worse, mean, twins["fire"]))
    return found


@dataclass(frozen=True)
class Compressed:
    """CKA of populations of a compressed network with those of its model, by signal."""

    sparsity: float
    accuracy_lost: float
    twins: dict[str, dict[str, float]]


def compressed() -> list[Compressed]:
    """The recipe digits, compressed more and more; on held-out samples."""
    recipe = find_recipe("digits")
    training, held_out = recipe.load()
    model = train_recipe(recipe).model
    found = []
    for sparsity in SPARSITIES:
        settings = CompressionSettings(sparsity=sparsity, threads=1)
        network, report = compress(model, training, settings, held_out)
        twins = {
            signal: compare(
                model_grams(model, held_out.events, signal=Signal(signal)),
                network_grams(network, held_out.events, signal=Signal(signal)),
            ).twins()
            for signal in Signal
        }
        before, after = report.stages[0].accuracy, report.stages[-1].accuracy
        assert before is not None
        assert after is not None
        found.append(Compressed(sparsity, 100 * (before - after), twins))
    return found


def unavailable() -> dict[str, str]:
    """Data sets that are not there, and why: their parts are skipped."""
    found = {}
    for name in ("fashion_mnist", "mnist"):
        try:
            find_data_set(name).find(None)
        except InputError as error:
            found[name] = str(error)
    return found
