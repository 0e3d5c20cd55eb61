"""A network that forecasts its own input: how long does it stay with the series?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgesnn.errors import InputError
from edgesnn.model import Model
from edgesnn.recurrent.metrics import valid_time
from edgesnn.recurrent.readout import readout_values
from edgesnn.recurrent.tasks import Forecast
from edgesnn.samples import Samples

Values = npt.NDArray[np.float64]


def free_run(model: Model, task: Forecast, known: Values, count: int) -> Values:
    """The next ``count`` samples of each series, [windows, count, coordinates].

    known   float64 [windows, samples, coordinates], standardized: what the network sees of each

    A network that forecasts some samples ahead needs what it said so long ago for its next input.
    Each round runs all windows from their start: time is count^2 / horizon. Raises ``InputError``
    if fewer samples are known than the network looks ahead.
    """
    ahead = task.horizon
    if known.shape[1] < ahead:
        raise InputError(
            f"at least {ahead} samples must be known, as many as the network looks ahead, "
            f"not {known.shape[1]}"
        )
    seen = known
    while seen.shape[1] < known.shape[1] + count:
        events = Samples(seen.astype(np.float32)).events(task.encoder)
        said = readout_values(model, events)[:, task.steps_per_sample - 1 :: task.steps_per_sample]
        seen = np.concatenate([seen, said[:, -ahead:]], axis=1)
    return seen[:, known.shape[1] : known.shape[1] + count]


def mean_valid_time(model: Model, task: Forecast, samples: Values, known: int) -> float:
    """Mean over windows of :func:`edgesnn.recurrent.metrics.valid_time`, in the task's own time.

    samples   float64 [windows, samples, coordinates]; the network sees the first ``known``
    """
    wanted = samples[:, known:]
    found = free_run(model, task, samples[:, :known], wanted.shape[1])
    times = [valid_time(f, w, task.sample_seconds) for f, w in zip(found, wanted, strict=True)]
    return float(np.mean(times))
