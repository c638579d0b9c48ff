#define _DEFAULT_SOURCE // madvise
#include "base/scratch.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

// A block is its head, a cache line long, and then the memory. Free blocks wait in a few places; any thread takes what
// it finds by one atomic exchange, so there is no lock that a fork could leave closed.
enum { LINE = 64, PLACES = 8 };
static const size_t HUGE_PAGE = (size_t)2 << 20, MOST_KEPT = (size_t)64 << 20;

typedef struct {
    void *start; // what malloc gave
    size_t size;
} head;

static _Atomic(head *) places[PLACES];

static head *fresh(size_t bytes)
{
    const size_t align = bytes >= HUGE_PAGE ? HUGE_PAGE : LINE;
    if (bytes > SIZE_MAX - 2 * HUGE_PAGE) return NULL;
    const size_t size = (bytes + LINE - 1) / LINE * LINE;
    char *start = malloc(size + align + LINE);
    if (!start && sq_scratch_drop()) start = malloc(size + align + LINE);
    if (!start) return NULL;
    uintptr_t memory = ((uintptr_t)start + LINE + align - 1) / align * align;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (align == HUGE_PAGE) madvise((void *)memory, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    head *h = (head *)(memory - LINE);
    *h = (head){start, size};
    return h;
}

void *sq_scratch_take(size_t bytes)
{
    head *found = NULL;
    for (int i = 0; i < PLACES && !found; i++) {
        if (!atomic_load_explicit(&places[i], memory_order_relaxed)) continue;
        found = atomic_exchange(&places[i], NULL);
        if (found && found->size < bytes) { // too small: it makes room for the larger one that will come
            free(found->start);
            found = NULL;
        }
    }
    if (!found) found = fresh(bytes);
    return found ? (char *)found + LINE : NULL;
}

void sq_scratch_give(void *memory)
{
    if (!memory) return;
    head *h = (head *)((char *)memory - LINE);
    for (int i = 0; i < PLACES && h->size <= MOST_KEPT; i++) {
        head *none = NULL;
        if (atomic_compare_exchange_strong(&places[i], &none, h)) return;
    }
    free(h->start);
}

size_t sq_scratch_drop(void)
{
    size_t dropped = 0;
    for (int i = 0; i < PLACES; i++) {
        head *found = atomic_exchange(&places[i], NULL);
        if (!found) continue;
        dropped += found->size;
        free(found->start);
    }
    return dropped;
}
