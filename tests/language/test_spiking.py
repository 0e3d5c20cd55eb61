"""Spiking language models: training, integers, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgesnn.errors import InputError
from edgesnn.language.generate import generate
from edgesnn.language.languages import SpikingModel, SpikingNetwork
from edgesnn.language.spiking import (
    as_events,
    evaluate_model,
    evaluate_network,
    score_unit,
    spiking_model,
    vocabulary_of,
)
from edgesnn.reference import Reference
from tests.language.small_spiking import PART, network, spiking_corpus, trained


def test_each_token_is_an_event_and_the_next_one_is_asked_for() -> None:
    data = as_events(np.array([3, 1, 4, 1, 5, 9, 2]), 3, 10)
    rasters = data.events.to_rasters()
    assert rasters.sum(axis=2).tolist() == [[1, 1, 1], [1, 1, 1]]
    assert rasters.argmax(axis=2).tolist() == [[3, 1, 4], [1, 5, 9]]
    assert data.targets.tolist() == [[1, 4, 1], [5, 9, 2]]
    with pytest.raises(InputError, match="must have more than 3 tokens, not 3"):
        as_events(np.array([3, 1, 4]), 3, 10)


@pytest.mark.slow
def test_it_learns_what_comes_next_and_its_integers_know_it_too() -> None:
    test = spiking_corpus().test
    before = evaluate_model(spiking_model(spiking_corpus().vocabulary, 24, 0), test)[0]
    (found, operations), (integers, counted) = (
        evaluate_model(trained(), test),
        evaluate_network(network(), test),
    )
    assert before.bits > 1
    assert found.bits < 0.5
    assert integers.bits < found.bits + 0.3
    assert counted < operations  # pruned
    assert 0 < integers.activity[0] < 1


@pytest.mark.slow
def test_it_goes_on_with_a_text_in_floating_point_and_in_integers() -> None:
    words = spiking_corpus().vocabulary
    prompt = words.encode(PART * 3)
    for language in (SpikingModel(trained()), SpikingNetwork(network())):
        assert words.decode(generate(language.reader(), prompt, 16)) == PART * 2


def test_loss_is_that_of_the_references_membranes() -> None:
    ids = spiking_corpus().test[:40]
    found, _ = evaluate_network(network(), ids)
    data = as_events(ids, 39, 4)
    result = Reference(network()).run(data.events.stream(0))
    assert result.values is not None
    where = network().neuron_slice(network().readout.population)
    scores = result.values[:, where] * score_unit(network())
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    right = shares[np.arange(39), data.targets[0]]
    assert found.loss == pytest.approx(-np.log(right).mean())


@pytest.mark.slow
def test_all_of_a_text_is_guessed_also_what_fills_no_window() -> None:
    ids = np.tile(spiking_corpus().test, 6)[:1101]
    for evaluate, network_or_model in ((evaluate_network, network()), (evaluate_model, trained())):
        whole, first, last = (
            evaluate(network_or_model, part)[0].loss for part in (ids, ids[:1001], ids[1000:])
        )
        assert whole == pytest.approx((1000 * first + 100 * last) / 1100)
        with pytest.raises(InputError, match="at least 2 tokens to be guessed, not 1"):
            evaluate(network_or_model, ids[:1])


def test_a_reader_that_reads_in_parts_says_the_same() -> None:
    text = spiking_corpus().test[:20]
    for language in (SpikingModel(trained()), SpikingNetwork(network())):
        whole, parts = language.reader(), language.reader()
        expected = whole.read(text)
        found = np.concatenate([parts.read(text[:7]), parts.read(text[7:])])
        assert found == pytest.approx(expected, abs=1e-6)


def test_bad_input_is_refused() -> None:
    words = spiking_corpus().vocabulary
    with pytest.raises(InputError, match="must have at least 4 neurons, not 3"):
        spiking_model(words, 3, 0)
    assert vocabulary_of(network()) == words
    for info in ({}, {"language": 3}, {"language": {"tokens": ["a"]}}):
        with pytest.raises(InputError, match=r"must hold its tokens in info\['language'\]"):
            vocabulary_of(replace(network(), info=info))
