"""Lyapunov noise pruning (LNP): a large untrained recurrent network becomes a small one.

Each iteration prunes synapses by noise (step I), then neurons by betweenness (II), and gives back a
few edges where modes became localized (III), on a geometric schedule from the dense network to the
wanted size; time constants are optimized at the end (IV). No task, label or gradient takes part:
what is left can be trained for any task.

Source: Chakraborty et al. 2024, arXiv 2403.03409. Choices that the paper leaves open:
docs/decisions/0014-lnp.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from edgesnn.analysis.covariance import noise_covariance, trace_covariance
from edgesnn.analysis.localization import inverse_participation
from edgesnn.analysis.lyapunov import LyapunovSpectrum, lyapunov_spectrum
from edgesnn.analysis.spiking import Linearized
from edgesnn.errors import InputError
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model
from edgesnn.recurrent.delocalization import edges_to_restore
from edgesnn.recurrent.networks import (
    HIDDEN,
    TimeScales,
    keep_neurons,
    recurrent_weights,
    with_recurrent_weights,
    with_time_constants,
)
from edgesnn.recurrent.node_pruning import least_active, least_between
from edgesnn.recurrent.noise_pruning import (
    draw,
    keep_probabilities,
    keep_scores,
    neighbourhood_exponents,
    rescaled,
)
from edgesnn.recurrent.time_scales import optimize_time_scales, spectrum_distance
from edgesnn.train.dynamics import Dynamics
from edgesnn.train.threads import torch_threads

Values = npt.NDArray[np.float64]
#: Distance of the slowest mode from instability, where the linearized network must be made stable.
_MARGIN = 0.01

RULES = ("noise", "lyapunov", "lyapunov-weights", "magnitude", "random")
COVARIANCES = ("linear", "trace")
NODE_RULES = ("betweenness", "rate")


@dataclass(frozen=True)
class LnpSettings:
    """How to prune.

    neurons_kept, synapses_kept   shares of the dense network's, 0..1; synapses are those within the
                                  recurrent population, and at most so many are left
    iterations      of steps I to III, 1..100
    rule            whose size stands in the score of an edge: of its weight ("noise"), of the
                    harmonic mean of exponents near it ("lyapunov"), of their product; "magnitude"
                    and "random" leave noise out
    covariance      of the linearized network, or of filtered spikes ("trace")
    node_rule       which neurons go: those that few shortest paths lead through ("betweenness"), or
                    those that fire least under noise ("rate")
    rescaling       a kept weight grows at most so many times for those that went; 1: not at all
    restored        edges that may come back in an iteration, as a share of those that are left
    trials          of the optimization of time scales; 0 leaves them as they are
    num_exponents   of the spectrum that are followed, at most
    drive_rate      events of each input in a time step, of the noise that drives the network
    num_steps, skip, runs   of that drive: time steps, those that do not count, and repetitions
    """

    neurons_kept: float = 0.4
    synapses_kept: float = 0.1
    iterations: int = 10
    rule: str = "noise"
    covariance: str = "linear"
    node_rule: str = "betweenness"
    rescaling: float = 1.0
    restored: float = 0.01
    trials: int = 20
    num_exponents: int = 40
    drive_rate: float = 0.3
    num_steps: int = 200
    skip: int = 50
    runs: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("neurons_kept", "synapses_kept", "drive_rate"):
            if not 0 < getattr(self, name) <= 1:
                raise InputError(f"{name} must be above 0 and at most 1, not {getattr(self, name)}")
        if not 0 <= self.restored <= 0.5:
            raise InputError(f"restored must be in 0..0.5, not {self.restored}")
        if self.rescaling < 1:
            raise InputError(f"rescaling must be at least 1, not {self.rescaling}")
        for name, least, most in (
            ("iterations", 1, 100),
            ("trials", 0, 10_000),
            ("num_exponents", 1, 10_000),
            ("num_steps", self.skip + 2, 1_000_000),
            ("runs", 1, 10_000),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise InputError(f"{name} must be in {least}..{most}, not {value}")
        for name, known in (
            ("rule", RULES),
            ("covariance", COVARIANCES),
            ("node_rule", NODE_RULES),
        ):
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}"
                )


@dataclass(frozen=True)
class LnpIteration:
    """What an iteration left; the first one, number 0, is the dense network.

    largest_exponent, spectrum_distance   of the driven network; distance from the dense one's
    largest_ipr     inverse participation ratio of the most localized mode
    restored        edges that came back
    rate            spikes of a neuron in a time step under the drive
    """

    number: int
    neurons: int
    synapses: int
    largest_exponent: float
    spectrum_distance: float
    largest_ipr: float
    restored: int
    rate: float
    seconds: float


@dataclass(frozen=True, eq=False)
class LnpState:
    """Everything that the next iteration needs: pruning can stop and go on exactly.

    model      as it is now
    kept       its neurons, by their numbers in the dense network
    spectrum   exponents of the dense network
    log        of all iterations so far
    """

    model: Model
    kept: npt.NDArray[np.int64]
    spectrum: Values
    log: tuple[LnpIteration, ...]


@dataclass(frozen=True, eq=False)
class Driven:
    """A network under noise: v and spikes [runs, time_step, neuron] and the exponents."""

    network: Linearized
    v: Values
    spikes: Values
    spectrum: LyapunovSpectrum

    @property
    def rate(self) -> float:
        return float(self.spikes.mean())


@lru_cache(maxsize=1)  # an iteration begins with the network that the one before looked at last
def drive(model: Model, settings: LnpSettings) -> Driven:
    """Run the recurrent population under noise from the inputs, and linearize it.

    Raises ``InputError`` if it is silent, or fires always: then it says nothing.
    """
    rng = np.random.default_rng([settings.seed, 0])
    shape = (settings.runs, settings.num_steps, model.num_inputs)
    noise = (rng.random(shape) < settings.drive_rate).astype(np.uint8)
    run = Dynamics(model).record(EventWindows.from_rasters(noise))
    spikes = run.spikes[HIDDEN][:, settings.skip :].double().numpy()
    values = run.values[HIDDEN]
    assert values is not None
    v = values[:, settings.skip :].double().numpy()
    rate = float(spikes.mean())
    if rate in (0.0, 1.0):
        raise InputError(
            "some neurons must fire in some steps under noise, but "
            f"{'none ever does' if rate == 0 else 'all do in all steps'}: change input_gain, gain "
            "or drive_rate"
        )
    network = Linearized.of(model, HIDDEN)
    size = network.neurons.size
    spectrum = lyapunov_spectrum(network.jacobians(v), size, min(settings.num_exponents, size))
    return Driven(network, v, spikes, spectrum)


def begin(model: Model, settings: LnpSettings) -> LnpState:
    """The state before the first iteration."""
    started = time.perf_counter()
    driven = drive(model, settings)
    weights = recurrent_weights(model)
    first = _entry(0, driven, weights, driven.spectrum.exponents, 0, started)
    return LnpState(model, np.arange(len(weights)), driven.spectrum.exponents, (first,))


def iterate(state: LnpState, settings: LnpSettings) -> LnpState:
    """One iteration of steps I to III, on the schedule."""
    started = time.perf_counter()
    number = len(state.log)
    done = number / settings.iterations
    dense = state.log[0]
    rng = np.random.default_rng([settings.seed, number])
    driven = drive(state.model, settings)

    before = recurrent_weights(state.model)
    edges_wanted = round(dense.synapses * settings.synapses_kept**done)
    weights = prune_synapses(before, driven, edges_wanted, settings, rng)

    neurons_wanted = max(round(dense.neurons * settings.neurons_kept**done), 1)
    num_gone = max(len(weights) - neurons_wanted, 0)
    if settings.node_rule == "rate":
        gone = least_active(driven.spikes, num_gone)
    else:
        gone = least_between(weights != 0, num_gone)
    stay = np.setdiff1d(np.arange(len(weights)), gone)
    model = keep_neurons(with_recurrent_weights(state.model, weights), stay)
    weights, before = weights[np.ix_(stay, stay)], before[np.ix_(stay, stay)]

    left = int(np.count_nonzero(weights))
    limit = min(round(settings.restored * left), max(edges_wanted - left, 0))
    restored = edges_to_restore(weights, before, limit, dense.largest_ipr)
    weights = np.where(restored, before, weights)
    model = with_recurrent_weights(model, weights)
    entry = _entry(
        number, drive(model, settings), weights, state.spectrum, int(restored.sum()), started
    )
    return LnpState(model, state.kept[stay], state.spectrum, (*state.log, entry))


def prune_synapses(
    weights: Values, driven: Driven, num_kept: int, settings: LnpSettings, rng: np.random.Generator
) -> Values:
    """Step I: the weights [source, target] of which at most ``num_kept`` are left."""
    present = int(np.count_nonzero(weights))
    if num_kept >= present:
        return weights
    scores = edge_scores(weights, driven, settings)
    # An edge of score 0 goes first; there may be more of them than edges that must go.
    chances = keep_probabilities(scores, min(num_kept, int(np.count_nonzero(scores))))
    mask = draw(chances, round(chances.sum()), rng)
    return rescaled(weights, mask, chances, settings.rescaling)


def edge_scores(weights: Values, driven: Driven, settings: LnpSettings) -> Values:
    """How much each edge [source, target] matters, by the rule of the settings."""
    magnitudes: Values = np.abs(weights)
    if settings.rule in ("magnitude", "random"):
        return magnitudes if settings.rule == "magnitude" else np.sign(magnitudes)
    if settings.covariance == "trace":
        covariance = trace_covariance(driven.spikes)
    else:
        covariance = noise_covariance(stable(driven.network.mean_jacobian(driven.v)))
    if settings.rule == "noise":
        return keep_scores(weights, covariance)
    exponents = neighbourhood_exponents(driven.spectrum.of_units, weights != 0)
    if settings.rule == "lyapunov":
        return keep_scores(exponents, covariance)
    scores: Values = keep_scores(weights, covariance) * np.abs(exponents)
    return scores


def stable(jacobian: Values) -> Values:
    """The rate model dr/dt = (J - I) r, with more leak if it would run away without."""
    matrix = jacobian - np.eye(len(jacobian))
    excess = float(np.linalg.eigvals(matrix).real.max()) + _MARGIN
    found: Values = matrix - max(excess, 0.0) * np.eye(len(matrix))
    return found


def optimize(state: LnpState, settings: LnpSettings, start: TimeScales) -> tuple[Model, TimeScales]:
    """Step IV: new time constants, from the gamma distribution of the nearest spectrum.

    start   the distribution that the network had; it is among those that are tried
    """
    size = len(state.kept)
    ranks = np.random.default_rng([settings.seed, 1 << 20]).random(size)

    def constants(scales: TimeScales) -> Values:
        # The same random numbers for every distribution, so that only the distribution differs.
        pool = np.sort(scales.draw(64 * size, np.random.default_rng([settings.seed, 1 << 21])))
        return pool[(ranks * len(pool)).astype(np.int64)]

    def loss(scales: TimeScales) -> float:
        try:
            found = drive(with_time_constants(state.model, constants(scales)), settings)
        except InputError:
            return 1e6  # silent, or firing always
        return spectrum_distance(found.spectrum.exponents, state.spectrum)

    best, _ = optimize_time_scales(loss, settings.trials, settings.seed, start)
    return with_time_constants(state.model, constants(best)), best


def prune_recurrent(
    model: Model,
    settings: LnpSettings,
    start: TimeScales | None = None,
    state: LnpState | None = None,
    after_iteration: Callable[[LnpState], None] | None = None,
) -> tuple[Model, LnpState]:
    """The pruned network, and the state with its log.

    start             time scales that the network was made with; None leaves out step IV
    state             from which to go on, as ``after_iteration`` was given it; None: from the start
    after_iteration   called after each, to show and to keep
    """
    # One thread of linear algebra: the result does not depend on the number of cores, and beside
    # other work threads that wait for each other take many times as long.
    with threadpool_limits(1, "blas"), torch_threads(1):
        state = begin(model, settings) if state is None else state
        while len(state.log) <= settings.iterations:
            state = iterate(state, settings)
            if after_iteration is not None:
                after_iteration(state)
        if start is None or not settings.trials:
            return state.model, state
        return optimize(state, settings, start)[0], state


def ablations(settings: LnpSettings) -> dict[str, LnpSettings]:
    """One choice changed at a time, for tables."""
    changes: Sequence[tuple[str, dict[str, object]]] = (
        ("as it is", {}),
        ("magnitude instead of noise", {"rule": "magnitude"}),
        ("random instead of noise", {"rule": "random"}),
        ("exponents instead of weights", {"rule": "lyapunov"}),
        ("exponents times weights", {"rule": "lyapunov-weights"}),
        ("covariance of filtered spikes", {"covariance": "trace"}),
        ("neurons by rate under noise", {"node_rule": "rate"}),
        ("neurons by rate, time scales left alone", {"node_rule": "rate", "trials": 0}),
        ("weights rescaled", {"rescaling": 4.0}),
        ("no edges restored", {"restored": 0.0}),
        ("time scales left alone", {"trials": 0}),
        ("one iteration", {"iterations": 1}),
    )
    return {name: replace(settings, **change) for name, change in changes}  # type: ignore[arg-type]


def _entry(
    number: int,
    driven: Driven,
    weights: Values,
    dense_spectrum: Values,
    restored: int,
    started: float,
) -> LnpIteration:
    exponents = driven.spectrum.exponents
    return LnpIteration(
        number=number,
        neurons=len(weights),
        synapses=int(np.count_nonzero(weights)),
        largest_exponent=float(exponents[0]),
        spectrum_distance=spectrum_distance(exponents, dense_spectrum),
        largest_ipr=float(inverse_participation(np.linalg.eig(weights)[1]).max()),
        restored=restored,
        rate=driven.rate,
        seconds=time.perf_counter() - started,
    )
