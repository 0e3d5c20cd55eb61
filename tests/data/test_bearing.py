"""Vibrations of bearings in MATLAB files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from edgesnn.data import find_data_set
from edgesnn.data.bearing import read_bearing
from edgesnn.errors import InputError


def test_the_record_of_a_number_is_found_whatever_follows_it(tmp_path: Path) -> None:
    for name, value in (("97_Normal_0", 1.0), ("130@6_0", 2.0), ("197at6_0", 3.0), ("105", 4.0)):
        savemat(tmp_path / f"{name}.mat", {"X_DE_time": np.full((9, 1), value)})
    for record, value in (("97", 1.0), ("130", 2.0), ("197", 3.0), ("105", 4.0)):
        assert read_bearing(tmp_path, record).tolist() == [value] * 9


def test_what_is_no_record_is_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "97_0.mat", {"X097_FE_time": np.ones(3)})
    with pytest.raises(InputError, match="must hold an array that ends with _DE_time"):
        read_bearing(tmp_path, "97")
    with pytest.raises(InputError, match=r"must hold a file 105\*.mat; there are the records: 97"):
        read_bearing(tmp_path)
    for content in (b"no MATLAB" * 50, b""):
        (tmp_path / "105_0.mat").write_bytes(content)
        with pytest.raises(InputError, match="must be a MATLAB file"):
            read_bearing(tmp_path)


def test_real_record_shakes_by_a_fraction_of_g() -> None:
    try:
        path = find_data_set("cwru_bearing").find()
    except InputError as error:
        pytest.skip(str(error).splitlines()[0])
    found = read_bearing(path)
    assert len(found) > 120_000
    assert 0.2 < found.std() < 0.5
    assert abs(found.mean()) < 0.05
