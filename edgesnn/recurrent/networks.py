"""Recurrent networks before training: HRSNN and CHRSNN.

One input population, one recurrent population whose neurons have time constants of their own, and
a read-out that never fires and whose decay makes it a linear read-out of filtered spikes. Time
constants are drawn from gamma distributions, one for each cluster, and put on the grid of decays
that the hardware has; connections within the recurrent population form a small-world graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgesnn.compress.layers import on_hardware_grid
from edgesnn.connections import ModelConnection
from edgesnn.errors import InputError
from edgesnn.model import Model, ModelPopulation
from edgesnn.network import InputPopulation, Readout, ReadoutRule
from edgesnn.neuron import ResetMode

Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
INPUT, HIDDEN, OUTPUT = 0, 1, 2


@dataclass(frozen=True)
class TimeScales:
    """A gamma distribution of time constants, in time steps: mean shape * scale.

    shape None: all neurons have the time constant ``scale``, as in a homogeneous network.
    """

    shape: float | None = 2.0
    scale: float = 8.0

    def __post_init__(self) -> None:
        if not self.scale > 0 or not (self.shape is None or self.shape > 0):
            raise InputError(f"shape and scale must be above 0, not {self.shape} and {self.scale}")

    def draw(self, size: int, rng: np.random.Generator) -> Values:
        """Time constants [size], at least one step."""
        if self.shape is None:
            return np.full(size, max(self.scale, 1.0))
        found: Values = np.maximum(rng.gamma(self.shape, self.scale, size), 1.0)
        return found


def decay_of(time_constants: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """exp(-1 / time constant) on the grid of the hardware, multiples of 1/4096."""
    decay = np.exp(-1 / np.asarray(time_constants, np.float64))
    return on_hardware_grid(decay).astype(np.float32)


@dataclass(frozen=True)
class RecurrentSettings:
    """A network before training.

    num_inputs, num_neurons, num_outputs
    clusters        time scales of each cluster; one: HRSNN, several: CHRSNN. Neurons are shared out
                    evenly, the first clusters get one more where that does not come out
    neighbours      each neuron sends to so many others at least, next to it on a ring (even)
    rewired         share of these that go to any neuron instead
    across          share of rewired connections that leave their cluster
    gain            of the recurrent weights: spectral radius of their matrix, in thresholds
    inhibitory      share of recurrent weights below 0
    input_density   share of inputs that reach a neuron
    input_gain      standard deviation of input weights times the root of the inputs that reach it
    readout_decay   of the read-out
    window_steps    time steps of one decision or sequence
    readout_rule    how the read-out decides, where it does
    """

    num_inputs: int
    num_neurons: int
    num_outputs: int
    clusters: tuple[TimeScales, ...] = (TimeScales(),)
    neighbours: int = 16
    rewired: float = 0.2
    across: float = 0.2
    gain: float = 0.9
    inhibitory: float = 0.5
    input_density: float = 1.0
    input_gain: float = 1.0
    readout_decay: float = 0.9
    window_steps: int = 100
    readout_rule: ReadoutRule = ReadoutRule.MEMBRANE_SUM

    def __post_init__(self) -> None:
        for name in ("num_inputs", "num_neurons", "num_outputs", "window_steps"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")
        smallest = self.num_neurons // max(len(self.clusters), 1)
        if not self.clusters or smallest <= self.neighbours:
            raise InputError(
                f"each cluster must have more neurons than neighbours, {self.neighbours}, but "
                f"{self.num_neurons} neurons in {len(self.clusters)} clusters are {smallest} each"
            )
        if self.neighbours < 2 or self.neighbours % 2:
            raise InputError(f"neighbours must be even and at least 2, not {self.neighbours}")
        for name in ("rewired", "across", "inhibitory", "input_density", "readout_decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be in 0..1, not {getattr(self, name)}")


def cluster_of(settings: RecurrentSettings) -> npt.NDArray[np.int64]:
    """Number of the cluster of each neuron, ascending."""
    parts = np.array_split(np.arange(settings.num_neurons), len(settings.clusters))
    return np.repeat(np.arange(len(parts)), [len(p) for p in parts])


def small_world(settings: RecurrentSettings, rng: np.random.Generator) -> Mask:
    """Which neuron [source] sends to which [target]; never to itself.

    In each cluster a ring in which every neuron sends to its neighbours on both sides, of which a
    share is rewired to any neuron of the cluster, or of another one. Source: Watts and Strogatz
    1998, "Collective dynamics of small-world networks", with direction.
    """
    clusters = cluster_of(settings)
    edges = np.zeros((settings.num_neurons, settings.num_neurons), np.bool_)
    several = len(settings.clusters) > 1
    for source in range(settings.num_neurons):
        mine = np.flatnonzero(clusters == clusters[source])
        others = np.flatnonzero(clusters != clusters[source])
        place = source - mine[0]
        reach = settings.neighbours // 2
        for offset in (*range(-reach, 0), *range(1, reach + 1)):
            target = mine[(place + offset) % len(mine)]
            if rng.random() < settings.rewired:
                pool = others if several and rng.random() < settings.across else mine
                free = pool[~edges[source, pool] & (pool != source)]
                target = rng.choice(free) if len(free) else target
            edges[source, target] = True
    return edges


def recurrent_model(
    settings: RecurrentSettings, seed: int, info: dict[str, Any] | None = None
) -> Model:
    """A network with random weights; thresholds are 1, and neurons reset by subtraction.

    Raises ``InputError`` for settings that cannot work.
    """
    rng = np.random.default_rng(seed)
    clusters = cluster_of(settings)
    constants = np.concatenate(
        [scales.draw(int((clusters == k).sum()), rng) for k, scales in enumerate(settings.clusters)]
    )
    edges = small_world(settings, rng)
    sign = np.where(rng.random(edges.shape) < settings.inhibitory, -1.0, 1.0)
    recurrent: Values = np.where(edges, sign * np.abs(rng.normal(size=edges.shape)), 0.0)
    radius = float(np.abs(np.linalg.eigvals(recurrent)).max())
    recurrent = recurrent * (settings.gain / (radius or 1.0))
    reaches = rng.random((settings.num_inputs, settings.num_neurons)) < settings.input_density
    fan_in = max(settings.num_inputs * settings.input_density, 1.0)
    inputs = reaches * rng.normal(0, settings.input_gain / np.sqrt(fan_in), reaches.shape)
    outputs = rng.normal(
        0, 1 / np.sqrt(settings.num_neurons), (settings.num_neurons, settings.num_outputs)
    )
    ones = np.ones(settings.num_neurons, np.float32)
    out = np.ones(settings.num_outputs, np.float32)
    return Model(
        (
            InputPopulation("input", settings.num_inputs),
            ModelPopulation(
                "recurrent", ones, decay_of(constants), 0 * ones, reset_mode=ResetMode.SUBTRACT
            ),
            ModelPopulation(
                "output", out, out * np.float32(settings.readout_decay), 0 * out, spiking=False
            ),
        ),
        (
            ModelConnection(INPUT, HIDDEN, inputs.astype(np.float32)),
            ModelConnection(HIDDEN, HIDDEN, recurrent.astype(np.float32)),
            ModelConnection(HIDDEN, OUTPUT, outputs.astype(np.float32)),
        ),
        Readout(OUTPUT, settings.readout_rule, settings.window_steps),
        info or {},
    )


def recurrent_weights(model: Model) -> Values:
    """The matrix [source, target] within the recurrent population, a copy.

    Raises ``InputError`` if the model is none of :func:`recurrent_model`.
    """
    return np.array(model.connections[_place(model, HIDDEN, HIDDEN)].parameters, np.float64)


def with_recurrent_weights(model: Model, weights: Values) -> Model:
    """The same model with other weights within its recurrent population."""
    connections = list(model.connections)
    place = _place(model, HIDDEN, HIDDEN)
    connections[place] = connections[place].with_parameters(weights.astype(np.float32))
    return Model(model.populations, tuple(connections), model.readout, model.info)


def with_time_constants(model: Model, constants: Values) -> Model:
    """The same model whose recurrent neurons have these time constants, in steps."""
    populations = list(model.populations)
    neurons = populations[HIDDEN]
    assert isinstance(neurons, ModelPopulation)
    populations[HIDDEN] = replace(neurons, decay=decay_of(constants))
    return Model(tuple(populations), model.connections, model.readout, model.info)


def keep_neurons(model: Model, kept: Sequence[int] | npt.NDArray[np.integer]) -> Model:
    """The model with only these neurons of its recurrent population, in ascending order.

    Raises ``InputError`` if then no path leads from inputs to outputs.
    """
    chosen = np.unique(np.asarray(kept, np.int64))
    populations = list(model.populations)
    neurons = populations[HIDDEN]
    assert isinstance(neurons, ModelPopulation)
    if not len(chosen) or not connects(model, chosen):
        raise InputError(
            f"a path must lead from inputs to outputs, but none does through the {len(chosen)} "
            "neurons that stay: keep more of them"
        )
    populations[HIDDEN] = replace(
        neurons,
        threshold=neurons.threshold[chosen],
        decay=neurons.decay[chosen],
        bias=neurons.bias[chosen],
    )
    connections = []
    for c in model.connections:
        weights = np.asarray(c.parameters)
        if c.source == HIDDEN:
            weights = weights[chosen]
        if c.target == HIDDEN:
            weights = weights[:, chosen]
        connections.append(ModelConnection(c.source, c.target, weights))
    return Model(tuple(populations), tuple(connections), model.readout, model.info)


def connects(model: Model, kept: npt.NDArray[np.integer]) -> bool:
    """Whether spikes can go from an input to an output through these neurons."""
    edges = recurrent_weights(model)[np.ix_(kept, kept)] != 0
    into = np.asarray(model.connections[_place(model, INPUT, HIDDEN)].parameters)[:, kept]
    out = np.asarray(model.connections[_place(model, HIDDEN, OUTPUT)].parameters)[kept]
    reached = (into != 0).any(axis=0)
    while True:
        more = reached | edges[reached].any(axis=0)
        if np.array_equal(more, reached):
            return bool((out[reached] != 0).any())
        reached = more


def _place(model: Model, source: int, target: int) -> int:
    pairs = [(c.source, c.target) for c in model.connections]
    shape = [(INPUT, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, OUTPUT)]
    if len(model.populations) != 3 or sorted(pairs) != shape:
        raise InputError(
            "the model must have one input, one recurrent population and one read-out, joined in "
            f"that order, not {[model.name_of(c) for c in model.connections]}"
        )
    return pairs.index((source, target))
