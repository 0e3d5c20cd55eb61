"""Deep convolutional networks, spiking or not, with or without skips, otherwise the same.

To study what spikes and skips do to representations. All take ``[batch, channel, y, x]``, a picture
that a spiking network sees unchanged in every time step (direct coding), or counts of events
``[batch, time_step, channel, y, x]``, of which a network without spikes sees the mean.

Source: the ResNet with pre-activation of He et al. 2016, "Identity mappings in deep residual
networks", as Li et al. 2023 (arXiv 2304.13098) make it spike.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgesnn.neuron import ResetMode
from edgesnn.train.neurons import Lif, PerStep

#: Of the membrane in each step, with the threshold 1 and a reset to zero, as in the source.
DECAY = 0.5
#: Of the surrogate gradient: less steep than usual, or nothing gets through 14 layers.
SLOPE = 1.0
STAGES = 3


@dataclass(frozen=True)
class ResidualSettings:
    """Shape of a network.

    depth      layers with weights: 8, 14, 20, ...; 2 in each block, the same number of blocks in
               each of three stages, one before them and one behind
    width      channels of the first stage; later ones have 2 and 4 times as many at half and a
               quarter of the resolution
    residual   blocks have skips
    spiking    leaky integrate-and-fire neurons; else rectified linear units
    num_steps  time steps in which a spiking network sees a picture
    channels   of the input
    classes    of the output
    stride     of the first convolution

    Raises ``ValueError`` for a depth that cannot be, and for numbers below 1.
    """

    depth: int = 8
    width: int = 8
    residual: bool = True
    spiking: bool = True
    num_steps: int = 4
    channels: int = 1
    classes: int = 10
    stride: int = 2

    def __post_init__(self) -> None:
        if self.depth < 8 or (self.depth - 2) % (2 * STAGES):
            raise ValueError(f"depth must be 8, 14, 20 or further steps of 6, not {self.depth}")
        if min(self.width, self.num_steps, self.channels, self.classes, self.stride) < 1:
            raise ValueError("width, num_steps, channels, classes and stride must be at least 1")

    @property
    def blocks_per_stage(self) -> int:
        return (self.depth - 2) // (2 * STAGES)


def _activation(settings: ResidualSettings) -> nn.Module:
    if settings.spiking:
        return Lif(DECAY, reset_mode=ResetMode.TO_ZERO, slope=SLOPE)
    return nn.ReLU()


def _convolution(before: int, after: int, stride: int = 1) -> PerStep:
    return PerStep(
        nn.Conv2d(before, after, 3, stride, padding=1, bias=False), nn.BatchNorm2d(after)
    )


class Block(nn.Module):
    """Fire, convolve, fire, convolve; with a skip around both if there is one."""

    def __init__(self, before: int, after: int, stride: int, settings: ResidualSettings) -> None:
        super().__init__()
        self.fire1 = _activation(settings)
        self.conv1 = _convolution(before, after, stride)
        self.fire2 = _activation(settings)
        self.conv2 = _convolution(after, after)
        self.residual = settings.residual
        self.skip: nn.Module | None = None
        if settings.residual and before != after:
            self.skip = PerStep(
                nn.AvgPool2d(stride, ceil_mode=True),
                nn.Conv2d(before, after, 1, bias=False),
                nn.BatchNorm2d(after),
            )

    def forward(self, x: Tensor) -> Tensor:
        fired = self.fire1(x)
        y: Tensor = self.conv2(self.fire2(self.conv1(fired)))
        if not self.residual:
            return y
        return y + (x if self.skip is None else self.skip(fired))


class ResidualNetwork(nn.Module):
    """A network of these settings, with random weights; gives scores [batch, class]."""

    def __init__(self, settings: ResidualSettings) -> None:
        super().__init__()
        self.settings = settings
        self.stem = _convolution(settings.channels, settings.width, settings.stride)
        blocks: list[nn.Module] = []
        before = settings.width
        for stage in range(STAGES):
            after = settings.width * 2**stage
            for index in range(settings.blocks_per_stage):
                stride = 2 if stage and not index else 1
                blocks.append(Block(before, after, stride, settings))
                before = after
        self.blocks = nn.ModuleList(blocks)
        self.fire = _activation(settings)
        self.decide = PerStep(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, settings.classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[batch, channel, y, x]`` or ``[batch, time_step, channel, y, x]`` to scores."""
        if x.ndim == 5 and not self.settings.spiking:
            x = x.float().mean(1)
        if x.ndim == 4:
            x = self.stem(x[:, None].float())
            if self.settings.spiking:
                x = x.expand(-1, self.settings.num_steps, -1, -1, -1)
        else:
            x = self.stem(x.float())
        for block in self.blocks:
            x = block(x)
        scores: Tensor = self.decide(self.fire(x)).mean(1)
        return scores


def layers_of(network: ResidualNetwork) -> list[str]:
    """Names of the layers that are compared, from input to output; alike in all kinds.

    The first convolution; of every block its activations, convolutions and output (with the skip,
    where there is one); the last activation.
    """
    inside = ("fire1", "conv1", "fire2", "conv2")
    names = ["stem"]
    for index in range(len(network.blocks)):
        names += [*(f"blocks.{index}.{name}" for name in inside), f"blocks.{index}"]
    return [*names, "fire"]


def seeded(settings: ResidualSettings, seed: int) -> ResidualNetwork:
    """A network whose random weights follow from ``seed``; its twin without spikes has the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ResidualNetwork(settings)
