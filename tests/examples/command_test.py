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
import signal
import subprocess
import sys
import tempfile
import time
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

    def test_that_are_wrong_on_a_branch_far_away_are_found_there(self):
        for formula, at, claim, pattern in [
            ("x^2", "x=1", "x<0?-2*x:2*x", "'x<0' in --claim dx is true"),
            ("x^2", "x=1", "x>1e9?2:2*x", "'x>1e9' in --claim dx is true"),
            ("x^2", "x=1", "(x>7.2&&x<7.3)?2:2*x", r"'\(x>7.2&&x<7.3\)' in --claim dx is true"),
            ("x*y", "x=1,y=2", "y>500?y*1.01:y", "'y>500' in --claim dx is true"),
            ("x>100?2*x:x", "x=1", "1", "'x>100' in --expr is true"),
            ("x^2", "x=1", "x==0?5:2*x", "'x==0' in --claim dx is true"),
        ]:
            with self.subTest(claim):
                self.check(WRONG, formula, at, f"dx={claim}", out=rf"holds at the given point, but not at \d+ of \d+ points far from it\n.*pattern    wrong wherever {pattern}, and right elsewhere")
        self.check(WRONG, "sum(v>0?v:v*v)", "v=[1,2,3]", "dv=v>0?1:v", out="far away")
        self.check(WRONG, "abs(x)", "x=5", "dx=1", out="far away")

    def test_that_are_right_are_right_far_away_too(self):
        for formula, at, *claims in [
            ("log(x)", "x=1e-9", "dx=1/x"),  # not defined on one side
            ("sqrt(1-x^2)", "x=.3", "dx=-x/sqrt(1-x^2)"),
            ("x^y", "x=.5,y=2", "dx=y*x^(y-1)", "dy=x^y*log(x)"),
            ("exp(x)", "x=1", "dx=exp(x)"),  # overflows
            ("exp(x)/(1+exp(x))", "x=1", "dx=exp(x)/(1+exp(x))^2"),  # inf/inf in double
            ("tanh(x)", "x=.3", "dx=1-tanh(x)^2"),  # no digits in double beyond 20
            ("log(erfc(x))", "x=.5", "dx=-2/sqrt(pi)*exp(-x^2)/erfc(x)"),  # 400 digits are not enough for it everywhere
            ("sin(2*pi*x)", "x=.3", "dx=6.283185307179586*cos(6.283185307179586*x)"),  # a rounded constant, times a large x
            ("2^x", "x=.3", "dx=0.6931471805599453*2^x"),
            ("relu(x)", "x=2", "dx=x>0?1:0"),
            ("x>1?x^2:2*x-1", "x=2", "dx=x>1?2*x:2"),
            ("max(x,y)", "x=2,y=1", "dx=x>y?1:0", "dy=x>y?0:1"),
            ("lgamma(x)-lgamma(x+1)", "x=2", "dx=-1/x"),
            ("atan2(y,x)", "x=2,y=1", "dx=-y/(x^2+y^2)", "dy=x/(x^2+y^2)"),
            ("tan(x)", "x=.2", "dx=1+tan(x)^2"),
            ("x^-2", "x=1e-8", "dx=-2*x^-3"),
            ("asin(x)", "x=.2", "dx=1/sqrt(1-x^2)"),
            ("sqrt(softplus(x))", "x=2.558", "dx=0.5/sqrt(softplus(x))*sigmoid(x)"),  # of 1 + exp(-820) 400 digits leave 44
            ("tanh(exp(x))", "x=2.1", "dx=(1-tanh(exp(x))^2)*exp(x)"),  # loses its digits beside the given point
        ]:
            with self.subTest(formula):
                for seed in (1, 2, 3):
                    self.expect(AGREE, "check", "--expr", formula, "--at", at, *(f"--claim={claim}" for claim in claims), "--seed", seed, out="PASS")
        self.check(AGREE, "x^2", "x=1", "dx=2*exp(log(x))", out="undefined  the claim is nan at x = -.*, where the derivative is -")
        self.check(AGREE, "exp(x)/(1+exp(x))", "x=1", "dx=exp(x)/(1+exp(x))^2", out="rounding   .* in double it gives nan instead of")

    def test_with_a_branch_that_no_point_takes_say_so(self):
        words = "no point was judged where 'x^2<-1' in --claim dx is true: that branch was not checked"
        arguments = ("check", "--expr", "x^2", "--at", "x=1", "--claim", "dx=x^2<-1?2:2*x")
        self.expect(AGREE, *arguments, out=re.escape(words))
        self.assertIn(words, json.loads(self.expect(AGREE, *arguments, "--format", "json").out)["results"][0]["advice"])
        self.expect(AGREE, "check", "--expr", "x<0?-x:x^2", "--at", "x=1", out="where 'x<0' in --expr is true")
        self.assertNotIn("advice", self.check(AGREE, "x^2", "x=1", "dx=x<0?2*x:x>3?x+x:2*x").out)

    def test_that_are_wrong_everywhere_in_one_way_are_told_how(self):
        for formula, at, claim, words in [
            ("sigmoid(x)", "x=.5", "-sigmoid(x)*(1-sigmoid(x))", "dx is -1 times the derivative: a sign"),
            ("x^3", "x=1.3", "6*x^2", "dx is 2 times the derivative: a factor of 2"),
            ("x^3", "x=1.3", "x^2", "dx is 0.333333 times the derivative: a constant factor"),
            ("sigmoid(x)", "x=.5", "sigmoid(x)", "dx is the function itself"),
            ("sin(x)", "x=1", "cos(x)+.25", "dx is the derivative and 0.25 more"),
            ("exp(-x^2)", "x=.7", "0", "dx is 0 everywhere"),
            ("log(1+x^2)", "x=.7", "(1+x^2)/(2*x)", "dx is 1 over the derivative"),
        ]:
            with self.subTest(claim):
                self.check(WRONG, formula, at, f"dx={claim}", out=rf"\n  pattern    {re.escape(words)}\n")
        self.check(WRONG, "softmax_cross_entropy(z,[0,1,0])", "z=[1,2,3]", "dz=[0,1,0]-softmax(z)", out=r"pattern    dz\[0\] is -1 times the derivative")
        self.assertNotIn("pattern", self.check(WRONG, "tanh(x)", "x=.5", "dx=1-x^2").out)

    def test_of_the_articles_functions_are_found_wrong(self):
        s, t = "sigmoid(x)", "tanh(x)"
        for formula, at, *claims in [
            (s, "x=.5", f"dx={s}*(1+{s})"), (s, "x=.5", f"dx={s}^2*(1-{s})"), (s, "x=.5", "dx=x*(1-x)"), (s, "x=0", "dx=.25"),
            (t, "x=.5", f"dx=1+{t}^2"), (t, "x=.5", f"dx=1-{t}"), (t, "x=.5", "dx=1-x^2"), (t, "x=0", "dx=1"),
            ("relu(x)", "x=.5", "dx=1"), ("relu(x)", "x=.5", "dx=x"), ("relu(x)", "x=-.5", "dx=0"), ("relu(x)", "x=2", "dx=x>1?1:0"),
            ("leaky_relu(x)", "x=.5", "dx=x>0?1:0"), ("leaky_relu(x,.2)", "x=.5", "dx=x>0?1:.01"), ("leaky_relu(x)", "x=.5", "dx=x>0?1:-.01"),
            ("prelu(x,a)", "x=.5,a=.25", "dx=x>0?1:a", "da=x"), ("prelu(x,a)", "x=.5,a=.25", "da=0"), ("prelu(x,a)", "x=-.5,a=.25", "dx=a"),
            ("elu(x,2)", "x=.5", "dx=x>0?1:exp(x)"), ("elu(x,2)", "x=.5", "dx=x>0?1:elu(x,2)"), ("elu(x)", "x=.5", "dx=x>0?1:exp(-x)"),
            ("maxout(z)", "z=[1,2,30]", "dz=[0,0,1]"), ("maxout(z)", "z=[1,2,3]", "dz=[1,1,1]"),
            ("softmax(z)[1]", "z=[1,2,3]", "dz=softmax(z)*(1-softmax(z))"), ("softmax(z)[1]", "z=[1,2,3]", "dz=softmax(z)[1]*(softmax(z)-[0,1,0])"),
            ("cross_entropy([0,1,0],softmax(z))", "z=[1,2,3]", "dz=[0,1,0]-softmax(z)"), ("cross_entropy([0,2,0],softmax(z))", "z=[1,2,3]", "dz=softmax(z)-[0,2,0]"),
        ]:
            with self.subTest(formula=formula, claims=claims):
                self.check(WRONG, formula, at, *claims, out="FAIL")
        for formula, at, *claims in [
            (s, "x=.5", f"dx={s}*(1-{s})"), (t, "x=.5", f"dx=1-{t}^2"), ("relu(x)", "x=.5", "dx=x>0?1:0"), ("leaky_relu(x,.2)", "x=-.5", "dx=x>0?1:.2"),
            ("prelu(x,a)", "x=-.5,a=.25", "dx=x>0?1:a", "da=x>0?0:x"), ("elu(x,2)", "x=.5", "dx=x>0?1:2*exp(x)"), ("elu(x,2)", "x=-.5", "dx=x>0?1:elu(x,2)+2"),
            ("maxout(z)", "z=[1,2]", "dz=[z[0]>z[1]?1:0,z[0]>z[1]?0:1]"), ("softmax(z)[1]", "z=[1,2,3]", "dz=softmax(z)[1]*([0,1,0]-softmax(z))"),
            ("cross_entropy([0,2,0],softmax(z))", "z=[1,2,3]", "dz=2*softmax(z)-[0,2,0]"),
        ]:
            with self.subTest(formula=formula, claims=claims):
                self.check(AGREE, formula, at, *claims, out="PASS")

    def test_of_some_variables_leave_the_others_to_the_tape(self):
        done = self.check(AGREE, "x*y*z", "x=2,y=3,z=4", "dy=x*z", out="claimed    y; not claimed: x, z, where the tape's own derivative agrees")
        self.assertIn("tape 17/17,", done.out)  # the given point and 16 around it: nothing but y
        done = self.check(WRONG, "x*y*z", "x=2,y=3,z=4", "dy=x")
        self.assertRegex(done.out, "tape 0/17,")
        self.assertNotIn("d f / d x", done.out)
        self.assertIn("FAIL d f / d y at x = 2, y = 3, z = 4\n", done.out)
        self.assertNotIn("claimed", self.check(AGREE, "x*y", "x=2,y=3", "dy=x", "dx=y").out)

    def test_that_are_no_number_get_a_clear_verdict(self):
        for claim in ("1/0", "nan", "log(-1)", "inf"):
            with self.subTest(claim):
                done = self.check(WRONG, "x", "x=1", f"dx={claim}", out=r"the formula of the claim is (inf|nan) here, in 400 digits too")
                self.assertNotIn("formula is right", done.out)

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

    def test_take_a_seed_as_reports_write_it(self):
        arguments = ["check", "--expr", "sin(x)", "--at", "x=1", "--claim", "dx=1", "--seed"]
        self.assertEqual(run(*arguments, "0x5eed").out, run(*arguments, str(0x5eed)).out)


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
        self.expect(USAGE, "check", "--exhaustive", "--stride", "0", err="--stride: '0' is not a whole number from 1 to 4294967296")
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

    def test_that_take_numbers_refuse_nonsense_by_name_value_and_range(self):
        for option, before, words in [("--seed", (), "a whole number from 0 to 18446744073709551615"), ("--max-failures", (), "a whole number from 0 to 18446744073709551615"),
                                      ("--trials", ("--mutants",), "a whole number from 1 to 1000000000"), ("--stride", ("--exhaustive",), "a whole number from 1 to 4294967296"),
                                      ("--budget", (), "a number of seconds above 0 and below 1e9")]:
            for value in ("abc", "-1", "1e400", "nan", "0x1g", "1 2", "99999999999999999999999", "٣", *(("0",) if "from 0" not in words else ("1.5",))):
                with self.subTest(option=option, value=value):
                    self.expect(USAGE, "check", *before, f"{option}={value}", err=re.escape(f"gradus: {option}: '{value}' is not {words}"))
            self.expect(USAGE, "check", *before, f"{option}=", "relu", err=f"{option} has no value behind its '='")

    def test_names_given_twice_are_checked_once(self):
        self.assertEqual(self.expect(AGREE, "check", "relu", "abs", "relu").out.count("relu "), 1)
        self.assertEqual(self.expect(AGREE, "show", "relu", "relu").out, self.expect(AGREE, "show", "relu").out)

    def test_a_formula_is_not_taken_for_an_op(self):
        self.expect(USAGE, "check", "x^2", "--at", "x=1", err=re.escape("given as --expr 'x^2'"))
        self.expect(USAGE, "check", "x^2", err=re.escape("given as --expr 'x^2'"))
        self.expect(USAGE, "check", "--claim", "dx=1", err="--claim needs --expr")

    def test_of_any_length_end_in_short_messages(self):
        q = "q" * 10_000
        for arguments in [("check", "--expr", q, "--at", "x=1"), ("check", "--expr", f"{q}(x)", "--at", "x=1"), ("check", "--expr", "x", "--at", f"{q}=1"), ("check", "--expr", "x", "--at", q),
                          ("check", q), ("check", f"--bogus{q}"), ("check", "--seed", q), ("check", "--fail-on", q), ("check", "--format", q), ("check", "--output", f"/{q}", "relu"),
                          ("check", "--expr", "x", "--at", "x=1", "--claim", q), ("check", "--expr", "x", "--at", "x=1", "--claim", f"d{q}=1"),
                          ("check", "--expr", "x", "--at", "x=1", "--claim", f"dx={q}"), ("check", "--expr", "v", "--at", "v=[" + ",".join("1" * 5000) + "]"), ("show", q), (q,), ("grad", "--expr", f"v[{q}]", "--at", "v=[1]")]:
            done = self.expect(USAGE, *arguments)
            self.assertLess(len(done.err), 500, arguments[:2])
        self.assertLess(len(self.expect(AGREE, "check", "--expr", "+".join(["x"] * 20_000), "--at", "x=1").out), 500)
        shown = self.expect(USAGE, "grad", "--expr", "+".join(["x"] * 500) + "+*" + "+".join(["x"] * 500), "--at", "x=1").err.splitlines()
        self.assertEqual(shown[1][shown[2].index("^")], "*")  # what is left of the formula is the place of the mistake

    def test_of_a_penalty_beside_its_corner_tells_the_right_claim_from_the_wrong(self):
        loss = ("check", "--expr", "exp(x)+1e-6*abs(x)", "--at", "x=1e-5")
        self.expect(0, *loss, "--claim", "dx=exp(x)+1e-6*(x>0?1:-1)")
        self.expect(WRONG, *loss, "--claim", "dx=exp(x)")

    def test_max_failures_counts_what_it_hides_once(self):
        for most in (0, 1, 2, 5):
            out = self.expect(WRONG, "check", "--expr", "tanh(x)", "--at", "x=.3", "--claim", "dx=1-tanh(x)", "--max-failures", most).out
            self.assertEqual(out.count("  FAIL "), min(most, 3))
            self.assertEqual(len(re.findall(r"… and \d+ more", out)), 1)
        out = self.expect(WRONG, "check", "--expr", "x*y", "--at", "x=1,y=2", "--claim", "dx=x*0+2", "--max-failures", 2).out
        self.assertEqual(len(re.findall(r"… and \d+ more", out)), 1)

    def test_color_is_only_for_those_who_want_it(self):
        self.assertIn("\033[32m", run("check", "relu", "--color", "always").out)
        self.assertNotIn("\033", run("check", "relu", "--color", "never").out)
        self.assertNotIn("\033", run("check", "relu", "--color", "auto", env={"NO_COLOR": "1"}).out)

    def test_output_that_cannot_be_written_is_no_success(self):
        with open("/dev/full", "wb") as full:
            for arguments in (["list"], ["grad", "--expr", "x", "--at", "x=1"], ["--help"], ["eval", "-"]):
                self.expect(USAGE, *arguments, stdin=SIGMOID_CASE, stdout=full, err="cannot write")

    def test_an_interrupt_leaves_no_part_of_a_report(self):
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder, "report.json")
            for delay in (0.005, 0.01, 0.02, 0.03, 0.05, 0.1):
                process = subprocess.Popen([command, "check", "relu", "abs", "sigmoid", "tanh", "--format", "json", "--output", str(report)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(delay)
                process.send_signal(signal.SIGINT)
                process.wait(timeout=TIMEOUT)
                self.assertLessEqual(set(os.listdir(folder)), {"report.json"})
                if report.exists():
                    json.loads(report.read_text(encoding="utf-8"))
                    report.unlink()

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
