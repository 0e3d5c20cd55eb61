"""A spiking language model in any executor: text in, text back, one event for each token."""

from __future__ import annotations

import time
from dataclasses import dataclass

from edgesnn.backends.base import Backend
from edgesnn.language.generate import generate
from edgesnn.language.spiking import ExecutorReader, vocabulary_of
from edgesnn.network import Network
from edgesnn.run_result import Counters


@dataclass(frozen=True)
class Reply:
    """What a network said.

    counters   of prompt and reply, a step for each token
    seconds    that they took
    """

    text: str
    counters: Counters
    seconds: float


def reply(
    backend: Backend,
    network: Network,
    prompt: str,
    tokens: int,
    temperature: float = 0.0,
    seed: int = 0,
) -> Reply:
    """Go on with a prompt from reset; the backend has ``network`` loaded.

    Raises ``InputError`` for an empty prompt, one with unknown tokens, and a network that is no
    language model.
    """
    vocabulary = vocabulary_of(network)
    ids = vocabulary.encode_prompt(prompt)
    reader = ExecutorReader(backend, network)
    began = time.perf_counter()
    said = generate(reader, ids, tokens, temperature, seed)
    seconds = time.perf_counter() - began
    return Reply(vocabulary.decode(said), reader.counters, seconds)
