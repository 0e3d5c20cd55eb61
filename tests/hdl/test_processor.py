"""The processor does what its table of instructions says, whatever the words are."""

import numpy as np
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from edgesnn_hdl.processor import (
    EXTERNAL_CONDITIONS,
    MAX_WORDS,
    Condition,
    Operation,
    Processor,
)


class Model:
    """The table, by hand: one instruction after the other."""

    def __init__(self, words, conditions, byte):
        self.words, self.conditions, self.byte = list(words), conditions, byte
        self.value, self.carry, self.place = 0, False, 0
        self.instruction = self.words[0]
        self.given = []

    def holds(self, condition):
        own = {
            Condition.ALWAYS: True,
            Condition.ZERO: self.value == 0,
            Condition.NEGATIVE: self.value >= 0x8000,
            Condition.CARRY: self.carry,
        }
        if condition in own:
            return own[condition]
        return bool(self.conditions >> condition - Condition.EXTERNAL & 1)

    def execute(self):
        now = self.instruction
        address, immediate = now & 0x3FF, bool(now >> 11 & 1)
        kept = self.words[self.value & 0x3FF if now >> 10 & 1 else address]
        operand = now & 0x7FF if immediate else kept
        following = self.place + 1 & 0x3FF
        write = None
        if now >> 15:
            if self.holds(now >> 10 & 15) != bool(now >> 14 & 1):
                following = address
        else:
            match Operation(now >> 12):
                case Operation.LOAD:
                    self.value = operand
                case Operation.AND:
                    self.value &= operand
                case Operation.ADD:
                    self.carry, self.value = divmod(self.value + operand, 1 << 16)
                case Operation.SUBTRACT:
                    self.carry = self.value < operand
                    self.value = (self.value - operand) % (1 << 16)
                case Operation.STORE:
                    write = self.value
                case Operation.CALL:
                    write, following = following, address | 1
                case Operation.BACK:
                    following = kept & 0x3FF
                case Operation.PORT if immediate:
                    self.given.append((now & 15, self.value))
                case Operation.PORT:
                    self.value = self.value >> 8 | self.byte << 8
        self.place, self.instruction = following, self.words[following]
        if write is not None:  # the instruction that follows was already read
            self.words[address] = write


def run(words, conditions, byte, instructions, waits):
    """Registers after each instruction, and what was given; ``waits`` cycles before each time."""
    dut = Processor(words)
    values, given_ = [], []
    waits = iter(waits)

    async def testbench(ctx):
        ctx.set(dut.conditions, conditions)
        ctx.set(dut.byte, byte)
        await ctx.tick()  # in which the first instruction is read
        for _ in range(instructions):
            await ctx.tick()
            if ctx.get(dut.gives):
                given_.append((ctx.get(dut.port), ctx.get(dut.value)))
                for _ in range(next(waits)):
                    ctx.set(dut.wait, 1)
                    await ctx.tick()
                    assert ctx.get(dut.gives)
                ctx.set(dut.wait, 0)
            await ctx.tick()
            values.append(ctx.get(dut.value))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return values, given_


@settings(max_examples=20)
@given(
    seed=st.integers(0, 2**32 - 1),
    conditions=st.integers(0, (1 << EXTERNAL_CONDITIONS) - 1),
    byte=st.integers(0, 255),
)
def test_any_words_do_what_the_table_says(seed, conditions, byte):
    rng = np.random.default_rng(seed)
    # Fewer jumps than among random words, which make loops.
    words = rng.integers(0, 1 << 15, MAX_WORDS)
    words[rng.random(MAX_WORDS) < 0.1] |= 1 << 15
    count = 150
    waits = rng.integers(0, 3, count).tolist()
    model = Model(words.tolist(), conditions, byte)
    expected = []
    for _ in range(count):
        model.execute()
        expected.append(model.value)
    values, given_ = run(words.tolist(), conditions, byte, count, waits)
    assert values == expected
    assert given_ == model.given
