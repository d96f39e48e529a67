"""Promise 4, reproducible, elsewhere: the golden vectors on emulated machines, and by other compilers and flags here.

tests/c/vectors.c runs them on each instruction set, contiguous, strided and side by side.
"""
from pathlib import Path

import pytest
from conftest import WARNINGS, identity, objects, once, run, tool

import softmax_fast as sf
from softmax_fast import _vectors

pytestmark = pytest.mark.machines
PROGRAM = Path(__file__).parent / "c" / "vectors.c"
X87 = "-O2 -march=i686 -mfpmath=387"  # keeps 64 bits of a float or double between two operations

# emulator, compiler, flags, instruction sets, Debian packages. The compilers' default, the GNU dialect, contracts a
# product and an addition to an FMA on all of these but x86. The two that share a program stand apart: neither waits.
MACHINES = {
    "x86-64 without AVX": ("qemu-x86_64 -cpu Nehalem", "x86_64-linux-gnu-gcc", "-O2 -flto", "scalar", "gcc-x86-64-linux-gnu"),
    "aarch64": ("qemu-aarch64", "aarch64-linux-gnu-gcc", "-O2", "neon scalar",
                "gcc-aarch64-linux-gnu libc6-dev-arm64-cross"),
    "aarch64, Clang": ("qemu-aarch64", "clang", "--target=aarch64-linux-gnu -O2 -ffp-contract=fast", "neon scalar",
                       "clang gcc-aarch64-linux-gnu libc6-dev-arm64-cross"),
    "riscv64": ("qemu-riscv64", "riscv64-linux-gnu-gcc", "-O2", "scalar",
                "gcc-riscv64-linux-gnu libc6-dev-riscv64-cross"),
    "s390x, big-endian": ("qemu-s390x", "s390x-linux-gnu-gcc", "-O2", "scalar",
                          "gcc-s390x-linux-gnu libc6-dev-s390x-cross"),
    "s390x, floats as doubles": ("qemu-s390x", "s390x-linux-gnu-gcc", "-O1 -std=c99", "scalar",
                                 "gcc-s390x-linux-gnu libc6-dev-s390x-cross"),
    "ppc64le": ("qemu-ppc64le", "powerpc64le-linux-gnu-gcc", "-O2", "scalar",
                "gcc-powerpc64le-linux-gnu libc6-dev-ppc64el-cross"),
    "i686, SSE2": ("qemu-i386 -cpu max", "i686-linux-gnu-gcc", "-O2 -msse2 -mfpmath=sse", "avx2 scalar",
                   "gcc-i686-linux-gnu libc6-dev-i386-cross"),
    "i686, x87": ("qemu-i386 -cpu max", "i686-linux-gnu-gcc", X87, "scalar", "gcc-i686-linux-gnu libc6-dev-i386-cross"),
    "i686, x87, ISO C": ("qemu-i386 -cpu max", "i686-linux-gnu-gcc", f"{X87} -O1 -std=c99", "scalar",
                         "gcc-i686-linux-gnu libc6-dev-i386-cross"),
    "i686, x87, Clang": ("qemu-i386 -cpu max", "clang", "--target=i686-linux-gnu -O2 -march=i686", "scalar",
                         "clang gcc-i686-linux-gnu libc6-dev-i386-cross"),
    "x86-64 with AVX2": ("qemu-x86_64 -cpu max", "x86_64-linux-gnu-gcc", "-O2 -flto", "avx2 scalar", "gcc-x86-64-linux-gnu"),
}
FLAGS = ("-O0 -std=c99", "-O3 -march=native -std=gnu99 -ffp-contract=fast", "-O2 -flto")


def build(compiler, flags, packages):
    """The program."""
    cc = tool(compiler, packages)
    return once(("vectors", identity(cc), flags), link, cc, flags)


def link(directory, cc, flags):
    run(cc, *flags.split(), *WARNINGS, "-I", sf.get_include(), PROGRAM, *objects(cc, flags), "-static", "-lm",
        "-o", directory / "vectors")
    return directory / "vectors"


def emulate(directory, machine):
    emulator, compiler, flags, _, packages = MACHINES[machine]
    name, *options = emulator.split()
    return run(tool(name, "qemu-user"), *options, build(compiler, flags, packages), _vectors.PATH)


def compile_and_run(directory, compiler, flags):
    return run(build(compiler, flags, compiler), _vectors.PATH)


def every_bit(out, isas):
    """The program's output: those instruction sets, all rows, none wrong."""
    found, counts = out.splitlines()
    assert found == f"isas: {isas}"
    rows = list(_vectors.rows())
    layouts = sum(12 if row.x.size <= 300 else 1 for row in rows)  # of 19 rows it checks four, of two both
    assert counts.startswith(f"{len(rows)} rows,") and counts.endswith(", 0 wrong")
    assert int(counts.split()[2]) >= layouts * len(isas.split()) * len(_vectors.OPS)


@pytest.mark.ahead(work=emulate)
@pytest.mark.parametrize("machine", MACHINES)
def test_machine(machine, done):
    every_bit(done(), MACHINES[machine][3])


def emulate_avx512(directory):
    """The kernels in the instructions of AVX2 (tests/c/avx512.c), in the place of AVX2's; qemu-user has no AVX-512."""
    assert Path("/usr/include/simde/x86/avx512.h").exists(), "install libsimde-dev"
    others = [path for path in sf.get_sources() if Path(path).name in ("smf_dispatch.c", "smf_scalar.c", "smf_long.c")]
    # SIMDe has products and additions in C, which stay apart; psabi: GCC notes that 64-byte arguments were passed otherwise before 4.6
    run(tool("x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu"), "-std=gnu11", "-O1", "-ffp-contract=off", "-Wno-psabi", "-mavx2", "-mfma",
        "-mf16c", "-mpopcnt", "-I", sf.get_include(), "-Dsmf_table_avx2=smf_table_avx512", PROGRAM, PROGRAM.with_name("avx512.c"), *others,
        "-static", "-lm", "-o", directory / "vectors")
    return run(tool("qemu-x86_64", "qemu-user"), "-cpu", "max", directory / "vectors", _vectors.PATH)


@pytest.mark.ahead(work=emulate_avx512)
def test_avx512(done):
    every_bit(done(), "avx512 scalar")


@pytest.mark.ahead(work=compile_and_run)
@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_compiler(compiler, flags, done):
    every_bit(done(), " ".join(sf.isas()))


def test_wide_doubles_are_refused(tmp_path):
    """Elsewhere than on x86 nothing is known to keep doubles from being wider than doubles."""
    compiler = tool("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu libc6-dev-arm64-cross")
    with pytest.raises(AssertionError, match="needs doubles rounded to double"):
        run(compiler, "-U__FLT_EVAL_METHOD__", "-D__FLT_EVAL_METHOD__=2", "-c", *sf.get_sources(), cwd=tmp_path)


def program_alone(directory):
    return build("gcc", FLAGS[0], "gcc")


@pytest.mark.ahead(work=program_alone)
def test_the_program_can_fail(done, tmp_path):
    """A wrong bit, a file cut short and a line left out are found."""
    program, lines = done(), _vectors.PATH.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("softmax 3f") and "~" not in line)
    head = lines[at][:-1] + ("0" if lines[at][-1] != "0" else "1")
    for damaged, why in ((lines[:at] + [head] + lines[at + 1:], "not "), (lines[:-1], "ends early"),
                         (lines[:at] + lines[at + 1:], "damaged")):
        (tmp_path / "vectors.txt").write_text("\n".join(damaged))
        with pytest.raises(AssertionError, match=why):
            run(program, tmp_path / "vectors.txt")
