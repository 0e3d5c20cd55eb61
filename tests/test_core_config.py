"""A core has sizes that can be built; wrong ones are all named at once."""

from __future__ import annotations

import pytest

from edgesnn.core_config import LANES, CoreConfig


def message(**sizes: int) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is what is tested
        CoreConfig(**sizes)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "wrong", "text"),
    [
        ("lanes", 3, "lanes must be one of (1, 2, 4, 8, 16), not 3"),
        ("state_bits", 17, "state_bits must be one of (16, 18, 24), not 17"),
        ("neurons", 8, "neurons must be a power of two in 16..4096, not 8"),
        ("neurons", 8192, "neurons must be a power of two in 16..4096, not 8192"),
        ("neurons", 1000, "neurons must be a power of two in 16..4096, not 1000"),
        ("synapse_words", 256, "synapse_words must be a power of two in 512..65536, not 256"),
        ("synapse_words", 1 << 17, "must be a power of two in 512..65536, not 131072"),
        ("inputs", 65536, "inputs must be a power of two in 16..32768, not 65536"),
        ("events", 8, "events must be a power of two in 16..32768, not 8"),
        ("program_words", 0, "program_words must be a power of two in 16..65536, not 0"),
        ("readout_neurons", 1, "readout_neurons must be a power of two in 2..4096, not 1"),
        ("queue_events", 3, "queue_events must be a power of two in 2..64, not 3"),
        ("queue_events", 128, "queue_events must be a power of two in 2..64, not 128"),
    ],
)
def test_wrong_size_is_refused_with_its_range(name: str, wrong: int, text: str) -> None:
    assert text in message(**{name: wrong})


def test_all_reasons_come_at_once() -> None:
    text = message(lanes=0, state_bits=32, neurons=100, inputs=5)
    assert text == (
        "lanes must be one of (1, 2, 4, 8, 16), not 0; "
        "state_bits must be one of (16, 18, 24), not 32; "
        "neurons must be a power of two in 16..4096, not 100; "
        "inputs must be a power of two in 16..32768, not 5"
    )


def test_ranges_grow_with_the_lanes() -> None:
    assert message(lanes=4, neurons=32) == ("neurons must be a power of two in 64..16384, not 32")
    assert "2048..262144" in message(lanes=4, synapse_words=1024)


@pytest.mark.parametrize("lanes", LANES)
def test_lanes_share_everything_evenly(lanes: int) -> None:
    config = CoreConfig(
        lanes=lanes, neurons=4096, synapse_words=1 << 16, readout_neurons=128, inputs=64
    )
    assert config.slots * lanes == 4096
    assert config.synapse_words_per_lane * lanes == 1 << 16
    assert config.readout_slots * lanes == 128


@pytest.mark.parametrize("lanes", LANES)
def test_every_population_may_begin_a_new_spike_word(lanes: int) -> None:
    # A population of one neuron takes a whole slot of every lane and a whole word. Twice the
    # bits are enough for eight neurons a population and more.
    config = CoreConfig(lanes=lanes, neurons=1024)
    assert config.spike_words * 16 == 2 * config.neurons


def test_description_names_every_field() -> None:
    assert CoreConfig(lanes=2).describe() == {
        "lanes": 2,
        "state_bits": 16,
        "neurons": 1024,
        "synapse_words": 65536,
        "inputs": 1024,
        "events": 1024,
        "program_words": 256,
        "readout_neurons": 64,
        "queue_events": 4,
        "currents": False,
        "delays": False,
    }
    assert CoreConfig(**CoreConfig(lanes=2).describe()) == CoreConfig(lanes=2)
