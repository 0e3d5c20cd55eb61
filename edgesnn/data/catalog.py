"""The data sets that recipes and tasks use: files, origin, licence, where they are looked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgesnn.errors import InputError

#: Moves the place where data sets are looked for.
ENVIRONMENT = "EDGESNN_DATA"


@dataclass(frozen=True)
class Layout:
    """One way in which a data set lies on a disk.

    place   folder or archive below a data folder; "" is the data folder itself
    files   patterns of files that must be there, below ``place``; none: ``place`` is the file
    origin  who leaves it so
    """

    place: str
    files: tuple[str, ...] = ()
    origin: str = "edgesnn"

    def found_in(self, folder: Path) -> Path | None:
        """Where the data lie if they are in this data folder."""
        place = folder / self.place
        if not self.files:
            return place if place.is_file() else None
        complete = place.is_dir() and all(any(place.glob(pattern)) for pattern in self.files)
        return place if complete else None

    def __str__(self) -> str:
        return f"{self.place or '.'}: {', '.join(self.files)}" if self.files else self.place


@dataclass(frozen=True)
class DataSet:
    """What is known about a data set.

    name, summary  for the command line
    licence        of the data
    origin         how to get it
    layouts        in which it may lie, best first
    """

    name: str
    summary: str
    licence: str
    origin: str
    layouts: tuple[Layout, ...]

    def find(self, data: Path | None = None) -> Path:
        """The folder or archive that holds the data set.

        data   a data folder, or the folder or archive itself; None: the usual places
        Raises ``InputError`` that says where was looked for what, and how to get it.
        """
        if data is not None and data.is_file():
            return data
        folders = list(data_folders(data))
        for folder in folders:
            for layout in self.layouts:
                if (found := layout.found_in(folder)) is not None:
                    return found
        looked = "\n".join(f"  {folder}" for folder in folders)
        wanted = "\n".join(f"  {layout} ({layout.origin})" for layout in self.layouts)
        raise InputError(
            f"the data set {self.name!r} must lie in one of these folders:\n{looked}\n"
            f"as one of:\n{wanted}\n"
            f"How to get it: {self.origin}. Licence: {self.licence}. "
            f"{ENVIRONMENT} or --data names another folder."
        )


def data_folders(data: Path | None = None) -> Iterator[Path]:
    """Where data sets are looked for, in this order.

    data   the only place, if given; else $EDGESNN_DATA (the only place, if set), ./data,
           shared/data beside a checkout, and where torchvision and tonic are often told to
           download to
    """
    if data is not None:
        yield data
        return
    if named := os.environ.get(ENVIRONMENT):
        yield Path(named).expanduser()
        return
    yield Path("data")
    yield Path(__file__).resolve().parents[3] / "shared" / "data"
    for usual in ("~/.cache/edgesnn/data", "~/.cache", "~/data", "~/datasets"):
        yield Path(usual).expanduser()


def _idx_layouts(own: str, torchvision: str) -> tuple[Layout, ...]:
    files = tuple(
        f"{part}-{kind}-ubyte*"
        for part in ("train", "t10k")
        for kind in ("images-idx3", "labels-idx1")
    )
    return (
        Layout(own, files),
        Layout(f"{torchvision}/raw", files, "torchvision"),
        Layout("", files, "the files themselves"),
    )


_TONIC_NMNIST = ("Train/*/*.bin", "Test/*/*.bin")

DATA_SETS: dict[str, DataSet] = {
    data_set.name: data_set
    for data_set in (
        DataSet(
            "mnist",
            "70,000 handwritten digits, 28 x 28 pixels",
            "CC BY-SA 3.0 (LeCun, Cortes), as mirrors state it",
            "torchvision.datasets.MNIST(root='data', download=True)",
            _idx_layouts("mnist", "MNIST"),
        ),
        DataSet(
            "fashion_mnist",
            "70,000 pictures of clothes, 28 x 28 pixels",
            "MIT (Zalando SE)",
            "torchvision.datasets.FashionMNIST(root='data', download=True)",
            _idx_layouts("fashion_mnist", "FashionMNIST"),
        ),
        DataSet(
            "nmnist",
            "MNIST digits seen by an event camera in three saccades, 34 x 34 pixels",
            "CC BY-SA 4.0 (Orchard et al. 2015)",
            "tonic.datasets.NMNIST(save_to='data'); or the 1,100 recordings in test/test_files of "
            "bamsumit/slayerPytorch on GitHub",
            (
                Layout("nmnist_small/nmnist_small_dev.tar.xz", origin="a part of it"),
                Layout("nmnist_small_dev.tar.xz", origin="a part of it"),
                Layout("NMNIST", _TONIC_NMNIST, "tonic"),
                Layout("NMNISTsmall", ("train*.txt", "test*.txt"), "slayerPytorch"),
                Layout("", _TONIC_NMNIST, "the files themselves"),
            ),
        ),
        DataSet(
            "fsdd",
            "spoken digits, 6 speakers, 8 kHz",
            "CC BY-SA 4.0",
            "git clone the repository Jakobovski/free-spoken-digit-dataset on GitHub into ./data",
            (
                Layout("fsdd/fsdd_dev.tar.xz"),
                Layout("fsdd_dev.tar.xz"),
                Layout("free-spoken-digit-dataset/recordings", ("*_*_*.wav",), "its repository"),
                Layout("fsdd/recordings", ("*_*_*.wav",)),
                Layout("recordings", ("*_*_*.wav",), "the files themselves"),
            ),
        ),
        DataSet(
            "imu_digits",
            "digits drawn in the air with a telephone, motion sensors, about 52 Hz",
            "MIT, as its README states",
            "git clone the repository computersniper/Android-IMU-Digits-Gesture-Dataset on GitHub "
            "into ./data",
            (
                Layout("imu_digits/imu_digits_dev.tar.xz"),
                Layout("imu_digits_dev.tar.xz"),
                Layout(
                    "Android-IMU-Digits-Gesture-Dataset",
                    ("**/imu_complete_data_*.csv",),
                    "its repository",
                ),
                Layout("imu_digits", ("**/imu_complete_data_*.csv",)),
            ),
        ),
        DataSet(
            "mitbih",
            "electrocardiograms of 30 minutes, 360 Hz: one lead of MIT-BIH Arrhythmia",
            "ODC Attribution 1.0 (PhysioNet; Moody and Mark 2001)",
            "wfdb.rdrecord('100', pn_dir='mitdb', physical=False).d_signal[:, 0] as little-endian "
            "int16 in data/mitbih/100.i16, and other records likewise",
            (
                Layout("mitbih_subset/mitbih_12rec_ch0.tar.xz"),
                Layout("mitbih_12rec_ch0.tar.xz"),
                Layout("mitbih", ("*.i16",)),
            ),
        ),
        DataSet(
            "cwru_bearing",
            "vibrations of sound and faulty bearings, 12 kHz",
            "none stated; free use with acknowledgement (Case Western Reserve University)",
            "the .mat files of the 12 kHz drive end from the Bearing Data Center's site, in "
            "data/cwru_bearing",
            (
                Layout("cwru_bearing/cwru_12kDE_0hp.tar.xz"),
                Layout("cwru_12kDE_0hp.tar.xz"),
                Layout("cwru_bearing", ("**/105*.mat",)),
            ),
        ),
        DataSet(
            "ptb",
            "Penn Treebank: a million words of newspapers, 10,000 different ones",
            "LDC99T42, not free; the usual copy is for benchmarks only",
            "ptb.train.txt, ptb.valid.txt and ptb.test.txt of Mikolov's preprocessing in data/ptb",
            (
                Layout("ptb/ptb.zip"),
                Layout("ptb.zip"),
                Layout("ptb", ("*train.txt", "*valid.txt", "*test.txt")),
            ),
        ),
        DataSet(
            "tinyshakespeare",
            "a million characters of Shakespeare's plays",
            "public domain",
            "data/tinyshakespeare/input.txt of the repository karpathy/char-rnn on GitHub, as "
            "data/tinyshakespeare/input.txt",
            (
                Layout("tinyshakespeare/input.txt.xz"),
                Layout("tinyshakespeare/input.txt"),
            ),
        ),
    )
}


def find_data_set(name: str) -> DataSet:
    """The data set called ``name``; raises ``InputError`` that lists what there is."""
    if name not in DATA_SETS:
        raise InputError(f"a data set must be one of {', '.join(DATA_SETS)}, not {name!r}")
    return DATA_SETS[name]
