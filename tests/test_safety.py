"""Promise 6, safe: nothing is read or written outside the arguments; fork, threads, repeated import and Ctrl-C."""
import ctypes
import mmap
import os
import signal
import subprocess
import sys
import threading

import ml_dtypes
import numpy as np
import pytest
from conftest import bits, compiler, run, run_python

import softmax_fast as sf

DTYPES = [np.float32, np.float64]


@pytest.fixture(scope="module")
def guarded():
    """buffer(nbytes, at_end): a byte buffer that touches an unreadable page at its end or its beginning."""
    if sys.platform == "win32":
        pytest.fail("guard pages need mprotect: port this fixture to VirtualProtect")
    page = mmap.PAGESIZE
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    pages = 3
    memory = mmap.mmap(-1, (pages + 2) * page)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert libc.mprotect(base, page, 0) == 0
    assert libc.mprotect(base + (pages + 1) * page, page, 0) == 0

    def buffer(nbytes, at_end):
        start = (pages + 1) * page - nbytes if at_end else page
        return (ctypes.c_char * nbytes).from_address(base + start)

    yield buffer
    libc.mprotect(base, page, 3)
    libc.mprotect(base + (pages + 1) * page, page, 3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("at_end", [True, False])
def test_guard_pages(op, dtype, at_end, isa, guarded, rng):
    """Every length from 0 to 300: input and result each against an unreadable page (a fault kills the process)."""
    size = np.dtype(dtype).itemsize
    for n in range(301):
        values = rng.standard_normal(n).astype(dtype)
        x = np.frombuffer(guarded(n * size, at_end), dtype) if n else np.empty(0, dtype)
        x[...] = values
        want = op(values)
        assert bits(op(x)) == bits(want)
        assert bits(x) == bits(values)
        if op is not sf.logsumexp:
            assert bits(op(x, out=x)) == bits(want)  # in place: now the result is what touches the page


@pytest.mark.parametrize("dtype", [*DTYPES, "float16", ml_dtypes.bfloat16])
@pytest.mark.parametrize("at_end", [True, False])
def test_guard_pages_of_many_rows(op, dtype, at_end, isa, guarded, rng):
    """Short rows one after the other, and side by side: groups of them, some left over, each beside an unreadable page; and a few
    longer ones."""
    dtype = np.dtype(dtype)
    for n in [*range(1, 14), 21, 64, 65, 97, 128, 300]:
        for rows in (8, 15, 16, 17, 40, 70) if n < 97 else (2, 3, 7, 9, 13):
            if rows * n * dtype.itemsize > 3 * mmap.PAGESIZE:
                continue
            values = rng.standard_normal((rows, n)).astype(dtype)
            for axis, x in ((-1, values), (0, values.T)):
                want = bits(op(x.copy(), axis))
                held = np.frombuffer(guarded(x.nbytes, at_end), dtype).reshape(x.shape)
                held[...] = x
                assert bits(op(held, axis)) == want
                assert bits(held) == bits(x)
                if op is not sf.logsumexp:
                    op(x, axis, out=held)
                    assert bits(held) == want
                    held[...] = x
                    assert bits(op(held, axis, out=held)) == want


@pytest.mark.parametrize("dtype", [*DTYPES, "float16"])
@pytest.mark.parametrize("step", [2, 3, 4, 7, 8, -1, -2, -3, -7])
@pytest.mark.parametrize("at_end", [True, False])
def test_guard_pages_of_strided_rows(op, dtype, step, at_end, isa, guarded, rng):
    """The first and the last element touch the unreadable pages; what lies between the elements stays as it is."""
    size = np.dtype(dtype).itemsize
    for n in [*range(1, 70), 127, 128, 300 if abs(step) < 5 else 190]:
        line = (n - 1) * abs(step) + 1
        rows = min(n % 8 + 1, 3 * mmap.PAGESIZE // (line * size))
        values = rng.standard_normal((rows, n)).astype(dtype)
        want = bits(op(values, -1))
        held = np.frombuffer(guarded(rows * line * size, at_end), dtype).reshape(rows, line)
        held[...] = 7
        x = held[:, ::step]
        assert x.shape == (rows, n)
        x[...] = values
        assert bits(op(x, -1)) == want
        if op is not sf.logsumexp:
            op(values, -1, out=x)
            assert bits(x) == want
            x[...] = values
            assert bits(op(x, -1, out=x)) == want
        x[...] = 7
        assert np.all(held == 7)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", [-1, 0])
def test_nothing_beside_many_rows_is_written(dtype, axis, isa, rng):
    for n in [*range(1, 20), 33, 64, 65]:
        for rows in (8, 9, 16, 17, 31, 64, 150):
            x = rng.standard_normal((rows, n) if axis else (n, rows)).astype(dtype)
            for gap in (0, 3):
                memory = np.full(x.size + x.shape[0] * gap + 80, 7.0, dtype)
                out = memory[40:40 + x.shape[0] * (x.shape[1] + gap)].reshape(x.shape[0], -1)[:, :x.shape[1]]
                sf.softmax(x, axis, out=out)
                assert bits(out) == bits(sf.softmax(x, axis))
                out[...] = 7
                assert np.all(memory == 7)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_beside_the_result_is_written(dtype, isa, rng):
    for n in [*range(1, 40), 64, 65, 130]:
        for f in (sf.softmax, sf.log_softmax):
            memory = np.full((3, n + 40), 7.0, dtype)
            out = memory[1, 20:20 + n]
            x = rng.standard_normal(n).astype(dtype)
            f(x, out=out)
            assert bits(out) == bits(f(x))
            assert np.all(memory[[0, 2]] == 7) and np.all(memory[1, :20] == 7) and np.all(memory[1, 20 + n:] == 7)
            strided = memory.reshape(-1)[::2][:n]
            memory[...] = 7
            f(x, out=strided)
            assert bits(strided) == bits(f(x))
            assert np.all(memory.reshape(-1)[1::2] == 7) and np.all(memory.reshape(-1)[2 * n:] == 7)


SANITIZED = r"""
#include "softmax_fast.h"
#include <math.h>
#include <stdlib.h>
static const size_t counts[] = {0, 1, 2, 3, 8, 15, 16, 17, 33, 70, 150};
#define CHECK(F, D, R)                                                                      \
    for (size_t n = 0; n < 150; n += n < 70 ? 1 : 7)                                        \
        for (size_t c = 0; c < (n < 8 || n == 21 ? 11 : 4); c++) {                                    \
            const size_t rows = counts[c];                                                  \
            R *x = malloc(rows * n * sizeof(R)), *y = malloc(rows * n * sizeof(R)), *z = malloc((rows + n + 1) * sizeof(R)); \
            for (size_t i = 0; i < rows * n; i++) x[i] = (R)(i % 7 == 3 ? -INFINITY : sin((double)i) * (i % 5 || rows == 150 ? 9 : 900)); \
            smf_softmax_##F(rows, n, x, (ptrdiff_t)n, y, (ptrdiff_t)n);                     \
            smf_log_softmax_##F(rows, n, x, (ptrdiff_t)n, y, (ptrdiff_t)n);                 \
            smf_logsumexp_##F(rows, n, x, (ptrdiff_t)n, z, 1);                              \
            smf_job job = {n, rows, x, sizeof(R), (ptrdiff_t)(n * sizeof(R)), y, sizeof(R), (ptrdiff_t)(n * sizeof(R))}; \
            smf_run(SMF_SOFTMAX, D, &job);                                                  \
            smf_run(SMF_LOG_SOFTMAX, D, &job);                                              \
            job.y = z;                                                                      \
            smf_run(SMF_LOGSUMEXP, D, &job);                                                \
            for (int k = -1; k < 10; k += k < 2 ? 3 : 7) { /* every |k|-th element of them all, one row or two, both ways */ \
                const size_t few = 1 + n % 2, some = rows * n / few, step = (size_t)(k < 0 ? -k : k), m = some ? (some - 1) / step + 1 : 0; \
                const ptrdiff_t col = k * (ptrdiff_t)sizeof(R), row = (ptrdiff_t)(some * sizeof(R)), first = k < 0 && m > 0 ? (ptrdiff_t)(m - 1) : 0; \
                smf_job part = {few, m, x + first, row, col, y + first, row, col};          \
                smf_run(SMF_SOFTMAX, D, &part);                                             \
                smf_run(SMF_LOG_SOFTMAX, D, &part);                                         \
                part.y = z, part.y_row = sizeof(R);                                         \
                smf_run(SMF_LOGSUMEXP, D, &part);                                           \
            }                                                                               \
            for (int half = SMF_F16; half <= SMF_BF16 && n > 0; half++) {                   \
                char *const h = (char *)x + rows * n * (sizeof(R) - 2), *const g = (char *)y + rows * n * (sizeof(R) - 2); \
                smf_job job2 = {rows, n, h, (ptrdiff_t)n * 2, 2, g, (ptrdiff_t)n * 2, 2};   \
                smf_job beside = {n, rows, h, 2, (ptrdiff_t)n * 2, g, 2, (ptrdiff_t)n * 2}; \
                for (int op = 0; op < SMF_OPS; op++) {                                      \
                    if (op == SMF_LOGSUMEXP) job2.y_row = 2, job2.y = beside.y = z;         \
                    smf_run((smf_op)op, (smf_dtype)half, &job2);                            \
                    smf_run((smf_op)op, (smf_dtype)half, &beside);                          \
                }                                                                           \
            }                                                                               \
            smf_softmax_##F(rows, n, x, (ptrdiff_t)n, x, (ptrdiff_t)n);                     \
            free(x);                                                                        \
            free(y);                                                                        \
            free(z);                                                                        \
        }
static void check_long(size_t n)
{
    long double *x = malloc(2 * n * sizeof *x), *y = malloc(2 * n * sizeof *y), *z = malloc(2 * sizeof *z);
    smf_job job = {2, n, x, (ptrdiff_t)(n * sizeof *x), sizeof *x, y, (ptrdiff_t)(n * sizeof *y), sizeof *y};
    for (size_t i = 0; i < 2 * n; i++) x[i] = i % 7 == 3 ? -INFINITY : sin((double)i) * (i % 5 ? 9 : 20000);
    smf_run(SMF_SOFTMAX, SMF_LONG, &job);
    smf_run(SMF_LOG_SOFTMAX, SMF_LONG, &job);
    job.y = z;
    job.y_row = sizeof *z;
    smf_run(SMF_LOGSUMEXP, SMF_LONG, &job);
    free(x);
    free(y);
    free(z);
}
int main(void)
{
    const char *name;
    for (size_t n = 0; n < 40; n++) check_long(n);
    for (size_t i = 0; (name = smf_isas(i)) != NULL; i++) {
        if (smf_use_isa(name)) return 1;
        CHECK(f32, SMF_F32, float)
        CHECK(f64, SMF_F64, double)
    }
    return 0;
}
"""


def sanitized(directory, sanitizer):
    (directory / "main.c").write_text(SANITIZED)
    option = "asan-instrumentation-with-call-threshold=0"  # in line the checks take four times as long to compile
    run(compiler(), "-std=c99", "-O1", "-g1", f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all",
        *(("-mllvm", f"-{option}") if "clang" in run(compiler(), "--version") else ("--param", option)),
        "-I", sf.get_include(), directory / "main.c", *sf.get_sources(), "-lm", "-o", directory / "main")
    return run(directory / "main")


@pytest.mark.ahead(work=sanitized)
@pytest.mark.parametrize("sanitizer", ["address", "undefined"])
def test_sanitizers(sanitizer, done):
    """Over heap blocks of the exact size, all instruction sets."""
    done()


def test_threads(op, rng):
    """Concurrent calls, with another thread switching instruction sets all the while: the same bits."""
    x = rng.standard_normal((64, 1000))
    want = bits(op(x, -1))
    wrong, stop = [], threading.Event()

    def call():
        for _ in range(100):
            if bits(op(x, -1)) != want:
                wrong.append(1)

    def switch():
        while not stop.is_set():
            for name in sf.isas():
                sf.use_isa(name)

    before = sf.isa()
    switcher = threading.Thread(target=switch)
    callers = [threading.Thread(target=call) for _ in range(4)]
    for t in [switcher, *callers]:
        t.start()
    for t in callers:
        t.join()
    stop.set()
    switcher.join()
    sf.use_isa(before)
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_fork():
    run_python("""
import os, numpy as np, softmax_fast as sf
x = np.random.default_rng(0).standard_normal((300, 1000))
want = sf.softmax(x, -1).tobytes()
pids = []
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if sf.softmax(x, -1).tobytes() == want else 1)
    pids.append(pid)
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
assert sf.softmax(x, -1).tobytes() == want
""")


def test_import_twice():
    run_python("""
import sys, numpy as np
import softmax_fast
first = softmax_fast.softmax
for name in [m for m in sys.modules if m.startswith('softmax_fast')]:
    if name != 'softmax_fast._core':  # CPython does not load an extension module a second time
        del sys.modules[name]
import softmax_fast
assert softmax_fast.softmax is first
assert abs(softmax_fast.softmax(np.ones(4)) - 0.25).max() == 0
""")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_interrupt():
    """Ctrl-C during a run of calls ends it with KeyboardInterrupt, soon, and the process goes on."""
    code = """
import numpy as np, softmax_fast as sf, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent may have had it ignored
x = np.ones((1000, 1000), np.float32)
try:
    print('ready', flush=True)
    while True:
        sf.softmax(x, -1)
except KeyboardInterrupt:
    assert sf.softmax(x[0], -1)[0] == np.float32(0.001)
    print('interrupted')
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as p:
        try:
            assert p.stdout.readline().strip() == "ready"
            p.send_signal(signal.SIGINT)
            out, _ = p.communicate(timeout=30)
        finally:
            p.kill()
    assert out.strip() == "interrupted" and p.returncode == 0


def test_no_references_are_lost(op):
    """Reference counts and memory stay where they were, on good calls and bad ones."""
    x = np.ones((3, 4), np.float32)
    out = np.empty_like(x)
    bad = np.empty(5)
    counts = [sys.getrefcount(v) for v in (x, out, bad)]
    for _ in range(1000):
        op(x, -1)
        op(x, 0)
        op(x.T, (0, 1))
        for kwargs in ({"axis": 7}, {"out": bad}, {"axis": "x"}):
            with pytest.raises((ValueError, TypeError)):
                op(x, **kwargs)
        if op is not sf.logsumexp:
            op(x, -1, out=out)
            op(x, 0, out=out)
    assert [sys.getrefcount(v) for v in (x, out, bad)] == counts
