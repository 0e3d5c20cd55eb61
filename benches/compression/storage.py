"""Bits per synapse in the memory image, next to other ways to store the same weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benches.compression.models import trained
from edgesnn.compress.pipeline import compress
from edgesnn.compress.settings import CompressionSettings

SPARSITIES = (0.5, 0.8, 0.9, 0.97)


@dataclass(frozen=True)
class StorageRow:
    """The whole network of saccade-mnist; all in bits for each synapse that is left.

    image     the memory image, row starts and row ends included
    dense     the whole matrix with 4 bits a weight
    indexed   compressed sparse rows with 12 bits of index
    entropy   the limit for independent places and codes
    """

    sparsity: float
    image: float
    dense: float
    indexed: float
    entropy: float


def storage_rows(folder: Path) -> list[StorageRow]:
    """One row for each sparsity."""
    found = trained(folder, "saccade-mnist", 0)
    rows = []
    for sparsity in SPARSITIES:
        _, report = compress(
            found.model, found.calibration(), CompressionSettings(sparsity=sparsity)
        )
        total = report.total()
        rows.append(
            StorageRow(
                total.sparsity,
                total.bits_per_synapse,
                total.dense_bits,
                total.indexed_bits,
                total.entropy_bits,
            )
        )
        print(rows[-1], flush=True)
    return rows
