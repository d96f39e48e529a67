/* smf_exp_f64.h: what is particular to float64: constants and bound of exp, the total of a row. */
#ifndef SMF_EXP_F64_H
#define SMF_EXP_F64_H

/* exp(r) = 1 + (r + r^2 q(r)) on |r| <= ln2/2; constants from tools/constants.py, polynomial error 2^-56.4.
 * Bound of s (1 + u): 0.57 ulp (docs/numerics.md). */
#define f64_EXP_BOUND_ULP 0.57
#define f64_LOG2E 0x1.71547652b82fep+0
#define f64_LN2_HI 0x1.62e42fefa39efp-1
#define f64_LN2_LO 0x1.abc9e3b39803fp-56
#define f64_MAGIC 0x1.8p52
#define f64_TOP 1923         /* exponent field of the largest element: its e is 2^900 (1 + u) */
#define f64_UNSCALE 0x1p-900
#define f64_NO_SHIFT 4096.0
#define f64_W 8
#define f64_Q {0x1.000000000000ap-1, 0x1.55555555554fap-3, 0x1.5555555550866p-5, 0x1.1111111127c4ep-7, \
               0x1.6c16c1842f594p-10, 0x1.a01a012a3e34ep-13, 0x1.a01999fd3bd13p-16, 0x1.71df2573d0e37p-19, \
               0x1.28ad818054164p-22, 0x1.ad7f5f9ebe3aep-26}
#define f64_Q_TERMS 10

typedef double f64_real;

/* The total: compensated, lane by lane. Nothing is lost before the last rounding. */
typedef struct { f64_v s, lost; } f64_total;

SMF_INLINE f64_total f64_total_zero(void)
{
    f64_total t = {f64_set1(0), f64_set1(0)};
    return t;
}

/* Two-sum (Knuth): s + e = the new s and what it lost. */
SMF_INLINE void f64_total_add(f64_total *t, f64_v e)
{
    const f64_v s = f64_add(t->s, e), d = f64_sub(s, t->s);
    const f64_v lost = f64_add(f64_sub(t->s, f64_sub(s, d)), f64_sub(e, d));
    t->s = s;
    t->lost = f64_add(t->lost, lost);
}

/* Two lanes of the sum into one: the tree over lanes, 4 apart, 2, 1. */
SMF_INLINE f64_total f64_total_merge(f64_total a, f64_total b)
{
    a.lost = f64_add(a.lost, b.lost);
    f64_total_add(&a, b.s);
    return a;
}

SMF_INLINE smf_dd f64_total_sum(const f64_total *t)
{
    f64_total a = *t, b = {f64_swap4(a.s), f64_swap4(a.lost)};
    a = f64_total_merge(a, b);
    b.s = f64_swap2(a.s);
    b.lost = f64_swap2(a.lost);
    a = f64_total_merge(a, b);
    b.s = f64_swap1(a.s);
    b.lost = f64_swap1(a.lost);
    a = f64_total_merge(a, b);
    return smf_two_sum(f64_first(a.s), f64_first(a.lost));
}

/* The totals of 8 rows, one a lane. */
SMF_INLINE void f64_total_lanes(const f64_total *t, smf_dd r[f64_W])
{
    double s[f64_W], lost[f64_W];
    f64_store(s, t->s);
    f64_store(lost, t->lost);
    for (int k = 0; k < f64_W; k++) r[k] = smf_two_sum(s[k], lost[k]);
}

/* 1 / total as two doubles: one Newton step for the second. */
SMF_INLINE void f64_reciprocal(smf_dd total, double *hi, double *lo)
{
    *hi = 1 / total.hi;
    *lo = *hi * fma(-*hi, total.lo, fma(-*hi, total.hi, 1));
}

/* max + L as two doubles, exactly. */
SMF_INLINE void f64_lse(double max, double L, double *hi, double *lo)
{
    const smf_dd r = smf_two_sum(max, L);
    *hi = r.hi;
    *lo = r.lo;
}

#endif
