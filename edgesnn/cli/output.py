"""What a verb prints: tables for people on the terminal, or one JSON object for programs.

Progress and errors go to the standard error stream, results to the standard output.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from edgesnn.errors import (
    BuildError,
    DesignRuleError,
    DoesNotFit,
    EdgesnnError,
    LinkError,
)

OK, FAILURE, USAGE, DOES_NOT_FIT, TOOL_OR_DEVICE, INTERRUPTED = 0, 1, 2, 3, 4, 130


def exit_code(error: Exception) -> int:
    """The exit code that stands for an error."""
    if isinstance(error, DoesNotFit):
        return DOES_NOT_FIT
    return TOOL_OR_DEVICE if isinstance(error, BuildError | LinkError) else FAILURE


def _plain(value: Any) -> Any:
    """JSON has no NaN and no NumPy numbers."""
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item() if getattr(value, "ndim", 0) == 0 else value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def json_line(value: Any) -> str:
    """One line of JSON."""
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)


class Output:
    """Where one verb writes. With ``as_json`` only :meth:`result` reaches the standard output."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._console = Console(quiet=as_json, highlight=False)
        self._errors = Console(stderr=True, highlight=False)

    def line(self, text: str = "", style: str = "") -> None:
        """One line for people."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    def note(self, text: str) -> None:
        """What is being waited for; on the standard error stream, also with JSON."""
        self._errors.print(Text(text, style="dim"), soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A table for people; columns of numbers are aligned right."""
        table = Table(title=title, title_justify="left", title_style="bold")
        for index, column in enumerate(columns):
            numbers = all(isinstance(row[index], int | float | None) for row in rows)
            table.add_column(column, justify="right" if numbers else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(_cell(value)) for value in row))
        self._console.print(table)

    def result(self, value: Any) -> None:
        """The result for programs: one JSON object on one line, nothing without ``--json``."""
        if self.as_json:
            sys.stdout.write(json_line(value) + "\n")
            sys.stdout.flush()

    @contextmanager
    def progress(self, text: str, total: int | None = None) -> Iterator[Advance]:
        """A progress bar on the standard error stream, if that is a terminal; it vanishes."""
        columns = [TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()]
        if total is not None:
            columns.insert(2, MofNCompleteColumn())
        quiet = not self._errors.is_terminal
        with Progress(*columns, console=self._errors, transient=True, disable=quiet) as bar:
            yield Advance(bar, text, total)


class Advance:
    """A running progress bar."""

    def __init__(self, bar: Progress, text: str, total: int | None) -> None:
        self._bar = bar
        self._task = bar.add_task(text, total=total)

    def __call__(
        self, done: int | None = None, text: str | None = None, total: int | None = None
    ) -> None:
        """Move on by one, or to ``done``; ``text`` and ``total`` replace what was there."""
        if text is not None:
            self._bar.update(self._task, description=text)
        if total is not None:
            self._bar.update(self._task, total=total)
        if done is not None:
            self._bar.update(self._task, completed=done)
        elif text is None:
            self._bar.advance(self._task)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def report_error(error: Exception, as_json: bool) -> int:
    """Say what went wrong, in red and without a traceback; returns the exit code."""
    Console(stderr=True, highlight=False).print(
        Text.assemble(("error: ", "bold red"), (str(error), "red")), soft_wrap=True
    )
    if as_json:
        described: dict[str, Any] = {"kind": type(error).__name__, "message": str(error)}
        if isinstance(error, DesignRuleError | DoesNotFit):
            described["violations"] = error.violations
        sys.stdout.write(json_line({"error": described}) + "\n")
    return exit_code(error) if isinstance(error, EdgesnnError) else FAILURE


def report_usage(error: Exception, as_json: bool) -> int:
    """Say how a command was used wrongly; returns the exit code.

    error   of typer: it can ``show`` itself and has a ``message``
    """
    show: Callable[[], None] = getattr(error, "show")  # noqa: B009
    show()
    if as_json:
        format_message: Callable[[], str] = getattr(error, "format_message", lambda: str(error))
        described = {"kind": "UsageError", "message": format_message()}
        sys.stdout.write(json_line({"error": described}) + "\n")
    return USAGE


def percent(share: float | None) -> str:
    """``97.33 %``, or a dash."""
    return "-" if share is None else f"{100 * share:.2f} %"
