// Connectionist temporal classification: the probability that a sequence of labels comes out of all paths of T frames
// which give it once repetitions are joined and blanks left out.
//
// Graves, Fernandez, Gomez, Schmidhuber, "Connectionist temporal classification", ICML 2006. The labels are spread to
// L = 2 S + 1 states, blanks around each. A path goes on from state s to s or s + 1, and to s + 2 where that is a label
// unlike the one before. At frame t only states [L - 2 (T - t), 2 t + 2) lie on whole paths.
#include "base/scratch.h"
#include "ctc_args.h"
#include "layers/row.h"
#include "structured/exp.h"

enum { MARGIN = 64 / (int)sizeof(real) }; // numbers before and after the states, for what is read beside them

// What a thread holds of a sequence. Rows have `width` numbers, whole registers, and margins of -inf.
typedef struct {
    int64_t T, L;
    int32_t *label;   // of each state
    real *skip;       // 0 where a path may leave out the state before, -inf elsewhere
    real *y;          // log-probabilities of a frame
    real *row, *next; // sums of a frame and its neighbour
} lattice;

static int64_t lattice_row(int64_t L) { return round_up(L, LANES) + 2 * MARGIN; }
static int64_t lattice_size(int64_t L) { return times(5, lattice_row(L)); } // the labels take a row or less

static lattice lattice_of(int64_t T, int64_t S, int64_t blank, const int32_t *targets, real *room)
{
    const int64_t L = 2 * S + 1, all = lattice_row(L);
    for (int64_t i = 0; i < 4 * all; i++) room[i] = -(real)INFINITY;
    room += MARGIN;
    const lattice l = {T, L, (int32_t *)(room + 4 * all), room, room + all, room + 2 * all, room + 3 * all};
    for (int64_t s = 0; s < L; s++) l.label[s] = s % 2 ? targets[s / 2] : (int32_t)blank;
    for (int64_t s = 3; s < L; s += 2)
        if (l.label[s] != l.label[s - 2]) l.skip[s] = 0;
    return l;
}

ALWAYS_INLINE int64_t first_state(const lattice *l, int64_t t) { return most(0, l->L - 2 * (l->T - t)); }
ALWAYS_INLINE int64_t last_state(const lattice *l, int64_t t) { return least(l->L, 2 * t + 2); }

// x where state s + lane lies on whole paths, else -inf.
ALWAYS_INLINE vf on_paths(const lattice *l, int64_t t, int64_t s, vf x)
{
    return vf_select(vf_first(last_state(l, t) - s) & ~vf_first(first_state(l, t) - s), x, vf_set(-(real)INFINITY));
}

// Which lanes have odd numbers.
ALWAYS_INLINE vi odd_lanes(void)
{
    vi odd = {0};
    for (int i = 1; i < LANES; i += 2) odd[i] = -1;
    return odd;
}

// The largest lane, 0 where all are -inf.
ALWAYS_INLINE real finite_largest(vf x)
{
    const real largest = vf_largest(x);
    return largest == -(real)INFINITY ? 0 : largest;
}

static void swap_rows(lattice *l)
{
    real *row = l->row;
    l->row = l->next, l->next = row;
}

static void read_frame(const lattice *l, int64_t t, const real *log_probs)
{
    for (int64_t s = first_state(l, t); s < last_state(l, t); s++) l->y[s] = log_probs[l->label[s]];
}

// log(e^x + e^y + e^z), NaN where one is.
ALWAYS_INLINE vf log_sum(vf x, vf y, vf z)
{
    const vf low = vf_min(y, x), high = vf_max(x, y), middle = vf_min(z, high), top = vf_max(high, z);
    const vf c = vf_select(top == -(real)INFINITY, vf_set(0), top);
    return top + vf_log(exp_or_zero(low - c) + exp_or_zero(middle - c) + (real)1);
}

// The sums of frame t from those of t - 1, less `shift`. Returns the largest.
static real forward_step(lattice *l, int64_t t, real shift)
{
    vf largest = vf_set(-(real)INFINITY);
    for (int64_t s = first_state(l, t) / LANES * LANES; s < last_state(l, t); s += LANES) {
        const vf two_before = vf_load(l->row + s - 2) + vf_load(l->skip + s);
        const vf sum = log_sum(vf_load(l->row + s), vf_load(l->row + s - 1), two_before) - shift + vf_load(l->y + s);
        vf_store(l->next + s, sum);
        largest = vf_max(largest, on_paths(l, t, s, sum));
    }
    swap_rows(l);
    return finite_largest(largest);
}

// States after the last one of a row, and frames after its last one, are on no path.
static void fill_rest(const struct ctc_forward *a, int64_t n, const lattice *l)
{
    const int64_t width = 2 * a->S + 1;
    real *alpha = a->alpha + n * a->T * width;
    for (int64_t t = 0; t < a->T; t++)
        for (int64_t s = t < l->T ? l->L : 0; s < width; s++) alpha[t * width + s] = -(real)INFINITY;
}

static double forward_row(const struct ctc_forward *a, int64_t n, real *room)
{
    const real *frames = a->log_probs + n * a->log_probs_stride[1];
    lattice l = lattice_of(a->input_lengths[n], a->target_lengths[n], a->blank, a->targets + n * a->S, room);
    if (a->alpha) fill_rest(a, n, &l);
    if (l.T == 0) return l.L == 1 ? 0 : INFINITY;
    double offset = 0;
    real shift = 0;
    for (int64_t t = 0; t < l.T; t++) {
        read_frame(&l, t, frames + t * a->log_probs_stride[0]);
        if (t == 0)
            for (int64_t s = 0; s < least(2, l.L); s++) l.row[s] = l.y[s];
        else
            offset += (double)shift, shift = forward_step(&l, t, shift);
        if (!a->alpha) continue;
        real *alpha = a->alpha + (n * a->T + t) * (2 * a->S + 1);
        for (int64_t s = 0; s < l.L; s += LANES) row_store(alpha, s, l.L, vf_load(l.row + s), false);
    }
    const double last = (double)l.row[l.L - 1], before = l.L > 1 ? (double)l.row[l.L - 2] : -INFINITY;
    if (last == -INFINITY && before == -INFINITY) return INFINITY;
    const double top = last > before ? last : before;
    return -(offset + top + log(exp(last - top) + exp(before - top)));
}

// loss = -log p(targets), inf where no path is long enough; alpha[t, s] = the logarithm of the sum over all beginnings
// of paths that end at frame t in state s, up to a number for each t.
//: ctc_forward(log_probs~f[T,N,C], targets:i[N,S]<C, input_lengths:i[N], target_lengths:i[N], blank:n)
//:     -> loss:f64[N], alpha?f[N,T,2*S+1]
//:     where 0 <= input_lengths <= T; 0 <= target_lengths <= S; 0 <= blank < C
KERNEL(ctc_forward)
{
    const int64_t one = lattice_size(2 * a->S + 1);
    const int team = (int)most(1, least(a->N, sq_team(times(times(a->N, a->T), times(20, 2 * a->S + 1)))));
    real *room = sq_scratch_take((size_t)times(times(team, one), sizeof(real)));
    if (!room) return sq_no_memory;
#pragma omp parallel for num_threads(team) schedule(dynamic)
    for (int64_t n = 0; n < a->N; n++) a->loss[n] = forward_row(a, n, room + omp_get_thread_num() * one);
    sq_scratch_give(room);
    return NULL;
}

// The sums over all ends of paths from frame t, without its own numbers; row holds those of t + 1 with them.
static void backward_step(lattice *l, int64_t t)
{
    for (int64_t s = first_state(l, t) / LANES * LANES; s < last_state(l, t); s += LANES) {
        const vf two_after = vf_load(l->row + s + 2) + vf_load(l->skip + s + 2);
        vf_store(l->next + s, log_sum(vf_load(l->row + s), vf_load(l->row + s + 1), two_after));
    }
    swap_rows(l);
}

// Adds the numbers of frame t to the sums, less `shift`. Returns the largest.
static real add_frame(lattice *l, int64_t t, real shift)
{
    vf largest = vf_set(-(real)INFINITY);
    for (int64_t s = first_state(l, t) / LANES * LANES; s < last_state(l, t); s += LANES) {
        const vf sum = vf_load(l->row + s) + vf_load(l->y + s) - shift;
        vf_store(l->row + s, sum);
        largest = vf_max(largest, on_paths(l, t, s, sum));
    }
    return finite_largest(largest);
}

// grad[c] = -factor p(the path is at a state of c at frame t), from the sums alpha and row.
static void posterior(const lattice *l, int64_t t, const real *alpha, real factor, real *grad, int64_t C)
{
    const int64_t first = first_state(l, t), last = last_state(l, t), begin = first / LANES * LANES;
    real *p = l->next;
    vf largest = vf_set(-(real)INFINITY);
    for (int64_t s = begin; s < last; s += LANES) {
        const vf both = on_paths(l, t, s, vf_load(l->row + s) + row_load(alpha, NULL, s, l->L, 0));
        vf_store(p + s, both);
        largest = vf_max(largest, both);
    }
    const real top = finite_largest(largest);
    vf blanks = vf_set(0), labels = blanks; // sums of the states with even and odd numbers
    for (int64_t s = begin; s < last; s += LANES) {
        const vf e = exp_or_zero(vf_load(p + s) - top), of_labels = vf_select(odd_lanes(), e, vf_set(0));
        vf_store(p + s, e);
        labels += of_labels, blanks += e - of_labels;
    }
    const real blank = vf_sum(blanks), sum = blank + vf_sum(labels);
    if (!(sum > 0)) {
        for (int64_t c = 0; c < C; c++) grad[c] = (real)NAN;
        return;
    }
    const real share = factor / sum;
    grad[l->label[0]] -= blank * share;
    for (int64_t s = first | 1; s < last; s += 2) grad[l->label[s]] -= p[s] * share;
}

static void backward_row(const struct ctc_backward *a, int64_t n, real *room)
{
    const real *frames = a->log_probs + n * a->log_probs_stride[1];
    const int64_t length = a->input_lengths[n];
    lattice l = lattice_of(length, a->target_lengths[n], a->blank, a->targets + n * a->S, room);
    for (int64_t t = 0; t < a->T; t++) memset(a->grad + (t * a->N + n) * a->C, 0, (size_t)a->C * sizeof(real));
    real shift = 0;
    for (int64_t t = length - 1; t >= 0; t--) {
        if (t == length - 1) {
            for (int64_t s = most(0, l.L - 2); s < l.L; s++) l.row[s] = 0;
        } else {
            backward_step(&l, t);
        }
        posterior(&l, t, a->alpha + (n * a->T + t) * (2 * a->S + 1), a->factor[n], a->grad + (t * a->N + n) * a->C,
                  a->C);
        read_frame(&l, t, frames + t * a->log_probs_stride[0]);
        shift = add_frame(&l, t, shift);
    }
}

// The gradient of sum_n factor[n] loss[n] by the log-probabilities; NaN where no path is long enough.
//: ctc_backward(log_probs~f[T,N,C], targets:i[N,S]<C, input_lengths:i[N], target_lengths:i[N], blank:n,
//:     alpha:f[N,T,2*S+1], factor:f[N]) -> grad:f[T,N,C]
//:     where 0 <= input_lengths <= T; 0 <= target_lengths <= S; 0 <= blank < C
KERNEL(ctc_backward)
{
    const int64_t one = lattice_size(2 * a->S + 1);
    const int team = (int)most(1, least(a->N, sq_team(times(times(a->N, a->T), times(20, 2 * a->S + 1)))));
    real *room = sq_scratch_take((size_t)times(times(team, one), sizeof(real)));
    if (!room) return sq_no_memory;
#pragma omp parallel for num_threads(team) schedule(dynamic)
    for (int64_t n = 0; n < a->N; n++) backward_row(a, n, room + omp_get_thread_num() * one);
    sq_scratch_give(room);
    return NULL;
}
