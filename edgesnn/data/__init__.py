"""Data sets that others made: where they lie, what is in them, and readers of their formats.

Nothing is downloaded and nothing unpacked: files and archives are read where they are.
"""

from __future__ import annotations

from edgesnn.data.catalog import DATA_SETS, DataSet, Layout, find_data_set

__all__ = ["DATA_SETS", "DataSet", "Layout", "find_data_set"]
