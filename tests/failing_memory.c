// Stands before the C library's allocator in a process of tests/failing_memory.py: counts what the library `_core` asks
// for and holds, and lets chosen requests fail. Preloaded; glibc alone has the names that it hands requests on to.
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t), __libc_free(void *);

static uintptr_t low, high; // where the code of the library lies
static atomic_llong live, seen, first_failure, last_failure, failures;

// The pieces of memory that the library asked for and nobody has freed. They are freed by whoever: a compiler may turn
// the last call of a function into a jump, which seems to come from elsewhere.
enum { MOST_HELD = 1 << 16 };
static void *held[MOST_HELD];
static atomic_int held_count;
static atomic_flag busy = ATOMIC_FLAG_INIT;

static int find(struct dl_phdr_info *info, size_t size, void *name)
{
    (void)size;
    if (strcmp(info->dlpi_name, name)) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
        low = info->dlpi_addr + part->p_vaddr;
        high = low + part->p_memsz;
    }
    return 1;
}

// Watches the library that was loaded from this file; tells whether there is one.
bool watch(char *name) { return dl_iterate_phdr(find, name); }

// Lets the requests from the first to the last one from now on fail; they count from 1, and 0 is none.
void fail_requests(long long first, long long last)
{
    seen = failures = 0;
    first_failure = first, last_failure = last;
}

long long count_requests(void) { return seen; }
long long count_failures(void) { return failures; }
long long live_bytes(void) { return live; }

static bool is_watched(const void *caller) { return (uintptr_t)caller - low < high - low; }

static bool fails(void)
{
    const long long number = ++seen;
    const bool chosen = number >= first_failure && number <= last_failure;
    failures += chosen;
    if (chosen) errno = ENOMEM;
    return chosen;
}

static void *counted(void *memory)
{
    if (!memory) return NULL;
    while (atomic_flag_test_and_set(&busy)) {}
    if (held_count == MOST_HELD) abort();
    held[held_count++] = memory;
    live += (long long)malloc_usable_size(memory);
    atomic_flag_clear(&busy);
    return memory;
}

// Returns whether the memory was counted.
static bool discounted(void *memory)
{
    if (!memory || !held_count) return false;
    while (atomic_flag_test_and_set(&busy)) {}
    int i = held_count - 1;
    while (i >= 0 && held[i] != memory) i--;
    if (i >= 0) {
        held[i] = held[--held_count];
        live -= (long long)malloc_usable_size(memory);
    }
    atomic_flag_clear(&busy);
    return i >= 0;
}

// Requests of others go straight on.
#define REQUEST(call)                                                                                                  \
    if (!is_watched(__builtin_return_address(0))) return call;                                                         \
    return fails() ? NULL : counted(call)

void *malloc(size_t size) { REQUEST(__libc_malloc(size)); }
void *calloc(size_t count, size_t size) { REQUEST(__libc_calloc(count, size)); }
void *memalign(size_t align, size_t size) { REQUEST(__libc_memalign(align, size)); }
void *aligned_alloc(size_t align, size_t size) { REQUEST(__libc_memalign(align, size)); }

int posix_memalign(void **memory, size_t align, size_t size)
{
    const bool watched = is_watched(__builtin_return_address(0));
    if (watched && fails()) return ENOMEM;
    *memory = __libc_memalign(align, size);
    if (watched) counted(*memory);
    return *memory ? 0 : ENOMEM;
}

void *realloc(void *memory, size_t size)
{
    const bool watched = is_watched(__builtin_return_address(0));
    if (watched && fails()) return NULL;
    const bool was_counted = discounted(memory);
    void *moved = __libc_realloc(memory, size);
    if (was_counted || watched) counted(moved ? moved : memory);
    return moved;
}

void free(void *memory)
{
    discounted(memory);
    __libc_free(memory);
}
