/* smf_log.h: double-double helpers and log(1 + a), in SIMD words: once per row, or for 8 rows at a time.
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
typedef struct { f64_v hi, lo; } smf_dd;

/* a + b = hi + lo exactly (Knuth). */
SMF_INLINE smf_dd smf_two_sum(f64_v a, f64_v b)
{
    const f64_v s = f64_add(a, b), t = f64_sub(s, a);
    const smf_dd r = {s, f64_add(f64_sub(a, f64_sub(s, t)), f64_sub(b, t))};
    return r;
}

/* log(1 + a) for a = hi + lo >= 0, |lo| <= ulp(hi), as two doubles, in its place; of one vector, or of two in turns, as one waits.
 *
 * 1 + a = 2^k m with sqrt(1/2) <= m < sqrt(2); f = m - 1 is exact, for k = 0 it is a itself.
 *   log(m) = f - f^2/2 + s (f^2/2 + z p(z)),  s = f / (2 + f),  z = s^2
 * Bound: 0.36 * 2^-53 log(1 + a) (docs/numerics.md). */
SMF_BODY void smf_log1p(smf_dd *a, const int count)
{
    static const double coefficient[] = {SMF_LOG_P0, SMF_LOG_P1, SMF_LOG_P2, SMF_LOG_P3,
                                         SMF_LOG_P4, SMF_LOG_P5, SMF_LOG_P6};
    const f64_v one = f64_set1(1), k0 = f64_set1(0x1.a827999fcef32p-2); /* sqrt(2) - 1 */
    f64_v k[2], f[2], tail[2], s[2], z[2], p[2];
    SMF_EACH(j, count)
    {
        const smf_dd w = smf_two_sum(one, a[j].hi);
        f64_v scale; /* 2^-k */
        k[j] = f64_binade(w.hi, &scale);
        f[j] = f64_sub(f64_mul(w.hi, scale), one);
        tail[j] = f64_mul(f64_add(w.lo, a[j].lo), scale);
        k[j] = f64_pick(a[j].hi, k0, k[j], f64_set1(0));
        f[j] = f64_pick(a[j].hi, k0, f[j], a[j].hi);
        tail[j] = f64_pick(a[j].hi, k0, tail[j], a[j].lo);
    }
    SMF_EACH(j, count) s[j] = f64_div(f[j], f64_add(f64_set1(2), f[j]));
    SMF_EACH(j, count) tail[j] = f64_div(tail[j], f64_add(one, f[j]));
    SMF_EACH(j, count) z[j] = f64_mul(s[j], s[j]);
    SMF_EACH(j, count) p[j] = f64_set1(coefficient[6]);
    SMF_EACH(i, 6) SMF_EACH(j, count) p[j] = f64_fma(p[j], z[j], f64_set1(coefficient[5 - i]));
    SMF_EACH(j, count)
    {
        /* f - f^2/2 = d + rest of d, exactly but for the last place of a place */
        const f64_v minus_half_f = f64_mul(f64_set1(-0.5), f[j]);
        const f64_v d = f64_fma(minus_half_f, f[j], f[j]), d_lo = f64_fma(minus_half_f, f[j], f64_sub(f[j], d));
        const f64_v half = f64_mul(f64_mul(f64_set1(0.5), f[j]), f[j]);
        const f64_v small = f64_add(f64_fma(s[j], f64_fma(z[j], p[j], half), d_lo), tail[j]);
        const smf_dd sum = smf_two_sum(f64_mul(k[j], f64_set1(SMF_LOG_LN2_HI)), d);
        const f64_v rest = f64_add(sum.lo, f64_fma(k[j], f64_set1(SMF_LOG_LN2_LO), small)), hi = f64_add(sum.hi, rest);
        const smf_dd r = {hi, f64_sub(rest, f64_sub(hi, sum.hi))};
        a[j] = r;
    }
}

/* L = log(sum_j exp(x_j - max)) from what the pass over the row left, as two doubles, in place of the others: the sum of all elements
 * but the largest, and that, exp(max) = s (1 + u), both times the same power of two. Near probability 1 the result is the
 * others, to full precision. */
SMF_BODY void smf_log_total(smf_dd *others, const f64_v *s, const f64_v *u, const int count)
{
    SMF_EACH(j, count)
    {
        const f64_v e = f64_fma(u[j], s[j], s[j]), e_lo = f64_fma(u[j], s[j], f64_sub(s[j], e));
        const f64_v q = f64_div(others[j].hi, e), minus_q = f64_sub(f64_set1(0), q);
        const f64_v rest = f64_fma(minus_q, e_lo, f64_fma(minus_q, e, others[j].hi));
        const smf_dd a = {q, f64_div(f64_add(others[j].lo, rest), e)};
        others[j] = a;
    }
    smf_log1p(others, count);
}

#endif
