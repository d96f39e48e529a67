/* exp.c: the error of the exp core of float32, and a hash of its bits, over all 2^32 x or some of them.
 *
 *     exp first step [count]     x has the bits first, first + step, ...: `count` of them, or all below 2^32
 *
 * Compiled with -DISA_avx512, -DISA_avx2, -DISA_neon or -DISA_scalar. The row's maximum is the larger of x and m, for
 * m = -512, 0 and 512, so that these meet their e = exp(x - c) 2^k:
 *
 *     max = x        x in [-512, 512], c = 0; beyond, x - c = 0
 *     max = -512     x from -512 down to the clamp, -512 - 191 ln2, and below
 *     max = 0        x from 0 down to the clamp, -191 ln2, and below. As magic and clamp are those of every max beyond
 *                    +-512, this is every x - c of the rows that are shifted
 *     max = 512      x from 512 down to the clamp, 512 - 191 ln2, and below
 *
 * Another maximum changes the exponent of e and nothing else, as long as e is normal: 16 (191 - n_max) is even, so
 * that adding it to x 16/ln2 does not change how that rounds, ties included.
 *
 * Wrong, with exit status 1: a NaN lost, or made from a number; anything but +0 at the clamp and below; e outside
 * [0, 2^-126] where exp(x - c) 2^k < 2^-126; a k that is not the integer nearest to 64 - (max - c) log2(e). +inf is left
 * out: such a row is special.
 *
 * The reference is the C library's exp of a double, x - c, which is exact; an error of 1 ulp there is 2^-29 ulp here. It is
 * compared with expl once in 127 values, and the worst errors are computed again by expl. An error is counted in ulp of the
 * smaller of e and the exact value.
 */
#include "smf_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(ISA_avx512)
#define ISA "avx512"
#include <immintrin.h>
SMF_TARGET_BEGIN("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,f16c,popcnt")
#include "smf_simd_avx512.h"
#elif defined(ISA_avx2)
#define ISA "avx2"
#include <immintrin.h>
SMF_TARGET_BEGIN("avx2,fma,f16c,popcnt")
#include "smf_simd_avx2.h"
#elif defined(ISA_neon)
#define ISA "neon"
#include <arm_neon.h>
#include "smf_simd_neon.h"
#elif defined(ISA_scalar)
#define ISA "scalar"
#ifdef SMF_NO_X87
SMF_TARGET_BEGIN(SMF_NO_X87)
#endif
#include "smf_simd_scalar.h"
#else
#error "define ISA_avx512, ISA_avx2, ISA_neon or ISA_scalar"
#endif

#include "smf_kernels.h"

enum { BLOCK = 4096 }; /* values: whole vectors */
typedef struct { float x[BLOCK], max[BLOCK], c[BLOCK], magic[BLOCK], clamp[BLOCK], e[BLOCK]; } block;

/* Steps 2 and 3 of smf_rows.h. */
static SMF_NOINLINE void core(block *b)
{
    for (int i = 0; i < BLOCK; i += f32_W) {
        f32_state state;
        f32_v x = f32_load(b->x + i), s, u;
        state.max = f32_load(b->max + i);
        f32_shift(&state);
        f32_exp_of(&state, &x, &s, &u, 1, 1, SMF_CONTIGUOUS);
        f32_store(b->e + i, f32_fma(u, s, s));
        f32_store(b->c + i, state.c);
        f32_store(b->magic + i, state.magic);
        f32_store(b->clamp + i, state.clamp);
    }
}

#if defined(ISA_avx512) || defined(ISA_avx2) || (defined(ISA_scalar) && defined(SMF_NO_X87))
SMF_TARGET_END
#endif

typedef struct { double error; float x, max, c, e; int k; } witness;

static witness ulp, relative; /* the largest errors, in ulp and in units of 2^-24 e */
static uint64_t nans, zeros, tiny, wrong, hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a, by words */
static uint64_t compared;
static double reference_error; /* in ulp of a double */

static uint32_t bits(float a)
{
    uint32_t b;
    memcpy(&b, &a, sizeof b);
    return b;
}

static float from_bits(uint32_t b)
{
    float a;
    memcpy(&a, &b, sizeof a);
    return a;
}

/* 2^k for a normal double. */
static double power(int k)
{
    const uint64_t b = (uint64_t)(k + 1023) << 52;
    double a;
    memcpy(&a, &b, sizeof a);
    return a;
}

/* The spacing of floats at a normal double, were their exponents not bounded. */
static double spacing(double a)
{
    uint64_t b;
    memcpy(&b, &a, sizeof b);
    return power((int)(b >> 52) - 1023 - 23);
}

static void is_wrong(const char *what, float x, float max, float e)
{
    if (wrong++ < 10) printf("wrong: %s, x = %a, max = %a, e = %a\n", what, (double)x, (double)max, (double)e);
}

static void worse(witness *w, double error, const block *b, int i, int k)
{
    if (error <= w->error) return;
    const witness found = {error, b->x[i], b->max[i], b->c[i], b->e[i], k};
    *w = found;
}

static void check(const block *b, int i, uint64_t number)
{
    const float x = b->x[i], max = b->max[i], e = b->e[i];
    hash = (hash ^ (e != e ? 0x7fc00000 : bits(e))) * UINT64_C(0x100000001b3);
    zeros += bits(e) == 0;
    if (x != x || e != e) {
        nans += e != e;
        if (!(x != x && e != e)) is_wrong(e != e ? "NaN from a number" : "a number from NaN", x, max, e);
        return;
    }
    const double d = (double)x - b->c[i];
    if (d <= b->clamp[i]) {
        if (bits(e) != 0) is_wrong("not +0 below the clamp", x, max, e);
        return;
    }
    const int k = (int)((b->magic[i] - f32_MAGIC) / f32_STEPS) - 127;
    if (fabs(k - 64 + ((double)max - b->c[i]) * 0x1.71547652b82fep+0) > 0.5001) is_wrong("another k", x, max, e);
    const double y = exp(d), E = e * power(-k), least = power(-126 - k); /* e and 2^-126 scaled like y */
    if (number % 127 == 0) {
        const long double exact = expl(d);
        const double error = fabs((double)((y - exact) / spacing(y) * 0x1p29L));
        compared++;
        if (!(error <= reference_error)) reference_error = error;
    }
    if (y < least) {
        tiny++;
        if (!(E >= 0 && E <= least)) is_wrong("too large a tiny number", x, max, e);
        return;
    }
    const double error = fabs(E - y);
    worse(&ulp, error / spacing(E < y && E > 0 ? E : y), b, i, k);
    worse(&relative, error / y * 0x1p24, b, i, k);
}

static void print(const char *name, const witness *w, int in_ulp)
{
    const long double y = expl((long double)w->x - w->c), E = (long double)w->e * power(-w->k), error = fabsl(E - y);
    const double smaller = E < y && E > 0 ? (double)E : (double)y;
    if (w->error > 0)
        printf("%s: %.6f x = %a max = %a k = %d e = %a\n", name,
               (double)(in_ulp ? error / spacing(smaller) : error / y * 0x1p24L), (double)w->x, (double)w->max, w->k, (double)w->e);
    else printf("%s: 0\n", name);
}

int main(int argc, char **argv)
{
    static const float m[] = {-f32_NO_SHIFT, 0, f32_NO_SHIFT};
    static block b;
    const uint64_t all = UINT64_C(1) << 32;
    uint64_t first, step, count;
    if (argc != 3 && argc != 4) {
        fprintf(stderr, "usage: exp first step [count]\n");
        return 2;
    }
    first = strtoull(argv[1], NULL, 0);
    step = strtoull(argv[2], NULL, 0);
    if (first >= all || step == 0 || step > all) {
        fprintf(stderr, "first < 2^32, 0 < step <= 2^32\n");
        return 2;
    }
    count = (all - first + step - 1) / step;
    if (argc == 4 && strtoull(argv[3], NULL, 0) < count) count = strtoull(argv[3], NULL, 0);
    for (uint64_t at = 0; at < count; at += BLOCK) {
        const int n = count - at < BLOCK ? (int)(count - at) : BLOCK;
        for (int i = 0; i < BLOCK; i++) b.x[i] = i < n ? from_bits((uint32_t)(first + (at + (uint64_t)i) * step)) : 0;
        for (int q = 0; q < 3; q++) {
            for (int i = 0; i < BLOCK; i++) b.max[i] = b.x[i] > m[q] ? b.x[i] : m[q];
            core(&b);
            for (int i = 0; i < n; i++)
                if (b.x[i] != INFINITY && (q == 0 || b.max[i] != b.x[i])) check(&b, i, at + (uint64_t)i);
        }
    }
    printf("isa: " ISA "\nvalues: %" PRIu64 "\n", count);
    printf("nan: %" PRIu64 "\nzero: %" PRIu64 "\ntiny: %" PRIu64 "\n", nans, zeros, tiny);
    print("ulp", &ulp, 1);
    print("relative", &relative, 0);
    printf("hash: %016" PRIx64 "\n", hash);
    printf("reference: %.4f ulp of a double in %" PRIu64 " values\n", reference_error, compared);
    printf("wrong results: %" PRIu64 "\n", wrong);
    return wrong != 0;
}
