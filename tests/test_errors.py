"""Promise 6, safe: bad input gets the exception a NumPy or SciPy user expects, naming argument and value, and
leaves x and out as they were."""
import ml_dtypes
import numpy as np
import pytest
from conftest import bits

import softmax_fast as sf

ELEMENTWISE = [sf.softmax, sf.log_softmax]


def untouched(exception, match, f, x, *args, **kwargs):
    """f(x, ...) raises, and neither x nor out has changed."""
    out = kwargs.get("out")
    before = bits(x) if isinstance(x, np.ndarray) else repr(x)
    out_before = bits(out) if isinstance(out, np.ndarray) else repr(out)
    with pytest.raises(exception, match=match):
        f(x, *args, **kwargs)
    assert before == (bits(x) if isinstance(x, np.ndarray) else repr(x))
    assert out_before == (bits(out) if isinstance(out, np.ndarray) else repr(out))


@pytest.mark.parametrize("axis", [5, 2, -3, (0, 2), 10 ** 30])
def test_axis_out_of_range(op, axis):
    x = np.ones((2, 3))
    untouched(np.exceptions.AxisError, "is out of bounds for array of dimension 2", op, x, axis)
    untouched(np.exceptions.AxisError, "out of bounds", op, np.float64(1), 1)


def test_axis_twice(op):
    for axis in [(0, 0), (1, -1), (0, 1, 1)]:
        untouched(ValueError, r"duplicate value in 'axis': \(", op, np.ones((2, 3)), axis)


@pytest.mark.parametrize("axis", [[0], 1.0, True, "0", np.True_, (0, 1.0), (True,), {0}, np.float64(0)])
def test_axis_of_wrong_type(op, axis):
    untouched(TypeError, "axis must be None, an integer or a tuple of integers, not", op, np.ones((2, 3)), axis)


def test_axis_of_any_integer_type(op):
    x = np.arange(6.0).reshape(2, 3)
    for axis in (np.int8(1), np.uint64(1), np.array(1)):
        np.testing.assert_array_equal(op(x, axis), op(x, 1))


def test_ragged(op):
    with pytest.raises(ValueError, match="inhomogeneous"):
        op([[1.0, 2.0], [3.0]])


@pytest.mark.parametrize("x", [np.array(["a", "b"]), np.array([1.0, 2.0], dtype=object)])
def test_bad_dtype_leaves_out(x):
    for f in ELEMENTWISE:
        untouched(TypeError, "dtype", f, x, out=np.full(2, 7.0))


@pytest.mark.parametrize("f", ELEMENTWISE)
@pytest.mark.parametrize("shape", [(3,), (3, 2), (1, 2, 3), (2, 1), (), (2, 4)])
def test_out_of_wrong_shape(f, shape):
    untouched(ValueError, r"out has shape \(.*the result \(2, 3\)", f, np.ones((2, 3)), 1, out=np.full(shape, 7.0))


def test_out_of_wrong_shape_for_logsumexp():
    untouched(ValueError, "out has shape", sf.logsumexp, np.ones((2, 3)), 1, out=np.full(3, 7.0))
    untouched(ValueError, "out has shape", sf.logsumexp, np.ones((2, 3)), 1, keepdims=True, out=np.full(2, 7.0))
    untouched(ValueError, "out has shape", sf.logsumexp, np.ones((2, 3)), out=np.full(1, 7.0))


@pytest.mark.parametrize("dtype", ["int64", "int8", "bool", "object", "U8", "M8[s]"])
def test_out_of_wrong_dtype(op, dtype):
    out = np.zeros((2, 3) if op is not sf.logsumexp else 2, dtype)
    for x in (np.ones((2, 3)), np.ones((2, 3), np.float32), np.ones((2, 3), np.int64)):
        untouched(TypeError, f"out has dtype {out.dtype}".replace("[", r"\["), op, x, 1, out=out)


@pytest.mark.parametrize("dtype,name", [
    (np.int64, "int64"), ("i4", "int32"), (np.uint8, "uint8"), (bool, "bool"), (object, "object"), (str, ".U0"),
    (bytes, r"\|S0"), ("M8[s]", r"datetime64\[s\]"), ("m8", "timedelta64"), ("V4", r"\|V4"), ("f4,f4", r"\[\('f0'"),
    ((float, 3), r"\('.f8', \(3,\)"), (ml_dtypes.float8_e5m2, "float8_e5m2"), (ml_dtypes.int4, "int4")], ids=repr)
def test_dtype_of_wrong_kind(op, dtype, name):
    for x in (np.ones((2, 3)), np.ones((2, 3), np.float32), np.ones((2, 3), np.int64), np.ones((2, 3), complex)):
        untouched(TypeError, f"dtype must be floating or complex, not {name}", op, x, 1, dtype=dtype)
    out = np.zeros(2 if op is sf.logsumexp else (2, 3))
    untouched(TypeError, "dtype must be floating or complex", op, np.ones((2, 3)), 1, out=out, dtype=dtype)


@pytest.mark.parametrize("dtype", ["nonsense", 5, 1.0, {"f4"}], ids=repr)
def test_not_a_dtype(op, dtype):
    untouched(TypeError, "data type", op, np.ones((2, 3)), 1, dtype=dtype)


@pytest.mark.parametrize("dtype", ["float64", "float16", ml_dtypes.bfloat16, "longdouble"])
def test_dtype_of_complex_is_not_real(op, dtype):
    match = f"dtype is {np.dtype(dtype)}, to which {op.__name__} .*of complex64 does not cast by 'same_kind'"
    untouched(TypeError, match, op, np.ones((2, 3), np.complex64), 1, dtype=dtype)
    with pytest.raises(TypeError, match=r"logsumexp \(b\) of complex128 does not cast"):
        sf.logsumexp(np.ones(3), b=1j, dtype=dtype)


@pytest.mark.parametrize("dtype,out", [("complex64", "float32"), ("float32", "int64"), ("float16", "bool"),
                                       ("complex128", "float64")])
def test_out_of_wrong_dtype_for_dtype(op, dtype, out):
    out = np.zeros(2 if op is sf.logsumexp else (2, 3), out)
    untouched(TypeError, f"out has dtype {out.dtype}, to which the result's {dtype} does not cast by 'same_kind'",
              op, np.ones((2, 3), np.float32), 1, out=out, dtype=dtype)


def test_out_of_wrong_shape_for_dtype(op):
    untouched(ValueError, r"out has shape \(4,\)", op, np.ones((2, 3)), 1, out=np.full(4, 7, np.float32), dtype="f4")


@pytest.mark.parametrize("out", [[0.0, 0.0], "xx", 3.0, (np.empty(2), np.empty(2)), np.float64(1)])
def test_out_is_not_an_array(op, out):
    untouched(TypeError, "out must be an ndarray, not", op, np.ones(2), out=out)


def test_out_masked():
    for f in ELEMENTWISE:
        untouched(TypeError, "out must be an ndarray, not MaskedArray", f, np.ones(2), out=np.ma.ones(2))


@pytest.mark.parametrize("f", ELEMENTWISE)
def test_out_is_read_only(f):
    out = np.full((2, 3), 7.0)
    out.flags.writeable = False
    for axis in (None, 0, 1):
        untouched(ValueError, "out is read-only", f, np.ones((2, 3)), axis, out=out)
        untouched(ValueError, "out is read-only", f, out, axis, out=out)


def test_missing_and_unknown_arguments(op):
    with pytest.raises(TypeError):
        op()
    with pytest.raises(TypeError):
        op(np.ones(3), nonsense=1)
    if op is not sf.logsumexp:
        with pytest.raises(TypeError):
            op(np.ones(3), -1, np.ones(3))  # out is keyword-only
    with pytest.raises(TypeError):
        op(np.ones(3), None, None, False, False, None, np.float32)  # and dtype


def test_factors_that_do_not_broadcast():
    with pytest.raises(ValueError, match="broadcast"):
        sf.logsumexp(np.ones((2, 3)), b=np.ones(4))
