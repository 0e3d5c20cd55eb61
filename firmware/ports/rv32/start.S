/* Start of a RISC-V hart in machine mode. The emulator has put .data where it belongs. */
    .section .text.port_reset, "ax"
    .globl port_reset
port_reset:
    la   sp, port_stack_top
    la   t0, port_bss_start
    la   t1, port_bss_end
1:  bgeu t0, t1, 2f
    sw   zero, 0(t0)
    addi t0, t0, 4
    j    1b
2:  call main
3:  j    3b
