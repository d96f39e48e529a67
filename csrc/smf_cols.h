/* smf_cols.h: the same algorithm when the row is strided and its neighbours are not: one row a lane, bits as alone.
 *
 * Included by smf_rows.h, whose steps it runs with vectors across the rows. What is a lane of the sum there is a
 * pass over every W-th element here; the totals of these passes meet in the order of the tree over lanes.
 */
#ifndef SMF_COLS_H
#define SMF_COLS_H
#define SMF_LEVELS(width) ((width) == 16 ? 4 : 3)
#endif

/* Steps 1 and 2 for count * W rows; 0 where one of them is special, else 1, or 2 where one is shifted. */
SMF_INLINE int SMF_W(_begin_across)(SMF_W(_row) *row, const int count, int lanes)
{
    real max[W], n_max[W], c[W], magic[W], clamp[W];
    int shifted = 0;
    SMF_EACH(j, count) row->max[j] = v_set1(-(real)INFINITY);
    for (size_t i = 0; i < row->n; i++) SMF_W(_step_max)(row, i, count, lanes, row->max, SMF_ACROSS);
    for (int j = 0; j < count; j++) {
        v_store(max, row->max[j]);
        v_store(n_max, SMF_W(_n_max)(row->max[j]));
        for (int k = 0; k < lanes; k++) {
            if (!SMF_FINITE(max[k])) return 0;
            shifted |= SMF_W(_shift)(max[k], n_max[k], &c[k], &magic[k], &clamp[k]);
        }
        row->c[j] = v_load_n(c, (size_t)lanes);
        row->magic[j] = v_load_n(magic, (size_t)lanes);
        row->clamp[j] = v_load_n(clamp, (size_t)lanes);
        row->maxima_across[j] = v_set1(0);
    }
    return 1 + shifted;
}

/* Step 4: the passes, lane 0 first, then in the order in which the tree joins them: 8, 4, 12, 2, ... */
#define SMF_LANE_PASSES(step, row, count, lanes, shifted)                                              \
    do {                                                                                               \
        SMF_W(_total) level[SMF_UNROLL][SMF_LEVELS(W) + 1];                                            \
        for (unsigned pass = 0; pass < W; pass++) {                                                    \
            unsigned lane = 0, k = 0;                                                                  \
            for (int b = 0; b < SMF_LEVELS(W); b++) lane |= (pass >> b & 1) << (SMF_LEVELS(W) - 1 - b); \
            SMF_EACH(j, count) (row)->total[j] = SMF_W(_total_zero)();                                 \
            for (size_t i = lane; i < (row)->n; i += W) step(row, i, count, lanes, shifted, SMF_ACROSS); \
            for (; pass >> k & 1; k++)                                                                 \
                SMF_EACH(j, count) (row)->total[j] = SMF_W(_total_merge)(level[j][k], (row)->total[j]); \
            SMF_EACH(j, count) level[j][k] = (row)->total[j];                                          \
        }                                                                                              \
    } while (0)

/* softmax of count * W rows (lanes < W: of `lanes` rows). Returns 0, with nothing written, where one is special. */
SMF_INLINE int SMF_W(_softmax_across)(SMF_W(_row) *row, ptrdiff_t y_row, const int count, int lanes)
{
    smf_dd total[W];
    real hi[W], lo[W];
    const int begun = SMF_W(_begin_across)(row, count, lanes);
    (void)y_row;
    if (!begun) return 0;
    if (begun == 2) SMF_LANE_PASSES(SMF_W(_step_exp), row, count, lanes, 1);
    else SMF_LANE_PASSES(SMF_W(_step_exp), row, count, lanes, 0);
    for (int j = 0; j < count; j++) {
        SMF_W(_total_lanes)(&row->total[j], total);
        for (int k = 0; k < lanes; k++) SMF_W(_reciprocal)(total[k], &hi[k], &lo[k]);
        row->hi[j] = v_load_n(hi, (size_t)lanes);
        row->lo[j] = v_load_n(lo, (size_t)lanes);
    }
    for (size_t i = 0; i < row->n; i++) SMF_W(_step_scale)(row, i, count, lanes, SMF_ACROSS);
    for (int j = 0; j < count; j++) {
        SMF_W(_total_lanes)(&row->total[j], total);
        for (int k = 0; k < lanes; k++)
            if (total[k].hi != total[k].hi) SMF_W(_fill_nan)(row, j * W + k);
    }
    return 1;
}

/* max + L of count * W rows in row->hi and row->lo, both NaN for a row with a NaN. */
SMF_INLINE int SMF_W(_lse_across)(SMF_W(_row) *row, const int count, int lanes)
{
    smf_dd others[W];
    real max[W], maxima[W], hi[W], lo[W], u_lane[W];
    v_t s[SMF_UNROLL], u[SMF_UNROLL];
    const int begun = SMF_W(_begin_across)(row, count, lanes);
    if (!begun) return 0;
    if (begun == 2) SMF_LANE_PASSES(SMF_W(_step_others), row, count, lanes, 1);
    else SMF_LANE_PASSES(SMF_W(_step_others), row, count, lanes, 0);
    SMF_W(_exp)(row, row->max, s, u, count, 1, SMF_ACROSS);
    for (int j = 0; j < count; j++) {
        SMF_W(_total_lanes)(&row->total[j], others);
        v_store(max, row->max[j]);
        v_store(maxima, row->maxima_across[j]);
        v_store(u_lane, u[j]);
        for (int k = 0; k < lanes; k++) {
            if (others[k].hi != others[k].hi) hi[k] = lo[k] = (real)NAN;
            else SMF_W(_lse)(max[k], smf_log_total((size_t)maxima[k], others[k], (double)u_lane[k], SMF_W(_UNSCALE)),
                             &hi[k], &lo[k]);
        }
        row->hi[j] = v_load_n(hi, (size_t)lanes);
        row->lo[j] = v_load_n(lo, (size_t)lanes);
    }
    return 1;
}

SMF_INLINE int SMF_W(_log_softmax_across)(SMF_W(_row) *row, ptrdiff_t y_row, const int count, int lanes)
{
    real hi[W];
    (void)y_row;
    if (!SMF_W(_lse_across)(row, count, lanes)) return 0;
    for (size_t i = 0; i < row->n; i++) SMF_W(_step_minus)(row, i, count, lanes, SMF_ACROSS);
    for (int j = 0; j < count; j++) {
        v_store(hi, row->hi[j]);
        for (int k = 0; k < lanes; k++)
            if (hi[k] != hi[k]) SMF_W(_fill_nan)(row, j * W + k);
    }
    return 1;
}

SMF_INLINE int SMF_W(_logsumexp_across)(SMF_W(_row) *row, ptrdiff_t y_row, const int count, int lanes)
{
    real hi[W];
    if (!SMF_W(_lse_across)(row, count, lanes)) return 0;
    for (int j = 0; j < count; j++) {
        v_store(hi, row->hi[j]);
        for (int k = 0; k < lanes; k++) SMF_W(_put1)(row->y, y_row, (size_t)(j * W + k), hi[k]);
    }
    return 1;
}
