"""Promise 3, accurate: the documented bounds hold for every class of input, row length and instruction set."""
import re
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from conftest import OPS
from oracle import WIDE, errors_mpmath, terms_wide, worst, worst_mpmath

import softmax_fast as sf

LENGTHS = (1, 2, 3, 10, 15, 16, 17, 64, 100, 1000, 10007, 100000)

CLASSES = {
    "N(0, 1)": lambda rng, n: rng.standard_normal(n),
    "N(0, 10)": lambda rng, n: 10 * rng.standard_normal(n),
    "uniform +-40": lambda rng, n: rng.uniform(-40, 40, n),
    "uniform -100..0": lambda rng, n: rng.uniform(-100, 0, n),
    "10000 + N(0, 1)": lambda rng, n: 10000 + rng.standard_normal(n),
    # the largest probability is near 1, as near as 1 - 1e-26, and log_softmax there near 0
    "one dominant": lambda rng, n: np.where(np.arange(n) == n // 2, 0, rng.uniform(-60, -1) - rng.random(n)),
    "near ties": lambda rng, n: 3 + 1e-4 * rng.standard_normal(n),
    "all equal": lambda rng, n: np.full(n, rng.standard_normal()),
    # both sides of the switch from no shift to a shift by the maximum, in float32 and float64
    "around the shift": lambda rng, n: rng.choice([512, -512, 4096, -4096]) + rng.standard_normal(n),
    # from 1e-38 to 3e38; of one sign, so that no difference overflows: that is in test_special_values.py
    "every magnitude": lambda rng, n: rng.choice([-1, 1]) * 3 * 10 ** rng.uniform(-38, rng.uniform(-38, 38), n),
    # results down to the denormal range and below
    "denormal results": lambda rng, n: -rng.uniform(0, 800, n),
}


def bound(op, dtype):
    return sf.BOUNDS[op, np.dtype(dtype).name]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("label", CLASSES)
def test_classes(op, dtype, label, isa, rng):
    lengths = [n for n in LENGTHS if isa != "scalar" or n <= 10007]  # every set has scalar's bits: test_isas.py
    for n in lengths:
        for _ in range(1 if n > 1000 else 20):
            x = CLASSES[label](rng, n).astype(dtype)
            assert worst(x, op.__name__, op(x)) <= min(bound(op.__name__, dtype), 3), (n, x[:20])


@pytest.mark.skipif(not WIDE, reason="long double is float64")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("label", ["N(0, 10)", "all equal"])
def test_ten_million(dtype, label, rng):
    """One row of ten million: the total of all, some of the elements."""
    x = CLASSES[label](rng, 10_000_000).astype(dtype)
    top = int(np.argmax(x))
    some = np.append(np.arange(0, x.size, 9973), top)
    others = sum(np.sum(terms_wide(part, np.longdouble(x[top]))[2]) for part in np.array_split(np.delete(x, top), 10))
    for op in OPS:
        got = getattr(sf, op)(x)
        assert worst(x[some], op, got if op == "logsumexp" else got[some], others) <= bound(op, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_magnitude(op, dtype, rng):
    info = np.finfo(dtype)
    for _ in range(300):
        scale = np.ldexp(1.0, int(rng.integers(info.minexp - 20, info.maxexp - 1)))
        with np.errstate(over="ignore"):
            x = (rng.uniform(-1, 1, 20) * scale).astype(dtype)
        if np.ptp(x.astype(np.longdouble)) > float(info.max):
            continue  # log_softmax overflows to -inf: test_special_values.py
        assert worst(x, op.__name__, op(x)) <= bound(op.__name__, dtype), x


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_rows_densely(op, dtype, rng):
    """Two and three logits: the worst case of the total, where two rounding errors meet."""
    for n in (2, 3):
        x = (rng.standard_normal((5000, n)) * rng.choice([0.5, 3, 12], (5000, 1))).astype(dtype)
        y = op(x, -1)
        for row, result in zip(x, y, strict=True):
            assert worst(row, op.__name__, result) <= bound(op.__name__, dtype), row


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_oracle_against_mpmath(op, dtype, rng):
    """The long-double oracle and mpmath agree on the errors to a hundredth of an ulp."""
    for label, draw in CLASSES.items():
        for n in (1, 3, 40):
            x = draw(rng, n).astype(dtype)
            y = op(x)
            assert worst(x, op.__name__, y) == pytest.approx(worst_mpmath(x, op.__name__, y), abs=0.01), (label, x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_probability_near_one(dtype):
    """log_softmax at the top is minus the rest, to full precision: peers give 0 or noise."""
    # about 15 (float32) and 29 (float64) is where the others are no longer what the largest leaves of the total
    for gap in (1, 5, *np.arange(14, 17, 0.1), 20, *np.arange(27, 31, 0.1), 40, 80):
        x = np.array([0, -gap, -gap - 1], dtype=dtype)
        y = sf.log_softmax(x)
        assert y[0] < 0
        assert worst_mpmath(x, "log_softmax", y) <= bound("log_softmax", dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_never_above_one(dtype, isa, rng):
    """scikit-learn's log_loss rejects a probability that exceeds 1 by an ulp."""
    for n in (1, 2, 3, 17, 300):
        x = (rng.standard_normal((500, n)) * rng.choice([1, 30, 500], (500, 1))).astype(dtype)
        assert sf.softmax(x, -1).max() <= 1
        assert sf.log_softmax(x, -1).max() <= 0


def test_denormals_are_kept():
    x = np.array([0, -100], dtype=np.float32)  # exp(-100) = 3.8e-44
    assert 0 < sf.softmax(x)[1] < np.finfo(np.float32).tiny
    x = np.array([0, -740.0])  # exp(-740) = 4.2e-322
    assert 0 < sf.softmax(x)[1] < np.finfo(np.float64).tiny


def test_bounds_have_one_source():
    """BOUNDS, the docstrings and the header say the same; the header is the source."""
    header = (Path(sf.get_include()) / "softmax_fast.h").read_text()
    found = {(op.lower(), {"F32": "float32", "F64": "float64"}[t]): float(value)
             for op, t, value in re.findall(r"#define SMF_BOUND_(\w+)_(F32|F64) ([\d.]+)", header)}
    assert found == sf.BOUNDS and len(found) == 6
    for (op, _), value in found.items():
        doc = " ".join(getattr(sf, op).__doc__.split())
        assert re.search(rf"Largest error[^.]*: {value:g} ulp", doc), op


def test_witnesses(op):
    """The largest errors that the header has seen are where it says, element and all."""
    header = (Path(sf.get_include()) / "softmax_fast.h").read_text()
    found = re.findall(rf"#define SMF_BOUND_{op.__name__.upper()}_(F32|F64) [\d.]+ "
                       r"/\* seen ([\d.]+): {(.*?)}\[(\d+)\] \*/", header)
    assert [t for t, *_ in found] == ["F32", "F64"]
    for t, seen, row, at in found:
        x = np.array([float.fromhex(v) for v in row.split(", ")])
        x = x.astype({"F32": "float32", "F64": "float64"}[t])
        assert [float(v) for v in x] == [float.fromhex(v) for v in row.split(", ")]
        errors = errors_mpmath(x, op.__name__, op(x))
        assert worst_mpmath(x, op.__name__, op(x)) == errors[int(at)] == pytest.approx(float(seen), abs=0.01)


HALVES = [np.float16, ml_dtypes.bfloat16]


@pytest.mark.parametrize("half", HALVES)
def test_half_precision_is_rounded_once(op, half, rng):
    """float16 and bfloat16: the nearest value to the exact result, but for near-ties."""
    wrong = total = 0
    for n in (2, 10, 100, 1000):
        for _ in range(20):
            x = (3 * rng.standard_normal(n)).astype(half)
            y = op(x)
            assert y.dtype == half
            exact = getattr(sf, op.__name__)(x.astype(np.float64))
            wrong += np.sum(np.atleast_1d(exact.astype(half) != y))
            total += np.size(y)
    assert wrong <= total / 1000


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("label", CLASSES)
def test_half_precision_is_float32_rounded(op, half, label, isa, rng):
    """By NumPy and ml_dtypes, which round to nearest even; denormal results and overflow too."""
    for n in (1, 3, 16, 100, 1001):
        with np.errstate(over="ignore", under="ignore"):
            x = CLASSES[label](rng, n).astype(half)
            want = np.asarray(op(x.astype(np.float32))).astype(half)
        np.testing.assert_array_equal(np.asarray(op(x), np.float32), want.astype(np.float32))


@pytest.mark.parametrize("half", HALVES)
def test_half_precision_of_one_logit(half, isa):
    """Every finite number there and back: the logsumexp of one is that one."""
    x = np.arange(2 ** 16, dtype=np.uint16).view(half)
    with np.errstate(invalid="ignore"):  # signaling NaNs
        x = x[np.isfinite(x)]
    np.testing.assert_array_equal(sf.logsumexp(x[:, None], -1), x)
    np.testing.assert_array_equal(sf.logsumexp(x[None], 0), x)
