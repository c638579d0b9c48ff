// The steps of a decoder forward. A part of attention_decoder.c.
#ifndef SEQNN_DECODER_FORWARD_H
#define SEQNN_DECODER_FORWARD_H

#include "gemm/packed_tag.h"
#include "recurrent/attend.h"
#include "recurrent/biases.h"

struct decoder_forward {
    struct decoder d;
    const real *bias; // [columns], or NULL
    real *made;       // [B, F]: what the output product made of a step
};

// The product of what is fed; those of h, and the output's, follow.
static gemm feed_product(const struct decoder *d)
{
    return times_transposed(d->weight_feed, d->weight_row, d->packed.feed, d->r.net.input_columns, d->F);
}

static gemm h_product(const struct decoder *d, int i)
{
    const struct recurrent_product *p = &d->r.net.products[i];
    const int64_t H = d->r.net.h_size, before = i ? gemm_packed_size(H, p[-1].rows) : 0;
    return times_transposed(d->r.weight_hh + p->row * H, H, d->packed.h + before, p->rows, H);
}

static gemm out_product(const struct decoder *d)
{
    const int64_t wide = d->E + d->r.net.h_size;
    return times_transposed(d->weight_out, wide, d->packed.out, d->F, wide);
}

static void pack_forward(void *context, int part, int parts)
{
    const struct decoder *d = &((struct decoder_forward *)context)->d;
    const int64_t H = d->r.net.h_size;
    const gemm feed = feed_product(d), query = times_transposed(d->weight_query, H, d->packed.query, d->A, H);
    const gemm out = out_product(d);
    gemm_pack_share(&feed, part, parts);
    if (d->weight_query) gemm_pack_share(&query, part, parts);
    if (d->weight_out) gemm_pack_share(&out, part, parts);
    for (int i = 0; i < d->r.net.products_count; i++) {
        const gemm g = h_product(d, i);
        gemm_pack_share(&g, part, parts);
    }
}

static gemm x_product(const struct decoder *d)
{
    return times_transposed(d->r.weight_ih, d->weight_row, d->packed.x, d->r.net.input_columns, d->r.I);
}

// Says where each of the packed weights lies, unless `at` is NULL, and returns how many elements they are. Those of x
// are among them only where they stay packed from call to call.
static int64_t place_packed(struct decoder *d, real *at, bool with_x)
{
    const struct recurrent_net *net = &d->r.net;
    const int64_t H = net->h_size, wide = d->E + H;
    const int64_t sizes[] = {with_x ? gemm_packed_size(d->r.I, net->input_columns) : 0,
                             gemm_packed_size(d->F, net->input_columns),
                             // two products at most, each filled up to whole vectors
                             gemm_packed_size(H, net->columns + LANES), d->weight_query ? gemm_packed_size(H, d->A) : 0,
                             d->weight_out ? gemm_packed_size(wide, d->F) : 0};
    real **places[] = {&d->packed.x, &d->packed.feed, &d->packed.h, &d->packed.query, &d->packed.out};
    int64_t size = 0;
    for (int i = 0; i < 5; i++) {
        if (at) *places[i] = i || with_x ? at + size : NULL;
        size += sizes[i];
    }
    return size;
}

static packed_tag decoder_tag(const struct decoder *d, int64_t cell)
{
    return (packed_tag){
        .kind = {'a', 't', 't', 'e', 'n', 'd', (char)('0' + cell)},
        .sizes = {d->r.I, d->F, d->r.net.h_size, d->weight_query ? d->A : 0, d->weight_out ? d->E : -1}};
}

static void pack_decoder(struct decoder *d, int64_t cell, real *packed, int64_t room)
{
    place_packed(d, write_tag(packed, room, decoder_tag(d, cell)), true);
    const gemm x = x_product(d);
    gemm_pack_share(&x, 0, 1);
    struct decoder_forward all = {.d = *d};
    pack_forward(&all, 0, 1);
}

// Finds the weights in what pack_decoder wrote. Returns an error or NULL.
static const char *open_packed_decoder(struct decoder *d, int64_t cell, const real *packed, int64_t room)
{
    const real *panels;
    const char *error = read_net_tag(packed, room, place_packed(d, NULL, true), decoder_tag(d, cell), &panels);
    if (!error) place_packed(d, (real *)panels, true);
    return error;
}

// The first states of sequences [first, end); those of sequences without a step are the last ones, too.
static void begin_sequences(const struct decoder *d, int64_t first, int64_t end)
{
    const struct recurrence *r = &d->r;
    const int64_t H = r->net.h_size, units = r->net.units;
    for (int64_t j = first; j < end; j++) {
        const int64_t b = d->schedule.order[j];
        const bool runs = j < d->schedule.running[0];
        copy_row(runs ? r->h_before + j * H : r->h_last + b * H, r->h_first + b * r->h_first_row, H);
        if (!runs && r->net.carried) copy_row(r->carried[0].last + b * units, d->carried_first + j * units, units);
        if (runs && !d->attends_first) { // else the first means of values are fed
            real *feed = d->feeds + j * d->F;
            if (d->feed_first)
                copy_row(feed, d->feed_first + b * d->F, d->F);
            else
                clear_row(feed, d->F);
        }
        clear_row(d->weights + b * r->T * d->S, r->T * d->S);
        for (int64_t t = recurrent_length(r, b); t < r->T; t++) {
            clear_row(r->out + t * r->out_time + b * r->out_batch, H);
            clear_row(fed_row(d, t, b), d->F);
        }
    }
}

// After the cell: what is carried over from sequences that end.
static void keep_last(const struct decoder *d, const struct recurrent_step *s)
{
    const int64_t units = d->r.net.units;
    for (int64_t j = most(s->first, s->going_on); d->r.net.carried && j < s->last; j++)
        copy_row(d->r.carried[0].last + d->schedule.order[j] * units, s->carried_next + j * units, units);
}

// Attention by the new states, and the attentional states tanh(W [mean of values; h]).
static void attend_after(const struct decoder_forward *w, const struct recurrent_step *s)
{
    const struct decoder *d = &w->d;
    const int64_t H = d->r.net.h_size, wide = d->E + H, row = d->schedule.start[s->step];
    const int64_t next = d->schedule.start[s->step + 1];
    real *joined = d->joined + row * wide;
    for (int64_t j = s->first; j < s->last; j++)
        copy_row(joined + j * wide + d->E, recurrent_out(&d->r, &d->schedule, s->step, j), H);
    attend(d, s, joined, wide);
    multiply_step(out_product(d), joined, wide, w->made, d->F, 0, s->first, s->last);
    for (int64_t j = s->first; j < s->last; j++) {
        real *fed = fed_row(d, s->step, d->schedule.order[j]), *feed = d->feeds + (next + j) * d->F;
        for (int64_t k = 0; k < d->F; k += LANES) {
            const int64_t part = least(LANES, d->F - k);
            const vf x = vf_tanh(vf_load_part(w->made + j * d->F + k, part));
            vf_store_part(fed + k, part, x);
            if (j < s->going_on) vf_store_part(feed + k, part, x);
        }
    }
}

// Attention by the states before the step: the means are what the cell is fed.
static void attend_before(const struct decoder *d, const struct recurrent_step *s)
{
    real *feeds = d->feeds + d->schedule.start[s->step] * d->F;
    attend(d, s, feeds, d->F);
    for (int64_t j = s->first; j < s->last; j++)
        copy_row(fed_row(d, s->step, d->schedule.order[j]), feeds + j * d->F, d->F);
}

static void decode_steps(void *context, int64_t first, int64_t end)
{
    const struct decoder_forward *w = context;
    const struct decoder *d = &w->d;
    const struct recurrent_net *net = &d->r.net;
    begin_sequences(d, first, end);
    for (int64_t t = 0; t < d->schedule.steps; t++) {
        const struct recurrent_step s = decoder_step(d, t, first, end);
        if (s.first >= s.last) break;
        if (d->attends_first) attend_before(d, &s);
        multiply_step(feed_product(d), d->feeds + d->schedule.start[t] * d->F, d->F, s.gates, net->columns, 1, first,
                      s.last);
        for (int i = 0; i < net->products_count; i++) {
            const struct recurrent_product *p = &net->products[i];
            gemm g = h_product(d, i);
            g.bias = w->bias && !p->adds ? w->bias + p->column : NULL;
            multiply_step(g, s.h, net->h_size, s.gates + p->column, net->columns, p->adds, first, s.last);
        }
        net->forward(&d->r, &s);
        keep_last(d, &s);
        if (!d->attends_first) attend_after(w, &s);
    }
}

// The input's part of all gates. `rows` has room for the rows of x. False: no memory.
static bool multiply_inputs(const struct decoder_forward *w, real *rows)
{
    const struct recurrence *r = &w->d.r;
    gemm g = x_product(&w->d);
    if (rows) gather_x(r, &w->d.schedule, rows, 0, r->rows);
    g.m = r->rows, g.a = rows ? rows : r->x, g.a_row = r->I, g.c = r->gates, g.c_row = r->net.columns, g.bias = w->bias;
    return gemm_run(&g, gemm_team(&g));
}

static const char *decoder_forward(struct decoder_forward *w)
{
    struct decoder *d = &w->d;
    struct recurrence *r = &d->r;
    const struct recurrent_net *net = &r->net;
    const char *error = make_schedule(r, &d->schedule);
    if (error) return error;
    const int64_t H = net->h_size, wide = d->E + H;
    const bool ready = d->packed.x != NULL; // the weights are packed
    const bool scores_h = d->score == ATTENTION_DECODER_DOT;
    real *packed = NULL, *bias = NULL, *rows = NULL;
    const int64_t sizes[] = {ready ? 0 : place_packed(d, NULL, false),
                             net->columns,
                             is_in_order(r, r->x_time, r->x_batch) ? 0 : r->rows * r->I,
                             r->B * carried_size(d),
                             d->weight_out ? r->B * d->F : 0,
                             r->gates ? 0 : r->rows * net->columns,
                             r->h_before ? 0 : r->rows * H,
                             r->carried_all ? 0 : r->rows * carried_size(d),
                             d->feeds ? 0 : r->rows * d->F,
                             d->queries || scores_h ? 0 : r->rows * d->A,
                             d->joined || !d->weight_out ? 0 : r->rows * wide};
    real *unused = NULL;
    real **arrays[] = {&packed,
                       &bias,
                       &rows,
                       &d->carried_first,
                       &w->made,
                       r->gates ? &unused : &r->gates,
                       r->h_before ? &unused : &r->h_before,
                       r->carried_all ? &unused : &r->carried_all,
                       d->feeds ? &unused : &d->feeds,
                       d->queries ? &unused : &d->queries,
                       d->joined ? &unused : &d->joined};
    real *scratch = take_arrays(arrays, sizes, 11);
    error = sq_no_memory;
    if (scratch) {
        if (!ready) place_packed(d, packed, false);
        order_carried(d);
        w->bias = join_biases(r, bias);
        if (multiply_inputs(w, rows)) {
            run_decoder(ready ? NULL : pack_forward, decode_steps, w, d);
            error = NULL;
        }
    }
    sq_scratch_give(scratch);
    drop_schedule(&d->schedule);
    return error;
}

#endif
