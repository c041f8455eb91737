# SPDX-License-Identifier: Apache-2.0
"""Shows every lint rule green on a clean tree and red on a planted violation."""

import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

import rules_build  # noqa: E402
import rules_text  # noqa: E402
from source_tree import SourceTree  # noqa: E402

HEAD = "// SPDX-License-Identifier: Apache-2.0\n"
REPOSITORY = Path(__file__).resolve().parents[2]


class RuleTest(unittest.TestCase):
    """Each test has a private folder that it fills with write()."""

    def setUp(self):
        self.root = Path(tempfile.mkdtemp(prefix="vasto-lint-"))
        self.addCleanup(shutil.rmtree, self.root)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def problems(self, rule):
        return rule(SourceTree(self.root, self.root / "build"))

    def assert_green(self, rule):
        self.assertEqual(self.problems(rule), [])

    def assert_red(self, rule, *parts):
        problems = self.problems(rule)
        self.assertEqual(len(problems), 1, problems)
        for part in parts:
            self.assertIn(part, problems[0])

    # layers

    def test_layer_may_include_downwards(self):
        self.write("core/client/a.cc", '#include "core/client/a.h"\n#include "core/rpc/b.h"\n')
        self.write("core/storage/a.cc", '#include <rocksdb/db.h>\n#include "core/codec/b.h"\n')
        self.write("core/rpc/a.cc", '#include <thrift/Thrift.h>\n#include "vasto_thrift/X.h"\n')
        self.write("fuse/a.cc", "#include <vasto/vasto.h>\n#include <fuse_lowlevel.h>\n")
        self.write("tests/unit/a.cc", '#include <rocksdb/db.h>\n#include "core/store/a.h"\n')
        self.assert_green(rules_text.layers)

    def test_layer_may_not_include_upwards(self):
        self.write("core/hash/a.cc", '#include "core/rpc/server.h"\n')
        self.assert_red(rules_text.layers, "core/hash/a.cc", "core/rpc/server.h")

    def test_client_may_not_include_storage(self):
        self.write("core/client/a.h", '#include "core/storage/shard.h"\n')
        self.assert_red(rules_text.layers, "core/client/a.h")

    def test_store_and_master_are_apart(self):
        self.write("core/store/a.cc", '#include "core/master/a.h"\n')
        self.assert_red(rules_text.layers, "core/master/a.h")

    def test_rocksdb_outside_storage(self):
        self.write("core/replication/a.cc", "#include <rocksdb/db.h>\n")
        self.assert_red(rules_text.layers, "rocksdb/db.h", "core/storage")

    def test_thrift_outside_rpc(self):
        self.write("core/master/a.cc", "#include <thrift/Thrift.h>\n")
        self.assert_red(rules_text.layers, "core/rpc")

    def test_generated_code_outside_rpc(self):
        self.write("core/store/a.cc", '#include "vasto_thrift/data_types.h"\n')
        self.assert_red(rules_text.layers, "core/rpc")

    def test_customers_use_only_the_abi(self):
        self.write("fuse/a.cc", '#include "core/base/status.h"\n')
        self.write("daemons/vasto/a.cc", "#include <vasto/vasto.h>\n")
        self.assert_red(rules_text.layers, "fuse/a.cc")

    def test_tools_use_only_the_abi(self):
        self.write("daemons/vastoadm/a.cc", '#include "core/client/client.h"\n')
        self.assert_red(rules_text.layers, "daemons/vastoadm/a.cc")

    def test_relative_include(self):
        self.write("core/base/a.cc", '#include "a.h"\n')
        self.assert_red(rules_text.layers, "root-relative")

    def test_unknown_layer(self):
        self.write("core/misc/a.cc", '#include "core/base/a.h"\n')
        self.assert_red(rules_text.layers, "not a layer")

    def test_link_layers(self):
        self.write("core/client/CMakeLists.txt", "vasto_library(client SOURCES a.cc DEPS rpc base)")
        self.assert_green(rules_text.link_layers)
        self.write("core/hash/CMakeLists.txt", "vasto_library(hash SOURCES a.cc DEPS storage)")
        self.assert_red(rules_text.link_layers, "hash may not depend on storage")

    # injected

    def test_defaults_of_options_may_be_the_real_thing(self):
        self.write("core/store/a.h", "  const Clock* clock = SystemClock();  // or SystemRandom()\n")
        self.write("core/base/a.cc", "int64_t Now() { return SystemClock()->WallMicros(); }\n")
        self.write("core/rpc/waiter.cc", "int64_t Left() { return SystemClock()->Now(); }\n")
        self.write("core/store/b.cc", "// SystemClock() is the default\nint a = Reopen(::open_a);\n")
        self.write("daemons/store/a.cc", "auto x = PosixFileSystem()->Read(path);\n")
        self.assert_green(rules_text.injected)

    def test_core_does_not_reach_for_the_real_thing(self):
        for use in ("SystemRandom()->Next()", "SystemClock()->Now()", "PosixFileSystem()->Read(p)",
                    "std::chrono::steady_clock::now()", "std::ifstream(p)", "::open(p, 0)"):
            self.write("core/storage/a.cc", f"auto x = {use};\n")
            self.assert_red(rules_text.injected, "core/storage/a.cc", "interface")

    def test_a_header_may_only_default_to_the_real_thing(self):
        self.write("core/store/a.h", "inline int64_t Now() { return SystemClock()->WallMicros(); }\n")
        self.assert_red(rules_text.injected, "core/store/a.h")

    def test_an_exception_that_is_not_needed_is_told(self):
        self.write("core/rpc/waiter.cc", "int a;\n")
        self.assert_red(rules_text.injected, "core/rpc/waiter.cc", "any more")

    # text

    def test_file_length(self):
        self.write("core/base/a.cc", "\n" * 800)
        self.assert_green(rules_text.file_length)
        self.write("core/base/b.cc", "\n" * 801)
        self.assert_red(rules_text.file_length, "core/base/b.cc", "801")

    def test_main_length(self):
        self.write("daemons/store/main.cc", "\n" * 201)
        self.assert_red(rules_text.file_length, "limit is 200")

    def test_licence(self):
        self.write("core/base/a.h", HEAD)
        self.write("tools/run", "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n")
        self.assert_green(rules_text.licence)
        self.write("core/base/b.h", "#pragma once\n")
        self.assert_red(rules_text.licence, "core/base/b.h")

    def test_licence_of_scripts_and_cmake(self):
        self.write("tools/run", "#!/bin/sh\n")
        self.write("CMakeLists.txt", "project(x)\n")
        self.assertEqual(len(self.problems(rules_text.licence)), 2)

    def test_forbidden_words(self):
        self.write("core/base/a.cc", "int method_todo;  // the network/root/part\n")
        self.assert_green(rules_text.forbidden_words)
        self.write("core/base/b.cc", "// TO" + "DO: later\n")
        self.assert_red(rules_text.forbidden_words, "core/base/b.cc:1")

    def test_machine_path_is_forbidden(self):
        self.write("README.md", "see /ho" + "me/ann/x\n")
        self.assert_red(rules_text.forbidden_words, "README.md:1")

    def test_readme(self):
        self.write("core/base/CMakeLists.txt", "")
        self.assert_red(rules_text.readme, "core/base", "missing")
        self.write("core/base/a.h", "")
        self.write("core/base/README.md", "Start at `core/base/a.h`. Threads: " + "word " * 40)
        self.assert_green(rules_text.readme)

    def test_readme_names_headers_that_exist(self):
        self.write("core/base/CMakeLists.txt", "")
        self.write("core/base/README.md", "Start at `core/base/b.h`. Threads: " + "word " * 40)
        self.assert_red(rules_text.readme, "b.h does not exist")

    # programs

    def test_format(self):
        shutil.copy(REPOSITORY / ".clang-format", self.root)
        self.write("core/base/a.cc", "int a = 1;\n")
        self.assert_green(rules_build.clang_format)
        self.write("core/base/b.cc", "int  b =1 ;\n")
        self.assert_red(rules_build.clang_format, "core/base/b.cc")

    def test_header_must_compile_alone(self):
        (self.root / "build").mkdir()
        self.write("core/base/a.h", "#pragma once\n#include <string>\nstd::string A();\n")
        self.assert_green(rules_build.self_contained_headers)
        self.write("core/base/b.h", "#pragma once\nstd::string B();\n")
        self.assert_red(rules_build.self_contained_headers, "core/base/b.h")
        self.assert_red(rules_build.self_contained_headers, "core/base/b.h")

    def test_header_is_tried_again_when_what_it_includes_changes(self):
        (self.root / "build").mkdir()
        self.write("core/base/a.h", "#pragma once\nstruct A {};\n")
        self.write("core/base/b.h", '#pragma once\n#include "core/base/a.h"\ninline A b;\n')
        self.assert_green(rules_build.self_contained_headers)
        self.write("core/base/a.h", "#pragma once\n")
        self.assert_red(rules_build.self_contained_headers, "core/base/b.h")

    def test_header_that_begins_its_source_is_left_to_clang_tidy(self):
        self.write("core/base/b.h", "#pragma once\nstd::string B();\n")
        self.write("core/base/b.cc", '#include "core/base/b.h"\n#include <string>\n')
        self.assert_green(rules_build.self_contained_headers)
        self.write("core/base/b.cc", '#include <string>\n#include "core/base/b.h"\n')
        self.assert_red(rules_build.self_contained_headers, "core/base/b.h")

    def test_public_header_must_be_c(self):
        self.write("capi/include/vasto/vasto.h", "#pragma once\nclass A;\n")
        self.assert_red(rules_build.self_contained_headers, "vasto.h")

    def test_shell(self):
        self.write("tools/a", "#!/bin/bash\necho \"$1\"\n")
        self.assert_green(rules_build.shell_scripts)
        self.write("tools/b", "#!/bin/bash\ncd $1\nfoo=1\n")
        self.assertTrue(self.problems(rules_build.shell_scripts))

    # man pages

    def write_program(self, name, text):
        program = self.write(f"build/bin/{name}", f"#!/bin/sh\ncat <<'EOF'\n{text}\nEOF\n")
        program.chmod(0o755)

    GFLAGS_HELP = ('vasto-master: the brain\n\n  Flags from main.cc:\n'
                   '    -listen (where -to serve) type: string default: ""\n'
                   '    -http_port (metrics) type: string default: ""\n')

    def test_man_page_agrees(self):
        self.write_program("vasto-master", self.GFLAGS_HELP)
        self.write("man/vasto-master.8.scd",
                   "*--listen*=_A_\n\twhere\n\n*--http\\_port*=_A_\n\tmetrics\n")
        self.assert_green(rules_build.man_pages)

    def test_option_missing_from_man_page(self):
        self.write_program("vasto-master", self.GFLAGS_HELP)
        self.write("man/vasto-master.8.scd", "*--listen*=_A_\n\twhere\n")
        self.assert_red(rules_build.man_pages, "http_port", "not described")

    def test_option_missing_from_help(self):
        self.write_program("vasto-master", self.GFLAGS_HELP)
        self.write("man/vasto-master.8.scd",
                   "*--listen*=_A_\n\n*--http\\_port*=_A_\n\n*--gone*\n\told\n")
        self.assert_red(rules_build.man_pages, "gone", "not in --help")

    def test_page_missing(self):
        self.write_program("vasto", "  -o,--output TEXT  how")
        self.write("man/README.md", "")
        self.assert_red(rules_build.man_pages, "no page for vasto")

    def test_options_of_subcommands_count(self):
        program = self.write("build/bin/vasto", "#!/bin/sh\nif [ $1 = put ]; then\n"
                             "echo '  --ttl INT  seconds'\nelse\n"
                             "printf 'Options:\\n  -m,--master TEXT\\nSubcommands:\\n  put  write\\n'\n"
                             "fi\n")
        program.chmod(0o755)
        self.write("man/vasto.1.scd", "*-m*, *--master* _A_\n")
        self.assert_red(rules_build.man_pages, "ttl")


if __name__ == "__main__":
    unittest.main()
