"""Print every numeric constant of csrc/ as a hex float: python csrc/tools/constants.py  (needs mpmath and NumPy).

exp(r)     = 1 + r + r^2 q(r) on |r| <= ln2/2/steps (1 + slack), q by Remez exchange for the relative error of exp;
             8 steps an octave, in a table of C 2^(j/steps): every total has the common factor C, so
             that no result shows it, and C is such that all of these are nearly numbers of the format (LLL, Babai)
log(1 + f) = f - f^2/2 + s (f^2/2 + z p(z)), s = f / (2 + f), z = s^2, on sqrt(1/2) <= 1 + f <= sqrt(2)

The errors printed are those of the polynomials with the rounded coefficients.
"""
import itertools
from fractions import Fraction

import mpmath as mp
import numpy as np

mp.mp.prec = 300


def rounded(value, bits):
    """The nearest number of `bits` significant bits (round half to even is never needed here)."""
    if value == 0:
        return mp.mpf(0)
    exponent = mp.floor(mp.log(abs(value), 2)) + 1 - bits
    return mp.nint(value / mp.mpf(2) ** exponent) * mp.mpf(2) ** exponent


def hexfloat(value, bits):
    if bits == 24:  # every float is a double: print it through float.hex, trailing zeros dropped
        text = float(value).hex()
        mantissa, exponent = text.split("p")
        mantissa = mantissa.rstrip("0") if "." in mantissa else mantissa
        return f"{mantissa.rstrip('.')}p{exponent}f"
    return float(value).hex()


def solve(basis, target, points):
    """Coefficients c and level e with sum_j c_j basis_j(t_i) + (-1)^i e = target(t_i)."""
    n = len(points)
    a = mp.matrix(n, n)
    b = mp.matrix(n, 1)
    for i, t in enumerate(points):
        for j, f in enumerate(basis):
            a[i, j] = f(t)
        a[i, n - 1] = (-1) ** i
        b[i] = target(t)
    x = mp.lu_solve(a, b)
    return [x[j] for j in range(n - 1)], abs(x[n - 1])


def remez(basis, target, lo, hi, rounds=12, grid=1999):
    """Minimax coefficients of target over basis on [lo, hi]."""
    n = len(basis) + 1
    # neither points nor mesh touch the middle: at r = 0 every basis function of exp vanishes
    points = [(lo + hi) / 2 - (hi - lo) / 2 * mp.cos(mp.pi * (i + 0.3) / (n - 0.3)) for i in range(n)]
    mesh = [(lo + hi) / 2 - (hi - lo) / 2 * mp.cos(mp.pi * i / grid) for i in range(grid + 1)]
    table = [[f(t) for f in basis] for t in mesh]
    wanted = [target(t) for t in mesh]
    for _ in range(rounds):
        c, level = solve(basis, target, points)
        error = [sum(cj * v for cj, v in zip(c, row)) - w for row, w in zip(table, wanted)]
        # the extremum of every stretch of constant sign
        peaks = [0]
        for i in range(1, grid + 1):
            if (error[i] > 0) == (error[peaks[-1]] > 0):
                if abs(error[i]) > abs(error[peaks[-1]]):
                    peaks[-1] = i
            else:
                peaks.append(i)
        while len(peaks) > n:  # drop the smaller end
            peaks.pop(0 if abs(error[peaks[0]]) < abs(error[peaks[-1]]) else -1)
        worst = max(abs(e) for e in error)
        if len(peaks) < n or worst < level * (1 + mp.mpf(10) ** -6):
            break
        points = [mesh[i] for i in peaks]
    return c


def fit(basis, target, lo, hi, bits):
    """Rounded minimax coefficients, and the largest error with them."""
    c = [rounded(cj, bits) for cj in remez(basis, target, lo, hi)]
    mesh = [lo + (hi - lo) * i / mp.mpf(4001) for i in range(4002)]
    return c, max(abs(sum(cj * f(t) for cj, f in zip(c, basis)) - target(t)) for t in mesh)


def dot(u, v):
    return sum(x * y for x, y in zip(u, v))


def reduced(b):
    """The rows of integers b, reduced by Lenstra, Lenstra and Lovasz, and the orthogonal ones of Gram and Schmidt."""
    def orthogonal():
        star, mu = [], [[Fraction(0)] * len(b) for _ in b]
        for i, row in enumerate(b):
            v = [Fraction(x) for x in row]
            for j in range(i):
                mu[i][j] = dot(row, star[j]) / dot(star[j], star[j])
                v = [x - mu[i][j] * y for x, y in zip(v, star[j])]
            star.append(v)
        return star, mu

    (star, mu), k = orthogonal(), 1
    while k < len(b):
        for j in range(k - 1, -1, -1):
            whole = round(mu[k][j])
            b[k] = [x - whole * y for x, y in zip(b[k], b[j])]
            star, mu = orthogonal() if whole else (star, mu)
        if dot(star[k], star[k]) >= (Fraction(3, 4) - mu[k][k - 1] ** 2) * dot(star[k - 1], star[k - 1]):
            k += 1
        else:
            b[k], b[k - 1] = b[k - 1], b[k]
            star, mu = orthogonal()
            k = max(k - 1, 1)
    return b, star


def common_factor(bits, steps):
    """The integer m >= 2^(bits - 1), for which all m 2^(j/steps), no more than an octave above, are nearest to integers."""
    ratios = [mp.mpf(2) ** (mp.mpf(j) / steps) for j in range(1, steps)]
    low, high = 2 ** (bits - 1), int(2 ** (bits - 1) * ratios[0])
    # the rows' combinations are (m, weight (m ratio_j - p_j), ...): one near the middle of the range with the others near 0
    weight = int(64 * mp.mpf(high - low) ** (1 + mp.mpf(1) / (steps - 1)))
    rows = [[1] + [int(mp.nint(weight * r)) for r in ratios]]
    rows += [[weight * (i == j) for i in range(steps)] for j in range(1, steps)]
    b, star = reduced(rows)
    rest = [Fraction((low + high) // 2)] + [Fraction(0)] * (steps - 1)
    nearest = [0] * steps
    for row, other in zip(b[::-1], star[::-1]):
        whole = round(dot(rest, other) / dot(other, other))
        rest = [x - whole * y for x, y in zip(rest, row)]
        nearest = [x + whole * y for x, y in zip(nearest, row)]
    around = np.array(list(itertools.product(range(-1, 2), repeat=steps)))
    m = nearest[0] + around @ np.array([row[0] for row in b])
    lost = np.array(nearest[1:], float) + around.astype(float) @ np.array([row[1:] for row in b], float)
    lost = np.column_stack([np.zeros(len(m)), lost / np.array([float(r) for r in ratios])])
    worst = np.where((low <= m) & (m < high), np.ptp(lost, axis=1), np.inf)
    return int(m[worst.argmin()])


def exp_constants(name, bits, degree, steps, base):
    step = mp.log(2) / steps
    half = step / 2 * (1 + mp.mpf(2) ** -10)
    basis = [(lambda k: lambda r: r ** (k + 2) * mp.exp(-r))(k) for k in range(degree - 1)]
    q, worst = fit(basis, lambda r: 1 - (1 + r) * mp.exp(-r), -half, half, bits)
    print(f"\n/* exp, {name}: relative error of the polynomial 2^{mp.nstr(mp.log(worst, 2), 5)} */")
    print(f"#define {name}_Q {{{', '.join(hexfloat(c, bits) for c in q)}}}")
    hi = rounded(step, bits)
    print(f"#define {name}_STEPS_PER_UNIT {hexfloat(rounded(1 / step, bits), bits)}")
    print(f"#define {name}_STEP_HI {hexfloat(hi, bits)}")
    print(f"#define {name}_STEP_LO {hexfloat(rounded(step - hi, bits), bits)}")
    factor = mp.mpf(common_factor(bits, steps)) / 2 ** (bits - 1)
    powers = [factor * mp.mpf(2) ** (mp.mpf(j) / steps) for j in range(steps)]
    near = [rounded(p, bits) for p in powers]
    lost = [(p - q) / p * 2 ** bits for p, q in zip(powers, near)]
    whole = [int((base + p - 1) * 2 ** (bits - 1)) - j * 2 ** (bits - 1) // steps for j, p in enumerate(near)]
    print(f"/* C = {hexfloat(factor, bits)}; the powers err by {mp.nstr((max(lost) - min(lost)) / 2, 3)} u */")
    print(f"#define {name}_POWER {{{', '.join(hex(w % 2 ** (32 if bits == 24 else 64)) for w in whole)}}}")


def log_constants(terms):
    top = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)

    def target(z):  # p(z) from  log(1+f) = 2 atanh(s) = 2s + s (z p(z)),  p = (2 atanh(s)/s - 2) / z
        s = mp.sqrt(z)
        return (2 * mp.atanh(s) / s - 2) / z if z > mp.mpf(10) ** -30 else mp.mpf(2) / 3

    basis = [(lambda k: lambda z: z ** k)(k) for k in range(terms)]
    p, worst = fit(basis, target, mp.mpf(10) ** -20, (top * 1.0001) ** 2, 53)
    worst *= top ** 2 / 2
    print(f"\n/* log(1 + f): relative error of the polynomial 2^{mp.nstr(mp.log(worst, 2), 5)} */")
    for k, c in enumerate(p):
        print(f"#define SMF_LOG_P{k} {hexfloat(c, 53)}")
    hi = rounded(mp.log(2), 40)
    print(f"#define SMF_LOG_LN2_HI {hexfloat(hi, 53)}  /* 40 bits: k LN2_HI is exact for |k| < 2^13 */")
    print(f"#define SMF_LOG_LN2_LO {hexfloat(rounded(mp.log(2) - hi, 53), 53)}")


if __name__ == "__main__":
    exp_constants("f32", 24, 4, 8, 63)
    exp_constants("f64", 53, 7, 8, 511)
    log_constants(7)
