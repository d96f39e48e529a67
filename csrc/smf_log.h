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

/* log(1 + a) for a = hi + lo >= 0, |lo| <= ulp(hi), as two doubles.
 *
 * 1 + a = 2^k m with sqrt(1/2) <= m < sqrt(2); f = m - 1 is exact, for k = 0 it is a itself.
 *   log(m) = f - f^2/2 + s (f^2/2 + z p(z)),  s = f / (2 + f),  z = s^2
 * Bound: 0.36 * 2^-53 log(1 + a) (docs/numerics.md). */
SMF_BODY smf_dd smf_log1p(smf_dd a)
{
    static const double coefficient[] = {SMF_LOG_P0, SMF_LOG_P1, SMF_LOG_P2, SMF_LOG_P3,
                                         SMF_LOG_P4, SMF_LOG_P5, SMF_LOG_P6};
    const f64_v one = f64_set1(1), k0 = f64_set1(0x1.a827999fcef32p-2); /* sqrt(2) - 1 */
    const smf_dd w = smf_two_sum(one, a.hi);
    f64_v scale; /* 2^-k */
    f64_v k = f64_binade(w.hi, &scale);
    f64_v f = f64_sub(f64_mul(w.hi, scale), one), tail = f64_mul(f64_add(w.lo, a.lo), scale);
    k = f64_pick(a.hi, k0, k, f64_set1(0));
    f = f64_pick(a.hi, k0, f, a.hi);
    tail = f64_pick(a.hi, k0, tail, a.lo);

    const f64_v minus_half_f = f64_mul(f64_set1(-0.5), f);
    const f64_v s = f64_div(f, f64_add(f64_set1(2), f)), z = f64_mul(s, s);
    f64_v p = f64_set1(coefficient[6]);
    SMF_EACH(j, 6) p = f64_fma(p, z, f64_set1(coefficient[5 - j]));
    /* f - f^2/2 = d + rest of d, exactly but for the last place of a place */
    const f64_v d = f64_fma(minus_half_f, f, f), d_lo = f64_fma(minus_half_f, f, f64_sub(f, d));
    const f64_v half = f64_mul(f64_mul(f64_set1(0.5), f), f);
    const f64_v small = f64_add(f64_fma(s, f64_fma(z, p, half), d_lo), f64_div(tail, f64_add(one, f)));
    const smf_dd sum = smf_two_sum(f64_mul(k, f64_set1(SMF_LOG_LN2_HI)), d);
    const f64_v rest = f64_add(sum.lo, f64_fma(k, f64_set1(SMF_LOG_LN2_LO), small)), hi = f64_add(sum.hi, rest);
    const smf_dd r = {hi, f64_sub(rest, f64_sub(hi, sum.hi))};
    return r;
}

/* L = log(sum_j exp(x_j - max)) from what the pass over the row left, as two doubles: the sum of all elements but the
 * largest, and that, exp(max) = s (1 + u), both times the same power of two. Near probability 1 the result is the
 * others, to full precision. */
SMF_BODY smf_dd smf_log_total(smf_dd others, f64_v s, f64_v u)
{
    const f64_v e = f64_fma(u, s, s), e_lo = f64_fma(u, s, f64_sub(s, e));
    const f64_v q = f64_div(others.hi, e), minus_q = f64_sub(f64_set1(0), q);
    const f64_v rest = f64_fma(minus_q, e_lo, f64_fma(minus_q, e, others.hi));
    const smf_dd a = {q, f64_div(f64_add(others.lo, rest), e)};
    return smf_log1p(a);
}

#endif
