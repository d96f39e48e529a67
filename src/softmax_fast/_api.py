"""Axis, dtype and out= for every call that does not take the direct path of _core."""
import operator

import numpy as np
from numpy.exceptions import AxisError

from softmax_fast import _core, _reference

_MASKED = ("{} does not take masked arrays: fill the masked entries with -inf (which softmax counts as absent), "
           "as in x.filled(-np.inf), or select what is left by ~np.ma.getmaskarray(x)")


_KERNELS = "fdg"  # the dtypes of arithmetic that have one


# ---------------------------------------------------------------------------------------------------------
# What the arguments mean

def _arithmetic(dtype):
    """The dtype of the arithmetic for a floating or complex dtype; None for any other."""
    if dtype.char in "fdgFDG":
        return dtype.newbyteorder("=")
    return np.dtype(np.float32) if dtype.char == "e" or _core.is_bfloat16(dtype) else None


def _logits(x, name, dtype):
    """x as an ndarray, the dtype of the result, and that of the arithmetic; `dtype` is the one asked for, or None."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(_MASKED.format(name))
    if hasattr(x, "getnnz"):  # scipy.sparse: np.asarray would make an object array of it
        raise TypeError(f"{name} does not take sparse matrices ({type(x).__name__}): use x.toarray()")
    x = np.asarray(x)
    own = np.dtype(np.float64) if x.dtype.kind in "biu" else x.dtype
    wide = _arithmetic(own)
    if wide is None:
        raise TypeError(f"{name} is not defined for dtype {own}")
    if dtype is not None:
        dtype = np.dtype(dtype)
        asked = _arithmetic(dtype)
        if asked is None:
            raise TypeError(f"dtype must be floating or complex, not {dtype}")
        if wide.kind == "c" and asked.kind != "c":
            raise TypeError(f"dtype is {dtype}, to which {name} of {own} does not cast by 'same_kind'")
        own, wide = dtype, np.result_type(wide, asked)
    return x, own.newbyteorder("="), wide


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
    if out.dtype != dtype and not (_arithmetic(out.dtype) is not None and np.can_cast(dtype, out.dtype, "same_kind")):
        raise TypeError(f"out has dtype {out.dtype}, to which the result's {dtype} does not cast by 'same_kind'")
    if not out.flags.writeable:
        raise ValueError("out is read-only")
    return out.view(np.ndarray)


def _joint(x, axes):
    """x with `axes` joined into one, the last: a view where the strides allow it."""
    k = len(axes)
    moved = np.moveaxis(x, axes, range(x.ndim - k, x.ndim))
    return np.reshape(moved, moved.shape[:moved.ndim - k] + (int(np.prod([x.shape[a] for a in axes], dtype=np.intp)),))


def _castable(values, dtype):
    """The values for a cast to dtype: where NumPy rounds first to another dtype, rounded to odd to that one.

    Of what is rounded to odd, two bits longer than the result, the second rounding is that of the exact value.
    """
    via = np.dtype(np.float64 if dtype.char == "e" else np.float32)
    if dtype.itemsize > 2 or values.dtype.itemsize <= via.itemsize:  # of two bytes: float16 and bfloat16
        return values
    near = np.array(values, via)
    bits = near.view(f"i{via.itemsize}")
    bits -= abs(near) > abs(values)
    bits |= near != values
    return near


def _overrides(x):
    """x brings its own way to run ufuncs (a Dask array, a Quantity), by __array_ufunc__."""
    method = getattr(type(x), "__array_ufunc__", None)
    return method is not None and method is not np.ndarray.__array_ufunc__


# ---------------------------------------------------------------------------------------------------------
# softmax and log_softmax: one result per element

def _along(gufunc, x, y, axes):
    """The kernels from x to y without a temporary; False, with nothing done, where that can't be."""
    if gufunc.signature.endswith("()"):
        return len(axes) == 1 and _core.along(gufunc, x, y, axes[0])
    if not axes:
        return False
    if len(axes) > 1:
        flat = _joint(y, axes)
        if not np.may_share_memory(flat, y):
            return False  # a copy: these axes are not one in memory
        x, y, axes = _joint(x, axes), flat, (flat.ndim - 1,)
    return _core.along(gufunc, x, y, axes[0])


def _elementwise(name, gufunc, expression, x, axis, out, dtype):
    if _overrides(x):
        return _deferred(gufunc, x, axis, out, dtype)
    x, dtype, wide = _logits(x, name, dtype)
    axes = _axes(axis, max(x.ndim, 1))
    target = _check_out(out, x.shape, dtype)
    result = _core.empty_like(x, dtype) if target is None else target
    a, y = np.atleast_1d(x, result)
    kernel = wide.char in _KERNELS

    with np.errstate(all="ignore"):
        if kernel and a.dtype == y.dtype and _arithmetic(y.dtype) == wide and _along(gufunc, a, y, axes):
            pass
        elif (kernel and len(axes) == 1 and y.dtype.kind != "c" and 2 not in (a.dtype.isbuiltin, y.dtype.isbuiltin)
              and not (wide.char == "g" and y.dtype.char == "e")):  # which NumPy rounds twice
            gufunc(a, axis=axes[0], out=y, signature=(wide, wide))
        elif kernel:
            rows = gufunc(_joint(a if a.dtype.isbuiltin else a.astype(wide), axes), signature=(wide, wide))
            moved = np.moveaxis(y, axes, range(y.ndim - len(axes), y.ndim))
            np.copyto(moved, _castable(rows.reshape(moved.shape), y.dtype), casting="unsafe")  # _check_out judged it
        elif a.size:
            np.copyto(y, _castable(expression(a.astype(wide, copy=False), axes), y.dtype), casting="unsafe")

    if target is not None:
        return out[0] if isinstance(out, tuple) else out
    return result if result.ndim else result[()]


def _deferred(gufunc, x, axis, out, dtype):
    """For an x with its own __array_ufunc__: the same call, made of functions it may override."""
    kwargs = {key: value for key, value in (("out", out), ("dtype", dtype)) if value is not None}
    if getattr(getattr(x, "dtype", None), "kind", "f") in "biu":
        kwargs.setdefault("dtype", np.float64)
    if axis is None and getattr(x, "ndim", 1) == 1:
        axis = -1
    if axis is not None and not isinstance(axis, tuple):
        return gufunc(x, axis=operator.index(axis), **kwargs)
    if out is not None:
        raise TypeError(f"out= with several axes is not supported for {type(x).__name__}")
    axes = _axes(axis, x.ndim)
    rows = gufunc(_joint(x, axes), **kwargs)
    last = range(x.ndim - len(axes), x.ndim)
    if gufunc.signature.endswith("()"):
        return rows
    moved_shape = tuple(n for a, n in enumerate(x.shape) if a not in axes) + tuple(x.shape[a] for a in axes)
    return np.moveaxis(np.reshape(rows, moved_shape), last, axes)


def softmax(x, axis, out, dtype):
    return _elementwise("softmax", _core.softmax_gufunc, _reference.softmax, x, axis, out, dtype)


def log_softmax(x, axis, out, dtype):
    return _elementwise("log_softmax", _core.log_softmax_gufunc, _reference.log_softmax, x, axis, out, dtype)


# ---------------------------------------------------------------------------------------------------------
# logsumexp: one result per row

def _terms(a, b, dtype):
    """a and b (broadcast, or None), the dtype of the result, and that of the arithmetic."""
    a, own, wide = _logits(a, "logsumexp", dtype)
    if b is None:
        return a, None, own, wide
    weak = type(b) in (bool, int, float, complex)
    b, b_own, b_wide = _logits(b, "logsumexp (b)", dtype)
    if not weak:
        own = np.result_type(own, b_own)
    elif b_own.kind == "c" and own.kind != "c":
        own = np.result_type(own, np.complex64)
    wide = np.result_type(wide, b_wide, np.float64)
    a, b = np.broadcast_arrays(a.astype(wide, copy=False), b.astype(wide, copy=False))
    return a, b, own, wide


def logsumexp(a, axis, b, keepdims, return_sign, out, dtype):
    if _overrides(a) and b is None and not return_sign and not keepdims:
        return _deferred(_core.logsumexp_gufunc, a, axis, out, dtype)
    a, b, dtype, wide = _terms(a, b, dtype)
    axes = _axes(axis, max(a.ndim, 1))
    shape = tuple(1 if k in axes else n for k, n in enumerate(a.shape) if keepdims or k not in axes)
    a = np.atleast_1d(a)
    b = b if b is None else np.atleast_1d(b)
    real = np.dtype(dtype.char.lower()) if return_sign and dtype.kind == "c" else dtype
    target = _check_out(out, shape, real)
    final = real if target is None else target.dtype

    sign = None
    if 0 in (a.shape[k] for k in axes):
        result = np.full(shape, -np.inf)
        sign = np.zeros(shape)
    elif b is None and wide.char in _KERNELS and a.dtype in (wide, final) and _arithmetic(a.dtype) == wide and _along(
            _core.logsumexp_gufunc, a,
            result := np.empty([n for k, n in enumerate(a.shape) if k not in axes], a.dtype), axes):
        pass
    elif b is None and wide.char in _KERNELS:
        result = _core.logsumexp_gufunc(_joint(a if a.dtype.isbuiltin else a.astype(wide), axes), signature=(wide, wide))
    else:
        result, sign = _reference.logsumexp(a.astype(wide, copy=False), axes, b)
        if dtype.kind == "c":
            result = result.real if return_sign else result
        elif not return_sign:
            result = np.where(sign < 0, np.nan, result)
    if sign is None and return_sign:  # of a sum of exponentials: NaN, 1, or 0 where every term is 0
        sign = np.where(np.isnan(result), result, result > -np.inf)
    with np.errstate(all="ignore"):
        result = _castable(np.reshape(result, shape), final)
        if target is None:
            result = result.astype(real, copy=False)
            result = result if shape else result[()]
        else:
            np.copyto(target, result, casting="unsafe")
            result = out[0] if isinstance(out, tuple) else out
    if not return_sign:
        return result
    sign = np.reshape(sign, shape).astype(dtype, copy=False)
    return result, sign if shape else sign[()]
