# SPDX-License-Identifier: Apache-2.0
"""tools/test counts right: what failed, what was skipped, what never ran."""

import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/lib"))

import background  # noqa: E402
import test_phases  # noqa: E402
import tidy  # noqa: E402

CTEST = """<testsuite tests="4">
<testcase name="a_test" classname="a_test" status="run"/>
<testcase name="b_test" classname="b_test" status="fail"><failure message="x"/></testcase>
<testcase name="c_test" classname="c_test" status="notrun">
<skipped message="SKIP_RETURN_CODE=77"/></testcase>
<testcase name="d_test" classname="d_test" status="run"/></testsuite>"""
PYTEST = """<testsuites><testsuite><testcase classname="t" name="one"/>
<testcase classname="t" name="two"><error message="setup"/></testcase>
<testcase classname="t" name="three"><skipped message="no fuse"/></testcase></testsuite></testsuites>"""


def arguments(**more):
    return argparse.Namespace(**{"quick": False, "soak": False, "only": None, **more})


class CountingTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.runner = test_phases.Runner(arguments())
        silence = contextlib.redirect_stdout(io.StringIO())
        silence.__enter__()
        self.addCleanup(silence.__exit__, None, None, None)

    def report(self, text):
        path = self.folder / "report.xml"
        path.write_text(text)
        return path

    def test_ctest_report(self):
        self.runner.count("ctest", 8, self.report(CTEST))
        self.assertEqual(self.runner.totals.line(), "2 passed, 1 failed, 1 skipped")
        self.assertEqual(self.runner.totals.failures, ["b_test"])

    def test_pytest_report(self):
        self.runner.count("pytest", 1, self.report(PYTEST))
        self.assertEqual(self.runner.totals.line(), "1 passed, 1 failed, 1 skipped")
        self.assertEqual(self.runner.totals.failures, ["t two"])

    def test_skipped_tests_are_named(self):
        self.runner.count("ctest", 8, self.report(CTEST))
        self.runner.count("pytest", 1, self.report(PYTEST))
        self.assertEqual(self.runner.totals.skips,
                         ["c_test (SKIP_RETURN_CODE=77)", "t three (no fuse)"])

    def test_skipped_parts_of_a_program_are_named(self):
        output = ("[  SKIPPED ] A.b (1 ms)\n[  PASSED  ] 1 test.\n"
                  "[  SKIPPED ] 1 test, listed below:\n[  SKIPPED ] A.b\n")
        self.runner.count("ctest", 0, self.report(
            '<testsuite><testcase name="x" classname="x" status="run">'
            f"<system-out>{output}</system-out></testcase></testsuite>"))
        self.assertEqual(self.runner.totals.line(), "1 passed, 0 failed, 1 skipped")
        self.assertEqual(self.runner.totals.skips, ["A.b (in x)"])

    def test_what_was_not_built_is_a_failure(self):
        for reason in ("Unable to find executable", "Fixture dependency failed",
                       "Required Files Missing"):
            runner = test_phases.Runner(arguments())
            runner.count("ctest", 8, self.report(
                '<testsuite><testcase name="x" classname="x" status="notrun">'
                f'<skipped message="{reason}"/></testcase></testsuite>'))
            self.assertEqual(runner.totals.line(), "0 passed, 1 failed, 0 skipped")
            self.assertEqual(runner.totals.failures, [f"x: not run: {reason}"])

    def test_c_tests_without_a_server_are_a_failure(self):
        done = subprocess.run(
            [sys.executable, ROOT / "tests/capi/run_with_server.py", "true"], capture_output=True,
            text=True, check=False, env={**os.environ, "VASTO_BUILD": str(self.folder)})
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("vasto-server is not built", done.stderr)

    def test_a_run_that_takes_too_long_is_one_failure(self):
        self.runner.check_time(2400)
        self.assertEqual(self.runner.totals.failed, 0)
        self.runner.check_time(2401)
        self.assertEqual(self.runner.totals.failures, ["took 2401 s, the limit is 2400 s"])
        soak = test_phases.Runner(arguments(soak=True))
        soak.check_time(9999)
        self.assertEqual(soak.totals.failed, 0)

    def test_what_the_host_takes_is_not_the_runs_fault(self):
        self.runner.check_time(3000, 600)
        self.assertEqual(self.runner.totals.failed, 0)
        self.runner.check_time(3000, 599)
        self.assertEqual(self.runner.totals.failures,
                         ["took 3000 s (599 s of them stolen), the limit is 2400 s"])

    def test_stolen_time_is_the_mean_of_the_processors(self):
        ticks = os.sysconf("SC_CLK_TCK")
        stat = self.folder / "stat"
        stat.write_text(f"cpu  1 1 1 1 1 1 1 {4 * ticks} 0 0\n"
                        f"cpu0 1 1 1 1 1 1 1 {3 * ticks} 0 0\n"
                        f"cpu1 1 1 1 1 1 1 1 {ticks} 0 0\nctxt 5\n")
        self.assertEqual(test_phases.stolen_seconds(stat), 2.0)
        stat.write_text("cpu0 1 1\n")
        self.assertEqual(test_phases.stolen_seconds(stat), 0.0)
        self.assertEqual(test_phases.stolen_seconds(self.folder / "absent"), 0.0)

    def test_a_missing_report_is_a_failure(self):
        self.runner.count("ctest", 0, self.folder / "none.xml")
        self.assertEqual(self.runner.totals.failed, 1)

    def test_a_bad_exit_code_without_a_failed_case_is_a_failure(self):
        self.runner.count("ctest", 124, self.report(CTEST.replace('status="fail"', 'status="run"')
                                                    .replace('<failure message="x"/>', "")))
        self.assertEqual(self.runner.totals.line(), "3 passed, 1 failed, 1 skipped")

    def test_tests_of_a_broken_build_are_a_failure_and_not_run(self):
        self.runner.command = lambda *_, **__: self.fail("must not run")
        self.runner.ctest("asan", 10)
        self.assertEqual(self.runner.totals.failed, 1)

    def test_a_broken_build_is_one_failure(self):
        self.runner.command = lambda *_, **__: 1
        self.runner.build("release")
        self.assertEqual(self.runner.totals.line(), "0 passed, 1 failed, 0 skipped")
        self.assertEqual(self.runner.built, set())

    def test_out_of_time(self):
        self.assertEqual(self.runner.command(["sleep", "10"], 0.1), 124)

    def test_quick_leaves_the_sanitizers_out(self):
        names = [name for name, _ in test_phases.phases(self.runner, arguments(quick=True))]
        self.assertIn("cluster tests", names)
        self.assertFalse([n for n in names if "san" in n])

    def test_a_tidy_that_finds_something_is_one_failure(self):
        self.runner.tidy_command = ["false"]
        self.runner.tidy()
        self.assertEqual((self.runner.totals.passed, self.runner.totals.failed), (0, 1))

    def test_a_soak_tidies_each_source_by_itself(self):
        self.assertNotIn("--each", self.runner.tidy_command)
        self.assertIn("--each", test_phases.Runner(arguments(soak=True)).tidy_command)


class TidyTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.tidy = tidy.Tidy.__new__(tidy.Tidy)  # without configuring a build
        self.tidy.build = self.folder

    def joined(self, *sources):
        unit = self.folder / "Unity/unity_0_cxx.cxx"
        unit.parent.mkdir(exist_ok=True)
        unit.write_text("".join(f'#include "{source}"\n' for source in sources))
        return unit

    def is_of_the_product(self, path):
        return self.tidy._is_of_the_product(path)

    def test_what_is_of_the_product(self):
        self.assertTrue(self.is_of_the_product(ROOT / "core/base/a.cc"))
        self.assertFalse(self.is_of_the_product(ROOT / "tests/unit/base/a_test.cc"))
        self.assertTrue(self.is_of_the_product(self.joined(ROOT / "core/base/a.cc", ROOT / "fuse/b.cc")))
        self.assertFalse(self.is_of_the_product(self.joined(ROOT / "tests/unit/base/a_test.cc")))

    def test_joined_sources_are_looked_at_again_when_one_changes(self):
        source = self.folder / "a.cc"
        source.write_text("int a;\n")
        unit = self.joined(source)
        before = self.tidy.fingerprint(unit)
        self.assertEqual(self.tidy.fingerprint(unit), before)
        source.write_text("int b;\n")
        self.assertNotEqual(self.tidy.fingerprint(unit), before)


class BackgroundTest(unittest.TestCase):
    def setUp(self):
        self.runner = test_phases.Runner(arguments())
        self.addCleanup(self.runner.background.stop)

    def begin(self, **jobs):
        self.runner.background.start(
            {name: [["sh", "-c", command] for command in commands] for name, commands in jobs.items()})

    def carry_out(self, name, timeout_s=60):
        """(exit code, what was printed) of one that must not be run anew."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = self.runner.carry_out(name, None, timeout_s)
        return code, out.getvalue()

    def test_what_was_begun_is_waited_for_and_shown(self):
        self.begin(one=["echo first", "echo second"], two=["echo third; exit 3", "echo fourth"])
        code, output = self.carry_out("two")
        self.assertEqual(code, 3)
        self.assertIn("third\n", output)
        self.assertNotIn("fourth\n", output, "the first that fails is the last")
        code, output = self.carry_out("one")
        self.assertEqual(code, 0)
        self.assertLess(output.index("first\n"), output.index("second\n"))

    def niceness(self, prepare):
        job = background.Job([["nice"]], ROOT)
        prepare(job)
        job.run()
        return job.take_output().splitlines()[-1]

    def test_it_takes_what_others_leave_of_the_processors(self):
        self.assertEqual(self.niceness(lambda job: None), "19")

    def test_what_is_waited_for_is_as_any_other(self):
        self.assertEqual(self.niceness(lambda job: job.hurry()), str(os.nice(0)))

    def test_out_of_time(self):
        self.begin(one=["sleep 1000"], two=["echo done"])
        code, output = self.carry_out("two", 0.1)
        self.assertEqual(code, 124)
        self.assertIn("out of time", output)

    def test_a_run_that_is_broken_off_leaves_nothing_behind(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        fifo = Path(folder.name) / "pid"
        os.mkfifo(fifo)
        job = background.Job([["sh", "-c", f"echo $$ > {fifo}; exec sleep 1000"], ["true"]], ROOT)
        thread = threading.Thread(target=job.run)
        thread.start()
        process = int(fifo.read_text())
        job.stop()
        thread.join(60)
        self.assertTrue(job.ended.is_set())
        self.assertNotEqual(job.code, 0, "the second is not begun")
        with self.assertRaises(ProcessLookupError):
            os.kill(process, 0)

    def test_a_program_that_is_not_there_is_a_failure(self):
        job = background.Job([["nice"]], ROOT / "absent")
        job.run()
        self.assertNotEqual(job.code, 0)
        self.assertIn("absent", job.take_output())

    def test_only_what_was_asked_for_is_begun(self):
        runner = test_phases.Runner(arguments(only=["cluster"]))
        runner.start_background()
        self.assertFalse(runner.background.has("clang-tidy"))


if __name__ == "__main__":
    unittest.main()
