/* smf_scalar.c: the kernels for plain C, which are the specification of all others. */
#include "smf_internal.h"

#ifdef SMF_NO_X87
SMF_TARGET_BEGIN(SMF_NO_X87)
#endif
#include "smf_simd_scalar.h"
#include "smf_kernels.h"
#ifdef SMF_NO_X87
SMF_TARGET_END
#endif

SMF_TABLE(scalar)
