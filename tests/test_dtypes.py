"""The table of dtypes: what each input gives, in which precision, and what is refused."""
import ml_dtypes
import mpmath
import numpy as np
import pytest
import scipy.sparse
import scipy.special
from conftest import bits
from oracle import WIDE, exact_wide, worst_mpmath
from test_accuracy import CLASSES

import softmax_fast as sf

bfloat16 = np.dtype(ml_dtypes.bfloat16)
INTEGERS = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble", "complex64", "complex128",
                                   "clongdouble"])
def test_dtype_is_kept(op, dtype, rng):
    x = rng.standard_normal((3, 5)).astype(dtype)
    for axis in (None, 0, 1, (0, 1)):
        assert op(x, axis).dtype == np.dtype(dtype)
        assert op(x[::-1, ::-1], axis).dtype == np.dtype(dtype)
        assert op(x.astype(x.dtype.newbyteorder()), axis).dtype == np.dtype(dtype)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_give_float64(op, dtype):
    """SciPy: uint8 [1, 2, 3] gives [nan, nan, 0], int8 wraps, bool raises."""
    x = np.array([[0, 1, 1], [1, 0, 1]] if dtype == "bool" else [[1, 2, 3], [100, 1, 120]], dtype)
    for axis in (None, 0, 1):
        got = op(x, axis)
        assert got.dtype == np.float64
        np.testing.assert_array_equal(got, op(x.astype(np.float64), axis))


def test_extreme_integers(op):
    x = np.array([-128, 127], np.int8)
    np.testing.assert_array_equal(op(x), op([-128.0, 127.0]))
    x = np.array([0, 2 ** 64 - 1], np.uint64)
    np.testing.assert_array_equal(op(x), op([0, 2.0 ** 64]))


@pytest.mark.parametrize("half", [np.float16, ml_dtypes.bfloat16])
def test_half_precision(op, half, rng):
    """Computed in float32, rounded once; every layout gives that."""
    x = rng.standard_normal((6, 40)).astype(half)
    for axis in (None, 0, 1, (0, 1)):
        want = op(x.astype(np.float32), axis).astype(half)
        for view in (x, np.asfortranarray(x), x[::-1][::-1]):
            got = op(view, axis)
            assert got.dtype == half
            assert np.all(got == want)


@pytest.mark.parametrize("half", [np.float16, ml_dtypes.bfloat16])
def test_half_precision_sums(half):
    """Where the peers' sums overflow or stick: 70,000 float16 zeros, 1000 bfloat16 zeros."""
    for n in (1000, 70000):
        x = np.zeros(n, half)
        assert np.all(sf.softmax(x) == half(1 / n))
        assert sf.logsumexp(x) == half(np.log(n))


@pytest.mark.parametrize("half", [np.float16, ml_dtypes.bfloat16])
def test_half_precision_out(half, rng):
    x = rng.standard_normal((3, 7)).astype(half)
    for f in (sf.softmax, sf.log_softmax):
        out = np.empty_like(x)
        assert f(x, 1, out=out) is out
        assert np.all(out == f(x, 1))
        wide = np.empty(x.shape, np.float32)
        f(x, 1, out=wide)
        np.testing.assert_array_equal(wide, f(x.astype(np.float32), 1))
        want = f(x, 1)
        assert np.all(f(x, 1, out=x) == want)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_numpy_expression(op, dtype, rng):
    """No kernel: as SciPy, by NumPy."""
    x = (rng.standard_normal((3, 5)) + 1j * rng.standard_normal((3, 5))).astype(dtype)
    for axis in (None, 0, 1, (0, 1)):
        want = getattr(scipy.special, op.__name__)(x, axis=axis)
        np.testing.assert_allclose(op(x, axis), want, rtol=1e-4 if dtype == "complex64" else 1e-11)
    assert op(x, 1).dtype == x.dtype


# --------------------------------------------------------------------------------------------------------
# long double

LONG = np.longdouble
extended = pytest.mark.skipif(np.finfo(LONG).nmant not in (63, 112), reason="long double is float64, or two of them")


@extended
@pytest.mark.parametrize("label", CLASSES)
def test_longdouble_is_accurate(op, label, rng):
    for n in (1, 2, 3, 10, 100):
        x = CLASSES[label](rng, n) * (1 + LONG(2) ** -52 * rng.random(n))  # all bits
        assert worst_mpmath(x, op.__name__, op(x)) <= 3, x


@extended
@pytest.mark.parametrize("x", [
    [0, -20], [-30, 0, -41], [5, 5, -40], [1, 2, 3], [7], [0, -11000], [0, -11380, -11395, -11399, -11400, -11500],
    ["1e4900", "9e4899", 1], ["-1e4900", "-1e4900", "-2e4900"], ["1e-4930", "-1e-4900"]], ids=str)
def test_longdouble_rows(op, x):
    """log1p of the others where a probability is near 1, denormal results, the largest and the least logits."""
    x = np.array([LONG(v) for v in x])
    assert worst_mpmath(x, op.__name__, op(x)) <= 3


def test_longdouble_overflow():
    """As softmax_fast.h has it for the others."""
    big = np.finfo(LONG).max
    x = np.array([big, -big, 0])
    np.testing.assert_array_equal(sf.softmax(x), [1, 0, 0])
    np.testing.assert_array_equal(sf.log_softmax(x), [0, -np.inf, -big])
    assert sf.logsumexp(x) == big


@pytest.mark.parametrize("row", [
    [np.nan], [1, np.nan, np.inf], [1, np.inf, 2], [np.inf, np.inf, 2], [1, -np.inf, 2], [-np.inf] * 3, [np.inf, -np.inf],
    []], ids=str)
def test_special_rows_of_longdouble(op, row):
    """Those of float64."""
    x = np.array([row, row], LONG)
    for axis in (-1, (0, 1)):
        got, want = op(x, axis), op(x.astype(np.float64), axis)
        assert got.dtype == LONG
        np.testing.assert_allclose(got.astype(np.float64), want, rtol=1e-15)


def test_longdouble_layouts(op, rng):
    """Any axis, strides, alignment, byte order and memory order; in place; into another dtype."""
    x = rng.standard_normal((5, 6, 7)).astype(LONG)
    for axis in (0, 1, 2, (0, 2), None):
        axes = tuple(range(3)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        rows = np.moveaxis(x, axes, range(3 - len(axes), 3)).reshape(*(x.shape[k] for k in range(3) if k not in axes), -1)
        want = np.apply_along_axis(op, -1, rows)
        moved = op(x, axis) if op is sf.logsumexp else np.moveaxis(op(x, axis), axes, range(3 - len(axes), 3))
        np.testing.assert_array_equal(np.reshape(moved, want.shape), want)
        shifted = np.ndarray(x.shape, LONG, np.empty(x.nbytes + 3, np.uint8).data, 3)
        shifted[...] = x
        for view in (np.asfortranarray(x), np.repeat(x, 2, 1)[:, ::2], x[::-1].copy()[::-1], shifted,
                     x.astype(x.dtype.newbyteorder())):
            np.testing.assert_array_equal(op(view, axis), op(x, axis))
        for out in (x.copy(), np.empty(x.shape, np.float32)):
            if op is not sf.logsumexp:
                assert op(out if out.dtype == LONG else x, axis, out=out) is out
                np.testing.assert_array_equal(out, op(x, axis).astype(out.dtype))


REFUSED = [
    np.array([1, "a"], dtype=object), np.array([1.0, 2.0], dtype=object), np.array(["1", "2"]), np.array([b"1"]),
    np.array(["2020-01-01"], "M8[D]"), np.array([1], "m8[s]"), np.zeros(3, [("a", "f8")]), np.zeros(2, "V4"),
    scipy.sparse.csr_array(np.eye(3)), ["1", "2"], "1", None, [None, 1.0], {1, 2}, object(),
    np.ones(2, ml_dtypes.float8_e5m2), np.ones(2, ml_dtypes.float8_e4m3fn), np.ones(2, ml_dtypes.int4),
]


@pytest.mark.parametrize("x", REFUSED, ids=lambda x: type(x).__name__)
def test_refused(op, x):
    with pytest.raises(TypeError, match=f"{op.__name__} (is not defined for dtype|does not take sparse)"):
        op(x)


def test_masked_arrays_are_refused(op):
    """SciPy silently ignores the mask."""
    x = np.ma.masked_array([1.0, 2.0], [True, False])
    with pytest.raises(TypeError, match=f"{op.__name__} does not take masked arrays"):
        op(x)
    with pytest.raises(TypeError, match="does not take masked arrays"):
        sf.logsumexp([1.0, 2.0], b=x)


# --------------------------------------------------------------------------------------------------------
# dtype=

FLOATS = ["float16", bfloat16, "float32", "float64", "longdouble"]


def arithmetic(*dtypes):
    """The dtype of the arithmetic for that of x and the one asked for."""
    return np.result_type(*(np.float64 if d.kind in "biu" else np.float32 if d.itemsize == 2 else d
                            for d in map(np.dtype, dtypes)))


def significand(dtype):
    return ml_dtypes.finfo(dtype).nmant + 1


def spacing(values, dtype):
    """Exponent of the distance of two numbers of that dtype."""
    info = ml_dtypes.finfo(dtype)
    return np.maximum(np.frexp(values)[1] - 1, int(info.minexp)) - info.nmant


def rounded(values, dtype):
    """Rounded to nearest, ties to even, by integers: once."""
    e = spacing(values, dtype)
    return np.ldexp(np.rint(np.ldexp(values, -e)), e)


def equal(got, want, dtype):
    """Of that dtype, native, and the values of `want` rounded once."""
    assert got.dtype == dtype and got.dtype.isnative
    np.testing.assert_array_equal(got.astype(want.dtype), rounded(want, dtype))


@pytest.mark.parametrize("asked", FLOATS, ids=str)
@pytest.mark.parametrize("given", ["int16", "uint64", *FLOATS], ids=str)
def test_dtype(op, given, asked, rng):
    """Computed in the wider of the two, rounded once, along any axis, from any layout."""
    x = np.abs(3 * rng.standard_normal((6, 40)) + 5).astype(given)
    wide = arithmetic(given, asked)
    before = bits(x)
    for axis in (None, 0, 1, -1, (0, 1)):
        for view in (x, np.asfortranarray(x), np.repeat(x, 2, axis=1)[:, ::2], x.astype(x.dtype.newbyteorder())):
            equal(op(view, axis, dtype=asked), op(view.astype(wide), axis), asked)
    assert bits(x) == before


@pytest.mark.skipif(not WIDE, reason="long double is float64")
@pytest.mark.parametrize("asked", ["float16", bfloat16, "float32", "float64"], ids=str)
@pytest.mark.parametrize("given", ["int16", *FLOATS], ids=str)
def test_dtype_is_accurate(op, given, asked, rng):
    """Half an ulp where the arithmetic is wider than the result, else the documented 3 ulp."""
    limit = 0.51 if significand(arithmetic(given, asked)) > significand(asked) else 3
    for n in (1, 2, 10, 100):
        x = (3 * rng.standard_normal(n) + 5).astype(given)
        want = exact_wide(x, op.__name__)
        scale = np.abs(want)
        if op is sf.logsumexp:
            scale = np.maximum(scale, np.longdouble(x.max()))
        error = np.abs(np.atleast_1d(op(x, dtype=asked)).astype(np.longdouble) - want)
        assert np.all(error <= limit * np.ldexp(np.longdouble(1), spacing(scale, asked)))


@pytest.mark.parametrize("asked,given,x", [
    (bfloat16, "float64", [1 + 2.0 ** -8 + 2.0 ** -30, -1 - 2.0 ** -8 - 2.0 ** -30, 1 + 3 * 2.0 ** -8 - 2.0 ** -30]),
    (bfloat16, "longdouble", [1 + 2.0 ** -8 + 2.0 ** -30, 1 + 3 * 2.0 ** -8 - 2.0 ** -30]),
    ("float16", "float64", [1 + 2.0 ** -11 + 2.0 ** -40, -1 - 2.0 ** -11 - 2.0 ** -40, 1 + 3 * 2.0 ** -11 - 2.0 ** -40]),
    ("float16", "longdouble", [1 + np.longdouble(2) ** -11 + np.longdouble(2) ** -60]),
    ("float32", "float64", [1 + 2.0 ** -24 + 2.0 ** -50, 1 + 3 * 2.0 ** -24 - 2.0 ** -50]),
], ids=str)
def test_dtype_never_rounds_twice(asked, given, x):
    """Just beside the middle of two results, where NumPy's cast by way of another dtype goes wrong."""
    x = np.array(x, given)
    equal(sf.logsumexp(x[:, None], 1, dtype=asked), x, asked)
    low = -1024 * np.abs(x)  # beside a logit of 0, the logarithm of its probability
    equal(sf.log_softmax(np.stack([0 * x, low], 1), 1, dtype=asked)[:, 1], low, asked)
    equal(sf.log_softmax(np.append([0], low[:1])[None], (0, 1), dtype=asked)[0, 1:], low[:1], asked)


def test_dtype_overflow_is_silent(op):
    """Where the result is beyond the dtype's largest number: infinity, underflow to 0, no warning, no exception."""
    x = np.array([1e300, -1e300])
    want = np.asarray(op(x))
    want = np.where(np.abs(want) > 1, np.copysign(np.inf, want), want)
    with np.errstate(under="ignore"):
        tiny = op(np.array([0, -700.0])).astype(np.float16)
    with np.errstate(all="raise"):
        for asked in ("float16", bfloat16, "float32"):
            for axis in (0, (0,), None):
                got = op(x, axis, dtype=asked)
                np.testing.assert_array_equal(got.astype(np.float64), want)
            out = np.empty(np.shape(want), asked)
            assert np.all(op(x, out=out) == got)
            assert np.all(op(x, out=out, dtype=np.float64) == got)
        assert np.all(op(np.array([0, -700.0]), dtype=np.float16) == tiny)
        assert np.all(sf.log_softmax(np.array([60000, -60000], np.float16)) == [0, -np.inf])


def test_special_values_of_dtype(op):
    rows = np.array([[1, np.nan, 2], [1, np.inf, 2], [np.inf, np.inf, 2], [1, -np.inf, 2], [-np.inf] * 3])
    for asked in FLOATS:
        got = op(rows, 1, dtype=asked)
        want = op(rows.astype(arithmetic("float64", asked)), 1).astype(asked)
        np.testing.assert_array_equal(got.astype(np.float64), want.astype(np.float64))


@pytest.mark.parametrize("asked", ["f4", "float32", ">f4", "<f4", np.float32, np.dtype("f4"), np.dtype("f4").newbyteorder()],
                         ids=repr)
def test_names_of_dtype(op, asked, rng):
    x = rng.standard_normal((3, 4))
    want = op(x, 1).astype(np.float32)
    got = op(x, 1, dtype=asked)
    assert got.dtype == np.float32 and got.dtype.isnative and bits(got) == bits(want)
    assert op(x, 1, dtype=float).dtype == np.float64
    assert op(x, 1, dtype=complex).dtype == np.complex128
    assert op(x, 1, dtype="bfloat16").dtype == op(x, 1, dtype=ml_dtypes.bfloat16).dtype == bfloat16


@pytest.mark.parametrize("dtype", [*FLOATS, "complex64"], ids=str)
def test_dtype_of_x_changes_nothing(op, dtype, rng):
    x = rng.standard_normal((3, 40)).astype(dtype)
    for axis in (None, 0, 1):
        for got in (op(x, axis, dtype=dtype), op(x, axis, dtype=None)):
            assert got.dtype == dtype and np.all(got == op(x, axis))


@pytest.mark.parametrize("x", [3, 2.5, True, np.float32(1), np.array(4.0), [1, 2], [[1.0], [2.0]], []], ids=repr)
def test_dtype_of_scalars_and_lists(op, x):
    got = op(x, dtype=np.float32)
    want = op(x)
    assert got.dtype == np.float32 and type(got) is (np.float32 if np.shape(want) == () else np.ndarray)
    np.testing.assert_array_equal(got, np.asarray(want, np.float32))


@pytest.mark.parametrize("given,asked,wide", [
    ("float32", "complex64", "complex64"), ("float16", "complex64", "complex64"), ("float64", "complex64", "complex128"),
    ("int32", "complex64", "complex128"), ("float32", "complex128", "complex128"), ("complex128", "complex64", "complex128"),
    ("complex64", "complex128", "complex128"), ("longdouble", "complex64", "clongdouble")])
def test_complex_dtype(op, given, asked, wide, rng):
    x = (2 * rng.standard_normal((3, 5))).astype(given)
    if x.dtype.kind == "c":
        x += 1j * rng.standard_normal((3, 5)).astype(given)
    for axis in (None, 0, 1, (0, 1)):
        got = op(x, axis, dtype=asked)
        assert got.dtype == asked
        assert bits(got) == bits(op(x.astype(wide), axis).astype(asked))
        if x.dtype.kind != "c":
            np.testing.assert_allclose(got, op(x.astype(np.float64), axis), rtol=1e-5)


@pytest.mark.parametrize("asked", FLOATS, ids=str)
@pytest.mark.parametrize("given", FLOATS, ids=str)
def test_dtype_with_factors(given, asked, rng):
    """logsumexp's b: computed in float64 or wider, whatever is asked for."""
    a, b = (rng.standard_normal((4, 9)).astype(dtype) for dtype in (given, "float32"))
    wide = arithmetic(given, asked, "float64")
    for factors in (b, b[0], 2, 0.5, True):
        value, sign = sf.logsumexp(a, 1, factors, return_sign=True, dtype=asked)
        want, want_sign = sf.logsumexp(a.astype(wide), 1, np.asarray(factors).astype(wide), return_sign=True)
        equal(value, want, asked)
        assert sign.dtype == asked
        np.testing.assert_array_equal(sign.astype(wide), want_sign)


def test_dtype_of_logsumexps_other_results(rng):
    x = rng.standard_normal((3, 5))
    value, sign = sf.logsumexp(x, 1, keepdims=True, return_sign=True, dtype="f4")
    assert value.dtype == sign.dtype == np.float32 and value.shape == sign.shape == (3, 1)
    value, sign = sf.logsumexp(x, 1, return_sign=True, dtype=bfloat16)
    assert value.dtype == sign.dtype == bfloat16
    empty = sf.logsumexp(np.empty((3, 0)), 1, dtype=np.float16)
    assert empty.dtype == np.float16 and np.all(empty == -np.inf)
    negative = sf.logsumexp([1.0, 2.0], b=[1, -1], dtype=np.complex64)  # of a real sum NaN, of a complex one not
    assert negative.dtype == np.complex64 and negative.imag == np.float32(np.pi)
    assert sf.logsumexp(np.ones(2, bfloat16), b=np.ones(2, np.float16), dtype=np.float32).dtype == np.float32


@pytest.mark.parametrize("given,asked,out", [
    ("float32", "float64", "float32"), ("float16", "float64", "float16"), ("float16", "float32", "float16"),
    (bfloat16, "float64", bfloat16), ("float64", "float32", "float32"), ("float64", "float32", "float64"),
    ("float32", "float16", "float32"), ("float64", "float16", bfloat16), ("float32", "longdouble", "float32"),
    ("int32", "float32", "float16"), ("float16", "float32", "longdouble"), ("float16", None, "float32")], ids=str)
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
def test_dtype_and_out(op, given, asked, out, axis, rng):
    """dtype= says what to compute in; the rounding is to the dtype of out."""
    x = (3 * rng.standard_normal((6, 40)) + 5).astype(given)
    want = np.asarray(op(x.astype(arithmetic(given, asked or given)), axis))
    if asked and not np.can_cast(asked, out, "same_kind"):
        with pytest.raises(TypeError, match="does not cast"):
            op(x, axis, out=np.empty(want.shape, out), dtype=asked)
        return
    target = np.empty(want.shape, out)
    assert op(x, axis, out=target, dtype=asked) is target
    narrower = significand(out) < significand(want.dtype)
    np.testing.assert_array_equal(target.astype(np.longdouble), rounded(want, out) if narrower else want)
    if op is not sf.logsumexp and x.dtype == out:
        assert op(x, axis, out=x, dtype=asked) is x
        assert bits(x) == bits(target)


@pytest.mark.parametrize("dtype,tie", [(np.float16, 0x1000), (ml_dtypes.bfloat16, 0x8000)])
def test_ties_round_to_even(dtype, tie, isa, rng):
    """Among a million results some lie just between two numbers of the dtype."""
    x = rng.standard_normal((1000, 1000)).astype(dtype)
    for axis in (-1, 0):
        exact = sf.softmax(x.astype(np.float32), axis)
        ties = exact.view(np.uint32) & (2 * tie - 1) == tie
        assert ties.sum() > 5
        assert bits(sf.softmax(x, axis)) == bits(exact.astype(dtype))
