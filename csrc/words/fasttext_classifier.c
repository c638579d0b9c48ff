// Training of the classifier of the original fastText (Joulin, Grave, Bojanowski, Mikolov, "Bag of tricks for efficient
// text classification", 2017): the mean of the rows of a text, then a softmax over the labels, a tree of labels,
// negative samples of them, or a decision for each label.
#include "fasttext_classifier_args.h"
#include "words/classifier_worker.h"

// How labels are told apart.
//= form softmax hs ns ova

enum { TEXTS_AT_ONCE = 32 }; // that a thread takes from the common counter

// Trains on the texts that a thread draws.
static bool train_worker(const struct classifier *c, int64_t *next, int64_t *loss, int64_t *examples,
                         const char **problem)
{
    struct worker w;
    if (!worker_allocate(&w, c)) return false;
    while (!w.problem) {
        const int64_t first = __atomic_fetch_add(next, TEXTS_AT_ONCE, __ATOMIC_RELAXED);
        if (first >= c->T) break;
        const int64_t stop = least(first + TEXTS_AT_ONCE, c->T);
        look_up(&w, first);
        for (int64_t k = first; k < stop; k++) {
            const struct text now = w.text[k & 1];
            if (k + 1 < stop) look_up(&w, k + 1);
            if (now.count && now.labels) train_text(&w, &now, k);
        }
    }
#pragma omp critical(fasttext_classifier_report)
    {
        *loss = w.bad ? INT64_MIN : *loss == INT64_MIN ? *loss : *loss + w.loss;
        *examples += w.examples;
        if (w.problem) *problem = w.problem;
    }
    free(w.memory);
    return true;
}

// Trains on the texts `order` of those whose rows of input are features[offsets[i] .. offsets[i + 1]) and whose labels
// are labels[label_offsets[i] .. label_offsets[i + 1]); texts without either are left out. alpha + slope * k is the
// learning rate of the k-th of them, and first + k the number of its draws in the epoch. `sigmoid` holds the logistic
// function at -8, -8 + 1/32 ... 8.
//: fasttext_classifier_train(features:i[K], offsets:l[N+1], labels:i[M], label_offsets:l[N+1], order:i[T],
//:     input+f32[R,P], output+f32[L,P], form:n, sigmoid:f32[513], alias_threshold?u32[L], alias_other?i[L],
//:     path_offsets?l[L+1], path_nodes?i[Z], path_codes?u[Z], negative:n>=0, alpha:d, slope:d, first:n>=0, seed:n,
//:     epoch:n>=0, deterministic:p) -> loss:f64[1], examples:l[1]
//:     where form in form; 0 <= order < N; P % word2vec.LANES == 0; P > 0; L >= 1;
//:     negative <= word2vec.MOST_NEGATIVE; form != form.ns or alias_threshold; form != form.hs or path_offsets;
//:     alias_threshold needs alias_other; alias_other needs alias_threshold; path_offsets needs path_nodes path_codes;
//:     path_offsets covers Z; 0 <= path_nodes < L; 0 <= alias_other < L; L <= 2147483647; R <= 2147483647
KERNEL(fasttext_classifier_train)
{
    struct classifier c = {
        a->features,
        a->labels,
        a->order,
        a->offsets,
        a->label_offsets,
        a->K,
        a->M,
        a->T,
        a->input,
        a->output,
        a->R,
        a->L,
        a->P,
        (enum fasttext_classifier_form)a->form,
        a->sigmoid,
        a->alias_threshold,
        a->alias_other,
        a->path_offsets,
        a->path_nodes,
        a->path_codes,
        a->negative,
        a->alpha,
        a->slope,
        a->first,
        a->seed,
        a->epoch,
        0,
    };
    c.longest = find_longest(&c);
    int64_t next = 0, loss = 0, examples = 0;
    const char *problem = NULL;
    bool ready = true;
    const int team = a->deterministic ? 1 : sq_team(a->T * a->P * 100);
#pragma omp parallel num_threads(team) reduction(&& : ready)
    ready = train_worker(&c, &next, &loss, &examples, &problem);
    a->loss[0] = loss == INT64_MIN ? NAN : (double)loss / LOSS_UNITS;
    a->examples[0] = examples;
    return ready ? problem : sq_no_memory;
}
