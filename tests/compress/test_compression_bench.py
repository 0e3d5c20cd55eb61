"""The bench of the compressor: which models it reads again, and what its page takes from where."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from benches.compression.__main__ import kept, parts
from benches.compression.accuracy import Accuracies, Row
from benches.compression.fine_weights import fine_network
from benches.compression.jitter import JitterRow, task
from benches.compression.models import key_of
from benches.compression.page import Measured, against_rows, figures, page
from benches.compression.speed import Against, SizeRow
from benches.compression.storage import StorageRow
from edgesnn.compress.prune import prune, pruned_model
from edgesnn.compress.statistics import collect
from edgesnn.event_windows import LabelledEvents
from edgesnn.network import EventLimit, Network
from edgesnn.recipes import RecipeData, find_recipe
from edgesnn.simulator import Simulator
from edgesnn.train.dynamics import Dynamics


def test_a_model_is_trained_again_if_anything_it_follows_from_changes() -> None:
    recipe = find_recipe("digits")
    data = recipe.load()
    key = key_of(recipe, 0, data)
    assert key == key_of(find_recipe("digits"), 0, recipe.load())
    few = RecipeData(data.training.select(np.arange(100)), data.held_out)
    labels = (data.training.labels + 1) % 10
    relabelled = RecipeData(LabelledEvents(data.training.events, labels), data.held_out)
    others = [
        key_of(recipe, 1, data),
        key_of(replace(recipe, hidden_sizes=(64,)), 0, data),
        key_of(replace(recipe, input_gain=2 * recipe.input_gain), 0, data),
        key_of(replace(recipe, settings=replace(recipe.settings, epochs=3)), 0, data),
        key_of(replace(recipe, encoder=replace(recipe.encoder, start=3)), 0, data),
        key_of(recipe, 0, few),
        key_of(recipe, 0, relabelled),
    ]
    assert len({key, *others}) == 1 + len(others)
    # What is held out is only measured on.
    assert key == key_of(recipe, 0, RecipeData(data.training, few.training))


def row(name: str, seed: int, pruned: float) -> Row:
    numbers = dict.fromkeys(("float_accuracy", "integer", "sparsity", "bits_per_synapse"), 98.0)
    return Row(
        name, "saccade-mnist", seed, pruned=pruned, state_bits=16, operations=1.0,
        rate_error_before=None, rate_error_after=None, seconds=1.0, samples=10, **numbers,
    )  # fmt: skip


def test_one_shot_stands_next_to_iterative_with_its_pruned_accuracy() -> None:
    rows = [
        row("97 % and 4 bit, sbc", 1, 95.0),
        row("97 % and 4 bit, sbc", 0, 97.91),
        row("97 % and 4 bit, obc", 0, 96.0),
    ]
    against = Against(29.0, 97.63, 400.0, 97.5, 97.25, 10, 1)
    measured = Measured({}, rows, [], [], [], [], [], against, [], [])
    assert against_rows(measured) == [
        ("one shot, calibration included", "29", "97.91", "97.63"),
        ("iterative", "400", "97.50", "97.25"),
    ]


def test_fine_weights_spike_as_the_pruned_model_does_and_their_upper_halves_do_not() -> None:
    model, events, others = task(seed=0, decay=1 - 1 / 16, jittered=True)
    statistics = collect(model, events, ("input",))
    pruned = prune(model, statistics, [400], "obc", bias=False)
    network = fine_network(model, pruned, events, EventLimit())
    assert network.num_synapses <= 2 * 400
    spikes = Dynamics(pruned_model(model, pruned)).record(others).spikes[1].numpy()
    wanted = spikes.sum(axis=1)

    def missed(found: Network) -> float:
        """Spikes too many or too few, next to those wanted."""
        batch = Simulator(found).run_batch(list(others.streams()))
        return float(np.abs(batch.spike_counts - wanted).sum() / wanted.sum())

    highest = max(c.weight_shift for c in network.connections)
    upper = replace(
        network,
        connections=tuple(c for c in network.connections if c.weight_shift == highest),
    )
    assert missed(network) < 0.01
    assert missed(upper) > 0.03


def test_a_part_that_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    measured = []

    def measure() -> list[Row]:
        measured.append(1)
        return [row("97 % and 4 bit, sbc", 0, 95.0)]

    assert kept(tmp_path, "saccade", measure) == kept(tmp_path, "saccade", measure)
    assert len(measured) == 1
    assert set(parts(tmp_path)) == {field.name for field in fields(Measured)}


def everything_measured() -> Measured:
    """A result of the right form: losses in integers are 1 point, in floating point 2."""

    def rows(names: list[str], recipe: str = "saccade-mnist") -> list[Row]:
        made = [row(name, seed, 96.0) for name in names for seed in (0, 1)]
        return [replace(r, recipe=recipe, integer=97.0) for r in made]

    methods = ("sbc", "obc", "activity", "magnitude")
    alone = [
        Accuracies(f"97 %, {m}", "saccade-mnist", 0, 98.0, 95.0, 97.0 - n, 10)
        for n, m in enumerate(methods)
    ]
    recurrent = [f"80 % and 4 bit, {m}" for m in methods]
    recipes = ("digits", "mnist-rate", "saccade-mnist", "fsdd", "imu-digits")
    return Measured(
        floats={key: [98.0, 98.0] for key in (*recipes, "saccade-mnist on real N-MNIST")},
        saccade=rows(
            [f"{bits} bit, sbc-descent" for bits in (3, 4)]
            + [f"{share} % and 4 bit, {m}" for share in (90, 97) for m in methods]
        ),
        alone=alone,
        recurrent=rows(recurrent, "fsdd") + rows(recurrent, "imu-digits"),
        calibration=rows(["1 of each class", "10 of each class"]),
        ablations=rows(["as it is"]),
        sizes=[SizeRow(256, 1.0, 2.0, 3.0, 400.0, 16)],
        against=Against(29.0, 97.63, 400.0, 97.5, 97.25, 10, 1),
        storage=[StorageRow(0.5, 8.2, 8.0, 16.2, 5.5)],
        jitter=[JitterRow(True, 16, "2 bit", {"sbc": 0.1, "obc": 0.2, "plain": 0.3})],
    )


def test_figures_are_those_of_the_integer_simulator() -> None:
    found = figures(everything_measured())
    losses = [name for name in found if name.endswith("_loss") and "10_per_class" not in name]
    assert {name: found[name] for name in losses} == dict.fromkeys(losses, 1.0)
    assert found["saccade_sbc97_minus_obc97"] == 1.0
    assert found["saccade_sbc97_minus_magnitude97"] == 3.0
    assert found["saccade_float_accuracy"] == 98.0
    assert found["compress_seconds_2312"] == 29.0


def test_page_has_a_table_for_every_part() -> None:
    text = page({"machine": "here", "commit": "now"}, everything_measured())
    for line in (
        "| 97 % and 4 bit, sbc | 2.00 (2.00 to 2.00) | 1.00 (1.00 to 1.00) | 16 | 98.0 | 1 | 1 |",
        "| 97 %, obc | 3.00 (3.00 to 3.00) | 2.00 (2.00 to 2.00) |",
        "| 256 | 1.0 | 2.0 | 3.0 | 6.0 | 400 | 16 |",
        "| 50.0 % | 8.20 | 8.00 | 16.20 | 5.50 |",
        "| jittered | 16 | 2 bit | 0.300 | 0.200 | 0.100 |",
    ):
        assert line in text.splitlines()
