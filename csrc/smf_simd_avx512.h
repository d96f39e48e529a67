/* smf_simd_avx512.h: the SIMD words (defined in smf_simd_scalar.h) with a logical vector in one register. */
#define SMF_UNROLL 4

typedef __m512 f32_v;
typedef __m512d f64_v;

SMF_INLINE f32_v f32_set1(float a) { return _mm512_set1_ps(a); }
SMF_INLINE f32_v f32_load(const float *p) { return _mm512_loadu_ps(p); }
SMF_INLINE void f32_store(float *p, f32_v a) { _mm512_storeu_ps(p, a); }
SMF_INLINE f32_v f32_load_n(const float *p, size_t n)
{
    return _mm512_mask_loadu_ps(_mm512_set1_ps(-INFINITY), (__mmask16)((1u << n) - 1), p);
}
SMF_INLINE void f32_store_n(float *p, f32_v a, size_t n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), a);
}
SMF_INLINE f32_v f32_add(f32_v a, f32_v b) { return _mm512_add_ps(a, b); }
SMF_INLINE f32_v f32_sub(f32_v a, f32_v b) { return _mm512_sub_ps(a, b); }
SMF_INLINE f32_v f32_mul(f32_v a, f32_v b) { return _mm512_mul_ps(a, b); }
SMF_INLINE f32_v f32_fma(f32_v a, f32_v b, f32_v c) { return _mm512_fmadd_ps(a, b, c); }
SMF_INLINE f32_v f32_max(f32_v a, f32_v b) { return _mm512_max_ps(a, b); }
SMF_INLINE f32_v f32_pow2(f32_v a)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a), 23));
}
SMF_INLINE f32_v f32_drop_eq(f32_v a, f32_v x, f32_v m)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, m, _CMP_NEQ_UQ), a);
}
SMF_INLINE size_t f32_count_eq(f32_v x, f32_v m)
{
    return (size_t)_mm_popcnt_u32(_mm512_cmp_ps_mask(x, m, _CMP_EQ_OQ));
}
SMF_INLINE float f32_hmax(f32_v a) { return _mm512_reduce_max_ps(a); }
SMF_INLINE float f32_first(f32_v a) { return _mm512_cvtss_f32(a); }
SMF_INLINE f64_v f32_lo(f32_v a) { return _mm512_cvtps_pd(_mm512_castps512_ps256(a)); }
SMF_INLINE f64_v f32_hi(f32_v a) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1)); }

SMF_INLINE f64_v f64_set1(double a) { return _mm512_set1_pd(a); }
SMF_INLINE f64_v f64_load(const double *p) { return _mm512_loadu_pd(p); }
SMF_INLINE void f64_store(double *p, f64_v a) { _mm512_storeu_pd(p, a); }
SMF_INLINE f64_v f64_load_n(const double *p, size_t n)
{
    return _mm512_mask_loadu_pd(_mm512_set1_pd(-INFINITY), (__mmask8)((1u << n) - 1), p);
}
SMF_INLINE void f64_store_n(double *p, f64_v a, size_t n)
{
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), a);
}
SMF_INLINE f64_v f64_add(f64_v a, f64_v b) { return _mm512_add_pd(a, b); }
SMF_INLINE f64_v f64_sub(f64_v a, f64_v b) { return _mm512_sub_pd(a, b); }
SMF_INLINE f64_v f64_mul(f64_v a, f64_v b) { return _mm512_mul_pd(a, b); }
SMF_INLINE f64_v f64_fma(f64_v a, f64_v b, f64_v c) { return _mm512_fmadd_pd(a, b, c); }
SMF_INLINE f64_v f64_max(f64_v a, f64_v b) { return _mm512_max_pd(a, b); }
SMF_INLINE f64_v f64_pow2(f64_v a)
{
    return _mm512_castsi512_pd(_mm512_slli_epi64(_mm512_castpd_si512(a), 52));
}
SMF_INLINE f64_v f64_drop_eq(f64_v a, f64_v x, f64_v m)
{
    return _mm512_maskz_mov_pd(_mm512_cmp_pd_mask(x, m, _CMP_NEQ_UQ), a);
}
SMF_INLINE size_t f64_count_eq(f64_v x, f64_v m)
{
    return (size_t)_mm_popcnt_u32(_mm512_cmp_pd_mask(x, m, _CMP_EQ_OQ));
}
SMF_INLINE double f64_hmax(f64_v a) { return _mm512_reduce_max_pd(a); }
SMF_INLINE double f64_first(f64_v a) { return _mm512_cvtsd_f64(a); }
SMF_INLINE f64_v f64_swap1(f64_v a) { return _mm512_permute_pd(a, 0x55); }
SMF_INLINE f64_v f64_swap2(f64_v a) { return _mm512_shuffle_f64x2(a, a, 0xB1); }
SMF_INLINE f64_v f64_swap4(f64_v a) { return _mm512_shuffle_f64x2(a, a, 0x4E); }
