/* exp.c: the error of an exp core, and a hash of its bits, over many x.
 *
 *     exp first step [count]     x has the bits first, first + step, ...: `count` of them, or all there are
 *     exp ties                   x about all places where N, the number of steps of the reduction, goes to the next
 *
 * Compiled with -DISA_avx512, -DISA_avx2, -DISA_neon or -DISA_scalar, and for float64 with -DDOUBLE. The row's maximum is the
 * larger of x and m, for m = -F_NO_SHIFT, 0 and F_NO_SHIFT (512, float64 4096), so that these meet their e = C exp(x - c) 2^k:
 *
 *     max = x        x in [-512, 512], c = 0; beyond, x - c = 0
 *     max = -512     x from -512 down to `low`, -512 - 190 ln2, and below
 *     max = 0        x from 0 down to -190 ln2, and below. As magic and low are those of every max beyond
 *                    +-512, this is every x - c of the rows that are shifted
 *     max = 512      x from 512 down to 512 - 190 ln2, and below
 *
 * Another maximum changes the exponent of e and nothing else, as long as e is normal: the steps of 191 - n_max are an
 * even number, so that adding it to x/ln2 in steps does not change how that rounds, ties included.
 *
 * Wrong, with exit status 1: a NaN lost, or made from a number; anything but +0 at low and below; a denormal above; another
 * e 2^-k of a row near to 0, or one that is taken for such a row and is none, or the reverse; a k that is not the integer nearest to 64 - (max - c) log2(e). +inf is left
 * out: such a row is special.
 *
 * The reference for float32 is the C library's exp of a double, x - c, which is exact; an error of 1 ulp there is 2^-29 ulp
 * here, and half of one more for C. It is compared with expl once in 127 values, and the worst errors are computed again by expl. For float64 it is expl:
 * with 64 bits, 2^-11 ulp here. An error is counted in ulp of the smaller of e and the exact value.
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

#ifdef DOUBLE
#define SMF_F f64
#define wide(function) function##l
typedef uint64_t pattern;
typedef long double reference;
enum { DIGITS = DBL_MANT_DIG, BIAS = 1023, WINDOW = 0x2000 };
#define EDGE 354.8 /* near to 0: up to here, and not beyond 1.003 of it */
#else
#define SMF_F f32
#define wide(function) function
typedef uint32_t pattern;
typedef double reference;
enum { DIGITS = FLT_MANT_DIG, BIAS = 127, WINDOW = 0x400 };
#define EDGE 44.31
#endif
#define F(name) SMF_PASTE(SMF_F, name)
typedef F(_real) number;

enum { BLOCK = 4096 }; /* values: whole vectors */
typedef struct { number x[BLOCK], max[BLOCK], c[BLOCK], magic[BLOCK], low[BLOCK], e[BLOCK], near[BLOCK], stray[BLOCK]; } block;

/* Steps 2 and 3 of smf_rows.h. */
static SMF_NOINLINE void core(block *b)
{
    for (int i = 0; i < BLOCK; i += F(_W)) {
        F(_state) state;
        F(_v) x = F(_load)(b->x + i), s, u, e, near, stray;
        state.max = F(_load)(b->max + i);
        F(_shift)(&state);
        F(_exp_of)(&state, &x, &s, &u, &e, 1, SMF_CONTIGUOUS);
        F(_store)(b->e + i, e);
        stray = F(_set1)(0);
        F(_exp_near)(&x, &near, 1, SMF_NEAR, &stray);
        F(_store)(b->near + i, near);
        F(_store)(b->stray + i, stray);
        F(_store)(b->c + i, state.c);
        F(_store)(b->magic + i, state.magic);
        F(_store)(b->low + i, state.low);
    }
}

#if defined(ISA_avx512) || defined(ISA_avx2) || (defined(ISA_scalar) && defined(SMF_NO_X87))
SMF_TARGET_END
#endif

typedef struct { double error; number x, max, c, e; int k; } witness;

static witness ulp, relative; /* the largest errors, in ulp and in half the spacing above 1 times e */
static uint64_t nans, zeros, wrong, hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a, by words */
static uint64_t compared;
static double reference_error; /* in ulp of a double */

static pattern bits(number a)
{
    pattern b;
    memcpy(&b, &a, sizeof b);
    return b;
}

static number from_bits(pattern b)
{
    number a;
    memcpy(&a, &b, sizeof a);
    return a;
}

/* C, which the first of the table has. */
static reference factor(void) { return from_bits((F(_power)[0] & (((pattern)1 << (DIGITS - 1)) - 1)) | bits(1)); }

#ifdef DOUBLE
static reference power(int k) { return ldexpl(1, k); }

/* The spacing of numbers at a, were their exponents not bounded. */
static reference spacing(reference a)
{
    int k;
    frexpl(a, &k);
    return power(k - DIGITS);
}
#else
/* The same for a normal double, sooner. */
static reference power(int k)
{
    const uint64_t b = (uint64_t)(k + 1023) << 52;
    double a;
    memcpy(&a, &b, sizeof a);
    return a;
}

static reference spacing(reference a)
{
    uint64_t b;
    memcpy(&b, &a, sizeof b);
    return power((int)(b >> 52) - 1022 - DIGITS);
}
#endif

static void is_wrong(const char *what, number x, number max, number e)
{
    if (wrong++ < 10) printf("wrong: %s, x = %a, max = %a, e = %a\n", what, (double)x, (double)max, (double)e);
}

static void worse(witness *w, double error, const block *b, int i, int k)
{
    if (error <= w->error) return;
    const witness found = {error, b->x[i], b->max[i], b->c[i], b->e[i], k};
    *w = found;
}

static void check(const block *b, int i, uint64_t count)
{
    const number x = b->x[i], max = b->max[i], e = b->e[i];
    hash = (hash ^ (e != e ? 0x7fc00000 : bits(e))) * UINT64_C(0x100000001b3);
    zeros += bits(e) == 0;
    if (x != x || e != e) {
        nans += e != e;
        if (!(x != x && e != e)) is_wrong(e != e ? "NaN from a number" : "a number from NaN", x, max, e);
        return;
    }
    const int near = (bits(b->stray[i]) & ~bits(2)) < WINDOW;
    if (near ? fabs(x) > EDGE * 1.003 : !(fabs(x) > EDGE)) is_wrong("the window", x, max, e);
    const reference d = (reference)x - b->c[i];
    if (d <= b->low[i]) {
        if (bits(e) != 0) is_wrong("not +0 at low and below", x, max, e);
        return;
    }
    const int k = (int)((b->magic[i] - F(_MAGIC)) / F(_PLACE) / F(_STEPS)) + F(_BASE) - BIAS;
    if (fabs(k - (F(_TOP) - BIAS) + ((double)max - b->c[i]) * 0x1.71547652b82fep+0) > 0.5001) is_wrong("another k", x, max, e);
    if (near && b->c[i] == 0 && (reference)b->near[i] != e * power(-k)) is_wrong("another e near to 0", x, max, e);
    if (bits(e) < (pattern)1 << (DIGITS - 1)) is_wrong("a denormal", x, max, e);
    const reference plain = wide(exp)(d), y = factor() * plain, E = e * power(-k); /* e scaled like y */
#ifndef DOUBLE
    if (count % 127 == 0) {
        const long double exact = expl(d);
        const double error = fabs((double)((plain - exact) / spacing(plain) * 0x1p29L));
        compared++;
        if (!(error <= reference_error)) reference_error = error;
    }
#else
    (void)count;
#endif
    const reference error = wide(fabs)(E - y);
    worse(&ulp, (double)(error / spacing(E < y && E > 0 ? E : y)), b, i, k);
    worse(&relative, (double)(error / y * power(DIGITS)), b, i, k);
}

static void print(const char *name, const witness *w, int in_ulp)
{
    const long double y = factor() * expl((long double)w->x - w->c), E = (long double)w->e * power(-w->k), error = fabsl(E - y);
    const reference smaller = E < y && E > 0 ? (reference)E : (reference)y;
    if (w->error > 0)
        printf("%s: %.6f x = %a max = %a k = %d e = %a\n", name,
               (double)(in_ulp ? error / spacing(smaller) : error / y * power(DIGITS)), (double)w->x, (double)w->max, w->k,
               (double)w->e);
    else printf("%s: 0\n", name);
}

/* Step by step from -1.5 to 1.5 F_NO_SHIFT. */
enum { NEAR = 8 };
static int64_t ties(void) { return (int64_t)(3 * F(_NO_SHIFT) * F(_STEPS_PER_UNIT)); }

/* The i-th of NEAR numbers about each tie. */
static number tie(int64_t i)
{
    const long double step = 0x1.62e42fefa39ef35793c7673007e5fp-1L / F(_STEPS);
    const number at = (number)((i / NEAR - ties() / 2 + 0.5L) * step);
    return from_bits((pattern)(bits(at) + (pattern)(i % NEAR) - NEAR / 2));
}

int main(int argc, char **argv)
{
    static const number m[] = {-F(_NO_SHIFT), 0, F(_NO_SHIFT)};
    static block b;
    const pattern last = (pattern)-1;
    const int at_ties = argc == 2 && strcmp(argv[1], "ties") == 0;
    uint64_t first = 0, step = 1, count = (uint64_t)ties() * NEAR;
    if (!at_ties) {
        if (argc != 3 && argc != 4) {
            fprintf(stderr, "usage: exp first step [count], or exp ties\n");
            return 2;
        }
        first = strtoull(argv[1], NULL, 0);
        step = strtoull(argv[2], NULL, 0);
        if (first > last || step == 0) {
            fprintf(stderr, "first is no number's bits, or step is 0\n");
            return 2;
        }
        count = (last - first) / step + 1;
        if (argc == 4 && strtoull(argv[3], NULL, 0) < count) count = strtoull(argv[3], NULL, 0);
    }
    for (uint64_t at = 0; at < count; at += BLOCK) {
        const int n = count - at < BLOCK ? (int)(count - at) : BLOCK;
        for (int i = 0; i < BLOCK; i++) {
            const uint64_t number_of = at + (uint64_t)i;
            b.x[i] = i >= n ? 0 : at_ties ? tie((int64_t)number_of) : from_bits((pattern)(first + number_of * step));
        }
        for (int q = 0; q < 3; q++) {
            for (int i = 0; i < BLOCK; i++) b.max[i] = b.x[i] > m[q] ? b.x[i] : m[q];
            core(&b);
            for (int i = 0; i < n; i++)
                if (b.x[i] != INFINITY && (q == 0 || b.max[i] != b.x[i])) check(&b, i, at + (uint64_t)i);
        }
    }
    printf("isa: " ISA "\nvalues: %" PRIu64 "\n", count);
    printf("nan: %" PRIu64 "\nzero: %" PRIu64 "\nfactor: %a\n", nans, zeros, (double)factor());
    print("ulp", &ulp, 1);
    print("relative", &relative, 0);
    printf("hash: %016" PRIx64 "\n", hash);
    printf("reference: %.4f ulp of a double in %" PRIu64 " values\n", reference_error, compared);
    printf("wrong results: %" PRIu64 "\n", wrong);
    return wrong != 0;
}
