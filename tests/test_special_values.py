"""The table of special values: NaN, infinities, huge differences; no warning for any of them."""
import itertools
import warnings

import numpy as np
import pytest
import scipy.special
from conftest import OPS

import softmax_fast as sf

nan, inf = np.nan, np.inf

# row, softmax, log_softmax, logsumexp
TABLE = [
    ([1, nan, 2], [nan] * 3, [nan] * 3, nan),
    ([nan, nan], [nan] * 2, [nan] * 2, nan),
    ([nan, inf, 0], [nan] * 3, [nan] * 3, nan),
    ([inf, nan, -inf], [nan] * 3, [nan] * 3, nan),
    ([-inf, nan], [nan] * 2, [nan] * 2, nan),
    ([1, inf, 2], [nan] * 3, [-inf, nan, -inf], inf),
    ([inf, inf, 2], [nan] * 3, [nan, nan, -inf], inf),
    ([inf], [nan], [nan], inf),
    ([1, -inf, 2], [1 / (1 + np.e), 0, np.e / (1 + np.e)],
     [-np.log(1 + np.e), -inf, 1 - np.log(1 + np.e)], 1 + np.log(1 + np.e)),
    ([-inf, -inf], [nan] * 2, [nan] * 2, -inf),
    ([-inf], [nan], [nan], -inf),
    ([inf, -inf], [nan] * 2, [nan, -inf], inf),
    ([5, -inf, -inf], [1, 0, 0], [0, -inf, -inf], 5),
    ([0, 0], [0.5, 0.5], [-np.log(2)] * 2, np.log(2)),
]


def embeddings(row):
    """The row alone, and with its values in the middle of longer rows: in full vectors and in the tail."""
    yield np.array(row, float), slice(None)
    for n, at in ((16, 3), (70, 0), (70, 20), (70, 66), (1000, 500)):
        filler = np.full(n, -inf)  # neutral for every row of the table
        filler[at:at + len(row)] = row
        yield filler, slice(at, at + len(row))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
@pytest.mark.parametrize("row", range(len(TABLE)))
def test_table(row, dtype, isa):
    values, *wanted = TABLE[row]
    rtol = 1e-2 if dtype == "float16" else 1e-6
    for x, where in embeddings(values):
        x = x.astype(dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for op, want in zip(OPS, wanted, strict=True):
                f = getattr(sf, op)
                # the direct path, the gufunc (two rows, axis 0), the tuple of axes
                results = [f(x), f(np.stack([x, x]), 1)[1], f(np.stack([x, x], 1), 0).T[1], f(x[None], (0, 1))]
                for got in results:
                    got = np.ravel(got)
                    if op != "logsumexp":
                        got = got[where]
                    np.testing.assert_allclose(got, np.ravel(want), rtol=rtol)


@pytest.mark.parametrize("row", range(len(TABLE)))
def test_table_is_scipys(row):
    values, *wanted = TABLE[row]
    with np.errstate(all="ignore"):
        for op, want in zip(OPS, wanted, strict=True):
            np.testing.assert_allclose(getattr(scipy.special, op)(np.array(values, float)), want)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_differences(dtype, isa):
    big = np.dtype(dtype).type(np.finfo(dtype).max / 1.5)
    x = np.array([big, -big, 0], dtype=dtype)
    np.testing.assert_array_equal(sf.softmax(x), [1, 0, 0])
    np.testing.assert_array_equal(sf.log_softmax(x), [0, -inf, -big])  # big - -big overflows, silently
    assert sf.logsumexp(x) == big


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_with_any_payload(dtype, isa, rng):
    """No payload, sign or signalling bit makes a NaN vanish, in any lane."""
    word, exponent, mantissa = (np.uint32, 0x7f800000, 23) if dtype == "float32" else (np.uint64, 0x7ff << 52, 52)
    payloads = [1, 2, 3, 1 << (mantissa - 1), (1 << (mantissa - 1)) + 1, (1 << mantissa) - 1, 0x1ff, 0x3fe,
                *map(int, rng.integers(1, 1 << mantissa, 50))]
    sign = 1 << (31 if dtype == "float32" else 63)
    for payload in payloads:
        for s in (0, sign):
            bits = np.array([exponent | payload | s], dtype=word).view(dtype)
            for n in (1, 5, 16, 40, 70):
                x = np.zeros(n, dtype=dtype)
                x[n // 2:n // 2 + 1] = bits
                for op in OPS:
                    assert np.isnan(getattr(sf, op)(x)).all(), (op, hex(payload), n)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_plain_exp_would_overflow(dtype, isa):
    """The sum, and each exp, beyond the dtype's range unless the maximum is taken out first."""
    top = 89.0 if dtype == "float32" else 710.0
    for n in (2, 17, 1000):
        np.testing.assert_allclose(sf.softmax(np.full(n, top, dtype)), 1 / n, rtol=1e-6)
        np.testing.assert_allclose(sf.logsumexp(np.full(n, top, dtype)), top + np.log(n), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_that_look_near_to_2(dtype, isa, rng):
    """Rows near to 0 are known by the exponent of 2 + (64 octaves or 512) + x 8/ln2 2^-22 (2^-51): -2, 0 and 2^-k times 2 have bits in
    common with it."""
    place, bits, octaves = (2.0 ** -22, 24, 64) if dtype == "float32" else (2.0 ** -51, 53, 512)
    per_unit = 8 / np.log(2) * place
    sums = np.array([-2.0, -2 - 500 * place, 2.0 ** -63, 2.0 ** -31, 0.0, 1.0, 1 + 300 * place])
    for s, n in itertools.product(sums, (3, 10, 20, 40, 130, 300)):  # each alone, as one that is known shows all rows that go with it
        low = ((s - 2 - 8 * octaves * place) / per_unit * (1 + np.arange(-300, 301) * 2.0 ** (1 - bits))).astype(dtype)  # of which exp is 0
        x = np.zeros((len(low), n), dtype)
        at = rng.integers(0, n, len(x))
        x[np.arange(len(x)), at] = low
        for a, axis in ((x, 1), (np.ascontiguousarray(x.T), 0)):
            y = np.moveaxis(sf.softmax(a, axis), axis, 1)
            np.testing.assert_array_equal(y[np.arange(len(x)), at], 0)
            np.testing.assert_allclose(y.sum(1), 1, rtol=1e-5)
            np.testing.assert_allclose(sf.logsumexp(a, axis), np.log(n - 1), rtol=1e-6)


def test_warnings_are_not_swallowed_for_others():
    """Our loops leave NumPy's error state as it was: its own warnings still come."""
    sf.softmax(np.array([[inf, 0.0], [nan, 1.0]]), 0)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        np.log(np.zeros(3))
    with np.errstate(all="raise"):
        sf.softmax(np.array([[inf, -1e308, 1e308]]).repeat(2, 0), 0)
        sf.log_softmax([1e308, -1e308])
        sf.softmax([0.0, -740.0])
        sf.softmax(np.array([0.0, -100.0], dtype=np.float32)[::-1])
