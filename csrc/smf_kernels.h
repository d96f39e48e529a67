/* smf_kernels.h: every kernel of one instruction set, once its words (smf_simd_*.h) are defined. */
/* What is compiled for each operation, type and number of vectors; plain C is one for all. */
#ifndef SMF_BODY
#define SMF_BODY SMF_INLINE
#endif

#include "smf_log.h"
#include "smf_half.h"

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
