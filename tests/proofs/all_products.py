"""The multiplier of the neuron update holds the product of its operands: all pairs are tried.

What a solver cannot do, compiled simulation can: 65536 membranes times 4097 decays, one pair a
cycle, through the gates of NeuronUpdate with a state word of 16 bits.
"""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

from edgesnn.number_format import DECAY_ONE
from edgesnn_hdl.compiled import compile_design
from edgesnn_hdl.neuron_update import NeuronUpdate
from tests.proofs.prover import Bug, Proof, Verdict

HARNESS = str(Path(__file__).with_name("product_harness.cpp"))
STATE_BITS = 16


def try_products(first: int, last: int) -> Verdict:
    """Every membrane with every decay in ``first..last``."""
    begin = time.monotonic()
    library = compile_design(NeuronUpdate(STATE_BITS), HARNESS)
    library.wrong_products.restype = ctypes.c_uint64
    membrane, decay = ctypes.c_int32(), ctypes.c_int32()
    wrong = library.wrong_products(
        STATE_BITS, first, last, ctypes.byref(membrane), ctypes.byref(decay)
    )
    text = f"{wrong} products are wrong, first {membrane.value} * {decay.value}" if wrong else ""
    return Verdict(not wrong, time.monotonic() - begin, counterexample=text)


PROOF = Proof(
    "the product of the neuron update, all 65536 x 4097 cases",
    "all cases in compiled simulation",
    {
        "16 bits, all decays": lambda: try_products(0, DECAY_ONE),
        "16 bits, the last decays": lambda: try_products(DECAY_ONE - 7, DECAY_ONE),
    },
    ("16 bits, the last decays",),
    Bug(
        "no decay at all is taken for decay to nothing",
        "edgesnn_hdl.neuron_update",
        "product_3.eq(operand_2 * decay_2)",
        "product_3.eq(operand_2 * decay_2[:fraction])",
    ),
)
