"""What every benchmark records beside its time: bytes per second and the largest error."""
import numpy as np
import pytest

from softmax_fast import _reference


def largest_error(op, x, y):
    """In ulp of the result, against long double, on at most 64 rows spread over the array."""
    pick = slice(None, None, max(1, len(x) // 64)) if x.ndim > 1 else slice(None)
    wide = x[pick].astype(np.longdouble)
    got = np.atleast_1d(y)[pick]
    want = getattr(_reference, op)(wide)
    scale = want
    if op == "logsumexp":
        want = np.atleast_1d(want[0][..., 0])
        scale = np.maximum(abs(want), abs(np.atleast_1d(wide.max(axis=-1))))
    info = np.finfo(x.dtype)
    exponent = np.maximum(np.frexp(scale)[1], info.minexp + 1)
    return float(np.max(abs(got - want) / np.ldexp(np.longdouble(1), exponent - info.nmant - 1)))


@pytest.fixture
def measure(benchmark):
    """measure(op, x, call, nbytes): time call(), whose result is op's; keep error and throughput with the time."""
    def run(op, x, call, out_bytes):
        error = largest_error(op, x, call())
        benchmark.extra_info["largest_error_ulp"] = round(error, 2)
        benchmark(call)
        if benchmark.stats is not None:  # None under --benchmark-disable
            benchmark.extra_info["GB_per_s"] = round((x.nbytes + out_bytes) / benchmark.stats.stats.min / 1e9, 3)
    return run
