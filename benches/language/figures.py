"""The figures that are asked for, from the rows of all parts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from benches.language.rows import Board, Integers, Part, Point, Row, Speed, Spiking
from benches.language.speed import DENSE_LOOP, PRODUCT, SIMULATOR
from edgesnn.language.integer_model import EVENT_BITS

#: What was asked for.
MOST_PERPLEXITY, NEAR_GRU, NEAR_GRU_SPARSE, FEWEST_OPERATIONS = 130, 1.08, 1.15, 15
MOST_PRUNED, MOST_INT4, MOST_INT4_PRUNED = 1.05, 1.04, 1.06
MOST_BITS, MOST_SPIKING_BITS, MOST_SPIKING_LOSS = 2.25, 2.65, 0.10
LEAST_OF_IDEAL = 0.6
WORDS, CHARACTERS = "ptb", "tinyshakespeare"
AnyRow = TypeVar("AnyRow", bound=Row)


class Found:
    """The rows of all parts by their kind."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self.parts = parts

    def of(self, kind: type[AnyRow]) -> list[AnyRow]:
        return [r for part in self.parts.values() for r in part.rows if isinstance(r, kind)]

    def points(self, text: str, name: str, **wanted: object) -> list[Point]:
        """Of one model of a text; the first seed first."""
        chosen = [
            p
            for p in self.of(Point)
            if (p.text, p.name) == (text, name)
            and all(getattr(p, key) == value for key, value in wanted.items())
        ]
        return sorted(chosen, key=lambda p: (p.sparsity, p.seed))

    def dense(self, text: str, name: str) -> Point | None:
        found = self.points(text, name, method="dense", seed=0)
        return found[0] if found else None


def perplexity(loss: float) -> float:
    return math.exp(loss)


def bits(loss: float) -> float:
    return loss / math.log(2)


def figures(parts: Mapping[str, Part]) -> dict[str, Any]:
    """Named as they are asked for; of what was measured only."""
    found = Found(parts)
    result: dict[str, Any] = {}
    for name in ("egru", "gru", "lstm"):
        if point := found.dense(WORDS, name):
            result[f"{name}_ptb_perplexity"] = perplexity(point.loss)
        if point := found.dense(CHARACTERS, name):
            result[f"{name}_char_bpc"] = bits(point.loss)
    egru, gru = found.dense(WORDS, "egru"), found.dense(WORDS, "gru")
    if egru is not None:
        result["egru_weights_millions"] = egru.parameters / 1e6
        result["egru_activity_percent"] = 100 * float(np.mean(egru.activity))
        if ratios := pruned_ratios(found, 0.8):
            result["pruned80_ratio"] = float(np.mean(ratios))
    if gru is not None and (best := fewest(found, gru)):
        result["operations_reduction"] = gru.counted / best.counted
        result["operations_reduction_perplexity_ratio"] = perplexity(best.loss - gru.loss)
    rounded = [r for r in found.of(Integers) if (r.rounding, r.event_bits) == ("obc", EVENT_BITS)]
    for name, sparsity in (("int4_ratio", 0.0), ("int4_pruned80_ratio", 0.8)):
        of_words = [r for r in rounded if (r.text, r.sparsity) == (WORDS, sparsity)]
        if of_words:
            result[name] = perplexity(of_words[0].loss - of_words[0].float_loss)
    if rounded:
        result["integer_mismatches"] = sum(r.mismatches for r in rounded)
        result["integer_tokens_compared"] = sum(r.compared for r in rounded)
    for s in found.of(Spiking):
        # Of those in integers the last one, which is fine-tuned, is what the board runs.
        result["spiking_char_bpc" if s.cycles is None else "spiking_char_bpc_int4"] = s.bits
    for board in found.of(Board):
        result["board_text_mismatches"] = board.differing
        result["board_fits"] = board.fits
    speed = {(s.what, s.density, s.activity): s.value for s in found.of(Speed)}
    if (SIMULATOR, 0.2, 0.1) in speed:
        result["simulator_fraction_of_ideal"] = of_ideal(speed, DENSE_LOOP, 0.2, 0.1)
        result["simulator_fraction_of_vectors"] = of_ideal(speed, PRODUCT, 0.2, 0.1)
        result["egru_training_speed_of_gru"] = (
            speed["training egru", 1.0, 1.0] / speed["training gru", 1.0, 1.0]
        )
    return result


def of_ideal(
    speed: Mapping[tuple[str, float, float], float], dense: str, density: float, activity: float
) -> float:
    """A dense loop's time, if it fell with both shares, next to the simulator's."""
    return speed[dense, 1.0, 1.0] * density * activity / speed[SIMULATOR, density, activity]


def pruned_ratios(found: Found, sparsity: float) -> list[float]:
    """Perplexity of the EGRU pruned in steps next to itself before, seed by seed."""
    dense = {p.seed: p.loss for p in found.points(WORDS, "egru", method="dense")}
    pruned = found.points(WORDS, "egru", method="magnitude", sparsity=sparsity)
    return [perplexity(p.loss - dense[p.seed]) for p in pruned]


def fewest(found: Found, gru: Point) -> Point | None:
    """The point of the fewest operations among those near enough to the dense GRU; which ones
    are, their validation parts say."""
    near = [
        p
        for p in found.of(Point)
        if p.text == WORDS
        and p.name.startswith("egru")
        and perplexity(p.validation - gru.validation) <= NEAR_GRU_SPARSE
    ]
    return min(near, key=lambda p: p.counted, default=None)
