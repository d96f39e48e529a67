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

/* The total: elements 16 apart added in pairs, these sums widened to float64 and added lane by lane. */
typedef struct { f64_v lo, hi; } f32_total;

SMF_INLINE f32_total f32_total_of(f32_v e)
{
    const f32_total t = {f32_lo(e), f32_hi(e)};
    return t;
}

SMF_INLINE void f32_total_add(f32_total *t, f32_v e)
{
    t->lo = f64_add(t->lo, f32_lo(e));
    t->hi = f64_add(t->hi, f32_hi(e));
}

SMF_INLINE f32_total f32_total_count(size_t n)
{
    const f32_total t = {f64_set1((double)n), f64_set1((double)n)};
    return t;
}

/* What rows of a block left, one after the other, and back as one vector of `rows` lanes. */
typedef struct { double s[f32_W]; } f32_totals;

SMF_INLINE void f32_totals_put(f32_totals *p, int k, f32_total t) { p->s[k] = f64_first(t.lo); }

SMF_INLINE f32_total f32_totals_get(const f32_totals *p, int rows)
{
    f32_total t;
    t.lo = rows >= 8 ? f64_load(p->s) : f64_load_n(p->s, (size_t)rows);
    t.hi = rows <= 8 ? t.lo : f64_load_n(p->s + 8, (size_t)rows - 8);
    return t;
}

SMF_INLINE void f32_total_add2(f32_total *t, f32_v e, f32_v f) { f32_total_add(t, f32_add(e, f)); }

/* Two lanes of the sum into one: the tree over lanes, 8 apart, 4, 2, 1. */
SMF_INLINE f32_total f32_total_merge(f32_total a, f32_total b)
{
    a.lo = f64_add(a.lo, b.lo);
    a.hi = f64_add(a.hi, b.hi);
    return a;
}

/* All lanes into one, which then stands in every lane. */
SMF_INLINE f32_total f32_total_sum(f32_total t)
{
    f64_v s = f64_add(t.lo, t.hi);
    s = f64_add(f64_zip4_lo(s, s), f64_zip4_hi(s, s));
    s = f64_add(f64_zip2_lo(s, s), f64_zip2_hi(s, s));
    s = f64_add(f64_zip1_lo(s, s), f64_zip1_hi(s, s));
    t.lo = t.hi = s;
    return t;
}

/* Rounded; NaN where the total is. */
SMF_INLINE f32_v f32_total_round(f32_total t) { return f32_join(t.lo, t.hi); }

/* 1 / total as two floats, in the first `rows` lanes (where they are few, in all lanes that of lane & 7). */
SMF_INLINE void f32_reciprocal(f32_total total, f32_v *hi, f32_v *lo, int rows)
{
    const f64_v one = f64_set1(1), a = f64_div(one, total.lo), b = rows > 8 ? f64_div(one, total.hi) : a;
    *hi = f32_join(a, b);
    *lo = f32_join(f64_sub(a, f32_lo(*hi)), f64_sub(b, f32_hi(*hi)));
}

/* max + L as two floats, the larger part correctly rounded. `others` is the sum without the maxima; the largest
 * e is 1 + u. */
SMF_INLINE void f32_lse(f32_v max, f32_total maxima, f32_total others, f32_v u, f32_v *hi, f32_v *lo, int rows)
{
    const f64_v zero = f64_set1(0), m_lo = f32_lo(max), m_hi = f32_hi(max);
    const smf_dd a = {others.lo, zero}, b = {others.hi, zero};
    const f64_v L_lo = smf_log_total(maxima.lo, a, f32_lo(u), f32_UNSCALE);
    const f64_v L_hi = rows > 8 ? smf_log_total(maxima.hi, b, f32_hi(u), f32_UNSCALE) : L_lo;
    *hi = f32_join(f64_add(m_lo, L_lo), f64_add(m_hi, L_hi));
    *lo = f32_join(f64_sub(L_lo, f64_sub(f32_lo(*hi), m_lo)), f64_sub(L_hi, f64_sub(f32_hi(*hi), m_hi)));
}

#endif
