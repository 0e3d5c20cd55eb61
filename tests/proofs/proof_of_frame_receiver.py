"""The frame decoder never overruns its buffer, whatever the bytes and however fast they come.

Each byte of a frame goes to the place after the one before; the last possible place is below 256,
the size of the buffer. While a frame is held nothing is written and its header stays; its length
is what was written for it, without header and CRC, and at most the longest payload.
"""

from __future__ import annotations

from amaranth.hdl import Assert, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from edgesnn.framing import CRC_BYTES, HEADER_BYTES, MAX_CONTENT, MAX_PAYLOAD
from edgesnn_hdl.frame_receiver import FrameReceiver
from tests.proofs.inside import Inside
from tests.proofs.prover import Bug, Proof, prove


class ReceiverStaysInItsBuffer(wiring.Component):
    """Any byte in any cycle, a release in any cycle. Nothing is assumed."""

    def __init__(self) -> None:
        super().__init__({"arrives": In(1), "byte": In(8), "release": In(1)})

    def elaborate(self, _platform: object) -> Module:
        m = Module()
        receiver = FrameReceiver()
        inside = Inside(receiver)
        m.submodules.receiver = inside.fragment
        m.d.comb += [
            receiver.bytes.valid.eq(self.arrives),
            receiver.bytes.payload.eq(self.byte),
            receiver.release.eq(self.release),
        ]

        writes, place = inside["write_enable"], inside["write_address"]
        written = Signal(16)  # bytes of this frame
        with m.If(self.arrives & (self.byte == 0)):
            m.d.sync += written.eq(0)
        with m.Elif(writes):
            m.d.sync += written.eq(written + 1)
        m.d.comb += [
            Assert(~writes | (place == written)),
            Assert(written <= MAX_CONTENT + 1),
            Assert(~writes | ~receiver.valid),
        ]

        # A frame that is there stays as it is.
        held = Signal()
        header = [receiver.type, receiver.sequence, receiver.length]
        before = [Signal.like(part, name=f"{part.name}_before") for part in header]
        length = Signal(16)
        with m.If(~receiver.valid):
            m.d.sync += length.eq(written)
        m.d.sync += [
            held.eq(receiver.valid & ~self.release),
            *(old.eq(new) for old, new in zip(before, header, strict=True)),
        ]
        with m.If(held):
            m.d.comb += Assert(receiver.valid)
            m.d.comb += [Assert(old == new) for old, new in zip(before, header, strict=True)]
        with m.If(receiver.valid):
            m.d.comb += [
                Assert(receiver.length <= MAX_PAYLOAD),
                Assert(receiver.length + HEADER_BYTES + CRC_BYTES == length),
            ]

        # For the induction: the decoder counts as we do, and has given up before it is too late.
        m.d.comb += [
            Assert(inside["count"] == written),
            Assert((written <= MAX_CONTENT) | inside["bad"]),
            Assert(~receiver.valid | (written == 0)),
        ]
        return m


PROOF = Proof(
    "the frame decoder never overruns, whatever the bytes",
    "induction",
    {"244 bytes of payload": lambda: prove(ReceiverStaysInItsBuffer())},
    ("244 bytes of payload",),
    Bug(
        "a frame that is held is overwritten by the next one",
        "edgesnn_hdl.frame_receiver",
        "with m.If(self.valid | bad):",
        "with m.If(bad):",
    ),
)
