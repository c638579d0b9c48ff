// Scores of texts under an n-gram model: a word gets the log10 probability of the longest n-gram that ends with it, and
// the weights of backing off from the longer contexts.
#include "lm/score.h"

//= UNK 0
//= BOS 1
//= EOS 2
//= ABSENT 4294967295
//= DIRECT 1
//= CLOSED 2

enum { BLOCK = 256 }; // words that are looked up together, so that the memory works on many of them at a time

// Words that follow each other in a text. at[n][i] = the slot of the n-gram of n words that ends with word i, or 0.
// Word 0 is the last one of the block before.
typedef struct {
    uint32_t at[TRIE_MOST_ORDER + 1][BLOCK + 1];
    uint32_t word[BLOCK + 1];
    uint8_t length[BLOCK + 1], reach[BLOCK + 1]; // of the longest n-gram; of the context of the next word
    bool scored[BLOCK + 1];                      // else a sentence begins here
    int64_t sentence[BLOCK + 1], place[BLOCK + 1];
    int64_t size;
} block;

// Looks up all n-grams of a block, those of n words before those of n + 1.
static void look_up(const model *m, block *b)
{
    const trie *t = &m->t;
    int64_t active[BLOCK], count = 0;
    trie_region children[BLOCK];
    for (int64_t i = 1; i <= b->size; i++) {
        active[count] = i;
        count += b->scored[i];
    }
    for (int64_t n = 2; n <= t->order; n++) {
        const uint32_t *shorter = b->at[n - 1];
        memset(b->at[n] + 1, 0, sizeof **b->at * (size_t)b->size);
        int64_t left = 0;
        for (int64_t k = 0; k < count; k++) {
            const int64_t i = active[k];
            active[left] = i;
            left += (shorter[i - 1] != 0 && shorter[i] != 0) || !m->closed;
        }
        count = left;
        for (int64_t k = 0; k < count; k++) {
            children[k] = trie_children(t, n, shorter[active[k] - 1]);
            trie_fetch(t, n, children[k], b->word[active[k]]);
        }
        for (int64_t k = 0; k < count; k++) {
            const int64_t i = active[k], slot = trie_find_in(t, n, children[k], b->word[i]);
            b->at[n][i] = (uint32_t)slot;
            b->length[i] = slot ? (uint8_t)n : b->length[i];
        }
    }
}

static void score_block(const model *m, const struct ngram_score_texts *a, block *b)
{
    look_up(m, b);
    for (int64_t i = 1; i <= b->size; i++) {
        if (!b->scored[i]) continue;
        const float p = log_prob(m, b->at[b->length[i]][i], b->length[i], &b->at[0][i - 1], BLOCK + 1, b->reach[i - 1]);
        a->scores[b->sentence[i]] += p;
        if (a->log_probs) a->log_probs[b->place[i]] = p;
        if (a->lengths) a->lengths[b->place[i]] = b->length[i];
    }
    for (int64_t n = 1; n < m->t.order; n++) b->at[n][0] = b->at[n][b->size];
    b->reach[0] = b->reach[b->size];
    b->size = 0;
}

static inline void add_word(const model *m, const struct ngram_score_texts *a, block *b, uint32_t word,
                            int64_t sentence, int64_t place)
{
    if (b->size == BLOCK) score_block(m, a, b);
    const int64_t i = ++b->size;
    b->word[i] = word;
    b->at[1][i] = 1 + word;
    if (m->t.order > 1) __builtin_prefetch(m->t.nodes + 1 + word);
    b->length[i] = 1;
    b->scored[i] = place >= 0;
    b->sentence[i] = sentence;
    b->place[i] = place;
    const int64_t reach = place >= 0 ? b->reach[i - 1] + 1 : 1;
    b->reach[i] = (uint8_t)least(reach, m->t.order - 1);
}

// Computes the log10 probability of each sentence, after BOS where `bos`, with EOS where `eos`; ids that the model does
// not know are UNK. On request that of each word, and the length of the longest n-gram that ends with it.
//: ngram_score_texts(nodes:u32[M+1,4], leaves:u32[L,2], order:n, kind:n, absent:d, ids:i[T], offsets:l[S+1], bos:n,
//:     eos:n)
//:     -> scores:f64[S], log_probs?f32[T+eos*S], lengths?u8[T+eos*S]
//:     where offsets covers T; 0 <= bos <= 1; 0 <= eos <= 1
KERNEL(ngram_score_texts)
{
    OPEN_MODEL();
    memset(a->scores, 0, sizeof *a->scores * (size_t)a->S);
    const int64_t parts = 1 + (a->T + a->S) / 8192;
    bool failed = false;
#pragma omp parallel num_threads(sq_team(64 * (a->T + a->S)))
    {
        block *b = malloc(sizeof *b);
        if (!b) {
#pragma omp atomic write
            failed = true;
        }
#pragma omp for schedule(dynamic, 1)
        for (int64_t part = 0; part < parts; part++) {
            if (!b) continue;
            b->size = 0;
            for (int64_t s = cut(a->S, parts, part); s < cut(a->S, parts, part + 1); s++) {
                int64_t place = a->offsets[s] + a->eos * s;
                add_word(&m, a, b, NGRAM_SCORE_BOS, s, -1);
                if (!a->bos) b->at[1][b->size] = b->reach[b->size] = 0;
                for (int64_t i = a->offsets[s]; i < a->offsets[s + 1]; i++)
                    add_word(&m, a, b, known(&m, READ_ONCE(a->ids[i])), s, place++);
                if (a->eos) add_word(&m, a, b, NGRAM_SCORE_EOS, s, place);
            }
            score_block(&m, a, b);
        }
        free(b);
    }
    return failed ? sq_no_memory : NULL;
}

static const char no_state[] = "states: expected what ngram_score_advance returns for this model";

// Computes the log10 probability of a word after each state, and the state after it. A state of zeros is that of no
// text. BOS has the probability 1 and the state of a text that begins with it.
//: ngram_score_advance(nodes:u32[M+1,4], leaves:u32[L,2], order:n, kind:n, absent:d, states:u32[R,order-1], ids:i[R])
//:     -> log_probs:f32[R], next:u32[R,order-1]
KERNEL(ngram_score_advance)
{
    OPEN_MODEL();
    bool good = true;
#pragma omp parallel for num_threads(sq_team(256 * a->R)) reduction(&& : good)
    for (int64_t r = 0; r < a->R; r++) {
        uint32_t context[TRIE_MOST_ORDER] = {0}, *next = a->next + r * (a->order - 1);
        const int64_t reach = read_state(&m, a->states + r * (a->order - 1), context);
        memset(next, 0, sizeof *next * (size_t)(a->order - 1));
        if (reach < 0)
            good = false;
        else
            a->log_probs[r] = advance(&m, context, reach, known(&m, READ_ONCE(a->ids[r])), next);
    }
    return good ? NULL : no_state;
}

// Adds what the children of a context have to a distribution: their log-probabilities and `left`, the weight of longer
// contexts.
static void spread(const model *m, int64_t n, int64_t node, float left, double scale, float *out)
{
    const trie_region r = trie_children(&m->t, n, node);
    for (int64_t i = r.begin; i < r.end; i++) {
        const uint32_t word = trie_word(&m->t, i);
        if (word < m->words) out[word] = (float)(scale * (trie_log_prob(&m->t, i) + left));
    }
}

// Computes scale * log10 of the probability of each word after each state; BOS has -inf.
//: ngram_score_distribution(nodes:u32[M+1,4], leaves:u32[L,2], order:n, kind:n, absent:d, states:u32[R,order-1],
//:     words:n, scale:d=1) -> log_probs:f32[R,words]
//:     where 0 <= words
KERNEL(ngram_score_distribution)
{
    OPEN_MODEL();
    if (a->words != m.words) return "words: expected the number of words of the model";
    bool good = true;
#pragma omp parallel for num_threads(sq_team(a->R * a->words)) reduction(&& : good)
    for (int64_t r = 0; r < a->R; r++) {
        uint32_t context[TRIE_MOST_ORDER] = {0};
        float left[TRIE_MOST_ORDER + 1] = {0}; // left[n]: the weight of contexts of n words and more
        float *out = a->log_probs + r * a->words;
        const int64_t reach = read_state(&m, a->states + r * (a->order - 1), context);
        good &= reach >= 0;
        for (int64_t n = reach; n > 0; n--) left[n] = left[n + 1] + weight(&m, context[n]);
        if (m.direct && reach > 0) {
            const float p = (float)(a->scale * weight(&m, context[reach]));
            for (int64_t w = 0; w < a->words; w++) out[w] = p;
        } else {
            spread(&m, 1, 0, left[1], a->scale, out);
        }
        for (int64_t n = m.direct && reach > 0 ? reach : 1; n <= reach; n++)
            if (context[n]) spread(&m, n + 1, context[n], left[n + 1], a->scale, out);
        out[NGRAM_SCORE_BOS] = -INFINITY;
    }
    return good ? NULL : no_state;
}
