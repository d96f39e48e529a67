"""Each operation and dtype against the NumPy baseline, grouped by shape: pytest benchmarks/bench_ops.py"""
import numpy as np
import pytest

import softmax_fast
from softmax_fast import _reference

# tiny call, short rows, rows in L1, array in L2/L3, array in DRAM, one huge row
SHAPES = [(10,), (64, 10), (1024, 10), (100000, 3), (1000, 100), (64, 1000), (1024, 1000), (64, 150000), (1, 4000000)]


@pytest.mark.parametrize("library", ["softmax_fast", "numpy"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", ["softmax", "log_softmax", "logsumexp"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: "x".join(map(str, s)))
def bench(shape, op, dtype, library, benchmark, measure):
    benchmark.group = "x".join(map(str, shape))
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    if library == "softmax_fast":
        f = getattr(softmax_fast, op)
        measure(op, x, lambda: f(x, -1), x.nbytes)
    elif op == "logsumexp":
        measure(op, x, lambda: _reference.logsumexp(x)[0][..., 0], 0)
    else:
        f = getattr(_reference, op)
        measure(op, x, lambda: f(x), x.nbytes)
