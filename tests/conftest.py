"""What several promises need: forcing an instruction set, finding tools, compiling C, calling bits bits."""
import shutil
import subprocess
import sys

import numpy as np
import pytest

import softmax_fast as sf

OPS = ("softmax", "log_softmax", "logsumexp")


@pytest.fixture(params=sf.isas())
def isa(request):
    """Each instruction set of this machine, forced, and proved to be forced."""
    before = sf.isa()
    sf.use_isa(request.param)
    assert sf.isa() == request.param
    yield request.param
    assert sf.isa() == request.param
    sf.use_isa(before)


@pytest.fixture(params=OPS)
def op(request):
    """Each public function."""
    return getattr(sf, request.param)


@pytest.fixture
def rng():
    return np.random.default_rng(20260101)


def bits(a):
    """An array's values as bytes in logical order: equal for equal bits, NaN payloads and zero signs included."""
    return np.ascontiguousarray(a).tobytes()


def compiler():
    """The C compiler; a machine without one cannot have built the package."""
    found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    assert found, "no C compiler on the PATH"
    return found


def tool(name, packages):
    """A program that CI must have: found, or a failure that says how to get it."""
    found = shutil.which(name)
    assert found, f"{name} is missing: apt-get install {packages}, or leave these tests out: pytest -m 'not machines'"
    return found


def run(*command, **kwargs):
    """Run a command; its output, or a failure that shows it."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=600, **kwargs)
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_python(code, **kwargs):
    return run(sys.executable, "-W", "error", "-c", code, **kwargs)
