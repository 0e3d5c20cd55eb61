"""``python -m edgesnn``: the command line without an installed script."""

from __future__ import annotations

from edgesnn.cli import main

main()
