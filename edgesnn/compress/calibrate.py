"""What pruning and quantization need to know about activity, gathered on sample inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from edgesnn.errors import InputError
from edgesnn.model import Model
from edgesnn.train.dynamics import Dynamics


@dataclass(frozen=True, eq=False)
class Calibration:
    """Activity of a model on sample inputs, one array for each population.

    source_rates     events per time step of each source or neuron
    lowest, highest  extremes of ``v`` of each neuron; 0 for inputs
    """

    source_rates: tuple[npt.NDArray[np.float32], ...]
    lowest: tuple[npt.NDArray[np.float32], ...]
    highest: tuple[npt.NDArray[np.float32], ...]


def calibrate(model: Model, rasters: npt.NDArray[np.uint8]) -> Calibration:
    """Run event counts [window, time_step, source] and gather.

    Raises ``InputError`` if there are none, or if they do not fit the model.
    """
    if rasters.ndim != 3 or not len(rasters) or rasters.shape[2] != model.num_inputs:
        raise InputError(
            f"calibration needs rasters of shape [windows >= 1, steps, {model.num_inputs}], "
            f"not {list(rasters.shape)}"
        )
    with torch.no_grad():
        activity = Dynamics(model)(torch.from_numpy(rasters))
    return Calibration(
        *(
            tuple(tensor.numpy() for tensor in tensors)
            for tensors in (activity.source_rates, activity.lowest, activity.highest)
        )
    )
