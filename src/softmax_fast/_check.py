"""Accuracy on this machine: the kernels against exact results in decimal arithmetic of 50 digits."""
import math
from decimal import Context, Decimal, localcontext

import numpy as np

OPS = ("softmax", "log_softmax", "logsumexp")

# float16 and bfloat16 are computed in float32 and rounded once: half an ulp, and what float32 was off before.
HALF_BOUND = 0.51


def rows(rng, dtype):
    """Rows of logits, each class for a way to go wrong."""
    normal = rng.standard_normal
    classes = {
        "N(0, 1)": lambda n: normal(n),
        "N(0, 10)": lambda n: 10 * normal(n),
        "uniform +-40": lambda n: rng.uniform(-40, 40, n),
        "uniform -100..0": lambda n: rng.uniform(-100, 0, n),
        "10000 + N(0, 1)": lambda n: 10000 + normal(n),
        "one dominant": lambda n: np.where(np.arange(n) == n // 2, 0, rng.uniform(-60, -3) - rng.random(n)),
        "near ties": lambda n: 3 + 1e-3 * normal(n),
        "all equal": lambda n: np.full(n, normal()),
        "near the shift": lambda n: rng.choice([-512, 512, 511, 4096, -4097]) + normal(n),
    }
    for label, draw in classes.items():
        for n in (1, 2, 3, 7, 10, 16, 17, 33, 100, 129):
            yield label, draw(n).astype(dtype)
    yield "magnitudes", np.array([1e-38, -1e-38, 0, 3e4, -3e4, 1], dtype=dtype)


def exact(x):
    """{op: exact results as Decimals} of one row of finite logits."""
    x = [Decimal(float(v)) for v in x]
    largest = max(x)
    top = x.index(largest)
    e = [(v - largest).exp() for v in x]
    others = sum(e[:top] + e[top + 1:], Decimal(0))
    if others < Decimal("1e-15"):  # log1p by its series: 1 + others would drop digits
        log = others - others ** 2 / 2 + others ** 3 / 3
    else:
        log = (1 + others).ln()
    return {
        "softmax": [v / (1 + others) for v in e],
        "log_softmax": [(v - largest) - log for v in x],
        "logsumexp": [largest + log],
    }


def ulps(got, want, dtype, scale=None):
    """|got - want| in units in the last place of `scale` (or of `want`) in `dtype`."""
    if dtype == "bfloat16":
        digits, least = 8, -125
    else:
        info = np.finfo(dtype)
        digits, least = info.nmant + 1, info.minexp + 1
    exponent = math.frexp(float(want if scale is None else scale))[1]
    return float(abs(Decimal(float(got)) - want) / Decimal(2) ** (max(exponent, least) - digits))


def accuracy(functions, dtype, name=None, seed=0):
    """{op: (largest error in ulp, class of the row where it was seen)} over all rows()."""
    worst = {op: (0.0, "") for op in functions}
    with localcontext(Context(prec=50)):
        for label, x in rows(np.random.default_rng(seed), dtype):
            wanted = exact(x)
            largest = Decimal(float(x.max()))
            for op, function in functions.items():
                got = np.atleast_1d(function(x))
                for g, w in zip(got, wanted[op], strict=True):
                    scale = max(abs(w), abs(largest)) if op == "logsumexp" else None
                    error = ulps(g, w, name or dtype, scale)
                    if not error <= worst[op][0]:
                        worst[op] = (error, label)
    return worst
