"""Errors planted in the gates that speak with the host, and in their program; see
:mod:`benches.planted_errors`."""

from __future__ import annotations

from benches.planted_errors import HDL, Mutant, Tests

PROCESSOR: Tests = ("tests/hdl/test_processor.py",)
STANDBY: Tests = ("tests/hdl/test_standby.py",)
LOADING: Tests = ("tests/hdl/test_loading.py",)
DEVICE = "tests/test_devices.py::"
REFUSED_ON_THE_LINE: Tests = (f"{DEVICE}test_a_step_with_refused_events_does_not_run[gates]",)
TIES: Tests = (
    f"{DEVICE}test_the_largest_output_decides_and_on_a_tie_the_lowest_index[gates-[5, 7, 7, -3]]",
)
COUNTERS: Tests = (
    "tests/hdl/test_standalone.py::test_nothing_runs_from_a_damaged_flash_and_a_host_can_load[blank]",
)

IN_LINK = (
    Mutant(
        "images with currents end after the decays",
        HDL + "image_program.py",
        "p.keep_bits(1 << Feature.CURRENTS)",
        "p.keep_bits(0)",
        LOADING,
    ),
    Mutant(
        "features that the core lacks accepted",
        HDL + "image_program.py",
        "p.keep_bits(0xFFFF ^ known)",
        "p.keep_bits(0xFFF0 ^ known)",
        LOADING,
    ),
    Mutant(
        "carry of a difference upside down",
        HDL + "processor.py",
        "carry.eq(total[-1] ^ subtract)",
        "carry.eq(total[-1])",
        PROCESSOR,
    ),
    Mutant(
        "a call comes back to itself",
        HDL + "processor.py",
        "Mux(operation[0], behind, self.value)",
        "Mux(operation[0], place, self.value)",
        PROCESSOR,
    ),
    Mutant(
        "the memory goes on while a port waits",
        HDL + "processor.py",
        "read_enable.eq(~self.wait)",
        "read_enable.eq(1)",
        STANDBY,
    ),
    Mutant(
        "the header of an image is held to its lower limits only",
        HDL + "image_program.py",
        '    p.add(1)\n    p.load_indexed()\n    p.subtract("word")\n',
        "    p.load(0)\n    p.subtract(0)\n",
        LOADING,
    ),
    Mutant(
        "what counters leave behind is taken for part of an image",
        HDL + "image_program.py",
        'p.set("section_address", 0)',
        'p.set("section_address", "argument_low")',
        LOADING,
    ),
    Mutant(
        "a step that is refused counts",
        HDL + "link_program.py",
        'p.jump("events_refused", Is.REFUSED)',
        "p.pause()",
        REFUSED_ON_THE_LINE,
    ),
    Mutant(
        "ties go to the last output",
        HDL + "link_program.py",
        'p.jump_unless("next_accumulator", Condition.CARRY)',
        "p.pause()",
        TIES,
    ),
    Mutant(
        "the first counter is not read again after the others were",
        HDL + "counters.py",
        "~rests | self.settled",
        "~rests",
        COUNTERS,
    ),
)
