"""The file of a pruning: a model whose info tells how it came about, and from which it goes on."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgesnn.checkpoint import read_checkpoint, write_checkpoint
from edgesnn.errors import InputError
from edgesnn.model import Model
from edgesnn.recurrent.lnp import LnpIteration, LnpSettings, LnpState
from edgesnn.train.resume import digest_of_model

#: The key in a model's info.
LNP = "lnp"


def with_history(model: Model, state: LnpState, settings: LnpSettings) -> Model:
    """``model`` with the settings, the log of all iterations, and which neurons were kept."""
    history = {
        "settings": asdict(settings),
        "log": [asdict(entry) for entry in state.log],
        "kept": state.kept.tolist(),
        "spectrum": state.spectrum.tolist(),
    }
    return replace(model, info={**model.info, LNP: history})


def write_state(path: Path, state: LnpState, settings: LnpSettings, dense: Model) -> None:
    """Keep a pruning between two iterations; the file appears whole or not at all."""
    model = with_history(state.model, state, settings)
    history = {**model.info[LNP], "of": digest_of_model(dense)}
    write_checkpoint(replace(model, info={**model.info, LNP: history}), path)


def read_state(path: Path, settings: LnpSettings, dense: Model) -> LnpState | None:
    """The state that :func:`write_state` kept, or None if there is no file.

    Raises ``ModelFileError`` for a damaged file, ``InputError`` for one of other settings or of
    another network.
    """
    if not path.exists():
        return None
    model = read_checkpoint(path)
    advice = f"remove {path} (or give --no-resume) to prune from the start"
    try:
        found: dict[str, Any] = model.info[LNP]
        wanted, had = asdict(settings), found["settings"]
        differing = [
            f"{name} = {had.get(name)!r}, not {value!r}"
            for name, value in wanted.items()
            if had.get(name) != value
        ]
        same_network = found["of"] == digest_of_model(dense)
        state = LnpState(
            replace(model, info=dense.info),
            np.array(found["kept"], np.int64),
            np.array(found["spectrum"], np.float64),
            tuple(LnpIteration(**entry) for entry in found["log"]),
        )
    except (KeyError, TypeError, AttributeError):
        raise InputError(f"{path} must be the state of a pruning: {advice}") from None
    if differing:
        raise InputError(
            f"{path} must go on with the settings it began with ({'; '.join(differing)}): use "
            f"those, or {advice}"
        )
    if not same_network:
        raise InputError(f"{path} belongs to another network: {advice}")
    return state
