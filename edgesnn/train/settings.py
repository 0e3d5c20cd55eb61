"""How to train; apart from the trainer, so that recipes can be read without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    epochs               passes over the training data
    batch_size           windows in one step of the optimizer
    learning_rate        of Adam, at the start; a cosine takes it to 0
    weight_decay         decoupled (AdamW), of weights only
    learn_decay          train the decays of each neuron, of membrane and current
    decay_learning_rate  of these; None: ``learning_rate``
    surrogate_slope      steepness of the surrogate gradient, per threshold
    event_dropout        share of input events that a training step leaves out
    dropout              share of neurons whose spikes reach nobody for a window
    gradient_norm        longer gradients are shortened to it; None: never
    label_smoothing      share of the target that all classes have in common
    activity_weight      adds to the loss this much for each spike of a neuron and time step
    validation           share of the training data, of each class alike, that is kept apart to
                         choose the best epoch; 0: none, and the last epoch is taken
    patience             stop after so many epochs without a better validation; None: never
    threads              of PyTorch; with one, the result does not depend on the number of cores,
                         and networks as 2312-256-10 are hardly slower. More may change the last
                         bits of sums, and so the result; on a busy machine they are slower, unless
                         the environment says OMP_WAIT_POLICY=PASSIVE
    seed                 of all that is random; the same seed gives the same model
    """

    epochs: int = 40
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    learn_decay: bool = False
    decay_learning_rate: float | None = None
    surrogate_slope: float = 5.0
    event_dropout: float = 0.0
    dropout: float = 0.0
    gradient_norm: float | None = None
    label_smoothing: float = 0.0
    activity_weight: float = 0.0
    validation: float = 0.0
    patience: int | None = None
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size, self.threads) < 1:
            raise ValueError("epochs, batch_size and threads must be at least 1")
        rates = (self.learning_rate, self.surrogate_slope)
        optional = (self.decay_learning_rate, self.gradient_norm)
        if not all(x > 0 for x in (*rates, *(x for x in optional if x is not None))):
            raise ValueError("learning rates, surrogate_slope and gradient_norm must be above 0")
        if not (self.weight_decay >= 0 and self.activity_weight >= 0):
            raise ValueError("weight_decay and activity_weight must not be below 0")
        shares = (self.event_dropout, self.dropout, self.label_smoothing, self.validation)
        if not all(0 <= share < 1 for share in shares):
            raise ValueError("dropout, label_smoothing and validation must be shares, 0 to below 1")
        if self.patience is not None and self.patience < 1:
            raise ValueError("patience must be at least 1 epoch, or None")
