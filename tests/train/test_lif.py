"""The gradient of a spike; what neurons do is tested with the whole dynamics."""

from __future__ import annotations

import torch

from edgesnn.train.lif import Lif, State


def test_surrogate_gradient_is_that_of_a_fast_sigmoid() -> None:
    threshold = torch.tensor([2.0, 0.5])
    v = torch.tensor([[1.0, 0.5], [3.0, 2.0]], requires_grad=True)
    neurons = Lif(threshold, decay=torch.ones(2), slope=4.0)
    _, spikes, _ = neurons.step(v, State())
    assert spikes is not None
    assert spikes.tolist() == [[0, 1], [1, 1]]
    spikes.sum().backward()
    excess = (v.detach() - threshold) / threshold
    assert torch.allclose(v.grad, 1 / (1 + 4 * excess.abs()) ** 2 / threshold)
