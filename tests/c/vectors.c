/* vectors.c: the golden vectors (src/softmax_fast/_vectors.py has their format) on every instruction set and layout.
 *
 *     vectors vectors.txt        exit status 1 where a result differs, 2 where the file is damaged
 *
 * Long double, whose bits depend on the machine, has the rows of float64, and nearly its results.
 */
#include "softmax_fast.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 100000, COLUMNS = 19, LONGEST_COLUMN = 300, GAP = 3 };

static const char *const op_name[SMF_OPS] = {"softmax", "log_softmax", "logsumexp"};

typedef struct {
    int hashed;
    uint64_t hash, bits[LONGEST];
} results;

static FILE *file;
static smf_dtype dtype;
static size_t size, n; /* of one logit in bytes; of the row */
static uint64_t logit[LONGEST];
static results wanted[SMF_OPS];
static unsigned long rows, checked, wrong;

static void damaged(const char *what)
{
    fprintf(stderr, "vectors.txt is damaged after row %lu: %s\n", rows, what);
    exit(2);
}

static const char *word(void)
{
    static char text[64];
    while (fscanf(file, "%63s", text) == 1) {
        if (text[0] != '#') return text;
        for (int c = getc(file); c != '\n' && c != EOF;) c = getc(file);
    }
    damaged("it ends early");
    return NULL;
}

static int64_t integer(void) { return strtoll(word(), NULL, 10); }

/* The bits of a number that is a NaN, or of the one NaN that stands for all. */
static int is_nan(uint64_t b)
{
    return dtype == SMF_F32 ? (b & 0x7fffffff) > 0x7f800000 : (b & INT64_MAX) > UINT64_C(0x7ff0000000000000);
}
static uint64_t one_nan(void) { return dtype == SMF_F32 ? 0x7fc00000 : UINT64_C(0x7ff8000000000000); }

static uint64_t hexadecimal(void)
{
    const char *text = word();
    return strncmp(text, "nan", 3) == 0 ? one_nan() : strtoull(text, NULL, 16);
}

static void put(unsigned char *p, uint64_t b)
{
    const uint32_t single = (uint32_t)b;
    if (dtype == SMF_F32) memcpy(p, &single, sizeof single);
    else memcpy(p, &b, sizeof b);
}

static uint64_t get(const unsigned char *p)
{
    uint32_t single;
    uint64_t b;
    if (dtype == SMF_F32) {
        memcpy(&single, p, sizeof single);
        return single;
    }
    memcpy(&b, p, sizeof b);
    return b;
}

static void draw(void)
{
    const int64_t times = integer(), modulus = integer(), start = integer(), exponent = integer();
    uint64_t state = (uint64_t)integer();
    for (size_t i = 0; i < n; i++) {
        int64_t sum = start;
        for (int64_t t = 0; t < times; t++) {
            uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
            z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
            z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
            sum += (int64_t)((z ^ z >> 31) % (uint64_t)modulus);
        }
        const double x = ldexp((double)sum, (int)exponent);
        const float single = (float)x;
        uint32_t b;
        memcpy(&logit[i], &x, sizeof x);
        memcpy(&b, &single, sizeof b);
        if (dtype == SMF_F32) logit[i] = b;
    }
}

/* The next row; 0 at the end. */
static int read_row(void)
{
    char first[64], kind[64];
    strcpy(first, word());
    if (strcmp(first, "end") == 0) {
        if ((unsigned long)integer() != rows) damaged("another number of rows");
        return 0;
    }
    if (strcmp(first, "f32") != 0 && strcmp(first, "f64") != 0) damaged(first);
    dtype = strcmp(first, "f32") == 0 ? SMF_F32 : SMF_F64;
    size = dtype == SMF_F32 ? sizeof(float) : sizeof(double);
    n = (size_t)integer();
    if (n > LONGEST) damaged("too long a row");
    strcpy(kind, word());
    if (strcmp(kind, "draw") == 0) draw();
    else if (strcmp(kind, "bits") == 0) for (size_t i = 0; i < n; i++) logit[i] = hexadecimal();
    else damaged(kind);
    strcpy(kind, word());
    while (strcmp(kind, "put") == 0) {
        const size_t i = (size_t)integer();
        if (i >= n) damaged("put");
        logit[i] = hexadecimal();
        strcpy(kind, word());
    }
    for (int op = 0; op < SMF_OPS; op++) {
        const size_t count = op == SMF_LOGSUMEXP ? 1 : n;
        if (op) strcpy(kind, word());
        if (strcmp(kind, op_name[op]) != 0) damaged(kind);
        if (count == 0) continue;
        strcpy(kind, word());
        wanted[op].hashed = strcmp(kind, "hash") == 0;
        if (wanted[op].hashed) {
            wanted[op].hash = hexadecimal();
            integer();
            continue;
        }
        wanted[op].bits[0] = strncmp(kind, "nan", 3) == 0 ? one_nan() : strtoull(kind, NULL, 16);
        for (size_t i = 1; i < count; i++) wanted[op].bits[i] = hexadecimal();
    }
    rows++;
    return 1;
}

/* Compares results y_col bytes apart, of a row, with the wanted ones. */
static void compare(smf_op op, const unsigned char *y, ptrdiff_t y_col, const char *layout)
{
    const size_t count = op == SMF_LOGSUMEXP ? 1 : n;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    int differs = 0;
    for (size_t i = 0; i < count && !differs; i++) {
        uint64_t b = get(y + (ptrdiff_t)i * y_col);
        if (is_nan(b)) b = one_nan();
        hash = (hash ^ b) * UINT64_C(0x100000001b3);
        differs = !wanted[op].hashed && b != wanted[op].bits[i];
        if (differs && wrong < 10)
            printf("%s %s row %lu of %zu logits, %s, element %zu: %0*" PRIx64 ", not %0*" PRIx64 "\n", smf_isa(),
                   op_name[op], rows, n, layout, i, (int)(2 * size), b, (int)(2 * size), wanted[op].bits[i]);
    }
    if (wanted[op].hashed && count && hash != wanted[op].hash) {
        differs = 1;
        if (wrong < 10)
            printf("%s %s row %lu of %zu logits, %s: hash %016" PRIx64 ", not %016" PRIx64 "\n", smf_isa(), op_name[op],
                   rows, n, layout, hash, wanted[op].hash);
    }
    wrong += (unsigned long)differs;
    checked++;
}

/* Runs a matrix of `count` rows: the file's is the first, every eighth and the last, so that it meets several lanes and
 * vectors where rows run side by side; the others hold small numbers. */
static void run(smf_op op, size_t count, ptrdiff_t x_row, ptrdiff_t x_col, ptrdiff_t y_row, ptrdiff_t y_col,
                int in_place, const char *layout)
{
    static unsigned char x[8 * (LONGEST + 2 * GAP) * GAP], y[8 * (LONGEST + 2 * GAP) * GAP];
    /* negative strides start at the far end; one element more keeps the rows off the buffer's alignment */
    unsigned char *const x0 = x + size + (x_col < 0 ? (ptrdiff_t)n * -x_col : 0);
    unsigned char *const y0 = in_place ? x0 : y + size + (y_col < 0 ? (ptrdiff_t)n * -y_col : 0);
    const smf_job job = {count, n, x0, x_row, x_col, y0, y_row, y_col};
    for (size_t r = 0; r < count; r++)
        for (size_t i = 0; i < n; i++) {
            const float single = (float)((r + 2 * i) % 7);
            const double real = single;
            unsigned char *const at = x0 + (ptrdiff_t)r * x_row + (ptrdiff_t)i * x_col;
            if (r % 8 == 0 || r == count - 1) put(at, logit[i]);
            else if (dtype == SMF_F32) memcpy(at, &single, sizeof single);
            else memcpy(at, &real, sizeof real);
        }
    for (size_t r = 0; r < count && !in_place; r++) /* no result may be left from before */
        for (size_t i = 0; i < (op == SMF_LOGSUMEXP ? 1 : n); i++)
            put(y0 + (ptrdiff_t)r * y_row + (ptrdiff_t)i * y_col, 1);
    smf_run(op, dtype, &job);
    for (size_t r = 0; r < count; r++)
        if (r % 8 == 0 || r == count - 1) compare(op, y0 + (ptrdiff_t)r * y_row, y_col, layout);
}

static void run_long(smf_op op)
{
    static long double x[LONGEST_COLUMN], y[LONGEST_COLUMN];
    const smf_job job = {1, n, x, 0, sizeof *x, y, 0, sizeof *y};
    double largest = 0, want, real;
    for (size_t i = 0; i < n; i++) {
        memcpy(&real, &logit[i], sizeof real);
        x[i] = real;
        if (fabs(real) > largest && fabs(real) <= DBL_MAX) largest = fabs(real);
    }
    smf_run(op, SMF_LONG, &job);
    for (size_t i = 0; i < (op == SMF_LOGSUMEXP ? 1 : n); i++) {
        memcpy(&want, &wanted[op].bits[i], sizeof want);
        const double unit = op == SMF_LOGSUMEXP && largest > fabs(want) ? largest : fabs(want);
        if (y[i] == want || (y[i] != y[i] && want != want)) continue;
        if (fabsl(y[i] - want) <= 4 * (DBL_EPSILON * unit + DBL_EPSILON * DBL_MIN) && unit <= DBL_MAX) continue;
        if (want == -INFINITY && y[i] < -DBL_MAX) continue; /* beyond a double */
        if (wrong++ < 10)
            printf("long double %s row %lu of %zu logits, element %zu: %La, not %a\n", op_name[op], rows, n, i, y[i], want);
    }
}

int main(int argc, char **argv)
{
    file = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!file) {
        fprintf(stderr, "usage: vectors vectors.txt\n");
        return 2;
    }
    while (read_row()) {
        for (smf_op op = SMF_SOFTMAX; op < SMF_OPS; op++)
            if (dtype == SMF_F64 && n <= LONGEST_COLUMN && !wanted[op].hashed) run_long(op);
        for (size_t k = 0; smf_isas(k); k++) {
            if (smf_use_isa(smf_isas(k)) != 0 || strcmp(smf_isa(), smf_isas(k)) != 0) damaged("smf_use_isa");
            for (smf_op op = SMF_SOFTMAX; op < SMF_OPS; op++) {
                const ptrdiff_t one = (ptrdiff_t)size, row = one * (ptrdiff_t)n, gap = GAP * one;
                run(op, 1, row, one, row, one, op != SMF_LOGSUMEXP, "contiguous, in place");
                if (n > LONGEST_COLUMN) continue;
                run(op, 2, row + gap, one, row + one, one, 0, "contiguous");
                run(op, 1, 0, -gap, 0, 2 * one, 0, "strided");
                run(op, COLUMNS, one, COLUMNS * one, one, (COLUMNS + 1) * one, 0, "side by side");
                run(op, COLUMNS, row, one, op == SMF_LOGSUMEXP ? one : row, one, 0, "one after the other");
            }
        }
    }
    fclose(file);
    printf("isas:");
    for (size_t k = 0; smf_isas(k); k++) printf(" %s", smf_isas(k));
    printf("\n%lu rows, %lu results, %lu wrong\n", rows, checked, wrong);
    return wrong != 0;
}
