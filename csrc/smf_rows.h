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
 * constant, as are `op`, `shifted` and `count`. */
enum { SMF_CONTIGUOUS, SMF_STRIDED, SMF_ACROSS };

/* STEP(i, count, lanes) for all of 0..n-1 in order: groups of vectors, then pairs; the last vector of a group has
 * `lanes` elements. */
#define SMF_PASS(STEP, n)                                                                   \
    do {                                                                                    \
        size_t i = 0;                                                                       \
        for (; i + SMF_UNROLL * W <= (n); i += SMF_UNROLL * W) STEP(i, SMF_UNROLL, W);      \
        for (; SMF_UNROLL > 2 && i + 2 * W <= (n); i += 2 * W) STEP(i, 2, W);               \
        if (i + W < (n)) STEP(i, 2, (int)((n) - i) - W);                                    \
        else if (i < (n)) STEP(i, 1, (int)((n) - i));                                       \
    } while (0)

#define SMF_FINITE(a) ((a) - (a) == 0)
#endif

/* The state of one row; across, of count * W rows, those of vector j at index j. */
typedef struct {
    const char *x;
    char *e, *y; /* softmax's exponentials go to e: to y itself, or to scratch memory */
    ptrdiff_t x_col, e_col, y_col; /* bytes */
    const char *next_x, *next_y; /* what comes after this: its cache lines are fetched during exp; NULL: nothing is */
    ptrdiff_t next_x_col, next_y_col;
    size_t n;
    v_t max[SMF_UNROLL];                                     /* the largest logit */
    v_t c[SMF_UNROLL], magic[SMF_UNROLL], clamp[SMF_UNROLL]; /* shift; rounding constant, lower clamp of x - c */
    SMF_W(_total) total[SMF_UNROLL];
    size_t maxima;                                           /* elements equal to max */
    v_t maxima_across[SMF_UNROLL];
    v_t hi[SMF_UNROLL], lo[SMF_UNROLL];                      /* constants of the last pass */
} SMF_W(_row);

#define SMF_AT(j) (layout == SMF_ACROSS ? (j) : 0)
#define SMF_LANES_OF(j) ((j) == count - 1 ? lanes : W)

/* One element, by any stride and alignment. */
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
    SMF_EACH(j, count) m[j] = v_max(m[j], SMF_W(_get)(row->x, row->x_col, i, j, SMF_LANES_OF(j), layout));
}

/* e of `count` vectors: for softmax all of them, which are stored too; else those that are not the maximum. */
SMF_INLINE void SMF_W(_step_exp)(SMF_W(_row) *row, size_t i, const int count, int lanes, const int shifted,
                                 const int layout, const smf_op op, v_t *e)
{
    const v_t one = v_set1(1);
    v_t x[SMF_UNROLL], s[SMF_UNROLL], u[SMF_UNROLL];
    SMF_EACH(j, count) x[j] = SMF_W(_get)(row->x, row->x_col, i, j, SMF_LANES_OF(j), layout);
    SMF_W(_exp)(row, x, s, u, count, shifted, layout);
    SMF_EACH(j, count) e[j] = v_fma(u[j], s[j], s[j]);
    if (layout != SMF_STRIDED && count == SMF_UNROLL && row->next_x) {
        const ptrdiff_t x_at = (ptrdiff_t)i * row->next_x_col, y_at = (ptrdiff_t)i * row->next_y_col, size = sizeof(real);
        SMF_EACH(j, count) SMF_PREFETCH(row->next_x + (x_at + j * W * size));
        if (op != SMF_LOGSUMEXP) SMF_EACH(j, count) SMF_PREFETCH_WRITE(row->next_y + (y_at + j * W * size));
    }
    if (op == SMF_SOFTMAX) {
        SMF_EACH(j, count) SMF_W(_put)(row->e, row->e_col, i, j, SMF_LANES_OF(j), e[j], layout);
        return;
    }
    SMF_EACH(j, count) e[j] = v_drop_eq(e[j], x[j], row->max[SMF_AT(j)]);
    SMF_EACH(j, count)
    if (layout == SMF_ACROSS)
        row->maxima_across[j] = v_add(row->maxima_across[j], v_sub(one, v_drop_eq(one, x[j], row->max[j])));
    else row->maxima += v_count_eq(x[j], row->max[0]);
}

/* Step 5: hi and lo are known. */
SMF_INLINE void SMF_W(_step_last)(SMF_W(_row) *row, size_t i, const int count, int lanes, const int layout, const smf_op op)
{
    SMF_EACH(j, count)
    {
        const v_t hi = row->hi[SMF_AT(j)], lo = row->lo[SMF_AT(j)];
        v_t v;
        if (op == SMF_SOFTMAX) {
            v = SMF_W(_get)(row->e, row->e_col, i, j, SMF_LANES_OF(j), layout);
            v = v_fma(v, hi, v_mul(v, lo));
        } else {
            v = SMF_W(_get)(row->x, row->x_col, i, j, SMF_LANES_OF(j), layout);
            v = v_sub(v_sub(v, hi), lo);
        }
        SMF_W(_put)(row->y, row->y_col, i, j, SMF_LANES_OF(j), v, layout);
    }
}

/* Step 1. (A NaN may be passed over here: it shows in the total.) */
SMF_INLINE real SMF_W(_row_max)(SMF_W(_row) *row, const int layout)
{
    v_t m[SMF_UNROLL];
    SMF_EACH(j, SMF_UNROLL) m[j] = v_set1(-(real)INFINITY);
#define STEP(i, count, lanes) SMF_W(_step_max)(row, i, count, lanes, m, layout)
    SMF_PASS(STEP, row->n);
#undef STEP
    SMF_EACH(j, SMF_UNROLL) m[0] = v_max(m[0], m[j]);
    return v_hmax(m[0]);
}

/* Steps 3 and 4. */
SMF_INLINE void SMF_W(_row_exp)(SMF_W(_row) *row, const int shifted, const int layout, const smf_op op)
{
    SMF_W(_total) total = SMF_W(_total_of)(v_set1(0));
#define STEP(i, count, lanes)                                                                \
    do {                                                                                     \
        v_t e[SMF_UNROLL];                                                                   \
        SMF_W(_step_exp)(row, i, count, lanes, shifted, layout, op, e);                      \
        SMF_EACH(j, (count) / 2) SMF_W(_total_add2)(&total, e[2 * j], e[2 * j + 1]);         \
        if ((count) % 2) SMF_W(_total_add)(&total, e[(count) - 1]);                          \
    } while (0)
    SMF_PASS(STEP, row->n);
#undef STEP
    row->total[0] = SMF_W(_total_sum)(total);
}

/* hi and lo of the first `rows` lanes of vector j: the reciprocal of the total, or max + L. */
SMF_INLINE void SMF_W(_finish)(SMF_W(_row) *row, int j, SMF_W(_total) maxima, int rows, const smf_op op)
{
    v_t s, u;
    if (op == SMF_SOFTMAX) {
        SMF_W(_reciprocal)(row->total[j], &row->hi[j], &row->lo[j], rows);
        return;
    }
    SMF_W(_row) one = *row;
    one.c[0] = row->c[j], one.magic[0] = row->magic[j], one.clamp[0] = row->clamp[j];
    SMF_W(_exp)(&one, &row->max[j], &s, &u, 1, 1, SMF_CONTIGUOUS);
    SMF_W(_lse)(row->max[j], maxima, row->total[j], u, &row->hi[j], &row->lo[j], rows);
}

SMF_INLINE void SMF_W(_fill_nan)(const SMF_W(_row) *row, int lane)
{
    for (size_t i = 0; i < row->n; i++) SMF_W(_put1)(row->y + lane * (int)sizeof(real), row->y_col, i, (real)NAN);
}

/* Special rows: their maximum is not finite, or there is a NaN. In the order of softmax_fast.h. */
static SMF_NOINLINE void SMF_W(_special)(const SMF_W(_row) *row, real max, smf_op op)
{
    int nan = 0;
    if (op == SMF_SOFTMAX) {
        SMF_W(_fill_nan)(row, 0);
        return;
    }
    for (size_t i = 0; i < row->n; i++) {
        const real x = SMF_W(_get1)(row->x, row->x_col, i);
        nan |= x != x;
    }
    if (op == SMF_LOGSUMEXP) SMF_W(_put1)(row->y, 0, 0, nan ? (real)NAN : max);
    else if (nan || !(max == (real)INFINITY)) SMF_W(_fill_nan)(row, 0);
    else
        for (size_t i = 0; i < row->n; i++) {
            const real x = SMF_W(_get1)(row->x, row->x_col, i);
            SMF_W(_put1)(row->y, row->y_col, i, x == (real)INFINITY ? (real)NAN : -(real)INFINITY);
        }
}

SMF_INLINE void SMF_W(_row_at)(SMF_W(_row) *row, const smf_job *job, size_t r, real *scratch, size_t scratch_row)
{
    row->x = (const char *)job->x + (ptrdiff_t)r * job->x_row;
    row->y = (char *)job->y + (ptrdiff_t)r * job->y_row;
    row->e = scratch ? (char *)(scratch + scratch_row) : row->y;
    row->x_col = job->x_col;
    row->e_col = row->y_col = job->y_col;
    row->n = job->n;
}

/* Rows r, r + 1, ... of a job, up to W of them: each pass over all of them before the next, and what is done once a
 * row done for all of them in one vector, so that no row waits for another's sums and divisions. */
SMF_INLINE void SMF_W(_block)(const smf_job *job, size_t r, int rows, real *scratch, const int layout, const smf_op op)
{
    const size_t stride = (job->n + W - 1) / W * W;
    SMF_ALIGNED(64) real max[W] = {0}, c[W], magic[W], clamp[W], hi[W], lo[W];
    SMF_W(_totals) totals, maxima;
    SMF_W(_row) all, row; /* lane k of all: row k */
    for (int k = 0; k < rows; k++) {
        SMF_W(_row_at)(&row, job, r + (size_t)k, NULL, 0);
        max[k] = SMF_W(_row_max)(&row, layout);
    }
    all.max[0] = rows == 1 ? v_set1(max[0]) : v_load_n(max, (size_t)rows);
    SMF_W(_shift)(&all, 0);
    v_store(c, all.c[0]);
    v_store(magic, all.magic[0]);
    v_store(clamp, all.clamp[0]);

    for (int k = 0; k < rows; k++) {
        const size_t next = r + (size_t)(k + rows) < job->rows ? (size_t)rows : 0;
        SMF_W(_row_at)(&row, job, r + (size_t)k, scratch, (size_t)k * stride);
        row.next_x = row.x + (ptrdiff_t)next * job->x_row;
        row.next_y = row.y + (ptrdiff_t)next * job->y_row;
        row.next_x_col = row.next_y_col = sizeof(real);
        row.max[0] = v_set1(max[k]);
        row.c[0] = rows == 1 ? all.c[0] : v_set1(c[k]);
        row.magic[0] = rows == 1 ? all.magic[0] : v_set1(magic[k]);
        row.clamp[0] = rows == 1 ? all.clamp[0] : v_set1(clamp[k]);
        row.maxima = 0;
        if (!SMF_FINITE(max[k])) row.total[0] = SMF_W(_total_of)(v_set1((real)NAN));
        else if (layout == SMF_CONTIGUOUS && max[k] >= -SMF_W(_NO_SHIFT) && max[k] <= SMF_W(_NO_SHIFT))
            SMF_W(_row_exp)(&row, 0, layout, op); /* c is 0, and the subtraction is saved */
        else SMF_W(_row_exp)(&row, 1, layout, op);
        SMF_W(_totals_put)(&totals, k, row.total[0]);
        SMF_W(_totals_put)(&maxima, k, SMF_W(_total_count)(row.maxima));
    }
    all.total[0] = rows == 1 ? row.total[0] : SMF_W(_totals_get)(&totals, rows);
    SMF_W(_finish)(&all, 0, rows == 1 ? SMF_W(_total_count)(row.maxima) : SMF_W(_totals_get)(&maxima, rows), rows, op);
    v_store(hi, all.hi[0]);
    v_store(lo, all.lo[0]);

    for (int k = 0; k < rows; k++) {
        SMF_W(_row_at)(&row, job, r + (size_t)k, scratch, (size_t)k * stride);
        row.hi[0] = rows == 1 ? all.hi[0] : v_set1(hi[k]);
        row.lo[0] = rows == 1 ? all.lo[0] : v_set1(lo[k]);
        if (totals.s[k] != totals.s[k]) SMF_W(_special)(&row, max[k], op);
        else if (op == SMF_LOGSUMEXP) SMF_W(_put1)(row.y, 0, 0, hi[k]);
        else {
#define STEP(i, count, lanes) SMF_W(_step_last)(&row, i, count, lanes, layout, op)
            SMF_PASS(STEP, row.n);
#undef STEP
        }
    }
}

#define SMF_SCRATCH (SMF_SCRATCH_BYTES / (int)sizeof(real))

SMF_INLINE void SMF_W(_contiguous)(const smf_job *job, const smf_op op)
{
    SMF_ALIGNED(64) real scratch[SMF_SCRATCH];
    const size_t stride = (job->n + W - 1) / W * W, fit = stride ? SMF_SCRATCH / stride : W;
    const int most = fit > W ? W : fit ? (int)fit : 1;
    for (size_t r = 0; r < job->rows; r += (size_t)most) {
        const int rows = job->rows - r < (size_t)most ? (int)(job->rows - r) : most;
        SMF_W(_block)(job, r, rows, op == SMF_SOFTMAX && fit ? scratch : NULL, SMF_CONTIGUOUS, op);
    }
}

/* Rows of any stride: through a contiguous copy of as many as fit, or element by element where not even one does. */
SMF_INLINE void SMF_W(_strided)(const smf_job *job, const smf_op op, void (*contiguous)(const smf_job *))
{
    const size_t n = job->n, fit = n ? SMF_SCRATCH / n : 0;
    const ptrdiff_t size = sizeof(real);
    SMF_ALIGNED(64) real copy[SMF_SCRATCH];
    if (!fit) {
        for (size_t r = 0; r < job->rows; r++) SMF_W(_block)(job, r, 1, NULL, SMF_STRIDED, op);
        return;
    }
    for (size_t r = 0; r < job->rows; r += fit) {
        const size_t rows = job->rows - r < fit ? job->rows - r : fit;
        const char *x = (const char *)job->x + (ptrdiff_t)r * job->x_row;
        char *y = (char *)job->y + (ptrdiff_t)r * job->y_row;
        const int y_too = op != SMF_LOGSUMEXP && job->y_col != size;
        const smf_job part = {rows, n, copy, (ptrdiff_t)n * size, size,
                              y_too ? (char *)copy : y, y_too ? (ptrdiff_t)n * size : job->y_row, size};
        for (size_t k = 0; k < rows; k++)
            for (size_t i = 0; i < n; i++) copy[k * n + i] = SMF_W(_get1)(x + (ptrdiff_t)k * job->x_row, job->x_col, i);
        contiguous(&part);
        for (size_t k = 0; y_too && k < rows; k++)
            for (size_t i = 0; i < n; i++) SMF_W(_put1)(y + (ptrdiff_t)k * job->y_row, job->y_col, i, copy[k * n + i]);
    }
}

#include "smf_cols.h"

/* The kernels of one operation. */
typedef struct {
    smf_kernel *contiguous, *strided;
    int (*vectors)(const smf_job *group, const SMF_W(_order) *order, real *panel); /* SMF_UNROLL * W rows across */
    int (*vector)(const smf_job *group, const SMF_W(_order) *order, int lanes, real *panel); /* up to W */
    smf_op op;
} SMF_W(_kernels);

#define SMF_UNIT(stride) ((stride) == (ptrdiff_t)sizeof(real))

static void SMF_W(_one_by_one)(const smf_job *job, const SMF_W(_kernels) *kernels)
{
    if (SMF_UNIT(job->x_col) && (SMF_UNIT(job->y_col) || kernels->op == SMF_LOGSUMEXP)) kernels->contiguous(job);
    else kernels->strided(job);
}

/* Rows in groups of SMF_UNROLL * W, then W, one row a lane: side by side in memory, or short and through a panel. */
static void SMF_W(_in_groups)(const smf_job *job, const SMF_W(_kernels) *kernels, int through_panel)
{
    SMF_ALIGNED(64) real panel[SMF_SHORT * SMF_UNROLL * W];
    SMF_W(_order) order;
    SMF_W(_set_order)(&order, job->n);
    order.far = job->rows * job->n > SMF_FAR_BYTES / sizeof(real) && !through_panel;
    for (size_t r = 0, rows; r < job->rows; r += rows) {
        const size_t left = job->rows - r;
        const int count = left >= SMF_UNROLL * W ? SMF_UNROLL : 1;
        const smf_job at = {rows = left < (size_t)(count * W) ? left : (size_t)(count * W), job->n,
                            (const char *)job->x + (ptrdiff_t)r * job->x_row, job->x_row, job->x_col,
                            (char *)job->y + (ptrdiff_t)r * job->y_row, job->y_row, job->y_col};
        smf_job group = at;
        if (through_panel) {
            SMF_W(_panel_load)(&at, count, panel);
            group.x = panel;
            group.x_col = count * W * (ptrdiff_t)sizeof(real);
            if (kernels->op != SMF_LOGSUMEXP) group.y = panel, group.y_col = group.x_col;
        }
        real *copy = !through_panel && job->n <= SMF_SHORT ? panel : NULL;
        if (!(count > 1 ? kernels->vectors(&group, &order, copy)
                        : kernels->vector(&group, &order, through_panel || rows == W ? W : (int)rows, copy)))
            SMF_W(_one_by_one)(&at, kernels);
        else if (through_panel && kernels->op != SMF_LOGSUMEXP) SMF_W(_panel_store)(&at, count, panel);
    }
}

/* Which rows go where: decided here and nowhere else. (Across, maxima are counted in floats: below 2^24.) */
static void SMF_W(_run)(const smf_job *job, const SMF_W(_kernels) *kernels)
{
    const int several = job->rows >= SMF_SEVERAL && job->n > 0;
    if (several && SMF_UNIT(job->x_row) && (SMF_UNIT(job->y_row) || kernels->op == SMF_LOGSUMEXP) &&
        !SMF_UNIT(job->x_col) && job->n >> 24 == 0)
        SMF_W(_in_groups)(job, kernels, 0);
    else if (several && job->n <= SMF_SHORT) SMF_W(_in_groups)(job, kernels, 1);
    else SMF_W(_one_by_one)(job, kernels);
}

#define SMF_KERNEL(name, op)                                                                                            \
    static SMF_NOINLINE void SMF_W(_##name##_contiguous)(const smf_job *job) { SMF_W(_contiguous)(job, op); }           \
    static SMF_NOINLINE void SMF_W(_##name##_strided)(const smf_job *job)                                               \
    {                                                                                                                   \
        SMF_W(_strided)(job, op, SMF_W(_##name##_contiguous));                                                          \
    }                                                                                                                   \
    static SMF_NOINLINE int SMF_W(_##name##_vectors)(const smf_job *group, const SMF_W(_order) *order, real *panel) \
    {                                                                                                                   \
        return SMF_W(_across)(group, order, SMF_UNROLL, W, panel, op);                                                         \
    }                                                                                                                   \
    static SMF_NOINLINE int SMF_W(_##name##_vector)(const smf_job *group, const SMF_W(_order) *order, int lanes, real *panel) \
    {                                                                                                                   \
        return SMF_W(_across)(group, order, 1, lanes, panel, op);                                                              \
    }                                                                                                                   \
    static void SMF_W(_##name)(const smf_job *job)                                                                      \
    {                                                                                                                   \
        static const SMF_W(_kernels) kernels = {SMF_W(_##name##_contiguous), SMF_W(_##name##_strided),                  \
                                                SMF_W(_##name##_vectors), SMF_W(_##name##_vector), op};                 \
        SMF_W(_run)(job, &kernels);                                                                                     \
    }

SMF_KERNEL(softmax, SMF_SOFTMAX)
SMF_KERNEL(log_softmax, SMF_LOG_SOFTMAX)
SMF_KERNEL(logsumexp, SMF_LOGSUMEXP)

#undef SMF_KERNEL
#undef SMF_UNIT
#undef SMF_SCRATCH
#undef SMF_LANES_OF
#undef SMF_AT
