"""The build: one extension of one Cython file and all of csrc/, which need no compiler flags."""
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

header = Path("csrc/softmax_fast.h").read_text()
version = re.search(r'#define SMF_VERSION "(.+)"', header).group(1)

# What the kernels were tuned with: -O3, which Python may have been built with, makes softmax of short rows 15% slower with GCC 12
# (docs/performance.md). An -O of the user's own stands.
optimized = [] if sys.platform == "win32" or "-O" in os.environ.get("CFLAGS", "") else ["-O2"]

core = Extension(
    "softmax_fast._core",
    ["src/softmax_fast/_core.pyx", *sorted(glob("csrc/*.c"))],
    include_dirs=["csrc", "src/softmax_fast", numpy.get_include()],
    depends=glob("csrc/*.h") + glob("src/softmax_fast/*.pxd") + ["src/softmax_fast/results.h"],
    define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
    extra_compile_args=optimized,
    libraries=[] if sys.platform == "win32" else ["m"],
)


class side_by_side(build_ext):
    """build_ext with the files of one extension on all CPUs: two instruction sets take half a minute each."""

    def build_extensions(self):
        compile = self.compiler.compile

        def compile_each(sources, **kwargs):
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                return sum(pool.map(lambda source: compile([source], **kwargs), sources), [])

        if sys.platform != "win32":  # MSVC's compiler object finds its programs in its first call
            self.compiler.compile = compile_each
        super().build_extensions()


setup(
    version=version,
    packages=["softmax_fast", "softmax_fast.csrc"],
    package_dir={"softmax_fast": "src/softmax_fast", "softmax_fast.csrc": "csrc"},
    package_data={"softmax_fast": ["py.typed", "*.pyi", "*.pxd", "vectors.txt"], "softmax_fast.csrc": ["*.c", "*.h", "README.md"]},
    include_package_data=False,
    ext_modules=cythonize([core], include_path=["src"]),
    cmdclass={"build_ext": side_by_side},
)
