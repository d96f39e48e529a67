"""Time of softmax of strided arrays over that of contiguous ones, for docs/performance.md: python benchmarks/strided.py [seconds per row]

All layouts of one shape are timed in turns, and the least time of each is kept: x and `out` of that layout / x only, the result
allocated. Under it stands the largest error of any of them, in ulp.
"""
import sys
from pathlib import Path

import numpy as np

import softmax_fast
from softmax_fast.__main__ import interleaved

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from oracle import worst  # noqa: E402

SHAPES = [(64, 10), (64, 100), (10, 1000), (1000, 16), (256, 256)]
LAYOUTS = {
    "C": lambda m, n, dtype: np.zeros((m, n), dtype),
    "x[:, ::2]": lambda m, n, dtype: np.zeros((m, 2 * n), dtype)[:, ::2],
    "x[:, ::-1]": lambda m, n, dtype: np.zeros((m, n), dtype)[:, ::-1],
    "x[::2, ::2]": lambda m, n, dtype: np.zeros((2 * m, 2 * n), dtype)[::2, ::2],
    "x[:, ::3]": lambda m, n, dtype: np.zeros((m, 3 * n), dtype)[:, ::3],
    "x[:, ::5]": lambda m, n, dtype: np.zeros((m, 5 * n), dtype)[:, ::5],
    "Fortran": lambda m, n, dtype: np.zeros((m, n), dtype, order="F"),
    "x[::-1]": lambda m, n, dtype: np.zeros((m, n), dtype)[::-1],
    "wider[:, :n]": lambda m, n, dtype: np.zeros((m, n + 7), dtype)[:, :n],
}


def row(shape, dtype, seconds):
    """The ratios of each layout, and the largest error."""
    values = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    calls, results = {}, []
    for name, layout in LAYOUTS.items():
        x, out = layout(*shape, dtype), layout(*shape, dtype)
        x[...] = values
        calls[name, "out"] = lambda x=x, out=out: softmax_fast.softmax(x, -1, out=out)
        calls[name, "new"] = lambda x=x: softmax_fast.softmax(x, -1)
        results += [calls[name, "out"](), calls[name, "new"]()]
    rounds = [interleaved(calls, seconds / 20) for _ in range(20)]  # short turns: of these many calls some are undisturbed
    t = {call: min(r[call] for r in rounds) for call in calls}
    ratios = {name: [t[name, form] / t["C", form] for form in ("out", "new")] for name in LAYOUTS if name != "C"}
    return ratios, max(worst(v, "softmax", y) for result in results for v, y in zip(values, result, strict=True))


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
    names = [name for name in LAYOUTS if name != "C"]
    print(f"| dtype, shape | {' | '.join(f'`{n}`' if '[' in n else n for n in names)} | ulp |")
    print("|" + "---|" * (len(names) + 2))
    for dtype in ("float32", "float64", "float16"):
        for shape in SHAPES:
            ratios, error = row(shape, dtype, seconds)
            cells = [f"{ratios[n][0]:.1f} / {ratios[n][1]:.1f}" for n in names]
            print(f"| {dtype} {shape} | {' | '.join(cells)} | {error:.2f} |", flush=True)


if __name__ == "__main__":
    main()
