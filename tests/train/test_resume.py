"""A training that was interrupted goes on, bit for bit; a state that does not belong is refused."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgesnn.errors import InputError
from edgesnn.train.resume import ResumeFile
from edgesnn.train.trainer import Epoch, train
from tests.train.toy_task import SETTINGS, assert_same, toy


class _Killed(Exception):
    """Stands for the end of a process."""


@pytest.mark.parametrize("after", [1, 4, 6])
def test_interrupted_training_gives_the_same_model_bit_for_bit(tmp_path: Path, after: int) -> None:
    model, data = toy()
    settings = replace(
        SETTINGS, learn_decay=True, dropout=0.2, event_dropout=0.1, validation=0.25, patience=5
    )
    whole = train(model, data, settings)
    state = tmp_path / "trained.model.partial"

    def kill(epoch: Epoch) -> None:
        if epoch.done == after:
            raise _Killed

    with pytest.raises(_Killed):
        train(model, data, settings, progress=kill, resume=state)
    told: list[Epoch] = []
    resumed = train(model, data, settings, progress=told.append, resume=state)
    assert [epoch.done for epoch in told] == list(range(after + 1, 7))
    assert_same(whole, resumed)
    assert [path.name for path in tmp_path.iterdir()] == [state.name]


def test_state_of_another_training_is_refused(tmp_path: Path) -> None:
    model, data = toy()
    state = tmp_path / "state"
    train(model, data, replace(SETTINGS, epochs=1), resume=state)
    with pytest.raises(InputError, match=r"must go on with the settings .*epochs = 1, not 6"):
        train(model, data, SETTINGS, resume=state)
    same = replace(SETTINGS, epochs=1)
    with pytest.raises(InputError, match="belongs to another training data: remove .*state"):
        train(model, data.select(range(50)), same, resume=state)
    with pytest.raises(InputError, match="belongs to another validation data"):
        train(model, data, same, validation=data, resume=state)
    other = model.with_parameters(tuple(2 * c.parameters for c in model.connections))
    with pytest.raises(InputError, match="belongs to another model at the start"):
        train(other, data, same, resume=state)
    assert_same(train(model, data, same, resume=state), train(model, data, same))


@given(st.data())
def test_damaged_state_is_refused_with_advice(data: st.DataObject) -> None:
    model, events = toy()
    settings = replace(SETTINGS, epochs=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state"
        ResumeFile(path, {"epochs": 1}, {"data": "a digest"}).write({"weights": torch.arange(9)})
        content = bytearray(path.read_bytes())
        if data.draw(st.booleans()):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        else:
            del content[data.draw(st.integers(0, len(content) - 1)) :]
        path.write_bytes(content)
        with pytest.raises(InputError, match="must be the whole state of a training: remove"):
            train(model, events, settings, resume=path)
