/* smf_cols.h: the same algorithm with one row a lane, for rows side by side in memory and for many short rows.
 *
 * Included by smf_rows.h, whose steps it runs with vectors across the rows; the bits are those of the row alone.
 * What is a lane of the sum there is a pass over every W-th element here, and the totals of these passes meet in
 * the order of the tree over lanes. Short rows come to lie side by side in a small panel on the stack.
 */
#ifndef SMF_COLS_H
#define SMF_COLS_H
#define SMF_LEVELS(width) ((width) == 16 ? 4 : 3)
#endif

/* The order of the sum over a row of n: after pass number q, over the elements lane[q], lane[q] + W, ..., the last
 * two totals meet, merges[q] times. The tree joins lanes 8 apart, then 4, 2, 1: its leaves from left to right are
 * the lanes with their bits reversed. Lanes without an element, exactly 0, are left out. */
typedef struct {
    int passes, far; /* far: the array is beyond the nearest caches */
    unsigned char lane[W], merges[W];
} SMF_W(_order);

static void SMF_W(_set_order)(SMF_W(_order) *order, size_t n)
{
    order->passes = 0;
    for (unsigned leaf = 0; leaf < W; leaf++) {
        for (unsigned level = 0; level <= SMF_LEVELS(W); level++) {
            /* the first lane of the right half of the subtree that ends with this leaf (level 0: the leaf itself) */
            unsigned first = level == 0 ? leaf : leaf + 1 - (1u << (level - 1)), lane = 0;
            for (int b = 0; b < SMF_LEVELS(W); b++) lane |= (first >> b & 1) << (SMF_LEVELS(W) - 1 - b);
            if (level > 0 && !(leaf >> (level - 1) & 1)) break;
            if (lane >= n) continue;
            if (level == 0) {
                order->lane[order->passes] = (unsigned char)lane;
                order->merges[order->passes++] = 0;
            } else order->merges[order->passes - 1]++;
        }
    }
}

/* Steps 1 and 2 for count * W rows; 0 where one of them is special. */
SMF_INLINE int SMF_W(_begin_across)(SMF_W(_row) *row, const int count, int lanes, real *panel)
{
    const v_t zero = v_set1(0);
    SMF_EACH(j, count) row->max[j] = v_set1(-(real)INFINITY);
    if (!panel)
        for (size_t i = 0; i < row->n; i++) SMF_W(_step_max)(row, i, count, lanes, row->max, SMF_ACROSS);
    else {
        for (size_t i = 0; i < row->n; i++)
            SMF_EACH(j, count)
            {
                const v_t x = SMF_W(_get)(row->x, row->x_col, i, j, SMF_LANES_OF(j), SMF_ACROSS);
                v_store(panel + (i * count + (size_t)j) * W, x);
                row->max[j] = v_max(row->max[j], x);
            }
        row->x = (const char *)panel;
        row->e = (char *)panel;
        row->x_col = row->e_col = count * W * (ptrdiff_t)sizeof(real);
    }
    SMF_EACH(j, count)
    {
        if (v_count_eq(v_sub(row->max[j], row->max[j]), zero) != (size_t)lanes) return 0;
        SMF_W(_shift)(row, j);
        row->maxima_across[j] = zero;
    }
    return 1;
}

/* Steps 3 and 4. */
SMF_INLINE void SMF_W(_exp_across)(SMF_W(_row) *row, const SMF_W(_order) *order, const int count, int lanes,
                                   const smf_op op)
{
    SMF_W(_total) level[SMF_LEVELS(W) + 1][SMF_UNROLL], total[SMF_UNROLL];
    v_t e[SMF_UNROLL], f[SMF_UNROLL];
    int top = 0;
    for (int q = 0; q < order->passes; q++) {
        for (size_t i = order->lane[q]; i < row->n; i += 2 * W) {
            const int first = i < W, two = i + W < row->n;
            SMF_W(_step_exp)(row, i, count, lanes, 1, SMF_ACROSS, op, e);
            if (two) SMF_W(_step_exp)(row, i + W, count, lanes, 1, SMF_ACROSS, op, f);
            if (!two && first) SMF_EACH(j, count) total[j] = SMF_W(_total_of)(e[j]);
            else if (!two) SMF_EACH(j, count) SMF_W(_total_add)(&total[j], e[j]);
            else {
                if (first) SMF_EACH(j, count) total[j] = SMF_W(_total_of)(v_set1(0));
                SMF_EACH(j, count) SMF_W(_total_add2)(&total[j], e[j], f[j]);
            }
        }
        for (int m = order->merges[q]; m > 0; m--) {
            top--;
            SMF_EACH(j, count) total[j] = SMF_W(_total_merge)(level[top][j], total[j]);
        }
        SMF_EACH(j, count) level[top][j] = total[j];
        top++;
    }
    SMF_EACH(j, count) row->total[j] = level[0][j];
}

/* How many lanes of a total are NaN. */
SMF_INLINE int SMF_W(_nan_lanes)(SMF_W(_total) total)
{
    const v_t t = SMF_W(_total_round)(total);
    return W - (int)v_count_eq(t, t);
}

/* count * W rows (lanes < W: `lanes` rows). Returns 0, with nothing written, where the maximum of one is not finite. */
SMF_INLINE int SMF_W(_across)(const smf_job *group, const SMF_W(_order) *order, const int count, int lanes,
                              real *panel, const smf_op op)
{
    SMF_W(_row) state, *const row = &state;
    real lane[W];
    SMF_W(_row_at)(row, group, 0, NULL, 0);
    row->next_x = order->far ? row->x + count * W * (ptrdiff_t)sizeof(real) : NULL;
    row->next_y = row->y + count * W * (ptrdiff_t)sizeof(real);
    row->next_x_col = row->x_col;
    row->next_y_col = row->y_col;
    if (!SMF_W(_begin_across)(row, count, lanes, panel)) return 0;
    SMF_W(_exp_across)(row, order, count, lanes, op);
    SMF_EACH(j, count) SMF_W(_finish)(row, j, SMF_W(_total_of)(row->maxima_across[j]), W, op);
    if (op != SMF_LOGSUMEXP)
        for (size_t i = 0; i < row->n; i++) SMF_W(_step_last)(row, i, count, lanes, SMF_ACROSS, op);
    else
        for (int j = 0; j < count; j++) {
            v_store(lane, row->hi[j]);
            for (int k = 0; k < W && (size_t)(j * W + k) < group->rows; k++)
                SMF_W(_put1)(row->y, group->y_row, (size_t)(j * W + k), lane[k]);
        }
    for (int j = 0; j < count; j++) {
        if (!SMF_W(_nan_lanes)(row->total[j])) continue;
        v_store(lane, SMF_W(_total_round)(row->total[j]));
        for (int k = 0; k < lanes; k++) {
            if (lane[k] == lane[k]) continue;
            if (op != SMF_LOGSUMEXP) SMF_W(_fill_nan)(row, j * W + k);
            else if ((size_t)(j * W + k) < group->rows) SMF_W(_put1)(row->y, group->y_row, (size_t)(j * W + k), (real)NAN);
        }
    }
    return 1;
}

/* The panel: element i of row k at i * count * W + k. A last group of fewer than W rows repeats its last row. */
SMF_INLINE void SMF_W(_panel_rows)(const char *p, ptrdiff_t stride, size_t rows, int j, const char *at[W])
{
    const size_t first = (size_t)j * W;
    if (first + W <= rows)
        for (int k = 0; k < W; k++) at[k] = p + (ptrdiff_t)(first + (size_t)k) * stride;
    else
        for (size_t k = 0; k < W; k++) at[k] = p + (ptrdiff_t)(first + k < rows ? first + k : rows - 1) * stride;
}

/* Columns i, i + 1, ... of W rows. */
SMF_INLINE void SMF_W(_columns_load)(const char *const *at, int i, const int columns, int count, real *panel)
{
    v_t c[4];
    SMF_W(_load4)(at, i, columns, c);
    SMF_EACH(q, columns) v_store(panel + (i + q) * count * W, c[q]);
}

SMF_INLINE void SMF_W(_columns_store)(const char *const *at, int i, const int columns, int count, const real *panel)
{
    v_t c[4];
    SMF_EACH(q, 4) c[q] = v_load(panel + (i + (q < columns ? q : 0)) * count * W);
    SMF_W(_store4)(at, i, columns, c);
}

static SMF_NOINLINE void SMF_W(_panel_load)(const smf_job *group, int count, real *panel)
{
    const int n = (int)group->n;
    const char *at[W];
    for (int j = 0; j < count; j++, panel += W) {
        SMF_W(_panel_rows)((const char *)group->x, group->x_row, group->rows, j, at);
        if (group->x_col != (ptrdiff_t)sizeof(real)) {
            for (int i = 0; i < n; i++)
                for (int k = 0; k < W; k++) panel[i * count * W + k] = SMF_W(_get1)(at[k], group->x_col, (size_t)i);
        } else if (n == 1) SMF_W(_columns_load)(at, 0, 1, count, panel);
        else if (n == 2) SMF_W(_columns_load)(at, 0, 2, count, panel);
        else if (n == 3) SMF_W(_columns_load)(at, 0, 3, count, panel);
        else
            for (int i = 0; i < n; i += 4) /* the last four may overlap those before */
                SMF_W(_columns_load)(at, i <= n - 4 ? i : n - 4, 4, count, panel);
    }
}

static SMF_NOINLINE void SMF_W(_panel_store)(const smf_job *group, int count, const real *panel)
{
    const int n = (int)group->n;
    const char *at[W];
    for (int j = 0; j < count; j++, panel += W) {
        SMF_W(_panel_rows)((const char *)group->y, group->y_row, group->rows, j, at);
        if (group->y_col != (ptrdiff_t)sizeof(real)) {
            for (int i = 0; i < n; i++)
                for (int k = 0; k < W; k++)
                    SMF_W(_put1)((char *)at[k], group->y_col, (size_t)i, panel[i * count * W + k]);
        } else if (n == 1) SMF_W(_columns_store)(at, 0, 1, count, panel);
        else if (n == 2) SMF_W(_columns_store)(at, 0, 2, count, panel);
        else if (n == 3) SMF_W(_columns_store)(at, 0, 3, count, panel);
        else
            for (int i = 0; i < n; i += 4) SMF_W(_columns_store)(at, i <= n - 4 ? i : n - 4, 4, count, panel);
    }
}
