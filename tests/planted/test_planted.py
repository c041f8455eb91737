# SPDX-License-Identifier: Apache-2.0
"""Each planted bug has its place in the code as it is, and is counted right."""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import planted  # noqa: E402


class PlantedTest(unittest.TestCase):
    def test_every_bug_has_its_place(self):
        for bug in planted.BUGS:
            text = (planted.ROOT / bug[1]).read_text()
            self.assertNotEqual(planted.plant(text, bug), text, bug[0])
        self.assertEqual(len({bug[0] for bug in planted.BUGS}), len(planted.BUGS))

    def test_code_that_is_not_there_once_is_an_error(self):
        for text in ("", "a b a"):
            with self.assertRaises(ValueError):
                planted.plant(text, ("name", "path", "a", "b"))

    def test_a_bug_that_no_test_finds_is_told_and_the_file_is_as_before(self):
        with tempfile.TemporaryDirectory() as name, io.StringIO() as out:
            folder = Path(name)
            (folder / "f").write_text("a")
            seen = []
            with mock.patch.object(planted, "build",
                                   lambda where: seen.append((where / "f").read_text())), \
                    mock.patch.object(planted, "first_red", side_effect=[("t", ""), None]), \
                    contextlib.redirect_stdout(out):
                found = planted.find_all(folder, [("one", "f", "a", "b"), ("two", "f", "a", "c")])
            self.assertEqual((found, seen, (folder / "f").read_text()), (1, ["b", "c"], "a"))
            self.assertRegex(out.getvalue(), r"one +found by t .*\ntwo +NOT FOUND ")


if __name__ == "__main__":
    unittest.main()
