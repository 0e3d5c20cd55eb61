"""Lyapunov exponents of discrete systems, from the Jacobians along a trajectory.

Source: Benettin et al. 1980, "Lyapunov characteristic exponents for smooth dynamical systems".
A frame of tangent vectors goes through one Jacobian after the other and is made orthonormal after
each; the exponents are the mean logarithms of how much its vectors were stretched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from edgesnn.errors import InputError

Values = npt.NDArray[np.float64]
#: What vanishes altogether counts as shrunk to this: no exponent is below its logarithm.
VANISHED = 1e-30
#: What is below it in a frame counts as 0; its square is a normal number.
NEGLIGIBLE = 1e-100


class Jacobian(Protocol):
    """A matrix, dense or sparse, or many [..., size, size]: what a frame can be multiplied with."""

    def __matmul__(self, frame: Any, /) -> Any: ...


@dataclass(frozen=True, eq=False)
class LyapunovSpectrum:
    """What came of a run.

    exponents   float64 [num_exponents], per unit of time, largest first
    of_units    float64 [size], for each unit (neuron, coordinate) the mean of the exponents, each
                weighted by the share that the unit has in its direction
    num_steps   that were averaged over, of all trajectories together
    """

    exponents: Values
    of_units: Values
    num_steps: int


def lyapunov_spectrum(
    jacobians: Iterable[Jacobian],
    size: int,
    num_exponents: int | None = None,
    skip: int = 0,
    dt: float = 1.0,
) -> LyapunovSpectrum:
    """The ``num_exponents`` largest exponents (all by default).

    jacobians   of the steps in order, each [size, size], or [..., size, size] for several
                trajectories at once, which are averaged over; sparse ones do, too
    skip        steps at the start that only turn the frame
    dt          time of a step: exponents are per unit of time

    Time: steps * (size * num_exponents^2 + the product of a Jacobian and the frame). With fewer
    exponents than ``size`` the exponents of units follow from those directions alone.

    Raises ``InputError`` if no step is left after ``skip`` or a Jacobian is not finite.
    """
    count = size if num_exponents is None else num_exponents
    if not 1 <= count <= size:
        raise InputError(f"num_exponents must be in 1..{size}, not {count}")
    frame: Values | None = None
    total, of_units, steps = np.zeros(count), np.zeros(size), 0
    for number, jacobian in enumerate(jacobians):
        start = _start(size, count) if frame is None else frame
        with np.errstate(invalid="ignore", over="ignore"):  # told below, and which step
            moved = np.asarray(jacobian @ start)
        if not np.isfinite(moved).all():
            raise InputError(
                f"a Jacobian must hold finite numbers, but that of step {number} does not: the "
                "system runs away; take a smaller time step or a stable network"
            )
        # Parts of a network that no longer reach each other have shares that shrink until they are
        # subnormal numbers, with which arithmetic is many times slower.
        moved[np.abs(moved) < NEGLIGIBLE] = 0.0
        frame, triangle = np.linalg.qr(moved)
        if number < skip:
            continue
        stretched = np.log(np.maximum(np.abs(np.einsum("...kk->...k", triangle)), VANISHED))
        share = start**2 / np.maximum((start**2).sum(axis=-1, keepdims=True), VANISHED)
        of_step = np.einsum("...ik,...k->...i", np.broadcast_to(share, moved.shape), stretched)
        total += stretched.reshape(-1, count).sum(axis=0)
        of_units += of_step.reshape(-1, size).sum(axis=0)
        steps += stretched.size // count
    if not steps:
        raise InputError(f"there must be steps after the {skip} that are skipped: run longer")
    order = np.argsort(-total, kind="stable")
    return LyapunovSpectrum(total[order] / (steps * dt), of_units / (steps * dt), steps)


def _start(size: int, count: int) -> Values:
    """An orthonormal frame that favours no unit; the first vectors do not depend on ``count``."""
    rng = np.random.default_rng(0)
    frame: Values = np.linalg.qr(rng.normal(size=(count, size)).T)[0]
    return frame
