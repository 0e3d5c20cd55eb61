"""Decisions one after the other, and the comparison of executors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgesnn.backends.simulated import ReferenceBackend, SimulatorBackend
from edgesnn.encoders import DeltaEncoder, RateEncoder
from edgesnn.errors import InputError
from edgesnn.events import EventStream
from edgesnn.network import (
    Connection,
    EventLimit,
    InputPopulation,
    Network,
    Readout,
    ReadoutRule,
)
from edgesnn.run_result import RunResult
from edgesnn.samples import Samples
from edgesnn.streaming import check_windows, samples_per_window, stream_decisions
from edgesnn.synapses import Synapses
from edgesnn.verification import compare, run_windows

ENCODER = RateEncoder(channels=3, high=4, full_scale=4, steps_per_sample=5)


@pytest.fixture
def network(small_network: Network) -> Network:
    return replace(small_network, readout=Readout(2, ReadoutRule.MEMBRANE_SUM, 10))


def samples() -> Samples:
    return Samples(np.random.default_rng(0).uniform(0, 4, (6, 2, 3)))


def test_streamed_decisions_equal_whole_windows(network: Network) -> None:
    backend = SimulatorBackend()
    backend.load(network)
    whole = run_windows(backend, list(samples().events(ENCODER).streams()))
    one_by_one = (sample for window in samples().windows for sample in window)
    streamed = list(stream_decisions(network, ENCODER, backend, one_by_one))
    assert [d.window for d in streamed] == list(range(6))
    assert [d.decision for d in streamed] == [r.decision for r in whole]
    assert [d.counters for d in streamed] == [r.counters for r in whole]
    for d, r in zip(streamed, whole, strict=True):
        assert np.array_equal(d.accumulators, r.accumulators)


def test_incomplete_window_gives_no_decision(network: Network) -> None:
    backend = SimulatorBackend()
    backend.load(network)
    three = [window[0] for window in samples().windows[:3]]
    assert len(list(stream_decisions(network, ENCODER, backend, three))) == 1


def test_encoder_must_divide_the_window(network: Network) -> None:
    assert samples_per_window(network, ENCODER) == 2
    with pytest.raises(InputError, match="divide the window of 10 steps, not 3 sources in 4 steps"):
        samples_per_window(network, replace(ENCODER, steps_per_sample=4))
    with pytest.raises(InputError, match="must give 3 sources .* not 6 sources"):
        samples_per_window(network, DeltaEncoder(channels=3))


def test_windows_of_another_length_are_refused(network: Network) -> None:
    check_windows(network, ENCODER, samples())
    with pytest.raises(
        InputError,
        match=r"a window must hold 2 sample\(s\) \(shape \[windows, 2, 3\]\) .* not 3",
    ):
        check_windows(network, ENCODER, Samples(np.zeros((5, 3, 3))))
    with pytest.raises(InputError, match="divide the window of 10 steps"):
        check_windows(network, replace(ENCODER, steps_per_sample=20), samples())


def test_delta_samples_stream_like_their_windows(small_network: Network) -> None:
    encoder = DeltaEncoder(channels=1, threshold=2)
    network = replace(
        small_network,
        populations=(InputPopulation("keys", 2), *small_network.populations[1:]),
        connections=(
            Connection(0, 1, Synapses.from_dense(np.array([[7, 0], [-3, 4]]))),
            *small_network.connections[1:],
        ),
        event_limit=EventLimit(value=encoder.max_events),
    )
    windows = np.random.default_rng(1).normal(0, 8, (3, 10, 1))
    backend = SimulatorBackend()
    backend.load(network)
    whole = run_windows(backend, list(Samples(windows).events(encoder).streams()))
    streamed = stream_decisions(network, encoder, backend, list(windows.reshape(-1, 1)))
    assert [d.counters for d in streamed] == [r.counters for r in whole]
    assert all(r.counters.events for r in whole)


def test_equal_executors_agree(network: Network) -> None:
    streams = list(samples().events(ENCODER).streams())
    reference = ReferenceBackend()
    reference.load(network)
    told: list[int] = []
    agreement, results = compare(
        run_windows(reference, streams, record=True),
        SimulatorBackend(),
        network,
        streams,
        record=True,
        progress=told.append,
    )
    assert agreement.backend == "simulator"
    assert (agreement.windows, agreement.mismatches, agreement.examples) == (6, 0, ())
    assert told == [1, 2, 3, 4, 5, 6]
    assert agreement.counters.steps == 60
    assert results[0].membranes is not None


class Faulty(SimulatorBackend):
    """Loses a spike of the first neuron that fires."""

    name = "faulty"

    def run(self, stream: EventStream, record: bool = False) -> RunResult:
        result = super().run(stream, record)
        spikes = result.spikes.copy()
        spikes[tuple(np.argwhere(spikes)[0])] = False
        return replace(result, spikes=spikes)


def test_lost_spike_is_a_mismatch_in_words(network: Network) -> None:
    streams = list(samples().events(ENCODER).streams()) * 2
    reference = ReferenceBackend()
    reference.load(network)
    expected = run_windows(reference, streams)
    agreement, _ = compare(expected, Faulty(), network, streams)
    assert agreement.mismatches == 12
    assert len(agreement.examples) == 5
    assert agreement.examples[0].startswith("window 0: spikes: 1 differ, first in step")


class Device(SimulatorBackend):
    """Reports the spikes of the read-out only, as a device does."""

    name = "device"

    def run(self, stream: EventStream, record: bool = False) -> RunResult:
        result = super().run(stream, record)
        if record:
            return result
        spikes = result.spikes.copy()
        spikes[:, :2] = False
        return replace(result, spikes=spikes)


def test_device_is_compared_by_what_it_reports(network: Network) -> None:
    streams = list(samples().events(ENCODER).streams())
    reference = ReferenceBackend()
    reference.load(network)
    expected = run_windows(reference, streams)
    assert any(r.spikes[:, :2].any() for r in expected)
    assert compare(expected, Device(), network, streams)[0].mismatches == 0
    whole = run_windows(reference, streams, record=True)
    assert compare(whole, Device(), network, streams, record=True)[0].mismatches == 0


def test_cycles_are_compared_where_both_count_them(network: Network) -> None:
    streams = list(samples().events(ENCODER).streams())[:1]
    reference = ReferenceBackend()
    reference.load(network)
    (plain,) = run_windows(reference, streams)
    backend = ReferenceBackend()
    counted = replace(plain, counters=replace(plain.counters, cycles=7))
    assert compare([counted], backend, network, streams)[0].mismatches == 0

    class Slower(ReferenceBackend):
        def run(self, stream: EventStream, record: bool = False) -> RunResult:
            result = super().run(stream, record)
            return replace(result, counters=replace(result.counters, cycles=8))

    slower, _ = compare([counted], Slower(), network, streams)
    assert slower.examples == ("window 0: cycles must be 7, not 8",)

    class Silent(ReferenceBackend):
        counts_cycles = True

    silent, _ = compare([counted], Silent(), network, streams)
    assert silent.examples == ("window 0: cycles must be 7, not 0",)
