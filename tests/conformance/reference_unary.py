"""Reference values of every op and its gradients, from about 190 decimal digits (mpmath).

Each op is one function.  Formulas are chosen so that nothing cancels (or only where 640 bits absorb it), sums are exact
(integers, no rounding), and to_double() rounds once, half to even, subnormals and overflow included.  The engine under
test shares no code with this file.
"""
import math
from mpmath import mp, mpf
from mpmath.libmp import from_man_exp

mp.prec = 640
NAN, INF = mpf("nan"), mpf("inf")
CLAMP = 20000            # e^±20000 is out of reach of any double times any double: larger arguments change nothing


def to_double(v):
    """Nearest double, ties to even; gradual underflow; overflow to inf.  Floats (signed zeros) pass unchanged."""
    if isinstance(v, float):
        return v
    sign, man, exp, bc = mpf(v)._mpf_
    if not man:
        return float(v) if exp else 0.0                       # exp != 0: inf or nan
    q = max(exp + bc - 53, -1074)                             # exponent of the last place of the result
    if exp >= q:
        n = man << (exp - q)
    else:
        half, s = 1 << (q - exp - 1), q - exp
        n, r = man >> s, man & ((1 << s) - 1)
        n += r > half or (r == half and n & 1)
    try:
        d = math.ldexp(int(n), q)
    except OverflowError:
        d = math.inf
    return -d if sign else d


def xsum(terms):
    """Exact sum (the mpf returned may be wider than the working precision)."""
    t = [mpf(v) for v in terms]
    if any(not mp.isfinite(v) for v in t):
        s = mpf(0)
        for v in t:
            s += v
        return s
    t = [v._mpf_ for v in t if v]
    if not t:
        return mpf(0)
    lo = min(v[2] for v in t)
    return mp.make_mpf(from_man_exp(int(sum((-v[1] if v[0] else v[1]) << (v[2] - lo) for v in t)), lo))


def ex(v):
    """e^v"""
    return mp.exp(min(max(mpf(v), -CLAMP), CLAMP))


def clamp(x):
    return mpf(min(max(x, -CLAMP), CLAMP))


def sig(x):
    e = ex(-abs(mpf(x)))
    return 1 / (1 + e) if x >= 0 else e / (1 + e)


# --- elementwise: f(x, attrs) -> Point ---------------------------------------------------------------------------
class Point:
    """value y, derivative d; gs / fs: sum of |terms| of d and y; conv: other derivatives in use at a kink;
    acc / facc: further accepted derivatives / values ('*': anything)"""
    def __init__(self, y, d, gs=None, fs=None, conv=None, acc=(), facc=()):
        self.y, self.d, self.gs, self.fs, self.conv, self.acc, self.facc = y, d, gs, fs, conv or {}, list(acc), list(facc)


def sigmoid(x, at):
    return Point(sig(x), sig(x) * sig(-x))


def tanh(x, at):
    t = ex(-2 * abs(mpf(x)))
    return Point(mp.tanh(clamp(x)), 4 * t / (1 + t) ** 2)


def relu(x, at):
    conv = {"torch": mpf(0), "jax": mpf(0), "tf": mpf(0), "half(max tie)": mpf("0.5")} if x == 0 else {}
    return Point(x if x > 0 else 0.0, mpf(x > 0), conv=conv)


def leaky_relu(x, at):
    a = mpf(at["slope"])
    conv = {"torch": a, "jax(where x>=0)": mpf(1)} if x == 0 and a != 1 else {}
    if x == -math.inf and a == 0:
        return Point(0.0, mpf(0), facc=[NAN], acc=[NAN])
    return Point(x if x > 0 or x == 0 else a * x, mpf(1) if x > 0 else a, conv=conv)


def elu(x, at):
    a = mpf(at["alpha"])
    conv = {"torch": a, "jax": a, "right derivative": mpf(1)} if x == 0 and a != 1 else {}
    if x >= 0:
        return Point(x, a if x == 0 else mpf(1), conv=conv)
    return Point(a * mp.expm1(clamp(x)), a * ex(x))


def celu(x, at):
    a = mpf(at["alpha"])
    if x >= 0:
        return Point(x, mpf(1))
    return Point(a * mp.expm1(clamp(x / a)), ex(x / a))


# like every other parameter, constants written in decimal are the doubles nearest to them
SELU_A, SELU_S = mpf(1.6732632423543772848170429916717), mpf(1.0507009873554804934193349852946)


def selu(x, at):
    conv = {"torch": SELU_S * SELU_A, "jax": SELU_S * SELU_A, "right derivative": SELU_S} if x == 0 else {}
    if x > 0:
        return Point(SELU_S * x, SELU_S)
    return Point(SELU_S * SELU_A * mp.expm1(clamp(x)) if x else x, SELU_S * SELU_A * ex(x), conv=conv)


def softplus(x, at):
    return Point(max(mpf(x), 0) + mp.log1p(ex(-abs(mpf(x)))), sig(x))


def logsigmoid(x, at):
    return Point(min(mpf(x), 0) - mp.log1p(ex(-abs(mpf(x)))), sig(-x))


def gelu_tanh(x, k, b):
    """(value, the two terms of the derivative) of 0.5x(1 + tanh(k(x + bx^3))) = x sigmoid(2k(x + bx^3))"""
    c = clamp(x)
    p = sig(2 * k * (c + b * c ** 3))
    return (mpf(x) if x > 0 else c) * p, p, c * 2 * k * (1 + 3 * b * c * c) * p * sig(-2 * k * (c + b * c ** 3))


# Far out the last bits of the constants show: the first reading gives the expected values, the others are accepted.
GELU_TANH = {"0.044715 as a double": (mp.sqrt(2 / mp.pi), mpf(0.044715)),
             "0.044715 exact": (mp.sqrt(2 / mp.pi), mpf("0.044715")),
             "torch (two doubles)": (mpf(math.sqrt(2) * (2 / math.sqrt(math.pi)) * 0.5), mpf(0.044715))}


def gelu(x, at):
    if at.get("approximate", "none") == "tanh":
        y, p, q = gelu_tanh(x, *GELU_TANH["0.044715 as a double"])
        far = {n: gelu_tanh(x, *c) for n, c in GELU_TANH.items() if 2 < abs(x) < CLAMP}
        tol = mpf(2) ** -52 * max(abs(y), mpf(2) ** -1000)
        if all(abs(t[0] - y) <= tol and abs(t[1] + t[2] - p - q) <= tol for t in far.values()):
            far = {}
        return Point(y if x else x, p + q, gs=abs(p) + abs(q), conv={n: t[1] + t[2] for n, t in far.items()},
                     facc=[t[0] for t in far.values()])
    c = clamp(x)                       # beyond the clamp the value is x or 0
    t = min(max(c, -250), 250)         # Phi and x phi are 0 or 1 to 1e-13000 there
    p, q = mp.erfc(-t / mp.sqrt(2)) / 2, t * mp.exp(-t * t / 2) / mp.sqrt(2 * mp.pi)
    return Point((mpf(x) if x > 0 else c) * p if x else x, p + q, gs=abs(p) + abs(q))


def silu(x, at):
    c = clamp(x)
    p, q = sig(c), c * sig(c) * sig(-c)
    return Point((mpf(x) if x > 0 else c) * p if x else x, p + q, gs=abs(p) + abs(q))


def mish(x, at):
    c = clamp(x)
    e = ex(c)
    a = e * (e + 2)                    # tanh(softplus) = a/(a+2)
    p, q = a / (a + 2), c * 4 * e * (1 + e) / (a + 2) ** 2
    return Point((mpf(x) if x > 0 else c) * p if x else x, p + q, gs=abs(p) + abs(q))


def hardsigmoid(x, at):
    s, h = mpf(1) / 6, mpf(1) / 12
    conv = {"torch": mpf(0), "tf/keras(relu6)": mpf(0), "jax": h, "closed interval": s} if abs(x) == 3 else {}
    y = mpf(0) if x <= -3 else mpf(1) if x >= 3 else xsum([x, 3]) / 6
    return Point(y, s if -3 < x < 3 else mpf(0), conv=conv)


def hardsigmoid_ab(x, at):
    al, be = mpf(at["alpha"]), mpf(at["beta"])
    if math.isinf(x):
        return Point(1.0 if (x > 0) == (al > 0) else 0.0, mpf(0), fs=mpf(0))
    v, rounded = xsum([al * x, be]), {at["alpha"] * x + at["beta"], to_double(xsum([al * x, be]))}
    kink = v in (0, 1) or rounded & {0.0, 1.0}               # also where only the rounded value meets the corner
    conv = {"open interval": mpf(0), "max tie": al / 2, "closed interval": al} if kink else {}
    inside = 0 < v < 1
    return Point(v if inside else mpf(v >= 1), al if inside else mpf(0), conv=conv,
                 fs=abs(al * x) + abs(be) if inside or kink else mpf(0))


def hardswish(x, at):
    h = mpf(1) / 2
    if x == 3:
        conv = {"torch": 3 * h, "torch>=2.7": mpf(1), "jax": mpf(5) / 4, "relu6 product (Keras)": mpf(1)}
    elif x == -3:
        conv = {"torch": -h, "torch>=2.7": mpf(0), "jax": -h / 2, "relu6 product (Keras)": mpf(0)}
    else:
        conv = {}
    if -3 <= x <= 3:
        return Point(mpf(x) * xsum([x, 3]) / 6 if x else x, (2 * mpf(x) + 3) / 6, gs=abs(mpf(x)) / 3 + h, conv=conv)
    return Point(x if x > 3 else 0.0, mpf(x > 3), gs=mpf(x > 3), facc=[NAN] if x == -math.inf else [])


def hardtanh(x, at):
    lo, hi = at["min"], at["max"]
    conv = {"torch": mpf(0), "jax": mpf(1), "tf(clip_by_value)": mpf(1)} if x in (lo, hi) else {}
    return Point(min(max(x, lo), hi), mpf(lo < x < hi), conv=conv)


def softsign(x, at):
    return Point(math.copysign(1.0, x) if math.isinf(x) else x / (1 + abs(mpf(x))), 1 / (1 + abs(mpf(x))) ** 2)


def exp(x, at):
    return Point(ex(x), ex(x))


def log(x, at):
    if x == 0:
        return Point(-INF, INF, acc=[-INF] if math.copysign(1, x) < 0 else [])
    if x < 0:
        return Point(NAN, NAN, acc=[1 / mpf(x)])
    return Point(mp.log(x) if x < math.inf else INF, 1 / mpf(x))


def sqrt(x, at):
    if x == 0:
        return Point(x, INF, acc=[-INF] if math.copysign(1, x) < 0 else [])
    return Point(mp.sqrt(x), 1 / (2 * mp.sqrt(x))) if x > 0 else Point(NAN, NAN)


ELEMENTWISE = {f.__name__: f for f in (
    sigmoid, tanh, relu, leaky_relu, elu, celu, selu, softplus, logsigmoid, gelu, silu, mish, hardsigmoid,
    hardsigmoid_ab, hardswish, hardtanh, softsign, exp, log, sqrt)}
PIECEWISE = {"relu", "leaky_relu", "elu", "celu", "selu", "hardsigmoid", "hardsigmoid_ab", "hardswish", "hardtanh"}


# --- results -----------------------------------------------------------------------------------------------------
class Result:
    """forward and grads as (shape, values); scales, accepted alternatives and named conventions by index"""
    def __init__(self, shape, fwd):
        self.forward, self.grads, self.fscale, self.gscale = (shape, fwd), {}, None, {}
        self.accept, self.conv = {}, {}

    def alt(self, name, i, values):
        lst = self.accept.setdefault(name, {}).setdefault(str(i), [])
        for v in values:
            if not any(v == w or (v != v and w != w) for w in lst):
                lst.append(v)

    def named(self, name, i, conv):
        for k, v in conv.items():
            self.conv.setdefault(name, {}).setdefault(k, {})[str(i)] = v
        self.alt(name, i, [to_double(v) for v in conv.values()])


def elementwise(op, at, inp, up):
    shape, xs = inp["x"]
    pts = [Point(NAN, NAN, acc=["*"] if op in PIECEWISE else []) if x != x else ELEMENTWISE[op](x, at) for x in xs]
    us = [mpf(u) for u in up[1]]
    r = Result(shape, [p.y for p in pts])
    r.grads["x"] = (shape, [u * p.d for u, p in zip(us, pts)])
    if any(p.gs is not None for p in pts):
        r.gscale["x"] = [abs(u) * p.gs if p.gs is not None else mpf(0) for u, p in zip(us, pts)]
    if any(p.fs is not None for p in pts):
        r.fscale = [p.fs if p.fs is not None else mpf(0) for p in pts]
    for i, (u, p) in enumerate(zip(us, pts)):
        if p.conv:
            r.named("x", i, {k: u * d for k, d in p.conv.items()})
        if p.acc:
            r.alt("x", i, [v if v == "*" else to_double(u * v) for v in p.acc])
        if p.facc:
            r.alt("forward", i, [to_double(v) for v in p.facc])
    return r
