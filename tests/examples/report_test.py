#!/usr/bin/env python3
"""The reports of `gradus check` from outside: python3 report_test.py PATH_TO_gradus"""
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from xml.etree import ElementTree

import command_test
from command_test import AGREE, INCONCLUSIVE, USAGE, WRONG, CommandTest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BROKEN = ["check", "--expr", "x^2", "--at", "x=3", "--claim", "dx=3*x"]
UNDECIDED = ["check", "--expr", "log(x)", "--at", "x=-1"]
# Expressions are all that a user can put into a report; "]]>" ends CDATA. What no expression can hold is in report_test.cpp.
ATTACKS = ["sum([[x][0]]>2)+x", "v[0]<1&&v[1]>1?x:1", "x<4\n? x\n:x/2", "x <\t\t3 || x>\r4 ? x : 1"]
FORMATS = ["text", "json", "junit", "md", "html"]


def attack(expression, form, **kwargs):
    at = "x=3,v=[0,2]" if "v[" in expression else "x=3"
    return command_test.run("check", "--expr", expression, "--at", at, "--claim", "dx=7", "--format", form, **kwargs)


class EveryFormat(CommandTest):
    def test_tells_what_is_wrong(self):
        for form in FORMATS:
            with self.subTest(form):
                done = self.expect(WRONG, *BROKEN, "--format", form, out="FAIL")
                for part in ("d f / d x", "x = 3", "high precision", "9", "6", "does not hold at the given point, nor at 16 of 16"):
                    self.assertIn(part, done.out)

    def test_tells_what_agrees(self):
        for form in FORMATS:
            with self.subTest(form):
                done = self.expect(AGREE, "check", "tanh", "add", "--format", form, out="PASS")
                self.assertTrue("tanh" in done.out and "add" in done.out)

    def test_tells_that_nothing_can_be_told(self):
        for form in FORMATS:
            with self.subTest(form):
                self.expect(INCONCLUSIVE, *UNDECIDED, "--format", form, out="no derivative to check where the function is not finite")

    def test_survives_any_expression(self):
        for expression in ATTACKS:
            for form in FORMATS:
                with self.subTest(form=form, expression=expression):
                    done = attack(expression, form)
                    self.assertEqual(done.code, WRONG, done.err)
                    seen = re.sub(r"\s|\ufffd", "", expression)
                    if form == "json":
                        self.assertEqual(json.loads(done.out)["results"][0]["name"], expression)
                    elif form == "junit":
                        case = ElementTree.fromstring(done.out).find("testsuite/testcase")
                        self.assertEqual(re.sub(r"\s|\ufffd", "", case.get("name")), seen)
                        self.assertIn("FAIL", case.find("failure").text)
                    elif form == "html":
                        page = ElementTree.fromstring(done.out)
                        self.assertEqual(re.sub(r"\s|\ufffd", "", page.find("body/details/summary/b").text), seen)
                    else:
                        self.assertNotRegex(done.out, r"(?m)^::")

    def test_shows_no_more_findings_than_wanted(self):
        for wanted in (0, 1, 2):
            limited = [*BROKEN, "--max-failures", wanted]
            result = json.loads(self.expect(WRONG, *limited, "--format", "json").out)["results"][0]
            self.assertEqual(len(result["findings"]), wanted)
            self.assertEqual(result["more_findings"], 17 - wanted)
            self.assertEqual(len(re.findall("FAIL d f", self.expect(WRONG, *limited).out)), wanted)
            self.assertEqual(len(re.findall("FAIL d f", self.expect(WRONG, *limited, "--format", "md").out)), wanted)


class Json(CommandTest):
    def fields(self, value, path=""):
        """The paths of a document as the README writes them; lists of objects count as their fields, other lists as one."""
        if isinstance(value, dict):
            return {p for key, v in value.items() for p in self.fields(v, f"{path}.{key}" if path else key)}
        if isinstance(value, list):
            return {p for v in value for p in self.fields(v, path + "[]")} | {path + "[]"}
        return {path}

    def test_has_the_fields_that_are_documented_and_no_others(self):
        text = (ROOT / "examples/gradus/README.md").read_text(encoding="utf-8").split("## The JSON report")[1]
        documented = set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))
        self.assertGreater(len(documented), 40)
        written = set()
        for arguments in (BROKEN, ["check", "tanh"], ["check", "--expr", "relu(x)", "--at", "x=0"], ["check", "exp", "--budget", "1e-9"]):
            written |= self.fields(json.loads(command_test.run(*arguments, "--format", "json").out))
        # A list of objects needs no line of its own.
        lists = {p for p in written if p.endswith("[]") and any(q.startswith(p + ".") for q in written)}
        self.assertEqual(documented - lists, written - lists)

    def test_has_every_field_in_every_result(self):
        results = [json.loads(command_test.run(*a, "--format", "json").out)["results"][0] for a in (BROKEN, UNDECIDED, ["check", "tanh"], ["check", "matmul"])]
        for result in results:
            self.assertEqual(set(result), set(results[0]))

    def test_has_the_errors_of_an_op_by_place(self):
        result = json.loads(self.expect(AGREE, "check", "tanh", "--format", "json").out)["results"][0]
        errors = result["errors"]
        self.assertEqual([float(e["x"]) for e in errors], sorted(float(e["x"]) for e in errors))
        self.assertEqual(max(e["ulps"] for e in errors), result["worst_derivative"]["ulps"])
        self.assertIn(f"x = {max(errors, key=lambda e: e['ulps'])['x']}", result["worst_derivative"]["where"])
        self.assertLessEqual(result["worst_derivative"]["ulps"], result["claim"])


class Junit(CommandTest):
    def suite(self, code, *arguments):
        text = self.expect(code, *arguments, "--format", "junit").out
        root = ElementTree.fromstring(text)
        self.assertEqual(root.tag, "testsuites")
        [suite] = root
        self.assertEqual((suite.tag, suite.get("name")), ("testsuite", "gradus"))
        cases = list(suite)
        problems = {"failure": 0, "error": 0, "skipped": 0}
        for case in cases:
            self.assertEqual((case.tag, case.get("classname")), ("testcase", "gradus.check"))
            self.assertGreaterEqual(float(case.get("time")), 0)
            children = [child.tag for child in case]
            self.assertIn(children, (["system-out"], ["skipped", "system-out"], ["failure"], ["error"]))
            if children[0] in problems:
                problems[children[0]] += 1
        counts = {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}
        self.assertEqual(counts, {"tests": len(cases), "failures": problems["failure"], "errors": problems["error"], "skipped": problems["skipped"]})
        if shutil.which("xmllint"):
            done = subprocess.run(["xmllint", "--noout", "--schema", ROOT / "tests/examples/junit.xsd", "-"], input=text.encode(), capture_output=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr.decode())
        return cases

    def test_has_a_case_for_each_op(self):
        self.assertEqual([c.get("name") for c in self.suite(AGREE, "check", "relu", "tanh", "add")], ["relu", "tanh", "add"])

    def test_has_a_failure_with_the_whole_message(self):
        [case] = self.suite(WRONG, *BROKEN)
        failure = case.find("failure")
        self.assertEqual(failure.get("type"), "FAIL")
        self.assertIn("got 9, expected 6", failure.get("message"))
        self.assertIn("    high precision 6 ±", failure.text)

    def test_skips_what_cannot_be_told(self):
        [case] = self.suite(INCONCLUSIVE, *UNDECIDED)
        self.assertIn("f = nan", case.find("skipped").get("message"))
        for case in self.suite(INCONCLUSIVE, "check", "exp", "log", "--budget", "1e-9"):
            self.assertIn("not checked: the budget", case.find("skipped").get("message"))

    def test_passes_the_schema_whatever_the_expression(self):
        for expression in ATTACKS:
            at = "x=3,v=[0,2]" if "v[" in expression else "x=3"
            [case] = self.suite(WRONG, "check", "--expr", expression, "--at", at, "--claim", "dx=7")
            if "\r" not in expression:
                self.assertEqual(case.get("name"), expression)


class Html(CommandTest):
    def page(self, code, *arguments):
        return ElementTree.fromstring(self.expect(code, *arguments, "--format", "html").out)

    def test_loads_nothing_and_runs_nothing(self):
        for arguments, code in ((["check", "tanh", "add", "matmul"], AGREE), (BROKEN, WRONG)):
            page = self.page(code, *arguments)
            for element in page.iter():
                self.assertNotIn(element.tag, ("script", "link", "img", "iframe", "object", "embed", "image", "use"))
                for name, value in element.attrib.items():
                    self.assertNotIn(name, ("src", "srcset", "style") if element.tag != "style" else ())
                    self.assertFalse(name.startswith("on"), name)
                    if name == "href":
                        self.assertRegex(value, r"^#op-\d+$")
            style = page.find("head/style").text
            self.assertNotRegex(style, r"url\(|@import")
            self.assertIn("prefers-color-scheme: dark", style)

    def test_has_links_that_lead_somewhere(self):
        page = self.page(AGREE, "check", "tanh", "add")
        self.assertEqual([a.get("href") for a in page.iter("a")], ["#" + d.get("id") for d in page.iter("details")])

    def test_plots_each_error_within_the_picture(self):
        for op in ("tanh", "lgamma", "relu", "sqrt"):
            errors = json.loads(command_test.run("check", op, "--format", "json").out)["results"][0]["errors"]
            plot = self.page(AGREE, "check", op).find("body/details/svg")
            width, height = map(float, plot.get("viewBox").split()[2:])
            dots = [c for c in plot.iter("circle") if c.get("class") != "worst"]
            self.assertEqual(len(dots), len(errors))
            for dot in dots:
                self.assertTrue(0 < float(dot.get("cx")) < width and 0 < float(dot.get("cy")) < height)
            self.assertTrue(any(line.get("class") == "claim" for line in plot.iter("line")))

    def test_says_where_there_is_no_plot(self):
        page = self.page(AGREE, "check", "matmul")
        self.assertIsNone(page.find("body/details/svg"))
        self.assertIn("No plot", page.find("body/details/p").text)


class Markdown(CommandTest):
    def test_has_a_table_and_blocks(self):
        lines = self.expect(WRONG, *BROKEN, "--format", "md").out.splitlines()
        rows = [line for line in lines if line.startswith("|")]
        self.assertEqual(len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}), 1)
        self.assertEqual(len(rows), 3)
        self.assertEqual(sum(line.startswith("```") for line in lines), 2)

    def test_keeps_bars_inside_their_cell(self):
        row = next(line for line in attack("x<3||x>4?x:1", "md").out.splitlines() if line.startswith("| `"))
        self.assertEqual(len(re.findall(r"(?<!\\)\|", row)), 11)
        self.assertIn(r"`x<3\|\|x>4?x:1`", row)


class ExitCodes(CommandTest):
    def test_follow_the_verdicts_that_count(self):
        kink = ["check", "--expr", "relu(x)", "--at", "x=0"]
        for arguments, fail_on, code in [
            (BROKEN, "fail", WRONG), (BROKEN, "kink,fail", WRONG), (BROKEN, "inconclusive", AGREE), (BROKEN, "kink,nondeterministic,oracle_disagreement", AGREE),
            (UNDECIDED, "fail", AGREE), (UNDECIDED, "inconclusive", INCONCLUSIVE), (UNDECIDED, "fail,inconclusive", INCONCLUSIVE),
            (kink, "fail,inconclusive", AGREE), (kink, "kink", WRONG), (["check", "tanh"], "kink,fail,inconclusive", AGREE),
        ]:
            with self.subTest(arguments=arguments, fail_on=fail_on):
                self.expect(code, *arguments, "--fail-on", fail_on)
        for wrong in ("", "pass", "fail,", "FAIL", "fail;kink", "fail, kink"):
            self.expect(USAGE, "check", "tanh", "--fail-on", wrong, err="--fail-on: '.*' is no verdict to fail on: give some of fail, ")

    def test_tell_of_a_budget_that_was_spent(self):
        done = self.expect(INCONCLUSIVE, "check", "tanh", "exp", "--budget", "1e-9", out="not checked, as the budget was spent: tanh, exp")
        self.assertEqual(done.out.count("NOT CHECKED"), 2)
        document = json.loads(self.expect(INCONCLUSIVE, "check", "tanh", "exp", "--budget", "1e-9", "--format", "json", "--fail-on", "fail").out)
        self.assertEqual(document["not_checked"], ["tanh", "exp"])
        self.expect(AGREE, "check", "tanh", "--budget", "1000")
        for wrong in ("0", "-1", "x", "nan", "inf", "1e99", ""):
            self.expect(USAGE, "check", "tanh", f"--budget={wrong}", err="seconds|--budget")
        self.expect(USAGE, *BROKEN, "--budget", "1", err="excludes")
        self.expect(USAGE, "check", "tanh", "--max-failures", "-1", err="whole number")


class OutputFile(CommandTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.file = self.folder / "report.xml"

    def test_has_the_report_and_stdout_the_summary(self):
        done = self.expect(WRONG, *BROKEN, "--format", "junit", "--output", self.file, out="FAIL d f / d x")
        self.assertIn(f"report in {self.file}", done.out)
        self.assertNotIn("<", done.out)
        ElementTree.parse(self.file)
        self.assertEqual(os.listdir(self.folder), ["report.xml"])
        self.expect(AGREE, "check", "tanh", "--output", self.file, "--color", "always", out="1 of 1 agrees")
        text = self.file.read_text(encoding="utf-8")
        self.assertTrue(text.startswith("op ") and "tanh" in text and "\033" not in text, text)

    def test_keeps_its_mode_and_its_link(self):
        self.file.write_text("old", encoding="utf-8")
        self.file.chmod(0o640)
        link = self.folder / "link"
        link.symlink_to("report.xml")
        self.expect(AGREE, "check", "tanh", "--format", "json", "--output", link)
        self.assertTrue(link.is_symlink())
        json.loads(self.file.read_text(encoding="utf-8"))
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o640)

    def test_that_cannot_be_written_says_why(self):
        for path, message in ((self.folder, "directory"), (self.folder / "none" / "x", "No such file"), ("/dev/full", "No space left"), ("", "a file has a name"),
                              (self.folder / ("x" * 300), "too long")):
            with self.subTest(path):
                self.expect(USAGE, "check", "relu", "--output", path, err=f"(?i){message}")
        self.assertTrue(pathlib.Path("/dev/full").is_char_device())
        self.assertEqual(os.listdir(self.folder), [])

    def test_on_a_full_disk_leaves_nothing_new_and_what_was_there(self):
        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

        self.expect(USAGE, "check", "tanh", "--format", "html", "--output", self.file, err="cannot write .*: File too large", preexec_fn=small_files)
        self.assertEqual(os.listdir(self.folder), [])
        self.file.write_text("old", encoding="utf-8")
        self.expect(USAGE, "check", "tanh", "--format", "html", "--output", self.file, err="cannot write", preexec_fn=small_files)
        self.assertEqual(self.file.read_text(encoding="utf-8"), "old")
        self.assertEqual(os.listdir(self.folder), ["report.xml"])


class GitHubAnnotations(CommandTest):
    GITHUB = {"GITHUB_ACTIONS": "true"}

    def annotations(self, text):
        return [line for line in text.splitlines() if line.startswith("::")]

    def test_are_one_line_for_each_failure(self):
        [line] = self.annotations(self.expect(WRONG, *BROKEN, env=self.GITHUB).out)
        found = re.fullmatch(r"::error title=([^,:]*)::(.*)", line)
        self.assertEqual(found[1].replace("%3A", ":"), "gradus check x^2: FAIL")
        self.assertIn("%0A    got            9%0A", found[2])

    def test_are_only_for_what_counts_and_for_text(self):
        for arguments, env in ((["check", "tanh"], self.GITHUB), (BROKEN, {"GITHUB_ACTIONS": "false"}), (BROKEN, {"GITHUB_ACTIONS": ""}), ([*BROKEN, "--fail-on", "kink"], self.GITHUB),
                               *(([*BROKEN, "--format", form], self.GITHUB) for form in FORMATS[1:])):
            with self.subTest(arguments=arguments, env=env):
                self.assertEqual(self.annotations(command_test.run(*arguments, env=env).out), [])

    def test_cannot_be_forged_by_an_expression(self):
        for expression in ATTACKS:
            self.assertEqual(len(self.annotations(attack(expression, "text", env=self.GITHUB).out)), 1)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    command_test.command = sys.argv.pop(1)
    unittest.main(verbosity=0)
