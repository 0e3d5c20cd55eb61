"""Model files: what is written comes back, and no damage goes unnoticed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from edgesnn import model_container, model_file
from edgesnn.errors import DesignRuleError, ModelFileError, UnsupportedModel
from edgesnn.model_container import NO_DIGEST, seal
from edgesnn.network import InputPopulation, Network
from tests.strategies import networks
from tests.vectors.generate import example_network, late_network, network_to_json

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests/vectors/model_files"
VERSIONS = [f"v{n}" for n in range(1, model_file.FORMAT_VERSION + 1)]
EXAMPLE = example_network()
DATA = model_file.encode(EXAMPLE)


def content(network: Network) -> dict:
    return network_to_json(network) | {"info": dict(network.info)}


def parts(data: bytes = DATA) -> tuple[dict, dict[str, np.ndarray]]:
    """Header and tensors, by the documentation alone."""
    size = int.from_bytes(data[:8], "little")
    table = json.loads(data[8 : 8 + size])
    header = json.loads(table.pop("__metadata__")["edgesnn"])
    dtypes = {"I32": "<i4", "U16": "<u2", "I8": "i1"}
    tensors = {}
    for name, tensor in table.items():
        begin, end = tensor["data_offsets"]
        raw = data[8 + size + begin : 8 + size + end]
        tensors[name] = np.frombuffer(raw, dtypes[tensor["dtype"]]).reshape(tensor["shape"])
    return header, tensors


def signed(header: dict, tensors: dict[str, np.ndarray]) -> bytes:
    """A file with a digest that is right, whatever is in it."""
    return seal(json.dumps(header | {"sha256": NO_DIGEST}), tensors)


def refusal(data: bytes) -> str:
    with pytest.raises(ModelFileError) as caught:
        model_file.decode(data)
    return str(caught.value)


@given(networks(currents=True, delays=True))
def test_network_comes_back(network):
    assert content(model_file.decode(model_file.encode(network))) == content(network)


def test_file_comes_back(tmp_path):
    model_file.write(EXAMPLE, tmp_path / "net.esnn")
    assert content(model_file.read(tmp_path / "net.esnn")) == content(EXAMPLE)
    assert [p.name for p in tmp_path.iterdir()] == ["net.esnn"]


def test_signed_parts_are_the_file_again():
    assert content(model_file.decode(signed(*parts()))) == content(EXAMPLE)


def test_file_has_the_lowest_version_that_can_hold_the_network(late_network, small_network):
    def version(network):
        return parts(model_file.encode(network))[0]["format_version"]

    assert version(small_network) == 1
    assert version(late_network) == 2
    late = late_network.connections[1:]
    connections = (*small_network.connections[:1], *late)
    assert version(replace(small_network, connections=connections)) == 2
    assert version(replace(late_network, connections=small_network.connections)) == 2


def test_version_one_holds_no_currents_and_no_delays():
    header, tensors = parts(model_file.encode(late_network()))
    message = "format_version must be 2, the lowest that can hold this network, not 1"
    assert refusal(signed(header | {"format_version": 1}, tensors)) == message
    header, tensors = parts()
    message = "format_version must be 1, the lowest that can hold this network, not 2"
    assert refusal(signed(header | {"format_version": 2}, tensors)) == message


def test_currents_and_delays_are_checked():
    header, tensors = parts(model_file.encode(late_network()))
    for where, index, name, value, message in (
        ("connections", 0, "delay", 1, "delay of 'keys' -> 'hidden' must be 0, since it comes"),
        ("connections", 2, "delay", 16, "connections.2.delay: must be less than or equal to 15"),
        ("populations", 2, "current_bits", 1, "populations.2.current_lif.current_bits: must be"),
        ("populations", 2, "kind", "lif", "populations.2.lif.current_bits: Extra inputs"),
    ):
        changed = json.loads(json.dumps(header))
        changed[where][index][name] = value
        assert message in refusal(signed(changed, tensors))
    short = tensors | {"population.2.synaptic_decay": np.zeros(3, np.int32)}
    assert "synaptic_decay must have 4 values, not 3" in refusal(signed(header, short))
    del tensors["population.2.synaptic_decay"]
    assert "tensor population.2.synaptic_decay must be there" in refusal(signed(header, tensors))


def test_same_network_gives_the_same_bytes():
    assert model_file.encode(example_network()) == DATA
    assert model_file.encode(model_file.decode(DATA)) == DATA
    shuffled = replace(EXAMPLE, info=dict(reversed(EXAMPLE.info.items())))
    assert model_file.encode(shuffled) == DATA


def test_every_version_so_far_has_a_golden_file():
    found = sorted(path.stem for path in GOLDEN.glob("*.esnn"))
    assert found == [*VERSIONS, f"v{model_file.LANGUAGE_VERSION}"]


@pytest.mark.parametrize("version", VERSIONS)
def test_golden_file_stays_readable(version):
    network = model_file.read(GOLDEN / f"{version}.esnn")
    assert content(network) == json.loads((GOLDEN / f"{version}.json").read_text())


def test_document_shows_the_table_of_fields():
    assert model_file.field_table() in (ROOT / "docs/model_file.md").read_text()


def test_document_names_every_tensor():
    page = (ROOT / "docs/model_file.md").read_text()
    for kind, table in (
        ("population", "LIF_TENSORS"),
        ("population", "CURRENT_TENSORS"),
        ("connection", "SYNAPSE_TENSORS"),
    ):
        for name, dtype in getattr(model_file, table).items():
            assert f"| `{kind}.i.{name}` | {dtype} |" in page


def test_no_flipped_bit_goes_unnoticed():
    for position in range(len(DATA)):
        flipped = bytearray(DATA)
        flipped[position] ^= 1 << position % 8
        try:
            network = model_file.decode(bytes(flipped))
        except ModelFileError:
            continue
        assert content(network) == content(EXAMPLE)


def test_no_truncation_goes_unnoticed():
    for size in range(len(DATA)):
        with pytest.raises(ModelFileError):
            model_file.decode(DATA[:size])


MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "set", "cut", "insert", "repeat", "swap"]),
        st.integers(0, len(DATA) - 1),
        st.integers(0, 64),
        st.binary(min_size=1, max_size=9),
    ),
    min_size=1,
    max_size=4,
)


def mutate(data: bytes, mutations: list[tuple[str, int, int, bytes]]) -> bytes:
    changed = bytearray(data)
    for kind, position, length, filling in mutations:
        end = position + length
        if kind == "flip" and position < len(changed):
            changed[position] ^= filling[0]
        elif kind == "set":
            changed[position : position + len(filling)] = filling
        elif kind == "cut":
            del changed[position:end]
        elif kind == "insert":
            changed[position:position] = filling
        elif kind == "repeat":
            changed[position:position] = changed[position:end]
        elif kind == "swap":
            half = position + length // 2
            changed[position:end] = changed[half:end] + changed[position:half]
    return bytes(changed)


@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
@given(MUTATIONS)
def test_any_mutation_is_refused_or_changes_nothing(mutations):
    try:
        network = model_file.decode(mutate(DATA, mutations))
    except ModelFileError:
        return
    assert content(network) == content(EXAMPLE)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data):
    refusal(data)


HUGE = (1 << 62).to_bytes(8, "little")
NESTED = b"[" * 100_000


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 8, HUGE + DATA[8:], len(NESTED).to_bytes(8, "little") + NESTED, DATA + b"\0"],
    ids=["empty", "no table", "huge table", "nested table", "trailing byte"],
)
def test_broken_containers_are_refused(data):
    assert "a model file must be a whole safetensors file" in refusal(data)


def test_other_safetensors_files_are_refused():
    for metadata in (None, {"format": "pt"}, {"edgesnn": "{}", "more": ""}):
        assert "metadata must hold the key 'edgesnn' alone" in refusal(save({}, metadata))
    floats = save({"x": np.zeros(2, np.float32)}, {"edgesnn": "{}"})
    assert refusal(floats) == "tensors must be ['I16', 'I32', 'I8', 'U16'], not ['F32']"


def test_oversized_files_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(model_container, "MAX_FILE_BYTES", len(DATA) - 1)
    assert refusal(DATA) == f"a model file must have at most {len(DATA) - 1} bytes"
    (tmp_path / "big.esnn").write_bytes(DATA)
    with pytest.raises(ModelFileError, match="big.esnn: a model file must have at most"):
        model_file.read(tmp_path / "big.esnn")


def test_absent_file_and_folder_are_refused(tmp_path):
    with pytest.raises(ModelFileError, match="none.esnn: cannot be read: No such file"):
        model_file.read(tmp_path / "none.esnn")
    with pytest.raises(ModelFileError, match="cannot be read: Is a directory"):
        model_file.read(tmp_path)


@pytest.mark.parametrize("version", [0, 4, "1", 1.0, 3.0, True, None])
def test_other_versions_are_refused(version):
    header, tensors = parts()
    message = refusal(signed(header | {"format_version": version}, tensors))
    assert message == (
        f"format_version must be in 1..2, not {version!r}; "
        "use the version of edgesnn that wrote the file"
    )


def test_a_language_model_breaks_a_design_rule_of_the_core():
    with pytest.raises(DesignRuleError, match="must be inputs and LIF neurons to run on a core.*"):
        model_file.decode(seal(json.dumps({"format_version": 3, "sha256": NO_DIGEST}), {}))
    for digest in ("", "0", 7, None):
        damaged = save({}, {"edgesnn": json.dumps({"format_version": 3, "sha256": digest})})
        assert refusal(damaged) == "sha256 must be 64 hexadecimal digits; the file is damaged"


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", '"x"', "[" * 100_000])
def test_headers_that_are_no_headers_are_refused(text):
    message = "the header must be a JSON object with format_version"
    assert refusal(save({}, {"edgesnn": text})) == message


def test_reserved_fields_are_refused_by_name():
    header, tensors = parts()
    for where, index, name, value, message in (
        ("connections", 0, "kind", "convolution", "connections.0.kind: must be 'sparse'"),
        ("populations", 2, "kind", "burst_lif", "'burst_lif'"),
        ("populations", 3, "spikes_per_step", 2, "populations.3.lif.spikes_per_step: must be 1"),
    ):
        changed = json.loads(json.dumps(header))
        changed[where][index][name] = value
        assert message in refusal(signed(changed, tensors))


def test_unknown_and_absent_fields_are_refused_at_every_level():
    header, tensors = parts()
    for path in ((), ("readout",), ("event_limit",), ("populations", 2), ("connections", 0)):
        present = header
        for key in path:
            present = present[key]
        for name in {*present, "surprise"} - {"sha256", "format_version", "kind"}:
            changed = json.loads(json.dumps(header))
            place = changed
            for key in path:
                place = place[key]
            if name == "surprise":
                place[name] = 1
            else:
                del place[name]
            message = refusal(signed(changed, tensors))
            assert ("Extra inputs" if name == "surprise" else "Field required") in message
            assert f"{name}: " in message


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("state_bits", 17, "state_bits: must be 16, 18 or 24"),
        ("state_bits", "16", "state_bits: must be 16, 18 or 24"),
        ("populations", [], "populations: List should have at least 2 items"),
        ("info", [], "info: must be an object"),
        ("readout", {"population": -1, "rule": "spike_count", "window_steps": 1}, "greater than"),
        ("readout", {"population": 9, "rule": "spike_count", "window_steps": 1}, "must be a LIF"),
        ("readout", {"population": 3, "rule": "loudest", "window_steps": 1}, "readout.rule: must"),
        ("event_limit", {"form": "full", "value": 16}, "event limit must be in 1..15, not 16"),
        ("event_limit", {"form": "full", "value": 1.0}, "event_limit.value: must be a valid int"),
    ],
)
def test_wrong_values_are_refused(name, value, message):
    header, tensors = parts()
    assert message in refusal(signed(header | {name: value}, tensors))


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("population.2.threshold", np.zeros(3, np.int32), "must have 4 values, not 3"),
        ("population.2.threshold", np.zeros((4, 1), np.int32), "must be I32 [n], not I32 (4, 1)"),
        ("population.2.threshold", np.zeros(4, np.int8), "must be I32 [n], not I8 (4,)"),
        ("population.9.threshold", np.zeros(4, np.int32), "must not be there"),
        ("connection.0.row_start", np.array([0, 9, 2, 6], np.int32), "row_start must not decrease"),
        ("connection.0.row_start", np.array([0, 2, 6], np.int32), "must be 3 x 4, not 2 x 4"),
        ("connection.0.targets", np.full(6, 4, np.uint16), "targets must be in 0..3"),
        ("connection.0.weights", np.full(6, 9, np.int8), "weights must be in -8..7"),
        ("connection.0.weights", np.zeros(6, np.int8), "a stored weight must not be 0"),
        ("connection.0.weights", None, "tensor connection.0.weights must be there"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(name, values, message):
    header, tensors = parts()
    if values is None:
        del tensors[name]
    else:
        tensors[name] = values
    assert message in refusal(signed(header, tensors))


def test_connections_that_do_not_fit_are_refused():
    header, tensors = parts()
    for name, value, message in (
        ("target", 99, "target must be in 0..3, not 99"),
        ("source", 99, "a connection must join populations 0..3"),
        ("source", 3, "connections must be sorted by target, then source"),
    ):
        changed = json.loads(json.dumps(header))
        index = -1 if message.startswith("a") else 0
        changed["connections"][index][name] = value
        assert message in refusal(signed(changed, tensors))


def test_changed_weight_without_its_digest_is_refused():
    header, tensors = parts()
    weights = tensors["connection.0.weights"].copy()
    weights[0] += 1 if weights[0] not in (-1, 7) else -2
    data = save(tensors | {"connection.0.weights": weights}, {"edgesnn": json.dumps(header)})
    message = refusal(data)
    assert message.startswith("sha256 must be ")
    assert message.endswith("the file was damaged or changed; copy it again or write it anew")


def test_what_a_file_cannot_hold_is_not_written(tmp_path):
    deep: list = []
    for _ in range(500):
        deep = [deep]
    unwritable = (object(), float("nan"), "\ud800", NO_DIGEST, deep)
    for info in ({"x": value} for value in unwritable):
        with pytest.raises(UnsupportedModel, match="info must hold JSON values only"):
            model_file.write(replace(EXAMPLE, info=info), tmp_path / "net.esnn")
    wide = InputPopulation("wide", 65537)
    with pytest.raises(UnsupportedModel, match="size of 'wide' must be at most 65536"):
        model_file.encode(
            replace(EXAMPLE, populations=(wide, *EXAMPLE.populations[1:]), connections=())
        )
    assert list(tmp_path.iterdir()) == []


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "net.esnn"
    model_file.write(EXAMPLE, path)

    def fail(_descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(model_file.os, "fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        model_file.write(replace(EXAMPLE, info={}), path)
    assert path.read_bytes() == DATA
    assert [p.name for p in tmp_path.iterdir()] == ["net.esnn"]
