"""Promise 4, reproducible, and dispatch: every instruction set gives the bits of plain C, and can be forced."""
import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import OPS, bits, run_python
from test_accuracy import CLASSES

import softmax_fast as sf


def test_forcing_works():
    """First of all: what is forced is what runs."""
    before = sf.isa()
    for name in sf.isas():
        sf.use_isa(name)
        assert sf.isa() == name
    sf.use_isa(before)


def test_best_is_chosen():
    env = {k: v for k, v in os.environ.items() if k != "SOFTMAX_FAST_ISA"}
    assert run_python("import softmax_fast as s; print(s.isa() == s.isas()[0], s.isas()[-1])", env=env).split() == [
        "True", "scalar"]


def cpu_flags():
    with open("/proc/cpuinfo") as lines:
        return next((set(line.split()) for line in lines if line.startswith(("flags", "Features"))), set())


@pytest.mark.skipif(not os.path.exists("/proc/cpuinfo"), reason="needs the kernel's own list of features")
def test_detection_agrees_with_the_kernel():
    flags = cpu_flags()
    if {"avx2", "fma", "popcnt"} <= flags:
        assert "avx2" in sf.isas()
    if {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= flags:
        assert sf.isas()[0] == "avx512"
    if "asimd" in flags:
        assert sf.isas()[0] == "neon"


@pytest.mark.parametrize("name", ["sse9", "", "AVX2", "scalar ", "scalar\0"])
def test_unknown_name(name):
    before = sf.isa()
    with pytest.raises(ValueError, match="choose from .*scalar"):
        sf.use_isa(name)
    assert sf.isa() == before


@pytest.mark.parametrize("name", [None, 1, b"scalar"])
def test_name_of_wrong_type(name):
    with pytest.raises(TypeError, match="name must be a str"):
        sf.use_isa(name)


def test_environment():
    for name in sf.isas():
        env = dict(os.environ, SOFTMAX_FAST_ISA=name)
        assert run_python("import softmax_fast; print(softmax_fast.isa())", env=env).strip() == name
    done = subprocess.run([sys.executable, "-c", "import softmax_fast"], capture_output=True, text=True,
                          env=dict(os.environ, SOFTMAX_FAST_ISA="mmx"))
    assert done.returncode != 0
    assert "SOFTMAX_FAST_ISA" in done.stderr and "'mmx'" in done.stderr and "scalar" in done.stderr


def results(x):
    return [bits(getattr(sf, op)(x, -1)) for op in OPS]


def same_everywhere(x):
    before = sf.isa()
    try:
        sf.use_isa("scalar")
        want = results(x)
        for name in sf.isas():
            sf.use_isa(name)
            for op, got, bits_of_c in zip(OPS, results(x), want, strict=True):
                assert got == bits_of_c, (name, op, x.dtype, x.shape)
    finally:
        sf.use_isa(before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("label", CLASSES)
def test_same_bits(dtype, label, rng):
    for n in [*range(1, 70), 127, 128, 129, 255, 1000, 1001, 4096, 100000]:
        same_everywhere(np.stack([CLASSES[label](rng, n) for _ in range(1 if n > 5000 else 4)]).astype(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_bits_of_any_bit_pattern(dtype, rng):
    """Rows of random bits: denormals, infinities, NaNs with payloads, huge and tiny values side by side."""
    size = np.dtype(dtype).itemsize
    for n in (1, 2, 5, 16, 33, 70):
        x = rng.integers(0, 256, (300, n * size), dtype=np.uint8).view(dtype)
        same_everywhere(x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_same_bits_of_special_rows(dtype):
    special = [np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, np.finfo(dtype).max, np.finfo(dtype).min,
               np.finfo(dtype).smallest_subnormal]
    for n in (2, 17, 40):
        for a in special:
            for b in special:
                for at in {0, n // 2, n - 1}:
                    x = np.full((1, n), a, dtype=dtype)
                    x[0, at] = b
                    same_everywhere(x)


@pytest.mark.parametrize("dtype,lanes", [("float32", 16), ("float64", 8)])
def test_every_lane_counts(dtype, lanes, isa):
    """The maximum, and a NaN, in each lane of each part of the row: groups of vectors, single ones, the tail."""
    for n in (lanes - 1, lanes, 4 * lanes, 6 * lanes + 3):
        for at in range(n):
            x = np.zeros(n, dtype=dtype)
            x[at] = 30
            assert np.argmax(sf.softmax(x)) == at
            assert sf.softmax(x).sum() == pytest.approx(1, abs=1e-6)
            assert sf.logsumexp(x) == pytest.approx(30)
            x[at] = np.nan
            assert np.isnan(sf.softmax(x)).all() and np.isnan(sf.log_softmax(x)).all() and np.isnan(sf.logsumexp(x))
