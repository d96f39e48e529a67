/* smf_simd_avx2.h: the SIMD words (defined in smf_simd_scalar.h) with a logical vector in two registers. */
#define SMF_UNROLL 2
#define SMF_LATER 2
#define SMF_SPREAD(W) ((W) / 2)
#define SMF_PACKS 1 /* short rows with gaps between them lose more by turning than by a copy */

typedef struct { __m256 a, b; } f32_v;
typedef struct { __m256d a, b; } f64_v;

/* Windows of these give the lane masks of load_n and store_n: all ones in the first n lanes of 16. */
static const int32_t avx2_mask32[32] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
static const int64_t avx2_mask64[16] = {-1, -1, -1, -1, -1, -1, -1, -1};

#define SMF_AVX2_MASKS(table, size, half)                                          \
    const __m256i ma = _mm256_loadu_si256((const __m256i *)(table + (size - n)));  \
    const __m256i mb = _mm256_loadu_si256((const __m256i *)(table + (size - n) + half))

#define SMF_AVX2_PAIR(F, word, intrinsic) \
    SMF_INLINE F word(F x, F y) { F r = {intrinsic(x.a, y.a), intrinsic(x.b, y.b)}; return r; }

SMF_INLINE f32_v f32_set1(float x) { f32_v r = {_mm256_set1_ps(x), _mm256_set1_ps(x)}; return r; }
SMF_INLINE f32_v f32_load(const float *p) { f32_v r = {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; return r; }
SMF_INLINE void f32_store(float *p, f32_v x) { _mm256_storeu_ps(p, x.a); _mm256_storeu_ps(p + 8, x.b); }
SMF_INLINE void f32_store_apart(float *p, f32_v x) { _mm256_stream_ps(p, x.a); _mm256_stream_ps(p + 8, x.b); }
SMF_INLINE void f64_store_apart(double *p, f64_v x) { _mm256_stream_pd(p, x.a); _mm256_stream_pd(p + 4, x.b); }
#define v_fence() _mm_sfence()
SMF_INLINE f32_v f32_load_n(const float *p, size_t n)
{
    SMF_AVX2_MASKS(avx2_mask32, 16, 8);
    const __m256 pad = _mm256_set1_ps(-INFINITY);
    f32_v r = {_mm256_blendv_ps(pad, _mm256_maskload_ps(p, ma), _mm256_castsi256_ps(ma)),
               _mm256_blendv_ps(pad, _mm256_maskload_ps(p + 8, mb), _mm256_castsi256_ps(mb))};
    return r;
}
/* Not by maskstore, here and below, which takes some 20 cycles on AMD. */
SMF_INLINE void f32_store_n(float *p, f32_v x, size_t n)
{
    __m256 v = n & 8 ? x.b : x.a;
    __m128 q;
    if (n >= 8) _mm256_storeu_ps(p, x.a);
    if (n == 16) _mm256_storeu_ps(p + 8, x.b);
    p += n & 8;
    q = n & 4 ? _mm256_extractf128_ps(v, 1) : _mm256_castps256_ps128(v);
    if (n & 4) _mm_storeu_ps(p, _mm256_castps256_ps128(v));
    p += n & 4;
    if (n & 2) _mm_storel_pi((__m64 *)(void *)p, q);
    if (n & 1) _mm_store_ss(p + (n & 2), n & 2 ? _mm_movehl_ps(q, q) : q);
}
SMF_AVX2_PAIR(f32_v, f32_add, _mm256_add_ps)
SMF_AVX2_PAIR(f32_v, f32_sub, _mm256_sub_ps)
SMF_AVX2_PAIR(f32_v, f32_mul, _mm256_mul_ps)
SMF_AVX2_PAIR(f32_v, f32_max, _mm256_max_ps)
SMF_AVX2_PAIR(f32_v, f32_div, _mm256_div_ps)
SMF_INLINE f32_v f32_fma(f32_v x, f32_v y, f32_v z)
{
    f32_v r = {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
    return r;
}
SMF_INLINE f32_v f32_lookup(const void *table, f32_v t)
{
    const __m256 p = _mm256_loadu_ps((const float *)table);
    f32_v r = {_mm256_permutevar8x32_ps(p, _mm256_castps_si256(t.a)), _mm256_permutevar8x32_ps(p, _mm256_castps_si256(t.b))};
    return r;
}
/* Each half takes its places, from its first on, from one register. */
typedef struct { __m256i a, b; int first_a, first_b; } f32_place;
SMF_INLINE f32_place f32_place_of(f32_v t)
{
    const __m256i a = _mm256_and_si256(_mm256_castps_si256(t.a), _mm256_set1_epi32(15));
    const __m256i b = _mm256_and_si256(_mm256_castps_si256(t.b), _mm256_set1_epi32(15));
    const int first_a = _mm256_cvtsi256_si32(a), first_b = _mm256_cvtsi256_si32(b);
    const f32_place q = {_mm256_sub_epi32(a, _mm256_set1_epi32(first_a)), _mm256_sub_epi32(b, _mm256_set1_epi32(first_b)), first_a, first_b};
    return q;
}
SMF_INLINE f32_v f32_spread(const float *p, const f32_place *q)
{
    f32_v r = {_mm256_permutevar8x32_ps(_mm256_loadu_ps(p + q->first_a), q->a),
               _mm256_permutevar8x32_ps(_mm256_loadu_ps(p + q->first_b), q->b)};
    return r;
}
SMF_INLINE __m256 avx2_raise(__m256 a, __m256 t)
{
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), _mm256_slli_epi32(_mm256_castps_si256(t), 20)));
}
SMF_AVX2_PAIR(f32_v, f32_raise, avx2_raise)
SMF_INLINE int f32_beyond(f32_v x)
{
    return !_mm256_testz_si256(_mm256_castps_si256(_mm256_or_ps(x.a, x.b)), _mm256_set1_epi32(-0x40000400));
}
SMF_INLINE f32_v f32_once(f32_v x) { SMF_ONCE(x.a); SMF_ONCE(x.b); return x; }
SMF_INLINE f64_v f64_once(f64_v x) { SMF_ONCE(x.a); SMF_ONCE(x.b); return x; }
SMF_INLINE f32_v f32_drop_eq(f32_v v, f32_v x, f32_v m)
{
    f32_v r = {_mm256_and_ps(v.a, _mm256_cmp_ps(x.a, m.a, _CMP_NEQ_UQ)),
               _mm256_and_ps(v.b, _mm256_cmp_ps(x.b, m.b, _CMP_NEQ_UQ))};
    return r;
}
SMF_INLINE size_t f32_count_eq(f32_v x, f32_v m)
{
    const int a = _mm256_movemask_ps(_mm256_cmp_ps(x.a, m.a, _CMP_EQ_OQ));
    const int b = _mm256_movemask_ps(_mm256_cmp_ps(x.b, m.b, _CMP_EQ_OQ));
    return (size_t)_mm_popcnt_u32((unsigned)(a | b << 8));
}
SMF_INLINE f32_v f32_pick(f32_v x, f32_v m, f32_v v, f32_v w)
{
    f32_v r = {_mm256_blendv_ps(w.a, v.a, _mm256_cmp_ps(x.a, m.a, _CMP_GT_OQ)),
               _mm256_blendv_ps(w.b, v.b, _mm256_cmp_ps(x.b, m.b, _CMP_GT_OQ))};
    return r;
}
SMF_INLINE float f32_hmax(f32_v x)
{
    const __m256 m = _mm256_max_ps(x.a, x.b);
    __m128 h = _mm_max_ps(_mm256_castps256_ps128(m), _mm256_extractf128_ps(m, 1));
    h = _mm_max_ps(h, _mm_movehl_ps(h, h));
    return _mm_cvtss_f32(_mm_max_ss(h, _mm_movehdup_ps(h)));
}
SMF_INLINE f64_v avx2_widen(__m256 x)
{
    f64_v r = {_mm256_cvtps_pd(_mm256_castps256_ps128(x)), _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1))};
    return r;
}
SMF_INLINE f64_v f32_lo(f32_v x) { return avx2_widen(x.a); }
SMF_INLINE f64_v f32_hi(f32_v x) { return avx2_widen(x.b); }
SMF_INLINE f64_v f32_wide(const float *p)
{
    f64_v r = {_mm256_cvtps_pd(_mm_loadu_ps(p)), _mm256_cvtps_pd(_mm_loadu_ps(p + 4))};
    return r;
}
SMF_INLINE __m256d avx2_even(__m256 x)
{
    return _mm256_castsi256_pd(_mm256_mul_epu32(_mm256_castps_si256(x), _mm256_set1_epi64x(1 << 29)));
}
SMF_INLINE __m256d avx2_odd(__m256 x)
{
    const __m256i bits = _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi64x(0x7fffffff00000000));
    return _mm256_castsi256_pd(_mm256_srli_epi64(bits, 3));
}
SMF_INLINE f64_v f32_even(f32_v x) { f64_v r = {avx2_even(x.a), avx2_even(x.b)}; return r; }
SMF_INLINE f64_v f32_odd(f32_v x) { f64_v r = {avx2_odd(x.a), avx2_odd(x.b)}; return r; }

SMF_INLINE f32_v f32_join(f64_v x, f64_v y)
{
    f32_v r = {_mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(x.a)), _mm256_cvtpd_ps(x.b), 1),
               _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(y.a)), _mm256_cvtpd_ps(y.b), 1)};
    return r;
}

SMF_INLINE f64_v f64_set1(double x) { f64_v r = {_mm256_set1_pd(x), _mm256_set1_pd(x)}; return r; }
SMF_INLINE f64_v f64_load(const double *p) { f64_v r = {_mm256_loadu_pd(p), _mm256_loadu_pd(p + 4)}; return r; }
SMF_INLINE void f64_store(double *p, f64_v x) { _mm256_storeu_pd(p, x.a); _mm256_storeu_pd(p + 4, x.b); }
SMF_INLINE f64_v f64_load_n(const double *p, size_t n)
{
    SMF_AVX2_MASKS(avx2_mask64, 8, 4);
    const __m256d pad = _mm256_set1_pd(-INFINITY);
    f64_v r = {_mm256_blendv_pd(pad, _mm256_maskload_pd(p, ma), _mm256_castsi256_pd(ma)),
               _mm256_blendv_pd(pad, _mm256_maskload_pd(p + 4, mb), _mm256_castsi256_pd(mb))};
    return r;
}
SMF_INLINE void f64_store_n(double *p, f64_v x, size_t n)
{
    const __m256d v = n & 4 ? x.b : x.a;
    if (n >= 4) _mm256_storeu_pd(p, x.a);
    if (n == 8) _mm256_storeu_pd(p + 4, x.b);
    p += n & 4;
    if (n & 2) _mm_storeu_pd(p, _mm256_castpd256_pd128(v));
    if (n & 1) _mm_store_sd(p + (n & 2), n & 2 ? _mm256_extractf128_pd(v, 1) : _mm256_castpd256_pd128(v));
}
SMF_AVX2_PAIR(f64_v, f64_add, _mm256_add_pd)
SMF_AVX2_PAIR(f64_v, f64_sub, _mm256_sub_pd)
SMF_AVX2_PAIR(f64_v, f64_mul, _mm256_mul_pd)
SMF_AVX2_PAIR(f64_v, f64_max, _mm256_max_pd)
SMF_INLINE f64_v f64_fma(f64_v x, f64_v y, f64_v z)
{
    f64_v r = {_mm256_fmadd_pd(x.a, y.a, z.a), _mm256_fmadd_pd(x.b, y.b, z.b)};
    return r;
}
SMF_INLINE __m256d avx2_lookup_pd(__m256 lower, __m256 upper, __m256d t)
{
    const __m256i j = _mm256_castps_si256(_mm256_moveldup_ps(_mm256_castpd_ps(t)));
    return _mm256_castps_pd(_mm256_blend_ps(_mm256_permutevar8x32_ps(lower, j), _mm256_permutevar8x32_ps(upper, j), 0xAA));
}
SMF_INLINE f64_v f64_lookup(const void *table, f64_v t)
{
    const __m256 p = _mm256_loadu_ps((const float *)table), q = _mm256_loadu_ps((const float *)table + 8);
    const __m256d l = _mm256_castps_pd(_mm256_shuffle_ps(p, q, 0x88)), u = _mm256_castps_pd(_mm256_shuffle_ps(p, q, 0xDD));
    const __m256 lower = _mm256_castpd_ps(_mm256_permute4x64_pd(l, 0xD8)), upper = _mm256_castpd_ps(_mm256_permute4x64_pd(u, 0xD8));
    f64_v r = {avx2_lookup_pd(lower, upper, t.a), avx2_lookup_pd(lower, upper, t.b)};
    return r;
}
typedef f32_place f64_place; /* in halves of a double */
SMF_INLINE __m256i avx2_place_pd(__m256d t, int *first)
{
    const __m256i j = _mm256_and_si256(_mm256_shuffle_epi32(_mm256_castpd_si256(t), 0xA0), _mm256_set1_epi32(7));
    *first = _mm256_cvtsi256_si32(j);
    return _mm256_add_epi32(_mm256_slli_epi32(_mm256_sub_epi32(j, _mm256_set1_epi32(*first)), 1), _mm256_setr_epi32(0, 1, 0, 1, 0, 1, 0, 1));
}
SMF_INLINE f64_place f64_place_of(f64_v t)
{
    f64_place q;
    q.a = avx2_place_pd(t.a, &q.first_a);
    q.b = avx2_place_pd(t.b, &q.first_b);
    return q;
}
SMF_INLINE f64_v f64_spread(const double *p, const f64_place *q)
{
    f64_v r = {_mm256_castps_pd(_mm256_permutevar8x32_ps(_mm256_castpd_ps(_mm256_loadu_pd(p + q->first_a)), q->a)),
               _mm256_castps_pd(_mm256_permutevar8x32_ps(_mm256_castpd_ps(_mm256_loadu_pd(p + q->first_b)), q->b))};
    return r;
}
SMF_INLINE __m256d avx2_raise_pd(__m256d a, __m256d t)
{
    return _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(a), _mm256_slli_epi64(_mm256_castpd_si256(t), 49)));
}
SMF_AVX2_PAIR(f64_v, f64_raise, avx2_raise_pd)
/* Rows of W/2 to W elements: the first W/2 and the last. */
#define SMF_SCALES 1
#define AVX2_SCALE(F, R, V, W, S)                                                                          \
    SMF_INLINE void F##_scale(R *y, const R *e, R hi, R lo, size_t n)                                      \
    {                                                                                                      \
        const V h = _mm256_set1_##S(hi), l = _mm256_set1_##S(lo);                                          \
        const V a = _mm256_loadu_##S(e), b = _mm256_loadu_##S(e + (n - W / 2));                            \
        _mm256_storeu_##S(y, _mm256_fmadd_##S(a, h, _mm256_mul_##S(a, l)));                                \
        _mm256_storeu_##S(y + (n - W / 2), _mm256_fmadd_##S(b, h, _mm256_mul_##S(b, l)));                  \
    }
AVX2_SCALE(f32, float, __m256, 16, ps)
AVX2_SCALE(f64, double, __m256d, 8, pd)
#undef AVX2_SCALE
/* stray, stray_above and fma_above of both dtypes. */
#define SMF_AVX2_ABOVE(F, V, S)                                                                                            \
    SMF_INLINE V avx2_above_##S(V v, V x, V low) { return _mm256_and_##S(v, _mm256_cmp_##S(x, low, _CMP_NLE_UQ)); }        \
    SMF_INLINE F##_v F##_stray(F##_v a, F##_v t)                                                                           \
    {                                                                                                                      \
        F##_v r = {_mm256_or_##S(a.a, t.a), _mm256_or_##S(a.b, t.b)};                                                      \
        return r;                                                                                                          \
    }                                                                                                                      \
    SMF_INLINE F##_v F##_stray_above(F##_v a, F##_v t, F##_v x, F##_v low)                                                 \
    {                                                                                                                      \
        F##_v r = {_mm256_or_##S(a.a, avx2_above_##S(t.a, x.a, low.a)), _mm256_or_##S(a.b, avx2_above_##S(t.b, x.b, low.b))}; \
        return r;                                                                                                          \
    }                                                                                                                      \
    SMF_INLINE F##_v F##_fma_above(F##_v a, F##_v b, F##_v c, F##_v x, F##_v low)                                          \
    {                                                                                                                      \
        const F##_v v = F##_fma(a, b, c);                                                                                  \
        F##_v r = {avx2_above_##S(v.a, x.a, low.a), avx2_above_##S(v.b, x.b, low.b)};                                      \
        return r;                                                                                                          \
    }
SMF_AVX2_ABOVE(f32, __m256, ps)
SMF_AVX2_ABOVE(f64, __m256d, pd)
SMF_INLINE int f64_beyond(f64_v x)
{
    return !_mm256_testz_si256(_mm256_castpd_si256(_mm256_or_pd(x.a, x.b)), _mm256_set1_epi64x(-0x4000000000002000));
}
SMF_INLINE f64_v f64_drop_eq(f64_v v, f64_v x, f64_v m)
{
    f64_v r = {_mm256_and_pd(v.a, _mm256_cmp_pd(x.a, m.a, _CMP_NEQ_UQ)),
               _mm256_and_pd(v.b, _mm256_cmp_pd(x.b, m.b, _CMP_NEQ_UQ))};
    return r;
}
SMF_INLINE size_t f64_count_eq(f64_v x, f64_v m)
{
    const int a = _mm256_movemask_pd(_mm256_cmp_pd(x.a, m.a, _CMP_EQ_OQ));
    const int b = _mm256_movemask_pd(_mm256_cmp_pd(x.b, m.b, _CMP_EQ_OQ));
    return (size_t)_mm_popcnt_u32((unsigned)(a | b << 4));
}
SMF_INLINE f64_v f64_pick(f64_v x, f64_v m, f64_v v, f64_v w)
{
    f64_v r = {_mm256_blendv_pd(w.a, v.a, _mm256_cmp_pd(x.a, m.a, _CMP_GT_OQ)),
               _mm256_blendv_pd(w.b, v.b, _mm256_cmp_pd(x.b, m.b, _CMP_GT_OQ))};
    return r;
}
SMF_INLINE double f64_hmax(f64_v x)
{
    const __m256d m = _mm256_max_pd(x.a, x.b);
    const __m128d h = _mm_max_pd(_mm256_castpd256_pd128(m), _mm256_extractf128_pd(m, 1));
    return _mm_cvtsd_f64(_mm_max_sd(h, _mm_unpackhi_pd(h, h)));
}
SMF_AVX2_PAIR(f64_v, f64_div, _mm256_div_pd)
#define SMF_LOW_HALVES(x, y) _mm256_permute2f128_pd(x, y, 0x20)
#define SMF_HIGH_HALVES(x, y) _mm256_permute2f128_pd(x, y, 0x31)
SMF_INLINE f64_v avx2_zip(__m256d x, __m256d y)
{
    const __m256d lo = _mm256_unpacklo_pd(x, y), hi = _mm256_unpackhi_pd(x, y);
    f64_v r = {SMF_LOW_HALVES(lo, hi), SMF_HIGH_HALVES(lo, hi)};
    return r;
}
SMF_INLINE f64_v f64_zip_lo(f64_v x, f64_v y) { return avx2_zip(x.a, y.a); }
SMF_INLINE f64_v f64_zip_hi(f64_v x, f64_v y) { return avx2_zip(x.b, y.b); }
#define AVX2_UNZIP(word, unpack)                                                                 \
    SMF_INLINE f64_v word(f64_v x, f64_v y)                                                      \
    {                                                                                            \
        f64_v r = {_mm256_permute4x64_pd(unpack(x.a, x.b), 0xD8), _mm256_permute4x64_pd(unpack(y.a, y.b), 0xD8)}; \
        return r;                                                                                \
    }
AVX2_UNZIP(f64_unzip_even, _mm256_unpacklo_pd)
AVX2_UNZIP(f64_unzip_odd, _mm256_unpackhi_pd)
#undef AVX2_UNZIP
SMF_INLINE __m256d avx2_binade(__m256d v, __m256d *scale)
{
    const __m256i half = _mm256_set1_epi64x((long long)SMF_SQRT_HALF_BITS), one = _mm256_set1_epi64x((long long)SMF_ONE_BITS);
    const __m256i k = _mm256_srli_epi64(_mm256_sub_epi64(_mm256_castpd_si256(v), half), 52);
    const __m256d two52 = _mm256_set1_pd(0x1p52); /* k in its low bits makes 2^52 + k */
    *scale = _mm256_castsi256_pd(_mm256_sub_epi64(one, _mm256_slli_epi64(k, 52)));
    return _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(k, _mm256_castpd_si256(two52))), two52);
}
SMF_INLINE f64_v f64_binade(f64_v v, f64_v *scale)
{
    f64_v r;
    r.a = avx2_binade(v.a, &scale->a);
    r.b = avx2_binade(v.b, &scale->b);
    return r;
}

SMF_INLINE __m256i avx2_mask4(int columns)
{
    return _mm256_loadu_si256((const __m256i *)(avx2_mask64 + 8 - columns));
}

/* 4 x 4 blocks of 8 rows r, r + 4 to columns, and back. */
SMF_INLINE void avx2_turn_ps(__m256 z[4])
{
    const __m256 a = _mm256_unpacklo_ps(z[0], z[1]), b = _mm256_unpackhi_ps(z[0], z[1]);
    const __m256 c = _mm256_unpacklo_ps(z[2], z[3]), d = _mm256_unpackhi_ps(z[2], z[3]);
    z[0] = _mm256_shuffle_ps(a, c, 0x44);
    z[1] = _mm256_shuffle_ps(a, c, 0xEE);
    z[2] = _mm256_shuffle_ps(b, d, 0x44);
    z[3] = _mm256_shuffle_ps(b, d, 0xEE);
}
SMF_INLINE __m128 avx2_some_ps(const char *p, int columns)
{
    const float *at = (const float *)(const void *)p;
    return columns == 4 ? _mm_loadu_ps(at)
                        : _mm_maskload_ps(at, _mm_loadu_si128((const __m128i *)(avx2_mask32 + 16 - columns)));
}
SMF_INLINE void f32_load4(const char *p, ptrdiff_t stride, int columns, int dense, f32_v *c)
{
    const int most = dense ? 4 : columns; /* of all rows but the last */
    __m256 z[4];
#define SMF_HALF(half, first)                                                                          \
    SMF_EACH(r, 4)                                                                                     \
    z[r] = _mm256_insertf128_ps(_mm256_castps128_ps256(avx2_some_ps(p + (first + r) * stride, most)),  \
                                avx2_some_ps(p + (first + r + 4) * stride, first + r + 4 == 15 ? columns : most), 1); \
    avx2_turn_ps(z);                                                                                   \
    SMF_EACH(q, 4) c[q].half = z[q]
    SMF_HALF(a, 0);
    SMF_HALF(b, 8);
#undef SMF_HALF
}
SMF_INLINE void avx2_put_ps(char *p, int columns, __m128 v)
{
    float *at = (float *)(void *)p;
    if (columns == 4) _mm_storeu_ps(at, v);
    else if (columns == 1) _mm_store_ss(at, v);
    else {
        _mm_storel_pi((__m64 *)(void *)at, v);
        if (columns == 3) _mm_store_ss(at + 2, _mm_movehl_ps(v, v));
    }
}
SMF_INLINE void f32_store4(char *p, ptrdiff_t stride, int columns, int dense, const f32_v *c)
{
    const int most = dense ? 4 : columns;
    __m256 z[4];
#define SMF_HALF(half, first)                                                                                         \
    SMF_EACH(q, 4) z[q] = c[q].half;                                                                                  \
    avx2_turn_ps(z);                                                                                                  \
    SMF_EACH(r, 4) avx2_put_ps(p + (first + r) * stride, most, _mm256_castps256_ps128(z[r]));                          \
    SMF_EACH(r, 4) avx2_put_ps(p + (first + r + 4) * stride, first + r + 4 == 15 ? columns : most, _mm256_extractf128_ps(z[r], 1))
    SMF_HALF(a, 0);
    SMF_HALF(b, 8);
#undef SMF_HALF
}

/* 4 x 4 blocks of 4 rows of doubles. */
SMF_INLINE void avx2_turn_pd(__m256d z[4])
{
    const __m256d a = _mm256_unpacklo_pd(z[0], z[1]), b = _mm256_unpackhi_pd(z[0], z[1]);
    const __m256d c = _mm256_unpacklo_pd(z[2], z[3]), d = _mm256_unpackhi_pd(z[2], z[3]);
    z[0] = SMF_LOW_HALVES(a, c);
    z[1] = SMF_LOW_HALVES(b, d);
    z[2] = SMF_HIGH_HALVES(a, c);
    z[3] = SMF_HIGH_HALVES(b, d);
}
SMF_INLINE __m256d avx2_some_pd(const char *p, int columns)
{
    const double *at = (const double *)(const void *)p;
    return columns == 4 ? _mm256_loadu_pd(at) : _mm256_maskload_pd(at, avx2_mask4(columns));
}
SMF_INLINE void f64_load4(const char *p, ptrdiff_t stride, int columns, int dense, f64_v *c)
{
    const int most = dense ? 4 : columns;
    __m256d z[4];
#define SMF_HALF(half, first)                                                                                     \
    SMF_EACH(r, 4) z[r] = avx2_some_pd(p + (first + r) * stride, first + r == 7 ? columns : most);                \
    avx2_turn_pd(z);                                                                                              \
    SMF_EACH(q, 4) c[q].half = z[q]
    SMF_HALF(a, 0);
    SMF_HALF(b, 4);
#undef SMF_HALF
}
SMF_INLINE void avx2_put_pd(char *p, int columns, __m256d v)
{
    double *at = (double *)(void *)p;
    if (columns == 4) _mm256_storeu_pd(at, v);
    else if (columns == 1) _mm_store_sd(at, _mm256_castpd256_pd128(v));
    else {
        _mm_storeu_pd(at, _mm256_castpd256_pd128(v));
        if (columns == 3) _mm_store_sd(at + 2, _mm256_extractf128_pd(v, 1));
    }
}
SMF_INLINE void f64_store4(char *p, ptrdiff_t stride, int columns, int dense, const f64_v *c)
{
    const int most = dense ? 4 : columns;
    __m256d z[4];
#define SMF_HALF(half, first)                                        \
    SMF_EACH(q, 4) z[q] = c[q].half;                                 \
    avx2_turn_pd(z);                                                 \
    SMF_EACH(r, 4) avx2_put_pd(p + (first + r) * stride, first + r == 7 ? columns : most, z[r])
    SMF_HALF(a, 0);
    SMF_HALF(b, 4);
#undef SMF_HALF
}

SMF_INLINE __m256 avx2_f16_in(__m128i h) { return _mm256_cvtph_ps(h); }
SMF_INLINE __m256 avx2_bf16_in(__m128i h)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}
SMF_INLINE __m256i f16_rounded(f32_v x)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT)),
                                   _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT), 1);
}
SMF_INLINE void f16_out(char *p, f32_v x)
{
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128((__m128i *)(void *)(p + 16), _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT));
}
SMF_INLINE __m256i avx2_bf16_round(__m256 x)
{
    const __m256i bits = _mm256_castps_si256(x), odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    return _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd), 16);
}
SMF_INLINE __m256i bf16_rounded(f32_v x)
{
    return _mm256_permute4x64_epi64(_mm256_packus_epi32(avx2_bf16_round(x.a), avx2_bf16_round(x.b)), 0xD8);
}
SMF_INLINE void bf16_out(char *p, f32_v x) { _mm256_storeu_si256((__m256i *)(void *)p, bf16_rounded(x)); }
#define SMF_MASKED_HALF 1
/* The first n of 16 halves, then `pad`. */
SMF_INLINE __m256i avx2_some_halves(const char *p, size_t n, uint16_t pad)
{
    static const uint8_t from[32] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x80, 0x80, 0x80, 0x80,
                                     0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
    const uint16_t *const ones = (const uint16_t *)(const void *)avx2_mask32 + (32 - n % 8); /* so many */
    const __m128i pads = _mm_set1_epi16((short)pad), mask = _mm_loadu_si128((const __m128i *)(const void *)ones);
    uint32_t two;
    uint16_t one;
    __m128i v = _mm_setzero_si128();
    if (n >= 8) { /* those after the first 8 end the last 8 */
        const __m128i places = _mm_loadu_si128((const __m128i *)(const void *)(from + 16 - 2 * (n - 8)));
        v = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 2 * (n - 8))), places);
        return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)p)),
                                       _mm_blendv_epi8(pads, v, mask), 1);
    }
    if (n & 2) memcpy(&two, p + 2 * (n & 4), 4), v = _mm_cvtsi32_si128((int)two);
    if (n & 1) memcpy(&one, p + 2 * (n & 6), 2), v = n & 2 ? _mm_insert_epi16(v, one, 2) : _mm_insert_epi16(v, one, 0);
    if (n & 4) v = _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)(const void *)p), v);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_blendv_epi8(pads, v, mask)), pads, 1);
}
SMF_INLINE void avx2_put_halves(char *p, __m256i x, size_t n)
{
    __m128i v = n & 8 ? _mm256_extracti128_si256(x, 1) : _mm256_castsi256_si128(x);
    uint32_t two;
    uint16_t one;
    if (n >= 8) _mm_storeu_si128((__m128i *)(void *)p, _mm256_castsi256_si128(x));
    p += 2 * (n & 8);
    if (n & 4) _mm_storel_epi64((__m128i *)(void *)p, v), v = _mm_unpackhi_epi64(v, v);
    p += 2 * (n & 4);
    two = (uint32_t)_mm_cvtsi128_si32(v);
    one = n & 2 ? (uint16_t)_mm_extract_epi16(v, 2) : (uint16_t)two;
    if (n & 2) memcpy(p, &two, 4);
    if (n & 1) memcpy(p + 2 * (n & 2), &one, 2);
}
#define AVX2_SOME(H, pad)                                                                                             \
    SMF_INLINE f32_v H##_in_n(const char *p, size_t n)                                                                \
    {                                                                                                                 \
        const __m256i h = avx2_some_halves(p, n, pad);                                                                \
        f32_v r = {avx2_##H##_in(_mm256_castsi256_si128(h)), avx2_##H##_in(_mm256_extracti128_si256(h, 1))};          \
        return r;                                                                                                     \
    }                                                                                                                 \
    SMF_INLINE void H##_out_n(char *p, f32_v x, size_t n) { avx2_put_halves(p, H##_rounded(x), n); }                  \
    SMF_INLINE f32_v H##_in(const char *p) /* of two halves from memory, as of one they would be moved */             \
    {                                                                                                                 \
        f32_v r = {avx2_##H##_in(_mm_loadu_si128((const __m128i *)(const void *)p)),                                  \
                   avx2_##H##_in(_mm_loadu_si128((const __m128i *)(const void *)(p + 16)))};                          \
        return r;                                                                                                     \
    }
AVX2_SOME(f16, 0xfc00)
AVX2_SOME(bf16, 0xff80)
#undef AVX2_SOME

#define SMF_KNOWN_STRIDES 1
SMF_INLINE __m256 avx2_floats(const char *p) { return _mm256_loadu_ps((const float *)(const void *)p); }
SMF_INLINE __m256d avx2_doubles(const char *p) { return _mm256_loadu_pd((const double *)(const void *)p); }
/* 8 floats n apart, 2 to 4, from vectors that begin 7 apart: the last one ends with the last float, and no two of those wanted lie in
 * the same lane, the i-th in lane n i % 7, the last in the last. */
#define AVX2_WANTED(n, k, i) ((n) * (i) >= 7 * (k) && (n) * (i) < 7 * (k) + 8 ? 1 << (((n) * (i) - 7 * (k)) & 7) : 0)
#define AVX2_BLEND(n, k)                                                                                             \
    if (k < n)                                                                                                       \
        v = _mm256_blend_ps(v, avx2_floats(p + 28 * k),                                                              \
                            AVX2_WANTED(n, k, 0) | AVX2_WANTED(n, k, 1) | AVX2_WANTED(n, k, 2) | AVX2_WANTED(n, k, 3) | \
                                AVX2_WANTED(n, k, 4) | AVX2_WANTED(n, k, 5) | AVX2_WANTED(n, k, 6) | AVX2_WANTED(n, k, 7));
#define AVX2_EVERY(n)                                                                                                \
    SMF_INLINE __m256 avx2_every##n##_ps(const char *p)                                                              \
    {                                                                                                                \
        const __m256i at = _mm256_setr_epi32(0, n % 7, 2 * n % 7, 3 * n % 7, 4 * n % 7, 5 * n % 7, 6 * n % 7, 7);    \
        __m256 v = avx2_floats(p);                                                                                   \
        AVX2_BLEND(n, 1) AVX2_BLEND(n, 2) AVX2_BLEND(n, 3)                                                           \
        return _mm256_permutevar8x32_ps(v, at);                                                                      \
    }
AVX2_EVERY(2)
AVX2_EVERY(3)
AVX2_EVERY(4)
#undef AVX2_EVERY
#undef AVX2_BLEND
#undef AVX2_WANTED
/* 8 floats 5 apart, from vectors that begin 8 apart: no two lie in the same lane there. These begin with the first float, and of the
 * last vector the first four are enough; or 4 floats on, with the first float alone: there is no line between where p is 16 bytes off. */
SMF_INLINE __m256 avx2_every5_ps(const char *p)
{
    const __m256i at = _mm256_setr_epi32(0, 5, 2, 7, 4, 1, 6, 3);
    const __m256 last = _mm256_castps128_ps256(_mm_loadu_ps((const float *)(const void *)(p + 128)));
    __m256 v = _mm256_blend_ps(avx2_floats(p), avx2_floats(p + 32), 0x84);
    v = _mm256_blend_ps(v, avx2_floats(p + 64), 0x10);
    v = _mm256_blend_ps(v, avx2_floats(p + 96), 0x42);
    return _mm256_permutevar8x32_ps(_mm256_blend_ps(v, last, 0x08), at);
}
SMF_INLINE __m256 avx2_every5_off_ps(const char *p)
{
    const __m256i at = _mm256_setr_epi32(4, 1, 6, 3, 0, 5, 2, 7);
    __m256 v = _mm256_blend_ps(avx2_floats(p + 16), avx2_floats(p + 48), 0x08);
    v = _mm256_blend_ps(v, avx2_floats(p + 80), 0x21);
    v = _mm256_blend_ps(v, avx2_floats(p + 112), 0x84);
    return _mm256_permutevar8x32_ps(_mm256_blend_ps(v, _mm256_broadcast_ss((const float *)(const void *)p), 0x10), at);
}
SMF_INLINE __m256d avx2_every2_pd(const char *p) /* 4 */
{
    return _mm256_permute4x64_pd(_mm256_blend_pd(avx2_doubles(p), avx2_doubles(p + 24), 0xA), 0xD8);
}
SMF_INLINE __m256 avx2_reverse_ps(__m256 v) { return _mm256_permutevar8x32_ps(v, _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0)); }
SMF_INLINE __m256d avx2_reverse_pd(__m256d v) { return _mm256_permute4x64_pd(v, 0x1B); }
SMF_INLINE void avx2_apart_ps(float *to, const char *p, ptrdiff_t col)
{
    SMF_EACH(k, 2)
    {
        const ptrdiff_t c2 = 2 * col;
        __m128 q = _mm_load_ss((const float *)(const void *)p);
        q = _mm_insert_ps(q, _mm_load_ss((const float *)(const void *)(p + col)), 0x10);
        q = _mm_insert_ps(q, _mm_load_ss((const float *)(const void *)(p + c2)), 0x20);
        q = _mm_insert_ps(q, _mm_load_ss((const float *)(const void *)(p + c2 + col)), 0x30);
        _mm_storeu_ps(to + 4 * k, q);
        p += 4 * col;
        SMF_ONCE_P(p);
    }
}
SMF_INLINE void avx2_apart_pd(double *to, const char *p, ptrdiff_t col)
{
    SMF_EACH(k, 2)
    {
        const __m128d q = _mm_load_sd((const double *)(const void *)p);
        _mm_storeu_pd(to + 2 * k, _mm_loadh_pd(q, (const double *)(const void *)(p + col)));
        p += 2 * col;
        SMF_ONCE_P(p);
    }
}
/* 8 halves. */
SMF_INLINE __m128i avx2_reverse_halves(const char *p)
{
    const __m128i back = _mm_setr_epi8(14, 15, 12, 13, 10, 11, 8, 9, 6, 7, 4, 5, 2, 3, 0, 1);
    return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), back);
}
/* Every n-th of what lies in n vectors, the last of which ends with the last element. */
SMF_INLINE __m128i avx2_every_halves(const char *p, const int n)
{
    __m128i v = _mm_setzero_si128();
#define SMF_PLACE(i) (short)((i) * n - begin >= 0 && (i) * n - begin < 8 ? 0x100 + 0x202 * ((i) * n - begin) : 0x8080)
    SMF_EACH(k, n)
    {
        const int begin = k < n - 1 ? 8 * k : 7 * n - 7;
        const __m128i places = _mm_setr_epi16(SMF_PLACE(0), SMF_PLACE(1), SMF_PLACE(2), SMF_PLACE(3), SMF_PLACE(4), SMF_PLACE(5),
                                              SMF_PLACE(6), SMF_PLACE(7));
        v = _mm_or_si128(v, _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 2 * begin)), places));
    }
#undef SMF_PLACE
    return v;
}
SMF_INLINE __m256i avx2_every2_halves(const char *p) /* 16 */
{
    const __m256i first = _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(const void *)p), _mm256_set1_epi32(0xffff));
    const __m256i last = _mm256_srli_epi32(_mm256_loadu_si256((const __m256i *)(const void *)(p + 30)), 16);
    return _mm256_permute4x64_epi64(_mm256_packus_epi32(first, last), 0xD8);
}
SMF_INLINE __m128i avx2_apart_halves(const char *p, ptrdiff_t col)
{
    const ptrdiff_t at[8] = {0, col, 2 * col, 3 * col, 4 * col, 5 * col, 6 * col, 7 * col};
    __m128i v = _mm_setzero_si128();
    uint16_t h[8];
    SMF_EACH(q, 8) memcpy(h + q, p + at[q], 2);
    v = _mm_insert_epi16(v, h[0], 0);
    v = _mm_insert_epi16(v, h[1], 1);
    v = _mm_insert_epi16(v, h[2], 2);
    v = _mm_insert_epi16(v, h[3], 3);
    v = _mm_insert_epi16(v, h[4], 4);
    v = _mm_insert_epi16(v, h[5], 5);
    v = _mm_insert_epi16(v, h[6], 6);
    return _mm_insert_epi16(v, h[7], 7);
}
/* The elements of each line by U at a time; where n is no multiple of that, the last ones overlap those before. */
#define AVX2_UNIT(R, STEP)                                                                                           \
    {                                                                                                                \
        const char *const at = p + (ptrdiff_t)k * next + (ptrdiff_t)i * col;                                         \
        R *const t = to + (ptrdiff_t)k * pitch + i;                                                                  \
        STEP                                                                                                         \
    }
#define AVX2_UNITS(R, U, STEP)                                                                                       \
    SMF_IN_PAIRS for (size_t k = 0; k < lines; k++) {                                                                \
        size_t i = 0;                                                                                                \
        SMF_IN_PAIRS for (; i + U <= n; i += U) AVX2_UNIT(R, STEP)                                                   \
        if (i < n) {                                                                                                 \
            i = n - U;                                                                                               \
            AVX2_UNIT(R, STEP)                                                                                       \
        }                                                                                                            \
    }
SMF_INLINE int half_known(uint16_t *to, ptrdiff_t pitch, const char *p, ptrdiff_t next, ptrdiff_t col, const size_t lines, const size_t n)
{
#define SMF_EIGHTS(v) AVX2_UNITS(uint16_t, 8, { _mm_storeu_si128((__m128i *)(void *)t, v); })
    if (n < 8) return 0;
    if (col == 4 && n >= 16) AVX2_UNITS(uint16_t, 16, { _mm256_storeu_si256((__m256i *)(void *)t, avx2_every2_halves(at)); })
    else if (col == 4) SMF_EIGHTS(avx2_every_halves(at, 2))
    else if (col == 6) SMF_EIGHTS(avx2_every_halves(at, 3))
    else if (col == 8) SMF_EIGHTS(avx2_every_halves(at, 4))
    else if (col == 10) SMF_EIGHTS(avx2_every_halves(at, 5))
    else if (col == -2) SMF_EIGHTS(avx2_reverse_halves(at - 14))
    else if (col == 2) SMF_EIGHTS(_mm_loadu_si128((const __m128i *)(const void *)at))
    else SMF_EIGHTS(avx2_apart_halves(at, col))
#undef SMF_EIGHTS
    return 1;
}
SMF_INLINE int half_knows_out(ptrdiff_t col) { return col == -2 || col == 2; }
SMF_INLINE void half_known_out(char *p, const uint16_t *from, ptrdiff_t col)
{
    if (col == 2) _mm_storeu_si128((__m128i *)(void *)p, _mm_loadu_si128((const __m128i *)(const void *)from));
    else _mm_storeu_si128((__m128i *)(void *)(p - 14), avx2_reverse_halves((const char *)from));
}
SMF_INLINE int f32_known(float *to, ptrdiff_t pitch, const char *p, ptrdiff_t next, ptrdiff_t col, const size_t lines, const size_t n)
{
    if (n < 8) return 0;
    if (col == 8) AVX2_UNITS(float, 8, { _mm256_storeu_ps(t, avx2_every2_ps(at)); })
    else if (col == 12) AVX2_UNITS(float, 8, { _mm256_storeu_ps(t, avx2_every3_ps(at)); })
    else if (col == 16) AVX2_UNITS(float, 8, { _mm256_storeu_ps(t, avx2_every4_ps(at)); })
    else if (col == 4) AVX2_UNITS(float, 8, { _mm256_storeu_ps(t, avx2_floats(at)); })
    else if (col == 20 && (uintptr_t)p % 32 == 16) AVX2_UNITS(float, 8, { _mm256_storeu_ps(t, avx2_every5_off_ps(at)); })
    else if (col == 20) AVX2_UNITS(float, 8, { _mm256_storeu_ps(t, avx2_every5_ps(at)); })
    else if (col == -4) AVX2_UNITS(float, 8, { _mm256_storeu_ps(t, avx2_reverse_ps(avx2_floats(at - 28))); })
    else AVX2_UNITS(float, 8, { avx2_apart_ps(t, at, col); })
    return 1;
}
SMF_INLINE int f64_known(double *to, ptrdiff_t pitch, const char *p, ptrdiff_t next, ptrdiff_t col, const size_t lines, const size_t n)
{
    if (n < 4) return 0;
    if (col == 16) AVX2_UNITS(double, 4, { _mm256_storeu_pd(t, avx2_every2_pd(at)); })
    else if (col == 8) AVX2_UNITS(double, 4, { _mm256_storeu_pd(t, avx2_doubles(at)); })
    else if (col == -8) AVX2_UNITS(double, 4, { _mm256_storeu_pd(t, avx2_reverse_pd(avx2_doubles(at - 24))); })
    else AVX2_UNITS(double, 4, { avx2_apart_pd(t, at, col); })
    return 1;
}
#undef AVX2_UNITS
#undef AVX2_UNIT
SMF_INLINE int f32_knows_out(ptrdiff_t col) { return col == -4; }
SMF_INLINE int f64_knows_out(ptrdiff_t col) { return col == -8; }
SMF_INLINE void f32_known_out(char *p, f32_v y, ptrdiff_t col)
{
    const f32_v r = {avx2_reverse_ps(y.b), avx2_reverse_ps(y.a)};
    f32_store((float *)(void *)(p + 15 * col), r);
}
SMF_INLINE void f64_known_out(char *p, f64_v y, ptrdiff_t col)
{
    const f64_v r = {avx2_reverse_pd(y.b), avx2_reverse_pd(y.a)};
    f64_store((double *)(void *)(p + 7 * col), r);
}
