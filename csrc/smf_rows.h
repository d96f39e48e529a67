/* smf_rows.h: the algorithm, written once. Template over SMF_F (f32 or f64); included by smf_kernels.h.
 *
 *   1. max = the largest logit. Not finite: the special rows of softmax_fast.h.
 *   2. c = 0 where |max| <= F_NO_SHIFT, else max: x - c is exact for every x that can matter, so the usual
 *      subtraction, which costs |x - max| / 2 ulp, never happens.
 *   3. e = C exp(x - c) 2^(F_TOP - bias - n_max) = s (1 + u), constants in smf_exp_F.h: that of the rounding addition
 *      carries F_TOP - n_max, so that the scaling is free; where the exponent field would be below 1, e is 0.
 *      Nothing overflows and no e is denormal. A NaN passes through to the total.
 *   4. total = sum of e, lane by lane and then over the lanes, in a fixed order (smf_exp_F.h).
 *   5. softmax: e times 1/total in two parts, one rounding. log_softmax: (x - H) - l with H + l = max + L,
 *      L = log(sum exp(x - max)) = log1p(others / e_max), others = total - e_max; where the largest probability is so near 1
 *      that this difference has lost places, they are summed alone.
 *
 * Of rows near to 0 softmax needs steps 3 to 5 only, log_softmax and logsumexp step 1 with 3 (SMF_NEAR).
 *
 * The bits depend on the logical vector width (16 floats, 8 doubles) and the order written here, and on
 * nothing else. Elements beyond n are -inf: neutral for max, 0 from exp.
 *
 * Sources: exp by Cody and Waite's reduction, a table after Tang and a minimax polynomial; two-sum by Knuth; log by the
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
#define v_store_apart SMF_W(_store_apart)
#define v_load_n SMF_W(_load_n)
#define v_store_n SMF_W(_store_n)
#define v_add SMF_W(_add)
#define v_sub SMF_W(_sub)
#define v_mul SMF_W(_mul)
#define v_fma SMF_W(_fma)
#define v_max SMF_W(_max)
#define v_stray SMF_W(_stray)
#define v_stray_above SMF_W(_stray_above)
#define v_beyond SMF_W(_beyond)
#define v_fma_above SMF_W(_fma_above)
#define v_once SMF_W(_once)
#define v_lookup SMF_W(_lookup)
#define v_spread SMF_W(_spread)
#define v_place_of SMF_W(_place_of)
#define v_raise SMF_W(_raise)
#define v_drop_eq SMF_W(_drop_eq)
#define v_count_eq SMF_W(_count_eq)
#define v_pick SMF_W(_pick)
#define v_gather SMF_W(_gather)
#define v_scatter SMF_W(_scatter)
#define v_scatters SMF_W(_scatters)
#define v_hmax SMF_W(_hmax)
#define W SMF_W(_W)

/* Where the lanes of `count` vectors lie, the `layout`: along the row, one after the other or in places x_col bytes apart; or, with a number above 0, across so many vectors
 * of rows (one row a lane: smf_cols.h), and where there are more vectors than these, of elements W apart. Always a
 * compile-time constant, as are `op`, `count` and the `type` of the numbers in memory: SMF_OWN, that of the kernels, or
 * float16 or bfloat16, widened to it and rounded on the way. */
enum { SMF_STRIDED = -1, SMF_CONTIGUOUS = 0, SMF_NEXT = 64 /* of elements beside each other instead of W apart */ };

/* How e stays in range, the `form`, also a constant. By the largest logit; or because all logits are near to 0, of which `stray` is
 * the proof; or some are, and the others F_LOW or less, masked, and their e 0. Then 2^(F_TOP - bias - n_max) is left out, and nobody
 * needs the largest first; SMF_NEAR_BELOW: it is known, all the same. The bits of the results are the same: until the last step all is
 * the same but for a power of two, and where one form's e is 0, the other's is (docs/numerics.md). */
enum { SMF_LARGEST, SMF_MASKED, SMF_NEAR, SMF_NEAR_BELOW };

/* STEP(i, count, lanes) for all of 0..n-1 in order: groups of vectors, then what is left as one; the last vector of a group
 * has `lanes` elements. */
#define SMF_PASS(STEP, n)                                                                   \
    do {                                                                                    \
        size_t i = 0;                                                                       \
        for (; i + SMF_UNROLL * W <= (n); i += SMF_UNROLL * W) STEP(i, SMF_UNROLL, W);      \
        SMF_REST(STEP, i, n);                                                               \
    } while (0)
#define SMF_REST(STEP, i, n)                                                                \
    do {                                                                                    \
        if (SMF_UNROLL > 3 && i + 3 * W < (n)) STEP(i, 4, (int)((n) - i) - 3 * W);          \
        else if (SMF_UNROLL > 2 && i + 2 * W < (n)) STEP(i, 3, (int)((n) - i) - 2 * W);     \
        else if (i + W < (n)) STEP(i, 2, (int)((n) - i) - W);                               \
        else if (i < (n)) STEP(i, 1, (int)((n) - i));                                       \
    } while (0)

#define SMF_FINITE(a) ((a) - (a) == 0)
#define SMF_NEAR_MAGIC (2 + (SMF_W(_BIAS) - SMF_W(_BASE)) * SMF_W(_STEPS) * SMF_W(_PLACE)) /* of rows near to 0 */
#define SMF_SIZE(type) ((type) == SMF_F64 ? 8 : (type) == SMF_F32 ? 4 : 2)
#endif

/* A row, or a vector of rows and more, and where its results go. */
typedef struct {
    const char *x;
    char *e, *y; /* softmax's exponentials go to e: to y itself, or to scratch memory */
    ptrdiff_t x_col, e_col, y_col, y_row; /* bytes */
    const SMF_W(_stride) *x_at, *y_at; /* of strided rows: NULL where it is one element after the other */
    int padded; /* to a whole vector of e */
    const char *next_x, *next_y; /* what is read and written next: its cache lines are fetched during exp. Along a row always, as a */
    ptrdiff_t next_x_col, next_y_col; /* question there would cost more; across, where these are not 0 */
    size_t n;
} SMF_W(_row);

/* What the passes leave to each other: of one row in every lane; across, of a row in each lane. */
typedef struct {
    v_t max;             /* the largest logit */
    v_t c, magic, low;   /* shift; rounding constant; where x - c is not above this, e is 0 */
    v_t stray;           /* the bits of all sums with magic */
    SMF_W(_total) total; /* of e */
    v_t hi, lo;          /* constants of the last pass */
} SMF_W(_state);

#define SMF_WIDE (layout > 0 ? layout & ~SMF_NEXT : 1)
#define SMF_APART (layout & SMF_NEXT ? 1 : W)
#define SMF_AT(j) ((j) % SMF_WIDE)
#define SMF_LANES_OF(j, count) ((layout > 0 ? (j) % SMF_WIDE == SMF_WIDE - 1 : (j) == (count) - 1) ? lanes : W)

/* Where the j-th vector from the i-th element on begins. */
#define SMF_VECTOR(p, type)                                                                            \
    (layout > 0 ? (p) + (ptrdiff_t)(i + (size_t)(j / SMF_WIDE) * SMF_APART) * col + j % SMF_WIDE * W * SMF_SIZE(type) \
                : (p) + (i + (size_t)(j * W)) * SMF_SIZE(type))

/* The j-th vector from the i-th element on: its first `lanes` lanes, the rest -inf. */
SMF_INLINE v_t SMF_W(_get)(const char *p, ptrdiff_t col, size_t i, int j, int lanes, const int layout, const smf_dtype type)
{
    (void)col;
    return SMF_W(_from)(SMF_VECTOR(p, type), lanes, type);
}

SMF_INLINE void SMF_W(_put)(char *p, ptrdiff_t col, size_t i, int j, int lanes, v_t v, const int layout, const smf_dtype type)
{
    (void)col;
    SMF_W(_to)(SMF_VECTOR(p, type), v, lanes, type);
}

/* Step 2: max is known. */
SMF_BODY void SMF_W(_shift)(SMF_W(_state) *state)
{
    const v_t zero = v_set1(0), magic = v_set1(SMF_W(_MAGIC)), max = state->max;
    const v_t base = v_set1((SMF_W(_TOP) - SMF_W(_BASE)) * SMF_W(_PLACE)), top = v_set1((SMF_W(_TOP) - 1) * SMF_W(_PLACE));
    const v_t octaves = v_fma(max, v_set1(SMF_W(_STEPS_PER_UNIT) / SMF_W(_STEPS) * SMF_W(_PLACE)), magic);
    const v_t size = v_max(v_sub(zero, max), max), limit = v_set1(SMF_W(_NO_SHIFT));
    const v_t n_max = v_pick(size, limit, zero, v_sub(octaves, magic)); /* times F_PLACE */
    state->c = v_pick(size, limit, max, zero);
    state->magic = v_fma(v_sub(base, n_max), v_set1(SMF_W(_STEPS)), magic);
    state->low = v_mul(v_sub(n_max, top), v_set1(SMF_W(_STEP_HI) * SMF_W(_STEPS) / SMF_W(_PLACE)));
}

/* Where all logits are near to 0. */
SMF_INLINE void SMF_W(_no_shift)(SMF_W(_state) *state)
{
    state->max = v_set1(-(real)INFINITY);
    state->c = state->stray = v_set1(0);
    state->low = v_set1((1 - SMF_W(_BIAS)) * SMF_W(_STEP_HI) * SMF_W(_STEPS));
    state->magic = v_set1(SMF_NEAR_MAGIC);
}

/* exp(x) = s (1 + u) for `count` independent vectors, by steps of 1/F_STEPS of an octave:
 *   N = round(x F_STEPS/ln2), r = x - N ln2/F_STEPS, |r| <= ln2/2/F_STEPS, s = C 2^(N/F_STEPS), nearly,
 *   1 + u = exp(r) = 1 + r + r^2 q(r);  C is a factor of all e and of their total
 * magic[j] is vector j's F_MAGIC + what N begins at, in units of F_PLACE. Of rows near to 0 it is 2 and that: all sums are from 2 to 4
 * and differ in their low bits alone, which `stray` shows, as every other exponent has a bit of its own (docs/numerics.md).
 * Bound of s + s u, rounded: F_EXP_BOUND_ULP.
 * (x is not const, here and below, as GCC 12 would then warn of its elements from `count` on.) */
SMF_BODY void SMF_W(_exp)(v_t *x, v_t *magic, v_t *s, v_t *u, const int count, const int form, v_t *stray)
{
    static const real c[] = SMF_W(_Q);
    v_t t[SMF_UNROLL], r[SMF_UNROLL], a[SMF_UNROLL];
    SMF_EACH(j, count) t[j] = v_fma(x[j], v_set1(SMF_W(_STEPS_PER_UNIT) * SMF_W(_PLACE)), magic[j]);
    if (form >= SMF_NEAR) SMF_EACH(j, count) *stray = v_stray(*stray, t[j]);
    if (form == SMF_MASKED) SMF_EACH(j, count) *stray = v_stray_above(*stray, t[j], x[j], v_set1(SMF_W(_LOW)));
    SMF_EACH(j, count) s[j] = v_raise(v_lookup(SMF_W(_power), t[j]), t[j]);
    SMF_EACH(j, count) t[j] = v_sub(t[j], magic[j]);
    SMF_EACH(j, count) r[j] = v_fma(t[j], v_set1(-SMF_W(_STEP_HI) / SMF_W(_PLACE)), x[j]);
    SMF_EACH(j, count) r[j] = v_fma(t[j], v_set1(-SMF_W(_STEP_LO) / SMF_W(_PLACE)), r[j]);
    SMF_EACH(j, count) a[j] = v_set1(c[SMF_W(_Q_TERMS) - 1]);
    SMF_EACH(k, SMF_W(_Q_TERMS) - 1)
    SMF_EACH(j, count) a[j] = v_fma(a[j], r[j], v_set1(c[SMF_W(_Q_TERMS) - 2 - k]));
    SMF_EACH(j, count) t[j] = v_mul(r[j], r[j]);
    SMF_EACH(j, count) u[j] = v_fma(t[j], a[j], r[j]);
}

/* Step 3: e = s (1 + u) for `count` independent vectors. */
SMF_BODY void SMF_W(_exp_of)(const SMF_W(_state) *state, v_t *x, v_t *s, v_t *u, v_t *e, const int count, const int layout)
{
    v_t d[SMF_UNROLL], magic[SMF_UNROLL];
    SMF_EACH(j, count) magic[j] = state[SMF_AT(j)].magic;
    SMF_EACH(j, count) d[j] = v_sub(x[j], state[SMF_AT(j)].c);
    SMF_W(_exp)(d, magic, s, u, count, SMF_LARGEST, NULL);
    SMF_EACH(j, count) e[j] = v_fma_above(u[j], s[j], s[j], d[j], state[SMF_AT(j)].low);
}

/* e itself of logits near to 0. */
SMF_BODY void SMF_W(_exp_near)(v_t *x, v_t *e, const int count, const int form, v_t *stray)
{
    v_t magic[SMF_UNROLL], s[SMF_UNROLL], u[SMF_UNROLL];
    SMF_EACH(j, count) magic[j] = v_set1(SMF_NEAR_MAGIC);
    SMF_W(_exp)(x, magic, s, u, count, form, stray);
    if (form >= SMF_NEAR) SMF_EACH(j, count) e[j] = v_fma(u[j], s[j], s[j]);
    else SMF_EACH(j, count) e[j] = v_fma_above(u[j], s[j], s[j], x[j], v_set1(SMF_W(_LOW)));
}

/* e of `count` vectors of logits x; softmax's are stored too. drop: of those below max; the others are 0. */
SMF_BODY void SMF_W(_terms)(const SMF_W(_row) *row, SMF_W(_state) *state, size_t i, v_t *x, const int count, int lanes, const int form,
                            const int layout, const smf_op op, const int drop, const smf_dtype type, v_t *e)
{
    v_t s[SMF_UNROLL], u[SMF_UNROLL];
    if (layout <= 0 || op != SMF_SOFTMAX) SMF_EACH(j, count) x[j] = v_once(x[j]); /* GCC 12 reads them at every use, else */
    if (form != SMF_LARGEST) {
        SMF_W(_exp_near)(x, e, count, form, &state->stray);
        if (op != SMF_SOFTMAX && form != SMF_NEAR_BELOW) SMF_EACH(j, count) state[SMF_AT(j)].max = v_max(x[j], state[SMF_AT(j)].max);
    } else SMF_W(_exp_of)(state, x, s, u, e, count, layout);
    if (drop) SMF_EACH(j, count) e[j] = v_drop_eq(e[j], x[j], state[SMF_AT(j)].max);
    if (drop) return;
    ptrdiff_t col = row->next_x_col;
    if (layout > 0 && col) {
        SMF_EACH(j, count) SMF_PREFETCH_FAR(SMF_VECTOR(row->next_x, type));
        col = row->next_y_col;
        if (col) SMF_EACH(j, count) SMF_PREFETCH_WRITE(SMF_VECTOR(row->next_y, type));
    } else if (layout <= 0 && count == SMF_UNROLL) {
        if (op != SMF_SOFTMAX || SMF_W(_FETCHES)) SMF_EACH(j, count) SMF_PREFETCH(SMF_VECTOR(row->next_x, type));
        if (op == SMF_SOFTMAX) SMF_EACH(j, count) SMF_PREFETCH_WRITE(SMF_VECTOR(row->next_y, type));
        else SMF_EACH(j, count) SMF_PREFETCH(SMF_VECTOR(row->next_y, type)); /* logsumexp: logits again */
    }
    if (op == SMF_SOFTMAX)
        SMF_EACH(j, count) SMF_W(_put)(row->e, row->e_col, i, j, row->padded ? W : SMF_LANES_OF(j, count), e[j], layout, SMF_OWN);
}

SMF_BODY void SMF_W(_step_exp)(const SMF_W(_row) *row, SMF_W(_state) *state, size_t i, const int count, int lanes, const int form,
                               const int layout, const smf_op op, const int drop, const smf_dtype type, v_t *e)
{
    v_t x[SMF_UNROLL];
    SMF_EACH(j, count) x[j] = SMF_W(_get)(row->x, row->x_col, i, j, SMF_LANES_OF(j, count), layout, type);
    SMF_W(_terms)(row, state, i, x, count, lanes, form, layout, op, drop, type, e);
}

/* Step 5: hi and lo are known. v: softmax's e, else the logit. */
SMF_BODY v_t SMF_W(_last)(v_t v, v_t hi, v_t lo, const smf_op op)
{
    if (op != SMF_SOFTMAX) return v_sub(v_sub(v, hi), lo);
    v = v_once(v);
    return v_fma(v, hi, v_mul(v, lo));
}

SMF_BODY void SMF_W(_step_last)(const SMF_W(_row) *row, const SMF_W(_state) *state, size_t i, const int count, int lanes,
                                  const int layout, const int apart, const smf_op op, const smf_dtype x_type, const smf_dtype type)
{
    SMF_EACH(j, count)
    {
        const int n = SMF_LANES_OF(j, count);
        const v_t v = op == SMF_SOFTMAX ? SMF_W(_get)(row->e, row->e_col, i, j, row->padded ? W : n, layout, SMF_OWN)
                                        : SMF_W(_get)(row->x, row->x_col, i, j, n, layout, x_type);
        const v_t y = SMF_W(_last)(v, state[SMF_AT(j)].hi, state[SMF_AT(j)].lo, op);
        if (apart) v_store_apart((real *)(void *)(row->y + (ptrdiff_t)i * row->y_col) + j * W, y);
        else SMF_W(_put)(row->y, row->y_col, i, j, n, y, layout, type);
    }
}

/* Step 1. (A NaN may be passed over here: it shows in the total.) Vectors from aligned addresses on, which halves what
 * lines that begin elsewhere cost, between the first and the last W elements: the largest may be met twice. */
SMF_BODY real SMF_W(_line_max)(const SMF_W(_row) *row, const smf_dtype type)
{
    const int layout = SMF_CONTIGUOUS;
    const size_t n = row->n;
    v_t m[SMF_UNROLL];
#define SMF_X(i, j) SMF_W(_get)(row->x, 0, i, j, W, layout, type)
    if (n < W) return v_hmax(SMF_W(_get)(row->x, 0, 0, 0, (int)n, layout, type));
    SMF_EACH(j, SMF_UNROLL) m[j] = SMF_X(0, 0);
    size_t i = W - (uintptr_t)row->x / SMF_SIZE(type) % W;
    for (; i + SMF_UNROLL * W <= n; i += SMF_UNROLL * W) SMF_EACH(j, SMF_UNROLL) m[j] = v_max(m[j], SMF_X(i, j));
    for (; i + W <= n; i += W) m[0] = v_max(m[0], SMF_X(i, 0));
    m[0] = v_max(m[0], SMF_X(n - W, 0));
#undef SMF_X
    SMF_EACH(j, SMF_UNROLL) m[0] = v_max(m[0], m[j]);
    return v_hmax(m[0]);
}

#define SMF_SCRATCH (SMF_SCRATCH_BYTES / (int)sizeof(real))
#define SMF_PIECE (SMF_BLOCK_BYTES / (int)sizeof(real))

/* SMF_PIECE elements of a strided row, or what is left, from the i-th on, and a contiguous copy of the logits where there is memory
 * for one. */
SMF_INLINE SMF_W(_row) SMF_W(_piece_of)(const SMF_W(_row) *row, size_t i, real *copy)
{
    SMF_W(_row) piece = *row;
    piece.n = row->n - i < SMF_PIECE ? row->n - i : SMF_PIECE;
    piece.x += (ptrdiff_t)i * row->x_col;
    piece.e += i * sizeof(real);
    piece.y += (ptrdiff_t)i * row->y_col;
    if (copy && row->x_at) {
        SMF_W(_elements_in)(copy, piece.x, row->x_at, piece.n);
        piece.x = (const char *)copy;
    }
    return piece;
}

SMF_BODY real SMF_W(_row_max)(const SMF_W(_row) *row, const int layout, const smf_dtype type)
{
    SMF_ALIGNED(64) real copy[SMF_PIECE];
    real max = -(real)INFINITY;
    if (layout == SMF_CONTIGUOUS) return SMF_W(_line_max)(row, type);
    for (size_t i = 0; i < row->n; i += SMF_PIECE) {
        const SMF_W(_row) piece = SMF_W(_piece_of)(row, i, copy);
        const real m = SMF_W(_line_max)(&piece, type);
        max = m > max ? m : max;
    }
    return max;
}

/* SMF_UNROLL vectors of strided logits from the i-th on, or what is left, then -inf. */
SMF_INLINE void SMF_W(_logits_from)(const SMF_W(_row) *row, size_t i, real *to)
{
    const char *const from = row->x + (ptrdiff_t)i * row->x_col;
    if (i + SMF_UNROLL * W <= row->n) {
        v_gather(to, W, from, W * row->x_col, SMF_UNROLL, W, row->x_at);
        return;
    }
    if (i == row->n) return;
    SMF_EACH(j, SMF_UNROLL) v_store(to + j * W, v_set1(-(real)INFINITY));
    SMF_W(_elements_in)(to, from, row->x_at, row->n - i);
}

/* Steps 3 and 4, from the total so far. Returns whether `form` was right. With SMF_LATER a group's e are added to the total when those
 * of the next have been found, so that fewer wait for each other: read again from row->e or, where they do not go there, `kept`. In
 * long rows of softmax's it is those of the next SMF_LATER groups, as what has only just been stored is slower to read. */
SMF_BODY int SMF_W(_row_exp)(const SMF_W(_row) *row, SMF_W(_state) *state, const int form, const smf_op op, const int drop,
                             const int layout, const smf_dtype type)
{
    SMF_W(_total) total = state->total;
    SMF_W(_state) one; /* as few vectors as there can be, in registers */
    SMF_ALIGNED(64) real next[SMF_UNROLL * W]; /* strided logits are read while the exponentials of those before are found */
    SMF_ALIGNED(64) real kept[SMF_UNROLL * W];
    const int ahead = layout == SMF_STRIDED && row->x_at, stored = op == SMF_SOFTMAX && !drop;
    v_t x[SMF_UNROLL], e[SMF_UNROLL], before[SMF_UNROLL];
    size_t n = row->n, i = 0;
    const int either = form != SMF_LARGEST && SMF_W(_LONG) < SIZE_MAX, lags = either && stored; /* where rows are long */
    const int along = either && n >= SMF_W(_LONG); /* from a total of 0 */
    const size_t later = (lags && along ? SMF_LATER : 1) * SMF_UNROLL * W;
    one.max = state->max;
    one.stray = state->stray;
    one.c = state->c;
    one.magic = state->magic;
    one.low = state->low;
#define SMF_TERMS(i, count, lanes, form) SMF_W(_terms)(row, &one, i, x, count, lanes, form, SMF_CONTIGUOUS, op, drop, type, e)
#define SMF_ADD(e, count)                                                                                    \
    do {                                                                                                     \
        SMF_EACH(j, (count) / 2) SMF_W(_total_add2)(&total, e[2 * j], e[2 * j + 1]);                         \
        if ((count) % 2) SMF_W(_total_add)(&total, e[(count) - 1]);                                          \
    } while (0)
#define SMF_ADD_GROUP(at) /* from there on */                                                                 \
    do {                                                                                                     \
        const real *const p = stored ? (const real *)(const void *)row->e + (at) : kept;                     \
        if (along) SMF_EACH(j, SMF_UNROLL) SMF_W(_long_add)(&total, p + j * W);                              \
        else {                                                                                               \
            SMF_EACH(j, SMF_UNROLL) before[j] = v_load(p + j * W);                                           \
            SMF_ADD(before, SMF_UNROLL);                                                                     \
        }                                                                                                    \
    } while (0)
#define STEP(i, count, lanes)                                                                                \
    do {                                                                                                     \
        if (ahead) SMF_EACH(j, count) x[j] = v_load(next + j * W);                                           \
        else                                                                                                 \
            SMF_EACH(j, count)                                                                               \
            x[j] = SMF_W(_get)(row->x, 0, i, j, j == (count) - 1 ? (lanes) : W, SMF_CONTIGUOUS, type);       \
        SMF_TERMS(i, count, lanes, form == SMF_NEAR ? SMF_MASKED : form); /* as lanes beyond the row are */  \
        SMF_ADD(e, count);                                                                                   \
    } while (0)
    if (SMF_LATER && !stored) SMF_EACH(j, SMF_UNROLL) v_store(kept + j * W, v_set1(0)); /* or GCC 12 warns */
    if (ahead) SMF_W(_logits_from)(row, 0, next);
    while (i + SMF_UNROLL * W <= n) {
        const size_t end = form == SMF_LARGEST || n - i < SMF_TRIAL ? n : i + SMF_TRIAL;
        for (; i + SMF_UNROLL * W <= end; i += SMF_UNROLL * W) {
            if (ahead) {
                SMF_EACH(j, SMF_UNROLL) x[j] = v_load(next + j * W);
                SMF_W(_logits_from)(row, i + SMF_UNROLL * W, next);
            } else SMF_EACH(j, SMF_UNROLL) x[j] = SMF_W(_get)(row->x, 0, i, j, W, SMF_CONTIGUOUS, type);
            SMF_TERMS(i, SMF_UNROLL, W, form);
            if (!SMF_LATER) SMF_ADD(e, SMF_UNROLL);
            else {
                if (lags ? i >= later : i > 0) SMF_ADD_GROUP(i - later);
                if (!stored) SMF_EACH(j, SMF_UNROLL) v_store(kept + j * W, e[j]);
            }
        }
        if (end < n && v_beyond(one.stray)) return 0;
    }
    if (lags)
        for (size_t at = i > later ? i - later : 0; at < i; at += SMF_UNROLL * W) SMF_ADD_GROUP(at);
    else if (SMF_LATER && i > 0) SMF_ADD_GROUP(i - later);
    if (along) total = SMF_W(_long_total)(total);
    SMF_REST(STEP, i, n);
#undef STEP
#undef SMF_ADD_GROUP
#undef SMF_ADD
#undef SMF_TERMS
    state->total = total;
    state->max = one.max;
    return form == SMF_LARGEST || !v_beyond(one.stray);
}

/* The same, where it is rare: one function for all. Only what is dropped may be of another type, or strided. */
static SMF_NOINLINE void SMF_W(_row_rare)(const SMF_W(_row) *row, SMF_W(_state) *state, smf_op op, int drop, int layout, smf_dtype type)
{
    if (drop) SMF_W(_row_exp)(row, state, SMF_LARGEST, SMF_LOGSUMEXP, 1, layout, type);
    else if (op == SMF_SOFTMAX) SMF_W(_row_exp)(row, state, SMF_LARGEST, SMF_SOFTMAX, 0, SMF_CONTIGUOUS, SMF_OWN);
    else SMF_W(_row_exp)(row, state, SMF_LARGEST, SMF_LOGSUMEXP, 0, SMF_CONTIGUOUS, SMF_OWN);
}

/* log_softmax, logsumexp: the total without the largest element, s (1 + u), from that of all: unless it is a `few` parts of that,
 * which is then set in that lane: too much of it was rounded off. (Then there is one largest, and the others are summed alone.)
 * Bound: 2^-28 of it (docs/numerics.md). */
SMF_BODY int SMF_W(_others)(SMF_W(_state) *state, size_t n, v_t *s, v_t *u, double *few)
{
    const double limit = SMF_W(_FEW)((double)n);
    const SMF_W(_total) all = state->total;
    v_t e;
    SMF_W(_exp_of)(state, &state->max, s, u, &e, 1, SMF_CONTIGUOUS);
    *s = v_drop_eq(*s, e, v_set1(0)); /* of nothing but masks: L is a NaN */
    state->total = SMF_W(_total_less)(all, e);
    return SMF_W(_total_few)(state->total, all, limit < 0.25 ? limit : 0.25, few);
}

SMF_INLINE void SMF_W(_fill_nan)(const SMF_W(_row) *row, int lane, const smf_dtype type)
{
    for (size_t i = 0; i < row->n; i++) SMF_W(_to1)(row->y + lane * row->y_row + (ptrdiff_t)i * row->y_col, (real)NAN, type);
}

/* Special rows: their maximum is not finite, or there is a NaN. In the order of softmax_fast.h. */
static int SMF_W(_has_nan)(const SMF_W(_row) *row, smf_dtype type)
{
    int nan = 0;
    for (size_t i = 0; i < row->n; i++) {
        const real v = SMF_W(_from1)(row->x + (ptrdiff_t)i * row->x_col, type);
        nan |= v != v;
    }
    return nan;
}

static void SMF_W(_special_of)(const SMF_W(_row) *row, int nan, real max, smf_op op, smf_dtype type)
{
    for (size_t i = 0; i < row->n; i++) {
        const int low = op == SMF_LOG_SOFTMAX && !nan && max == (real)INFINITY &&
                        SMF_W(_from1)(row->x + (ptrdiff_t)i * row->x_col, type) < max;
        SMF_W(_to1)(row->y + (ptrdiff_t)i * row->y_col, low ? -(real)INFINITY : (real)NAN, type);
    }
}

static SMF_NOINLINE void SMF_W(_special)(const SMF_W(_row) *row, real max, smf_op op, smf_dtype type)
{
    const int nan = op != SMF_SOFTMAX && SMF_W(_has_nan)(row, type);
    if (op == SMF_LOGSUMEXP) SMF_W(_to1)(row->y, nan ? (real)NAN : max, type);
    else SMF_W(_special_of)(row, nan, max, op, type);
}

SMF_INLINE void SMF_W(_row_at)(SMF_W(_row) *row, const smf_job *job, size_t r, real *scratch, size_t scratch_row)
{
    row->x = (const char *)job->x + (ptrdiff_t)r * job->x_row;
    row->y = (char *)job->y + (ptrdiff_t)r * job->y_row;
    row->e = scratch ? (char *)(scratch + scratch_row) : row->y;
    row->padded = scratch != NULL;
    row->x_col = job->x_col;
    row->e_col = row->y_col = job->y_col;
    row->x_at = row->y_at = NULL;
    row->y_row = job->y_row;
    row->next_x = row->x;
    row->next_y = row->e;
    row->next_x_col = row->next_y_col = 0;
    row->n = job->n;
}

SMF_INLINE smf_job SMF_W(_rows_of)(const smf_job *job, size_t r, size_t rows)
{
    const smf_job part = {rows, job->n, (const char *)job->x + (ptrdiff_t)r * job->x_row, job->x_row, job->x_col,
                          (char *)job->y + (ptrdiff_t)r * job->y_row, job->y_row, job->y_col};
    return part;
}

/* Rows along which the passes go, by this form or another. */
typedef void SMF_W(_rows)(const smf_job *job, int form);

/* Up to W rows on their way through the passes. Each pass goes over all of them before the next, and what is done once a row is
 * done for all of them in one vector, so that no row waits for another's sums and divisions. */
typedef struct {
    SMF_ALIGNED(64) real max[W], c[W], magic[W], low[W], hi[W], lo[W]; /* of row k */
    SMF_ALIGNED(64) double parts[W * SMF_W(_PARTS)]; /* of its total */
    smf_job part; /* these rows */
    const SMF_W(_stride) *x_at, *y_at; /* of a row */
    int rows, form, writes; /* writes: a contiguous row of results */
    int twice; /* some results may be found twice, from what they do not replace: softmax's of short rows take longer so */
    real *scratch; /* NULL: exponentials go to the results */
    real *tails; /* e of what whole vectors leave of row k, at k * SMF_TAIL: see _tails; NULL: rows go to their ends */
} SMF_W(_block);

/* Row k; while its exponentials are found, lines are fetched: of logits so many bytes `ahead`, and of what is written. */
SMF_INLINE SMF_W(_row) SMF_W(_row_of)(const smf_job *job, const SMF_W(_block) *block, int k, ptrdiff_t ahead)
{
    SMF_W(_row) row;
    SMF_W(_row_at)(&row, &block->part, (size_t)k, block->scratch, (size_t)k * ((job->n + W - 1) / W * W));
    row.next_x = row.x + ahead;
    row.x_at = block->x_at;
    row.y_at = block->y_at;
    if (block->writes) {
        row.next_y = block->scratch ? (char *)row.y : row.y + (ahead ? job->y_row : 0);
        row.next_y_col = job->y_col;
    } else if (!block->scratch) row.next_y = row.x;
    return row;
}

/* The one after it. */
SMF_INLINE void SMF_W(_row_after)(SMF_W(_row) *row, const smf_job *job)
{
    row->x += job->x_row;
    row->y += job->y_row;
    row->e += row->padded ? (ptrdiff_t)((job->n + W - 1) / W * W * sizeof(real)) : job->y_row;
    row->next_x += job->x_row;
    if (row->next_y_col) row->next_y += job->y_row;
}

SMF_INLINE void SMF_W(_one_by_one)(SMF_W(_block) *block, const SMF_W(_state) *all)
{
    v_store(block->c, all->c);
    v_store(block->magic, all->magic);
    v_store(block->low, all->low);
}

/* Steps 1 and 2. */
SMF_BODY void SMF_W(_block_max)(const smf_job *job, SMF_W(_block) *block, const int layout, const smf_dtype type)
{
    SMF_W(_state) all;
    for (int k = 0; k < block->rows; k++) {
        const SMF_W(_row) row = SMF_W(_row_of)(job, block, k, 0);
        block->max[k] = SMF_W(_row_max)(&row, layout, type);
    }
    all.max = v_load(block->max);
    SMF_W(_shift)(&all);
    SMF_W(_one_by_one)(block, &all);
    block->form = SMF_LARGEST;
}

SMF_INLINE void SMF_W(_state_of)(const SMF_W(_block) *block, int k, SMF_W(_state) *one)
{
    one->max = v_set1(block->max[k]);
    one->c = v_set1(block->c[k]);
    one->magic = v_set1(block->magic[k]);
    one->low = v_set1(block->low[k]);
    one->total = SMF_W(_total_of)(v_set1(0));
}

#define SMF_TAIL (W + 4)
#define SMF_TURNS_TAILS(op, layout, type) ((op) != SMF_SOFTMAX && (layout) == SMF_CONTIGUOUS && (type) == SMF_OWN)

/* Steps 3 and 4 of what whole vectors leave of W rows, n % W elements of each, which would leave lanes of theirs empty: one row a lane,
 * four elements at a time up to the last; up to 3 before the first are from whole vectors. Their e go to the first lanes of each row's
 * tail, or before it; the others stay 0. */
SMF_BODY void SMF_W(_tails)(const SMF_W(_row) *row, ptrdiff_t x_row, SMF_W(_state) *all, const int form, real *tails)
{
    const size_t n = row->n, rest = n % W;
    v_t x[4], e[4];
    for (size_t left = (rest + 3) / 4 * 4; left > 0; left -= 4) {
        SMF_W(_load4)(row->x + (n - left) * sizeof(real), x_row, 4, 0, x);
        SMF_EACH(g, 4 / SMF_UNROLL)
        SMF_W(_terms)(row, all, 0, x + g * SMF_UNROLL, SMF_UNROLL, W, form, 1, SMF_LOGSUMEXP, 0, SMF_OWN, e + g * SMF_UNROLL);
        SMF_W(_store4)((char *)(tails + rest) - left * sizeof(real), SMF_TAIL * sizeof(real), 4, 0, e);
    }
}

/* Steps 3 and 4 after these. */
SMF_BODY void SMF_W(_block_exp)(const smf_job *job, SMF_W(_block) *block, ptrdiff_t ahead, const smf_op op, const int layout, const smf_dtype type)
{
    const int rows = block->rows;
    SMF_W(_row) row = SMF_W(_row_of)(job, block, 0, ahead);
    real *const tails = SMF_TURNS_TAILS(op, layout, type) ? block->tails : NULL;
    if (tails) {
        SMF_W(_state) all;
        all.c = v_load(block->c);
        all.magic = v_load(block->magic);
        all.low = v_load(block->low);
        SMF_W(_tails)(&row, job->x_row, &all, SMF_LARGEST, tails);
        row.n -= row.n % W;
    }
    for (int k = 0; k < rows; k++, SMF_W(_row_after)(&row, job)) {
        SMF_W(_state) one;
        if (!SMF_FINITE(block->max[k])) continue; /* special */
        SMF_W(_state_of)(block, k, &one);
        SMF_W(_row_exp)(&row, &one, SMF_LARGEST, op, 0, layout, type);
        if (tails) SMF_W(_total_add)(&one.total, v_load(tails + k * SMF_TAIL));
        SMF_W(_total_put)(one.total, block->parts + k * SMF_W(_PARTS));
    }
}

/* The same without the largest, of `few` rows. Returns whether there are any: lanes without a row are not. */
static SMF_NOINLINE int SMF_W(_block_rest)(const smf_job *job, SMF_W(_block) *block, const double *few, int layout, smf_dtype type)
{
    int some = 0;
    for (int k = 0; k < block->rows; k++) {
        const SMF_W(_row) row = SMF_W(_row_of)(job, block, k, 0);
        SMF_W(_state) one;
        if (!SMF_FINITE(block->max[k]) || few[k] == 0) continue;
        SMF_W(_state_of)(block, k, &one);
        SMF_W(_row_rare)(&row, &one, SMF_LOGSUMEXP, 1, layout, type);
        SMF_W(_total_put)(one.total, block->parts + k * SMF_W(_PARTS));
        some = 1;
    }
    return some;
}

/* Steps 1 to 4 of another form. Returns whether that was right. */
SMF_BODY int SMF_W(_block_near)(const smf_job *job, SMF_W(_block) *block, const int form, ptrdiff_t ahead, const smf_op op, const int layout,
                                const smf_dtype type)
{
    const int rows = block->rows;
    SMF_W(_row) row = SMF_W(_row_of)(job, block, 0, ahead);
    real *const tails = SMF_TURNS_TAILS(op, layout, type) ? block->tails : NULL;
    SMF_W(_state) all;
    SMF_W(_no_shift)(&all);
    if (tails) {
        SMF_W(_tails)(&row, job->x_row, &all, form, tails);
        if (v_beyond(all.stray)) return 0;
        row.n -= row.n % W;
    }
    for (int k = 0; k < rows; k++, SMF_W(_row_after)(&row, job)) {
        SMF_W(_state) one;
        SMF_W(_no_shift)(&one);
        if (op != SMF_SOFTMAX && k == 0) SMF_W(_one_by_one)(block, &one);
        one.total = SMF_W(_total_of)(v_set1(0));
        if (!SMF_W(_row_exp)(&row, &one, form, op, 0, layout, type)) return 0;
        if (tails) SMF_W(_total_add)(&one.total, v_load(tails + k * SMF_TAIL));
        block->max[k] = op == SMF_SOFTMAX ? 0 : v_hmax(one.max);
        SMF_W(_total_put)(one.total, block->parts + k * SMF_W(_PARTS));
    }
    if (tails) v_store(block->max, v_max(v_load(block->max), all.max));
    block->form = form;
    return 1;
}

/* These for softmax, and for the others, which are one until the last step. */
typedef struct {
    int (*near)(const smf_job *job, SMF_W(_block) *block, int form, ptrdiff_t ahead);
    void (*exp)(const smf_job *job, SMF_W(_block) *block, ptrdiff_t ahead);
} SMF_W(_passes);

#define SMF_PASSES_OF(T, name, op, layout, type)                                                                             \
    static SMF_NOINLINE int SMF_PASTE(T, _##name##_near)(const smf_job *job, SMF_W(_block) *block, int form, ptrdiff_t ahead) \
    {                                                                                                                        \
        return form == SMF_NEAR ? SMF_W(_block_near)(job, block, SMF_NEAR, ahead, op, layout, type)                          \
                                : SMF_W(_block_near)(job, block, SMF_MASKED, ahead, op, layout, type);                       \
    }                                                                                                                        \
    static SMF_NOINLINE void SMF_PASTE(T, _##name##_exp)(const smf_job *job, SMF_W(_block) *block, ptrdiff_t ahead)          \
    {                                                                                                                        \
        SMF_W(_block_exp)(job, block, ahead, op, layout, type);                                                              \
    }                                                                                                                        \
    static const SMF_W(_passes) SMF_PASTE(T, _##name##_passes) = {SMF_PASTE(T, _##name##_near), SMF_PASTE(T, _##name##_exp)};
#define SMF_PASSES(T, layout, type)                         \
    SMF_PASSES_OF(T, terms, SMF_SOFTMAX, layout, type)      \
    SMF_PASSES_OF(T, total, SMF_LOGSUMEXP, layout, type)
SMF_PASSES(SMF_F, SMF_CONTIGUOUS, SMF_OWN)
SMF_PASSES(SMF_W(_strided), SMF_STRIDED, SMF_OWN)
#ifdef SMF_HALVES
SMF_PASSES(f16, SMF_CONTIGUOUS, SMF_F16)
SMF_PASSES(bf16, SMF_CONTIGUOUS, SMF_BF16)
#endif
#undef SMF_PASSES
#undef SMF_PASSES_OF

/* What of step 5 is done once a row. */
SMF_BODY void SMF_W(_block_sums)(const smf_job *job, SMF_W(_block) *block, const smf_op op, const int layout, const smf_dtype type)
{
    const size_t rows = (size_t)block->rows, stride = SMF_W(_PARTS) * sizeof(double);
    SMF_W(_state) all;
    v_t s, u;
    SMF_ALIGNED(64) double few[W];
    if (op == SMF_SOFTMAX && rows == 1) SMF_W(_reciprocal)(SMF_W(_total_rows)(block->parts, stride, 1), &all.hi, &all.lo); /* equal lanes */
    else if (op == SMF_SOFTMAX) SMF_W(_reciprocal)(SMF_W(_total_rows)(block->parts, stride, rows), &all.hi, &all.lo);
    else {
        all.total = SMF_W(_total_rows)(block->parts, stride, rows);
        all.max = v_load(block->max);
        all.c = v_load(block->c);
        all.magic = v_load(block->magic);
        all.low = v_load(block->low);
        if (SMF_W(_others)(&all, job->n, &s, &u, few) && SMF_W(_block_rest)(job, block, few, layout, type))
            all.total = SMF_W(_total_pick)(few, SMF_W(_total_rows)(block->parts, stride, rows), all.total);
        SMF_W(_lse)(all.max, all.total, s, u, &all.hi, &all.lo);
    }
    v_store(block->hi, all.hi);
    v_store(block->lo, all.lo);
}

/* Step 5 of a strided row: its results go to where they belong as vectors, or through a contiguous copy. */
SMF_BODY void SMF_W(_last_strided)(const SMF_W(_row) *row, const SMF_W(_state) *one, const smf_op op)
{
    SMF_ALIGNED(64) real copy[SMF_PIECE], out[SMF_PIECE];
    const SMF_W(_stride) *const y_at = row->y_at;
    v_t y[SMF_UNROLL];
    for (size_t at = 0; at < row->n; at += SMF_PIECE) {
        SMF_W(_row) piece = SMF_W(_piece_of)(row, at, op == SMF_SOFTMAX ? NULL : copy);
        const char *const v = op == SMF_SOFTMAX ? piece.e : piece.x;
        char *const to = piece.y;
        if (y_at && v_scatters(y_at) && piece.n >= W) {
#define STEP(i, count)                                                                                              \
    do {                                                                                                            \
        SMF_EACH(j, count) y[j] = SMF_W(_from)(v + ((i) + (size_t)(j * W)) * sizeof(real), W, SMF_OWN);             \
        SMF_EACH(j, count) y[j] = SMF_W(_last)(y[j], one->hi, one->lo, op);                                         \
        v_scatter(to + (ptrdiff_t)(i) * piece.y_col, W * piece.y_col, y, count, W, y_at);                           \
    } while (0)
            size_t i = 0;
            for (; i + SMF_UNROLL * W <= piece.n; i += SMF_UNROLL * W) STEP(i, SMF_UNROLL);
            for (; i < piece.n; i += W) STEP(i + W <= piece.n ? i : piece.n - W, 1); /* the last one overlaps the one before */
#undef STEP
            continue;
        }
        if (y_at) piece.y = (char *)out;
#define STEP(i, count, lanes) SMF_W(_step_last)(&piece, one, i, count, lanes, SMF_CONTIGUOUS, 0, op, SMF_OWN, SMF_OWN)
        SMF_PASS(STEP, piece.n);
#undef STEP
        if (y_at) SMF_W(_elements_out)(to, y_at, out, piece.n);
    }
}

/* `again`: what to do with a row that is not what its form says, of which all logits are masked. */
SMF_BODY void SMF_W(_block_last)(const smf_job *job, const SMF_W(_block) *block, SMF_W(_rows) *again, const smf_op op, const int layout,
                                 const smf_dtype type)
{
    const int rows = block->rows;
    SMF_W(_row) row = SMF_W(_row_of)(job, block, 0, 0);
    for (int k = 0; k < rows; k++, SMF_W(_row_after)(&row, job)) {
        const real max = block->max[k], hi = block->hi[k];
        SMF_W(_state) one;
        one.hi = v_set1(hi);
        one.lo = v_set1(block->lo[k]);
        if (!SMF_FINITE(max) || !SMF_FINITE(hi)) {
            const smf_job alone = SMF_W(_rows_of)(&block->part, (size_t)k, 1);
            const SMF_W(_row) rare = row; /* whose address is given away, which would keep that of all in memory */
            if (block->form == SMF_LARGEST) SMF_W(_special)(&rare, max, op, type);
            else again(&alone, SMF_LARGEST);
        } else if (op == SMF_LOGSUMEXP) SMF_W(_to1)(row.y, hi, type);
        else {
#define STEP(i, count, lanes) SMF_W(_step_last)(&row, &one, i, count, lanes, SMF_CONTIGUOUS, 0, op, type, type)
            if (layout == SMF_STRIDED) SMF_W(_last_strided)(&row, &one, op);
            else if (block->twice) {
                size_t i = (0 - (uintptr_t)row.y / SMF_SIZE(type)) % W; /* lines that begin elsewhere cost more to write */
                if (i > 0) STEP(0, 1, W);
                for (; i + SMF_UNROLL * W <= row.n; i += SMF_UNROLL * W) STEP(i, SMF_UNROLL, W);
                for (; i + W <= row.n; i += W) STEP(i, 1, W);
                if (i < row.n) STEP(row.n - W, 1, W);
            } else SMF_PASS(STEP, row.n);
#undef STEP
        }
    }
}

/* The total of a row alone, in every lane. */
SMF_INLINE SMF_W(_total) SMF_W(_total_one)(SMF_W(_total) total)
{
    SMF_ALIGNED(64) double parts[SMF_W(_PARTS)];
    SMF_W(_total_put)(total, parts);
    return SMF_W(_total_rows)(parts, 0, 1);
}

/* One row of one vector: nothing of it leaves the registers. */
SMF_BODY void SMF_W(_single)(const smf_job *job, const smf_op op, const smf_dtype type)
{
    v_t x = SMF_W(_from)((const char *)job->x, (int)job->n, type);
    const real max = v_hmax(x);
    SMF_ALIGNED(64) double few[W];
    SMF_W(_state) state;
    SMF_W(_row) row;
    v_t e = x, s, u;
    int number = 0;
    SMF_W(_row_at)(&row, job, 0, NULL, 0);
    if (SMF_FINITE(max)) {
        state.max = v_set1(max);
        SMF_W(_shift)(&state);
        SMF_W(_exp_of)(&state, &x, &s, &u, &e, 1, SMF_CONTIGUOUS);
        state.total = SMF_W(_total_one)(SMF_W(_total_of)(e));
        if (op == SMF_SOFTMAX) SMF_W(_reciprocal)(state.total, &state.hi, &state.lo);
        else {
            if (SMF_W(_others)(&state, job->n, &s, &u, few))
                state.total = SMF_W(_total_one)(SMF_W(_total_of)(v_drop_eq(e, x, state.max)));
            SMF_W(_lse)(state.max, state.total, s, u, &state.hi, &state.lo);
        }
        number = v_count_eq(state.hi, state.hi) == W;
    }
    if (!number) SMF_W(_special)(&row, max, op, type);
    else if (op == SMF_LOGSUMEXP) SMF_W(_to)((char *)job->y, state.hi, 1, type);
    else SMF_W(_to)((char *)job->y, SMF_W(_last)(op == SMF_SOFTMAX ? e : x, state.hi, state.lo, op), (int)job->n, type);
}

/* Rows one after the other. While sums and divisions of one block wait, there are steps of the next. Forms are tried from `form` on
 * down, and one that was not right is not tried again. (A strided row of softmax's results is at most 2 SMF_SCRATCH long.) */
SMF_BODY void SMF_W(_along)(const smf_job *job, int form, SMF_W(_rows) *again, const SMF_W(_passes) *passes, const smf_op op,
                            const int layout, const smf_dtype type)
{
    SMF_ALIGNED(64) real scratch[2][2 * SMF_SCRATCH], tails[W * SMF_TAIL];
    SMF_W(_block) blocks[2], *block = &blocks[0], *done = &blocks[1];
    SMF_W(_stride) x_at, y_at;
    const size_t stride = (job->n + W - 1) / W * W;
    const size_t room = op == SMF_SOFTMAX ? SMF_BLOCK_BYTES : op == SMF_LOGSUMEXP ? SMF_SUMS_BYTES : SMF_LOGITS_BYTES;
    const size_t fit = stride ? room / sizeof(real) / stride : W;
    const size_t most = fit > W ? W : fit ? fit : 1;
    const int kept = op == SMF_SOFTMAX && stride <= (layout == SMF_CONTIGUOUS && type == SMF_OWN ? 1 : 2) * SMF_SCRATCH;
    const int roomy = !kept || fit > 0; /* there may be exponentials of two blocks in the nearest cache */
    const int in = layout == SMF_STRIDED && job->x_col != SMF_SIZE(type);
    const int turns = SMF_TURNS_TAILS(op, layout, type) && most == W && job->rows >= W && job->n > W && job->n % W > 0;
    const int out = layout == SMF_STRIDED && op != SMF_LOGSUMEXP && job->y_col != SMF_SIZE(type);
    /* Of rows with gaps, and of short blocks, those of the next block are fetched. */
    const int dense = job->x_row == (ptrdiff_t)job->n * SMF_SIZE(type) && (ptrdiff_t)most * job->x_row > SMF_FETCH_BYTES;
    const ptrdiff_t fetched = dense ? SMF_FETCH_BYTES : (ptrdiff_t)most * job->x_row;
    if (op == SMF_SOFTMAX && !kept && job->x == job->y) form = SMF_LARGEST; /* or x were lost where another is not right */
    if (job->n >> 24) form = SMF_LARGEST; /* or 1/total might be so small that its lower part is denormal, and has other bits */
    memset(blocks, 0, sizeof blocks);
    if (turns) memset(tails, 0, sizeof tails);
    if (in) SMF_W(_stride_of)(&x_at, job->x_col);
    if (out) SMF_W(_stride_of)(&y_at, job->y_col);
    block->x_at = done->x_at = in ? &x_at : NULL;
    block->y_at = done->y_at = out ? &y_at : NULL;
    block->scratch = kept ? scratch[0] : NULL;
    done->scratch = kept ? scratch[roomy] : NULL;
    block->writes = done->writes = op != SMF_LOGSUMEXP && !out;
    const int far = type == SMF_OWN && job->rows * job->n > SMF_FAR_BYTES / sizeof(real); /* lines that are written twice cost more there */
    const size_t least = (size_t)(op != SMF_SOFTMAX ? 1 : far ? 4 : 16) * W;
    block->twice = done->twice = job->n >= least && (kept || (op != SMF_SOFTMAX && job->x != job->y));
    for (size_t r = 0; r < job->rows || block->rows > 0; r += (size_t)block->rows) {
        const size_t left = job->rows - r;
        const ptrdiff_t ahead = left > most && !in ? fetched : 0;
        int ready = 0, known = 0;
        SMF_W(_block) *const next = done;
        done = block;
        block = next;
        block->rows = (int)(left > most ? most : left);
        block->tails = turns && block->rows == W ? tails + (SMF_TAIL - W) : NULL;
        block->part = SMF_W(_rows_of)(job, r, (size_t)block->rows);
        if (done->rows) SMF_W(_block_sums)(job, done, op, layout, type);
        for (int turn = 0; turn < 2; turn++) {
            while (block->rows && form != SMF_LARGEST && !ready && turn != roomy) {
                ready = passes->near(job, block, form, ahead);
                if (!ready) form--;
            }
            if (block->rows && form == SMF_LARGEST && !known) {
                SMF_W(_block_max)(job, block, layout, type);
                known = 1;
            }
            if (done->rows && !turn) SMF_W(_block_last)(job, done, again, op, layout, type);
        }
        if (block->rows && form == SMF_LARGEST) passes->exp(job, block, ahead);
    }
}

/* How pieces of a row come to a contiguous copy, and back: of another stride, or of another type. */
typedef struct {
    ptrdiff_t size; /* bytes of an element */
    void (*in)(real *to, const char *from, ptrdiff_t col, size_t n);
    void (*out)(char *to, ptrdiff_t col, const real *from, size_t n);
} SMF_W(_port);

static void SMF_W(_in)(real *to, const char *from, ptrdiff_t col, size_t n);
static void SMF_W(_out)(char *to, ptrdiff_t col, const real *from, size_t n);
static const SMF_W(_port) SMF_W(_strided_port) = {sizeof(real), SMF_W(_in), SMF_W(_out)};

/* A row too long for that: piece by piece, its exponentials once for the total and once more for the result. */
SMF_BODY void SMF_W(_long_row)(const smf_job *job, size_t r, const SMF_W(_port) *port, const smf_op op)
{
    SMF_ALIGNED(64) real piece[SMF_SCRATCH], lane[W];
    const char *const x = (const char *)job->x + (ptrdiff_t)r * job->x_row;
    char *const y = (char *)job->y + (ptrdiff_t)r * job->y_row;
    const smf_job of_piece = {1, SMF_SCRATCH, piece, 0, sizeof(real), piece, 0, sizeof(real)};
    SMF_W(_state) state;
    SMF_W(_row) row;
    SMF_ALIGNED(64) double few[W];
    real max = -(real)INFINITY;
    int nan = 0, number = 0;
    v_t s, u;
    SMF_W(_row_at)(&row, &of_piece, 0, NULL, 0);
#define STEP(i, count, lanes) SMF_W(_step_last)(&row, &state, i, count, lanes, SMF_CONTIGUOUS, 0, op, SMF_OWN, SMF_OWN)
#define SMF_PIECES(...)                                                                       \
    for (size_t at = 0; at < job->n; at += SMF_SCRATCH) {                                     \
        row.n = job->n - at < SMF_SCRATCH ? job->n - at : SMF_SCRATCH;                        \
        port->in(piece, x + (ptrdiff_t)at * job->x_col, job->x_col, row.n);                   \
        __VA_ARGS__                                                                           \
    }
    SMF_PIECES({
        const real m = SMF_W(_row_max)(&row, SMF_CONTIGUOUS, SMF_OWN);
        max = m > max ? m : max;
    })
    if (SMF_FINITE(max)) {
        state.max = v_set1(max);
        SMF_W(_shift)(&state);
        state.total = SMF_W(_total_of)(v_set1(0));
        SMF_PIECES({ SMF_W(_row_rare)(&row, &state, op, 0, SMF_CONTIGUOUS, SMF_OWN); })
        state.total = SMF_W(_total_one)(state.total);
        if (op == SMF_SOFTMAX) SMF_W(_reciprocal)(state.total, &state.hi, &state.lo);
        else {
            if (SMF_W(_others)(&state, job->n, &s, &u, few)) {
                state.total = SMF_W(_total_of)(v_set1(0));
                SMF_PIECES({ SMF_W(_row_rare)(&row, &state, op, 1, SMF_CONTIGUOUS, SMF_OWN); })
                state.total = SMF_W(_total_one)(state.total);
            }
            SMF_W(_lse)(state.max, state.total, s, u, &state.hi, &state.lo);
        }
        number = v_count_eq(state.hi, state.hi) == W;
    }
    if (number) {
        v_store(lane, state.hi);
        if (op != SMF_LOGSUMEXP)
            SMF_PIECES({
                if (op == SMF_SOFTMAX) SMF_W(_row_rare)(&row, &state, op, 0, SMF_CONTIGUOUS, SMF_OWN);
                SMF_PASS(STEP, row.n);
                port->out(y + (ptrdiff_t)at * job->y_col, job->y_col, piece, row.n);
            })
    } else {
        SMF_PIECES({ nan |= SMF_W(_has_nan)(&row, SMF_OWN); })
        lane[0] = nan ? (real)NAN : max;
        if (op != SMF_LOGSUMEXP)
            SMF_PIECES({
                SMF_W(_special_of)(&row, nan, max, op, SMF_OWN);
                port->out(y + (ptrdiff_t)at * job->y_col, job->y_col, piece, row.n);
            })
    }
#undef STEP
#undef SMF_PIECES
    if (op == SMF_LOGSUMEXP) port->out(y, port->size, lane, 1);
}

/* n contiguous numbers of another type. */
SMF_INLINE void SMF_W(_line_in)(real *to, const char *from, size_t n, const smf_dtype type)
{
    size_t i = 0;
    for (; i + W <= n; i += W) v_store(to + i, SMF_W(_from)(from + i * SMF_SIZE(type), W, type));
    if (i < n) v_store_n(to + i, SMF_W(_from)(from + i * SMF_SIZE(type), (int)(n - i), type), n - i);
}
SMF_INLINE void SMF_W(_line_out)(char *to, const real *from, size_t n, const smf_dtype type)
{
    size_t i = 0;
    for (; i + W <= n; i += W) SMF_W(_to)(to + i * SMF_SIZE(type), v_load(from + i), W, type);
    if (i < n) SMF_W(_to)(to + i * SMF_SIZE(type), v_load_n(from + i, n - i), (int)(n - i), type);
}

#include "smf_cols.h"

/* The kernels of one operation on one type. */
typedef struct {
    SMF_W(_rows) *rows; /* contiguous */
    SMF_W(_rows) *strided; /* of any stride, SMF_UNROLL vectors and more; NULL: not of halves */
    smf_kernel *single; /* one of them, of up to W elements */
    int (*turned)(const smf_job *group, size_t left, int *near, real *panel), (*near)(const smf_job *group, int ahead, real *panel, int form);
    SMF_W(_group) *across;
    int (*few)(const smf_job *job); /* side by side */
    int (*streamed)(const smf_job *group, int *form); /* a multiple of SMF_UNROLL / 2 * W rows side by side; NULL: not of halves */
    const SMF_W(_port) *port; /* rows of any stride come to a contiguous copy, */
    void (*long_row)(const smf_job *job, size_t r, const SMF_W(_port) *port); /* and pieces of a long one */
    smf_op op;
} SMF_W(_kernels);

#define SMF_UNIT(stride) ((stride) == (ptrdiff_t)sizeof(real))
/* Whether rows go one a lane, some lanes idle where they are few: then those that are short, or too long to be turned. */
#define SMF_ACROSS(rows, n) \
    ((rows) >= W || ((rows) >= SMF_SEVERAL && ((n) <= 2 * W || (n) * 4 * sizeof(real) > SMF_PANEL_BYTES)))
#define SMF_NEARER(a, b) (((a) < 0 ? -(a) : (a)) < ((b) < 0 ? -(b) : (b)))

static void SMF_W(_run_half_copied)(const smf_job *job, const SMF_W(_kernels) *kernels);
static void SMF_W(_run_copied)(const smf_job *job, const SMF_W(_kernels) *kernels, int beside, real *copy);
static SMF_NOINLINE void SMF_W(_run_strided)(const smf_job *job, const SMF_W(_kernels) *kernels, int beside);

/* Rows up to here are turned, where there are many. */
SMF_INLINE size_t SMF_W(_short)(const SMF_W(_kernels) *kernels)
{
    return !kernels->streamed ? SMF_SHORT : kernels->op == SMF_LOGSUMEXP ? SMF_W(_SHORT_SUMS) : SMF_W(_SHORT); /* streamed: no halves */
}

/* Rows that the `near` kernel takes if it can, as there is no gap between them: from F_DENSE vectors on going along them is as fast. */
SMF_INLINE int SMF_W(_dense)(const smf_job *job, const SMF_W(_kernels) *kernels)
{
    const ptrdiff_t whole = (ptrdiff_t)job->n * kernels->port->size;
    return kernels->op == SMF_SOFTMAX && job->n < SMF_W(_DENSE) * W && job->x_row == whole && job->y_row == whole;
}

/* Contiguous rows with gaps between them that go there through a copy without. */
SMF_INLINE int SMF_W(_packs)(const smf_job *job, const SMF_W(_kernels) *kernels)
{
    const ptrdiff_t size = kernels->port->size;
    return SMF_PACKS && kernels->op == SMF_SOFTMAX && job->rows >= W && job->n > 1 && job->n <= SMF_W(_PACKED) && job->x_col == size &&
           job->y_col == size && !SMF_W(_dense)(job, kernels);
}

/* Few rows for the kernel of these: how long they must be for it to gain depends on how well they fill vectors across. */
SMF_INLINE int SMF_W(_is_few)(const smf_job *job, const SMF_W(_kernels) *kernels)
{
    const ptrdiff_t size = kernels->port->size, col = (ptrdiff_t)job->rows * size;
    const size_t least = job->rows < W ? SMF_FEW_LEAST : job->rows % W ? 4 * SMF_FEW_LEAST : 32 * SMF_FEW_LEAST;
    return job->rows > 1 && job->rows <= SMF_FEW && job->n >= least && job->n >> 24 == 0 && job->x_row == size &&
           job->x_col == col && (kernels->op == SMF_LOGSUMEXP || (job->y_row == size && job->y_col == col));
}

/* One row a lane, groups of rows: short contiguous rows, turned on the way, or rows side by side. */
static void SMF_W(_groups)(const smf_job *job, const SMF_W(_kernels) *kernels, int turned, real *panel)
{
    const size_t size = (size_t)kernels->port->size; /* of a number */
    const int half = !turned && size < sizeof(real);
    const int dense = SMF_W(_dense)(job, kernels);
    const size_t fit = (half ? SMF_HALF_PANEL_BYTES : dense ? SMF_NEAR_BYTES : SMF_PANEL_BYTES) / sizeof(real) / W / job->n; /* vectors of rows */
    const size_t vectors = half ? 2 * SMF_VECTORS : SMF_VECTORS; /* halves: as many lines of cache, hence twice the rows */
    const size_t most = fit > vectors ? vectors : fit;
    const int aligned = !turned && kernels->op != SMF_LOGSUMEXP && job->y_col % 64 == 0 && (uintptr_t)job->y % size == 0;
    const int apart = aligned && size == sizeof(real) && job->rows * job->n > SMF_HUGE_BYTES / size;
    const int far = job->rows * job->n > SMF_FAR_BYTES / size;
    int near = 1, form = dense ? SMF_NEAR : SMF_LARGEST;
    SMF_W(_late) late;
    late.vectors = 0;
    for (size_t r = 0, rows; r < job->rows; r += rows) {
        const size_t left = job->rows - r;
        /* rows before the first one whose results begin with a cache line: where the others do too, they are taken first */
        const size_t lead = aligned ? (size_t)(-((uintptr_t)job->y + r * size) % 64) / size : 0;
        rows = left >= most * W ? most * W : left < W ? left : left / W * W;
        if (lead > 0 && left > most * W) rows = lead < W ? lead : W;
        if (turned && form == SMF_LARGEST && job->n > SMF_W(_short)(kernels)) rows = left; /* not here */
        const smf_job group = SMF_W(_rows_of)(job, r, rows);
        if (turned) {
            int ready = 0;
            while (form != SMF_LARGEST && rows >= W && !ready) { /* where one is not, the others may not be either */
                ready = kernels->near(&group, far && left > rows, panel, form);
                form -= !ready;
            }
            if (!ready && (rows < W || job->n > SMF_W(_short)(kernels) || !kernels->turned(&group, left - rows, &near, panel)))
                kernels->rows(&group, SMF_NEAR);
        } else if ((size == sizeof(real) && !SMF_ACROSS(rows, job->n)) ||
                   !kernels->across(&group, left - rows, apart && rows >= W && lead == 0, &near, &late, panel)) {
            if (size == sizeof(real)) SMF_W(_run_copied)(&group, kernels, 0, panel);
            else SMF_W(_run_half_copied)(&group, kernels);
        }
    }
    if (apart) v_fence();
}

static SMF_NOINLINE void SMF_W(_run_groups)(const smf_job *job, const SMF_W(_kernels) *kernels, int turned)
{
    SMF_ALIGNED(64) real panel[SMF_PANEL_BYTES / sizeof(real)];
    SMF_W(_groups)(job, kernels, turned, panel);
}

static SMF_NOINLINE void SMF_W(_run_half_groups)(const smf_job *job, const SMF_W(_kernels) *kernels)
{
    SMF_ALIGNED(64) real panel[SMF_HALF_PANEL_BYTES / sizeof(real)];
    SMF_W(_groups)(job, kernels, 0, panel);
}

/* Rows side by side that are too long for that. */
static void SMF_W(_run_streams)(const smf_job *job, const SMF_W(_kernels) *kernels)
{
    const size_t most = SMF_STREAMS * W, least = SMF_UNROLL / 2 * W;
    int form = SMF_NEAR;
    for (size_t r = 0, rows; r < job->rows; r += rows) {
        const size_t left = job->rows - r;
        rows = left >= most ? most : left >= least ? left / least * least : left > W ? W : left;
        const smf_job group = SMF_W(_rows_of)(job, r, rows);
        if (!(rows >= least ? kernels->streamed(&group, &form)
                            : SMF_ACROSS(rows, job->n) && kernels->across(&group, left - rows, 0, NULL, NULL, NULL)))
            SMF_W(_run_strided)(&group, kernels, 0);
    }
}

#ifdef SMF_HALVES
#define SMF_OF_HALVES 1 /* there are kernels of these */
#else
#define SMF_OF_HALVES 0
#endif

/* Which rows go where: decided here and nowhere else. (Across, rows may be near to 0 only, which is for fewer than 2^24 elements: see
 * _along.) */
static void SMF_W(_run)(const smf_job *job, const SMF_W(_kernels) *kernels)
{
    const ptrdiff_t size = kernels->port->size;
    const int sums = kernels->op == SMF_LOGSUMEXP, half = SMF_OF_HALVES && kernels->streamed == NULL;
    const size_t column = job->n * W * sizeof(real); /* of a panel */
    const int across = half ? job->rows >= SMF_SEVERAL && column <= SMF_HALF_PANEL_BYTES : SMF_ACROSS(job->rows, job->n);
    if (job->n == 0) {
        if (sums) kernels->rows(job, SMF_NEAR);
        return;
    }
    if (job->x_col == size && (job->y_col == size || sums)) {
        if (job->rows == 1 && job->n <= W) kernels->single(job);
        else if (SMF_W(_packs)(job, kernels)) half ? SMF_W(_run_half_copied)(job, kernels) : SMF_W(_run_strided)(job, kernels, 0);
        else if (job->rows >= W && (job->n <= SMF_W(_short)(kernels) || SMF_W(_dense)(job, kernels))) SMF_W(_run_groups)(job, kernels, 1);
        else if (half && kernels->op == SMF_SOFTMAX && job->n > 2 * SMF_SCRATCH) SMF_W(_run_half_copied)(job, kernels); /* no place for e */
        else kernels->rows(job, SMF_NEAR);
    } else if (SMF_W(_is_few)(job, kernels) && kernels->few(job)) {
        return;
    } else if (across && job->x_row == size && (job->y_row == size || sums) && job->n >> 24 == 0) {
        if (half) SMF_W(_run_half_groups)(job, kernels);
        else if (column * SMF_FEWEST > SMF_PANEL_BYTES) SMF_W(_run_streams)(job, kernels);
        else SMF_W(_run_groups)(job, kernels, 0);
    } else if (half) SMF_W(_run_half_copied)(job, kernels);
    else {
        const int one_line = job->x_row == (ptrdiff_t)job->n * job->x_col, nearer = SMF_NEARER(job->x_row, job->x_col);
        const int along = !sums && SMF_UNIT(job->y_col) && job->n >= 7 * W; /* there only x is to be turned */
        const int beside = across && column <= SMF_PANEL_BYTES && !along &&
                           (nearer || (job->n < 16 && !one_line)); /* columns are the longer lines to copy */
        /* Rows side by side are turned on the way to a copy, four at a time; doubles whose lines the next row finds in the nearest cache
         * are read one by one for less. */
        const int x_turns = SMF_UNIT(job->x_row) && job->rows >= 4 && (size == 4 || !SMF_NEARER(job->x_col, SMF_LINES_BYTES));
        const int y_turns = !sums && SMF_UNIT(job->y_row) && job->rows >= 4;
        const int fits = kernels->op != SMF_SOFTMAX || SMF_UNIT(job->y_col) || job->n <= 2 * SMF_SCRATCH; /* e */
        if (!beside && job->n >= 7 * W && fits && !x_turns && !y_turns) kernels->strided(job, SMF_NEAR);
        else SMF_W(_run_strided)(job, kernels, beside);
    }
}

/* Contiguous lines that gather takes too, half a vector at a time and more. */
#define SMF_UNITS(length) (SMF_GATHERS(W) > W && (length) >= W / 2)
/* Lines of elements of a stride to contiguous lines one after the other, and back. Lines that are side by side are turned, in blocks of W
 * elements of four lines, the last of which overlap those before; SMF_LINES takes as many of others at once. */
#define SMF_TURN(...)                                                                             \
    for (size_t i_end = W; i_end < length + W; i_end += W)                                        \
        for (size_t k_end = 4; k_end < lines + 4; k_end += 4) {                                   \
            const size_t i = (i_end < length ? i_end : length) - W, k = (k_end < lines ? k_end : lines) - 4; \
            v_t c[4];                                                                             \
            __VA_ARGS__                                                                           \
        }
#define SMF_LINES(STEP)                                                                           \
    for (size_t k = 0, some; k < lines; k += some) {                                              \
        const int n = length < W ? (int)length : W;                                               \
        some = lines - k < SMF_UNROLL ? 1 : SMF_UNROLL;                                           \
        for (size_t i_end = W; i_end < length + W; i_end += W) {                                  \
            const size_t i = length < W ? 0 : (i_end < length ? i_end : length) - W;              \
            if (some == 1) STEP(1);                                                               \
            else STEP(SMF_UNROLL);                                                                \
        }                                                                                         \
    }

static void SMF_W(_lines_in)(real *to, const char *from, ptrdiff_t line, const SMF_W(_stride) *stride, size_t lines, size_t length)
{
    const ptrdiff_t col = stride->col;
    if (line == (ptrdiff_t)length * col) SMF_W(_elements_in)(to, from, stride, lines * length); /* they are one */
    else if (SMF_UNIT(line) && lines >= 4 && length >= W)
        SMF_TURN({
            SMF_W(_load4)(from + (ptrdiff_t)i * col + k * sizeof(real), col, 4, 0, c);
            SMF_EACH(q, 4) v_store(to + (k + (size_t)q) * length + i, c[q]);
        })
    else if (SMF_UNIT(col) && !SMF_UNITS(length))
        for (size_t k = 0; k < lines; k++) SMF_W(_line_in)(to + k * length, from + (ptrdiff_t)k * line, length, SMF_OWN);
    else if (SMF_GATHERS(W) > W) v_gather(to, (ptrdiff_t)length, from, line, lines, length, stride);
    else {
#define STEP(count)                                                                                                    \
    v_gather(to + k * length + i, (ptrdiff_t)length, from + (ptrdiff_t)k * line + (ptrdiff_t)i * col, line, count, n, stride)
        SMF_LINES(STEP)
#undef STEP
    }
}

static void SMF_W(_lines_out)(char *to, const real *from, ptrdiff_t line, const SMF_W(_stride) *stride, size_t lines, size_t length)
{
    const ptrdiff_t col = stride->col, size = sizeof(real);
    v_t y[SMF_UNROLL];
    if (line == (ptrdiff_t)length * col) SMF_W(_elements_out)(to, stride, from, lines * length);
    else if (SMF_UNIT(line) && lines >= 4 && length >= W)
        SMF_TURN({
            SMF_EACH(q, 4) c[q] = v_load(from + (k + (size_t)q) * length + i);
            SMF_W(_store4)(to + (ptrdiff_t)i * col + k * sizeof(real), col, 4, 0, c);
        })
    else if (SMF_UNIT(col) && SMF_UNITS(length) && line % size == 0 && (uintptr_t)to % sizeof(real) == 0)
        v_gather((real *)(void *)to, line / size, (const char *)from, (ptrdiff_t)length * size, lines, length, stride);
    else if (SMF_UNIT(col))
        for (size_t k = 0; k < lines; k++) SMF_W(_line_out)(to + (ptrdiff_t)k * line, from + k * length, length, SMF_OWN);
    else if (!v_scatters(stride))
        for (size_t k = 0; k < lines; k++)
            SMF_COPY(SMF_F, to + (ptrdiff_t)k * line, col, from + k * length, (ptrdiff_t)sizeof(real), length);
    else {
#define STEP(count)                                                                                                    \
    do {                                                                                                               \
        SMF_EACH(j, count) y[j] = SMF_W(_from)((const char *)(from + (k + (size_t)j) * length + i), n, SMF_OWN);       \
        v_scatter(to + (ptrdiff_t)k * line + (ptrdiff_t)i * col, line, y, count, n, stride);                           \
    } while (0)
        SMF_LINES(STEP)
#undef STEP
    }
}
#undef SMF_TURN
#undef SMF_UNITS
#undef SMF_LINES

static void SMF_W(_in)(real *to, const char *from, ptrdiff_t col, size_t n)
{
    SMF_W(_stride) stride;
    SMF_W(_stride_of)(&stride, col);
    SMF_W(_lines_in)(to, from, 0, &stride, 1, n);
}

static void SMF_W(_out)(char *to, ptrdiff_t col, const real *from, size_t n)
{
    SMF_W(_stride) stride;
    SMF_W(_stride_of)(&stride, col);
    SMF_W(_lines_out)(to, from, 0, &stride, 1, n);
}

/* Rows of any stride: as many as fit go through a copy of what is not contiguous, x or y or both; side by side, where they are
 * to lie so, `beside`. Not fewer at once than a group has, or, of rows that are side by side and shall not be, than a cache line.
 * (8 KB of rows leave room for their exponentials in the nearest cache.) */
static void SMF_W(_run_copied)(const smf_job *job, const SMF_W(_kernels) *kernels, int beside, real *copy)
{
    const size_t n = job->n, most = SMF_PANEL_BYTES / sizeof(real) / n;
    const size_t least = beside ? SMF_VECTORS * W : SMF_UNIT(job->x_row) || SMF_UNIT(job->y_row) ? W : 1;
    const ptrdiff_t size = sizeof(real);
    const int sums = kernels->op == SMF_LOGSUMEXP;
    SMF_W(_stride) x_at, y_at;
    const int packs = !beside && SMF_W(_packs)(job, kernels);
    const int x_fits = packs ? job->x_row == (ptrdiff_t)n * size : SMF_UNIT(beside ? job->x_row : job->x_col);
    const int y_fits = packs ? job->y_row == (ptrdiff_t)n * size : sums || SMF_UNIT(beside ? job->y_row : job->y_col);
    size_t fit = (size_t)(beside || packs ? SMF_COPY_BYTES : SMF_SCRATCH_BYTES) / sizeof(real) / n;
    SMF_W(_stride_of)(&x_at, beside ? job->x_row : job->x_col);
    SMF_W(_stride_of)(&y_at, beside ? job->y_row : job->y_col);
    if (fit < least) fit = most < least ? most : least;
    else if (fit > W) fit = fit / W * W;
    for (size_t r = 0; fit == 0 && r < job->rows; r++) {
        smf_job one = SMF_W(_rows_of)(job, r, 1);
        if (y_fits && !sums && (uintptr_t)one.y % sizeof(real) == 0) { /* y holds the copy */
            SMF_W(_elements_in)((real *)one.y, (const char *)one.x, &x_at, n);
            one.x = one.y, one.x_col = size;
            kernels->rows(&one, SMF_NEAR);
        } else kernels->long_row(job, r, &SMF_W(_strided_port));
    }
    for (size_t r = 0; fit > 0 && r < job->rows; r += fit) {
        const smf_job at = SMF_W(_rows_of)(job, r, job->rows - r < fit ? job->rows - r : fit);
        const size_t lines = beside ? n : at.rows, length = beside ? at.rows : n;
        const ptrdiff_t row = beside ? size : (ptrdiff_t)n * size, col = beside ? (ptrdiff_t)at.rows * size : size;
        smf_job part = at;
        if (!x_fits) {
            SMF_W(_lines_in)(copy, (const char *)at.x, beside ? at.x_col : at.x_row, &x_at, lines, length);
            part.x = copy, part.x_row = row, part.x_col = col;
        }
        if (!y_fits) part.y = copy, part.y_row = row, part.y_col = col;
        SMF_W(_run)(&part, kernels);
        if (!y_fits)
            SMF_W(_lines_out)((char *)at.y, copy, beside ? at.y_col : at.y_row, &y_at, lines, length);
    }
}

static SMF_NOINLINE void SMF_W(_run_strided)(const smf_job *job, const SMF_W(_kernels) *kernels, int beside)
{
    SMF_ALIGNED(64) real copy[SMF_PANEL_BYTES / sizeof(real)];
    SMF_W(_run_copied)(job, kernels, beside, copy);
}

/* Halves of any stride: as many rows as fit through a contiguous copy. */
static SMF_NOINLINE void SMF_W(_run_half_copied)(const smf_job *job, const SMF_W(_kernels) *kernels)
{
    SMF_ALIGNED(64) uint16_t copy[SMF_COPY_BYTES / 2];
    const SMF_W(_port) *const port = kernels->port;
    const size_t n = job->n, most = SMF_COPY_BYTES / (size_t)port->size / n;
    const size_t fit = kernels->op == SMF_SOFTMAX && n > 2 * SMF_SCRATCH ? 0 : most > W ? most / W * W : most;
    const ptrdiff_t size = port->size, row = (ptrdiff_t)n * size;
    const int packs = SMF_W(_packs)(job, kernels);
    const int x_fits = packs ? job->x_row == row : job->x_col == size;
    const int y_fits = packs ? job->y_row == row : kernels->op == SMF_LOGSUMEXP || job->y_col == size;
    for (size_t r = 0; fit == 0 && r < job->rows; r++) kernels->long_row(job, r, port);
    for (size_t r = 0; fit > 0 && r < job->rows; r += fit) {
        const smf_job at = SMF_W(_rows_of)(job, r, job->rows - r < fit ? job->rows - r : fit);
        smf_job part = at;
        if (!x_fits) {
            half_rows_in(copy, (const char *)at.x, at.x_row, at.x_col, at.rows, n);
            part.x = copy, part.x_row = row, part.x_col = size;
        }
        if (!y_fits) part.y = copy, part.y_row = row, part.y_col = size;
        SMF_W(_run)(&part, kernels);
        if (!y_fits) half_rows_out((char *)at.y, at.y_row, at.y_col, copy, at.rows, n);
    }
}

/* Of one type, whose kernels are called T_name. */
#define SMF_TYPED_KERNEL(T, name, op, type, port, strided, streamed)                                                                 \
    static SMF_NOINLINE void SMF_PASTE(T, _##name##_rows)(const smf_job *job, int form)                                \
    {                                                                                                                   \
        SMF_W(_along)(job, form, SMF_PASTE(T, _##name##_rows),                                                          \
                      op == SMF_SOFTMAX ? &SMF_PASTE(T, _terms_passes) : &SMF_PASTE(T, _total_passes), op, SMF_CONTIGUOUS, type); \
    }                                                                                                                   \
    static SMF_NOINLINE void SMF_PASTE(T, _##name##_single)(const smf_job *job) { SMF_W(_single)(job, op, type); }      \
    static SMF_NOINLINE int SMF_PASTE(T, _##name##_turned)(const smf_job *group, size_t left, int *near, real *panel)   \
    {                                                                                                                   \
        return SMF_W(_turned)(group, left, near, panel, op, type);                                                            \
    }                                                                                                                   \
    static SMF_NOINLINE int SMF_PASTE(T, _##name##_across)(const smf_job *group, size_t left, int apart, int *near, SMF_W(_late) *late, real *panel) \
    {                                                                                                                   \
        return SMF_W(_across)(group, left, apart, near, late, panel, SMF_PASTE(T, _end_of), op, type);                   \
    }                                                                                                                   \
    static SMF_NOINLINE int SMF_PASTE(T, _##name##_near)(const smf_job *group, int ahead, real *panel, int form)        \
    {                                                                                                                   \
        if (op != SMF_SOFTMAX) return 0;                                                                                \
        return form == SMF_NEAR ? SMF_W(_near)(group, ahead, panel, SMF_NEAR, type) : SMF_W(_near)(group, ahead, panel, SMF_MASKED, type); \
    }                                                                                                                   \
    static SMF_NOINLINE int SMF_PASTE(T, _##name##_few)(const smf_job *job)                                             \
    {                                                                                                                   \
        SMF_ALIGNED(64) real copy[((type) == SMF_OWN ? SMF_PANEL_BYTES : SMF_HALF_PANEL_BYTES) / sizeof(real)];         \
        return SMF_W(_few)(job, copy, sizeof copy / sizeof(real), op, type);                                            \
    }                                                                                                                   \
    static const SMF_W(_kernels) SMF_PASTE(T, _##name##_kernels) = {                                                    \
        SMF_PASTE(T, _##name##_rows), strided, SMF_PASTE(T, _##name##_single), SMF_PASTE(T, _##name##_turned),          \
        SMF_PASTE(T, _##name##_near), SMF_PASTE(T, _##name##_across), SMF_PASTE(T, _##name##_few), streamed, &port, \
        SMF_W(_##name##_long_row), op};                                                                                 \
    static void SMF_PASTE(T, _##name)(const smf_job *job) { SMF_W(_run)(job, &SMF_PASTE(T, _##name##_kernels)); }

#ifdef SMF_HALVES
/* What is strided comes to a contiguous line of halves first. */
#define SMF_HALF_PORT(H, type)                                                                                          \
    static void H##_port_in(float *to, const char *from, ptrdiff_t col, size_t n)                                       \
    {                                                                                                                   \
        uint16_t line[SMF_PIECE];                                                                                       \
        for (size_t i = 0, part; i < n; i += part) {                                                                    \
            const char *const at = from + (ptrdiff_t)i * col;                                                           \
            part = col == 2 || n - i < SMF_PIECE ? n - i : SMF_PIECE;                                                   \
            if (col != 2) half_rows_in(line, at, 0, col, 1, part);                                                      \
            f32_line_in(to + i, col == 2 ? at : (const char *)line, part, type);                                        \
        }                                                                                                               \
    }                                                                                                                   \
    static void H##_port_out(char *to, ptrdiff_t col, const float *from, size_t n)                                      \
    {                                                                                                                   \
        uint16_t line[SMF_PIECE];                                                                                       \
        for (size_t i = 0, part; i < n; i += part) {                                                                    \
            char *const at = to + (ptrdiff_t)i * col;                                                                   \
            part = col == 2 || n - i < SMF_PIECE ? n - i : SMF_PIECE;                                                   \
            f32_line_out(col == 2 ? at : (char *)line, from + i, part, type);                                           \
            if (col != 2) half_rows_out(at, 0, col, line, 1, part);                                                     \
        }                                                                                                               \
    }                                                                                                                   \
    static const f32_port H##_port = {2, H##_port_in, H##_port_out};
SMF_HALF_PORT(f16, SMF_F16)
SMF_HALF_PORT(bf16, SMF_BF16)
#undef SMF_HALF_PORT
#define SMF_HALF_KERNELS(name, op)                                                                                      \
    SMF_TYPED_KERNEL(f16, name, op, SMF_F16, f16_port, NULL, NULL)                                                      \
    SMF_TYPED_KERNEL(bf16, name, op, SMF_BF16, bf16_port, NULL, NULL)
#else
#define SMF_HALF_KERNELS(name, op)
#endif

#define SMF_KERNEL(name, op)                                                                                            \
    static SMF_NOINLINE void SMF_W(_##name##_long_row)(const smf_job *job, size_t r, const SMF_W(_port) *port)          \
    {                                                                                                                   \
        SMF_W(_long_row)(job, r, port, op);                                                                             \
    }                                                                                                                   \
    static SMF_NOINLINE void SMF_W(_##name##_strided)(const smf_job *job, int form)                                     \
    {                                                                                                                   \
        SMF_W(_along)(job, form, SMF_W(_##name##_strided),                                                              \
                      op == SMF_SOFTMAX ? &SMF_W(_strided_terms_passes) : &SMF_W(_strided_total_passes), op, SMF_STRIDED, SMF_OWN); \
    }                                                                                                                   \
    static SMF_NOINLINE int SMF_W(_##name##_streamed)(const smf_job *group, int *form)                                  \
    {                                                                                                                   \
        return SMF_W(_streamed)(group, form, op);                                                       \
    }                                                                                                                   \
    SMF_TYPED_KERNEL(SMF_F, name, op, SMF_OWN, SMF_W(_strided_port), SMF_W(_##name##_strided), SMF_W(_##name##_streamed)) \
    SMF_HALF_KERNELS(name, op)

SMF_KERNEL(softmax, SMF_SOFTMAX)
SMF_KERNEL(log_softmax, SMF_LOG_SOFTMAX)
SMF_KERNEL(logsumexp, SMF_LOGSUMEXP)

#undef SMF_KERNEL
#undef SMF_UNIT
#undef SMF_NEARER
#undef SMF_ACROSS
#undef SMF_TYPED_KERNEL
#undef SMF_HALF_KERNELS
#undef SMF_SCRATCH
#undef SMF_PIECE
#undef SMF_OF_HALVES
#undef SMF_LANES_OF
#undef SMF_WIDE
#undef SMF_APART
#undef SMF_COLUMNS
#undef SMF_GROUP
#undef SMF_OF
#undef SMF_VECTOR
#undef SMF_AT
