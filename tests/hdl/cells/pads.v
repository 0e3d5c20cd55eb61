// Pads and clock circuits, reduced to wires: a pin is an input or an output, as the netlist says, and
// the clock of the design is the clock at the pin. Yosys' own pads have a third state, which the
// compiler of these models does not know; its clock circuits are empty boxes.

module SB_IO(
  inout PACKAGE_PIN,
  input LATCH_INPUT_VALUE, CLOCK_ENABLE, INPUT_CLK, OUTPUT_CLK, OUTPUT_ENABLE, D_OUT_0, D_OUT_1,
  output D_IN_0, D_IN_1
);
  parameter [5:0] PIN_TYPE = 0;
  parameter [0:0] PULLUP = 0;
  parameter [0:0] NEG_TRIGGER = 0;
  parameter IO_STANDARD = "";
  initial if (PIN_TYPE != 6'b000001 && PIN_TYPE != 6'b101001) $fatal(1, "a pad must not be registered");
  assign D_IN_0 = PACKAGE_PIN;
  generate if (PIN_TYPE[5]) assign PACKAGE_PIN = D_OUT_0; endgenerate
endmodule

module TRELLIS_IO(inout B, input I, T, output O);
  parameter DIR = "INPUT";
  assign O = B;
  generate if (DIR == "OUTPUT") assign B = I; endgenerate
endmodule

module TBUF(input I, OEN, output O);
  assign O = I;
endmodule

module SB_PLL40_PAD(input PACKAGEPIN, RESETB, BYPASS, output PLLOUTGLOBAL, LOCK);
  parameter FEEDBACK_PATH = "", DIVR = 0, DIVF = 0, DIVQ = 0, FILTER_RANGE = 0;
  assign PLLOUTGLOBAL = PACKAGEPIN;
  assign LOCK = 1;
endmodule

module EHXPLLL(
  input CLKI, CLKFB, RST, STDBY, PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG,
  input PLLWAKESYNC, ENCLKOP,
  output CLKOP, LOCK
);
  parameter FEEDBK_PATH = "", CLKI_DIV = 0, CLKFB_DIV = 0, CLKOP_DIV = 0, CLKOP_ENABLE = "";
  parameter CLKOP_CPHASE = 0, CLKOP_FPHASE = 0;
  assign CLKOP = CLKI;
  assign LOCK = 1;
endmodule

module rPLL(
  input CLKIN, CLKFB, RESET, RESET_P,
  input [5:0] FBDSEL, IDSEL, ODSEL,
  input [3:0] PSDA, DUTYDA, FDLY,
  output CLKOUT, LOCK
);
  parameter FCLKIN = "", DEVICE = "", CLKFB_SEL = "";
  parameter IDIV_SEL = 0, FBDIV_SEL = 0, ODIV_SEL = 0;
  parameter DYN_IDIV_SEL = "", DYN_FBDIV_SEL = "", DYN_ODIV_SEL = "";
  assign CLKOUT = CLKIN;
  assign LOCK = 1;
endmodule
