"""Largest errors of this library and its peers on the same rows: python benchmarks/accuracy.py [--long]

Rows, classes and oracle are those of tests/test_accuracy.py, the peers those of peers.py; "-" where one has no such function.
The second table is that of docs/numerics.md.
"""
import sys

import numpy as np
import peers  # its folder of tests too
from test_accuracy import CLASSES, LENGTHS


def cell(error):
    return "-" if error is None else f"{error:.2f}" if error < 100 else f"{error:.3g}"


def main(lengths, libraries):
    libraries = {"softmax_fast": peers.ours, **libraries}
    overall = []
    print(f"| operation | dtype | class | {' | '.join(libraries)} |")
    print("|---|---|---|" + "---|" * len(libraries))
    for op in peers.OPS:
        for dtype in ("float32", "float64"):
            largest = dict.fromkeys(libraries)
            for label, draw in CLASSES.items():
                errors = dict.fromkeys(libraries)
                rng = np.random.default_rng(0)
                for n in lengths:
                    x = np.stack([draw(rng, n) for _ in range(1 if n > 1000 else 50)]).astype(dtype)
                    for name, prepare in libraries.items():
                        with np.errstate(all="ignore"):
                            call = peers.prepared(name, prepare, op, x, -1)
                            if call is not None:
                                found = peers.error(op, x, -1, peers.as_numpy(call(), x.dtype))
                                errors[name] = max(errors[name] or 0, found)
                for name, found in errors.items():
                    if found is not None:
                        largest[name] = max(largest[name] or 0, found)
                print(f"| {op} | {dtype} | {label} | {' | '.join(map(cell, errors.values()))} |", flush=True)
            overall.append(f"| {op} | {dtype} | {' | '.join(map(cell, largest.values()))} |")
    print(f"\n| operation | dtype | {' | '.join(libraries)} |")
    print("|---|---|" + "---|" * len(libraries))
    print("\n".join(overall))


if __name__ == "__main__":
    main([n for n in LENGTHS if n <= 1000 or "--long" in sys.argv], peers.installed())
