/* smf_cols.h: the same algorithm with one row a lane, for rows side by side in memory and for many short rows.
 *
 * Included by smf_rows.h, whose steps it runs with vectors across the rows; the bits are those of the row alone.
 * What is a lane of the sum there is a pass over every W-th element here, and the totals of these passes meet in
 * the order of the lanes. Rows that fit come to lie side by side in a panel on the stack: element i of the j-th vector of
 * rows at (i * wide + j) * W. Rows that are contiguous are turned on the way there and back, four elements at a time.
 */

/* Reading: four elements beside each other of the W rows from p on, as vectors across the rows. `columns` (fewer than 4
 * where the rows are shorter) are wanted, but where rows follow each other without a gap (`dense`), what is read beyond
 * them is the next row; of the last row nothing is. Writing: from the first row to the last, likewise. */
#define SMF_COLUMNS(STEP, n)                                                         \
    do {                                                                             \
        if ((n) == 1) STEP(0, 1);                                                    \
        else if ((n) == 2) STEP(0, 2);                                               \
        else if ((n) == 3) STEP(0, 3);                                               \
        else                                                                         \
            for (size_t k = 0; k < (n); k += 4) STEP((k + 4 <= (n) ? k : (n) - 4), 4); \
    } while (0)

SMF_INLINE void SMF_W(_turn_in)(SMF_W(_row) *row, const int wide, ptrdiff_t x_row, real *panel)
{
    const int dense = x_row == (ptrdiff_t)(row->n * sizeof(real));
    v_t c[4];
    SMF_EACH(j, wide)
    {
        const char *p = row->x + (ptrdiff_t)(j * W) * x_row;
        v_t max = v_set1(-(real)INFINITY);
#define STEP(i, columns)                                                          \
    do {                                                                          \
        SMF_W(_load4)(p + (i) * sizeof(real), x_row, columns, dense, c);          \
        SMF_EACH(q, columns)                                                      \
        {                                                                         \
            v_store(panel + (((i) + (size_t)q) * (size_t)wide + (size_t)j) * W, c[q]); \
            max = v_max(max, c[q]);                                               \
        }                                                                         \
    } while (0)
        SMF_COLUMNS(STEP, row->n);
#undef STEP
        row->max[j] = max;
    }
}

SMF_INLINE void SMF_W(_turn_out)(const SMF_W(_row) *row, const int wide, const real *panel, const smf_op op)
{
    const int dense = row->y_row == (ptrdiff_t)(row->n * sizeof(real));
    v_t c[4];
    SMF_EACH(q, 4) c[q] = v_set1(0);
    SMF_EACH(j, wide)
    {
        char *p = row->y + (ptrdiff_t)(j * W) * row->y_row;
        const v_t hi = row->hi[j], lo = row->lo[j];
#define STEP(i, columns)                                                                                        \
    do {                                                                                                        \
        SMF_EACH(q, columns)                                                                                    \
        c[q] = SMF_W(_last)(v_load(panel + (((i) + (size_t)q) * (size_t)wide + (size_t)j) * W), hi, lo, op);     \
        SMF_W(_store4)(p + (i) * sizeof(real), row->y_row, columns, dense, c);                                  \
    } while (0)
        SMF_COLUMNS(STEP, row->n);
#undef STEP
    }
}

/* Steps 1 and 2 for `wide` vectors of rows; 0 where one of them is special. A panel gets a copy of the rows. */
SMF_INLINE int SMF_W(_begin_across)(SMF_W(_row) *row, const smf_job *group, const int wide, int lanes, const int turned,
                                    real *panel)
{
    const int layout = wide;
    const v_t zero = v_set1(0);
    if (turned) SMF_W(_turn_in)(row, wide, group->x_row, panel);
    else {
        v_t max[SMF_UNROLL];
        SMF_EACH(j, wide) max[j] = v_set1(-(real)INFINITY);
        for (size_t i = 0; i < row->n; i++)
            SMF_EACH(j, wide)
            {
                const v_t x = SMF_W(_get)(row->x, row->x_col, i, j, SMF_LANES_OF(j, wide), layout);
                if (panel) v_store(panel + (i * (size_t)wide + (size_t)j) * W, x);
                max[j] = v_max(max[j], x);
            }
        SMF_EACH(j, wide) row->max[j] = max[j];
    }
    if (panel) {
        row->x = row->e = (char *)panel;
        row->x_col = row->e_col = wide * W * (ptrdiff_t)sizeof(real);
    }
    SMF_EACH(j, wide)
    {
        if (v_count_eq(v_sub(row->max[j], row->max[j]), zero) != (size_t)lanes) return 0;
        SMF_W(_shift)(row, j);
        row->maxima_across[j] = zero;
    }
    return 1;
}

/* Steps 3 and 4 where each lane of the sum has one element: two of them at a time. */
SMF_INLINE void SMF_W(_exp_short)(SMF_W(_row) *row, const int wide, int lanes, const smf_op op)
{
    SMF_W(_total) total[SMF_UNROLL], a, b;
    v_t e[SMF_UNROLL];
    size_t i = 0;
    SMF_EACH(j, wide) total[j] = SMF_W(_total_of)(v_set1(0));
    for (; i + 2 <= row->n; i += 2) {
        SMF_W(_step_exp)(row, i, 2 * wide, lanes, 1, wide | SMF_NEXT, op, e);
        SMF_EACH(j, wide)
        {
            a = SMF_W(_total_of)(e[j]);
            b = SMF_W(_total_of)(e[wide + j]);
            total[j] = SMF_W(_PAIRED) ? SMF_W(_total_merge)(total[j], SMF_W(_total_merge)(a, b))
                                      : SMF_W(_total_merge)(SMF_W(_total_merge)(total[j], a), b);
        }
    }
    if (i < row->n) {
        SMF_W(_step_exp)(row, i, wide, lanes, 1, wide, op, e);
        SMF_EACH(j, wide) total[j] = SMF_W(_total_merge)(total[j], SMF_W(_total_of)(e[j]));
    }
    SMF_EACH(j, wide) row->total[j] = SMF_W(_total_across)(total[j]);
}

/* Steps 3 and 4 for elements l, l + W, ...: one lane of the sum. */
SMF_INLINE void SMF_W(_lane_across)(SMF_W(_row) *row, size_t l, const int wide, int lanes, const smf_op op,
                                    SMF_W(_total) *total)
{
    v_t e[SMF_UNROLL];
    size_t i = l;
    SMF_EACH(j, wide) total[j] = SMF_W(_total_of)(v_set1(0));
    if (wide == 1)
        for (; i + (SMF_UNROLL - 1) * W < row->n; i += SMF_UNROLL * W) {
            SMF_W(_step_exp)(row, i, SMF_UNROLL, lanes, 1, wide, op, e);
            SMF_EACH(j, SMF_UNROLL / 2) SMF_W(_total_add2)(total, e[2 * j], e[2 * j + 1]);
        }
    for (; i + W < row->n; i += 2 * W) {
        SMF_W(_step_exp)(row, i, 2 * wide, lanes, 1, wide, op, e);
        SMF_EACH(j, wide) SMF_W(_total_add2)(&total[j], e[j], e[wide + j]);
    }
    if (i < row->n) {
        SMF_W(_step_exp)(row, i, wide, lanes, 1, wide, op, e);
        SMF_EACH(j, wide) SMF_W(_total_add)(&total[j], e[j]);
    }
}

SMF_INLINE void SMF_W(_exp_across)(SMF_W(_row) *row, const int wide, int lanes, const smf_op op)
{
    SMF_W(_total) total[SMF_UNROLL], lane[SMF_UNROLL], half[SMF_UNROLL];
    SMF_EACH(j, wide) total[j] = SMF_W(_total_of)(v_set1(0));
    for (size_t k = 0; k < W && k < row->n; k += 1 + SMF_W(_PAIRED)) {
        SMF_W(_lane_across)(row, k, wide, lanes, op, lane);
        if (SMF_W(_PAIRED) && k + 1 < row->n) {
            SMF_W(_lane_across)(row, k + 1, wide, lanes, op, half);
            SMF_EACH(j, wide) lane[j] = SMF_W(_total_merge)(lane[j], half[j]);
        }
        SMF_EACH(j, wide) total[j] = SMF_W(_total_merge)(total[j], lane[j]);
    }
    SMF_EACH(j, wide) row->total[j] = SMF_W(_total_across)(total[j]);
}

/* How many lanes of a total are NaN. */
SMF_INLINE int SMF_W(_nan_lanes)(SMF_W(_total) total)
{
    const v_t t = SMF_W(_total_round)(total);
    return W - (int)v_count_eq(t, t);
}

/* wide * W rows (lanes < W: `lanes` rows). Returns 0, with nothing written, where the maximum of one is not finite. */
SMF_INLINE int SMF_W(_across)(const smf_job *group, int far, const int wide, int lanes, const int turned, real *panel,
                              const smf_op op)
{
    SMF_W(_row) state, *const row = &state;
    real lane[W];
    SMF_W(_row_at)(row, group, 0, NULL, 0);
    row->next_x = far ? row->x + wide * W * (ptrdiff_t)sizeof(real) : NULL;
    row->next_y = row->y + wide * W * (ptrdiff_t)sizeof(real);
    row->next_x_col = row->x_col;
    row->next_y_col = row->y_col;
    if (!SMF_W(_begin_across)(row, group, wide, lanes, turned, panel)) return 0;
    if (row->n <= W) SMF_W(_exp_short)(row, wide, lanes, op);
    else SMF_W(_exp_across)(row, wide, lanes, op);
    SMF_EACH(j, wide) SMF_W(_finish)(row, j, SMF_W(_total_widen)(row->maxima_across[j]), W, op);
    if (op == SMF_LOGSUMEXP)
        for (int j = 0; j < wide; j++) {
            const int rows = j == wide - 1 ? lanes : W;
            if (row->y_row == (ptrdiff_t)sizeof(real)) {
                v_store(lane, row->hi[j]);
                memcpy(row->y + j * W * (int)sizeof(real), lane, (size_t)rows * sizeof(real));
            } else {
                v_store(lane, row->hi[j]);
                for (int k = 0; k < rows; k++) SMF_W(_put1)(row->y, row->y_row, (size_t)(j * W + k), lane[k]);
            }
        }
    else if (turned) SMF_W(_turn_out)(row, wide, panel, op);
    else
        for (size_t i = 0; i < row->n; i++) SMF_W(_step_last)(row, i, wide, lanes, wide, op);
    for (int j = 0; j < wide; j++) {
        if (!SMF_W(_nan_lanes)(row->total[j])) continue;
        v_store(lane, SMF_W(_total_round)(row->total[j]));
        for (int k = 0; k < (j == wide - 1 ? lanes : W); k++) {
            if (lane[k] == lane[k]) continue;
            if (op != SMF_LOGSUMEXP) SMF_W(_fill_nan)(row, j * W + k);
            else SMF_W(_put1)(row->y, row->y_row, (size_t)(j * W + k), (real)NAN);
        }
    }
    return 1;
}
