/* smf_avx512.c: the kernels for AVX-512 (F, DQ, BW, VL). */
#include "smf_internal.h"

#ifdef SMF_X86
#include <immintrin.h>

SMF_TARGET_BEGIN("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,f16c,popcnt")
#include "smf_simd_avx512.h"
#include "smf_kernels.h"
SMF_TARGET_END

SMF_TABLE(avx512)
#else
typedef int smf_avx512_is_not_of_this_machine; /* C wants a declaration in every file */
#endif
