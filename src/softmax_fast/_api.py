"""Axis, dtype and out= for every call that is not the common one (that takes the direct path of _core)."""
import operator

import numpy as np
from numpy.exceptions import AxisError

from softmax_fast import _core, _reference

_MASKED = ("{} does not take masked arrays: fill the masked entries with -inf (which softmax counts as absent), "
           "as in x.filled(-np.inf), or select what is left by ~np.ma.getmaskarray(x)")


# ---------------------------------------------------------------------------------------------------------
# What the arguments mean

def _logits(x, name):
    """x as an ndarray, the dtype of the result, and the dtype of the kernel (None: there is none)."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(_MASKED.format(name))
    if hasattr(x, "getnnz"):  # scipy.sparse: np.asarray would make an object array of it
        raise TypeError(f"{name} does not take sparse matrices ({type(x).__name__}): use x.toarray()")
    x = np.asarray(x)
    dtype = x.dtype
    if dtype.kind in "biu":
        return x, np.dtype(np.float64), np.dtype(np.float64)
    if dtype.char in "fd":
        dtype = dtype.newbyteorder("=")
        return x, dtype, dtype
    if dtype.char == "e" or dtype.name == "bfloat16":
        return x, dtype.newbyteorder("="), np.dtype(np.float32)
    if dtype.kind in "fc":
        return x, dtype.newbyteorder("="), None
    raise TypeError(f"{name} is not defined for dtype {dtype}")


def _axes(axis, ndim):
    """The axes as a sorted tuple: a row's elements are always taken in the array's logical order."""
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    for a in axes:
        if isinstance(a, (bool, np.bool_)) or not hasattr(a, "__index__"):
            raise TypeError(f"axis must be None, an integer or a tuple of integers, not {axis!r}")
    axes = list(map(operator.index, axes))
    for a in axes:
        if not -ndim <= a < ndim:
            raise AxisError(a, ndim)
    axes = [a % ndim for a in axes]
    if len(set(axes)) != len(axes):
        raise ValueError(f"duplicate value in 'axis': {axis!r}")
    return tuple(sorted(axes))


def _check_out(out, shape, dtype):
    """out as a plain ndarray, or None."""
    if isinstance(out, tuple) and len(out) == 1:  # as NumPy's ufuncs take it
        out = out[0]
    if out is None:
        return None
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
        raise TypeError(f"out must be an ndarray, not {type(out).__name__}")
    if out.shape != shape:
        raise ValueError(f"out has shape {out.shape}, the result {shape}")
    floating = out.dtype.kind in "fc" or out.dtype.name == "bfloat16"
    if out.dtype != dtype and not (floating and np.can_cast(dtype, out.dtype, "same_kind")):
        raise TypeError(f"out has dtype {out.dtype}, to which the result's {dtype} does not cast by 'same_kind'")
    if not out.flags.writeable:
        raise ValueError("out is read-only")
    return out.view(np.ndarray)


def _joint(x, axes):
    """x with `axes` joined into one, the last: a view where the strides allow it."""
    k = len(axes)
    moved = np.moveaxis(x, axes, range(x.ndim - k, x.ndim))
    return np.reshape(moved, moved.shape[:moved.ndim - k] + (int(np.prod([x.shape[a] for a in axes], dtype=np.intp)),))


def _overrides(x):
    """x brings its own way to run ufuncs (a Dask array, a Quantity), by __array_ufunc__."""
    method = getattr(type(x), "__array_ufunc__", None)
    return method is not None and method is not np.ndarray.__array_ufunc__


# ---------------------------------------------------------------------------------------------------------
# softmax and log_softmax: one result per element

def _empty_like(x, dtype):
    """An array for the result: in x's memory order, in C order where x is broadcast."""
    return np.empty_like(x, dtype=dtype, order="C" if 0 in x.strides else "K", subok=False)


def _same_memory(x, y):
    return (x.dtype == y.dtype and x.dtype.isnative and x.flags.aligned and x.strides == y.strides
            and x.__array_interface__["data"] == y.__array_interface__["data"])


def _elementwise(name, gufunc, expression, x, axis, out):
    if _overrides(x):
        return _deferred(gufunc, x, axis, out)
    x, dtype, kernel = _logits(x, name)
    axes = _axes(axis, max(x.ndim, 1))
    target = _check_out(out, x.shape, dtype)
    result = _empty_like(x, dtype) if target is None else target
    a, y = np.atleast_1d(x, result)

    if kernel is None:
        y[...] = expression(a, axes) if a.size else a
    elif len(axes) == 1 and dtype == kernel and _same_memory(a, y):
        _core.in_place(gufunc, y, axes[0])
    elif len(axes) == 1 and dtype.name != "bfloat16" and y.dtype.kind == "f" and y.dtype.name != "bfloat16":
        gufunc(a, axis=axes[0], out=y, signature=(kernel, kernel))
    else:
        flat = _joint(a if a.dtype.isbuiltin else a.astype(kernel), axes)
        rows = gufunc(flat, signature=(kernel, kernel))
        moved = np.moveaxis(y, axes, range(y.ndim - len(axes), y.ndim))
        np.copyto(moved, rows.reshape(moved.shape), casting="unsafe")  # _check_out has judged the cast

    if target is not None:
        return out[0] if isinstance(out, tuple) else out
    return result if result.ndim else result[()]


def _deferred(gufunc, x, axis, out):
    """For an x with its own __array_ufunc__: the same call, made of functions it may override."""
    kwargs = {} if out is None else {"out": out}
    if axis is None and getattr(x, "ndim", 1) == 1:
        axis = -1
    if axis is not None and not isinstance(axis, tuple):
        return gufunc(x, axis=operator.index(axis), **kwargs)
    if out is not None:
        raise TypeError(f"out= with several axes is not supported for {type(x).__name__}")
    axes = _axes(axis, x.ndim)
    rows = gufunc(_joint(x, axes))
    last = range(x.ndim - len(axes), x.ndim)
    if gufunc.signature.endswith("()"):
        return rows
    moved_shape = tuple(n for a, n in enumerate(x.shape) if a not in axes) + tuple(x.shape[a] for a in axes)
    return np.moveaxis(np.reshape(rows, moved_shape), last, axes)


def softmax(x, axis, out):
    return _elementwise("softmax", _core.softmax_gufunc, _reference.softmax, x, axis, out)


def log_softmax(x, axis, out):
    return _elementwise("log_softmax", _core.log_softmax_gufunc, _reference.log_softmax, x, axis, out)


# ---------------------------------------------------------------------------------------------------------
# logsumexp: one result per row

def _factors(a, dtype, kernel, b):
    """a and b broadcast, the dtype of the result, and that of the arithmetic."""
    if isinstance(b, np.ma.MaskedArray):
        raise TypeError(_MASKED.format("logsumexp"))
    weak = type(b) in (bool, int, float, complex)
    factors, b_dtype, _ = _logits(b, "logsumexp (b)")
    if weak:
        if b_dtype.kind == "c" and dtype.kind != "c":
            dtype = np.result_type(dtype, np.complex64)
    else:
        dtype = np.result_type(dtype, b_dtype)
    wide = np.result_type(dtype if dtype.isbuiltin else np.float32, np.float64)
    a, factors = np.broadcast_arrays(a.astype(wide, copy=False), factors.astype(wide, copy=False))
    return a, factors, dtype


def logsumexp(a, axis, b, keepdims, return_sign, out):
    if _overrides(a) and b is None and not return_sign and not keepdims:
        return _deferred(_core.logsumexp_gufunc, a, axis, out)
    a, dtype, kernel = _logits(a, "logsumexp")
    if b is not None:
        a, b, dtype = _factors(a, dtype, kernel, b)
        kernel = None
    axes = _axes(axis, max(a.ndim, 1))
    shape = tuple(1 if k in axes else n for k, n in enumerate(a.shape) if keepdims or k not in axes)
    a = np.atleast_1d(a)
    b = b if b is None else np.atleast_1d(b)
    real = np.dtype(dtype.char.lower()) if return_sign and dtype.kind == "c" else dtype
    target = _check_out(out, shape, real)

    sign = None
    if 0 in (a.shape[k] for k in axes):
        result = np.full(shape, -np.inf)
        sign = np.zeros(shape)
    elif kernel is None:
        result, sign = _reference.logsumexp(a, axes, b)
        if return_sign and dtype.kind == "c":
            result = result.real
        if sign is not None and not return_sign and dtype.kind != "c":
            result = np.where(sign < 0, np.nan, result)
    else:
        result = _core.logsumexp_gufunc(_joint(a if a.dtype.isbuiltin else a.astype(kernel), axes),
                                        signature=(kernel, kernel))
    result = np.reshape(result, shape)
    if sign is None and return_sign:  # of a sum of exponentials: NaN, 1, or 0 where every term is 0
        sign = np.where(np.isnan(result), result, result > -np.inf)
    if target is None:
        with np.errstate(over="ignore"):
            result = result.astype(real, copy=False)
        result = result if shape else result[()]
    else:
        np.copyto(target, result, casting="unsafe")
        result = out[0] if isinstance(out, tuple) else out
    if not return_sign:
        return result
    sign = np.reshape(sign, shape).astype(dtype, copy=False)
    return result, sign if shape else sign[()]
