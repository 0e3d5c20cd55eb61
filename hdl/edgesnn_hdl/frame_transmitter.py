"""A reply becomes bytes on the line; gates of :func:`edgesnn.framing.encode`."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from edgesnn.framing import CRC_BYTES
from edgesnn_hdl.crc32 import Crc32
from edgesnn_hdl.memories import TwoPortMemory


class FrameTransmitter(wiring.Component):
    """A buffer for the content of one frame, sent as often as wanted.

    First the CRC-32 is put behind the content. Then COBS is made in place, from the end to the
    beginning: a zero becomes the distance to the next one, and the distance to the first goes in
    front of it all.

    Members
    -------
    write_address : In(8), write_data : In(8), write_enable : In(1)
        Fill the buffer while not ``busy``: type, sequence, length, payload.
    send : In(1), length : In(8)
        Send so many bytes of the buffer and their CRC-32. ``length`` stays.
    again : In(1)
        Send the same frame once more.
    busy : Out(1)
    bytes : Out(stream)
    """

    bytes: stream.Interface

    def __init__(self) -> None:
        super().__init__(
            {
                "write_address": In(8),
                "write_data": In(8),
                "write_enable": In(1),
                "send": In(1),
                "again": In(1),
                "length": In(8),
                "busy": Out(1),
                "bytes": Out(stream.Signature(unsigned(8))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.buffer = buffer = TwoPortMemory(8, 256)
        m.submodules.crc = sum_ = Crc32()
        scan = Signal(8)  # the byte that is visible
        forward = Signal()
        backward = Signal()
        step = Signal(8)
        next_scan = Signal(8)
        behind = Signal(8)  # bytes from the end of the content to ``scan``
        at_crc = Signal()
        at_end = Signal()
        distance = Signal(8)  # to the next zero, or the end
        second = Signal()
        byte = Signal(8)
        m.d.comb += [
            byte.eq(buffer.read_data),
            step.eq(Cat(backward | forward, backward.replicate(7))),
            next_scan.eq(scan + step),
            at_crc.eq(behind == 0),
            at_end.eq(behind == CRC_BYTES),
            buffer.read_address.eq(next_scan),
            buffer.write_address.eq(self.write_address),
            buffer.write_data.eq(self.write_data),
            buffer.write_enable.eq(self.write_enable),
            sum_.data.eq(Mux(second, byte[4:], byte[:4])),
            self.busy.eq(1),
        ]
        m.d.sync += [scan.eq(next_scan), behind.eq(behind + step)]

        with m.FSM():
            with m.State("Idle"):
                m.d.comb += [self.busy.eq(0), sum_.start.eq(1)]
                m.d.sync += [second.eq(0), behind.eq(-self.length)]
                with m.If(self.send):
                    m.next = "Sum"
                with m.If(self.again):
                    m.next = "Code"
            with m.State("Sum"):
                with m.If(at_crc):
                    m.next = "Append"
                with m.Else():
                    m.d.sync += second.eq(~second)
                    m.d.comb += [sum_.valid.eq(1), forward.eq(second)]
            with m.State("Append"):
                m.d.comb += [
                    buffer.write_address.eq(scan),
                    buffer.write_data.eq(sum_.crc.word_select(behind[:2], 8)),
                ]
                m.d.sync += distance.eq(1)
                with m.If(at_end):
                    m.d.comb += backward.eq(1)
                    m.next = "Encode"
                with m.Else():
                    m.d.comb += [buffer.write_enable.eq(1), forward.eq(1)]
            with m.State("Encode"):
                m.d.comb += [buffer.write_address.eq(scan), buffer.write_data.eq(distance)]
                m.d.sync += distance.eq(distance + 1)
                with m.If(byte == 0):
                    m.d.comb += buffer.write_enable.eq(1)
                    m.d.sync += distance.eq(1)
                with m.If(scan == 0):
                    m.next = "Code"
                with m.Else():
                    m.d.comb += backward.eq(1)
            with m.State("Code"):
                m.d.comb += [self.bytes.payload.eq(distance), self.bytes.valid.eq(1)]
                with m.If(self.bytes.ready):
                    m.next = "Data"
            with m.State("Data"):
                with m.If(at_end):
                    m.next = "Delimiter"
                with m.Else():
                    m.d.comb += [self.bytes.payload.eq(byte), self.bytes.valid.eq(1)]
                    m.d.comb += forward.eq(self.bytes.ready)
            with m.State("Delimiter"):
                m.d.comb += [self.bytes.payload.eq(0), self.bytes.valid.eq(1)]
                with m.If(self.bytes.ready):
                    m.d.sync += scan.eq(0)
                    m.next = "Rewind"
            with m.State("Rewind"):
                m.next = "Idle"
        return m
