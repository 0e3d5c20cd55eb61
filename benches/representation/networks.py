"""The networks of the bench and their data: trained once, then read from a folder."""

from __future__ import annotations

import hashlib
import io
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgesnn.cache import cache_dir
from edgesnn.data import find_data_set
from edgesnn.data.idx import read_labelled_images
from edgesnn.data.nmnist import SENSOR_SIZE
from edgesnn.event_windows import LabelledEvents
from edgesnn.files import write_whole
from edgesnn.recipes import find_recipe
from edgesnn.train import classifier, lif, neurons, residual
from edgesnn.train.classifier import ClassifierSettings, share_right, train_classifier
from edgesnn.train.residual import ResidualNetwork, ResidualSettings, seeded

#: Pictures or recordings that are learned from, and those that are measured on.
NUM_TRAINING, NUM_HELD_OUT = 10_000, 1000
TRAINING = ClassifierSettings(epochs=5)
#: Frames of a recording of 30 steps: each of three saccades is two of them.
NUM_FRAMES = 6


@dataclass(frozen=True, eq=False)
class Task:
    """Pictures [n, 1, y, x] of 0..1, or event counts [n, frame, polarity, y, x]; and labels [n]."""

    name: str
    training: Tensor
    training_labels: Tensor
    held_out: Tensor
    held_out_labels: Tensor

    @property
    def channels(self) -> int:
        return self.training.shape[-3]


@lru_cache(maxsize=1)
def clothes() -> Task:
    """Fashion-MNIST; raises ``InputError`` if it is not there."""
    folder = find_data_set("fashion_mnist").find(None)
    parts: list[Tensor] = []
    for part, count in (("train", NUM_TRAINING), ("t10k", NUM_HELD_OUT)):
        images, labels = read_labelled_images(folder, part)
        parts.append(torch.from_numpy(images[:count, None].astype(np.float32) / 255))
        parts.append(torch.from_numpy(labels[:count]))
    return Task("fashion-mnist", *parts)


@lru_cache(maxsize=1)
def saccades() -> Task:
    """Digits before an event camera; raises ``InputError`` if MNIST is not there."""
    data = find_recipe("saccade-mnist").load()
    parts: list[Tensor] = []
    for part, count in ((data.training, NUM_TRAINING), (data.held_out, NUM_HELD_OUT)):
        parts.append(torch.from_numpy(_frames(part, count)))
        parts.append(torch.from_numpy(part.labels[:count]))
    return Task("saccade-mnist", *parts)


def _frames(data: LabelledEvents, count: int) -> np.ndarray:
    """Event counts uint8 [count, frame, polarity, y, x]."""
    found = np.empty((count, NUM_FRAMES, 2, SENSOR_SIZE, SENSOR_SIZE), np.uint8)
    for first in range(0, count, 500):
        chosen = np.arange(first, min(first + 500, count))
        steps = data.events.select(chosen).to_rasters()
        frames = steps.reshape(len(chosen), NUM_FRAMES, -1, steps.shape[-1]).sum(axis=2)
        found[chosen] = frames.reshape(len(chosen), NUM_FRAMES, 2, SENSOR_SIZE, SENSOR_SIZE)
    return found


@dataclass(frozen=True, eq=False)
class Trained:
    """A network in evaluation mode; ``accuracy`` in per cent of the held-out inputs."""

    network: ResidualNetwork
    accuracy: float


def trained(task: Task, settings: ResidualSettings, seed: int) -> Trained:
    """The network of these settings and that seed, trained now if it is not in the cache."""
    described = replace(settings, channels=task.channels)
    training = replace(TRAINING, seed=seed)
    network = seeded(described, seed)
    path = cache_dir("representation") / f"{task.name}-{_key(task, described, training)}.pt"
    if path.is_file():
        kept = torch.load(path, weights_only=True)
        network.load_state_dict(kept["network"])
        network.eval()
        return Trained(network, kept["accuracy"])
    began = time.perf_counter()
    train_classifier(network, task.training, task.training_labels, training)
    accuracy = 100 * share_right(network, task.held_out, task.held_out_labels)
    room = io.BytesIO()
    torch.save({"network": network.state_dict(), "accuracy": accuracy}, room)
    write_whole(path, room.getvalue())
    seconds = time.perf_counter() - began
    print(f"{task.name} {described} seed {seed}: {accuracy:.1f} % in {seconds:.0f} s", flush=True)
    return Trained(network, accuracy)


def _key(task: Task, settings: ResidualSettings, training: ClassifierSettings) -> str:
    """All that a trained network follows from, the code of networks and training included."""
    digest = hashlib.sha256(repr((task.name, settings, training)).encode())
    for tensor in (task.training, task.training_labels):
        digest.update(tensor.numpy().tobytes())
    for module in (classifier, lif, neurons, residual):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:24]
