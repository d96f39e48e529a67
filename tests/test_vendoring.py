"""Promise 5, vendorable: csrc/ builds alone, without flags, exports only smf_ names, and serves C and Cython."""
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import bits, compiler, objects, run

import softmax_fast as sf

EXAMPLES = Path(__file__).parents[1] / "examples"
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror")
FLAGS = ("-O0 -std=c99", "-O3 -march=native -std=gnu99 -ffp-contract=fast", "-std=c99 -Os -fPIC", "-std=c17 -fsyntax-only")


def compiled(directory, flags=FLAGS[0]):
    return objects(compiler(), flags)


@pytest.mark.ahead(work=compiled)
@pytest.mark.parametrize("flags", FLAGS)
def test_compile(flags, done):
    """As a vendor would, by one command, without a warning."""
    assert len(sf.get_sources()) >= 5
    assert len(done()) == (0 if "syntax" in flags else len(sf.get_sources()))


def test_header_alone_and_in_cpp(tmp_path):
    (tmp_path / "a.c").write_text('#include "softmax_fast.h"\nint unused_here;\n')
    run(compiler(), *STRICT, "-pedantic", "-I", sf.get_include(), "-c", tmp_path / "a.c", "-o", tmp_path / "a.o")
    run(compiler(), "-x", "c++", "-Wall", "-Werror", "-I", sf.get_include(), "-fsyntax-only", tmp_path / "a.c")


@pytest.mark.parametrize("flags", [("-ffast-math",), ("-Ofast",), ("-ffinite-math-only",)], ids=" ".join)
def test_fast_math_is_refused(flags, tmp_path):
    with pytest.raises(AssertionError, match="compile csrc/ without -ffast-math"):
        run(compiler(), *flags, "-c", *sf.get_sources(), cwd=tmp_path)


@pytest.mark.ahead(work=compiled)
def test_symbols(done):
    """Everything defined begins with smf_; wanted from outside are fma, memory functions, expl and log1pl (long double)."""
    defined, wanted = set(), set()
    for line in run("nm", "-g", *done()).splitlines():
        found = re.match(r"(?:[0-9a-f]+)?\s+([A-Za-z]) (\S+)", line)
        if found:
            (wanted if found[1] == "U" else defined).add(found[2].lstrip("_") if sys.platform == "darwin" else found[2])
    assert defined and all(name.startswith("smf_") for name in defined), defined
    outside = {n for n in wanted - defined if not n.startswith("_")}
    assert outside <= {"expl", "log1pl", "fma", "fmaf", "memcpy", "memset", "memmove", "strcmp"}, outside


def test_no_python_no_allocation_no_stdio():
    for path in [*Path(sf.get_include()).glob("*.[ch]")]:
        included = set(re.findall(r"#include [<](.+)[>]", path.read_text()))
        assert included <= {"stddef.h", "stdint.h", "string.h", "math.h", "float.h", "immintrin.h", "arm_neon.h",
                            "cpuid.h", "intrin.h"}
        assert not re.search(r"\b(malloc|calloc|free|printf|getenv)\(", path.read_text())


@pytest.mark.ahead(work=compiled)
def test_c_program(done, tmp_path):
    run(compiler(), *STRICT, "-I", sf.get_include(), EXAMPLES / "vendored.c", *done(), "-lm",
        "-o", tmp_path / "vendored")
    isa, *lines = run(tmp_path / "vendored").split("\n")
    assert isa == sf.isas()[0]
    logits = np.array([[1, 2, 3], [1000] * 3], np.float32)
    for row, line in zip(logits, lines, strict=False):
        want = [*sf.softmax(row), sf.logsumexp(row), sf.log_softmax(row)[0]]
        assert bits(np.array(line.split(), np.float32)) == bits(np.array(want, np.float32))


def cython_module(directory):
    """The example built outside the source tree, from the installed package; flags say how fast it is, and how soon done."""
    work = shutil.copytree(EXAMPLES / "cython_module", directory / "module")
    run(sys.executable, "setup.py", "build_ext", "--inplace", cwd=work, env={**os.environ, "CFLAGS": "-O1"})
    return work


@pytest.mark.ahead(work=cython_module)
def test_cython_module(done):
    code = """
import numpy as np, softmax_fast, weighted_mean
rng = np.random.default_rng(0)
scores, values = rng.standard_normal((5, 9)).astype('f4'), rng.standard_normal((9, 4)).astype('f4')
np.testing.assert_allclose(weighted_mean.attention(scores, values), softmax_fast.softmax(scores, -1) @ values, rtol=1e-5)
one = weighted_mean.attention(scores, np.eye(9, dtype='f4'))
assert one.tobytes() == softmax_fast.softmax(scores, -1).tobytes()
"""
    run(sys.executable, "-c", code, cwd=done())


def test_paths():
    assert (Path(sf.get_include()) / "softmax_fast.h").is_file()
    assert all(os.path.isfile(p) and p.endswith(".c") for p in sf.get_sources())
    assert (Path(sf.get_include()) / "README.md").is_file()
