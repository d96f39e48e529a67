/* smf_cols.h: the same algorithm with one row a lane, for rows side by side in memory and for many short rows.
 *
 * Included by smf_rows.h, whose steps it runs with vectors across the rows; the bits are those of the row alone.
 * What is a lane of the sum there is every W-th element here, a few lanes in one pass, and their totals meet in
 * the order of the lanes. Up to SMF_VECTORS vectors of rows, twice as many of halves, go through each pass before the
 * next. Rows that fit come to lie side by side in a panel on the stack, element i of vector v at (i * vectors + v) * W;
 * longer ones stay where they are. Rows that are contiguous are turned on the way there and back, four elements at a time.
 */

/* A group of softmax whose last step is left to the call for the next one: its exponentials are in the panel. */
typedef struct {
    SMF_W(_state) state[2 * SMF_VECTORS]; /* hi and lo */
    SMF_W(_row) row;
    int vectors, apart; /* no vectors: there is none */
} SMF_W(_late);

/* `left` more rows follow those of the group; its results are written around the caches where `apart`. Returns 0, with
 * nothing written, where the maximum of one is not finite. *near: whether rows may be near to 0, cleared where they are not. */
typedef int SMF_W(_group)(const smf_job *group, size_t left, int apart, int *near, SMF_W(_late) *late, real *panel);

/* STEP(i, columns) for all elements, four at a time, the remainder first: where the rows are `dense`, one after the other
 * without a gap, the words may take four there too, of which the others are the next row's (of rows of 2 or more, so that
 * the last but one reaches no further than the last); where they are not, four that overlap those before. */
#define SMF_COLUMNS(STEP, n, dense)                                    \
    do {                                                               \
        const size_t rest = (n) % 4;                                   \
        if (rest > 0 && (n) > 4 && !(dense)) STEP((n) - 4, 4);         \
        else if (rest == 1) STEP((n) - 1, 1);                          \
        else if (rest == 2) STEP((n) - 2, 2);                          \
        else if (rest == 3) STEP((n) - 3, 3);                          \
        for (size_t k = 0; k + 4 <= (n); k += 4) STEP(k, 4);           \
    } while (0)

/* W rows of another type from the v-th vector of rows at `rows` to a line of the kernels' own, and back. */
SMF_INLINE void SMF_W(_widen)(const char *rows, ptrdiff_t stride, size_t n, int v, real *line, const smf_dtype type)
{
    const int whole = stride == (ptrdiff_t)n * SMF_SIZE(type);
    for (int k = 0; k < (whole ? 1 : W); k++)
        SMF_W(_line_in)(line + (size_t)k * n, rows + (v * W + k) * stride, whole ? W * n : n, type);
}

SMF_INLINE void SMF_W(_round)(char *rows, ptrdiff_t stride, size_t n, int v, const real *line, const smf_dtype type)
{
    const int whole = stride == (ptrdiff_t)n * SMF_SIZE(type);
    for (int k = 0; k < (whole ? 1 : W); k++)
        SMF_W(_line_out)(rows + (v * W + k) * stride, line + (size_t)k * n, whole ? W * n : n, type);
}

/* One line is widened while the one before is turned, which then waits for no store. */
SMF_BODY void SMF_W(_turn_in)(const smf_job *group, SMF_W(_state) *state, int vectors, real *panel, const smf_dtype type)
{
    SMF_ALIGNED(64) real line[2][SMF_SHORT * W];
    const size_t n = group->n;
    const int own = type == SMF_OWN;
    const char *const x = (const char *)group->x;
    const ptrdiff_t stride = own ? group->x_row : (ptrdiff_t)(n * sizeof(real));
    const int dense = n > 1 && stride == (ptrdiff_t)(n * sizeof(real));
    v_t c[4];
    if (!own) SMF_W(_widen)(x, group->x_row, n, 0, line[0], type);
    for (int v = 0; v < vectors; v++) {
        const char *const p = own ? x + v * W * stride : (const char *)line[v % 2];
        real *at = panel + v * W;
        v_t max = v_set1(-(real)INFINITY);
        SMF_W(_no_shift)(&state[v]);
        if (!own && v + 1 < vectors) SMF_W(_widen)(x, group->x_row, n, v + 1, line[(v + 1) % 2], type);
#define STEP(i, columns)                                                                  \
    do {                                                                                  \
        SMF_W(_load4)(p + (i) * sizeof(real), stride, columns, dense, c);                 \
        SMF_EACH(q, columns) v_store(at + ((i) + (size_t)q) * (size_t)(vectors * W), c[q]); \
        SMF_EACH(q, columns) max = v_max(max, c[q]);                                      \
    } while (0)
        SMF_COLUMNS(STEP, n, dense);
#undef STEP
        state[v].max = max;
    }
}

SMF_BODY void SMF_W(_turn_out)(const smf_job *group, const SMF_W(_state) *state, int vectors, const real *panel, const smf_op op,
                                 const smf_dtype type)
{
    SMF_ALIGNED(64) real line[2][SMF_SHORT * W];
    const size_t n = group->n;
    const int own = type == SMF_OWN;
    char *const y = (char *)group->y;
    const ptrdiff_t stride = own ? group->y_row : (ptrdiff_t)(n * sizeof(real));
    const int dense = n > 1 && stride == (ptrdiff_t)(n * sizeof(real));
    v_t c[4];
    SMF_EACH(q, 4) c[q] = v_set1(0);
    for (int v = 0; v < vectors; v++) {
        char *const p = own ? y + v * W * stride : (char *)line[v % 2];
        const real *at = panel + v * W;
        const v_t hi = state[v].hi, lo = state[v].lo;
#define STEP(i, columns)                                                                                                \
    do {                                                                                                                \
        SMF_EACH(q, columns) c[q] = SMF_W(_last)(v_load(at + ((i) + (size_t)q) * (size_t)(vectors * W)), hi, lo, op);   \
        SMF_W(_store4)(p + (i) * sizeof(real), stride, columns, dense, c);                                              \
    } while (0)
        SMF_COLUMNS(STEP, n, dense);
#undef STEP
        if (!own && v > 0) SMF_W(_round)(y, group->y_row, n, v - 1, line[(v - 1) % 2], type);
    }
    if (!own) SMF_W(_round)(y, group->y_row, n, vectors - 1, line[(vectors - 1) % 2], type);
}

/* Vectors v, v + 1, ... of a group, or, where there is another one, of its panel. */
SMF_INLINE SMF_W(_row) SMF_W(_vectors_at)(const SMF_W(_row) *row, int v, const smf_dtype x_type, const smf_dtype type)
{
    SMF_W(_row) part = *row;
    part.x += v * W * SMF_SIZE(x_type);
    part.e += v * W * SMF_SIZE(SMF_OWN);
    part.y += v * W * SMF_SIZE(type);
    part.next_x += v * W * SMF_SIZE(type);
    part.next_y += v * W * SMF_SIZE(type);
    return part;
}

/* Elements of all vectors of a group that are taken before the next ones: few, as their lines may share the sets of the cache. */
SMF_INLINE size_t SMF_W(_deep)(int vectors) { return vectors < 4 ? 16 : 4; }

/* Cache lines of so many vectors across. */
#define SMF_LINES_OF(wide, type) ((wide) == 1 || (type) == SMF_OWN ? (wide) : (wide) / 2)

/* Step 1 for elements i to `end` of `wide` vectors of rows. A panel gets a copy; or, of rows near to 0, the exponentials. */
SMF_BODY void SMF_W(_some_across)(const SMF_W(_row) *row, SMF_W(_state) *state, size_t i, size_t end, int v, int vectors,
                                  const int wide, int lanes, real *panel, const int near, const smf_op op, const smf_dtype type)
{
    const int layout = wide, lines = SMF_LINES_OF(wide, type);
    const SMF_W(_row) part = SMF_W(_vectors_at)(row, v, type, type);
    v_t max[SMF_UNROLL], x[SMF_UNROLL], stray = state[0].stray;
    SMF_EACH(j, wide) max[j] = state[v + j].max;
    for (; i < end; i++) {
        SMF_EACH(j, wide) x[j] = SMF_W(_get)(part.x, row->x_col, i, j, SMF_LANES_OF(j, wide), layout, type);
        if (!near || op != SMF_SOFTMAX) SMF_EACH(j, wide) max[j] = v_max(max[j], x[j]);
        if (near) SMF_W(_exp_near)(x, x, wide, SMF_MASKED, &stray);
        if (near && row->next_x_col) {
            SMF_EACH(j, lines) SMF_PREFETCH_FAR(part.next_x + (ptrdiff_t)i * row->next_x_col + j * 64);
            if (row->next_y_col) SMF_EACH(j, lines) SMF_PREFETCH_WRITE(part.next_y + (ptrdiff_t)i * row->next_y_col + j * 64);
        }
        if (panel) SMF_EACH(j, wide) v_store(panel + (i * (size_t)vectors + (size_t)(v + j)) * W, x[j]);
    }
    SMF_EACH(j, wide) state[v + j].max = max[j];
    state[0].stray = stray;
}

/* The same for all of them, up to element `last`, in the array's own order, so that the processor sees what comes next. */
SMF_INLINE void SMF_W(_max_across)(const SMF_W(_row) *row, SMF_W(_state) *state, size_t first, size_t last, int vectors, int lanes,
                                   real *panel, const int near, const smf_op op, const smf_dtype type)
{
    const size_t deep = SMF_W(_deep)(vectors);
    if (first == 0)
        for (int v = 0; v < vectors; v++) SMF_W(_no_shift)(&state[v]);
    for (size_t i = first, end; i < last; i = end) {
        int v = 0;
        end = last - i < deep ? last : i + deep;
        for (; SMF_UNROLL >= 4 && v + 4 <= vectors; v += 4)
            SMF_W(_some_across)(row, state, i, end, v, vectors, SMF_UNROLL, W, panel, near, op, type);
        for (; v + 2 <= vectors; v += 2) SMF_W(_some_across)(row, state, i, end, v, vectors, 2, W, panel, near, op, type);
        if (v < vectors) SMF_W(_some_across)(row, state, i, end, v, vectors, 1, lanes, panel, near, op, type);
    }
}

/* Steps 3 and 4 where each lane of the sum has one element: two of them at a time, which join the total when the next two are found,
 * so that fewer wait for each other. */
SMF_BODY void SMF_W(_exp_short)(const SMF_W(_row) *row, SMF_W(_state) *state, const int form, const int wide, int lanes, const smf_op op,
                                const int drop, const smf_dtype type)
{
    SMF_W(_total) total[SMF_UNROLL];
    v_t e[SMF_UNROLL], before[SMF_UNROLL];
    size_t i = 0;
#define SMF_ADD SMF_EACH(j, wide) total[j] = SMF_W(_total_next2)(total[j], before[j], before[wide + j])
    SMF_EACH(j, wide) total[j] = SMF_W(_total_of)(v_set1(0));
    SMF_EACH(j, 2 * wide) before[j] = v_set1(0); /* or GCC 12 warns */
    for (; i + 2 <= row->n; i += 2) {
        SMF_W(_step_exp)(row, state, i, 2 * wide, lanes, form, wide | SMF_NEXT, op, drop, type, e);
        if (i > 0) SMF_ADD;
        SMF_EACH(j, 2 * wide) before[j] = e[j];
    }
    if (i > 0) SMF_ADD;
#undef SMF_ADD
    if (i < row->n) {
        SMF_W(_step_exp)(row, state, i, wide, lanes, form, wide, op, drop, type, e);
        SMF_EACH(j, wide) total[j] = SMF_W(_total_merge)(total[j], SMF_W(_total_of)(e[j]));
    }
    SMF_EACH(j, wide) state[j].total = SMF_W(_total_across)(total[j], 0);
}

/* The same where it has several: SMF_UNROLL / `wide` lanes of the sum at a time, whose elements are next to each other. */
SMF_BODY void SMF_W(_exp_long)(const SMF_W(_row) *row, SMF_W(_state) *state, const int form, const int wide, int lanes, const smf_op op,
                               const int drop, const smf_dtype type)
{
    const int beside = SMF_UNROLL / wide;
    const size_t n = row->n;
    SMF_W(_total) total[SMF_UNROLL], lane[SMF_UNROLL];
    v_t e[SMF_UNROLL];
    SMF_EACH(j, wide) total[j] = SMF_W(_total_of)(v_set1(0));
    for (size_t k = 0; k < W && k < n; k += (size_t)beside) {
        SMF_EACH(j, SMF_UNROLL) lane[j] = SMF_W(_total_of)(v_set1(0));
        size_t i = k;
        for (; i + (size_t)beside <= n; i += W) {
            SMF_W(_step_exp)(row, state, i, SMF_UNROLL, lanes, form, wide | SMF_NEXT, op, drop, type, e);
            if (i == k) SMF_EACH(j, SMF_UNROLL) lane[j] = SMF_W(_total_of)(e[j]);
            else SMF_EACH(j, SMF_UNROLL) SMF_W(_total_add)(&lane[j], e[j]);
        }
        SMF_EACH(q, beside)
        if (i + (size_t)q < n) {
            SMF_W(_step_exp)(row, state, i + (size_t)q, wide, lanes, form, wide, op, drop, type, e);
            SMF_EACH(j, wide) SMF_W(_total_add)(&lane[q * wide + j], e[j]);
        }
        SMF_EACH(q, beside)
        if (k + (size_t)q < n && (!SMF_W(_PAIRED) || q % 2 == 0))
            SMF_EACH(j, wide) {
                const SMF_W(_total) t = lane[q * wide + j];
                const int paired = SMF_W(_PAIRED) && k + (size_t)q + 1 < n;
                total[j] = SMF_W(_total_merge)(total[j], paired ? SMF_W(_total_merge)(t, lane[(q + SMF_W(_PAIRED)) * wide + j]) : t);
            }
    }
    SMF_EACH(j, wide) state[j].total = SMF_W(_total_across)(total[j], 0);
}

/* The total without the largest, of one vector of rows. */
static SMF_NOINLINE SMF_W(_total) SMF_W(_rest_across)(const SMF_W(_row) *row, const SMF_W(_state) *state, int lanes, smf_dtype type)
{
    SMF_W(_state) one = *state;
    if (row->n <= W) SMF_W(_exp_short)(row, &one, SMF_LARGEST, 1, lanes, SMF_LOGSUMEXP, 1, type);
    else SMF_W(_exp_long)(row, &one, SMF_LARGEST, 1, lanes, SMF_LOGSUMEXP, 1, type);
    return one.total;
}

/* Constants of step 5. */
SMF_BODY void SMF_W(_finish)(const SMF_W(_row) *row, SMF_W(_state) *state, int vectors, int lanes, const smf_op op, smf_dtype type)
{
    SMF_ALIGNED(64) double few[W];
    for (int v = 0; v < vectors; v++) {
        v_t s, u;
        if (op == SMF_SOFTMAX) {
            SMF_W(_reciprocal)(state[v].total, &state[v].hi, &state[v].lo);
            continue;
        }
        if (SMF_W(_others)(&state[v], row->n, &s, &u, few)) {
            const SMF_W(_row) part = SMF_W(_vectors_at)(row, v, type, SMF_OWN);
            state[v].total = SMF_W(_total_pick)(few, SMF_W(_rest_across)(&part, &state[v], lanes, type), state[v].total);
        }
        SMF_W(_lse)(state[v].max, state[v].total, s, u, &state[v].hi, &state[v].lo);
    }
}

/* DO for v, v + 1, ... `wide` vectors at a time while there are so many, then for one at a time. */
#define SMF_GROUP(most, vectors, ...)                                              \
    do {                                                                           \
        int v = 0;                                                                 \
        if ((most) > 1 && lanes == W)                                              \
            for (; v + (most) <= (vectors); v += (most)) {                         \
                const int wide = most, of_last = W;                                \
                __VA_ARGS__                                                        \
            }                                                                      \
        for (; v < (vectors); v++) {                                               \
            const int wide = 1, of_last = lanes;                                   \
            __VA_ARGS__                                                            \
        }                                                                          \
    } while (0)

SMF_BODY void SMF_W(_last_across)(const SMF_W(_row) *row, const SMF_W(_state) *state, size_t first, size_t last, int vectors, int lanes,
                                  int apart, const smf_op op, const smf_dtype x_type, const smf_dtype type)
{
    const size_t deep = SMF_W(_deep)(vectors);
    for (size_t i = first, end; i < last; i = end) {
        end = last - i < deep ? last : i + deep;
        SMF_GROUP(SMF_UNROLL, vectors, {
            const SMF_W(_row) part = SMF_W(_vectors_at)(row, v, x_type, type);
            SMF_W(_state) one[SMF_UNROLL]; /* in registers */
            const int lines = SMF_LINES_OF(wide, type);
            SMF_EACH(j, wide) one[j].hi = state[v + j].hi;
            SMF_EACH(j, wide) one[j].lo = state[v + j].lo;
            for (size_t k = i; k < end; k++) {
                if (part.next_y_col) SMF_EACH(j, lines) SMF_PREFETCH_WRITE(part.next_y + (ptrdiff_t)k * part.next_y_col + j * 64);
                if (apart) SMF_W(_step_last)(&part, one, k, wide, W, wide, 1, op, x_type, type);
                else SMF_W(_step_last)(&part, one, k, wide, of_last, wide, 0, op, x_type, type);
            }
        });
    }
}

/* That of softmax, elements `first` to `last`. */
typedef void SMF_W(_lasts)(const SMF_W(_row) *row, const SMF_W(_state) *state, size_t first, size_t last, int vectors, int lanes, int apart);
#define SMF_LASTS(T, type)                                                                                                     \
    static SMF_NOINLINE void SMF_PASTE(T, _end_of)(const SMF_W(_row) *row, const SMF_W(_state) *state, size_t first, size_t last, \
                                                  int vectors, int lanes, int apart)                                           \
    {                                                                                                                          \
        SMF_W(_last_across)(row, state, first, last, vectors, lanes, apart, SMF_SOFTMAX, SMF_OWN, type);                       \
    }
SMF_LASTS(SMF_F, SMF_OWN)
#ifdef SMF_HALVES
SMF_LASTS(f16, SMF_F16)
SMF_LASTS(bf16, SMF_BF16)
#endif
#undef SMF_LASTS

/* logsumexp's results; a NaN, which shows in the total and so in hi, to its whole row. */
SMF_INLINE void SMF_W(_end_across)(const SMF_W(_row) *row, const SMF_W(_state) *state, int vectors, int lanes, const smf_op op, const smf_dtype type)
{
    real lane[W];
    for (int v = 0; v < vectors; v++) {
        const int numbers = v_count_eq(state[v].hi, state[v].hi) == W;
        if (op != SMF_LOGSUMEXP && numbers) continue;
        v_store(lane, state[v].hi);
        if (op == SMF_LOGSUMEXP && numbers && row->y_row == SMF_SIZE(type))
            SMF_W(_to)(row->y + v * W * SMF_SIZE(type), state[v].hi, lanes, type);
        else
            for (int k = 0; k < lanes; k++)
                if (op == SMF_LOGSUMEXP)
                    SMF_W(_to1)(row->y + (v * W + k) * row->y_row, lane[k] == lane[k] ? lane[k] : (real)NAN, type);
                else if (lane[k] != lane[k]) SMF_W(_fill_nan)(row, v * W + k, type);
    }
}

/* Steps 3 and 4. They see no type but the kernels' own: one function for all. */
SMF_BODY void SMF_W(_middle)(const SMF_W(_row) *row, SMF_W(_state) *state, int vectors, int lanes, const int form, const smf_op op)
{
    SMF_GROUP(SMF_UNROLL / 2, vectors, {
        const SMF_W(_row) part = SMF_W(_vectors_at)(row, v, SMF_OWN, SMF_OWN);
        if (row->n <= W) SMF_W(_exp_short)(&part, &state[v], form, wide, of_last, op, 0, SMF_OWN);
        else SMF_W(_exp_long)(&part, &state[v], form, wide, of_last, op, 0, SMF_OWN);
    });
}

/* Step 4 where the panel has the exponentials. */
static SMF_NOINLINE void SMF_W(_sum)(const real *panel, SMF_W(_state) *state, size_t n, int vectors)
{
    const int lanes = W;
#define SMF_E(i, j) (panel + ((i) * (size_t)vectors + (size_t)(v + (j))) * W)
    SMF_GROUP(SMF_UNROLL, vectors, {
        SMF_W(_total) total[SMF_UNROLL], lane[SMF_UNROLL], half[SMF_UNROLL];
        (void)of_last;
        SMF_EACH(j, wide) total[j] = SMF_W(_total_of)(v_set1(0));
        for (size_t k = 0; k < W && k < n; k += 1 + SMF_W(_PAIRED)) {
            SMF_EACH(j, wide) lane[j] = SMF_W(_across_of)(SMF_E(k, j));
            for (size_t i = k + W; i < n; i += W) SMF_EACH(j, wide) SMF_W(_across_add)(&lane[j], SMF_E(i, j));
            if (SMF_W(_PAIRED) && k + 1 < n) {
                SMF_EACH(j, wide) half[j] = SMF_W(_across_of)(SMF_E(k + 1, j));
                for (size_t i = k + 1 + W; i < n; i += W) SMF_EACH(j, wide) SMF_W(_across_add)(&half[j], SMF_E(i, j));
                SMF_EACH(j, wide) lane[j] = SMF_W(_total_merge)(lane[j], half[j]);
            }
            SMF_EACH(j, wide) total[j] = SMF_W(_total_merge)(total[j], lane[j]);
        }
        SMF_EACH(j, wide) state[v + j].total = SMF_W(_across_total)(total[j]);
    });
#undef SMF_E
}

/* For softmax, and for the others, which are one until the last step. */
#define SMF_MIDDLE(name, op)                                                                                        \
    static SMF_NOINLINE void SMF_W(_##name##_middle)(const SMF_W(_row) *row, SMF_W(_state) *state, int vectors,     \
                                                     int lanes)                                                     \
    {                                                                                                               \
        SMF_W(_middle)(row, state, vectors, lanes, SMF_LARGEST, op);                                        \
    }                                                                                                               \
    static SMF_NOINLINE void SMF_W(_##name##_finish)(const SMF_W(_row) *row, SMF_W(_state) *state, int vectors,     \
                                                     int lanes, smf_dtype type)                                     \
    {                                                                                                               \
        SMF_W(_finish)(row, state, vectors, lanes, op, type);                                                       \
    }
SMF_MIDDLE(terms, SMF_SOFTMAX)
SMF_MIDDLE(total, SMF_LOGSUMEXP)
#undef SMF_MIDDLE
/* Of rows near to 0, whose largest is known. */
static SMF_NOINLINE void SMF_W(_near_middle)(const SMF_W(_row) *row, SMF_W(_state) *state, int vectors)
{
    SMF_W(_middle)(row, state, vectors, W, SMF_NEAR_BELOW, SMF_LOGSUMEXP);
}
#define SMF_OF(op, part) (op == SMF_SOFTMAX ? SMF_W(_terms_##part) : SMF_W(_total_##part))

/* Step 2 for all of them. Returns whether they can go on so. */
SMF_BODY int SMF_W(_shift_all)(SMF_W(_state) *state, int vectors, int lanes)
{
    for (int v = 0; v < vectors; v++) {
        if (v_count_eq(v_sub(state[v].max, state[v].max), v_set1(0)) != (size_t)lanes) return 0;
        SMF_W(_shift)(&state[v]);
    }
    return 1;
}

/* The same rows in the panel. */
SMF_INLINE SMF_W(_row) SMF_W(_in_panel)(const SMF_W(_row) *row, int vectors, real *panel)
{
    SMF_W(_row) part = *row;
    part.x = part.e = (char *)panel;
    part.x_col = part.e_col = vectors * W * (ptrdiff_t)sizeof(real);
    return part;
}

/* Contiguous rows, a multiple of W. While their exponentials are found, what is read and written next is fetched, as of rows without gaps. */
SMF_BODY int SMF_W(_turned)(const smf_job *group, size_t left, int *near, real *panel, const smf_op op, const smf_dtype type)
{
    const int vectors = (int)(group->rows / W);
    int ready = 0;
    SMF_W(_state) state[SMF_VECTORS];
    SMF_W(_row) row;
    SMF_W(_row_at)(&row, group, 0, NULL, 0);
    row = SMF_W(_in_panel)(&row, vectors, panel);
    if (left > 0 && type == SMF_OWN) {
        row.next_x = (const char *)group->x + (ptrdiff_t)group->rows * group->x_row, row.next_x_col = row.x_col;
        row.next_y_col = op == SMF_LOGSUMEXP ? 0 : row.x_col;
    }
    SMF_W(_turn_in)(group, state, vectors, panel, type);
    if (op != SMF_SOFTMAX && *near) {
        SMF_W(_near_middle)(&row, state, vectors);
        for (int v = 0; v < vectors; v++) *near = *near && !v_beyond(state[v].stray);
        ready = *near;
    }
    if (!ready) {
        if (!SMF_W(_shift_all)(state, vectors, W)) return 0;
        SMF_OF(op, middle)(&row, state, vectors, W);
    }
    SMF_OF(op, finish)(&row, state, vectors, W, SMF_OWN);
    if (op != SMF_LOGSUMEXP) SMF_W(_turn_out)(group, state, vectors, panel, op, type);
    SMF_W(_end_across)(&row, state, vectors, W, op, type);
    return 1;
}

/* Rows side by side. *near: whether to try; cleared where that was not right. No panel: nothing is tried. The last step of long rows of
 * softmax, near to 0, goes among the exponentials of the next group, some elements each in turns, so that memory is busy all the while: what
 * it has read makes room for these. A next group there will be that is no smaller and has this panel: see _groups. */
SMF_BODY int SMF_W(_across)(const smf_job *group, size_t left, int apart, int *near, SMF_W(_late) *late, real *panel, SMF_W(_lasts) *lasts,
                            const smf_op op, const smf_dtype type)
{
    const int lanes = group->rows >= W ? W : (int)group->rows, vectors = ((int)group->rows + W - 1) / W;
    SMF_W(_state) state[2 * SMF_VECTORS];
    SMF_W(_row) row, in_panel;
    const int deep = group->n * SMF_SIZE(type) >= SMF_DEEP_BYTES, with = late && late->vectors == vectors && lanes == W;
    const ptrdiff_t width = vectors * W * SMF_SIZE(type);
    ptrdiff_t next_y_col = 0;
    smf_dtype x_type = type;
    int ready = 0;
    SMF_W(_row_at)(&row, group, 0, NULL, 0);
    if (left * group->n > SMF_FAR_BYTES / SMF_SIZE(type)) { /* of a long group, lines a power of two apart would drive each other out */
        row.next_x = row.x + (deep ? SMF_AHEAD * row.x_col : width), row.next_x_col = row.x_col;
        row.next_y = with ? late->row.y + SMF_AHEAD * row.y_col : row.y; /* with: both are deep */
        next_y_col = apart || op == SMF_LOGSUMEXP ? 0 : row.y_col;
        if (!deep || with) row.next_y_col = next_y_col;
    }
    in_panel = panel ? SMF_W(_in_panel)(&row, vectors, panel) : row;
    if (late && late->vectors && !with) lasts(&late->row, late->state, 0, row.n, late->vectors, W, late->apart);
    if (lanes == W && panel && *near) {
        const size_t part = with ? SMF_AHEAD : row.n;
        for (size_t i = 0, end; i < row.n; i = end) {
            end = row.n - i < part ? row.n : i + part;
            if (with) lasts(&late->row, late->state, i, end, vectors, W, late->apart);
            SMF_W(_max_across)(&row, state, i, end, vectors, W, panel, 1, op, type);
        }
        ready = !v_beyond(state[0].stray);
        if (ready) SMF_W(_sum)(panel, state, row.n, vectors);
        for (int v = 0; v < vectors && ready; v++) ready = SMF_W(_total_some)(state[v].total, W);
        *near = ready;
    }
    if (late) late->vectors = 0;
    if (!ready) {
        SMF_W(_max_across)(&row, state, 0, row.n, vectors, lanes, panel, 0, op, type);
        if (!SMF_W(_shift_all)(state, vectors, lanes)) return 0;
        in_panel.next_x = row.x + width; /* these logits have all been read, for the largest */
        SMF_OF(op, middle)(&in_panel, state, vectors, lanes);
    }
    if (panel && (op == SMF_SOFTMAX || !ready)) { /* it has what the last step needs */
        row = in_panel;
        x_type = SMF_OWN;
    }
    SMF_OF(op, finish)(&row, state, vectors, lanes, x_type);
    row.next_y_col = 0;
    if (op == SMF_SOFTMAX && deep && ready && left >= group->rows) {
        for (int v = 0; v < vectors; v++) late->state[v].hi = state[v].hi, late->state[v].lo = state[v].lo;
        late->row = row, late->vectors = vectors, late->apart = apart;
        return 1; /* no row near to 0 has a NaN */
    }
    if (deep) row.next_y = row.y + SMF_AHEAD * row.y_col, row.next_y_col = next_y_col;
    if (op == SMF_SOFTMAX) lasts(&row, state, 0, row.n, vectors, lanes, apart);
    else if (op == SMF_LOG_SOFTMAX && x_type == SMF_OWN)
        SMF_W(_last_across)(&row, state, 0, row.n, vectors, lanes, apart, op, SMF_OWN, type);
    else if (op == SMF_LOG_SOFTMAX) SMF_W(_last_across)(&row, state, 0, row.n, vectors, lanes, 0, op, type, type);
    SMF_W(_end_across)(&row, state, vectors, lanes, op, type);
    return 1;
}

/* The total of W rows `stride` bytes apart, longer than W; up to 3 elements beyond the last may be read. */
SMF_BODY SMF_W(_total) SMF_W(_total_turned)(const char *p, ptrdiff_t stride, size_t n)
{
    SMF_W(_total) total = SMF_W(_total_of)(v_set1(0)), t[4];
    v_t v[4];
    for (size_t l = 0; l < W; l += 4) { /* four lanes of the sum */
        SMF_W(_load4)(p + l * sizeof(real), stride, 4, 1, v);
        SMF_EACH(q, 4) t[q] = SMF_W(_total_of)(v[q]);
        for (size_t i = l + W; i < n; i += W) {
            SMF_W(_load4)(p + i * sizeof(real), stride, 4, 1, v);
            SMF_EACH(q, 4)
            if (i + (size_t)q < n) SMF_W(_total_add)(&t[q], v[q]);
        }
        SMF_EACH(q, 4)
        if (q % (1 + SMF_W(_PAIRED)) == 0)
            total = SMF_W(_total_merge)(total, SMF_W(_PAIRED) ? SMF_W(_total_merge)(t[q], t[q + SMF_W(_PAIRED)]) : t[q]);
    }
    return total;
}

/* 0, 1, ... W - 1 */
SMF_INLINE v_t SMF_W(_lanes)(void)
{
    SMF_ALIGNED(64) real lane[W];
    for (int k = 0; k < W; k++) lane[k] = (real)k;
    return v_load(lane);
}

/* The same along the rows, where conversions make that the cheaper way, as total_across leaves it. */
SMF_BODY SMF_W(_total) SMF_W(_total_along)(const real *p, size_t n)
{
    SMF_ALIGNED(64) double parts[W * SMF_W(_PARTS)];
    const v_t zero = v_set1(0), left = v_set1((real)(n % W)), lane = SMF_W(_lanes)();
    for (size_t r = 0; r < W; r++, p += n) {
        SMF_W(_total) total = SMF_W(_total_of)(zero);
        size_t i = 0;
        for (; i + W <= n; i += W) SMF_W(_long_add)(&total, p + i);
        total = SMF_W(_long_total)(total);
        if (i < n) SMF_W(_total_add)(&total, v_pick(left, lane, v_load(p + i), zero)); /* there is more of the panel behind */
        SMF_W(_total_put)(total, parts + r * SMF_W(_PARTS));
    }
    return SMF_W(_total_rows)(parts, SMF_W(_PARTS) * sizeof(double), W);
}

/* softmax of short rows, one after the other without a gap, near to 0 or, by `form`, masked: no row needs a scale of its own, so the
 * exponentials and the last step take the elements as they lie; only the totals are one row a lane. Results are fetched during the
 * exponentials and, if `ahead`, the next group's logits during the last step, where that goes by whole vectors: memory is busy all
 * the while. Returns 0, with nothing written, where an element is neither, or a row is all masks. */
SMF_BODY int SMF_W(_near)(const smf_job *group, int ahead, real *panel, const int form, const smf_dtype type)
{
    const size_t n = group->n, whole = group->rows * n;
    const ptrdiff_t stride = (ptrdiff_t)(n * sizeof(real));
    const char *const x = (const char *)group->x;
    char *const y = (char *)group->y;
    const char *const next_x = ahead ? x + whole * SMF_SIZE(type) : x;
    const int vectors = (int)(group->rows / W);
    v_t v[4], e[4], stray = v_set1(0), most = v_set1(0), row_hi, row_lo;
    SMF_ALIGNED(64) real hi[SMF_VECTORS * 2 * W], lo[SMF_VECTORS * 2 * W]; /* of the last step, of vector k's rows */
    SMF_W(_place) row_of[SMF_SPREAD(W)];
#define STEP(i, count, lanes)                                                        \
    do {                                                                             \
        SMF_EACH(j, count) v[j] = SMF_W(_from)(x + ((i) + (size_t)(j * W)) * SMF_SIZE(type), W, type); \
        SMF_W(_exp_near)(v, e, count, form, &stray);                                 \
        SMF_EACH(j, count) v_store(panel + (i) + j * W, e[j]);                       \
        if (type == SMF_OWN) SMF_EACH(j, count) SMF_PREFETCH_WRITE(y + ((i) + (size_t)(j * W)) * SMF_SIZE(type)); \
    } while (0)
    SMF_PASS(STEP, whole);
#undef STEP
    if (v_beyond(stray)) return 0;

    for (int k = 0; k < vectors; k++) {
        const char *p = (const char *)(panel + (size_t)k * W * n); /* beyond the last row's end there is more of the panel */
        SMF_W(_total) total = SMF_W(_total_of)(v_set1(0));
        if (n <= W) { /* one element a lane of the sum */
            for (size_t l = 0; l < n; l += 4) {
                SMF_W(_load4)(p + l * sizeof(real), stride, 4, 1, v);
                SMF_EACH(q, 2)
                {
                    if (l + 2 * (size_t)q + 1 < n) total = SMF_W(_total_next2)(total, v[2 * q], v[2 * q + 1]);
                    else if (l + 2 * (size_t)q < n) total = SMF_W(_total_merge)(total, SMF_W(_total_of)(v[2 * q]));
                }
            }
            total = SMF_W(_total_across)(total, 1);
        } else if (SMF_W(_LONG_DENSE) == SIZE_MAX || n < SMF_W(_LONG_DENSE)) total = SMF_W(_total_across)(SMF_W(_total_turned)(p, stride, n), 1);
        else total = SMF_W(_total_along)((const real *)(const void *)p, n);
        SMF_W(_reciprocal)(total, &row_hi, &row_lo);
        most = v_max(row_hi, most);
        v_store(hi + k * 2 * W, row_hi);
        v_store(lo + k * 2 * W, row_lo);
        v_store(hi + k * 2 * W + W, v_set1(0)); /* which spread() may read */
        v_store(lo + k * 2 * W + W, v_set1(0));
    }
    if (!SMF_FINITE(v_hmax(most))) return 0; /* a total of 0 */

    if (n < SMF_SPREAD(W)) {
        const real place = SMF_W(_PLACE);
        const v_t share = v_set1(place / (real)n), half = v_set1((real)0.5 * place / (real)n - (real)0.5 * place), next = v_set1(W);
        v_t at = SMF_W(_lanes)(); /* element at of W rows is in row floor(at / n) = round((at + 1/2) / n - 1/2) */
        for (size_t i = 0; i < n; i++, at = v_add(at, next)) row_of[i] = v_place_of(v_add(v_fma(at, share, half), v_set1(SMF_W(_MAGIC))));
    }
    for (int k = 0; k < vectors; k++) {
        const size_t first = (size_t)k * W * n;
        const real *const e_of = panel + first, *const his = hi + k * 2 * W, *const los = lo + k * 2 * W;
        char *const y_of = y + first * SMF_SIZE(type);
        if (n < SMF_SPREAD(W))
            for (size_t i = 0; i < n; i++) {
                const v_t z = SMF_W(_last)(v_load(e_of + i * W), v_spread(his, &row_of[i]), v_spread(los, &row_of[i]), SMF_SOFTMAX);
                SMF_W(_to)(y_of + i * W * SMF_SIZE(type), z, W, type);
                if (type == SMF_OWN) SMF_PREFETCH_FAR(next_x + (first + i * W) * SMF_SIZE(type));
            }
        else if (n < W && SMF_SCALES && type == SMF_OWN)
            for (size_t r = 0; r < W; r++) SMF_W(_scale)((real *)(void *)y_of + r * n, e_of + r * n, his[r], los[r], n);
        else
            for (size_t r = 0; r < W; r++) {
                row_hi = v_set1(his[r]), row_lo = v_set1(los[r]);
                if (n < W) { /* there is more of the panel behind the last row */
                    const v_t z = SMF_W(_last)(v_load(e_of + r * n), row_hi, row_lo, SMF_SOFTMAX);
                    SMF_W(_to)(y_of + r * n * SMF_SIZE(type), z, (int)n, type);
                    continue;
                }
                for (size_t i = 0; i < n; i += W) { /* the last vector overlaps the one before */
                    const size_t j = r * n + (i + W <= n ? i : n - W);
                    SMF_W(_to)(y_of + j * SMF_SIZE(type), SMF_W(_last)(v_load(e_of + j), row_hi, row_lo, SMF_SOFTMAX), W, type);
                    if (type == SMF_OWN) SMF_PREFETCH_FAR(next_x + (first + j) * SMF_SIZE(type));
                }
            }
    }
    return 1;
}

/* Few rows, 2 to SMF_FEW, element after element without a gap, near to 0 or masked. All passes take them as they lie: after `rows`
 * vectors, a period, each lane has the same row again, and the next element of the same lane of its sum. Returns 0, with nothing
 * lost, where an element is neither, or a row is all masks, or too little is left without its largest; or softmax's exponentials
 * cannot go to y and have no room in the copy. */
SMF_BODY int SMF_W(_few)(const smf_job *job, real *copy, size_t room, const smf_op op, const smf_dtype type)
{
    const size_t rows = job->rows, whole = rows * job->n;
    SMF_ALIGNED(64) double sums[SMF_FEW * 16], parts[W * SMF_W(_PARTS)], others_few[W];
    SMF_ALIGNED(64) real hi[SMF_FEW * W], lo[SMF_FEW * W], max[SMF_FEW + W], row_hi[SMF_FEW + W], row_lo[SMF_FEW + W];
    const char *const x = (const char *)job->x;
    char *const y = (char *)job->y, *const to = type != SMF_OWN || x == y ? (char *)copy : y; /* where softmax's exponentials go */
    const char *const from = op == SMF_SOFTMAX ? to : x;                   /* what the last step reads */
    const smf_dtype from_type = op == SMF_SOFTMAX ? SMF_OWN : type;
    SMF_W(_total) total[SMF_FEW];
    v_t v[SMF_UNROLL], e[SMF_UNROLL], top[SMF_FEW];
    SMF_W(_state) all;
    size_t at = 0; /* vector of the period */
    if (op == SMF_SOFTMAX && (type != SMF_OWN || x == y) && whole > room) return 0;
    SMF_W(_no_shift)(&all);
    for (size_t k = 0; k < rows; k++) total[k] = SMF_W(_total_of)(v_set1(0));
    for (size_t k = 0; k < rows; k++) top[k] = all.max;
#define SMF_OFFSET(i, j, type) ((ptrdiff_t)((i) + (size_t)(j) * W) * SMF_SIZE(type))
#define SMF_COUNT(j, count, lanes) ((j) == (count) - 1 ? (lanes) : W)
#define STEP(i, count, lanes)                                                                                                   \
    do {                                                                                                                        \
        SMF_EACH(j, count) v[j] = SMF_W(_from)(x + SMF_OFFSET(i, j, type), SMF_COUNT(j, count, lanes), type);                   \
        SMF_W(_exp_near)(v, e, count, SMF_MASKED, &all.stray);                                                                  \
        if (op == SMF_SOFTMAX)                                                                                                  \
            SMF_EACH(j, count) SMF_W(_to)(to + SMF_OFFSET(i, j, SMF_OWN), e[j], SMF_COUNT(j, count, lanes), SMF_OWN);           \
        SMF_EACH(j, count)                                                                                                      \
        {                                                                                                                       \
            if (op != SMF_SOFTMAX) top[at] = v_max(v[j], top[at]);                                                              \
            SMF_W(_total_add)(&total[at], e[j]);                                                                                \
            at = at + 1 < rows ? at + 1 : 0;                                                                                    \
        }                                                                                                                       \
    } while (0)
    for (size_t i = 0, end; i < whole; i = end) {
        end = whole - i < SMF_TRIAL ? whole : i + SMF_TRIAL;
        for (; i + SMF_UNROLL * W <= end; i += SMF_UNROLL * W) STEP(i, SMF_UNROLL, W);
        SMF_REST(STEP, i, end);
        if (v_beyond(all.stray)) return 0;
    }
#undef STEP
    for (size_t k = 0; k < rows; k++) SMF_W(_total_spread)(total[k], sums, k, rows);
    for (size_t k = 0; k < rows; k++) v_store(hi + k * W, top[k]);
    for (size_t r = 0; r < rows; r++) max[r] = hi[r];
    for (size_t k = rows, r = 0; k < rows * W; k++, r = r + 1 < rows ? r + 1 : 0) max[r] = hi[k] > max[r] ? hi[k] : max[r];
    for (size_t k = rows; k < rows + W; k++) max[k] = max[0]; /* lanes without a row get another one */
    for (size_t r = 0; r < rows; r += W) {
        v_t s, u;
        for (size_t k = 0; k < W; k++) SMF_W(_total_of_row)(sums, r + k < rows ? r + k : 0, rows, parts + k * SMF_W(_PARTS));
        all.total = SMF_W(_total_rows)(parts, SMF_W(_PARTS) * sizeof(double), W);
        if (!SMF_W(_total_some)(all.total, W)) return 0;
        if (op == SMF_SOFTMAX) SMF_W(_reciprocal)(all.total, &all.hi, &all.lo);
        else {
            all.max = v_load(max + r);
            if (SMF_W(_others)(&all, job->n, &s, &u, others_few)) return 0;
            SMF_W(_lse)(all.max, all.total, s, u, &all.hi, &all.lo);
        }
        v_store(row_hi + r, all.hi);
        v_store(row_lo + r, all.lo);
    }
    if (op == SMF_LOGSUMEXP) {
        for (size_t r = 0; r < rows; r++) SMF_W(_to1)(y + (ptrdiff_t)r * job->y_row, row_hi[r], type);
        return 1;
    }
    for (size_t k = 0, r = 0; k < rows * W; k++, r = r + 1 < rows ? r + 1 : 0) hi[k] = row_hi[r], lo[k] = row_lo[r];
    at = 0;
#define STEP(i, count, lanes)                                                                                                   \
    do {                                                                                                                        \
        SMF_EACH(j, count) e[j] = SMF_W(_from)(from + SMF_OFFSET(i, j, from_type), SMF_COUNT(j, count, lanes), from_type);       \
        SMF_EACH(j, count)                                                                                                      \
        {                                                                                                                       \
            e[j] = SMF_W(_last)(e[j], v_load(hi + at * W), v_load(lo + at * W), op);                                            \
            at = at + 1 < rows ? at + 1 : 0;                                                                                    \
        }                                                                                                                       \
        SMF_EACH(j, count) SMF_W(_to)(y + SMF_OFFSET(i, j, type), e[j], SMF_COUNT(j, count, lanes), type);                      \
    } while (0)
    SMF_PASS(STEP, whole);
#undef STEP
#undef SMF_COUNT
#undef SMF_OFFSET
    return 1;
}

/* Long rows side by side, a multiple of `wide` vectors of them: the passes go through the array in its own order, and what
 * they leave to each other lies in memory. Steps 3 and 4 for elements l, l + W, ... */
SMF_BODY void SMF_W(_lane_stream)(const SMF_W(_row) *row, SMF_W(_state) *state, SMF_W(_total) *total, size_t l, int vectors,
                                  const int wide, const int form, const smf_op op)
{
    v_t e[SMF_UNROLL];
    for (size_t i = l; i < row->n; i += 2 * W)
        for (int v = 0; v < vectors; v += wide) {
            const SMF_W(_row) part = SMF_W(_vectors_at)(row, v, SMF_OWN, SMF_OWN);
            if (i == l) SMF_EACH(j, wide) total[v + j] = SMF_W(_total_of)(v_set1(0));
            if (i + W < row->n) {
                SMF_W(_step_exp)(&part, &state[v], i, 2 * wide, W, form, wide, op, 0, SMF_OWN, e);
                SMF_EACH(j, wide) SMF_W(_total_add2)(&total[v + j], e[j], e[wide + j]);
            } else {
                SMF_W(_step_exp)(&part, &state[v], i, wide, W, form, wide, op, 0, SMF_OWN, e);
                SMF_EACH(j, wide) SMF_W(_total_add)(&total[v + j], e[j]);
            }
        }
}

/* Returns whether `form` was right. */
SMF_BODY int SMF_W(_exp_stream)(const SMF_W(_row) *row, SMF_W(_state) *state, int vectors, const int wide, const int form, const smf_op op)
{
    SMF_W(_total) lane[SMF_STREAMS], half[SMF_STREAMS];
    for (int v = 0; v < vectors; v++) state[v].total = SMF_W(_total_of)(v_set1(0));
    for (size_t k = 0; k < W && k < row->n; k += 1 + SMF_W(_PAIRED)) {
        const int paired = SMF_W(_PAIRED) && k + 1 < row->n;
        SMF_W(_lane_stream)(row, state, lane, k, vectors, wide, form, op);
        if (paired) SMF_W(_lane_stream)(row, state, half, k + 1, vectors, wide, form, op);
        for (int v = 0; v < vectors; v++) {
            if (form != SMF_LARGEST && v_beyond(state[v].stray)) return 0;
            state[v].total = SMF_W(_total_merge)(state[v].total, paired ? SMF_W(_total_merge)(lane[v], half[v]) : lane[v]);
        }
    }
    for (int v = 0; v < vectors; v++) state[v].total = SMF_W(_total_across)(state[v].total, 0);
    return 1;
}

#define SMF_STREAM(name, op)                                                                                                  \
    static SMF_NOINLINE int SMF_W(_##name##_stream)(const SMF_W(_row) *row, SMF_W(_state) *state, int vectors, int form)      \
    {                                                                                                                         \
        const int wide = SMF_UNROLL / 2;                                                                                      \
        return form == SMF_NEAR     ? SMF_W(_exp_stream)(row, state, vectors, wide, SMF_NEAR, op)                             \
               : form == SMF_MASKED ? SMF_W(_exp_stream)(row, state, vectors, wide, SMF_MASKED, op)                           \
                                    : SMF_W(_exp_stream)(row, state, vectors, wide, SMF_LARGEST, op);                         \
    }
SMF_STREAM(terms, SMF_SOFTMAX)
SMF_STREAM(total, SMF_LOGSUMEXP)
#undef SMF_STREAM

SMF_BODY int SMF_W(_streamed)(const smf_job *group, int *form, const smf_op op)
{
    SMF_W(_state) state[SMF_STREAMS];
    const int vectors = (int)(group->rows / W);
    SMF_W(_row) row;
    int ready = 0;
    SMF_W(_row_at)(&row, group, 0, NULL, 0);
    for (int v = 0; v < vectors; v++) SMF_W(_no_shift)(&state[v]);
    if (op == SMF_SOFTMAX && group->x == group->y) *form = SMF_LARGEST; /* or x were lost where another is not right */
    while (*form != SMF_LARGEST && !ready) {
        v_t stray = v_set1(0), e;
        for (int v = 0; v < vectors; v++) { /* at a glance: the first elements */
            v_t x = SMF_W(_from)(row.x + v * W * SMF_SIZE(SMF_OWN), W, SMF_OWN);
            if (*form == SMF_NEAR) SMF_W(_exp_near)(&x, &e, 1, SMF_NEAR, &stray);
            else SMF_W(_exp_near)(&x, &e, 1, SMF_MASKED, &stray);
        }
        ready = !v_beyond(stray) && SMF_OF(op, stream)(&row, state, vectors, *form);
        for (int v = 0; v < vectors; v++) {
            ready = ready && SMF_W(_total_some)(state[v].total, W);
            if (!ready) SMF_W(_no_shift)(&state[v]);
        }
        *form -= !ready;
    }
    if (!ready) {
        SMF_W(_max_across)(&row, state, 0, row.n, vectors, W, NULL, 0, op, SMF_OWN);
        if (!SMF_W(_shift_all)(state, vectors, W)) return 0;
        SMF_OF(op, stream)(&row, state, vectors, SMF_LARGEST);
    }
    SMF_OF(op, finish)(&row, state, vectors, W, SMF_OWN);
    if (op != SMF_LOGSUMEXP) SMF_W(_last_across)(&row, state, 0, row.n, vectors, W, 0, op, SMF_OWN, SMF_OWN);
    SMF_W(_end_across)(&row, state, vectors, W, op, SMF_OWN);
    return 1;
}
