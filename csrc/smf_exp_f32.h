/* smf_exp_f32.h: what is particular to float32: constants and bound of exp, the total of a row. */
#ifndef SMF_EXP_F32_H
#define SMF_EXP_F32_H

/* Constants of exp (smf_rows.h) from tools/constants.py; polynomial error 2^-32.2.
 * Bound of s + s u, rounded: 0.62 ulp (docs/numerics.md). */
#define f32_EXP_BOUND_ULP 0.62
#define f32_STEPS 8          /* an octave */
#define f32_STEPS_PER_UNIT 0x1.715476p+3f
#define f32_STEP_HI 0x1.62e43p-4f
#define f32_STEP_LO -0x1.05c61p-32f
#define f32_Q {0x1p-1f, 0x1.555c7ap-3f, 0x1.55483cp-5f}
#define f32_Q_TERMS 3
#define f32_PLACE 0x1p-22f   /* the last place of numbers from 2 to 4 */
#define f32_MAGIC 0x1.8p1f   /* adding it rounds to a multiple of that, whose factor then stands in the low bits */
#define f32_TOP 191          /* exponent field of the largest element: its e is C 2^64 (1 + u), times some 2^(j/8) */
#define f32_NO_SHIFT 512.0f  /* |max| up to here needs no shift; beyond it x - max is exact (Sterbenz) */
#define f32_BIAS 127         /* exponent field of 1 */
#define f32_BASE 63          /* of that, what the table brings: a row near to 0 has the other 0 to 127 */
#define f32_LOW -177.0f      /* 190 octaves and more below the least of these */
#define f32_FEW(n) (((n) + 128) * 0x1p-29) /* of the total of n elements: n a double */
#define f32_W 16
#define f32_PARTS 8           /* doubles that a row of the total is before its last sum */

typedef float f32_real;

/* C 2^(j/8), C = 0x1.16747cp+0, nearly: to 0.046 u; f32_BASE as the exponent, and less j << 20, which raise brings back. */
static const uint32_t f32_power[8] = {0x1f8b3a3e, 0x1f87d424, 0x1f859202, 0x1f848e45, 0x1f84e5be, 0x1f86b7da, 0x1f8a26de, 0x1f8f5829};

/* The total: e widened to float64 and added lane by lane, 16 lanes; then lanes 2 k and 2 k + 1; then these 8, one after the
 * other. Widened by moving their bits: what is summed is 2^-896 e, exactly, and a NaN is at least 2^-768, more than any
 * sum of numbers. */
typedef struct { f64_v lo, hi; } f32_total; /* lane by lane: the even lanes and the odd ones; of rows: the first 8, the others */
#define f32_PAIRED 1         /* lanes 2 k and 2 k + 1 are added first */
#define f32_WIDE_NAN 0x1p-770
#define f32_WIDE_UNIT 0x1p896

SMF_INLINE f32_total f32_total_of(f32_v e)
{
    const f32_total t = {f32_even(e), f32_odd(e)};
    return t;
}

SMF_INLINE void f32_total_add(f32_total *t, f32_v e)
{
    t->lo = f64_add(t->lo, f32_even(e));
    t->hi = f64_add(t->hi, f32_odd(e));
}

SMF_INLINE void f32_total_add2(f32_total *t, f32_v e, f32_v f)
{
    f32_total_add(t, e);
    f32_total_add(t, f);
}

/* Across rows: what two lanes of the sum hold, into one; and in the end, the totals. */
SMF_INLINE f32_total f32_total_merge(f32_total a, f32_total b)
{
    a.lo = f64_add(a.lo, b.lo);
    a.hi = f64_add(a.hi, b.hi);
    return a;
}

SMF_INLINE f32_total f32_total_next2(f32_total t, f32_v e, f32_v f)
{
    return f32_total_merge(t, f32_total_merge(f32_total_of(e), f32_total_of(f)));
}

SMF_INLINE f64_v f32_number_or_nan(f64_v wide)
{
    return f64_pick(wide, f64_set1(f32_WIDE_NAN), f64_set1(NAN), f64_mul(wide, f64_set1(f32_WIDE_UNIT)));
}
SMF_BODY f32_total f32_total_across(f32_total t, const int numbers) /* no NaN */
{
    const f64_v unit = f64_set1(f32_WIDE_UNIT);
    const f64_v even = numbers ? f64_mul(t.lo, unit) : f32_number_or_nan(t.lo), odd = numbers ? f64_mul(t.hi, unit) : f32_number_or_nan(t.hi);
    const f32_total rows = {f64_zip_lo(even, odd), f64_zip_hi(even, odd)};
    return rows;
}

/* The total of e in memory, where conversions from there are the cheaper way (SMF_LATER): lanes 0 to 7 and the others, themselves.
 * Of a long row (of dense ones: from LONG_DENSE on), and what is then its total; of rows, from the first e on, likewise. */
#if SMF_LATER
#define f32_LONG 256
#define f32_LONG_DENSE 64
#define f32_FETCHES 0        /* softmax's logits along rows: the processor finds those itself, and stores need the bandwidth */
#define f32_DENSE 10         /* vectors: dense rows below this go by the panel */
SMF_INLINE void f32_long_add(f32_total *t, const float *e)
{
    t->lo = f64_add(t->lo, f32_wide(e));
    t->hi = f64_add(t->hi, f32_wide(e + 8));
}
SMF_INLINE f32_total f32_long_total(f32_total t)
{
    const f64_v unit = f64_set1(1 / f32_WIDE_UNIT);
    const f32_total r = {f64_mul(f64_unzip_even(t.lo, t.hi), unit), f64_mul(f64_unzip_odd(t.lo, t.hi), unit)};
    return r;
}
SMF_INLINE f32_total f32_across_of(const float *e)
{
    const f32_total t = {f32_wide(e), f32_wide(e + 8)};
    return t;
}
SMF_INLINE void f32_across_add(f32_total *t, const float *e) { f32_long_add(t, e); }
SMF_INLINE f32_total f32_across_total(f32_total t) { return t; }
#else
#define f32_LONG SIZE_MAX /* none is */
#define f32_LONG_DENSE SIZE_MAX
#define f32_FETCHES 1
#define f32_DENSE 7
SMF_INLINE void f32_long_add(f32_total *t, const float *e) { (void)t, (void)e; }
SMF_INLINE f32_total f32_long_total(f32_total t) { return t; }
SMF_INLINE f32_total f32_across_of(const float *e) { return f32_total_of(f32_load(e)); }
SMF_INLINE void f32_across_add(f32_total *t, const float *e) { f32_total_add(t, f32_load(e)); }
SMF_INLINE f32_total f32_across_total(f32_total t) { return f32_total_across(t, 0); }
#endif

/* Rows up to here are turned, of logsumexp and of the others; with gaps between them, made dense by a copy. */
#define f32_SHORT_SUMS SMF_SHORT
#define f32_SHORT (SMF_LATER ? SMF_SHORT : 39)
#define f32_PACKED (f32_DENSE * 16 - 1)

/* Along rows: what the lanes of one hold, 8 doubles; and `rows` <= 16 of these, `stride` bytes apart, summed. */
SMF_INLINE void f32_total_put(f32_total t, double *parts) { f64_store(parts, f64_add(t.lo, t.hi)); }

/* A period of few rows (smf_cols.h): the sums of its lanes, 16 of vector k; the lanes of row r of these, as total_put leaves them. */
SMF_INLINE void f32_total_spread(f32_total t, double *sums, size_t k, size_t rows)
{
    (void)rows;
    f64_store(sums + 16 * k, f64_zip_lo(t.lo, t.hi));
    f64_store(sums + 16 * k + 8, f64_zip_hi(t.lo, t.hi));
}
SMF_INLINE void f32_total_of_row(const double *sums, size_t r, size_t rows, double *parts)
{
    for (size_t l = 0; l < 8; l++) parts[l] = sums[2 * l * rows + r] + sums[(2 * l + 1) * rows + r];
}

SMF_BODY f64_v f32_sum8(const char *parts, ptrdiff_t stride)
{
    f64_v c[8];
    f64_load4(parts, stride, 4, 0, c);
    f64_load4(parts + 32, stride, 4, 0, c + 4);
    for (int k = 1; k < 8; k++) c[0] = f64_add(c[0], c[k]);
    return f32_number_or_nan(c[0]);
}

SMF_BODY f32_total f32_total_rows(const double *parts, ptrdiff_t stride, size_t rows)
{
    f32_total t;
    if (rows == 1) { /* turning it would take longer than the additions */
        double sum = parts[0];
        SMF_EACH(k, 7) sum += parts[k + 1];
        t.lo = t.hi = f64_set1(sum > f32_WIDE_NAN ? (double)NAN : sum * f32_WIDE_UNIT);
        return t;
    }
    t.lo = t.hi = f32_sum8((const char *)parts, stride);
    if (rows > 8) t.hi = f32_sum8((const char *)parts + 8 * stride, stride);
    return t;
}

/* Whether there is anything in those of all `rows`. */
SMF_INLINE int f32_total_some(f32_total t, int rows)
{
    const f64_v zero = f64_set1(0);
    return f64_count_eq(t.lo, zero) == 0 && (rows <= 8 || f64_count_eq(t.hi, zero) == 0);
}

/* Of rows, without the largest; whether that is less than `limit` of all, and where: few[row] is 1; a where it is, else b. */
SMF_INLINE f32_total f32_total_less(f32_total all, f32_v e)
{
    const f32_total t = {f64_sub(all.lo, f32_lo(e)), f64_sub(all.hi, f32_hi(e))};
    return t;
}

SMF_BODY int f32_total_few(f32_total others, f32_total all, double limit, double *few)
{
    const f64_v zero = f64_set1(0), one = f64_set1(1), share = f64_set1(limit);
    const f64_v lo = f64_pick(f64_mul(all.lo, share), others.lo, one, zero), hi = f64_pick(f64_mul(all.hi, share), others.hi, one, zero);
    f64_store(few, lo);
    f64_store(few + 8, hi);
    return f64_count_eq(f64_add(lo, hi), zero) < 8;
}

SMF_INLINE f32_total f32_total_pick(const double *few, f32_total a, f32_total b)
{
    const f64_v zero = f64_set1(0);
    const f32_total t = {f64_pick(f64_load(few), zero, a.lo, b.lo), f64_pick(f64_load(few + 8), zero, a.hi, b.hi)};
    return t;
}

/* 1 / total as two floats: one Newton step for the second, to 36 bits: it is 0 or no denormal, for n < 2^24, and scales as
 * the total does. */
SMF_BODY void f32_reciprocal(f32_total total, f32_v *hi, f32_v *lo)
{
    const f32_v one = f32_set1(1), t = f32_join(total.lo, total.hi);
    const f32_v rest = f32_join(f64_sub(total.lo, f32_lo(t)), f64_sub(total.hi, f32_hi(t)));
    *hi = f32_div(one, t);
    const f32_v minus_hi = f32_sub(f32_set1(0), *hi);
    const f32_v step = f32_fma(minus_hi, rest, f32_fma(minus_hi, t, one)), places = f32_set1(0x1.8p-13f);
    *lo = f32_mul(*hi, f32_sub(f32_add(step, places), places));
}

/* max + L as two floats, the larger part correctly rounded. `others` is the sum without the largest e, s (1 + u). */
SMF_BODY void f32_lse(f32_v max, f32_total others, f32_v s, f32_v u, f32_v *hi, f32_v *lo)
{
    const f64_v zero = f64_set1(0), m[2] = {f32_lo(max), f32_hi(max)}, s2[2] = {f32_lo(s), f32_hi(s)}, u2[2] = {f32_lo(u), f32_hi(u)};
    smf_dd L[2] = {{others.lo, zero}, {others.hi, zero}};
    smf_log_total(L, s2, u2, 2);
    *hi = f32_join(f64_add(m[0], L[0].hi), f64_add(m[1], L[1].hi));
    *lo = f32_join(f64_sub(L[0].hi, f64_sub(f32_lo(*hi), m[0])), f64_sub(L[1].hi, f64_sub(f32_hi(*hi), m[1])));
}

#endif
