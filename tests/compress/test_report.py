"""The report: its sums, its JSON, and the tables that terminal and page share."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from edgesnn.cli.compress_verb import show_compression
from edgesnn.cli.output import Output
from edgesnn.compress import report_tables as tables
from edgesnn.compress.pipeline import compress
from edgesnn.compress.report import CompressionReport
from tests.compress.models import recurrent
from tests.compress.whole import labelled, made, settings


@cache
def report() -> CompressionReport:
    model = made(recurrent)
    return compress(model, labelled(model), settings(), labelled(model, 20, seed=3))[1]


def test_total_is_that_of_all_weights_together() -> None:
    model = made(recurrent)
    network, found = compress(model, labelled(model), settings())
    total = found.total()
    assert total.weights == 20 * 16 + 16 * 16 + 16 * 4
    assert total.kept == total.synapses == network.num_synapses
    assert total.sparsity == pytest.approx(1 - total.kept / total.weights)
    norms = np.array([np.linalg.norm(c.parameters) for c in model.connections])
    changes = norms * [layer.weight_error for layer in found.layers]
    assert total.weight_norm == pytest.approx(np.linalg.norm(norms))
    assert total.weight_error == pytest.approx(np.linalg.norm(changes) / np.linalg.norm(norms))
    assert total.dense_bits == pytest.approx(4 * total.weights / total.kept)
    parts = [layer.entropy_bits for layer in found.layers]
    assert min(parts) < total.entropy_bits < max(parts)


def test_total_of_nothing_divides_by_nothing() -> None:
    layers = tuple(
        replace(c, kept=0, synapses=0, weight_norm=0.0, weight_error=0.0) for c in report().layers
    )
    total = replace(report(), layers=layers, num_synapses=0).total()
    assert (total.dense_bits, total.weight_error) == (0, 0)


def test_json_holds_every_figure_and_comes_back_the_same() -> None:
    found = report()
    described = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert described["total"]["kept"] == found.total().kept
    assert [c["name"] for c in described["layers"]] == [c.name for c in found.layers]
    assert described["layers"][0]["entropy_bits"] == found.layers[0].entropy_bits
    assert described["populations"][0]["float_sops"] == found.populations[0].float_sops
    assert described["stages"][0] == {
        "name": "float", "accuracy": 1.0, "seconds": found.stages[0].seconds,
    }  # fmt: skip
    assert described["settings"]["sparsity"] == 0.5
    assert 0 <= described["agreement_before"] <= described["agreement_after"] <= 1
    assert described["rate_error_after"] <= described["rate_error_before"]


def test_accuracy_of_a_step_that_was_not_measured_is_none() -> None:
    assert report().accuracy("float") == 1
    assert report().accuracy("fine-tuned") is None


@pytest.mark.parametrize(
    "make",
    [tables.steps, tables.connections, tables.storage, tables.populations, tables.distances,
     tables.work, tables.boards, tables.settings],
)  # fmt: skip
def test_every_row_of_a_table_has_a_cell_for_every_column(
    make: Callable[[CompressionReport], tables.ReportTable],
) -> None:
    table = make(replace(report(), boards={"small": ["inputs: 20 of 16"], "large": []}))
    assert table.rows
    assert {len(row) for row in table.rows} == {len(table.columns)}


def test_boards_are_listed_with_what_is_short() -> None:
    short = ["inputs: 20 of 16", "neurons: 20 of 16"]
    table = tables.boards(replace(report(), boards={"small": short, "large": []}))
    assert table.rows == (
        ("small", "no", "inputs: 20 of 16; neurons: 20 of 16"),
        ("large", "yes", None),
    )


def test_sentences_tell_what_the_correction_gained_only_if_there_was_one() -> None:
    with_it = tables.sentences(
        replace(
            report(),
            rate_error_before=0.05,
            rate_error_after=0.01,
            agreement_before=0.9,
            agreement_after=0.95,
        )
    )
    assert with_it[1] == (
        "Corrected thresholds: firing rates 5.00 % off before, 1.00 % after; decisions like the "
        "model's on 90.00 % of the calibration samples before, 95.00 % after"
    )
    without = replace(report(), rate_error_before=None, rate_error_after=None)
    assert len(tables.sentences(without)) == 1


@pytest.mark.parametrize(
    ("cell", "text"),
    [(None, "-"), (1234, "1,234"), (0.123456, "0.1235"), (0.0, "0"), (123456.7, "123,457"),
     ("a -> b", "a -> b")],
)  # fmt: skip
def test_cells_are_short(cell: tables.Cell, text: str) -> None:
    assert tables.text_of(cell) == text


def test_terminal_shows_the_same_tables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    found = replace(report(), boards={"small": ["inputs: 20 of 16"], "large": []})
    show_compression(Output(False), found)
    shown = capsys.readouterr().out
    for make in (
        tables.steps, tables.connections, tables.storage, tables.populations, tables.distances,
        tables.work,
    ):  # fmt: skip
        table = make(found)
        assert table.title in shown
        for row in table.rows:
            assert str(row[0]) in shown
    for text in tables.sentences(found):
        assert text in shown
    assert "small: does not fit: inputs: 20 of 16" in shown
    assert "large: fits" in shown
