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
#define v_add SMF_W(_add)
#define v_sub SMF_W(_sub)
#define v_mul SMF_W(_mul)
#define v_fma SMF_W(_fma)
#define v_max SMF_W(_max)
#define v_pow2 SMF_W(_pow2)
#define v_drop_eq SMF_W(_drop_eq)
#define v_count_eq SMF_W(_count_eq)
#define v_pick SMF_W(_pick)
#define v_first SMF_W(_first)
#define v_hmax SMF_W(_hmax)
#define W SMF_W(_W)

/* Where a vector's lanes lie: along the row, or across rows (one row a lane: smf_cols.h). Always a compile-time
 * constant, as are `shifted` and `count`. */
enum { SMF_CONTIGUOUS, SMF_STRIDED, SMF_ACROSS };

/* Calls STEP(s, i, count, lanes) for all of 0..n-1 in order: groups of vectors, single ones, the tail. */
#define SMF_PASS(STEP, s)                                                     \
    do {                                                                      \
        size_t i = 0;                                                         \
        for (; i + SMF_UNROLL * W <= (s)->n; i += SMF_UNROLL * W) STEP(s, i, SMF_UNROLL, W); \
        for (; SMF_UNROLL > 1 && i + W <= (s)->n; i += W) STEP(s, i, 1, W);   \
        if (i < (s)->n) STEP(s, i, 1, (int)((s)->n - i));                     \
    } while (0)
#endif

/* The state of one row; across, of count * W rows, those of vector j at index j. */
typedef struct {
    const char *x;
    char *y;
    ptrdiff_t x_col, y_col;      /* bytes */
    const char *next_x, *next_y; /* the row after this one: its cache lines are fetched during this one's exp */
    size_t n;
    v_t max[SMF_UNROLL];                                     /* the largest logit */
    v_t c[SMF_UNROLL], magic[SMF_UNROLL], clamp[SMF_UNROLL]; /* shift; rounding constant, lower clamp of x - c */
    SMF_W(_total) total[SMF_UNROLL];
    size_t maxima;                                           /* elements equal to max */
    v_t maxima_across[SMF_UNROLL];
    v_t hi[SMF_UNROLL], lo[SMF_UNROLL];                      /* constants of the last pass */
} SMF_W(_row);

#define SMF_AT(j) (layout == SMF_ACROSS ? (j) : 0)

/* One element of x or y, by any stride and alignment. */
SMF_INLINE real SMF_W(_get1)(const char *p, ptrdiff_t col, size_t i)
{
    real v;
    memcpy(&v, p + (ptrdiff_t)i * col, sizeof v);
    return v;
}

SMF_INLINE void SMF_W(_put1)(char *p, ptrdiff_t col, size_t i, real v) { memcpy(p + (ptrdiff_t)i * col, &v, sizeof v); }

/* The j-th vector from the i-th element on: its first `lanes` lanes, the rest -inf. */
SMF_INLINE v_t SMF_W(_get)(const char *p, ptrdiff_t col, size_t i, int j, int lanes, const int layout)
{
    real lane[W];
    if (layout != SMF_STRIDED) {
        const real *at = (const real *)(const void *)(layout == SMF_ACROSS ? p + (ptrdiff_t)i * col : p + i * sizeof(real));
        return lanes == W ? v_load(at + j * W) : v_load_n(at + j * W, (size_t)lanes);
    }
    for (int k = 0; k < W; k++) lane[k] = k < lanes ? SMF_W(_get1)(p, col, i + (size_t)(j * W + k)) : -(real)INFINITY;
    return v_load(lane);
}

SMF_INLINE void SMF_W(_put)(char *p, ptrdiff_t col, size_t i, int j, int lanes, v_t v, const int layout)
{
    real lane[W];
    if (layout != SMF_STRIDED) {
        real *at = (real *)(void *)(layout == SMF_ACROSS ? p + (ptrdiff_t)i * col : p + i * sizeof(real));
        if (lanes == W) v_store(at + j * W, v);
        else v_store_n(at + j * W, v, (size_t)lanes);
        return;
    }
    v_store(lane, v);
    for (int k = 0; k < lanes; k++) SMF_W(_put1)(p, col, i + (size_t)(j * W + k), lane[k]);
}

/* Step 2: max[j] is known. */
SMF_INLINE void SMF_W(_shift)(SMF_W(_row) *row, int j)
{
    const v_t zero = v_set1(0), magic = v_set1(SMF_W(_MAGIC)), top = v_set1(SMF_W(_TOP)), max = row->max[j];
    const v_t size = v_max(v_sub(zero, max), max), limit = v_set1(SMF_W(_NO_SHIFT));
    const v_t n_max = v_pick(size, limit, zero, v_sub(v_fma(max, v_set1(SMF_W(_LOG2E)), magic), magic));
    row->c[j] = v_pick(size, limit, max, zero);
    row->magic[j] = v_add(magic, v_sub(top, n_max));
    row->clamp[j] = v_mul(v_sub(n_max, top), v_set1(SMF_W(_LN2_HI)));
}

/* Step 3: e = s (1 + u) for `count` independent vectors. */
SMF_INLINE void SMF_W(_exp)(const SMF_W(_row) *row, const v_t *x, v_t *s, v_t *u, const int count,
                            const int shifted, const int layout)
{
    static const real coefficient[] = SMF_W(_Q);
    v_t r[SMF_UNROLL], t[SMF_UNROLL], q[SMF_UNROLL];
    SMF_EACH(j, count) r[j] = shifted ? v_sub(x[j], row->c[SMF_AT(j)]) : x[j];
    SMF_EACH(j, count) r[j] = v_max(row->clamp[SMF_AT(j)], r[j]);
    SMF_EACH(j, count) t[j] = v_fma(r[j], v_set1(SMF_W(_LOG2E)), row->magic[SMF_AT(j)]);
    SMF_EACH(j, count) s[j] = v_pow2(t[j]);
    SMF_EACH(j, count) t[j] = v_sub(t[j], row->magic[SMF_AT(j)]);
    SMF_EACH(j, count) r[j] = v_fma(t[j], v_set1(-SMF_W(_LN2_HI)), r[j]);
    SMF_EACH(j, count) r[j] = v_fma(t[j], v_set1(-SMF_W(_LN2_LO)), r[j]);
    SMF_EACH(j, count) q[j] = v_set1(coefficient[SMF_W(_Q_TERMS) - 1]);
    SMF_EACH(k, SMF_W(_Q_TERMS) - 1)
    SMF_EACH(j, count) q[j] = v_fma(q[j], r[j], v_set1(coefficient[SMF_W(_Q_TERMS) - 2 - k]));
    SMF_EACH(j, count) t[j] = v_mul(r[j], r[j]);
    SMF_EACH(j, count) u[j] = v_fma(t[j], q[j], r[j]);
}

SMF_INLINE void SMF_W(_step_max)(SMF_W(_row) *row, size_t i, const int count, int lanes, v_t *m, const int layout)
{
    SMF_EACH(j, count) m[j] = v_max(m[j], SMF_W(_get)(row->x, row->x_col, i, j, lanes, layout));
}

SMF_INLINE void SMF_W(_step_exp)(SMF_W(_row) *row, size_t i, const int count, int lanes, const int shifted,
                                 const int layout, SMF_W(_total) *total)
{
    v_t x[SMF_UNROLL], s[SMF_UNROLL], u[SMF_UNROLL];
    SMF_EACH(j, count) x[j] = SMF_W(_get)(row->x, row->x_col, i, j, lanes, layout);
    SMF_W(_exp)(row, x, s, u, count, shifted, layout);
    SMF_EACH(j, count) s[j] = v_fma(u[j], s[j], s[j]);
    SMF_EACH(j, count) SMF_W(_put)(row->y, row->y_col, i, j, lanes, s[j], layout);
    if (layout == SMF_CONTIGUOUS && count > 1) {
        SMF_EACH(j, count) SMF_PREFETCH(row->next_x + (i + (size_t)j * W) * sizeof(real));
        SMF_EACH(j, count) SMF_PREFETCH_WRITE(row->next_y + (i + (size_t)j * W) * sizeof(real));
    }
    SMF_EACH(j, count) SMF_W(_total_add)(&total[SMF_AT(j)], s[j]);
}

SMF_INLINE void SMF_W(_step_others)(SMF_W(_row) *row, size_t i, const int count, int lanes, const int shifted,
                                    const int layout, SMF_W(_total) *total)
{
    const v_t one = v_set1(1);
    v_t x[SMF_UNROLL], s[SMF_UNROLL], u[SMF_UNROLL];
    SMF_EACH(j, count) x[j] = SMF_W(_get)(row->x, row->x_col, i, j, lanes, layout);
    SMF_W(_exp)(row, x, s, u, count, shifted, layout);
    SMF_EACH(j, count) s[j] = v_drop_eq(v_fma(u[j], s[j], s[j]), x[j], row->max[SMF_AT(j)]);
    SMF_EACH(j, count)
    if (layout == SMF_ACROSS)
        row->maxima_across[j] = v_add(row->maxima_across[j], v_sub(one, v_drop_eq(one, x[j], row->max[j])));
    else row->maxima += v_count_eq(x[j], row->max[0]);
    if (layout == SMF_CONTIGUOUS && count > 1)
        SMF_EACH(j, count) SMF_PREFETCH(row->next_x + (i + (size_t)j * W) * sizeof(real));
    SMF_EACH(j, count) SMF_W(_total_add)(&total[SMF_AT(j)], s[j]);
}

SMF_INLINE void SMF_W(_step_scale)(SMF_W(_row) *row, size_t i, const int count, int lanes, const int layout)
{
    SMF_EACH(j, count)
    {
        const v_t e = SMF_W(_get)(row->y, row->y_col, i, j, lanes, layout);
        const v_t y = v_fma(e, row->hi[SMF_AT(j)], v_mul(e, row->lo[SMF_AT(j)]));
        SMF_W(_put)(row->y, row->y_col, i, j, lanes, y, layout);
    }
}

SMF_INLINE void SMF_W(_step_minus)(SMF_W(_row) *row, size_t i, const int count, int lanes, const int layout)
{
    SMF_EACH(j, count)
    {
        const v_t x = SMF_W(_get)(row->x, row->x_col, i, j, lanes, layout);
        const v_t y = v_sub(v_sub(x, row->hi[SMF_AT(j)]), row->lo[SMF_AT(j)]);
        SMF_W(_put)(row->y, row->y_col, i, j, lanes, y, layout);
    }
}

/* Steps 1 and 2. Returns the largest logit; where that is not finite the row is special. (A NaN may be
 * passed over here: it shows in the total.) */
SMF_INLINE real SMF_W(_begin)(SMF_W(_row) *row, int *shifted, const int layout)
{
    v_t m[SMF_UNROLL];
    SMF_EACH(j, SMF_UNROLL) m[j] = v_set1(-(real)INFINITY);
#define STEP(s, i, count, lanes) SMF_W(_step_max)(s, i, count, lanes, m, layout)
    SMF_PASS(STEP, row);
#undef STEP
    SMF_EACH(j, SMF_UNROLL) m[0] = v_max(m[0], m[j]);
    const real max = v_hmax(m[0]);
    row->max[0] = v_set1(max);
    SMF_W(_shift)(row, 0);
    *shifted = max < -SMF_W(_NO_SHIFT) || max > SMF_W(_NO_SHIFT);
    row->total[0] = SMF_W(_total_of)(v_set1(0));
    row->maxima = 0;
    return max;
}

#define SMF_FINITE(a) ((a) - (a) == 0)

/* How many lanes of a total are NaN. */
SMF_INLINE int SMF_W(_nan_lanes)(SMF_W(_total) total)
{
    const v_t t = SMF_W(_total_round)(total);
    return W - (int)v_count_eq(t, t);
}

SMF_INLINE void SMF_W(_fill_nan)(const SMF_W(_row) *row, int lane)
{
    for (size_t i = 0; i < row->n; i++) SMF_W(_put1)(row->y + lane * (int)sizeof(real), row->y_col, i, (real)NAN);
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
        SMF_W(_fill_nan)(row, 0);
        return;
    }
    for (size_t i = 0; i < row->n; i++) {
        const real x = SMF_W(_get1)(row->x, row->x_col, i);
        SMF_W(_put1)(row->y, row->y_col, i, x == (real)INFINITY ? (real)NAN : -(real)INFINITY);
    }
}

SMF_INLINE void SMF_W(_softmax_row)(SMF_W(_row) *row, const int layout)
{
    int shifted;
    const real max = SMF_W(_begin)(row, &shifted, layout);
    if (!SMF_FINITE(max)) {
        SMF_W(_fill_nan)(row, 0);
        return;
    }
#define STEP(s, i, count, lanes) SMF_W(_step_exp)(s, i, count, lanes, 1, layout, (s)->total)
    if (shifted) SMF_PASS(STEP, row);
#undef STEP
#define STEP(s, i, count, lanes) SMF_W(_step_exp)(s, i, count, lanes, 0, layout, (s)->total)
    else SMF_PASS(STEP, row);
#undef STEP
    row->total[0] = SMF_W(_total_sum)(row->total[0]);
    if (SMF_W(_nan_lanes)(row->total[0])) {
        SMF_W(_fill_nan)(row, 0);
        return;
    }
    SMF_W(_reciprocal)(row->total[0], &row->hi[0], &row->lo[0], 1);
#define STEP(s, i, count, lanes) SMF_W(_step_scale)(s, i, count, lanes, layout)
    SMF_PASS(STEP, row);
#undef STEP
}

/* max + L = hi + lo; returns 0 where the row is special. */
SMF_INLINE int SMF_W(_lse_row)(SMF_W(_row) *row, real *max, const int layout)
{
    int shifted;
    *max = SMF_W(_begin)(row, &shifted, layout);
    if (!SMF_FINITE(*max)) return 0;
#define STEP(s, i, count, lanes) SMF_W(_step_others)(s, i, count, lanes, 1, layout, (s)->total)
    if (shifted) SMF_PASS(STEP, row);
#undef STEP
#define STEP(s, i, count, lanes) SMF_W(_step_others)(s, i, count, lanes, 0, layout, (s)->total)
    else SMF_PASS(STEP, row);
#undef STEP
    row->total[0] = SMF_W(_total_sum)(row->total[0]);
    if (SMF_W(_nan_lanes)(row->total[0])) return 0;
    v_t s, u;
    SMF_W(_exp)(row, row->max, &s, &u, 1, 1, layout);
    SMF_W(_lse)(row->max[0], SMF_W(_total_count)(row->maxima), row->total[0], u, &row->hi[0], &row->lo[0], 1);
    return 1;
}

SMF_INLINE void SMF_W(_log_softmax_row)(SMF_W(_row) *row, const int layout)
{
    real max;
    if (!SMF_W(_lse_row)(row, &max, layout)) {
        SMF_W(_special_log_softmax)(row, max);
        return;
    }
#define STEP(s, i, count, lanes) SMF_W(_step_minus)(s, i, count, lanes, layout)
    SMF_PASS(STEP, row);
#undef STEP
}

SMF_INLINE void SMF_W(_logsumexp_row)(SMF_W(_row) *row, const int layout)
{
    real max;
    if (SMF_W(_lse_row)(row, &max, layout)) SMF_W(_put1)(row->y, 0, 0, v_first(row->hi[0]));
    else SMF_W(_put1)(row->y, 0, 0, SMF_W(_any_nan)(row) ? (real)NAN : max);
}

#include "smf_cols.h"

/* The kernels. Which rows go where is decided here and nowhere else. */
#define SMF_UNIT(stride) ((stride) == (ptrdiff_t)sizeof(real))
#define SMF_KERNEL(op, per_element)                                                                           \
    SMF_INLINE void SMF_W(_##op##_rows)(const smf_job *job, size_t r, size_t end, const int layout)           \
    {                                                                                                         \
        SMF_W(_row) row;                                                                                      \
        row.x_col = job->x_col;                                                                               \
        row.y_col = job->y_col;                                                                               \
        row.n = job->n;                                                                                       \
        for (; r < end; r++) {                                                                                \
            row.x = (const char *)job->x + (ptrdiff_t)r * job->x_row;                                         \
            row.y = (char *)job->y + (ptrdiff_t)r * job->y_row;                                               \
            row.next_x = row.x + (r + 1 < end ? job->x_row : 0);                                              \
            row.next_y = row.y + (r + 1 < end ? job->y_row : 0);                                              \
            SMF_W(_##op##_row)(&row, layout);                                                                 \
        }                                                                                                     \
    }                                                                                                         \
    static SMF_NOINLINE void SMF_W(_##op##_contiguous)(const smf_job *job, size_t r, size_t end)              \
    {                                                                                                         \
        SMF_W(_##op##_rows)(job, r, end, SMF_CONTIGUOUS);                                                     \
    }                                                                                                         \
    static SMF_NOINLINE void SMF_W(_##op##_strided)(const smf_job *job, size_t r, size_t end)                 \
    {                                                                                                         \
        SMF_W(_##op##_rows)(job, r, end, SMF_STRIDED);                                                        \
    }                                                                                                         \
    static void SMF_W(_##op##_one_by_one)(const smf_job *job, size_t r, size_t end)                           \
    {                                                                                                         \
        if (SMF_UNIT(job->x_col) && (SMF_UNIT(job->y_col) || !per_element))                                   \
            SMF_W(_##op##_contiguous)(job, r, end);                                                           \
        else SMF_W(_##op##_strided)(job, r, end);                                                             \
    }                                                                                                         \
    static SMF_NOINLINE int SMF_W(_##op##_vectors)(const smf_job *group, const SMF_W(_order) *order)          \
    {                                                                                                         \
        return SMF_W(_##op##_across)(group, order, SMF_UNROLL, W);                                            \
    }                                                                                                         \
    static SMF_NOINLINE int SMF_W(_##op##_vector)(const smf_job *group, const SMF_W(_order) *order, int lanes)\
    {                                                                                                         \
        return SMF_W(_##op##_across)(group, order, 1, lanes);                                                 \
    }                                                                                                         \
    static void SMF_W(_##op##_across_rows)(const smf_job *job, const int short_rows)                          \
    {                                                                                                         \
        SMF_ALIGNED(64) real panel[SMF_SHORT * SMF_UNROLL * W];                                               \
        SMF_W(_order) order;                                                                                  \
        SMF_W(_set_order)(&order, job->n);                                                                    \
        for (size_t r = 0, rows; r < job->rows; r += rows) {                                                  \
            const size_t left = job->rows - r;                                                                \
            const int count = SMF_UNROLL > 1 && left >= SMF_UNROLL * W ? SMF_UNROLL : 1;                      \
            const smf_job at = {rows = left < (size_t)(count * W) ? left : (size_t)(count * W), job->n,       \
                                (const char *)job->x + (ptrdiff_t)r * job->x_row, job->x_row, job->x_col,     \
                                (char *)job->y + (ptrdiff_t)r * job->y_row, job->y_row, job->y_col};          \
            smf_job group = at;                                                                               \
            int done;                                                                                         \
            if (short_rows) {                                                                                 \
                SMF_W(_panel_load)(&at, count, panel);                                                        \
                group.x = panel;                                                                              \
                group.x_col = count * W * (ptrdiff_t)sizeof(real);                                            \
                if (per_element) group.y = panel, group.y_col = group.x_col;                                  \
            }                                                                                                 \
            done = count > 1 ? SMF_W(_##op##_vectors)(&group, &order)                                         \
                             : SMF_W(_##op##_vector)(&group, &order, short_rows || rows == W ? W : (int)rows);\
            if (!done) SMF_W(_##op##_one_by_one)(&at, 0, rows);                                               \
            else if (short_rows && per_element) SMF_W(_panel_store)(&at, count, panel);                       \
        }                                                                                                     \
    }                                                                                                         \
    static void SMF_W(_##op)(const smf_job *job)                                                              \
    {                                                                                                         \
        if (job->rows >= SMF_SEVERAL && SMF_UNIT(job->x_row) && (SMF_UNIT(job->y_row) || !per_element) &&     \
            !SMF_UNIT(job->x_col) && job->n >> 24 == 0)                                                       \
            SMF_W(_##op##_across_rows)(job, 0);                                                               \
        else if (job->rows >= SMF_SEVERAL && job->n <= SMF_SHORT && job->n > 0)                               \
            SMF_W(_##op##_across_rows)(job, 1);                                                               \
        else SMF_W(_##op##_one_by_one)(job, 0, job->rows);                                                    \
    }

SMF_KERNEL(softmax, 1)
SMF_KERNEL(log_softmax, 1)
SMF_KERNEL(logsumexp, 0)

#undef SMF_KERNEL
#undef SMF_UNIT
#undef SMF_AT
#undef SMF_FINITE
