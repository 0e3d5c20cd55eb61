"""Errors planted in the gates that run a board without a host; see ``benches.planted_errors``."""

from __future__ import annotations

from benches.planted_errors import HDL, Mutant, Tests

BOARD = "tests/hdl/test_standalone.py::"
PINS: Tests = ("tests/hdl/test_event_input.py",)
FLASH: Tests = ("tests/hdl/test_flash_reader.py",)
STREAMS: Tests = (f"{BOARD}test_decisions_and_counters_are_those_of_the_simulator[1]",)
DAMAGED = f"{BOARD}test_nothing_runs_from_a_damaged_flash_and_a_host_can_load"
BETWEEN: Tests = (f"{BOARD}test_no_event_is_lost_between_two_windows[8]",)
READS: Tests = (f"{BOARD}test_a_window_has_its_steps_however_much_a_host_reads",)
TOLD: Tests = (f"{BOARD}test_a_request_is_told_from_the_boards_own_of_the_same_type_and_sequence",)
TAKES_OVER: Tests = (f"{BOARD}test_a_host_that_changes_something_takes_over",)

IN_STANDALONE = (
    Mutant(
        "a strobe that stays high is an event each cycle",
        HDL + "event_input.py",
        "comes.eq(strobe & ~before)",
        "comes.eq(strobe)",
        PINS,
    ),
    Mutant(
        "what does not fit overwrites what waits",
        HDL + "event_input.py",
        "room.eq(self.open & (waiting < DEPTH))",
        "room.eq(self.open)",
        PINS,
    ),
    Mutant(
        "ready until the queue is full",
        HDL + "event_input.py",
        "waiting < DEPTH - READY_MARGIN",
        "waiting < DEPTH",
        PINS,
    ),
    Mutant(
        "an event can be read in the cycle in which it is written",
        HDL + "event_input.py",
        "self.events.valid.eq(next_read != write)",
        "self.events.valid.eq(next_read != write + queue.write_enable)",
        PINS,
    ),
    Mutant(
        "the flash is read before it is awake",
        HDL + "flash_reader.py",
        "with m.If(pause == 0):",
        "with m.If(pause[:4] == 0):",
        FLASH,
    ),
    Mutant(
        "words come with the high byte first",
        HDL + "flash_reader.py",
        "Cat(bits[8:16], bits[:8])",
        "bits[:16]",
        FLASH,
    ),
    Mutant(
        "another magic or version is taken",
        HDL + "standalone.py",
        "self.failed.eq(word != expected)",
        "self.failed.eq(0)",
        (f"{DAMAGED}[another magic]", f"{DAMAGED}[another version]"),
    ),
    Mutant(
        "the sum of the boot header is not looked at",
        HDL + "standalone.py",
        "self.failed.eq(~sum_.matches)",
        "self.failed.eq(0)",
        (f"{DAMAGED}[another period, with the old sum]",),
    ),
    Mutant(
        "goes on after an image that was refused",
        HDL + "standalone.py",
        "self.failed.eq(self.release & (self.status != Status.OK))",
        "self.failed.eq(0)",
        (f"{DAMAGED}[more than any core holds]",),
    ),
    Mutant(
        "a window is a step too long",
        HDL + "standalone.py",
        "(steps == window_steps)",
        "(steps == window_steps + 1)",
        STREAMS,
    ),
    Mutant(
        "a host never takes over",
        HDL + "standalone.py",
        "self.host_release & self.host_type.matches(*TAKING_OVER)",
        "0",
        TAKES_OVER,
    ),
    Mutant(
        "events enter between the last step and the reset",
        HDL + "top.py",
        "passes = ~unit.event_valid & ~unit.hold",
        "passes = ~unit.event_valid",
        BETWEEN,
    ),
    Mutant(
        "a step begins between the last one and the reset",
        HDL + "command_unit.py",
        "asleep & due & self.idle & ~starts & ~self.hold",
        "asleep & due & self.idle & ~starts",
        READS,
    ),
    Mutant(
        "the reset between two windows stops the timer",
        HDL + "image_program.py",
        '    p.jump("reset_state", Is.OWN)\n',
        "",
        STREAMS,
    ),
    Mutant(
        "the board's own request passes for one that comes again",
        HDL + "link_program.py",
        '    p.jump("own", Is.OWN)\n',
        "",
        TOLD,
    ),
    Mutant(
        "a host's request passes for the board's own that comes again",
        HDL + "link_program.py",
        'p.set("last", 0)',
        'p.set("last", "type")',
        TOLD,
    ),
)
