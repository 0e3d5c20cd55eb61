"""The spiking language model: in floating point, in integers, and what a virtual board says."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch

from benches.language.gated import shortened
from benches.language.rows import Board, Row, Spiking
from edgesnn import placement
from edgesnn.backends.serial_device import SerialDevice
from edgesnn.backends.simulated import SimulatorBackend
from edgesnn.chat import Reply, reply
from edgesnn.compress.settings import CompressionSettings
from edgesnn.language.corpus import Corpus
from edgesnn.language.presets import SPIKING, read_text
from edgesnn.language.spiking import (
    compress_spiking,
    evaluate_model,
    evaluate_network,
    spiking_model,
    train_spiking,
)
from edgesnn.model import Model
from edgesnn.network import Network
from edgesnn.recurrent.deploy import num_weights
from edgesnn.virtual_board import VirtualBoard
from edgesnn_boards import find_board

#: Share of the weights that goes; epochs and learning rate of the fine-tuning through the rounding.
SPARSITY, FINE_TUNED, FINE_TUNE_RATE = 0.7, 10, 4e-3
#: Of the test part: prompts, and characters of each and of what is said after it.
PROMPTS, LENGTH = 20, 200
BOARD = "icebreaker"


def measured(preset_name: str, folder: Path | None, share: float = 1.0) -> list[Row]:
    """All rows of a preset; as :func:`benches.language.gated.measured`."""
    torch.set_num_threads(1)
    preset = SPIKING[preset_name]
    corpus = shortened(read_text(preset.text, preset.characters), share)
    began = time.perf_counter()
    resume = None if folder is None else folder / f"{preset_name}.partial"
    model = train_spiking(
        spiking_model(corpus.vocabulary, preset.neurons, preset.training.seed),
        corpus,
        preset.training,
        lambda epoch: print(epoch, flush=True),
        resume,
    )
    seconds = time.perf_counter() - began
    rows: list[Row] = [of_model(model, corpus, seconds)]
    for epochs in (0, FINE_TUNED):
        began = time.perf_counter()
        how = CompressionSettings(
            sparsity=SPARSITY, fine_tune_epochs=epochs, fine_tune_rate=FINE_TUNE_RATE, threads=1
        )
        network, _ = compress_spiking(model, corpus, how)
        name = f"{100 * SPARSITY:.0f} % pruned, 4 bits" + (", fine-tuned" if epochs else "")
        rows.append(of_network(name, network, corpus, time.perf_counter() - began))
        print(rows[-1], flush=True)
    rows.append(on_board(network, corpus))
    print(rows[-1], flush=True)
    return rows


def of_model(model: Model, corpus: Corpus, seconds: float) -> Spiking:
    """In floating point."""
    found, operations = evaluate_model(model, corpus.test)
    row = Spiking(
        "floating point", found.bits, found.activity[0], operations, num_weights(model),
        seconds=seconds,
    )  # fmt: skip
    print(row, flush=True)
    return row


def of_network(name: str, network: Network, corpus: Corpus, seconds: float) -> Spiking:
    """In integers; cycles are those of the board's core."""
    found, operations = evaluate_network(network, corpus.test)
    some = replies_of_simulator(network, prompts_of(corpus)[:2], LENGTH)
    cycles = sum(r.counters.cycles for r in some) / sum(r.counters.steps for r in some)
    return Spiking(
        name, found.bits, found.activity[0], operations, network.num_synapses, cycles, seconds
    )


def prompts_of(corpus: Corpus) -> list[str]:
    """Pieces of the test part, evenly spread."""
    firsts = np.linspace(0, max(len(corpus.test) - LENGTH, 0), PROMPTS).astype(int)
    return [corpus.vocabulary.decode(corpus.test[first : first + LENGTH]) for first in firsts]


def replies_of_simulator(network: Network, prompts: list[str], characters: int) -> list[Reply]:
    """The simulator's, with the cycles of the board's core."""
    backend = SimulatorBackend(find_board(BOARD).core_config)
    backend.load(network)
    return [reply(backend, network, prompt, characters) for prompt in prompts]


def on_board(network: Network, corpus: Corpus) -> Board:
    """The same prompts over the serial line of a virtual board of the real one's size."""
    config = find_board(BOARD).core_config
    prompts = prompts_of(corpus)
    expected = replies_of_simulator(network, prompts, LENGTH)
    with VirtualBoard(config) as board, SerialDevice(board.port, timeout=60.0) as device:
        device.load(network)
        said = [reply(device, network, prompt, LENGTH) for prompt in prompts]
    used = placement.usage(placement.place(network, config.lanes), config)
    steps = sum(r.counters.steps for r in said)
    return Board(
        BOARD, len(prompts), LENGTH,
        sum(a.text != b.text for a, b in zip(said, expected, strict=True)),
        all(u.fits for u in used),
        {u.name: f"{u.needed} of {u.available}" for u in used},
        sum(r.counters.cycles for r in said) / steps,
        sum(r.counters.sops for r in said) / steps,
    )  # fmt: skip
