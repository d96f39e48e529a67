/* smf_kernels.h: every kernel of one instruction set, once its words (smf_simd_*.h) are defined. */
/* What is compiled for each operation, type and number of vectors; plain C is one for all. */
#ifndef SMF_BODY
#define SMF_BODY SMF_INLINE
#endif

#include "smf_log.h"
#include "smf_half.h"

/* Strides, lane by lane but for those for which an instruction set knows better. */
#ifndef SMF_STRIDE_WORDS
#ifndef SMF_KNOWN_STRIDES
SMF_INLINE int f32_known(float *to, const char *p, ptrdiff_t col) { (void)to, (void)p, (void)col; return 0; }
SMF_INLINE int f64_known(double *to, const char *p, ptrdiff_t col) { (void)to, (void)p, (void)col; return 0; }
#endif
SMF_INLINE int half_known(uint16_t *to, const char *p, ptrdiff_t col) { (void)to, (void)p, (void)col; return 0; }
#define SMF_STRIDE_WORDS(F, R, W)                                                                                \
    typedef struct { ptrdiff_t col; } F##_stride;                                                                \
    SMF_INLINE void F##_stride_of(F##_stride *s, ptrdiff_t col) { s->col = col; }                                \
    SMF_INLINE void F##_gather(R *to, ptrdiff_t pitch, const char *p, ptrdiff_t next, const int count, int n, const F##_stride *s) \
    {                                                                                                            \
        SMF_EACH(j, count)                                                                                       \
        if (n < W || !F##_known(to + j * pitch, p + j * next, s->col))                                           \
            SMF_COPY(F, to + j * pitch, (ptrdiff_t)sizeof(R), p + j * next, s->col, (size_t)n);                  \
    }                                                                                                            \
    SMF_INLINE void F##_elements_out(char *to, const F##_stride *s, const R *from, size_t n)                     \
    {                                                                                                            \
        SMF_COPY(F, to, s->col, from, (ptrdiff_t)sizeof(R), n);                                                  \
    }
#define SMF_NO_SCATTER(F)                                                                                        \
    SMF_INLINE int F##_scatters(const F##_stride *s) { (void)s; return 0; }                                      \
    SMF_INLINE void F##_scatter(char *p, ptrdiff_t next, const F##_v *y, const int count, int n, const F##_stride *s) \
    {                                                                                                            \
        (void)p, (void)next, (void)y, (void)count, (void)n, (void)s;                                             \
    }
SMF_STRIDE_WORDS(half, uint16_t, 32)
SMF_STRIDE_WORDS(f32, float, 16)
SMF_STRIDE_WORDS(f64, double, 8)
SMF_NO_SCATTER(f32)
SMF_NO_SCATTER(f64)
#undef SMF_NO_SCATTER
#endif
#undef SMF_STRIDE_WORDS

/* n elements of a stride come to contiguous memory; the last vector overlaps the one before. */
#define SMF_ELEMENTS_IN(F, R, W)                                                                                 \
    static SMF_NOINLINE void F##_elements_in(R *to, const char *from, const F##_stride *stride, size_t n)        \
    {                                                                                                            \
        const ptrdiff_t col = stride->col;                                                                       \
        size_t i = 0;                                                                                            \
        for (; i + SMF_UNROLL * W <= n; i += SMF_UNROLL * W)                                                     \
            F##_gather(to + i, W, from + (ptrdiff_t)i * col, W * col, SMF_UNROLL, W, stride);                    \
        for (; i + W <= n; i += W) F##_gather(to + i, W, from + (ptrdiff_t)i * col, W * col, 1, W, stride);      \
        if (i == n) return;                                                                                      \
        i = n < W ? 0 : n - W;                                                                                   \
        F##_gather(to + i, W, from + (ptrdiff_t)i * col, W * col, 1, n < W ? (int)n : W, stride);                \
    }
SMF_ELEMENTS_IN(half, uint16_t, 32)
SMF_ELEMENTS_IN(f32, float, 16)
SMF_ELEMENTS_IN(f64, double, 8)
#undef SMF_ELEMENTS_IN

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
