/* smf_exp_f64.h: what is particular to float64: constants and bound of exp, the total of a row. */
#ifndef SMF_EXP_F64_H
#define SMF_EXP_F64_H

/* Constants of exp (smf_rows.h) from tools/constants.py; polynomial error 2^-58.2.
 * Bound of s + s u, rounded: 0.6 ulp (docs/numerics.md). */
#define f64_EXP_BOUND_ULP 0.6
#define f64_STEPS 8          /* an octave */
#define f64_STEPS_PER_UNIT 0x1.71547652b82fep+3
#define f64_STEP_HI 0x1.62e42fefa39efp-4
#define f64_STEP_LO 0x1.abc9e3b39803fp-59
#define f64_Q {0x1.000000000010cp-1, 0x1.555555555512bp-3, 0x1.5555554802dbbp-5, 0x1.11111125eb7a0p-7, \
               0x1.6c1cc02dae6d6p-10, 0x1.a0163807e321bp-13}
#define f64_Q_TERMS 6
#define f64_PLACE 0x1p-51
#define f64_MAGIC 0x1.8p1
#define f64_TOP 1923         /* exponent field of the largest element: its e is C 2^900 (1 + u), times some 2^(j/8) */
#define f64_NO_SHIFT 4096.0
#define f64_BIAS 1023
#define f64_BASE 511
#define f64_LOW -1690.0
#define f64_FEW(n) (((n) + 64) * ((n) + 64) * 0x1p-55)
#define f64_W 8
#define f64_PARTS 16

typedef double f64_real;

/* C 2^(j/8), C = 0x1.0ca1dc9248b2fp+0, nearly: to 0.004 u; f64_BASE as the exponent, and less j << 49, which raise brings back. */
static const uint64_t f64_power[8] = {0x1ff0ca1dc9248b2f, 0x1ff04f210dbff1a1, 0x1feff759bd5229d7, 0x1fefc5f7a09029b0,
    0x1fefbe7455e1d008, 0x1fefe49a0021deb1, 0x1ff03c8a9033fec4, 0x1ff0cac7b7745be0};

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

SMF_BODY f64_total f64_total_across(f64_total t, const int numbers)
{
    (void)numbers;
    return t;
}

/* The same of e in memory; no row is long (smf_exp_f32.h). */
#define f64_LONG SIZE_MAX
#define f64_LONG_DENSE SIZE_MAX
#define f64_FETCHES 1
#define f64_DENSE (SMF_LATER ? 14 : 7)
#define f64_SHORT_SUMS (SMF_LATER ? 47 : 48) /* as in smf_exp_f32.h */
#define f64_SHORT (SMF_LATER ? 47 : 31)
#define f64_PACKED 47
SMF_INLINE void f64_long_add(f64_total *t, const double *e) { (void)t, (void)e; }
SMF_INLINE f64_total f64_long_total(f64_total t) { return t; }
SMF_INLINE f64_total f64_across_of(const double *e) { return f64_total_of(f64_load(e)); }
SMF_INLINE void f64_across_add(f64_total *t, const double *e) { f64_total_add(t, f64_load(e)); }
SMF_INLINE f64_total f64_across_total(f64_total t) { return t; }

/* Along rows: what the lanes of one hold, 16 doubles; and 8 of these, `stride` bytes apart, summed the same way. */
SMF_INLINE void f64_total_put(f64_total t, double *parts)
{
    f64_store(parts, t.s);
    f64_store(parts + 8, t.lost);
}

/* A period of few rows (smf_cols.h): the sums of its lanes, 8 of vector k, and what these lost; those of row r, as total_put leaves them. */
SMF_INLINE void f64_total_spread(f64_total t, double *sums, size_t k, size_t rows)
{
    f64_store(sums + 8 * k, t.s);
    f64_store(sums + 8 * (rows + k), t.lost);
}
SMF_INLINE void f64_total_of_row(const double *sums, size_t r, size_t rows, double *parts)
{
    for (size_t l = 0; l < 16; l++) parts[l] = sums[l * rows + r];
}

SMF_BODY f64_total f64_total_rows(const double *parts, ptrdiff_t stride, size_t rows)
{
    const char *const p = (const char *)parts;
    f64_v s[8], lost[8];
    (void)rows;
    f64_load4(p, stride, 4, 0, s);
    f64_load4(p + 32, stride, 4, 0, s + 4);
    f64_load4(p + 64, stride, 4, 0, lost);
    f64_load4(p + 96, stride, 4, 0, lost + 4);
    f64_total t = {s[0], lost[0]};
    for (int k = 1; k < 8; k++) {
        const f64_total lane = {s[k], lost[k]};
        t = f64_total_merge(t, lane);
    }
    return t;
}

/* Whether there is anything in those of all `rows`. */
SMF_INLINE int f64_total_some(f64_total t, int rows)
{
    (void)rows;
    return f64_count_eq(t.s, f64_set1(0)) == 0;
}

/* Of rows, without the largest; whether that is less than `limit` of all, and where: few[row] is 1; a where it is, else b. */
SMF_INLINE f64_total f64_total_less(f64_total all, f64_v e)
{
    const smf_dd rest = smf_two_sum(all.s, f64_sub(f64_set1(0), e));
    const f64_total t = {rest.hi, f64_add(rest.lo, all.lost)};
    return t;
}

SMF_BODY int f64_total_few(f64_total others, f64_total all, double limit, double *few)
{
    const f64_v zero = f64_set1(0), v = f64_pick(f64_mul(all.s, f64_set1(limit)), others.s, f64_set1(1), zero);
    f64_store(few, v);
    return f64_count_eq(v, zero) < 8;
}

SMF_INLINE f64_total f64_total_pick(const double *few, f64_total a, f64_total b)
{
    const f64_v zero = f64_set1(0), v = f64_load(few);
    const f64_total t = {f64_pick(v, zero, a.s, b.s), f64_pick(v, zero, a.lost, b.lost)};
    return t;
}

/* 1 / total as two doubles: one Newton step for the second, to 80 bits, as in float32. */
SMF_BODY void f64_reciprocal(f64_total t, f64_v *hi, f64_v *lo)
{
    const f64_v one = f64_set1(1);
    const smf_dd total = smf_two_sum(t.s, t.lost);
    *hi = f64_div(one, total.hi);
    const f64_v minus_hi = f64_sub(f64_set1(0), *hi);
    const f64_v step = f64_fma(minus_hi, total.lo, f64_fma(minus_hi, total.hi, one)), places = f64_set1(0x1.8p-28);
    *lo = f64_mul(*hi, f64_sub(f64_add(step, places), places));
}

/* max + L as two doubles. `others` is the sum without the largest e, s (1 + u). */
SMF_BODY void f64_lse(f64_v max, f64_total others, f64_v s, f64_v u, f64_v *hi, f64_v *lo)
{
    smf_dd L = smf_two_sum(others.s, others.lost);
    smf_log_total(&L, &s, &u, 1);
    const smf_dd r = smf_two_sum(max, L.hi);
    const f64_v rest = f64_add(r.lo, L.lo);
    *hi = f64_add(r.hi, rest);
    *lo = f64_sub(rest, f64_sub(*hi, r.hi));
}

#endif
