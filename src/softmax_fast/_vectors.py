"""The golden vectors: rows of logits, and the bits of their results on every machine and instruction set.

vectors.txt holds words between white space, and comments from # to the end of the line. A word of `bits` is an IEEE 754
number as a hexadecimal integer, or `nan` for any NaN; other numbers are decimal.

    f32 n bits B...               a row of n float32 logits by their bits (f64: float64)
    f32 n draw t m a k seed       ... or drawn: logit i is 2^k (a + sum of (z_j mod m) for j in i t .. i t + t - 1),
                                  exactly, z_j the j-th number of splitmix64
    put i B                       logit i is this one instead
    softmax B...                  the results, and log_softmax's, and logsumexp's one; with a `~` behind where
                                  plain C decides, bare where it is the exact result, correctly rounded
    softmax hash H e              ... or of long rows the hash() of all, e of them correctly rounded
    end r                         there were r rows
"""
from pathlib import Path

import numpy as np

import softmax_fast

PATH = Path(__file__).with_name("vectors.txt")
OPS = ("softmax", "log_softmax", "logsumexp")
DTYPES = {"f32": np.dtype("float32"), "f64": np.dtype("float64")}


def draw(dtype, n, t, m, a, k, seed):
    """n logits of integers, free of rounding: the same on every machine."""
    z = np.arange(1, n * t + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = (z ^ (z >> np.uint64(31))) % np.uint64(m)
    integers = z.astype(np.int64).reshape(n, t).sum(axis=1) + a
    return np.ldexp(integers.astype(np.float64), k).astype(dtype)


def bits(values):
    """The values as integers, all NaNs as one."""
    values = np.atleast_1d(values)
    values = np.where(np.isnan(values), values.dtype.type(np.nan), values)
    return values.view(f"u{values.itemsize}").tolist()


def hash(results):
    """FNV-1a of 64 bits, with a result where it has a byte."""
    h = 0xCBF29CE484222325
    for b in results:
        h = (h ^ b) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return h


class Row:
    """One row of the file: its logits, and {op: wanted}, a hash or a list of bits."""

    def __init__(self, line, x, wanted):
        self.line, self.x, self.wanted = line, x, wanted

    def differs(self, op):
        """What is wrong with this operation's result in use now, or None."""
        function = getattr(softmax_fast, op)
        columns = np.stack([np.zeros_like(self.x), self.x, np.ones_like(self.x)], axis=1)
        between = function(columns, 0)[..., 1]
        for layout, got in (("", bits(function(self.x, -1))), (" in a column", bits(between))):
            wanted, where = self.wanted[op], f"{op} of vectors.txt line {self.line}, {self.x.size} logits{layout}"
            if isinstance(wanted, int):
                if hash(got) != wanted:
                    return f"{where}: hash {hash(got):016x}, not {wanted:016x}"
                continue
            for i, (g, w) in enumerate(zip(got, wanted, strict=True)):
                if g != w:
                    digits = 2 * self.x.itemsize
                    return f"{where}, element {i}: {g:0{digits}x}, not {w:0{digits}x}"
        return None


def rows(path=None):
    """Each Row of the file; a ValueError where it is damaged."""
    path = PATH if path is None else Path(path)
    words = []  # (line, word)
    for number, line in enumerate(path.read_text(encoding="ascii").splitlines(), 1):
        words += [(number, word) for word in line.partition("#")[0].split()]
    words.reverse()
    count = 0

    def word():
        if not words:
            raise ValueError(f"{path} ends early")
        return words.pop()[1]

    def number(dtype):
        text = word().rstrip("~")
        return bits(dtype.type(np.nan))[0] if text == "nan" else int(text, 16)

    while words and words[-1][1] in DTYPES:
        line = words[-1][0]
        dtype = DTYPES[word()]
        n, kind = int(word()), word()
        unsigned = f"u{dtype.itemsize}"
        if kind == "bits":
            x = np.array([int(word(), 16) for _ in range(n)], dtype=unsigned).view(dtype)
        elif kind == "draw":
            x = draw(dtype, n, *(int(word()) for _ in range(5)))
        else:
            raise ValueError(f"{path}, line {line}: {kind!r}")
        while words and words[-1][1] == "put":
            word()
            i = int(word())
            x.view(unsigned)[i] = int(word(), 16)
        wanted = {}
        for op in OPS:
            if word() != op:
                raise ValueError(f"{path}: no {op} of the row of line {line}")
            if words and words[-1][1] == "hash":
                word()
                wanted[op] = int(word(), 16)
                word()
            else:
                wanted[op] = [number(dtype) for _ in range(1 if op == "logsumexp" else n)]
        count += 1
        yield Row(line, x, wanted)
    if word() != "end" or int(word()) != count or words:
        raise ValueError(f"{path} is damaged after row {count}")


def check(path=None):
    """One result per operation, dtype and instruction set: how many rows, and the first difference, if any."""
    chosen = softmax_fast.isa()
    every = list(rows(path))
    try:
        for op in OPS:
            for dtype in DTYPES.values():
                mine = [row for row in every if row.x.dtype == dtype]
                for isa in softmax_fast.isas():
                    softmax_fast.use_isa(isa)
                    first = next(filter(None, (row.differs(op) for row in mine)), None)
                    yield {"op": op, "dtype": dtype.name, "isa": isa, "rows": len(mine), "differs": first,
                           "ok": first is None}
    finally:
        softmax_fast.use_isa(chosen)
