"""Typed: the stubs agree with the functions, and a type checker accepts good calls and refuses bad ones."""
import sys

import pytest
from conftest import run

import softmax_fast as sf

GOOD = """
import numpy as np
from softmax_fast import get_sources, isas, log_softmax, logsumexp, softmax, use_isa

x = np.ones((2, 3), np.float32)
y: np.ndarray = softmax(x, -1, out=x)
z: np.ndarray = log_softmax([1.0, 2.0], axis=(0,))
total = logsumexp(x, axis=None, b=2.0, keepdims=True)
value, sign = logsumexp(x, return_sign=True, dtype=np.dtype("f8"))
for dtype in (None, "f4", float, complex, np.float16, np.dtype(np.longdouble)):
    y = softmax(x, dtype=dtype)
    z = log_softmax(x, dtype=dtype)
    total = logsumexp(x, dtype=dtype)
use_isa(isas()[0])
names: list[str] = get_sources()
"""

BAD = ["softmax('x', axis='last')", "softmax([1.0], -1, None)", "log_softmax([1.0], axis=[0])", "use_isa(3)",
       "logsumexp([1.0], keepdims='yes')", "softmax([1.0], dtype=3)", "logsumexp([1.0], dtype=1.0)"]


def mypy(tmp_path, code):
    (tmp_path / "code.py").write_text(code)
    return run(sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--cache-dir", tmp_path, tmp_path / "code.py")


def test_good(tmp_path):
    mypy(tmp_path, GOOD)


def test_bad(tmp_path):
    code = "from softmax_fast import log_softmax, logsumexp, softmax, use_isa\n" + "\n".join(BAD)
    with pytest.raises(AssertionError) as report:
        mypy(tmp_path, code)
    for line in range(2, len(BAD) + 2):
        assert f"code.py:{line}: error" in str(report.value)


def test_stubs_agree_with_the_module():
    run(sys.executable, "-m", "mypy.stubtest", "softmax_fast", "--ignore-missing-stub", "--concise",
        "--ignore-disjoint-bases")


def test_public_names():
    assert set(sf.__all__) == {"BOUNDS", "get_include", "get_sources", "isa", "isas", "log_softmax", "logsumexp",
                               "softmax", "use_isa"}
    for name in sf.__all__:
        assert name == "BOUNDS" or getattr(sf, name).__doc__
