#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the manual pages of section 3 from vasto.h: one for each of its groups, and a link to it for each function.

    generate_man3.py HEADER FOLDER   writes FOLDER/*.3
    generate_man3.py HEADER --list   names the pages of groups

A group of the header begins with a title between two rules and may say something of its own before its first function. The text
of a page is that of the header, so that the two cannot differ.
"""

import argparse
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "capi"))

import generate_map  # noqa: E402

RULE = "// " + "-" * 96
# Groups without functions are in the header only.
GROUP = re.compile(rf"^{RULE}\n// (?P<title>[^\n]*)\n{RULE}\n(?P<body>.*?)(?=^{RULE}\n// |\Z)", re.M | re.S)
INTRODUCTION = re.compile(r"\A//\n((?:^//[^\n]*\n)+)\n", re.M)


class Group:
    """A page: its title, what it says first, and its functions as (name, text, declaration)."""

    def __init__(self, title, body):
        self.title = title
        introduction = INTRODUCTION.match(body)
        self.introduction = lines_of(introduction.group(1)) if introduction else []
        self.functions = []
        for comment, code in generate_map.COMMENT_THEN_CODE.findall(body):
            names = generate_map.FUNCTION.findall(code)
            if names:
                self.functions.append((names[0], lines_of(comment), declaration(code)))

    @property
    def page(self):
        """A name that no function has."""
        return "libvasto_" + self.title.partition(":")[0].strip().lower()


def lines_of(comment):
    """The text of comment lines, without the marks."""
    return [line[2:].removeprefix(" ") for line in comment.rstrip("\n").split("\n")]


def declaration(code):
    text = code.strip().replace("VASTO_API ", "").replace("VASTO_STATUS ", "vasto_status_t ")
    return re.sub(r"\s*\n\s*", "\n    ", text)


def groups(header):
    found = [Group(match["title"], match["body"]) for match in GROUP.finditer(header)]
    return [group for group in found if group.functions]


def escaped(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return "\\&" + text if text.startswith(".") else text


def bold_names(text):
    """Names of functions and constants stand out, as in a reference by hand."""
    return re.sub(r"\b(vasto_\w+|VASTO_[A-Z_0-9]+)", r"\\fB\1\\fR", text)


def text_of(lines):
    """Paragraphs; what is indented keeps its line breaks; what begins with a word of the header's own begins a line."""
    out, indented = [], False
    for line in lines:
        if line.startswith("  ") != indented:
            out.append(".fi\n.RE" if indented else ".RS 4\n.nf")
            indented = not indented
        if not line.strip():
            out.append(".PP")
            continue
        if re.match(r"(Threads|Blocks|Codes): ", line):
            out.append(".br")
        out.append(bold_names(escaped(line.strip() if not indented else line[2:])))
    if indented:
        out.append(".fi\n.RE")
    return "\n".join(out)


def page_of(group, all_groups):
    names = [name for name, _, _ in group.functions]
    parts = [
        '.\\" SPDX-License-Identifier: Apache-2.0',
        '.\\" Made from vasto.h by generate_man3.py.',
        f'.TH {group.page} 3 "" "vasto" "Library Functions Manual"',
        ".nh\n.ad l",
        f".SH NAME\n{', '.join(names)} \\- {escaped(group.title)}",
        ".SH LIBRARY\nVasto client library (libvasto, \\fI\\-lvasto\\fR)",
        ".SH SYNOPSIS\n.nf\n.B #include <vasto/vasto.h>\n.PP"]
    parts += [f"{escaped(code)}" for _, _, code in group.functions]
    parts.append(".fi\n.SH DESCRIPTION")
    if group.introduction:
        parts.append(text_of(group.introduction))
    for name, lines, _ in group.functions:
        parts.append(f".SS {name}\n{text_of(lines)}")
    others = ", ".join(f"\\fB{other.page}\\fR(3)" for other in all_groups if other is not group)
    parts.append(f".SH SEE ALSO\n\\fBlibvasto\\fR(3) for errors, ownership and threads, {others}")
    return "\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("header", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path, nargs="?")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    header = args.header.read_text()
    found = groups(header)
    documented = sorted(name for group in found for name, _, _ in group.functions)
    if documented != sorted(name for name, _ in generate_map.functions(header)):
        raise SystemExit(f"{args.header}: a function stands outside of all groups")
    if args.list:
        print("\n".join(group.page for group in found))
        return 0
    args.folder.mkdir(parents=True, exist_ok=True)
    for group in found:
        (args.folder / f"{group.page}.3").write_text(page_of(group, found))
        for name, _, _ in group.functions:
            (args.folder / f"{name}.3").write_text(f".so man3/{group.page}.3\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
