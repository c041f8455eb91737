#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the linker's version script of libvasto from its public header.

    generate_map.py HEADER            prints the script
    generate_map.py HEADER --check MAP  exit 1 and a diff when MAP is not what the header says

Every exported function ends its comment with "Since MAJOR.MINOR."; it goes to the node of that version. A node inherits
the one before it. A node that was released is never edited: the diff of the checked-in map is part of every review.
"""

import argparse
import difflib
import pathlib
import re
import sys

COMMENT_THEN_CODE = re.compile(r"((?:^//[^\n]*\n)+)((?:^[^/\n#][^\n]*\n)+)", re.MULTILINE)
FUNCTION = re.compile(r"^VASTO_(?:API|STATUS)\b[^;(]*?\b(vasto_\w+)\s*\(", re.MULTILINE)
SINCE = re.compile(r"Since\s+(?://\s*)?(\d+)\.(\d+)\.")


def functions(header):
    """(name, (major, minor)) of every exported function, in the order of the header."""
    found = []
    for comment, code in COMMENT_THEN_CODE.findall(header):
        names = FUNCTION.findall(code)
        if not names:
            continue
        since = SINCE.findall(comment.replace("\n", " "))
        if len(names) != 1 or not since:
            raise SystemExit(f"{names}: one function with a comment that says since when, please")
        found.append((names[0], (int(since[-1][0]), int(since[-1][1]))))
    declared = FUNCTION.findall(header)
    if sorted(declared) != sorted(name for name, _ in found):
        missing = set(declared) ^ {name for name, _ in found}
        raise SystemExit(f"functions without a comment of their own: {sorted(missing)}")
    return found


def version_script(found):
    lines = ["# Generated from include/vasto/vasto.h by generate_map.py; checked by tests/abi.",
             "# A released node is never edited."]
    previous = None
    for version in sorted({version for _, version in found}):
        node = f"VASTO_{version[0]}.{version[1]}"
        lines += ["", f"{node} {{", "  global:"]
        lines += [f"    {name};" for name in sorted(name for name, v in found if v == version)]
        if previous is None:
            lines += ["  local:", "    *;"]
        lines.append(f"}}{' ' + previous if previous else ''};")
        previous = node
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("header", type=pathlib.Path)
    parser.add_argument("--check", type=pathlib.Path, metavar="MAP")
    parser.add_argument("--list", action="store_true", help="print the names only")
    args = parser.parse_args()
    found = functions(args.header.read_text())
    if args.list:
        print("\n".join(sorted(name for name, _ in found)))
        return 0
    script = version_script(found)
    if args.check is None:
        print(script, end="")
        return 0
    diff = list(difflib.unified_diff(args.check.read_text().splitlines(), script.splitlines(),
                                     str(args.check), "from the header", lineterm=""))
    print("\n".join(diff))
    return 1 if diff else 0


if __name__ == "__main__":
    sys.exit(main())
