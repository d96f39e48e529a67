/* smf_neon.c: the kernels for AArch64 NEON. */
#include "smf_internal.h"

#ifdef SMF_ARM64
#include <arm_neon.h>

#include "smf_simd_neon.h"
#include "smf_kernels.h"

SMF_TABLE(neon)
#else
typedef int smf_neon_is_not_of_this_machine; /* C wants a declaration in every file */
#endif
