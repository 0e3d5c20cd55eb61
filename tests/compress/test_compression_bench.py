"""The bench of the compressor: which models it reads again, and what its page takes from where."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from benches.compression.__main__ import kept, parts
from benches.compression.accuracy import Row
from benches.compression.fine_weights import LARGEST_CODE, fine_network, halves
from benches.compression.jitter import task
from benches.compression.models import key_of
from benches.compression.page import Measured, against_rows
from benches.compression.speed import Against
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


def test_two_weight_codes_make_each_fine_one() -> None:
    codes = np.arange(-LARGEST_CODE, LARGEST_CODE + 1)
    upper, lower = halves(codes)
    assert np.array_equal(16 * upper.astype(int) + lower, codes)
    assert (upper.min(), upper.max()) == (-6, 6)
    assert (lower.min(), lower.max()) == (-8, 7)


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

    upper = replace(network, connections=network.connections[:1])
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
