"""Exact results for the tests: long double with error terms for long rows, mpmath for what must be beyond doubt.

test_accuracy.py compares the two. Neither uses any kernel of the library.
"""
import ml_dtypes
import mpmath
import numpy as np

# The long-double oracle wants a type wider than float64; where there is none, mpmath does all the work.
WIDE = np.finfo(np.longdouble).nmant >= 63


def mpf(v):
    """Exactly, of long double too."""
    if not isinstance(v, np.longdouble):
        return mpmath.mpf(float(v))
    m, e = np.frexp(v)
    return mpmath.ldexp(mpmath.mpf(int(np.ldexp(m, 128))), int(e) - 128)


def exact_mpmath(x, op, digits=60):
    """The results of one row of finite logits as mpmath numbers."""
    with mpmath.workdps(digits):
        x = [mpf(v) for v in x]
        largest = max(x)
        top = x.index(largest)
        e = [mpmath.exp(v - largest) for v in x]
        others = mpmath.fsum(e[:top] + e[top + 1:])
        log = mpmath.log1p(others)
        if op == "softmax":
            return [v / (1 + others) for v in e]
        if op == "log_softmax":
            return [(v - largest) - log for v in x]
        return [largest + log]


def terms_wide(x, largest):
    """x - largest in long double, what that loses, and exp of both."""
    x = x.astype(np.longdouble)
    d = x - largest
    back = d - x
    lost = (x - (d - back)) + (-largest - back)
    return d, lost, np.exp(d) * (1 + lost)


def exact_wide(x, op, others=None):
    """The same in long double: relative error some 2^-61, hence below 0.01 ulp of float64.

    Of a part of a row that has the largest logit, `others` is the sum of all terms of the row but that one's.
    """
    top = int(np.argmax(x))
    largest = np.longdouble(x[top])
    d, lost, e = terms_wide(x, largest)
    if others is None:
        others = np.sum(np.delete(e, top))
    log = np.log1p(others)
    if op == "softmax":
        return e / (1 + others)
    if op == "log_softmax":
        return d + (lost - log)
    return np.atleast_1d(largest + log)


def ulps(got, want, dtype, scale=None):
    """Largest |got - want| in units in the last place of `scale` (or of `want`) in `dtype`."""
    info = ml_dtypes.finfo(dtype)
    size = np.abs(want if scale is None else scale)
    exponent = np.maximum(np.frexp(size)[1], info.minexp + 1)
    unit = np.ldexp(np.ones_like(size), exponent - (info.nmant + 1))
    return float(np.max(np.abs(got.astype(np.longdouble) - want) / unit))


def worst(x, op, got, others=None):
    """Largest error of the result `got` for the row `x`, in ulp; for logsumexp of the larger of |result|, |max|."""
    got = np.atleast_1d(got)
    if WIDE:
        want = exact_wide(x, op, others)
        scale = np.maximum(np.abs(want), np.abs(np.longdouble(x.max()))) if op == "logsumexp" else None
        return ulps(got, want, x.dtype, scale)
    return worst_mpmath(x, op, got)


def errors_mpmath(x, op, got):
    info = np.finfo(x.dtype)
    errors = []
    with mpmath.workdps(60):
        for g, w in zip(np.atleast_1d(got), exact_mpmath(x, op), strict=True):
            size = max(abs(w), abs(mpf(x.max()))) if op == "logsumexp" else abs(w)
            exponent = max(mpmath.frexp(size)[1], info.minexp + 1)
            errors.append(float(abs(mpf(g) - w) / mpmath.mpf(2) ** (exponent - info.nmant - 1)))
    return errors


def worst_mpmath(x, op, got):
    return max(errors_mpmath(x, op, got))
