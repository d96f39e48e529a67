/* smf_exp_f32.h: what is particular to float32: constants and bound of exp, the total of a row. */
#ifndef SMF_EXP_F32_H
#define SMF_EXP_F32_H

/* exp(r) = 1 + (r + r^2 q(r)) on |r| <= ln2/2; constants from tools/constants.py, polynomial error 2^-28.0.
 * Bound of s (1 + u): 0.54 ulp (docs/numerics.md). */
#define f32_EXP_BOUND_ULP 0.54
#define f32_LOG2E 0x1.715476p+0f
#define f32_LN2_HI 0x1.62e43p-1f
#define f32_LN2_LO -0x1.05c61p-29f
#define f32_MAGIC 0x1.8p23f  /* adding it rounds to an integer, which then stands in the low bits */
#define f32_TOP 191          /* exponent field of the largest element: its e is 2^64 (1 + u) */
#define f32_UNSCALE 0x1p-64
#define f32_NO_SHIFT 512.0f  /* |max| up to here needs no shift; beyond it x - max is exact (Sterbenz) */
#define f32_W 16

typedef float f32_real;

#define f32_Q {0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558f2p-5f, 0x1.1239f8p-7f, 0x1.6a241p-10f}
#define f32_Q_TERMS 5

/* The total: every element widened to float64, lane by lane. Error below 2^-52 n / 16 of it. */
typedef struct { f64_v lo, hi; } f32_total;

SMF_INLINE f32_total f32_total_zero(void)
{
    f32_total t = {f64_set1(0), f64_set1(0)};
    return t;
}

SMF_INLINE void f32_total_add(f32_total *t, f32_v e)
{
    t->lo = f64_add(t->lo, f32_lo(e));
    t->hi = f64_add(t->hi, f32_hi(e));
}

/* Two lanes of the sum into one: the tree over lanes, 8 apart, 4, 2, 1. */
SMF_INLINE f32_total f32_total_merge(f32_total a, f32_total b)
{
    a.lo = f64_add(a.lo, b.lo);
    a.hi = f64_add(a.hi, b.hi);
    return a;
}

SMF_INLINE smf_dd f32_total_sum(const f32_total *t)
{
    f64_v s = f64_add(t->lo, t->hi);
    s = f64_add(s, f64_swap4(s));
    s = f64_add(s, f64_swap2(s));
    s = f64_add(s, f64_swap1(s));
    const smf_dd r = {f64_first(s), 0};
    return r;
}

/* The totals of 16 rows, one a lane. */
SMF_INLINE void f32_total_lanes(const f32_total *t, smf_dd r[f32_W])
{
    double lane[f32_W];
    f64_store(lane, t->lo);
    f64_store(lane + 8, t->hi);
    for (int k = 0; k < f32_W; k++) {
        r[k].hi = lane[k];
        r[k].lo = 0;
    }
}

/* 1 / total as two floats. */
SMF_INLINE void f32_reciprocal(smf_dd total, float *hi, float *lo)
{
    const double inverse = 1 / total.hi;
    *hi = (float)inverse;
    *lo = (float)(inverse - (double)*hi);
}

/* max + L as two floats: the larger part correctly rounded. */
SMF_INLINE void f32_lse(float max, double L, float *hi, float *lo)
{
    *hi = (float)((double)max + L);
    *lo = (float)(L - ((double)*hi - (double)max));
}

#endif
