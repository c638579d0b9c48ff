#include "dispatch.h"

#include <stdatomic.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#ifndef _WIN32
#include <pthread.h>
#endif

enum { GRAIN = 1 << 15 }; // operations that are worth another thread: about 10 microseconds of them

static atomic_int threads = 1;
static atomic_bool forked; // this is a child process, where an OpenMP team would hang: it stays on one thread
static _Thread_local int local_threads, forced_team;

int sq_team(int64_t work);

bool sq_cpu_has(const char *isa)
{
#if defined(__x86_64__)
    if (!strcmp(isa, "avx2"))
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    if (!strcmp(isa, "avx512"))
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && sq_cpu_has("avx2");
#endif
    return !strcmp(isa, "base");
}

static int allowed(void)
{
    int limit = local_threads > 0 ? local_threads : atomic_load(&threads);
#ifdef _OPENMP
    int runtime = omp_get_max_threads(); // what OMP_NUM_THREADS and threadpoolctl say
    return limit < runtime ? limit : runtime;
#else
    return limit < 1 ? limit : 1;
#endif
}

int sq_get_threads(void) { return atomic_load(&forked) ? 1 : allowed(); }

void sq_set_threads(int count) { atomic_store(&threads, count); }

int sq_set_local_threads(int count)
{
    int old = local_threads;
    local_threads = count;
    return old;
}

int sq_force_team(int count)
{
    int old = forced_team;
    forced_team = count;
    return old;
}

int sq_team(int64_t work)
{
    if (atomic_load(&forked)) return 1;
    if (forced_team > 0) return forced_team;
    const int64_t worth = work > 0 ? 1 + work / GRAIN : 1, limit = allowed();
    return (int)(worth < limit ? worth : limit);
}

#ifndef _WIN32
static void in_child(void) { atomic_store(&forked, true); }
#endif

void sq_dispatch_init(void)
{
#ifndef _WIN32
    pthread_atfork(NULL, NULL, in_child);
#endif
}
