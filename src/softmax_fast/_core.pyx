# cython: language_level=3, freethreading_compatible=True, binding=True
"""The compiled layer: the direct path for one axis of an array, and the NumPy generalized ufuncs.

It hands arrays of the kernels' dtypes, of any layout, to csrc/ where one axis is meant, or a C-contiguous whole, and
answers no question of axis, dtype or keyword beyond recognising such a call; every other one goes to _api.
"""
import os

cimport numpy as cnp
from cpython.ref cimport Py_INCREF
from libc.stddef cimport size_t
from libc.stdlib cimport llabs
from softmax_fast.csoftmax cimport *

cdef extern from "numpy/arrayobject.h":
    cnp.ndarray PyArray_NewLikeArray(cnp.ndarray prototype, cnp.NPY_ORDER order, cnp.dtype dtype, int subok)
    object PyDataMem_SetHandler(object handler)
    cnp.PyObject *PyDataMem_DefaultHandler

cdef extern from "results.h":
    const size_t RESULTS_LEAST
    object results_new_handler()

cdef extern from "fenv.h" nogil:
    const int FE_ALL_EXCEPT
    int feclearexcept(int)

cnp.import_array()
cnp.import_umath()

__version__ = SMF_VERSION.decode()

# Largest error in ulp of the result, by function and dtype: from softmax_fast.h.
BOUNDS = {
    ("softmax", "float32"): SMF_BOUND_SOFTMAX_F32,
    ("softmax", "float64"): SMF_BOUND_SOFTMAX_F64,
    ("log_softmax", "float32"): SMF_BOUND_LOG_SOFTMAX_F32,
    ("log_softmax", "float64"): SMF_BOUND_LOG_SOFTMAX_F64,
    ("logsumexp", "float32"): SMF_BOUND_LOGSUMEXP_F32,
    ("logsumexp", "float64"): SMF_BOUND_LOGSUMEXP_F64,
}


# ---------------------------------------------------------------------------------------------------------
# The direct path

# Below this many elements giving up the GIL costs more than it can bring.
cdef enum:
    KEEP_GIL_BELOW = 4096


cdef int bfloat16 = -1  # ml_dtypes' type number, once _api has met one


cdef inline int dtype_of(cnp.ndarray a) noexcept:
    """The kernels' dtype of a native array; -1 for any other."""
    cdef int num = cnp.PyArray_TYPE(a)
    if cnp.PyArray_ISBYTESWAPPED(a):
        return -1
    if num == cnp.NPY_FLOAT32:
        return SMF_F32
    if num == cnp.NPY_FLOAT64:
        return SMF_F64
    if num == cnp.NPY_FLOAT16:
        return SMF_F16
    if num == cnp.NPY_LONGDOUBLE:
        return SMF_LONG
    return SMF_BF16 if num == bfloat16 and num >= 0 else -1


def is_bfloat16(dtype):
    """Whether this is ml_dtypes.bfloat16, which need not be imported here; from then on the kernels take its arrays."""
    global bfloat16
    if dtype.name != "bfloat16" or dtype.itemsize != 2:
        return False
    bfloat16 = dtype.num
    return True


cdef struct Dim:
    cnp.npy_intp n, x, y  # length, strides


cdef void walk(smf_op op, int dtype, const Dim *dims, int ndim, char *x, char *y, smf_job *job) noexcept nogil:
    """The job at each place of the outer dimensions."""
    cdef cnp.npy_intp i
    if ndim == 0:
        job.x = x
        job.y = y
        smf_run(op, <smf_dtype>dtype, job)
        return
    for i in range(dims[0].n):
        walk(op, dtype, dims + 1, ndim - 1, x + i * dims[0].x, y + i * dims[0].y, job)


cdef inline void run(smf_op op, int dtype, cnp.ndarray x, cnp.ndarray y, cnp.npy_intp size,
                     const Dim *dims, int ndim, smf_job *job) noexcept:
    """The jobs of arrays of `size` elements."""
    cdef char *x_data = cnp.PyArray_BYTES(x)
    cdef char *y_data = cnp.PyArray_BYTES(y)
    if size >= KEEP_GIL_BELOW:
        with nogil:
            walk(op, dtype, dims, ndim, x_data, y_data, job)
    elif ndim > 0:
        walk(op, dtype, dims, ndim, x_data, y_data, job)
    else:
        job.x = x_data
        job.y = y_data
        smf_run(op, <smf_dtype>dtype, job)


cdef bint extent(cnp.ndarray a, char **low, char **high) noexcept:
    """Where the bytes of a begin and end; False where there are none."""
    cdef int k
    cdef cnp.npy_intp span
    low[0] = high[0] = cnp.PyArray_BYTES(a)
    for k in range(cnp.PyArray_NDIM(a)):
        if cnp.PyArray_DIM(a, k) == 0:
            return False
        span = (cnp.PyArray_DIM(a, k) - 1) * cnp.PyArray_STRIDE(a, k)
        if span < 0:
            low[0] += span
        else:
            high[0] += span
    high[0] += cnp.PyArray_ITEMSIZE(a)
    return True


cdef bint strided(smf_op op, int dtype, cnp.ndarray x, cnp.ndarray y, int axis) noexcept:
    """The operation over an axis of x, into y, both of any strides and alignment; y's dimensions are x's, for logsumexp
    with length 1 for that axis, or without it. False, with nothing done, where x and y overlap without being the same."""
    cdef int ndim = cnp.PyArray_NDIM(x), count = 0, beside = -1, k, j
    cdef bint same = cnp.PyArray_BYTES(x) == cnp.PyArray_BYTES(y) and op != SMF_LOGSUMEXP
    cdef bint left_out = cnp.PyArray_NDIM(y) < ndim
    cdef char *x_low
    cdef char *x_high
    cdef char *y_low
    cdef char *y_high
    cdef Dim[64] dims
    cdef Dim d
    cdef Dim *last
    cdef smf_job job
    if not extent(y, &y_low, &y_high):
        return True
    if not extent(x, &x_low, &x_high):
        return False
    for k in range(ndim):
        same = same and cnp.PyArray_STRIDE(x, k) == cnp.PyArray_STRIDE(y, k)
        if k == axis:
            continue
        d.n = cnp.PyArray_DIM(x, k)
        d.x = cnp.PyArray_STRIDE(x, k)
        d.y = cnp.PyArray_STRIDE(y, k - 1 if left_out and k > axis else k)
        if d.n == 1:
            continue
        last = dims + count - 1
        if count and last.x == d.n * d.x and last.y == d.n * d.y:  # one dimension in memory
            d.n *= last.n
            last[0] = d
        elif count and d.x == last.n * last.x and d.y == last.n * last.y:  # the same in Fortran order
            last.n *= d.n
        else:
            dims[count] = d
            count += 1
    if not same and x_low < y_high and y_low < x_high:
        return False
    for k in range(count):  # the rows of a job: those beside each other in memory, or as near as can be; broadcast ones last
        if beside < 0 or dims[k].x != 0 and (dims[beside].x == 0 or abs(dims[k].x) < abs(dims[beside].x)):
            beside = k
    job.rows = 1
    job.x_row = job.y_row = 0
    if beside >= 0:
        job.rows = <size_t>dims[beside].n
        job.x_row = dims[beside].x
        job.y_row = dims[beside].y
        count -= 1
        for j in range(beside, count):
            dims[j] = dims[j + 1]
    job.n = <size_t>cnp.PyArray_DIM(x, axis)
    job.x_col = cnp.PyArray_STRIDE(x, axis)
    job.y_col = 0 if op == SMF_LOGSUMEXP else cnp.PyArray_STRIDE(y, axis)
    run(op, dtype, x, y, cnp.PyArray_SIZE(x), dims, count, &job)
    return True


cdef inline int axis_of(cnp.ndarray a, object axis) except? -2:
    """The one axis that `axis` means; that after the last where it means all of them; -1 where it needs a closer look."""
    cdef int ndim = cnp.PyArray_NDIM(a)
    cdef int k
    if axis is None:
        return 0 if ndim == 1 else ndim
    if type(axis) is not int or not (-ndim <= axis < ndim):
        return -1
    k = axis
    return k + ndim if k < 0 else k


cdef inline cnp.ndarray new_like(cnp.ndarray x, cnp.NPY_ORDER order, cnp.dtype dtype):
    Py_INCREF(dtype)  # the reference that PyArray_NewLikeArray takes
    return PyArray_NewLikeArray(x, order, dtype, 0)


cdef inline bint in_c_order(cnp.ndarray a) noexcept:
    """Whether a result in a's memory order is one in C order."""
    cdef int k
    if not cnp.PyArray_IS_C_CONTIGUOUS(a):
        for k in range(cnp.PyArray_NDIM(a) - 1):
            if llabs(cnp.PyArray_STRIDE(a, k)) < llabs(cnp.PyArray_STRIDE(a, k + 1)):
                return False
    return True


cdef object handler = results_new_handler()  # NumPy's, of the memory of large results


cpdef cnp.ndarray empty_like(cnp.ndarray x, cnp.dtype dtype):
    """An array for the result: in x's memory order, in C order where x is broadcast."""
    cdef int k
    cdef cnp.NPY_ORDER order = cnp.NPY_KEEPORDER
    for k in range(cnp.PyArray_NDIM(x)):
        if cnp.PyArray_STRIDE(x, k) == 0:
            order = cnp.NPY_CORDER
    if <size_t>cnp.PyArray_SIZE(x) < RESULTS_LEAST // <size_t>dtype.itemsize:
        return new_like(x, order, dtype)
    other = PyDataMem_SetHandler(handler)
    try:
        if <cnp.PyObject *>other != PyDataMem_DefaultHandler:  # somebody's choice
            PyDataMem_SetHandler(other)
        return new_like(x, order, dtype)
    finally:
        PyDataMem_SetHandler(other)


cdef inline cnp.ndarray result_of(smf_op op, int dtype, cnp.ndarray a, cnp.npy_intp size, int axis, object out, bint keepdims):
    """Where the results of an array of `size` elements go: a new array, or out; None where out is not for the kernels."""
    cdef cnp.npy_intp[64] left
    cdef cnp.npy_intp *dims = cnp.PyArray_DIMS(a)
    cdef int ndim = cnp.PyArray_NDIM(a), count = 0, k
    if op == SMF_LOGSUMEXP:
        for k in range(ndim):
            if keepdims or k != axis and axis < ndim:
                left[count] = 1 if k == axis or axis == ndim else dims[k]
                count += 1
        dims = left
        ndim = count
    if out is not None:
        if (cnp.PyArray_CheckExact(out) and dtype_of(out) == dtype and cnp.PyArray_ISWRITEABLE(out)
                and cnp.PyArray_NDIM(out) == ndim and cnp.PyArray_CompareLists(cnp.PyArray_DIMS(out), dims, ndim)):
            return out
        return None
    if op == SMF_LOGSUMEXP or in_c_order(a) and <size_t>(size * cnp.PyArray_ITEMSIZE(a)) < RESULTS_LEAST:
        return cnp.PyArray_EMPTY(ndim, dims, cnp.PyArray_TYPE(a), 0)
    return empty_like(a, cnp.PyArray_DescrFromType(cnp.PyArray_TYPE(a)))


cdef object direct(smf_op op, object x, object axis, object out, bint keepdims):
    """The result, or None where the call needs more than the kernels: then nothing has been done."""
    cdef smf_job job
    cdef cnp.ndarray a, y
    cdef cnp.npy_intp n, total
    cdef int dtype, k, ndim
    cdef ptrdiff_t size
    cdef char *x_data
    cdef char *y_data
    if not cnp.PyArray_CheckExact(x):
        return None
    a = x
    ndim = cnp.PyArray_NDIM(a)
    dtype = dtype_of(a)
    k = axis_of(a, axis)
    if dtype < 0 or k < 0 or k == ndim and not cnp.PyArray_ISCARRAY_RO(a):
        return None
    total = cnp.PyArray_SIZE(a)
    y = result_of(op, dtype, a, total, k, out, keepdims)
    if y is None:
        return None
    n = cnp.PyArray_DIM(a, k) if k < ndim else total
    if k >= ndim - 1 and n > 0 and cnp.PyArray_ISCARRAY_RO(a) and cnp.PyArray_ISCARRAY(y):
        size = cnp.PyArray_ITEMSIZE(a)
        job.rows = <size_t>(total // n)
        job.n = <size_t>n
        job.x_row = n * size
        job.x_col = size
        job.y_row = size if op == SMF_LOGSUMEXP else n * size
        job.y_col = size
        x_data = cnp.PyArray_BYTES(a)
        y_data = cnp.PyArray_BYTES(y)
        if out is not None and not (x_data == y_data and op != SMF_LOGSUMEXP or x_data + total * size <= y_data
                                    or y_data + <ptrdiff_t>job.rows * job.y_row <= x_data):
            return None
        run(op, dtype, a, y, total, NULL, 0, &job)
    elif k == ndim or not strided(op, dtype, a, y, k):
        return None
    if out is None and cnp.PyArray_NDIM(y) == 0:
        return cnp.PyArray_ToScalar(cnp.PyArray_DATA(y), y)
    return y


def along(gufunc, cnp.ndarray x not None, cnp.ndarray y not None, int axis):
    """The operation of one of the gufuncs over an axis of x, into y: see `strided`. False, with nothing done, also where the
    kernels don't have the dtype."""
    cdef smf_op op = (SMF_SOFTMAX if gufunc is softmax_gufunc else
                      SMF_LOG_SOFTMAX if gufunc is log_softmax_gufunc else SMF_LOGSUMEXP)
    cdef int dtype = dtype_of(x)
    return dtype >= 0 and dtype_of(y) == dtype and strided(op, dtype, x, y, axis)


def softmax(x, axis=None, *, out=None, dtype=None):
    """Probabilities from logits: ``exp(x) / sum(exp(x))`` along an axis.

    A drop-in for `scipy.special.softmax`.

    Parameters
    ----------
    x : array_like
        Logits of any shape. float32, float64, float16, bfloat16 (``ml_dtypes``), long double and complex keep
        their dtype; float16 and bfloat16 are computed in float32 and rounded once; bool and integers give
        float64.
    axis : None, int or tuple of ints, optional
        The default, None, is the whole array, as in SciPy; PyTorch's and JAX's usual choice is -1. A tuple
        takes its axes jointly. An axis of length 0 gives the empty array.
    out : ndarray, optional
        Written to and returned: exactly the shape of the result, and a dtype to which the result casts by
        "same_kind". ``out=x`` works in place.
    dtype : dtype, optional
        That of the result, floating or complex, in place of the dtype of `x`. The arithmetic has the wider of the
        two and is rounded once: float64 logits give float32 results computed in float64, float16 logits give
        float32 results computed in float32. With `out`, the rounding is to the dtype of `out`.

    Returns
    -------
    ndarray or scalar
        Of the shape of `x` and in its memory order; a NumPy scalar for 0-d input.

    Raises
    ------
    TypeError
        `x` is of a dtype that has no softmax (object, string, datetime, structured, a sparse matrix) or a
        masked array; `axis` is neither None, an integer nor a tuple of integers; `out` is not an array of a
        fitting dtype; `dtype` is neither floating nor complex, or not complex where `x` is.
    ValueError
        `x` is ragged, an axis stands twice in `axis`, `out` has another shape or is read-only.
    numpy.exceptions.AxisError
        `axis` is out of range.

    Notes
    -----
    Largest error: 3 ulp in float32 and float64, for finite logits of any magnitude and any number of them.
    No element exceeds 1. The bits depend on the values along `axis` and on nothing else: not the shape,
    strides, alignment, instruction set or machine.

    Special values: NaN or +inf among the logits, or nothing but -inf, give NaN for all of them; -inf beside a
    finite logit gives 0. There is no RuntimeWarning.

    Method: exp by Cody and Waite's range reduction without the usual ``x - max(x)``, whose rounding costs
    up to ``|x - max(x)| / 2`` ulp; see docs/numerics.md.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_fast import softmax
    >>> softmax(np.array([[1.0, 2.0, 3.0], [0.0, 0.0, -np.inf]]), axis=-1).round(3)
    array([[0.09 , 0.245, 0.665],
           [0.5  , 0.5  , 0.   ]])
    """
    r = direct(SMF_SOFTMAX, x, axis, out, False) if dtype is None else None
    return _api.softmax(x, axis, out, dtype) if r is None else r


def log_softmax(x, axis=None, *, out=None, dtype=None):
    """Logarithm of the softmax: ``x - log(sum(exp(x)))`` along an axis.

    A drop-in for `scipy.special.log_softmax`.

    Parameters
    ----------
    x : array_like
        Logits, as for `softmax`.
    axis : None, int or tuple of ints, optional
        The default, None, is the whole array, as in SciPy; PyTorch's and JAX's usual choice is -1. As for
        `softmax`.
    out : ndarray, optional
        As for `softmax`.
    dtype : dtype, optional
        As for `softmax`.

    Returns
    -------
    ndarray or scalar
        Of the shape of `x` and in its memory order; a NumPy scalar for 0-d input.

    Raises
    ------
    TypeError, ValueError, numpy.exceptions.AxisError
        As `softmax` does.

    Notes
    -----
    Largest error: 3 ulp in float32 and float64, also where a probability is near 1 and its logarithm near 0:
    there the result is that of ``-log1p`` of the other terms. No element exceeds 0. Reproducible like `softmax`.

    Special values: NaN among the logits, or nothing but -inf, give NaN for all; with +inf among them, NaN where
    `x` is +inf and -inf elsewhere. There is no RuntimeWarning.

    Method: docs/numerics.md.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_fast import log_softmax
    >>> print(log_softmax(np.array([0.0, -20.0])))
    [-2.06115362e-09 -2.00000000e+01]
    """
    r = direct(SMF_LOG_SOFTMAX, x, axis, out, False) if dtype is None else None
    return _api.log_softmax(x, axis, out, dtype) if r is None else r


def logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False, *, out=None, dtype=None):
    """Logarithm of a sum of exponentials: ``log(sum(b * exp(a)))`` along an axis.

    A drop-in for `scipy.special.logsumexp`.

    Parameters
    ----------
    a : array_like
        Logits, as `x` of `softmax`.
    axis : None, int or tuple of ints, optional
        The default, None, is the whole array, as in SciPy; PyTorch's and JAX's usual choice is -1. An axis of
        length 0 gives -inf.
    b : array_like, optional
        Factors, broadcast with `a`; a term with ``b == 0`` counts nothing, whatever `a` is. Python scalars do
        not change the dtype.
    keepdims : bool, optional
        Leave the axes in the result, with length 1.
    return_sign : bool, optional
        Also return the sign of the sum; without it, a negative sum gives NaN.
    out : ndarray, optional
        Written to and returned: exactly the shape of the result, and a dtype to which the result casts by
        "same_kind".
    dtype : dtype, optional
        As for `softmax`. With `b`, the arithmetic is in float64 or wider.

    Returns
    -------
    ndarray or scalar
        The shape of `a` without `axis`; a NumPy scalar where nothing is left of it.
    sign : ndarray or scalar
        With `return_sign` only: 1, 0 or -1 (NaN where the result is NaN).

    Raises
    ------
    TypeError, ValueError, numpy.exceptions.AxisError
        As `softmax` does.

    Notes
    -----
    Largest error without `b`, in ulp of the larger of the result and the largest logit: 3 ulp in float32 and float64.
    Reproducible like `softmax`. With `b`: computed in float64 or wider by NumPy.

    Special values: NaN among the logits gives NaN, else +inf gives +inf; nothing but -inf, or nothing at all,
    gives -inf. There is no RuntimeWarning.

    Method: docs/numerics.md.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_fast import logsumexp
    >>> print(logsumexp(np.array([1000.0, 1000.0])))
    1000.6931471805599
    """
    if b is None and dtype is None and type(keepdims) is bool and return_sign is False:
        r = direct(SMF_LOGSUMEXP, a, axis, out, keepdims)
        if r is not None:
            return r
    return _api.logsumexp(a, axis, b, keepdims, return_sign, out, dtype)


# ---------------------------------------------------------------------------------------------------------
# NumPy generalized ufuncs

cdef struct Loop:
    smf_op op
    smf_dtype dtype


cdef void gufunc_loop(char **args, const cnp.npy_intp *dims, const cnp.npy_intp *steps, void *data) noexcept nogil:
    """dims: rows, n. steps: x and y from row to row, then along the row (y's only where it has one)."""
    cdef const Loop *loop = <const Loop *>data
    cdef smf_job job
    job.rows = <size_t>dims[0]
    job.n = <size_t>dims[1]
    job.x = args[0]
    job.y = args[1]
    job.x_row = steps[0]
    job.y_row = steps[1]
    job.x_col = steps[2]
    job.y_col = 0 if loop.op == SMF_LOGSUMEXP else steps[3]
    smf_run(loop.op, loop.dtype, &job)
    feclearexcept(FE_ALL_EXCEPT)  # or NumPy would warn of the infinities that are answers


cdef enum:  # Cython wants the lengths of arrays here, not in the header
    OPS = 3
    LOOPS = 4

cdef Loop[OPS][LOOPS] loops
ctypedef void *pointer
cdef pointer[OPS][LOOPS] loop_data
cdef cnp.PyUFuncGenericFunction[LOOPS] loop_functions
cdef char[2 * LOOPS] loop_types
assert OPS == SMF_OPS
loop_types[:] = [cnp.NPY_FLOAT16, cnp.NPY_FLOAT16, cnp.NPY_FLOAT32, cnp.NPY_FLOAT32, cnp.NPY_FLOAT64, cnp.NPY_FLOAT64,
                 cnp.NPY_LONGDOUBLE, cnp.NPY_LONGDOUBLE]
cdef smf_dtype[LOOPS] loop_dtypes
loop_dtypes[:] = [SMF_F16, SMF_F32, SMF_F64, SMF_LONG]


cdef object gufunc(smf_op op, char *name, char *signature):
    for d in range(LOOPS):
        loops[<int>op][d].op = op
        loops[<int>op][d].dtype = loop_dtypes[d]
        loop_data[<int>op][d] = &loops[<int>op][d]
        loop_functions[d] = <cnp.PyUFuncGenericFunction>gufunc_loop
    return cnp.PyUFunc_FromFuncAndDataAndSignature(
        loop_functions, loop_data[<int>op], loop_types, LOOPS, 1, 1, cnp.PyUFunc_None, name,
        "The kernel as a NumPy generalized ufunc.", 0, signature)


softmax_gufunc = gufunc(SMF_SOFTMAX, "softmax", "(n)->(n)")
log_softmax_gufunc = gufunc(SMF_LOG_SOFTMAX, "log_softmax", "(n)->(n)")
logsumexp_gufunc = gufunc(SMF_LOGSUMEXP, "logsumexp", "(n)->()")


# ---------------------------------------------------------------------------------------------------------
# Instruction sets

def isas():
    """Names of the instruction sets this machine can run, best first.

    Returns
    -------
    list of str
        Some of "avx512", "avx2", "neon", and always "scalar" (plain C).
    """
    names = []
    while smf_isas(len(names)) != NULL:
        names.append(smf_isas(len(names)).decode())
    return names


def isa():
    """Name of the instruction set in use; see `isas`."""
    return smf_isa().decode()


def use_isa(name):
    """Use that instruction set from now on, in all threads. The results keep their bits; only the speed changes.

    Parameters
    ----------
    name : str
        One of `isas()`. The environment variable ``SOFTMAX_FAST_ISA`` does the same at import.

    Raises
    ------
    TypeError
        `name` is not a string.
    ValueError
        This machine cannot run it, or there is none of that name; the message lists the possible ones.
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a str, not {type(name).__name__}")
    if name not in isas() or smf_use_isa(name.encode()) != 0:
        raise ValueError(f"no instruction set {name!r} on this machine; choose from {', '.join(isas())}")


cdef str wanted = os.environ.get("SOFTMAX_FAST_ISA", "")
if wanted:
    try:
        use_isa(wanted)
    except ValueError as error:
        raise ValueError(f"SOFTMAX_FAST_ISA: {error}") from None

for public in (softmax, log_softmax, logsumexp, isa, isas, use_isa):
    public.__module__ = "softmax_fast"
del public

from softmax_fast import _api  # noqa: E402  (needs the gufuncs above)
