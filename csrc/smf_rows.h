/* smf_rows.h: the algorithm, written once. Template over SMF_F (f32 or f64); included by smf_kernels.h.
 *
 *   1. max = the largest logit. Not finite: the special rows of softmax_fast.h.
 *   2. c = 0 where |max| <= F_NO_SHIFT, else max: x - c is exact for every x that can matter, so the usual
 *      subtraction, which costs |x - max| / 2 ulp, never happens.
 *   3. n = round((x - c) log2 e), r = (x - c) - n ln2 (two FMAs, the first exact), e = 2^k (1 + u) with
 *      1 + u = exp(r), k = n - n_max + const. The constant of the rounding addition carries const - n_max, so
 *      that the exponent field of 2^k comes for free; where it would be below 1 the clamp makes it exactly 0.
 *      Nothing overflows and no e that matters is denormal. A NaN passes through to the total.
 *   4. total = sum of e, lane by lane and then over the lanes, in a fixed order.
 *   5. softmax: e times 1/total in two parts, one rounding. log_softmax: (x - H) - l with H + l = max + L,
 *      L = log(sum exp(x - max)); the elements equal to max are counted, not summed, which keeps L exact
 *      where the largest probability is near 1.
 *
 * The bits depend on the logical vector width (16 floats, 8 doubles) and the order written here, and on
 * nothing else. Elements beyond n are -inf: neutral for max, 0 from exp.
 *
 * Sources: exp by Cody and Waite's reduction and a minimax polynomial; two-sum by Knuth; log by the
 * atanh form of fdlibm.
 */
#ifndef SMF_ROWS_H
#define SMF_ROWS_H

#define SMF_W(word) SMF_PASTE(SMF_F, word)
#define real SMF_W(_real)
#define v_t SMF_W(_v)
#define v_set1 SMF_W(_set1)
#define v_load SMF_W(_load)
#define v_store SMF_W(_store)
#define v_load_n SMF_W(_load_n)
#define v_store_n SMF_W(_store_n)
#define v_sub SMF_W(_sub)
#define v_mul SMF_W(_mul)
#define v_fma SMF_W(_fma)
#define v_max SMF_W(_max)
#define v_pow2 SMF_W(_pow2)
#define v_drop_eq SMF_W(_drop_eq)
#define v_count_eq SMF_W(_count_eq)
#define v_hmax SMF_W(_hmax)
#define v_first SMF_W(_first)
#define W SMF_W(_W)

/* Calls STEP(s, i, count, lanes) for all of 0..n-1 in order: groups of vectors, single ones, the tail. */
#define SMF_PASS(STEP, s)                                                     \
    do {                                                                      \
        size_t i = 0;                                                         \
        for (; i + SMF_UNROLL * W <= (s)->n; i += SMF_UNROLL * W) STEP(s, i, SMF_UNROLL, W); \
        for (; SMF_UNROLL > 1 && i + W <= (s)->n; i += W) STEP(s, i, 1, W);   \
        if (i < (s)->n) STEP(s, i, 1, (int)((s)->n - i));                     \
    } while (0)
#endif

/* The state of one row. `unit` (both columns contiguous) and `shifted` are compile-time constants wherever
 * they are passed. */
typedef struct {
    const char *x;
    char *y;
    ptrdiff_t x_col, y_col;   /* bytes */
    const char *next_x, *next_y; /* the row after this one: its cache lines are fetched during this one's exp */
    size_t n;
    v_t max;                  /* of the row, in every lane */
    v_t c, magic, clamp;      /* the shift; rounding constant and lower clamp of x - c */
    SMF_W(_total) total;
    size_t maxima;            /* elements equal to max */
    v_t hi, lo;               /* constants of the last pass */
} SMF_W(_row);

/* One element of x or y, by any stride and alignment. */
SMF_INLINE real SMF_W(_get1)(const char *p, ptrdiff_t col, size_t i)
{
    real v;
    memcpy(&v, p + (ptrdiff_t)i * col, sizeof v);
    return v;
}

SMF_INLINE void SMF_W(_put1)(char *p, ptrdiff_t col, size_t i, real v) { memcpy(p + (ptrdiff_t)i * col, &v, sizeof v); }

/* `lanes` elements from the i-th on, the rest -inf. */
SMF_INLINE v_t SMF_W(_get)(const char *p, ptrdiff_t col, size_t i, int lanes, const int unit)
{
    real lane[W];
    if (unit) {
        const real *at = (const real *)(const void *)p + i;
        return lanes == W ? v_load(at) : v_load_n(at, (size_t)lanes);
    }
    for (int k = 0; k < W; k++) lane[k] = k < lanes ? SMF_W(_get1)(p, col, i + (size_t)k) : -(real)INFINITY;
    return v_load(lane);
}

SMF_INLINE void SMF_W(_put)(char *p, ptrdiff_t col, size_t i, int lanes, v_t v, const int unit)
{
    real lane[W];
    if (unit) {
        real *at = (real *)(void *)p + i;
        if (lanes == W) v_store(at, v);
        else v_store_n(at, v, (size_t)lanes);
        return;
    }
    v_store(lane, v);
    for (int k = 0; k < lanes; k++) SMF_W(_put1)(p, col, i + (size_t)k, lane[k]);
}

/* Step 3: e = s (1 + u) for `count` independent vectors. */
SMF_INLINE void SMF_W(_exp)(const SMF_W(_row) *row, const v_t *x, v_t *s, v_t *u, const int count,
                            const int shifted)
{
    static const real coefficient[] = SMF_W(_Q);
    v_t r[SMF_UNROLL], t[SMF_UNROLL], q[SMF_UNROLL];
    SMF_EACH(j, count) r[j] = shifted ? v_sub(x[j], row->c) : x[j];
    SMF_EACH(j, count) r[j] = v_max(row->clamp, r[j]);
    SMF_EACH(j, count) t[j] = v_fma(r[j], v_set1(SMF_W(_LOG2E)), row->magic);
    SMF_EACH(j, count) s[j] = v_pow2(t[j]);
    SMF_EACH(j, count) t[j] = v_sub(t[j], row->magic);
    SMF_EACH(j, count) r[j] = v_fma(t[j], v_set1(-SMF_W(_LN2_HI)), r[j]);
    SMF_EACH(j, count) r[j] = v_fma(t[j], v_set1(-SMF_W(_LN2_LO)), r[j]);
    SMF_EACH(j, count) q[j] = v_set1(coefficient[SMF_W(_Q_TERMS) - 1]);
    SMF_EACH(k, SMF_W(_Q_TERMS) - 1)
    SMF_EACH(j, count) q[j] = v_fma(q[j], r[j], v_set1(coefficient[SMF_W(_Q_TERMS) - 2 - k]));
    SMF_EACH(j, count) t[j] = v_mul(r[j], r[j]);
    SMF_EACH(j, count) u[j] = v_fma(t[j], q[j], r[j]);
}

SMF_INLINE void SMF_W(_step_max)(SMF_W(_row) *s, size_t i, const int count, int lanes, v_t *m, const int unit)
{
    SMF_EACH(j, count) m[j] = v_max(m[j], SMF_W(_get)(s->x, s->x_col, i + (size_t)j * W, lanes, unit));
}

SMF_INLINE void SMF_W(_step_exp)(SMF_W(_row) *row, size_t i, const int count, int lanes, const int shifted,
                                 const int unit)
{
    v_t x[SMF_UNROLL], s[SMF_UNROLL], u[SMF_UNROLL];
    SMF_EACH(j, count) x[j] = SMF_W(_get)(row->x, row->x_col, i + (size_t)j * W, lanes, unit);
    SMF_W(_exp)(row, x, s, u, count, shifted);
    SMF_EACH(j, count) s[j] = v_fma(u[j], s[j], s[j]);
    SMF_EACH(j, count) SMF_W(_put)(row->y, row->y_col, i + (size_t)j * W, lanes, s[j], unit);
    if (unit && count > 1) SMF_EACH(j, count) SMF_PREFETCH(row->next_x + (i + (size_t)j * W) * sizeof(real));
    if (unit && count > 1) SMF_EACH(j, count) SMF_PREFETCH_WRITE(row->next_y + (i + (size_t)j * W) * sizeof(real));
    SMF_EACH(j, count) SMF_W(_total_add)(&row->total, s[j]);
}

SMF_INLINE void SMF_W(_step_others)(SMF_W(_row) *row, size_t i, const int count, int lanes, const int shifted,
                                    const int unit)
{
    v_t x[SMF_UNROLL], s[SMF_UNROLL], u[SMF_UNROLL];
    SMF_EACH(j, count) x[j] = SMF_W(_get)(row->x, row->x_col, i + (size_t)j * W, lanes, unit);
    SMF_W(_exp)(row, x, s, u, count, shifted);
    SMF_EACH(j, count) s[j] = v_drop_eq(v_fma(u[j], s[j], s[j]), x[j], row->max);
    SMF_EACH(j, count) row->maxima += v_count_eq(x[j], row->max);
    if (unit && count > 1) SMF_EACH(j, count) SMF_PREFETCH(row->next_x + (i + (size_t)j * W) * sizeof(real));
    SMF_EACH(j, count) SMF_W(_total_add)(&row->total, s[j]);
}

SMF_INLINE void SMF_W(_step_scale)(SMF_W(_row) *row, size_t i, const int count, int lanes, const int unit)
{
    SMF_EACH(j, count)
    {
        const v_t e = SMF_W(_get)(row->y, row->y_col, i + (size_t)j * W, lanes, unit);
        SMF_W(_put)(row->y, row->y_col, i + (size_t)j * W, lanes, v_fma(e, row->hi, v_mul(e, row->lo)), unit);
    }
}

SMF_INLINE void SMF_W(_step_minus)(SMF_W(_row) *row, size_t i, const int count, int lanes, const int unit)
{
    SMF_EACH(j, count)
    {
        const v_t x = SMF_W(_get)(row->x, row->x_col, i + (size_t)j * W, lanes, unit);
        SMF_W(_put)(row->y, row->y_col, i + (size_t)j * W, lanes, v_sub(v_sub(x, row->hi), row->lo), unit);
    }
}

/* Steps 1 and 2. Returns the largest logit; where that is not finite the row is special. (A NaN may be
 * passed over here: it shows in the total.) */
SMF_INLINE real SMF_W(_begin)(SMF_W(_row) *row, const int unit)
{
    v_t m[SMF_UNROLL];
    SMF_EACH(j, SMF_UNROLL) m[j] = v_set1(-(real)INFINITY);
#define STEP(s, i, count, lanes) SMF_W(_step_max)(s, i, count, lanes, m, unit)
    SMF_PASS(STEP, row);
#undef STEP
    SMF_EACH(j, SMF_UNROLL) m[0] = v_max(m[0], m[j]);
    const real max = v_hmax(m[0]);

    row->max = v_set1(max);
    row->c = row->max;
    real n_max = 0;
    if (max >= -SMF_W(_NO_SHIFT) && max <= SMF_W(_NO_SHIFT)) {
        row->c = v_set1(0);
        n_max = v_first(v_sub(v_fma(row->max, v_set1(SMF_W(_LOG2E)), v_set1(SMF_W(_MAGIC))), v_set1(SMF_W(_MAGIC))));
    }
    row->magic = v_set1(SMF_W(_MAGIC) + (SMF_W(_TOP) - n_max));
    row->clamp = v_set1((n_max - SMF_W(_TOP)) * SMF_W(_LN2_HI));
    row->total = SMF_W(_total_zero)();
    row->maxima = 0;
    return max;
}

#define SMF_FINITE(a) ((a) - (a) == 0)
#define SMF_NEEDS_SHIFT(max) (!((max) >= -SMF_W(_NO_SHIFT) && (max) <= SMF_W(_NO_SHIFT)))

SMF_INLINE void SMF_W(_fill_nan)(const SMF_W(_row) *row)
{
    for (size_t i = 0; i < row->n; i++) SMF_W(_put1)(row->y, row->y_col, i, (real)NAN);
}

/* Special rows, in the order of softmax_fast.h. */
static int SMF_W(_any_nan)(const SMF_W(_row) *row)
{
    for (size_t i = 0; i < row->n; i++) {
        const real x = SMF_W(_get1)(row->x, row->x_col, i);
        if (x != x) return 1;
    }
    return 0;
}

static void SMF_W(_special_log_softmax)(const SMF_W(_row) *row, real max)
{
    if (!(max == (real)INFINITY) || SMF_W(_any_nan)(row)) {
        SMF_W(_fill_nan)(row);
        return;
    }
    for (size_t i = 0; i < row->n; i++) {
        const real x = SMF_W(_get1)(row->x, row->x_col, i);
        SMF_W(_put1)(row->y, row->y_col, i, x == (real)INFINITY ? (real)NAN : -(real)INFINITY);
    }
}

SMF_INLINE void SMF_W(_softmax_row)(SMF_W(_row) *row, const int unit)
{
    const real max = SMF_W(_begin)(row, unit);
    if (!SMF_FINITE(max)) {
        SMF_W(_fill_nan)(row);
        return;
    }
#define STEP(s, i, count, lanes) SMF_W(_step_exp)(s, i, count, lanes, 1, unit)
    if (SMF_NEEDS_SHIFT(max)) SMF_PASS(STEP, row);
#undef STEP
#define STEP(s, i, count, lanes) SMF_W(_step_exp)(s, i, count, lanes, 0, unit)
    else SMF_PASS(STEP, row);
#undef STEP
    const smf_dd total = SMF_W(_total_sum)(&row->total);
    if (total.hi != total.hi) {
        SMF_W(_fill_nan)(row);
        return;
    }
    real hi, lo;
    SMF_W(_reciprocal)(total, &hi, &lo);
    row->hi = v_set1(hi);
    row->lo = v_set1(lo);
#define STEP(s, i, count, lanes) SMF_W(_step_scale)(s, i, count, lanes, unit)
    SMF_PASS(STEP, row);
#undef STEP
}

/* max + L = *hi + *lo; returns 0, and the largest logit in *hi, where the row is special. */
SMF_INLINE int SMF_W(_lse_row)(SMF_W(_row) *row, real *hi, real *lo, const int unit)
{
    const real max = SMF_W(_begin)(row, unit);
    *hi = max;
    if (!SMF_FINITE(max)) return 0;
#define STEP(s, i, count, lanes) SMF_W(_step_others)(s, i, count, lanes, 1, unit)
    if (SMF_NEEDS_SHIFT(max)) SMF_PASS(STEP, row);
#undef STEP
#define STEP(s, i, count, lanes) SMF_W(_step_others)(s, i, count, lanes, 0, unit)
    else SMF_PASS(STEP, row);
#undef STEP
    const smf_dd others = SMF_W(_total_sum)(&row->total);
    if (others.hi != others.hi) return 0;
    v_t s, u;
    SMF_W(_exp)(row, &row->max, &s, &u, 1, 1);
    SMF_W(_lse)(max, smf_log_total(row->maxima, others, (double)v_first(u), SMF_W(_UNSCALE)), hi, lo);
    return 1;
}

SMF_INLINE void SMF_W(_log_softmax_row)(SMF_W(_row) *row, const int unit)
{
    real hi, lo;
    if (!SMF_W(_lse_row)(row, &hi, &lo, unit)) {
        SMF_W(_special_log_softmax)(row, hi);
        return;
    }
    row->hi = v_set1(hi);
    row->lo = v_set1(lo);
#define STEP(s, i, count, lanes) SMF_W(_step_minus)(s, i, count, lanes, unit)
    SMF_PASS(STEP, row);
#undef STEP
}

SMF_INLINE void SMF_W(_logsumexp_row)(SMF_W(_row) *row, const int unit)
{
    real hi, lo;
    if (!SMF_W(_lse_row)(row, &hi, &lo, unit) && SMF_W(_any_nan)(row)) hi = (real)NAN;
    SMF_W(_put1)(row->y, 0, 0, hi);
}

/* The kernels: the rows of a job, one after the other. */
#define SMF_KERNEL(op, unit_columns)                                                                    \
    SMF_INLINE void SMF_W(_##op##_rows)(const smf_job *job, const int unit)                             \
    {                                                                                                   \
        SMF_W(_row) row;                                                                                \
        row.x_col = job->x_col;                                                                         \
        row.y_col = job->y_col;                                                                         \
        row.n = job->n;                                                                                 \
        for (size_t r = 0; r < job->rows; r++) {                                                        \
            row.x = (const char *)job->x + (ptrdiff_t)r * job->x_row;                                   \
            row.y = (char *)job->y + (ptrdiff_t)r * job->y_row;                                         \
            row.next_x = row.x + (r + 1 < job->rows ? job->x_row : 0);                                  \
            row.next_y = row.y + (r + 1 < job->rows ? job->y_row : 0);                                  \
            SMF_W(_##op##_row)(&row, unit);                                                             \
        }                                                                                               \
    }                                                                                                   \
    static void SMF_W(_##op##_unit)(const smf_job *job) { SMF_W(_##op##_rows)(job, 1); }                \
    static void SMF_W(_##op##_any)(const smf_job *job) { SMF_W(_##op##_rows)(job, 0); }                 \
    static void SMF_W(_##op)(const smf_job *job)                                                        \
    {                                                                                                   \
        if (unit_columns) SMF_W(_##op##_unit)(job);                                                     \
        else SMF_W(_##op##_any)(job);                                                                   \
    }

#define SMF_UNIT(col) ((col) == (ptrdiff_t)sizeof(real))
SMF_KERNEL(softmax, SMF_UNIT(job->x_col) && SMF_UNIT(job->y_col))
SMF_KERNEL(log_softmax, SMF_UNIT(job->x_col) && SMF_UNIT(job->y_col))
SMF_KERNEL(logsumexp, SMF_UNIT(job->x_col))

#undef SMF_KERNEL
#undef SMF_UNIT
#undef SMF_FINITE
#undef SMF_NEEDS_SHIFT
