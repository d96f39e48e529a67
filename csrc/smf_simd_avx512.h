/* smf_simd_avx512.h: the SIMD words (defined in smf_simd_scalar.h) with a logical vector in one register. */
#define SMF_UNROLL 4
#define SMF_LATER 0
#define SMF_SPREAD(W) 64

typedef __m512 f32_v;
typedef __m512d f64_v;

SMF_INLINE f32_v f32_set1(float a) { return _mm512_set1_ps(a); }
SMF_INLINE f32_v f32_load(const float *p) { return _mm512_loadu_ps(p); }
SMF_INLINE void f32_store(float *p, f32_v a) { _mm512_storeu_ps(p, a); }
SMF_INLINE void f32_store_apart(float *p, f32_v a) { _mm512_stream_ps(p, a); }
SMF_INLINE void f64_store_apart(double *p, f64_v a) { _mm512_stream_pd(p, a); }
#define v_fence() _mm_sfence()
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
SMF_INLINE f32_v f32_div(f32_v a, f32_v b) { return _mm512_div_ps(a, b); }
SMF_INLINE f32_v f32_fma(f32_v a, f32_v b, f32_v c) { return _mm512_fmadd_ps(a, b, c); }
SMF_INLINE f32_v f32_max(f32_v a, f32_v b) { return _mm512_max_ps(a, b); }
typedef f32_v f32_place;
typedef f64_v f64_place;
SMF_INLINE f32_place f32_place_of(f32_v t) { return t; }
SMF_INLINE f64_place f64_place_of(f64_v t) { return t; }
SMF_INLINE f32_v f32_spread(const float *p, const f32_place *q) { return _mm512_permutexvar_ps(_mm512_castps_si512(*q), _mm512_loadu_ps(p)); }
SMF_INLINE f64_v f64_spread(const double *p, const f64_place *q) { return _mm512_permutexvar_pd(_mm512_castpd_si512(*q), _mm512_loadu_pd(p)); }
SMF_INLINE f32_v f32_lookup(const void *table, f32_v t)
{
    const __m256 p = _mm256_loadu_ps((const float *)table);
    return _mm512_permutexvar_ps(_mm512_castps_si512(t), _mm512_broadcast_f32x8(p));
}
SMF_INLINE f32_v f32_raise(f32_v a, f32_v t)
{
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), _mm512_slli_epi32(_mm512_castps_si512(t), 20)));
}
SMF_INLINE f32_v f32_stray(f32_v a, f32_v t) { return _mm512_or_ps(a, t); }
SMF_INLINE f32_v f32_stray_above(f32_v a, f32_v t, f32_v x, f32_v low)
{
    return _mm512_mask_or_ps(a, _mm512_cmp_ps_mask(x, low, _CMP_NLE_UQ), a, t);
}
SMF_INLINE f32_v f32_fma_above(f32_v a, f32_v b, f32_v c, f32_v x, f32_v low)
{
    return _mm512_maskz_fmadd_ps(_mm512_cmp_ps_mask(x, low, _CMP_NLE_UQ), a, b, c);
}
SMF_INLINE int f32_beyond(f32_v a) { return _mm512_test_epi32_mask(_mm512_castps_si512(a), _mm512_set1_epi32(-0x40000400)) != 0; }
SMF_INLINE f32_v f32_once(f32_v a) { SMF_ONCE(a); return a; }
SMF_INLINE f64_v f64_once(f64_v a) { SMF_ONCE(a); return a; }
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
SMF_INLINE f64_v f32_lo(f32_v a) { return _mm512_cvtps_pd(_mm512_castps512_ps256(a)); }
SMF_INLINE f64_v f32_hi(f32_v a) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1)); }
SMF_INLINE f64_v f32_even(f32_v a)
{
    return _mm512_castsi512_pd(_mm512_mul_epu32(_mm512_castps_si512(a), _mm512_set1_epi64(1 << 29)));
}
SMF_INLINE f64_v f32_odd(f32_v a)
{
    const __m512i bits = _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi64(0x7fffffff00000000));
    return _mm512_castsi512_pd(_mm512_srli_epi64(bits, 3));
}

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
SMF_INLINE f64_v f64_lookup(const void *table, f64_v t)
{
    return _mm512_permutexvar_pd(_mm512_castpd_si512(t), _mm512_loadu_pd(table));
}
SMF_INLINE f64_v f64_raise(f64_v a, f64_v t)
{
    return _mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(a), _mm512_slli_epi64(_mm512_castpd_si512(t), 49)));
}
SMF_INLINE f64_v f64_stray(f64_v a, f64_v t) { return _mm512_or_pd(a, t); }
SMF_INLINE f64_v f64_stray_above(f64_v a, f64_v t, f64_v x, f64_v low)
{
    return _mm512_mask_or_pd(a, _mm512_cmp_pd_mask(x, low, _CMP_NLE_UQ), a, t);
}
SMF_INLINE f64_v f64_fma_above(f64_v a, f64_v b, f64_v c, f64_v x, f64_v low)
{
    return _mm512_maskz_fmadd_pd(_mm512_cmp_pd_mask(x, low, _CMP_NLE_UQ), a, b, c);
}
SMF_INLINE int f64_beyond(f64_v a) { return _mm512_test_epi64_mask(_mm512_castpd_si512(a), _mm512_set1_epi64(-0x4000000000002000)) != 0; }
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
SMF_INLINE f32_v f32_join(f64_v a, f64_v b)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(a)), _mm512_cvtpd_ps(b), 1);
}

SMF_INLINE f64_v f64_div(f64_v a, f64_v b) { return _mm512_div_pd(a, b); }
SMF_INLINE f64_v f64_zip_lo(f64_v a, f64_v b)
{
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), b);
}
SMF_INLINE f64_v f64_zip_hi(f64_v a, f64_v b)
{
    return _mm512_permutex2var_pd(a, _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15), b);
}
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
/* Rows 0 .. W - 2 whole where that is allowed, the last row only its `columns`. A pointer that moves on, hidden from the
 * compiler: GCC 12 would keep sixteen of them, in vector registers when those for pointers run out. */
#define SMF_F32(p) ((const float *)(const void *)(p))
#define SMF_F64(p) ((const double *)(const void *)(p))
/* GCC 12 makes one masked VEXTRACTF32X4 to memory of an extraction and a masked store; that one also faults where it
 * writes nothing (exception class E6NF in Intel's manual), which a masked store does not. */
SMF_INLINE void avx512_some_ps(float *p, __mmask8 some, __m128 v) { SMF_ONCE(v); _mm_mask_storeu_ps(p, some, v); }
SMF_INLINE void avx512_some_pd(double *p, __mmask8 some, __m256d v) { SMF_ONCE(v); _mm256_mask_storeu_pd(p, some, v); }
SMF_INLINE void f32_load4(const char *p, ptrdiff_t stride, int columns, int dense, f32_v *c)
{
    const __mmask8 some = (__mmask8)((1u << columns) - 1);
    const ptrdiff_t s4 = 4 * stride, s12 = 3 * s4;
#define SMF_FOUR(r, load, last)                                                                              \
    c[r] = _mm512_insertf32x4(_mm512_castps128_ps512(load(SMF_F32(p))), load(SMF_F32(p + s4)), 1);           \
    c[r] = _mm512_insertf32x4(_mm512_insertf32x4(c[r], load(SMF_F32(p + 2 * s4)), 2), last(SMF_F32(p + s12)), 3); \
    p += stride;                                                                                             \
    SMF_ONCE_P(p)
#define SMF_SOME(at) _mm_maskz_loadu_ps(some, at)
    if (columns == 4) { SMF_EACH(r, 4) { SMF_FOUR(r, _mm_loadu_ps, _mm_loadu_ps); } }
    else if (dense) { SMF_EACH(r, 3) { SMF_FOUR(r, _mm_loadu_ps, _mm_loadu_ps); } SMF_FOUR(3, _mm_loadu_ps, SMF_SOME); }
    else { SMF_EACH(r, 4) { SMF_FOUR(r, SMF_SOME, SMF_SOME); } }
#undef SMF_SOME
#undef SMF_FOUR
    avx512_turn_ps(c);
}
SMF_INLINE void f32_store4(char *p, ptrdiff_t stride, int columns, int dense, const f32_v *c)
{
    const __mmask8 some = (__mmask8)((1u << columns) - 1);
    const ptrdiff_t s3 = 3 * stride;
    f32_v z[4] = {c[0], c[1], c[2], c[3]};
    avx512_turn_ps(z);
#define SMF_FOUR(k, put, last)                               \
    put(p, _mm512_extractf32x4_ps(z[0], k));                 \
    put(p + stride, _mm512_extractf32x4_ps(z[1], k));        \
    put(p + 2 * stride, _mm512_extractf32x4_ps(z[2], k));    \
    last(p + s3, _mm512_extractf32x4_ps(z[3], k));           \
    p += 4 * stride;                                         \
    SMF_ONCE_P(p)
#define SMF_ALL(at, v) _mm_storeu_ps((float *)(void *)(at), v)
#define SMF_SOME(at, v) avx512_some_ps((float *)(void *)(at), some, v)
#define SMF_SIXTEEN(put, last) SMF_FOUR(0, put, put); SMF_FOUR(1, put, put); SMF_FOUR(2, put, put); SMF_FOUR(3, put, last)
    if (columns == 4) { SMF_SIXTEEN(SMF_ALL, SMF_ALL); }
    else if (dense) { SMF_SIXTEEN(SMF_ALL, SMF_SOME); }
    else { SMF_SIXTEEN(SMF_SOME, SMF_SOME); }
#undef SMF_SIXTEEN
#undef SMF_SOME
#undef SMF_ALL
#undef SMF_FOUR
}

/* The same of 8 rows of doubles: z[0] has rows 0 and 2, z[1] 1 and 3, z[2] 4 and 6, z[3] 5 and 7. */
SMF_INLINE void f64_load4(const char *p, ptrdiff_t stride, int columns, int dense, f64_v *c)
{
    const __mmask8 some = (__mmask8)((1u << columns) - 1);
    const ptrdiff_t s3 = 3 * stride;
    f64_v z[4];
#define SMF_FOUR(a, b, load, last)                                                                                  \
    z[a] = _mm512_insertf64x4(_mm512_castpd256_pd512(load(SMF_F64(p))), load(SMF_F64(p + 2 * stride)), 1);          \
    z[b] = _mm512_insertf64x4(_mm512_castpd256_pd512(load(SMF_F64(p + stride))), last(SMF_F64(p + s3)), 1);         \
    p += 4 * stride;                                                                                                \
    SMF_ONCE_P(p)
#define SMF_SOME(at) _mm256_maskz_loadu_pd(some, at)
    if (columns == 4) { SMF_FOUR(0, 1, _mm256_loadu_pd, _mm256_loadu_pd); SMF_FOUR(2, 3, _mm256_loadu_pd, _mm256_loadu_pd); }
    else if (dense) { SMF_FOUR(0, 1, _mm256_loadu_pd, _mm256_loadu_pd); SMF_FOUR(2, 3, _mm256_loadu_pd, SMF_SOME); }
    else { SMF_FOUR(0, 1, SMF_SOME, SMF_SOME); SMF_FOUR(2, 3, SMF_SOME, SMF_SOME); }
#undef SMF_SOME
#undef SMF_FOUR
    const f64_v a = _mm512_unpacklo_pd(z[0], z[1]), b = _mm512_unpackhi_pd(z[0], z[1]);
    const f64_v d = _mm512_unpacklo_pd(z[2], z[3]), e = _mm512_unpackhi_pd(z[2], z[3]);
    c[0] = _mm512_shuffle_f64x2(a, d, 0x88);
    c[1] = _mm512_shuffle_f64x2(b, e, 0x88);
    c[2] = _mm512_shuffle_f64x2(a, d, 0xDD);
    c[3] = _mm512_shuffle_f64x2(b, e, 0xDD);
}
SMF_INLINE void f64_store4(char *p, ptrdiff_t stride, int columns, int dense, const f64_v *c)
{
    const __mmask8 some = (__mmask8)((1u << columns) - 1);
    const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    const f64_v a = _mm512_unpacklo_pd(c[0], c[1]), b = _mm512_unpackhi_pd(c[0], c[1]);
    const f64_v d = _mm512_unpacklo_pd(c[2], c[3]), e = _mm512_unpackhi_pd(c[2], c[3]);
    const f64_v z[4] = {_mm512_permutex2var_pd(a, first, d), _mm512_permutex2var_pd(b, first, e),
                        _mm512_permutex2var_pd(a, second, d), _mm512_permutex2var_pd(b, second, e)};
#define SMF_FOUR(p, z0, z1, put, last)                            \
    put((p), _mm512_castpd512_pd256(z0));                         \
    put((p) + stride, _mm512_castpd512_pd256(z1));                \
    put((p) + 2 * stride, _mm512_extractf64x4_pd(z0, 1));         \
    last((p) + 3 * stride, _mm512_extractf64x4_pd(z1, 1));        \
    SMF_ONCE_P(p)
#define SMF_EIGHT(put, last) SMF_FOUR(p, z[0], z[1], put, put); p += 4 * stride; SMF_FOUR(p, z[2], z[3], put, last)
#define SMF_ALL(at, v) _mm256_storeu_pd((double *)(void *)(at), v)
#define SMF_SOME(at, v) avx512_some_pd((double *)(void *)(at), some, v)
    if (columns == 4) { SMF_EIGHT(SMF_ALL, SMF_ALL); }
    else if (dense) { SMF_EIGHT(SMF_ALL, SMF_SOME); }
    else { SMF_EIGHT(SMF_SOME, SMF_SOME); }
#undef SMF_SOME
#undef SMF_ALL
#undef SMF_EIGHT
#undef SMF_FOUR
}

#define SMF_MASKED_HALF 1
SMF_INLINE __m256i avx512_half(const char *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
SMF_INLINE __m256i avx512_half_n(const char *p, size_t n, short lowest)
{
    return _mm256_mask_loadu_epi16(_mm256_set1_epi16(lowest), (__mmask16)((1u << n) - 1), p);
}
SMF_INLINE f32_v f16_in(const char *p) { return _mm512_cvtph_ps(avx512_half(p)); }
SMF_INLINE f32_v f16_in_n(const char *p, size_t n) { return _mm512_cvtph_ps(avx512_half_n(p, n, -0x400)); }
SMF_INLINE __m256i avx512_f16(f32_v a) { return _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
SMF_INLINE void f16_out(char *p, f32_v a) { _mm256_storeu_si256((__m256i *)(void *)p, avx512_f16(a)); }
SMF_INLINE void f16_out_n(char *p, f32_v a, size_t n)
{
    _mm256_mask_storeu_epi16(p, (__mmask16)((1u << n) - 1), avx512_f16(a));
}
/* One instruction for two: halves to the upper ones of 32 bits, the lower ones 0; and back. */
SMF_INLINE f32_v avx512_bf16_widen(__m256i h)
{
    const __m512i at = _mm512_set_epi32(15 << 16, 14 << 16, 13 << 16, 12 << 16, 11 << 16, 10 << 16, 9 << 16, 8 << 16, 7 << 16,
                                        6 << 16, 5 << 16, 4 << 16, 3 << 16, 2 << 16, 1 << 16, 0);
    return _mm512_castsi512_ps(_mm512_maskz_permutexvar_epi16(0xAAAAAAAA, at, _mm512_castsi256_si512(h)));
}
SMF_INLINE f32_v bf16_in(const char *p) { return avx512_bf16_widen(avx512_half(p)); }
SMF_INLINE f32_v bf16_in_n(const char *p, size_t n) { return avx512_bf16_widen(avx512_half_n(p, n, -0x80)); }
SMF_INLINE __m256i avx512_bf16(f32_v a) /* not by AVX-512's own instruction, which flushes denormals */
{
    const __m512i bits = _mm512_castps_si512(a), one = _mm512_set1_epi32(1);
    const __m512i up = _mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff));
    const __m512i r = _mm512_mask_add_epi32(up, _mm512_test_epi32_mask(bits, _mm512_set1_epi32(0x10000)), up, one);
    const __m512i at = _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0x1f001d, 0x1b0019, 0x170015, 0x130011, 0xf000d, 0xb0009,
                                        0x70005, 0x30001);
    return _mm512_castsi512_si256(_mm512_permutexvar_epi16(at, r));
}
SMF_INLINE void bf16_out(char *p, f32_v a) { _mm256_storeu_si256((__m256i *)(void *)p, avx512_bf16(a)); }
SMF_INLINE void bf16_out_n(char *p, f32_v a, size_t n)
{
    _mm256_mask_storeu_epi16(p, (__mmask16)((1u << n) - 1), avx512_bf16(a));
}

/* Elements up to LINES places apart come from as many vectors of memory, `line` by line, and go to them, by permutations:
 * less than an access for each. The first line begins and the last one ends with an element. */
#define SMF_GATHERS(W) (W)
#define SMF_STRIDE_WORDS 1
/* Lane by lane, each by one instruction that the processor keeps as one: what limits the exponentials beside it is their number. */
SMF_INLINE __m512 avx512_apart_ps(const char *p, ptrdiff_t col)
{
    __m256 h[2];
    SMF_EACH(k, 2)
    {
        const ptrdiff_t c3 = 3 * col;
        h[k] = _mm256_broadcast_ss(SMF_F32(p));
#define SMF_LANE(l, at) h[k] = _mm256_mask_broadcastss_ps(h[k], 1 << (l), _mm_load_ss(SMF_F32(at)))
        SMF_LANE(1, p + col);
        SMF_LANE(2, p + 2 * col);
        SMF_LANE(3, p + c3);
        p += 4 * col;
        SMF_ONCE_P(p);
        SMF_LANE(4, p);
        SMF_LANE(5, p + col);
        SMF_LANE(6, p + 2 * col);
        SMF_LANE(7, p + c3);
        p += 4 * col;
        SMF_ONCE_P(p);
#undef SMF_LANE
    }
    return _mm512_insertf32x8(_mm512_castps256_ps512(h[0]), h[1], 1);
}
SMF_INLINE __m512i avx512_apart_epi16(const char *p, ptrdiff_t col)
{
    __m128i q[4];
    SMF_EACH(k, 4)
    {
        q[k] = _mm_setzero_si128();
#define SMF_LANE(l, at) q[k] = _mm_insert_epi16(q[k], *(const short *)(const void *)(at), l)
        SMF_LANE(0, p);
        SMF_LANE(1, p + col);
        SMF_LANE(2, p + 2 * col);
        SMF_LANE(3, p + 3 * col);
        p += 4 * col;
        SMF_ONCE_P(p);
        SMF_LANE(4, p);
        SMF_LANE(5, p + col);
        SMF_LANE(6, p + 2 * col);
        SMF_LANE(7, p + 3 * col);
        p += 4 * col;
        SMF_ONCE_P(p);
#undef SMF_LANE
    }
    const __m256i a = _mm256_inserti128_si256(_mm256_castsi128_si256(q[0]), q[1], 1);
    const __m256i b = _mm256_inserti128_si256(_mm256_castsi128_si256(q[2]), q[3], 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}
SMF_INLINE __m512d avx512_apart_pd(const char *p, ptrdiff_t col)
{
    __m256d h[2];
    SMF_EACH(k, 2)
    {
        h[k] = _mm256_broadcast_sd(SMF_F64(p));
#define SMF_LANE(l, at) h[k] = _mm256_mask_broadcastsd_pd(h[k], 1 << (l), _mm_load_sd(SMF_F64(at)))
        SMF_LANE(1, p + col);
        SMF_LANE(2, p + 2 * col);
        SMF_LANE(3, p + 3 * col);
        p += 4 * col;
        SMF_ONCE_P(p);
#undef SMF_LANE
    }
    return _mm512_insertf64x4(_mm512_castpd256_pd512(h[0]), h[1], 1);
}
#define AVX512_STRIDE_WORDS(F, R, V, W, s, l, d, I, LINES)                                                             \
    typedef struct {                                                                                             \
        __m512i in[LINES], out[LINES]; /* in: where the elements up to line j are; out: elements of line j, by place */ \
        I places[LINES];               /* of these */                                                            \
        ptrdiff_t col, first, next, last; /* bytes: between elements; where lines begin, and the last one read */ \
        int lines;                        /* 0: no such stride */                                                \
    } F##_stride;                                                                                                \
    SMF_INLINE void F##_stride_of(F##_stride *stride, ptrdiff_t col)                                             \
    {                                                                                                            \
        const int size = sizeof(R), back = col < 0, apart = (int)(back ? -col / size : col / size);              \
        const __m512i lane = _mm512_loadu_si512(F##_lane), apart_ = _mm512_set1_##d(apart);           \
        const __m512i mirror = _mm512_set1_##d(back ? W - 1 : 0), place = _mm512_mullo_##d(lane, apart_);         \
        stride->col = col;                                                                                       \
        stride->first = stride->next = stride->last = stride->lines = 0;                                         \
        if (col % size || col == 0 || col == size || col < -LINES * size || col > LINES * size) return;                         \
        stride->lines = apart;                                                                                   \
        stride->first = back ? -(W - 1) * size : 0;                                                              \
        stride->next = back ? -64 : 64;                                                                          \
        stride->last = (W - 1) * (col - (back ? -size : size)) + stride->first;                                  \
        for (int j = 0; j < apart; j++) {                                                                        \
            const int begins = j < apart - 1 ? j * W : j * (W - 1); /* the last one ends with an element */      \
            const I here = _mm512_cmpge_##d##_mask(place, _mm512_set1_##d(j * W));                               \
            const __m512i before = j == 1 ? _mm512_xor_si512(place, mirror) : lane;                              \
            const __m512i from = _mm512_xor_si512(_mm512_sub_##d(place, _mm512_set1_##d(begins)), mirror);       \
            const __m512i at = _mm512_add_##d(_mm512_xor_si512(lane, mirror), _mm512_set1_##d(j * W));           \
            stride->in[j] = _mm512_mask_add_##d(before, here, from, _mm512_set1_##d(j > 0 ? W : 0));             \
            stride->out[j] = avx512_share_##d(at, apart);                                                        \
            stride->places[j] = _mm512_cmpeq_##d##_mask(_mm512_mullo_##d(stride->out[j], apart_), at);           \
        }                                                                                                        \
    }                                                                                                            \
    /* The places in line j of elements 0..n-1. */                                                               \
    SMF_INLINE I F##_places(const F##_stride *stride, int j, int n)                                              \
    {                                                                                                            \
        return _mm512_mask_cmplt_##d##_mask(stride->places[j], stride->out[j], _mm512_set1_##d(n));              \
    }                                                                                                            \
    SMF_INLINE void F##_gather(R *to, ptrdiff_t pitch, const char *p, ptrdiff_t next, const int count, size_t n, const F##_stride *stride) \
    {                                                                                                            \
        const int lines = stride->lines;                                                                         \
        V x[4];                                                                                                  \
        if (lines == 0 && n < W) {                                                                               \
            SMF_EACH(q, count) SMF_COPY(F, to + q * pitch, (ptrdiff_t)sizeof(R), p + q * next, stride->col, n); \
            return;                                                                                              \
        }                                                                                                        \
        if (lines == 0) SMF_EACH(q, count) x[q] = avx512_apart_##s(p + q * next, stride->col);                   \
        else if (n == W) SMF_EACH(q, count) x[q] = _mm512_loadu_##l(p + q * next + stride->first);               \
        else {                                                                                                   \
            const I some = F##_places(stride, 0, (int)n);                                                        \
            SMF_EACH(q, count) x[q] = _mm512_maskz_loadu_##s(some, p + q * next + stride->first);                \
        }                                                                                                        \
        if (lines == 1) SMF_EACH(q, count) x[q] = _mm512_permutexvar_##s(stride->in[0], x[q]);                   \
        for (int j = 1; j < lines; j++) {                                                                        \
            const __m512i in = stride->in[j];                                                                    \
            const char *const at = p + (j < lines - 1 ? stride->first + j * stride->next : stride->last);        \
            if (n == W) SMF_EACH(q, count) x[q] = _mm512_permutex2var_##s(x[q], in, _mm512_loadu_##l(at + q * next)); \
            else {                                                                                               \
                const unsigned places = F##_places(stride, j, (int)n), moved = stride->col < 0 ? places >> j : places << j; \
                const I some = (I)(j < lines - 1 ? places : moved); /* the last line begins j places early */    \
                SMF_EACH(q, count)                                                                               \
                x[q] = _mm512_permutex2var_##s(x[q], in, _mm512_maskz_loadu_##s(some, at + q * next));           \
            }                                                                                                    \
        }                                                                                                        \
        const I lanes = (I)(n == W ? ~(I)0 : ((I)1 << n) - 1);                                                   \
        if (n == W) SMF_EACH(q, count) _mm512_storeu_##l(to + q * pitch, x[q]);                                  \
        else SMF_EACH(q, count) _mm512_mask_storeu_##s(to + q * pitch, lanes, x[q]);                             \
    }                                                                                                            \
    SMF_INLINE int F##_scatters(const F##_stride *stride) { return stride->lines > 0; }                          \
    SMF_INLINE void F##_scatter(char *p, ptrdiff_t next, const V *y, const int count, int n, const F##_stride *stride) \
    {                                                                                                            \
        const ptrdiff_t step = stride->next; /* here, as stores might change it there */                         \
        const int lines = stride->lines;                                                                         \
        p += stride->first;                                                                                      \
        for (int j = 0; j < lines; j++, p += step) {                                                             \
            const __m512i out = stride->out[j];                                                                  \
            const I places = n == W ? stride->places[j] : F##_places(stride, j, n);                              \
            SMF_EACH(q, count) _mm512_mask_storeu_##s(p + q * next, places, _mm512_permutexvar_##s(out, y[q]));   \
        }                                                                                                        \
    }                                                                                                            \
    static SMF_NOINLINE void F##_elements_out(char *to, const F##_stride *stride, const R *from, size_t n)       \
    {                                                                                                            \
        const ptrdiff_t col = stride->col;                                                                       \
        V y[4];                                                                                                  \
        size_t i = 0;                                                                                            \
        if (n < W || !F##_scatters(stride)) {                                                                    \
            SMF_COPY(F, to, col, from, (ptrdiff_t)sizeof(R), n);                                                 \
            return;                                                                                              \
        }                                                                                                        \
        for (; i + 4 * W <= n; i += 4 * W) {                                                                     \
            SMF_EACH(q, 4) y[q] = _mm512_loadu_##l(from + i + q * W);                                            \
            F##_scatter(to + (ptrdiff_t)i * col, W * col, y, 4, W, stride);                                      \
        }                                                                                                        \
        for (; i < n; i += W) {                                                                                  \
            const size_t k = i + W <= n ? i : n - W; /* the last vector overlaps the one before */               \
            y[0] = _mm512_loadu_##l(from + k);                                                                   \
            F##_scatter(to + (ptrdiff_t)k * col, W * col, y, 1, W, stride);                                      \
        }                                                                                                        \
    }
/* floor(at / apart), 0 <= at < 256 */
SMF_INLINE __m512i avx512_share_epi16(__m512i at, int apart)
{
    const __m512i twice = _mm512_add_epi16(_mm512_add_epi16(at, at), _mm512_set1_epi16(1));
    return _mm512_mulhi_epu16(twice, _mm512_set1_epi16((short)(0x8000 / apart + 1)));
}
SMF_INLINE __m512i avx512_share_epi32(__m512i at, int apart)
{
    return _mm512_srli_epi32(_mm512_mullo_epi32(at, _mm512_set1_epi32(0x10000 / apart + 1)), 16);
}
SMF_INLINE __m512i avx512_share_epi64(__m512i at, int apart)
{
    return _mm512_srli_epi64(_mm512_mullo_epi64(at, _mm512_set1_epi64(0x10000 / apart + 1)), 16);
}
static const int16_t half_lane[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
static const int32_t f32_lane[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const int64_t f64_lane[] = {0, 1, 2, 3, 4, 5, 6, 7};
AVX512_STRIDE_WORDS(half, uint16_t, __m512i, 32, epi16, si512, epi16, __mmask32, 7)
AVX512_STRIDE_WORDS(f32, float, __m512, 16, ps, ps, epi32, __mmask16, 7)
AVX512_STRIDE_WORDS(f64, double, __m512d, 8, pd, pd, epi64, __mmask8, 3)
#undef AVX512_STRIDE_WORDS
