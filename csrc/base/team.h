// Phases of work inside a parallel region. A phase has one unit of work for each thread and ends when all are done. A
// thread takes its own unit first, and then those that nobody has begun: a thread that the system is not running just
// now does not stop the others, as it would at a barrier.
//
// In team_run the thread that ends a phase prepares the next one. In team_walk each thread finds out by itself what the
// next one is: then one cache line goes from core to core at a meeting, and not four, which each take 0.2 microseconds
// and more.
#ifndef SEQNN_BASE_TEAM_H
#define SEQNN_BASE_TEAM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef _WIN32
#include <windows.h>
#define team_yield() SwitchToThread()
#else
#include <sched.h>
#define team_yield() sched_yield()
#endif

#if defined(__x86_64__)
#define team_pause() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define team_pause() __asm__ volatile("yield")
#else
#define team_pause() ((void)0)
#endif

enum {
    TEAM_PATIENCE = 200, // pauses before a thread takes over a unit of another
    TEAM_SPINS = 2000    // pauses before it gives its core away
};

// Counters that different threads write lie on different cache lines.
struct team_line {
    int64_t value;
    int64_t apart[7];
};

struct team {
    struct team_line phase;    // number of the phase, from 1 on; 0 when there is no more
    struct team_line done;     // units of the phase that are done
    struct team_line *claimed; // [units] the last phase in which each unit was taken
    int units;
    void (*work)(void *context, int unit);
    bool (*next)(void *context); // prepares the next phase; false when there is none
    void *context;
};

// Takes a unit of this phase if nobody has.
static inline bool team_claim(struct team_line *claimed, int64_t phase)
{
    int64_t before = __atomic_load_n(&claimed->value, __ATOMIC_RELAXED);
    return before < phase &&
           __atomic_compare_exchange_n(&claimed->value, &before, phase, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

// Waits a little, after `spin` times before.
static inline void team_wait(int spin)
{
    if (spin < TEAM_SPINS)
        team_pause();
    else
        team_yield();
}

// Does a unit if nobody has begun it in this phase. Until all are done, the phase and what it reads do not change.
static inline bool team_try(struct team *t, int64_t phase, int unit)
{
    if (!team_claim(&t->claimed[unit], phase)) return false;
    t->work(t->context, unit);
    if (__atomic_add_fetch(&t->done.value, 1, __ATOMIC_ACQ_REL) == t->units) {
        __atomic_store_n(&t->done.value, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&t->phase.value, t->next(t->context) ? phase + 1 : 0, __ATOMIC_RELEASE);
    }
    return true;
}

// Runs the phases; each thread of the region calls it. It returns when no phase is left. `t->phase` is 1 and the first
// phase is prepared.
static inline void team_run(struct team *t, int thread)
{
    bool alone = false; // whether the last phase had units that nobody else began
    for (int64_t phase; (phase = __atomic_load_n(&t->phase.value, __ATOMIC_ACQUIRE)) != 0;) {
        if (thread < t->units) team_try(t, phase, thread);
        bool looked = false;
        for (int spin = 0; __atomic_load_n(&t->phase.value, __ATOMIC_ACQUIRE) == phase; spin++) {
            if (!looked && (alone || spin >= TEAM_PATIENCE)) {
                alone = false;
                for (int k = 1; k < t->units; k++) alone |= team_try(t, phase, (thread + k) % t->units);
                looked = true;
            } else {
                team_wait(spin);
            }
        }
    }
}

// A unit of team_walk: the last phase in which it was taken, and the last one in which it was done.
struct team_unit {
    struct team_line claimed, done;
};

struct team_walk {
    struct team_unit *units; // zeros at first
    int count;
    void (*work)(void *context, int unit);
    bool (*next)(void *context); // moves a thread's own context to the next phase; false when there is none
};

static inline bool team_try_unit(const struct team_walk *t, int64_t phase, int unit, void *context)
{
    if (!team_claim(&t->units[unit].claimed, phase)) return false;
    t->work(context, unit);
    __atomic_store_n(&t->units[unit].done.value, phase, __ATOMIC_RELEASE);
    return true;
}

static inline bool team_is_done(const struct team_walk *t, int64_t phase)
{
    for (int unit = 0; unit < t->count; unit++)
        if (__atomic_load_n(&t->units[unit].done.value, __ATOMIC_ACQUIRE) < phase) return false;
    return true;
}

// Runs the phases; each thread of the region calls it, with a context of its own that says the first phase.
static inline void team_walk(const struct team_walk *t, int thread, void *context)
{
    bool alone = false; // as in team_run
    int64_t phase = 1;
    do {
        if (thread < t->count) team_try_unit(t, phase, thread, context);
        bool looked = false;
        for (int spin = 0; !team_is_done(t, phase); spin++) {
            if (!looked && (alone || spin >= TEAM_PATIENCE)) {
                alone = false;
                for (int k = 1; k < t->count; k++) alone |= team_try_unit(t, phase, (thread + k) % t->count, context);
                looked = true;
            } else {
                team_wait(spin);
            }
        }
        phase++;
    } while (t->next(context));
}

#endif
