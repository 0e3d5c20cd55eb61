"""What tests of whole compressions share: models with an encoder, labelled samples, settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from edgesnn.compress.settings import CompressionSettings
from edgesnn.encoders import EventEncoder, encoder_to_info
from edgesnn.event_windows import LabelledEvents
from edgesnn.model import Model
from edgesnn.train.trainer import decisions
from tests.compress import models


def with_encoder(model: Model, max_events: int = 1) -> Model:
    """``model`` for a sensor that sends events itself."""
    encoder = EventEncoder(model.num_inputs, max_events)
    return replace(model, info={"encoder": encoder_to_info(encoder)})


def made(make: Callable[..., Model], **how: Any) -> Model:
    """A model of :mod:`tests.compress.models` that can be compressed."""
    return with_encoder(make(**how))


def labelled(model: Model, windows: int = 30, **how: Any) -> LabelledEvents:
    """Random windows with the model's own decisions as right answers."""
    found = models.events(model.num_inputs, windows, **how)
    return LabelledEvents(found, decisions(model, found))


def settings(sparsity: float = 0.5, **others: Any) -> CompressionSettings:
    return CompressionSettings(sparsity=sparsity, threads=1, **others)
