"""A network turned into the bare arrays that the kernels walk."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgesnn.network import Connection, Network
from edgesnn.neuron import ResetMode, ResetOrder
from edgesnn.number_format import WEIGHT_CODE, SignedFormat
from edgesnn.simulator.kernels import WEIGHT_BITS, NetworkArrays
from edgesnn.synapses import Synapses

#: Targets that fit a 16-bit synapse word beside the weight.
MAX_SHORT_TARGETS = 1 << (16 - WEIGHT_BITS)
#: No membrane reaches this value, so a neuron that fires at it never does.
NEVER = 2**31 - 1


def synapse_words(synapses: Synapses, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """One word ``target << 4 | weight_code & 15`` for each synapse; uint16 or uint32."""
    words: npt.NDArray[Any] = synapses.targets.astype(dtype) << WEIGHT_BITS
    return words | (synapses.weights.view(np.uint8) & 15)


def _contributions(connection: Connection) -> list[int]:
    """What each of the sixteen weight codes adds to a state word."""
    return [WEIGHT_CODE.wrap(code) << connection.weight_shift for code in range(16)]


def compile_network(network: Network, checked: bool) -> NetworkArrays:
    """Arrays for the kernels.

    checked  also wrap and count sums that leave the state word (slower)

    Synapse words have 16 bits, or 32 if a population has more than 4096 neurons.
    """
    num_inputs = len(network.inputs)
    short = all(p.size <= MAX_SHORT_TARGETS for p in network.neurons)
    dtype = np.dtype(np.uint16 if short else np.uint32)
    words: list[npt.NDArray[Any]] = [np.zeros(0, dtype)]
    row_start: list[npt.NDArray[np.uintp]] = [np.zeros(0, np.uintp)]
    connections = []
    num_words = num_rows = 0
    for c in network.connections:
        words.append(synapse_words(c.synapses, dtype))
        row_start.append(c.synapses.row_start.astype(np.uintp) + np.uintp(num_words))
        last_row = num_rows + len(c.synapses.row_start)
        connections.append((c.source, num_rows, last_row, c.delay))
        num_words, num_rows = num_words + c.synapses.num_synapses, last_row

    populations, first_connection = [], 0
    fires_at = np.full(network.num_neurons, NEVER, np.int32)
    synaptic_decay = np.zeros(network.num_neurons, np.int32)
    for index, p in enumerate(network.neurons, num_inputs):
        last_connection = first_connection + len(network.incoming(index))
        clamp = SignedFormat(p.membrane_bits)
        current_clamp = SignedFormat(p.current_bits) if p.current_based else clamp
        subtracts = p.reset_mode is ResetMode.SUBTRACT
        before = p.reset_order is ResetOrder.BEFORE_DECAY
        populations.append(
            (
                network.first_id[index],
                p.size,
                first_connection,
                last_connection,
                p.reset_mode is not ResetMode.TO_ZERO,
                subtracts and before,
                subtracts and not before,
                clamp.minimum,
                clamp.maximum,
                p.current_based,
                current_clamp.minimum,
                current_clamp.maximum,
            )
        )
        first_connection = last_connection
        if p.spiking:
            fires_at[network.neuron_slice(index)] = p.threshold + p.strict
        if p.synaptic_decay is not None:
            synaptic_decay[network.neuron_slice(index)] = p.synaptic_decay

    readout = network.neuron_slice(network.readout.population)
    return NetworkArrays(
        words=np.concatenate(words),
        row_start=np.concatenate(row_start),
        contributions=np.array([_contributions(c) for c in network.connections], np.int32).reshape(
            -1, 1 << WEIGHT_BITS
        ),
        connections=np.array(connections, np.int64).reshape(-1, 4),
        inputs=np.array(
            [(network.first_id[i], p.size) for i, p in enumerate(network.inputs)], np.int64
        ),
        populations=np.array(populations, np.int64),
        fires_at=fires_at,
        threshold=np.concatenate([p.threshold for p in network.neurons]),
        decay=np.concatenate([p.decay for p in network.neurons]),
        bias=np.concatenate([p.bias for p in network.neurons]),
        synaptic_decay=synaptic_decay,
        readout=np.array(
            (readout.start, readout.stop - readout.start, network.readout.rule), np.int64
        ),
        state_bits=network.state_bits,
        checked=checked,
    )
