"""Deep networks with and without spikes and skips: what they are made of, and that they learn."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from edgesnn.train.classifier import ClassifierSettings, share_right, train_classifier
from edgesnn.train.residual import Block, ResidualSettings, layers_of, seeded

KINDS = [(residual, spiking) for residual in (True, False) for spiking in (True, False)]
IN_KINDS = pytest.mark.parametrize(("residual", "spiking"), KINDS)


def pictures(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A bright bar in a noisy picture of 8 x 8: lying or upright."""
    generator = torch.Generator().manual_seed(seed)
    x = 0.3 * torch.rand((count, 1, 8, 8), generator=generator)
    labels = torch.arange(count) % 2
    for i, place in enumerate(torch.randint(1, 7, (count,), generator=generator).tolist()):
        line = x[i, 0, place] if labels[i] else x[i, 0, :, place]
        line += 0.7
    return x, labels


@pytest.mark.parametrize(("depth", "blocks"), [(8, 3), (14, 6), (20, 9)])
def test_depth_counts_layers_with_weights(depth: int, blocks: int) -> None:
    network = seeded(ResidualSettings(depth=depth, residual=False), 0)
    weights = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(weights) == depth
    assert len(network.blocks) == blocks
    assert len(layers_of(network)) == 2 + 5 * blocks
    assert {name for name, _ in network.named_modules()} >= set(layers_of(network))


@IN_KINDS
def test_a_network_learns(residual: bool, spiking: bool) -> None:
    x, labels = pictures(160)
    network = seeded(
        ResidualSettings(width=4, residual=residual, spiking=spiking, classes=2, stride=1), 0
    )
    train_classifier(network, x, labels, ClassifierSettings(epochs=6, batch_size=16))
    assert not network.training
    assert share_right(network, *pictures(60, seed=1)) > 0.9


def test_twins_begin_with_the_same_weights_and_another_seed_with_others() -> None:
    settings = ResidualSettings(width=2)
    spiking, plain, other = (
        seeded(ResidualSettings(width=2, spiking=s), seed).state_dict()
        for s, seed in ((True, 0), (False, 0), (True, 1))
    )
    shared = [name for name in plain if name.endswith("weight")]
    assert shared
    assert all(torch.equal(spiking[name], plain[name]) for name in shared)
    assert not torch.equal(spiking["stem.0.weight"], other["stem.0.weight"])
    before = torch.get_rng_state()
    seeded(settings, 5)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_picture_is_seen_in_every_time_step() -> None:
    network = seeded(ResidualSettings(width=2, num_steps=3), 0).eval()
    x, _ = pictures(5)
    with torch.no_grad():
        assert torch.allclose(network(x), network(x[:, None].expand(-1, 3, -1, -1, -1)), atol=1e-5)


def test_without_spikes_events_are_seen_as_their_mean() -> None:
    network = seeded(ResidualSettings(width=2, spiking=False, channels=2), 0).eval()
    events = torch.randint(0, 3, (4, 6, 2, 9, 9), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.allclose(network(events), network(events.float().mean(1)), atol=1e-5)


def test_a_skip_goes_around_two_convolutions() -> None:
    settings = ResidualSettings(width=2)
    block = Block(4, 4, 1, settings).eval()
    for convolution in (block.conv1, block.conv2):
        nn.init.zeros_(convolution[0].weight)
    x = torch.randn(3, 4, 4, 6, 6)
    with torch.no_grad():
        assert torch.equal(block(x), x)
        assert not Block(4, 4, 1, ResidualSettings(residual=False)).eval()(x).equal(x)


def test_settings_that_cannot_be_are_refused() -> None:
    for depth in (2, 7, 10):
        with pytest.raises(ValueError, match=f"must be 8, 14, 20 .* not {depth}"):
            ResidualSettings(depth=depth)
    with pytest.raises(ValueError, match="must be at least 1"):
        ResidualSettings(width=0)
