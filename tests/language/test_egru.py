"""The cell of EGRU against its equations in NumPy, forward and by tangents."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgesnn.errors import InputError
from edgesnn.language.egru import Egru, EgruSettings, EgruState

Arrays = dict[str, np.ndarray]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def by_equations(p: Arrays, x: np.ndarray, h: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """y of every step and the last h; one gate after the other, as they are written."""
    w_z, w_r, w_g = np.split(p["input_weights"], 3)
    r_z, r_r, r_g = np.split(p["recurrent_weights"], 3)
    b_z, b_r, b_g = np.split(p["input_bias"], 3)
    c_z, c_r, c_g = np.split(p["recurrent_bias"], 3)
    sent = []
    for now in x:
        z = sigmoid(now @ w_z.T + b_z + y @ r_z.T + c_z)
        r = sigmoid(now @ w_r.T + b_r + y @ r_r.T + c_r)
        g = np.tanh(now @ w_g.T + b_g + r * (y @ r_g.T + c_g))
        c = z * h + (1 - z) * g
        o = c > p["thresholds"]
        h, y = c - o * p["thresholds"], o * c
        sent.append(y)
    return np.array(sent), h


def tangent(
    p: Arrays, dp: Arrays, x: np.ndarray, dx: np.ndarray, start: Arrays, settings: EgruSettings
) -> tuple[np.ndarray, np.ndarray]:
    """How y and the last h move with the parameters, where a step has the surrogate's slope."""
    h, y, dh, dy = (start[k] for k in ("h", "y", "dh", "dy"))
    thr, dthr = p["thresholds"], dp["thresholds"]
    moved = []

    def gate(k: int, at: Arrays, now: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, ...]:
        w, r, b, c = (
            np.split(at[name], 3)[k]
            for name in ("input_weights", "recurrent_weights", "input_bias", "recurrent_bias")
        )
        return now @ w.T + b, last @ r.T + c

    unbiased = {n: np.zeros_like(v) if n.endswith("bias") else v for n, v in p.items()}
    for now, dnow in zip(x, dx, strict=True):
        # The product rule, gate by gate: parameters move, then inputs do.
        a = [gate(k, p, now, y) for k in range(3)]
        only = [gate(k, dp, now, y) for k in range(3)]
        with_inputs = [gate(k, unbiased, dnow, dy) for k in range(3)]
        da = [(s[0] + i[0], s[1] + i[1]) for s, i in zip(only, with_inputs, strict=True)]
        z, r = sigmoid(sum(a[0])), sigmoid(sum(a[1]))
        g = np.tanh(a[2][0] + r * a[2][1])
        dz, dr = z * (1 - z) * sum(da[0]), r * (1 - r) * sum(da[1])
        dg = (1 - g**2) * (da[2][0] + dr * a[2][1] + r * da[2][1])
        c = z * h + (1 - z) * g
        dc = dz * (h - g) + z * dh + (1 - z) * dg
        o = c > thr
        do = settings.dampening * np.maximum(0, 1 - settings.width * abs(c - thr)) * (dc - dthr)
        h, y = c - o * thr, o * c
        dh, dy = dc - do * thr - o * dthr, do * c + o * dc
        moved.append(dy)
    return np.array(moved), dh


def layer(seed: int, **changes: float) -> Egru:
    settings = EgruSettings(5, 7, **{"threshold_mean": 0.1, "width": 1.3, **changes})
    made = Egru(settings, seed).double()
    with torch.no_grad():
        for p in (made.input_bias, made.recurrent_bias):
            p.normal_(0, 0.3, generator=torch.Generator().manual_seed(seed + 9))
    return made


def arrays(made: Egru) -> Arrays:
    return {name: p.detach().numpy().copy() for name, p in made.named_parameters()}


def random_state(seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(11, 3, 5)), rng.normal(size=(3, 7)), rng.normal(size=(3, 7))


@pytest.mark.parametrize("seed", range(5))
def test_events_and_state_are_those_of_the_equations(seed: int) -> None:
    made = layer(seed)
    x, h, y = random_state(seed)
    found, state = made(torch.from_numpy(x), EgruState(torch.from_numpy(h), torch.from_numpy(y)))
    sent, last = by_equations(arrays(made), x, h, y)
    assert 0.1 < (sent != 0).mean() < 0.9
    assert found.detach().numpy() == pytest.approx(sent, abs=1e-12)
    assert state.h.detach().numpy() == pytest.approx(last, abs=1e-12)
    assert torch.equal(state.y, found[-1])


@pytest.mark.parametrize("seed", range(5))
def test_gradients_are_the_tangents_with_the_slope_of_the_surrogate(seed: int) -> None:
    made = layer(seed)
    x, h, y = random_state(seed)
    rng = np.random.default_rng(seed + 50)
    leaves = [torch.from_numpy(a).requires_grad_() for a in (x, h, y)]
    found, state = made(leaves[0], EgruState(*leaves[1:]))
    share, share_h = rng.normal(size=found.shape), rng.normal(size=h.shape)
    loss = (found * torch.from_numpy(share)).sum() + (state.h * torch.from_numpy(share_h)).sum()
    loss.backward()
    p = arrays(made)
    for _ in range(4):
        dp = {name: rng.normal(size=v.shape) for name, v in p.items()}
        dx, dh, dy = (rng.normal(size=a.shape) for a in (x, h, y))
        start = {"h": h, "y": y, "dh": dh, "dy": dy}
        moved, moved_h = tangent(p, dp, x, dx, start, made.settings)
        wanted = (moved * share).sum() + (moved_h * share_h).sum()
        along = sum((q.grad.numpy() * dp[name]).sum() for name, q in made.named_parameters())
        along += sum((q.grad.numpy() * d).sum() for q, d in zip(leaves, (dx, dh, dy), strict=True))
        assert along == pytest.approx(wanted, rel=1e-6)


def test_where_nothing_is_near_its_threshold_nothing_is_learned_through_events() -> None:
    """Sparse back-propagation: outside the support a silent unit passes nothing back."""
    made = layer(0, width=50.0)
    with torch.no_grad():
        made.thresholds.fill_(1.0)  # |c| < 1 always: nobody fires
    x, _, _ = random_state(0)
    found, _ = made(torch.from_numpy(0.1 * x))
    assert not found.any()
    found.sum().backward()
    assert not any(p.grad.any() for p in made.parameters())


def test_thresholds_have_the_mean_that_was_asked_for_and_are_clamped() -> None:
    settings = EgruSettings(3, 1_000, threshold_mean=0.1)
    layers = [Egru(settings, seed) for seed in range(20)]
    drawn = torch.cat([one.thresholds for one in layers]).detach().numpy()
    assert drawn.mean() == pytest.approx(0.1, abs=0.003)
    assert 0 <= drawn.min() < 0.01
    assert 0.3 < drawn.max() <= 1
    small = layer(1)
    x = torch.from_numpy(random_state(1)[0])
    with torch.no_grad():
        small.thresholds.fill_(-3.0)
        below, _ = small(x)
        small.thresholds.fill_(0.0)
        assert torch.equal(below, small(x)[0])


def test_a_sequence_in_two_parts_is_the_whole() -> None:
    made = layer(2)
    x = torch.from_numpy(random_state(2)[0])
    whole, end = made(x)
    first, between = made(x[:4])
    second, last = made(x[4:], between)
    assert torch.allclose(whole, torch.cat([first, second]))
    assert torch.allclose(end.h, last.h)


def test_drop_connect_acts_in_training_alone() -> None:
    made = layer(3, drop_connect=0.5)
    x = torch.from_numpy(random_state(3)[0])
    torch.manual_seed(0)
    assert not torch.equal(made(x)[0], made(x)[0])
    made.eval()
    assert torch.equal(made(x)[0], made(x)[0])


def test_settings_and_inputs_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="threshold_mean must be between 0 and 1, not 1"):
        EgruSettings(2, 2, threshold_mean=1)
    with pytest.raises(InputError, match="drop_connect must be in 0..1, below 1, not 1"):
        EgruSettings(2, 2, drop_connect=1)
    with pytest.raises(InputError, match="num_units must be at least 1, not 0"):
        EgruSettings(2, 0)
    with pytest.raises(InputError, match="width must be above 0, not 0"):
        EgruSettings(2, 2, width=0)
    with pytest.raises(InputError, match=r"must be \[time_step, batch, 5\] .*, not \[0, 3, 5\]"):
        layer(0)(torch.zeros(0, 3, 5, dtype=torch.float64))
