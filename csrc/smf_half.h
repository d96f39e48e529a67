/* smf_half.h: float16 and bfloat16: the float32 kernels, and their elements widened and rounded on the way in and out.
 *
 * Every value of theirs is one of float32; a result is that of float32, rounded to nearest even. The words
 *   f16_in(p) bf16_in(p)         16 numbers of 2 bytes as floats
 *   f16_out(p, v) bf16_out(p, v) rounded to nearest even, ties to even; NaN stays NaN
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
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#ifdef SMF_PLAIN_HALF /* no words of its own */
#define SMF_HALF_WORDS(H)                                                                              \
    SMF_INLINE f32_v H##_in(const char *p)                                                             \
    {                                                                                                  \
        uint16_t h[16];                                                                                \
        f32_v r;                                                                                       \
        memcpy(h, p, sizeof h);                                                                        \
        for (int k = 0; k < 16; k++) r.v[k] = H##_widen(h[k]);                                         \
        return r;                                                                                      \
    }                                                                                                  \
    SMF_INLINE void H##_out(char *p, f32_v a)                                                          \
    {                                                                                                  \
        uint16_t h[16];                                                                                \
        for (int k = 0; k < 16; k++) h[k] = H##_round(a.v[k]);                                         \
        memcpy(p, h, sizeof h);                                                                        \
    }
SMF_HALF_WORDS(f16)
SMF_HALF_WORDS(bf16)
#undef SMF_HALF_WORDS
#endif

#define SMF_HALF(H)                                                                                    \
    static void H##_port_in(float *to, const char *from, ptrdiff_t col, size_t n)                      \
    {                                                                                                  \
        size_t i = 0;                                                                                  \
        if (col == 2)                                                                                  \
            for (; i + 16 <= n; i += 16) f32_store(to + i, H##_in(from + 2 * i));                      \
        for (; i < n; i++) {                                                                           \
            uint16_t h;                                                                                \
            memcpy(&h, from + (ptrdiff_t)i * col, sizeof h);                                           \
            to[i] = H##_widen(h);                                                                      \
        }                                                                                              \
    }                                                                                                  \
    static void H##_port_out(char *to, ptrdiff_t col, const float *from, size_t n)                     \
    {                                                                                                  \
        size_t i = 0;                                                                                  \
        if (col == 2)                                                                                  \
            for (; i + 16 <= n; i += 16) H##_out(to + 2 * i, f32_load(from + i));                      \
        for (; i < n; i++) {                                                                           \
            const uint16_t h = H##_round(from[i]);                                                     \
            memcpy(to + (ptrdiff_t)i * col, &h, sizeof h);                                             \
        }                                                                                              \
    }                                                                                                  \
    static const f32_port H##_port = {2, H##_port_in, H##_port_out};                                   \
    static void H##_softmax(const smf_job *job) { f32_run_half(job, &H##_port, &f32_softmax_kernels); } \
    static void H##_log_softmax(const smf_job *job) { f32_run_half(job, &H##_port, &f32_log_softmax_kernels); } \
    static void H##_logsumexp(const smf_job *job) { f32_run_half(job, &H##_port, &f32_logsumexp_kernels); }

static void f32_run_half(const smf_job *job, const f32_port *port, const f32_kernels *kernels)
{
    const float lowest = -(float)INFINITY;
    if (job->n > 0) f32_run_ported(job, port, kernels);
    else if (kernels->op == SMF_LOGSUMEXP)
        for (size_t r = 0; r < job->rows; r++) port->out((char *)job->y + (ptrdiff_t)r * job->y_row, 2, &lowest, 1);
}

SMF_HALF(f16)
SMF_HALF(bf16)
#undef SMF_HALF
