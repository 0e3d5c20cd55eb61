"""The validation part of training data."""

from __future__ import annotations

import numpy as np
import pytest

from edgesnn.errors import InputError
from edgesnn.train.split import split_validation
from tests.train.toy_task import toy


def test_validation_part_holds_its_share_of_each_class() -> None:
    _, data = toy()
    training, validation = split_validation(data, 0.25, seed=3)
    assert len(training) + len(validation) == len(data)
    for label in (0, 1):
        whole = int((data.labels == label).sum())
        assert int((validation.labels == label).sum()) == round(0.25 * whole)
    again = split_validation(data, 0.25, seed=3)[1]
    assert np.array_equal(again.events.step_start, validation.events.step_start)
    other = split_validation(data, 0.25, seed=4)[1]
    assert not np.array_equal(other.events.step_start, validation.events.step_start)
    with pytest.raises(InputError, match="must be enough to keep 0.1 of each class apart"):
        split_validation(data.select([0, 1]), 0.1, seed=0)
