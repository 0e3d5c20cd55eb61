"""The pictures of the page, as PNG files of less than 200 kB."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from benches.representation.parts import Pair, Steps
from edgesnn.analysis.cka import LayerCka
from edgesnn.analysis.heat_map import draw, png_of

_STYLE = {"font.size": 8}
_KINDS = ((True, "residual"), (False, "plain"))


def mean_of(pairs: Sequence[Pair]) -> LayerCka:
    """Mean over seeds of networks of one form."""
    first = pairs[0].similarity
    values = np.nanmean([p.similarity.values for p in pairs], axis=0)
    return LayerCka(first.rows, first.columns, values)


def layers(pairs: Sequence[Pair]) -> bytes:
    """Heat maps of residual and plain networks side by side, mean over seeds."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(10, 5), layout="constrained")
        for place, (residual, name) in enumerate(_KINDS, 1):
            axes = figure.add_subplot(1, 2, place)
            found = mean_of([p for p in pairs if p.residual == residual])
            image = draw(axes, found, "spiking", "without spikes")
            axes.set_title(name)
        figure.colorbar(image, ax=figure.axes, label="CKA", shrink=0.8)
        return png_of(figure)


def curves(pairs: Sequence[Pair]) -> bytes:
    """CKA of each layer with its twin, a panel for each depth, with the range of the seeds."""
    depths = sorted({p.depth for p in pairs})
    with rc_context(_STYLE):
        figure = Figure(figsize=(10, 2.2 * len(depths)), layout="constrained")
        for place, depth in enumerate(depths, 1):
            axes = figure.add_subplot(len(depths), 1, place)
            for residual, name in _KINDS:
                chosen = [p for p in pairs if p.depth == depth and p.residual == residual]
                twins = np.array([p.twins() for p in chosen])
                at = np.arange(twins.shape[1])
                (line,) = axes.plot(at, np.nanmean(twins, axis=0), ".-", label=name)
                axes.fill_between(
                    at,
                    np.nanmin(twins, axis=0),
                    np.nanmax(twins, axis=0),
                    color=line.get_color(),
                    alpha=0.2,
                )
            for end, layer in enumerate(chosen[0].similarity.rows):
                if layer.startswith("blocks.") and layer.count(".") == 1:
                    axes.axvline(end, color="gray", linewidth=0.5)
            axes.set(ylim=(0, 1.02), ylabel="CKA with its twin", title=f"{depth} layers")
        axes.set_xlabel("compared layer, from input to output; lines: outputs of blocks")
        figure.axes[0].legend(loc="lower left")
        return png_of(figure)


def steps(found: Sequence[Steps]) -> bytes:
    """CKA of time steps: a row for each kind, a map for each second layer of neurons."""
    with rc_context(_STYLE):
        names = list(found[0].maps)
        chosen = names[:: max(1, len(names) // 5)]
        figure = Figure(figsize=(2 * len(chosen) + 1, 4.6), layout="constrained")
        for row, kind in enumerate(found):
            for column, name in enumerate(chosen):
                axes = figure.add_subplot(len(found), len(chosen), row * len(chosen) + column + 1)
                labels = tuple(str(t) for t in range(len(kind.maps[name])))
                image = draw(axes, LayerCka(labels, labels, kind.maps[name]), "step", "step")
                title = "residual" if kind.residual else "plain"
                axes.set_title(f"{title}, {name}", fontsize=8)
        figure.colorbar(image, ax=figure.axes, label="CKA", shrink=0.8)
        return png_of(figure)
