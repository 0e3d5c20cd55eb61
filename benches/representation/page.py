"""The figures and the Markdown page of the bench."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benches.representation.networks import NUM_FRAMES, NUM_HELD_OUT, NUM_TRAINING, TRAINING
from benches.representation.parts import (
    NUM_ATTACKED,
    NUM_COMPARED,
    Attacked,
    Checks,
    Compressed,
    Control,
    Pair,
    Steps,
)

KIND = {True: "residual", False: "plain"}
SPIKING = {True: "spiking", False: "without spikes"}
#: A difference of CKA that counts as one.
NOTABLE = 0.05


@dataclass(frozen=True, eq=False)
class Measured:
    """All that one run found; an empty list is a part that was skipped."""

    seeds: tuple[int, ...]
    checks: Checks
    pairs: list[Pair]
    controls: list[Control]
    depths: list[Pair]
    widths: list[Pair]
    events: list[Pair]
    steps: list[Steps]
    attacks: list[Attacked]
    compressed: list[Compressed]
    skipped: dict[str, str]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _spread(values: Sequence[float]) -> str:
    """Mean and range."""
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{_mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def _of(pairs: list[Pair], residual: bool) -> list[Pair]:
    return [p for p in pairs if p.residual == residual]


def _num_seeds(pairs: list[Pair]) -> int:
    return len({p.seed for p in pairs})


def figures(m: Measured) -> dict[str, Any]:
    """The named figures."""
    found: dict[str, Any] = {
        "seeds": len(m.seeds),
        "cka_identity": m.checks.identity,
        "cka_independent": m.checks.independent,
        "cka_reference_difference": m.checks.reference_difference,
    }
    for residual in (True, False):
        if chosen := _of(m.pairs, residual):
            name = f"mean_cka_snn_ann_{KIND[residual]}"
            found[name] = _mean([p.mean for p in chosen])
            found[f"{name}_lowest"] = min(p.mean for p in chosen)
            found[f"{name}_highest"] = max(p.mean for p in chosen)
            found[f"accuracy_snn_{KIND[residual]}"] = _mean([p.spiking_accuracy for p in chosen])
            found[f"accuracy_ann_{KIND[residual]}"] = _mean([p.plain_accuracy for p in chosen])
    return {name: value if abs(value) < 1e-3 else round(value, 4) for name, value in found.items()}


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return [*lines, *("| " + " | ".join(str(c) for c in row) + " |" for row in rows), ""]


def rise_at_skips(p: Pair) -> float:
    """Mean over blocks: CKA of a block's output less that of what its skip is added to."""
    twins = p.similarity.twins()
    return _mean(
        [twins[name] - twins[f"{name}.conv2"] for name in twins if f"{name}.conv2" in twins]
    )


def grid(p: Pair) -> float:
    """How much more alike different layers of one kind (neurons, or maps) are than of two kinds."""
    kinds = np.array(["fire" in name for name in p.similarity.rows])
    same = kinds[:, None] == kinds
    np.fill_diagonal(same, False)
    other = kinds[:, None] != kinds
    values = p.similarity.values
    return float(np.nanmean(values[same]) - np.nanmean(values[other]))


def fall_with_depth(p: Pair) -> float:
    """Mean CKA with twins of the first third of the layers less that of the last third."""
    twins = p.twins()
    third = len(twins) // 3
    return float(np.nanmean(twins[:third]) - np.nanmean(twins[-third:]))


def _pair_rows(pairs: list[Pair]) -> list[tuple[str, ...]]:
    """A row for each form, over its seeds."""
    forms = list(dict.fromkeys((p.residual, p.depth, p.width) for p in pairs))
    rows = []
    for form in forms:
        chosen = [p for p in pairs if (p.residual, p.depth, p.width) == form]
        rows.append(
            (
                KIND[form[0]],
                str(form[1]),
                str(form[2]),
                f"{_mean([p.spiking_accuracy for p in chosen]):.1f}",
                f"{_mean([p.plain_accuracy for p in chosen]):.1f}",
                _spread([p.mean for p in chosen]),
                f"{min(float(np.nanmin(p.twins())) for p in chosen):.3f}",
                f"{_mean([fall_with_depth(p) for p in chosen]):+.3f}",
                f"{_mean([rise_at_skips(p) for p in chosen]):+.3f}" if form[0] else "-",
                str(max(int(np.isnan(p.twins()).sum()) for p in chosen)),
            )
        )
    return rows


_PAIR_HEAD = (
    "network", "layers", "width", "spiking, %", "twin, %", "mean CKA", "lowest layer",
    "first less last third", "rise at skips", "silent layers",
)  # fmt: skip


def _verdict(seen: bool) -> str:
    return "seen" if seen else "**not seen**"


def claims(m: Measured) -> list[tuple[str, str, str]]:
    """Each claim of the paper, what was measured, and whether that is it."""
    rows: list[tuple[str, str, str]] = []
    if m.pairs:
        residual, plain = (_of(m.pairs, kind) for kind in (True, False))
        high = [_mean([p.mean for p in kind]) for kind in (residual, plain)]
        other = [_mean(c.means) for c in m.controls if c.means and not c.spiking]
        yardstick = ""
        if other:
            listed = ", ".join(f"{c:.3f}" for c in other)
            yardstick = f"; without spikes, one seed with another {listed}"
        rows.append(
            (
                "Spiking networks and their twins are much alike",
                f"mean CKA {high[0]:.3f} residual, {high[1]:.3f} plain{yardstick}",
                _verdict(min(high) > 0.5),
            )
        )
        rows.append(
            (
                "Skips keep spiking networks nearer to their twins",
                f"residual less plain {high[0] - high[1]:+.3f}",
                _verdict(high[0] - high[1] > NOTABLE),
            )
        )
        rise = _mean([rise_at_skips(p) for p in residual])
        rows.append(
            (
                "With skips similarity is jagged: each addition pulls back to the twin",
                f"block output less what the skip is added to {rise:+.3f}",
                _verdict(rise > NOTABLE),
            )
        )
        checker = _mean([grid(p) for p in residual])
        rows.append(
            (
                "The map is a grid like a checkerboard",
                "layers of one kind (neurons; maps) less those of two kinds "
                f"{checker:+.3f} residual, {_mean([grid(p) for p in plain]):+.3f} plain",
                _verdict(checker > NOTABLE),
            )
        )
        fall = [_mean([fall_with_depth(p) for p in kind]) for kind in (residual, plain)]
        rows.append(
            (
                "Without skips differences grow along the depth",
                f"first less last third {fall[1]:+.3f} plain, {fall[0]:+.3f} residual",
                _verdict(fall[1] > NOTABLE and fall[1] > fall[0]),
            )
        )
    if m.steps:
        firsts = [next(iter(s.maps.values())) for s in m.steps]
        lasts = [list(s.maps.values())[-1] for s in m.steps]
        text = ", ".join(
            f"{KIND[s.residual]} {a[0, -1]:.3f} in the first, {b[0, -1]:.3f} in the last layer"
            for s, a, b in zip(m.steps, firsts, lasts, strict=True)
        )
        falls = [a[0, -1] - b[0, -1] > NOTABLE for a, b in zip(firsts, lasts, strict=True)]
        rows.append(
            (
                "Deeper layers change more over time",
                f"first against last step: {text}",
                _verdict(all(falls)) if len(set(falls)) == 1 else "partly seen",
            )
        )
    if m.attacks:
        found = {}
        for spiking in (True, False):
            chosen = [a.mean for a in m.attacks if a.spiking == spiking and a.residual]
            found[spiking] = _mean(chosen)
        rows.append(
            (
                "Attacks shift representations (the paper's numbers are not at hand)",
                f"clean against attacked {found[True]:.3f} spiking, {found[False]:.3f} without",
                _verdict(min(found.values()) < 1 - NOTABLE),
            )
        )
    if m.events and m.pairs:
        still, moving = (
            _mean([p.mean for p in part if p.residual]) for part in (m.pairs, m.events)
        )
        rows.append(
            (
                "With pictures the input suppresses what is special to spikes; events do not",
                f"mean CKA {still:.3f} with pictures, {moving:.3f} with events (another task)",
                _verdict(still - moving > NOTABLE),
            )
        )
    return rows


def page(result: dict[str, Any], m: Measured) -> str:
    """The result as Markdown."""
    deepest = max([8, *(p.depth for p in m.depths)])
    layers = "8" if deepest == 8 else f"8 to {deepest}"
    lines = [
        "# Representations of spiking networks",
        "",
        "Generated by `make results-representation`; do not edit.",
        "",
        f"Machine: {result['machine']}. Commit: {result['commit']}.",
        "",
        f"The questions are those of Li et al. 2023 (arXiv 2304.13098), at the size of a laptop: "
        f"networks of {layers} layers, {NUM_TRAINING:,} pictures of Fashion-MNIST, "
        f"{TRAINING.epochs} epochs, four time steps, direct coding. {len(m.seeds)} seeds "
        f"(the bench takes five by default), {_num_seeds(m.depths)} for depth, width and events. "
        "The paper trains ResNet-20 to 164 on CIFAR for 300 epochs.",
        "",
    ]
    if m.skipped:
        lines += [
            "Skipped:",
            "",
            *(f"- {n}: {w.splitlines()[0]}" for n, w in m.skipped.items()),
            "",
        ]
    lines += [
        "## The estimator",
        "",
        *_table(
            ("check", "found", "wanted"),
            [
                (
                    "CKA of features with themselves, turned and scaled",
                    f"{m.checks.identity:.9f}",
                    "1",
                ),
                ("mean of independent features", f"{m.checks.independent:.5f}", "0"),
                (
                    "largest difference from the formula written out in loops",
                    f"{m.checks.reference_difference:.1e}",
                    "below 1e-6",
                ),
            ],
        ),
        "## What was seen of the paper's claims",
        "",
        "A difference counts from "
        f"{NOTABLE:g} on. All on {NUM_COMPARED} held-out inputs; CKA of a layer is with the layer "
        "of the same place in the twin.",
        "",
        *_table(("claim", "measured", "verdict"), claims(m)),
    ]
    if m.pairs:
        lines += [
            "## With and without spikes",
            "",
            "Twins begin with the same weights and see the same inputs in the same order. Accuracy "
            f"on {NUM_HELD_OUT:,} held-out pictures. Means over seeds, with the range.",
            "",
            *_table(_PAIR_HEAD, _pair_rows(m.pairs)),
            "![heat maps](representation_layers.png)",
            "",
            "![twins, layer by layer](representation_curves.png)",
            "",
        ]
    if any(c.means for c in m.controls):
        lines += [
            "To hold this against: two networks of one kind that differ in their seed alone.",
            "",
            *_table(
                ("network", "", "mean CKA"),
                [(KIND[c.residual], SPIKING[c.spiking], _spread(c.means)) for c in m.controls],
            ),
        ]
    for title, part in (("Depth", m.depths), ("Width", m.widths)):
        if part:
            lines += [f"## {title}", "", *_table(_PAIR_HEAD, _pair_rows(part))]
    if m.steps:
        lines += [
            "## Time",
            "",
            "CKA of the first and the last of the four time steps, in each layer of neurons.",
            "",
            *_table(
                ("layer", *(KIND[s.residual] for s in m.steps)),
                [
                    (name, *(f"{s.maps[name][0, -1]:.3f}" for s in m.steps))
                    for name in m.steps[0].maps
                ],
            ),
            "![time steps](representation_steps.png)",
            "",
        ]
    if m.attacks:
        lines += _attacks(m.attacks)
    if m.events:
        lines += [
            "## Events",
            "",
            "Digits of MNIST before a simulated event camera (recipe `saccade-mnist`), "
            f"{NUM_FRAMES} frames of 50 ms; the network without spikes sees their mean.",
            "",
            *_table(_PAIR_HEAD, _pair_rows(m.events)),
        ]
    if m.compressed:
        lines += [
            "## Compressed networks",
            "",
            "The recipe `digits`, its populations in integers (4 bits) against those of the model; "
            "spikes, filtered spikes, membranes.",
            "",
            *_table(
                ("sparsity", "points lost", "population", *m.compressed[0].twins),
                [
                    (
                        f"{100 * c.sparsity:.0f} %",
                        f"{c.accuracy_lost:.2f}",
                        name,
                        *(f"{of[name]:.3f}" for of in c.twins.values()),
                    )
                    for c in m.compressed
                    for name in next(iter(c.twins.values()))
                ],
            ),
        ]
    lines += [
        "## What could not be tried",
        "",
        "- CIFAR, DVS data sets and networks of 38 layers and more: no such data, and no "
        "machine for them.",
        "- Training to the end: accuracies are below what such networks reach with all 60,000 "
        "pictures, and similarity may depend on that.",
        "- The paper's surrogate (Dspike), in whose place is a fast sigmoid, and its exact tables; "
        "gradients of attacks are those of evaluation mode.",
        "- More time steps than four, and networks converted instead of trained.",
    ]
    return "\n".join(lines) + "\n"


def _attacks(attacks: list[Attacked]) -> list[str]:
    forms = list(dict.fromkeys((a.residual, a.spiking, a.epsilon) for a in attacks))
    rows = []
    for form in forms:
        chosen = [a for a in attacks if (a.residual, a.spiking, a.epsilon) == form]
        rows.append(
            (
                KIND[form[0]],
                SPIKING[form[1]],
                f"{form[2]:g}",
                f"{_mean([a.clean_accuracy for a in chosen]):.1f}",
                f"{_mean([a.attacked_accuracy for a in chosen]):.1f}",
                _spread([a.mean for a in chosen]),
                _spread([a.last for a in chosen]),
            )
        )
    head = ("network", "", "epsilon", "clean, %", "attacked, %", "mean CKA", "last layer")
    return [
        "## Attacks",
        "",
        f"Projected gradients, 20 iterations, {NUM_ATTACKED} pictures of 0..1; CKA of each "
        "layer with itself, clean against attacked.",
        "",
        *_table(head, rows),
    ]
