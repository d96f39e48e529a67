/* smf_exp_f64.h: what is particular to float64: constants and bound of exp, the total of a row. */
#ifndef SMF_EXP_F64_H
#define SMF_EXP_F64_H

/* exp(x) = 2^N (1 + u), N = round(x / ln2), r = x - N ln2, |r| <= ln2/2, 1 + u = exp(r),
 * exp(r) = 1 + r + r^2 q(r); constants from tools/constants.py, polynomial error 2^-56.5.
 * Bound of s + s u, rounded: 1.1 ulp (docs/numerics.md). */
#define f64_EXP_BOUND_ULP 1.1
#define f64_STEPS 1
#define f64_STEPS_PER_UNIT 0x1.71547652b82fep+0
#define f64_STEP_HI 0x1.62e42fefa39efp-1
#define f64_STEP_LO 0x1.abc9e3b39803fp-56
#define f64_Q {0x1.000000000000ap-1, 0x1.55555555554f9p-3, 0x1.55555555507f4p-5, 0x1.1111111127e70p-7, \
               0x1.6c16c1844a28ep-10, 0x1.a01a0129b944cp-13, 0x1.a01999b03a78dp-16, 0x1.71df26254133bp-19, \
               0x1.28adcc172a84cp-22, 0x1.ad7f077e3eed1p-26}
#define f64_Q_TERMS 10
#define f64_MAGIC 0x1.8p52
#define f64_TOP 1923         /* exponent field of the largest element: its e is 2^900 (1 + u) */
#define f64_UNSCALE 0x1p-900
#define f64_NO_SHIFT 4096.0
#define f64_W 8

typedef double f64_real;

/* s (1 + u) for `count` independent vectors; magic[j] is vector j's f64_MAGIC + what N begins at. */
SMF_INLINE void f64_exp(const f64_v *x, const f64_v *magic, f64_v *s, f64_v *u, const int count)
{
    static const double c[] = f64_Q;
    f64_v t[SMF_UNROLL], r[SMF_UNROLL], q[SMF_UNROLL], hi[SMF_UNROLL], lo[SMF_UNROLL];
    SMF_EACH(j, count) t[j] = f64_fma(x[j], f64_set1(f64_STEPS_PER_UNIT), magic[j]);
    SMF_EACH(j, count) s[j] = f64_pow2(t[j]);
    SMF_EACH(j, count) t[j] = f64_sub(t[j], magic[j]);
    SMF_EACH(j, count) hi[j] = f64_fma(t[j], f64_set1(-f64_STEP_HI), x[j]);
    SMF_EACH(j, count) lo[j] = f64_mul(t[j], f64_set1(-f64_STEP_LO));
    SMF_EACH(j, count) r[j] = f64_fma(t[j], f64_set1(-f64_STEP_LO), hi[j]);
    SMF_EACH(j, count) q[j] = f64_set1(c[f64_Q_TERMS - 1]);
    SMF_EACH(k, f64_Q_TERMS - 1)
    SMF_EACH(j, count) q[j] = f64_fma(q[j], r[j], f64_set1(c[f64_Q_TERMS - 2 - k]));
    SMF_EACH(j, count) t[j] = f64_mul(r[j], r[j]);
    SMF_EACH(j, count) u[j] = f64_add(hi[j], f64_fma(t[j], q[j], lo[j])); /* r without its rounding */
}

/* The total: compensated, lane by lane, then the 8 lanes one after the other. Nothing is lost before the last rounding. */
typedef struct { f64_v s, lost; } f64_total;
#define f64_PAIRED 0

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

SMF_INLINE void f64_total_add2(f64_total *t, f64_v e, f64_v f)
{
    f64_total_add(t, e);
    f64_total_add(t, f);
}

/* Across rows: what two lanes of the sum hold, into one; and in the end, the totals. */
SMF_INLINE f64_total f64_total_merge(f64_total a, f64_total b)
{
    a.lost = f64_add(a.lost, b.lost);
    f64_total_add(&a, b.s);
    return a;
}

SMF_INLINE f64_total f64_total_next2(f64_total t, f64_v e, f64_v f)
{
    return f64_total_merge(f64_total_merge(t, f64_total_of(e)), f64_total_of(f));
}

SMF_INLINE f64_total f64_total_across(f64_total t) { return t; }

/* Along a row: all lanes into one, the same way. */

SMF_INLINE void f64_total_sum(f64_total t, double *s, double *lost)
{
    double lane[8], lane_lost[8];
    f64_store(lane, t.s);
    f64_store(lane_lost, t.lost);
    *s = lane[0];
    *lost = lane_lost[0];
    for (int k = 1; k < 8; k++) {
        const double sum = *s + lane[k], part = sum - *s;
        *lost = (*lost + lane_lost[k]) + ((*s - (sum - part)) + (lane[k] - part));
        *s = sum;
    }
}

/* Of 8 rows. */
SMF_INLINE f64_total f64_total_load(const double *s, const double *lost)
{
    const f64_total t = {f64_load(s), f64_load(lost)};
    return t;
}

SMF_INLINE f64_total f64_total_set(double s, double lost)
{
    const f64_total t = {f64_set1(s), f64_set1(lost)};
    return t;
}

SMF_INLINE f64_total f64_total_widen(f64_v a) { return f64_total_of(a); }

/* 1 / total as two doubles: one Newton step for the second. */
SMF_INLINE void f64_reciprocal(f64_total t, f64_v *hi, f64_v *lo)
{
    const f64_v one = f64_set1(1);
    const smf_dd total = smf_two_sum(t.s, t.lost);
    *hi = f64_div(one, total.hi);
    const f64_v minus_hi = f64_sub(f64_set1(0), *hi);
    *lo = f64_mul(*hi, f64_fma(minus_hi, total.lo, f64_fma(minus_hi, total.hi, one)));
}

/* max + L as two doubles, exactly. `others` is the sum without the maxima; the largest e is 1 + u (s is 2^900). */
SMF_INLINE void f64_lse(f64_v max, f64_total maxima, f64_total others, f64_v s, f64_v u, f64_v *hi, f64_v *lo)
{
    const f64_v L = smf_log_total(maxima.s, smf_two_sum(others.s, others.lost), u, f64_UNSCALE);
    const smf_dd r = smf_two_sum(max, L);
    (void)s;
    *hi = r.hi;
    *lo = r.lo;
}

#endif
