// Product quantisation (Jégou, Douze, Schmid, "Product quantization for nearest neighbor search", 2011): rows are cut
// into parts, and each part is one of 256 centroids, which k-means finds.
#include "base/arith.h"
#include "product_quantizer_args.h"
#include "vec/vec.h"

//= CENTROIDS 256
//= MOST_ITERATIONS 1000

enum { CENTROIDS = PRODUCT_QUANTIZER_CENTROIDS };
static const real spread = (real)1e-7; // between the two halves of a centroid that is split

// The centroids of one part, turned so that one register holds the same column of many.
struct book {
    int64_t width;
    real *columns; // [width][CENTROIDS]
};

static void turn(struct book *b, const real *centroids)
{
    for (int64_t c = 0; c < CENTROIDS; c++)
        for (int64_t j = 0; j < b->width; j++) b->columns[j * CENTROIDS + c] = centroids[c * b->width + j];
}

// Returns the nearest centroid of a part of `width` numbers, the first one of several.
ALWAYS_INLINE int find_nearest_of(const struct book *b, const real *x, const int64_t width)
{
    vf least_distance = vf_set(INFINITY);
    vi place = {0};
    for (int64_t c = 0; c < CENTROIDS; c += LANES) {
        vf distance = {0};
        for (int64_t j = 0; j < width; j++) {
            const vf step = x[j] - vf_load(b->columns + j * CENTROIDS + c);
            distance += step * step;
        }
        const vi nearer = distance < least_distance;
        place = (nearer & (lane_bits)c) | (~nearer & place);
        least_distance = vf_min(least_distance, distance);
    }
    int best = 0;
    for (int i = 1; i < LANES; i++) {
        const bool nearer = least_distance[i] < least_distance[best];
        if (nearer || (least_distance[i] == least_distance[best] && place[i] + i < place[best] + best)) best = i;
    }
    return (int)place[best] + best;
}

static int find_nearest(const struct book *b, const real *x)
{
    return b->width == 2 ? find_nearest_of(b, x, 2) : find_nearest_of(b, x, b->width);
}

// Moves the centroids to the means of the points that are nearest to them; one without any takes half of the points of
// the one that has most.
static void move(real *centroids, const real *points, const uint8_t *codes, int64_t count, int64_t width)
{
    int64_t sizes[CENTROIDS] = {0};
    memset(centroids, 0, (size_t)(CENTROIDS * width) * sizeof *centroids);
    for (int64_t i = 0; i < count; i++) {
        sizes[codes[i]]++;
        for (int64_t j = 0; j < width; j++) centroids[codes[i] * width + j] += points[i * width + j];
    }
    for (int64_t c = 0; c < CENTROIDS; c++)
        for (int64_t j = 0; sizes[c] && j < width; j++) centroids[c * width + j] /= (real)sizes[c];
    for (int64_t c = 0; c < CENTROIDS; c++) {
        if (sizes[c]) continue;
        int64_t largest = 0;
        for (int64_t k = 1; k < CENTROIDS; k++) largest = sizes[k] > sizes[largest] ? k : largest;
        for (int64_t j = 0; j < width; j++) {
            const real old = centroids[largest * width + j], sign = j % 2 ? 1 : -1;
            centroids[c * width + j] = old + sign * spread;
            centroids[largest * width + j] = old - sign * spread;
        }
        sizes[c] = sizes[largest] / 2;
        sizes[largest] -= sizes[c];
    }
}

static void copy_part(real *to, const real *x, int64_t count, int64_t row_size, int64_t width)
{
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < width; j++) to[i * width + j] = x[i * row_size + j];
}

// Finds the centroids of each part of `part` numbers, the last of which may be shorter; they begin at rows first[s].
//: product_quantizer_train(x:f32[N,D], first:i[S,256]<N, part:n>=1, iterations:n>=0) -> centroids:f32[256*D]
//:     where S == (D + part - 1) / part; D >= 1; iterations <= MOST_ITERATIONS
KERNEL(product_quantizer_train)
{
    bool ready = true;
    const int team = sq_team(a->N * a->D * a->iterations * CENTROIDS);
#pragma omp parallel for num_threads(team) schedule(dynamic) reduction(&& : ready)
    for (int64_t s = 0; s < a->S; s++) {
        const int64_t begin = s * a->part, width = least(a->part, a->D - begin);
        real *const centroids = a->centroids + CENTROIDS * begin;
        real *const points = malloc((size_t)((a->N + CENTROIDS) * width) * sizeof *points + (size_t)a->N);
        if (!points) {
            ready = false;
            continue;
        }
        struct book book = {width, points + a->N * width};
        uint8_t *const codes = (uint8_t *)(book.columns + CENTROIDS * width);
        copy_part(points, a->x + begin, a->N, a->D, width);
        for (int64_t c = 0; c < CENTROIDS; c++)
            memcpy(centroids + c * width, points + a->first[s * CENTROIDS + c] * width, (size_t)width * sizeof *points);
        for (int64_t k = 0; k < a->iterations; k++) {
            turn(&book, centroids);
            for (int64_t i = 0; i < a->N; i++) codes[i] = (uint8_t)find_nearest(&book, points + i * width);
            move(centroids, points, codes, a->N, width);
        }
        free(points);
    }
    return ready ? NULL : sq_no_memory;
}

// Says which centroid is nearest to each part of each row.
//: product_quantizer_assign(x:f32[N,D], centroids:f32[Q], part:n>=1) -> codes:u[N,(D+part-1)/part]
//:     where Q == 256 * D; D >= 1
KERNEL(product_quantizer_assign)
{
    const int64_t parts = blocks(a->D, a->part);
    real *const columns = malloc((size_t)a->Q * sizeof *columns);
    if (!columns) return sq_no_memory;
    for (int64_t s = 0; s < parts; s++) {
        struct book book = {least(a->part, a->D - s * a->part), columns + CENTROIDS * s * a->part};
        turn(&book, a->centroids + CENTROIDS * s * a->part);
    }
    const int team = sq_team(a->N * a->D * CENTROIDS);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t i = 0; i < a->N; i++)
        for (int64_t s = 0; s < parts; s++) {
            const struct book book = {least(a->part, a->D - s * a->part), columns + CENTROIDS * s * a->part};
            a->codes[i * parts + s] = (uint8_t)find_nearest(&book, a->x + i * a->D + s * a->part);
        }
    free(columns);
    return NULL;
}

// Copies the centroids of parts that have the same width.
ALWAYS_INLINE void copy_centroids(real *to, const real *centroids, const uint8_t *codes, int64_t parts,
                                  const int64_t width)
{
    for (int64_t s = 0; s < parts; s++)
        for (int64_t j = 0; j < width; j++) to[s * width + j] = centroids[(CENTROIDS * s + codes[s]) * width + j];
}

// Puts rows together from the centroids that their codes name.
//: product_quantizer_decode(codes:u[N,S], centroids:f32[Q], part:n>=1) -> out:f32[N,Q/256]
//:     where Q == Q / 256 * 256; S == (Q / 256 + part - 1) / part
KERNEL(product_quantizer_decode)
{
    const int64_t size = a->Q / CENTROIDS, whole = size / a->part, done = whole * a->part;
    const int team = sq_team(a->N * size);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t i = 0; i < a->N; i++) {
        real *const to = a->out + i * size;
        const uint8_t *const codes = a->codes + i * a->S;
        if (a->part == 2)
            copy_centroids(to, a->centroids, codes, whole, 2);
        else
            copy_centroids(to, a->centroids, codes, whole, a->part);
        if (done < size) copy_centroids(to + done, a->centroids + CENTROIDS * done, codes + whole, 1, size - done);
    }
    return NULL;
}
