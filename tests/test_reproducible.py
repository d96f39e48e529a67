"""Promise 4, reproducible: the bits of a row's result depend on the row's values and on nothing else."""
import ml_dtypes
import numpy as np
import pytest
from conftest import OPS, bits
from hypothesis import given, settings
from hypothesis import strategies as st

import softmax_fast as sf


@st.composite
def cases(draw):
    """A row, and a place to put it: a batch, an axis, an offset, strides, a memory order, an instruction set."""
    dtype = draw(st.sampled_from(["float32", "float64"]))
    n = draw(st.one_of(st.integers(1, 40), st.integers(1, 700)))
    rng = np.random.default_rng(draw(st.integers(0, 2 ** 32)))
    scale = draw(st.sampled_from([0.1, 1.0, 10.0, 300.0, 1e4, 1e30]))
    row = (scale * rng.standard_normal(n)).astype(dtype)
    specials = draw(st.lists(st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40]), max_size=2))
    for special in specials:
        row[draw(st.integers(0, n - 1))] = special
    batch = tuple(draw(st.lists(st.integers(1, 4), max_size=2)))
    axis = draw(st.integers(0, len(batch)))
    at = tuple(draw(st.integers(0, k - 1)) for k in batch)
    others = (scale * rng.standard_normal((*batch, n))).astype(dtype)
    others[at] = row
    x = np.moveaxis(others, -1, axis)
    layout = draw(st.sampled_from(["C", "F", "view", "reversed", "strided", "offset", "bytes"]))
    if layout in "CF":
        x = x.copy(order=layout)
    elif layout == "reversed":
        x = np.flip(np.flip(x).copy())
    elif layout == "strided":
        wide = np.full(tuple(2 * k for k in x.shape), np.nan, dtype)
        wide[(slice(None, None, 2),) * x.ndim] = x
        x = wide[(slice(None, None, 2),) * x.ndim]
    elif layout in ("offset", "bytes"):
        skip = draw(st.integers(1, 15)) * (x.itemsize if layout == "offset" else 1)
        y = np.ndarray(x.shape, dtype, np.empty(x.nbytes + skip, np.uint8).data, skip)
        y[...] = x
        x = y
    return row, x, axis, at, draw(st.sampled_from(sf.isas())), draw(st.sampled_from(["new", "in place", "out"]))


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(cases())
def test_only_the_values_of_the_row_matter(case):
    row, x, axis, at, isa, where = case
    before = sf.isa()
    try:
        sf.use_isa("scalar")
        want = {op: bits(getattr(sf, op)(row)) for op in OPS}
        sf.use_isa(isa)
        for op in OPS:
            f = getattr(sf, op)
            if op == "logsumexp":
                got = f(x, axis)[at]
            else:
                target = x.copy("K") if where == "in place" else x
                out = target if where == "in place" else np.empty(x.shape, x.dtype) if where == "out" else None
                got = np.moveaxis(f(target, axis, out=out), axis, -1)[at]
            assert bits(got) == want[op], op
    finally:
        sf.use_isa(before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 10, 16, 17, 21, 40, 55, 64, 100, 111, 112])
def test_many_short_rows(op, dtype, n, isa, rng):
    """Rows that share a power of two while all of them are near to 0, and rows among them that are not, or not numbers."""
    rows = 150
    for near in (1, 30, 47.9, 48.1, 70, 88, 299, 301, 700, 1e6):
        x = rng.uniform(-near, near, (rows, n)).astype(dtype)
        for special in (None, np.nan, np.inf, -np.inf, 1e30, 1e-42):
            if special is not None:
                x[rng.integers(rows), rng.integers(n)] = special
                x[rng.integers(rows)] = special
            want = b"".join(bits(op(row, -1)) for row in x)
            assert bits(op(x, -1)) == want, (near, special)
            y = x.copy()
            if op is not sf.logsumexp:
                assert bits(op(y, -1, out=y)) == want, (near, special)


EDGES = {"float32": (44.36, 88.03, 103.97, 176.8, 177), "float64": (354.9, 708.4, 745.1, 1688, 1690)}


@pytest.mark.parametrize("dtype", EDGES)
@pytest.mark.parametrize("n", [1, 2, 9, 16, 17, 70, 128, 300, 1000, 2100, 4200])
def test_rows_near_to_0(op, dtype, n, isa, rng):
    """Rows that do not go by their largest logit, as all are near to 0 or masked, have the bits of those that do, as any row
    does behind one that is not near: with logits about each limit, masks of each kind, and nothing but masks."""
    far = np.full(n, 1e30, dtype)
    edges = np.array([sign * edge * (1 + k * 2e-3) for edge in EDGES[dtype] for sign in (-1, 1) for k in (-1, 0, 1)])
    for mask in (0, -np.inf, np.finfo(dtype).min, -1e9, -2000):
        x = rng.uniform(-3, 3, (40, n)).astype(dtype)
        x[::3] += rng.choice(edges, (14, 1))
        some = rng.random((40, n)) < rng.choice([0, 0, 0.01, 0.5], (40, 1))
        x[some] = rng.choice(edges, some.sum())
        some = rng.random((40, n)) < rng.choice([0, 0.3, 0.9, 1], (40, 1))
        x[some] = mask
        want = [bits(np.atleast_2d(op(np.stack([far, row]), -1).T)[..., 1]) for row in x]
        for layout in (x, x.copy("F"), np.flip(x)[::-1, ::-1]):
            for got in [op(layout, -1)] + ([] if op is sf.logsumexp else [op(y := layout.copy("K"), -1, out=y)]):
                assert [bits(row) for row in got] == want, mask
        assert [bits(op(row, -1)) for row in x] == want, mask


@pytest.mark.parametrize("dtype", EDGES)
@pytest.mark.parametrize("n", [1, 2, 9, 16, 17, 70, 128, 300, 1000, 2100])
def test_rows_of_masks(op, dtype, n, isa, rng):
    """Rows of nothing but masks, which go by their largest, among rows near to 0, which do not."""
    far = np.full(n, 1e30, dtype)
    for mask in (-np.inf, np.finfo(dtype).min, -1e9, -2000):
        x = rng.uniform(-3, 3, (80, n)).astype(dtype)
        x[[0, 5, 40, 79]] = mask
        x[7, ::2] = mask
        want = [bits(np.atleast_2d(op(np.stack([far, row]), -1).T)[..., 1]) for row in x]
        for layout in (x, x.copy("F")):
            for got in [op(layout, -1)] + ([] if op is sf.logsumexp else [op(y := layout.copy("K"), -1, out=y)]):
                assert [bits(row) for row in got] == want, mask


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_others_of_a_large_one(dtype, isa, rng):
    """log_softmax and logsumexp where the largest element is all but all of the total: about where the others are summed alone."""
    for n in (2, 16, 17, 64, 100, 128, 1000, 5000):
        gap = np.linspace(*((8, 20) if dtype == "float32" else (10, 36)), 64)
        x = (rng.standard_normal((64, n)) * 0.1).astype(dtype)
        x[np.arange(64), rng.integers(0, n, 64)] += gap + rng.choice([0, 0, 60, 700], 64)
        for op in (sf.log_softmax, sf.logsumexp):
            want = [bits(op(row)) for row in x]
            assert [bits(row) for row in op(x, -1)] == want, n
            assert [bits(row) for row in op(x.copy("F"), -1)] == want, n
            assert [bits(row) for row in op(x[::-1], -1)[::-1]] == want, n


def test_joint_axes_take_the_logical_order(op, rng):
    """A tuple of axes, and None, join the elements in C order, whatever the memory order is."""
    x = rng.standard_normal((5, 6, 7)).astype(np.float32)
    for order in ("C", "F"):
        y = np.asarray(x, order=order)
        flat = bits(op(x.reshape(-1), -1))
        assert bits(op(y)) == flat
        assert bits(op(y, (2, 0, 1))) == flat
        got = op(y.transpose(2, 0, 1), (0, 2))  # axes 7 and 6, beside 5
        want = op(y.transpose(0, 2, 1).reshape(5, 42), 1)  # axis 0 of the transposed array is the last of x
        assert bits(got if op is sf.logsumexp else got.transpose(1, 0, 2)) == bits(want)


def test_repeated_calls(op, rng):
    """New memory each time, hence new alignments."""
    x = rng.standard_normal(1001).astype(np.float32)
    keep = [op(x.copy()) for _ in range(50)]
    assert len({bits(y) for y in keep}) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_side_by_side(op, dtype, isa, rng):
    """Axis 0: rows side by side in memory, one a lane, in groups of vectors, single ones and a tail; some of them
    shifted, some special. The bits of each are those of the row alone."""
    for n in [*range(1, 20), 33, 100, 300]:
        for rows in (1, 5, 16, 17, 40, 64, 65, 150):
            x = rng.standard_normal((n, rows)).astype(dtype)
            x[:, rng.random(rows) < 0.2] *= 1000  # beyond the shift
            for special in (np.nan, np.inf, -np.inf):
                if rng.random() < 0.2:
                    x[rng.integers(n), rng.integers(rows)] = special
            alone = [bits(op(column.copy())) for column in x.T]
            results = [op(x, 0)]
            if op is not sf.logsumexp:
                out = np.empty((n, rows + 3), dtype)[:, 1:-2]
                results += [op(x, 0, out=out), op(x.copy(), 0, out=np.empty_like(x, order="F")), op(y := x.copy(), 0, out=y)]
            for got in results:
                assert [bits(column) for column in np.atleast_1d(got).T] == alone, (n, rows)


@pytest.mark.parametrize("dtype", [*EDGES, "float16", np.dtype(ml_dtypes.bfloat16)], ids=str)
def test_long_rows_side_by_side(op, dtype, isa, rng):
    """Near to 0, so that the last step of one group goes among the exponentials of the next, until a row is not; from any address."""
    for n, rows in ((130, 100), (300, 160), (1000, 192), (70, 403)):
        for special in (0, 500, -np.inf, np.nan):
            x = np.empty((n, rows + 5), dtype)[:, rng.integers(6):][:, :rows]
            x[...] = rng.standard_normal((n, rows), dtype=np.float32).astype(dtype)
            x[:, rng.integers(rows // 3, rows)] += np.asarray(special, x.dtype)
            alone = [bits(op(column.copy())) for column in x.T]
            results = [op(x, 0)]
            if op is not sf.logsumexp:
                results += [op(x, 0, out=np.empty_like(x, order="C")), op(y := x.copy(), 0, out=y)]
            for got in results:
                assert [bits(column) for column in np.atleast_1d(got).T] == alone, (n, rows, special)


@pytest.mark.parametrize("dtype", [*EDGES, "float16", np.dtype(ml_dtypes.bfloat16)], ids=str)
def test_arrays_beyond_the_caches(op, dtype, isa, rng):
    """Other lines are fetched, and results written by whole ones: the bits are those of a few rows at once, at any address."""
    for n in (10, 100, 112, 130, 170, 255):
        for at in (0, 1, 7):
            rows = 600_000 // (n * np.dtype(dtype).itemsize) + 3
            x = np.empty(rows * n + at, dtype)[at:].reshape(rows, n)
            x[...] = rng.standard_normal((rows, n), dtype=np.float32).astype(dtype)
            few = b"".join(bits(op(x[r:r + 500], -1)) for r in range(0, rows, 500))
            results = [op(x, -1)]
            if op is not sf.logsumexp:
                out = np.empty(rows * n + at, dtype)[at:].reshape(rows, n)
                results += [op(x, -1, out=out), op(y := x.copy(), -1, out=y)]
            for got in results:
                assert b"".join(bits(got[r:r + 500]) for r in range(0, rows, 500)) == few, (n, at)


@pytest.mark.parametrize("kind", ["near", "masks", "far", "row of masks", "large"])
@pytest.mark.parametrize("dtype", [*EDGES, "float16", np.dtype(ml_dtypes.bfloat16)], ids=str)
def test_few_rows(op, dtype, kind, isa, rng):
    """Few rows side by side without a gap, which are taken as they lie while all are near to 0; and the first axis of few columns.
    One is not in its last element only; one is nothing but masks; one has a logit that leaves nothing of the others."""
    for rows, n in [(2, 100), (3, 97), (5, 1000), (7, 350), (8, 130), (15, 400), (17, 385), (33, 500), (63, 390), (64, 3100), (10, 3300)]:
        x = rng.uniform(-3, 3, (rows, n)).astype(dtype)
        if kind == "masks":
            x[rng.random(x.shape) < 0.3] = -np.inf
        elif kind == "row of masks":
            x[rng.integers(rows)] = -6e4
        elif kind != "near":
            x[-1, -1] = 1000 if kind == "far" else 40
        want = [bits(op(row)) for row in x]
        for got in [op(x.copy("F"), -1), op(np.ascontiguousarray(x.T), 0).T]:
            assert [bits(row) for row in got] == want, (rows, n)
        if op is not sf.logsumexp:
            for given in (x.copy("F"), np.ascontiguousarray(x.T).T):
                for out in (np.empty_like(x), given):
                    assert [bits(row) for row in op(given, -1, out=out)] == want, (rows, n)


def views(x):
    """The (rows, n) values of x in C and Fortran order, with gaps of each kind, and both ways round."""
    for order in "CF":
        for steps in ((1, 1), (1, 2), (1, 3), (2, 1), (2, 5), (1, -1), (-1, 1), (-2, -2), (1, 4), (2, -3), (1, -7), (3, 7), (1, 9), (1, -9)):
            wide = np.full([k * abs(step) + 1 for k, step in zip(x.shape, steps, strict=True)], 7, x.dtype, order)
            y = wide[::steps[0], ::steps[1]][:x.shape[0], :x.shape[1]]
            y[...] = x
            yield y
    record = np.dtype([("x", x.dtype), ("odd", "u1")])  # by no whole number of elements
    y = np.zeros(x.shape, record)["x"]
    y[...] = x
    yield y


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows,n", [(1, 10), (3, 30), (9, 64), (19, 5), (21, 16), (40, 33), (13, 300), (35, 260), (3, 1029), (7, 4100), (3, 17000)])
def test_strides(op, dtype, rows, n, isa, rng):
    """What is not contiguous is copied, turned or taken across: by rows and n, by either stride of x and of the result."""
    x = rng.standard_normal((rows, n)).astype(dtype)
    x[rng.random(rows) < 0.2] *= 1000
    x[rng.integers(rows), rng.integers(n)] = rng.choice([np.nan, np.inf, -np.inf, 0])
    want = [bits(op(row)) for row in x]
    for view in views(x):
        outs = [None] if op is sf.logsumexp or n > 5000 else [None, view.copy("C"), view.copy("F"), *list(views(x))[1::5]]
        for out in outs:
            got = op(view, -1) if out is None else op(view, -1, out=out)
            assert [bits(row) for row in got] == want, (view.strides, got.strides)
        if op is not sf.logsumexp:
            assert [bits(row) for row in op(view, -1, out=view)] == want, view.strides


def rows_of_bits(rng, dtype, rows, n):
    """Logits of all kinds, row by row: narrow, wide, shifted, huge, near ties, with specials, of random bits."""
    x = rng.standard_normal((rows, n)) * rng.choice([1e-4, 1, 12, 300, 1e5, 1e30], (rows, 1))
    with np.errstate(over="ignore"):  # float16
        x = (x + rng.choice([0, 0, 3, -700, 5000], (rows, 1))).astype(dtype)
    x[rng.random((rows, n)) < 0.02] = -np.inf
    for special in (np.nan, np.inf, -np.inf, -0.0):
        some = rng.random(rows) < 0.04
        x[some, rng.integers(n)] = special
    if rng.random() < 0.1:
        x[rng.integers(rows)] = rng.integers(0, 256, n * x.itemsize, dtype=np.uint8).view(dtype)
    return x


def placed(rng, x):
    """The same (rows, n) values somewhere else: another order, other strides, another offset, more axes."""
    rows, n = x.shape
    how = rng.choice(["C", "F", "reversed", "strided", "strided F", "padded", "bytes", "axes"])
    if how in "CF":
        return x.copy(how), how
    if how == "reversed":
        return np.flip(np.flip(x).copy()), how
    if how == "bytes":
        skip = int(rng.integers(1, 64))
        y = np.ndarray(x.shape, x.dtype, np.empty(x.nbytes + skip, np.uint8).data, skip)
    elif how == "axes":  # the row in the middle of three axes
        y = np.empty((2, n, rows), x.dtype)[1].T
    else:
        step = (1, 1) if how == "padded" else rng.integers(1, 4, 2)
        wide = np.full((rows * step[0] + 1, n * step[1] + int(rng.integers(1, 20))), 7, x.dtype, "F" if how == "strided F" else "C")
        y = wide[::step[0], ::step[1]][:rows, :n]
    y[...] = x
    return y, how


HUNDRED = [np.dtype(d) for d in ("float32", "float32", "float64", "float64", "float16", ml_dtypes.bfloat16)]


def test_hundred_thousand_cases():
    """Each row of each array is a case, on every instruction set, against the row alone on plain C."""
    rng = np.random.default_rng(7)
    cases, differing, before = 0, [], sf.isa()
    try:
        while cases < 100_000:
            dtype = HUNDRED[rng.integers(len(HUNDRED))]
            rows, n = int(rng.integers(1, 90)), int(rng.choice([rng.integers(1, 20), rng.integers(1, 140), rng.integers(1, 600)]))
            x = rows_of_bits(rng, dtype, rows, n)
            op = str(rng.choice(OPS))
            f = getattr(sf, op)
            sf.use_isa("scalar")
            want = [bits(f(row)) for row in x]
            for name in sf.isas():
                sf.use_isa(name)
                a, how = placed(rng, x)
                out = {}
                if op != "logsumexp":
                    out = {"out": [None, a, placed(rng, x)[0]][rng.integers(3)]}
                got = f(a, -1, **out)
                differing += [(name, op, dtype, how, n) for y, w in zip(got, want, strict=True) if bits(y) != w]
                cases += rows
    finally:
        sf.use_isa(before)
    assert not differing, (len(differing), differing[:5])
