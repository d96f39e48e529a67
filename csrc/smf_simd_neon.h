/* smf_simd_neon.h: the SIMD words (defined in smf_simd_scalar.h) with a logical vector in four registers. */
#define SMF_UNROLL 2
#define SMF_LATER 0
#define SMF_SPREAD(W) (W)

typedef struct { float32x4_t q[4]; } f32_v;
typedef struct { float64x2_t q[4]; } f64_v;

#define v_fence() ((void)0)
#define SMF_NEON_WORDS(F, R, L, W, U, S)                                                                   \
    SMF_INLINE F##_v F##_set1(R x) { F##_v r; SMF_EACH(k, 4) r.q[k] = vdupq_n_##S(x); return r; }          \
    SMF_INLINE F##_v F##_load(const R *p) { F##_v r; SMF_EACH(k, 4) r.q[k] = vld1q_##S(p + L * k); return r; } \
    SMF_INLINE void F##_store(R *p, F##_v x) { SMF_EACH(k, 4) vst1q_##S(p + L * k, x.q[k]); }              \
    SMF_INLINE void F##_store_apart(R *p, F##_v x) { F##_store(p, x); }                                    \
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
    SMF_INLINE F##_v F##_div(F##_v x, F##_v y) { SMF_EACH(k, 4) x.q[k] = vdivq_##S(x.q[k], y.q[k]); return x; } \
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
    SMF_INLINE F##_v F##_once(F##_v x) { return x; }                                                       \
    SMF_INLINE F##_v F##_drop_eq(F##_v v, F##_v x, F##_v m)                                                \
    {                                                                                                      \
        SMF_EACH(k, 4)                                                                                     \
        v.q[k] = vreinterpretq_##S##_##U(vbicq_##U(vreinterpretq_##U##_##S(v.q[k]), vceqq_##S(x.q[k], m.q[k]))); \
        return v;                                                                                          \
    }                                                                                                      \
    SMF_INLINE F##_v F##_pick(F##_v x, F##_v m, F##_v v, F##_v w)                                          \
    {                                                                                                      \
        SMF_EACH(k, 4) x.q[k] = vbslq_##S(vcgtq_##S(x.q[k], m.q[k]), v.q[k], w.q[k]);                      \
        return x;                                                                                          \
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

SMF_INLINE f32_v neon_spread_f32(const void *table, f32_v t)
{
    const uint8x16x4_t bytes = vld1q_u8_x4((const uint8_t *)table);
    SMF_EACH(k, 4)
    {
        const uint32x4_t j = vandq_u32(vreinterpretq_u32_f32(t.q[k]), vdupq_n_u32(15)); /* to bytes 4 j .. 4 j + 3 */
        const uint32x4_t at = vmlaq_n_u32(vdupq_n_u32(0x03020100), j, 0x04040404);
        t.q[k] = vreinterpretq_f32_u8(vqtbl4q_u8(bytes, vreinterpretq_u8_u32(at)));
    }
    return t;
}
SMF_INLINE f32_v f32_lookup(const void *table, f32_v t)
{
    const uint8x16x2_t bytes = vld1q_u8_x2((const uint8_t *)table);
    SMF_EACH(k, 4)
    {
        const uint32x4_t j = vandq_u32(vreinterpretq_u32_f32(t.q[k]), vdupq_n_u32(7));
        const uint32x4_t at = vmlaq_n_u32(vdupq_n_u32(0x03020100), j, 0x04040404);
        t.q[k] = vreinterpretq_f32_u8(vqtbl2q_u8(bytes, vreinterpretq_u8_u32(at)));
    }
    return t;
}
SMF_INLINE f32_v f32_raise(f32_v x, f32_v t)
{
    SMF_EACH(k, 4)
    x.q[k] = vreinterpretq_f32_u32(vaddq_u32(vreinterpretq_u32_f32(x.q[k]), vshlq_n_u32(vreinterpretq_u32_f32(t.q[k]), 20)));
    return x;
}
SMF_INLINE int f32_beyond(f32_v x)
{
    const uint32x4_t a = vorrq_u32(vreinterpretq_u32_f32(x.q[0]), vreinterpretq_u32_f32(x.q[1]));
    const uint32x4_t b = vorrq_u32(vreinterpretq_u32_f32(x.q[2]), vreinterpretq_u32_f32(x.q[3]));
    return vmaxvq_u32(vandq_u32(vorrq_u32(a, b), vdupq_n_u32(0xbffffc00))) != 0;
}
SMF_INLINE f64_v f64_lookup(const void *table, f64_v t)
{
    const uint8x16x4_t bytes = vld1q_u8_x4((const uint8_t *)table);
    SMF_EACH(k, 4)
    {
        const uint32x4_t j = vandq_u32(vreinterpretq_u32_f64(t.q[k]), vdupq_n_u32(7)); /* to bytes 8 j .. 8 j + 7 */
        const uint32x4_t at = vmlaq_n_u32(vreinterpretq_u32_u64(vdupq_n_u64(0x0706050403020100)), vtrn1q_u32(j, j), 0x08080808);
        t.q[k] = vreinterpretq_f64_u8(vqtbl4q_u8(bytes, vreinterpretq_u8_u32(at)));
    }
    return t;
}
typedef f32_v f32_place;
typedef f64_v f64_place;
SMF_INLINE f32_place f32_place_of(f32_v t) { return t; }
SMF_INLINE f64_place f64_place_of(f64_v t) { return t; }
SMF_INLINE f32_v f32_spread(const float *p, const f32_place *q) { return neon_spread_f32(p, *q); }
SMF_INLINE f64_v f64_spread(const double *p, const f64_place *q) { return f64_lookup(p, *q); }
SMF_INLINE f64_v f64_raise(f64_v x, f64_v t)
{
    SMF_EACH(k, 4)
    x.q[k] = vreinterpretq_f64_u64(vaddq_u64(vreinterpretq_u64_f64(x.q[k]), vshlq_n_u64(vreinterpretq_u64_f64(t.q[k]), 49)));
    return x;
}
/* stray, stray_above and fma_above of both dtypes; S of floats, U of their bits. */
#define SMF_NEON_ABOVE(F, S, U)                                                                                            \
    SMF_INLINE F##_v F##_stray(F##_v a, F##_v t)                                                                           \
    {                                                                                                                      \
        SMF_EACH(k, 4)                                                                                                     \
        a.q[k] = vreinterpretq_##S##_##U(vorrq_##U(vreinterpretq_##U##_##S(a.q[k]), vreinterpretq_##U##_##S(t.q[k])));     \
        return a;                                                                                                          \
    }                                                                                                                      \
    SMF_INLINE F##_v neon_above_##S(F##_v v, F##_v x, F##_v low) /* 0 where x <= low */                                    \
    {                                                                                                                      \
        SMF_EACH(k, 4)                                                                                                     \
        v.q[k] = vreinterpretq_##S##_##U(vbicq_##U(vreinterpretq_##U##_##S(v.q[k]), vcleq_##S(x.q[k], low.q[k])));         \
        return v;                                                                                                          \
    }                                                                                                                      \
    SMF_INLINE F##_v F##_stray_above(F##_v a, F##_v t, F##_v x, F##_v low)                                                 \
    {                                                                                                                      \
        return F##_stray(a, neon_above_##S(t, x, low));                                                                    \
    }                                                                                                                      \
    SMF_INLINE F##_v F##_fma_above(F##_v a, F##_v b, F##_v c, F##_v x, F##_v low)                                          \
    {                                                                                                                      \
        return neon_above_##S(F##_fma(a, b, c), x, low);                                                                   \
    }
SMF_NEON_ABOVE(f32, f32, u32)
SMF_NEON_ABOVE(f64, f64, u64)
SMF_INLINE int f64_beyond(f64_v x)
{
    const uint64x2_t a = vorrq_u64(vreinterpretq_u64_f64(x.q[0]), vreinterpretq_u64_f64(x.q[1]));
    const uint64x2_t b = vorrq_u64(vreinterpretq_u64_f64(x.q[2]), vreinterpretq_u64_f64(x.q[3]));
    return vmaxvq_u32(vreinterpretq_u32_u64(vandq_u64(vorrq_u64(a, b), vdupq_n_u64(0xbfffffffffffe000)))) != 0;
}
SMF_INLINE f64_v neon_widen(float32x4_t a, float32x4_t b)
{
    f64_v r = {{vcvt_f64_f32(vget_low_f32(a)), vcvt_high_f64_f32(a), vcvt_f64_f32(vget_low_f32(b)),
                vcvt_high_f64_f32(b)}};
    return r;
}
SMF_INLINE f64_v f32_lo(f32_v x) { return neon_widen(x.q[0], x.q[1]); }
SMF_INLINE f64_v f32_hi(f32_v x) { return neon_widen(x.q[2], x.q[3]); }
SMF_INLINE f64_v f32_even(f32_v x)
{
    f64_v r;
    SMF_EACH(k, 4)
    r.q[k] = vreinterpretq_f64_u64(vshlq_n_u64(vandq_u64(vreinterpretq_u64_f32(x.q[k]), vdupq_n_u64(0x7fffffff)), 29));
    return r;
}
SMF_INLINE f64_v f32_odd(f32_v x)
{
    f64_v r;
    SMF_EACH(k, 4)
    r.q[k] = vreinterpretq_f64_u64(vshrq_n_u64(vandq_u64(vreinterpretq_u64_f32(x.q[k]), vdupq_n_u64(0x7fffffff00000000)), 3));
    return r;
}
SMF_INLINE f32_v f32_join(f64_v x, f64_v y)
{
    f32_v r;
    SMF_EACH(k, 2) r.q[k] = vcvt_high_f32_f64(vcvt_f32_f64(x.q[2 * k]), x.q[2 * k + 1]);
    SMF_EACH(k, 2) r.q[k + 2] = vcvt_high_f32_f64(vcvt_f32_f64(y.q[2 * k]), y.q[2 * k + 1]);
    return r;
}

SMF_INLINE f64_v neon_zip(float64x2_t a, float64x2_t b, float64x2_t c, float64x2_t d)
{
    f64_v r = {{vzip1q_f64(a, c), vzip2q_f64(a, c), vzip1q_f64(b, d), vzip2q_f64(b, d)}};
    return r;
}
SMF_INLINE f64_v f64_zip_lo(f64_v x, f64_v y) { return neon_zip(x.q[0], x.q[1], y.q[0], y.q[1]); }
SMF_INLINE f64_v f64_zip_hi(f64_v x, f64_v y) { return neon_zip(x.q[2], x.q[3], y.q[2], y.q[3]); }
SMF_INLINE f64_v f64_binade(f64_v v, f64_v *scale)
{
    const uint64x2_t half = vdupq_n_u64(SMF_SQRT_HALF_BITS), one = vdupq_n_u64(SMF_ONE_BITS);
    SMF_EACH(q, 4)
    {
        const uint64x2_t k = vshrq_n_u64(vsubq_u64(vreinterpretq_u64_f64(v.q[q]), half), 52);
        scale->q[q] = vreinterpretq_f64_u64(vsubq_u64(one, vshlq_n_u64(k, 52)));
        v.q[q] = vcvtq_f64_u64(k);
    }
    return v;
}

/* 4 x 4 blocks to columns, and back. */
SMF_INLINE void neon_turn(float32x4_t z[4])
{
    const float64x2_t a = vreinterpretq_f64_f32(vtrn1q_f32(z[0], z[1])), b = vreinterpretq_f64_f32(vtrn2q_f32(z[0], z[1]));
    const float64x2_t c = vreinterpretq_f64_f32(vtrn1q_f32(z[2], z[3])), d = vreinterpretq_f64_f32(vtrn2q_f32(z[2], z[3]));
    z[0] = vreinterpretq_f32_f64(vtrn1q_f64(a, c));
    z[1] = vreinterpretq_f32_f64(vtrn1q_f64(b, d));
    z[2] = vreinterpretq_f32_f64(vtrn2q_f64(a, c));
    z[3] = vreinterpretq_f32_f64(vtrn2q_f64(b, d));
}
SMF_INLINE void f32_load4(const char *p, ptrdiff_t stride, int columns, int dense, f32_v *c)
{
    SMF_EACH(g, 4)
    {
        float32x4_t z[4];
        SMF_EACH(r, 4)
        {
            float part[4] = {0, 0, 0, 0};
            const char *at = p + (4 * g + r) * stride;
            if (columns == 4 || (dense && g * r < 9)) z[r] = vld1q_f32((const float *)(const void *)at);
            else {
                memcpy(part, at, (size_t)columns * sizeof(float));
                z[r] = vld1q_f32(part);
            }
        }
        neon_turn(z);
        SMF_EACH(q, 4) c[q].q[g] = z[q];
    }
}
SMF_INLINE void f32_store4(char *p, ptrdiff_t stride, int columns, int dense, const f32_v *c)
{
    SMF_EACH(g, 4)
    {
        float32x4_t z[4];
        SMF_EACH(q, 4) z[q] = c[q].q[g];
        neon_turn(z);
        SMF_EACH(r, 4)
        {
            float part[4];
            char *at = p + (4 * g + r) * stride;
            if (columns == 4 || (dense && g * r < 9)) vst1q_f32((float *)(void *)at, z[r]);
            else {
                vst1q_f32(part, z[r]);
                memcpy(at, part, (size_t)columns * sizeof(float));
            }
        }
    }
}
SMF_INLINE void f64_load4(const char *p, ptrdiff_t stride, int columns, int dense, f64_v *c)
{
    (void)dense;
    SMF_EACH(g, 4)
    {
        double part[2][4] = {{0, 0, 0, 0}, {0, 0, 0, 0}};
        SMF_EACH(r, 2) memcpy(part[r], p + (2 * g + r) * stride, (size_t)columns * sizeof(double));
        SMF_EACH(h, 2)
        {
            const float64x2_t a = vld1q_f64(part[0] + 2 * h), b = vld1q_f64(part[1] + 2 * h);
            c[2 * h].q[g] = vzip1q_f64(a, b);
            c[2 * h + 1].q[g] = vzip2q_f64(a, b);
        }
    }
}
SMF_INLINE void f64_store4(char *p, ptrdiff_t stride, int columns, int dense, const f64_v *c)
{
    (void)dense;
    SMF_EACH(g, 4)
    {
        double part[2][4];
        SMF_EACH(h, 2)
        {
            vst1q_f64(part[0] + 2 * h, vzip1q_f64(c[2 * h].q[g], c[2 * h + 1].q[g]));
            vst1q_f64(part[1] + 2 * h, vzip2q_f64(c[2 * h].q[g], c[2 * h + 1].q[g]));
        }
        SMF_EACH(r, 2) memcpy(p + (2 * g + r) * stride, part[r], (size_t)columns * sizeof(double));
    }
}

SMF_INLINE f32_v f16_in(const char *p)
{
    f32_v r;
    SMF_EACH(k, 4) r.q[k] = vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16((const uint16_t *)(const void *)(p + 8 * k))));
    return r;
}
SMF_INLINE void f16_out(char *p, f32_v x)
{
    SMF_EACH(k, 4) vst1_u16((uint16_t *)(void *)(p + 8 * k), vreinterpret_u16_f16(vcvt_f16_f32(x.q[k])));
}
SMF_INLINE f32_v bf16_in(const char *p)
{
    f32_v r;
    SMF_EACH(k, 4) r.q[k] = vreinterpretq_f32_u32(vshll_n_u16(vld1_u16((const uint16_t *)(const void *)(p + 8 * k)), 16));
    return r;
}
SMF_INLINE void bf16_out(char *p, f32_v x)
{
    SMF_EACH(k, 4)
    {
        const uint32x4_t bits = vreinterpretq_u32_f32(x.q[k]), odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
        vst1_u16((uint16_t *)(void *)(p + 8 * k), vshrn_n_u32(vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd), 16));
    }
}
