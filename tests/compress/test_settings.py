"""Settings: every name leads somewhere, and what cannot work is refused with what can."""

from __future__ import annotations

from typing import Any

import pytest

from edgesnn.compress import settings as names
from edgesnn.compress.allocate import ALLOCATORS
from edgesnn.compress.joint import ORDERS
from edgesnn.compress.prune import PRUNERS
from edgesnn.compress.quantize import QUANTIZERS
from edgesnn.compress.settings import CompressionSettings
from edgesnn.errors import InputError


@pytest.mark.parametrize(
    ("known", "table"),
    [
        (names.ALLOCATIONS, ALLOCATORS),
        (names.PRUNER_NAMES, PRUNERS),
        (names.QUANTIZER_NAMES, QUANTIZERS),
        (names.ORDER_NAMES, ORDERS),
    ],
)
def test_names_are_those_of_the_tables(known: tuple[str, ...], table: dict[str, object]) -> None:
    assert sorted(known) == sorted(table)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sparsity": 1.0}, "sparsity must be at least 0 and below 1, not 1.0"),
        ({"sparsity": -0.1}, "sparsity must be at least 0 and below 1, not -0.1"),
        ({"sparsity": float("nan")}, "sparsity must be at least 0 and below 1, not nan"),
        ({"allocation": "x"}, "allocation must be one of lamps, uniform, global-magnitude, not"),
        ({"pruner": "x"}, "pruner must be one of sbc, obc, activity, magnitude, not 'x'"),
        ({"quantizer": "x"}, "quantizer must be one of sbc-descent, sbc, obc-descent, obc, near"),
        ({"order": "x"}, "order must be one of prune-first, quantize-first, joint, not 'x'"),
        ({"bits": 5}, "bits must be one of 2, 3, 4, not 5"),
        ({"bits": 4.0}, "bits must be one of 2, 3, 4, not 4.0"),
        ({"readout_bits": 5}, "readout_bits must be one of None, 2, 3, 4, 8, not 5"),
        ({"state_bits": 16.0}, "state_bits must be one of None, 16, 18, 24, not 16.0"),
        ({"granularity": "x"}, "granularity must be one of row, layer, power-of-two, not 'x'"),
        ({"range": "x"}, "range must be one of mse, hessian, max, search, not 'x'"),
        ({"state_bits": 17}, "state_bits must be one of None, 16, 18, 24, not 17"),
        ({"order": "joint", "quantizer": "nearest"}, "order must be 'prune-first' with the quanti"),
        ({"max_sops": 0.0}, "max_sops must be above 0 and finite, not 0.0"),
        ({"max_sops": float("nan")}, "max_sops must be above 0 and finite, not nan"),
        ({"max_sops": 9.0, "readout_bits": 8}, "readout_bits must be below 8 with max_sops"),
        ({"max_sops": 9.0, "order": "joint"}, "order must be 'prune-first' with max_sops, not 'jo"),
        ({"fine_tune_epochs": -1}, "fine_tune_epochs must be an integer of at least 0, not -1"),
        ({"fine_tune_epochs": 1.5}, "fine_tune_epochs must be an integer of at least 0, not 1.5"),
        ({"fine_tune_rate": 0.0}, "fine_tune_rate must be above 0 and finite, not 0.0"),
        ({"fine_tune_rate": float("inf")}, "fine_tune_rate must be above 0 and finite, not inf"),
        ({"lamps_exponent": 0.0}, "lamps_exponent must be above 0 and finite, not 0.0"),
        ({"lamps_exponent": float("inf")}, "lamps_exponent must be above 0 and finite, not inf"),
        ({"lamps_exponent": float("nan")}, "lamps_exponent must be above 0 and finite, not nan"),
        ({"max_groups": 0}, "max_groups must be an integer of at least 1, not 0"),
        ({"threads": 0}, "threads must be an integer of at least 1, not 0"),
        ({"seed": -1}, "seed must be an integer of at least 0, not -1"),
        ({"seed": True}, "seed must be an integer of at least 0, not True"),
    ],
)
def test_what_cannot_work_is_refused_with_what_can(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refused:
        CompressionSettings(**values)
    assert message in str(refused.value)
