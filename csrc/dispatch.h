// Which instruction set runs, and on how many threads.
#ifndef SEQNN_DISPATCH_H
#define SEQNN_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

// Tells whether this CPU runs the variant of that name ("base", "avx2", "avx512").
bool sq_cpu_has(const char *isa);

// The limit of threads: that of the process, and the calling thread's own (0: none), which counts before it.
int sq_get_threads(void);
void sq_set_threads(int count);
int sq_set_local_threads(int count); // returns the old value

// For tests: gives every team of the calling thread exactly this size, however small the work (0: off). Returns the old
// value.
int sq_force_team(int count);

void sq_dispatch_init(void);

#endif
