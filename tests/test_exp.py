"""Promises 3 and 4, accurate and reproducible: exp of float32, bit pattern by bit pattern, and of float64 (tests/c/exp.c).

Each run takes every 1021st of all 2^32 float32. SOFTMAX_FAST_EXHAUSTIVE=1 takes all of them, of plain C every 64th;
SOFTMAX_FAST_EXHAUSTIVE=2 all of plain C too.
"""
import os
import re
import shutil
from pathlib import Path

import mpmath
import numpy as np
import pytest
from conftest import compiler, run
from oracle import WIDE

import softmax_fast as sf

PROGRAM = Path(__file__).parent / "c" / "exp.c"
EXHAUSTIVE = int(os.environ.get("SOFTMAX_FAST_EXHAUSTIVE", "0"))
STEPS = (1021, 64, 1) if EXHAUSTIVE else (1021,)

# Of all 2^32: the largest errors and where they are; the hashes of the bits of e, by step, of each part of a run.
WORST = {"ulp": (0.619203, "0x1.ac6f3ep+1"), "relative": (1.088817, "0x1.14d248p+5")}
HASHES = {
    1021: ["8a675ac05730eb22"],
    64: ["a6b57b0c1f41d06d"],
    1: ["06fdfb4784222325", "6c6ed91006aab313", "6699ba672e5a6028", "6d5aeb6e5ff4256f",
        "193080d1b4e251f9", "46aab2fff88f1c45", "7e59af6b937a48c4", "40a96d60d7622325"],
}


def build(directory, isa, include=None, *flags):
    """The program for one instruction set, of csrc/ or a copy of it."""
    run(compiler(), "-O2", "-std=c99", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-I",
        include or sf.get_include(), f"-DISA_{isa}", *flags, PROGRAM, "-lm", "-o", directory / f"exp_{isa}")
    return directory / f"exp_{isa}"


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("exp")
    return {isa: build(directory, isa) for isa in sf.isas()}


def measure(program, *arguments):
    """What the program prints, by name; the errors as numbers."""
    found = dict(line.split(": ") for line in run(program, *arguments).splitlines())
    assert found.pop("isa") == program.name.removeprefix("exp_")
    assert found["wrong results"] == "0"
    found["factor"] = float.fromhex(found["factor"])
    for name in WORST:
        found[name] = float(found[name].split()[0]), dict(re.findall(r"(\w+) = (\S+)", found[name]))
    return found


def bound(kernel="f32"):
    text = (Path(sf.get_include()) / f"smf_exp_{kernel}.h").read_text()
    return float(re.search(rf"#define {kernel}_EXP_BOUND_ULP ([\d.]+)", text)[1])


def exact_error(name, at, factor, digits=24, no_shift=512):
    """The error of the program's e, by mpmath."""
    x, largest, e = (mpmath.mpf(float.fromhex(at[key])) for key in ("x", "max", "e"))
    with mpmath.workdps(40):
        exact = mpmath.mpf(factor) * mpmath.exp(x - (largest if abs(largest) > no_shift else 0)) * mpmath.mpf(2) ** int(at["k"])
        unit = mpmath.mpf(2) ** (mpmath.frexp(min(e, exact))[1] - digits) if name == "ulp" else exact / 2**digits
        return float(abs(e - exact) / unit)


def pattern(x):
    return int(np.float32(x).view(np.uint32))


@pytest.mark.parametrize("step", STEPS)
def test_bound_and_bits(step, programs):
    """Every instruction set: the same bits of e, errors and counts; their largest error within the bound."""
    isas = [isa for isa in programs if step > 1 or isa != "scalar" or EXHAUSTIVE > 1] or ["scalar"]
    parts = 8 if step == 1 else 1
    size = -(-2**32 // (step * parts))
    found = [[measure(programs[isa], part * size * step, step, size) for part in range(parts)] for isa in isas]
    for isa, other in zip(isas, found, strict=True):
        assert other == found[0], isa
    assert sum(int(part["values"]) for part in found[0]) == -(-2**32 // step)
    assert [part["hash"] for part in found[0]] == HASHES[step]
    for name in WORST:
        for part in found[0]:
            error, at = part[name]
            assert error == 0 or error == pytest.approx(exact_error(name, at, part["factor"]), abs=2e-6)
        error, at = max((part[name] for part in found[0]), key=lambda largest: largest[0])
        assert WORST[name][0] - 0.02 < error <= WORST[name][0]
        if step == 1:
            assert (error, at["x"]) == WORST[name]
    for part in found[0]:
        assert part["ulp"][0] <= bound()
        assert float(part["reference"].split()[0]) < 1  # ulp of a double: 2^-29 of these
    if step == 1:
        assert sum(int(part["nan"]) for part in found[0]) == 3 * (2**24 - 2)  # the infinities are none


@pytest.mark.parametrize("x", [0, -0.0, np.inf, -np.inf, 1, 512, -512, *(m - 190 * np.log(2) for m in (-512, 0, 512)),
                               *(float.fromhex(x) for _, x in WORST.values())])
def test_edges(x, programs):
    """The 2048 patterns around signs, infinities and NaNs, the shift, the least e and the worst cases."""
    first = max(pattern(x) - 1024, 0)
    found = [measure(program, first, 1, 2048) for program in programs.values()]
    assert all(other == found[0] for other in found)
    assert found[0]["ulp"][0] <= bound()


def test_bound_is_the_worst_case(programs):
    """No smaller one of two decimals would do."""
    for name, (error, x) in WORST.items():
        for program in programs.values():
            assert measure(program, pattern(float.fromhex(x)), 1, 1)[name][0] == error
    assert bound() - 0.01 < WORST["ulp"][0] <= bound()


# --------------------------------------------------------------------------------------------------------
# float64: some of all numbers, some of each size that matters, and those where the reduction takes the next step

def some(count, low, high):
    """Arguments for so many numbers from low to high, their bits at equal distances, which are odd."""
    low, high = (int(np.float64(x).view(np.uint64)) for x in (low, high))
    return low, (high - low) // count | 1, count


RUNS = {
    "everything": (0, 2**64 // 1_000_000 | 1),
    "positive": some(1_000_000, 2.0**-30, 8192),
    "negative": some(1_000_000, -(2.0**-30), -8192),
    "ties": ("ties",),
}


@pytest.fixture(scope="module")
def programs_f64(tmp_path_factory):
    directory = tmp_path_factory.mktemp("exp_f64")
    return [build(directory, isa, None, "-DDOUBLE") for isa in sf.isas()]


@pytest.mark.skipif(not WIDE, reason="long double is float64")
@pytest.mark.parametrize("numbers", RUNS)
def test_float64(numbers, programs_f64):
    """Every instruction set: the same bits of e, and errors; the largest, of which mpmath is the judge, within the bound."""
    found = [measure(program, *RUNS[numbers]) for program in programs_f64]
    assert all(other == found[0] for other in found)
    assert int(found[0]["values"]) >= 100_000
    for name in WORST:
        error, at = found[0][name]
        assert error == pytest.approx(exact_error(name, at, found[0]["factor"], 53, 4096), abs=2**-10)  # expl's
    assert 0.5 < exact_error("ulp", found[0]["ulp"][1], found[0]["factor"], 53, 4096) <= bound("f64")


@pytest.mark.skipif(not WIDE, reason="long double is float64")
@pytest.mark.parametrize("before,after", [
    (r"(f64_Q \{)\S+,", r"\g<1>0.5,"), (r"(f64_STEP_LO) \S+", r"\1 0.0"),
], ids=["polynomial", "ln2"])
def test_wrong_constants_break_the_bound_of_float64(before, after, tmp_path):
    program = damaged(tmp_path, "smf_exp_f64.h", before, after, "-DDOUBLE")
    assert max(measure(program, *RUNS[numbers])["ulp"][0] for numbers in ("positive", "ties")) > bound("f64")


# --------------------------------------------------------------------------------------------------------
# What is wrong is found

def damaged(directory, file, before, after, *flags):
    """The program of plain C with one change in one file of csrc/."""
    include = shutil.copytree(sf.get_include(), directory / "csrc")
    text, changes = re.subn(before, after, (include / file).read_text())
    assert changes == 1
    (include / file).write_text(text)
    return build(directory, "scalar", include, *flags)


@pytest.mark.parametrize("before,after", [
    (r"(f32_Q \{\S+), \S+,", r"\1, 0x1.55p-3f,"),              # a coefficient of 9 bits
    (r"(f32_STEP_LO) \S+", r"\1 0.0f"),                        # ln2/8 in one part
    (r"(f32_power\[8\] = \{\w+), (\w+),", r"\1, \2 + 1,"),        # a power of two an ulp above the nearest
], ids=["polynomial", "ln2", "power"])
def test_wrong_constants_break_the_bound(before, after, programs, tmp_path):
    found = measure(damaged(tmp_path, "smf_exp_f32.h", before, after), 0, 8191)
    assert found["ulp"][0] > bound()
    assert found["hash"] != measure(programs["scalar"], 0, 8191)["hash"]


@pytest.mark.parametrize("after,why", [
    (r"v_fma_above(\1, \2, \2, v_add(\3, v_set1(0)), \4)", None),
    (r"v_pick(\3, \4, v_fma(\1, \2, \2), v_set1(0))", "a number from NaN"), (r"v_fma(\1, \2, \2)", "not \\+0 at low and below"),
], ids=["nothing", "NaN", "low"])
def test_wrong_results_are_found(after, why, tmp_path):
    """A NaN is not taken for a number at low or below, nor is such a one left as it is; a change that is none passes."""
    program = damaged(tmp_path, "smf_rows.h", r"v_fma_above\((u\[j\]), (s\[j\]), s\[j\], (d\[j\]), (\S*low)\)", after)
    if why is None:
        measure(program, 0, 8191)
        return
    with pytest.raises(AssertionError, match=f"wrong: {why}"):
        measure(program, 0, 8191)
