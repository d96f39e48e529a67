"""The table of dtypes: what each input gives, in which precision, and what is refused."""
import ml_dtypes
import numpy as np
import pytest
import scipy.sparse
import scipy.special

import softmax_fast as sf

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


@pytest.mark.parametrize("dtype", ["longdouble", "complex64", "complex128"])
def test_numpy_expression(op, dtype, rng):
    """No kernel: as SciPy, by NumPy."""
    x = rng.standard_normal((3, 5)).astype(dtype)
    if x.dtype.kind == "c":
        x += 1j * rng.standard_normal((3, 5)).astype(dtype)
    for axis in (None, 0, 1, (0, 1)):
        want = getattr(scipy.special, op.__name__)(x, axis=axis)
        np.testing.assert_allclose(op(x, axis), want, rtol=1e-4 if dtype == "complex64" else 1e-11)
    assert op(x, 1).dtype == x.dtype


REFUSED = [
    np.array([1, "a"], dtype=object), np.array([1.0, 2.0], dtype=object), np.array(["1", "2"]), np.array([b"1"]),
    np.array(["2020-01-01"], "M8[D]"), np.array([1], "m8[s]"), np.zeros(3, [("a", "f8")]), np.zeros(2, "V4"),
    scipy.sparse.csr_array(np.eye(3)), ["1", "2"], "1", None, [None, 1.0], {1, 2}, object(),
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
