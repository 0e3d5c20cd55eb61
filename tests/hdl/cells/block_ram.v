// A synchronous memory of 2048 bytes of 9 bits with two ports on one clock, as the vendors' memory
// guides describe their blocks. ecp5.v and gowin.v give it their names for ports and parameters.
//
// A word of 9 bits or more is one, two or four whole bytes; the lowest address bits then say which of
// them are written. A narrower word is a part of a byte's lower eight bits.
module block_ram #(
  parameter BYTE = 9,     // bits of a byte that are used: 9, or 8 in blocks without parity
  parameter WIDTH_A = 18, // 1, 2, 4 bits, or a multiple of BYTE
  parameter WIDTH_B = 18,
  parameter MODE_A = 0,   // what a port that writes reads: 0 its last word, 1 the new, 2 the old one
  parameter MODE_B = 0,
  parameter [18431:0] INIT = 0
) (
  input clk,
  input enable_a, write_a, enable_b, write_b,
  input [13:0] address_a, address_b,
  input [35:0] in_a, in_b,
  output reg [35:0] out_a, out_b
);
  reg [8:0] bytes [0:2047];

  integer n;
  initial begin
    for (n = 0; n < 2048; n = n + 1) bytes[n] = INIT[9*n +: 9];
    out_a = 0;
    out_b = 0;
  end

  // Addresses count eighths of bytes.
  function integer units(input integer width);
    units = width < BYTE ? width : 8 * (width / BYTE);
  endfunction

  function integer place(input integer width, input [13:0] address);
    place = address & ~(units(width) - 1);
  endfunction

  function [35:0] stored(input integer width, input [13:0] address);
    integer k, at;
    begin
      at = place(width, address);
      stored = 0;
      if (width < BYTE) stored = (bytes[at / 8] >> at % 8) & ((1 << width) - 1);
      else
        for (k = 0; k < 4; k = k + 1)
          if (k < width / BYTE)
            stored = stored | (bytes[at / 8 + k] & ((1 << BYTE) - 1)) << (BYTE * k);
    end
  endfunction

  task store(input integer width, input [13:0] address, input [35:0] word);
    integer k, at, mask;
    begin
      at = place(width, address);
      if (width < BYTE) begin
        mask = ((1 << width) - 1) << at % 8;
        bytes[at / 8] = (bytes[at / 8] & ~mask) | (word << at % 8 & mask);
      end else
        for (k = 0; k < 4; k = k + 1)
          if (k < width / BYTE && (width == BYTE || address[k]))
            bytes[at / 8 + k] = word >> (BYTE * k);
    end
  endtask

  // A word of several bytes may be written in none of them.
  function some(input integer width, input [13:0] address);
    some = width <= BYTE || (address & (width / BYTE == 4 ? 15 : 3)) != 0;
  endfunction

  wire writes_a = enable_a && write_a && some(WIDTH_A, address_a);
  wire writes_b = enable_b && write_b && some(WIDTH_B, address_b);
  wire meet = place(WIDTH_A, address_a) < place(WIDTH_B, address_b) + units(WIDTH_B)
           && place(WIDTH_B, address_b) < place(WIDTH_A, address_a) + units(WIDTH_A);
  reg [35:0] old_a, old_b;

  always @(posedge clk) begin
    // What is read where the other port writes is undefined: here it is all wrong.
    old_a = stored(WIDTH_A, address_a) ^ {36{meet && writes_b}};
    old_b = stored(WIDTH_B, address_b) ^ {36{meet && writes_a}};
    if (writes_a) store(WIDTH_A, address_a, in_a);
    if (writes_b) store(WIDTH_B, address_b, in_b);
    if (enable_a && (!write_a || MODE_A == 2)) out_a <= old_a;
    if (enable_b && (!write_b || MODE_B == 2)) out_b <= old_b;
    if (writes_a && MODE_A == 1) out_a <= stored(WIDTH_A, address_a);
    if (writes_b && MODE_B == 1) out_b <= stored(WIDTH_B, address_b);
  end
endmodule
