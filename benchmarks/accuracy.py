"""Largest errors of this library and its peers on the same rows: python benchmarks/accuracy.py [--long]

Rows, classes and oracle are those of tests/test_accuracy.py. A peer that is not installed is left out:
pip install scipy torch onnxruntime onnx jax
"""
import importlib.util
import sys
from pathlib import Path

import numpy as np

import softmax_fast
from softmax_fast import _reference

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from oracle import worst  # noqa: E402
from test_accuracy import CLASSES, LENGTHS  # noqa: E402

OPS = ("softmax", "log_softmax", "logsumexp")


def installed(name):
    return importlib.util.find_spec(name) is not None


def peers():
    """{name: {op: function of one row}}"""
    yield "softmax_fast", {op: getattr(softmax_fast, op) for op in OPS}
    yield "NumPy", {"softmax": _reference.softmax, "log_softmax": _reference.log_softmax,
                    "logsumexp": lambda x: _reference.logsumexp(x)[0][0]}
    if installed("scipy"):
        import scipy.special
        yield "SciPy", {op: getattr(scipy.special, op) for op in OPS}
    if installed("torch"):
        import torch
        yield "PyTorch", {op: (lambda f: lambda x: f(torch.from_numpy(x), -1).numpy())(getattr(torch, op)) for op in OPS}
    if installed("jax"):
        import jax
        jax.config.update("jax_enable_x64", True)
        yield "JAX", {"softmax": lambda x: np.asarray(jax.nn.softmax(x)),
                      "log_softmax": lambda x: np.asarray(jax.nn.log_softmax(x)),
                      "logsumexp": lambda x: np.asarray(jax.nn.logsumexp(x))}
    if installed("onnxruntime") and installed("onnx"):
        yield "ONNX Runtime", {"softmax": onnx_function("Softmax"), "log_softmax": onnx_function("LogSoftmax")}


def onnx_function(name):
    import onnxruntime
    from onnx import TensorProto, helper
    kinds = {np.dtype("f4"): TensorProto.FLOAT, np.dtype("f8"): TensorProto.DOUBLE}
    sessions = {}

    def call(x):
        if x.dtype not in sessions:
            info = [helper.make_tensor_value_info(v, kinds[x.dtype], [None, None]) for v in "xy"]
            graph = helper.make_graph([helper.make_node(name, ["x"], ["y"], axis=-1)], name, info[:1], info[1:])
            model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
            sessions[x.dtype] = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return sessions[x.dtype].run(None, {"x": x[None]})[0][0]
    return call


def main():
    lengths = [n for n in LENGTHS if n <= 1000 or "--long" in sys.argv]
    libraries = dict(peers())
    print(f"| operation | dtype | class | {' | '.join(libraries)} |")
    print("|---|---|---|" + "---|" * len(libraries))
    overall = {}
    for op in OPS:
        for dtype in ("float32", "float64"):
            for label, draw in CLASSES.items():
                errors = dict.fromkeys(libraries, 0.0)
                rng = np.random.default_rng(0)
                for n in lengths:
                    for _ in range(1 if n > 1000 else 50):
                        x = draw(rng, n).astype(dtype)
                        for name, functions in libraries.items():
                            if op in functions:
                                with np.errstate(all="ignore"):
                                    errors[name] = max(errors[name], worst(x, op, functions[op](x)))
                for name, error in errors.items():
                    overall[op, dtype, name] = max(overall.get((op, dtype, name), 0), error)
                cells = [f"{e:.2f}" if e < 100 else f"{e:.3g}" for e in errors.values()]
                print(f"| {op} | {dtype} | {label} | {' | '.join(cells)} |", flush=True)
    for op in OPS:
        for dtype in ("float32", "float64"):
            cells = [f"{overall[op, dtype, name]:.3g}" for name in libraries]
            print(f"| **{op}** | **{dtype}** | **all** | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
