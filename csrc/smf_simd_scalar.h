/* smf_simd_scalar.h: the SIMD words in plain C. This is their definition; the other headers must agree.
 *
 * f32_v is a logical vector of 16 floats, f64_v one of 8 doubles, on every instruction set.
 *
 *   set1(a)            a in every lane          load(p), store(p, v)       whole vectors, any alignment
 *   store_apart(p, v)  to the 64 aligned bytes at p, around the caches if that can be; fence() comes after the last
 *   load_n(p, k)       lanes 0..k-1 from p, the others -inf; touches no memory beyond p[k-1]
 *   store_n(p, v, k)   lanes 0..k-1 to p        add sub mul div            one rounding each
 *   fma(a, b, c)       a b + c, one rounding    max(a, b)                  NaN where b is NaN; where only a is, b or NaN
 *   lookup(p, t)       number (bits of t) mod 8 of 8 numbers
 *   place_of(t)        of places (bits of t) mod W, that do not decrease from lane to lane, what this wants:
 *   spread(p, &q)      the numbers in these places of p; 2 W can be read there
 *   scale(y, e, a, b, n)  y[k] = fma(e[k], a, e[k] b) for k < n, W/2 <= n < W; for SMF_SPREAD(W) < W (SMF_SCALES)
 *   raise(a, t)        the bits of a plus those of t shifted up by 20 (49): to eighths of the exponent's unit
 *   drop_eq(v, x, m)   0 where x == m, else v   count_eq(x, m)             how many lanes have x == m
 *   hmax(v)            largest lane
 *   stray(a, t)        the bits of a and of t
 *   stray_above(a, t, x, low)     the same, in the lanes where x <= low is not true
 *   fma_above(a, b, c, x, low)    0 where x <= low, else fma(a, b, c)
 *   beyond(a)          whether a lane has a bit of its upper 22 (float64: 51) other than the exponent of 2
 *   once(v)            v: where GCC 12 would load it twice, as an operand of two instructions, it is loaded once
 *   pick(x, m, a, b)   a where x > m, else b
 *   stride_of(s, col)  what is known of elements `col` bytes apart (any number of bytes, 0 or negative too): a *s, which these use
 *   gather(to, t, p, d, count, k, s)  `count` times k <= W such elements, from p, p + d bytes, ... to contiguous memory at to,
 *                      to + t, ...; what lies between them may be read
 *   scatter(p, d, v, count, k, s)      lanes 0..k-1 of v[0], ... to such places at p, p + d bytes, ...; nothing between is written.
 *                      For strides that have scatters(s)
 *   elements_out(p, s, from, n)        n contiguous elements to places of a stride
 *   stride_of, gather and elements_out also for half: W = 32 numbers of 2 bytes, whatever they mean
 *   load4(p, s, k, dense, c)  k <= 4 columns of rows s bytes apart: lane r of c[q] from element q of the row at p + r s;
 *   store4(p, s, k, dense, c) back. Neither touches another element, but where the rows are dense (s = k elements)
 *                      they may read beyond a row what is the next row's, and write it before that row is written
 *   f64 binade(v, s)   k for v >= 1, with v = 2^k m and sqrt(1/2) <= m < sqrt(2); *s = 2^-k
 *   f32 even(v) odd(v) lanes 0, 2, ... 14 or 1, 3, ... 15 as doubles, 2^896 times too small: their bits moved to those of
 *                      a double without more. What a NaN becomes is at least 2^-768
 *   f64 zip_lo(a, b)   a0 b0 a1 b1 a2 b2 a3 b3        f64 zip_hi(a, b)   a4 b4 ... a7 b7
 *   f32 lo(v) hi(v)    lanes 0..7, 8..15 as doubles; join(a, b) rounds them back
 *   for SMF_LATER:     f32 wide(p), 8 floats as doubles; f64 unzip_even(a, b), unzip_odd(a, b), the lanes 0, 2, ... or 1, 3, ... of both
 */
#undef SMF_EACH /* nothing is gained by unrolling these */
#define SMF_EACH(j, count) for (int j = 0; j < (count); j++)
#define SMF_PLAIN_HALF 1 /* smf_half.h has them */
#define SMF_UNROLL 2 /* logical vectors that fit the registers at once */
#define SMF_LATER 0  /* 0, or e are added to totals from memory, those of long rows of softmax so many groups later, of others one */
#define SMF_SPREAD(W) (W) /* dense rows from this length on are multiplied row by row, shorter ones by vectors of spread() */

/* Called, never inlined: 16 lanes of C at every use would compile for most of a minute. */
#if defined(__GNUC__)
#define SMF_WORD static __attribute__((noinline, unused))
#else
#define SMF_WORD static
#endif

#define SMF_BODY static SMF_NOINLINE

#define SMF_LANES(k, W) for (int k = 0; k < (W); k++)

#define v_fence() ((void)0)
#define SMF_SCALAR_WORDS(F, R, W, FMA)                                                       \
    typedef struct { R v[W]; } F##_v;                                                                     \
    SMF_WORD F##_v F##_set1(R a) { F##_v r; SMF_LANES(k, W) r.v[k] = a; return r; }                     \
    SMF_WORD F##_v F##_load(const R *p) { F##_v r; memcpy(r.v, p, sizeof r.v); return r; }              \
    SMF_WORD void F##_store(R *p, F##_v a) { memcpy(p, a.v, sizeof a.v); }                              \
    SMF_WORD void F##_store_apart(R *p, F##_v a) { memcpy(p, a.v, sizeof a.v); }                        \
    SMF_WORD F##_v F##_load_n(const R *p, size_t n)                                                     \
    {                                                                                                     \
        F##_v r = F##_set1(-(R)INFINITY);                                                                 \
        memcpy(r.v, p, n * sizeof(R));                                                                    \
        return r;                                                                                         \
    }                                                                                                     \
    SMF_WORD void F##_store_n(R *p, F##_v a, size_t n) { memcpy(p, a.v, n * sizeof(R)); }               \
    SMF_WORD F##_v F##_fma_above(F##_v a, F##_v b, F##_v c, F##_v x, F##_v low)                           \
    {                                                                                                     \
        SMF_LANES(k, W) a.v[k] = x.v[k] <= low.v[k] ? 0 : FMA(a.v[k], b.v[k], c.v[k]);                    \
        return a;                                                                                         \
    }                                                                                                     \
    SMF_WORD F##_v F##_add(F##_v a, F##_v b) { SMF_LANES(k, W) a.v[k] += b.v[k]; return a; }            \
    SMF_WORD F##_v F##_sub(F##_v a, F##_v b) { SMF_LANES(k, W) a.v[k] -= b.v[k]; return a; }            \
    SMF_WORD F##_v F##_mul(F##_v a, F##_v b) { SMF_LANES(k, W) a.v[k] *= b.v[k]; return a; }            \
    SMF_WORD F##_v F##_div(F##_v a, F##_v b) { SMF_LANES(k, W) a.v[k] /= b.v[k]; return a; }            \
    SMF_WORD F##_v F##_fma(F##_v a, F##_v b, F##_v c)                                                   \
    {                                                                                                     \
        SMF_LANES(k, W) a.v[k] = FMA(a.v[k], b.v[k], c.v[k]);                                             \
        return a;                                                                                         \
    }                                                                                                     \
    SMF_WORD F##_v F##_max(F##_v a, F##_v b)                                                            \
    {                                                                                                     \
        SMF_LANES(k, W) a.v[k] = a.v[k] > b.v[k] ? a.v[k] : b.v[k];                                       \
        return a;                                                                                         \
    }                                                                                                     \
    SMF_WORD F##_v F##_once(F##_v a) { return a; }                                                        \
    SMF_WORD F##_v F##_drop_eq(F##_v a, F##_v x, F##_v m)                                               \
    {                                                                                                     \
        SMF_LANES(k, W) a.v[k] = x.v[k] == m.v[k] ? 0 : a.v[k];                                           \
        return a;                                                                                         \
    }                                                                                                     \
    SMF_WORD size_t F##_count_eq(F##_v x, F##_v m)                                                      \
    {                                                                                                     \
        size_t n = 0;                                                                                     \
        SMF_LANES(k, W) n += x.v[k] == m.v[k];                                                            \
        return n;                                                                                         \
    }                                                                                                     \
    SMF_WORD R F##_hmax(F##_v a)                                                                        \
    {                                                                                                     \
        R m = a.v[0];                                                                                     \
        SMF_LANES(k, W) m = a.v[k] > m ? a.v[k] : m;                                                      \
        return m;                                                                                         \
    }                                                                                                     \
    SMF_WORD F##_v F##_pick(F##_v x, F##_v m, F##_v a, F##_v b)                                           \
    {                                                                                                     \
        SMF_LANES(k, W) a.v[k] = x.v[k] > m.v[k] ? a.v[k] : b.v[k];                                       \
        return a;                                                                                         \
    }                                                                                                     \
    SMF_WORD void F##_load4(const char *p, ptrdiff_t stride, int columns, int dense, F##_v *c)            \
    {                                                                                                     \
        (void)dense;                                                                                      \
        SMF_LANES(k, W)                                                                                   \
        for (int q = 0; q < columns; q++) memcpy(&c[q].v[k], p + k * stride + q * (int)sizeof(R), sizeof(R)); \
    }                                                                                                     \
    SMF_WORD void F##_store4(char *p, ptrdiff_t stride, int columns, int dense, const F##_v *c)           \
    {                                                                                                     \
        (void)dense;                                                                                      \
        SMF_LANES(k, W)                                                                                   \
        for (int q = 0; q < columns; q++) memcpy(p + k * stride + q * (int)sizeof(R), &c[q].v[k], sizeof(R)); \
    }

SMF_SCALAR_WORDS(f32, float, 16, fmaf)
SMF_SCALAR_WORDS(f64, double, 8, fma)

#define SMF_LOOKUP_WORD(F, word, BITS, W, N)                                      \
    SMF_WORD F##_v F##_##word(const void *table, F##_v t)                           \
    {                                                                               \
        SMF_LANES(k, W)                                                             \
        {                                                                           \
            BITS bits;                                                              \
            memcpy(&bits, &t.v[k], sizeof bits);                                    \
            memcpy(&t.v[k], (const BITS *)table + (bits & (N - 1)), sizeof bits);   \
        }                                                                           \
        return t;                                                                   \
    }
#define SMF_STEP_WORDS(F, BITS, W, SHIFT)                                         \
    SMF_LOOKUP_WORD(F, spread_by, BITS, W, W)                                         \
    SMF_LOOKUP_WORD(F, lookup, BITS, W, 8)                                          \
    typedef F##_v F##_place;                                                        \
    SMF_WORD F##_place F##_place_of(F##_v t) { return t; }                          \
    SMF_WORD F##_v F##_spread(const void *p, const F##_place *q) { return F##_spread_by(p, *q); } \
    SMF_WORD F##_v F##_raise(F##_v a, F##_v t)                                      \
    {                                                                               \
        SMF_LANES(k, W)                                                             \
        {                                                                           \
            BITS bits, up;                                                          \
            memcpy(&bits, &a.v[k], sizeof bits);                                    \
            memcpy(&up, &t.v[k], sizeof up);                                        \
            bits += up << SHIFT;                                                    \
            memcpy(&a.v[k], &bits, sizeof bits);                                    \
        }                                                                           \
        return a;                                                                   \
    }                                                                               \
    SMF_WORD F##_v F##_stray_above(F##_v a, F##_v t, F##_v x, F##_v low)            \
    {                                                                               \
        SMF_LANES(k, W)                                                             \
        {                                                                           \
            BITS bits, of;                                                          \
            memcpy(&bits, &a.v[k], sizeof bits);                                    \
            memcpy(&of, &t.v[k], sizeof of);                                        \
            bits |= x.v[k] <= low.v[k] ? 0 : of;                                    \
            memcpy(&a.v[k], &bits, sizeof bits);                                    \
        }                                                                           \
        return a;                                                                   \
    }                                                                               \
    SMF_WORD F##_v F##_stray(F##_v a, F##_v t)                                      \
    {                                                                               \
        return F##_stray_above(a, t, F##_set1(0), F##_set1(-INFINITY));             \
    }                                                                               \
    SMF_WORD int F##_beyond(F##_v a)                                                \
    {                                                                               \
        int beyond = 0;                                                             \
        SMF_LANES(k, W)                                                             \
        {                                                                           \
            BITS bits;                                                              \
            memcpy(&bits, &a.v[k], sizeof bits);                                    \
            bits &= ~((BITS)1 << (SHIFT == 20 ? 30 : 62));                          \
            beyond |= bits >> (SHIFT == 20 ? 10 : 13) != 0;                         \
        }                                                                           \
        return beyond;                                                              \
    }
SMF_STEP_WORDS(f32, uint32_t, 16, 20)
SMF_STEP_WORDS(f64, uint64_t, 8, 49)
SMF_WORD f64_v f64_binade(f64_v v, f64_v *scale)
{
    SMF_LANES(k, 8)
    {
        uint64_t bits, scale_bits;
        memcpy(&bits, &v.v[k], sizeof bits);
        bits = (bits - SMF_SQRT_HALF_BITS) >> 52;
        scale_bits = SMF_ONE_BITS - (bits << 52);
        memcpy(&scale->v[k], &scale_bits, sizeof scale_bits);
        v.v[k] = (double)bits;
    }
    return v;
}
SMF_WORD f32_v f32_join(f64_v a, f64_v b)
{
    f32_v r;
    SMF_LANES(k, 16) r.v[k] = (float)(k < 8 ? a.v[k] : b.v[k - 8]);
    return r;
}
SMF_WORD f64_v f32_lo(f32_v a) { f64_v r; SMF_LANES(k, 8) r.v[k] = a.v[k]; return r; }
SMF_WORD f64_v f32_hi(f32_v a) { f64_v r; SMF_LANES(k, 8) r.v[k] = a.v[k + 8]; return r; }
SMF_WORD f64_v scalar_widen(f32_v a, int first)
{
    f64_v r;
    SMF_LANES(k, 8)
    {
        uint32_t bits;
        uint64_t wide;
        memcpy(&bits, &a.v[2 * k + first], sizeof bits);
        wide = (uint64_t)(bits & 0x7fffffff) << 29;
        memcpy(&r.v[k], &wide, sizeof wide);
    }
    return r;
}
SMF_WORD f64_v f32_even(f32_v a) { return scalar_widen(a, 0); }
SMF_WORD f64_v f32_odd(f32_v a) { return scalar_widen(a, 1); }
SMF_WORD f64_v f64_zip_lo(f64_v a, f64_v b) { f64_v r; SMF_LANES(k, 8) r.v[k] = k & 1 ? b.v[k / 2] : a.v[k / 2]; return r; }
SMF_WORD f64_v f64_zip_hi(f64_v a, f64_v b) { f64_v r; SMF_LANES(k, 8) r.v[k] = k & 1 ? b.v[4 + k / 2] : a.v[4 + k / 2]; return r; }
