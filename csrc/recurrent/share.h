// How the threads share the steps: by rows, by units, or both. A part of engine.c.
//
// Where each thread has its own rows with all their units they do not wait for each other inside a chunk; else every
// step is a phase (base/team.h), and the threads meet once a step. Besides, they meet once a call, when the weights are
// packed, and twice a chunk. A meeting costs 0.2 microseconds where a cache line goes to another core and back in 0.1,
// and 0.8 where that takes 0.45; PART_WORK multiplications of a single row take 1.1, as fast as the L2 cache gives the
// weights.
#ifndef SEQNN_RECURRENT_SHARE_H
#define SEQNN_RECURRENT_SHARE_H

#include "base/team.h"
#include "gemm/gemm.h"
#include "recurrent/schedule.h"

// The parts of a step, row_parts * unit_parts of them.
struct grid {
    int row_parts, unit_parts;
};

enum {
    TILE_ROWS = 6,       // rows that keep the matrix product busy
    PART_WORK = 1 << 15, // multiplications a step that are worth a meeting
};

static struct grid make_grid(const struct recurrence *r, int parts)
{
    const struct recurrent_net *net = &r->net;
    const int64_t panels = gemm_panels(net->units);
    int units = 1;
    while (!r->norm && !net->between && !r->weight_hr && units < parts && units < panels &&
           r->B < TILE_ROWS * (parts / units) && net->columns * net->h_size * r->B >= PART_WORK * (int64_t)(units + 1))
        units++;
    return (struct grid){.row_parts = (int)most(1, least(parts / units, r->B)), .unit_parts = units};
}

static bool is_whole(const struct grid *grid) { return grid->row_parts * grid->unit_parts == 1; }

// What a part has: panels of a block of units, the units in them, and sequences.
struct share {
    int64_t panel, panel_end, unit, unit_end, first, last;
};

// The share of a part, which has as many rows of the steps [step, step_end) as others: lengths differ.
static struct share share_of_part(const struct recurrence *r, const struct recurrent_schedule *q,
                                  const struct grid *grid, int part, int64_t step, int64_t step_end)
{
    const int64_t units = r->net.units, panels = gemm_panels(units);
    const int unit_part = part % grid->unit_parts, row_part = part / grid->unit_parts;
    struct share s = {.panel = cut(panels, grid->unit_parts, unit_part),
                      .panel_end = cut(panels, grid->unit_parts, unit_part + 1),
                      .first = cut_sequences(r, q, grid->row_parts, row_part, step, step_end),
                      .last = cut_sequences(r, q, grid->row_parts, row_part + 1, step, step_end)};
    s.unit = gemm_panel_start(units, s.panel) * LANES;
    s.unit_end = s.panel_end == panels ? units : gemm_panel_start(units, s.panel_end) * LANES;
    return s;
}

// The sequences and units of a share at a step.
static struct recurrent_step step_of_share(const struct recurrent_schedule *q, const struct share *share, int64_t step)
{
    return (struct recurrent_step){.schedule = q,
                                   .step = step,
                                   .first = share->first,
                                   .last = least(share->last, q->running[step]),
                                   .unit = share->unit,
                                   .unit_end = share->unit_end,
                                   .going_on = q->running[step + 1]};
}

// Elements of h or of what is carried that a part has: [first, end) of each block.
struct elements {
    int64_t size, block, first, end;
};

static int64_t h_block(const struct recurrence *r) { return r->weight_hr ? r->net.h_size : r->net.units; }

static int64_t carried_size(const struct recurrence *r) { return r->net.carried * r->net.units; }

static struct elements h_elements(const struct recurrence *r, const struct recurrent_step *s)
{
    const int64_t size = r->net.h_size;
    if (r->weight_hr) return (struct elements){size, size, 0, size};
    return (struct elements){size, r->net.units, s->unit, s->unit_end};
}

static struct elements carried_elements(const struct recurrence *r, const struct recurrent_step *s)
{
    return (struct elements){carried_size(r), r->net.units, s->unit, s->unit_end};
}

#define EACH_ELEMENT(elements, k)                                                                                      \
    for (int64_t begin = 0; begin < (elements).size; begin += (elements).block)                                        \
        for (int64_t k = begin + (elements).first; k < begin + (elements).end; k++)

static const real *zone_of_row(const struct recurrence *r, const struct recurrent_zone *zone,
                               const struct recurrent_schedule *q, int64_t step, int64_t j)
{
    return zone->keep + recurrent_time(r, q, step, j) * zone->time + q->order[j] * zone->batch;
}

// Runs the phases that `context` and the functions say, from the first, on a team whose threads each have a copy of the
// `size` bytes of the context. False: no memory.
static bool run_phases(int parts, void (*work)(void *, int), bool (*next)(void *), const void *context, int64_t size)
{
    const int64_t apart = round_up(size, (int64_t)sizeof(struct team_unit));
    char *room = sq_scratch_take((size_t)(parts * (apart + (int64_t)sizeof(struct team_unit))));
    if (!room) return false;
    for (int part = 0; part < parts; part++) memcpy(room + part * apart, context, (size_t)size);
    struct team_unit *units = memset(room + parts * apart, 0, (size_t)parts * sizeof *units);
    const struct team_walk team = {.units = units, .count = parts, .work = work, .next = next};
    if (parts == 1) {
        team_walk(&team, 0, room);
    } else {
#pragma omp parallel num_threads(parts)
        team_walk(&team, omp_get_thread_num(), room + omp_get_thread_num() * apart);
    }
    sq_scratch_give(room);
    return true;
}

#endif
