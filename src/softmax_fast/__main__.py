"""python -m softmax_fast: what was detected, an accuracy check, a speed table against NumPy; --check: bits."""
import argparse
import json
import platform
import sys
import time

import numpy as np

import softmax_fast
from softmax_fast import _check, _reference, _vectors

SPEED = [  # op, dtype, shape
    ("softmax", "float32", (10,)),
    ("softmax", "float32", (100000, 3)),
    ("softmax", "float32", (1024, 10)),
    ("softmax", "float32", (1024, 1000)),
    ("softmax", "float32", (64, 150000)),
    ("softmax", "float32", (1, 4000000)),
    ("softmax", "float64", (10,)),
    ("softmax", "float64", (1024, 1000)),
    ("softmax", "float64", (1, 4000000)),
    ("log_softmax", "float32", (1024, 10)),
    ("log_softmax", "float32", (1024, 1000)),
    ("logsumexp", "float32", (1024, 10)),
    ("logsumexp", "float32", (1024, 1000)),
]


def cpu_name():
    try:
        with open("/proc/cpuinfo") as lines:
            for line in lines:
                if line.lower().startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def detected():
    return {
        "version": softmax_fast._core.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        "cpu": cpu_name(),
        "isa": softmax_fast.isa(),
        "isas": softmax_fast.isas(),
    }


def check_accuracy():
    """One row per operation and dtype; the bits of every instruction set are those of plain C."""
    chosen = softmax_fast.isa()
    functions = {op: getattr(softmax_fast, op) for op in _check.OPS}
    for dtype in ("float32", "float64", "float16"):
        for op, (error, label) in _check.accuracy(functions, dtype).items():
            bound = softmax_fast.BOUNDS.get((op, dtype), _check.HALF_BOUND)
            yield {"op": op, "dtype": dtype, "max_ulp": round(error, 3), "bound": bound, "seen_on": label,
                   "ok": error <= bound}
    rng = np.random.default_rng(1)
    for dtype in ("float32", "float64"):
        for op, function in functions.items():
            same = True
            for _, x in _check.rows(rng, dtype):
                bits = []
                for name in softmax_fast.isas():
                    softmax_fast.use_isa(name)
                    bits.append(np.asarray(function(x)).tobytes())
                softmax_fast.use_isa(chosen)
                same = same and len(set(bits)) == 1
            yield {"op": op, "dtype": dtype, "same_bits": softmax_fast.isas(), "ok": same}


def interleaved(functions, seconds):
    """The least time of one call of each, all taken in turns: {name: seconds}."""
    best = {}
    for name, call in functions.items():
        call()  # the first may have something to prepare
        start = time.perf_counter()
        call()
        best[name] = max(time.perf_counter() - start, 1e-7)
    calls = {name: max(1, int(seconds / 50 / t)) for name, t in best.items()}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, call in functions.items():
            start = time.perf_counter()
            for _ in range(calls[name]):
                call()
            best[name] = min(best[name], (time.perf_counter() - start) / calls[name])
    return best


def measure(op, dtype, shape, seconds=0.5):
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    ours, numpy = getattr(softmax_fast, op), getattr(_reference, op)
    t = interleaved({"ours": lambda: ours(x, -1), "numpy": lambda: numpy(x), "copy": lambda: x.copy()}, seconds)
    return {"op": op, "dtype": dtype, "shape": list(shape), "us": t["ours"] * 1e6, "numpy_us": t["numpy"] * 1e6,
            "copy_us": t["copy"] * 1e6, "times_as_fast": t["numpy"] / t["ours"]}


def main(argv=None):
    parser = argparse.ArgumentParser(
        prog="python -m softmax_fast",
        description="Show what softmax_fast found on this machine, check its accuracy against exact results, and "
                    "compare its speed with NumPy's. Exit status 1 if an error bound is broken, or a bit with --check.")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--check", action="store_true",
                        help="instead compare the bits of the golden vectors on every instruction set (a second)")
    parser.add_argument("--no-speed", action="store_true", help="leave out the speed table")
    args = parser.parse_args(argv)

    def show(text=""):
        print(text, file=sys.stderr if args.json else sys.stdout, flush=True)

    found = detected()
    show(f"softmax_fast {found['version']}, Python {found['python']}, NumPy {found['numpy']}, {found['machine']}")
    show(f"CPU: {found['cpu']}")
    show(f"instruction set: {found['isa']} (available: {', '.join(found['isas'])})")

    if args.check:
        show("\nBits of the golden vectors")
        checked = []
        for row in _vectors.check():
            checked.append(row)
            show(f"{row['op']:12} {row['dtype']:8} {row['isa']:8} {row['rows']:4} rows  "
                 f"{'ok' if row['ok'] else 'DIFFER'}")
        ok = all(row["ok"] for row in checked)
        if args.json:
            print(json.dumps({"detected": found, "vectors": checked, "ok": ok}, indent=1))
        show()
        for row in checked:
            if not row["ok"]:
                show(f"{row['isa']}: {row['differs']}")
        show("every bit is right" if ok else "BITS DIFFER: please report this, with the lines above")
        return 0 if ok else 1

    show("\nLargest error against exact results, in units in the last place (ulp)")
    show(f"{'':12} {'dtype':8} {'seen':>8} {'bound':>6}")
    accuracy = []
    for row in check_accuracy():
        accuracy.append(row)
        if "bound" in row:
            text = f"{row['op']:12} {row['dtype']:8} {row['max_ulp']:8.3f} {row['bound']:6.2f}"
        else:
            text = f"{row['op']:12} {row['dtype']:8} same bits on {', '.join(row['same_bits'])}"
        show(f"{text}  {'ok' if row['ok'] else 'BROKEN'}")

    speed = []
    if not args.no_speed:
        show("\nSpeed, one thread, least time of interleaved rounds, results newly allocated")
        show(f"{'':12} {'dtype':8} {'shape':>14} {'NumPy us':>11} {'ours us':>10} {'times as fast':>14} "
             f"{'in copies':>10}")
        for op, dtype, shape in SPEED:
            row = measure(op, dtype, shape)
            speed.append(row)
            show(f"{op:12} {dtype:8} {' x '.join(map(str, shape)):>14} {row['numpy_us']:11.2f} {row['us']:10.2f} "
                 f"{row['times_as_fast']:14.1f} {row['us'] / row['copy_us']:10.1f}")

    ok = all(row["ok"] for row in accuracy)
    if args.json:
        print(json.dumps({"detected": found, "accuracy": accuracy, "speed": speed, "ok": ok}, indent=1))
    show("\n" + ("every bound holds" if ok else "A BOUND IS BROKEN: please report this, with the lines above"))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
