// Memory for arrays that is kept when they go: an array of 1 MiB from the system costs 256 page faults, which take
// longer than what most elementwise functions do with it; a training step asks for the same sizes over and over.
//
// Used as NumPy's allocator (NEP 49) while an op runs and for the outputs of kernels; arrays made elsewhere are not
// concerned. Every array remembers its allocator, so it may outlive everything. Nothing here waits: who finds the lists
// in use by another thread asks the system instead, so a fork at any moment is safe.
#include "call.h"

#include "base/scratch.h"

#include <stdlib.h>
#include <string.h>
#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#endif

enum {
    HEADER = 64,
    SMALLEST_BITS = 17 /* KEPT_FROM */,
    STEPS = 8,
    CLASSES = 8 * 24,
    NEAR = STEPS / 2,
    HUGE_FROM = 4 << 20
};

typedef struct block {
    size_t capacity; // bytes behind the header; fewer than KEPT_FROM are not kept
    struct block *next;
} block;

static block *kept[CLASSES];
static atomic_size_t idle, limit; // bytes in `kept`, and the most that may be
static atomic_flag in_use = ATOMIC_FLAG_INIT;

static bool enter(void) { return !atomic_flag_test_and_set_explicit(&in_use, memory_order_acquire); }
static void leave(void) { atomic_flag_clear_explicit(&in_use, memory_order_release); }

// The class of a size and the size of its blocks: eight steps for each power of two, at most an eighth too large.
static int class_of(size_t size, size_t *capacity)
{
    int bits = SMALLEST_BITS;
    while (size > (size_t)2 << bits) bits++;
    size_t step = ((size_t)1 << bits) / STEPS, steps = (size - ((size_t)1 << bits) + step - 1) / step;
    *capacity = ((size_t)1 << bits) + steps * step;
    return (bits - SMALLEST_BITS) * STEPS + (int)steps;
}

// Give every kept block back to the system; to be called inside enter() and leave().
static size_t drop_all(void)
{
    size_t before = idle;
    for (int k = 0; k < CLASSES; k++)
        for (block *b = kept[k], *next; b; b = next) next = b->next, free(b);
    memset(kept, 0, sizeof kept);
    idle = 0;
    return before;
}

static block *from_system(size_t capacity, bool zeros)
{
    if (capacity > SIZE_MAX / 2) return NULL;
    block *b = zeros ? calloc(1, capacity + HEADER) : malloc(capacity + HEADER);
    if (!b && enter()) {
        drop_all();
        leave();
        b = zeros ? calloc(1, capacity + HEADER) : malloc(capacity + HEADER);
    }
    if (!b) return NULL;
    b->capacity = capacity;
#ifdef MADV_HUGEPAGE
    if (capacity >= HUGE_FROM) {
        uintptr_t page = 4096, start = ((uintptr_t)b + page - 1) & ~(page - 1);
        madvise((void *)start, (capacity - page) & ~(page - 1), MADV_HUGEPAGE);
    }
#endif
    return b;
}

static void *obtain(size_t size, bool zeros)
{
    block *b = NULL;
    size_t capacity = size;
    if (size >= KEPT_FROM && size < SIZE_MAX / 4) {
        int class = class_of(size, &capacity);
        if (class < CLASSES && enter()) {
            // A block up to half again as large will do: batches of unequal lengths seldom ask for the same size twice.
            for (int k = class; !b && k < CLASSES && k <= class + NEAR; k++)
                if ((b = kept[k])) kept[k] = b->next, idle -= b->capacity;
            leave();
        }
    }
    if (b && zeros) memset((char *)b + HEADER, 0, size);
    if (!b) b = from_system(capacity, zeros);
    return b ? (char *)b + HEADER : NULL;
}

static void *keep_malloc(void *unused, size_t size)
{
    (void)unused;
    return obtain(size, false);
}

static void *keep_calloc(void *unused, size_t count, size_t size)
{
    (void)unused;
    return size && count > SIZE_MAX / size ? NULL : obtain(count * size, true);
}

static void keep_free(void *unused, void *data, size_t size)
{
    (void)unused, (void)size;
    if (!data) return;
    block *b = (block *)((char *)data - HEADER);
    if (b->capacity >= KEPT_FROM && b->capacity <= limit) {
        size_t same;
        int class = class_of(b->capacity, &same);
        if (class < CLASSES && enter()) {
            if (idle + b->capacity > limit) drop_all(); // what is kept is of another time
            b->next = kept[class];
            kept[class] = b;
            idle += b->capacity;
            leave();
            return;
        }
    }
    free(b);
}

static void *keep_realloc(void *unused, void *data, size_t size)
{
    void *moved = obtain(size, false);
    if (moved && data) {
        size_t old = ((block *)((char *)data - HEADER))->capacity;
        memcpy(moved, data, old < size ? old : size);
        keep_free(unused, data, old);
    }
    return moved;
}

static PyDataMem_Handler handler = {"seqnn_kept", 1, {NULL, keep_malloc, keep_calloc, keep_realloc, keep_free}};
static PyObject *handler_capsule;

bool memory_start(void)
{
#ifdef _SC_PHYS_PAGES
    size_t all = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
#else
    size_t all = (size_t)4 << 30;
#endif
    limit = all / 8 < (size_t)1 << 30 ? all / 8 : (size_t)1 << 30;
    if (!handler_capsule) handler_capsule = PyCapsule_New(&handler, "mem_handler", NULL);
    return handler_capsule != NULL;
}

PyObject *memory_enter(void) { return PyDataMem_SetHandler(handler_capsule); }

bool memory_leave(PyObject *before)
{
    PyObject *own = PyDataMem_SetHandler(before);
    Py_XDECREF(own);
    Py_DECREF(before);
    return own != NULL;
}

PyObject *keep_memory(PyObject *module, PyObject *before)
{
    (void)module;
    if (before == Py_None) return memory_enter();
    if (!PyCapsule_IsValid(before, "mem_handler"))
        return PyErr_Format(PyExc_TypeError, "keep_memory: expected None or what it returned before, got %R", before);
    return PyDataMem_SetHandler(before);
}

PyObject *kept_bytes(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyLong_FromSize_t(idle);
}

PyObject *limit_memory(PyObject *module, PyObject *o)
{
    (void)module;
    Py_ssize_t bytes = PyLong_AsSsize_t(o);
    if (bytes == -1 && PyErr_Occurred()) return NULL;
    if (bytes < 0) return PyErr_Format(PyExc_ValueError, "the limit is %zd bytes, expected at least 0", bytes);
    size_t before = atomic_exchange(&limit, (size_t)bytes);
    if (enter()) {
        if (idle > limit) drop_all();
        leave();
    }
    return PyLong_FromSize_t(before);
}

PyObject *drop_memory(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    size_t dropped = sq_scratch_drop();
    if (enter()) {
        dropped += drop_all();
        leave();
    }
    return PyLong_FromSize_t(dropped);
}
