// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// The draw at (seed, stream, position) is the same for any number of threads and any order of asking.
#ifndef SEQNN_RNG_H
#define SEQNN_RNG_H

#include <stdint.h>

// One round trip of `LANES` counters at once, so that the compiler vectorises over the lanes.
#define SQ_PHILOX_LANES 16

// out[4*i .. 4*i+3] = the four draws of position + i, for i in [0, LANES).
static inline void sq_philox_block(uint32_t *restrict out, uint64_t seed, uint64_t stream, uint64_t position)
{
    uint32_t c0[SQ_PHILOX_LANES], c1[SQ_PHILOX_LANES], c2[SQ_PHILOX_LANES], c3[SQ_PHILOX_LANES];
    for (int i = 0; i < SQ_PHILOX_LANES; i++) {
        uint64_t p = position + (uint64_t)i;
        c0[i] = (uint32_t)p;
        c1[i] = (uint32_t)(p >> 32);
        c2[i] = (uint32_t)stream;
        c3[i] = (uint32_t)(stream >> 32);
    }
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < SQ_PHILOX_LANES; i++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * c0[i], p1 = (uint64_t)0xCD9E8D57u * c2[i];
            c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
            c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
            c1[i] = (uint32_t)p1;
            c3[i] = (uint32_t)p0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < SQ_PHILOX_LANES; i++) {
        out[4 * i] = c0[i];
        out[4 * i + 1] = c1[i];
        out[4 * i + 2] = c2[i];
        out[4 * i + 3] = c3[i];
    }
}

// out[4*i .. 4*i+3] = the four draws of position + i, for i in [0, count).
static inline void sq_philox(uint32_t *restrict out, int64_t count, uint64_t seed, uint64_t stream, uint64_t position)
{
    int64_t i = 0;
    for (; i + SQ_PHILOX_LANES <= count; i += SQ_PHILOX_LANES)
        sq_philox_block(out + 4 * i, seed, stream, position + (uint64_t)i);
    if (i < count) {
        uint32_t rest[4 * SQ_PHILOX_LANES];
        sq_philox_block(rest, seed, stream, position + (uint64_t)i);
        for (int64_t j = 0; j < 4 * (count - i); j++) out[4 * i + j] = rest[j];
    }
}

#endif
