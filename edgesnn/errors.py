"""The errors that edgesnn raises on purpose.

::

    EdgesnnError
    ├── ModelError
    │   ├── ModelFileError     a file is damaged, truncated, of another version, or not ours
    │   ├── DesignRuleError    a network breaks rules; all violations are in the message
    │   └── UnsupportedModel   a setting that edgesnn does not honour, refused by name
    ├── InputError             samples, events or arguments of a command that cannot be used
    │   └── EventLimitError    more events in one time step than the network allows
    ├── LinkError
    │   ├── PortError          the port is absent, busy or went away
    │   ├── LinkTimeout        no answer, after all retries
    │   ├── FrameError         bytes that are not a frame
    │   ├── ProtocolMismatch   the device speaks another version
    │   └── DeviceReported     the device answered with an error code
    └── BuildError
        ├── ToolNotFound       an external tool is missing; the text says how to get it
        ├── BuildFailed        a tool ran and failed; its last lines are in the text
        └── DoesNotFit         a network is larger than a core

Wrong arguments of a Python call stay ``TypeError`` and ``ValueError``.
Texts say *what* must be *what*, not *what it is*, then what to do.
"""

from __future__ import annotations


class EdgesnnError(Exception):
    """Base of all errors below."""


class ModelError(EdgesnnError):
    """Something is wrong with a model or a network."""


class ModelFileError(ModelError):
    """A file or memory image cannot be read."""


class DesignRuleError(ModelError):
    """A network breaks one or more design rules.

    ``violations`` holds one text per violation.
    """

    def __init__(self, violations: list[str]) -> None:
        self.violations = list(violations)
        count = len(self.violations)
        head = f"{count} design rule{'s are' if count > 1 else ' is'} broken:"
        super().__init__("\n  - ".join([head, *self.violations]))


class UnsupportedModel(ModelError):
    """A model uses a setting that edgesnn does not honour."""


class InputError(EdgesnnError):
    """Samples, events or files given by the user cannot be used."""


class EventLimitError(InputError):
    """A time step carries more events than the network allows; nothing was changed."""


class LinkError(EdgesnnError):
    """Something is wrong between host and device."""


class PortError(LinkError):
    """A serial port is absent, busy or went away."""


class LinkTimeout(LinkError):
    """The device did not answer in time."""


class FrameError(LinkError):
    """Bytes on the line are not a valid frame."""


class ProtocolMismatch(LinkError):
    """The device speaks another protocol version."""


class DeviceReported(LinkError):
    """The device refused a request; ``status`` is its code."""

    def __init__(self, message: str, status: int) -> None:
        self.status = status
        super().__init__(message)


class BuildError(EdgesnnError):
    """A bitstream or a helper library could not be made."""


class ToolNotFound(BuildError):
    """An external tool is missing."""


class BuildFailed(BuildError):
    """An external tool ran and failed."""


class DoesNotFit(BuildError):
    """A network needs more than a core has; ``violations`` holds one text per shortage."""

    def __init__(self, violations: list[str]) -> None:
        self.violations = list(violations)
        super().__init__("\n  - ".join(["the network does not fit:", *self.violations]))
