/* smf_scalar.c: the kernels for plain C, which are the specification of all others. */
#include "smf_internal.h"

#include "smf_simd_scalar.h"
#include "smf_kernels.h"

SMF_TABLE(scalar)
