"""The state of a training that was interrupted: a file from which it goes on, bit for bit."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from edgesnn.errors import InputError
from edgesnn.event_windows import LabelledEvents
from edgesnn.files import write_whole
from edgesnn.model import Model, ModelPopulation
from edgesnn.train.objective import TrainingData

#: First bytes of a file, with the version of its content; then SHA-256, then what torch.save gave.
MAGIC = b"edgesnn training state 1\n"


def digest_of_model(model: Model) -> str:
    """Of all that a model computes with; its info is left out."""
    digest = hashlib.sha256()
    for c in model.connections:
        digest.update(f"{c.source} {c.target} {c.shape}".encode())
        digest.update(c.parameters.tobytes())
    for p in model.populations:
        digest.update(p.name.encode())
        if isinstance(p, ModelPopulation):
            digest.update(f"{p.spiking} {p.reset_mode} {p.reset_order} {p.strict}".encode())
            for values in (p.threshold, p.decay, p.bias, p.synaptic_decay):
                digest.update(b"" if values is None else values.tobytes())
    digest.update(str(model.readout).encode())
    return digest.hexdigest()


def digest_of_data(data: TrainingData) -> str:
    """Of events and labels, or values."""
    digest = hashlib.sha256()
    right = data.labels if isinstance(data, LabelledEvents) else data.targets
    for values in (right, data.events.step_start, data.events.source_ids):
        digest.update(values.tobytes())
    return digest.hexdigest()


class ResumeFile:
    """Where the state lies, and what it belongs to.

    settings     of the training, by name; a difference is told by name and value
    belongs_to   digests of what else must be the same, by what it is called

    What a transform or an augmentation does cannot be seen here: go on with the same.
    """

    def __init__(
        self, path: Path, settings: Mapping[str, Any], belongs_to: Mapping[str, str]
    ) -> None:
        self.path = path
        self._settings = dict(settings)
        self._belongs_to = dict(belongs_to)

    def write(self, state: dict[str, Any]) -> None:
        """Replace what was there, whole or not at all."""
        buffer = io.BytesIO()
        known = {"settings": self._settings, "of": self._belongs_to, "state": state}
        torch.save(known, buffer)
        content = buffer.getvalue()
        write_whole(self.path, MAGIC + hashlib.sha256(content).digest() + content)

    def read(self) -> dict[str, Any] | None:
        """The state, or None if there is no file.

        Raises ``InputError`` for a file that is damaged or of another training.
        """
        if not self.path.exists():
            return None
        advice = f"remove {self.path} (or give --no-resume) to train from the start"
        whole = self.path.read_bytes()
        checksum, content = whole[len(MAGIC) : len(MAGIC) + 32], whole[len(MAGIC) + 32 :]
        # PyTorch does not notice every damage of its files.
        if not whole.startswith(MAGIC) or hashlib.sha256(content).digest() != checksum:
            raise InputError(f"{self.path} must be the whole state of a training: {advice}")
        found = torch.load(io.BytesIO(content), weights_only=True)
        settings, of = found["settings"], found["of"]
        state: dict[str, Any] = found["state"]
        names = sorted(self._settings.keys() | settings.keys())
        differing = [
            f"{name} = {settings.get(name)!r}, not {self._settings.get(name)!r}"
            for name in names
            if settings.get(name) != self._settings.get(name)
        ]
        if differing:
            raise InputError(
                f"{self.path} must go on with the settings it began with "
                f"({'; '.join(differing)}): use those, or {advice}"
            )
        for name, digest in self._belongs_to.items():
            if of.get(name) != digest:
                raise InputError(f"{self.path} belongs to another {name}: {advice}")
        return state
