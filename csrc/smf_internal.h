/* smf_internal.h: target regions, name pasting and the kernel-table type. Not for users. */
#ifndef SMF_INTERNAL_H
#define SMF_INTERNAL_H

#include "softmax_fast.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || \
    defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__)
#error "softmax_fast needs IEEE arithmetic: compile csrc/ without -ffast-math and its parts"
#endif

#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64) || defined(_M_IX86)
#define SMF_X86 1
#endif
#if (defined(__aarch64__) && !defined(__AARCH64EB__)) || defined(_M_ARM64)
#define SMF_ARM64 1
#endif

/* The x87 rounds neither to the precision of a double nor to its range: what would be compiled for it, plain C, is
 * compiled for SSE2. It is the only kernel there, as GCC (seen with 12) inlines no intrinsic into a function of other
 * fpmath: https://gcc.gnu.org/onlinedocs/gcc/x86-Function-Attributes.html. Clang takes SSE2 where it may, and knows no
 * fpmath.
 *
 * Floats kept as doubles (FLT_EVAL_METHOD 1) do no harm: a sum, product or quotient rounded to 53 bits and then to 24
 * is as rounded at once, and of two operations on floats in one expression the first is exact. */
#if FLT_EVAL_METHOD < 0 || FLT_EVAL_METHOD == 2
#if !defined(SMF_X86) || !defined(__GNUC__)
#error "softmax_fast needs doubles rounded to double; this compiler keeps them wider (FLT_EVAL_METHOD)"
#elif defined(__clang__)
#define SMF_NO_X87 "sse2"
#else
#define SMF_NO_X87 "sse2,fpmath=sse"
#endif
#undef SMF_X86
#endif

/* Functions between BEGIN and END are compiled for those instruction sets, whatever the compiler's flags. */
#define SMF_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define SMF_TARGET_BEGIN(features) \
    SMF_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define SMF_TARGET_END SMF_PRAGMA(clang attribute pop)
#elif defined(__GNUC__)
#define SMF_TARGET_BEGIN(features) SMF_PRAGMA(GCC push_options) SMF_PRAGMA(GCC target(features))
#define SMF_TARGET_END SMF_PRAGMA(GCC pop_options)
#else
#define SMF_TARGET_BEGIN(features)
#define SMF_TARGET_END
#endif

#if defined(__GNUC__)
#define SMF_INLINE static inline __attribute__((always_inline, unused))
/* Aligned, as where a loop lies in the lines of the decoder can make 15% of it, which else the linker decided. */
#define SMF_NOINLINE __attribute__((noinline, unused, aligned(64)))
#define SMF_HIDDEN __attribute__((visibility("hidden")))
#define SMF_ALIGNED(bytes) __attribute__((aligned(bytes)))
#else
#define SMF_INLINE static __forceinline
#define SMF_NOINLINE __declspec(noinline)
#define SMF_HIDDEN
#define SMF_ALIGNED(bytes) __declspec(align(bytes))
#endif

/* Bit patterns of float64. */
#define SMF_SQRT_HALF_BITS UINT64_C(0x3fe6a09e667f3bcd)
#define SMF_ONE_BITS UINT64_C(0x3ff0000000000000)

#define SMF_SCRATCH_BYTES 8192 /* of stack, for the exponentials of a row, of halves twice as long, or a piece of a long one */
#define SMF_BLOCK_BYTES 4096   /* of exponentials, in a block of rows of which there are more; two of these stay in the nearest cache */
#define SMF_LOGITS_BYTES 32768 /* of rows, in a block that keeps none, and where the last step does not read them again: */
#define SMF_SUMS_BYTES 262144  /* the next block, fetched meanwhile, stays near enough */
#define SMF_FETCH_BYTES 2048   /* along rows: logits so far ahead are fetched; of twice as far, softmax from the third cache took 10% more */
#define SMF_TRIAL 4096         /* elements after which a row is asked whether it is near to 0 */
#define SMF_COPY_BYTES 16384   /* of stack, for rows of another stride or type */
#define SMF_LINES_BYTES 520    /* from an element of a row of doubles to the next: nearer ones are not turned */
#define SMF_PANEL_BYTES 65536  /* of stack, for rows side by side, */
#define SMF_NEAR_BYTES (SMF_LATER ? 16384 : 8192) /* of these, for short dense rows near to 0: it stays in the nearest cache */
#define SMF_HALF_PANEL_BYTES 262144 /* of halves: of a row of 1000, four vectors, of 128 bytes in a line of the array */
#define SMF_VECTORS 8   /* of rows, in one group: their states are on the stack too */
#define SMF_FEW 64 /* rows side by side without a gap that are taken as they lie, */
#define SMF_FEW_LEAST 96 /* where they have so many elements at least */
#define SMF_FEWEST 4   /* vectors of rows in a panel, or they are not copied to one */
#define SMF_STREAMS 64 /* vectors of rows in one group then */
#define SMF_DEEP_BYTES 256 /* rows side by side: of shorter ones the next group is fetched, */
#define SMF_AHEAD 8    /* of others so many elements ahead, and the last step waits for the next group's exponentials */
#define SMF_HUGE_BYTES 5000000 /* results beyond this go around the caches: reading what they replace would cost more */
#define SMF_FAR_BYTES 500000 /* arrays beyond this are not in the nearest caches */
#define SMF_SHORT 64  /* rows up to here, or less (smf_exp_f32.h), go through a panel of columns, */
#define SMF_SEVERAL 8 /* where there are at least so many of them */

/* A loop over a few independent vectors, to be unrolled so that each lives in a register; and before any other loop, two of its steps at once. */
#if defined(__GNUC__) && !defined(__clang__) /* Clang does it unasked */
#define SMF_EACH(j, count) SMF_PRAGMA(GCC unroll 16) for (int j = 0; j < (count); j++)
#define SMF_IN_PAIRS SMF_PRAGMA(GCC unroll 2)
#else
#define SMF_EACH(j, count) for (int j = 0; j < (count); j++)
#define SMF_IN_PAIRS
#endif

/* In a register from here on, and the compiler forgets how it came about (x86). */
#if defined(__GNUC__)
#define SMF_ONCE(v) __asm__("" : "+v"(v))
#define SMF_ONCE_P(p) __asm__("" : "+r"(p))
#else
#define SMF_ONCE(v) ((void)0)
#define SMF_ONCE_P(p) ((void)0)
#endif

/* n numbers from places from_col bytes apart to places to_col apart. As integers: of these some processors (Zen 4) store more in a
 * cycle than of a vector's lanes. */
typedef uint16_t half_bits;
typedef uint32_t f32_bits;
typedef uint64_t f64_bits;
#define SMF_COPY(F, to, to_col, from, from_col, n)                                                  \
    do {                                                                                            \
        char *to_ = (char *)(to);                                                                   \
        const char *from_ = (const char *)(from);                                                   \
        const ptrdiff_t there_ = (to_col), here_ = (from_col); /* or they were read again and again */ \
        size_t left_ = (n);                                                                         \
        for (; left_ >= 4; left_ -= 4, to_ += 4 * there_, from_ += 4 * here_) {                     \
            SMF_COPY1(F, to_, from_);                                                               \
            SMF_COPY1(F, to_ + there_, from_ + here_);                                              \
            SMF_COPY1(F, to_ + 2 * there_, from_ + 2 * here_);                                      \
            SMF_COPY1(F, to_ + 3 * there_, from_ + 3 * here_);                                      \
        }                                                                                           \
        for (; left_ > 0; left_--, to_ += there_, from_ += here_) SMF_COPY1(F, to_, from_);         \
    } while (0)
#define SMF_COPY1(F, to, from)                                                                      \
    do {                                                                                            \
        SMF_PASTE(F, _bits) bits_;                                                                  \
        memcpy(&bits_, from, sizeof bits_);                                                         \
        SMF_ONCE_P(bits_);                                                                          \
        memcpy(to, &bits_, sizeof bits_);                                                           \
    } while (0)

/* A hint, no access: any address will do. */
#if defined(__GNUC__)
#define SMF_PREFETCH(p) __builtin_prefetch(p)
#define SMF_PREFETCH_FAR(p) __builtin_prefetch(p, 0, 2) /* to the second cache, as more lines can be on their way to that one */
#define SMF_PREFETCH_WRITE(p) __builtin_prefetch(p, 1)
#else
#define SMF_PREFETCH(p) ((void)(p))
#define SMF_PREFETCH_FAR(p) ((void)(p))
#define SMF_PREFETCH_WRITE(p) ((void)(p))
#endif

#define SMF_PASTE_(a, b) a##b
#define SMF_PASTE(a, b) SMF_PASTE_(a, b)

/* One row of the kernel table: everything one instruction set can do. */
typedef void smf_kernel(const smf_job *job);
typedef struct {
    const char *name;
    smf_kernel *kernel[SMF_DTYPES][SMF_OPS];
} smf_table;

extern const smf_table smf_table_avx512 SMF_HIDDEN;
extern const smf_table smf_table_avx2 SMF_HIDDEN;
extern const smf_table smf_table_neon SMF_HIDDEN;
extern const smf_table smf_table_scalar SMF_HIDDEN;

smf_kernel smf_long_softmax SMF_HIDDEN, smf_long_log_softmax SMF_HIDDEN, smf_long_logsumexp SMF_HIDDEN;

/* The table of the file that has just instantiated its kernels. */
#define SMF_TABLE(isa)                                                          \
    const smf_table SMF_PASTE(smf_table_, isa) = {                              \
        #isa, {{f32_softmax, f32_log_softmax, f32_logsumexp},                   \
               {f64_softmax, f64_log_softmax, f64_logsumexp},                   \
               {f16_softmax, f16_log_softmax, f16_logsumexp},                   \
               {bf16_softmax, bf16_log_softmax, bf16_logsumexp},                \
               {smf_long_softmax, smf_long_log_softmax, smf_long_logsumexp}}};

#endif
