/* smf_long.c: softmax, log_softmax and logsumexp of long double, whatever that is here.
 *
 * Plain C, with the C library's expl() and log1pl(): the bits depend on it, and on the machine. Otherwise as
 * softmax_fast.h says. x - max is taken in two parts, the total is compensated, and elements equal to max are counted,
 * not summed: what remains are the errors of expl, log1pl and three or four roundings, a few ulp of the result.
 */
#include "smf_internal.h"

typedef struct { long double hi, lo; } pair;

static long double get(const char *p)
{
    long double v;
    memcpy(&v, p, sizeof v);
    return v;
}

static void put(char *p, long double v) { memcpy(p, &v, sizeof v); }

/* a + b and what its rounding lost (Knuth). */
static pair two_sum(long double a, long double b)
{
    const long double sum = a + b, part = sum - a;
    const pair r = {sum, (a - (sum - part)) + (b - part)};
    return r;
}

/* x - max; it may overflow, or x be -inf. */
static pair below(long double x, long double max)
{
    pair d = two_sum(x, -max);
    if (d.hi - d.hi != 0) d.lo = 0;
    return d;
}

static void row(smf_op op, size_t n, const char *x, ptrdiff_t x_col, char *y, ptrdiff_t y_col)
{
    long double max = -(long double)INFINITY, total, log;
    pair others = {0, 0};
    size_t maxima = 0;
    int nan = 0;
    for (size_t i = 0; i < n; i++) {
        const long double v = get(x + (ptrdiff_t)i * x_col);
        nan |= v != v;
        if (v > max) max = v;
    }
    if (nan || max - max != 0) {
        if (op == SMF_LOGSUMEXP) put(y, nan ? (long double)NAN : max);
        else for (size_t i = 0; i < n; i++) {
            const int below_inf = op == SMF_LOG_SOFTMAX && !nan && get(x + (ptrdiff_t)i * x_col) < max;
            put(y + (ptrdiff_t)i * y_col, below_inf ? -(long double)INFINITY : (long double)NAN);
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const pair d = below(get(x + (ptrdiff_t)i * x_col), max);
        long double e = 1;
        if (d.hi == 0) maxima++;
        else {
            e = expl(d.hi);
            e += e * d.lo;
            const pair sum = two_sum(others.hi, e);
            others.hi = sum.hi;
            others.lo += sum.lo;
        }
        if (op == SMF_SOFTMAX) put(y + (ptrdiff_t)i * y_col, e);
    }
    others = two_sum(others.hi, others.lo);
    total = (maxima + others.hi) + others.lo;
    log = log1pl((maxima - 1) + others.hi);
    if (op == SMF_LOGSUMEXP) put(y, max + log);
    else for (size_t i = 0; i < n; i++) {
        char *const at = y + (ptrdiff_t)i * y_col;
        if (op == SMF_SOFTMAX) put(at, get(at) / total);
        else {
            const pair d = below(get(x + (ptrdiff_t)i * x_col), max);
            put(at, d.hi - (log - d.lo));
        }
    }
}

static void rows(smf_op op, const smf_job *job)
{
    for (size_t r = 0; r < job->rows; r++)
        row(op, job->n, (const char *)job->x + (ptrdiff_t)r * job->x_row, job->x_col,
            (char *)job->y + (ptrdiff_t)r * job->y_row, job->y_col);
}

void smf_long_softmax(const smf_job *job) { rows(SMF_SOFTMAX, job); }
void smf_long_log_softmax(const smf_job *job) { rows(SMF_LOG_SOFTMAX, job); }
void smf_long_logsumexp(const smf_job *job) { rows(SMF_LOGSUMEXP, job); }
