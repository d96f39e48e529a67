"""Promise 1, drop-in: shapes, axes, scalars, memory order and out= as SciPy's, with SciPy as the oracle."""
import inspect
import itertools
import pickle

import numpy as np
import pytest
import scipy.special
from conftest import bits

import softmax_fast as sf

SHAPES = [(1,), (5,), (3, 4), (1, 7), (7, 1), (2, 3, 4), (2, 1, 3, 2)]


def scipy_of(op):
    return getattr(scipy.special, op.__name__)


def close(got, want):
    """Same type, dtype and shape as SciPy's, and the same numbers within SciPy's own error."""
    assert type(got) is type(want)
    assert got.dtype == want.dtype and got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-5 if got.dtype == np.float32 else 1e-12, atol=1e-6)


def axes_of(ndim):
    single = range(-ndim, ndim)
    return [None, *single, *(t for k in range(2, ndim + 1) for t in itertools.permutations(range(ndim), k))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_axis(op, shape, dtype, rng):
    x = rng.standard_normal(shape).astype(dtype)
    for axis in axes_of(len(shape)):
        close(op(x, axis), scipy_of(op)(x, axis=axis))
        close(op(x, axis=axis), scipy_of(op)(x, axis=axis))
    close(op(x), scipy_of(op)(x))  # the default is the whole array


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_signature(name):
    """SciPy's parameters in SciPy's order with SciPy's defaults; ours are keyword-only after them."""
    ours = inspect.signature(getattr(sf, name)).parameters
    theirs = inspect.signature(getattr(scipy.special, name)).parameters
    assert list(ours)[:len(theirs)] == list(theirs)
    assert all(ours[p].default == theirs[p].default for p in theirs)
    assert all(p.kind is p.KEYWORD_ONLY for p in list(ours.values())[len(theirs):])
    assert getattr(sf, name).__module__ == "softmax_fast"
    assert pickle.loads(pickle.dumps(getattr(sf, name))) is getattr(sf, name)


@pytest.mark.parametrize("x", [3, 3.0, True, np.float32(2.5), np.float64(-1), np.array(4.0), np.array(1, "f4")])
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_scalars(op, x, axis):
    got = op(x, axis)
    kind = np.float32 if getattr(x, "dtype", None) == np.float32 else np.float64
    assert type(got) is kind
    assert got == {"softmax": 1, "log_softmax": 0, "logsumexp": x}[op.__name__]


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_no_axes(shape, rng):
    """axis=() takes each element alone."""
    x = rng.standard_normal(shape)
    for op, want in [(sf.softmax, np.ones(shape)), (sf.log_softmax, np.zeros(shape)), (sf.logsumexp, x)]:
        np.testing.assert_array_equal(op(x, ()), want)
        assert op(x, ()).shape == shape
        assert isinstance(op(x, ()), np.ndarray if shape else np.float64)


@pytest.mark.parametrize("shape,axis", [((0,), -1), ((0,), None), ((3, 0), 1), ((3, 0), -1), ((0, 4), 0),
                                        ((2, 0, 3), None), ((2, 0, 3), (0, 1)), ((0, 0), None)])
def test_axis_of_length_zero(shape, axis):
    """SciPy raises, or forgets axis=None of an n-d array: here the empty array, and -inf."""
    x = np.empty(shape)
    for op in (sf.softmax, sf.log_softmax):
        assert op(x, axis).shape == shape and op(x, axis).dtype == x.dtype
    left = np.sum(x, axis=axis).shape
    got = sf.logsumexp(x, axis)
    assert np.shape(got) == left and np.all(got == -np.inf)
    assert np.shape(sf.logsumexp(x, axis, keepdims=True)) == np.sum(x, axis=axis, keepdims=True).shape


def test_empty_batch(op):
    """No rows is not an axis of length 0: nothing to do, and no error."""
    x = np.empty((0, 4), dtype=np.float32)
    assert op(x, 1).shape == ((0,) if op is sf.logsumexp else (0, 4))
    assert op(x, 1).dtype == np.float32


# --------------------------------------------------------------------------------------------------------
# Memory order, strides

def layouts(x):
    """The same values, laid out in every way NumPy knows. (name, array)"""
    yield "C", x
    yield "Fortran", np.asfortranarray(x)
    yield "transposed view", np.ascontiguousarray(x.T).T
    yield "reversed", np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1]
    wide = np.full((2 * x.shape[0], 3 * x.shape[1]), np.nan, x.dtype)
    wide[::2, ::3] = x
    yield "strided", wide[::2, ::3]
    raw = np.empty(x.nbytes + 1, np.uint8)[1:].view()
    misaligned = np.ndarray(x.shape, x.dtype, raw.data)
    misaligned[...] = x
    assert not misaligned.flags.aligned
    yield "misaligned", misaligned
    yield "byte-swapped", x.astype(x.dtype.newbyteorder())
    frozen = x.copy()
    frozen.flags.writeable = False
    yield "read-only", frozen
    field = np.zeros(x.shape, np.dtype([("a", "u1"), ("v", x.dtype), ("b", "u2")]))
    field["v"] = x
    yield "packed field", field["v"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1)])
def test_layouts(op, dtype, axis, rng):
    x = rng.standard_normal((13, 37)).astype(dtype)
    want = op(x, axis)
    for name, view in layouts(x):
        before = bits(view)
        got = op(view, axis)
        assert bits(got) == bits(want), name
        assert got.dtype == np.dtype(dtype) and got.dtype.isnative, name
        assert bits(view) == before, name


@pytest.mark.parametrize("axis", [None, 0, 1, 2, (0, 2)])
@pytest.mark.parametrize("f", [sf.softmax, sf.log_softmax])
def test_memory_order_of_the_result(f, axis, rng):
    x = rng.standard_normal((4, 5, 6))
    assert f(x, axis).flags.c_contiguous
    assert f(np.asfortranarray(x), axis).flags.f_contiguous
    permuted = x.transpose(1, 2, 0)
    assert f(permuted, axis).strides == np.empty_like(permuted).strides
    broadcast = np.broadcast_to(x[0], (3, 5, 6))
    assert f(broadcast, axis).flags.c_contiguous and f(broadcast, axis).flags.owndata
    np.testing.assert_array_equal(f(broadcast, axis), f(broadcast.copy(), axis))


@pytest.mark.parametrize("shape", [(5, 7), (1, 7), (7, 1), (2, 3, 4), (3, 1, 4), (2, 3, 2, 5)])
def test_any_view(op, shape, rng):
    """Axes in any order, reversed, with gaps, repeated: the values of the copy, in the memory order of np.empty_like."""
    wide = rng.standard_normal([2 * k for k in shape]).astype(np.float32)
    for axes in itertools.permutations(range(len(shape))):
        for steps in itertools.product((1, 2, -1), repeat=len(shape)):
            x = wide[tuple(slice(None, None, step) for step in steps)].transpose(axes)
            for view in (x, np.broadcast_to(x[:1], x.shape)):
                axis = int(rng.integers(-x.ndim, x.ndim))
                got, want = op(view, axis), op(view.copy(), axis)
                assert bits(got) == bits(want)
                if op is sf.logsumexp:
                    assert got.flags.c_contiguous
                    assert bits(op(view, axis, keepdims=True)) == bits(want) and op(view, axis, keepdims=True).ndim == x.ndim
                else:
                    assert got.strides == np.empty_like(view, order="C" if 0 in view.strides else "K").strides


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_subclasses_become_arrays(op, tmp_path, rng):
    x = rng.standard_normal((3, 4))
    mapped = np.memmap(tmp_path / "x", x.dtype, "w+", shape=x.shape)
    mapped[...] = x
    for other in (mapped, np.asmatrix(x)):
        got = op(other, 1)
        assert type(got) is np.ndarray
        np.testing.assert_array_equal(got, op(x, 1))


def test_what_is_not_an_array(op, rng):
    x = rng.standard_normal((3, 4))

    class Duck:
        def __array__(self, dtype=None, copy=None):
            return x

    want = op(x, 1)
    for other in (x.tolist(), tuple(map(tuple, x)), memoryview(x), Duck()):
        np.testing.assert_array_equal(op(other, 1), want)


def test_array_ufunc_wins(op):
    """An object with its own __array_ufunc__ receives the kernel as a NumPy generalized ufunc."""
    class Deferring:
        ndim, shape = 1, (3,)

        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            return ufunc, method, inputs[0] is self, kwargs

    ufunc, method, same, kwargs = op(Deferring())
    assert (ufunc.__name__, method, same, kwargs) == (op.__name__, "__call__", True, {"axis": -1})
    assert ufunc.signature == ("(n)->()" if op is sf.logsumexp else "(n)->(n)")
    assert op(Deferring(), dtype=np.float32)[3] == {"axis": -1, "dtype": np.float32}


# --------------------------------------------------------------------------------------------------------
# out=

@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1), (1,)])
@pytest.mark.parametrize("f", [sf.softmax, sf.log_softmax])
def test_out(f, axis, rng):
    x = rng.standard_normal((6, 20))
    want = f(x, axis)
    for make in (np.empty_like, np.asfortranarray, lambda a: np.empty((12, 40))[::2, ::2], lambda a: np.empty((6, 20))[::-1]):
        out = make(x)
        out[...] = np.nan
        assert f(x, axis, out=out) is out
        assert bits(out) == bits(want)
    assert f(x, axis, out=(out,)) is out  # as NumPy's ufuncs take it


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
@pytest.mark.parametrize("f", [sf.softmax, sf.log_softmax])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "longdouble"])
def test_in_place(f, axis, dtype, rng):
    for name, x in layouts(rng.standard_normal((13, 37)).astype(dtype)):
        if name == "read-only":
            continue
        want = f(x, axis)
        assert f(x, axis, out=x) is x
        np.testing.assert_array_equal(x, want, err_msg=name)


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("f", [sf.softmax, sf.log_softmax])
def test_overlap(f, axis, rng):
    """Any overlap but the exact one goes through a temporary."""
    for shift in (1, 3, -2, -20):
        memory = rng.standard_normal(400)
        start = 100
        x = memory[start:start + 120].reshape(6, 20)
        out = memory[start + shift:start + shift + 120].reshape(6, 20)
        want = f(x.copy(), axis)
        assert bits(f(x, axis, out=out)) == bits(want)
    square = rng.standard_normal((9, 9))
    want = f(square.copy(), axis)
    assert bits(f(square, axis, out=square.T)) == bits(want)
    square = rng.standard_normal((9, 9))
    want = f(square.copy(), axis)
    assert bits(f(square, axis, out=square[::-1])) == bits(want)


def test_out_of_another_precision(rng):
    x = rng.standard_normal((5, 6)).astype(np.float32)
    for f in (sf.softmax, sf.log_softmax):
        wide = np.empty((5, 6))
        assert f(x, 1, out=wide) is wide
        np.testing.assert_array_equal(wide, f(x, 1))
        half = np.empty((5, 6), np.float16)
        f(x, 1, out=half)
        np.testing.assert_array_equal(half, f(x, 1).astype(np.float16))
        narrow = np.empty((5, 6), np.float32)
        f(x.astype(np.float64), 1, out=narrow)
        np.testing.assert_array_equal(narrow, f(x.astype(np.float64), 1).astype(np.float32))
        swapped = np.empty((5, 6), ">f4" if np.little_endian else "<f4")
        f(x, 1, out=swapped)
        np.testing.assert_array_equal(swapped, f(x, 1))


def test_out_scalar():
    out = np.empty(())
    assert sf.softmax(3.0, out=out) is out and out == 1
    assert sf.logsumexp([1.0, 2.0], out=out) is out and out == sf.logsumexp([1.0, 2.0])


def test_out_of_logsumexp(rng):
    x = rng.standard_normal((4, 5, 6)).astype(np.float32)
    for axis, keepdims in itertools.product([None, 0, -1, (0, 2)], [False, True]):
        want = sf.logsumexp(x, axis, keepdims=keepdims)
        out = np.empty(np.shape(want), np.float32)
        assert sf.logsumexp(x, axis, keepdims=keepdims, out=out) is out
        assert bits(out) == bits(want)


def test_out_of_logsumexp_of_any_layout(rng):
    """Strided, or part of the logits: through a temporary then."""
    for axis in (0, 1, -1):
        x = rng.standard_normal((6, 6))
        want = sf.logsumexp(x, axis)
        for out in (np.empty(12)[::2], np.empty(6)[::-1], x[2], x[:, 3], x[:, 0], x[0]):
            x = x.copy() if out.base is not x else x
            before = x.copy()
            assert sf.logsumexp(x, axis, out=out) is out
            assert bits(out) == bits(want)
            x[...] = before


# --------------------------------------------------------------------------------------------------------
# logsumexp's own arguments

@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1), ()])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("b", ["none", "positive", "signed", "zeros", "scalar", "row", "more axes"])
@pytest.mark.parametrize("return_sign", [False, True])
def test_logsumexp_arguments(dtype, axis, keepdims, b, return_sign, rng):
    a = rng.standard_normal((3, 5)).astype(dtype)
    factors = {"none": None, "positive": rng.random((3, 5)), "signed": rng.standard_normal((3, 5)),
               "zeros": rng.integers(0, 2, (3, 5)).astype(float), "scalar": 0.5, "row": rng.random(5),
               "more axes": rng.random((2, 3, 5))}[b]
    if isinstance(factors, np.ndarray):
        factors = factors.astype(dtype)
    got = sf.logsumexp(a, axis, factors, keepdims, return_sign)
    want = scipy.special.logsumexp(a, axis, factors, keepdims, return_sign)
    if return_sign:
        close(got[0], want[0])
        np.testing.assert_array_equal(got[1], want[1])
        assert got[1].dtype == want[1].dtype and np.shape(got[1]) == np.shape(want[1])
    else:
        close(got, want)


def test_logsumexp_zero_factors():
    """A term with b = 0 counts nothing even where a is inf or NaN; nothing left gives -inf and sign 0."""
    a = np.array([np.inf, 1.0, np.nan, -np.inf])
    assert sf.logsumexp(a, b=[0, 2, 0, 5]) == pytest.approx(1 + np.log(2))
    got, sign = sf.logsumexp(a, b=[0, 0, 0, 0], return_sign=True)
    assert got == -np.inf and sign == 0
    assert np.isnan(sf.logsumexp([1.0, 2.0], b=[1, -1]))
    got, sign = sf.logsumexp([1.0, 2.0], b=[1, -1], return_sign=True)
    assert sign == -1 and got == pytest.approx(np.log(np.e ** 2 - np.e))


def test_logsumexp_weak_scalars():
    """A Python scalar as b leaves the dtype; an array does not."""
    a = np.ones(3, np.float32)
    assert sf.logsumexp(a, b=2).dtype == np.float32
    assert sf.logsumexp(a, b=2.0).dtype == np.float32
    assert sf.logsumexp(a, b=np.full(3, 2.0)).dtype == np.float64
    assert sf.logsumexp(a.astype(np.float16), b=2.0).dtype == np.float16
    assert sf.logsumexp([1, 2], b=[1, 2]).dtype == np.float64


def test_logsumexp_sign_without_factors():
    x = np.array([[1.0, 2], [-np.inf, -np.inf], [np.inf, 0], [np.nan, 0]])
    got, sign = sf.logsumexp(x, 1, return_sign=True)
    want, want_sign = scipy.special.logsumexp(x, 1, return_sign=True)
    np.testing.assert_allclose(got, want)
    np.testing.assert_array_equal(sign, want_sign)
    assert got.dtype == sign.dtype == np.float64
