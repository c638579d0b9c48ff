// A whole step of a Transformer that decodes, from token ids to logits, in one call: its weights packed once, keys and
// values in slots that beams name instead of moving them.
#include "transformer_step_args.h"

#include "decode/step_team.h"

// Sizes and switches of a net, in this order. `inner` is the width of the feed-forward network, which is `gated` or
// not; `activation` is one of linear.activation; with `cross` the layers attend to a memory, too.
//= net layers width heads groups depth inner activation gated cross norm_first rms final_norm
//= number eps scale output_scale

// What does not fit together, or NULL.
static const char *refuse(const struct transformer_step_run *a, const struct step_net *n)
{
    if (a->W != n->width) return "x: its rows are not as wide as the net";
    if (a->L != n->layers || a->G != n->groups || a->D != n->depth)
        return "cache: its shape is not [layers, groups, slots, 2 depth] of the net";
    if (n->cross != (a->memory != NULL)) return "memory: expected if and only if the layers attend to one";
    for (int64_t i = 0; a->memory && i < a->R; i++)
        if (a->memory_begins[i] > a->memory_ends[i]) return "memory_begins: one is after its end";
    if (a->angles && n->depth % 2) return "angles: the depth of a head is odd";
    if (a->distances && a->H != n->heads) return "distances: expected a row for each head";
    if (a->distances && a->E != (a->ends ? 2 * a->T - 1 : a->T))
        return "distances: expected a column for each distance";
    for (int64_t i = 0; a->ends && i < a->N; i++)
        if (a->ends[i] < 1 || a->ends[i] > a->T) return "ends: expected positions of the slots, from 1";
    if (n->layers > a->weights_count) return "weights: there are fewer than the net has";
    return NULL;
}

// Operations of a step, as sq_team counts them.
static int64_t step_work(const struct step *s)
{
    const struct step_net *n = &s->net;
    const double columns =
        (double)n->projected + (double)n->attended * (n->cross ? 3 : 1) + (double)n->inner * (n->gated ? 3 : 2);
    const double all = columns * (double)n->layers * (double)s->a->N + (double)s->a->vocabulary * (double)s->a->M;
    return (int64_t)fmin((double)n->width * all / 16, 0x1p60);
}

// A part of the working memory: where its address goes, and its bytes.
struct step_room {
    void *place;
    int64_t bytes;
};

static int64_t numbers(int64_t rows, int64_t columns) { return rows * columns * (int64_t)sizeof(real); }

// Takes working memory; NULL: none.
static void *take_rooms(struct step *s)
{
    const struct step_net *n = &s->net;
    const int64_t N = s->a->N, rows = most(N, s->a->M);
    s->scores_row = round_up(most(s->a->T, s->a->memory ? s->a->Q : 0), 64);
    s->room_bytes =
        rows_scratch(&(struct rows_weight){.kind = ROWS_I8, .K = most(n->width, most(n->attended, n->inner))});
    const struct step_room rooms[] = {
        {&s->x, numbers(N, n->width)},
        {&s->h, numbers(rows, n->width)},
        {&s->y, numbers(N, n->width)},
        {&s->qkv, numbers(N, n->projected)},
        {&s->attended, numbers(N, n->attended)},
        {&s->inner, numbers(N, n->inner)},
        {&s->gate, n->gated ? numbers(N, n->inner) : 0},
        {&s->scores, numbers(s->parts, s->scores_row)},
        {&s->room, s->parts * s->room_bytes},
        {&s->layers, n->layers * (int64_t)sizeof *s->layers},
        {&s->tasks, (n->layers * STEP_TASKS_A_LAYER + 3) * (int64_t)sizeof *s->tasks},
    };
    enum { ROOMS = sizeof rooms / sizeof *rooms };
    int64_t total = 0;
    for (int i = 0; i < ROOMS; i++) total += round_up(rooms[i].bytes, 64);
    char *all = sq_scratch_take((size_t)total), *at = all;
    for (int i = 0; all && i < ROOMS; i++) {
        memcpy(rooms[i].place, &at, sizeof at);
        at += round_up(rooms[i].bytes, 64);
    }
    return all;
}

// Row i is a new token with the embedding x[i], at position lengths[i] - 1 of sequence sequences[i]; its keys and
// values go to the slot of that position, slots[sequences[i], lengths[i] - 1], and it attends to all positions up to
// there, or to `ends[i]` positions: the whole sequence in an encoder, all of whose tokens come together. Tokens of one
// sequence may come together. Only rows `wanted` get logits; without a table they get what it would be multiplied by.
//
// weights: of each layer queries, keys and values | output || queries, output of the attention to the memory || up |
// gate | down; then the table of the outputs; each packed by rows_pack, of any kind. vectors: in the same order all
// biases, and the weight and bias of each norm before what it belongs to (attention, memory, feed-forward, table).
// positions are added to embeddings, angles (cosines, sines) turn queries and keys. distances are added to scores:
// those from 0 to T - 1 positions back, or in an encoder from 1 - T to T - 1. memory: keys and values of what an
// encoder has read, those of a sequence from memory_begins to memory_ends.
//: transformer_step_run(net:l[12], numbers:f64[3], weights*u8[], vectors:f32[K], x:f32[N,W], cache+f32[L,G,S,2D],
//:     sequences:l[N]<R, lengths:l[N], slots:i[R,T]<S, wanted:l[M]<N, vocabulary:n>=1, positions?f32[T,W],
//:     angles?f32[T,D], ends?l[N], distances?f32[H,E], memory?f32[L,G,Q,2D], memory_begins?l[R], memory_ends?l[R])
//:     -> logits:f32[M,vocabulary]
//:     where 1 <= lengths <= T; 0 <= memory_begins <= Q; 0 <= memory_ends <= Q; memory needs memory_begins;
//:     memory needs memory_ends; memory_begins needs memory; memory_ends needs memory; vocabulary <= 67108864
KERNEL(transformer_step_run)
{
    struct step s = {.a = a};
    const char *error = read_net(&s.net, a->net, a->numbers);
    if (!error) error = refuse(a, &s.net);
    if (error || a->N == 0) return error;
    s.parts = sq_team(step_work(&s));
    void *rooms = take_rooms(&s);
    if (!rooms) return sq_no_memory;
    error = read_weights(a, &s.net, s.layers, &s.end);
    if (!error) {
        put_tasks(&s);
        if (!run_step(&s)) error = sq_no_memory;
    }
    sq_scratch_give(rooms);
    return error;
}

// A mark of what numbers arrays hold: one bit more or less changes it.
typedef uint64_t mark_lanes __attribute__((vector_size(64), aligned(4), may_alias));
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

//: transformer_step_mark(weights*f32[]) -> mark:u64[1]
KERNEL(transformer_step_mark)
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
