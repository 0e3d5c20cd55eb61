"""What the C runtime answers: the one home of its error codes.

``edgesnn.codegen`` writes them into the C header; :func:`firmware_status_text` says what they mean.
"""

from __future__ import annotations

from enum import IntEnum


class FirmwareStatus(IntEnum):
    """0, or why a call of the C runtime did nothing."""

    OK = 0
    BAD_ALIGNMENT = -1
    BAD_LENGTH = -2
    BAD_MAGIC = -3
    BAD_VERSION = -4
    BAD_HEADER = -5
    BAD_CRC = -6
    BAD_SECTION = -7
    BAD_PROGRAM = -8
    BAD_PARAMETER = -9
    BAD_ROW = -10
    CAN_OVERFLOW = -11
    TOO_LITTLE_MEMORY = -12
    EVENT_REFUSED = -13
    STEP_REFUSED = -14
    NO_FEATURE = -15
    BAD_TOKEN = -16


FIRMWARE_STATUS_TEXT = {
    FirmwareStatus.OK: "done",
    FirmwareStatus.BAD_ALIGNMENT: "image and memory must lie at multiples of 4 bytes",
    FirmwareStatus.BAD_LENGTH: "the image must have as many bytes as its header says",
    FirmwareStatus.BAD_MAGIC: "an image must begin with ESNI, that of a language model with ESNL; "
    "each has a function of its own to load it",
    FirmwareStatus.BAD_VERSION: "the image must be of the version that this runtime reads; "
    "pack the network again, or update the runtime",
    FirmwareStatus.BAD_HEADER: "the header must hold numbers that agree with the rest of the image",
    FirmwareStatus.BAD_CRC: "the CRC-32 must match the image; the image is damaged",
    FirmwareStatus.BAD_SECTION: "the sections must come in order, with the sizes of the header",
    FirmwareStatus.BAD_PROGRAM: "populations and connections must lie one after the other, and "
    "fit what the header says",
    FirmwareStatus.BAD_PARAMETER: "threshold, bias and decay of each neuron must be within the "
    "state word; of a language model, thresholds in 0..2^14 and multipliers at least 0",
    FirmwareStatus.BAD_ROW: "rows must lie one after the other, end, and point to neurons of "
    "their population, with weights that are not 0; of a language model, with weights in -7..7",
    FirmwareStatus.CAN_OVERFLOW: "no sum of events may leave the state word, nor the "
    "accumulators of the read-out theirs, nor rows of a language model 2^30",
    FirmwareStatus.TOO_LITTLE_MEMORY: "the memory must have as many bytes as esnn_required_bytes "
    "says",
    FirmwareStatus.EVENT_REFUSED: "an event must come from an input of the network, and not be "
    "one more than the network allows in a time step; the step will be refused",
    FirmwareStatus.STEP_REFUSED: "a time step must not carry an event that was refused; its "
    "events were dropped and counted, and the step did not run",
    FirmwareStatus.NO_FEATURE: "the image must not need synaptic currents or delays where the "
    "runtime was built without them, nor features of a later version; build it with "
    "ESNN_WITH_CURRENTS and ESNN_WITH_DELAYS, or update it",
    FirmwareStatus.BAD_TOKEN: "a token must be below the number of tokens of the model; "
    "nothing was read",
}


def firmware_status_text(status: int) -> str:
    """Name of a status, and what it means."""
    if status not in FirmwareStatus._value2member_map_:
        return f"status {status}, which this version of edgesnn does not know"
    return f"{FirmwareStatus(status).name}: {FIRMWARE_STATUS_TEXT[FirmwareStatus(status)]}"
