/* softmax_fast.h: the public interface of the softmax kernels, and their contract.
 *
 * Copyright (c) 2026 the softmax_fast authors. SPDX-License-Identifier: BSD-3-Clause
 *
 * Portable C99, no dependency but the C library's fma() (and for long double expl() and log1pl()), no compiler flags:
 *
 *     cc -std=c99 -c csrc/smf_*.c        and link with -lm where fma() lives there
 *
 * For each row x[0..n) of a matrix, with all sums taken over that row:
 *
 *     softmax       y[i] = exp(x[i]) / sum_j exp(x[j])
 *     log_softmax   y[i] = x[i] - log(sum_j exp(x[j]))
 *     logsumexp     y    = log(sum_j exp(x[j]))
 *
 * Every function here
 *   - takes any finite logits of any magnitude: exp never overflows, and results in the denormal range
 *     are kept. Largest error, in ulp of the result: SMF_BOUND_* below. For logsumexp, in ulp of the larger
 *     of |result| and |largest logit|. No element of softmax exceeds 1, none of log_softmax exceeds 0;
 *   - gives the same bits on every instruction set and for every stride: they depend on the values of the
 *     row alone (of long double, on the C library and the machine too);
 *   - may be called in place (y == x with the same strides). Any other overlap of x and y is an error of the
 *     caller's. x is never written otherwise, and nothing outside the rows is read or written;
 *   - allocates nothing, keeps no state but the choice of instruction set, and may be called from any thread;
 *   - may raise IEEE exception flags (inexact, overflow, underflow, invalid, division by zero); it reads none.
 *
 * Special rows, in this order:
 *     a NaN anywhere     softmax, log_softmax: all NaN          logsumexp: NaN
 *     +inf in the row    softmax: all NaN                       logsumexp: +inf
 *                        log_softmax: NaN where x is +inf, else -inf
 *     all -inf           softmax, log_softmax: all NaN          logsumexp: -inf
 *     n == 0             nothing is written                     logsumexp: -inf
 */
#ifndef SOFTMAX_FAST_H
#define SOFTMAX_FAST_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SMF_VERSION "0.1.0"

/* Largest error in ulp, of the rows of the tests, which read it here, and of the worst that could be found: these stand beside,
 * with the element. What is proved: docs/numerics.md. */
#define SMF_BOUND_SOFTMAX_F32 3.0 /* seen 2.88: {0x1.361a62p-5, 0x1.0a921cp+2, 0x1.b901ep+3, -0x1.b9025p+2, -0x1.6819ccp+2}[4] */
#define SMF_BOUND_SOFTMAX_F64 3.0 /* seen 2.61: {-0x1.0cf772c5115d4p+2, -0x1.d351aae8df71cp+3, 0x1.e6983643139afp+3, 0x1.6bf7184b1644bp+0}[1] */
#define SMF_BOUND_LOG_SOFTMAX_F32 3.0 /* seen 2.06: {-0x1.2159b8p+3, -0x1.ec8dep+2, -0x1.bfdc6cp+2, -0x1.79c3aep-7, -0x1.c197fep+1}[3] */
#define SMF_BOUND_LOG_SOFTMAX_F64 3.0 /* seen 1.99: {-0x1.0c11c85d8bb0fp+2, -0x1.79fe24be52f4ap-9, -0x1.e7becd8eff7f8p+2}[1] */
#define SMF_BOUND_LOGSUMEXP_F32 3.0 /* seen 2.56: {-0x1.be0e0cp+3, -0x1.f90fc6p-18, -0x1.6539e4p+3}[0] */
#define SMF_BOUND_LOGSUMEXP_F64 3.0 /* seen 2.61: {-0x1.216801b636df1p+3, -0x1.a54cbc2dc2468p+3, -0x1.a6756ff9ecfaap+3, -0x1.ff3800e6c0269p-15}[0] */

typedef enum { SMF_SOFTMAX, SMF_LOG_SOFTMAX, SMF_LOGSUMEXP, SMF_OPS } smf_op;
/* SMF_F16 and SMF_BF16 (the upper half of a float): numbers of 2 bytes, computed in float32 and rounded once.
 * SMF_LONG: long double, by the C library's expl and log1pl, whose bits these are; a few ulp where they err by one. */
typedef enum { SMF_F32, SMF_F64, SMF_F16, SMF_BF16, SMF_LONG, SMF_DTYPES } smf_dtype;

/* A matrix of logits and where its results go. Strides count bytes, need not be multiples of the element's size,
 * and may be negative or, for x, 0. logsumexp writes one result per row, y_row apart, and ignores y_col. */
typedef struct {
    size_t rows, n;         /* number of rows, length of each */
    const void *x;
    ptrdiff_t x_row, x_col; /* from one row to the next, from one element to the next */
    void *y;
    ptrdiff_t y_row, y_col;
} smf_job;

/* Any operation on any layout. Contiguous columns are the fast ones. */
void smf_run(smf_op op, smf_dtype dtype, const smf_job *job);

/* Rows of contiguous elements, x_row and y_row elements apart. */
void smf_softmax_f32(size_t rows, size_t n, const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row);
void smf_softmax_f64(size_t rows, size_t n, const double *x, ptrdiff_t x_row, double *y, ptrdiff_t y_row);
void smf_log_softmax_f32(size_t rows, size_t n, const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row);
void smf_log_softmax_f64(size_t rows, size_t n, const double *x, ptrdiff_t x_row, double *y, ptrdiff_t y_row);

/* y[r * y_row] is the result of row r. */
void smf_logsumexp_f32(size_t rows, size_t n, const float *x, ptrdiff_t x_row, float *y, ptrdiff_t y_row);
void smf_logsumexp_f64(size_t rows, size_t n, const double *x, ptrdiff_t x_row, double *y, ptrdiff_t y_row);

/* Name of the instruction set in use: "avx512", "avx2", "neon" or "scalar" (plain C).
 * The first use of the library chooses the best one of this machine. */
const char *smf_isa(void);

/* Name of the i-th instruction set this machine can run, best first, "scalar" last; NULL beyond that. */
const char *smf_isas(size_t i);

/* Use that one from now on, in all threads. Returns 0, or -1 (and changes nothing) where the name is unknown
 * or this machine cannot run it. A call that is under way finishes on the old one: same bits. */
int smf_use_isa(const char *name);

#ifdef __cplusplus
}
#endif
#endif
