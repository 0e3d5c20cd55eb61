"""Figures and page of what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benches.recurrent.measure import (
    CLASSIFICATIONS,
    CLASSIFIER,
    FOLLOWING,
    HEADLINE,
    KNOWN,
    LATE_STAGE,
    REPAIR,
    RIDGE_STAGE,
    RUNS,
    TRAINED_STAGE,
    Deployed,
    Score,
    Spectrum,
    Timed,
    exponent,
)
from benches.recurrent.networks import VARIANT, Plan
from edgesnn.recurrent.baselines import BASELINES
from edgesnn.recurrent.time_scales import spectrum_distance

#: Which figure of the page is of which task.
FIGURE_OF = {"lorenz": "lorenz", "roessler": "roessler", "ecg": "real"}
MOST_WORSE_PERCENT, MOST_POINTS, MOST_DEPLOYED_PERCENT = 5, 1, 10
STAGES = {
    RIDGE_STAGE: "read-out by ridge regression alone",
    TRAINED_STAGE: "pruned, then trained whole",
    LATE_STAGE: "trained dense, then pruned, then trained on",
}


NOT_TRIED = [
    "## What could not be tried",
    "",
    "- The paper's own sizes and tables, which are not at hand: only 57 % of the neurons and 50 %",
    '  of the synapses less "with performance kept".',
    "- CIFAR, stock prices and wind speed: no such data. In their place a heart, a bearing, spoken",
    "  digits and digits drawn in the air.",
    "- Training without labels (STDP) after pruning, and a hundred iterations.",
]


@dataclass(frozen=True)
class Measured:
    """All parts; empty ones are left out of the page and of the figures."""

    plan: Plan
    tools: dict[str, float] = field(default_factory=dict)
    scores: list[Score] = field(default_factory=list)
    variants: list[Score] = field(default_factory=list)
    deployed: list[Deployed] = field(default_factory=list)
    spectra: list[Spectrum] = field(default_factory=list)
    speed: list[Timed] = field(default_factory=list)


def values(rows: Iterable[Score], task: str, name: str, stage: str) -> np.ndarray:
    """Of each seed."""
    return np.array([r.value for r in rows if (r.task, r.name, r.stage) == (task, name, stage)])


def is_decision(task: str) -> bool:
    """Whether the score is accuracy in per cent; else it is NRMSE."""
    return task in CLASSIFICATIONS


def change(
    rows: Sequence[Score], task: str, name: str = "LNP", stage: str = TRAINED_STAGE
) -> float:
    """From the dense network's to that of ``name``, mean over seeds: NRMSE in per cent of the dense
    one's, accuracy in points."""
    dense, other = values(rows, task, "dense", stage), values(rows, task, name, stage)
    return float((other - dense if is_decision(task) else 100 * (other / dense - 1)).mean())


def is_kept(rows: Sequence[Score], task: str) -> bool:
    """Whether LNP's networks, trained whole, are as good as was asked for."""
    lost = change(rows, task)
    return lost >= -MOST_POINTS if is_decision(task) else lost <= MOST_WORSE_PERCENT


def ahead(rows: Sequence[Score], task: str, stage: str, name: str = "LNP") -> bool:
    """Whether LNP's mean is better than that of every other pruning, after the same training."""
    return all(_better(rows, task, name, rival, stage) for rival in BASELINES)


def figures(m: Measured) -> dict[str, Any]:
    """Named as they are asked for; of what was measured only."""
    found: dict[str, Any] = {"seeds": m.plan.seeds, "dense_neurons": m.plan.neurons}
    if m.tools:
        found["lorenz_exponent_error_percent"] = m.tools["lorenz_error_percent"]
        found["clustered_slow_eigenvalue_error"] = m.tools["noise"]
    trained = [r for r in m.scores if r.stage == TRAINED_STAGE]
    tasks = list(dict.fromkeys(r.task for r in trained))
    if tasks:
        for what in ("neurons", "synapses"):
            found[f"{what}_removed_percent"] = _removed(trained, what)
        for task in tasks:
            points = "accuracy_change_points" if task == "fsdd" else f"points_{task}"
            name = f"nrmse_change_percent_{FIGURE_OF.get(task, task)}"
            found[points if is_decision(task) else name] = change(trained, task)
            if len(values(trained, task, VARIANT, TRAINED_STAGE)):
                found[f"change_{task}_by_rate"] = change(trained, task, VARIANT)
        chosen = [task for task in HEADLINE if task in tasks]
        found["tasks_ahead_of_baselines_by_rate"] = sum(
            ahead(m.scores, task, TRAINED_STAGE, VARIANT) for task in chosen
        )
        found["tasks_ahead_of_baselines"] = sum(
            ahead(m.scores, task, TRAINED_STAGE) for task in chosen
        )
        found["tasks_ahead_of_baselines_by_ridge"] = sum(
            ahead(m.scores, task, RIDGE_STAGE) for task in chosen
        )
        found["tasks"] = len(chosen)
    if m.deployed:
        changes = [_worse(d) for d in m.deployed if d.name == "LNP"]
        found["deployed_nrmse_change_percent"] = float(np.mean(changes))
        found["deployed_mismatches"] = sum(d.mismatches for d in m.deployed)
    for one in m.speed:
        found[f"lnp_seconds_{one.neurons}"] = one.seconds
    if len(m.speed) > 1:
        found["lnp_exponent"] = exponent(m.speed)
    return found


def _worse(d: Deployed) -> float:
    return 100 * (d.nrmse / d.float_nrmse - 1)


def _removed(rows: Sequence[Score], what: str) -> float:
    pruned, dense = (
        sum(getattr(r, what) for r in rows if r.name == name) for name in ("LNP", "dense")
    )
    return 100 * (1 - pruned / dense)


def page(result: dict[str, Any], m: Measured) -> str:
    """The result as Markdown."""
    lines = [
        "# Recurrent networks: what LNP keeps",
        "",
        "Generated by `make results-recurrent`; do not edit. The command of this run:",
        f"`{result['command']}`.",
        "",
        f"Machine: {result['machine']}. Commit: {result['commit']}.",
        "",
        f"Dense networks have {m.plan.neurons} neurons with time constants from a gamma",
        "distribution (mean 16 steps) and 16 synapses a neuron, and see series through a",
        "population code, sound and motion through the encoders of their recipes.",
        f"{m.plan.seeds} seeds (of network,",
        "series and pruning): mean ± standard deviation. NRMSE: 1 is as good as the mean of the",
        "series. Every pruned network of a task has the same number of neurons; the other methods",
        "come to LNP's number of synapses among them, LNP's own variants to a few fewer. Synapses",
        "of inputs and read-out are not pruned by any method. Training is alike for all:",
        f"{m.plan.epochs} epochs for series, with a tenth of the training part set aside to choose",
        f"the epoch; {CLASSIFIER.epochs} for decisions, of which the last is taken.",
        f"{VARIANT} is LNP in which those neurons go that fire least under noise, whatever their",
        "betweenness, and time constants stay. Held-out parts choose nothing here; settings of all",
        "networks (gain of inputs, decay of the read-out, training)",
        "were once chosen with a look at those of seed 0.",
        "",
    ]
    if m.scores:
        lines += [*_bars(m), *_claims(m), *_scores(m)]
    if m.spectra:
        lines += _spectra(m.spectra)
    if m.variants:
        lines += [*_variants(m.variants)]
    if m.deployed:
        lines += _deployed(m.deployed)
    if m.tools:
        lines += _tools(m.tools)
    if m.speed:
        lines += _speed(m.speed)
    lines += NOT_TRIED
    return "\n".join(lines).rstrip("\n") + "\n"


def _bars(m: Measured) -> list[str]:
    """What was asked for, and what came out."""
    rows = [r for r in m.scores if r.stage == TRAINED_STAGE]
    tasks = list(dict.fromkeys(r.task for r in rows))
    lines = ["## Pruned, then trained: is the task kept?", ""]
    for task in tasks:
        lost = change(rows, task)
        if is_decision(task):
            found = f"{lost:+.2f} points of accuracy (at most {MOST_POINTS} lost)"
        else:
            found = f"{lost:+.1f} % of error (at most {MOST_WORSE_PERCENT} more)"
        place = ""
        if best := _best(rows, task):
            first = "ahead of" if ahead(m.scores, task, TRAINED_STAGE) else "behind"
            place = f"; {first} the best of the others trained alike, {best}"
            other = change(rows, task, VARIANT)
            first = "ahead of" if ahead(m.scores, task, TRAINED_STAGE, VARIANT) else "behind"
            place += f"; {VARIANT}: {other:+.2f}, {first} it"
        seeds = len(values(rows, task, "LNP", TRAINED_STAGE))
        word = "kept" if is_kept(rows, task) else "**not kept**"
        lines.append(f"- {task}, {seeds} seeds: {found}: {word}{place}.")
    alike = []
    for task in tasks:
        step = change(m.scores, task, "dense, homogeneous", RIDGE_STAGE)
        alike.append(f"{task} {step:+.1f} {'points' if is_decision(task) else '%'}")
    return [
        *lines,
        "",
        "One time constant for all neurons instead of many, dense, by ridge, changes accuracy or "
        f"error by: {', '.join(alike)}.",
        "",
    ]


def _claims(m: Measured) -> list[str]:
    """What the paper says of LNP, and whether that was seen here."""
    rows = [r for r in m.scores if r.stage == TRAINED_STAGE]
    tasks = list(dict.fromkeys(r.task for r in rows))
    series = [task for task in tasks if not is_decision(task)]
    kept = [t for t in tasks if is_kept(rows, t)]
    rivalled = [t for t in tasks if _best(rows, t)]
    active = [t for t in rivalled if _better(rows, t, "LNP", "activity", TRAINED_STAGE)]
    series = [t for t in series if len(values(m.scores, t, "activity", LATE_STAGE))]
    late = [t for t in series if _better_late(m.scores, t)]
    mixed = [t for t in tasks if _better(m.scores, t, "dense", "dense, homogeneous", RIDGE_STAGE)]
    table = [
        ("Performance is kept at this size", "kept", kept, tasks),
        ("LNP is ahead of pruning by activity, both trained after it", "ahead", active, rivalled),
        ("LNP is ahead of pruning by activity of a trained network", "ahead", late, series),
        ("Many time constants are better than one", "better", mixed, tasks),
    ]
    lines = ["| claim of the paper | here | verdict |", "|---|---|---|"]
    for claim, word, seen, of in (row for row in table if row[3]):
        names = ", ".join(seen) or "none"
        verdict = "seen" if len(seen) == len(of) else "partly seen" if seen else "**not seen**"
        lines.append(
            f"| {claim} | {word} on {len(seen)} of {len(of)} tasks ({names}) | {verdict} |"
        )
    return [*lines, ""]


def _better(rows: Sequence[Score], task: str, one: str, other: str, stage: str) -> bool:
    sign = 1 if is_decision(task) else -1
    means = [values(rows, task, name, stage).mean() for name in (one, other)]
    return bool(sign * (means[0] - means[1]) > 0)


def _better_late(rows: Sequence[Score], task: str) -> bool:
    late = values(rows, task, "activity", LATE_STAGE)
    return bool(values(rows, task, "LNP", TRAINED_STAGE).mean() < late.mean())


def _spectra(found: Sequence[Spectrum]) -> list[str]:
    """How far the spectra of pruned networks are from that of the dense one."""
    tasks = list(dict.fromkeys(s.task for s in found))
    by_key = {(s.task, s.name, s.seed): s.exponents for s in found}
    lines = [
        "## Spectra before training",
        "",
        "Mean difference of Lyapunov exponents to those of the dense network of the same seed and",
        "kind, per time step, under noise, and on top the largest exponent where it is above 0; in",
        "brackets the largest exponent (below 0: stable).",
        "",
        f"| network | {' | '.join(tasks)} |",
        f"|---|{'---|' * len(tasks)}",
    ]
    for name in dict.fromkeys(s.name for s in found):
        dense = "dense, homogeneous" if "homogeneous" in name else "dense"
        cells = []
        for task in tasks:
            seeds = [s.seed for s in found if (s.task, s.name) == (task, name)]
            away = [
                spectrum_distance(by_key[task, name, seed], by_key[task, dense, seed])
                for seed in seeds
            ]
            largest = np.mean([by_key[task, name, seed][0] for seed in seeds])
            cells.append(f"{np.mean(away):.4f} ({largest:+.3f})")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, "", "![spectra](recurrent_spectra.png)", ""]


def _best(rows: Sequence[Score], task: str) -> str | None:
    sign = -1 if is_decision(task) else 1
    found = {n: values(rows, task, n, TRAINED_STAGE) for n in BASELINES}
    known = {n: sign * v.mean() for n, v in found.items() if len(v)}
    return min(known, key=lambda n: known[n]) if known else None


def _scores(m: Measured) -> list[str]:
    lines = [
        "## Every network",
        "",
        "Operations: synaptic ones of a time step, those of inputs and read-out included.",
        "Performance for each operation: accuracy, or 1 / NRMSE, over operations, in units of the",
        "dense network's after the same training (late ones: of the trained dense one).",
        "Valid time: of free runs, fed with their own",
        f"forecasts, until the error is 0.4 ({RUNS} stretches, {KNOWN} samples seen, at most",
        f"{FOLLOWING} follow), in the task's own time. Late ones are trained on for",
        f"{REPAIR:.0%} of the epochs, after all of them dense.",
        "",
        "![scores](recurrent_scores.png)",
        "",
    ]
    for task in dict.fromkeys(r.task for r in m.scores):
        what = "accuracy, %" if is_decision(task) else "NRMSE"
        lines += [
            f"### {task}",
            "",
            f"| training | network | neurons | synapses | {what} | valid time | operations | for "
            "each operation |",
            "|---|---|---|---|---|---|---|---|",
        ]
        rows = [r for r in m.scores if r.task == task]
        for stage, name in dict.fromkeys((r.stage, r.name) for r in rows):
            chosen = [r for r in rows if (r.stage, r.name) == (stage, name)]
            like = "dense" if any(r.stage == stage and r.name == "dense" for r in rows) else None
            base = [
                r for r in rows
                if r.name == "dense" and r.stage == (stage if like else TRAINED_STAGE)
            ]  # fmt: skip
            lines.append(_row(stage, name, chosen, base))
        lines.append("")
    return lines


def _row(stage: str, name: str, rows: list[Score], base: list[Score]) -> str:
    form = ".2f" if is_decision(rows[0].task) else ".4f"
    times = [r.valid_time for r in rows if r.valid_time is not None]
    cells = [
        f"{np.mean([r.neurons for r in rows]):.0f}",
        f"{np.mean([r.synapses for r in rows]):.0f}",
        _spread([r.value for r in rows], form),
        _spread(times, ".2f") if times else "-",
        f"{np.mean([r.operations for r in rows]):.0f}",
        f"{_efficiency(rows) / _efficiency(base):.2f}" if rows[0].operations and base else "-",
    ]
    return f"| {STAGES[stage]} | {name} | {' | '.join(cells)} |"


def _efficiency(rows: list[Score]) -> float:
    good = [r.value if is_decision(r.task) else 1 / r.value for r in rows]
    return float(np.mean([g / r.operations for g, r in zip(good, rows, strict=True)]))


def _spread(found: Sequence[float], form: str) -> str:
    return f"{np.mean(found):{form}} ± {np.std(found):{form}}"


def _variants(rows: Sequence[Score]) -> list[str]:
    tasks = list(dict.fromkeys(r.task for r in rows))
    seeds = len({r.seed for r in rows})
    lines = [
        "## One choice of LNP changed at a time, and clustered networks",
        "",
        f"NRMSE, read-out by ridge regression, {seeds} seeds. CHRSNN: four clusters, from mean",
        "time constants of 4 to 32 steps, without the search for time constants.",
        "",
        f"| LNP | neurons | synapses | {' | '.join(tasks)} |",
        f"|---|---|---|{'---|' * len(tasks)}",
    ]
    for name in dict.fromkeys(r.name for r in rows):
        of_it = [r for r in rows if r.name == name]
        size = [f"{np.mean([getattr(r, k) for r in of_it]):.0f}" for k in ("neurons", "synapses")]
        cells = [_spread(values(of_it, task, name, RIDGE_STAGE).tolist(), ".4f") for task in tasks]
        lines.append(f"| {name} | {' | '.join([*size, *cells])} |")
    return [*lines, ""]


def _deployed(rows: Sequence[Deployed]) -> list[str]:
    lines = [
        "## As integers: the trained networks, then SBC and 4 bits",
        "",
        "Bits of a synapse in the memory image of one lane; operations and predicted cycles of a",
        "time step on two lanes; windows that differ between reference and simulator, of those",
        f"compared with every bit of every membrane. At most {MOST_DEPLOYED_PERCENT} % worse were "
        "asked for.",
        "",
        "| task | network | NRMSE float | NRMSE integers | change | bits | synapses | operations "
        "| cycles | mismatches |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for task, name in dict.fromkeys((d.task, d.name) for d in rows):
        of_it = [d for d in rows if (d.task, d.name) == (task, name)]

        def mean(field_name: str, of_it: list[Deployed] = of_it) -> float:
            return float(np.mean([getattr(d, field_name) for d in of_it]))

        lines.append(
            f"| {task} | {name} | {mean('float_nrmse'):.4f} | {mean('nrmse'):.4f} | "
            f"{np.mean([_worse(d) for d in of_it]):+.1f} % | {mean('bits_per_synapse'):.2f} | "
            f"{mean('synapses'):.0f} | {mean('sops_per_step'):.0f} | "
            f"{mean('cycles_per_step'):.0f} | {sum(d.mismatches for d in of_it)} |"
        )
    return [*lines, ""]


def _tools(t: dict[str, float]) -> list[str]:
    return [
        "## The tools by themselves",
        "",
        f"Lorenz-63's exponents are off by {t['lorenz_error_percent']:.2f} % at most. Of a "
        "clustered linear",
        "network's ten slowest modes, at a fifth of the edges, the mean relative error is "
        f"{t['noise']:.3f}",
        f"by the noise rule, {t['magnitude']:.3f} by magnitude, {t['uniform']:.3f} uniformly.",
        "",
    ]


def _speed(rows: list[Timed]) -> list[str]:
    times = ", ".join(f"{t.neurons} neurons {t.seconds:.0f} s" for t in rows)
    lines = ["## Time", "", f"LNP without its search for time constants, one thread: {times}."]
    if len(rows) > 1:
        lines.append(f"Exponent of the power law through them: {exponent(rows):.2f}.")
    return [*lines, "", "![time](recurrent_times.png)", ""]
