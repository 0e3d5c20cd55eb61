"""The errors that ``benches.mutants`` plants in the C of language models; see
:mod:`benches.planted_errors`."""

from __future__ import annotations

from benches.planted_errors import Mutant, Tests

C_TESTS = "tests/language/test_c_language.py::"
NUMBERS: Tests = (f"{C_TESTS}test_every_number_is_that_of_reference_and_simulator",)
FILLERS: Tests = (
    f"{C_TESTS}test_layers_of_many_units_with_few_weights_are_those_of_the_simulator",
)
TABLES: Tests = (f"{C_TESTS}test_both_tables_have_every_entry_of_the_reference",)
SMALLEST: Tests = (f"{C_TESTS}test_the_smallest_event_is_1",)
HELD: Tests = (f"{C_TESTS}test_what_arrives_from_the_layer_below_is_held_before_more_is_added",)
BAD_TOKEN: Tests = (f"{C_TESTS}test_a_token_that_is_refused_changes_nothing",)
TIE: Tests = (f"{C_TESTS}test_the_best_token_is_the_lowest_on_a_tie",)
UNSOUND: Tests = (f"{C_TESTS}test_an_unsound_image_is_refused_by_name_though_its_crc_is_right",)
WRAPS: Tests = (f"{C_TESTS}test_a_table_beyond_32_bits_is_refused",)
LIMIT: Tests = (f"{C_TESTS}test_rows_may_reach_their_limit_and_go_no_further",)
DAMAGED_IMAGE: Tests = (f"{C_TESTS}test_a_damaged_image_is_refused_or_runs_as_the_model_in_it",)
LM_MEMORY: Tests = (f"{C_TESTS}test_memory_must_be_as_large_as_it_says",)
DAMAGED_BYTE: Tests = (f"{C_TESTS}test_every_damaged_byte_is_noticed",)

LANGUAGE = "firmware/src/edgesnn_language.c"
LANGUAGE_LOADER = "firmware/src/edgesnn_language_load.c"

IN_LANGUAGE = (
    Mutant(
        "a filler passes a row too few",
        LANGUAGE,
        "row += code;",
        "row += code - 1u;",
        FILLERS,
    ),
    Mutant(
        "fillers counted as weights",
        LANGUAGE,
        "added--;",
        "added -= 0;",
        FILLERS,
    ),
    Mutant(
        "sums of the matrix before are kept",
        LANGUAGE,
        "*row++ = 0;",
        "*row++ += 0;",
        NUMBERS,
    ),
    Mutant(
        "a sum times its multiplier rounds down",
        LANGUAGE,
        "(uint32_t)low + 0x8000u;",
        "(uint32_t)low;",
        NUMBERS,
    ),
    Mutant(
        "multipliers of one and above lose their high half",
        LANGUAGE,
        "sum * high + ",
        "",
        NUMBERS,
    ),
    Mutant(
        "below 0 a table is what it is above",
        LANGUAGE,
        "return a < 0 ? both - entry : entry;",
        "return entry;",
        TABLES,
    ),
    Mutant(
        "an argument beyond a table wraps",
        LANGUAGE,
        "cell < ESNN_LM_HALF_TABLE ? cell : ESNN_LM_HALF_TABLE - 1",
        "cell % ESNN_LM_HALF_TABLE",
        TABLES,
    ),
    Mutant(
        "what r lets through rounds down",
        LANGUAGE,
        "(back & (ESNN_LM_STATE_ONE - 1)) + half)",
        "(back & (ESNN_LM_STATE_ONE - 1)))",
        NUMBERS,
    ),
    Mutant(
        "z weighs the candidate instead of the state",
        LANGUAGE,
        "z * h[i] + (ESNN_LM_STATE_ONE - z) * g",
        "z * g + (ESNN_LM_STATE_ONE - z) * h[i]",
        NUMBERS,
    ),
    Mutant(
        "a unit at its threshold sends",
        LANGUAGE,
        "c > thresholds[i]",
        "c >= thresholds[i]",
        TABLES,
    ),
    Mutant(
        "the smallest event is 0",
        LANGUAGE,
        "(uint8_t)(value < 1 ",
        "(uint8_t)(value < 0 ",
        SMALLEST,
    ),
    Mutant(
        "the largest event wraps to 0",
        LANGUAGE,
        "value > ESNN_LM_LARGEST_EVENT ?",
        "value > ESNN_LM_LARGEST_EVENT + 1 ?",
        NUMBERS,
    ),
    Mutant(
        "a unit that sends keeps its state",
        LANGUAGE,
        "c -= thresholds[i];",
        "c -= 0;",
        NUMBERS,
    ),
    Mutant(
        "what arrives from below is not held in 16 bits",
        LANGUAGE,
        "a > INT16_MAX ? INT16_MAX : a < INT16_MIN ? INT16_MIN : a",
        "a",
        HELD,
    ),
    Mutant(
        "as many events of the layer below as this one sent",
        LANGUAGE,
        "sum_rows(m, &inputs, layer - 1u, first_unit);",
        "sum_rows(m, &inputs, layer, first_unit);",
        NUMBERS,
    ),
    Mutant(
        "the number of tokens taken for a token",
        LANGUAGE,
        "token >= esnn_lm_num_tokens(m)",
        "token > esnn_lm_num_tokens(m)",
        BAD_TOKEN,
    ),
    Mutant(
        "ties go to the highest token",
        LANGUAGE,
        "m->sums[token] > m->sums[best]",
        "m->sums[token] >= m->sums[best]",
        TIE,
    ),
    Mutant(
        "anything may lie behind a part",
        LANGUAGE_LOADER,
        "bytes[w->at] != 0",
        "bytes[w->at] > 255",
        UNSOUND,
    ),
    Mutant(
        "the offset of thresholds not looked at",
        LANGUAGE_LOADER,
        "(uint32_t)words[ESNN_LM_LAYER_THRESHOLDS] != w.at || ",
        "",
        UNSOUND,
    ),
    Mutant(
        "a count too many accepted",
        LANGUAGE_LOADER,
        "(uint32_t)count - 1u < ESNN_LM_MAX_COUNT",
        "(uint32_t)count - 1u <= ESNN_LM_MAX_COUNT",
        UNSOUND,
    ),
    Mutant(
        "the bytes of a table wrap",
        LANGUAGE_LOADER,
        "tokens * (2u * rows >> 4) > (w.end - w.at) >> 4 || ",
        "",
        WRAPS,
    ),
    Mutant(
        "a weight of -8 accepted",
        LANGUAGE_LOADER,
        " || weight < -ESNN_LM_LARGEST_WEIGHT",
        "",
        UNSOUND,
    ),
    Mutant(
        "a row beyond the last accepted",
        LANGUAGE_LOADER,
        "row >= num_rows",
        "row > num_rows",
        UNSOUND,
    ),
    Mutant(
        "a filler at the end accepted",
        LANGUAGE_LOADER,
        "return filler == 0 ? ESNN_OK : ESNN_BAD_ROW;",
        "return ESNN_OK;",
        UNSOUND,
    ),
    Mutant(
        "fillers in any order accepted",
        LANGUAGE_LOADER,
        " || (filler != 0 && filler != ESNN_LM_MAX_FILLER)",
        "",
        UNSOUND,
    ),
    Mutant(
        "the bias does not count in the limit of a row",
        LANGUAGE_LOADER,
        "ESNN_LM_LARGEST_SUM - bias",
        "ESNN_LM_LARGEST_SUM",
        LIMIT,
    ),
    Mutant(
        "what a row reaches rounds down",
        LANGUAGE_LOADER,
        "((low + 0xFFFFu) >> 16)",
        "(low >> 16)",
        LIMIT,
    ),
    Mutant(
        "what a row reaches wraps",
        LANGUAGE_LOADER,
        "high > ESNN_LM_LARGEST_SUM >> 16",
        "high == UINT32_MAX",
        UNSOUND,
    ),
    Mutant(
        "a multiplier below 0 accepted",
        LANGUAGE_LOADER,
        "scale[0] < 0",
        "scale[0] < -1",
        UNSOUND,
    ),
    Mutant(
        "a threshold above 1 accepted",
        LANGUAGE_LOADER,
        "thresholds[i] > ESNN_LM_STATE_ONE",
        "thresholds[i] > 0x7FFF",
        UNSOUND,
    ),
    Mutant(
        "only the first layer is checked",
        LANGUAGE_LOADER,
        "layer < esnn_lm_num_layers(m)",
        "layer < 1u",
        DAMAGED_IMAGE,
    ),
    Mutant(
        "a byte of memory too few accepted",
        LANGUAGE_LOADER,
        "(uintptr_t)memory > memory_bytes",
        "(uintptr_t)memory > memory_bytes + 1u",
        LM_MEMORY,
    ),
    Mutant(
        "the CRC-32 of a language model ignored",
        LANGUAGE_LOADER,
        "!= (uint32_t)words[image_bytes / 4u - 1u]",
        "== 1u",
        DAMAGED_BYTE,
    ),
)
