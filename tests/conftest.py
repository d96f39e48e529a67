"""What several promises need: forcing an instruction set, finding tools, compiling C, calling bits bits.

Compilers and emulators take most of the time. They run on the other CPUs, ahead of the tests that want them: a test marked
@pytest.mark.ahead(work=work) has the fixture `done`; done() is the result of work(a directory, **its parameters), or fails.
"""
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import softmax_fast as sf

OPS = ("softmax", "log_softmax", "logsumexp")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.get_closest_marker("ahead") is not None)  # these last, others in their order


@pytest.fixture(scope="session", autouse=True)
def ahead(request, tmp_path_factory):
    """{test: its work, and the future of that}, which begins with the first test."""
    with ThreadPoolExecutor(max(1, os.cpu_count() - 1)) as pool:  # one CPU is for the tests themselves
        begun = {}
        for item in reversed(request.session.items):  # the tests come from the other end
            if mark := item.get_closest_marker("ahead"):
                parameters = item.callspec.params if hasattr(item, "callspec") else {}
                work = functools.partial(mark.kwargs["work"], tmp_path_factory.mktemp("ahead"), **parameters)
                begun[item.nodeid] = work, pool.submit(work)
        yield begun
        pool.shutdown(cancel_futures=True)


@pytest.fixture
def done(ahead, request):
    """done() is the result of the test's work, which is done here where no other CPU has begun with it."""
    work, future = ahead[request.node.nodeid]
    return lambda: work() if future.cancel() else future.result()


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


WARNINGS = ("-Wall", "-Wextra", "-Werror", "-pedantic", "-Wshadow", "-Wstrict-prototypes")
_futures, _lock, _directories = {}, threading.Lock(), tempfile.TemporaryDirectory()


def once(key, work, *arguments):
    """work(a directory, *arguments), once for all tests; whoever asks for the same key waits for the first."""
    with _lock:
        first = key not in _futures
        future = _futures.setdefault(key, Future())
    if first:
        try:
            future.set_result(work(Path(tempfile.mkdtemp(dir=_directories.name)), *arguments))
        except BaseException as error:
            future.set_exception(error)
    return future.result()


def identity(cc):
    """The same for all names of one compiler."""
    return run(cc, "-dumpmachine") + run(cc, "--version").partition(" ")[2]


def objects(cc, flags):
    """csrc/*.c compiled with those flags."""
    return once(("objects", identity(cc), flags), compile_objects, cc, flags)


def compile_objects(directory, cc, flags):
    run(cc, *flags.split(), *WARNINGS, "-c", *sf.get_sources(), cwd=directory)
    return sorted(directory.glob("*.o"))
