// The operations of a step one after the other, by a team of threads.
#ifndef SEQNN_DECODE_STEP_TEAM_H
#define SEQNN_DECODE_STEP_TEAM_H

#include "decode/step_run.h"

static void put(struct step *s, enum step_operation operation, int64_t layer, int64_t norm)
{
    s->tasks[s->count++] = (struct step_task){operation, layer, norm};
}

// Writes the operations of a sublayer between its norms.
static void put_sublayer(struct step *s, int64_t layer, int64_t norm)
{
    static const enum step_operation operations[3][4] = {
        {STEP_QKV, STEP_PLACE, STEP_ATTEND, STEP_OUT}, {STEP_QUERY, STEP_REMIND, STEP_REMINDED}, {STEP_UP, STEP_DOWN}};
    static const int sizes[] = {4, 3, 2};
    if (s->net.norm_first) put(s, STEP_NORM, layer, norm);
    for (int i = 0; i < sizes[norm]; i++) put(s, operations[norm][i], layer, norm);
    if (!s->net.norm_first) put(s, STEP_NORM, layer, norm);
}

static void put_tasks(struct step *s)
{
    s->count = 0;
    put(s, STEP_EMBED, 0, 0);
    for (int64_t layer = 0; layer < s->net.layers; layer++) {
        put_sublayer(s, layer, 0);
        if (s->net.cross) put_sublayer(s, layer, 1);
        put_sublayer(s, layer, 2);
    }
    if (s->a->M == 0) return;
    put(s, STEP_LAST, 0, 0);
    if (s->end.table.N) put(s, STEP_LOGITS, 0, 0);
}

// How many rows a task is cut into, and how many elements of one row it touches; 0: it is cut in another way.
static int64_t task_rows(const struct step *s, const struct step_task *task, int64_t *elements)
{
    *elements = s->net.width;
    switch (task->operation) {
    case STEP_EMBED:
    case STEP_NORM: return s->a->N;
    case STEP_LAST: return s->a->M;
    case STEP_PLACE: *elements = s->net.projected; return s->a->N;
    default: return 0;
    }
}

static void do_row(const struct step *s, const struct step_task *task, int64_t r)
{
    switch (task->operation) {
    case STEP_EMBED: embed(s, r); break;
    case STEP_NORM: normalise(s, task, r); break;
    case STEP_PLACE: place(s, task->layer, r); break;
    default: finish_row(s, r); break;
    }
}

// Does a part of a task that is cut by heads or columns.
static void do_part(const struct step *s, const struct step_task *task, int part)
{
    const int64_t rows = s->a->N;
    const struct step_layer *l = &s->layers[task->layer];
    const real *h = s->net.norm_first ? s->h : s->x;
    switch (task->operation) {
    case STEP_QKV: multiply(s, &l->qkv, h, s->qkv, rows, part); break;
    case STEP_QUERY: multiply(s, &l->query, h, s->qkv, rows, part); break;
    case STEP_OUT: multiply(s, &l->out, s->attended, s->y, rows, part); break;
    case STEP_REMINDED: multiply(s, &l->cross_out, s->attended, s->y, rows, part); break;
    case STEP_UP: widen(s, l, h, part); break;
    case STEP_DOWN: multiply(s, &l->down, s->inner, s->y, rows, part); break;
    case STEP_LOGITS: multiply(s, &s->end.table, s->h, s->a->logits, s->a->M, part); break;
    default: { // attention: the rows of a head come one after the other
        const int64_t items = rows * s->net.groups, end = cut(items, s->parts, part + 1);
        for (int64_t i = cut(items, s->parts, part); i < end; i++)
            attend(s, task->layer, i % rows, i / rows, task->operation == STEP_REMIND,
                   s->scores + part * s->scores_row);
    }
    }
}

static void do_task(void *context, int part)
{
    const struct step *s = context;
    const struct step_task *task = &s->tasks[s->task];
    int64_t elements;
    const int64_t rows = task_rows(s, task, &elements);
    if (rows == 0) do_part(s, task, part);
    for (int64_t r = cut(rows, s->parts, part); r < cut(rows, s->parts, part + 1); r++) do_row(s, task, r);
}

// Goes on to the next task that is worth a meeting, and does those that are not.
static bool next_task(void *context)
{
    struct step *s = context;
    for (s->task++; s->task < s->count; s->task++) {
        const struct step_task *task = &s->tasks[s->task];
        int64_t elements;
        const int64_t rows = task_rows(s, task, &elements);
        if (rows == 0 || rows * elements > STEP_SMALL) return true;
        for (int64_t r = 0; r < rows; r++) do_row(s, task, r);
    }
    return false;
}

static void run_team(struct team *t)
{
#pragma omp parallel num_threads(t->units)
    team_run(t, omp_get_thread_num());
}

// Runs the tasks. False: no memory.
static bool run_step(struct step *s)
{
    s->task = -1;
    if (!next_task(s)) return true;
    if (s->parts == 1) {
        do do_task(s, 0);
        while (next_task(s));
        return true;
    }
    struct team_line *claimed = sq_scratch_take((size_t)s->parts * sizeof *claimed);
    if (!claimed) return false;
    memset(claimed, 0, (size_t)s->parts * sizeof *claimed);
    struct team t = {
        .phase.value = 1, .claimed = claimed, .units = s->parts, .work = do_task, .next = next_task, .context = s};
    run_team(&t);
    sq_scratch_give(claimed);
    return true;
}

#endif
