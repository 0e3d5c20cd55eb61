"""The gateware of edgesnn, in Amaranth. Part of the ``edgesnn`` distribution (extra ``fpga``)."""
