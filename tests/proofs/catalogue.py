"""All proofs, in the order in which a neuron meets them: update, sums, queues, line, steps."""

from __future__ import annotations

from tests.proofs import (
    all_products,
    proof_of_accumulators,
    proof_of_frame_receiver,
    proof_of_neuron_update,
    proof_of_row_queue,
    proof_of_scheduler,
    proof_of_state_width,
)

PROOFS = (
    proof_of_neuron_update.PROOF,
    all_products.PROOF,
    proof_of_accumulators.PROOF,
    proof_of_row_queue.PROOF,
    proof_of_frame_receiver.PROOF,
    proof_of_state_width.PROOF,
    proof_of_scheduler.PROOF,
)
