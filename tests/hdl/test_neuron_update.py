"""The update pipeline against ``lif_step``: every input of a narrow neuron, many of a wide one."""

from __future__ import annotations

import ctypes
import itertools
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from edgesnn.memory_layout import PopulationFlag
from edgesnn.neuron import LifParameters, ResetMode, ResetOrder, lif_step
from edgesnn.number_format import DECAY_ONE, SignedFormat
from edgesnn_hdl.compiled import compile_design
from edgesnn_hdl.neuron_update import (
    SPIKE_LATENCY,
    STORED_LATENCY,
    VALUE_LATENCY,
    NeuronUpdate,
)

HARNESS = str(Path(__file__).with_name("neuron_harness.cpp"))
FLAGS = list(itertools.product((True, False), ResetMode, ResetOrder, (False, True)))

Words = npt.NDArray[np.int64]


@lru_cache
def library(state_bits: int, fraction_bits: int) -> ctypes.CDLL:
    return compile_design(NeuronUpdate(state_bits, fraction_bits), HARNESS)


def gates(
    state_bits: int,
    fraction_bits: int,
    flags: tuple[bool, ResetMode, ResetOrder, bool],
    membrane_bits: int,
    membrane: Words,
    threshold: Words,
    bias: Words,
    decay: Words,
) -> tuple[Words, Words, Words, Words]:
    """value, spike, overflow, stored of every case; ``fires`` is seen to be ``spike``."""
    spiking, mode, order, strict = flags
    packed = (
        spiking << PopulationFlag.SPIKING
        | strict << PopulationFlag.STRICT
        | int(order) << PopulationFlag.RESET_AFTER_DECAY
        | int(mode) << PopulationFlag.RESET_MODE
    )
    mask = (1 << state_bits) - 1
    inputs = [(a & mask).astype(np.uint32) for a in (membrane, threshold, bias)]
    inputs.append(decay.astype(np.uint32))
    outputs = [np.zeros(len(membrane), np.uint32) for _ in range(5)]
    pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (*inputs, *outputs)]
    library(state_bits, fraction_bits).run(
        packed,
        (1 << (membrane_bits - 1)) - 1,
        len(membrane),
        VALUE_LATENCY,
        SPIKE_LATENCY,
        STORED_LATENCY,
        *pointers,
    )
    value, spike, overflow, stored, fires = (o.astype(np.int64) for o in outputs)
    assert (fires == spike).all()
    word = SignedFormat(state_bits)
    signed = [np.array([word.wrap(int(x)) for x in a]) for a in (value, stored)]
    return signed[0], spike, overflow, signed[1]


@pytest.mark.parametrize("flags", FLAGS, ids=str)
def test_narrow_neuron_equals_lif_step_for_every_input(
    flags: tuple[bool, ResetMode, ResetOrder, bool],
) -> None:
    state_bits, fraction_bits = 4, 2
    spiking, mode, order, strict = flags
    word = SignedFormat(state_bits)
    span = range(word.minimum, word.maximum + 1)
    thresholds = range(1 - strict, word.maximum + 1 - strict)
    cases = list(itertools.product(span, thresholds, span, range((1 << fraction_bits) + 1)))
    columns = np.array(cases).T
    for membrane_bits in (2, 3, 4):
        result = gates(state_bits, fraction_bits, flags, membrane_bits, *columns)
        for case, value, spike, overflow, stored in zip(cases, *result, strict=True):
            membrane, threshold, bias, decay = case
            parameters = LifParameters(
                threshold,
                decay * DECAY_ONE >> fraction_bits,
                bias,
                spiking,
                mode,
                order,
                strict,
                membrane_bits,
                state_bits,
            )
            expected = lif_step(parameters, membrane)
            assert (value, spike, overflow, stored) == (
                expected.value,
                expected.spike,
                expected.overflow,
                expected.membrane,
            ), (case, membrane_bits)


@pytest.mark.parametrize("state_bits", [16, 18, 24])
def test_wide_neuron_equals_lif_step_at_edges_and_in_between(state_bits: int) -> None:
    rng = np.random.default_rng(state_bits)
    word = SignedFormat(state_bits)
    count = 400
    edges = [word.minimum, word.minimum + 1, -4097, -4096, -1, 0, 1, 4095, 4096, word.maximum]

    def draw(low: int) -> Words:
        drawn = rng.integers(low, word.maximum, count)
        picked = rng.choice([e for e in edges if low <= e < word.maximum], count)
        return np.where(rng.random(count) < 0.5, drawn, picked)

    for flags in FLAGS:
        spiking, mode, order, strict = flags
        membrane_bits = int(rng.integers(2, state_bits + 1))
        membrane, bias, threshold = draw(word.minimum), draw(word.minimum), draw(1)
        # Half of the thresholds are met exactly, or missed by one.
        near = membrane + bias - rng.integers(-1, 2, count)
        threshold = np.where((near >= 1) & (near < word.maximum), near, threshold)
        decay = np.where(
            rng.random(count) < 0.4,
            rng.choice([0, 1, 2048, DECAY_ONE - 1, DECAY_ONE], count),
            rng.integers(0, DECAY_ONE + 1, count),
        )
        result = gates(state_bits, 12, flags, membrane_bits, membrane, threshold, bias, decay)
        for n in range(count):
            parameters = LifParameters(
                int(threshold[n]),
                int(decay[n]),
                int(bias[n]),
                spiking,
                mode,
                order,
                strict,
                membrane_bits,
                state_bits,
            )
            expected = lif_step(parameters, int(membrane[n]))
            assert [int(column[n]) for column in result] == [
                expected.value,
                expected.spike,
                expected.overflow,
                expected.membrane,
            ], (parameters, membrane[n])
