"""The pictures of the page, as PNG files of less than 200 kB."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from benches.recurrent.comparisons import is_decision
from benches.recurrent.measure import Score, Spectrum, Timed, exponent
from edgesnn.analysis.heat_map import png_of

_STYLE = {"font.size": 8}
_COLOURS = {"ridge": "tab:gray", "trained": "tab:blue", "late": "tab:orange"}


def scores(rows: Sequence[Score]) -> bytes:
    """Every network of every task, a point for each seed, a bar at the mean."""
    tasks = list(dict.fromkeys(r.task for r in rows))
    names = [n for n in dict.fromkeys(r.name for r in rows) if n != "no change"]
    with rc_context(_STYLE):
        figure = Figure(figsize=(10, 2.4 * ((len(tasks) + 1) // 2)), layout="constrained")
        for place, task in enumerate(tasks, 1):
            axes = figure.add_subplot((len(tasks) + 1) // 2, 2, place)
            for stage, colour in _COLOURS.items():
                chosen = [r for r in rows if (r.task, r.stage) == (task, stage) and r.name in names]
                at = [names.index(r.name) for r in chosen]
                axes.plot(
                    at, [r.value for r in chosen], "o", ms=3, alpha=0.5, color=colour, label=stage
                )
                for name in dict.fromkeys(r.name for r in chosen):
                    mean = np.mean([r.value for r in chosen if r.name == name])
                    x = names.index(name)
                    axes.plot([x - 0.3, x + 0.3], [mean, mean], "-", color=colour)
            axes.set(title=task, ylabel="accuracy, %" if is_decision(task) else "NRMSE")
            axes.set_xticks(range(len(names)), names, rotation=20, ha="right")
        figure.axes[0].legend()
        return png_of(figure)


def spectra(found: Sequence[Spectrum]) -> bytes:
    """Exponents of the networks of the first seed, over their share of the spectrum."""
    tasks = list(dict.fromkeys(s.task for s in found))
    with rc_context(_STYLE):
        figure = Figure(figsize=(10, 2.8), layout="constrained")
        for place, task in enumerate(tasks, 1):
            axes = figure.add_subplot(1, len(tasks), place)
            for s in found:
                if (s.task, s.seed) == (task, 0) and "homogeneous" not in s.name:
                    share = np.linspace(0, 1, len(s.exponents))
                    axes.plot(share, s.exponents, "-", label=s.name)
            axes.set(title=task, xlabel="share of the exponents that are followed")
        figure.axes[0].set_ylabel("exponent, per step")
        figure.axes[0].legend()
        return png_of(figure)


def times(rows: Sequence[Timed]) -> bytes:
    """Seconds against size, both logarithmic."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(4, 3), layout="constrained")
        axes = figure.add_subplot()
        axes.loglog([r.neurons for r in rows], [r.seconds for r in rows], "o-")
        axes.axhline(600, color="gray", linewidth=0.5)
        title = f"exponent {exponent(list(rows)):.2f}" if len(rows) > 1 else ""
        axes.set(xlabel="neurons", ylabel="seconds (line: 10 minutes)", title=title)
        return png_of(figure)
