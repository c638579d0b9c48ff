// Working memory that is kept for the next call: fresh pages cost more than many a kernel computes.
#ifndef SEQNN_BASE_SCRATCH_H
#define SEQNN_BASE_SCRATCH_H

#include <stddef.h>

// At least `bytes` of memory with undefined content, on a 64-byte boundary; NULL when there is none. From any thread.
void *sq_scratch_take(size_t bytes);
void sq_scratch_give(void *memory); // NULL is fine
size_t sq_scratch_drop(void);       // gives what is kept back to the system; returns how many bytes

#endif
