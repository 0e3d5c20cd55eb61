"""Bytes from the line become a checked request; gates of :func:`edgesnn.framing.decode`."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from edgesnn.framing import CRC_BYTES, HEADER_BYTES, MAX_CONTENT
from edgesnn_hdl.crc32 import Crc32
from edgesnn_hdl.memories import TwoPortMemory


class FrameReceiver(wiring.Component):
    """Decodes COBS into a buffer, with length and CRC-32 checked on the fly.

    A frame is held until it is released. What arrives meanwhile is not taken, up to the next
    zero byte, and counts as one error, as does everything that is not a frame.

    Members
    -------
    bytes : In(stream)
        From the line, at least three cycles apart.
    valid : Out(1), release : In(1)
        A frame is there; it may go.
    type, sequence, length : Out(8)
        Of the frame; ``length`` is that of the payload.
    read_address : In(8), read_data : Out(8)
        The content; the byte comes in the next cycle.
    error : Out(1)
        Pulses for each frame that is dropped.
    """

    bytes: stream.Interface

    def __init__(self) -> None:
        super().__init__(
            {
                "bytes": In(stream.Signature(unsigned(8), always_ready=True)),
                "valid": Out(1),
                "release": In(1),
                "type": Out(8),
                "sequence": Out(8),
                "length": Out(8),
                "read_address": In(8),
                "read_data": Out(8),
                "error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.buffer = buffer = TwoPortMemory(8, 256)
        m.submodules.crc = sum_ = Crc32()
        left = Signal(8)  # bytes of the block that are still to come
        first = Signal(init=1)  # the next code byte is the first of the frame
        begun = Signal()
        bad = Signal()
        count = Signal(8)  # decoded bytes
        byte = self.bytes.payload
        decoded = Signal(8)
        emit = Signal()
        high_nibble = Signal(4)
        second = Signal()

        m.d.comb += [
            buffer.read_address.eq(self.read_address),
            self.read_data.eq(buffer.read_data),
            buffer.write_address.eq(count),
            buffer.write_data.eq(decoded),
            buffer.write_enable.eq(emit),
            sum_.data.eq(Mux(second, high_nibble, decoded[:4])),
            sum_.valid.eq(emit | second),
        ]
        m.d.sync += [second.eq(emit), high_nibble.eq(decoded[4:])]
        with m.If(self.release):
            m.d.sync += self.valid.eq(0)

        with m.If(self.bytes.valid):
            with m.If(byte == 0):
                whole = (
                    ~bad
                    & (left == 0)
                    & (count[3:] != 0)
                    & (self.length == count - (HEADER_BYTES + CRC_BYTES))
                    & sum_.matches
                )
                with m.If(begun):
                    m.d.sync += self.valid.eq(whole | (self.valid & ~self.release))
                    m.d.comb += self.error.eq(~whole)
                m.d.sync += [left.eq(0), first.eq(1), begun.eq(0), bad.eq(0), count.eq(0)]
                m.d.comb += sum_.start.eq(1)
            with m.Else():
                m.d.sync += begun.eq(1)
                with m.If(self.valid | bad):
                    m.d.sync += bad.eq(1)
                with m.Elif(left == 0):
                    m.d.comb += emit.eq(~first)
                    m.d.sync += [left.eq(byte - 1), first.eq(0)]
                with m.Else():
                    m.d.comb += [emit.eq(1), decoded.eq(byte)]
                    m.d.sync += left.eq(left - 1)
        with m.If(emit):
            m.d.sync += count.eq(count + 1)
            with m.Switch(count):
                with m.Case(0):
                    m.d.sync += self.type.eq(decoded)
                with m.Case(1):
                    m.d.sync += self.sequence.eq(decoded)
                with m.Case(2):
                    m.d.sync += self.length.eq(decoded)
                with m.Case(3):
                    m.d.sync += bad.eq(decoded != 0)
                with m.Case(MAX_CONTENT):
                    m.d.sync += bad.eq(1)
        return m
