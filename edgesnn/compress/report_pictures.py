"""The pictures of the report page, as SVG that takes the colour of the text around it.

The only module of the compressor that draws: import it where matplotlib may be absent.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from edgesnn.compress.report import CompressionReport, NumbersOf, PictureData, RatesOf
from edgesnn.number_format import WEIGHT_CODE

#: Stands for the colour of the page's text.
TEXT = "#010203"
#: Readable on light and on dark.
BEFORE, AFTER = "#e0802b", "#3d8bd9"
#: Panels of one picture, and rows of a bar picture, at most; the tables hold the rest.
MAX_PANELS = 12
#: Fields of a picture of similarities up to which each value is written into its field.
MAX_WRITTEN = 36
#: Points of a panel that are drawn one by one; more become pixels.
MAX_POINTS = 400
#: Letters of a name that a picture has room for.
MAX_LETTERS = 26

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # letters of the page, a few bytes each, instead of outlines
    "text.parse_math": False,  # names may hold dollar signs
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 9,
    "text.color": TEXT,
    "axes.labelcolor": TEXT,
    "axes.edgecolor": TEXT,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": TEXT,
    "legend.frameon": False,
}
Item = TypeVar("Item", RatesOf, NumbersOf)


@contextmanager
def _style(salt: str) -> Iterator[None]:
    with rc_context({**_STYLE, "svg.hashsalt": salt}), warnings.catch_warnings():
        # A name may hold letters that the font for measuring lacks; the browser draws them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def _svg(figure: Figure, name: str) -> str:
    """Inline SVG whose identifiers start with ``name``, without anything from elsewhere."""
    room = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(room, format="svg", transparent=True, dpi=144, metadata=nothing)
    text = room.getvalue()
    text = text[text.index("<svg") :]
    # The page says once what matplotlib says in every picture.
    text = re.sub(r"<(metadata|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    text = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(r'\sid="([^"]*)"', rf' id="{name}-\1"', text)
    text = re.sub(r'(?:xlink:)?href="#', f'href="#{name}-', text)
    text = text.replace("xlink:href=", "href=").replace("url(#", f"url(#{name}-")
    # Places are in points: hundredths are enough. Scales are left as they are.
    places = r'\s[dxy]="[^"]*"|translate\([^)]*\)'
    text = re.sub(places, lambda found: re.sub(r"(\.\d\d)\d+", r"\1", found.group()), text)
    return re.sub(r"\n\s*", "\n", text.replace(TEXT, "currentColor"))


def _short(name: str) -> str:
    return name if len(name) <= MAX_LETTERS else f"{name[: MAX_LETTERS - 1]}…"


def _panels(name: str, items: Sequence[Item], draw: Callable[[Axes, Item], None]) -> str:
    """Small pictures side by side, one for each item; empty if there are none."""
    shown = items[:MAX_PANELS]
    if not shown:
        return ""
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    with _style(name):
        figure = Figure(figsize=(max(2.6 * columns, 3.6), 2.4 * rows), layout="constrained")
        for place, item in enumerate(shown, 1):
            axes = figure.add_subplot(rows, columns, place)
            draw(axes, item)
            axes.set_title(_short(item.name), fontsize=9)
        return _svg(figure, name)


def _bars(
    axes: Axes, names: Sequence[str], groups: Sequence[tuple[str, str, Sequence[float | None]]]
) -> None:
    """Horizontal bars with their values, the first name on top.

    groups   (label, colour, value of each name); no bar where that is None
    """
    height = 0.8 / len(groups)
    for place, (label, colour, values) in enumerate(groups):
        at = [i + (place - (len(groups) - 1) / 2) * height for i in range(len(names))]
        drawn = axes.barh(at, [v or 0 for v in values], height * 0.9, color=colour, label=label)
        texts = ["" if v is None else f"{v:,.4g}" if v < 10_000 else f"{v:,.0f}" for v in values]
        axes.bar_label(drawn, texts, padding=3, fontsize=8, color=TEXT)
    axes.set_yticks(range(len(names)), [_short(name) for name in names])
    axes.invert_yaxis()
    axes.margins(x=0.3)
    axes.set_xlim(left=0)


def steps(report: CompressionReport) -> str:
    """Accuracy and time of each step."""
    names = [s.name for s in report.stages]
    right = [None if s.accuracy is None else 100 * s.accuracy for s in report.stages]
    with _style("steps"):
        figure = Figure(figsize=(7.2, 0.9 + 0.3 * len(names)), layout="constrained")
        with_accuracy = any(r is not None for r in right)
        axes = figure.add_subplot(1, 1 + with_accuracy, 1)
        _bars(axes, names, [("", BEFORE, [s.seconds for s in report.stages])])
        axes.set_xlabel("seconds")
        if with_accuracy:
            axes = figure.add_subplot(1, 2, 2)
            _bars(axes, names, [("", AFTER, right)])
            axes.set_xlabel("accuracy, %")
            axes.set(xticks=range(0, 101, 20), yticks=[])
        return _svg(figure, "steps")


def storage(report: CompressionReport) -> str:
    """Bits per synapse of each connection next to other forms of storage."""
    found = [*report.layers[: MAX_PANELS - 1], report.total()]
    forms = (
        ("dense, 4 bits", "x", TEXT, [c.dense_bits for c in found]),
        ("12-bit index", "s", BEFORE, [c.indexed_bits for c in found]),
        ("memory image", "o", AFTER, [c.bits_per_synapse for c in found]),
        ("entropy limit", "|", TEXT, [c.entropy_bits for c in found]),
    )
    with _style("storage"):
        figure = Figure(figsize=(7.2, 1.3 + 0.3 * len(found)), layout="constrained")
        axes = figure.add_subplot()
        for label, marker, colour, values in forms:
            axes.scatter(
                values, range(len(found)), s=45, marker=marker, color=colour, label=label, zorder=2
            )
        axes.set_yticks(range(len(found)), [_short(c.name) for c in found])
        axes.set_ylim(len(found) - 0.5, -0.5)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _place: f"{value:g}")
        axes.grid(axis="x", alpha=0.3)
        axes.set_xlabel("bits per synapse")
        figure.legend(loc="outside upper center", ncols=len(forms))
        return _svg(figure, "storage")


def work(report: CompressionReport) -> str:
    """Synaptic operations into each population, before and after."""
    found = report.populations[:MAX_PANELS]
    with _style("work"):
        figure = Figure(figsize=(7.2, 1.2 + 0.5 * len(found)), layout="constrained")
        axes = figure.add_subplot()
        before = ("model", BEFORE, [p.float_sops for p in found])
        after = ("network", AFTER, [p.network_sops for p in found])
        _bars(axes, [p.name for p in found], [before, after])
        axes.set_xlabel("synaptic operations for one decision")
        figure.legend(loc="outside upper center", ncols=2)
        return _svg(figure, "work")


def _rates_panel(axes: Axes, rates: RatesOf) -> None:
    top = 1.05 * max(float(rates.model.max()), float(rates.network.max()), 1e-6)
    axes.plot([0, top], [0, top], color=TEXT, linewidth=0.6)
    pixels = len(rates.model) > MAX_POINTS
    axes.scatter(rates.model, rates.network, s=9, color=AFTER, linewidths=0, rasterized=pixels)
    axes.set(xlim=(0, top), ylim=(0, top), xlabel="model", ylabel="network", aspect="equal")


def _codes_panel(axes: Axes, codes: NumbersOf) -> None:
    places = range(WEIGHT_CODE.minimum, WEIGHT_CODE.maximum + 1)
    counts = [int((codes.values == code).sum()) for code in places]
    axes.bar(places, counts, color=AFTER)
    axes.set(xlabel="code", ylabel="synapses", xticks=range(-8, 8, 4))


def _thresholds_panel(axes: Axes, thresholds: NumbersOf) -> None:
    values = thresholds.values
    low, high = int(values.min()), int(values.max())
    bins = np.linspace(low - 0.5, high + 0.5, min(high - low + 1, 30) + 1).tolist()
    axes.hist(values, bins=bins, color=AFTER)
    axes.set(xlabel="threshold", ylabel="neurons")


def rates(data: PictureData) -> str:
    """Rates of every neuron, network against model."""
    return _panels("rates", data.rates, _rates_panel)


def codes(data: PictureData) -> str:
    """How often each connection holds each code."""
    return _panels("codes", data.codes, _codes_panel)


def similarity(data: PictureData) -> str:
    """CKA of each population of the model with each of the network, the first ones of both."""
    if data.similarity is None:
        return ""
    found = data.similarity
    values = found.values[:MAX_PANELS, :MAX_PANELS]
    rows, columns = values.shape
    with _style("similarity"):
        size = (1.6 + 0.6 * columns, 1.2 + 0.4 * rows)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        for (y, x), value in np.ndenumerate(values):
            # The fuller the colour the more alike; the text takes the colour of the page.
            if value > 0:
                shade = 0.8 * min(float(value), 1.0)
                axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=AFTER, alpha=shade))
            if values.size <= MAX_WRITTEN:
                text = "-" if np.isnan(value) else f"{value:.2f}"
                axes.text(x, y, text, ha="center", va="center", fontsize=8)
        axes.set_xticks(range(columns), [_short(name) for name in found.columns[:columns]])
        axes.set_yticks(range(rows), [_short(name) for name in found.rows[:rows]])
        axes.tick_params(axis="x", rotation=30)
        axes.set(xlim=(-0.5, columns - 0.5), ylim=(-0.5, rows - 0.5))
        axes.set(xlabel="network", ylabel="model")
        return _svg(figure, "similarity")


def thresholds(data: PictureData) -> str:
    """The thresholds of the neurons of each population."""
    return _panels("thresholds", data.thresholds, _thresholds_panel)
