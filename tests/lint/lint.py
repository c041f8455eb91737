#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one lint rule, or all, over a source tree.

  lint.py RULE|all [--root SOURCE] [--build BUILD]

Prints one line per problem, "path: what is wrong", and exits 1 if there is any. Each rule is a
function rule(tree) -> list of problems; test_lint_rules.py shows every rule go red.
"""

import argparse
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import rules_build  # noqa: E402
import rules_text  # noqa: E402
from source_tree import SourceTree  # noqa: E402

RULES = {
    "layers": rules_text.layers,
    "link_layers": rules_text.link_layers,
    "injected": rules_text.injected,
    "file_length": rules_text.file_length,
    "licence": rules_text.licence,
    "forbidden_words": rules_text.forbidden_words,
    "readme": rules_text.readme,
    "format": rules_build.clang_format,
    "headers": rules_build.self_contained_headers,
    "shell": rules_build.shell_scripts,
    "man_pages": rules_build.man_pages,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rule", choices=[*RULES, "all"])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    parser.add_argument("--build", type=Path)
    args = parser.parse_args()
    tree = SourceTree(args.root, args.build or args.root / "build")
    problems = []
    for name in RULES if args.rule == "all" else [args.rule]:
        problems += [f"{problem} [{name}]" for problem in RULES[name](tree)]
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
