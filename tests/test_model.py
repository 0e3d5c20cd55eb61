"""Trained models in floating point, and their checkpoints."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesnn.checkpoint import read_checkpoint, write_checkpoint
from edgesnn.errors import ModelFileError, UnsupportedModel
from edgesnn.model import ConvConnection, Model, ModelConnection, ModelPopulation
from edgesnn.network import InputPopulation, Readout, ReadoutRule
from edgesnn.neuron import ResetMode, ResetOrder


def assert_same_fields(a: object, b: object) -> None:
    assert type(a) is type(b)
    for field in dataclasses.fields(a):  # type: ignore[arg-type]
        one, other = getattr(a, field.name), getattr(b, field.name)
        assert np.array_equal(one, other), field.name


def population(name: str, size: int, **settings: object) -> ModelPopulation:
    values = {
        "threshold": np.linspace(0.5, 1.5, size),
        "decay": np.linspace(0.1, 1.0, size),
        "bias": np.linspace(-0.2, 0.2, size),
        **settings,
    }
    return ModelPopulation(name, **values)  # type: ignore[arg-type]


def model(seed: int = 0) -> Model:
    rng = np.random.default_rng(seed)
    return Model(
        (
            InputPopulation("in", 4),
            population("a", 3, reset_mode=ResetMode.TO_ZERO, strict=True),
            population("out", 2, spiking=False, reset_order=ResetOrder.AFTER_DECAY),
        ),
        (
            ModelConnection(0, 1, rng.normal(size=(4, 3))),
            ModelConnection(1, 1, rng.normal(size=(3, 3))),
            ModelConnection(1, 2, rng.normal(size=(3, 2))),
        ),
        Readout(2, ReadoutRule.MEMBRANE_SUM, 7),
        {"labels": ["x", "y"], "encoder": {"kind": "rate", "channels": 4}},
    )


def convolutional() -> Model:
    """Two channels of 4 x 4, pooled to 2 x 2, to three channels of current-based neurons."""
    kernel = np.random.default_rng(1).normal(size=(3, 2, 2, 2))
    return Model(
        (
            InputPopulation("in", 32),
            population("conv", 27, synaptic_decay=np.linspace(0.2, 0.9, 27)),
            population("out", 2, spiking=False),
        ),
        (
            ConvConnection(0, 1, kernel, (2, 4, 4), padding=(1, 1), pool=(2, 2)),
            ModelConnection(1, 2, np.ones((27, 2))),
        ),
        Readout(2, ReadoutRule.MEMBRANE_LAST, 5),
    )


@pytest.mark.parametrize("make", [model, convolutional])
def test_checkpoint_keeps_everything(tmp_path: Path, make: Callable[[], Model]) -> None:
    before = make()
    write_checkpoint(before, tmp_path / "m.model")
    after = read_checkpoint(tmp_path / "m.model")
    assert after.readout == before.readout
    assert after.info == before.info
    for a, b in zip(before.connections, after.connections, strict=True):
        assert_same_fields(a, b)
    for a, b in zip(before.populations, after.populations, strict=True):
        assert_same_fields(a, b)


def test_checkpoint_of_version_1_is_read(tmp_path: Path) -> None:
    """Written as version 1 wrote it: connections without a kind, neurons without a current."""
    from safetensors.numpy import save_file

    before = model()
    description = {
        "version": 1,
        "populations": [
            {"kind": "input", "name": "in", "size": 4},
            {
                "kind": "lif", "name": "a", "spiking": True, "reset_mode": "TO_ZERO",
                "reset_order": "BEFORE_DECAY", "strict": True,
            },
            {
                "kind": "lif", "name": "out", "spiking": False, "reset_mode": "SUBTRACT",
                "reset_order": "AFTER_DECAY", "strict": False,
            },
        ],
        "connections": [{"source": c.source, "target": c.target} for c in before.connections],
        "readout": {"population": 2, "rule": "MEMBRANE_SUM", "window_steps": 7},
        "info": dict(before.info),
    }  # fmt: skip
    tensors = {f"weights.{i}": c.weights for i, c in enumerate(before.connections)}
    for i in (1, 2):
        for name in ("threshold", "decay", "bias"):
            tensors[f"{name}.{i}"] = getattr(before.populations[i], name)
    path = tmp_path / "old.model"
    save_file(tensors, path, {"edgesnn_checkpoint": json.dumps(description)})
    after = read_checkpoint(path)
    assert (after.readout, after.info) == (before.readout, before.info)
    for a, b in zip(before.populations, after.populations, strict=True):
        assert_same_fields(a, b)
    for c, d in zip(before.connections, after.connections, strict=True):
        assert_same_fields(c, d)
    description["populations"] = [3]
    save_file(tensors, path, {"edgesnn_checkpoint": json.dumps(description)})
    with pytest.raises(ModelFileError, match="is damaged: it is no description of version 1"):
        read_checkpoint(path)


def test_no_other_file_is_left_beside_a_checkpoint(tmp_path: Path) -> None:
    write_checkpoint(model(), tmp_path / "m.model")
    assert [p.name for p in tmp_path.iterdir()] == ["m.model"]


def test_absent_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="must be a file, but .* does not exist"):
        read_checkpoint(tmp_path / "none.model")
    (tmp_path / "m.model").write_bytes(b"no safetensors at all")
    with pytest.raises(
        ModelFileError,
        match="must be a trained model in floating point, as edgesnn train writes it",
    ):
        read_checkpoint(tmp_path / "m.model")


def test_file_of_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(3)}, tmp_path / "m.model", {"other": "{}"})
    with pytest.raises(ModelFileError, match="must be a trained model in floating point"):
        read_checkpoint(tmp_path / "m.model")


def test_file_of_another_version_says_which_one_is_needed(tmp_path: Path) -> None:
    write_checkpoint(model(), tmp_path / "m.model")
    content = (tmp_path / "m.model").read_bytes()
    (tmp_path / "m.model").write_bytes(content.replace(b'\\"version\\":2', b'\\"version\\":9'))
    with pytest.raises(ModelFileError, match="must have version 1 or 2, not 9: train again"):
        read_checkpoint(tmp_path / "m.model")


def test_missing_tensor_is_named(tmp_path: Path) -> None:
    write_checkpoint(model(), tmp_path / "m.model")
    content = (tmp_path / "m.model").read_bytes()
    (tmp_path / "m.model").write_bytes(content.replace(b'"bias.2"', b'"bias.7"'))
    with pytest.raises(ModelFileError, match="'bias.2' is missing"):
        read_checkpoint(tmp_path / "m.model")


@given(st.data())
def test_a_damaged_checkpoint_gives_a_model_file_error_or_a_model(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.model"
        write_checkpoint(data.draw(st.sampled_from([model, convolutional]))(), path)
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(0, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        try:
            assert isinstance(read_checkpoint(path), Model)
        except ModelFileError as error:
            assert str(path) in str(error)  # noqa: PT017 - any other error must surface


def test_weights_that_are_not_finite_are_counted() -> None:
    weights = np.ones((4, 3))
    weights[1, 1:] = np.nan
    with pytest.raises(UnsupportedModel, match="0 -> 1 must hold finite .* 2 of 12 are NaN"):
        ModelConnection(0, 1, weights)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"decay": np.array([0.5, 1.1])}, "decay of 'p' must be in 0..1"),
        ({"threshold": np.array([0.5, 0.0])}, "threshold of 'p' must be above 0"),
        ({"bias": np.zeros(3)}, "must have one length >= 1, not 2, 2 and 3"),
        ({"bias": np.zeros((2, 2))}, "bias of 'p' must have 1 dimension"),
        ({"synaptic_decay": np.ones(3)}, "synaptic_decay of 'p' must have length 2, not 3"),
        ({"synaptic_decay": np.array([0.5, -0.1])}, "synaptic_decay of 'p' must be in 0..1"),
    ],
)
def test_population_refuses_what_cannot_work(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UnsupportedModel, match=message):
        population("p", 2, **settings)


def test_parts_must_fit_together() -> None:
    good = model()
    with pytest.raises(UnsupportedModel, match=r"weights 0 -> 1 must have shape \(4, 3\)"):
        good.with_weights((np.ones((3, 4)), np.ones((3, 3)), np.ones((3, 2))))
    with pytest.raises(UnsupportedModel, match=r"weights 0 -> 1 must have shape \(32, 3\)"):
        dataclasses.replace(
            convolutional(), populations=(InputPopulation("in", 32), population("a", 3))
        )
    with pytest.raises(UnsupportedModel, match="must be one or more inputs, then neurons"):
        dataclasses.replace(good, populations=good.populations[1:])
    with pytest.raises(UnsupportedModel, match="at most one connection each way"):
        dataclasses.replace(good, connections=good.connections + good.connections[:1])
    with pytest.raises(UnsupportedModel, match="connection 1 -> 0 must end at neurons"):
        dataclasses.replace(good, connections=(ModelConnection(1, 0, np.ones((3, 4))),))
    with pytest.raises(UnsupportedModel, match="the read-out must be a population of neurons"):
        dataclasses.replace(good, readout=Readout(0))


def test_weights_are_counted_without_zeros() -> None:
    good = model()
    assert good.num_weights == 12 + 9 + 6
    assert good.with_weights(tuple(0 * c.weights for c in good.connections)).num_weights == 0
    assert good.name_of(good.connections[2]) == "a -> out"


def test_convolution_can_be_written_out_or_keep_its_form() -> None:
    before = convolutional()
    dense = before.with_weights(tuple(c.weights for c in before.connections))
    assert all(isinstance(c, ModelConnection) for c in dense.connections)
    assert dense.num_weights == before.num_weights
    doubled = before.with_parameters(tuple(2 * c.parameters for c in before.connections))
    assert isinstance(doubled.connections[0], ConvConnection)
    assert np.array_equal(doubled.connections[0].weights, 2 * dense.connections[0].weights)


def test_biases_of_some_populations_can_be_replaced() -> None:
    before = model()
    parameters = tuple(c.parameters for c in before.connections)
    after = before.with_parameters(parameters, {2: np.array([7, 8])})
    hidden, out = after.populations[1:]
    assert isinstance(hidden, ModelPopulation)
    assert isinstance(out, ModelPopulation)
    assert out.bias.tolist() == [7, 8]
    assert np.array_equal(hidden.bias, before.populations[1].bias)
    with pytest.raises(UnsupportedModel, match="biases must be of neurons, and 'in' is an input"):
        before.with_parameters(parameters, {0: np.ones(4)})
