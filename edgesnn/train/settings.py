"""How to train; apart from the trainer, so that recipes can be read without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    epochs         passes over the training data
    batch_size     windows in one step of the optimizer
    learning_rate  of Adam, at the start; a cosine takes it to 0
    weight_decay   decoupled (AdamW)
    learn_decay    train one decay for each neuron
    threads        of PyTorch; with one, the result does not depend on the number of cores, and
                   small networks are not slower
    seed           of the order of batches; the same seed gives the same model
    """

    epochs: int = 40
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    learn_decay: bool = False
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1:
            raise ValueError("epochs and batch_size must be at least 1")
        if not (self.learning_rate > 0 and self.weight_decay >= 0):
            raise ValueError("learning_rate must be above 0 and weight_decay not below")
