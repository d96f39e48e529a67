"""Time and error against every installed peer, one thread: python benchmarks/peers.py [--help]

    pip install scipy torch jax onnxruntime onnx openvino ai-edge-litert numba ml_dtypes

Each row of the table times all libraries in turns on one CPU and keeps the least time of each; under it stands the
largest error, in ulp, of up to 300 rows of the result. "new" lets each library allocate its result, "out" has it
write into memory of the caller, for those that can. Peers get their own native input (a tensor, a device array) and
a compiled model, so that what is timed is their softmax and one call.
"""
import argparse
import functools
import importlib.util
import os
import sys
from pathlib import Path

if hasattr(os, "sched_setaffinity"):  # before any library counts the CPUs
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402

import softmax_fast  # noqa: E402
from softmax_fast import _reference  # noqa: E402
from softmax_fast.__main__ import interleaved  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from oracle import worst  # noqa: E402

SHAPES = [((1, 10), -1), ((64, 10), -1), ((1024, 10), -1), ((100000, 3), -1), ((100000, 10), -1), ((10000, 100), -1),
          ((8, 12, 128, 128), -1), ((1024, 1000), -1), ((1000, 1024), 0), ((8, 21, 256, 256), 1)]
OPS = ("softmax", "log_softmax", "logsumexp")


def ours(op, x, axis, out):
    f = getattr(softmax_fast, op)
    return (lambda: f(x, axis)) if out is None else (lambda: f(x, axis, out=out))


def numpy_(op, x, axis, out):
    """The usual lines, along any axis; in place where they can be."""
    if op == "logsumexp" or x.dtype.kind != "f":
        return None if out is not None or x.dtype.kind != "f" else lambda: _reference.logsumexp(x, (axis % x.ndim,))[0]
    if out is None:
        return lambda: getattr(_reference, op)(x, axis)

    def softmax():
        np.subtract(x, x.max(axis, keepdims=True), out=out)
        np.exp(out, out=out)
        return np.divide(out, out.sum(axis, keepdims=True), out=out)

    def log_softmax():
        np.subtract(x, x.max(axis, keepdims=True), out=out)
        return np.subtract(out, np.log(np.exp(out).sum(axis, keepdims=True)), out=out)
    return softmax if op == "softmax" else log_softmax


def scipy_(op, x, axis, out):
    import scipy.special
    f = getattr(scipy.special, op)
    return None if out is not None or x.dtype.kind != "f" else lambda: f(x, axis=axis)


def torch_(op, x, axis, out):
    import torch
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    as_tensor = (lambda a: torch.from_numpy(a.view(np.int16)).view(torch.bfloat16)) if x.dtype == "bfloat16" else torch.from_numpy
    t, f = as_tensor(x), getattr(torch, op)
    if out is None:
        return lambda: f(t, axis)
    y = as_tensor(out)
    return lambda: f(t, axis, out=y)


def jax_(op, x, axis, out):
    import jax
    jax.config.update("jax_enable_x64", True)
    if out is not None:
        return None
    f = getattr(jax.nn, op)
    t, call = jax.numpy.asarray(x), jax.jit(lambda v: f(v, axis=axis))
    return lambda: call(t).block_until_ready()


def onnx_model(op, x, axis):
    from onnx import TensorProto, helper
    kind = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "float16": TensorProto.FLOAT16,
            "bfloat16": TensorProto.BFLOAT16}[x.dtype.name]
    shape = list(x.shape)
    if op == "logsumexp":
        del shape[axis]
        node = helper.make_node("ReduceLogSumExp", ["x", "axes"], ["y"], keepdims=0)
        init = [helper.make_tensor("axes", TensorProto.INT64, [1], [axis % x.ndim])]
    else:
        node = helper.make_node({"softmax": "Softmax", "log_softmax": "LogSoftmax"}[op], ["x"], ["y"], axis=axis)
        init = []
    graph = helper.make_graph([node], op, [helper.make_tensor_value_info("x", kind, list(x.shape))],
                              [helper.make_tensor_value_info("y", kind, shape)], init)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString()


def onnxruntime_(op, x, axis, out):
    import onnxruntime
    if x.dtype == "bfloat16":
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(onnx_model(op, x, axis), options, providers=["CPUExecutionProvider"])
    if out is None:
        return lambda: session.run(None, {"x": x})[0]
    binding = session.io_binding()
    binding.bind_ortvalue_input("x", onnxruntime.OrtValue.ortvalue_from_numpy(x))
    result = onnxruntime.OrtValue.ortvalue_from_numpy(out)
    binding.bind_ortvalue_output("y", result)

    def run():
        session.run_with_iobinding(binding)
        return result
    return run


def openvino_(op, x, axis, out):
    import openvino
    if out is not None or x.dtype not in ("float32", "float64", "float16"):
        return None
    core = openvino.Core()
    model = core.read_model(onnx_model(op, x, axis), b"")
    request = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
                                 ).create_infer_request()
    request.set_input_tensor(openvino.Tensor(x, shared_memory=True))

    def run():
        request.infer()
        return request.get_output_tensor().data
    return run


def xnnpack_(op, x, axis, out):
    """By LiteRT, whose XNNPACK delegate has float32 softmax of the last axis, not log_softmax or logsumexp."""
    if op != "softmax" or axis not in (-1, x.ndim - 1) or x.dtype != "float32" or out is not None:
        return None
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.interpreter import Interpreter
    code, node, graph, model = schema.OperatorCodeT(), schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.SOFTMAX
    node.inputs, node.outputs, node.builtinOptionsType = [0], [1], schema.BuiltinOptions.SoftmaxOptions
    node.builtinOptions = schema.SoftmaxOptionsT()
    node.builtinOptions.beta = 1.0
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [schema.TensorT(), schema.TensorT()], [0], [1], [node]
    for tensor in graph.tensors:
        tensor.shape, tensor.type = list(x.shape), schema.TensorType.FLOAT32
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    interpreter = Interpreter(model_content=bytes(builder.Output()), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, x)
    result = interpreter.tensor(1)

    def run():
        interpreter.invoke()
        return result()
    return run


@functools.cache
def numba_rows():
    import numba

    @numba.njit(fastmath=True)
    def rows(x, y):
        for r in range(x.shape[0]):
            m = x[r, 0]
            for i in range(x.shape[1]):
                m = max(m, x[r, i])
            total = x.dtype.type(0)
            for i in range(x.shape[1]):
                y[r, i] = np.exp(x[r, i] - m)
                total += y[r, i]
            scale = x.dtype.type(1) / total
            for i in range(x.shape[1]):
                y[r, i] *= scale
        return y
    return rows


def numba_(op, x, axis, out):
    if op != "softmax" or axis not in (-1, x.ndim - 1) or x.dtype not in ("float32", "float64"):
        return None
    flat, rows = x.reshape(-1, x.shape[-1]), numba_rows()
    if out is None:
        return lambda: rows(flat, np.empty_like(flat)).reshape(x.shape)
    return lambda: rows(flat, out.reshape(flat.shape)).reshape(x.shape)


PEERS = {"NumPy": ("numpy", numpy_), "SciPy": ("scipy", scipy_), "PyTorch": ("torch", torch_),
         "ONNX Runtime": ("onnxruntime", onnxruntime_), "OpenVINO": ("openvino", openvino_), "XNNPACK": ("ai_edge_litert", xnnpack_),
         "JAX": ("jax", jax_), "Numba": ("numba", numba_)}


def installed(names=PEERS):
    return {name: PEERS[name][1] for name in names if importlib.util.find_spec(PEERS[name][0])}


def prepared(name, prepare, op, x, axis, out=None):
    """What to call for that library's result, tried once; None where it has no such kernel."""
    try:
        call = prepare(op, x, axis, out)
        if call is not None:
            call()
        return call
    except Exception as e:
        print(f"{name} {op} {x.dtype} {x.shape}: {type(e).__name__}: {str(e)[:200]}", file=sys.stderr)
        return None


def as_numpy(y, like):
    if hasattr(y, "numpy"):
        import torch
        if isinstance(y, torch.Tensor) and y.dtype == torch.bfloat16:
            return y.view(torch.int16).numpy().view(like)
        y = y.numpy()
    return np.asarray(y)


def error(op, x, axis, y):
    """Largest error of some rows, in ulp of the result's dtype."""
    rows = np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis])
    results = y.reshape(-1) if op == "logsumexp" else np.moveaxis(y, axis, -1).reshape(rows.shape)
    some = np.linspace(0, len(rows) - 1, min(len(rows), 300), dtype=int)
    return max(worst(rows[k].astype(x.dtype), op, results[k]) for k in some)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--op", choices=OPS, nargs="+", default=OPS)
    parser.add_argument("--dtype", nargs="+", default=["float32", "float64"])
    parser.add_argument("--seconds", type=float, default=0.5, help="for each library in each row (default %(default)s)")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--shape", nargs="+", help="only shapes whose text contains one of these, as in '1024, 10'")
    args = parser.parse_args()
    if {"bfloat16"} & set(args.dtype):
        import ml_dtypes  # noqa: F401  (registers the dtype)
    peers = installed(args.peers)

    print(f"| operation, dtype, shape, axis | form | copy | ours | best peer / ours | {' | '.join(peers)} |")
    print("|---|---|---|---|---|" + "---|" * len(peers))
    for op in args.op:
        for dtype in args.dtype:
            for shape, axis in SHAPES:
                if args.shape and not any(s in str(shape) for s in args.shape):
                    continue
                x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32).astype(dtype)
                for form in ("new", "out") if op != "logsumexp" else ("new",):
                    copy = np.empty_like(x)
                    calls = {"copy": lambda x=x, copy=copy: np.copyto(copy, x), "ours": None}
                    for name, prepare in {"ours": ours, **peers}.items():
                        out = np.empty_like(x) if form == "out" else None
                        call = prepared(name, prepare, op, x, axis, out)
                        if call is not None:
                            calls[name] = call
                    t = interleaved(calls, args.seconds * len(calls))
                    best = min((v for k, v in t.items() if k not in ("copy", "ours")), default=np.nan)
                    errors = {k: error(op, x, axis, as_numpy(call(), x.dtype)) for k, call in calls.items() if k != "copy"}
                    cells = [f"{t[p] * 1e6:.4g} ({errors[p]:.3g} ulp)" if p in t else "" for p in ["ours", *peers]]
                    print(f"| {op} {dtype} {shape} {axis} | {form} | {t['copy'] * 1e6:.4g} | {cells[0]} | "
                          f"{best / t['ours']:.2f} | {' | '.join(cells[1:])} |", flush=True)


if __name__ == "__main__":
    main()
