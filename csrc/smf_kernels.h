/* smf_kernels.h: every kernel of one instruction set, once its words (smf_simd_*.h) are defined. */
/* What is compiled for each operation, type and number of vectors; plain C is one for all. */
#ifndef SMF_BODY
#define SMF_BODY SMF_INLINE
#endif

#include "smf_log.h"
#include "smf_half.h"

#ifndef SMF_STRIDED_LOADS /* in plain C */
#define SMF_STRIDED(F, R, W)                                                   \
    SMF_INLINE F##_v F##_every2(const R *p)                                    \
    {                                                                          \
        R lane[W];                                                             \
        SMF_EACH(k, W) memcpy(&lane[k], p + 2 * k, sizeof(R));                 \
        return F##_load(lane);                                                 \
    }                                                                          \
    SMF_INLINE F##_v F##_reverse(F##_v a)                                      \
    {                                                                          \
        R lane[W], back[W];                                                    \
        F##_store(lane, a);                                                    \
        SMF_EACH(k, W) back[k] = lane[W - 1 - k];                              \
        return F##_load(back);                                                 \
    }
SMF_STRIDED(f32, float, 16)
SMF_STRIDED(f64, double, 8)
#undef SMF_STRIDED
#endif

#ifndef SMF_STRIDED_STORES
#define SMF_STRIDED(F, R, W)                                                   \
    SMF_INLINE void F##_put_every2(R *p, F##_v a)                              \
    {                                                                          \
        R lane[W];                                                             \
        F##_store(lane, a);                                                    \
        SMF_EACH(k, W) memcpy(p + 2 * k, &lane[k], sizeof(R));                 \
    }
SMF_STRIDED(f32, float, 16)
SMF_STRIDED(f64, double, 8)
#undef SMF_STRIDED
#endif

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
