"""The command line: one small file for each group of verbs.

Heavy packages are imported by the verb that needs them, so that ``edgesnn --help`` is quick and
a host that only streams needs no PyTorch and no Amaranth.
"""

from __future__ import annotations

from edgesnn.cli.app import main

__all__ = ["main"]
