"""A reply becomes bytes on the line; gates of :func:`edgesnn.framing.encode`."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from edgesnn_hdl.crc32 import Crc32
from edgesnn_hdl.memories import TwoPortMemory


class FrameTransmitter(wiring.Component):
    """A buffer for the content of one frame, sent as often as wanted.

    First the CRC-32 is put behind the content, then blocks are cut at the zeros of it all.

    Members
    -------
    write_address : In(8), write_data : In(8), write_enable : In(1)
        Fill the buffer while not ``busy``: type, sequence, length, payload.
    send : In(1), length : In(8)
        Send so many bytes of the buffer and their CRC-32. ``length`` stays until not ``busy``.
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
                "length": In(8),
                "busy": Out(1),
                "bytes": Out(stream.Signature(unsigned(8))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.buffer = buffer = TwoPortMemory(8, 256)
        m.submodules.crc = sum_ = Crc32()
        scan = Signal(8)  # looks for the next zero
        next_scan = Signal(8)
        sent = Signal(8)  # start of the block, then the byte that is sent
        end = Signal(8)  # content and CRC-32
        second = Signal()
        byte = Signal(8)
        m.d.comb += [
            byte.eq(buffer.read_data),
            next_scan.eq(scan),
            buffer.read_address.eq(next_scan),
            buffer.write_address.eq(self.write_address),
            buffer.write_data.eq(self.write_data),
            buffer.write_enable.eq(self.write_enable),
            sum_.data.eq(Mux(second, byte[4:], byte[:4])),
            end.eq(self.length + 4),
            self.busy.eq(1),
        ]
        m.d.sync += scan.eq(next_scan)
        following = Signal(8)
        m.d.comb += following.eq(scan + 1)

        with m.FSM():
            with m.State("Idle"):
                m.d.comb += [self.busy.eq(0), next_scan.eq(0), sum_.start.eq(1)]
                m.d.sync += [sent.eq(0), second.eq(0)]
                with m.If(self.send):
                    m.next = "Sum"
            with m.State("Sum"):
                m.d.sync += second.eq(~second)
                m.d.comb += [sum_.valid.eq(1), next_scan.eq(scan + second)]
                with m.If(second & (following == self.length)):
                    m.next = "Append"
            with m.State("Append"):
                m.d.comb += [
                    buffer.write_address.eq(scan),
                    buffer.write_enable.eq(1),
                    next_scan.eq(following),
                ]
                with m.Switch((scan - self.length)[:2]):
                    for n in range(4):
                        with m.Case(n):
                            m.d.comb += buffer.write_data.eq(sum_.crc.word_select(n, 8))
                with m.If(following == end):
                    m.d.comb += next_scan.eq(0)
                    m.next = "Scan"
            with m.State("Scan"):
                with m.If((scan == end) | (byte == 0)):
                    m.next = "Code"
                with m.Else():
                    m.d.comb += next_scan.eq(following)
            with m.State("Code"):
                length = Signal(8)
                m.d.comb += [
                    length.eq(scan - sent),
                    self.bytes.payload.eq(length + 1),
                    self.bytes.valid.eq(1),
                ]
                with m.If(self.bytes.ready):
                    m.d.sync += second.eq(scan == end)
                    m.d.comb += next_scan.eq(sent)
                    m.d.sync += sent.eq(scan)
                    m.next = "Data"
            with m.State("Data"):
                # ``scan`` walks over the block now and ``sent`` marks its end.
                with m.If(scan == sent):
                    with m.If(second):
                        m.next = "Delimiter"
                    with m.Else():
                        m.d.comb += next_scan.eq(following)
                        m.d.sync += sent.eq(following)
                        m.next = "Scan"
                with m.Else():
                    m.d.comb += [self.bytes.payload.eq(byte), self.bytes.valid.eq(1)]
                    with m.If(self.bytes.ready):
                        m.d.comb += next_scan.eq(following)
            with m.State("Delimiter"):
                m.d.comb += [self.bytes.payload.eq(0), self.bytes.valid.eq(1)]
                with m.If(self.bytes.ready):
                    m.next = "Idle"
        return m
