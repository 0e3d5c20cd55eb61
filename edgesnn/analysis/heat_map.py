"""CKA of layers as a picture; the only module of the analysis that draws.

Import it where matplotlib may be absent.
"""

from __future__ import annotations

import io

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from edgesnn.analysis.cka import LayerCka

#: Layers of an axis that are named; more would not be readable.
MAX_NAMES = 40
#: Layers up to which each value is written into its field.
MAX_WRITTEN = 8
#: Letters of a name that there is room for; the end of a name tells layers apart.
MAX_LETTERS = 20
#: A picture is no larger than this in inches.
LARGEST = 9.0
#: Colours of 0 and 1, between which all values are drawn.
COLOURS = "viridis"


def draw(axes: Axes, found: LayerCka, rows: str, columns: str) -> ScalarMappable:
    """Draw into ``axes``, the first layers below and on the left; gives what a colour bar shows.

    rows, columns   what the layers of the two sides are called

    Values outside 0..1 have the colours of 0 and 1; fields without a value stay empty.
    """
    image = axes.imshow(
        found.values, origin="lower", vmin=0, vmax=1, cmap=COLOURS, interpolation="nearest"
    )
    for names, show in ((found.columns, axes.set_xticks), (found.rows, axes.set_yticks)):
        every = -(-len(names) // MAX_NAMES)
        show(range(0, len(names), every), [_short(name) for name in names[::every]])
    axes.tick_params(axis="x", rotation=90)
    axes.set(xlabel=columns, ylabel=rows)
    if max(found.values.shape) <= MAX_WRITTEN:
        for (y, x), value in np.ndenumerate(found.values):
            text = "-" if np.isnan(value) else f"{value:.2f}"
            colour = "black" if np.isnan(value) or value > 0.5 else "white"
            axes.text(x, y, text, ha="center", va="center", color=colour, fontsize=8)
    return image


def figure_of(found: LayerCka, rows: str, columns: str, title: str = "") -> Figure:
    """A figure with one heat map and its colour bar; arguments as :func:`draw`."""
    height, width = (min(2.5 + 0.25 * size, LARGEST) for size in found.values.shape)
    figure = Figure(figsize=(width + 0.8, height), layout="constrained")
    axes = figure.add_subplot()
    image = draw(axes, found, rows, columns)
    if title:
        axes.set_title(title, fontsize=10)
    figure.colorbar(image, ax=axes, label="CKA", shrink=0.8)
    return figure


def png(found: LayerCka, rows: str, columns: str, title: str = "") -> bytes:
    """The heat map as a PNG file, the same for the same values; arguments as :func:`draw`."""
    with rc_context({"text.parse_math": False, "font.size": 8}):
        return png_of(figure_of(found, rows, columns, title))


def png_of(figure: Figure) -> bytes:
    """A figure as a PNG file, the same for the same figure."""
    room = io.BytesIO()
    figure.savefig(room, format="png", dpi=110, metadata={"Software": None})
    return room.getvalue()


def _short(name: str) -> str:
    return name if len(name) <= MAX_LETTERS else f"…{name[1 - MAX_LETTERS :]}"
