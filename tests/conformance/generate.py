#!/usr/bin/env python3
"""Generates conformance cases (inputs, upstream, correctly rounded outputs and gradients) for every op.

  generate.py --selftest SAMPLE.jsonl      recompute the expected values of existing cases and compare them bit for bit
  generate.py --out STEM [--small] [--big] write STEM.jsonl and STEM.txt (same cases; --small: a few hundred kB; --big:
                                           also sums of 1e5 terms)
Needs python3-mpmath.  The inputs come from a fixed seed: the same command writes the same files.
"""
import argparse, collections, json, math, os, sys
from mpmath import mp
import cases
from reference_ops import evaluate
from reference_unary import to_double


def hx(v):
    d = to_double(v)
    return "nan" if d != d else repr(d) if math.isinf(d) else d.hex()


def num(s):
    return float.fromhex(s) if "x" in s else float(s)


def tensor(t):
    return {"shape": list(t[0]), "data": [hx(v) for v in t[1]]}


def record(cid, op, cat, at, inp, up):
    """one case as the JSON object of the data files"""
    r = evaluate(op, at, inp, up)
    c = {"id": cid, "op": op, "cat": cat, "attrs": at, "inputs": {k: tensor(t) for k, t in inp.items()},
         "upstream": tensor(up), "forward": tensor(r.forward), "grads": {k: tensor(t) for k, t in r.grads.items()}}
    finite = lambda vs: [hx(v) if mp.isfinite(v) else hx(0.0) for v in vs]
    if r.fscale is not None:
        c["fscale"] = finite(r.fscale)
    if r.gscale:
        c["gscale"] = {k: finite(v) for k, v in r.gscale.items()}
    acc = {k: {i: [v if v == "*" else hx(v) for v in vs] for i, vs in d.items() if vs} for k, d in r.accept.items()}
    if any(acc.values()):
        c["accept"] = {k: d for k, d in acc.items() if d}
    if r.conv:
        c["conv"] = {k: {n: {i: hx(v) for i, v in d.items()} for n, d in cs.items()} for k, cs in r.conv.items()}
    return c


def text(c):
    """the same case in the text form"""
    flat = lambda t: " ".join([str(len(t["shape"]))] + [str(d) for d in t["shape"]] + t["data"])
    out = [f"case {c['id']} op {c['op']} cat {c['cat']}"]
    out += [f"attr {k} {v.hex() if isinstance(v, float) else v}" for k, v in c["attrs"].items()]
    out += [f"in {k} {flat(t)}" for k, t in c["inputs"].items()]
    out += [f"up y {flat(c['upstream'])}", f"out y {flat(c['forward'])}"]
    out += [f"grad {k} {flat(t)}" for k, t in c["grads"].items()]
    return "\n".join(out + ["end", ""])


def selftest(path):
    bad = values = n = 0
    txt = ""
    for line in open(path):
        c = json.loads(line)
        unpack = lambda t: (t["shape"], [num(v) for v in t["data"]])
        r = record(c["id"], c["op"], c["cat"], c["attrs"], {k: unpack(t) for k, t in c["inputs"].items()}, unpack(c["upstream"]))
        n += 1
        txt += text(c)
        def differ(what, ours, theirs, tol=0.0):
            nonlocal bad, values
            values += len(theirs)
            wrong = [i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b and not abs(num(a) - num(b)) <= tol * abs(num(b))]
            if wrong or len(ours) != len(theirs):
                bad += 1
                i = wrong[0] if wrong else -1
                print("DIFFERS", c["id"], what, len(wrong), "of", len(theirs), i, ours[i], theirs[i])
        def same(what, ok):
            nonlocal bad
            if not ok:
                bad += 1
                print("DIFFERS", c["id"], what)
        differ("forward", r["forward"]["data"], c["forward"]["data"])
        same("shapes", r["forward"]["shape"] == c["forward"]["shape"] and list(r["grads"]) == list(c["grads"]))
        for k, t in c["grads"].items():
            differ("grad " + k, r["grads"][k]["data"], t["data"])
        same("scales", ("fscale" in r) == ("fscale" in c) and set(r.get("gscale", {})) == set(c.get("gscale", {})))
        differ("fscale", r.get("fscale", []), c.get("fscale", []), 1e-10)
        for k, t in c.get("gscale", {}).items():
            differ("gscale " + k, r["gscale"][k], t, 1e-10)
        sets = lambda a: {k: {i: {num(v) for v in vs} for i, vs in d.items()} for k, d in a.items()}
        same("accept", sets(r.get("accept", {})) == sets(c.get("accept", {})))
        same("conv", r.get("conv", {}) == c.get("conv", {}))
    other = os.path.splitext(path)[0] + ".txt"
    if os.path.exists(other) and txt != open(other).read():
        bad += 1
        print("DIFFERS: the text form of", other)
    print(f"selftest: {n} cases, {values} values compared, {bad} differences")
    return bad


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--selftest", metavar="JSONL")
    ap.add_argument("--out", metavar="STEM")
    ap.add_argument("--small", action="store_true")
    ap.add_argument("--big", action="store_true")
    a = ap.parse_args()
    if a.selftest and selftest(a.selftest):
        sys.exit(1)
    if not a.out:
        return
    S = cases.Set(a.big)
    for b in cases.BUILDERS:
        b(S)
    ids = collections.Counter(s[0] for s in S.specs)
    assert max(ids.values()) == 1, [k for k, n in ids.items() if n > 1]
    values, cats = collections.Counter(), collections.Counter()
    with open(a.out + ".jsonl", "w") as fj, open(a.out + ".txt", "w") as ft:
        for spec in cases.small(S.specs) if a.small else S.specs:
            c = record(*spec)
            n = len(c["forward"]["data"]) + sum(len(t["data"]) for t in c["grads"].values())
            values[c["op"]] += n
            cats[c["op"], c["cat"]] += 1
            fj.write(json.dumps(c) + "\n")
            ft.write(text(c))
    for op in values:
        print(f"{op:24}{values[op]:7} values  ", "  ".join(f"{k} {n}" for (o, k), n in cats.items() if o == op))
    print(f"{sum(cats.values())} cases, {sum(values.values())} values")


if __name__ == "__main__":
    main()
