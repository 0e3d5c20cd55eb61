"""Programs of the assembler, run by the processor."""

import pytest

from edgesnn_hdl.assembler import AddressOf, Assembler
from edgesnn_hdl.processor import MAX_WORDS, Condition
from tests.hdl.test_processor import Model

OUTPUT = 5


def given_by(program, instructions=200):
    """What the program gives to the port OUTPUT."""
    words = program.assembled()
    model = Model(words + [0] * (MAX_WORDS - len(words)), 0, 0)
    for _ in range(instructions):
        model.execute()
    return [value for port, value in model.given if port == OUTPUT]


def stop(p):
    p.label("stop")
    p.jump("stop")


def test_a_routine_in_a_loop_sums_up_a_table():
    p = Assembler()
    p.set("at", AddressOf("table"))
    p.label("again")
    p.load("at")
    p.load_indexed()
    p.jump("done", Condition.ZERO)
    p.call("add_up")
    p.load("at")
    p.add(1)
    p.store("at")
    p.jump("again")
    p.label("done")
    p.load("sum")
    p.give(OUTPUT)
    stop(p)
    p.routine("add_up")
    p.add("sum")
    p.store("sum")
    p.back("add_up")
    p.label("table")
    p.data(3, 40_000, 20, 0)
    assert given_by(p) == [40_023]


@pytest.mark.parametrize("number", [0, 2047, 2048, 65535])
def test_numbers_of_any_size_can_be_operands(number):
    p = Assembler()
    p.load(number)
    p.give(OUTPUT)
    p.load(0)
    p.subtract(number)
    p.give(OUTPUT)
    stop(p)
    assert given_by(p) == [number, -number % 65536]


def test_an_address_may_have_something_added():
    p = Assembler()
    p.load(AddressOf("word", 0x8000))
    p.give(OUTPUT)
    stop(p)
    p.label("word")
    p.data(AddressOf("word", 1))
    first, *_ = given_by(p)
    assert first - 0x8000 == p.assembled()[first - 0x8000] - 1


def test_a_name_is_given_once():
    p = Assembler()
    p.label("here")
    with pytest.raises(ValueError, match=r"each label must be another name, not 'here' twice"):
        p.label("here")


@pytest.mark.parametrize("goes", [Assembler.jump, Assembler.call])
def test_a_program_must_go_somewhere(goes):
    p = Assembler()
    goes(p, "nowhere")
    with pytest.raises(ValueError, match=r"'nowhere' must be a label: the program goes there"):
        p.assembled()


def test_a_program_has_at_most_as_many_words_as_there_are_addresses():
    p = Assembler()
    p.data(*[0] * MAX_WORDS)
    assert len(p.assembled()) == MAX_WORDS
    p.load("one more")
    with pytest.raises(ValueError, match=rf"at most {MAX_WORDS} words, not {MAX_WORDS + 2}"):
        p.assembled()
