/* smf_simd_neon.h: the SIMD words (defined in smf_simd_scalar.h) with a logical vector in four registers. */
#define SMF_UNROLL 1

typedef struct { float32x4_t q[4]; } f32_v;
typedef struct { float64x2_t q[4]; } f64_v;

#define SMF_NEON_WORDS(F, R, L, W, U, S)                                                                   \
    SMF_INLINE F##_v F##_set1(R x) { F##_v r; SMF_EACH(k, 4) r.q[k] = vdupq_n_##S(x); return r; }          \
    SMF_INLINE F##_v F##_load(const R *p) { F##_v r; SMF_EACH(k, 4) r.q[k] = vld1q_##S(p + L * k); return r; } \
    SMF_INLINE void F##_store(R *p, F##_v x) { SMF_EACH(k, 4) vst1q_##S(p + L * k, x.q[k]); }              \
    SMF_INLINE F##_v F##_load_n(const R *p, size_t n)                                                      \
    {                                                                                                      \
        R lane[W];                                                                                         \
        for (size_t k = 0; k < W; k++) lane[k] = k < n ? p[k] : -(R)INFINITY;                              \
        return F##_load(lane);                                                                             \
    }                                                                                                      \
    SMF_INLINE void F##_store_n(R *p, F##_v x, size_t n)                                                   \
    {                                                                                                      \
        R lane[W];                                                                                         \
        F##_store(lane, x);                                                                                \
        memcpy(p, lane, n * sizeof(R));                                                                    \
    }                                                                                                      \
    SMF_INLINE F##_v F##_add(F##_v x, F##_v y) { SMF_EACH(k, 4) x.q[k] = vaddq_##S(x.q[k], y.q[k]); return x; } \
    SMF_INLINE F##_v F##_sub(F##_v x, F##_v y) { SMF_EACH(k, 4) x.q[k] = vsubq_##S(x.q[k], y.q[k]); return x; } \
    SMF_INLINE F##_v F##_mul(F##_v x, F##_v y) { SMF_EACH(k, 4) x.q[k] = vmulq_##S(x.q[k], y.q[k]); return x; } \
    SMF_INLINE F##_v F##_max(F##_v x, F##_v y) { SMF_EACH(k, 4) x.q[k] = vmaxq_##S(x.q[k], y.q[k]); return x; } \
    SMF_INLINE F##_v F##_fma(F##_v x, F##_v y, F##_v z)                                                    \
    {                                                                                                      \
        SMF_EACH(k, 4) z.q[k] = vfmaq_##S(z.q[k], x.q[k], y.q[k]);                                         \
        return z;                                                                                          \
    }                                                                                                      \
    SMF_INLINE R F##_hmax(F##_v x)                                                                         \
    {                                                                                                      \
        return vmaxvq_##S(vmaxq_##S(vmaxq_##S(x.q[0], x.q[1]), vmaxq_##S(x.q[2], x.q[3])));                \
    }                                                                                                      \
    SMF_INLINE R F##_first(F##_v x) { return vgetq_lane_##S(x.q[0], 0); }                                  \
    SMF_INLINE F##_v F##_drop_eq(F##_v v, F##_v x, F##_v m)                                                \
    {                                                                                                      \
        SMF_EACH(k, 4)                                                                                     \
        v.q[k] = vreinterpretq_##S##_##U(vbicq_##U(vreinterpretq_##U##_##S(v.q[k]), vceqq_##S(x.q[k], m.q[k]))); \
        return v;                                                                                          \
    }                                                                                                      \
    SMF_INLINE size_t F##_count_eq(F##_v x, F##_v m)                                                       \
    {                                                                                                      \
        size_t n = 0; /* a true lane is all ones: it counts as minus one */                                \
        SMF_EACH(k, 4) n -= (size_t)(ptrdiff_t)SMF_NEON_SUM_##F(vceqq_##S(x.q[k], m.q[k]));                \
        return n;                                                                                          \
    }

#define SMF_NEON_SUM_f32(eq) vaddvq_s32(vreinterpretq_s32_u32(eq))
#define SMF_NEON_SUM_f64(eq) vaddvq_s64(vreinterpretq_s64_u64(eq))

SMF_NEON_WORDS(f32, float, 4, 16, u32, f32)
SMF_NEON_WORDS(f64, double, 2, 8, u64, f64)

SMF_INLINE f32_v f32_pow2(f32_v x)
{
    SMF_EACH(k, 4) x.q[k] = vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(x.q[k]), 23));
    return x;
}
SMF_INLINE f64_v f64_pow2(f64_v x)
{
    SMF_EACH(k, 4) x.q[k] = vreinterpretq_f64_u64(vshlq_n_u64(vreinterpretq_u64_f64(x.q[k]), 52));
    return x;
}
SMF_INLINE f64_v neon_widen(float32x4_t a, float32x4_t b)
{
    f64_v r = {{vcvt_f64_f32(vget_low_f32(a)), vcvt_high_f64_f32(a), vcvt_f64_f32(vget_low_f32(b)),
                vcvt_high_f64_f32(b)}};
    return r;
}
SMF_INLINE f64_v f32_lo(f32_v x) { return neon_widen(x.q[0], x.q[1]); }
SMF_INLINE f64_v f32_hi(f32_v x) { return neon_widen(x.q[2], x.q[3]); }
SMF_INLINE f64_v f64_swap1(f64_v x) { SMF_EACH(k, 4) x.q[k] = vextq_f64(x.q[k], x.q[k], 1); return x; }
SMF_INLINE f64_v f64_swap2(f64_v x) { f64_v r = {{x.q[1], x.q[0], x.q[3], x.q[2]}}; return r; }
SMF_INLINE f64_v f64_swap4(f64_v x) { f64_v r = {{x.q[2], x.q[3], x.q[0], x.q[1]}}; return r; }
