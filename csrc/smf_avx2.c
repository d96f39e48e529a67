/* smf_avx2.c: the kernels for AVX2 with FMA. */
#include "smf_internal.h"

#ifdef SMF_X86
#include <immintrin.h>

SMF_TARGET_BEGIN("avx2,fma,f16c,popcnt")
#include "smf_simd_avx2.h"
#include "smf_kernels.h"
SMF_TARGET_END

SMF_TABLE(avx2)
#else
typedef int smf_avx2_is_not_of_this_machine; /* C wants a declaration in every file */
#endif
