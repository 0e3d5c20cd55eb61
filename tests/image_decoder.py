"""A second decoder of memory images, written from ``docs/memory_image.md`` alone.

It shares no code and no constants with ``edgesnn``; plain integers and lists.
"""

from __future__ import annotations

import struct
from typing import Any


def crc32(data: bytes) -> int:
    """Bit by bit, as the definition says."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0xEDB88320 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def decode_row(memory: list[int], start: int, packed: bool) -> list[tuple[int, int]]:
    """(slot, weight) of every synapse of the row at ``start``."""
    row = []
    if not packed:
        while True:
            word = memory[start]
            row.append((word // 16 % 2048, signed(word % 16, 4)))
            if word >= 0x8000:
                return row
            start += 1
    slot = -1
    while True:
        low, high = memory[start] % 256, memory[start] // 256
        for entry in (low, high):
            if entry % 16:
                slot += entry // 16 + 1
                row.append((slot, signed(entry % 16, 4)))
            else:
                slot += 16 * (entry // 16)
        if high == 0:
            return row
        start += 1


def decode(image: bytes) -> dict[str, Any]:
    """What an image holds, in plain numbers; asserts what the document promises."""
    words = list(struct.unpack(f"<{len(image) // 2}H", image))
    header = words[:32]
    assert image[:4] == b"ESNI"
    assert (header[2], header[3], header[9]) == (2, 32, 1)
    has_currents, max_delay = header[8] & 1, header[22]
    assert header[8] == has_currents + 2 * (max_delay > 0)
    assert header[4] + (header[5] << 16) == len(words)
    assert not any(header[23:])
    assert crc32(image[:-4]) == struct.unpack("<I", image[-4:])[0]
    lanes, state_bits = header[6], header[7]

    sections: dict[tuple[int, int], list[int]] = {}
    at = 32
    while words[at] != 0xFF:
        assert at % 2 == 0
        region, lane, width, count = words[at] % 256, words[at] // 256, words[at + 1], words[at + 2]
        assert (width, words[at + 3]) == (2 if region in (2, 3) else 1, 0)
        body = words[at + 4 : at + 4 + width * count]
        if width == 2:
            pairs = zip(body[::2], body[1::2], strict=True)
            body = [signed(low + (high << 16), 32) for low, high in pairs]
        sections[region, lane] = body
        at += 4 + width * count
        if at % 2:
            assert words[at] == 0
            at += 1
    assert words[at : at + 4] == [0xFF, 0, 0, 0]
    assert at + 6 == len(words)
    parts = (1, 2, 3, 4, 5) if has_currents else (1, 2, 3, 4)
    order = [(0, 0)] + [(region, lane) for lane in range(lanes) for region in parts]
    assert list(sections) == order

    program = sections[0, 0]
    rule, readout_size, limit_form, limit_value, num_inputs, num_populations = program[:6]
    assert (num_inputs, num_populations) == (header[12], header[10])
    populations: list[dict[str, Any]] = []
    at, slots, spike_words, connections = 6, 0, 0, 0
    for number in range(num_populations):
        incoming, num_slots, first_slot, first_word, size, clamps, flags = program[at : at + 7]
        at += 7
        assert (first_slot, first_word) == (slots, spike_words)
        assert num_slots == -(-size // lanes)
        slots += num_slots
        spike_words += -(-num_slots * lanes // 16)
        connections += incoming
        assert flags >> 6 == (number == num_populations - 1)
        population: dict[str, Any] = {
            "size": size,
            "membrane_bits": clamps % 256,
            "spiking": flags & 1,
            "strict": flags >> 1 & 1,
            "reset_order": flags >> 2 & 1,
            "is_readout": flags >> 3 & 1,
            "reset_mode": flags >> 4 & 3,
        }
        if clamps // 256:
            population["current_bits"] = clamps // 256
        for region, name, pad in (
            (2, "threshold", (1 << (state_bits - 1)) - 1),
            (3, "bias", 0),
            (4, "decay", 0),
            (5, "synaptic_decay", 0),
        ):
            if region not in parts:
                continue
            values = [
                sections[region, j % lanes][first_slot + j // lanes]
                for j in range(num_slots * lanes)
            ]
            population[name] = values[:size]
            assert values[size:] == [pad] * (num_slots * lanes - size)
        if has_currents and not clamps // 256:
            assert not any(population.pop("synaptic_decay"))
        populations.append(population)
        population["first_bit"] = 16 * first_word
        population["incoming"] = []
        for _ in range(incoming):
            flags, first, end, row_base = program[at : at + 4]
            at += 4
            assert flags & 0xF00C == 0
            population["incoming"].append((flags, first, end, row_base))
    assert at == len(program) == header[17]
    assert (slots, spike_words, connections) == (header[15], header[18], header[11])
    assert sum(p["size"] for p in populations) == header[13] + (header[14] << 16)
    assert max(len(sections[1, k]) for k in range(lanes)) == header[16] + 1
    assert -(-readout_size // lanes) == header[19]

    assert any("current_bits" in p for p in populations) == bool(has_currents)
    delays = [flags >> 8 & 15 for p in populations for flags, *_ in p["incoming"]]
    assert max(delays, default=0) == max_delay

    sizes = {p["first_bit"] // 16: p["size"] for p in populations}
    for p in populations:
        decoded = []
        for flags, first, end, row_base in p.pop("incoming"):
            from_input, packed, shift = flags & 1, flags >> 1 & 1, flags >> 4 & 15
            delay = flags >> 8 & 15
            if from_input:
                assert delay == 0
                numbers = range(first, end)
            else:
                assert end - first == -(-sizes[first] // 16)
                numbers = range(16 * first, 16 * first + sizes[first])
            rows: list[list[tuple[int, int]]] = []
            for number in numbers:
                row = []
                for lane in range(lanes):
                    memory = sections[1, lane]
                    start = memory[(row_base + number) % 65536]
                    if start:
                        assert start >= 256
                        row += [
                            (slot * lanes + lane, weight)
                            for slot, weight in decode_row(memory, start, bool(packed))
                        ]
                rows.append(sorted(row))
            decoded.append(
                {
                    "from_input": from_input,
                    "packed": packed,
                    "shift": shift,
                    "first": first,
                    "rows": rows,
                }
                | ({"delay": delay} if delay else {})
            )
        p["connections"] = decoded
        p.pop("first_bit")
    return {
        "lanes": lanes,
        "state_bits": state_bits,
        "rule": rule,
        "readout_size": readout_size,
        "event_limit": [limit_form, limit_value],
        "most_events": header[20],
        "window_steps": header[21],
        "num_inputs": num_inputs,
        "populations": populations,
    }
