// Arrays that a kernel can neither copy nor lock: too large, or updated in place. Another thread may change them during
// the call, so a kernel reads a value once, checks what it has read, and uses that.
#ifndef SEQNN_BASE_ONCE_H
#define SEQNN_BASE_ONCE_H

#include <stdint.h>

#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)

// Reads which part of an array of `size` elements the i-th is: [offsets[i], offsets[i + 1]). Returns its length, -1
// where it does not lie in the array.
static inline int64_t read_part(const int64_t *offsets, int64_t i, int64_t size, int64_t *start)
{
    *start = READ_ONCE(offsets[i]);
    const int64_t stop = READ_ONCE(offsets[i + 1]);
    return *start >= 0 && *start <= stop && stop <= size ? stop - *start : -1;
}

#endif
