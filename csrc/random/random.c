// Random numbers at given positions: the same for any number of threads.
#include "base/arith.h"
#include "random/rng.h"
#include "random_args.h"

// The raw draws of Philox4x32-10, four for each position.
//: random_bits(seed:n, stream:n, start:n, count:n>=0) -> bits:u32[4*count]
KERNEL(random_bits)
{
    sq_philox(a->bits, a->count, (uint64_t)a->seed, (uint64_t)a->stream, (uint64_t)a->start);
    return NULL;
}

enum { DRAWN = 64 }; // positions that are drawn at a time

// Fills in elements [first, last) of the flat sequence: float32 takes 24 bits of one draw, float64 takes 53 bits of
// two.
static void fill_uniform(real *restrict out, int64_t first, int64_t last, double low, double high, uint64_t seed,
                         uint64_t stream)
{
    const int64_t per = sizeof(real) == 4 ? 4 : 2;
    uint32_t bits[4 * DRAWN];
    for (int64_t at = first; at < last;) {
        const int64_t start = at / per, stop = least(last, (start + DRAWN) * per);
        sq_philox(bits, blocks(stop, per) - start, seed, stream, (uint64_t)start);
        for (; at < stop; at++) {
            const int64_t i = at - start * per;
            double u = per == 4 ? (double)(bits[i] >> 8) * 0x1p-24
                                : (double)(((uint64_t)bits[2 * i] << 32 | bits[2 * i + 1]) >> 11) * 0x1p-53;
            out[at - first] = (real)(low + (high - low) * u);
        }
    }
}

enum { PART = 1 << 14 }; // elements of a row that a thread fills at a time

// Uniform numbers in [low, high): element (r, c) is draw r*C + c of (seed, stream).
//: random_uniform(out~+f[R,C], low:d, high:d, seed:n, stream:n=0)
KERNEL(random_uniform)
{
    const int64_t parts = blocks(a->C, PART);
#pragma omp parallel for num_threads(sq_team(4 * a->R * a->C)) schedule(static)
    for (int64_t i = 0; i < a->R * parts; i++) {
        const int64_t row = i / parts, first = i % parts * PART, last = least(first + PART, a->C);
        fill_uniform(a->out + row * a->out_stride[0] + first, row * a->C + first, row * a->C + last, a->low, a->high,
                     (uint64_t)a->seed, (uint64_t)a->stream);
    }
    return NULL;
}
