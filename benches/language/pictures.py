"""The picture of the page."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.figure import Figure

from benches.language.figures import perplexity
from benches.language.rows import Point
from edgesnn.analysis.heat_map import png_of

_MARKS = {"dense": "o", "magnitude": "s", "one shot": "x"}


def surface(points: Sequence[Point]) -> bytes:
    """Perplexity over counted operations, a plot for each text, a colour for each model."""
    texts = list(dict.fromkeys(p.text for p in points))
    with rc_context({"font.size": 8}):
        figure = Figure(figsize=(5 * len(texts), 3.5), layout="constrained")
        for place, text in enumerate(texts, 1):
            axes = figure.add_subplot(1, len(texts), place)
            of_text = [p for p in points if p.text == text]
            for number, name in enumerate(dict.fromkeys(p.name for p in of_text)):
                for method, mark in _MARKS.items():
                    chosen = [p for p in of_text if (p.name, p.method) == (name, method)]
                    axes.plot(
                        [p.counted for p in chosen],
                        [perplexity(p.loss) for p in chosen],
                        mark,
                        ms=4,
                        color=f"C{number}",
                        label=name if method == "dense" else None,
                    )
            axes.set(title=text, xlabel="operations of a token in the layers", xscale="log")
            axes.set_ylabel("perplexity")
            axes.set_yscale("log")
            axes.legend()
        return png_of(figure)
