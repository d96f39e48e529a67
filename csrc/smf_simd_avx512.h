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
SMF_INLINE f32_v f32_pick(f32_v x, f32_v m, f32_v a, f32_v b)
{
    return _mm512_mask_mov_ps(b, _mm512_cmp_ps_mask(x, m, _CMP_GT_OQ), a);
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
SMF_INLINE f64_v f64_pick(f64_v x, f64_v m, f64_v a, f64_v b)
{
    return _mm512_mask_mov_pd(b, _mm512_cmp_pd_mask(x, m, _CMP_GT_OQ), a);
}
SMF_INLINE double f64_hmax(f64_v a) { return _mm512_reduce_max_pd(a); }
SMF_INLINE double f64_first(f64_v a) { return _mm512_cvtsd_f64(a); }
SMF_INLINE f32_v f32_join(f64_v a, f64_v b)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(a)), _mm512_cvtpd_ps(b), 1);
}

SMF_INLINE f64_v f64_div(f64_v a, f64_v b) { return _mm512_div_pd(a, b); }
SMF_INLINE f64_v f64_zip1_lo(f64_v a, f64_v b) { return _mm512_unpacklo_pd(a, b); }
SMF_INLINE f64_v f64_zip1_hi(f64_v a, f64_v b) { return _mm512_unpackhi_pd(a, b); }
SMF_INLINE f64_v f64_zip2_lo(f64_v a, f64_v b)
{
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13), b);
}
SMF_INLINE f64_v f64_zip2_hi(f64_v a, f64_v b)
{
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15), b);
}
SMF_INLINE f64_v f64_zip4_lo(f64_v a, f64_v b) { return _mm512_shuffle_f64x2(a, b, 0x44); }
SMF_INLINE f64_v f64_zip4_hi(f64_v a, f64_v b) { return _mm512_shuffle_f64x2(a, b, 0xEE); }
SMF_INLINE f64_v f64_binade(f64_v v, f64_v *scale)
{
    const __m512i half = _mm512_set1_epi64((long long)SMF_SQRT_HALF_BITS), one = _mm512_set1_epi64((long long)SMF_ONE_BITS);
    const __m512i k = _mm512_srli_epi64(_mm512_sub_epi64(_mm512_castpd_si512(v), half), 52);
    *scale = _mm512_castsi512_pd(_mm512_sub_epi64(one, _mm512_slli_epi64(k, 52)));
    return _mm512_cvtepi64_pd(k);
}

/* 4 x 4 blocks of 16 rows r, r + 4, r + 8, r + 12 to columns, and back. */
SMF_INLINE void avx512_turn_ps(f32_v z[4])
{
    const f32_v a = _mm512_unpacklo_ps(z[0], z[1]), b = _mm512_unpackhi_ps(z[0], z[1]);
    const f32_v c = _mm512_unpacklo_ps(z[2], z[3]), d = _mm512_unpackhi_ps(z[2], z[3]);
    z[0] = _mm512_shuffle_ps(a, c, 0x44);
    z[1] = _mm512_shuffle_ps(a, c, 0xEE);
    z[2] = _mm512_shuffle_ps(b, d, 0x44);
    z[3] = _mm512_shuffle_ps(b, d, 0xEE);
}
SMF_INLINE void f32_load4(const char *const *p, int i, int columns, f32_v *c)
{
    const __mmask8 some = (__mmask8)((1u << columns) - 1);
#define SMF_ROW(r) ((const float *)(const void *)p[r] + i)
#define SMF_FOUR(z, r, load)                                                                                   \
    z = _mm512_insertf32x4(_mm512_castps128_ps512(load(SMF_ROW(r))), load(SMF_ROW(r + 4)), 1);                 \
    z = _mm512_insertf32x4(_mm512_insertf32x4(z, load(SMF_ROW(r + 8)), 2), load(SMF_ROW(r + 12)), 3)
#define SMF_SOME(at) _mm_maskz_loadu_ps(some, at)
    if (columns == 4) { SMF_EACH(r, 4) { SMF_FOUR(c[r], r, _mm_loadu_ps); } }
    else { SMF_EACH(r, 4) { SMF_FOUR(c[r], r, SMF_SOME); } }
#undef SMF_SOME
#undef SMF_FOUR
    avx512_turn_ps(c);
}
SMF_INLINE void f32_store4(const char *const *p, int i, int columns, const f32_v *c)
{
    const __mmask8 some = (__mmask8)((1u << columns) - 1);
    f32_v z[4] = {c[0], c[1], c[2], c[3]};
    avx512_turn_ps(z);
#define SMF_FOUR(store)                                      \
    SMF_EACH(r, 4)                                           \
    {                                                        \
        store(p[r], _mm512_castps512_ps128(z[r]));           \
        store(p[r + 4], _mm512_extractf32x4_ps(z[r], 1));    \
        store(p[r + 8], _mm512_extractf32x4_ps(z[r], 2));    \
        store(p[r + 12], _mm512_extractf32x4_ps(z[r], 3));   \
    }
#define SMF_ALL(at, v) _mm_storeu_ps((float *)(void *)at + i, v)
#define SMF_SOME(at, v) _mm_mask_storeu_ps((float *)(void *)at + i, some, v)
    if (columns == 4) { SMF_FOUR(SMF_ALL) } else { SMF_FOUR(SMF_SOME) }
#undef SMF_SOME
#undef SMF_ALL
#undef SMF_FOUR
#undef SMF_ROW
}

/* The same of 8 rows of doubles: z[0] has rows 0 and 2, z[1] 1 and 3, z[2] 4 and 6, z[3] 5 and 7. */
SMF_INLINE void f64_load4(const char *const *p, int i, int columns, f64_v *c)
{
    const __mmask8 some = (__mmask8)((1u << columns) - 1);
    f64_v z[4];
#define SMF_ROW(r) ((const double *)(const void *)p[r] + i)
#define SMF_TWO(z, r, load) \
    z = _mm512_insertf64x4(_mm512_castpd256_pd512(load(SMF_ROW(r))), load(SMF_ROW(r + 2)), 1)
#define SMF_SOME(at) _mm256_maskz_loadu_pd(some, at)
    if (columns == 4) { SMF_EACH(r, 4) { SMF_TWO(z[r], (r & 1) + (r & 2) * 2, _mm256_loadu_pd); } }
    else { SMF_EACH(r, 4) { SMF_TWO(z[r], (r & 1) + (r & 2) * 2, SMF_SOME); } }
#undef SMF_SOME
#undef SMF_TWO
    const f64_v a = _mm512_unpacklo_pd(z[0], z[1]), b = _mm512_unpackhi_pd(z[0], z[1]);
    const f64_v d = _mm512_unpacklo_pd(z[2], z[3]), e = _mm512_unpackhi_pd(z[2], z[3]);
    c[0] = _mm512_shuffle_f64x2(a, d, 0x88);
    c[1] = _mm512_shuffle_f64x2(b, e, 0x88);
    c[2] = _mm512_shuffle_f64x2(a, d, 0xDD);
    c[3] = _mm512_shuffle_f64x2(b, e, 0xDD);
}
SMF_INLINE void f64_store4(const char *const *p, int i, int columns, const f64_v *c)
{
    const __mmask8 some = (__mmask8)((1u << columns) - 1);
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    const f64_v a = _mm512_unpacklo_pd(c[0], c[1]), b = _mm512_unpackhi_pd(c[0], c[1]);
    const f64_v d = _mm512_unpacklo_pd(c[2], c[3]), e = _mm512_unpackhi_pd(c[2], c[3]);
    const f64_v z[4] = {_mm512_permutex2var_pd(a, first, d), _mm512_permutex2var_pd(b, first, e),
                        _mm512_permutex2var_pd(a, second, d), _mm512_permutex2var_pd(b, second, e)};
#define SMF_TWO(store)                                                                \
    SMF_EACH(r, 4)                                                                    \
    {                                                                                 \
        store(p[(r & 1) + (r & 2) * 2], _mm512_castpd512_pd256(z[r]));                \
        store(p[(r & 1) + (r & 2) * 2 + 2], _mm512_extractf64x4_pd(z[r], 1));         \
    }
#define SMF_ALL(at, v) _mm256_storeu_pd((double *)(void *)at + i, v)
#define SMF_SOME(at, v) _mm256_mask_storeu_pd((double *)(void *)at + i, some, v)
    if (columns == 4) { SMF_TWO(SMF_ALL) } else { SMF_TWO(SMF_SOME) }
#undef SMF_SOME
#undef SMF_ALL
#undef SMF_TWO
#undef SMF_ROW
}
