"""Write the golden vectors: python csrc/tools/vectors.py src/softmax_fast/vectors.txt  (needs mpmath and softmax_fast).

The results are those of plain C. Each is compared with the exact one in arithmetic of 80 digits: where that, correctly
rounded, is the same, the reference decides it, else plain C, and the error must be within the bound. Both are counted.
"""
import sys
from collections import Counter
from pathlib import Path

import mpmath as mp
import numpy as np

import softmax_fast
from softmax_fast import _vectors

LONGEST_LISTED = 32  # of longer rows, the hash
mp.mp.dps = 80


# ---------------------------------------------------------------------------------------------------------
# The exact results

def nearest(value, dtype):
    """The number of `dtype` nearest to an exact value (half to even), as its bits, sign of zero apart."""
    info = np.finfo(dtype)
    unit = mp.mpf(2) ** (max(mp.frexp(value)[1], info.minexp + 1) - info.nmant - 1)
    quotient = abs(value) / unit
    below = mp.floor(quotient)
    up = quotient - below - mp.mpf(1) / 2
    assert up == 0 or abs(up) > mp.mpf(10) ** -30, "too close to a tie for so few digits"
    whole = below + (up > 0 or up == 0 and below % 2 == 1)
    with np.errstate(over="ignore"):
        return dtype.type(float(whole * unit)) * (-1 if value < 0 else 1)


def exact(x):
    """{op: results} of a row: mpmath numbers, or floats where softmax_fast.h lists the row as special."""
    n = len(x)
    nan, inf = np.nan, np.inf
    if np.isnan(x).any():
        return {"softmax": [nan] * n, "log_softmax": [nan] * n, "logsumexp": [nan]}
    if (x == inf).any():
        return {"softmax": [nan] * n, "log_softmax": [nan if v == inf else -inf for v in x], "logsumexp": [inf]}
    if (x == -inf).all():
        return {"softmax": [nan] * n, "log_softmax": [nan] * n, "logsumexp": [-inf]}
    top = int(np.argmax(x))
    largest = mp.mpf(float(x[top]))
    kept = [v != -inf for v in x]
    d = [mp.mpf(float(v)) - largest if k else None for v, k in zip(x, kept, strict=True)]
    e = [mp.exp(v) if k else mp.mpf(0) for v, k in zip(d, kept, strict=True)]
    others = mp.fsum(e[:top] + e[top + 1:])
    log = mp.log1p(others)
    return {"softmax": [v / (1 + others) for v in e],
            "log_softmax": [v - log if k else -inf for v, k in zip(d, kept, strict=True)],
            "logsumexp": [largest + log]}


def judged(x, op, got, want):
    """Whether each result is the correctly rounded exact one; asserts that the others are within the bound."""
    dtype, info = x.dtype, np.finfo(x.dtype)
    bound = softmax_fast.BOUNDS[op, dtype.name]
    right = []
    for g, w in zip(got, want, strict=True):
        if not isinstance(w, mp.mpf):
            assert g == w or g != g and w != w, (op, g, w)
            right.append(True)
            continue
        right.append(bool(g == nearest(w, dtype)))
        if right[-1]:
            continue
        size = max(abs(w), abs(mp.mpf(float(x.max())))) if op == "logsumexp" else abs(w)
        unit = mp.mpf(2) ** (max(mp.frexp(size)[1], info.minexp + 1) - info.nmant - 1)
        assert abs(mp.mpf(float(g)) - w) <= bound * unit, (op, dtype, float(g), w)
    return right


# ---------------------------------------------------------------------------------------------------------
# The rows: what one machine may get wrong and another right

def drawn_classes(dtype):
    """{class: (t, m, a, k)} of draws that are exact in `dtype`."""
    single = dtype == np.float32
    s = 17 if single else 46
    normal = 21 if single else 50
    far = 10 if single else 39
    tie = 21 if single else 51
    wide, w = (1000, 13) if single else (8000, 39)  # both sides of the shift
    limit, edge = (512, 15) if single else (4096, 41)
    least = np.finfo(dtype).minexp - np.finfo(dtype).nmant
    return {
        "N(0, 1)": (12, 1 << normal, -6 << normal, -normal),
        "N(0, 10)": (12, 1 << normal, -6 << normal, 3 - normal),
        "+-40": (1, 80 << s, -40 << s, -s),
        "-100..0": (1, 100 << s, -100 << s, -s),
        "wide": (1, 2 * wide << w, -wide << w, -w),
        "10000 + N(0, 1)": (12, 1 << far, (10000 - 6) << far, -far),
        "-10000 + N(0, 1)": (12, 1 << far, (-10000 - 6) << far, -far),
        "up to the shift": (1, 6 << edge, limit - 6 << edge, -edge),
        "near ties": (1, 1 << 12, 3 << tie, -tie),
        "all equal": (1, 1, 7, -2),
        "denormal": (1, 1 << 20, -1 << 19, least),
        "one dominant": (1, 57 << s, -60 << s, -s),
        "denormal results": (1, (16 if single else 37) << s - 4, (-104 if single else -746) << s - 4, 4 - s),
    }


# Rows of 48 from -15 to 15 whose float32 results show another order of additions, which is rare, the total being a
# float64: of 240 million seeds some of those that show lanes paired otherwise, a tree of the pairs, or no pairs.
ORDER = (1, 30 << 17, -15 << 17, -17)
ORDER_SEEDS = (31824957, 38256520, 164569975, 177349840, 200567957, 208027968)
DOMINATED = ("one dominant", "denormal results")


def put(dtype, values):
    return [(i, _vectors.bits(dtype.type(v))[0]) for i, v in values]


def drawn(dtype):
    """(class, n, draw, puts): N(0, 1) at every length, the others at some, longer ones at all vector boundaries."""
    inf, nan = np.inf, np.nan
    seed = 0
    for label, (t, m, a, k) in drawn_classes(dtype).items():
        lengths = [2, 3, 5, 9, 16, 17, 33, 129, 1000]
        if label == "N(0, 1)":
            lengths = [*range(1, 41), 47, 48, 63, 64, 65, 79, 80, 81, 95, 96, 97, 127, 128, 129, 255, 256, 257, 500,
                       777, 1000, 1023, 1024, 1025, 100000]
        if label in ("+-40", "10000 + N(0, 1)"):
            lengths += [63, 64, 65, 128, 191, 257]
        for n in lengths:
            seed += 1
            yield label, n, (t, m, a, k, seed), put(dtype, [(n // 2, 0)] if label in DOMINATED else [])
    for seed_found in ORDER_SEEDS if dtype == np.float32 else ():
        yield "order of additions", 48, (*ORDER, seed_found), []
    t, m, a, k = drawn_classes(dtype)["N(0, 1)"]
    for n, values in ((130, [(129, nan)]), (130, [(0, nan)]), (130, [(70, inf)]), (130, [(i, -inf) for i in range(64)]),
                      (257, [(256, -inf), (3, inf)]), (200, [(150, 3e38)]), (67, [(66, -inf)]),
                      (131, [(90, 512), (7, 512)]), (99, [(50, 4096.5), (51, -4097)])):
        seed += 1
        yield "special", n, (t, m, a, k, seed), put(dtype, values)


def listed(dtype):
    """(class, bits): short rows by their bits."""
    inf, nan = np.inf, np.nan
    info = np.finfo(dtype)
    big, tiny, least = float(info.max), float(info.tiny), float(info.smallest_subnormal)
    limit = 512.0 if dtype == np.float32 else 4096.0
    over = float(np.nextafter(dtype.type(limit), dtype.type(inf)))
    values = {
        "magnitudes": [
            [1e-38, -1e-38, 0, 3e4, -3e4, 1], [3e38, -3e38, 1e38, 1], [3e38, 3e38], [-3e38, -3e38, -2.9e38],
            [big, -big, big, 0], [-big, -big], [big, tiny, least], [least, -least, 0.0, -0.0], [tiny, 2 * tiny],
            [1e-38, 1e-30, 1e-20, 1e-10, 1e-5, 1e-2, 1, 30], [-1e-3, -1e-6, -1e-9, -1e-12, -1e-15], [0.0], [-0.0],
            [big], [least], [-1e4, -1e4 + 50, -1e4 - 700, -1e4 - 800], [0, -103, -103.5, -104, -88, -87],
            [1e4, 1e4 - 131, 1e4 - 134], [0, -708, -720, -740, -745, -746, -750], [0, -20], [0, -40, -41],
            [0, -700, -701, -702, -703], [-2.302585, -0.10536052],
        ],
        "near the shift": [
            [limit, limit - 1, -limit], [over, limit, 0], [-limit, -limit - 1, -limit - 90], [-over, -limit - 2, -over],
            [limit, over], [limit - 132, limit, limit - 131.5], [over, over - 132, over - 133, over / 2],
        ],
        "special": [
            [], [inf], [-inf], [nan], [-inf, -inf, -inf], [inf, inf], [inf, -inf, 0], [-inf, 0, -inf], [0, nan, 1],
            [nan, inf], [inf, nan, -inf], [-inf, nan], [-inf] * 16 + [1], [1] + [-inf] * 16, [inf] + [0] * 17,
            [-inf] * 33,
        ],
    }
    for label, some in values.items():
        for row in some:
            with np.errstate(over="ignore"):
                yield label, [_vectors.bits(dtype.type(v))[0] for v in row]
    size = 8 * dtype.itemsize
    exponent = info.maxexp * 2 - 1 << info.nmant  # all ones: with other bits, a NaN and its payload
    for row in ([exponent | 1], [exponent | 0x1234 | 1 << size - 1, 0, 0], [0] * 20 + [exponent | 5],
                [1, exponent | 1 << 20]):
        yield "special", row
    random = np.random.Generator(np.random.PCG64(1))
    half = info.maxexp - 1
    for n in (4, 9, 16, 21):  # any sign and mantissa, exponents between 2^-20 and 2^7
        yield "magnitudes", [int(random.integers(2)) << size - 1
                             | int(random.integers(half - 20, half + 8)) << info.nmant
                             | int(random.integers(1 << info.nmant)) for _ in range(n)]


# ---------------------------------------------------------------------------------------------------------

def main(target):
    softmax_fast.use_isa("scalar")
    counts = Counter()
    lines = ["# vectors.txt: rows of logits and the bits of their results, written by csrc/tools/vectors.py;",
             "# _vectors.py reads it and describes the format."]
    count = 0

    def results(x):
        for op, want in exact(x).items():
            got = np.atleast_1d(getattr(softmax_fast, op)(x, -1))
            right = judged(x, op, got, want)
            counts[op, x.dtype.name, "exact"] += sum(right)
            counts[op, x.dtype.name, "plain C"] += len(right) - sum(right)
            digits = 2 * x.itemsize
            if len(right) > LONGEST_LISTED:
                yield f"{op} hash {_vectors.hash(_vectors.bits(got)):016x} {sum(right)}"
            else:
                texts = ["nan" if g != g else f"{b:0{digits}x}" for g, b in zip(got, _vectors.bits(got), strict=True)]
                yield " ".join([op, *(text + ("" if r else "~") for text, r in zip(texts, right, strict=True))])

    for name, dtype in _vectors.DTYPES.items():
        last = None
        for label, row in listed(dtype):
            if label != last:
                lines.append(f"# {label}")
                last = label
            x = np.array(row, dtype=f"u{dtype.itemsize}").view(dtype)
            lines.append(" ".join([name, str(len(row)), "bits", *(f"{b:0{2 * dtype.itemsize}x}" for b in row)]))
            lines += results(x)
            count += 1
        for label, n, numbers, puts in drawn(dtype):
            if label != last:
                lines.append(f"# {label}")
                last = label
            x = _vectors.draw(dtype, n, *numbers)
            assert (np.ldexp(x.astype(float), -numbers[3]) % 1 == 0).all() and np.isfinite(x).all()
            lines.append(f"{name} {n} draw {' '.join(map(str, numbers))}")
            for i, b in puts:
                lines[-1] += f" put {i} {b:0{2 * dtype.itemsize}x}"
                x.view(f"u{dtype.itemsize}")[i] = b
            lines += results(x)
            count += 1
    lines.append(f"end {count}")
    text = "\n".join(lines) + "\n"
    Path(target).write_text(text, encoding="ascii", newline="\n")
    print(f"{count} rows, {len(text)} bytes")
    for op in _vectors.OPS:
        for dtype in _vectors.DTYPES.values():
            n = [counts[op, dtype.name, by] for by in ("exact", "plain C")]
            print(f"{op:12} {dtype.name}  {n[0]:6} exact  {n[1]:6} plain C")


if __name__ == "__main__":
    main(sys.argv[1])
