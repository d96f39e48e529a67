/* smf_dispatch.c: CPU detection, the active kernel table, and the public functions. */
#include "smf_internal.h"

#ifdef SMF_X86
#if defined(_MSC_VER)
#include <intrin.h>
static void cpuid(unsigned leaf, unsigned r[4])
{
    int q[4];
    __cpuidex(q, (int)leaf, 0);
    for (int i = 0; i < 4; i++) r[i] = (unsigned)q[i];
}
static unsigned xcr0(void) { return (unsigned)_xgetbv(0); }
#else
#include <cpuid.h>
static void cpuid(unsigned leaf, unsigned r[4])
{
    if (!__get_cpuid_count(leaf, 0, &r[0], &r[1], &r[2], &r[3])) memset(r, 0, 4 * sizeof r[0]);
}
static unsigned xcr0(void)
{
    unsigned lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return lo;
}
#endif

enum { EBX = 1, ECX = 2 };

/* The processor has the instructions, and the operating system saves the registers. */
static int x86_has(unsigned leaf1_ecx, unsigned leaf7_ebx, unsigned registers)
{
    unsigned r[4];
    const unsigned osxsave = 1u << 27;
    cpuid(1, r);
    if ((r[ECX] & (leaf1_ecx | osxsave)) != (leaf1_ecx | osxsave)) return 0;
    if ((xcr0() & registers) != registers) return 0;
    cpuid(7, r);
    return (r[EBX] & leaf7_ebx) == leaf7_ebx;
}

static int has_avx2(void)
{
    return x86_has(1u << 12 | 1u << 23 | 1u << 28 | 1u << 29 /* FMA, POPCNT, AVX, F16C */, 1u << 5 /* AVX2 */, 0x06 /* XMM, YMM */);
}
static int has_avx512(void)
{
    return has_avx2() && x86_has(0, 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31 /* F, DQ, BW, VL */,
                                 0xe6 /* and opmask, ZMM, ZMM16-31 */);
}
#endif

static int always(void) { return 1; }

/* Every kernel table of this build, best first. */
static const struct {
    const smf_table *table;
    int (*available)(void);
} known[] = {
#ifdef SMF_X86
    {&smf_table_avx512, has_avx512},
    {&smf_table_avx2, has_avx2},
#endif
#ifdef SMF_ARM64
    {&smf_table_neon, always},
#endif
    {&smf_table_scalar, always},
};
enum { KNOWN = sizeof known / sizeof known[0] };

static const smf_table *available(size_t i)
{
    for (size_t k = 0; k < KNOWN; k++)
        if (known[k].available() && i-- == 0) return known[k].table;
    return NULL;
}

/* NULL until first used. Two threads that find it so store the same pointer. */
static const smf_table *volatile active;

#if defined(__GNUC__)
#define LOAD(p) __atomic_load_n(&(p), __ATOMIC_RELAXED)
#define STORE(p, value) __atomic_store_n(&(p), value, __ATOMIC_RELAXED)
#else /* MSVC: aligned pointers are loaded and stored whole; the tables are constant */
#define LOAD(p) (p)
#define STORE(p, value) ((p) = (value))
#endif

static const smf_table *table(void)
{
    const smf_table *t = LOAD(active);
    if (!t) {
        t = available(0);
        STORE(active, t);
    }
    return t;
}

const char *smf_isa(void) { return table()->name; }

const char *smf_isas(size_t i)
{
    const smf_table *t = available(i);
    return t ? t->name : NULL;
}

int smf_use_isa(const char *name)
{
    const smf_table *t;
    for (size_t i = 0; name && (t = available(i)) != NULL; i++)
        if (strcmp(t->name, name) == 0) {
            STORE(active, t);
            return 0;
        }
    return -1;
}

void smf_run(smf_op op, smf_dtype dtype, const smf_job *job) { table()->kernel[dtype][op](job); }

#define ROWS(op, OP, dtype, DTYPE, real)                                                                     \
    void smf_##op##_##dtype(size_t rows, size_t n, const real *x, ptrdiff_t x_row, real *y, ptrdiff_t y_row) \
    {                                                                                                        \
        const ptrdiff_t size = sizeof(real);                                                                 \
        const smf_job job = {rows, n, x, x_row * size, size, y, y_row * size, size};                         \
        smf_run(SMF_##OP, SMF_##DTYPE, &job);                                                                \
    }

ROWS(softmax, SOFTMAX, f32, F32, float)
ROWS(softmax, SOFTMAX, f64, F64, double)
ROWS(log_softmax, LOG_SOFTMAX, f32, F32, float)
ROWS(log_softmax, LOG_SOFTMAX, f64, F64, double)
ROWS(logsumexp, LOGSUMEXP, f32, F32, float)
ROWS(logsumexp, LOGSUMEXP, f64, F64, double)
