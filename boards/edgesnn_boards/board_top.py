"""The design with the pins, the clock and the reset of a board."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Elaboratable, Module, ResetSignal, Signal
from amaranth.lib import io

from edgesnn.errors import BuildError
from edgesnn_boards.board import Board, Boot, Pin
from edgesnn_hdl.top import EdgesnnTop

#: Cycles of reset: block RAM may not be read in the first microseconds after configuration.
_RESET_CYCLES = 1 << 10


class BoardTop(Elaboratable):
    """EdgesnnTop on a board, for the board's Amaranth platform."""

    def __init__(self, board: Board) -> None:
        self.board = board

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        board = self.board
        pin_hz = round(platform.default_clk_constraint.frequency)
        clock, locked = board.family.add_clock(m, platform, pin_hz, board.clock_hz)
        m.domains += ClockDomain("power_on", reset_less=True)
        m.domains += ClockDomain("sync")
        wait = Signal(range(_RESET_CYCLES))
        waited = Signal()
        m.d.power_on += [wait.eq(wait + ~waited), waited.eq(waited | wait.all())]
        m.d.comb += [
            ClockSignal("power_on").eq(clock),
            ClockSignal("sync").eq(clock),
            ResetSignal("sync").eq(~waited | ~locked),
        ]

        source = _port(platform, (*board.events, "source")) if board.events else ()
        m.submodules.design = design = EdgesnnTop(
            board.core_config,
            board.clock_hz,
            board.baud,
            boot_offset=board.boot.offset if board.boot else None,
            event_bits=len(source),
        )
        m.submodules.rx = rx = io.Buffer("i", _port(platform, ("uart", 0, "rx")))
        m.submodules.tx = tx = io.Buffer("o", _port(platform, ("uart", 0, "tx")))
        m.d.comb += [design.uart_rx.eq(rx.i), tx.o.eq(design.uart_tx)]
        for name, pins in board.lights.items():
            shown = getattr(design, f"led_{name}")
            for n, pin in enumerate(pins):
                light = io.Buffer("o", _port(platform, pin))
                m.submodules[f"{name}_{n}"] = light
                m.d.comb += light.o.eq(shown[n])
        if board.events:
            buffers = [
                ("source", "i", design.event_source),
                ("strobe", "i", design.event_strobe),
                ("ready", "o", design.event_ready),
            ]
            for name, direction, signal in buffers:
                pin = io.Buffer(direction, _port(platform, (*board.events, name)))
                m.submodules[f"event_{name}"] = pin
                m.d.comb += signal.eq(pin.i) if direction == "i" else pin.o.eq(signal)
        if board.boot:
            self._connect_flash(m, platform, design, board.boot)
        return m

    def _connect_flash(self, m: Module, platform: Any, design: EdgesnnTop, boot: Boot) -> None:
        driven = {"cs": design.flash_cs, "clk": design.flash_clk, "copi": design.flash_copi}
        names = [signal.name for signal in platform.lookup(*boot.flash).ios]
        for name in names:
            port = _port(platform, (*boot.flash, name))
            m.submodules[f"flash_{name}"] = pin = io.Buffer("i" if name == "cipo" else "o", port)
            if name == "cipo":
                m.d.comb += design.flash_cipo.eq(pin.i)
            else:
                m.d.comb += pin.o.eq(driven.get(name, 0))
        if "clk" not in names:
            if self.board.family.add_flash_clock is None:
                raise BuildError(f"flash of {self.board.name} must have the subsignal clk")
            self.board.family.add_flash_clock(m, design.flash_clk)


def _port(platform: Any, pin: Pin) -> Any:
    """The bare port of a pin; ``request`` gives each resource once, so it is kept."""
    name, number, *subsignals = pin
    kept = platform.__dict__.setdefault("edgesnn_ports", {})
    if (name, number) not in kept:
        resource = platform.lookup(name, number)
        bare: Any = "-"
        if subsignals:
            bare = {signal.name: "-" for signal in resource.ios}
        kept[name, number] = platform.request(name, number, dir=bare)
    port = kept[name, number]
    for subsignal in subsignals:
        port = getattr(port, subsignal)
    return port
