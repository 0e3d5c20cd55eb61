"""A sensor node on an emulated microcontroller feeds a board's gates, UART to UART."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgesnn._resources import firmware_dir
from edgesnn.backends.serial_device import SerialDevice
from edgesnn.encoders import (
    AnyEncoder,
    DeltaEncoder,
    FilterBankEncoder,
    LevelCrossingEncoder,
    RateEncoder,
    encoder_to_info,
)
from edgesnn.errors import BuildFailed, InputError, LinkTimeout
from edgesnn.framing import Frame, encode
from edgesnn.memory_image import pack
from edgesnn.network import (
    Connection,
    EventLimit,
    EventLimitForm,
    InputPopulation,
    LifPopulation,
    Network,
    Readout,
    ReadoutRule,
)
from edgesnn.protocol import Message
from edgesnn.samples import Samples
from edgesnn.sensor_node import EmulatedNode, NodeRun, node_data
from edgesnn.simulator import Simulator
from edgesnn.synapses import Synapses
from edgesnn.virtual_board import VirtualBoard
from tests.firmware.emulated import needs
from tests.small_board import SMALL, FaultyLine

DELTA = DeltaEncoder(channels=4, resolution=0.125, threshold=4, max_events=3, hysteresis=1)
CROSSING = LevelCrossingEncoder(channels=4, resolution=0.125, spacing=3, max_events=3)
SOUND = FilterBankEncoder(
    80, FilterBankEncoder.design(6, 200, 3000, 8000), rate_unit=0, threshold=4, max_events=3
)
STEPS = 10


def network_for(encoder: AnyEncoder, step_seconds: float | None) -> Network:
    """Recurrent, of two populations, lively, with answers that differ."""
    rng = np.random.default_rng(29 if encoder is SOUND else 36)

    def dense(rows: int, columns: int) -> Synapses:
        return Synapses.from_dense(rng.integers(-7, 8, (rows, columns)))

    def population(name: str, size: int) -> LifPopulation:
        return LifPopulation(name, [20] * size, [3000] * size, [0] * size, membrane_bits=12)

    return Network(
        (
            InputPopulation("input", encoder.num_sources),
            population("hidden", 20),
            population("output", 5),
        ),
        (
            Connection(0, 1, dense(encoder.num_sources, 20)),
            Connection(1, 1, dense(20, 20)),
            Connection(1, 2, dense(20, 5), 1),
        ),
        Readout(2, ReadoutRule.SPIKE_COUNT, STEPS),
        event_limit=EventLimit(EventLimitForm.FULL, encoder.max_events),
        info={"encoder": encoder_to_info(encoder), "step_seconds": step_seconds},
    )


def motion(num_windows: int) -> Samples:
    steps = np.random.default_rng(2).normal(0, 0.8, (num_windows, STEPS, 4))
    return Samples(np.cumsum(steps, axis=1))


def sound(num_windows: int) -> Samples:
    """Noise whose loudness and colour change from frame to frame."""
    rng = np.random.default_rng(3)
    frames = rng.normal(0, 1, (num_windows, STEPS, 80)) * 2 ** rng.uniform(
        2, 14, (num_windows, STEPS, 1)
    )
    return Samples(np.where(rng.random((num_windows, STEPS, 1)) < 0.5, frames.cumsum(2), frames))


def expected(network: Network, encoder: AnyEncoder, samples: Samples) -> list[int | None]:
    simulator = Simulator(network)
    return [simulator.run(stream)[0].decision for stream in samples.events(encoder).streams()]


def num_events(encoder: AnyEncoder, samples: Samples) -> int:
    return int(encoder.encode_windows(samples.windows).sum())


def load(port: str, network: Network) -> None:
    with SerialDevice(port) as device:
        device.load(network)


def lost_nothing(run: NodeRun) -> bool:
    lost = (run.dropped_samples, run.dropped_events, run.lost_steps, run.lost_events)
    return lost == (0, 0, 0, 0)


@pytest.mark.tools
@needs("cortex-m3")
@pytest.mark.parametrize(
    ("encoder", "samples", "step_seconds"),
    [(DELTA, motion(6), 0.05), (CROSSING, motion(6), 0.02), (SOUND, sound(6), 0.01)],
    ids=["delta", "level crossing", "sound"],
)
def test_decisions_of_the_board_are_those_of_the_simulator(
    encoder: AnyEncoder, samples: Samples, step_seconds: float
) -> None:
    network, windows = network_for(encoder, step_seconds), len(samples)
    seconds = 2 * windows * STEPS * step_seconds - 0.01  # the recording twice, rounded up
    with VirtualBoard(SMALL, tcp=True) as board:
        load(board.port, network)
        with EmulatedNode(network, samples, board.port, seconds) as node:
            run = node.finish()
    wanted = expected(network, encoder, samples)
    assert list(run.decisions) == 2 * wanted
    assert len(set(wanted)) > 1
    assert lost_nothing(run)
    assert run.events == 2 * num_events(encoder, samples)
    assert run.samples == 2 * samples.windows.size // (1 if encoder is SOUND else 4)
    assert run.image_crc == int.from_bytes(pack(network, SMALL)[-4:], "little")
    assert seconds <= run.seconds < seconds + 30  # a busy machine is late, never early


@pytest.mark.tools
@needs("cortex-m3")
def test_a_line_that_damages_bytes_changes_no_decision() -> None:
    network, samples = network_for(DELTA, 0.02), motion(9)
    with VirtualBoard(SMALL, tcp=True) as board:
        load(board.port, network)
        with FaultyLine(board.port, seed=5, every=10) as line:
            node = EmulatedNode(network, samples, line.port, 1.7, timeout_seconds=0.1)
            with node:
                run = node.finish()
    assert list(run.decisions) == expected(network, DELTA, samples)
    assert line.faults.count > 5
    assert run.retransmissions > 2
    assert run.events == num_events(DELTA, samples)
    assert lost_nothing(run)


@pytest.mark.tools
@needs("cortex-m3")
def test_what_finds_no_room_while_the_line_is_dead_is_counted_and_keeps_its_time() -> None:
    network, samples = network_for(DELTA, 0.01), motion(50)
    frame = len(encode(Frame(Message.IDENTIFY, 1)))
    with VirtualBoard(SMALL, tcp=True) as board:
        load(board.port, network)
        # Each try is a tenth of a second: for three seconds nothing arrives. There is room for one.
        with FaultyLine(board.port, deaf=30 * (1 + frame)) as line:
            node = EmulatedNode(
                network, samples, line.port, 5, timeout_seconds=0.1, queue_words=256
            )
            with node:
                run = node.finish()
    wanted = expected(network, DELTA, samples)
    assert run.retransmissions >= 30
    assert run.samples == 50 * STEPS
    assert run.dropped_samples > 50
    assert run.events < num_events(DELTA, samples)
    assert (run.dropped_events, run.lost_steps, run.lost_events) == (0, 0, 0)
    # Windows before the gap and behind it are whole.
    assert list(run.decisions[:3]) == wanted[:3]
    assert list(run.decisions[-5:]) == wanted[-5:]


@pytest.mark.tools
@needs("cortex-m3")
def test_a_board_without_a_network_ends_the_node_and_says_so() -> None:
    network = network_for(DELTA, 0.05)
    with (
        VirtualBoard(SMALL, tcp=True) as board,
        EmulatedNode(network, motion(1), board.port, 1) as node,
        pytest.raises(LinkTimeout, match="must decide 2 windows, not 0.*load the network first"),
    ):
        node.finish()


STRICT = "-Wall -Wextra -Wconversion -Wshadow -Wpedantic -Werror"


@pytest.mark.tools
@needs("cortex-m3")
@pytest.mark.parametrize("encoder", [DELTA, CROSSING, SOUND], ids=lambda e: e.kind)
@pytest.mark.parametrize("compiler", ["arm-none-eabi-gcc", "clang"])
def test_the_node_compiles_without_a_warning(
    encoder: AnyEncoder, compiler: str, tmp_path: Path
) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    samples = sound(1) if encoder is SOUND else motion(1)
    (tmp_path / "node_data.h").write_text(node_data(network_for(encoder, 0.05), samples, 1))
    target = ["--target=thumbv7m-none-eabi"] if compiler == "clang" else []
    folders = [tmp_path, firmware_dir() / "include", firmware_dir() / "ports"]
    subprocess.run(
        [compiler, *target, "-mcpu=cortex-m3", "-mthumb", "-std=c11", "-ffreestanding", "-O2",
         *STRICT.split(), *(f"-I{folder}" for folder in folders),
         f"-I{firmware_dir() / 'ports/mps2'}", "-c", str(firmware_dir() / "ports/node.c"),
         "-o", str(tmp_path / "node.o")],
        check=True,
    )  # fmt: skip


def test_what_a_node_cannot_replay_is_refused() -> None:
    network = network_for(DELTA, 0.05)
    for wrong, text in (
        (None, "info['step_seconds'] must be above 0 and at most 60"),
        (61, "not 61"),
    ):
        with pytest.raises(InputError) as refused:
            node_data(network_for(DELTA, wrong), motion(1), 1)
        assert text in str(refused.value)
    with pytest.raises(InputError, match="a window must hold 10 sample"):
        node_data(network, Samples(motion(1).windows[:, :9]), 1)
    rate = dataclasses.replace(
        network, info={**network.info, "encoder": encoder_to_info(RateEncoder(8))}
    )
    with pytest.raises(InputError, match="must be delta, level_crossing or filter_bank"):
        node_data(rate, motion(1), 1)
    with pytest.raises(InputError, match="must be socket://HOST:PORT, not /dev/ttyUSB0"):
        EmulatedNode(network, motion(1), "/dev/ttyUSB0", 1)


@pytest.mark.tools
@needs("cortex-m3")
def test_a_line_that_nobody_answers_on_is_an_error() -> None:
    with VirtualBoard(SMALL, tcp=True) as board:
        port = board.port
    network = network_for(DELTA, 0.05)
    with (
        EmulatedNode(network, motion(1), port, 1) as node,
        pytest.raises(BuildFailed, match="the emulator of the node failed"),
    ):
        node.finish()
