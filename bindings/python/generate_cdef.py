#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes vasto_cdef.h, what cffi is told of the C interface, from vasto.h.

    generate_cdef.py [--check]    writes the file; with --check only compares, exit 1 and a diff when it differs

cffi has no preprocessor: comments, inline functions, attributes and conditions go, constants become plain numbers.
"""

import argparse
import difflib
import pathlib
import re
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
HEADER = HERE.parents[1] / "capi" / "include" / "vasto" / "vasto.h"
CDEF = HERE / "vasto_cdef.h"
TITLE = "// SPDX-License-Identifier: Apache-2.0\n// Generated from vasto.h by generate_cdef.py.\n"

CONSTANT = re.compile(r"#define (VASTO_\w+) \(?(-?\d+)u?\)?\s*$")

FUNCTION = re.compile(r"^(\w[\w *]*\bvasto_\w+)\s*\(([^()]*)\);", re.MULTILINE)


def in_own_lines(function: re.Match[str]) -> str:
    """The declaration in lines that do not depend on how the header wraps it."""
    text = f"{' '.join(function[1].split())}({' '.join(function[2].split())});"
    return textwrap.fill(text, 110, subsequent_indent="    ", break_long_words=False)


def cdef_of(header: str) -> str:
    """The declarations of the header, in the C that cffi reads."""
    text = re.sub(r"//[^\n]*", "", header)
    text = text.replace("\\\n", " ")
    text = re.sub(r"^static inline .*?^}\n", "", text, flags=re.DOTALL | re.MULTILINE)
    lines = []
    for line in text.splitlines():
        constant = CONSTANT.match(line)
        if constant:
            lines.append(f"#define {constant[1]} {constant[2]}")
        elif not line.startswith("#") and line.strip() != "}" and 'extern "C"' not in line:
            lines.append(line.rstrip())
    text = "\n".join(lines)
    text = text.replace("VASTO_STATUS ", "vasto_status_t ").replace("VASTO_API ", "")
    text = FUNCTION.sub(in_own_lines, text)
    return TITLE + re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"


def same_declarations(one: str, other: str) -> bool:
    """Whether they differ only in white space, as after a change of the header's comments."""
    return one.split() == other.split()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wanted = cdef_of(HEADER.read_text())
    if not check:
        CDEF.write_text(wanted)
        return 0
    if same_declarations(CDEF.read_text(), wanted):
        return 0
    diff = list(difflib.unified_diff(CDEF.read_text().splitlines(), wanted.splitlines(), CDEF.name, HEADER.name))
    print("\n".join(diff))
    return 1


if __name__ == "__main__":
    sys.exit(main())
