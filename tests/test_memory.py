"""However the arrays lie, a call with `out=` takes less than 2 MB of memory beside them, code and stack included: they are not copied."""
import pytest
from conftest import OPS, run_python

# extra(name, call): the MB by which the most that was ever resident grew in the call; all of x and out was before.
PRELUDE = """
import resource, sys
from pathlib import Path
import numpy as np
import softmax_fast as sf
dtype, size = np.dtype({dtype}), {size}
memory = np.empty((2, size), np.uint8)
memory.fill(0)
m, y = memory.view(dtype).reshape(2, -1, 10_000)
m[...] = np.linspace(-3, 5, 10_000).astype(dtype)
layouts = {{
    "C": lambda a: a, "[:, ::2]": lambda a: a[:, ::2], "[:, ::-1]": lambda a: a[:, ::-1], "[::2, ::5]": lambda a: a[::2, ::5],
    "Fortran": lambda a: a.T, "long": lambda a: a.reshape(10, -1)[:, ::3], "narrow": lambda a: a.reshape(-1, 10),
}}
def most():
    status = Path("/proc/self/status")  # getrusage counts what the process was before exec, too
    if status.exists(): return 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
def extra(name, call):
    before = most()
    call()
    print((most() - before) / 1e6, name)
"""
CALLS = """
for name, layout in layouts.items():
    x = layout(m)
    for axis in 0, 1:
        shape = x.shape if op != "logsumexp" else x.shape[1 - axis]
        out = layout(y) if strided else y.reshape(-1)[:np.prod(shape)].reshape(shape)
        extra((name, axis), lambda: getattr(sf, op)(x, axis=axis, out=out))
"""


def extras(code, dtype="np.float32", size=80_000_000):
    """{call: MB}"""
    printed = run_python(PRELUDE.format(dtype=dtype, size=size) + code)
    return {name: float(mb) for mb, name in (line.split(" ", 1) for line in printed.splitlines())}


def small(extras):
    assert len(extras) == 14
    assert max(extras.values()) < 2, extras


@pytest.mark.parametrize("op", OPS)
def test_a_call_with_out_copies_no_array(op):
    size = {"size": 400_000_000} if op == "softmax" else {}
    small(extras(f"op, strided = {op!r}, False" + CALLS, **size))


def test_nor_where_out_lies_as_x_does():
    small(extras("op, strided = 'softmax', True" + CALLS))


@pytest.mark.parametrize("dtype", ["np.float64", "np.float16", "__import__('ml_dtypes').bfloat16", "np.longdouble"])
def test_nor_of_another_dtype(dtype):
    small(extras("op, strided = 'softmax', False" + CALLS, dtype, 16_000_000 if dtype == "np.longdouble" else 80_000_000))


def test_a_copy_would_be_seen():
    """Axes that are not one in memory are made one by a copy (docs/performance.md)."""
    seen = extras("extra('copy', lambda: sf.softmax(m.reshape(100, -1, 100), axis=(0, 2), out=y.reshape(100, -1, 100)))")
    assert seen["copy"] > 50
