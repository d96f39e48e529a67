/* smf_log.h: scalar double-double helpers and log(1 + a), once per row; no libm but fma.
 *
 * Compilers may contract a product beside an addition to a fused multiply-add: none stands there but exact ones.
 */
#ifndef SMF_LOG_H
#define SMF_LOG_H

#define SMF_LOG_P0 0x1.5555555555558p-1
#define SMF_LOG_P1 0x1.9999999995218p-2
#define SMF_LOG_P2 0x1.2492492e05277p-2
#define SMF_LOG_P3 0x1.c71c62cea4e15p-3
#define SMF_LOG_P4 0x1.7462ba9bcbcb9p-3
#define SMF_LOG_P5 0x1.39fdaa4f8ddeap-3
#define SMF_LOG_P6 0x1.2b60773e9f47ep-3
#define SMF_LOG_LN2_HI 0x1.62e42fefa4000p-1
#define SMF_LOG_LN2_LO -0x1.8432a1b0e2634p-43

/* hi + lo, unevaluated. */
typedef struct { double hi, lo; } smf_dd;

/* a + b = hi + lo exactly (Knuth). */
SMF_INLINE smf_dd smf_two_sum(double a, double b)
{
    const double s = a + b, t = s - a;
    const smf_dd r = {s, (a - (s - t)) + (b - t)};
    return r;
}

/* log(1 + a) for a = hi + lo >= 0, |lo| <= ulp(hi).
 *
 * 1 + a = 2^k m with sqrt(1/2) <= m < sqrt(2); f = m - 1 is exact, for k = 0 it is a itself.
 *   log(m) = f - f^2/2 + s (f^2/2 + z p(z)),  s = f / (2 + f),  z = s^2
 * Bound: 0.75 ulp for every a (docs/numerics.md). */
SMF_INLINE double smf_log1p(smf_dd a)
{
    double f = a.hi, tail = a.lo, k = 0;
    if (f > 0x1.a827999fcef32p-2) { /* sqrt(2) - 1 */
        const uint64_t sqrt_half = UINT64_C(0x3fe6a09e667f3bcd), one = UINT64_C(0x3ff0000000000000);
        const smf_dd w = smf_two_sum(1, a.hi);
        uint64_t bits, scale_bits;
        double scale; /* 2^-k */
        memcpy(&bits, &w.hi, sizeof bits);
        const uint64_t e = (bits - sqrt_half) >> 52;
        scale_bits = one - (e << 52);
        memcpy(&scale, &scale_bits, sizeof scale);
        k = (double)e;
        f = w.hi * scale;
        f -= 1;
        tail = (w.lo + a.lo) * scale;
    }
    const double s = f / (2 + f), z = s * s, half = 0.5 * f * f;
    double p = SMF_LOG_P6;
    p = fma(p, z, SMF_LOG_P5);
    p = fma(p, z, SMF_LOG_P4);
    p = fma(p, z, SMF_LOG_P3);
    p = fma(p, z, SMF_LOG_P2);
    p = fma(p, z, SMF_LOG_P1);
    p = fma(p, z, SMF_LOG_P0);
    /* f - f^2/2 = d + rest of d, exactly but for the last place of a place */
    const double d = fma(-0.5 * f, f, f), d_lo = fma(-0.5 * f, f, f - d);
    const double small = fma(s, fma(z, p, half), d_lo) + tail / (1 + f);
    const smf_dd sum = smf_two_sum(k * SMF_LOG_LN2_HI, d);
    return sum.hi + (sum.lo + fma(k, SMF_LOG_LN2_LO, small));
}

/* L = log(sum_j exp(x_j - max)) from what the pass over the row left: the number of elements equal to the
 * maximum, the sum of all others in units of 2^scale, and u with exp(max) = 1 + u in those units.
 * The maximum itself is never summed: near probability 1 the result is the *others*, to full precision. */
SMF_INLINE double smf_log_total(size_t maxima, smf_dd others, double u, double unscale)
{
    const double e = 1 + u, e_lo = u - (e - 1);
    const double hi = others.hi * unscale, q = hi / e;
    const double q_lo = fma(others.lo, unscale, fma(-q, e_lo, fma(-q, e, hi))) / e;
    smf_dd a = smf_two_sum((double)(maxima - 1), q);
    a.lo += q_lo;
    return smf_log1p(a);
}

#endif
