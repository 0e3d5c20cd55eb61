"""LNP, step II: neurons through which few shortest paths lead go, or those that hardly fire.

Source: Brandes 2001, "A faster algorithm for betweenness centrality"; Chakraborty et al. 2024.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import rustworkx

Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def betweenness(edges: Mask) -> Values:
    """For each neuron the share of shortest paths between two others that lead through it.

    edges   bool [source, target]. Pairs without a path count for nobody, so that graphs in several
            pieces are no special case. Time: neurons * edges.
    """
    graph = rustworkx.PyDiGraph(multigraph=False)
    graph.add_nodes_from(range(len(edges)))
    graph.add_edges_from_no_data([(int(a), int(b)) for a, b in np.argwhere(edges)])
    found = rustworkx.digraph_betweenness_centrality(graph)
    return np.array([found[node] for node in range(len(edges))])


def least_between(edges: Mask, num_removed: int) -> npt.NDArray[np.int64]:
    """The neurons of lowest betweenness, ascending by number; on a tie those of the fewest edges,
    then the first ones."""
    degree = edges.sum(axis=0) + edges.sum(axis=1)
    order = np.lexsort((np.arange(len(edges)), degree, betweenness(edges)))
    return np.sort(order[:num_removed])


def least_active(spikes: Values, num_removed: int) -> npt.NDArray[np.int64]:
    """The neurons that fire least, ascending by number; on a tie the first ones.

    spikes   [..., neuron]
    """
    rates = spikes.reshape(-1, spikes.shape[-1]).mean(axis=0)
    return np.sort(np.argsort(rates, kind="stable")[:num_removed])
