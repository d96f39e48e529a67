/* kept.h: the memory of the last large result, kept for the next of its size.
 *
 * Beyond 32 MB malloc gives memory back to the system, which clears every page of it before the next result is written there:
 * 40% of such a call (docs/performance.md). One block is kept instead, marked as free, so that the system takes it where memory
 * is short, and only where it can be marked. It is NumPy's memory, by a handler of NEP 49; a program that has set another one
 * gets its results from that.
 */
#ifndef SMF_KEPT_H
#define SMF_KEPT_H

#include <numpy/arrayobject.h>
#include <stdint.h>
#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#endif

#define KEPT_LEAST ((size_t)32 << 20)
#define KEPT_MOST ((size_t)1 << 30)

#if defined(MADV_FREE) && defined(__GNUC__)
#define KEPT_PAGES ((uintptr_t)2 << 20) /* the largest that are common, as marking a part of one would split it */

static size_t *kept_block; /* its first element is its size; NULL: none */

/* The block that was kept. */
static size_t *kept_exchange(size_t *block) { return __atomic_exchange_n(&kept_block, block, __ATOMIC_ACQ_REL); }

static int kept_mark(void *block, size_t size)
{
    const uintptr_t begin = ((uintptr_t)block + sizeof size + KEPT_PAGES - 1) / KEPT_PAGES * KEPT_PAGES;
    const uintptr_t end = ((uintptr_t)block + size) / KEPT_PAGES * KEPT_PAGES;
    return madvise((void *)begin, end - begin, MADV_FREE) == 0;
}

static void kept_give(const PyDataMemAllocator *numpy, size_t *block)
{
    if (block) numpy->free(numpy->ctx, block, *block);
}

static void *kept_malloc(void *ctx, size_t size)
{
    const PyDataMemAllocator *const numpy = (const PyDataMemAllocator *)ctx;
    size_t *const block = kept_exchange(NULL);
    if (block && *block == size) return block;
    if (block) kept_give(numpy, kept_exchange(block));
    return numpy->malloc(numpy->ctx, size);
}

static void kept_free(void *ctx, void *p, size_t size)
{
    const PyDataMemAllocator *const numpy = (const PyDataMemAllocator *)ctx;
    if (p && size >= KEPT_LEAST && size <= KEPT_MOST && kept_mark(p, size)) {
        size_t *const block = (size_t *)p;
        *block = size;
        kept_give(numpy, kept_exchange(block));
    } else numpy->free(numpy->ctx, p, size);
}

static void *kept_calloc(void *ctx, size_t n, size_t size)
{
    const PyDataMemAllocator *const numpy = (const PyDataMemAllocator *)ctx;
    return numpy->calloc(numpy->ctx, n, size);
}

static void *kept_realloc(void *ctx, void *p, size_t size)
{
    const PyDataMemAllocator *const numpy = (const PyDataMemAllocator *)ctx;
    return numpy->realloc(numpy->ctx, p, size);
}

static PyDataMem_Handler kept_handler = {"softmax_fast", 1, {NULL, kept_malloc, kept_calloc, kept_realloc, kept_free}};

/* The handler; NULL with an exception. */
static PyObject *kept_new(void)
{
    PyDataMem_Handler *const numpy = (PyDataMem_Handler *)PyCapsule_GetPointer(PyDataMem_DefaultHandler, "mem_handler");
    if (!numpy) return NULL;
    kept_handler.allocator.ctx = &numpy->allocator;
    return PyCapsule_New(&kept_handler, "mem_handler", NULL);
}
#else /* nothing could be marked */
static PyObject *kept_new(void)
{
    Py_INCREF(PyDataMem_DefaultHandler);
    return PyDataMem_DefaultHandler;
}
#endif

#endif
