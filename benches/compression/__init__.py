"""What compression costs, on real data: ``python -m benches.compression [--write docs/results]``.

Models are trained with the recipes first, three seeds each, and kept in a folder (``--models``), so
that a second run only compresses. Held-out samples are measured on and decide nothing.
"""
