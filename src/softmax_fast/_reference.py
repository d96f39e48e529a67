"""Plain NumPy: the baseline of the benchmarks, the oracle of some tests, and what serves the dtypes that have
no kernel (complex) and logsumexp's factors.

One axis or a tuple of axes; the dtype of `x` is the dtype of the arithmetic. Special values as in SciPy.
"""
import numpy as np

_QUIET = {"divide": "ignore", "over": "ignore", "under": "ignore", "invalid": "ignore"}


def _shift(x, axis):
    """The maximum, 0 where it is not finite: exp(x - shift) does not overflow and keeps the special values."""
    m = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(m), m, 0)


def _log_sum(d, axis, b=None):
    """log(sum(b exp(d))), of the sum's absolute value where it is real, and the sum.

    The terms at d = 0 apart from the others: log1p is exact where these are small.
    """
    e = np.exp(d) if b is None else b * np.exp(d)
    k = np.sum(np.where(d == 0, 1 if b is None else b, 0), axis=axis, dtype=d.dtype, keepdims=True)
    rest = np.sum(np.where(d == 0, 0, e), axis=axis, keepdims=True)
    total = k + rest
    near = (k != 0) & (abs(rest) < abs(k) / 2)
    ratio = np.divide(rest, k, out=np.zeros_like(total), where=near)
    size = abs if d.dtype.kind == "f" else lambda z: z
    return np.where(near, np.log1p(ratio) + np.log(size(k)), np.log(size(total))), total


def softmax(x, axis=-1):
    with np.errstate(**_QUIET):
        e = np.exp(x - np.max(x, axis=axis, keepdims=True))
        return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax(x, axis=-1):
    with np.errstate(**_QUIET):
        d = x - _shift(x, axis)
        d -= np.log(np.sum(np.exp(d), axis=axis, keepdims=True)) if x.dtype.char in "fd" else _log_sum(d, axis)[0]
        return np.where(np.all(x == -np.inf, axis=axis, keepdims=True), np.nan, d).astype(x.dtype, copy=False)


def logsumexp(a, axis=-1, b=None):
    """The result, with `axis` kept, and the sign of the sum."""
    with np.errstate(**_QUIET):
        if b is not None:
            a = np.where(b == 0, -np.inf, a)
        m = _shift(a, axis)
        if b is None and a.dtype.char in "fd":
            return np.log(np.sum(np.exp(a - m), axis=axis, keepdims=True)) + m, None
        log, total = _log_sum(a - m, axis, b)
        log += m
        if a.dtype.kind == "c":
            phase = np.angle(np.exp(1j * log.imag))  # into (-pi, pi]
            return log.real + 1j * phase, total / abs(total)
        return log, np.sign(total)
