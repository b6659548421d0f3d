#!/usr/bin/env python3
"""The command `gradus` from outside: python3 command_test.py PATH_TO_gradus

Expected numbers come from Python's math module and from identities, never from the command itself.
"""
import json
import math
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest

AGREE, WRONG, USAGE, INCONCLUSIVE = 0, 1, 2, 3
TIMEOUT = 60
command = ""

SIGMOID_CASE = "case a op sigmoid cat any\nin x 1 3 0 0x1p+0 -inf\nup y 1 3 1 2 1\nend\n"


class Outcome:
    def __init__(self, process):
        self.code = process.returncode
        self.out = process.stdout.decode() if process.stdout is not None else ""
        self.err = process.stderr.decode(errors="replace")


def run(*arguments, stdin=b"", env=None, **kwargs):
    stdin = stdin.encode() if isinstance(stdin, str) else stdin
    environment = {**os.environ, "NO_COLOR": "", "TERM": "xterm", **(env or {})}
    kwargs.setdefault("stdout", subprocess.PIPE)
    process = subprocess.run([command, *map(str, arguments)], input=stdin, stderr=subprocess.PIPE, timeout=TIMEOUT,
                             env=environment, check=False, **kwargs)
    return Outcome(process)


def grad(expression, at):
    """Value and gradient, as the command prints them in JSON."""
    done = run("grad", "--expr", expression, "--at", at, "--format", "json")
    assert done.code == AGREE, done.err
    document = json.loads(done.out)
    return float(document["value"]), {name: float(x) for name, x in document["gradient"].items()}


class CommandTest(unittest.TestCase):
    def expect(self, code, *arguments, err=None, out=None, **kwargs):
        done = run(*arguments, **kwargs)
        self.assertEqual(done.code, code, f"{arguments}\n{done.out[:2000]}\n{done.err[:2000]}")
        if code == USAGE:
            self.assertTrue(done.err.startswith("gradus"), done.err[:500])
        for pattern, text in ((err, done.err), (out, done.out)):
            if pattern is not None:
                self.assertRegex(text, pattern)
        return done

    def assert_close(self, got, expected, ulps=8):
        self.assertLessEqual(abs(got - expected), ulps * math.ulp(max(abs(expected), 1e-300)), f"{got!r} {expected!r}")


class GradOfAnExpression(CommandTest):
    def test_equals_calculus(self):
        value, g = grad("x*tanh(x*y)", "x=.3,y=1.7")
        t = math.tanh(0.51)
        self.assert_close(value, 0.3 * t)
        self.assert_close(g["x"], t + 0.51 * (1 - t * t))
        self.assert_close(g["y"], 0.09 * (1 - t * t))

    def test_of_elementary_functions_equals_the_math_module(self):
        x = 0.37
        for formula, value, slope in [
            ("exp(x)", math.exp(x), math.exp(x)),
            ("log(x)", math.log(x), 1 / x),
            ("sin(x)", math.sin(x), math.cos(x)),
            ("atan(x)", math.atan(x), 1 / (1 + x * x)),
            ("erf(x)", math.erf(x), 2 / math.sqrt(math.pi) * math.exp(-x * x)),
            ("x^3", x**3, 3 * x * x),
            ("-x^2", -x * x, -2 * x),
            ("2^-x^2", 2 ** -(x * x), -2 * x * math.log(2) * 2 ** -(x * x)),
            ("x > 0 ? x : x^2", x, 1.0),
            ("elu(-x, 2)", 2 * math.expm1(-x), -2 * math.exp(-x)),
            ("pi*x + e", math.pi * x + math.e, math.pi),
        ]:
            with self.subTest(formula):
                got, g = grad(formula, f"x={x}")
                self.assert_close(got, value)
                self.assert_close(g["x"], slope)

    def test_keeps_its_digits_in_the_tail(self):
        for x in (20.0, 40.0, 300.0, 700.0):
            self.assert_close(grad("sigmoid(x)", f"x={x}")[1]["x"], math.exp(-x) / (1 + math.exp(-x)) ** 2, 4)

    def test_of_softmax_cross_entropy_sums_to_zero(self):
        _, g = grad("softmax_cross_entropy(z,[0,1,0])", "z=[1,2,4]")
        s = [math.exp(z) for z in (1, 2, 4)]
        for i, label in enumerate((0, 1, 0)):
            self.assert_close(g[f"z[{i}]"], s[i] / sum(s) - label)
        self.assertAlmostEqual(sum(g.values()), 0, delta=1e-15)

    def test_at_several_points_in_several_options(self):
        done = self.expect(AGREE, "grad", "--expr", "x*y", "--at", "x=2", "--at", "y=3")
        self.assertEqual(dict(line.split() for line in done.out.splitlines()), {"f": "6", "df/dx": "3", "df/dy": "2"})

    def test_nan_and_infinity_are_strings_in_json(self):
        for formula, at, value, slope in [("x", "x=nan", "nan", 1), ("log(x)", "x=0", "-inf", "inf"), ("log(x)", "x=-1", "nan", "nan"),
                                          ("x^2", "x=inf", "inf", "inf"), ("x/0", "x=1", "inf", "inf")]:
            done = self.expect(AGREE, "grad", "--expr", formula, "--at", at, "--format", "json")
            document = json.loads(done.out, parse_constant=lambda c: self.fail(f"{c} is not JSON"))
            if slope != "nan":
                self.assertEqual(document["gradient"]["x"], slope, formula)
            self.assertEqual(document["value"], value, formula)

    def test_of_ten_thousand_entries(self):
        values = [round(math.sin(i), 3) for i in range(10_000)]
        at = "v=[" + ",".join(map(str, values)) + "]"  # a single argument holds 128 KiB at most
        value, g = grad("sum(v*v)", at)
        self.assertAlmostEqual(value, math.fsum(v * v for v in values), delta=1e-9)
        self.assertEqual([g[f"v[{i}]"] for i in range(10_000)], [2 * v for v in values])

    def test_of_a_very_long_chain(self):
        self.assertEqual(grad("+".join(["x"] * 20_000), "x=1"), (20_000.0, {"x": 20_000.0}))


class CheckOfAnExpression(CommandTest):
    def test_agrees_with_itself(self):
        done = self.expect(AGREE, "check", "--expr", "x*tanh(x*y)", "--at", "x=.3,y=1.7", out=r"PASS")
        self.assertIn("high precision 2/2", done.out)

    def test_of_well_defined_functions_never_cries_wolf(self):
        for formula, at in [("tanh(x)", "x=300"), ("sigmoid(x)", "x=-700"), ("1e8+sin(x)", "x=1"), ("sin(1000*x)", "x=.7"),
                            ("1/(x^2+1e-6)", "x=1e-3"), ("a*b-c*d", "a=3,b=7,c=1,d=21"), ("exp(x)", "x=700"), ("x^3", "x=0"), ("x^2", "x=0"),
                            ("sin(1/x)", "x=1e-5"), ("erf((e+x)*y)", "x=3,y=1.02"), ("cos(x)", "x=0"), ("sin(1e8+x)", "x=.3")]:
            with self.subTest(formula):
                self.expect(AGREE, "check", "--expr", formula, "--at", at)

    def test_at_a_kink_accepts_any_slope_in_between(self):
        self.expect(AGREE, "check", "--expr", "relu(x)", "--at", "x=0", out="KINK")
        self.expect(AGREE, "check", "--expr", "maxout(v)", "--at", "v=[1,1]", out="KINK")

    def test_at_a_jump_or_outside_the_domain_is_inconclusive(self):
        for formula, at in [("x>0?1:0", "x=0"), ("log(x)", "x=-1"), ("log(x)", "x=0"), ("exp(x)", "x=1000"), ("x", "x=nan"), ("x", "x=inf")]:
            with self.subTest(formula):
                self.expect(INCONCLUSIVE, "check", "--expr", formula, "--at", at, out="INCONCLUSIVE")
                document = json.loads(self.expect(INCONCLUSIVE, "check", "--expr", formula, "--at", at, "--format", "json").out)
                self.assertEqual(document["verdict"], "INCONCLUSIVE")

    def test_with_many_inputs_ends_soon(self):
        for n in (100, 10_000):
            at = "v=[" + ",".join(f"{math.sin(i):.3f}" for i in range(n)) + "]"
            self.expect(AGREE, "check", "--expr", "log_sum_exp(v)", "--at", at, out="PASS")

    def test_without_a_variable_is_refused(self):
        self.expect(USAGE, "check", "--expr", "2+2", err="no variable")

    def test_in_json_has_the_schema(self):
        document = json.loads(self.expect(AGREE, "check", "--expr", "x^2", "--at", "x=3", "--format", "json").out)
        self.assertEqual((document["schema"], document["verdict"]), (1, "PASS"))
        self.assertEqual(document["results"][0]["name"], "x^2")


class Claims(CommandTest):
    def check(self, code, formula, at, *claims, **kwargs):
        return self.expect(code, "check", "--expr", formula, "--at", at, *(f"--claim={claim}" for claim in claims), **kwargs)

    def test_that_are_right_hold(self):
        for formula, at, *claims in [
            ("log(1+exp(x))", "x=2", "dx=1/(1+exp(-x))"),
            ("tanh(x)", "x=.5", "dx=1 - tanh(x)^2"),
            ("tanh(x)", "x=2.5", "dx=1 - tanh(x)^2"),  # rounding costs it a digit: no reason to call it wrong
            ("x*y", "x=2,y=3", "dx=y", "dy=x"),
            ("x*y", "x=2,y=3", "dy=x"),
            ("dot(v,v)", "v=[1,2,3]", "dv=2*v"),
            ("softmax_cross_entropy(z,[0,1,0])", "z=[1,2,3]", "dz=softmax(z)-[0,1,0]"),
            ("mean_squared_error(p,[0,1])", "p=[1,3]", "dp=p-[0,1]"),
            ("normal_log_density([1,2,4],m,s)", "m=1.5,s=2", "dm=(7-3*m)/s^2", "ds=((1-m)^2+(2-m)^2+(4-m)^2)/s^3-3/s"),
            ("normal_log_density(x,[1,2],[3,0.5])", "x=[1.5,3]", "dx=[(1-x[0])/9,(2-x[1])*4]"),
            ("sum(linear_recurrence(p,[1,2],h))", "p=.5,h=3", "dp=h+1+2*p*h", "dh=p+p^2"),
        ]:
            with self.subTest(formula=formula, at=at):
                self.check(AGREE, formula, at, *claims)

    def test_that_are_wrong_are_found(self):
        for formula, at, *claims in [
            ("sigmoid(x)", "x=.5", "dx=sigmoid(x)"),
            ("tanh(x)", "x=.5", "dx=1-tanh(x)"),
            ("x^3", "x=2", "dx=3*x^2*(1+1e-9)"),
            ("x^2", "x=1", "dx=2"),  # right at this point alone
            ("x*y", "x=2,y=3", "dx=y", "dy=y"),
            ("x*y", "x=2,y=3", "dx=-y"),
            ("dot(v,v)", "v=[1,2,3]", "dv=[2*v[0],2*v[1],2*v[1]]"),
            ("softmax_cross_entropy(z,[0,1,0])", "z=[1,2,3]", "dz=softmax(z)"),
            ("relu(x)", "x=0", "dx=.3"),
            ("relu(x)", "x=0", "dx=2"),
            ("x", "x=1", "dx=nan"),
            ("x", "x=1", "dx=inf"),
        ]:
            with self.subTest(formula=formula, claims=claims):
                self.check(WRONG, formula, at, *claims, out="FAIL")

    def test_that_are_wrong_in_the_tail_only_are_found_there(self):
        self.check(AGREE, "sigmoid(x)", "x=1", "dx=sigmoid(x)*(1-sigmoid(x))")
        self.check(WRONG, "sigmoid(x)", "x=44", "dx=sigmoid(x)*(1-sigmoid(x))", out="the formula is right, but not in double")
        self.check(WRONG, "tanh(x)", "x=25", "dx=abs(x) > 10 ? 0 : 1-tanh(x)^2")

    def test_at_a_kink_may_follow_any_convention(self):
        for claim in ("x>0?1:0", "x>=0?1:0", "x==0?.5:x>0?1:0"):
            self.check(AGREE, "relu(x)", "x=0", f"dx={claim}")
        self.check(AGREE, "abs(x)", "x=0", "dx=x<0?-1:1")
        self.check(WRONG, "relu(x)", "x=0", "dx=x==0?1.5:x>0?1:0", out=r"slopes 0 and 1")

    def test_that_are_wrong_are_reported_briefly(self):
        done = self.check(WRONG, "sin(x)", "x=1", "dx=cos(x)+1")
        self.assertLess(len(done.out.splitlines()), 30)
        self.assertRegex(done.out, r"at x = 1\n")
        self.assertRegex(done.out, r"and \d+ more points")
        self.assertIn("0.540302305868139", done.out)  # cos 1
        self.assertIn("1.540302305868139", done.out)

    def test_for_one_entry_of_a_thousand(self):
        at = "v=[" + ",".join(["1"] * 1000) + "]"
        right = "dv=2*v"
        wrong = "dv=[" + ",".join(["2"] * 999 + ["3"]) + "]"
        self.check(AGREE, "sum(v*v)", at, right)
        self.check(WRONG, "sum(v*v)", at, wrong, out=r"v\[999\]")

    def test_are_told_what_is_wrong_with_them(self):
        for claim, message in [("x=1", "dx=…"), ("dz=1", "no variable 'z'"), ("dx", "name=value"), ("dx=", "empty"), ("dx=1+", r"--claim dx: .*after '\+'"),
                               ("dx=[1,2]", "2 values"), ("dx=q", "unknown variable 'q'")]:
            with self.subTest(claim):
                self.check(USAGE, "x", "x=1", claim, err=message)
        self.check(USAGE, "x", "x=1", "dx=1", "dx=2", err="twice")

    def test_are_repeatable_with_a_seed(self):
        arguments = ["check", "--expr", "sin(x)", "--at", "x=1", "--claim", "dx=1", "--seed"]
        first, again, other = (run(*arguments, seed).out for seed in (7, 7, 8))
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)


class BadExpressions(CommandTest):
    def test_point_at_the_column(self):
        for formula, column in [("x+", 3), ("x + * 2", 5), ("(x", 1), ("x)", 2), ("2x", 2), ("x**2", 2), ("x, x", 2), ("x ? 1", 3), ("tanh(x", 5),
                                ("1 + foo(x)", 5), ("x + y", 5), ("tanh(x, x)", 1), ("x = 1", 3), ("x $ 2", 3), ("x[0]", 2), ("0 < x < 1", 7)]:
            with self.subTest(formula):
                done = self.expect(USAGE, "grad", "--expr", formula, "--at", "x=1")
                lines = done.err.splitlines()
                self.assertIn(f"  {formula}", lines)
                self.assertEqual(lines[lines.index(f"  {formula}") + 1], " " * (column + 1) + "^")

    def test_say_what_to_do(self):
        for formula, at, message in [("tanhh(x)", "x=1", "did you mean 'tanh'"), ("X", "x=1", "known: x"), ("x", "y=1", "--at"), ("v", "v=[1,2]", "sum"),
                                     ("dot(v,w)", "v=[1,2],w=[1,2,3]", "2 and 3"), ("v[2]", "v=[1,2]", "out of range"), ("e", "e=1", "constant"),
                                     ("elu(x, y)", "x=-1,y=2", "alpha"), ("x", "x=1e999", "out of the range"), ("x", "x=1,x=2", "twice"), ("x", "x", "name=value"),
                                     ("x", "", "name=value"), ("x", "x=1,", "name=value"), ("x", "1=x", "name=value"), ("", "x=1", "empty"), (" ", "x=1", "empty"),
                                     ("x", "x=", "--at x: "), ("x", "x=[1,", "--at"), ("x", "x=y", "--at x: ")]:
            with self.subTest(formula=formula, at=at):
                for name in ("grad", "check"):
                    self.expect(USAGE, name, "--expr", formula, "--at", at, err=re.escape(message))

    def test_of_any_size_end_in_a_short_message(self):
        for formula in ["(" * 100_000, "-" * 50_000 + "x", "x^" * 30_000 + "x", "[" * 3000, "x?" * 3000, "9" * 5000, "q" * 100_000, "x" * 100_000 + "+"]:
            done = self.expect(USAGE, "grad", "--expr", formula, "--at", "x=1")
            self.assertLess(len(done.err), 250_000 if formula.startswith("q") or formula.startswith("xx") else 1000)

    def test_of_random_tokens_never_crash(self):
        tokens = list("xyv()[],?:+-*/^<>=!&|. 1\\'\"\n") + ["==", "&&", "tanh", "softmax(", "v[0]", "1e9", "nan", "é", "😀", "\x01", "elu(", "sum"]
        source = random.Random(5)
        for _ in range(60):
            formula = "".join(source.choices(tokens, k=source.randrange(1, 20)))
            done = run("grad", f"--expr={formula}", "--at", "x=1,y=2,v=[1,2]")
            self.assertIn(done.code, (AGREE, USAGE), formula)
            self.assertTrue(done.code == AGREE or done.err.startswith("gradus: "), formula)


class Ops(CommandTest):
    def test_are_listed_and_shown(self):
        document = json.loads(self.expect(AGREE, "list", "--format", "json").out)
        names = [op["name"] for op in document["ops"]]
        self.assertEqual(document["schema"], 1)
        self.assertEqual(len(names), len(set(names)))
        wanted = {"tanh", "sigmoid", "softmax", "relu", "elu", "prelu", "maxout", "cross_entropy"}
        self.assertLessEqual(wanted, set(names))
        shown = json.loads(self.expect(AGREE, "show", *names, "--format", "json").out)
        self.assertEqual([op["name"] for op in shown["ops"]], names)
        text = self.expect(AGREE, "list").out
        self.assertEqual([line.split()[0] for line in text.splitlines()], names)
        self.assertTrue(self.expect(AGREE, "list", "--markdown").out.startswith("| op |"))
        self.assertIn("1 - tanh(x)^2", self.expect(AGREE, "show", "tanh").out)

    def test_are_verified(self):
        done = self.expect(AGREE, "check", "relu", "leaky_relu", out="PASS")
        self.assertNotIn("\033", done.out)
        document = json.loads(self.expect(AGREE, "check", "relu", "--format", "json").out)
        self.assertEqual((document["schema"], document["verdict"], document["results"][0]["name"]), (1, "PASS", "relu"))

    def test_are_checked_at_all_floats(self):
        done = self.expect(AGREE, "check", "--exhaustive", "--stride", 65537, "relu", "tanh", "--format", "json")
        self.assertEqual(done.err, "")
        document = json.loads(done.out)
        self.assertEqual((document["schema"], document["verdict"]), (1, "PASS"))
        self.assertEqual([r["name"] for r in document["results"]], ["relu", "tanh"])
        for result in document["results"]:
            self.assertEqual((result["inputs"], result["stride"]), (65536, 65537))
            self.assertEqual(result["nans"], 2 * 127 + 2)  # bits 65537*k: of each sign the 128 that begin with 0x7f80 or later, but for those of infinity
            for part in ("value", "derivative"):
                self.assertLessEqual(result[part]["ulps"], result[part]["claim"])
                self.assertGreater(result[part]["correctly_rounded"], 0.9 * 65536)
                self.assertEqual(result[part]["wrong"], 0)
        self.assertIsNone(document["results"][0]["value"]["worst"])
        text = self.expect(AGREE, "check", "--exhaustive", "--stride", "65537", out="6 of 6 ops").out
        self.assertEqual([line.split()[0] for line in text.splitlines()[1:7]], ["relu", "sigmoid", "tanh", "leaky_relu", "elu", "softplus"])
        self.expect(USAGE, "check", "--exhaustive", "relu", "pow", err="'pow' is not an op of one number")
        self.expect(USAGE, "check", "--exhaustive", "softmax", err="'softmax' is not an op of one number")
        self.expect(USAGE, "check", "--exhaustive", "sigmod", err="did you mean 'sigmoid'")
        self.expect(USAGE, "check", "--exhaustive", "--stride", "0", err="at least 1")
        self.expect(USAGE, "check", "--stride", "2", "tanh", err="--exhaustive")
        self.expect(USAGE, "check", "--exhaustive", "--expr", "x", "--at", "x=1", err="--expr")

    def test_that_do_not_exist_are_suggested(self):
        for arguments in (["check", "sigmod"], ["show", "sigmod"], ["show", "tanh", "sigmod"]):
            self.expect(USAGE, *arguments, err="unknown op 'sigmod'; did you mean 'sigmoid'")
        self.expect(USAGE, "check", "relu", "--expr", "x", err="not both")
        self.expect(USAGE, "check", "", err="unknown op")
        self.expect(USAGE, "--bogus", err="unknown command or option '--bogus'")


class Options(CommandTest):
    def test_help_is_there(self):
        for name in ("check", "grad", "list", "show", "eval"):
            self.assertIn(name, self.expect(AGREE, "--help").out)
            done = self.expect(AGREE, name, "--help", out="Usage: gradus")
            self.assertEqual(done.err, "")
            self.assertLessEqual(max(map(len, done.out.splitlines())), 160)
        self.expect(AGREE, "--version", out=r"^gradus \d+\.\d+")

    def test_that_are_wrong_are_explained(self):
        for arguments, message in [([], "check, grad"), (["chek"], "did you mean 'check'"), (["check", "--frmat", "json"], "--frmat"),
                                   (["list", "--format", "xml"], "text or json"), (["list", "--format", "1"], "text or json"), (["list", "--color", "blue"], "auto"),
                                   (["check", "relu", "--seed", "x"], "whole number"), (["check", "relu", "--seed", "-1"], "whole number"), (["grad"], "--expr"), (["show"], "op"),
                                   (["eval"], "file"), (["check", "--at", "x=1"], "--expr"), (["eval", "-", "--format", "xml"], "json or text")]:
            with self.subTest(arguments):
                self.expect(USAGE, *arguments, err=re.escape(message))

    def test_color_is_only_for_those_who_want_it(self):
        self.assertIn("\033[32m", run("check", "relu", "--color", "always").out)
        self.assertNotIn("\033", run("check", "relu", "--color", "never").out)
        self.assertNotIn("\033", run("check", "relu", "--color", "auto", env={"NO_COLOR": "1"}).out)

    def test_output_that_cannot_be_written_is_no_success(self):
        with open("/dev/full", "wb") as full:
            for arguments in (["list"], ["grad", "--expr", "x", "--at", "x=1"], ["--help"], ["eval", "-"]):
                self.expect(USAGE, *arguments, stdin=SIGMOID_CASE, stdout=full, err="cannot write")

    def test_a_closed_pipe_ends_quietly(self):
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "wb") as closed:
            done = run("list", stdout=closed)
        self.assertEqual(done.code, USAGE)
        self.assertLess(len(done.err.splitlines()), 3)


class EvalOfFiles(CommandTest):
    def eval(self, text, code=AGREE, err=None, form="json"):
        done = self.expect(code, "eval", "-", "--format", form, stdin=text, err=err)
        return [json.loads(line) for line in done.out.splitlines()] if form == "json" else done.out

    def test_gives_values_and_gradients(self):
        [result] = self.eval(SIGMOID_CASE)
        s = 1 / (1 + math.exp(-1))
        self.assertEqual([float.fromhex(x) for x in result["forward"]][::2], [0.5, 0.0])
        self.assert_close(float.fromhex(result["forward"][1]), s)
        slopes = [float.fromhex(x) for x in result["grads"]["x"]]
        self.assert_close(slopes[1], 2 * s * (1 - s))
        self.assertEqual((slopes[0], slopes[2]), (0.25, 0.0))

    def test_text_form_says_the_same(self):
        [result] = self.eval(SIGMOID_CASE)
        lines = [line.split() for line in self.eval(SIGMOID_CASE, form="text").splitlines()]
        self.assertEqual(lines[0][:2], ["case", "a"])
        self.assertEqual(lines[1], ["out", "y", *result["forward"]])
        self.assertEqual(lines[2], ["grad", "x", *result["grads"]["x"]])
        self.assertEqual(lines[3], ["end"])

    def test_reads_files_and_comments(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "cases.txt")
            path.write_text("# a comment\n\n" + SIGMOID_CASE.replace("\n", "\r\n"), encoding="utf-8")
            self.expect(AGREE, "eval", path, out='"id":"a"')

    def test_leaves_out_unknown_ops(self):
        text = "case b op nonesuch cat any\nin x 0 1\nend\n" + SIGMOID_CASE
        self.assertEqual([r["id"] for r in self.eval(text, err="unknown op 'nonesuch'")], ["a"])

    def test_goes_on_after_a_case_that_is_rejected(self):
        text = "case b op matmul cat any\nin a 2 2 3 1 2 3 4 5 6\nin b 2 2 3 1 2 3 4 5 6\nend\n" + SIGMOID_CASE
        self.assertEqual([r["id"] for r in self.eval(text, USAGE, err="matmul.*2x3")], ["a"])

    def test_of_what_cannot_be_read_says_so(self):
        with tempfile.TemporaryDirectory() as folder:
            self.expect(USAGE, "eval", folder, err="[Dd]irectory")
            self.expect(USAGE, "eval", pathlib.Path(folder, "none"), err="No such file")
            empty = pathlib.Path(folder, "empty")
            empty.touch()
            self.expect(USAGE, "eval", empty, err="no case")
            noise = pathlib.Path(folder, "noise")
            noise.write_bytes(random.Random(3).randbytes(10_000))
            self.expect(USAGE, "eval", noise)
            if os.geteuid() != 0:
                noise.chmod(0)
                self.expect(USAGE, "eval", noise, err="Permission")
        self.expect(USAGE, "eval", "-", stdin="", err="no case")
        self.expect(USAGE, "eval", "-", stdin=b"\0\0\0")

    def test_of_malformed_lines_names_the_line(self):
        head = "case a op tanh cat any\n"
        for line, message in [("in x", "rank"), ("in x 5 1 1 1 1 1 0", "at most 4"), ("in x -1 0", "rank"), ("in x 1 -1 0", "extent|elements|values"),
                              ("in x 1 1000000000 0", "1 values? for shape 1000000000"), ("in x 4 65535 65535 65535 65535 0", "elements"), ("in x 1 2 1", "1 values? for shape 2"),
                              ("in x 1 1 zero", "'zero' is not a number"), ("in x 2 3", "2 extents"), ("inn x 0 1", "unknown keyword 'inn'"), ("attr axis", "a value"),
                              ("case b op tanh cat any", "no 'end'")]:
            with self.subTest(line):
                self.expect(USAGE, "eval", "-", stdin=f"{head}{line}\nend\n", err=f":2: .*{message}|{message}")
        self.expect(USAGE, "eval", "-", stdin=head + "in x 0 1\n", err="truncated")
        self.expect(USAGE, "eval", "-", stdin="in x 0 1\n", err="outside a case")
        self.expect(USAGE, "eval", "-", stdin="case a\nend\n", err=":1: ")

    def test_refuses_what_an_op_cannot_take(self):
        cross_entropy = "case a op softmax_cross_entropy cat any\nattr target class\nin z 2 1 3 1 2 3\nin y 1 1 {}\nup y 1 1 1\ngrad z\nend\n"
        for text, message in [
            ("case a op tanh cat any\nend\n", "takes 1"),
            ("case a op tanh cat any\nin x 0 1\nin y 0 1\nend\n", "takes 1"),
            ("case a op add cat any\nin x 0 1\nin x 0 1\nend\n", "two inputs of the name 'x'"),
            ("case a op tanh cat any\nin x 0 1\nup y 0 1\ngrad z\nend\n", "grad 'z' is none of its inputs"),
            ("case a op pow cat any\nin a 1 2 1 2\nin b 1 3 1 2 3\nend\n", "broadcast"),
            ("case a op sum cat any\nattr axis 2\nin x 1 2 1 2\nend\n", "axis 2"),
            ("case a op sum cat any\nattr axis 0.5\nin x 1 2 1 2\nend\n", "0.5"),
            ("case a op softmax cat any\nattr bogus 1\nin x 1 2 1 2\nend\n", "bogus"),
            ("case a op tanh cat any\nin x 1 2 1 2\nup y 1 3 1 1 1\nend\n", "upstream"),
            *((cross_entropy.format(target), "class") for target in ("3", "-1", "0.5", "nan", "inf", "1e30")),
        ]:
            with self.subTest(text):
                self.assertEqual(self.eval(text, USAGE, err=message), [])
        [result] = self.eval(cross_entropy.format("2"))
        self.assert_close(float.fromhex(result["forward"][0]), math.log(math.exp(1) + math.exp(2) + math.exp(3)) - 3, 16)

    def test_of_empty_arrays_gives_empty_results(self):
        [result] = self.eval("case a op tanh cat any\nin x 1 0\nup y 1 0\nend\n")
        self.assertEqual((result["forward"], result["grads"]), ([], {"x": []}))

    def test_of_mutated_files_never_crashes(self):
        source = random.Random(9)
        reference = pathlib.Path(__file__).resolve().parent.parent / "conformance" / "reference.txt"
        cases = [c + "end\n" for c in reference.read_text(encoding="utf-8").split("end\n") if 0 < len(c) < 3000]
        for _ in range(60):
            data = bytearray("".join(source.sample(cases, 2)).encode())
            for _ in range(source.randrange(1, 6)):
                at = source.randrange(len(data))
                change = source.randrange(3)
                if change == 0:
                    data[at] ^= 1 << source.randrange(8)
                elif change == 1:
                    del data[at : at + source.randrange(1, 60)]
                else:
                    data[at:at] = source.choice([b" nan ", b"\n", b" -1 ", b" 999999999 ", b"end\n", b"attr axis 9\n", b"\0"])
            done = run("eval", "-", stdin=bytes(data))
            self.assertIn(done.code, (AGREE, USAGE), bytes(data))
            self.assertNotIn("Sanitizer", done.err)
            for line in done.out.splitlines():
                json.loads(line)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    command = sys.argv[1]
    outcome = unittest.TextTestRunner(verbosity=0).run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    failed = len({str(test).split(" (<subtest>")[0].split(") [")[0].split(") (")[0] for test, _ in outcome.failures + outcome.errors})
    print(f"{outcome.testsRun - failed} passed, {failed} failed")
    sys.exit(failed > 0)
