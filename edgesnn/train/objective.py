"""What training makes small: wrong decisions, of windows or of steps, or wrong values."""

from __future__ import annotations

import torch
from torch import nn

from edgesnn.event_windows import EventClasses, EventTargets, LabelledEvents
from edgesnn.network import Readout
from edgesnn.train.dynamics import Run

#: Windows of events and what is right: a class of each, or a class or values in each time step.
TrainingData = LabelledEvents | EventTargets | EventClasses


def loss_of(
    run: Run, readout: Readout, data: TrainingData, label_smoothing: float = 0.0
) -> torch.Tensor:
    """Mean loss of a run of these windows, a scalar.

    Labels: cross entropy of the accumulators over the steps of a window. Classes of steps: cross
    entropy of the read-out's ``v``, where there are such. Values: mean square error
    of the read-out's ``v`` where targets are numbers, over all outputs; of targets of variance 1
    that is NRMSE squared.
    """
    if isinstance(data, LabelledEvents):
        return nn.functional.cross_entropy(
            run.accumulators / readout.window_steps,
            torch.from_numpy(data.labels),
            label_smoothing=label_smoothing,
        )
    found = run.values[readout.population]
    assert found is not None  # a read-out is neurons
    if isinstance(data, EventClasses):
        return nn.functional.cross_entropy(
            found.flatten(0, 1),
            torch.from_numpy(data.targets).flatten(),
            ignore_index=-1,
            label_smoothing=label_smoothing,
        )
    targets = torch.from_numpy(data.targets)
    asked = targets.isfinite()
    return nn.functional.mse_loss(found[asked], targets[asked])


def num_right(run: Run, data: LabelledEvents) -> float:
    """How many windows are decided as their labels say."""
    return float((run.accumulators.argmax(1) == torch.from_numpy(data.labels)).sum())
