"""A model in PyTorch: runs, and learns through surrogate gradients.

Populations that form no loop run one after the other, each with all its time steps at once where
that is possible: what arrives from outside is one product for all steps, and only the membrane
itself is stepped. Populations in a loop are stepped together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from edgesnn.errors import InputError, UnsupportedModel
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model, ModelConnection, ModelPopulation
from edgesnn.network import InputPopulation, ReadoutRule
from edgesnn.train.arriving import Arriving, Dropout, Steps, dense, part_of, stacked
from edgesnn.train.compiled import Pattern, run_population
from edgesnn.train.event_batch import EventBatch
from edgesnn.train.lif import SURROGATE_SLOPE, Lif, State

#: Turns the stored weights of all connections, [fan_in, rows] each, into those that act: masks,
#: rounding.
WeightTransform = Callable[[list[Tensor]], list[Tensor]]


class Run:
    """What happened in a run of a batch of windows; stacked when asked for.

    accumulators  [batch, read-out size]; the largest decides
    """

    def __init__(self, model: Model, inputs: Tensor | EventBatch) -> None:
        self._model = model
        self._inputs = inputs
        self.steps_of_v: dict[int, Steps] = {}
        self.steps_of_spikes: dict[int, Steps] = {}
        self.steps_of_currents: dict[int, list[Tensor]] = {}

    @cached_property
    def spikes(self) -> list[Tensor]:
        """For each population [batch, time_step, size]: events of inputs, spikes of neurons."""
        found, first = [], 0
        for i, p in enumerate(self._model.populations):
            if isinstance(p, InputPopulation):
                found.append(dense(part_of(self._inputs, first, p.size)))
                first += p.size
            elif len(self.steps_of_spikes[i]):
                found.append(stacked(self.steps_of_spikes[i]))
            else:
                found.append(torch.zeros_like(self._stacked_v(i)))
        return found

    @cached_property
    def values(self) -> list[Tensor | None]:
        """For each population of neurons ``v`` [batch, time_step, size]; None for inputs."""
        return [
            self._stacked_v(i) if isinstance(p, ModelPopulation) else None
            for i, p in enumerate(self._model.populations)
        ]

    @cached_property
    def currents(self) -> list[Tensor | None]:
        """For each current-based population its currents after each step; None for others."""
        steps = self.steps_of_currents
        return [
            torch.stack(steps[i], 1) if i in steps else None
            for i in range(len(self._model.populations))
        ]

    def _stacked_v(self, index: int) -> Tensor:
        return stacked(self.steps_of_v[index])

    @cached_property
    def accumulators(self) -> Tensor:
        """[batch, read-out size]; the largest decides."""
        index, rule = self._model.readout.population, self._model.readout.rule
        if rule is ReadoutRule.MEMBRANE_LAST:
            steps = self.steps_of_v[index]
            return steps[:, -1] if isinstance(steps, Tensor) else steps[-1]
        if rule is ReadoutRule.SPIKE_COUNT:
            return self.spikes[index].sum(1)
        if rule is ReadoutRule.MEMBRANE_SUM:
            return self._stacked_v(index).sum(1)
        return self._stacked_v(index).amax(1)

    def mean_spikes(self) -> Tensor:
        """Spikes for each neuron and time step, summed over the populations that fire."""
        firing = [stacked(s).mean() for s in self.steps_of_spikes.values() if len(s)]
        return torch.stack(firing).sum() if firing else torch.zeros(())


class Dynamics(nn.Module):
    """Runs and trains a :class:`edgesnn.model.Model`.

    learn_decay   also trains the decays of each neuron, of membrane and current
    slope         steepness of the surrogate gradient, per threshold
    sparse        what is 0 in a connection of a population to itself stays 0: such weights need
                  no gradient, and populations are run by :mod:`edgesnn.train.compiled` where it
                  can, many times faster

    Weights and biases are always trained; thresholds are not, for they scale like the weights.
    Raises ``UnsupportedModel`` for the read-out rule FIRST_SPIKE, which has no gradient.
    """

    def __init__(
        self,
        model: Model,
        learn_decay: bool = False,
        slope: float = SURROGATE_SLOPE,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        if model.readout.rule is ReadoutRule.FIRST_SPIKE:
            raise UnsupportedModel("the read-out rule must not be FIRST_SPIKE to be trained")
        self.model = model
        self.learn_decay = learn_decay
        self.slope = slope
        self.weights = nn.ParameterList(
            nn.Parameter(torch.tensor(c.parameters)) for c in model.connections
        )
        neurons = {i: p for i, p in enumerate(model.populations) if isinstance(p, ModelPopulation)}
        self.bias = nn.ParameterDict(
            {str(i): nn.Parameter(torch.tensor(p.bias)) for i, p in neurons.items()}
        )
        # A logit keeps a learned decay inside 0..1; 0 and 1 themselves are approached.
        logits = {f"membrane {i}": p.decay for i, p in neurons.items()} | {
            f"current {i}": p.synaptic_decay
            for i, p in neurons.items()
            if p.synaptic_decay is not None
        }
        self.decay_logits = nn.ParameterDict(
            {
                name: nn.Parameter(torch.logit(torch.tensor(decay), eps=1e-6))
                for name, decay in logits.items()
                if learn_decay
            }
        )
        self._groups = _groups(model)
        self._patterns = _patterns(model, self._groups) if sparse else {}

    def forward(
        self,
        inputs: Tensor | EventWindows,
        transform: WeightTransform | None = None,
        dropout: Dropout | None = None,
    ) -> Run:
        """Run windows from reset: events, or their counts [batch, time_step, source].

        Raises ``InputError`` if they do not come from as many sources as the model has.
        """
        sources = inputs.num_sources if isinstance(inputs, EventWindows) else inputs.shape[2]
        if sources != self.model.num_inputs:
            raise InputError(
                f"events must come from {self.model.num_inputs} sources, not {sources}"
            )
        batch = EventBatch(inputs) if isinstance(inputs, EventWindows) else inputs.float()
        if dropout is not None:
            batch = dropout.of_inputs(batch)
        weights = list(self.weights)
        if transform is not None:
            weights = transform(weights)
        run = Run(self.model, batch)
        arriving = Arriving(self.model, batch, weights, dropout)
        for group in self._groups:
            index = group[0]
            if index in self._patterns and not arriving.drops(index):
                self._run_compiled(index, arriving, run)
            else:
                self._run_group(group, arriving, run)
        return run

    def record(
        self, inputs: Tensor | EventWindows, transform: WeightTransform | None = None
    ) -> Run:
        """As calling it, without gradients."""
        with torch.no_grad():
            return self(inputs, transform)

    def _run_group(self, group: range, arriving: Arriving, run: Run) -> None:
        """Step populations that form a loop, or one that forms none."""
        neurons = {i: self._lif(i) for i in group}
        states = dict.fromkeys(group, State())
        drives = {}
        of_v: dict[int, list[Tensor]] = {i: [] for i in group}
        of_spikes: dict[int, list[Tensor]] = {i: [] for i in group}
        run.steps_of_v.update(of_v)
        run.steps_of_spikes.update(of_spikes)
        for i in group:
            drive = arriving.from_outside(i, group)
            if neurons[i].synaptic_decay is None:
                drive = drive.add_(self.bias[str(i)])  # it is ours alone: no copy of all steps
            drives[i] = drive.unbind(1)
            if neurons[i].synaptic_decay is not None:
                run.steps_of_currents[i] = []
        for t in range(arriving.num_steps):
            for i in group:
                drive = arriving.add_from_inside(drives[i][t], i, group)
                v, spikes, states[i] = neurons[i].step(drive, states[i])
                of_v[i].append(v)
                current = states[i].current
                if isinstance(current, Tensor):
                    run.steps_of_currents[i].append(current)
                if spikes is not None:
                    of_spikes[i].append(spikes)
                    arriving.send(i, spikes)

    def _run_compiled(self, index: int, arriving: Arriving, run: Run) -> None:
        """All steps of a population that is alone in its group."""
        p = self.model.populations[index]
        assert isinstance(p, ModelPopulation)
        drive = arriving.from_outside(index, range(index, index + 1)).add_(self.bias[str(index)])
        v, spikes = run_population(
            drive,
            arriving.own_weights(index),
            self._patterns[index],
            torch.tensor(p.threshold),
            self._decay("membrane", index),
            p.spiking,
            p.reset_mode,
            p.reset_order,
            p.strict,
            self.slope,
        )
        run.steps_of_v[index] = v
        run.steps_of_spikes[index] = spikes if p.spiking else []
        if p.spiking:
            arriving.send_all(index, spikes)

    def _lif(self, index: int) -> Lif:
        p = self.model.populations[index]
        assert isinstance(p, ModelPopulation)
        synaptic = None if p.synaptic_decay is None else self._decay("current", index)
        return Lif(
            torch.tensor(p.threshold),
            self._decay("membrane", index),
            synaptic,
            self.bias[str(index)] if synaptic is not None else 0.0,
            p.spiking,
            p.reset_mode,
            p.reset_order,
            p.strict,
            self.slope,
        )

    def _decay(self, kind: str, index: int) -> Tensor:
        if self.learn_decay:
            return torch.sigmoid(self.decay_logits[f"{kind} {index}"])
        p = self.model.populations[index]
        assert isinstance(p, ModelPopulation)
        return torch.tensor(p.decay if kind == "membrane" else p.synaptic_decay)

    def to_model(self) -> Model:
        """The model with the weights, biases and decays as trained."""
        populations = tuple(
            replace(
                p,
                bias=self.bias[str(i)].detach().numpy(),
                decay=self._decay("membrane", i).detach().numpy(),
                synaptic_decay=None
                if p.synaptic_decay is None
                else self._decay("current", i).detach().numpy(),
            )
            if isinstance(p, ModelPopulation)
            else p
            for i, p in enumerate(self.model.populations)
        )
        connections = tuple(
            c.with_parameters(w.detach().numpy())
            for c, w in zip(self.model.connections, self.weights, strict=True)
        )
        return Model(populations, connections, self.model.readout, self.model.info)


def _groups(model: Model) -> list[range]:
    """Populations of neurons in order; those that a feedback connection ties are together."""
    groups = []
    first = sum(isinstance(p, InputPopulation) for p in model.populations)
    while first < len(model.populations):
        last = index = first
        while index <= last:
            last = max([last, *(c.source for c in model.connections if c.target == index)])
            index += 1
        groups.append(range(first, last + 1))
        first = last + 1
    return groups


def _patterns(model: Model, groups: list[range]) -> dict[int, Pattern]:
    """Of populations that can be run as a whole: alone in their group, without currents, and with
    at most one plain connection to themselves."""
    found = {}
    for group in groups:
        index, p = group[0], model.populations[group[0]]
        own = [c for c in model.connections if c.source == c.target == index]
        plain = len(own) <= 1 and all(isinstance(c, ModelConnection) for c in own)
        alone = len(group) == 1 and isinstance(p, ModelPopulation) and p.synaptic_decay is None
        if plain and alone:
            weights = own[0].parameters if own else np.zeros((p.size, 0))
            found[index] = Pattern.of(weights)
    return found
