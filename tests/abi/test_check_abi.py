# SPDX-License-Identifier: Apache-2.0
"""The gates go red when they should: each check of check_abi.py and generate_map.py on spoiled input."""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))

import check_abi  # noqa: E402
import generate_map  # noqa: E402

HEADER = check_abi.ROOT / "capi/include/vasto/vasto.h"
MAP = check_abi.ROOT / "capi/libvasto.map"


class Gates(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        (pathlib.Path(self.folder.name) / "vasto").mkdir()
        self.header = pathlib.Path(self.folder.name) / "vasto/vasto.h"
        self.header.write_text(HEADER.read_text())

    def spoil(self, old, new):
        text = self.header.read_text()
        self.assertIn(old, text)
        self.header.write_text(text.replace(old, new, 1))

    def args(self, library=None):
        return argparse.Namespace(header=self.header, map=MAP, library=library)

    def library(self, source, *flags):
        """A library of this source, linked with the real map."""
        folder = pathlib.Path(self.folder.name)
        (folder / "a.c").write_text(source)
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", folder / "lib.so", folder / "a.c", *flags],
                       check=True)
        return folder / "lib.so"

    def complete_source(self):
        names = [name for name, _ in generate_map.functions(HEADER.read_text())]
        return "".join(f"void {name}(void) {{}}\n" for name in names)

    def test_complete_library_is_green(self):
        lib = self.library(self.complete_source(), f"-Wl,--version-script={MAP}")
        self.assertEqual(check_abi.check_symbols(self.args(lib)), [])

    def test_new_function_without_map(self):
        self.spoil("VASTO_API const char* vasto_version_string(void);",
                   "VASTO_API const char* vasto_version_string(void);\n\n"
                   "// New. Threads: any. Since 1.9.\nVASTO_API void vasto_new(void);")
        lib = self.library(self.complete_source(), f"-Wl,--version-script={MAP}")
        problems = "\n".join(check_abi.check_symbols(self.args(lib)))
        self.assertIn("vasto_new: header VASTO_1.9, map None", problems)
        self.assertIn("vasto_new: header VASTO_1.9, library None", problems)

    def test_function_of_another_version_gets_its_own_node(self):
        self.spoil("VASTO_API const char* vasto_version_string(void);",
                   "VASTO_API const char* vasto_version_string(void);\n\n"
                   "// New. Threads: any. Since 1.9.\nVASTO_API void vasto_new(void);")
        script = generate_map.version_script(generate_map.functions(self.header.read_text()))
        self.assertIn("VASTO_1.9 {\n  global:\n    vasto_new;\n} VASTO_1.1;", script)
        self.assertTrue(script.startswith(MAP.read_text().rstrip("\n")))

    def test_missing_and_extra_exports(self):
        source = self.complete_source().replace("void vasto_get(void) {}\n", "")
        lib = self.library(source + "void stray(void) {}\n")
        problems = "\n".join(check_abi.check_symbols(self.args(lib)))
        self.assertIn("vasto_get: header VASTO_1.0, library None", problems)
        self.assertIn("stray: header None", problems)

    def test_linking(self):
        lib = self.library("int a;\n", "-Wl,-soname,libvasto.so.2", "-Wl,-rpath,/opt")
        problems = "\n".join(check_abi.check_linking(self.args(lib)))
        self.assertIn("SONAME", problems)
        self.assertIn("unloaded", problems)
        self.assertIn("search path", problems)
        lib = self.library("int a;\n", "-Wl,-soname,libvasto.so.1", "-Wl,-z,nodelete")
        self.assertEqual(check_abi.check_linking(self.args(lib)), [])

    def test_header_must_be_clean_c99(self):
        self.spoil("typedef int32_t vasto_status_t;", "typedef int32_t vasto_status_t;;")
        self.assertIn("-std=c99", "\n".join(check_abi.check_header(self.args())))

    def test_header_must_be_clean_cpp(self):
        self.spoil("vasto_slice_t {\n  const void* data;", "vasto_slice_t {\n  const void* class;")
        self.assertIn("-std=c++17", "\n".join(check_abi.check_header(self.args())))

    def test_header_includes_and_comment(self):
        self.spoil("#include <stdint.h>", "#include <stdint.h>\n#include <stdio.h>\n" +
                   "extern int vasto_x;\n" * 400)
        problems = "\n".join(check_abi.check_header(self.args()))
        self.assertIn("includes", problems)
        self.assertIn("% comment", problems)

    def test_words(self):
        self.assertEqual(check_abi.check_words(self.args()), [])
        self.spoil("// Ends a value. NULL is a no-op.\n// Threads: shared.", "// Ends a value.\n//")
        self.assertIn("vasto_value_destroy", "\n".join(check_abi.check_words(self.args())))

    def test_function_without_since(self):
        self.spoil("// Ends a value. NULL is a no-op.\n// Threads: shared. Since 1.0.",
                   "// Ends a value. Threads: shared.")
        with self.assertRaises(SystemExit):
            generate_map.functions(self.header.read_text())

    def test_signature_changed(self):
        self.assertEqual(check_abi.check_released(self.args()), [])
        self.spoil("vasto_keyspace_shard_count(const vasto_keyspace_t* keyspace)",
                   "vasto_keyspace_shard_count(const vasto_keyspace_t* keyspace, int more)")
        self.assertIn("vasto_keyspace_shard_count", "".join(check_abi.check_released(self.args())))

    def test_struct_changed(self):
        self.spoil("  uint64_t partition_hash;\n  uint32_t flags;", "  uint32_t flags;\n  uint64_t partition_hash;")
        self.assertIn("vasto_key_t", "".join(check_abi.check_released(self.args())))

    def test_function_removed(self):
        self.spoil("VASTO_API const char* vasto_version_string(void);", "")
        self.assertIn("vasto_version_string", "".join(check_abi.check_released(self.args())))

    def test_no_dump(self):
        self.assertIn("no dump", "".join(check_abi.check_released(self.args(), pathlib.Path(self.folder.name))))


if __name__ == "__main__":
    unittest.main()
