// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// The draw at (seed, stream, position) is the same for any number of threads and any order of asking. philox.c holds
// the code.
#ifndef SEQNN_RANDOM_RNG_H
#define SEQNN_RANDOM_RNG_H

#include "seqnn.h"

// Positions that are worked on at once.
#define SQ_PHILOX_LANES 16

#define sq_philox_words SQ_SHARED(sq_philox_words)
#define sq_philox_block SQ_SHARED(sq_philox_block)
#define sq_philox SQ_SHARED(sq_philox)

// out[LANES*k + i] = draw k of the four of position + i, for i in [0, LANES): word by word.
void sq_philox_words(uint32_t *out, uint64_t seed, uint64_t stream, uint64_t position);
// out[4*i .. 4*i+3] = the four draws of position + i, for i in [0, LANES).
void sq_philox_block(uint32_t *out, uint64_t seed, uint64_t stream, uint64_t position);
// The same for i in [0, count).
void sq_philox(uint32_t *out, int64_t count, uint64_t seed, uint64_t stream, uint64_t position);

#endif
