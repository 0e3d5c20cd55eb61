"""The exported Verilog is the same design: another simulator runs it and gets an answer."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from edgesnn.framing import Frame, FrameReader, encode
from edgesnn.protocol import Identity, Message, Reply
from edgesnn_hdl.verilog import export
from tests.small_board import SMALL

CLOCKS_PER_BIT = 4
BENCH = """\
`timescale 1ns/1ns
module bench;
  reg clk = 0, rst = 1, rx = 1;
  wire tx, busy, loaded, error;
  edgesnn dut(.clk(clk), .rst(rst), .uart_rx(rx), .uart_tx(tx),
              .led_busy(busy), .led_loaded(loaded), .led_error(error));
  reg [{last}:0] line = {bits};
  integer n, k;
  reg [7:0] received;
  always #1 clk = !clk;
  initial begin
    #20 rst = 0;
    for (n = 0; n <= {last}; n = n + 1) begin rx = line[n]; #{period}; end
    rx = 1;
    #40000 $finish;
  end
  always @(negedge tx) begin
    #{half};
    for (k = 0; k < 8; k = k + 1) begin #{period} received[k] = tx; end
    $display("%h", received);
    #{period};
  end
endmodule
"""


def serial_bits(data: bytes) -> str:
    """A Verilog constant whose bit n is the n-th bit on the line: start, eight data, stop."""
    levels = "".join("0" + f"{byte:08b}"[::-1] + "1" for byte in data)
    return f"{len(levels)}'b{levels[::-1]}"


def test_verilog_has_the_documented_ports() -> None:
    text = export(SMALL, 4_000_000, 1_000_000)
    lights = "led_busy, led_loaded, led_error, led_alive, led_decision"
    assert f"module edgesnn(clk, rst, uart_tx, {lights}, uart_rx);" in text
    assert "clock 4000000 Hz, serial line 1000000 baud" in text


@pytest.mark.tools
@pytest.mark.skipif(shutil.which("iverilog") is None, reason="iverilog is not installed")
def test_exported_verilog_identifies_itself_in_iverilog(tmp_path: Path) -> None:
    (tmp_path / "edgesnn.v").write_text(export(SMALL, 4_000_000, 1_000_000))
    request = encode(Frame(Message.IDENTIFY, 7, b""))
    bits = serial_bits(request)
    period = 2 * CLOCKS_PER_BIT
    text = BENCH.format(last=10 * len(request) - 1, bits=bits, period=period, half=period // 2)
    (tmp_path / "bench.v").write_text(text)
    # Other generations of Verilog leave always @* asleep at time 0 (iverilog 11).
    compile_command = ["iverilog", "-g2005", "-o", "bench", "-s", "bench", "bench.v", "edgesnn.v"]
    subprocess.run(compile_command, cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(
        ["vvp", "bench"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    received = bytes(int(line, 16) for line in done.stdout.split() if len(line) == 2)
    (frame,) = FrameReader().feed(received)
    assert frame.sequence == 7
    identity = Identity.from_reply(Reply.decode(frame.payload))
    assert identity.config == SMALL
    assert not identity.loaded
