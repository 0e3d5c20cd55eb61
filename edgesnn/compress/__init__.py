"""Compression: a trained model goes in, a sparse 4-bit integer network comes out.

Steps, each a pure function in a file of its own, in the order of the pipeline::

    statistics.collect   Hessians and rates, from calibration samples
    allocate.allocate    how many weights each layer keeps
    prune.prune          which ones, and what they become     (obs: the algebra of rows)
    quantize.quantize    codes and scales                     (grid, rounding, joint)
    fine_tune.fine_tune  optional training through the rounding
    refit                optionally the read-out once more, fitted to what codes do
    to_integers          thresholds, decays, biases and weight_shift
    match_rates          thresholds and biases as the float model fires

``pipeline.compress`` joins them, ``measure``, ``storage`` and ``summary`` fill the report.
Methods are chosen by name from the tables ALLOCATORS, PRUNERS, QUANTIZERS and ORDERS.
"""
