// Block RAM and multiplier of Lattice ECP5, which Yosys has only as empty boxes. Written from the
// ECP5 Memory Usage Guide (FPGA-TN-02204), the sysDSP Usage Guide (FPGA-TN-02205) and from how
// Yosys wires them (techlibs/lattice: brams_map_16kd.v, dsp_map_18x18.v).

`define BITS14(p) p``13, p``12, p``11, p``10, p``9, p``8, p``7, p``6, p``5, p``4, p``3, p``2, p``1, p``0
`define BITS18(p) p``17, p``16, p``15, p``14, `BITS14(p)
`define HEX16(p) p``F, p``E, p``D, p``C, p``B, p``A, p``9, p``8, p``7, p``6, p``5, p``4, p``3, p``2, p``1, p``0
`define HEX16_0(p) p``F = 0, p``E = 0, p``D = 0, p``C = 0, p``B = 0, p``A = 0, p``9 = 0, p``8 = 0, \
                   p``7 = 0, p``6 = 0, p``5 = 0, p``4 = 0, p``3 = 0, p``2 = 0, p``1 = 0, p``0 = 0

// Two ports of up to 18 bits, or one that writes 36 bits (A, its upper half on B's pins) and one
// that reads as many (B, its lower half on A's pins).
module DP16KD(
  input `BITS18(DIA), `BITS14(ADA), CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
  input `BITS18(DIB), `BITS14(ADB), CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
  output `BITS18(DOA), `BITS18(DOB)
);
  parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18;
  parameter [159:0] WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL";
  parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG";
  parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC", GSR = "ENABLED";
  parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000";
  parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB";
  parameter [319:0] `HEX16_0(INITVAL_0), `HEX16_0(INITVAL_1), `HEX16_0(INITVAL_2), `HEX16_0(INITVAL_3);

  // Words of 18 bits in 20.
  localparam [20479:0] INITVAL = {
    `HEX16(INITVAL_3), `HEX16(INITVAL_2), `HEX16(INITVAL_1), `HEX16(INITVAL_0)
  };
  function [18431:0] packed_init(input [20479:0] init);
    integer n;
    for (n = 0; n < 1024; n = n + 1) packed_init[18*n +: 18] = init[20*n +: 18];
  endfunction
  function integer mode(input [159:0] name);
    mode = name == "WRITETHROUGH" ? 1 : name == "READBEFOREWRITE" ? 2 : 0;
  endfunction

  initial begin
    if (REGMODE_A != "NOREG" || REGMODE_B != "NOREG") $fatal(1, "no model of output registers");
    if (CSDECODE_A != "0b000" || CSDECODE_B != "0b000") $fatal(1, "no model of this block select");
    if (CLKAMUX != "CLKA" || CLKBMUX != "CLKB") $fatal(1, "no model of inverted clocks");
  end
  always @(posedge CLKA) if (RSTA || RSTB) $fatal(1, "no model of reset");

  wire [35:0] in_b = {`BITS18(DIB)};
  wire [35:0] in_a = {DATA_WIDTH_A == 36 ? in_b[17:0] : 18'b0, `BITS18(DIA)};
  wire [35:0] out_a, out_b;
  assign {`BITS18(DOA)} = DATA_WIDTH_B == 36 ? out_b[17:0] : out_a[17:0];
  assign {`BITS18(DOB)} = DATA_WIDTH_B == 36 ? out_b[35:18] : out_b[17:0];
  block_ram #(
    .WIDTH_A(DATA_WIDTH_A), .WIDTH_B(DATA_WIDTH_B), .MODE_A(mode(WRITEMODE_A)),
    .MODE_B(mode(WRITEMODE_B)), .INIT(packed_init(INITVAL))
  ) ram (
    .clk(CLKA), .in_a(in_a), .in_b(in_b), .out_a(out_a), .out_b(out_b),
    .enable_a(CEA && {CSA2, CSA1, CSA0} == 0), .write_a(WEA), .address_a({`BITS14(ADA)}),
    .enable_b(CEB && {CSB2, CSB1, CSB0} == 0), .write_b(WEB), .address_b({`BITS14(ADB)})
  );
endmodule

// Without registers, as in this project's netlists.
module MULT18X18D(
  input `BITS18(A), `BITS18(B), `BITS18(C), SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
  output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18,
  output `BITS18(P)
);
  wire signed [18:0] a = {SIGNEDA && A17, `BITS18(A)};
  wire signed [18:0] b = {SIGNEDB && B17, `BITS18(B)};
  assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18,
          `BITS18(P)} = a * b;
endmodule
