"""The models of cells that are ours, one by one, against arrays and products of Python."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

CELLS = Path(__file__).parent / "cells"
OPERATIONS = 1000

pytestmark = [
    pytest.mark.tools,
    pytest.mark.skipif(shutil.which("iverilog") is None, reason="iverilog is not installed"),
]

#: Numbers in hexadecimal, one row a clock cycle; after each cycle the outputs of the cell.
BENCH = """
module bench;
  reg clk = 0;
  reg [{bits}-1:0] rows [0:{last}], row;
  integer n;
  {cell}
  initial begin
    $readmemh("rows.hex", rows);
    for (n = 0; n <= {last}; n = n + 1) begin
      row = rows[n]; #1 clk = 1; #1 clk = 0; #1 $display({shown});
    end
  end
endmodule
"""


def run_cell(
    folder: Path, source: str, cell: str, shown: str, fields: list[tuple[npt.ArrayLike, int]]
) -> list[list[int]]:
    """What ``shown`` (a format and expressions) shows after each row of ``fields``.

    fields   values and their widths; in ``cell`` they are bits of ``row``, the first ones lowest
    """
    columns = [np.asarray(values).astype(object) for values, _ in fields]
    rows = sum(column << sum(w for _, w in fields[:n]) for n, column in enumerate(columns))
    bits = sum(width for _, width in fields)
    (folder / "rows.hex").write_text("\n".join(f"{int(row):x}" for row in rows))
    bench = BENCH.format(bits=bits, last=len(rows) - 1, cell=cell, shown=shown)
    (folder / "bench.v").write_text(bench)
    models = [str(CELLS / name) for name in (source, "block_ram.v")]
    command = ["iverilog", "-g2012", "-o", "bench", "-s", "bench", "bench.v", *models]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    done = subprocess.run(["vvp", "bench"], cwd=folder, check=True, capture_output=True, text=True)
    return [[int(x, 16) for x in line.split()] for line in done.stdout.splitlines()]


def scalars(port: str, first: int, width: int) -> str:
    """Connections of the pins ``port``0, ``port``1, ... to bits of the row from ``first`` on."""
    return ", ".join(f".{port}{n}(row[{first + n}])" for n in range(width))


def pins(name: str, port: str, width: int) -> str:
    """Connections of output pins to the bits of the wire ``name``."""
    return ", ".join(f".{port}{n}({name}[{n}])" for n in range(width))


class Memory:
    """What a memory of words of one width does: one port writes, the other reads a cycle later.

    A word that is read while it is written is undefined; here that is None.
    """

    def __init__(self, width: int, byte: int, words: list[int]) -> None:
        self.width, self.byte = width, byte
        self.words = words
        self.read: int | None = 0

    def cycle(self, writes: int, write_at: int, word: int, reads: int, read_at: int) -> int | None:
        """``writes`` has a bit for each byte of the word."""
        if reads:
            self.read = None if writes and write_at == read_at else self.words[read_at]
        if self.width <= self.byte:
            if writes & 1:
                self.words[write_at] = word
        else:
            for n in range(self.width // self.byte):
                if writes >> n & 1:
                    mask = ((1 << self.byte) - 1) << n * self.byte
                    self.words[write_at] = self.words[write_at] & ~mask | word & mask
        return self.read


def operations(seed: int, width: int, byte: int) -> dict[str, npt.NDArray[np.int64]]:
    """Random ones, at few addresses, some of them at the end."""
    rng = np.random.default_rng(seed)
    depth = (2048 * byte // width) if width >= byte else 16384 // width
    places = np.concatenate([np.arange(9), depth - 1 - np.arange(9)])
    count = max(width // byte, 1)
    return {
        "writes": rng.integers(1 << count, size=OPERATIONS) * rng.integers(2, size=OPERATIONS),
        "write_at": rng.choice(places, OPERATIONS),
        "word": rng.integers(1 << width, size=OPERATIONS),
        "reads": rng.integers(2, size=OPERATIONS),
        "read_at": rng.choice(places, OPERATIONS),
    }


def address(at: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.int64]:
    """Address pins of a word: in units of a bit (widths 1, 2, 4) or an eighth of a byte."""
    return at << {1: 0, 2: 1, 4: 2, 8: 3, 9: 3, 18: 4, 36: 5}[width]


def write_enable(
    ops: dict[str, npt.NDArray[np.int64]], width: int, byte: int
) -> npt.NDArray[np.bool_]:
    """The enable of the whole word; with one for each byte it may be on and no byte written."""
    some = ops["writes"] != 0
    return some | (np.arange(len(some)) % 3 > 0) if width > byte else some


def check(found: list[int], ops: dict[str, npt.NDArray[np.int64]], memory: Memory) -> None:
    """Every defined word that was read must be the array's; undefined ones were there as well."""
    names = ("writes", "write_at", "word", "reads", "read_at")
    expected = [memory.cycle(*row) for row in zip(*(ops[n].tolist() for n in names), strict=True)]
    assert len(found) == len(expected)
    assert None in expected
    wrong = [n for n, word in enumerate(expected) if word not in (None, found[n])]
    assert wrong == []


@pytest.mark.parametrize("width", [1, 4, 9, 18, 36])
def test_ecp5_block_ram_is_an_array(tmp_path: Path, width: int) -> None:
    ops = operations(width, width, 9)
    # Words of two and four bytes have their write enables at the lowest address pins.
    enables = ops["writes"] if width > 9 else 0
    fields = [
        (ops["word"], 36),
        (address(ops["write_at"], width) | enables, 14),
        (write_enable(ops, width, 9), 1),
        (address(ops["read_at"], width), 14),
        (ops["reads"], 1),
    ]
    upper = f"{scalars('DIB', 18, 18)}, " if width == 36 else ""
    cell = f"""
      wire [17:0] a, b;
      DP16KD #(.DATA_WIDTH_A({width}), .DATA_WIDTH_B({width}),
               .WRITEMODE_A("READBEFOREWRITE"), .WRITEMODE_B("READBEFOREWRITE")) ram (
        {upper}{scalars("DIA", 0, 18)}, {scalars("ADA", 36, 14)}, {scalars("ADB", 51, 14)},
        .CLKA(clk), .CLKB(clk), .CEA(1'b1), .WEA(row[50]), .CEB(row[65]), .WEB(1'b0),
        .RSTA(1'b0), .RSTB(1'b0), .CSA0(1'b0), .CSA1(1'b0), .CSA2(1'b0),
        .CSB0(1'b0), .CSB1(1'b0), .CSB2(1'b0), {pins("a", "DOA", 18)}, {pins("b", "DOB", 18)});
    """
    word = "{b, a}" if width == 36 else f"b[{width - 1}:0]"
    shown = run_cell(tmp_path, "ecp5.v", cell, f'"%h", {word}', fields)
    depth = 16384 // width if width < 9 else 18432 // width
    check([row[0] for row in shown], ops, Memory(width, 9, [0] * depth))


def test_ecp5_block_ram_begins_with_its_initial_words(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    words = rng.integers(1 << 18, size=1024)
    # Each parameter holds 16 words of 18 bits, 20 bits apart.
    lines = words.reshape(64, 16).tolist()
    values = [sum(w << 20 * n for n, w in enumerate(line)) for line in lines]
    init = ", ".join(f".INITVAL_{n:02X}(320'h{value:x})" for n, value in enumerate(values))
    at = rng.permutation(1024)
    cell = f"""
      wire [17:0] a;
      DP16KD #({init}) ram ({scalars("ADA", 0, 14)}, .CLKA(clk), .CEA(1'b1), .WEA(1'b0),
        .RSTA(1'b0), .RSTB(1'b0), .CEB(1'b0), .CSA0(1'b0), .CSA1(1'b0), .CSA2(1'b0),
        {pins("a", "DOA", 18)});
    """
    shown = run_cell(tmp_path, "ecp5.v", cell, '"%h", a', [(address(at, 18), 14)])
    assert [row[0] for row in shown] == words[at].tolist()


@pytest.mark.parametrize(
    ("mode", "after_write"),
    [("NORMAL", "kept"), ("WRITETHROUGH", "new"), ("READBEFOREWRITE", "old")],
)
def test_ecp5_port_that_writes_reads_as_its_mode_says(
    tmp_path: Path, mode: str, after_write: str
) -> None:
    rng = np.random.default_rng(4)
    writes, at = rng.integers(2, size=500), rng.integers(4, size=500)
    words = rng.integers(1 << 9, size=500)
    cell = f"""
      wire [17:0] a;
      DP16KD #(.DATA_WIDTH_A(9), .DATA_WIDTH_B(9), .WRITEMODE_A("{mode}")) ram (
        {scalars("DIA", 0, 9)}, {scalars("ADA", 9, 14)}, .CLKA(clk), .CEA(1'b1), .WEA(row[23]),
        .RSTA(1'b0), .RSTB(1'b0), .CEB(1'b0), .CSA0(1'b0), .CSA1(1'b0), .CSA2(1'b0),
        {pins("a", "DOA", 18)});
    """
    fields = [(words, 9), (address(at, 9), 14), (writes, 1)]
    shown = run_cell(tmp_path, "ecp5.v", cell, '"%h", a[8:0]', fields)
    stored, last, expected = [0] * 4, 0, []
    for write, place, word in zip(writes.tolist(), at.tolist(), words.tolist(), strict=True):
        old = stored[place]
        if write:
            stored[place] = word
        last = {"kept": last, "new": word, "old": old}[after_write] if write else old
        expected.append(last)
    assert [row[0] for row in shown] == expected


@pytest.mark.parametrize(
    ("cell", "width"), [("DPB", 4), ("DPX9B", 9), ("DPX9B", 18), ("SDPX9B", 36)]
)
def test_gowin_block_ram_is_an_array(tmp_path: Path, cell: str, width: int) -> None:
    byte = 8 if cell == "DPB" else 9
    ops = operations(width, width, byte)
    enables = ops["writes"] if width > byte else 0
    fields = [
        (ops["word"], 36),
        (address(ops["write_at"], width) | enables, 14),
        (write_enable(ops, width, byte), 1),
        (address(ops["read_at"], width), 14),
        (ops["reads"], 1),
    ]
    common = """.CLKA(clk), .CLKB(clk), .RESETA(1'b0), .RESETB(1'b0), .BLKSELA(3'b0),
        .BLKSELB(3'b0), .ADA(row[49:36]), .ADB(row[64:51]), .CEB(row[65])"""
    if cell == "SDPX9B":
        ports = f"{common}, .CEA(row[50]), .DI(row[35:0]), .DO(out)"
        modes = ""
    else:
        ports = f"{common}, .CEA(1'b1), .WREA(row[50]), .WREB(1'b0), .DIA(row[{2 * byte - 1}:0])"
        ports += f", .DOB(out[{2 * byte - 1}:0])"
        modes = ".WRITE_MODE0(2'b01), .WRITE_MODE1(2'b01), "
    instance = f"""
      wire [35:0] out;
      {cell} #({modes}.BIT_WIDTH_0({width}), .BIT_WIDTH_1({width})) ram ({ports});
    """
    word = f'"%h", out[{width - 1}:0]'
    shown = run_cell(tmp_path, "gowin.v", instance, word, fields)
    depth = 16384 // width if width < 8 else 18432 // width
    check([row[0] for row in shown], ops, Memory(width, byte, [0] * depth))


def test_gowin_read_only_memory_holds_its_initial_words(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    words = rng.integers(1 << 18, size=1024)
    lines = words.reshape(64, 16).tolist()
    values = [sum(w << 18 * n for n, w in enumerate(line)) for line in lines]
    init = ", ".join(f".INIT_RAM_{n:02X}(288'h{value:x})" for n, value in enumerate(values))
    at = rng.permutation(1024)
    cell = f"""
      wire [35:0] out;
      SPX9 #({init}, .BIT_WIDTH(18)) ram (.CLK(clk), .CE(1'b1), .RESET(1'b0), .WRE(1'b0),
        .BLKSEL(3'b0), .AD(row[13:0]), .DI(36'b0), .DO(out));
    """
    shown = run_cell(tmp_path, "gowin.v", cell, '"%h", out[17:0]', [(address(at, 18), 14)])
    assert [row[0] for row in shown] == words[at].tolist()


ECP5_MULTIPLIER = f"""
  wire [35:0] out;
  MULT18X18D dsp ({scalars("A", 0, 18)}, {scalars("B", 18, 18)}, .SIGNEDA(row[36]),
    .SIGNEDB(row[37]), .SOURCEA(1'b0), .SOURCEB(1'b0), {pins("out", "P", 36)});
"""
GOWIN_MULTIPLIER = """
  wire [35:0] out;
  MULT18X18 dsp (.A(row[17:0]), .B(row[35:18]), .ASIGN(row[36]), .BSIGN(row[37]), .SIA(18'b0),
    .SIB(18'b0), .ASEL(1'b0), .BSEL(1'b0), .CE(1'b0), .CLK(1'b0), .RESET(1'b0), .DOUT(out));
"""


@pytest.mark.parametrize(
    ("source", "cell"), [("ecp5.v", ECP5_MULTIPLIER), ("gowin.v", GOWIN_MULTIPLIER)]
)
def test_multiplier_gives_the_product(tmp_path: Path, source: str, cell: str) -> None:
    rng = np.random.default_rng(6)
    extremes = [0, 1, (1 << 17) - 1, 1 << 17, (1 << 18) - 1]
    pairs = [(a, b) for a in extremes for b in extremes] + rng.integers(
        1 << 18, size=(500, 2)
    ).tolist()
    signs = rng.integers(4, size=len(pairs))
    a, b = np.array(pairs).T
    shown = run_cell(tmp_path, source, cell, '"%h", out', [(a, 18), (b, 18), (signs, 2)])

    def value(bits: int, signed: int) -> int:
        return bits - (1 << 18) if signed and bits >> 17 else bits

    expected = [
        value(x, s & 1) * value(y, s >> 1) % (1 << 36)
        for (x, y), s in zip(pairs, signs.tolist(), strict=True)
    ]
    assert [row[0] for row in shown] == expected
