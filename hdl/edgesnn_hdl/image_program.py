"""The part of the command unit's program that loads images.

An image is taken by a routine that is left whenever the words of a request end, and gone on with at
the next request: ``next_word`` keeps where it is. The image is trusted only when all of it has
come, its header and sections are those of this core and its CRC-32 matches; until then nothing is
loaded and nothing may run.
"""

from __future__ import annotations

from edgesnn.core_config import CoreConfig
from edgesnn.memory_layout import (
    END_OF_SECTIONS,
    HEADER_WORDS,
    LOADED_REGIONS,
    MAX_SECTION_ELEMENTS,
    SECTION_HEADER_WORDS,
    Feature,
    HeaderWord,
    MemoryLayout,
    Region,
    features,
    header_limits,
    max_image_words,
)
from edgesnn_hdl.assembler import AddressOf, Assembler
from edgesnn_hdl.link_ports import LANE_PLACE, LOADED, Control, Given, Is, Taken
from edgesnn_hdl.processor import Condition

#: Bit of the regions whose elements are two words.
_TWO_WORDS = 0b0010


def load_requests(p: Assembler, config: CoreConfig) -> None:
    """LOAD_BEGIN, LOAD_DATA, LOAD_END, and RESET, which the last one ends with."""
    most = max_image_words(config)
    p.label("LOAD_BEGIN")
    p.load("lights")
    p.keep_bits(0xFFFF ^ LOADED)
    p.store("lights")
    p.give(Given.LIGHTS)
    p.load(0)
    p.give(Given.TIMER)
    p.store("next_word")
    p.store("position_low")
    p.store("position_high")
    p.load(most >> 16)
    p.subtract("argument_high")
    p.jump("image_too_large", Condition.CARRY)
    p.jump_unless("begin", Condition.ZERO)
    p.load(most & 0xFFFF)
    p.subtract("argument_low")
    p.jump("image_too_large", Condition.CARRY)
    p.label("begin")
    p.set("total_low", "argument_low")
    p.set("total_high", "argument_high")
    p.load(Control.CLEAR_SUM)
    p.give(Given.CONTROL)
    p.jump("image")  # up to where it wants a word, which this request has not

    p.label("LOAD_DATA")
    p.load("next_word")
    p.jump("not_loading", Condition.ZERO)
    for half in ("low", "high"):
        p.load(f"argument_{half}")
        p.subtract(f"position_{half}")
        p.jump_unless("bad_offset", Condition.ZERO)
    p.load("section_place")
    p.give(Given.ELEMENT_PLACE)
    p.jump("give_word")

    p.label("LOAD_END")
    p.load("next_word")
    p.jump("not_loading", Condition.ZERO)
    p.subtract(AddressOf("image_complete"))
    p.store("kind")
    p.set("next_word", 0)
    p.load("kind")
    p.jump_unless("image_incomplete", Condition.ZERO)
    for half in ("low", "high"):
        p.load(f"position_{half}")
        p.subtract(f"total_{half}")
        p.jump_unless("image_incomplete", Condition.ZERO)
    p.jump_unless("image_damaged", Is.WHOLE)
    p.increase("lights", LOADED)
    p.give(Given.LIGHTS)

    p.label("RESET")
    p.jump("reset_state", Is.OWN)
    p.load(0)
    p.give(Given.TIMER)
    p.label("reset_state")
    p.load(Control.RESET_STATE)
    p.give(Given.CONTROL)
    p.label("settle")
    p.jump_unless("settle", Is.IDLE)
    p.jump("finish")


def image(p: Assembler, config: CoreConfig) -> None:
    """Takes the image word by word, checks it, and fills the core's memories."""
    layout = MemoryLayout(config)
    limits = {int(word): pair for word, pair in header_limits(config).items()}
    known = features(config.currents, config.delays)

    p.routine("next_word")  # into the register; out of requests that have no more
    p.label("give_word")
    p.load("left")
    p.jump("finish", Condition.ZERO)
    p.subtract(2)
    p.store("left")
    p.increase("position_low", 1)
    p.jump_unless("counted", Condition.CARRY)
    p.increase("position_high", 1)
    p.label("counted")
    p.take_word(Taken.REQUEST)
    p.give(Given.IMAGE_WORD)
    p.back("next_word")

    p.label("image")
    p.set("limit", AddressOf("limits"))
    p.set("last_region", Region.DECAY)
    if known:
        p.set("end_of_limits", AddressOf("limits", 2 * HeaderWord.FEATURES))
        p.call("header")
        p.call("next_word")
        p.store("word")
        p.keep_bits(0xFFFF ^ known)
        p.jump_unless("image_header", Condition.ZERO)
        if config.currents:  # their region comes behind that of the decays
            p.load("word")
            p.keep_bits(1 << Feature.CURRENTS)
            p.add(Region.DECAY)
            p.store("last_region")
        p.set("limit", AddressOf("limits", 2 * HeaderWord.FEATURES + 2))
    p.set("end_of_limits", AddressOf("limits", 2 * HEADER_WORDS))
    p.call("header")
    p.set("section_place", Region.PROGRAM)
    p.set("tag", Region.PROGRAM)
    p.jump("section")

    p.routine("header")  # words that must be within their limits
    p.label("header_word")
    p.call("next_word")
    p.store("word")
    p.load("limit")
    p.load_indexed()
    p.store("bound")
    p.load("word")
    p.subtract("bound")
    p.jump("image_header", Condition.CARRY)
    p.load("limit")
    p.add(1)
    p.load_indexed()
    p.subtract("word")
    p.jump("image_header", Condition.CARRY)
    p.increase("limit", 2)
    p.subtract("end_of_limits")
    p.jump_unless("header_word", Condition.ZERO)
    p.back("header")

    p.label("section")
    p.call("next_word")
    p.subtract("tag")
    p.jump_unless("image_section", Condition.ZERO)
    p.call("next_word")
    p.store("word")
    p.load("section_place")
    p.keep_bits(_TWO_WORDS)
    p.jump("words_of_element", Condition.ZERO)
    p.load(1)
    p.label("words_of_element")
    p.add(1)
    p.subtract("word")
    p.jump_unless("image_section", Condition.ZERO)
    p.call("next_word")
    p.store("section_elements")
    p.load("section_place")
    p.keep_bits(0xF)
    p.add(AddressOf("depths"))
    p.load_indexed()
    p.subtract("section_elements")
    p.jump("image_section", Condition.CARRY)
    p.call("next_word")
    p.jump_unless("image_section", Condition.ZERO)
    p.set("section_address", 0)
    p.load("section_place")
    p.give(Given.ELEMENT_PLACE)
    p.label("element")
    p.load("section_address")
    p.subtract("section_elements")
    p.jump("section_ends", Condition.ZERO)
    p.load("section_place")
    p.keep_bits(_TWO_WORDS)
    p.jump("one_word", Condition.ZERO)
    p.call("next_word")
    p.store("word")
    p.call("next_word")
    p.give(Given.HIGH)
    p.jump("write_element")
    p.label("one_word")
    p.call("next_word")
    p.store("word")
    p.label("write_element")
    p.load("section_address")
    p.give(Given.ADDRESS)
    p.add(1)
    p.store("section_address")
    p.load("word")
    p.give(Given.ELEMENT)
    p.jump("element")
    p.label("section_ends")
    p.load("section_place")
    p.keep_bits(_TWO_WORDS)
    p.jump_unless("next_section", Condition.ZERO)
    p.load("section_elements")
    p.keep_bits(1)
    p.jump("next_section", Condition.ZERO)
    p.call("next_word")
    p.label("next_section")
    p.load("section_place")
    p.keep_bits(0xF)
    p.subtract("last_region")
    p.jump("next_lane", Condition.ZERO)
    for name in ("section_place", "tag"):
        p.increase(name, 1)
    p.jump("section")
    p.label("next_lane")  # its first region is the one behind the program
    p.load("tag")
    p.subtract("last_region")
    p.subtract((config.lanes - 1) << 8)
    p.jump("end_of_sections", Condition.ZERO)
    for name, lane in (("section_place", LANE_PLACE), ("tag", 8)):
        p.load(name)
        p.subtract("last_region")
        p.add((1 << lane) + 1)
        p.store(name)
    p.jump("section")
    p.label("end_of_sections")
    p.call("next_word")
    p.subtract(END_OF_SECTIONS)
    p.jump_unless("image_section", Condition.ZERO)
    for _ in range(SECTION_HEADER_WORDS - 1):
        p.call("next_word")
        p.jump_unless("image_section", Condition.ZERO)
    for half in ("low", "high"):
        p.call("next_word")
        p.store(f"crc_{half}")
    p.call("next_word")
    p.label("image_complete")  # there is no other word
    p.jump("image_section")

    p.label("limits")
    for index in range(HEADER_WORDS):
        p.data(*limits.get(index, (0, 0)))
    p.label("depths")
    for region in LOADED_REGIONS:
        p.data(min(layout.depth(region), MAX_SECTION_ELEMENTS))
