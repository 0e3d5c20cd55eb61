"""What other forms of storage would need for a connection: a yardstick for the memory image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgesnn.synapses import Synapses

WEIGHT_BITS = 4
#: An index reaches so many targets at least.
INDEX_BITS = 12


@dataclass(frozen=True)
class BitsPerSynapse:
    """Bits of storage for each synapse that is left; 0 where none is.

    dense    the whole matrix, 4 bits for each place: 4 / density
    indexed  compressed sparse rows: 12 bits of index (more for over 4,096 targets) and 4 of weight
             for each synapse; one row start for each source and an end, of as many bits as the
             number of synapses takes
    entropy  what no lossless code without a model of the layer goes below: H(density) / density
             bits for the places, with H(p) = -p log2 p - (1 - p) log2 (1 - p), and the entropy of
             the codes that are not 0 (below 4 bits, where some are more frequent than others).
             Source: Shannon 1948, "A Mathematical Theory of Communication", theorem 9, for places
             and codes that are drawn independently
    """

    dense: float
    indexed: float
    entropy: float


def entropy(counts: npt.ArrayLike) -> float:
    """Bits for each symbol of a source with these frequencies."""
    frequent = np.asarray(counts, np.float64)
    share = frequent[frequent > 0] / max(frequent.sum(), 1)
    return float(-(share * np.log2(share)).sum()) + 0.0


def bits_per_synapse(synapses: Synapses) -> BitsPerSynapse:
    """The comparison for one connection; a convolution counts as the matrix that is stored."""
    count = synapses.num_synapses
    places = synapses.num_sources * synapses.num_targets
    if not count:
        return BitsPerSynapse(0.0, 0.0, 0.0)
    index = max(INDEX_BITS, (synapses.num_targets - 1).bit_length())
    row_starts = (synapses.num_sources + 1) * count.bit_length()
    codes = np.unique(synapses.weights, return_counts=True)[1]
    return BitsPerSynapse(
        dense=WEIGHT_BITS * places / count,
        indexed=index + WEIGHT_BITS + row_starts / count,
        entropy=entropy([count, places - count]) * places / count + entropy(codes),
    )
