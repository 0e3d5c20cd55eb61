"""What every folder of C has: names, text of C, an image for flash, and how build systems take it.

The fixed files are in ``firmware/``: sources and build descriptions as they are, what is filled in
in ``firmware/package`` (``@name@`` and the like).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgesnn import __version__
from edgesnn._resources import firmware_dir
from edgesnn.errors import InputError

#: Files that every export has, by which one is known.
_KNOWN_BY = ("edgesnn.h", "edgesnn_crc32.c")


@dataclass(frozen=True)
class Export:
    """What was written.

    working_bytes   of memory to work in, where pointers have 4 bytes
    files           names below ``folder``
    """

    folder: str
    name: str
    image_bytes: int
    working_bytes: int
    files: list[str]


def name_in_c(text: str) -> str:
    """A prefix for names in C, made of the name of a file, say."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:40].rstrip("_")
    if not name or name[0].isdigit() or name.startswith(("edgesnn", "esnn")):
        name = f"network_{name}".rstrip("_")
    return name


def check_name(name: str) -> None:
    """Raise ``InputError`` unless ``name`` can begin names in C."""
    if name != name_in_c(name):
        raise InputError(
            "a name must be a letter, then letters, digits and single underscores, at most 40, in "
            f"lower case, and not begin with edgesnn or esnn; {name_in_c(name)!r} would be one"
        )


def check_folder(folder: Path, force: bool) -> None:
    """Raise ``InputError`` or ``OSError`` unless a folder may be written at ``folder``.

    force   it may replace one that was exported
    """
    if not folder.resolve().parent.is_dir():
        raise FileNotFoundError(f"{folder} must lie in a folder that exists; make {folder.parent}")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} must be a folder, and is a file")
    here = Path.cwd().resolve()
    if folder.resolve() in (here, *here.parents):
        raise InputError(f"{folder} must not hold the current folder; choose another one")
    if not any(folder.iterdir()):
        return
    if not force:
        raise InputError(
            f"{folder} must be empty or not exist; choose another folder, or replace all that is "
            "in it with --force"
        )
    if not all((folder / "src" / name).is_file() for name in _KNOWN_BY):
        raise InputError(
            f"{folder} must be a folder that export-c has written to be replaced; choose another "
            "one, or remove it yourself"
        )


# Text of C


def c_string(text: str) -> str:
    """A literal of C in UTF-8; what is not plain is written as an octal number."""
    plain = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode("utf-8", "backslashreplace")
    )
    return f'"{plain}"'


def comment(text: str) -> str:
    """Text that can stand in a comment."""
    plain = re.sub(r"[^ -~]|`", "?", text)
    return plain.replace("*/", "* /").replace("/*", "/ *")


def rows(values: Sequence[str], in_a_row: int) -> str:
    """Elements of an array, so many in a line."""
    starts = range(0, len(values), in_a_row)
    return ",\n".join("    " + ", ".join(values[i : i + in_a_row]) for i in starts)


def int32(value: int) -> str:
    """A number of C, -2^31..2^31 - 1."""
    return "(-2147483647 - 1)" if value == -(1 << 31) else str(value)


def header(guard: str, about: str, includes: Sequence[str], body: str) -> str:
    """A header for C and C++; ``about`` is the comment that it begins with."""
    quoted = (name if name.startswith("<") else f'"{name}"' for name in includes)
    included = "\n".join(f"#include {name}" for name in quoted)
    return f"""\
/* {about} */
#ifndef {guard}
#define {guard}

{included}

#ifdef __cplusplus
extern "C" {{
#endif
{body}
#ifdef __cplusplus
}}
#endif

#endif
"""


#: Of everything that is written.
WRITTEN = f"written by edgesnn {__version__}; do not edit."


@dataclass(frozen=True)
class Runtime:
    """What runs an image, as C speaks of it.

    what     is in the image; ends the names of its files
    include  header of the runtime
    handle   type of what is loaded
    prefix   of its functions
    page     of ``docs`` that describes the image
    """

    what: str
    include: str
    handle: str
    prefix: str
    page: str


def image_header(
    runtime: Runtime,
    name: str,
    image: bytes,
    working_bytes: int,
    about: str,
    body: str,
    includes: Sequence[str] = (),
) -> str:
    """``NAME_network.h`` or ``NAME_model.h``: image, memory and how it is loaded, then ``body``.

    working_bytes   that the runtime needs behind its handle
    about           goes on with the comment that the header begins with
    includes        more than the runtime
    """
    upper, what, handle, prefix = name.upper(), runtime.what, runtime.handle, runtime.prefix
    crc = int.from_bytes(image[-4:], "little")
    declared = f"""
#if UINT_MAX < 0xFFFFFFFFu
#error "int must have 32 bits for edgesnn"
#endif
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the machine must be little-endian for edgesnn"
#endif

/* The memory image (docs/{runtime.page} of edgesnn), its bytes, and the CRC-32 at its end. It is
 * read where it is, and begins at a multiple of 4. To place it in a section of your own, compile
 * {name}_{what}.c with -D{upper}_IMAGE_ATTRIBUTES='__attribute__((section("...")))'. */
#define {upper}_IMAGE_BYTES {len(image)}u
#define {upper}_IMAGE_CRC 0x{crc:08x}u
extern const uint32_t {name}_image[{upper}_IMAGE_BYTES / 4u];

/* Bytes of memory that the {what} works in: exactly {prefix}_required_bytes of the image. */
#define {upper}_MEMORY_BYTES ((uint32_t)sizeof({handle}) + {working_bytes}u)

/* Memory of that size, aligned as it must be: static {name}_memory memory; */
typedef union {{
    {handle} {what};
    uint8_t bytes[{upper}_MEMORY_BYTES];
}} {name}_memory;

/* {prefix}_load of this image: checks it and makes a {what}, or returns a status below 0. */
static inline int32_t {name}_load({handle} **{what}, {name}_memory *memory) {{
    const uint32_t memory_bytes = (uint32_t)sizeof *memory;
    return {prefix}_load({what}, {name}_image, {upper}_IMAGE_BYTES, memory, memory_bytes);
}}
"""
    return header(
        f"{upper}_{what.upper()}_H",
        f"The {what} {name}, {WRITTEN}\n * {about}",
        ("<limits.h>", runtime.include, *includes),
        declared + body,
    )


def image_source(runtime: Runtime, name: str, image: bytes) -> str:
    """The beginning of ``NAME_network.c`` or ``NAME_model.c``: the image."""
    upper, what = name.upper(), runtime.what
    words = [f"0x{word:08x}u" for word in np.frombuffer(image, "<u4").tolist()]
    return f"""\
/* The {what} {name}, {WRITTEN} */
#include "{name}_{what}.h"

#ifndef {upper}_IMAGE_ATTRIBUTES
#define {upper}_IMAGE_ATTRIBUTES
#endif

{upper}_IMAGE_ATTRIBUTES const uint32_t {name}_image[{upper}_IMAGE_BYTES / 4u] = {{
{rows(words, 8)}
}};
"""


def string_array(name: str, size: str, texts: Iterable[str]) -> str:
    """An array of pointers to texts; ``size`` is an expression of C."""
    lines = "".join(f"    {c_string(text)},\n" for text in texts)
    return f"const char *const {name}[{size}] = {{\n{lines}}};\n"


# The folder


def filled_in(template: str, values: Mapping[str, str]) -> str:
    """A text of ``firmware/package`` with ``@key@`` replaced; an unknown key is a ``KeyError``."""
    return re.sub(r"@(\w+)@", lambda found: values[found[1]], template)


def _licence() -> bytes:
    for folder in (firmware_dir(), firmware_dir().parent):
        if (folder / "LICENSE").is_file():
            return (folder / "LICENSE").read_bytes()
    raise FileNotFoundError(f"LICENSE must lie in {firmware_dir()}: install edgesnn again")


def size_rows(sizes: Iterable[tuple[str, str, str]]) -> str:
    """Rows of the table of sizes in a README: kind of memory, bytes, what for."""
    return "\n".join(f"| {memory} | {size} | {why} |" for memory, size, why in sizes)


def folder_files(
    name: str,
    include: str,
    sources: Iterable[Path],
    templates: Mapping[str, str],
    values: Mapping[str, str],
) -> dict[str, bytes]:
    """The files that do not depend on numbers: sources of the runtime, and what builds them.

    include     the header that an application includes
    sources     files of ``firmware`` that go to ``src``
    templates   of ``firmware/package``, to the files that they are filled in for
    values      what they need beside names and version
    """
    firmware = firmware_dir()
    files = {"LICENSE": _licence()}
    files |= {f"src/{path.name}": path.read_bytes() for path in sources}
    for part in ("CMakeLists.txt", "zephyr/CMakeLists.txt", "zephyr/Kconfig", "zephyr/module.yml"):
        files[part] = (firmware / part).read_bytes()
    manifest = json.loads((firmware / "library.json").read_text())
    manifest["name"] = f"edgesnn-{name.replace('_', '-')}"
    manifest["headers"] = include
    files["library.json"] = (json.dumps(manifest, indent=2) + "\n").encode()
    package = firmware / "package"
    for fixed, target in {"Makefile": "Makefile", "check.h": "example/check.h"}.items():
        files[target] = (package / fixed).read_bytes()
    all_values = {
        "name": name,
        "NAME": name.upper(),
        "version": __version__,
        "folder": f"{name}_c",
        "include": include,
        **values,
    }
    all_values["build_systems"] = filled_in((package / "build_systems.md").read_text(), all_values)
    for template, target in {"library.properties": "library.properties", **templates}.items():
        files[target] = filled_in((package / template).read_text(), all_values).encode()
    return files
