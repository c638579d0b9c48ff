// The random numbers of NumPy's default generator (PCG64: O'Neill, "PCG: a family of simple fast space-efficient
// statistically good algorithms for random number generation", 2014) from any place of the stream on, 64 at a time.
//
// Its state is a number of 128 bits, x -> x * times + plus. Some steps at once are one step with other constants: so
// PCG_OUTPUTS states, each one step after the one before it, go on by PCG_OUTPUTS steps together.
#ifndef SEQNN_METRICS_PCG_H
#define SEQNN_METRICS_PCG_H

#include "random/lanes.h"

typedef unsigned __int128 pcg_word;

enum { PCG_OUTPUTS = 32, PCG_DRAWS = 2 * PCG_OUTPUTS };

typedef struct {
    lanes high[PCG_OUTPUTS / PAIRS], low[PCG_OUTPUTS / PAIRS];
    uint64_t times_high, times_low, plus_high, plus_low; // of PCG_OUTPUTS steps
} pcg;

static inline pcg_word pcg_join(uint64_t high, uint64_t low) { return (pcg_word)high << 64 | low; }

// The constants of `count` steps.
static inline void pcg_power(pcg_word plus, uint64_t count, pcg_word *times_all, pcg_word *plus_all)
{
    pcg_word times = pcg_join(UINT64_C(0x2360ED051FC65DA4), UINT64_C(0x4385DF649FCCF645));
    *times_all = 1;
    *plus_all = 0;
    for (; count; count >>= 1) {
        if (count & 1) {
            *times_all *= times;
            *plus_all = *plus_all * times + plus;
        }
        plus *= times + 1;
        times *= times;
    }
}

// seed = {state, increment} of a fresh np.random.PCG64, each its upper and its lower half; skips `outputs` of 64 bits.
// NumPy's increments are odd; so is any other one made, or the outputs could be the same for ever.
static void pcg_begin(pcg *r, const uint64_t *seed, uint64_t outputs)
{
    const pcg_word plus = pcg_join(seed[2], seed[3] | 1);
    pcg_word times, add, state = pcg_join(seed[0], seed[1]);
    uint64_t high[PCG_OUTPUTS], low[PCG_OUTPUTS];
    pcg_power(plus, outputs, &times, &add);
    state = state * times + add;
    pcg_power(plus, 1, &times, &add);
    for (int i = 0; i < PCG_OUTPUTS; i++) {
        state = state * times + add; // an output is made of the state after its step
        high[i] = (uint64_t)(state >> 64);
        low[i] = (uint64_t)state;
    }
    memcpy(r->high, high, sizeof high);
    memcpy(r->low, low, sizeof low);
    pcg_power(plus, PCG_OUTPUTS, &times, &add);
    r->times_high = (uint64_t)(times >> 64);
    r->times_low = (uint64_t)times;
    r->plus_high = (uint64_t)(add >> 64);
    r->plus_low = (uint64_t)add;
}

// The lower 64 bits of a * b.
static inline lanes pcg_times(lanes a, uint64_t b)
{
    const lanes crossed = multiply(a >> 32, (uint32_t)b) + multiply(a, (uint32_t)(b >> 32));
    return multiply(a, (uint32_t)b) + (crossed << 32);
}

// The upper 64 bits of a * b.
static inline lanes pcg_times_high(lanes a, uint64_t b)
{
    const uint32_t b0 = (uint32_t)b, b1 = (uint32_t)(b >> 32);
    const lanes p01 = multiply(a, b1), p10 = multiply(a >> 32, b0);
    const lanes middle = (multiply(a, b0) >> 32) + (p01 & 0xffffffff) + (p10 & 0xffffffff);
    return multiply(a >> 32, b1) + (p01 >> 32) + (p10 >> 32) + (middle >> 32);
}

// products[i] = the lower half of output i times `factor`, products[PCG_OUTPUTS + i] = its upper half, for the next
// PCG_OUTPUTS outputs. Tells whether the lower half of a product is below `threshold`.
static inline bool pcg_multiply(pcg *r, uint32_t factor, uint32_t threshold, uint64_t *products)
{
    lanes below = r->low[0] ^ r->low[0];
    for (int v = 0; v < PCG_OUTPUTS / PAIRS; v++) {
        const lanes high = r->high[v], low = r->low[v];
        const lanes by = high >> 58, mixed = high ^ low, out = mixed >> by | mixed << (-by & 63);
        const lanes first = multiply(out, factor), second = multiply(out >> 32, factor);
        *(lanes_unaligned *)(products + v * PAIRS) = first;
        *(lanes_unaligned *)(products + PCG_OUTPUTS + v * PAIRS) = second;
        // The sign of a difference of numbers of 32 bits.
        below |= ((first & 0xffffffff) - threshold) | ((second & 0xffffffff) - threshold);

        r->low[v] = pcg_times(low, r->times_low) + r->plus_low;
        const lanes carry = (lanes)(r->low[v] < r->plus_low); // -1 where the sum is beyond 64 bits
        r->high[v] = pcg_times_high(low, r->times_low) + pcg_times(low, r->times_high) + pcg_times(high, r->times_low) +
                     r->plus_high - carry;
    }
    uint64_t any = 0;
    for (int i = 0; i < PAIRS; i++) any |= below[i];
    return any >> 63;
}

#endif
