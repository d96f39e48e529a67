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

SMF_INLINE f64_total f64_total_of(f64_v e)
{
    const f64_total t = {e, f64_set1(0)};
    return t;
}

SMF_INLINE void f64_total_add(f64_total *t, f64_v e)
{
    const smf_dd sum = smf_two_sum(t->s, e);
    t->s = sum.hi;
    t->lost = f64_add(t->lost, sum.lo);
}

SMF_INLINE f64_total f64_total_count(size_t n) { return f64_total_of(f64_set1((double)n)); }

/* What rows of a block left, one after the other, and back as one vector of `rows` lanes. */
typedef struct { double s[f64_W], lost[f64_W]; } f64_totals;

SMF_INLINE void f64_totals_put(f64_totals *p, int k, f64_total t)
{
    p->s[k] = f64_first(t.s);
    p->lost[k] = f64_first(t.lost);
}

SMF_INLINE f64_total f64_totals_get(const f64_totals *p, int rows)
{
    const f64_total t = {f64_load_n(p->s, (size_t)rows), f64_load_n(p->lost, (size_t)rows)};
    return t;
}

SMF_INLINE void f64_total_add2(f64_total *t, f64_v e, f64_v f)
{
    f64_total_add(t, e);
    f64_total_add(t, f);
}

/* Two lanes of the sum into one: the tree over lanes, 4 apart, 2, 1. */
SMF_INLINE f64_total f64_total_merge(f64_total a, f64_total b)
{
    a.lost = f64_add(a.lost, b.lost);
    f64_total_add(&a, b.s);
    return a;
}

/* All lanes into one, which then stands in every lane. */
SMF_INLINE f64_total f64_total_sum(f64_total t)
{
    f64_total a, b;
#define SMF_HALVE(apart)                                                              \
    a.s = f64_zip##apart##_lo(t.s, t.s), a.lost = f64_zip##apart##_lo(t.lost, t.lost); \
    b.s = f64_zip##apart##_hi(t.s, t.s), b.lost = f64_zip##apart##_hi(t.lost, t.lost); \
    t = f64_total_merge(a, b)
    SMF_HALVE(4);
    SMF_HALVE(2);
    SMF_HALVE(1);
#undef SMF_HALVE
    return t;
}

/* Rounded; NaN where the total is. */
SMF_INLINE f64_v f64_total_round(f64_total t) { return f64_add(t.s, t.lost); }

/* 1 / total as two doubles: one Newton step for the second. */
SMF_INLINE void f64_reciprocal(f64_total t, f64_v *hi, f64_v *lo, int rows)
{
    const f64_v one = f64_set1(1);
    const smf_dd total = smf_two_sum(t.s, t.lost);
    (void)rows;
    *hi = f64_div(one, total.hi);
    const f64_v minus_hi = f64_sub(f64_set1(0), *hi);
    *lo = f64_mul(*hi, f64_fma(minus_hi, total.lo, f64_fma(minus_hi, total.hi, one)));
}

/* max + L as two doubles, exactly. `others` is the sum without the maxima; the largest e is 1 + u. */
SMF_INLINE void f64_lse(f64_v max, f64_total maxima, f64_total others, f64_v u, f64_v *hi, f64_v *lo, int rows)
{
    const f64_v L = smf_log_total(maxima.s, smf_two_sum(others.s, others.lost), u, f64_UNSCALE);
    const smf_dd r = smf_two_sum(max, L);
    (void)rows;
    *hi = r.hi;
    *lo = r.lo;
}

#endif
