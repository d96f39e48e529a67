"""Ratios from interleaved rounds, for the README's tables: python benchmarks/ratios.py [seconds per row]

Each row times all of its columns in turns and keeps the least of each, so that a slow moment of the machine
strikes them all. Results go to `out` where the function has one.
"""
import sys

import numpy as np
import scipy.special

import softmax_fast
from softmax_fast import _reference
from softmax_fast.__main__ import interleaved

ROWS = [(op, dtype, shape)
        for op in ("softmax", "log_softmax", "logsumexp")
        for dtype in ("float32", "float64")
        for shape in ((10,), (1024, 10), (1024, 1000), (64, 150000), (1, 4000000))]


def row(op, dtype, shape, seconds):
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    y = np.empty_like(x)
    ours, numpy, scipy_ = (getattr(m, op) for m in (softmax_fast, _reference, scipy.special))
    out = {} if op == "logsumexp" or x.ndim == 1 else {"out": y}
    exp_out = {} if x.ndim == 1 else {"out": y}
    return interleaved({
        "ours": lambda: ours(x, -1, **out),
        "exp": lambda: np.exp(x, **exp_out),
        "numpy": lambda: numpy(x),
        "scipy": lambda: scipy_(x, axis=-1),
        "copy": lambda: np.copyto(y, x),
    }, seconds)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    print("| operation | dtype | shape | ours, µs | ours / `np.exp` | NumPy / ours | SciPy / ours | ours / copy |")
    print("|---|---|---|---|---|---|---|---|")
    for op, dtype, shape in ROWS:
        t = row(op, dtype, shape, seconds)
        print(f"| {op} | {dtype} | {' x '.join(map(str, shape))} | {t['ours'] * 1e6:.2f} | {t['ours'] / t['exp']:.2f} | "
              f"{t['numpy'] / t['ours']:.1f} | {t['scipy'] / t['ours']:.1f} | {t['ours'] / t['copy']:.1f} |", flush=True)


if __name__ == "__main__":
    main()
