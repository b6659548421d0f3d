"""Reference values of the ops with several inputs, along an axis, and of products and sums (see reference_unary.py)."""
import math
from mpmath import mp, mpf
from reference_unary import ELEMENTWISE, INF, NAN, Result, elementwise, ex, clamp, to_double, xsum


def power(a, b):
    """a^b, exact when b is a small integer or half-integer"""
    a, b = mpf(a), mpf(b)
    if 2 * b == int(clamp(2 * b)) and abs(b) <= 16:
        with mp.workprec(4000):
            return a ** int(b) if b == int(b) else mp.sqrt(a) ** int(2 * b)
    return ex(b * mp.log(a))


def pow_point(a, b):
    """(y, dy/da, dy/db, accepted da, accepted db); C99 values, PyTorch's gradients, '*' where frameworks disagree"""
    if not (math.isfinite(a) and math.isfinite(b)):
        try:
            y = math.pow(a, b)
        except (ValueError, OverflowError):
            y = math.nan
        return y, NAN, NAN, ["*"], ["*"]
    odd = b == math.floor(b) and abs(b) < 2.0 ** 53 and int(b) % 2 == 1
    if a == 0:
        if b > 0:
            return (a if odd else 0.0), (mpf(0) if b > 1 else mpf(1) if b == 1 else INF), mpf(0), [], []
        if b == 0:
            return 1.0, mpf(0), mpf(0), ["*"], ["*"]
        return (math.copysign(math.inf, a) if odd else math.inf), NAN, NAN, ["*"], ["*"]
    if a < 0 and b != math.floor(b):
        return NAN, NAN, NAN, [], []
    y, d = power(abs(a), b), b * power(abs(a), mpf(b) - 1) if b else mpf(0)
    if a < 0:
        return (-y if odd else y), (d if odd else -d), NAN, [], [mpf(0), y * mp.log(-a) * (-1 if odd else 1)]
    return y, d, y * mp.log(a), [], []


def pow_(at, inp, up):
    (shape, a), (_, b) = inp["a"], inp["b"]
    pts = [pow_point(x, e) for x, e in zip(a, b)]
    r = Result(shape, [p[0] for p in pts])
    r.grads = {n: (shape, [mpf(u) * p[k] for u, p in zip(up[1], pts)]) for n, k in (("a", 1), ("b", 2))}
    for n, k in (("a", 3), ("b", 4)):
        for i, (u, p) in enumerate(zip(up[1], pts)):
            if p[k]:
                r.alt(n, i, [v if v == "*" else to_double(mpf(u) * v) for v in p[k]])
    return r


def div(at, inp, up):
    (shape, a), (_, b) = inp["a"], inp["b"]
    y, da, db = [], [], []
    r = Result(shape, y)
    r.grads = {"a": (shape, da), "b": (shape, db)}
    for i, (n, d, u) in enumerate(zip(a, b, up[1])):
        s = math.copysign(1, d)
        if d == 0:
            y.append(NAN if n == 0 or n != n else INF * n * s)
            da.append(INF * u * s if n == n else NAN)
            db.append(NAN if n == 0 or n != n else -INF * u * n)
            r.alt("a", i, ["*"] if n != n else [])
            r.alt("b", i, ["*"])
        else:
            y.append(mpf(n) / d)
            da.append(mpf(u) / d)
            db.append(-(mpf(u) * n) / (mpf(d) * mpf(d)))
            if not (math.isfinite(n) and math.isfinite(d)):
                r.alt("a", i, ["*"] if d != d or n != n else [])
                r.alt("b", i, ["*"])
    return r


def prelu(at, inp, up):
    (shape, x), (ashape, a) = inp["x"], inp["a"]
    inner = math.prod(shape[2:])
    ch = [(i // inner) % shape[1] if len(a) > 1 else 0 for i in range(len(x))]
    y, dx, ga = [], [], [[] for _ in a]
    r = Result(shape, y)
    for i, (v, u, c) in enumerate(zip(x, up[1], ch)):
        y.append(v if v > 0 or v == 0 else mpf(a[c]) * v)
        dx.append(mpf(u) * (1 if v > 0 else mpf(a[c])))
        if v == 0 and a[c] != 1:
            r.named("x", i, {"torch": mpf(u) * a[c], "jax(where x>=0)": mpf(u)})
        if v != v:
            r.alt("x", i, ["*"])
        if not v > 0:
            ga[c].append(mpf(u) * v)
    r.grads = {"x": (shape, dx), "a": (ashape, [xsum(t) for t in ga])}
    r.gscale["a"] = [xsum(map(abs, t)) for t in ga]
    for c, t in enumerate(ga):
        if any(mp.isnan(v) for v in t):
            r.alt("a", c, ["*"])
    return r


# --- rows along an axis --------------------------------------------------------------------------------------------
def rows(shape, axis):
    """index lists of the rows along an axis"""
    axis %= len(shape)
    inner, n = math.prod(shape[axis + 1:]), shape[axis]
    return [[o * n * inner + k * inner + i for k in range(n)] for o in range(math.prod(shape[:axis])) for i in range(inner)]


def soft_row(z):
    """e_k = exp(z_k - max), their exact sum and the largest index; None where the row has no distribution"""
    if any(v != v for v in z) or max(z) in (math.inf, -math.inf):
        return None
    m = max(range(len(z)), key=lambda k: z[k])
    e = [ex(mpf(v) - mpf(z[m])) if v > -math.inf else mpf(0) for v in z]
    return e, xsum(e), m


def softmax(at, inp, up, logarithm=False):
    (shape, x), u = inp["x"], [mpf(v) for v in up[1]]
    y, g, gs = [NAN] * len(x), [NAN] * len(x), [mpf(0)] * len(x)
    r = Result(shape, y)
    for ix in rows(shape, at["axis"]):
        z, w = [x[i] for i in ix], [u[i] for i in ix]
        sr = soft_row(z)
        if sr is None:
            if math.inf in z or all(v == -math.inf for v in z):
                for i in ix:
                    r.alt("forward", i, ["*"])
                    r.alt("x", i, ["*"])
            elif logarithm:
                for i in ix:
                    r.alt("x", i, ["*"])
            continue
        e, S, m = sr
        U, A = xsum(map(abs, w)), xsum(abs(wk) * ek for wk, ek in zip(w, e)) / S
        lse = mp.log1p(xsum(e[:m] + e[m + 1:]))
        for k, i in enumerate(ix):
            others = [j for j in range(len(ix)) if j != k]
            s = e[k] / S
            if logarithm:
                y[i] = xsum([z[k], -mpf(z[m])]) - lse if z[k] > -math.inf else -INF
                g[i] = xsum([w[k] * e[j] for j in others] + [-e[k] * w[j] for j in others]) / S
                gs[i] = abs(w[k]) + s * U
            else:
                y[i] = s
                g[i] = s * xsum(e[j] * (w[k] - w[j]) for j in others) / S
                gs[i] = s * (abs(w[k]) + A)
    r.grads["x"], r.gscale["x"] = (shape, g), gs
    return r


def log_softmax(at, inp, up):
    return softmax(at, inp, up, logarithm=True)


def cross_entropy(at, inp, up):
    (shape, s), (_, y) = inp["s"], inp["y"]
    n = shape[-1]
    f, fs, gs_, gy = [], [], [], []
    r = Result(shape[:-1], f)
    for i, u in enumerate(up[1]):
        t = []
        for k in range(i * n, i * n + n):
            l = -mp.log(s[k]) if s[k] > 0 else INF
            t.append(y[k] * l if y[k] else mpf(0))
            gs_.append(-mpf(u) * y[k] / s[k] if y[k] and s[k] else -INF * u * y[k] if y[k] else mpf(0))
            gy.append(mpf(u) * l)
            if s[k] == 0 and y[k] == 0:                       # 0/0 and 0 ln 0
                r.alt("s", k, [0.0, math.nan])
                r.alt("y", k, [to_double(gy[-1]), 0.0, math.nan])
        f.append(xsum(t))
        fs.append(xsum(map(abs, t)))
    r.fscale, r.grads = fs, {"s": (shape, gs_), "y": (shape, gy)}
    return r


def softmax_cross_entropy(at, inp, up):
    shape, z = inp["z"]
    N, C, ls = shape[0], shape[-1], mpf(at.get("label_smoothing", 0.0))
    kind, red = at["target"], at["reduction"]
    name = next(k for k in inp if k != "z")
    per = mpf(N) if red == "mean" else mpf(1)
    f, fs, gz, gzs, gy = [], [], [], [], []
    r = Result(shape[:-1] if red == "none" else [], f)
    for i in range(N):
        zi, u = z[i * C:(i + 1) * C], mpf(up[1][i if red == "none" else 0])
        y = ([float(k == int(inp[name][1][i])) for k in range(C)] if kind == "class"
             else inp[name][1][i * C:(i + 1) * C])
        yc = [C * (1 - ls) * v + ls for v in y]               # C times the smoothed label: exact where it can be
        e, S, m = soft_row(zi)
        L = mp.log1p(xsum(e[:m] + e[m + 1:]))
        nl = [xsum([zi[m], -mpf(v)]) + L if v > -math.inf else INF for v in zi]
        f.append(xsum([v * w if v else mpf(0) for v, w in zip(yc, nl)]) / C)
        fs.append(xsum([abs(v * w) if v else mpf(0) for v, w in zip(yc, nl)]) / C)
        if any(w == INF and not v for v, w in zip(yc, nl)) and kind == "prob":
            r.alt("forward", i if red == "none" else 0, [math.nan])
        Y = xsum(map(abs, yc))
        for k in range(C):
            others = [j for j in range(C) if j != k]
            gz.append(u / per * (xsum([e[k] * yc[j] for j in others] + [-yc[k] * e[j] for j in others]) / S / C))
            gzs.append(abs(u) / per * (e[k] / S * Y + abs(yc[k])) / C)
            gy.append(u / per * (1 - ls) * nl[k])
    if red != "none":
        f[:], fs = [xsum(f) / per], [xsum(fs) / per]
    r.fscale, r.gscale["z"], r.grads["z"] = fs, gzs, (shape, gz)
    if kind == "prob":
        r.grads[name] = (shape, gy)
    return r


# --- maxima, sums, products ------------------------------------------------------------------------------------------
def tie_conventions(cnt):
    """shares of each tied position, per convention"""
    return {"first (torch max(dim) here, numpy argmax)": [1] + [0] * (cnt - 1), "last": [0] * (cnt - 1) + [1],
            "split (torch amax, JAX max, TF reduce_max)": [mpf(1) / cnt] * cnt,
            "all (Theano max; not a subgradient)": [1] * cnt}


def maxout_reduce(at, inp, up):
    shape, x = inp["x"]
    k = shape[-1]
    y, g = [], [mpf(0)] * len(x)
    r = Result(shape[:-1], y)
    for i, u in enumerate(up[1]):
        row = x[i * k:(i + 1) * k]
        if any(v != v for v in row):
            y.append(NAN)
            for j in range(k):
                r.alt("x", i * k + j, ["*"])
            continue
        tied = [j for j in range(k) if row[j] == max(row)]
        y.append(row[tied[0]])
        g[i * k + tied[0]] = mpf(u)
        if len(tied) > 1:
            for name, share in tie_conventions(len(tied)).items():
                for j, w in zip(tied, share):
                    r.named("x", i * k + j, {name: mpf(u) * w})
    r.grads["x"] = (shape, g)
    return r


def maxout(at, inp, up):
    (xs, x), (ws, W), (bs, b) = inp["x"], inp["W"], inp["b"]
    (N, I), (_, J, P) = xs, ws
    y, fs, picks = [], [], []                                 # picks: (n, j, tied pieces)
    for n in range(N):
        for j in range(J):
            t = [[mpf(x[n * I + i]) * W[(i * J + j) * P + p] for i in range(I)] + [mpf(b[j * P + p])] for p in range(P)]
            v = [xsum(q) for q in t]
            tied = [p for p in range(P) if v[p] == max(v)]
            y.append(v[tied[0]])
            fs.append(xsum(map(abs, t[tied[0]])))
            picks.append((n, j, tied))
    r = Result([N, J], y)

    def grads(share):
        gx, gW, gb = ([[] for _ in t] for t in (x, W, b))
        for n, j, tied in picks:
            for p, s in zip(tied, share(len(tied))):
                u = mpf(up[1][n * J + j]) * s
                if s:
                    gb[j * P + p].append(u)
                    for i in range(I):
                        gx[n * I + i].append(u * W[(i * J + j) * P + p])
                        gW[(i * J + j) * P + p].append(u * x[n * I + i])
        return {"x": gx, "W": gW, "b": gb}

    first = grads(lambda c: tie_conventions(c)["first (torch max(dim) here, numpy argmax)"])
    shapes = {"x": xs, "W": ws, "b": bs}
    r.grads = {k: (shapes[k], [xsum(t) for t in v]) for k, v in first.items()}
    r.fscale, r.gscale = fs, {k: [xsum(map(abs, t)) for t in v] for k, v in first.items()}
    if any(len(t) > 1 for _, _, t in picks):
        for name in list(tie_conventions(2))[1:3]:
            for k, v in grads(lambda c: tie_conventions(c)[name]).items():
                for i, (new, old) in enumerate(zip((xsum(t) for t in v), r.grads[k][1])):
                    if new != old:
                        r.alt(k, i, [to_double(new)])
    return r


def matmul(at, inp, up):
    (sa, a), (sb, b) = inp["a"], inp["b"]
    (M, K), N = sa, sb[1]
    A, B, U = ([mpf(v) for v in t] for t in (a, b, up[1]))
    bias = [mpf(v) for v in inp["bias"][1]] if "bias" in inp else None
    f = [[A[i * K + k] * B[k * N + j] for k in range(K)] + ([bias[j]] if bias else []) for i in range(M) for j in range(N)]
    ga = [[U[i * N + j] * B[k * N + j] for j in range(N)] for i in range(M) for k in range(K)]
    gb = [[A[i * K + k] * U[i * N + j] for i in range(M)] for k in range(K) for j in range(N)]
    terms = {"a": (sa, ga), "b": (sb, gb)}
    if bias:
        terms["bias"] = (inp["bias"][0], [[U[i * N + j] for i in range(M)] for j in range(N)])
    r = Result([M, N], [xsum(t) for t in f])
    r.fscale = [xsum(map(abs, t)) for t in f]
    r.grads = {k: (s, [xsum(t) for t in v]) for k, (s, v) in terms.items()}
    r.gscale = {k: [xsum(map(abs, t)) for t in v] for k, (s, v) in terms.items()}
    return r


linear = matmul


def sum_(at, inp, up, mean=False):
    shape, x = inp["x"]
    if at["axis"] == "all":
        ixs, out = [list(range(len(x)))], []
    else:
        ixs, out = rows(shape, at["axis"]), [d for k, d in enumerate(shape) if k != at["axis"] % len(shape)]
    n = mpf(len(ixs[0])) if mean else mpf(1)
    r = Result(out, [xsum(x[i] for i in ix) / n for ix in ixs])
    r.fscale = [xsum(abs(x[i]) for i in ix) / n for ix in ixs]
    g = [mpf(0)] * len(x)
    for u, ix in zip(up[1], ixs):
        q = mpf(u) / n
        for i in ix:
            g[i] = q
    r.grads["x"] = (shape, g)
    return r


def mean(at, inp, up):
    return sum_(at, inp, up, mean=True)


OTHER = {"pow": pow_, "div": div, "prelu": prelu, "maxout_reduce": maxout_reduce, "maxout": maxout, "softmax": softmax,
         "log_softmax": log_softmax, "cross_entropy": cross_entropy, "softmax_cross_entropy": softmax_cross_entropy,
         "matmul": matmul, "linear": linear, "sum": sum_, "mean": mean}


def evaluate(op, at, inp, up):
    return elementwise(op, at, inp, up) if op in ELEMENTWISE else OTHER[op](at, inp, up)
