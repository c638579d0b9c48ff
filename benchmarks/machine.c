// What the machine can do at most: multiplications and additions a second, bytes a second, and the cost of a team.
// `benchmarks.machine` compiles this file for an instruction set, and calls it.
#include <omp.h>
#include <stddef.h>

// Vectors of the instruction set's registers: of wider ones CHAINS would not fit in the registers.
#if defined __AVX512F__
#define BYTES 64
#elif defined __AVX__
#define BYTES 32
#else
#define BYTES 16
#endif
typedef float floats __attribute__((vector_size(BYTES)));

enum { CHAINS = 12, LANES = BYTES / sizeof(float) };

// Does `rounds` multiply-adds in each lane of CHAINS independent vectors, on each thread; returns operations.
double multiply_add(int threads, long rounds, float *out)
{
#pragma omp parallel num_threads(threads)
    {
        floats sums[CHAINS];
        for (int j = 0; j < CHAINS; j++) sums[j] = (floats){0} + (float)j; // of equal chains only one would be computed
        const floats x = (floats){0} + 1.0001f, y = (floats){0} + 1e-6f;
        for (long i = 0; i < rounds; i++) {
#pragma GCC unroll 12
            for (int j = 0; j < CHAINS; j++) sums[j] = sums[j] * x + y;
        }
        floats all = {0};
        for (int j = 0; j < CHAINS; j++) all += sums[j];
        out[omp_get_thread_num()] = all[0];
    }
    return 2.0 * CHAINS * LANES * (double)rounds * threads;
}

// Reads n floats `times` times, each thread its own part.
double read_all(int threads, const float *data, size_t n, long times, float *out)
{
#pragma omp parallel num_threads(threads)
    {
        const size_t part = n / (size_t)threads / (8 * LANES) * (8 * LANES);
        const float *mine = data + part * (size_t)omp_get_thread_num();
        floats sums[8] = {{0}};
        for (long t = 0; t < times; t++) {
            for (size_t i = 0; i < part; i += 8 * LANES) {
#pragma GCC unroll 8
                for (int j = 0; j < 8; j++) sums[j] += *(const floats *)(mine + i + (size_t)j * LANES);
            }
            __asm__ volatile("" : : : "memory");
        }
        floats all = {0};
        for (int j = 0; j < 8; j++) all += sums[j];
        out[omp_get_thread_num()] = all[0];
    }
    return (double)(n / (size_t)threads / (8 * LANES) * (8 * LANES)) * threads * sizeof(float) * (double)times;
}

// Copies n floats `times` times, each thread its own part; the bytes read and written count.
double copy_all(int threads, const float *from, float *to, size_t n, long times)
{
#pragma omp parallel num_threads(threads)
    {
        const size_t part = n / (size_t)threads / LANES * LANES, first = part * (size_t)omp_get_thread_num();
        for (long t = 0; t < times; t++) {
            for (size_t i = first; i < first + part; i += LANES) *(floats *)(to + i) = *(const floats *)(from + i);
            __asm__ volatile("" : : : "memory");
        }
    }
    return 2.0 * (double)(n / (size_t)threads / LANES * LANES) * threads * sizeof(float) * (double)times;
}

// Wakes a team that does nothing, `times` times.
void wake(int threads, long times)
{
    for (long t = 0; t < times; t++) {
#pragma omp parallel num_threads(threads)
        __asm__ volatile("" : : : "memory");
    }
}

// Lets a team meet `times` times.
void meet(int threads, long times)
{
#pragma omp parallel num_threads(threads)
    for (long t = 0; t < times; t++) {
#pragma omp barrier
    }
}
