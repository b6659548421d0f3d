#!/usr/bin/env python3
"""Values and gradients of every op against reference values: python3 conformance_test.py PATH_TO_gradus

`gradus eval` runs reference.txt; reference.jsonl holds the expected values, correctly rounded from at least 120 digits.
A number passes within 4 units of the last place of max(|expected|, scale), or when it equals one of the accepted
conventions of its point (a kink, a tie). `scale` is the sum of |terms| where the result is a signed sum.
"""
import collections
import json
import math
import pathlib
import subprocess
import sys

LIMIT = 4
HERE = pathlib.Path(__file__).resolve().parent


def number(text):
    return float.fromhex(text) if isinstance(text, str) else float(text)


def error(got, expected, scale=0.0):
    """|got - expected| in units of the last place; infinite when only one side is finite."""
    if got == expected or (got != got and expected != expected):
        return 0.0
    if not (math.isfinite(got) and math.isfinite(expected)):
        return math.inf
    return abs(got - expected) / math.ulp(max(abs(expected), scale))


class Row:
    """What is known of one op."""

    def __init__(self):
        self.cases = self.values = self.failed = self.missing = 0
        self.worst, self.where = 0.0, ""

    def take(self, ulps, where):
        self.values += 1
        self.failed += not ulps <= LIMIT
        if not ulps <= self.worst:
            self.worst, self.where = ulps, where


def compare(row, case, name, got, expected, scales, accepted):
    if len(got) != len(expected):
        row.failed += len(expected)
        row.where = f"{case} {name}: {len(got)} values instead of {len(expected)}"
        return
    for i, (g, e) in enumerate(zip(map(number, got), map(number, expected))):
        ulps = error(g, e, abs(number(scales[i])) if scales else 0.0)
        conventions = accepted.get(str(i), [])
        if "*" in conventions or any(error(g, number(c)) <= LIMIT for c in conventions):
            ulps = min(ulps, LIMIT)
        row.take(ulps, f"{case} {name}[{i}]: got {g!r}, expected {e!r}")


def score(references, results):
    rows = collections.OrderedDict()
    for case in references:
        row = rows.setdefault(case["op"], Row())
        row.cases += 1
        result = results.pop(case["id"], None)
        expected = {"forward": case["forward"], **{f"grad {name}": g for name, g in case["grads"].items()}}
        for name, tensor in expected.items():
            key = name.removeprefix("grad ")
            got = None if result is None else result["forward"] if name == "forward" else result["grads"].get(key)
            if got is None:
                row.missing += 1
                row.where = f"{case['id']} {name} is missing"
                continue
            scales = case.get("fscale") if name == "forward" else case.get("gscale", {}).get(key)
            compare(row, case["id"], name, got, tensor["data"], scales, case.get("accept", {}).get(key, {}))
    return rows


def print_table(rows):
    print(f"{'op':<24}{'cases':>7}{'values':>9}{'worst ulp':>11}{'failed':>8}{'missing':>9}  worst at")
    for op, row in sorted(rows.items(), key=lambda item: -(item[1].failed + item[1].missing)):
        print(f"{op:<24}{row.cases:>7}{row.values:>9}{row.worst:>11.3g}{row.failed:>8}{row.missing:>9}  {row.where}")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    command = subprocess.run([sys.argv[1], "eval", HERE / "reference.txt"], capture_output=True, text=True, timeout=240)
    with open(HERE / "reference.jsonl", encoding="utf-8") as lines:
        references = [json.loads(line) for line in lines]
    results = [json.loads(line) for line in command.stdout.splitlines()]
    by_id = {result["id"]: result for result in results}
    rows = score(references, by_id)  # takes out of by_id what it scores

    failed = sum(row.failed + row.missing for row in rows.values())
    passed = sum(row.values + row.missing for row in rows.values()) - failed
    problems = []
    if command.returncode != 0:
        problems.append(f"gradus eval ended with exit code {command.returncode}")
    if by_id:
        problems.append(f"results of unknown cases: {', '.join(list(by_id)[:5])}")
    if len(results) != len(references):
        problems.append(f"{len(results)} results for {len(references)} cases")
    if passed == 0:
        problems.append("nothing passed")
    if failed or problems:
        print_table(rows)
        print(command.stderr[-2000:])
        print("\n".join(problems))
    failed += len(problems)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
