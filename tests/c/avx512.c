/* avx512.c: the AVX-512 kernels in other instructions, for machines without them: SIMDe has most of the intrinsics, and what it lacks
 * is below, in plain C. Takes the place of csrc/smf_avx512.c. */
#include "smf_internal.h"

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>
#include <simde/x86/fma.h>

#define LANES(T, N, a) \
    T a##_[N];         \
    memcpy(a##_, &a, sizeof a##_)

/* V is a register of N lanes T, and K a lane's bit of a mask. */
#define MEMORY(name, V, T, N)                                                                                    \
    static inline V mask_loadu_##name(V a, unsigned k, const void *p)                                            \
    {                                                                                                            \
        LANES(T, N, a);                                                                                          \
        for (int i = 0; i < N; i++)                                                                              \
            if (k >> i & 1) memcpy(&a_[i], (const char *)p + i * sizeof(T), sizeof(T));                          \
        memcpy(&a, a_, sizeof a);                                                                                \
        return a;                                                                                                \
    }                                                                                                            \
    static inline V maskz_loadu_##name(unsigned k, const void *p)                                                \
    {                                                                                                            \
        V zero;                                                                                                  \
        memset(&zero, 0, sizeof zero);                                                                           \
        return mask_loadu_##name(zero, k, p);                                                                    \
    }                                                                                                            \
    static inline void mask_storeu_##name(void *p, unsigned k, V a)                                              \
    {                                                                                                            \
        LANES(T, N, a);                                                                                          \
        for (int i = 0; i < N; i++)                                                                              \
            if (k >> i & 1) memcpy((char *)p + i * sizeof(T), &a_[i], sizeof(T));                                \
    }
MEMORY(ps, __m512, float, 16)
MEMORY(pd, __m512d, double, 8)
MEMORY(epi16, __m512i, int16_t, 32)
MEMORY(half, __m256i, int16_t, 16)
MEMORY(4ps, __m128, float, 4)
MEMORY(4pd, __m256d, double, 4)
#undef _mm512_mask_loadu_ps
#undef _mm512_mask_loadu_pd
#undef _mm512_maskz_loadu_ps
#undef _mm512_maskz_loadu_pd
#undef _mm512_maskz_loadu_epi16
#undef _mm512_mask_storeu_ps
#undef _mm512_mask_storeu_pd
#undef _mm512_mask_storeu_epi16
#undef _mm256_mask_loadu_epi16
#undef _mm256_mask_storeu_epi16
#undef _mm_maskz_loadu_ps
#undef _mm_mask_storeu_ps
#undef _mm256_maskz_loadu_pd
#undef _mm256_mask_storeu_pd
#define _mm512_mask_loadu_ps mask_loadu_ps
#define _mm512_mask_loadu_pd mask_loadu_pd
#define _mm512_maskz_loadu_ps maskz_loadu_ps
#define _mm512_maskz_loadu_pd maskz_loadu_pd
#define _mm512_maskz_loadu_epi16 maskz_loadu_epi16
#define _mm512_mask_storeu_ps mask_storeu_ps
#define _mm512_mask_storeu_pd mask_storeu_pd
#define _mm512_mask_storeu_epi16 mask_storeu_epi16
#define _mm256_mask_loadu_epi16 mask_loadu_half
#define _mm256_mask_storeu_epi16 mask_storeu_half
#define _mm_maskz_loadu_ps maskz_loadu_4ps
#define _mm_mask_storeu_ps mask_storeu_4ps
#define _mm256_maskz_loadu_pd maskz_loadu_4pd
#define _mm256_mask_storeu_pd mask_storeu_4pd

#undef _mm512_stream_ps
#undef _mm512_stream_pd
#define _mm512_stream_ps(p, a) _mm512_storeu_ps(p, a)
#define _mm512_stream_pd(p, a) _mm512_storeu_pd(p, a)

/* Lane by lane: r_[i] from those of the arguments. */
#define EACH_OF(N, R, T, result) \
    T r_[N];                     \
    R r;                         \
    for (int i = 0; i < N; i++) r_[i] = (result); \
    memcpy(&r, r_, sizeof r);    \
    return r

#define PERMUTATIONS(name, V, T, I, N)                                                                           \
    static inline V permute_##name(__m512i x, V a)                                                               \
    {                                                                                                            \
        LANES(I, N, x);                                                                                          \
        LANES(T, N, a);                                                                                          \
        EACH_OF(N, V, T, a_[x_[i] & (N - 1)]);                                                                   \
    }                                                                                                            \
    static inline V permute2_##name(V a, __m512i x, V b)                                                         \
    {                                                                                                            \
        LANES(I, N, x);                                                                                          \
        LANES(T, N, a);                                                                                          \
        LANES(T, N, b);                                                                                          \
        EACH_OF(N, V, T, (x_[i] & N ? b_ : a_)[x_[i] & (N - 1)]);                                                \
    }
PERMUTATIONS(ps, __m512, float, int32_t, 16)
PERMUTATIONS(pd, __m512d, double, int64_t, 8)
PERMUTATIONS(epi16, __m512i, int16_t, int16_t, 32)
static inline __m512i permute_some_epi16(unsigned k, __m512i x, __m512i a)
{
    LANES(int16_t, 32, x);
    LANES(int16_t, 32, a);
    EACH_OF(32, __m512i, int16_t, k >> i & 1 ? a_[x_[i] & 31] : 0);
}
#undef _mm512_permutexvar_ps
#undef _mm512_permutexvar_pd
#undef _mm512_permutexvar_epi16
#undef _mm512_permutex2var_ps
#undef _mm512_permutex2var_pd
#undef _mm512_permutex2var_epi16
#undef _mm512_maskz_permutexvar_epi16
#define _mm512_permutexvar_ps permute_ps
#define _mm512_permutexvar_pd permute_pd
#define _mm512_permutexvar_epi16 permute_epi16
#define _mm512_permutex2var_ps permute2_ps
#define _mm512_permutex2var_pd permute2_pd
#define _mm512_permutex2var_epi16 permute2_epi16
#define _mm512_maskz_permutexvar_epi16 permute_some_epi16

#define INTEGERS(name, T, N)                                                                                     \
    static inline unsigned eq_##name(__m512i a, __m512i b)                                                       \
    {                                                                                                            \
        LANES(T, N, a);                                                                                          \
        LANES(T, N, b);                                                                                          \
        unsigned k = 0;                                                                                          \
        for (int i = 0; i < N; i++) k |= (unsigned)(a_[i] == b_[i]) << i;                                        \
        return k;                                                                                                \
    }                                                                                                            \
    static inline unsigned lt_##name(unsigned of, __m512i a, __m512i b)                                          \
    {                                                                                                            \
        LANES(T, N, a);                                                                                          \
        LANES(T, N, b);                                                                                          \
        unsigned k = 0;                                                                                          \
        for (int i = 0; i < N; i++) k |= (unsigned)(a_[i] < b_[i]) << i;                                         \
        return k & of;                                                                                           \
    }                                                                                                            \
    static inline unsigned ge_##name(__m512i a, __m512i b) { return lt_##name(0xffffffff >> (32 - N), b, a) | eq_##name(a, b); } \
    static inline __m512i mul_##name(__m512i a, __m512i b)                                                       \
    {                                                                                                            \
        LANES(T, N, a);                                                                                          \
        LANES(T, N, b);                                                                                          \
        EACH_OF(N, __m512i, T, (T)(a_[i] * b_[i]));                                                              \
    }                                                                                                            \
    static inline __m512i add_some_##name(__m512i s, unsigned k, __m512i a, __m512i b)                           \
    {                                                                                                            \
        LANES(T, N, s);                                                                                          \
        LANES(T, N, a);                                                                                          \
        LANES(T, N, b);                                                                                          \
        EACH_OF(N, __m512i, T, k >> i & 1 ? (T)(a_[i] + b_[i]) : s_[i]);                                         \
    }
INTEGERS(epi16, int16_t, 32)
INTEGERS(epi32, int32_t, 16)
INTEGERS(epi64, int64_t, 8)
#undef _mm512_cmpeq_epi16_mask
#undef _mm512_cmpeq_epi32_mask
#undef _mm512_cmpeq_epi64_mask
#undef _mm512_cmpge_epi16_mask
#undef _mm512_cmpge_epi32_mask
#undef _mm512_cmpge_epi64_mask
#undef _mm512_mask_cmplt_epi16_mask
#undef _mm512_mask_cmplt_epi32_mask
#undef _mm512_mask_cmplt_epi64_mask
#undef _mm512_mullo_epi16
#undef _mm512_mullo_epi32
#undef _mm512_mullo_epi64
#undef _mm512_mask_add_epi16
#undef _mm512_mask_add_epi32
#undef _mm512_mask_add_epi64
#define _mm512_cmpeq_epi16_mask eq_epi16
#define _mm512_cmpeq_epi32_mask eq_epi32
#define _mm512_cmpeq_epi64_mask eq_epi64
#define _mm512_cmpge_epi16_mask ge_epi16
#define _mm512_cmpge_epi32_mask ge_epi32
#define _mm512_cmpge_epi64_mask ge_epi64
#define _mm512_mask_cmplt_epi16_mask lt_epi16
#define _mm512_mask_cmplt_epi32_mask lt_epi32
#define _mm512_mask_cmplt_epi64_mask lt_epi64
#define _mm512_mullo_epi16 mul_epi16
#define _mm512_mullo_epi32 mul_epi32
#define _mm512_mullo_epi64 mul_epi64
#define _mm512_mask_add_epi16 add_some_epi16
#define _mm512_mask_add_epi32 add_some_epi32
#define _mm512_mask_add_epi64 add_some_epi64
static inline __m512i mulhi_epu16(__m512i a, __m512i b)
{
    LANES(uint16_t, 32, a);
    LANES(uint16_t, 32, b);
    EACH_OF(32, __m512i, uint16_t, (uint16_t)((uint32_t)a_[i] * b_[i] >> 16));
}
#undef _mm512_mulhi_epu16
#define _mm512_mulhi_epu16 mulhi_epu16

#define PARTS(name, V, T, N, half)                                                                               \
    static inline V fma_some_##name(unsigned k, V a, V b, V c)                                                   \
    {                                                                                                            \
        LANES(T, N, a);                                                                                          \
        LANES(T, N, b);                                                                                          \
        LANES(T, N, c);                                                                                          \
        EACH_OF(N, V, T, k >> i & 1 ? half(a_[i], b_[i], c_[i]) : 0);                                            \
    }                                                                                                            \
    static inline T largest_##name(V a) /* of the halves' pairs first, as the instructions do */                 \
    {                                                                                                            \
        LANES(T, N, a);                                                                                          \
        for (int i = N / 2; i; i /= 2)                                                                           \
            for (int j = 0; j < i; j++) a_[j] = a_[j] > a_[j + i] ? a_[j] : a_[j + i];                           \
        return a_[0];                                                                                            \
    }                                                                                                            \
    static inline V shuffle_##name(V a, V b, int k) /* quarters */                                               \
    {                                                                                                            \
        LANES(T, N, a);                                                                                          \
        LANES(T, N, b);                                                                                          \
        EACH_OF(N, V, T, (i < N / 2 ? a_ : b_)[(k >> i / (N / 4) * 2 & 3) * (N / 4) + i % (N / 4)]);             \
    }
PARTS(ps, __m512, float, 16, fmaf)
PARTS(pd, __m512d, double, 8, fma)
#undef _mm512_maskz_fmadd_ps
#undef _mm512_maskz_fmadd_pd
#undef _mm512_reduce_max_ps
#undef _mm512_reduce_max_pd
#undef _mm512_shuffle_f32x4
#undef _mm512_shuffle_f64x2
#define _mm512_maskz_fmadd_ps fma_some_ps
#define _mm512_maskz_fmadd_pd fma_some_pd
#define _mm512_reduce_max_ps largest_ps
#define _mm512_reduce_max_pd largest_pd
#define _mm512_shuffle_f32x4 shuffle_ps
#define _mm512_shuffle_f64x2 shuffle_pd

static inline __m256 broadcast_ps(__m256 a, unsigned k, __m128 b)
{
    LANES(float, 8, a);
    LANES(float, 4, b);
    EACH_OF(8, __m256, float, k >> i & 1 ? b_[0] : a_[i]);
}
static inline __m256d broadcast_pd(__m256d a, unsigned k, __m128d b)
{
    LANES(double, 4, a);
    LANES(double, 2, b);
    EACH_OF(4, __m256d, double, k >> i & 1 ? b_[0] : a_[i]);
}
static inline __m512d from_epi64(__m512i a) { LANES(int64_t, 8, a); EACH_OF(8, __m512d, double, (double)a_[i]); }
static inline __m256 from_pd(__m512d a) { LANES(double, 8, a); EACH_OF(8, __m256, float, (float)a_[i]); }
static inline __m512d from_ps(__m256 a) { LANES(float, 8, a); EACH_OF(8, __m512d, double, a_[i]); }
static inline __m512 join_ps(__m256 a, __m256 b)
{
    LANES(float, 8, a);
    LANES(float, 8, b);
    EACH_OF(16, __m512, float, i < 8 ? a_[i] : b_[i - 8]);
}
static inline __m256 half_ps(__m512 a, int k) { LANES(float, 16, a); EACH_OF(8, __m256, float, a_[8 * k + i]); }
static inline __m512 insert_ps(__m512 a, __m256 b, int k) { return k ? join_ps(half_ps(a, 0), b) : join_ps(b, half_ps(a, 1)); }
static inline __m512 from_ph(__m256i a)
{
    __m128i h[2];
    memcpy(h, &a, sizeof h);
    return join_ps(_mm256_cvtph_ps(h[0]), _mm256_cvtph_ps(h[1]));
}
static inline __m256i to_ph(__m512 a)
{
    const __m128i h[2] = {_mm256_cvtps_ph(half_ps(a, 0), 0), _mm256_cvtps_ph(half_ps(a, 1), 0)};
    __m256i r;
    memcpy(&r, h, sizeof r);
    return r;
}
#undef _mm256_mask_broadcastss_ps
#undef _mm256_mask_broadcastsd_pd
#undef _mm512_cvtepi64_pd
#undef _mm512_cvtpd_ps
#undef _mm512_cvtps_pd
#undef _mm512_extractf32x8_ps
#undef _mm512_insertf32x8
#undef _mm512_cvtph_ps
#undef _mm512_cvtps_ph
#define _mm256_mask_broadcastss_ps broadcast_ps
#define _mm256_mask_broadcastsd_pd broadcast_pd
#define _mm512_cvtepi64_pd from_epi64
#define _mm512_cvtpd_ps from_pd
#define _mm512_cvtps_pd from_ps
#define _mm512_extractf32x8_ps half_ps
#define _mm512_insertf32x8 insert_ps
#define _mm512_cvtph_ps from_ph
#define _mm512_cvtps_ph(a, to_nearest) to_ph(a)

#undef SMF_ONCE /* is for registers */
#define SMF_ONCE(a) ((void)0)
#undef SMF_INLINE /* or it would compile for minutes */
#define SMF_INLINE static __attribute__((unused))

#include "smf_simd_avx512.h"
#include "smf_kernels.h"

SMF_TABLE(avx512)
