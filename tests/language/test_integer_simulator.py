"""The compiled simulator of integer EGRU against the reference, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn.errors import InputError
from edgesnn.language import integer_simulator
from edgesnn.language.integer_model import IntegerModel, Rows
from edgesnn.language.integer_reference import Reader
from edgesnn.language.integer_simulator import IntegerSimulator, _State, _sum, by_source
from tests.language.random_integers import random_model

#: Shares of the weights above which a matrix is added by whole columns: always, and never.
FORMS = st.sampled_from([-1.0, 2.0])


def simulator_of(model: IntegerModel, form: float) -> IntegerSimulator:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(integer_simulator, "WHOLE_COLUMNS", form)
        return IntegerSimulator(model)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=3),
    tokens=st.integers(1, 6),
    density=st.floats(0, 1),
    form=FORMS,
)
def test_every_state_and_score_is_that_of_the_reference(
    seed: int, sizes: list[int], tokens: int, density: float, form: float
) -> None:
    model = random_model(seed, tuple(sizes), tokens, density)
    text = np.random.default_rng(seed).integers(0, tokens, 12)
    simulator, reader = simulator_of(model, form), Reader(model)
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


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), num_sent=st.integers(0, 70), form=FORMS)
def test_sums_of_the_largest_weights_and_values_are_exact(
    seed: int, num_sent: int, form: float
) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.choice([-7, 0, 7], (5, 70)).astype(np.int8)
    weights[0] = 7
    rows = Rows(weights, np.full(5, 1 << 16, np.int32), np.zeros(5, np.int32))
    units = np.sort(rng.choice(70, num_sent, replace=False)).astype(np.int32)
    values = rng.choice([1, 255], num_sent).astype(np.int32)
    values[: num_sent // 2] = 255
    sent = _State(np.zeros(0, np.int16), units, values, np.array([num_sent]))
    found = np.empty(5, np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(integer_simulator, "WHOLE_COLUMNS", form)
        added = _sum(by_source(rows), sent, found)
    assert found.tolist() == (weights[:, units].astype(int) @ values).tolist()
    assert added == np.count_nonzero(weights[:, units])


@pytest.mark.parametrize("event_bits", [1, 4, 7])
def test_fewer_bits_of_events_are_multiples_of_what_they_can_tell(event_bits: int) -> None:
    model = random_model(5, (9, 7), 4, 0.4)
    simulator = IntegerSimulator(model, event_bits)
    values = []
    for token in np.random.default_rng(1).integers(0, 4, 30):
        simulator.read([token])
        values += [v for s in simulator._states for v in s.values[: s.number[0]].tolist()]
    step = 1 << 8 - event_bits
    assert {v % step for v in values} == {0}
    assert step <= min(values) <= max(values) <= 255
    assert len(set(values)) <= (1 << event_bits)
    with pytest.raises(InputError, match=r"event_bits must be in 1\.\.8, not 9"):
        IntegerSimulator(model, 9)


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
