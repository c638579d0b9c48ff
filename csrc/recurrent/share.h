// How the threads share the steps of recurrent.h: by rows, by units, or both.
#ifndef SEQNN_RECURRENT_SHARE_H
#define SEQNN_RECURRENT_SHARE_H

#include "recurrent/recurrent.h"

// How the threads share a step: parts = row_parts * unit_parts; the cuts of the sequences balance their lengths.
struct recurrent_grid {
    int row_parts, unit_parts;
    int64_t *cuts; // [row_parts + 1]
};

enum {
    RECURRENT_TILE = 6,            // rows that keep the matrix product busy
    RECURRENT_PART_WORK = 1 << 18, // multiplications a step that are worth meeting for
};

static bool recurrent_share(const struct recurrence *r, struct recurrent_grid *grid, int parts)
{
    const int64_t panels = gemm_panels(r->units);
    int units = 1;
    while (!r->norm && !r->middle && !r->project && units < parts && units < panels &&
           r->B < RECURRENT_TILE * (parts / units) &&
           r->columns * r->H * r->B >= RECURRENT_PART_WORK * (int64_t)(units + 1))
        units++;
    grid->unit_parts = units;
    grid->row_parts = parts / units < r->B ? parts / units : (int)r->B;
    if (grid->row_parts < 1) grid->row_parts = 1;
    grid->cuts = sq_scratch_take((size_t)(grid->row_parts + 1) * sizeof *grid->cuts);
    if (!grid->cuts) return false;
    int64_t done = 0, j = 0;
    for (int part = 0; part < grid->row_parts; part++) {
        grid->cuts[part] = j;
        while (j < r->B && done * grid->row_parts < r->start[r->steps] * (part + 1))
            done += recurrent_length(r, r->order[j++]);
    }
    grid->cuts[grid->row_parts] = r->B;
    return true;
}

// The sequences of a step and the units (or panels of them) of one part.
static struct recurrent_step recurrent_part(const struct recurrence *r, const struct recurrent_grid *grid, int part,
                                            int64_t step)
{
    const int row_part = part / grid->unit_parts;
    struct recurrent_step s = {.step = step, .first = grid->cuts[row_part], .last = grid->cuts[row_part + 1]};
    if (s.last > r->running[step]) s.last = r->running[step];
    s.going_on = step + 1 < r->T ? r->running[step + 1] : 0;
    return s;
}

struct recurrent_panels {
    int64_t first, last, unit, unit_end;
};

static struct recurrent_panels recurrent_panels_of(const struct recurrence *r, const struct recurrent_grid *grid,
                                                   int part)
{
    const int64_t panels = gemm_panels(r->units);
    const int unit_part = part % grid->unit_parts;
    struct recurrent_panels p = {.first = recurrent_cut(panels, grid->unit_parts, unit_part),
                                 .last = recurrent_cut(panels, grid->unit_parts, unit_part + 1)};
    p.unit = gemm_panel_start(r->units, p.first) * LANES;
    p.unit_end = p.last == panels ? r->units : gemm_panel_start(r->units, p.last) * LANES;
    return p;
}

#endif
