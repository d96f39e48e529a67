/* smf_kernels.h: every kernel of one instruction set, once its words (smf_simd_*.h) are defined. */
/* What is compiled for each operation, type and number of vectors; plain C is one for all. */
#ifndef SMF_BODY
#define SMF_BODY SMF_INLINE
#endif

#include "smf_log.h"
#include "smf_half.h"

/* What an instruction set need not say. */
#ifndef SMF_PACKS
#define SMF_PACKS 0
#endif

#ifndef SMF_SCALES
#define SMF_SCALES 0
SMF_INLINE void f32_scale(float *y, const float *e, float hi, float lo, size_t n) { (void)y, (void)e, (void)hi, (void)lo, (void)n; }
SMF_INLINE void f64_scale(double *y, const double *e, double hi, double lo, size_t n) { (void)y, (void)e, (void)hi, (void)lo, (void)n; }
#endif

/* Strides, lane by lane but for those that an instruction set knows: known(to, pitch, p, next, col, lines, n) gathers n
 * elements of each line, or has done nothing and is 0. GATHERS: how many elements gather takes at most; if more than W, any number of lines. */
#ifndef SMF_STRIDE_WORDS
#define SMF_GATHERS(W) PTRDIFF_MAX
#ifndef SMF_KNOWN_STRIDES
#define SMF_KNOWS_NONE_IN(F, R)                                                                                  \
    SMF_INLINE int F##_known(R *to, ptrdiff_t pitch, const char *p, ptrdiff_t next, ptrdiff_t col, size_t lines, size_t n) \
    {                                                                                                            \
        (void)to, (void)pitch, (void)p, (void)next, (void)col, (void)lines, (void)n;                             \
        return 0;                                                                                                \
    }
#define SMF_KNOWS_NONE(F, R)                                                                                     \
    SMF_KNOWS_NONE_IN(F, R)                                                                                      \
    SMF_INLINE int F##_knows_out(ptrdiff_t col) { (void)col; return 0; }                                         \
    SMF_INLINE void F##_known_out(char *p, F##_v y, ptrdiff_t col) { (void)p, (void)y, (void)col; }
SMF_KNOWS_NONE(f32, float)
SMF_KNOWS_NONE(f64, double)
SMF_KNOWS_NONE_IN(half, uint16_t)
#undef SMF_KNOWS_NONE
#undef SMF_KNOWS_NONE_IN
SMF_INLINE int half_knows_out(ptrdiff_t col) { (void)col; return 0; }
SMF_INLINE void half_known_out(char *p, const uint16_t *from, ptrdiff_t col) { (void)p, (void)from, (void)col; }
#endif
#define SMF_STRIDE_WORDS(F, R, W)                                                                                \
    typedef struct { ptrdiff_t col; } F##_stride;                                                                \
    SMF_INLINE void F##_stride_of(F##_stride *s, ptrdiff_t col) { s->col = col; }                                \
    SMF_INLINE void F##_gather(R *to, ptrdiff_t pitch, const char *p, ptrdiff_t next, const size_t lines, size_t n, const F##_stride *s) \
    {                                                                                                            \
        if (F##_known(to, pitch, p, next, s->col, lines, n)) return;                                             \
        for (size_t j = 0; j < lines; j++)                                                                       \
            SMF_COPY(F, to + (ptrdiff_t)j * pitch, (ptrdiff_t)sizeof(R), p + (ptrdiff_t)j * next, s->col, n);    \
    }
#define SMF_SCATTER_WORDS(F, R, W)                                                                               \
    SMF_INLINE int F##_scatters(const F##_stride *s) { return F##_knows_out(s->col); }                           \
    SMF_INLINE void F##_scatter(char *p, ptrdiff_t next, const F##_v *y, const int count, int n, const F##_stride *s) \
    {                                                                                                            \
        R lane[W];                                                                                               \
        SMF_EACH(j, count)                                                                                       \
        {                                                                                                        \
            if (n == W) F##_known_out(p + j * next, y[j], s->col);                                               \
            else {                                                                                               \
                F##_store(lane, y[j]);                                                                           \
                SMF_COPY(F, p + j * next, s->col, lane, (ptrdiff_t)sizeof(R), (size_t)n);                        \
            }                                                                                                    \
        }                                                                                                        \
    }                                                                                                            \
    static SMF_NOINLINE void F##_elements_out(char *to, const F##_stride *s, const R *from, size_t n)            \
    {                                                                                                            \
        if (n >= W && F##_knows_out(s->col))                                                                     \
            for (size_t i = 0; i < n; i += W) {                                                                  \
                const size_t k = i + W <= n ? i : n - W;                                                         \
                F##_known_out(to + (ptrdiff_t)k * s->col, F##_load(from + k), s->col);                           \
            }                                                                                                    \
        else SMF_COPY(F, to, s->col, from, (ptrdiff_t)sizeof(R), n);                                             \
    }
SMF_STRIDE_WORDS(half, uint16_t, 32)
SMF_STRIDE_WORDS(f32, float, 16)
SMF_STRIDE_WORDS(f64, double, 8)
SMF_SCATTER_WORDS(f32, float, 16)
SMF_SCATTER_WORDS(f64, double, 8)
#undef SMF_SCATTER_WORDS
static SMF_NOINLINE void half_elements_out(char *to, const half_stride *s, const uint16_t *from, size_t n)
{
    const ptrdiff_t col = s->col;
    if (n < 8 || !half_knows_out(col)) {
        SMF_COPY(half, to, col, from, 2, n);
        return;
    }
    for (size_t i_end = 8; i_end < n + 8; i_end += 8) {
        const size_t i = (i_end < n ? i_end : n) - 8; /* the last vector overlaps the one before */
        half_known_out(to + (ptrdiff_t)i * col, from + i, col);
    }
}
#endif
#undef SMF_STRIDE_WORDS

/* n elements of a stride come to contiguous memory; the last vector overlaps the one before. */
#define SMF_ELEMENTS_IN(F, R, W)                                                                                 \
    static SMF_NOINLINE void F##_elements_in(R *to, const char *from, const F##_stride *stride, size_t n)        \
    {                                                                                                            \
        const ptrdiff_t col = stride->col;                                                                       \
        size_t i = 0;                                                                                            \
        if (n <= (size_t)SMF_GATHERS(W)) {                                                                       \
            F##_gather(to, 0, from, 0, 1, n, stride);                                                            \
            return;                                                                                              \
        }                                                                                                        \
        for (; i + SMF_UNROLL * W <= n; i += SMF_UNROLL * W)                                                     \
            F##_gather(to + i, W, from + (ptrdiff_t)i * col, W * col, SMF_UNROLL, W, stride);                    \
        for (; i + W <= n; i += W) F##_gather(to + i, W, from + (ptrdiff_t)i * col, W * col, 1, W, stride);      \
        if (i < n) F##_gather(to + (n - W), W, from + (ptrdiff_t)(n - W) * col, W * col, 1, W, stride);          \
    }
SMF_ELEMENTS_IN(half, uint16_t, 32)
SMF_ELEMENTS_IN(f32, float, 16)
SMF_ELEMENTS_IN(f64, double, 8)
#undef SMF_ELEMENTS_IN

/* Rows of strided halves to contiguous memory, short ones a few at once; and back. */
static void half_rows_in(uint16_t *to, const char *from, ptrdiff_t row, ptrdiff_t col, size_t rows, size_t n)
{
    half_stride stride;
    size_t k = 0;
    half_stride_of(&stride, col);
    if (row == (ptrdiff_t)n * col) n *= rows, rows = 1; /* they are one */
    if (SMF_GATHERS(32) > 32) {
        half_gather(to, (ptrdiff_t)n, from, row, rows, n, &stride);
        return;
    }
    for (; n <= 32 && k + SMF_UNROLL <= rows; k += SMF_UNROLL)
        half_gather(to + k * n, (ptrdiff_t)n, from + (ptrdiff_t)k * row, row, SMF_UNROLL, n, &stride);
    for (; k < rows; k++) half_elements_in(to + k * n, from + (ptrdiff_t)k * row, &stride, n);
}
static void half_rows_out(char *to, ptrdiff_t row, ptrdiff_t col, const uint16_t *from, size_t rows, size_t n)
{
    half_stride stride;
    half_stride_of(&stride, col);
    if (row == (ptrdiff_t)n * col) n *= rows, rows = 1;
    for (size_t k = 0; k < rows; k++) half_elements_out(to + (ptrdiff_t)k * row, &stride, from + k * n, n);
}

#include "smf_exp_f32.h"
#define SMF_F f32
#define SMF_OWN SMF_F32
#define SMF_HALVES 1
#include "smf_rows.h"
#undef SMF_HALVES
#undef SMF_OWN
#undef SMF_F

#include "smf_exp_f64.h"
#define SMF_F f64
#define SMF_OWN SMF_F64
#include "smf_rows.h"
#undef SMF_OWN
#undef SMF_F
