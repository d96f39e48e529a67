/* results.h: the memory of results of 256 KB and more, by a handler of NumPy's (NEP 49).
 *
 * It begins with a cache line, as stores across two cost twice; malloc's begins 16 bytes after. And beyond 32 MB malloc gives memory back
 * to the system, which clears every page of it before the next result is written there, 40% of such a call (docs/performance.md).
 * So that of the last such result is kept for the next of its size: one block, marked as free, so that the system takes it where
 * memory is short, and only where it can be marked.
 */
#ifndef SMF_RESULTS_H
#define SMF_RESULTS_H

#include <numpy/arrayobject.h>
#include <stdint.h>
#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#endif

#define RESULTS_LEAST ((size_t)1 << 18)
#define RESULTS_KEPT_LEAST ((size_t)32 << 20)
#define RESULTS_KEPT_MOST ((size_t)1 << 30)
#define RESULTS_LINE 64 /* bytes, in which lies, before the array, what malloc gave */
#define RESULTS_PAGES ((uintptr_t)2 << 20) /* the largest that are common, as marking a part of one would split it */

/* The array's memory in what malloc gave (or NULL), which is aligned for a pointer and more. */
static void *results_in(void *given)
{
    char *const p = given ? (char *)(((uintptr_t)given + RESULTS_LINE) / RESULTS_LINE * RESULTS_LINE) : NULL;
    if (p) ((void **)(void *)p)[-1] = given;
    return p;
}

static void results_give_back(const PyDataMemAllocator *numpy, void *p, size_t size)
{
    if (p) numpy->free(numpy->ctx, ((void **)p)[-1], size + RESULTS_LINE);
}

#if defined(MADV_FREE) && defined(__GNUC__)
static size_t *results_kept; /* its first element is its size; NULL: none */

/* Keeps a block, or none; that which was kept. */
static size_t *results_exchange(size_t *block) { return __atomic_exchange_n(&results_kept, block, __ATOMIC_ACQ_REL); }

static int results_mark(void *block, size_t size)
{
    const uintptr_t begin = ((uintptr_t)block + sizeof size + RESULTS_PAGES - 1) / RESULTS_PAGES * RESULTS_PAGES;
    const uintptr_t end = ((uintptr_t)block + size) / RESULTS_PAGES * RESULTS_PAGES;
    return madvise((void *)begin, end - begin, MADV_FREE) == 0;
}
#else
static size_t *results_exchange(size_t *block) { return block; }
static int results_mark(void *block, size_t size) { return (void)block, (void)size, 0; }
#endif

static void *results_malloc(void *ctx, size_t size)
{
    const PyDataMemAllocator *const numpy = (const PyDataMemAllocator *)ctx;
    size_t *block = size >= RESULTS_KEPT_LEAST ? results_exchange(NULL) : NULL;
    void *given;
    if (size > SIZE_MAX - RESULTS_LINE) return NULL;
    if (block && *block == size) return block;
    if (block && (block = results_exchange(block))) results_give_back(numpy, block, *block);
    given = numpy->malloc(numpy->ctx, size + RESULTS_LINE);
    if (!given && (block = results_exchange(NULL))) { /* in the way */
        results_give_back(numpy, block, *block);
        given = numpy->malloc(numpy->ctx, size + RESULTS_LINE);
    }
    return results_in(given);
}

static void results_free(void *ctx, void *p, size_t size)
{
    const PyDataMemAllocator *const numpy = (const PyDataMemAllocator *)ctx;
    const int aligned = (uintptr_t)p % RESULTS_LINE == 0; /* which it may not be after realloc */
    if (p && aligned && size >= RESULTS_KEPT_LEAST && size <= RESULTS_KEPT_MOST && results_mark(p, size)) {
        *(size_t *)p = size;
        p = results_exchange((size_t *)p);
        if (p) size = *(size_t *)p;
    }
    results_give_back(numpy, p, size);
}

static void *results_calloc(void *ctx, size_t n, size_t size)
{
    const PyDataMemAllocator *const numpy = (const PyDataMemAllocator *)ctx;
    if (size && n > (SIZE_MAX - RESULTS_LINE) / size) return NULL;
    return results_in(numpy->calloc(numpy->ctx, 1, n * size + RESULTS_LINE));
}

/* The array stays as far from where the memory begins, wherever that is. */
static void *results_realloc(void *ctx, void *p, size_t size)
{
    const PyDataMemAllocator *const numpy = (const PyDataMemAllocator *)ctx;
    char *const old = p ? (char *)((void **)p)[-1] : NULL;
    const ptrdiff_t at = p ? (char *)p - old : 0;
    char *given;
    if (!p) return results_malloc(ctx, size);
    if (size > SIZE_MAX - RESULTS_LINE || !(given = (char *)numpy->realloc(numpy->ctx, old, size + RESULTS_LINE))) return NULL;
    ((void **)(void *)(given + at))[-1] = given;
    return given + at;
}

static PyDataMem_Handler results_handler = {
    "softmax_fast", 1, {NULL, results_malloc, results_calloc, results_realloc, results_free}};

/* The handler; NULL with an exception. */
static PyObject *results_new_handler(void)
{
    PyDataMem_Handler *const numpy = (PyDataMem_Handler *)PyCapsule_GetPointer(PyDataMem_DefaultHandler, "mem_handler");
    if (!numpy) return NULL;
    results_handler.allocator.ctx = &numpy->allocator;
    return PyCapsule_New(&results_handler, "mem_handler", NULL);
}

#endif
