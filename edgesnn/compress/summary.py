"""Fills the report: what the parts of a finished compression come to, measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from edgesnn import placement
from edgesnn.analysis.cka import FEWEST_INPUTS, LayerCka, compare
from edgesnn.analysis.module_features import model_grams
from edgesnn.analysis.population_features import network_grams
from edgesnn.compress.layers import weights_of
from edgesnn.compress.measure import COMPARED_WINDOWS, distances
from edgesnn.compress.quantize import QuantizedLayer
from edgesnn.compress.report import (
    LayerReport,
    NumbersOf,
    PictureData,
    PopulationReport,
    RatesOf,
)
from edgesnn.compress.statistics import Statistics, collect
from edgesnn.compress.storage import bits_per_synapse
from edgesnn.compress.to_integers import IntegerNetwork
from edgesnn.core_config import WORD_BITS, CoreConfig
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model, ModelPopulation
from edgesnn.network import Connection, InputPopulation, LifPopulation, Network
from edgesnn.simulator import Simulator
from edgesnn.synapses import Synapses

#: For each population float64 [size]: events of a source, or spikes of a neuron, in a time step.
Rates = Sequence[npt.NDArray[np.float64]]


def layer_reports(
    model: Model, quantized: Sequence[QuantizedLayer], placed: placement.Placement
) -> tuple[LayerReport, ...]:
    """For each connection, in the order of the model, what became of it."""
    reports: dict[int, LayerReport] = {}
    for q in quantized:
        before, after = weights_of(model, q.layer), q.weights()
        for i, columns in zip(q.layer.connections, q.layer.columns(), strict=True):
            connection = model.connections[i]
            ends = connection.source, connection.target
            joined = _connections_between(placed.network, *ends)
            # Codes of 8 bits are stored as two matrices.
            synapses = Synapses.from_dense(np.vstack([c.synapses.to_dense() for c in joined]))
            words = synapses.num_sources + sum(
                len(rows.words)
                for p in placed.connections
                if p.connection in joined
                for rows in p.lanes
            )
            kept = int((q.codes[:, columns] != 0).sum())
            norm = float(before[:, columns].norm())
            other = bits_per_synapse(synapses)
            reports[i] = LayerReport(
                name=model.name_of(connection),
                weights=before[:, columns].numel(),
                kept=kept,
                sparsity=1 - kept / before[:, columns].numel(),
                synapses=synapses.num_synapses,
                bits_per_synapse=words * WORD_BITS / max(synapses.num_synapses, 1),
                dense_bits=other.dense,
                indexed_bits=other.indexed,
                entropy_bits=other.entropy,
                weight_error=float((before - after)[:, columns].norm()) / (norm or 1.0),
                weight_norm=norm,
                weight_shift=min(c.weight_shift for c in joined),
            )
    return tuple(reports[i] for i in sorted(reports))


def _connections_between(network: Network, source: int, target: int) -> list[Connection]:
    """More than one where codes of 8 bits are two synapses."""
    return [c for c in network.connections if (c.source, c.target) == (source, target)]


def network_rates(network: Network, events: EventWindows, threads: int = 1) -> Rates:
    """How often sources and neurons of ``network`` send, in windows of events."""
    result = Simulator(network).run_batch(list(events.streams()), threads)
    sent = np.bincount(events.source_ids, minlength=events.num_sources) / result.counters.steps
    return [
        sent[first : first + p.size]
        if isinstance(p, InputPopulation)
        else result.rates[network.neuron_slice(index)]
        for index, (p, first) in enumerate(zip(network.populations, network.first_id, strict=True))
    ]


def synaptic_operations(
    connections: Sequence[tuple[int, int, npt.NDArray[np.integer]]], rates: Rates
) -> npt.NDArray[np.float64]:
    """Synaptic operations that arrive at each population in a time step, float64 [populations].

    connections   (source, target, fan-out of each source neuron) of each

    Every spike counts with its whole fan-out. (A device that stops after the last step of a window
    never delivers what recurrent connections send in it.)
    """
    arriving = np.zeros(len(rates))
    for source, target, fan_out in connections:
        arriving[target] += float(rates[source] @ fan_out)
    return arriving


def population_reports(
    model: Model,
    statistics: Statistics,
    found: IntegerNetwork,
    events: EventWindows,
    threads: int = 1,
) -> tuple[PopulationReport, ...]:
    """For each population of neurons how near the network is, on the calibration samples."""
    network = found.network
    rates = network_rates(network, events, threads)
    float_sops = synaptic_operations(
        [(c.source, c.target, np.count_nonzero(c.weights, axis=1)) for c in model.connections],
        statistics.rates,
    )
    network_sops = synaptic_operations(
        [(c.source, c.target, np.diff(c.synapses.row_start)) for c in network.connections], rates
    )
    distance = distances(model, network, found.units, events)
    exact = {
        s.layer.target: all(g.exact for groups in s.groups.values() for g in groups)
        for s in statistics.layers
        if s.groups
    }
    steps = events.num_steps
    reports = []
    for index, p in enumerate(model.populations):
        integers = network.populations[index]
        if isinstance(p, ModelPopulation) and isinstance(integers, LifPopulation):
            d = distance[index]
            reports.append(
                PopulationReport(
                    name=p.name,
                    size=p.size,
                    membrane_bits=integers.membrane_bits,
                    float_rate=float(statistics.rates[index].mean()),
                    network_rate=float(rates[index].mean()),
                    float_spikes=float(statistics.rates[index].sum()) * steps,
                    network_spikes=float(rates[index].sum()) * steps,
                    float_sops=float(float_sops[index]) * steps,
                    network_sops=float(network_sops[index]) * steps,
                    membrane_error=d.membrane_error,
                    van_rossum_error=d.van_rossum_error,
                    cka=d.cka,
                    exact_decays=exact.get(index),
                )
            )
    return tuple(reports)


def shortages(network: Network, cores: Mapping[str, CoreConfig]) -> dict[str, list[str]]:
    """For each board what the network needs too much of."""
    result = {}
    for name, config in cores.items():
        used = placement.usage(placement.place(network, config.lanes), config)
        result[name] = [f"{u.name}: {u.needed} of {u.available}" for u in used if not u.fits]
    return result


def picture_data(
    model: Model, network: Network, events: EventWindows, threads: int = 1
) -> PictureData:
    """What the pictures of a report show, from the model, what became of it, and the events that
    it was calibrated on."""
    before = collect(model, events, objectives=()).rates
    after = network_rates(network, events, threads)
    spiking = {
        i: p
        for i, p in enumerate(network.populations)
        if isinstance(p, LifPopulation) and p.spiking
    }
    return PictureData(
        rates=tuple(RatesOf(p.name, before[i], after[i]) for i, p in spiking.items()),
        codes=tuple(
            NumbersOf(
                model.name_of(c),
                np.concatenate(
                    [j.synapses.weights for j in _connections_between(network, c.source, c.target)]
                ),
            )
            for c in model.connections
        ),
        thresholds=tuple(NumbersOf(p.name, p.threshold) for p in spiking.values()),
        similarity=_similarity(model, network, events),
    )


def _similarity(model: Model, network: Network, events: EventWindows) -> LayerCka | None:
    compared = events.select(np.arange(min(COMPARED_WINDOWS, len(events))))
    if len(compared) < FEWEST_INPUTS:
        return None
    return compare(model_grams(model, compared), network_grams(network, compared))
