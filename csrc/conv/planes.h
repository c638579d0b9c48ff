// The input of a convolution, laid out so that each of its taps is a shift: a block of images as one plane for each
// channel, with zeros for the padding between the rows. Output position q = (image * rows + y) * pitch + x of a block
// needs plane[offset[tap] + q], whatever stride, padding and dilation are; the positions between the rows are thrown
// away.
#ifndef SEQNN_CONV_PLANES_H
#define SEQNN_CONV_PLANES_H

#include "conv/tiles.h"

// One axis: output i needs source[i * step + tap] for each tap, zero outside of [0, source).
typedef struct {
    int64_t source, count, step;
    int64_t first, last; // smallest and largest shift of a tap
    int64_t block;       // outputs of a block
    int64_t pitch;       // places that a block takes in the plane
    int64_t slack;       // places after it that are read as well: the zeros before what comes next
    int64_t filled;      // places that may hold data
    bool apart;          // each tap has places of its own, without gaps
} axis;

typedef struct {
    int64_t images, channels; // of the source array; a block has some of each
    const real *source;       // [images, channels, y.source, x.source]
    const real *gate;         // source counts where gate > 0; NULL: everywhere
    axis y, x;
    int64_t taps;
    const int64_t *tap_y, *tap_x;
    int64_t block_images;
    int64_t phases, *phase_y, *phase_x; // remainders of tap / step that occur: each has its own part of a plane
    int64_t phase_size, plane;          // elements
} planes;

enum { BLOCK = 1 << 17, SMALL_BLOCK = 1 << 12 }; // elements of the planes of a block

// The images and outputs of a block.
typedef struct {
    int64_t image, images, y, y_count, x, x_count;
} block;

static inline int64_t divide_down(int64_t a, int64_t b) { return a / b - (a % b < 0); }

// A tap as a shift of the places of one phase: tap = shift * step + phase, 0 <= phase < step.
static inline int64_t shift_of(const axis *a, int64_t tap) { return a->apart ? 0 : divide_down(tap, a->step); }
static inline int64_t phase_of(const axis *a, int64_t tap) { return tap - shift_of(a, tap) * a->step; }

static void set_taps(axis *a, const int64_t *tap, int64_t taps)
{
    a->first = a->last = taps ? shift_of(a, tap[0]) : 0;
    for (int64_t t = 1; t < taps; t++) {
        const int64_t shift = shift_of(a, tap[t]);
        a->first = least(a->first, shift);
        a->last = most(a->last, shift);
    }
}

// Neighbouring rows share the zeros between them where a block has all of the axis.
static void set_block(axis *a, int64_t size)
{
    const int64_t need = size + a->last - a->first, lead = most(0, -a->first);
    const int64_t end = most(0, blocks(a->source, a->step) - a->first);
    a->block = size;
    a->pitch = most(most(size, least(end, need)), need - lead);
    if (size < a->count || a->pitch <= lead) a->pitch = need;
    a->slack = most(0, need - a->pitch);
    a->filled = a->pitch;
}

static void set_sizes(planes *p)
{
    p->phase_size = times(times(p->block_images, p->y.pitch) + p->y.slack, p->x.pitch) + p->x.slack;
    const int64_t line = 64 / (int64_t)sizeof(real);
    const int64_t lines = blocks(times(p->phases, p->phase_size) + TILE_WIDTH, line);
    p->plane = (lines | 1) * line; // an odd number: planes do not compete for the same sets of a cache
}

// Sets blocks of at most about `budget` elements in `each` parts of planes, and of at most `images` images.
static void set_blocks(planes *p, int64_t each, int64_t budget, int64_t images)
{
    const int64_t span = p->y.last - p->y.first;
    p->block_images = 1;
    set_block(&p->y, p->y.count);
    set_block(&p->x, p->x.count);
    const int64_t whole = times(times(each, p->y.pitch), p->x.pitch);
    if (whole <= 2 * budget) {
        p->block_images = most(1, least(least(images, p->images), budget / most(1, whole)));
    } else {
        const int64_t row = times(each, p->x.pitch);
        set_block(&p->y, least(p->y.count, most(1, budget / row - span)));
        const int64_t column = times(each, p->y.pitch);
        if (times(column, p->x.pitch) > 4 * budget) set_block(&p->x, least(p->x.count, most(256, budget / column)));
    }
    set_sizes(p);
}

// Finds the phases that occur.
static void set_phases(planes *p)
{
    p->phases = 0;
    for (int64_t t = 0; t < p->taps; t++) {
        const int64_t py = phase_of(&p->y, p->tap_y[t]), px = phase_of(&p->x, p->tap_x[t]);
        int64_t at = 0;
        while (at < p->phases && (p->phase_y[at] != py || p->phase_x[at] != px)) at++;
        if (at < p->phases) continue;
        p->phase_y[at] = py;
        p->phase_x[at] = px;
        p->phases++;
    }
}

// Writes each tap's place in a plane, offset[channel, tap] for planes of consecutive channels.
static void write_offsets(const planes *p, int64_t channels, int64_t *offset)
{
    for (int64_t t = 0; t < p->taps && channels; t++) {
        const int64_t by = shift_of(&p->y, p->tap_y[t]), bx = shift_of(&p->x, p->tap_x[t]);
        const int64_t py = phase_of(&p->y, p->tap_y[t]), px = phase_of(&p->x, p->tap_x[t]);
        int64_t at = 0;
        while (p->phase_y[at] != py || p->phase_x[at] != px) at++;
        const int64_t first = at * p->phase_size + (by - p->y.first) * p->x.pitch + bx - p->x.first;
        for (int64_t i = 0; i < channels; i++) offset[i * p->taps + t] = first + i * p->plane;
    }
}

static int64_t count_blocks(const planes *p)
{
    return blocks(p->images, p->block_images) * blocks(p->y.count, p->y.block) * blocks(p->x.count, p->x.block);
}

static block nth_block(const planes *p, int64_t n)
{
    const int64_t across = blocks(p->x.count, p->x.block), down = blocks(p->y.count, p->y.block);
    block b = {.image = n / (across * down) * p->block_images,
               .y = n / across % down * p->y.block,
               .x = n % across * p->x.block};
    b.images = least(p->block_images, p->images - b.image);
    b.y_count = least(p->y.block, p->y.count - b.y);
    b.x_count = least(p->x.block, p->x.count - b.x);
    return b;
}

// Finds where the source begins and ends among the places of a block that starts at output `start`, in one phase.
static void find_data(const axis *a, int64_t start, int64_t phase, int64_t *begin, int64_t *end, int64_t *source)
{
    const int64_t base = (start + a->first) * a->step + phase; // the source index of place 0
    *begin = least(base >= 0 ? 0 : blocks(-base, a->step), a->filled);
    *end = most(*begin, least(divide_down(a->source - 1 - base, a->step) + 1, a->filled));
    *source = base + *begin * a->step;
}

// to[i] = from[i], where the gate is open
static void copy_row(real *to, const real *from, const real *gate, int64_t step, int64_t n)
{
    if (gate)
        for (int64_t i = 0; i < n; i++) to[i] = gate[i * step] > 0 ? from[i * step] : 0;
    else if (step == 1)
        copy_run(to, from, n);
    else if (step == 2)
        for (int64_t i = 0; i < n; i++) to[i] = from[i * 2];
    else
        for (int64_t i = 0; i < n; i++) to[i] = from[i * step];
}

// Zeros from `from` to `to`, by whole registers: what they cover after it is written next.
static void clear_gap(real *from, const real *to)
{
    for (; from < to; from += LANES) vf_store(from, (vf){0});
}

// x where the gate, if there is one, is open
ALWAYS_INLINE vf pass(vf x, const real *gate) { return gate ? vf_select(vf_load(gate) > 0, x, (vf){0}) : x; }

// Copies n elements that lie side by side, as copy_row does, or a whole register with zeros after few; returns its end.
static real *copy_padded(real *to, const real *from, const real *gate, int64_t n)
{
    if (n < LANES) {
        const vf x = vf_load_part(from, n);
        vf_store(to, gate ? vf_select(vf_load_part(gate, n) > 0, x, (vf){0}) : x);
        return to + LANES;
    }
    for (int64_t i = 0; i + LANES < n; i += LANES) vf_store(to + i, pass(vf_load(from + i), gate ? gate + i : NULL));
    const int64_t last = n - LANES;
    vf_store(to + last, pass(vf_load(from + last), gate ? gate + last : NULL));
    return to + n;
}

// Lays out a phase of channels [channel, channel + channels) of a block, and zeros up to `size`.
static void copy_phase(const planes *p, const block *b, int64_t channel, int64_t channels, int64_t phase, real *to,
                       int64_t size)
{
    int64_t top, bottom, y0, left, right, x0;
    find_data(&p->y, b->y, p->phase_y[phase], &top, &bottom, &y0);
    find_data(&p->x, b->x, p->phase_x[phase], &left, &right, &x0);
    const int64_t width = right - left, pitch = p->x.pitch, step = p->x.step, row_step = p->y.step * p->x.source;
    for (int64_t c = channel; c < channel + channels; c++, to += p->plane) {
        real *done = to;
        for (int64_t n = 0; n < b->images; n++) {
            int64_t from = (((b->image + n) * p->channels + c) * p->y.source + y0) * p->x.source + x0;
            real *at = to + (n * p->y.pitch + top) * pitch + left;
            for (int64_t row = top; row < bottom; row++, from += row_step, at += pitch) {
                const real *gate = p->gate ? p->gate + from : NULL;
                clear_gap(done, at);
                if (step == 1) {
                    done = copy_padded(at, p->source + from, gate, width);
                } else {
                    copy_row(at, p->source + from, gate, step, width);
                    done = at + width;
                }
            }
        }
        if (done < to + size) memset(done, 0, (size_t)(to + size - done) * sizeof(real));
    }
}

// Lays out channels [channel, channel + channels) of a block.
static void copy_planes(const planes *p, const block *b, int64_t channel, int64_t channels, real *to)
{
    for (int64_t phase = 0; phase < p->phases; phase++) {
        const int64_t first = phase * p->phase_size;
        const int64_t size = phase + 1 < p->phases ? p->phase_size : p->plane - first;
        copy_phase(p, b, channel, channels, phase, to + first, size);
    }
}

#endif
