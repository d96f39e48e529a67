"""Walk down the instruction sets of this machine: pytest benchmarks/bench_isas.py"""
import numpy as np
import pytest

import softmax_fast


@pytest.mark.parametrize("isa", softmax_fast.isas())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", ["softmax", "log_softmax", "logsumexp"])
def bench(op, dtype, isa, benchmark, measure):
    benchmark.group = f"{op} {dtype} 64x1000"
    x = np.random.default_rng(0).standard_normal((64, 1000)).astype(dtype)
    f = getattr(softmax_fast, op)
    before = softmax_fast.isa()
    softmax_fast.use_isa(isa)
    try:
        measure(op, x, lambda: f(x, -1), x.nbytes)
    finally:
        softmax_fast.use_isa(before)
