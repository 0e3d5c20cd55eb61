"""The steps of the demo, in order."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgesnn import model_file
from edgesnn.backends.base import Backend
from edgesnn.cli.compress_verb import show_compression
from edgesnn.cli.output import Output, percent
from edgesnn.demo.background import BackgroundBuild
from edgesnn.demo.pictures import raster_text, rasters, show_confusion, write_raster_picture
from edgesnn.encoders import encoder_from_info
from edgesnn.events import EventStream
from edgesnn.network import Network
from edgesnn.recipes import find_recipe
from edgesnn.run_result import RunResult
from edgesnn.samples import Samples, accuracy
from edgesnn.verification import Agreement, compare, run_windows

if TYPE_CHECKING:
    from edgesnn.build import BuildResult


@dataclass(frozen=True)
class DemoFigures:
    """What one run of the demo measured.

    float_accuracy, network_accuracy   shares of the held-out samples; the network's as the virtual
                                       board decided
    sparsity                           share of weights that are gone
    samples                            held-out samples, all run on every executor
    mismatches_*                       samples in which an executor differs from the reference
    cycles_predicted, cycles_counted   clock cycles: by the simulator, and by the gates
    fmax_mhz, lc                       of the bitstream
    seconds                            the whole demo
    """

    float_accuracy: float
    network_accuracy: float
    sparsity: float
    samples: int
    mismatches_simulator: int
    mismatches_gates: int
    mismatches_virtual_board: int
    cycles_predicted: int
    cycles_counted: int
    fmax_mhz: float
    lc: int
    seconds: float


@dataclass(frozen=True)
class Demo:
    """Settings of the demo, and where it writes its files."""

    out: Output
    folder: Path
    board_name: str = "icebreaker"
    sparsity: float = 0.8

    def run(self) -> DemoFigures:
        """All steps; raises what any of them raises."""
        from edgesnn_boards import find_board

        began = time.perf_counter()
        out, board = self.out, find_board(self.board_name)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._step(1, f"Building the bitstream of {board.name} in the background ...")
        build = BackgroundBuild(board)

        float_accuracy, network, held_out, network_sparsity = self._make_network()
        encoder = encoder_from_info(network.info)
        events = held_out.events(encoder)
        streams = list(events.streams())

        build.raise_if_failed()
        self._step(4, f"Running all {len(streams)} held-out digits on every executor")
        expected = self._expect(network, streams)
        agreements, best = self._compare_executors(network, streams, expected, board)

        build.raise_if_failed()
        self._step(5, "Starting the virtual board: the whole gateware, behind a serial port ...")
        on_board, answers = self._stream_to_virtual_board(network, streams, best, board)
        agreements["virtual board"] = on_board
        decisions = np.array([-1 if r.decision is None else r.decision for r in answers])
        assert held_out.labels is not None
        names = [str(name) for name in network.info["labels"]]
        show_confusion(out, held_out.labels, decisions, names)
        shown = int(np.argmax(decisions == held_out.labels))
        self._picture(
            network,
            streams[shown].to_raster(encoder.num_sources),
            expected[shown],
            int(held_out.labels[shown]),
        )

        if build.running:
            self._step(6, "Waiting for the bitstream (the first start of yosys takes long) ...")
        with out.progress("build"):
            built = build.wait()
        figures = DemoFigures(
            float_accuracy=float_accuracy,
            network_accuracy=accuracy(decisions, held_out.labels),
            sparsity=network_sparsity,
            samples=len(streams),
            mismatches_simulator=agreements["simulator"].mismatches,
            mismatches_gates=agreements["gates"].mismatches,
            mismatches_virtual_board=on_board.mismatches,
            cycles_predicted=agreements["simulator"].counters.cycles,
            cycles_counted=agreements["gates"].counters.cycles,
            fmax_mhz=built.fmax_mhz,
            lc=built.lc,
            seconds=time.perf_counter() - began,
        )
        self._close(figures, agreements, board, built)
        return figures

    def _step(self, number: int, text: str) -> None:
        self.out.line(f"[{number}/6] {text}", "bold")
        if self.out.as_json:
            self.out.note(f"[{number}/6] {text}")

    def _make_network(self) -> tuple[float, Network, Samples, float]:
        """Train and compress: float accuracy, network, held-out samples, sparsity."""
        from edgesnn.checkpoint import write_checkpoint
        from edgesnn.compress.pipeline import compress
        from edgesnn.compress.settings import CompressionSettings
        from edgesnn.recipes.training import train_recipe

        out, recipe = self.out, find_recipe("digits")
        self._step(2, "Training on handwritten digits turned into events")
        with out.progress("train", recipe.settings.epochs) as advance:
            trained = train_recipe(recipe, progress=lambda epoch: advance(epoch.done))
        write_checkpoint(trained.model, self.folder / "digits.model")
        out.line(
            f"      {percent(trained.accuracy)} of {len(trained.held_out)} held-out digits right, "
            f"in floating point ({trained.seconds:.1f} s)"
        )

        self._step(3, f"Compressing to 4 bits and {percent(self.sparsity)} sparse")
        training, held_out = recipe.load()
        with out.progress("compress") as advance:
            network, report = compress(
                trained.model,
                training,
                CompressionSettings(
                    sparsity=self.sparsity, fine_tune_epochs=40, fine_tune_rate=1e-2, threads=1
                ),
                held_out,
                lambda step: advance(text=f"compress: {step}"),
            )
        model_file.write(network, self.folder / "digits.esnn")
        show_compression(out, report)
        return trained.accuracy, network, recipe.recordings(), report.sparsity

    def _expect(self, network: Network, streams: list[EventStream]) -> list[RunResult]:
        from edgesnn.backends.simulated import ReferenceBackend

        reference = ReferenceBackend()
        reference.load(network)
        with self.out.progress("reference", len(streams)) as advance:
            return run_windows(reference, streams, progress=advance)

    def _compare(
        self,
        backend: Backend,
        network: Network,
        streams: list[EventStream],
        expected: list[RunResult],
    ) -> tuple[Agreement, list[RunResult]]:
        with self.out.progress(backend.name, len(streams)) as advance:
            agreement, results = compare(expected, backend, network, streams, progress=advance)
        verdict = (
            "the same, bit for bit"
            if not agreement.mismatches
            else f"{agreement.mismatches} windows differ: {agreement.examples[0]}"
        )
        name = "virtual board" if backend.name == "device" else backend.name
        self.out.line(f"      {name}: {verdict} ({agreement.seconds:.1f} s)")
        return agreement, results

    def _compare_executors(
        self, network: Network, streams: list[EventStream], expected: list[RunResult], board: Any
    ) -> tuple[dict[str, Agreement], list[RunResult]]:
        """Simulator and gates; the results that also hold cycles, for what follows."""
        from edgesnn.backends.gates import GatesBackend
        from edgesnn.backends.simulated import SimulatorBackend

        agreements = {}
        simulator = SimulatorBackend(board.core_config)
        agreements["simulator"], best = self._compare(simulator, network, streams, expected)
        if agreements["simulator"].mismatches:
            best = expected
        self.out.note("      compiling the gates to C++ ...")
        gates = GatesBackend(board.core_config)
        try:
            agreements["gates"], _ = self._compare(gates, network, streams, best)
        finally:
            gates.close()
        return agreements, best

    def _stream_to_virtual_board(
        self, network: Network, streams: list[EventStream], expected: list[RunResult], board: Any
    ) -> tuple[Agreement, list[RunResult]]:
        from edgesnn.backends.serial_device import SerialDevice
        from edgesnn.virtual_board import VirtualBoard

        with VirtualBoard(board.core_config) as virtual:
            self.out.line(f"      listens on {virtual.port}; the network is loaded over it")
            device = SerialDevice(virtual.port, board.baud)
            try:
                return self._compare(device, network, streams, expected)
            finally:
                device.close()

    def _picture(self, network: Network, events: Any, result: RunResult, label: int) -> None:
        panels = rasters(network, events, result)
        path = self.folder / "raster.png"
        title = f"a {label}, decided as {result.decision}"
        if write_raster_picture(path, title, panels):
            self.out.line(f"Picture of the spikes of one digit ({title}): {path}")
        for name, raster in panels:
            self.out.line(raster_text(name, raster))

    def _close(
        self, figures: DemoFigures, agreements: dict[str, Agreement], board: Any, built: BuildResult
    ) -> None:
        counters = agreements["gates"].counters
        latency = counters.cycles / figures.samples / board.clock_hz
        self.out.table(
            "Measured in this run",
            ("figure", "value"),
            [
                (name.replace("_", " "), _shown(name, value))
                for name, value in asdict(figures).items()
            ]
            + [
                ("synaptic operations per digit", f"{counters.sops / figures.samples:,.0f}"),
                (f"time per digit at {board.clock_hz / 1e6:g} MHz", f"{1e6 * latency:,.0f} us"),
                ("timing at that clock", "met" if built.meets_timing else "NOT met"),
                ("bitstream", built.bitstream),
                ("network", str(self.folder / "digits.esnn")),
            ],
        )


def _shown(name: str, value: float) -> str:
    if name.endswith("accuracy") or name == "sparsity":
        return percent(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.1f}"
