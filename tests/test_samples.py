"""Samples from files and lines: what is read, and what is refused in which words."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgesnn.encoders import RateEncoder
from edgesnn.errors import InputError
from edgesnn.samples import (
    Samples,
    accuracy,
    parse_line,
    read_samples,
    samples_from_lines,
    write_samples,
)


def test_npz_file_keeps_samples_and_labels(tmp_path: Path) -> None:
    samples = Samples(np.arange(12.0).reshape(3, 2, 2), np.array([2, 0, 1]))
    write_samples(tmp_path / "s.npz", samples)
    read = read_samples(tmp_path / "s.npz")
    assert np.array_equal(read.windows, samples.windows)
    assert read.labels is not None
    assert read.labels.tolist() == [2, 0, 1]


def test_labels_may_be_absent(tmp_path: Path) -> None:
    write_samples(tmp_path / "s.npz", Samples(np.ones((2, 3))))
    assert read_samples(tmp_path / "s.npz").labels is None


@pytest.mark.parametrize("text", ["1,2\n3,4\n", "1\t2\n3\t4\n", "1 2\n\n# note\n3 4", "1;2\n3;4"])
def test_lines_may_be_separated_by_commas_tabs_or_blanks(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.csv").write_text(text)
    assert read_samples(tmp_path / "s.csv").windows.tolist() == [[[1, 2]], [[3, 4]]]


def test_last_column_called_label_holds_the_right_answers(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("x,y,label\n1,2,0\n3,4,1\n5,6,1\n7,8,0\n9,9,9\n")
    read = read_samples(tmp_path / "s.csv", samples_per_window=2)
    assert read.windows.tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    assert read.labels is not None
    assert read.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("s.csv", b"1,2\n3\n", "must hold the same number of values"),
        ("s.csv", b"1,2\n3,x\n", "line 2: a line must hold numbers separated by commas"),
        ("s.csv", b"\n\n", "must hold at least one line of numbers"),
        ("s.csv", b"\xff\xfe\x00", "must be a text file of numbers"),
        ("s.csv", b"1,label\n2,0.5\n", "labels of .* must be integers"),
        ("s.npz", b"PK\x03\x04 no zip", "must be an NPZ file of plain arrays"),
        ("s.npz", b"", "must be an NPZ file of plain arrays"),
        ("s.csv", b"1,label\n2,inf\n", "labels of .* must be integers"),
        ("s.csv", b"1,label\n2,1e300\n", "labels of .* must be integers"),
        ("s.csv", b"x" * 200_000, r"line 1: .* not 'x{40}\.\.\.'$"),
        ("s.csv", b'"' + b"1," * 100_000, r"line 1: .* not '\"(1,)+1?\.\.\.'$"),
    ],
)
def test_damaged_files_are_input_errors(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_samples(tmp_path / name)


def test_header_may_be_separated_by_tabs(tmp_path: Path) -> None:
    (tmp_path / "s.tsv").write_text("x\ty\tLabel\n1\t2\t0\n3\t4\t1\n")
    read = read_samples(tmp_path / "s.tsv")
    assert read.labels is not None
    assert read.labels.tolist() == [0, 1]
    assert read.windows.tolist() == [[[1, 2]], [[3, 4]]]


def test_lines_that_fill_no_window_are_counted(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("1\n2\n3\n4\n5\n")
    assert read_samples(tmp_path / "s.csv", samples_per_window=3).left_over == 2
    assert read_samples(tmp_path / "s.csv").left_over == 0


@pytest.mark.parametrize("values", [np.ones((2, 3), complex), np.array([["1", "2"]])])
def test_samples_must_be_real_numbers(tmp_path: Path, values: np.ndarray) -> None:
    np.savez(tmp_path / "s.npz", samples=values)
    with pytest.raises(InputError, match=f"samples must be real numbers, not {values.dtype}"):
        read_samples(tmp_path / "s.npz")


def test_number_beyond_single_precision_is_refused_by_the_encoder(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("1e300\n")
    with pytest.raises(InputError, match="samples must be finite numbers"):
        read_samples(tmp_path / "s.csv").events(RateEncoder(channels=1))


def test_samples_are_written_to_exactly_the_given_name(tmp_path: Path) -> None:
    write_samples(tmp_path / "held_out", Samples(np.ones((2, 3)), np.array([1, 0])))
    assert [p.name for p in tmp_path.iterdir()] == ["held_out"]
    assert read_samples(tmp_path / "held_out").windows.tolist() == [[[1] * 3]] * 2


def test_absent_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_samples(tmp_path / "s.csv")


def test_too_few_lines_for_a_window_are_refused(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("1\n2\n")
    with pytest.raises(InputError, match="must hold at least 3 lines for one window"):
        read_samples(tmp_path / "s.csv", samples_per_window=3)


def test_npz_without_samples_says_what_it_holds(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", x=np.ones(3))
    with pytest.raises(InputError, match=r"must hold an array 'samples' .*not \['x'\]"):
        read_samples(tmp_path / "s.npz")


def test_npz_with_objects_is_not_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", samples=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="must be an NPZ file of plain arrays"):
        read_samples(tmp_path / "s.npz")


@given(st.data())
def test_a_damaged_npz_file_gives_an_input_error_or_samples(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.npz"
        write_samples(path, Samples(np.arange(6.0).reshape(3, 2), np.array([0, 1, 2])))
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        try:
            read_samples(path)
        except InputError as error:
            assert str(error)  # noqa: PT017 - any other error must surface


@pytest.mark.parametrize("shape", [(4,), (1, 2, 3, 4)])
def test_samples_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="samples must have shape"):
        Samples(np.zeros(shape))


@pytest.mark.parametrize("shape", [(0, 3), (0, 1, 64), (5, 0, 3), (5, 2, 0)])
def test_samples_without_a_number_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"must hold at least one window, of at least .*, not \["):
        Samples(np.zeros(shape))


def test_labels_must_be_one_integer_for_each_window() -> None:
    with pytest.raises(InputError, match="labels must be 2 integers"):
        Samples(np.zeros((2, 3)), np.array([0.5, 1.0]))
    with pytest.raises(InputError, match="labels must be 2 integers"):
        Samples(np.zeros((2, 3)), np.array([1]))


def test_first_windows_keep_their_labels() -> None:
    samples = Samples(np.zeros((5, 3)), np.arange(5)).first(2)
    assert len(samples) == 2
    assert samples.labels is not None
    assert samples.labels.tolist() == [0, 1]


def test_events_are_those_of_the_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = RateEncoder(channels=3, high=4, full_scale=4, steps_per_sample=4)
    samples = Samples(np.random.default_rng(0).uniform(0, 4, (5, 2, 3)), np.arange(5))
    expected = encoder.encode_windows(samples.windows)
    assert np.array_equal(samples.events(encoder).to_rasters(), expected)
    monkeypatch.setattr("edgesnn.samples.COUNTS_AT_ONCE", 2 * 8 * 3)
    in_parts = samples.labelled(encoder)
    assert np.array_equal(in_parts.events.to_rasters(), expected)
    assert in_parts.labels.tolist() == [0, 1, 2, 3, 4]


def test_samples_without_labels_have_no_labelled_events() -> None:
    with pytest.raises(InputError, match="samples must hold labels"):
        Samples(np.zeros((2, 3))).labelled(RateEncoder(channels=3))


def test_no_decision_is_wrong() -> None:
    assert accuracy(np.array([1, -1, 2, 0]), np.array([1, 1, 2, 2])) == 0.5


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5))
def test_a_printed_line_is_read_back(values: list[float]) -> None:
    for separator in (",", "\t", " ", ", "):
        assert parse_line(separator.join(repr(v) for v in values)) == values


@given(st.text(max_size=30))
def test_any_line_gives_numbers_or_an_input_error(line: str) -> None:
    try:
        values = parse_line(line)
    except InputError as error:
        assert "must hold numbers" in str(error)  # noqa: PT017 - other errors must surface
    else:
        assert all(isinstance(value, float) for value in values)


def test_running_source_names_the_bad_line() -> None:
    with pytest.raises(InputError, match="line 3: a sample must have 2 channels, not 1"):
        list(samples_from_lines(["1 2", "", "3"], channels=2))
    with pytest.raises(InputError, match="line 1: a sample must hold finite numbers"):
        list(samples_from_lines(["1 nan"], channels=2))


def test_sensor_may_start_in_the_middle_of_a_line() -> None:
    lines = ["7", "1,2", "garbage \ufffd", "3,4,", "5,inf"]
    assert list(samples_from_lines(lines, channels=2, skip_bad=True)) == [[1, 2], [3, 4]]
