"""Compression: a trained model goes in, a sparse 4-bit integer network comes out.

Steps, each in a file of its own: calibrate, prune, quantize, tune, to_integers; the pipeline
joins them and the report says what each one cost. Methods are chosen by name from the tables
``PRUNERS`` and ``QUANTIZERS``.
"""
