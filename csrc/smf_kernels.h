/* smf_kernels.h: every kernel of one instruction set, once its words (smf_simd_*.h) are defined. */
/* What is compiled for each operation, type and number of vectors; plain C is one for all. */
#ifndef SMF_BODY
#define SMF_BODY SMF_INLINE
#endif

#include "smf_log.h"
#include "smf_half.h"

/* Words of strided elements, where an instruction set has no better way. */
#define SMF_EVERY(F, R, W, every)                                              \
    SMF_INLINE F##_v F##_every##every(const R *p)                              \
    {                                                                          \
        R lane[W];                                                             \
        SMF_EACH(k, W) memcpy(&lane[k], p + every * k, sizeof(R));             \
        return F##_load(lane);                                                 \
    }
#define SMF_PUT_EVERY(F, R, W, every)                                          \
    SMF_INLINE void F##_put_every##every(R *p, F##_v a)                        \
    {                                                                          \
        R lane[W];                                                             \
        F##_store(lane, a);                                                    \
        SMF_EACH(k, W) memcpy(p + every * k, &lane[k], sizeof(R));             \
    }
#define SMF_REVERSE(F, R, W)                                                   \
    SMF_INLINE F##_v F##_reverse(F##_v a)                                      \
    {                                                                          \
        R lane[W], back[W];                                                    \
        F##_store(lane, a);                                                    \
        SMF_EACH(k, W) back[k] = lane[W - 1 - k];                              \
        return F##_load(back);                                                 \
    }
#ifndef SMF_STRIDED_LOADS
SMF_EVERY(f32, float, 16, 2)
SMF_EVERY(f64, double, 8, 2)
SMF_REVERSE(f32, float, 16)
SMF_REVERSE(f64, double, 8)
#endif
#ifndef SMF_STRIDED_STORES
SMF_PUT_EVERY(f32, float, 16, 2)
SMF_PUT_EVERY(f64, double, 8, 2)
#endif
#ifndef SMF_STRIDED_THIRDS
SMF_EVERY(f32, float, 16, 3)
SMF_PUT_EVERY(f32, float, 16, 3)
#endif
SMF_EVERY(f64, double, 8, 3)
SMF_PUT_EVERY(f64, double, 8, 3)
#undef SMF_EVERY
#undef SMF_PUT_EVERY
#undef SMF_REVERSE

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
