"""Features of modules by hooks, next to the same computed by hand."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgesnn.analysis.cka import cka, compare, gram
from edgesnn.analysis.module_features import module_grams
from edgesnn.errors import InputError
from edgesnn.train.neurons import Lif, PerStep


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).float()


def perceptron(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Dropout(0.5), nn.Linear(12, 3))


def test_layers_of_two_modules_are_compared() -> None:
    one, other = perceptron(), perceptron(1)
    x = normal(50, 6)
    found = compare(
        module_grams(one, x, ["0", "3"], batch_size=50),
        module_grams(other, x, ["1"], batch_size=50),
    )
    assert (found.rows, found.columns) == (("0", "3"), ("1",))
    with torch.no_grad():
        first, last = one[0](x), one[3](one[0](x).relu())
        expected = [cka(y.numpy(), other[0](x).relu().numpy()) for y in (first, last)]
    assert found.values[:, 0] == pytest.approx(expected, abs=1e-5)


def test_batches_are_added_up_before_the_division() -> None:
    module, x = perceptron(), normal(40, 6)
    grams = list(module_grams(module, x, ["0"], batch_size=16))
    assert [len(found["0"]) for found in grams] == [16, 16, 8]
    with torch.no_grad():
        assert grams[1]["0"] == pytest.approx(gram(module[0](x[16:32]).numpy()))


def test_the_module_is_left_as_it_was() -> None:
    module = perceptron()
    module[2].eval()
    list(module_grams(module, normal(8, 6)))
    assert [part.training for part in module] == [True, True, False, True]
    assert not any(part._forward_hooks for part in module)
    with pytest.raises(RuntimeError):
        list(module_grams(module, normal(8, 7)))  # one column too many
    assert module.training
    assert not any(part._forward_hooks for part in module)


def test_time_folded_into_the_batch_is_unfolded() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(PerStep(nn.Conv2d(1, 3, 3), nn.Flatten()), Lif(0.5, 0.2))
    x = normal(10, 4, 1, 5, 5)
    (grams,) = module_grams(module, x, ["0.0", "0", "1"])
    with torch.no_grad():
        maps = module[0](x)
        spikes = module[1](maps)
    assert grams["0"] == pytest.approx(gram(maps.numpy()))
    assert grams["0.0"] == pytest.approx(gram(maps.numpy()))
    assert grams["1"] == pytest.approx(gram(spikes.numpy()))
    (steps,) = module_grams(module, x, ["0.0", "1"], by_step=True)
    assert list(steps) == [f"{name} @ {t}" for name in ("0.0", "1") for t in range(4)]
    assert steps["0.0 @ 2"] == pytest.approx(gram(maps[:, 2].numpy()))


class Stepped(nn.Module):
    """Calls its layer once for each step, and gives a tuple, as other frameworks' neurons do."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 7)
        self.never = nn.Linear(5, 7)
        self.constant = nn.Identity()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self.constant(torch.zeros(3))
        steps = [self.layer(step) for step in x.unbind(1)]
        return torch.stack(steps, 1), x


def test_calls_of_a_layer_add_up_to_one_representation() -> None:
    module, x = Stepped(), normal(9, 4, 5)
    (grams,) = module_grams(module, x)
    assert list(grams) == ["layer"]  # the others give nothing for each input
    with torch.no_grad():
        assert grams["layer"] == pytest.approx(gram(module.layer(x).numpy()))


def test_bad_layers_are_refused_with_what_to_do() -> None:
    module, x = Stepped(), normal(9, 4, 5)
    for layers, by_step, text in (
        (["layr"], False, "a layer must be one of layer, never, constant, not 'layr'"),
        (["layer", "never"], False, r"must be called by the module, and \['never'\] are not"),
        (["constant"], False, "'constant' must give a tensor with 9 rows"),
        (["layer"], True, "'layer' must get all time steps in one call"),
    ):
        with pytest.raises(InputError, match=text):
            list(module_grams(module, x, layers, by_step=by_step))
    with pytest.raises(InputError, match="must be 4 or more, not 3"):
        list(module_grams(module, x[:3]))


def test_a_layer_that_is_silent_is_like_nothing() -> None:
    module = nn.Sequential(nn.Linear(5, 4), Lif(0.5, 1e6))
    found = compare(module_grams(module, normal(8, 3, 5)))
    assert found.rows == ("0", "1")
    assert np.isnan(found.values[1]).all()
    assert found.values[0, 0] == pytest.approx(1)


def test_memory_does_not_grow_with_the_number_of_batches() -> None:
    module = nn.Sequential(nn.Linear(6, 2000), nn.ReLU(), nn.Linear(2000, 3))

    def peak(count: int) -> int:
        x = normal(32 * count, 6)
        tracemalloc.start()
        compare(module_grams(module, x, batch_size=32))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(2)
    assert peak(40) < 1.05 * peak(4)
