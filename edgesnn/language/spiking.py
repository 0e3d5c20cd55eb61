"""A language model that cores run: a recurrent spiking population between tokens and scores.

Each token that is read is one event, in a time step of its own; what the read-out's membranes are
after that step are the scores of the next token. Time constants differ from neuron to neuron. It is
a network as every other, so compressor, simulator, gates and microcontrollers need nothing new; its
tokens are in ``info["language"]``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edgesnn.compress.pipeline import Progress as Step
from edgesnn.compress.pipeline import compress
from edgesnn.compress.report import CompressionReport
from edgesnn.compress.settings import CompressionSettings
from edgesnn.encoders import EventEncoder, encoder_to_info
from edgesnn.errors import InputError
from edgesnn.event_windows import EventClasses, EventWindows, LabelledEvents
from edgesnn.events import EventStream
from edgesnn.language.corpus import Corpus, Ids, Vocabulary
from edgesnn.language.training import Evaluated, losses
from edgesnn.model import Model
from edgesnn.network import Network, ReadoutRule
from edgesnn.recurrent.metrics import operations_per_step
from edgesnn.recurrent.networks import (
    HIDDEN,
    OUTPUT,
    RecurrentSettings,
    TimeScales,
    recurrent_model,
)
from edgesnn.run_result import Counters, RunResult
from edgesnn.simulator import Simulator
from edgesnn.train.dynamics import Dynamics
from edgesnn.train.settings import TrainingSettings
from edgesnn.train.trainer import Progress, train

#: Time steps of a window of training, so tokens; from reset on.
WINDOW = 100
#: Time constants of neurons: mean 8 steps.
SCALES = TimeScales(2.0, 4.0)
#: Tokens of a text that are read from one reset on where nothing is learned, and such windows at
#: once.
_READ, _AT_ONCE = 1000, 16
#: Windows of the training part that the compressor looks at.
_CALIBRATION = 200
Scores = npt.NDArray[np.float64]


def spiking_model(
    vocabulary: Vocabulary, neurons: int, seed: int, info: dict[str, Any] | None = None
) -> Model:
    """A model before training: every neuron hears every token and every other neuron.

    Raises ``InputError`` unless there are at least 4 neurons.
    """
    if neurons < 4:
        raise InputError(f"a spiking language model must have at least 4 neurons, not {neurons}")
    tokens = len(vocabulary)
    settings = RecurrentSettings(
        tokens,
        neurons,
        tokens,
        clusters=(SCALES,),
        neighbours=(neurons - 1) // 2 * 2,
        rewired=0.0,
        # A token alone moves a membrane by about a threshold.
        input_gain=math.sqrt(tokens),
        readout_decay=0.7,
        window_steps=WINDOW,
        readout_rule=ReadoutRule.MEMBRANE_LAST,
    )
    known = {"tokens": list(vocabulary.tokens), "characters": vocabulary.characters}
    encoder = encoder_to_info(EventEncoder(tokens))
    return recurrent_model(settings, seed, {**(info or {}), "encoder": encoder, "language": known})


def vocabulary_of(network: Model | Network) -> Vocabulary:
    """The tokens of a model or a network. Raises ``InputError`` if it is no language model."""
    known = network.info.get("language")
    tokens = known.get("tokens") if isinstance(known, dict) else None
    if not isinstance(tokens, list) or len(tokens) != network.num_inputs:
        raise InputError(
            "a spiking language model must hold its tokens in info['language'], one for each "
            "input: train it with edgesnn lm train spiking"
        )
    assert isinstance(known, dict)
    return Vocabulary(tuple(map(str, tokens)), bool(known.get("characters")))


def as_events(ids: Ids, steps: int, num_tokens: int) -> EventClasses:
    """A text cut into windows: in each step one token is read, and the next one asked for.

    What does not fill a window is left out. Raises ``InputError`` if there is no window.
    """
    count = (len(ids) - 1) // steps
    if count < 1:
        raise InputError(f"a text must have more than {steps} tokens, not {len(ids)}")
    used = count * steps
    events = EventWindows(steps, num_tokens, np.arange(used + 1), np.asarray(ids[:used], np.uint16))
    return EventClasses(events, np.asarray(ids[1 : used + 1]).reshape(count, steps))


def train_spiking(
    model: Model,
    corpus: Corpus,
    settings: TrainingSettings,
    progress: Progress | None = None,
    resume: Path | None = None,
) -> Model:
    """The model of the epoch that guesses the validation part best.

    resume   file that keeps the state after each epoch; the same call goes on from it

    Raises ``InputError`` if the text is shorter than a window, and as
    :func:`edgesnn.train.trainer.train`.
    """
    tokens = len(corpus.vocabulary)
    return train(
        model,
        as_events(corpus.training, WINDOW, tokens),
        settings,
        validation=as_events(corpus.validation, WINDOW, tokens),
        progress=progress,
        resume=resume,
        sparse=True,
    )


def compress_spiking(
    model: Model, corpus: Corpus, settings: CompressionSettings, progress: Step | None = None
) -> tuple[Network, CompressionReport]:
    """The network of integers; fine-tuning, if settings ask for it, learns what comes next."""
    data = as_events(corpus.training, WINDOW, len(corpus.vocabulary))
    chosen = np.random.default_rng(settings.seed).permutation(len(data))[:_CALIBRATION]
    unlabelled = LabelledEvents.of_one_class(data.select(np.sort(chosen)).events)
    return compress(model, unlabelled, settings, progress=progress, training=data)


def evaluate_model(model: Model, ids: Ids) -> tuple[Evaluated, float]:
    """How well a model in floating point guesses a text, read from reset every 1,000 tokens; and
    the synaptic operations of a token."""
    dynamics, loss, active, operations = Dynamics(model), 0.0, 0.0, 0.0
    for data in _parts(ids, model.num_inputs):
        run = dynamics.record(data.events)
        scores, tokens = run.values[OUTPUT], data.targets.size
        assert scores is not None
        loss += _loss(scores.double().numpy(), data)
        active += tokens * float(run.spikes[HIDDEN].double().mean())
        operations += tokens * operations_per_step(model, data.events)
    count = len(ids) - 1
    return Evaluated(loss / count, (active / count,)), operations / count


def evaluate_network(network: Network, ids: Ids) -> tuple[Evaluated, float]:
    """The same of a network of integers, in the simulator."""
    simulator, loss, counters = Simulator(network), 0.0, Counters()
    readout = network.neuron_slice(network.readout.population)
    for data in _parts(ids, network.num_inputs):
        scores = []
        for stream in data.events.streams():
            result = simulator.run(stream, record=True)[0]
            assert result.values is not None
            scores.append(result.values[:, readout] * score_unit(network))
            counters += result.counters
        loss += _loss(np.stack(scores), data)
    count = len(ids) - 1
    activity = counters.spikes / (count * network.populations[HIDDEN].size)
    return Evaluated(loss / count, (activity,)), counters.sops / count


def _parts(ids: Ids, num_tokens: int) -> Iterator[EventClasses]:
    """All of a text: windows of 1,000 tokens, some at once, and what is left in a shorter one."""
    if len(ids) < 2:
        raise InputError(f"a text must have at least 2 tokens to be guessed, not {len(ids)}")
    whole = (len(ids) - 1) // _READ * _READ
    for first in range(0, whole, _AT_ONCE * _READ):
        last = min(first + _AT_ONCE * _READ, whole)
        yield as_events(ids[first : last + 1], _READ, num_tokens)
    if whole < len(ids) - 1:
        yield as_events(ids[whole:], len(ids) - 1 - whole, num_tokens)


def _loss(scores: Scores, data: EventClasses) -> float:
    """Sum over all tokens of windows, scores [window, step, token]."""
    flat = scores.reshape(-1, scores.shape[2])
    return float(losses(flat, data.targets.ravel()).sum())


class SpikingReader:
    """A model in floating point: each call runs all that was read so far once more."""

    def __init__(self, model: Model) -> None:
        self._dynamics, self._num_tokens = Dynamics(model), model.num_inputs
        self._read: list[int] = []

    def read(self, tokens: npt.ArrayLike) -> Scores:
        """See :class:`edgesnn.language.generate.Reader`."""
        now = np.asarray(tokens, np.int64).ravel()
        self._read += now.tolist()
        ids = np.array([*self._read, 0])
        events = as_events(ids, len(self._read), self._num_tokens).events
        scores = self._dynamics.record(events).values[OUTPUT]
        assert scores is not None
        return scores[0, len(self._read) - len(now) :].double().numpy()


def score_unit(network: Network) -> float:
    """What 1 in a membrane of the read-out means: the same of all outputs, as they are compared."""
    return float(network.info["readout_units"][0])


class Executor(Protocol):
    """Whatever runs a network from step to step."""

    def reset(self) -> None:
        """Nothing was read."""

    def run(self, stream: EventStream) -> RunResult:
        """Steps from the present state on."""


class ExecutorReader:
    """A network that is loaded in an executor, whose read-out is read after each token.

    counters   of all that was read, a step for each token
    """

    def __init__(self, executor: Executor, network: Network) -> None:
        self.executor = executor
        self.counters = Counters()
        self._unit = score_unit(network)
        executor.reset()

    def read(self, tokens: npt.ArrayLike) -> Scores:
        """See :class:`edgesnn.language.generate.Reader`."""
        found = []
        for token in np.asarray(tokens, np.int64).ravel():
            stream = EventStream(np.array([0, 1]), np.array([token], np.uint16))
            result = self.executor.run(stream)
            self.counters += result.counters
            found.append(result.accumulators * self._unit)
        return np.array(found, np.float64)
