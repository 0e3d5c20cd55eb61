"""The page stands alone, holds everything, escapes what it shows, and is small."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="the page needs the extra 'report'")

from edgesnn.analysis.cka import LayerCka
from edgesnn.compress import report_tables as tables
from edgesnn.compress.pipeline import compress
from edgesnn.compress.report import CompressionReport, NumbersOf, PictureData, RatesOf
from edgesnn.compress.report_page import page
from edgesnn.compress.report_pictures import MAX_PANELS, MAX_POINTS
from edgesnn.compress.summary import picture_data
from edgesnn.model import Model
from tests.compress.models import convolutional, feed_forward, recurrent
from tests.compress.whole import labelled, made, settings

#: Elements that have no end tag in HTML.
VOID = {"meta", "br", "hr", "img", "link", "input"}
LARGEST_PAGE = 500_000


class Reader(HTMLParser):
    """Collects texts, attributes and identifiers, and holds every tag to its end."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def values(self, name: str) -> list[str]:
        return [value for attribute, value in self.attributes if attribute == name]


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


@cache
def whole(make: Callable[[], Model]) -> tuple[CompressionReport, PictureData]:
    model = made(make)
    data = labelled(model)
    network, report = compress(model, data, settings(), labelled(model, 20, seed=3))
    return report, picture_data(model, network, data.events)


def renamed(report: CompressionReport, data: PictureData, name: str, count: int) -> tuple[
    CompressionReport, PictureData
]:  # fmt: skip
    """``count`` layers and populations of that name."""
    names = [f"{name} {i}" for i in range(count)]
    layers = tuple(replace(report.layers[0], name=n) for n in names)
    populations = tuple(replace(report.populations[0], name=n) for n in names)
    pictures = PictureData(
        tuple(replace(data.rates[0], name=n) for n in names),
        tuple(replace(data.codes[0], name=n) for n in names),
        tuple(replace(data.thresholds[0], name=n) for n in names),
        LayerCka(tuple(names), tuple(names), np.linspace(-0.1, 1.1, count**2).reshape(count, -1)),
    )
    return replace(report, layers=layers, populations=populations), pictures


@pytest.mark.parametrize("make", [feed_forward, recurrent, convolutional])
def test_page_holds_every_layer_population_step_and_setting(make: Callable[[], Model]) -> None:
    report, data = whole(make)
    report = replace(report, boards={"small": ["inputs: 20 of 16"], "large": []})
    found = read(page(report, data, "Compression of a model"))
    for table in (
        tables.steps(report),
        tables.connections(report),
        tables.storage(report),
        tables.populations(report),
        tables.distances(report),
        tables.work(report),
        tables.boards(report),
        tables.settings(report),
    ):
        assert table.title in found.texts
        for row in table.rows:
            assert {tables.text_of(cell) for cell in row} <= set(found.texts)
    text = " ".join(found.texts)
    for layer in report.layers:
        assert layer.name in text
    assert all(sentence in text for sentence in tables.sentences(report))
    assert found.tags.count("svg") == found.tags.count("figcaption") == 7


@pytest.mark.parametrize("make", [feed_forward, recurrent, convolutional])
def test_page_needs_nothing_from_elsewhere(make: Callable[[], Model]) -> None:
    text = page(*whole(make), "a model")
    assert "http" not in text
    assert "url(#" in text
    assert not re.search(r"url\((?!#)|@import|//", text)
    found = read(text)
    assert not {"script", "link", "iframe", "object", "img"} & set(found.tags)
    assert not found.values("src")
    assert all(value.startswith("#") for value in found.values("href"))
    assert len(text) < LARGEST_PAGE


def test_identifiers_are_unique_and_references_lead_to_them() -> None:
    text = page(*whole(recurrent), "a model")
    found = read(text)
    identifiers = found.values("id")
    assert len(set(identifiers)) == len(identifiers)
    used = {value[1:] for value in found.values("href")} | set(re.findall(r"url\(#([^)]*)\)", text))
    assert used <= set(identifiers)


def test_pictures_take_the_colour_of_the_page() -> None:
    text = page(*whole(feed_forward), "a model")
    assert "color-scheme: light dark" in text
    pictures = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert "currentColor" in pictures
    colours = set(re.findall(r"(?:fill|stroke): (#\w+)", pictures))
    assert colours == {"#e0802b", "#3d8bd9"}


HOSTILE = "<script>alert('$x_1$')</script>&\"quoted\" \u795e\u7d93"


def test_names_are_shown_and_never_obeyed() -> None:
    report, data = renamed(*whole(feed_forward), HOSTILE, 2)
    report = replace(
        report,
        settings={HOSTILE: HOSTILE},
        boards={HOSTILE: [HOSTILE]},
        stages=tuple(replace(s, name=HOSTILE) for s in report.stages),
    )
    found = read(page(report, data, HOSTILE))
    assert "script" not in found.tags
    assert f"{HOSTILE} 0" in found.texts
    assert HOSTILE in found.texts
    # A picture has room for the beginning only.
    assert any(text.startswith(HOSTILE[:20]) and text.endswith("…") for text in found.texts)


@pytest.mark.parametrize("count", [1, 4, 40])
def test_any_number_of_layers_makes_a_page_that_is_not_too_large(count: int) -> None:
    report, data = renamed(*whole(feed_forward), "layer", count)
    text = page(report, data, "a model")
    found = read(text)
    assert len(text) < LARGEST_PAGE
    assert all(f"layer {i}" in found.texts for i in range(count))
    assert (f"The first {MAX_PANELS} of {count} are shown." in text) == (count > MAX_PANELS)


def test_many_neurons_become_pixels() -> None:
    report, data = whole(feed_forward)
    rng = np.random.default_rng(0)
    many = 40 * MAX_POINTS
    crowd = RatesOf("crowd", rng.random(many), rng.random(many))
    text = page(report, replace(data, rates=(crowd,) * 12), "a model")
    assert "data:image/png;base64," in text
    assert "http" not in text
    assert len(text) < LARGEST_PAGE


def test_page_shows_the_similarity_of_every_pair_of_populations() -> None:
    report, data = whole(feed_forward)
    assert data.similarity is not None
    twins = data.similarity.twins()
    for p in report.populations:
        assert p.cka == pytest.approx(twins[p.name])
    shown = read(page(report, data, "a model")).texts
    for value in data.similarity.values.flat:
        assert f"{value:.2f}" in {text.strip() for text in shown}
    silent = replace(data.similarity, values=np.full((2, 2), np.nan))
    read(page(report, replace(data, similarity=silent), "a model"))


def test_a_model_in_which_nothing_can_fire_and_nothing_was_measured_has_a_page() -> None:
    report, data = whole(feed_forward)
    report = replace(
        report,
        stages=tuple(replace(s, accuracy=None) for s in report.stages),
        rate_error_before=None,
        agreement_before=None,
    )
    unseen = replace(data, rates=(), thresholds=(), similarity=None)
    found = read(page(report, unseen, "a model"))
    assert found.tags.count("svg") == 4


@pytest.mark.parametrize("values", [np.array([5]), np.array([3, 3, 3]), np.arange(1, 5000)])
def test_any_thresholds_can_be_drawn(values: np.ndarray) -> None:
    report, data = whole(feed_forward)
    silent = RatesOf("silent", np.zeros(3), np.zeros(3))
    empty = NumbersOf("empty", np.zeros(0, np.int8))
    data = PictureData((silent,), (empty,), (NumbersOf("thresholds", values),))
    read(page(report, data, "a model"))


def test_the_same_report_gives_the_same_page() -> None:
    report, data = whole(feed_forward)
    assert page(report, data, "a model") == page(report, data, "a model")
