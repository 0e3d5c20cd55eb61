"""The whole gateware, for any platform: a serial line, a core, lights."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from edgesnn.core_config import CoreConfig
from edgesnn_hdl.command_unit import CommandUnit
from edgesnn_hdl.core import Core
from edgesnn_hdl.event_input import EventInput
from edgesnn_hdl.flash_reader import FlashReader
from edgesnn_hdl.frame_receiver import FrameReceiver
from edgesnn_hdl.frame_transmitter import FrameTransmitter
from edgesnn_hdl.standalone import Standalone
from edgesnn_hdl.uart import UartReceiver, UartTransmitter, divisor_for


class EdgesnnTop(wiring.Component):
    """Core, command unit, frames and serial line.

    Parameters
    ----------
    config : CoreConfig
    clock_hz, baud : float
        Clock of the ``sync`` domain and rate of the serial line; ``ValueError`` if they do not
        go together.
    boot_offset : int, optional
        Where in the flash the boot image lies that is loaded at power-up; see
        :mod:`edgesnn_hdl.standalone`. Without it there are no ``flash_`` members.
    event_bits : int
        Width of the source ids that come from pins; see :mod:`edgesnn_hdl.event_input`. With 0
        there are no ``event_`` members.

    Members
    -------
    uart_rx : In(1), uart_tx : Out(1)
        From the host and to it, high when idle.
    led_busy, led_loaded, led_error : Out(1)
        Something is going on (also whether the clock is needed); a network is loaded; something
        was wrong since the counters were cleared last.
    led_alive : Out(1), led_decision : Out(4)
        Changes about once in a second; the last decision, see CommandUnit.
    flash_clk, flash_cs, flash_copi : Out(1), flash_cipo : In(1)
        To a serial flash, see FlashReader; ``flash_cs`` is 1 while it is selected.
    event_source : In(event_bits), event_strobe : In(1), event_ready : Out(1)
        Events from pins, see EventInput.
    """

    def __init__(
        self,
        config: CoreConfig,
        clock_hz: float,
        baud: float,
        boot_offset: int | None = None,
        event_bits: int = 0,
    ) -> None:
        self.config = config
        self.clock_hz = clock_hz
        self.divisor = divisor_for(clock_hz, baud)
        self.boot_offset = boot_offset
        self.event_bits = event_bits
        members = {
            "uart_rx": In(1, init=1),
            "uart_tx": Out(1, init=1),
            "led_busy": Out(1),
            "led_loaded": Out(1),
            "led_error": Out(1),
            "led_alive": Out(1),
            "led_decision": Out(4),
        }
        if boot_offset is not None:
            members |= dict.fromkeys(("flash_clk", "flash_cs", "flash_copi"), Out(1))
            members["flash_cipo"] = In(1)
        if event_bits:
            members |= {
                "event_source": In(event_bits),
                "event_strobe": In(1),
                "event_ready": Out(1),
            }
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.uart_receiver = uart_receiver = UartReceiver(self.divisor)
        m.submodules.uart_transmitter = uart_transmitter = UartTransmitter(self.divisor)
        m.submodules.receiver = receiver = FrameReceiver()
        m.submodules.transmitter = transmitter = FrameTransmitter()
        m.submodules.command_unit = unit = CommandUnit(self.config, self.clock_hz)
        m.submodules.core = core = Core(self.config)
        wiring.connect(m, uart_receiver.bytes, receiver.bytes)
        wiring.connect(m, transmitter.bytes, uart_transmitter.bytes)
        wiring.connect(m, unit.access, core.access)
        m.d.comb += [
            uart_receiver.rx.eq(self.uart_rx),
            self.uart_tx.eq(uart_transmitter.tx),
            receiver.read_address.eq(unit.request_address),
            unit.frame_error.eq(receiver.error),
            transmitter.write_address.eq(unit.reply_address),
            transmitter.write_data.eq(unit.reply_data),
            transmitter.write_enable.eq(unit.reply_write),
            transmitter.again.eq(unit.again),
            transmitter.length.eq(unit.reply_length),
            unit.sending.eq(transmitter.busy),
            core.start.eq(unit.start),
            core.reset_state.eq(unit.reset_state),
            core.clear_counters.eq(unit.clear_counters),
            unit.idle.eq(core.idle),
            unit.refused.eq(core.refused),
            self.led_loaded.eq(unit.loaded),
            self.led_error.eq(unit.error),
            self.led_alive.eq(unit.alive),
            self.led_decision.eq(unit.decision),
        ]
        busy = [unit.busy, ~uart_transmitter.bytes.ready]
        trouble = []
        if self.boot_offset is None:
            m.d.comb += [
                unit.request_valid.eq(receiver.valid),
                receiver.release.eq(unit.release),
                unit.request_data.eq(receiver.read_data),
                transmitter.send.eq(unit.send),
            ]
        else:
            m.submodules.flash_reader = flash = FlashReader(self.boot_offset, self.clock_hz)
            m.submodules.standalone = standalone = Standalone()
            wiring.connect(m, flash.words, standalone.words)
            m.d.comb += [
                flash.read.eq(standalone.read),
                flash.spi_cipo.eq(self.flash_cipo),
                self.flash_clk.eq(flash.spi_clk),
                self.flash_cs.eq(flash.spi_cs),
                self.flash_copi.eq(flash.spi_copi),
                standalone.host_valid.eq(receiver.valid),
                receiver.release.eq(standalone.host_release),
                standalone.host_type.eq(receiver.type),
                standalone.host_data.eq(receiver.read_data),
                standalone.address.eq(unit.request_address),
                standalone.release.eq(unit.release),
                standalone.status.eq(unit.status),
                standalone.step.eq(core.start),
                unit.request_valid.eq(standalone.valid),
                unit.request_data.eq(standalone.data),
                unit.own.eq(standalone.own),
                unit.hold.eq(standalone.turn),
                transmitter.send.eq(unit.send & ~standalone.silent),
            ]
            busy.append(standalone.busy)
            trouble.append(standalone.failed)
        if not self.event_bits:
            m.d.comb += [
                core.events.payload.eq(unit.event),
                core.events.valid.eq(unit.event_valid),
                unit.event_ready.eq(core.events.ready),
            ]
        else:
            m.submodules.event_input = pins = EventInput(self.event_bits)
            passes = ~unit.event_valid & ~unit.hold
            m.d.comb += [
                pins.source.eq(self.event_source),
                pins.strobe.eq(self.event_strobe),
                self.event_ready.eq(pins.ready),
                pins.open.eq(unit.loaded),
                pins.forget.eq(unit.reset_state & ~unit.own),
                core.events.payload.eq(Mux(unit.event_valid, unit.event, pins.events.payload)),
                core.events.valid.eq(unit.event_valid | (pins.events.valid & passes)),
                unit.event_ready.eq(core.events.ready),
                pins.events.ready.eq(core.events.ready & passes),
                core.dropped.eq(pins.dropped),
            ]
            trouble += [pins.dropped, core.start & core.refused]
        m.d.comb += [self.led_busy.eq(Cat(busy).any()), unit.trouble.eq(Cat(trouble).any())]
        return m
