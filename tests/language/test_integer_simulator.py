"""The compiled simulator of integer EGRU against the reference, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn.errors import InputError
from edgesnn.language.integer_reference import Reader
from edgesnn.language.integer_simulator import IntegerSimulator
from tests.language.random_integers import random_model


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=3),
    tokens=st.integers(1, 6),
    density=st.floats(0, 1),
)
def test_every_state_and_score_is_that_of_the_reference(
    seed: int, sizes: list[int], tokens: int, density: float
) -> None:
    model = random_model(seed, tuple(sizes), tokens, density)
    text = np.random.default_rng(seed).integers(0, tokens, 12)
    simulator, reader = IntegerSimulator(model), Reader(model)
    # In two parts: what was read stays.
    parts = [simulator.read(text[:5]), simulator.read(text[5:])]
    step = 0
    for part in parts:
        for place in range(len(part.scores)):
            assert part.scores[place].tolist() == reader.read(int(text[step]))
            for layer, state in enumerate(reader.states):
                assert part.h[layer][place].tolist() == state.h
                assert part.events[place, layer] == len(state.sent)
            step += 1


def test_only_weights_of_units_that_sent_are_added() -> None:
    model = random_model(5, (9, 7), 4, 0.4)
    reader, simulator = Reader(model), IntegerSimulator(model)
    text = np.random.default_rng(1).integers(0, 4, 30)
    trace = simulator.read(text)
    before: list[list[tuple[int, int]]] = [[], []]
    for step, token in enumerate(text):
        reader.read(int(token))
        now = [state.sent for state in reader.states]
        upper = model.layers[1]
        assert upper.inputs is not None
        pairs = [
            (model.layers[0].recurrent, before[0]), (upper.inputs, now[0]),
            (upper.recurrent, before[1]), (model.scores, now[1]),
        ]  # fmt: skip
        added = sum(np.count_nonzero(rows.weights[:, u]) for rows, sent in pairs for u, _ in sent)
        assert trace.operations[step] == added
        before = now
    assert 0 < trace.events.mean() < 8


def test_a_reset_forgets_and_unknown_tokens_are_refused() -> None:
    simulator = IntegerSimulator(random_model(2, (6,), 3, 0.8))
    first = simulator.read([0, 1, 2, 1]).scores
    assert not np.array_equal(simulator.read([0, 1, 2, 1]).scores, first)
    simulator.reset()
    assert np.array_equal(simulator.read([0, 1, 2, 1]).scores, first)
    assert simulator.read([]).scores.shape == (0, 3)
    with pytest.raises(
        InputError, match=r"tokens must be in 0..2, not 0..3: .* another vocabulary"
    ):
        simulator.read([0, 3])
