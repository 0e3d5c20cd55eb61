"""The whole gateware, for any platform: a serial line, a core, lights."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from edgesnn.core_config import CoreConfig
from edgesnn_hdl.command_unit import CommandUnit
from edgesnn_hdl.core import Core
from edgesnn_hdl.frame_receiver import FrameReceiver
from edgesnn_hdl.frame_transmitter import FrameTransmitter
from edgesnn_hdl.uart import UartReceiver, UartTransmitter, divisor_for


class EdgesnnTop(wiring.Component):
    """Core, command unit, frames and serial line.

    Parameters
    ----------
    config : CoreConfig
    clock_hz, baud : float
        Clock of the ``sync`` domain and rate of the serial line; ``ValueError`` if they do not
        go together.

    Members
    -------
    uart_rx : In(1), uart_tx : Out(1)
        From the host and to it, high when idle.
    led_busy, led_loaded, led_error : Out(1)
        Something is going on (also whether the clock is needed); a network is loaded; something
        was wrong since the counters were cleared last.
    led_alive : Out(1), led_decision : Out(4)
        Changes about once in a second; the last decision, see CommandUnit.
    """

    def __init__(self, config: CoreConfig, clock_hz: float, baud: float) -> None:
        self.config = config
        self.clock_hz = clock_hz
        self.divisor = divisor_for(clock_hz, baud)
        super().__init__(
            {
                "uart_rx": In(1, init=1),
                "uart_tx": Out(1, init=1),
                "led_busy": Out(1),
                "led_loaded": Out(1),
                "led_error": Out(1),
                "led_alive": Out(1),
                "led_decision": Out(4),
            }
        )

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
            unit.request_valid.eq(receiver.valid),
            receiver.release.eq(unit.release),
            unit.type.eq(receiver.type),
            unit.sequence.eq(receiver.sequence),
            unit.length.eq(receiver.length),
            receiver.read_address.eq(unit.request_address),
            unit.request_data.eq(receiver.read_data),
            unit.frame_error.eq(receiver.error),
            transmitter.write_address.eq(unit.reply_address),
            transmitter.write_data.eq(unit.reply_data),
            transmitter.write_enable.eq(unit.reply_write),
            transmitter.send.eq(unit.send),
            transmitter.again.eq(unit.again),
            transmitter.length.eq(unit.reply_length),
            unit.sending.eq(transmitter.busy),
            core.events.payload.eq(unit.event),
            core.events.valid.eq(unit.event_valid),
            unit.event_ready.eq(core.events.ready),
            core.start.eq(unit.start),
            core.reset_state.eq(unit.reset_state),
            core.clear_counters.eq(unit.clear_counters),
            unit.idle.eq(core.idle),
            unit.refused.eq(core.refused),
            self.led_busy.eq(unit.busy | ~uart_transmitter.bytes.ready),
            self.led_loaded.eq(unit.loaded),
            self.led_error.eq(unit.error),
            self.led_alive.eq(unit.alive),
            self.led_decision.eq(unit.decision),
        ]
        return m
