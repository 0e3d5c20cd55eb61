"""How well integers guess a text, against the reference in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edgesnn.errors import InputError
from edgesnn.language.integer_evaluation import evaluate_integers
from edgesnn.language.integer_model import ACTIVATION_ONE
from edgesnn.language.integer_reference import Reader
from edgesnn.language.integer_simulator import IntegerSimulator
from tests.language.random_integers import random_model


def test_loss_activity_and_operations_are_those_of_the_reference() -> None:
    model = random_model(5, (7, 4), 6, 0.5)
    text = np.random.default_rng(0).integers(0, 6, 600)
    found = evaluate_integers(model, text)
    reader, loss, sent = Reader(model), 0.0, np.zeros(2)
    for token, after in zip(text[:-1].tolist(), text[1:].tolist(), strict=True):
        scores = [score / ACTIVATION_ONE for score in reader.read(token)]
        highest = max(scores)
        loss += highest + math.log(sum(math.exp(s - highest) for s in scores)) - scores[after]
        sent += [len(state.sent) for state in reader.states]
    assert found.loss == pytest.approx(loss / 599)
    assert found.activity == pytest.approx(sent / 599 / [7, 4])
    trace = IntegerSimulator(model).read(text[:-1])
    assert found.operations == pytest.approx(trace.operations.mean())


def test_a_text_must_have_two_tokens() -> None:
    with pytest.raises(InputError, match="at least 2 tokens to be guessed, not 1"):
        evaluate_integers(random_model(0, (2,), 2, 1.0), np.zeros(1, np.int64))
