// A whole step of a Transformer that decodes, from token ids to logits, in one call: its weights packed once, keys and
// values in slots that beams name instead of moving them.
#include "transformer_args.h"

#include "decode/step_team.h"

// Sizes and switches of a net, in this order. `inner` is the width of the feed-forward network, which is `gated` or
// not; `activation` is one of linear.activation; with `cross` the layers attend to a memory, too.
//= net layers width heads groups depth inner vocabulary kind activation gated cross norm_first rms final_norm
//= number eps scale embedding_scale output_scale

// The bytes that transformer_pack needs.
//: transformer_room(net:l[14]) -> bytes:l[1]
KERNEL(transformer_room)
{
    static const double numbers[NUMBERS] = {0};
    struct step_net n;
    const char *error = read_net(&n, a->net, numbers);
    if (error) return error;
    const int64_t bytes = net_bytes(&n);
    if (bytes < 0) return "net: the sizes are beyond any memory";
    a->bytes[0] = bytes + (int64_t)sizeof(struct step_head) + 63;
    return NULL;
}

// One of the matrices to be packed, or a vector to be copied.
struct packing {
    const real *from;
    char *to;
    struct rows_weight weight; // N = 0: a vector
    int64_t size;
};

struct packings {
    const struct transformer_pack *a;
    struct packing *items;
    int64_t count;
    bool fits;
};

static void put_vector(struct packings *p, const real *to, int64_t size)
{
    const int64_t i = p->count++;
    p->fits &= i < p->a->weights_count && p->a->weights_size[i] == size;
    if (p->fits) p->items[i] = (struct packing){.from = p->a->weights[i], .to = (char *)to, .size = size};
}

static void put_weight(struct packings *p, const struct rows_weight *w)
{
    const int64_t i = p->count++;
    p->fits &= i < p->a->weights_count && p->a->weights_size[i] == w->K * w->N;
    if (p->fits) p->items[i] = (struct packing){.from = p->a->weights[i], .to = (char *)w->packed, .weight = *w};
    put_vector(p, w->bias, w->N);
}

static void put_norm(struct packings *p, const row_norm *norm, int64_t width)
{
    put_vector(p, norm->weight, width);
    put_vector(p, norm->bias, width);
}

static void put_layer(struct packings *p, const struct step_layer *l, const struct step_net *n)
{
    put_norm(p, &l->norm[0], n->width);
    put_weight(p, &l->qkv), put_weight(p, &l->out);
    if (n->cross) {
        put_norm(p, &l->norm[1], n->width);
        put_weight(p, &l->query), put_weight(p, &l->cross_out);
    }
    put_norm(p, &l->norm[2], n->width);
    put_weight(p, &l->up);
    if (n->gated) put_weight(p, &l->gate);
    put_weight(p, &l->down);
}

enum { PACKED_AT_ONCE = 16 }; // panels

static void pack_items(const struct packings *p)
{
#pragma omp for schedule(dynamic)
    for (int64_t i = 0; i < p->count; i++) {
        const struct packing *item = &p->items[i];
        if (item->weight.N == 0) memcpy(item->to, item->from, (size_t)item->size * sizeof(real));
    }
    for (int64_t i = 0; i < p->count; i++) {
        const struct packing *item = &p->items[i];
        const int64_t panels = item->weight.N ? rows_panels(&item->weight) : 0;
#pragma omp for schedule(dynamic) nowait
        for (int64_t panel = 0; panel < panels; panel += PACKED_AT_ONCE)
            rows_pack_panels(item->from, &item->weight, item->to, panel, least(panels, panel + PACKED_AT_ONCE));
    }
}

// The weights in the order in which a step reads them: norms and products, each with its bias (zeros where there is
// none), of all layers, then the last norm and the table of outputs.
//: transformer_pack(net:l[14], numbers:f64[4], weights*f[], room:n>=0) -> packed:u8[room]
KERNEL(transformer_pack)
{
    struct step_net n;
    const char *error = read_net(&n, a->net, a->numbers);
    if (error) return error;
    struct step_head head = {.kind = "step", .element_bytes = sizeof(real), .lanes = LANES, .vectors = GEMM_VECTORS};
    const int64_t bytes = net_bytes(&n);
    if (bytes < 0 || a->room < bytes + (int64_t)sizeof head + 63) return "room: too small, see transformer_room";
    head.start =
        (int32_t)(round_up((int64_t)(uintptr_t)a->packed + (int64_t)sizeof head, 64) - (int64_t)(uintptr_t)a->packed);
    memcpy(head.net, a->net, sizeof head.net);
    memcpy(head.numbers, a->numbers, sizeof head.numbers);
    memset(a->packed, 0, (size_t)head.start);
    memcpy(a->packed, &head, sizeof head);
    char *base = (char *)a->packed + head.start;
    struct packings p = {.a = a, .fits = true};
    p.items = malloc((size_t)most(1, a->weights_count) * sizeof *p.items);
    if (!p.items) return sq_no_memory;
    for (int64_t i = 0; i < n.layers && p.fits; i++) {
        const struct step_layer l = layer_at(base, &n, i);
        put_layer(&p, &l, &n);
    }
    const struct step_end e = end_at(base, &n);
    put_norm(&p, &e.norm, n.width);
    put_weight(&p, &e.table);
    if (p.fits && p.count == a->weights_count) {
#pragma omp parallel num_threads(sq_team(bytes / 16))
        pack_items(&p);
    } else {
        error = "weights: their number or their sizes are not those of the net";
    }
    free(p.items);
    return error;
}

// What does not fit together, or NULL.
static const char *refuse(const struct transformer_step *a, const struct step_net *n)
{
    if (a->V != n->vocabulary || a->W != n->width)
        return "table: its shape is not [vocabulary, width] of the packed net";
    if (a->L != n->layers || a->G != n->groups || a->E != 2 * n->depth)
        return "cache: its shape is not [layers, groups, slots, 2 depth] of the packed net";
    if (n->cross != (a->memory != NULL)) return "memory: expected if and only if the layers attend to one";
    if (a->memory)
        for (int64_t i = 0; i < a->R; i++)
            if (a->memory_begins[i] > a->memory_ends[i]) return "memory_begins: one is after its end";
    if (a->positions && a->P < a->T) return "positions: there are fewer of them than slots of a sequence";
    if (a->angles && (a->A < a->T || a->D != n->depth || n->depth % 2))
        return "angles: their shape is not [at least slots of a sequence, depth]";
    if (a->distances && (a->Z < a->T || a->H != n->heads))
        return "distances: their shape is not [heads, at least slots of a sequence]";
    if (a->M > a->N) return "wanted: there are more of them than ids";
    return NULL;
}

// Operations of a step, as sq_team counts them.
static int64_t step_work(const struct step *s)
{
    const struct step_net *n = &s->net;
    const double columns =
        (double)n->projected + (double)n->attended * (n->cross ? 3 : 1) + (double)n->inner * (n->gated ? 3 : 2);
    const double work = (double)n->width *
                        (columns * (double)n->layers * (double)s->a->N + (double)n->vocabulary * (double)s->a->M) / 16;
    return work < 0x1p60 ? (int64_t)work : INT64_C(1) << 60;
}

// Hands out working memory. False: none.
static bool take_rooms(struct step *s, real **room)
{
    const struct step_net *n = &s->net;
    const int64_t N = s->a->N, attended = n->attended, inner = n->inner;
    s->scores_row = round_up(most(s->a->T, s->a->memory ? s->a->Q : 0), LANES);
    const double all = (double)N * (3.0 * (double)n->width + (double)(n->projected + attended) + 2.0 * (double)inner);
    if (all > 0x1p40) return false;
    const int64_t tasks =
        (n->layers * STEPS_A_LAYER + 3) * (int64_t)sizeof(struct step_task) / (int64_t)sizeof(real) + 1;
    const int64_t sizes[] = {N * n->width,
                             N * n->width,
                             N * n->width,
                             N * n->projected,
                             N * attended,
                             N * inner,
                             n->gated ? N * inner : 0,
                             s->parts * s->scores_row,
                             tasks};
    real **places[] = {&s->x, &s->h, &s->y, &s->qkv, &s->attended, &s->inner, &s->gate, &s->scores, (real **)&s->tasks};
    int64_t total = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) total += round_up(sizes[i], 64);
    real *at = *room = sq_scratch_take((size_t)total * sizeof(real));
    if (!at) return false;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) *places[i] = at, at += round_up(sizes[i], 64);
    return true;
}

// Row i is the new token ids[i], at position lengths[i] - 1 of sequence sequences[i]; its keys and values go to the
// slot of that position, slots[sequences[i], lengths[i] - 1], and it attends to all positions up to there. Tokens of
// one sequence may come together. Only rows `wanted` get logits. positions are added to embeddings, angles (cosines,
// sines) turn queries and keys, distances are added to scores. memory holds keys and values of what an encoder has
// read, those of a sequence from memory_begins to memory_ends. Two rows that write the same slot leave one of both
// there.
//: transformer_step(packed:u8[B], table:f[V,W], cache+f[L,G,S,E], ids:l[N]<V, sequences:l[N]<R, lengths:l[N],
//:     slots:i[R,T]<S, wanted:l[M]<N, positions?f[P,W], angles?f[A,D], distances?f[H,Z], memory?f[L,G,Q,E],
//:     memory_begins?l[R], memory_ends?l[R]) -> logits:f[M,V]
//:     where 1 <= lengths <= T; 0 <= memory_begins <= Q; 0 <= memory_ends <= Q; memory needs memory_begins;
//:     memory needs memory_ends; memory_begins needs memory; memory_ends needs memory
KERNEL(transformer_step)
{
    struct step s = {.a = a};
    const char *error = open_net(&s.net, a->packed, a->B, &s.base);
    if (!error) error = refuse(a, &s.net);
    if (error || a->N == 0) return error;
    s.parts = sq_team(step_work(&s));
    real *room;
    if (!take_rooms(&s, &room)) return sq_no_memory;
    put_tasks(&s);
    const bool ok = run_step(&s);
    sq_scratch_give(room);
    return ok ? NULL : sq_no_memory;
}

// A mark of what numbers arrays hold: one bit more or less changes it.
typedef uint64_t mark_lanes __attribute__((vector_size(64), aligned(8), may_alias));
enum { MARK_BLOCK = 1 << 16 }; // bytes that make a partial mark

static uint64_t mark_block(const char *from, int64_t bytes)
{
    mark_lanes sum = {1, 2, 3, 4, 5, 6, 7, 8}, key = {3, 5, 7, 11, 13, 17, 19, 23}, last = {0};
    int64_t i = 0;
    for (; i + (int64_t)sizeof last <= bytes; i += (int64_t)sizeof last) {
        const mark_lanes x = *(const mark_lanes *)(from + i), keyed = x ^ key;
        sum += x + (keyed & UINT64_C(0xffffffff)) * (keyed >> 32);
        key += UINT64_C(0x9e3779b97f4a7c15);
    }
    memcpy(&last, from + i, (size_t)(bytes - i));
    sum ^= last;
    uint64_t mark = (uint64_t)bytes;
    for (int k = 0; k < 8; k++) mark = (mark ^ sum[k] ^ (mark >> 31)) * UINT64_C(0xd6e8feb86659fd93);
    return mark;
}

//: transformer_mark(weights*f[]) -> mark:u64[1]
KERNEL(transformer_mark)
{
    uint64_t mark = 0;
    for (int64_t k = 0; k < a->weights_count; k++) {
        const int64_t bytes = a->weights_size[k] * (int64_t)sizeof(real), parts = blocks(bytes, MARK_BLOCK);
        uint64_t sum = (uint64_t)bytes;
#pragma omp parallel for num_threads(sq_team(bytes / 32)) schedule(static) reduction(+ : sum)
        for (int64_t i = 0; i < parts; i++)
            sum += mark_block((const char *)a->weights[k] + i * MARK_BLOCK, least(MARK_BLOCK, bytes - i * MARK_BLOCK)) *
                   (uint64_t)(2 * i + 1);
        mark = (mark ^ sum ^ (mark >> 31)) * UINT64_C(0xd6e8feb86659fd93);
    }
    a->mark[0] = mark;
    return NULL;
}
