"""Heat maps: every value where it belongs, any size, the same file for the same values."""

from __future__ import annotations

import io

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="pictures need the extra 'report'")

from matplotlib.figure import Figure
from matplotlib.image import imread

from edgesnn.analysis.cka import LayerCka
from edgesnn.analysis.heat_map import draw, png


def of(values: np.ndarray, name: str = "layer") -> LayerCka:
    rows, columns = (tuple(f"{name} {i}" for i in range(size)) for size in values.shape)
    return LayerCka(rows, columns, values)


def test_first_layers_are_below_on_the_left_and_values_are_written() -> None:
    axes = Figure().add_subplot()
    image = draw(axes, of(np.array([[1.0, 0.25, np.nan], [0.5, -0.01, 1.02]])), "one", "other")
    assert axes.get_ylim() == (-0.5, 1.5)
    assert image.get_clim() == (0, 1)
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written[0, 0] == "1.00"
    assert written[1, 0] == "0.25"
    assert written[2, 0] == "-"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("other", "one")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["layer 0", "layer 1"]


@pytest.mark.parametrize("shape", [(1, 1), (2, 30), (100, 90)])
def test_a_map_of_any_size_is_a_small_picture(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(0).random(shape)
    found = png(of(values, "a name that is much too long for any axis, of $layer_"), "x", "y", "z")
    height, width = imread(io.BytesIO(found)).shape[:2]
    assert max(height, width) <= 1300
    assert len(found) < 200_000
    if shape == (2, 30):
        assert width > height
        assert found == png(
            of(values, "a name that is much too long for any axis, of $layer_"), "x", "y", "z"
        )
