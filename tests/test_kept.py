"""Large results come in memory that the system need not clear: that of the last one, which it may take back at any time."""
import ctypes
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
LINUX = sys.platform == "linux"


def logits(size, dtype=np.float32):
    """An array of `size` bytes, cheap to make."""
    return np.resize(np.linspace(-3, 5, 1000, dtype=dtype), (size // 4000, 4000 // np.dtype(dtype).itemsize))


def kept_size():
    """What kept memory begins with, and no cleared page does."""
    return int(_core.empty_like(logits(LEAST), np.dtype(np.float32)).reshape(-1)[:2].view(np.uint64)[0])


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("op", [sf.softmax, sf.log_softmax])
def test_the_next_result_has_the_memory_of_the_last(op, order):
    x = np.asarray(logits(LEAST), order=order)
    first = op(x, axis=-1)
    second = op(x, axis=-1)
    assert first.flags.owndata and not np.shares_memory(first, second)
    assert np.array_equal(bits(first), bits(second)) and np.array_equal(bits(first), bits(op(x, axis=-1, out=np.empty_like(x))))
    if LINUX:
        assert get_handler_name(first) == "softmax_fast"
        del first, second
        assert kept_size() == x.nbytes


def test_smaller_and_other_results_are_numpys():
    small, large = logits(LEAST - 4000), logits(LEAST)
    assert get_handler_name(sf.softmax(small, axis=-1)) == "default_allocator"
    assert get_handler_name(sf.logsumexp(large, axis=-1)) == "default_allocator"
    assert get_handler_name(sf.softmax(large, axis=-1, dtype=np.float16)) == "default_allocator"
    assert get_handler_name(np.empty(LEAST)) == "default_allocator"  # the handler of everybody else


@pytest.mark.skipif(not LINUX, reason="nothing is kept")
def test_one_block_is_kept():
    sizes = [LEAST + k * 4_000_000 for k in range(5)]
    got = run_python(f"""
import numpy as np, softmax_fast as sf
from test_kept import logits
def resident():
    with open("/proc/self/statm") as f: return int(f.read().split()[1]) * 4096
xs = [logits(n) for n in {sizes}]
before = resident()
for x in 2 * xs: sf.softmax(x, axis=-1)
print(resident() - before)
""", cwd=Path(__file__).parent)
    assert int(got) < sizes[-1] + 2_000_000


def test_results_of_another_size():
    """They are not served from what is kept, whatever its size, and may be resized."""
    for extra in (4000, 8000, 4000, 0):
        x = logits(LEAST + extra)
        result = sf.softmax(x, axis=-1)
        assert np.array_equal(bits(result[-1]), bits(sf.softmax(x[-1])))
        result.resize((len(x) + 1, x.shape[1]), refcheck=False)
        assert np.array_equal(bits(result[-2]), bits(sf.softmax(x[-1]))) and not result[-1].any()


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
    assert get_handler_name(sf.softmax(x, axis=-1)) == ("softmax_fast" if LINUX else "default_allocator")
