"""Large results begin with a cache line, and come in memory that the system need not clear: that of the last one, which it may take
back at any time."""
import ctypes
import mmap
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from conftest import bits, run_python
from numpy._core import _multiarray_umath
from numpy._core.multiarray import get_handler_name

import softmax_fast as sf
from softmax_fast import _core

LEAST = 33_556_000  # 8389 rows of 1000 floats: the first beyond 32 MB, 33_554_432
KEPT = hasattr(mmap, "MADV_FREE")


def logits(size, dtype=np.float32):
    """An array of `size` bytes, cheap to make."""
    return np.resize(np.linspace(-3, 5, 1000, dtype=dtype), (size // 4000, 4000 // np.dtype(dtype).itemsize))


def kept_size(size=LEAST):
    """What memory of this size that was kept begins with, and no cleared page does."""
    return int(_core.empty_like(logits(size), np.dtype(np.float32)).reshape(-1)[:2].view(np.uintp)[0])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("op", [sf.softmax, sf.log_softmax])
def test_the_next_result_has_the_memory_of_the_last(op, order):
    x = np.asarray(logits(LEAST), order=order)
    first = op(x, axis=-1)
    second = op(x, axis=-1)
    assert first.flags.owndata and not np.shares_memory(first, second)
    assert np.array_equal(bits(first), bits(second)) and np.array_equal(bits(first), bits(op(x, axis=-1, out=np.empty_like(x))))
    if KEPT:
        del first, second
        assert kept_size() == x.nbytes


def test_other_results_are_numpys():
    large = logits(LEAST)
    assert get_handler_name(sf.softmax(large, axis=-1)) == "softmax_fast"
    assert get_handler_name(sf.softmax(logits(260_000), axis=-1)) == "default_allocator"
    assert get_handler_name(sf.logsumexp(large, axis=-1)) == "default_allocator"
    assert get_handler_name(np.empty(LEAST)) == "default_allocator"  # the handler of everybody else


@pytest.mark.parametrize("size", [264_000, 1_000_000, 4_000_000, LEAST - 4000, LEAST])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_they_begin_with_a_cache_line(size, dtype):
    x = logits(size, dtype)
    results = [sf.softmax(x, axis=-1) for _ in range(3)] + [sf.softmax(x.T, axis=0)]
    assert all(r.ctypes.data % 64 == 0 for r in results)
    assert all(np.array_equal(bits(r), bits(results[0])) for r in results[1:3])
    assert np.array_equal(bits(results[3].T), bits(results[0]))


@pytest.mark.skipif(not KEPT or sys.platform != "linux", reason="nothing is kept, or /proc does not tell")
def test_one_block_is_kept():
    sizes = [LEAST + k * 4_000_000 for k in range(5)]
    got = run_python(f"""
import numpy as np, softmax_fast as sf
from test_results import logits
def resident():
    with open("/proc/self/statm") as f: return int(f.read().split()[1]) * 4096
xs = [logits(n) for n in {sizes}]
before = resident()
for x in 2 * xs: sf.softmax(x, axis=-1)
print(resident() - before)
""", cwd=Path(__file__).parent)
    assert int(got) < sizes[-1] + 2_000_000


@pytest.mark.parametrize("size", [264_000, 1_000_000, LEAST - 4000, LEAST, LEAST + 4000])
def test_results_of_another_size(size):
    """They are not served from what is kept, larger or smaller, and may be resized."""
    x = logits(size)
    for kept in (LEAST + 8000, LEAST):
        sf.softmax(logits(kept), axis=-1)
        result = sf.softmax(x, axis=-1)
        assert np.array_equal(bits(result[-1]), bits(sf.softmax(x[-1])))
        assert not KEPT or size == kept or kept_size(kept) == kept
        result.resize((len(x) + 1, x.shape[1]), refcheck=False)
        assert np.array_equal(bits(result[-2]), bits(sf.softmax(x[-1]))) and not result[-1].any()
        result.resize((2, x.shape[1]), refcheck=False)
        assert np.array_equal(bits(result[-1]), bits(sf.softmax(x[1])))


def test_resized_wherever_they_lie():
    """Memory that moves by other than whole cache lines takes the array along."""
    x = logits(264_000)
    want, between, results = bits(sf.softmax(x, axis=-1)), [], []
    for k in range(40):
        between.append(np.empty(140_000 + 16 * k, np.uint8))
        results.append(sf.softmax(x, axis=-1))
    for k, result in enumerate(results):
        result.resize((len(x) + 100 + k, x.shape[1]), refcheck=False)
        assert np.array_equal(bits(result[: len(x)]), want)


def test_threads_do_not_share_it():
    x = logits(LEAST)
    want = bits(sf.softmax(x[:2], axis=-1))
    wrong = []

    def work():
        for k in range(6):
            result = sf.softmax(x, axis=-1)
            if not np.array_equal(bits(result[-2:]), want):
                wrong.append(k)
            result[:] = k

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_a_handler_somebody_set_is_respected():
    class Handler(ctypes.Structure):
        _fields_ = [("name", ctypes.c_char * 127), ("version", ctypes.c_uint8), ("allocator", ctypes.c_void_p * 5)]

    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    capsule = ctypes.pythonapi.PyCapsule_New
    capsule.restype, capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    api = ctypes.cast(pointer(_multiarray_umath._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
    set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(api[304])
    default = ctypes.cast(api[306], ctypes.POINTER(ctypes.py_object))[0]
    mine = Handler.from_buffer_copy(Handler.from_address(pointer(default, b"mem_handler")))
    mine.name = b"mine"
    handler = capsule(ctypes.addressof(mine), b"mem_handler", None)
    x = logits(LEAST)
    assert set_handler(handler) is default
    try:
        result = sf.softmax(x, axis=-1)
        assert get_handler_name(result) == get_handler_name(np.empty(3)) == "mine"
        del result
    finally:
        assert set_handler(default) is handler
    assert get_handler_name(sf.softmax(x, axis=-1)) == "softmax_fast"
