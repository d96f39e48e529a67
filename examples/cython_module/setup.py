"""python setup.py build_ext --inplace: the module with the kernels compiled into it."""
import sys

import softmax_fast
from Cython.Build import cythonize
from setuptools import Extension, setup

setup(
    name="weighted_mean",
    ext_modules=cythonize(Extension(
        "weighted_mean",
        ["weighted_mean.pyx", *softmax_fast.get_sources()],
        include_dirs=[softmax_fast.get_include()],
        libraries=[] if sys.platform == "win32" else ["m"],
    )),
)
