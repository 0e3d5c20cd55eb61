"""Fills the report: what the parts of a finished compression come to, measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgesnn import placement
from edgesnn.compress.layers import weights_of
from edgesnn.compress.measure import distances
from edgesnn.compress.quantize import QuantizedLayer
from edgesnn.compress.report import LayerReport, PopulationReport
from edgesnn.compress.statistics import Statistics
from edgesnn.compress.to_integers import IntegerNetwork
from edgesnn.core_config import WORD_BITS, CoreConfig
from edgesnn.event_windows import EventWindows
from edgesnn.model import Model, ModelPopulation
from edgesnn.network import LifPopulation, Network
from edgesnn.simulator import Simulator


def layer_reports(
    model: Model, quantized: Sequence[QuantizedLayer], placed: placement.Placement
) -> tuple[LayerReport, ...]:
    """For each connection, in the order of the model, what became of it."""
    reports: dict[int, LayerReport] = {}
    for q in quantized:
        before, after = weights_of(model, q.layer), q.weights()
        for i, columns in zip(q.layer.connections, q.layer.columns(), strict=True):
            in_image = placed.connections[i]
            synapses = in_image.connection.synapses
            words = synapses.num_sources + sum(len(rows.words) for rows in in_image.lanes)
            kept = int((q.codes[:, columns] != 0).sum())
            size = float(before[:, columns].norm()) or 1.0
            reports[i] = LayerReport(
                name=model.name_of(model.connections[i]),
                weights=before[:, columns].numel(),
                kept=kept,
                sparsity=1 - kept / before[:, columns].numel(),
                synapses=synapses.num_synapses,
                bits_per_synapse=words * WORD_BITS / max(synapses.num_synapses, 1),
                weight_error=float((before - after)[:, columns].norm()) / size,
                weight_shift=in_image.connection.weight_shift,
            )
    return tuple(reports[i] for i in sorted(reports))


def population_reports(
    model: Model, statistics: Statistics, found: IntegerNetwork, events: EventWindows
) -> tuple[PopulationReport, ...]:
    """For each population of neurons how near the network is, on the calibration samples."""
    network = found.network
    result = Simulator(network).run_batch(list(events.streams()))
    rates = result.spike_counts.sum(axis=0) / result.counters.steps
    distance = distances(model, network, found.units, events)
    exact = {
        s.layer.target: all(g.exact for groups in s.groups.values() for g in groups)
        for s in statistics.layers
        if s.groups
    }
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
                    network_rate=float(rates[network.neuron_slice(index)].mean()),
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
