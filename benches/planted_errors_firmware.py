"""The errors that ``benches.mutants`` plants in the firmware; see :mod:`benches.planted_errors`."""

from __future__ import annotations

from benches.planted_errors import Mutant, Tests

RUNTIME_TESTS = "tests/firmware/test_runtime.py::"
CUT: Tests = (f"{RUNTIME_TESTS}test_runs_may_be_cut_anywhere_and_begin_anew",)
#: Six networks, then the agreement suite and damaged images in a library under sanitizers.
AGREE: Tests = (*CUT, f"{RUNTIME_TESTS}test_nothing_undefined_happens[gcc-agree]")
MUTATE: Tests = (f"{RUNTIME_TESTS}test_nothing_undefined_happens[gcc-mutate]",)
FLIPPED: Tests = (f"{RUNTIME_TESTS}test_a_flipped_bit_is_noticed_wherever_it_is",)
END_MARK: Tests = (f"{RUNTIME_TESTS}test_the_end_of_an_image_holds_nothing",)
MEMORY: Tests = (f"{RUNTIME_TESTS}test_memory_must_be_as_large_as_it_says",)
BIAS: Tests = (f"{RUNTIME_TESTS}test_the_bias_counts_in_the_overflow_rule",)
SHARED: Tests = (f"{RUNTIME_TESTS}test_two_sources_may_not_share_a_row",)
OVERFLOW: Tests = (f"{RUNTIME_TESTS}test_a_network_that_could_overflow_is_refused",)
REFUSED: Tests = (
    f"{RUNTIME_TESTS}test_a_step_with_too_many_events_is_refused_and_changes_nothing",
)
DEVICE_TESTS = "tests/firmware/test_device.py::"
LOADING: Tests = (
    f"{DEVICE_TESTS}test_nothing_runs_while_an_image_is_being_loaded",
    f"{DEVICE_TESTS}test_more_words_than_announced_are_refused",
)
REPEATED: Tests = (f"{DEVICE_TESTS}test_a_lost_reply_is_said_again_and_nothing_is_done_twice",)
FRAMES: Tests = ("tests/firmware/test_frames.py",)
ENCODERS: Tests = ("tests/firmware/test_encoders_c.py",)
RING: Tests = ("tests/firmware/test_ring.py",)
NODE_TESTS = "tests/firmware/test_node.py::"
NODE: Tests = (
    f"{NODE_TESTS}test_a_refused_step_costs_its_events_and_no_time",
    f"{NODE_TESTS}test_replies_to_other_requests_are_dropped_and_counted",
)

RUNTIME = "firmware/src/edgesnn.c"
LOADER = "firmware/src/edgesnn_load.c"
SERIAL = "firmware/src/edgesnn_device.c"
WIRE = "firmware/src/edgesnn_frames.c"
SENSORS = "firmware/src/edgesnn_encoders.c"
QUEUE = "firmware/src/edgesnn_ring.c"
CLIENT = "firmware/src/edgesnn_node.c"

IN_FIRMWARE = (
    Mutant(
        "decay rounds down instead of toward zero",
        RUNTIME,
        "(product + toward_zero) >>",
        "(product + (toward_zero & 0)) >>",
        AGREE,
    ),
    Mutant(
        "wide decay loses the sign",
        RUNTIME,
        "return x < 0 ? -result : result;",
        "return result;",
        AGREE,
    ),
    Mutant(
        "strict ignored",
        RUNTIME,
        "value - (int32_t)g->strict >= threshold",
        "value >= threshold",
        AGREE,
    ),
    Mutant(
        "a read-out without spikes fires",
        RUNTIME,
        ">= threshold && g->spiking",
        ">= threshold",
        AGREE,
    ),
    Mutant(
        "reset always before the decay",
        RUNTIME,
        "if (after && mode == ESNN_RESET_SUBTRACT)",
        "if (after && mode == ESNN_RESET_NONE)",
        AGREE,
    ),
    Mutant(
        "membrane stored without the clamp",
        RUNTIME,
        "value = value < 0 ? -(int32_t)half : (int32_t)half - 1;",
        "value += 0;",
        AGREE,
    ),
    Mutant(
        "a neuron with a bias is taken for one at rest",
        RUNTIME,
        "int32_t value = *g.state + *g.bias;\n        if (value == 0)",
        "int32_t value = *g.state + *g.bias;\n        if (*g.state == 0)",
        AGREE,
    ),
    Mutant(
        "a filler passes a slot too many",
        RUNTIME,
        "membrane += entries & 0xF0u;",
        "membrane += (entries & 0xF0u) + 1u;",
        AGREE,
    ),
    Mutant(
        "the last spike counts instead of the first",
        RUNTIME,
        "spike && *accumulator == ESNN_NOTHING",
        "spike",
        AGREE,
    ),
    Mutant(
        "ties go to the highest index",
        RUNTIME,
        "n->accumulators[i] > n->accumulators[decision]",
        "n->accumulators[i] >= n->accumulators[decision]",
        AGREE,
    ),
    Mutant(
        "spikes of the step before last are kept",
        RUNTIME,
        "n->spikes[population[ESNN_POPULATION_FIRST_SPIKE_WORD] + i / ESNN_WORD_BITS] = 0;",
        "n->spikes[population[ESNN_POPULATION_FIRST_SPIKE_WORD] + i / ESNN_WORD_BITS] &= 0xFFFE;",
        AGREE,
    ),
    Mutant(
        "one event more than the limit accepted",
        RUNTIME,
        ": num_events) < n->limit",
        ": num_events) <= n->limit",
        REFUSED,
    ),
    Mutant(
        "events of a refused step not counted as dropped",
        RUNTIME,
        "n->counters.dropped += n->num_events;",
        "n->counters.dropped += 0;",
        REFUSED,
    ),
    Mutant(
        "a reset does not begin the time anew",
        RUNTIME,
        "n->steps_since_reset = 0;",
        "n->steps_since_reset += 0;",
        CUT,
    ),
    Mutant(
        "the end mark may hold a 1",
        LOADER,
        "n->image[at - 2u] != 0",
        "n->image[at - 2u] > 1u",
        END_MARK,
    ),
    Mutant(
        "check sum not looked at",
        LOADER,
        "return ESNN_BAD_CRC;",
        "status = ESNN_OK;",
        FLIPPED,
    ),
    Mutant(
        "memory may be too small by the bitmap",
        LOADER,
        "> memory_bytes) {",
        "> memory_bytes + 2u) {",
        MEMORY,
    ),
    Mutant(
        "weights below 0 forgotten by the overflow rule",
        LOADER,
        "!within(sums + 1, limit, bias < 0 ? left + bias : left)",
        "0",
        OVERFLOW,
    ),
    Mutant(
        "bias forgotten by the overflow rule",
        LOADER,
        "bias > 0 ? above - bias : above",
        "above",
        BIAS,
    ),
    Mutant(
        "two sources may share a row",
        LOADER,
        "start != next_word",
        "start > next_word",
        SHARED,
    ),
    Mutant(
        "a synapse may point to a slot without a neuron",
        LOADER,
        "+ lane >= c.population[ESNN_POPULATION_SIZE]",
        "+ lane > c.population[ESNN_POPULATION_SIZE]",
        MUTATE,
    ),
    Mutant(
        "a network is kept while its image is written over",
        SERIAL,
        "device->network = 0; /* its image is about to be written over */",
        "",
        LOADING,
    ),
    Mutant(
        "a repeated request is executed twice",
        SERIAL,
        "sequence == device->last_sequence &&",
        "sequence + 1 == device->last_sequence &&",
        REPEATED,
    ),
    Mutant(
        "more words than announced accepted",
        SERIAL,
        "num_bytes / 2 > device->words_expected - offset",
        "num_bytes / 2 > device->words_expected",
        LOADING,
    ),
    Mutant(
        "frames without a check sum accepted",
        WIRE,
        "esnn_crc32(0, reader->content, reader->length) == CRC_OF_WHOLE",
        "reader->content[0] != 0x7Fu",
        FRAMES,
    ),
    Mutant(
        "a frame that is too long accepted, cut",
        WIRE,
        "!(reader->flags & TOO_LONG) && ",
        "",
        FRAMES,
    ),
    Mutant(
        "no hysteresis",
        SENSORS,
        "distance - first < hysteresis",
        "distance < hysteresis",
        ENCODERS,
    ),
    Mutant(
        "the filter rounds down instead of toward zero",
        SENSORS,
        "return value < 0 ? -(-value >> bits) : value >> bits;",
        "return value >> bits;",
        ENCODERS,
    ),
    Mutant(
        "words that found no room counted as one",
        QUEUE,
        "ring->dropped = ring->dropped + num_words;",
        "ring->dropped = ring->dropped + 1;",
        RING,
    ),
    Mutant(
        "lost events of a refused step counted as one",
        CLIENT,
        "node->lost_events += node->step_events;",
        "node->lost_events += 1;",
        NODE,
    ),
    Mutant(
        "a reply to another request accepted",
        CLIENT,
        "esnn_frame_sequence(&node->reader) != node->sequence",
        "esnn_frame_sequence(&node->reader) > node->sequence",
        NODE,
    ),
)
