"""What the demo shows: a confusion table, and the spikes of one window as text or picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgesnn.cli.output import Output
from edgesnn.network import InputPopulation, Network
from edgesnn.run_result import RunResult

#: Columns of one line of a raster in text; more neurons are folded together.
TEXT_COLUMNS = 100


def confusion(
    labels: npt.NDArray[np.int64], decisions: npt.NDArray[np.int64], classes: int
) -> npt.NDArray[np.int64]:
    """``counts[right answer, decision]``; the last column is "no decision" (-1)."""
    counts = np.zeros((classes, classes + 1), np.int64)
    np.add.at(counts, (labels, decisions), 1)
    return counts


def show_confusion(
    out: Output, labels: npt.NDArray[np.int64], decisions: npt.NDArray[np.int64], names: list[str]
) -> None:
    """Rows are right answers, columns decisions; zeros are dots."""
    counts = confusion(labels, decisions, len(names))
    columns = [*names, "none"] if counts[:, -1].any() else names
    rows = [
        (name, *(str(n) if n else "." for n in row[: len(columns)].tolist()))
        for name, row in zip(names, counts, strict=True)
    ]
    out.table("Decisions of the virtual board (rows: right answer)", ("digit", *columns), rows)


def _fold(raster: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """At most TEXT_COLUMNS columns; one is set if any neuron that it stands for fired."""
    steps, neurons = raster.shape
    together = -(-neurons // TEXT_COLUMNS)
    padded = np.pad(raster, ((0, 0), (0, -neurons % together)))
    return np.asarray(padded.reshape(steps, -1, together).any(axis=2), bool)


def raster_text(name: str, raster: npt.NDArray[np.bool_]) -> str:
    """One line for each time step, one column for each neuron (or a few neighbours)."""
    lines = ["".join("|" if spike else "." for spike in row) for row in _fold(raster)]
    head = f"{name}: {raster.shape[1]} neurons from left to right, time downwards"
    return "\n".join([head, *lines])


def rasters(
    network: Network, events: npt.NDArray[np.uint8], result: RunResult
) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """(name, raster[time_step, neuron]) of every population that can send."""
    found = []
    for index, p in enumerate(network.populations):
        first = network.first_id[index]
        if isinstance(p, InputPopulation):
            found.append((p.name, events[:, first : first + p.size] > 0))
        elif p.spiking:
            found.append((p.name, result.spikes[:, network.neuron_slice(index)]))
    return found


def write_raster_picture(
    path: Path, title: str, panels: list[tuple[str, npt.NDArray[np.bool_]]]
) -> bool:
    """Write a PNG with one panel for each population; False if matplotlib is not installed."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return False
    figure = Figure(figsize=(8, 2 + 2 * len(panels)), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    for place, (name, raster) in enumerate(panels, 1):
        axes = figure.add_subplot(len(panels), 1, place)
        steps, neurons = np.nonzero(raster)
        axes.scatter(steps, neurons, s=9, marker="|", color="black")
        axes.set(xlim=(-0.5, len(raster) - 0.5), ylim=(-1, raster.shape[1]), ylabel=name)
    axes.set(xlabel="time step")
    figure.savefig(path, dpi=120)
    return True
