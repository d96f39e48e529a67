/* smf_half.h: the numbers in memory: the kernels' own, and float16 and bfloat16, for the float32 kernels.
 *
 * Every value of theirs is one of float32; a result is that of float32, rounded to nearest even. The words
 *   f16_in(p) bf16_in(p)         16 numbers of 2 bytes as floats
 *   f16_in_n(p, k)               the first k < 16, the others -inf; touches no memory beyond them
 *   f16_out(p, v) bf16_out(p, v) rounded to nearest, ties to even; of NaNs, those that kernels write: only the leading bits are set
 *   f16_out_n(p, v, k)           lanes 0..k-1
 * come from smf_simd_*.h; what is said here about one number is the specification.
 */
SMF_INLINE float smf_bits_float(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

SMF_INLINE uint32_t smf_float_bits(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

SMF_INLINE float f16_widen(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, rest = h & 0x7fff;
    if (rest >= 0x7c00) return smf_bits_float(sign | 0x7f800000 | (rest & 0x3ff) << 13);
    if (rest >= 0x400) return smf_bits_float(sign | ((rest << 13) + 0x38000000));
    return smf_bits_float(sign | smf_float_bits((float)rest * 0x1p-24f)); /* denormal: a multiple of 2^-24 */
}

SMF_INLINE uint16_t f16_round(float f)
{
    const uint32_t bits = smf_float_bits(f), rest = bits & 0x7fffffff, sign = bits >> 16 & 0x8000;
    if (rest > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (rest >> 13 & 0x3ff));
    if (rest >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* from 65520 on */
    if (rest >= 0x38800000) return (uint16_t)(sign | (rest - 0x38000000 + 0xfff + (rest >> 13 & 1)) >> 13);
    return (uint16_t)(sign | (smf_float_bits(smf_bits_float(rest) + 0.5f) - 0x3f000000)); /* 2^-24 is the last place of 0.5 */
}

SMF_INLINE float bf16_widen(uint16_t h) { return smf_bits_float((uint32_t)h << 16); }

SMF_INLINE uint16_t bf16_round(float f)
{
    const uint32_t bits = smf_float_bits(f);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#ifdef SMF_PLAIN_HALF /* no words of its own */
#define SMF_HALF_WORDS(H)                                                                              \
    SMF_WORD f32_v H##_in(const char *p)                                                               \
    {                                                                                                  \
        uint16_t h[16];                                                                                \
        f32_v r;                                                                                       \
        memcpy(h, p, sizeof h);                                                                        \
        for (int k = 0; k < 16; k++) r.v[k] = H##_widen(h[k]);                                         \
        return r;                                                                                      \
    }                                                                                                  \
    SMF_WORD void H##_out(char *p, f32_v a)                                                            \
    {                                                                                                  \
        uint16_t h[16];                                                                                \
        for (int k = 0; k < 16; k++) h[k] = H##_round(a.v[k]);                                         \
        memcpy(p, h, sizeof h);                                                                        \
    }
SMF_HALF_WORDS(f16)
SMF_HALF_WORDS(bf16)
#undef SMF_HALF_WORDS
#endif

#ifndef SMF_MASKED_HALF /* no loads and stores of some */
#define SMF_HALF_WORDS(H, lowest)                                                                      \
    SMF_INLINE f32_v H##_in_n(const char *p, size_t n)                                                 \
    {                                                                                                  \
        uint16_t h[16];                                                                                \
        for (int k = 0; k < 16; k++) h[k] = lowest;                                                    \
        memcpy(h, p, 2 * n);                                                                           \
        return H##_in((const char *)h);                                                                \
    }                                                                                                  \
    SMF_INLINE void H##_out_n(char *p, f32_v v, size_t n)                                              \
    {                                                                                                  \
        char h[32];                                                                                    \
        H##_out(h, v);                                                                                 \
        memcpy(p, h, 2 * n);                                                                           \
    }
SMF_HALF_WORDS(f16, 0xfc00)
SMF_HALF_WORDS(bf16, 0xff80)
#undef SMF_HALF_WORDS
#endif

/* One number, or the first `lanes` of a vector, of any type. */
SMF_INLINE float f32_from1(const char *p, smf_dtype type)
{
    float f;
    uint16_t h;
    if (type == SMF_F32) memcpy(&f, p, sizeof f);
    else {
        memcpy(&h, p, sizeof h);
        f = type == SMF_F16 ? f16_widen(h) : bf16_widen(h);
    }
    return f;
}
SMF_INLINE void f32_to1(char *p, float f, smf_dtype type)
{
    const uint16_t h = type == SMF_F16 ? f16_round(f) : bf16_round(f);
    if (type == SMF_F32) memcpy(p, &f, sizeof f);
    else memcpy(p, &h, sizeof h);
}
SMF_INLINE f32_v f32_from(const char *p, int lanes, const smf_dtype type)
{
    const float *const at = (const float *)(const void *)p;
    if (type == SMF_F16) return lanes == 16 ? f16_in(p) : f16_in_n(p, (size_t)lanes);
    if (type == SMF_BF16) return lanes == 16 ? bf16_in(p) : bf16_in_n(p, (size_t)lanes);
    return lanes == 16 ? f32_load(at) : f32_load_n(at, (size_t)lanes);
}
SMF_INLINE void f32_to(char *p, f32_v v, int lanes, const smf_dtype type)
{
    float *const at = (float *)(void *)p;
    if (type == SMF_F16 && lanes == 16) f16_out(p, v);
    else if (type == SMF_F16) f16_out_n(p, v, (size_t)lanes);
    else if (type == SMF_BF16 && lanes == 16) bf16_out(p, v);
    else if (type == SMF_BF16) bf16_out_n(p, v, (size_t)lanes);
    else if (lanes == 16) f32_store(at, v);
    else f32_store_n(at, v, (size_t)lanes);
}

SMF_INLINE double f64_from1(const char *p, smf_dtype type)
{
    double d;
    (void)type;
    memcpy(&d, p, sizeof d);
    return d;
}
SMF_INLINE void f64_to1(char *p, double d, smf_dtype type)
{
    (void)type;
    memcpy(p, &d, sizeof d);
}
SMF_INLINE f64_v f64_from(const char *p, int lanes, const smf_dtype type)
{
    const double *const at = (const double *)(const void *)p;
    (void)type;
    return lanes == 8 ? f64_load(at) : f64_load_n(at, (size_t)lanes);
}
SMF_INLINE void f64_to(char *p, f64_v v, int lanes, const smf_dtype type)
{
    double *const at = (double *)(void *)p;
    (void)type;
    if (lanes == 8) f64_store(at, v);
    else f64_store_n(at, v, (size_t)lanes);
}
