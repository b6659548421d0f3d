"""The inputs of the conformance cases: every op in every regime (ordinary, tails, near 0, kinks, ties, special values,
cancellation, saturated values under a huge or tiny upstream).  All from fixed seeds."""
import collections, math, random, sys, zlib
from reference_ops import ELEMENTWISE, evaluate

MAX, TINY, MIN = sys.float_info.max, 5e-324, 2.0 ** -1022
inf, nan = math.inf, math.nan


class Set:
    def __init__(self, big):
        self.specs, self.big = [], big

    def add(self, cid, op, cat, at, inp, up=None, ups=None, shape=None):
        """up: values, or None for random ones; shape: of the output (default: of the first input)"""
        inp = {k: t if isinstance(t, tuple) else ([len(t)], t) for k, t in inp.items()}
        shape = shape if shape is not None else next(iter(inp.values()))[0]
        rng = random.Random(zlib.crc32(cid.encode()))
        n = math.prod(shape)
        up = list(up) if up is not None else [rng.gauss(0, 1) for _ in range(n)]
        up = [ups(rng) for _ in range(n)] if ups else up
        assert len(up) == n, cid
        self.specs.append((cid, op, cat, at, inp, (shape, up)))


def rnd(seed):
    return random.Random(zlib.crc32(seed.encode()))


def gauss(seed, *shape, scale=1.0):
    g = rnd(seed)
    return list(shape), [g.gauss(0, 1) * scale for _ in range(math.prod(shape))]


def both(vals):
    return [s * v for v in vals for s in (1.0, -1.0)]


def neighbours(*xs):
    return list(dict.fromkeys(v for x in xs for v in (x, math.nextafter(x, inf), math.nextafter(x, -inf), x * (1 - 1e-10), x * (1 + 1e-10))))


def huge_up(g):
    return math.ldexp(g.uniform(0.5, 1) * g.choice((1, -1)), g.choice((300, 500, 700, 900, 1000, -1040)))


ORD = [g.uniform(-6, 6) for g in [rnd("ord")] for _ in range(40)] + [k / 2 for k in range(-12, 13) if k]
TAIL = both([6.5, 7, 8, 9, 9.5, 10, 12, 14, 15, 16, 17, 18, 18.5, 19, 19.06, 19.5, 20, 20.5, 21, 22, 24, 26, 28, 30, 32, 34, 35,
             36, 36.7, 36.8, 37, 37.4, 37.5, 38, 38.5, 38.6, 39, 40, 41, 42, 45, 48, 50, 55, 60, 64, 70, 80, 88, 89, 100])
FAR = both([103.97, 104, 120, 150, 186, 200, 250, 300, 344, 350, 354.9, 355, 372, 372.6, 373, 400, 500, 600, 690, 700, 705, 708,
            708.3964185322641, 708.5, 709, 709.5, 709.782712893384, 709.7827128933841, 710, 712, 720, 725, 730, 735, 740, 743,
            744, 744.4400719213812, 745, 745.1332191019411, 745.1332191019412, 745.2, 745.5, 746, 750, 751, 760, 800, 1000,
            1022, 1075, 1e4, 1e5, 1e8, 1e10, 2.0 ** 53, 1e16, 1e20, 1e50, 1e100, 1e153, 1.4e154, 1e200, 1e300, 1e308, MAX])
NEAR = both([TINY, 2 * TINY, 3 * TINY, 1e-322, 1e-320, 1e-315, 1e-310, MIN - TINY, MIN, MIN + TINY, 1e-307, 1e-305, 1e-300,
             1e-250, 1e-200, 1e-162, 1.5e-154, 1e-150, 1e-108, 1e-100, 1e-77, 1e-50, 1e-30, 1e-20, 1e-17, 2.0 ** -54, 1.1e-16,
             2.0 ** -53, 2.0 ** -52, 1e-15, 1e-12, 1e-10, 1.49e-8, 1e-8, 2.0 ** -26, 1e-7, 1e-6, 1e-5, 6e-5, 1e-4, 1e-3, 0.005, 0.01,
             0.02, 0.05, 0.1, 0.2, 0.25, 0.3, math.log(2) / 2, 0.35, 0.4, 0.45, 0.549, 0.55, 0.625, math.log(2)]) + [0.0, -0.0]
WIDE = [g.choice((1, -1)) * math.ldexp(g.uniform(1, 2), g.randint(-30, 10)) for g in [rnd("wide")] for _ in range(56)]
DENSE = [v for g in [rnd("dense")] for v in [g.uniform(-40, 40) for _ in range(32)] + [g.uniform(-760, 760) for _ in range(32)]]
SCALED = both([1.0, 6.0, 19.0, 20.0, 30.5, 36.0, 37.0, 37.5, 40.0, 64.0, 100.0, 200.0, 300.0, 345.0, 400.0, 500.0, 600.0, 700.0, 708.0,
               709.0, 715.0, 720.0, 730.0, 740.0, 744.0, 745.0, 746.0, 750.0, 760.0, 800.0, 900.0, 1000.0, 1200.0, 1400.0, 1500.0])
SPECIAL = [nan, inf, -inf, 0.0, -0.0, MAX, -MAX, TINY, -TINY, MIN, -MIN]
SIGMOIDAL = {"sigmoid", "tanh", "elu", "celu", "selu", "softplus", "logsigmoid", "gelu", "silu", "mish", "exp", "softsign"}
VARIANTS = [("sigmoid", "", {}), ("tanh", "", {}), ("relu", "", {})] + [
    ("leaky_relu", f"[{s}]", {"slope": s}) for s in (0.01, 0.2, 0.0, 1.0, -0.5, 1.5, 1e-300)] + [
    ("elu", f"[{a}]", {"alpha": a}) for a in (1.0, 0.5, 2.0, 1.6732632423543772, 1e-3, 1e-300)] + [
    ("celu", f"[{a}]", {"alpha": a}) for a in (1.0, 0.5, 2.0, 0.1, 1e-3, 1e3)] + [
    ("selu", "", {}), ("softplus", "", {}), ("logsigmoid", "", {}), ("gelu", "[erf]", {"approximate": "none"}),
    ("gelu", "[tanh]", {"approximate": "tanh"}), ("silu", "", {}), ("mish", "", {}), ("hardsigmoid", "", {})] + [
    ("hardsigmoid_ab", f"[{a},{b}]", {"alpha": a, "beta": b}) for a, b in ((0.2, 0.5), (0.25, 0.5), (1.0, 0.0), (-0.5, 0.25))] + [
    ("hardswish", "", {})] + [
    ("hardtanh", f"[{a},{b}]", {"min": a, "max": b}) for a, b in ((-1.0, 1.0), (0.0, 6.0), (-2.0, 0.5), (0.1, 0.3))] + [
    ("softsign", "", {}), ("exp", "", {}), ("log", "", {}), ("sqrt", "", {})]
MAIN = {"", "[0.01]", "[1.0]", "[erf]", "[tanh]", "[0.2,0.5]", "[-1.0,1.0]"}      # variants that get every category


def root(op, at, lo, hi):
    """the zero of the derivative in [lo, hi], as a double"""
    d = lambda v: evaluate(op, at, {"x": ([1], [v])}, ([1], [1.0])).grads["x"][1][0]
    s = d(lo) > 0
    while math.nextafter(lo, inf) < hi:
        mid = (lo + hi) / 2
        if mid in (lo, hi):
            break
        lo, hi = (mid, hi) if (d(mid) > 0) == s else (lo, mid)
    return lo


def kinks(op, at):
    if op in ("relu", "leaky_relu", "elu", "celu", "selu", "softsign"):
        return [0.0]
    if op in ("hardsigmoid", "hardswish"):
        return [-3.0, 3.0]
    if op == "hardtanh":
        return [at["min"], at["max"]]
    if op == "hardsigmoid_ab":
        return [-at["beta"] / at["alpha"], (1 - at["beta"]) / at["alpha"]]
    return []


def elementwise_cases(S):
    for op, tag, at in VARIANTS:
        def add(cat, xs, name=None, **kw):
            S.add(f"{op}{tag}/{name or cat}", op, cat, at, {"x": list(xs)}, **kw)
        main, dom = tag in MAIN, (lambda xs: [abs(x) for x in xs if x] if op in ("log", "sqrt") else
                                  [x for x in xs if x not in kinks(op, at)])
        xs = dom(ORD)
        if op in ("log", "sqrt"):
            g = rnd(op)
            xs += [math.exp(g.gauss(0, 3)) for _ in range(30)]
            add("near1", neighbours(1.0) + [1 + s * 10.0 ** -k for k in range(1, 17) for s in (1, -1)] +
                [1 + s * 2.0 ** -k for k in (20, 26, 27, 40, 50, 51) for s in (1, -1)])
        add("ord", xs)
        add("tail", dom(TAIL + (FAR if not main else [])))
        if main:
            add("tail", dom(FAR), "far")
            add("wide", dom(WIDE))
            if op in SIGMOIDAL:
                add("tail", DENSE, "dense")
        add("near0", dom(NEAR))
        add("special", SPECIAL if op not in ("log", "sqrt") else SPECIAL + [-1.0, -1e-300, -1e300], up=None,
            ups=lambda g: g.choice((1.0, -2.0, 0.5)))
        if kinks(op, at):
            ks = kinks(op, at)
            ks = neighbours(*ks) + [k + s * 10.0 ** -n for k in ks for n in (3, 8, 12, 15) for s in (1, -1)]
            add("kink", ks + ([-0.0, MIN, -MIN, 1e-300, -1e-300, TINY, -TINY] if 0.0 in ks else []))
            add("kink", neighbours(*kinks(op, at)), "kink_ones", up=[1.0] * len(neighbours(*kinks(op, at))))
        if op in SIGMOIDAL or op in ("log", "sqrt", "leaky_relu"):
            xs = SCALED if op not in ("log", "sqrt") else [math.ldexp(1 + 1 / 3, k) for k in range(-1074, 1024, 61)]
            if op == "gelu":
                xs = xs + both([8.5, 10.0, 13.0, 15.3, 16.0, 18.0, 21.0, 21.7, 22.0, 24.0, 27.0, 35.0, 38.0, 38.4, 38.6, 39.0, 45.0, 52.0, 53.0])
            if op == "tanh":
                xs = [x if abs(x) < 30 else x / 2 for x in xs]
            add("scaled", [x for x in xs if x < 709 or op != "exp"], ups=huge_up)
            if main:
                add("scaled", [x for x in xs if x < 709 or op != "exp"], "scaled_2^1000", ups=lambda g: 2.0 ** 1000)
                add("scaled", [x for x in xs if x < 709 or op != "exp"], "scaled_2^-1040", ups=lambda g: 2.0 ** -1040)
        if op == "exp":
            add("scaled", [710.0, 715.0, 720.0, 740.0, 800.0, 900.0, 1000.0, 1400.0], "scaled_overflow",
                ups=lambda g: math.ldexp(g.uniform(0.5, 1), -1040))
        if op in ("gelu", "silu", "mish", "hardswish"):
            r = root(op, at, -1.6 if op != "gelu" else -0.9, -1.1 if op != "gelu" else -0.6)
            add("root", [r] + [r * (1 + s * m * 2.0 ** -52) for m in (1, 2, 3, 5, 10, 100, 1e3, 1e4, 1e6, 1e8, 1e10, 1e12, 1e13, 1e14)
                               for s in (1, -1)])
    for op, tag, at in VARIANTS[:3]:
        if op != "relu":
            S.add(f"{op}/rank3", op, "ord", at, {"x": gauss(op, 2, 3, 5, scale=3.0)})
            S.add(f"{op}/scalar", op, "ord", at, {"x": ([], [0.75])})


def binary_cases(S):
    g = rnd("pow")
    def add(op, cat, name, pairs, **kw):
        S.add(f"{op}/{name}", op, cat, {}, {"a": [float(a) for a, _ in pairs], "b": [float(b) for _, b in pairs]}, **kw)
    add("pow", "ord", "ord", [(math.exp(g.gauss(0, 1)), g.uniform(-6, 6)) for _ in range(60)])
    add("pow", "ord", "int_exponent", [(g.uniform(0.1, 9), n) for n in range(-8, 9) for _ in range(3)])
    add("pow", "ord", "half_exponent", [(g.uniform(0.1, 9), n / 2) for n in range(-9, 10, 2) for _ in range(3)])
    add("pow", "neg", "negative_base", [(-g.uniform(0.1, 9), n) for n in range(-7, 8) for _ in range(3)] + [(-1.0, 1e15), (-1.0, 1e16 + 2), (-1.5, 1001)])
    add("pow", "neg", "negative_base_fraction", [(-2.0, 0.5), (-0.3, -1.5), (-1.0, 1e-300), (-8.0, 1 / 3)])
    add("pow", "near1", "near1", [(1 + s * 10.0 ** -k, b * 10.0 ** k) for k in range(1, 16) for s in (1, -1) for b in (0.7, -3.0, 300.0)])
    add("pow", "wide", "wide", [(math.exp(g.uniform(-700, 700)), g.uniform(-1, 1)) for _ in range(40)])
    add("pow", "tail", "large", [(math.exp(g.uniform(1, 30)), g.uniform(0.8, 0.999) * 709 / 30) for _ in range(20)] +
        [(2.0, b) for b in (1000, 1023, 1023.5, -1000, -1022, -1030.5, -1074)] + [(10.0, b) for b in (300, 308, -300, -308, -320)])
    add("pow", "tail", "overflow", [(10.0, 400), (10.0, -400), (1e308, 2), (1e-308, 2), (1e-308, -2), (2.0, 1024), (2.0, 1e300),
                                    (0.5, 1e300), (2.0, -1e300), (0.5, -1e300), (1e200, 1.6), (TINY, 1.5), (TINY, -1.0)])
    add("pow", "near0", "tiny_exponent", [(a, b) for a in (0.3, 2.0, 7e200, 1e-200, TINY, MAX) for b in both([TINY, 1e-300, 1e-100, 1e-20, 1e-8])])
    add("pow", "near0", "tiny_base", [(a, b) for a in (TINY, 1e-320, MIN, 1e-300, 1e-155) for b in (0.5, 1.0, 1.0000001, 1.5, 2.0, 0.1, -0.5, -1.0, 0.999)])
    add("pow", "near0", "zero_base", [(0.0, b) for b in (0.5, 1.0, 1.5, 2.0, 3.0, 1e-300, 1e300)] + [(-0.0, 1.0), (-0.0, 2.0), (-0.0, 3.0)])
    add("pow", "ord", "zero_exponent", [(a, b) for a in (0.3, 1.0, 2.5, 1e-300, 1e300) for b in (0.0, -0.0)] + [(1.0, b) for b in (1.5, -2.5, 1e300, -1e300, 1.0)])
    add("pow", "special", "special", [(0.0, 0.0), (-0.0, 0.0), (0.0, -1.0), (-0.0, -1.0), (0.0, -0.5), (nan, 0.0), (1.0, nan), (nan, 1.0), (2.0, nan),
                                      (inf, 2.0), (inf, -2.0), (inf, 0.0), (2.0, inf), (2.0, -inf), (0.5, inf), (0.5, -inf), (1.0, inf), (-inf, 3.0), (-2.0, 0.0)], up=[1.0] * 19)
    add("pow", "scaled", "scaled", [(10.0, -b) for b in (200, 290, 310, 320, 330, 400)] + [(1e-200, b) for b in (1.5, 1.6, 1.7, 2.0, 2.5, 3.0)] +
        [(2.5, b) for b in (100, 500, 700, -700, -800)], ups=huge_up)
    add("pow", "scaled", "scaled_overflow", [(10.0, 310), (10.0, 320), (2.0, 1024), (2.0, 1030.5), (1e200, 1.6), (1e300, 1.1)],
        ups=lambda g: 2.0 ** -1040)
    g = rnd("div")
    add("div", "ord", "ord", [(g.gauss(0, 3), g.gauss(0, 3)) for _ in range(48)])
    add("div", "wide", "wide", [(g.gauss(0, 1) * 2.0 ** g.randint(-500, 500), g.gauss(0, 1) * 2.0 ** g.randint(-500, 500)) for _ in range(48)])
    add("div", "tail", "squares_out_of_range", [(a, b) for b in (1e-200, 1e-160, 1e160, 1e200, -1e-300, -1e300) for a in (1e-300, b, 3 * b, b * b if b * b else 1e-250, 1.0)
                                                if math.isfinite(a)])
    add("div", "near0", "subnormal", [(TINY, 3.0), (3 * TINY, 2.0), (1e-310, 7.0), (1e-310, 1e-310), (1.0, 1e-310), (1e-320, 1e-5), (MIN, MAX), (1.0, TINY), (TINY, TINY)])
    add("div", "tail", "overflow", [(MAX, 0.5), (-MAX, 0.1), (1e308, 1e-308), (1e-308, 1e308), (MAX, MAX), (1.0, MAX), (MAX, -1.0)])
    add("div", "special", "special", [(1.0, 0.0), (-1.0, 0.0), (1.0, -0.0), (0.0, 0.0), (0.0, 2.0), (-0.0, 2.0), (nan, 1.0), (1.0, nan), (inf, 2.0), (2.0, inf),
                                      (inf, inf), (-inf, -2.0), (inf, 0.0)], up=[1.0] * 13)
    add("div", "scaled", "scaled", [(1e-300, 1e200), (1e-300, 1e10), (1e300, 1e-200), (3.0, 1e300), (1e-200, 1e150), (7.0, 1e-150), (1e-160, 1e155)] * 4, ups=huge_up)


def prelu_cases(S):
    def add(name, cat, x, a, **kw):
        S.add(f"prelu{name}", "prelu", cat, {"channel_axis": -1 if len(a) == 1 else 1}, {"x": x, "a": a}, **kw)
    for a in (0.25, 0.0, 1.0, -0.5, 0.9995, 1e-300):
        add(f"[{a}]/scalar", "ord", gauss("prelu", 64, scale=4.0), [a])
    for shape in ([4, 3], [3, 4, 5], [2, 3, 4, 2], [8, 1], [1, 6]):
        a = gauss("slope", shape[1])[1]
        add(f"/channel{len(shape)}d_{'x'.join(map(str, shape))}", "ord", gauss("ch", *shape, scale=3.0), a)
    add("/scalar_4d", "ord", gauss("s4", 2, 3, 2, 2), [0.1])
    k = [0.0, -0.0, TINY, -TINY, MIN, -MIN, 1e-300, -1e-300]
    for a in (0.25, 0.0, 1.0, -0.5, 0.9995):
        add(f"[{a}]/kink", "kink", k, [a])
    add("/kink_channels", "kink", ([2, 3], [0.0, -0.0, 1.0, 0.0, -1.0, 0.0]), [0.25, -2.0, 1.0])
    add("/tail", "tail", both([1e8, 1e16, 1e100, 1e200, 1e300, 1e308, 40.0, 700.0]), [0.25], ups=lambda g: g.uniform(-1, 1))
    add("/cancel", "cancel", [-1e16, -1.0, -1e16, -3.0, -1e-10, 5.0], [0.25], up=[1.0, 1.0, -1.0, 1e-3, 1.0, 7.0])
    add("/near0", "near0", NEAR[:-2], [0.01])
    add("/special", "special", [inf, -inf, MAX, -MAX, 1.0, -1.0], [0.25])
    add("/nan", "special", [nan, 1.0, -2.0], [0.25])
    add("/scaled", "scaled", both([1e-300, 1e-10, 1.0, 3.0, 40.0]), [0.01], ups=lambda g: math.ldexp(g.uniform(-1, 1), g.choice((300, 700, 1000))))
    add("/scaled_2^-1040", "scaled", both([1e-300, 1e-10, 1.0, 3.0, 40.0]), [1 / 3], ups=lambda g: math.ldexp(g.uniform(-1, 1), -1040))


def maxout_cases(S):
    def red(name, cat, x, **kw):
        S.add(f"maxout_reduce/{name}", "maxout_reduce", cat, {"axis": -1, "k": x[0][-1]}, {"x": x}, shape=x[0][:-1], **kw)
    for k in (1, 2, 3, 5, 8):
        red(f"ord{k}", "ord", gauss(f"red{k}", 4, 6, k, scale=2.0))
    red("rank1", "ord", gauss("r1", 7))
    red("rank2", "ord", gauss("r2", 9, 4))
    red("ties", "kink", ([7, 5], [1.0] * 5 + [2, 3, 3, 1, 0.0] + [-1, -1, -2, -1, -3.0] + [0.0, -0.0, -1, -1, -1] + [-0.0, 0.0, -1, -1, -1] +
                         [5, 1, 1, 1, 5.0] + [1, 1.0000000000000002, 1, 0, 0.0]))
    red("ties2", "kink", ([4, 2], [1.0, 1.0, -3.0, -3.0, 0.0, -0.0, TINY, TINY]))
    red("far", "tail", ([4, 3], [1e308, MAX, -MAX, TINY, 0.0, -TINY, -1e-300, -1e-301, -1.0, -1e308, -MAX, -1e307]))
    red("special", "special", ([4, 3], [inf, 1, 2, -inf, -inf, 0.0, -inf, -1, -2, nan, 1, 2.0]), up=[1.0] * 4)
    red("scaled", "scaled", gauss("rs", 5, 4), ups=huge_up)
    def full(name, cat, x, W, b, **kw):
        at = {"k": W[0][2], "W_layout": "[in,out,k]", "b_layout": "[out,k]"}
        S.add(f"maxout/{name}", "maxout", cat, at, {"x": x, "W": W, "b": b}, shape=[x[0][0], W[0][1]], **kw)
    for n, i, j, p in ((1, 1, 1, 2), (3, 4, 2, 3), (5, 2, 6, 2), (8, 3, 3, 5), (2, 7, 1, 1), (4, 16, 4, 4)):
        full(f"n{n}i{i}j{j}k{p}", "ord", gauss("mx", n, i), gauss("mW", i, j, p), gauss("mb", j, p))
    full("5pieces_1d", "ord", ([24, 1], [k / 4 - 3 for k in range(24)]), ([1, 1, 5], [-2.0, -0.5, 0.1, 0.7, 2.0]), ([1, 5], [-1.5, 0.25, 0.375, 0.125, -1.75]))
    full("cancel", "cancel", ([2, 3], [1.0, 1.0, 1.0, 1e8, 1.0, -1e8]), ([3, 1, 2], [1e16, 1.0, 1.0, 1e-8, -1e16, 1.0]), ([1, 2], [0.5, -0.25]))
    full("ties", "kink", ([3, 2], [1.0, 2.0, 0.0, 0.0, -1.0, 0.5]), ([2, 2, 3], [1.0, 1.0, 0.5, 2.0, -1.0, 0.0] * 2), ([2, 3], [0.0] * 6))
    full("large", "tail", gauss("ml", 3, 2, scale=1e150), gauss("mlw", 2, 2, 3, scale=1e150), gauss("mlb", 2, 3))
    full("scaled", "scaled", gauss("ms", 3, 2), gauss("msw", 2, 2, 3), gauss("msb", 2, 3), ups=lambda g: math.ldexp(g.gauss(0, 1), 900))


def logits():
    """named rows of logits"""
    g = rnd("logits")
    n = lambda c, s=1.0: [g.gauss(0, s) for _ in range(c)]
    R = collections.OrderedDict()
    R["offsets"] = [[o + v for v in (0.0, 1.0, -2.0, 0.5, 3.0)] for o in (1e3, -1e3, 1e4, -1e5, 1e6, 1e8, -1e8)]
    R["huge"] = [[1e300, 1e300, 0, -1e300, 1.0], [1e308, -1e308, 0, 1, 2.0], [MAX, -MAX, MAX, 0, 0], [-1e300, -1e300, -1e308, -1e305, -MAX], [1e16, 1e16 + 2, 1e16 - 4, 0, 0.0]]
    R["saturated"] = [[d, 0.0, 0.5, -1.0, 0.25] for d in (10, 16, 20, 30, 36, 37, 38, 40, 50, 80, 100, 200, 300, 500, 700, 745, 760, 800, 1000, 1400)]
    R["two_way"] = [[d, d, 0.0, 0.0, -d] for d in (1, 20, 37, 40, 100, 700, 745, 1000)]
    R["wide"] = [n(5, s) for s in (5, 10, 30, 100, 300, 700, 1000)] + [[0, -100, -300, -700, -745.0], [0, -708, -709, -744, -746.0]]
    R["equal"] = [[c] * 5 for c in (0.0, 1.0, -3.7, 1e8, 1e300, -1e300, TINY)]
    R["near_equal"] = [[1.0, 1 + 2.0 ** -52, 1 - 2.0 ** -53, 1.0, 1.0], [1e-300, 0, -1e-300, TINY, 0], [1e-8, 0, -1e-8, 1e-16, 0], [1e-17, 0, 0, 0, 0.0]]
    return R


def softmax_cases(S):
    rest = lambda shape: (shape, [v for v in gauss("sm" + str(shape), *shape, scale=2.0)[1]])
    for op in ("softmax", "log_softmax"):
        def add(name, cat, x, axis=-1, **kw):
            S.add(f"{op}/{name}", op, cat, {"axis": axis}, {"x": x}, **kw)
        mat = lambda rows: ([len(rows), len(rows[0])], [float(v) for r in rows for v in r])
        add("ord", "ord", rest([8, 5]))
        add("axis0", "ord", rest([5, 6]), 0)
        add("axis1", "ord", rest([5, 6]), 1)
        add("axis0_3d", "ord", rest([3, 4, 2]), 0)
        add("axis1_3d", "ord", rest([3, 4, 2]), 1)
        add("axis2_3d", "ord", rest([3, 4, 2]), 2)
        add("rank1", "ord", rest([7]))
        add("one_class", "ord", rest([4, 1]))
        add("two_classes", "ord", rest([6, 2]))
        add("100_classes", "ord", rest([2, 100]))
        add("1000_classes", "ord", rest([1, 1000]))
        cats = {"offsets": "offset", "huge": "offset", "saturated": "tail", "two_way": "tail", "wide": "tail", "equal": "ties", "near_equal": "ties"}
        for k, rows_ in logits().items():
            add(k, cats[k], mat(rows_))
        sat = mat(logits()["saturated"])
        add("saturated_axis0", "tail", ([5, 20], [sat[1][5 * i + j] for j in range(5) for i in range(20)]), 0)
        add("saturated_last", "tail", ([20, 5], [v for i in range(20) for v in sat[1][5 * i:5 * i + 5][::-1]]))
        add("constant_up", "ord", rest([6, 5]), up=[c for c in (1.0, -2.5, 1 / 3, 1e300, 1e-300, 0.1) for _ in range(5)])
        add("constant_up_saturated", "tail", sat, up=[0.7] * 100)
        add("near_constant_up", "cancel", rest([6, 5]), up=[1 + (k % 5) * 2.0 ** -52 for k in range(30)])
        add("onehot_up", "tail", sat, up=[1.0 if k % 5 == (k // 5) % 5 else 0.0 for k in range(100)])
        add("up_sum_zero", "cancel", rest([4, 4]), up=[1.0, -1.0, 0.5, -0.5, 1e16, 1.0, -1e16, -1.0, 3.0, -1.0, -1.0, -1.0, 1e-300, -1e-300, 0.0, 0.0])
        add("scaled", "scaled", sat, ups=huge_up)
        add("scaled_2^1000", "scaled", sat, up=[2.0 ** 1000 * (1 + k % 3) / 4 for k in range(100)])
        add("scaled_2^-1040", "scaled", mat(logits()["wide"]), ups=lambda g: math.ldexp(g.gauss(0, 1), -1040))
        add("minus_inf", "special", mat([[-inf, 0, 1, 2, 3], [-inf, -inf, -inf, 0, -inf], [1, -inf, 1, -inf, 1], [-inf, 40, 0, 0, -inf], [1e300, -inf, 0, 0, 0]]))
        add("undefined", "special", mat([[-inf, -inf, -inf], [inf, 0, 1], [nan, 0, 1], [inf, inf, 0]]), up=[1.0] * 12)


def cross_entropy_cases(S):
    g = rnd("ce")
    def prob(c):
        w = [math.exp(g.gauss(0, 1.5)) for _ in range(c)]
        return [v / sum(w) for v in w]
    def add(name, cat, s, y, **kw):
        mat = lambda m: ([len(m), len(m[0])], [float(v) for r in m for v in r])
        S.add(f"cross_entropy/{name}", "cross_entropy", cat, {}, {"s": mat(s), "y": mat(y)}, shape=[len(s)], **kw)
    hot = lambda n, c: [[1.0 if k == i % c else 0.0 for k in range(c)] for i in range(n)]
    add("onehot", "ord", [prob(5) for _ in range(8)], hot(8, 5))
    add("soft", "ord", [prob(5) for _ in range(8)], [prob(5) for _ in range(8)])
    add("unnormalised", "ord", [prob(5) for _ in range(8)], [[g.uniform(0, 3) for _ in range(5)] for _ in range(8)])
    add("negative_labels", "cancel", [prob(4) for _ in range(6)], [[g.gauss(0, 1) for _ in range(4)] for _ in range(6)])
    add("one_class", "ord", [[0.3], [1.0], [0.9999]], [[1.0], [1.0], [0.5]])
    add("many_classes", "ord", [prob(100) for _ in range(2)], [prob(100) for _ in range(2)])
    near = [[1 - e, e] for e in (1e-3, 1e-8, 1e-12, 1e-15, 2.0 ** -53)]
    add("near_one", "tail", near, [[1.0, 0.0]] * 5)
    add("near_one_soft", "tail", near, [[0.9, 0.1]] * 5)
    add("tiny", "tail", [[1.0, e, TINY] for e in (1e-300, 1e-310, 1e-20, MIN, TINY)], [[0.5, 0.25, 0.25]] * 5)
    add("tiny_labels", "near0", [prob(3) for _ in range(4)], [[1.0, 1e-300, TINY], [1e-310, 1.0, 0], [TINY, TINY, TINY], [1e-17, 1.0, 1e-17]])
    add("zero_s_zero_y", "special", [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.25, 0.75, 0.0]], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.5, 0.0]])
    add("zero_s", "special", [[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [0.5, 0.5]], up=[1.0, 1.0])
    add("zero_labels", "special", [prob(4) for _ in range(2)], [[0.0] * 4] * 2)
    add("scaled", "scaled", near + [[0.5, 1e-300], [1.0, 1e-200]], [[1.0, 1e-20]] * 7, ups=lambda g: math.ldexp(g.uniform(0.5, 1), g.choice((300, 700, 1000))))
    add("scaled_2^-1040", "scaled", near + [[0.5, 1e-300], [1.0, 1e-200]], [[1.0, 0.5]] * 7, ups=lambda g: math.ldexp(g.uniform(0.5, 1), -1040))

    def sce(name, cat, z, target, red="none", ls=0.0, **kw):
        kind = "class" if not isinstance(target[0], list) else "prob"
        at = {"reduction": red, "label_smoothing": ls, "target": kind}
        n, c = len(z), len(z[0])
        tg = ([n], [float(t) for t in target]) if kind == "class" else ([n, c], [float(v) for r in target for v in r])
        S.add(f"softmax_ce/{name}", "softmax_cross_entropy", cat, at, {"z": ([n, c], [float(v) for r in z for v in r]), "target": tg},
              shape=[n] if red == "none" else [], **kw)
    z = [[g.gauss(0, 2) for _ in range(5)] for _ in range(8)]
    cls, soft, raw = [i * 3 % 5 for i in range(8)], [prob(5) for _ in range(8)], [[g.uniform(0, 3) for _ in range(5)] for _ in range(8)]
    for red in ("none", "mean", "sum"):
        for ls in (0.0, 0.1):
            sce(f"class_{red}_{ls}", "ord", z, cls, red, ls)
            sce(f"prob_{red}_{ls}", "ord", z, soft, red, ls)
        sce(f"unnormalised_{red}", "ord", z, raw, red)
    sce("onehot_prob", "ord", z, hot(8, 5))
    sce("smoothing_1", "ord", z, cls, "none", 1.0)
    sce("smoothing_0.3_unnormalised", "ord", z, raw, "mean", 0.3)
    sce("negative_labels", "cancel", z, [[g.gauss(0, 1) for _ in range(5)] for _ in range(8)])
    sce("one_class", "ord", [[1.0], [-3.0]], [0, 0])
    sce("100_classes", "ord", [[g.gauss(0, 3) for _ in range(100)] for _ in range(3)], [5, 99, 0], "mean")
    cats = {"offsets": "offset", "huge": "offset", "saturated": "tail", "two_way": "tail", "wide": "tail", "equal": "ties", "near_equal": "ties"}
    for k, m in logits().items():
        n = len(m)
        top = [max(range(5), key=lambda j: r[j]) for r in m]
        sce(k + "_class", cats[k], m, top)
        sce(k + "_wrong_class", cats[k], m, [(t + 2) % 5 for t in top], "mean")
        sce(k + "_prob", cats[k], m, [prob(5) for _ in range(n)], "sum" if k == "wide" else "none")
        if k in ("saturated", "two_way"):
            sce(k + "_onehot", cats[k], m, [[1.0 if j == t else 0.0 for j in range(5)] for t in top], "mean")
            sce(k + "_twice_onehot", cats[k], m, [[2.0 if j == t else 0.0 for j in range(5)] for t in top])
            sce(k + "_smoothed", cats[k], m, top, "none", 0.1)
            sce(k + "_scaled_class", "scaled", m, top, ups=huge_up)
            sce(k + "_scaled_prob", "scaled", m, [prob(5) for _ in range(n)], ups=huge_up)
            sce(k + "_scaled_2^1000", "scaled", m, top, ups=lambda g: 2.0 ** 1000)
            sce(k + "_scaled_2^-1040", "scaled", m, top, ups=lambda g: 2.0 ** -1040)
    sce("labels_equal_softmax", "cancel", [[0.0] * 4, [1.0] * 4, [0.0, 0, -800, -800], [3.0, 3.0, 3.0, 3.0]], [[0.25] * 4, [0.25] * 4, [0.5, 0.5, 0, 0], [1.0, 1.0, 1.0, 1.0]])
    sce("minus_inf", "special", [[-inf, 0, 1.0], [-inf, 40, -inf], [2.0, -inf, 2.0]], [1, 1, 0])
    sce("minus_inf_wrong", "special", [[-inf, 0, 1.0], [5.0, -inf, 0]], [0, 1], up=[1.0, 1.0])
    sce("minus_inf_prob", "special", [[-inf, 0, 1.0], [5.0, -inf, 0]], [[0, 0.5, 0.5], [1.0, 0, 0]], up=[1.0, 1.0])


def product_cases(S):
    for op in ("matmul", "linear"):
        def add(name, cat, a, b, **kw):
            inp = {"a": a, "b": b}
            if op == "linear":
                inp["bias"] = gauss("bias" + name, b[0][1])
            S.add(f"{op}/{name}", op, cat, {}, inp, shape=[a[0][0], b[0][1]], **kw)
        for m, k, n in ((1, 1, 1), (2, 3, 4), (4, 1, 5), (1, 8, 1), (5, 5, 5), (7, 3, 2), (6, 16, 6), (3, 100, 2), (1, 1000, 1), (2, 1000, 2), (17, 2, 9)):
            add(f"{m}x{k}x{n}", "ord", gauss(f"{op}a{m}{k}", m, k), gauss(f"{op}b{k}{n}", k, n))
        g = rnd("cancel")
        v = [g.gauss(0, 1) * 10.0 ** g.randint(-8, 8) for _ in range(50)]
        w = [g.gauss(0, 1) * 10.0 ** g.randint(-8, 8) for _ in range(50)]
        tail = gauss("ct", 1, 4)[1]
        add("cancel", "cancel", ([1, 104], v + v + tail), ([104, 1], w + [-q for q in w] + [1.0, 1e-8, -1.0, 2.0]))
        add("cancel_1000", "cancel", ([2, 1000], [g.gauss(0, 1) for _ in range(2000)]), ([1000, 1], [(-1) ** k * 1e8 for k in range(1000)]))
        add("cancel_2x2", "cancel", ([2, 2], [1e8 + 1, 1e8, 1 + 2.0 ** -30, 1.0]), ([2, 2], [1e8 - 1, 1.0, -1e8, -1 - 2.0 ** -30]))
        add("cancel_up", "cancel", gauss("cu", 4, 2), gauss("cv", 2, 3), up=[1e16, 1.0, -1e16, 1.0, 1e-10, -1.0, -1e16, 2.0, 1e16, 3.0, -3.0, 1.0])
        add("wide", "wide", ([3, 4], [g.gauss(0, 1) * 2.0 ** g.randint(-200, 200) for _ in range(12)]), ([4, 3], [g.gauss(0, 1) * 2.0 ** g.randint(-200, 200) for _ in range(12)]))
        add("small", "near0", gauss("ms", 2, 3, scale=1e-160), gauss("ms2", 3, 2, scale=1e-150))
        add("large", "tail", gauss("lg", 2, 3, scale=1e150), gauss("lg2", 3, 2, scale=1e157))
        add("scaled", "scaled", gauss("sc", 2, 3), gauss("sc2", 3, 2), ups=lambda g: math.ldexp(g.gauss(0, 1), g.choice((700, 900, -1040))))
        add("zeros", "special", ([2, 2], [0.0, -0.0, 0.0, 1.0]), ([2, 2], [1.0, -1.0, 0.0, 0.0]))
        add("nan_row", "special", ([2, 2], [nan, 1.0, 2.0, 3.0]), ([2, 2], [1.0, 2.0, 3.0, 4.0]), up=[1.0] * 4)
        add("inf", "special", ([2, 2], [inf, 1.0, 2.0, 3.0]), ([2, 2], [1.0, -2.0, 3.0, 4.0]), up=[1.0] * 4)


def sum_cases(S):
    for op in ("sum", "mean"):
        def add(name, cat, x, axis="all", **kw):
            x = x if isinstance(x, tuple) else ([len(x)], [float(v) for v in x])
            shape = [] if axis == "all" else [d for k, d in enumerate(x[0]) if k != axis % len(x[0])]
            S.add(f"{op}/{name}", op, cat, {"axis": axis}, {"x": x}, shape=shape, **kw)
        for axis in ("all", 0, 1, -1):
            add(f"ord_axis_{'None' if axis == 'all' else axis}", "ord", gauss(f"{op}{axis}", 7, 5), axis)
        for axis in (0, 1, 2, -2):
            add(f"3d_axis_{axis}", "ord", gauss(f"{op}3{axis}", 3, 4, 5), axis)
        add("scalar", "ord", ([], [1.25]))
        add("one", "ord", [3.0], 0)
        g = rnd("sums")
        v = [g.gauss(0, 1) * 10.0 ** g.randint(-15, 15) for _ in range(60)]
        mix = v + [-q for q in v] + [1e-12, 3e-13]
        g.shuffle(mix)
        add("cancel", "cancel", mix)
        add("cancel_simple", "cancel", [1e16, 1.0, -1e16, 1e100, 1.0, -1e100, 2.0 ** -60])
        add("cancel_axis0", "cancel", ([4, 3], [1e16, 1e300, 1.0, 1.0, 1.0, 2.0 ** -53, -1e16, -1e300, 2.0 ** -53, 0.5, 3e-20, -2.0 ** -60]), 0)
        add("cancel_zero", "cancel", [0.1, 0.2, -0.1, -0.2, 1e300, -1e300])
        add("many_tenths", "ord", [0.1] * 1000)
        add("harmonic", "ord", [1.0 / k for k in range(1, 1001)])
        add("alternating", "cancel", [(-1) ** k / (k + 1) for k in range(1000)])
        add("half_ulp", "ties", [1.0, 2.0 ** -53, TINY])
        add("half_ulp_even", "ties", [1.0, 2.0 ** -53])
        add("overflow_inside", "tail", [1e308, 1e308, -1e308, 5.0])
        add("large", "tail", [8e307, 7e307, 1e307, -3e306])
        add("subnormal", "near0", [TINY, 3 * TINY, MIN, -TINY, 1e-310])
        add("inf", "special", [1.0, inf, -2.0])
        add("inf_minus_inf", "special", [1.0, inf, -inf])
        add("nan", "special", [1.0, nan, 2.0])
        add("scaled", "scaled", gauss("ss", 4, 3), 0, up=[2.0 ** 1000, 3e-313, -2.0 ** 700])
        if S.big:
            add("1e5_terms", "ord", gauss("big", 100000))
            add("1e5_tenths", "ord", [0.1] * 100000)


BUILDERS = (elementwise_cases, binary_cases, prelu_cases, maxout_cases, softmax_cases, cross_entropy_cases, product_cases, sum_cases)


def small(specs):
    """one case of every op, parameter kind and category, elementwise ones thinned"""
    seen, out = collections.Counter(), []
    for cid, op, cat, at, inp, up in specs:
        key = (op, cat, at.get("approximate"), at.get("target"))
        flat = op in ELEMENTWISE or op in ("pow", "div")
        if seen[key] >= 1 or (not flat and sum(len(t[1]) for t in inp.values()) > 100):
            continue
        seen[key] += 1
        n = len(up[1])
        if flat and n > 15 and len(up[0]) == 1:
            keep = [round(i * (n - 1) / 12) for i in range(13)]
            inp = {k: ([13], [t[1][i] for i in keep]) for k, t in inp.items()}
            up = ([13], [up[1][i] for i in keep])
        out.append((cid, op, cat, at, inp, up))
    return out
