"""The firmware on the processors it is for: the device in QEMU, driven over its serial line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edgesnn.backends.serial_device import SerialDevice
from edgesnn.errors import DeviceReported
from edgesnn.memory_image import pack
from edgesnn.memory_layout import CounterWord, max_image_words
from edgesnn.microcontroller import TARGETS, EmulatedDevice
from edgesnn.network import (
    Connection,
    EventLimit,
    EventLimitForm,
    InputPopulation,
    LifPopulation,
    Network,
    Readout,
)
from edgesnn.protocol import Message, Status
from edgesnn.reference import Reference
from edgesnn.serial_link import open_port
from edgesnn.simulator import Simulator
from edgesnn.synapses import Synapses
from tests.firmware.emulated import MACHINES, compare, needs, open_device
from tests.strategies import random_events

pytestmark = pytest.mark.tools
EACH_MACHINE = [pytest.param(m, marks=needs(t), id=m) for m, t in MACHINES.items()]
ROOT = Path(__file__).parents[2]
STRICT = "-pedantic -Wall -Wextra -Wconversion -Wshadow -Werror"


@pytest.fixture(scope="module", params=EACH_MACHINE)
def device(request: pytest.FixtureRequest) -> Iterator[SerialDevice]:
    with EmulatedDevice(MACHINES[request.param]) as emulated, open_device(emulated) as device:
        yield device


def test_random_networks_give_the_results_of_the_reference(device: SerialDevice) -> None:
    assert compare(device, 6).differing == ()


def test_results_also_come_with_the_spikes_of_the_read_out_alone(
    device: SerialDevice, small_network: Network
) -> None:
    stream = random_events(small_network, 1, 400)
    device.load(small_network)
    expected, found = Reference(small_network).run(stream), device.run(stream)
    where = small_network.neuron_slice(small_network.readout.population)
    assert np.array_equal(found.spikes[:, where], expected.spikes[:, where])
    assert np.array_equal(found.accumulators, expected.accumulators)
    assert (found.decision, found.counters) == (expected.decision, expected.counters)


def test_timer_advances_by_itself(device: SerialDevice, small_network: Network) -> None:
    device.load(small_network)
    device.counters(clear=True)
    device.set_timer(0.02)
    time.sleep(0.5)
    device.reset()
    counted = device.counters()
    # 25 on an idle machine; a busy one may be late, never early.
    assert counted.words[CounterWord.STEPS] + counted.late_steps >= 1
    time.sleep(0.1)
    assert device.counters() == counted


def test_damaged_image_is_refused_and_the_next_one_runs(
    device: SerialDevice, small_network: Network
) -> None:
    image = bytearray(pack(small_network, device.identify().config))
    image[len(image) // 2] ^= 1
    with pytest.raises(DeviceReported):
        device.load_image(bytes(image))
    assert not device.identify().loaded
    device.load(small_network)
    assert device.identify().loaded


def as_large_as_the_core(sizes: tuple[int, int, int], form: EventLimitForm) -> Network:
    """Inputs, hidden neurons and outputs up to the limits, with a few synapses."""
    inputs, hidden, outputs = sizes
    rng = np.random.default_rng(7)
    dense = np.zeros((inputs, hidden), np.int64)
    dense[rng.integers(inputs, size=9000), rng.integers(64, size=9000)] = 3
    last = np.zeros((hidden, outputs), np.int64)
    last[rng.integers(hidden, size=9000), rng.integers(64, size=9000)] = -2
    return Network(
        (
            InputPopulation("in", inputs),
            LifPopulation("hidden", [4] * hidden, [4000] * hidden, [0] * hidden),
            LifPopulation("out", [4] * outputs, [4000] * outputs, [1] * outputs),
        ),
        (
            Connection(0, 1, Synapses.from_dense(dense)),
            Connection(1, 2, Synapses.from_dense(last)),
        ),
        Readout(2, window_steps=8),
        state_bits=24,
        event_limit=EventLimit(form, 1 if form is EventLimitForm.FULL else 4096),
    )


@pytest.mark.slow
@needs("cortex-m3")
def test_memory_is_enough_for_the_largest_network() -> None:
    with EmulatedDevice("cortex-m3") as emulated, open_device(emulated) as device:
        for form in EventLimitForm:
            network = as_large_as_the_core((4096, 3072, 1024), form)
            stream = random_events(network, 3, 2, max_events=4096)
            device.load(network)
            found, expected = device.run(stream), Simulator(network).run(stream)[0]
            assert np.array_equal(found.accumulators, expected.accumulators)
            assert (found.decision, found.counters) == (expected.decision, expected.counters)
            assert found.counters.spikes > 0


def test_image_buffer_holds_the_largest_image_of_the_reported_core(device: SerialDevice) -> None:
    words = max_image_words(device.identify().config)
    device.link.request(Message.LOAD_BEGIN, words)
    with pytest.raises(DeviceReported) as refused:
        device.link.request(Message.LOAD_BEGIN, words + 1)
    assert refused.value.status == Status.IMAGE_TOO_LARGE


@pytest.mark.parametrize("target", [pytest.param(t, marks=needs(t)) for t in TARGETS])
def test_echo_sends_back_every_byte(target: str) -> None:
    data = bytes(range(256)) + os.urandom(256)
    with EmulatedDevice(target, "echo") as emulated:
        port = open_port(emulated.port)
        port.timeout = 10.0
        for i in range(0, len(data), 16):  # as much as the receiver of a real board may hold
            port.write(data[i : i + 16])
            assert port.read(16) == data[i : i + 16]
        port.close()


def make(port: str, program: str, folder: Path, **variables: str) -> Path:
    settings = {"BUILD": str(folder), "CFLAGS": STRICT, **variables}
    command = ["make", "-s", "-C", str(ROOT / "firmware/ports" / port), program]
    subprocess.run([*command, *(f"{n}={v}" for n, v in settings.items())], check=True)
    return folder / f"{program}.elf"


@pytest.mark.parametrize(
    ("port", "cpu"),
    [
        pytest.param("mps2", "cortex-m0plus", marks=needs("cortex-m0plus")),
        pytest.param("rv32", "rv32imc", marks=needs("rv32imc")),
        pytest.param("rp2040", "cortex-m0plus", marks=needs("cortex-m0plus")),
    ],
)
def test_ports_compile_without_a_warning(port: str, cpu: str, tmp_path: Path) -> None:
    assert make(port, "device", tmp_path, CPU=cpu).is_file()


@needs("cortex-m0plus")
def test_rp2040_finds_its_vector_table_where_boot2_looks_for_it(tmp_path: Path) -> None:
    """Never run: QEMU has no RP2040."""
    elf = make("rp2040", "echo", tmp_path)
    headers = subprocess.run(
        ["arm-none-eabi-objdump", "-h", str(elf)], capture_output=True, text=True, check=True
    ).stdout
    text = next(line.split() for line in headers.splitlines() if " .text " in line)
    assert int(text[3], 16) == 0x10000100


def test_template_for_other_boards_compiles_as_it_is(tmp_path: Path) -> None:
    make("generic", "all", tmp_path)
    assert (tmp_path / "device").is_file()


@needs("cortex-m3")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv: apt install util-linux")
def test_emulator_ends_with_a_program_that_is_killed(tmp_path: Path) -> None:
    program = (
        f"import sys, time; sys.path.insert(0, {str(ROOT)!r})\n"
        "from edgesnn.microcontroller import EmulatedDevice\n"
        "device = EmulatedDevice('cortex-m3', 'echo')\n"
        "print(device._process.pid, flush=True)\n"
        "time.sleep(90)"
    )
    command, env = [sys.executable, "-c", program], {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as started:
        assert started.stdout is not None
        pid = int(started.stdout.readline())
        began = wait_until(lambda: emulates(pid))
        started.kill()
    assert began
    assert wait_until(lambda: not emulates(pid))


def emulates(pid: int) -> bool:
    """Whether a process is there and is the emulator."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"qemu-system-arm")
    except OSError:
        return False


def wait_until(holds: Callable[[], bool]) -> bool:
    ends = time.monotonic() + 20
    while not holds() and time.monotonic() < ends:
        time.sleep(0.05)
    return holds()
