// Block RAM and multiplier of Gowin LittleBee, which Yosys has only as empty boxes. Written from the
// BSRAM & SSRAM User Guide (UG285), the DSP User Guide (UG287) and from how Yosys wires them
// (techlibs/gowin: brams_map.v, dsp_map.v).

`define HEX16(p) p``F, p``E, p``D, p``C, p``B, p``A, p``9, p``8, p``7, p``6, p``5, p``4, p``3, p``2, p``1, p``0
`define HEX16_0(p) p``F = 0, p``E = 0, p``D = 0, p``C = 0, p``B = 0, p``A = 0, p``9 = 0, p``8 = 0, \
                   p``7 = 0, p``6 = 0, p``5 = 0, p``4 = 0, p``3 = 0, p``2 = 0, p``1 = 0, p``0 = 0
`define INIT_PARAMETERS `HEX16_0(INIT_RAM_0), `HEX16_0(INIT_RAM_1), `HEX16_0(INIT_RAM_2), `HEX16_0(INIT_RAM_3)
`define INIT_VALUE {`HEX16(INIT_RAM_3), `HEX16(INIT_RAM_2), `HEX16(INIT_RAM_1), `HEX16(INIT_RAM_0)}

// Two ports that read and write. DPX9B has bytes of nine bits, DPB of eight.
`define DUAL_PORT(NAME, BITS) \
module NAME( \
  input CLKA, CEA, CLKB, CEB, OCEA, OCEB, RESETA, RESETB, WREA, WREB, \
  input [13:0] ADA, ADB, \
  input [2*BITS-1:0] DIA, DIB, \
  input [2:0] BLKSELA, BLKSELB, \
  output [2*BITS-1:0] DOA, DOB \
); \
  parameter [0:0] READ_MODE0 = 0, READ_MODE1 = 0; \
  parameter [1:0] WRITE_MODE0 = 0, WRITE_MODE1 = 0; \
  parameter BIT_WIDTH_0 = 2 * BITS, BIT_WIDTH_1 = 2 * BITS; \
  parameter [2:0] BLK_SEL_0 = 0, BLK_SEL_1 = 0; \
  parameter RESET_MODE = "SYNC"; \
  parameter [32*BITS-1:0] `INIT_PARAMETERS; \
  initial if (READ_MODE0 || READ_MODE1) $fatal(1, "no model of output registers"); \
  initial if (BITS != 9 && `INIT_VALUE != 0) $fatal(1, "no model of initial words of eight bits"); \
  always @(posedge CLKA) if (RESETA || RESETB) $fatal(1, "no model of reset"); \
  wire [35:0] out_a, out_b; \
  assign DOA = out_a; \
  assign DOB = out_b; \
  block_ram #( \
    .BYTE(BITS), .WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .MODE_A(WRITE_MODE0), \
    .MODE_B(WRITE_MODE1), .INIT(`INIT_VALUE) \
  ) ram ( \
    .clk(CLKA), .in_a(DIA), .in_b(DIB), .out_a(out_a), .out_b(out_b), \
    .enable_a(CEA && BLKSELA == BLK_SEL_0), .write_a(WREA), .address_a(ADA), \
    .enable_b(CEB && BLKSELB == BLK_SEL_1), .write_b(WREB), .address_b(ADB) \
  ); \
endmodule
`DUAL_PORT(DPX9B, 9)
`DUAL_PORT(DPB, 8)

// One port that writes (A), one that reads (B).
module SDPX9B(
  input CLKA, CEA, CLKB, CEB, OCE, RESETA, RESETB,
  input [13:0] ADA, ADB,
  input [35:0] DI,
  input [2:0] BLKSELA, BLKSELB,
  output [35:0] DO
);
  parameter [0:0] READ_MODE = 0;
  parameter BIT_WIDTH_0 = 36, BIT_WIDTH_1 = 36;
  parameter [2:0] BLK_SEL_0 = 0, BLK_SEL_1 = 0;
  parameter RESET_MODE = "SYNC";
  parameter [287:0] `INIT_PARAMETERS;
  initial if (READ_MODE) $fatal(1, "no model of output registers");
  always @(posedge CLKA) if (RESETA || RESETB) $fatal(1, "no model of reset");
  block_ram #(.WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .INIT(`INIT_VALUE)) ram (
    .clk(CLKA), .in_a(DI), .in_b(36'b0), .out_a(), .out_b(DO),
    .enable_a(CEA && BLKSELA == BLK_SEL_0), .write_a(1'b1), .address_a(ADA),
    .enable_b(CEB && BLKSELB == BLK_SEL_1), .write_b(1'b0), .address_b(ADB)
  );
endmodule

// One port.
module SPX9(
  input CLK, CE, OCE, RESET, WRE,
  input [13:0] AD,
  input [35:0] DI,
  input [2:0] BLKSEL,
  output [35:0] DO
);
  parameter [0:0] READ_MODE = 0;
  parameter [1:0] WRITE_MODE = 0;
  parameter BIT_WIDTH = 36;
  parameter [2:0] BLK_SEL = 0;
  parameter RESET_MODE = "SYNC";
  parameter [287:0] `INIT_PARAMETERS;
  initial if (READ_MODE) $fatal(1, "no model of output registers");
  always @(posedge CLK) if (RESET) $fatal(1, "no model of reset");
  block_ram #(.WIDTH_A(BIT_WIDTH), .MODE_A(WRITE_MODE), .INIT(`INIT_VALUE)) ram (
    .clk(CLK), .in_a(DI), .in_b(36'b0), .out_a(DO), .out_b(),
    .enable_a(CE && BLKSEL == BLK_SEL), .write_a(WRE), .address_a(AD),
    .enable_b(1'b0), .write_b(1'b0), .address_b(14'b0)
  );
endmodule

// Without registers, as in this project's netlists.
module MULT18X18(
  input [17:0] A, SIA, B, SIB,
  input ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET,
  output [35:0] DOUT,
  output [17:0] SOA, SOB
);
  parameter [0:0] AREG = 0, BREG = 0, OUT_REG = 0, PIPE_REG = 0;
  parameter [0:0] ASIGN_REG = 0, BSIGN_REG = 0, SOA_REG = 0;
  parameter MULT_RESET_MODE = "SYNC";
  initial if (AREG || BREG || OUT_REG || PIPE_REG) $fatal(1, "no model of registers");
  wire signed [18:0] a = {ASIGN && A[17], A};
  wire signed [18:0] b = {BSIGN && B[17], B};
  assign DOUT = a * b;
endmodule
