/* smf_kernels.h: every kernel of one instruction set, once its words (smf_simd_*.h) are defined. */
/* What is compiled for each operation, type and number of vectors; plain C is one for all. */
#ifndef SMF_BODY
#define SMF_BODY SMF_INLINE
#endif

#include "smf_log.h"
#include "smf_half.h"

/* Strides, lane by lane but for those for which an instruction set knows better. */
#ifndef SMF_STRIDE_WORDS
#define SMF_STRIDE_WORDS(F, R, W)                                                                          \
    typedef struct { ptrdiff_t col; } F##_stride;                                                                \
    SMF_INLINE void F##_stride_of(F##_stride *s, ptrdiff_t col) { s->col = col; }                                \
    SMF_INLINE void F##_gather(R *to, ptrdiff_t pitch, const char *p, ptrdiff_t next, const int count, int n, const F##_stride *s) \
    {                                                                                                            \
        F##_v v;                                                                                                 \
        SMF_EACH(j, count)                                                                                       \
        {                                                                                                        \
            if (n == W && F##_known(p + j * next, s->col, &v)) F##_store(to + j * pitch, v);                     \
            else SMF_COPY(F, to + j * pitch, (ptrdiff_t)sizeof(R), p + j * next, s->col, (size_t)n);             \
        }                                                                                                        \
    }                                                                                                            \
    SMF_INLINE int F##_scatters(const F##_stride *s) { (void)s; return 0; }                                      \
    SMF_INLINE void F##_scatter(char *p, ptrdiff_t next, const F##_v *y, const int count, int n, const F##_stride *s) \
    {                                                                                                            \
        (void)p, (void)next, (void)y, (void)count, (void)n, (void)s;                                             \
    }
#ifndef SMF_KNOWN_STRIDES
SMF_INLINE int f32_known(const char *p, ptrdiff_t col, f32_v *v) { (void)p, (void)col, (void)v; return 0; }
SMF_INLINE int f64_known(const char *p, ptrdiff_t col, f64_v *v) { (void)p, (void)col, (void)v; return 0; }
#endif
SMF_STRIDE_WORDS(f32, float, 16)
SMF_STRIDE_WORDS(f64, double, 8)
#endif
#undef SMF_STRIDE_WORDS

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
