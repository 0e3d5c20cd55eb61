"""Neurons as modules; that they fire as a model does is tested with the importer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from edgesnn.train.neurons import If, Lif, PerStep, SumPool


def test_neurons_refuse_settings_that_cannot_work() -> None:
    with pytest.raises(ValueError, match="a decay must be in 0..1"):
        Lif(1.5)
    with pytest.raises(ValueError, match="a threshold must be above 0"):
        Lif(0.5, threshold=0.0)
    with pytest.raises(ValueError, match="kernel_size must be at least 1"):
        SumPool(0)
    with pytest.raises(TypeError, match="treshold"):
        Lif(0.5, treshold=1.0)  # type: ignore[call-arg]


def test_membrane_is_integrated_and_reset() -> None:
    arriving = torch.tensor([0.75, 0.75, 0.75, 0.0]).reshape(1, 4, 1)
    assert If()(arriving).flatten().tolist() == [0, 1, 1, 0]
    assert Lif(0.5)(arriving).flatten().tolist() == [0, 1, 0, 0]


def test_pools_are_summed_and_what_is_left_over_is_left_out() -> None:
    x = torch.arange(10.0).reshape(1, 1, 2, 5)
    assert SumPool(2, 2)(x).tolist() == [[[[12.0, 20.0]]]]
    assert SumPool(3)(x).tolist() == [[[[3.0], [18.0]]]]


def test_modules_without_time_see_each_step_by_itself() -> None:
    norm = PerStep(nn.Conv1d(2, 3, 2), nn.BatchNorm1d(3), nn.Flatten()).eval()
    x = torch.rand(4, 5, 2, 6)
    together = norm(x)
    assert together.shape == (4, 5, 15)
    alone = nn.Sequential(*norm)(x[:, 2])
    assert torch.allclose(together[:, 2], alone)
