"""Maps and flows with known behaviour: for tasks, and to check the tools of analysis.

Flows are integrated by the classical Runge-Kutta method of fourth order with a fixed step; the
tangent of a step is that of the same method, so exponents are those of what is integrated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
#: [..., size] to [..., size], and to [..., size, size].
Field = Callable[[Values], Values]


@dataclass(frozen=True)
class Map:
    """A system in steps.

    step, jacobian   of states [..., size]
    start            a state on the attractor, or near
    """

    name: str
    step: Field
    jacobian: Field
    start: tuple[float, ...]

    def jacobians(self, states: Values, num_steps: int) -> Iterator[Values]:
        """Those of ``num_steps`` steps from ``states`` [..., size] on."""
        for _ in range(num_steps):
            yield self.jacobian(states)
            states = self.step(states)


@dataclass(frozen=True)
class Flow:
    """A system in continuous time: dx/dt = ``field(x)``.

    derivative   of the field
    dt           time step of the integration
    start        a state on the attractor, or near
    """

    name: str
    field: Field
    derivative: Field
    dt: float
    start: tuple[float, ...]

    def step(self, states: Values) -> Values:
        """[..., size] one time step later."""
        return self._step(states, None)[0]

    def jacobians(self, states: Values, num_steps: int) -> Iterator[Values]:
        """Those of ``num_steps`` time steps from ``states`` [..., size] on."""
        size = states.shape[-1]
        identity = np.broadcast_to(np.eye(size), (*states.shape, size))
        for _ in range(num_steps):
            states, jacobian = self._step(states, identity)
            yield jacobian

    def trajectory(self, num_steps: int, skip: int = 0, start: Values | None = None) -> Values:
        """[num_steps, ..., size], from ``start`` on without the first ``skip`` states."""
        states = np.array(self.start if start is None else start, np.float64)
        found = np.empty((num_steps, *states.shape))
        for number in range(skip + num_steps):
            if number >= skip:
                found[number - skip] = states
            states = self.step(states)
        return found

    def _step(self, x: Values, tangent: Values | None) -> tuple[Values, Values]:
        """State and tangent after a step; without a tangent it is not computed."""
        dt, total, slope = self.dt, np.zeros_like(x), np.zeros_like(x)
        lean: Values = np.zeros(1)
        turned: Values = np.zeros(1)
        for ahead, weight in ((0.0, 1), (0.5, 2), (0.5, 2), (1.0, 1)):
            at = x + ahead * dt * slope
            if tangent is not None:
                lean = self.derivative(at) @ (tangent + ahead * dt * lean)
                turned = turned + weight * lean
            slope = self.field(at)
            total += weight * slope
        after = turned if tangent is None else tangent + dt / 6 * turned
        return x + dt / 6 * total, after


def _columns(*rows: tuple[Values | float, ...]) -> Values:
    """A matrix [..., n, n] of entries that broadcast."""
    entries = np.broadcast_arrays(*(entry for row in rows for entry in row))
    size = len(rows)
    return np.stack(entries, axis=-1).reshape(*entries[0].shape, size, size).astype(np.float64)


def _coordinates(*values: Values) -> Values:
    """States [..., coordinate]; a few times faster than ``np.stack``, which integration feels."""
    found = np.empty((*np.shape(values[0]), len(values)))
    for index, value in enumerate(values):
        found[..., index] = value
    return found


def logistic(r: float = 4.0) -> Map:
    """x -> r x (1 - x). At r = 4 the exponent is ln 2."""
    return Map(
        "logistic map",
        lambda x: r * x * (1 - x),
        lambda x: _columns((r * (1 - 2 * x[..., 0]),)),
        (0.3,),
    )


def henon(a: float = 1.4, b: float = 0.3) -> Map:
    """(x, y) -> (1 - a x^2 + y, b x). Source: Henon 1976."""
    return Map(
        "Henon map",
        lambda s: np.stack([1 - a * s[..., 0] ** 2 + s[..., 1], b * s[..., 0]], axis=-1),
        lambda s: _columns((-2 * a * s[..., 0], 1.0), (b, 0.0)),
        (0.1, 0.1),
    )


def lorenz(sigma: float = 10.0, rho: float = 28.0, beta: float = 8 / 3, dt: float = 0.01) -> Flow:
    """Source: Lorenz 1963, "Deterministic nonperiodic flow"."""

    def field(s: Values) -> Values:
        x, y, z = s[..., 0], s[..., 1], s[..., 2]
        return _coordinates(sigma * (y - x), x * (rho - z) - y, x * y - beta * z)

    def derivative(s: Values) -> Values:
        x, y, z = np.moveaxis(s, -1, 0)
        return _columns((-sigma, sigma, 0.0), (rho - z, -1.0, -x), (y, x, -beta))

    return Flow("Lorenz-63", field, derivative, dt, (1.0, 1.0, 20.0))


def roessler(a: float = 0.2, b: float = 0.2, c: float = 5.7, dt: float = 0.02) -> Flow:
    """Source: Roessler 1976, "An equation for continuous chaos"."""

    def field(s: Values) -> Values:
        x, y, z = s[..., 0], s[..., 1], s[..., 2]
        return _coordinates(-y - z, x + a * y, b + z * (x - c))

    def derivative(s: Values) -> Values:
        x, _, z = np.moveaxis(s, -1, 0)
        return _columns((0.0, -1.0, -1.0), (1.0, a, 0.0), (z, 0.0, x - c))

    return Flow("Roessler", field, derivative, dt, (1.0, 1.0, 1.0))


def mackey_glass(
    num_steps: int, tau: float = 17.0, step: float = 1.0, skip: int = 200, parts: int = 20
) -> Values:
    """The series dx/dt = 0.2 x(t - tau) / (1 + x(t - tau)^10) - 0.1 x, float64 [num_steps].

    step    time between samples; tau must be a multiple of step / parts
    skip    samples left out at the start
    parts   steps of the integration in a sample: Runge-Kutta of fourth order, where the delayed
            value half-way through a step is interpolated by a cubic

    Source: Mackey and Glass 1977. Raises ``ValueError`` if tau is no multiple of a step.
    """
    dt = step / parts
    delay = round(tau / dt)
    if abs(delay * dt - tau) > 1e-9 or delay < 2:
        raise ValueError(f"tau must be a multiple of step / parts, {dt}, not {tau}")
    total = (skip + num_steps) * parts
    x = np.empty(delay + total + 1)
    x[: delay + 1] = 1.2
    production = 0.0
    for n in range(delay, delay + total):
        first, last = x[n - delay], x[n - delay + 1]
        before, behind = x[max(n - delay - 1, 0)], x[min(n - delay + 2, n)]
        middle = (9 * (first + last) - before - behind) / 16
        slope, sum_ = 0.0, 0.0
        for ahead, weight, late in (
            (0.0, 1, first),
            (0.5, 2, middle),
            (0.5, 2, middle),
            (1.0, 1, last),
        ):
            production = 0.2 * late / (1 + late**10)
            slope = production - 0.1 * (x[n] + ahead * dt * slope)
            sum_ += weight * slope
        x[n + 1] = x[n] + dt / 6 * sum_
    return x[delay + skip * parts :: parts][:num_steps]
