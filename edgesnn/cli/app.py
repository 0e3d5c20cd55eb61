"""The table of verbs, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from edgesnn import __version__
from edgesnn.cli import (
    analyse_cka_verb,
    analyse_lyapunov_verb,
    bench_verb,
    board_verbs,
    compress_verb,
    data_verb,
    demo_verb,
    doctor_verb,
    export_verb,
    lm_export_verb,
    lm_make_verbs,
    lm_use_verbs,
    model_verbs,
    profile_verb,
    prune_recurrent_verb,
    report_verb,
    run_verbs,
    stream_verb,
    train_verb,
)
from edgesnn.cli.output import FAILURE, INTERRUPTED, OK, report_error, report_usage
from edgesnn.errors import EdgesnnError

app = typer.Typer(
    name="edgesnn",
    help="Compress trained spiking networks and run them bit-exactly on host and FPGA.",
    epilog="Exit codes: 0 ok, 1 failure, 2 usage, 3 does not fit, 4 tool or device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

#: In the order in which a user needs them.
VERBS: dict[str, Callable[..., None]] = {
    "demo": demo_verb.demo,
    "data": data_verb.data,
    "train": train_verb.train,
    "prune-recurrent": prune_recurrent_verb.prune_recurrent,
    "compress": compress_verb.compress,
    "info": model_verbs.info,
    "check": model_verbs.check,
    "simulate": run_verbs.simulate,
    "verify": run_verbs.verify,
    "report": report_verb.report,
    "profile": profile_verb.profile,
    "build": board_verbs.build,
    "flash": board_verbs.flash,
    "load": board_verbs.load,
    "stream": stream_verb.stream,
    "virtual-board": board_verbs.virtual_board,
    "boards": board_verbs.boards,
    "bench": bench_verb.bench,
    "doctor": doctor_verb.doctor,
    "export-boot": board_verbs.export_boot,
    "export-verilog": board_verbs.export_verilog,
    "export-c": export_verb.export_c,
}
for name, verb in VERBS.items():
    app.command(name)(verb)

#: What can be looked at inside networks: ``edgesnn analyse NAME``.
ANALYSES: dict[str, Callable[..., None]] = {
    "cka": analyse_cka_verb.cka,
    "lyapunov": analyse_lyapunov_verb.lyapunov,
}
analyse = typer.Typer(help="Look inside networks.", no_args_is_help=True)
for name, verb in ANALYSES.items():
    analyse.command(name)(verb)
app.add_typer(analyse, name="analyse")

#: Language models: ``edgesnn lm NAME``.
LANGUAGE: dict[str, Callable[..., None]] = {
    "train": lm_make_verbs.train,
    "prune": lm_make_verbs.prune,
    "compress": lm_make_verbs.compress,
    "eval": lm_use_verbs.evaluate,
    "generate": lm_use_verbs.generate,
    "chat": lm_use_verbs.chat,
    "export-c": lm_export_verb.export_c,
}
language = typer.Typer(help="Language models.", no_args_is_help=True)
for name, verb in LANGUAGE.items():
    language.command(name)(verb)
app.add_typer(language, name="lm")


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"edgesnn {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Version.")
    ] = False,
) -> None:
    """Compress trained spiking networks and run them bit-exactly on host and FPGA."""


#: The base of every usage error; typer itself gives it no public name.
UsageError: type[Exception] = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "UsageError"
)


def main() -> None:
    """Run the command line; ends the process with an exit code.

    Errors that are foreseen are one message. An unexpected one is a fault of edgesnn and keeps
    its traceback.
    """
    try:
        sys.exit(app(standalone_mode=False) or OK)
    except UsageError as error:
        sys.exit(report_usage(error, "--json" in sys.argv))
    except EdgesnnError as error:
        sys.exit(report_error(error, "--json" in sys.argv))
    except BrokenPipeError:
        # The reader of a pipe went away: nothing to tell, and nobody to tell it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILURE)
    except OSError as error:
        sys.exit(report_error(error, "--json" in sys.argv))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
