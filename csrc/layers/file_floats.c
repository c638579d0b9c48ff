// The weights of files as models hold them: 16-bit floats widened to float32, matrices turned.
#include "base/arith.h"
#include "file_floats_args.h"

//= form bfloat16 float16

enum { CHUNK = 1 << 14, SIDE = 16 };

static inline uint32_t bits_of(float x)
{
    uint32_t bits;
    return *(uint32_t *)memcpy(&bits, &x, sizeof bits);
}

static inline float float_of(uint32_t bits)
{
    float x;
    return *(float *)memcpy(&x, &bits, sizeof x);
}

// A subnormal number gets the bits of 2^-14 + itself, from which 2^-14 is taken: so nothing subnormal is computed with.
static inline uint32_t widened(uint16_t half)
{
    const uint32_t rest = (uint32_t)(half & 0x7fff) << 13, sign = (uint32_t)(half & 0x8000) << 16;
    const uint32_t normal = rest + (rest >= 0x0f800000 ? 0x70000000 : 0x38000000); // the first is infinite or NaN
    const uint32_t subnormal = bits_of(float_of(rest + 0x38800000) - float_of(0x38800000));
    return sign | (rest < 0x00800000 ? subnormal : normal);
}

// y = x, whose bits are those of a bfloat16 or a float16; NaNs keep what they carry.
//: file_floats_widen(x:u16[N...], form:n) -> y:f32[N...] where form in form
KERNEL(file_floats_widen)
{
    const uint16_t *x = a->x;
    uint32_t *y = (uint32_t *)(void *)a->y;
    const bool brain = a->form == FILE_FLOATS_BFLOAT16;
#pragma omp parallel for num_threads(sq_team(a->N)) schedule(static)
    for (int64_t begin = 0; begin < a->N; begin += CHUNK) {
        const int64_t end = least(begin + CHUNK, a->N);
        if (brain)
            for (int64_t i = begin; i < end; i++) y[i] = (uint32_t)x[i] << 16;
        else
            for (int64_t i = begin; i < end; i++) y[i] = widened(x[i]);
    }
    return NULL;
}

// A tile of at most SIDE x SIDE goes through a small array: so each line of memory is read and written once.
static void turn_tile(const struct file_floats_turn *a, int64_t row, int64_t column)
{
    const int64_t rows = least(SIDE, a->R - row), columns = least(SIDE, a->C - column);
    float tile[SIDE][SIDE];
    for (int64_t r = 0; r < rows; r++)
        memcpy(tile[r], a->x + (row + r) * a->C + column, (size_t)columns * sizeof(float));
    for (int64_t c = 0; c < columns; c++)
        for (int64_t r = 0; r < rows; r++) a->y[(column + c) * a->R + row + r] = tile[r][c];
}

// y = the transpose of x.
//: file_floats_turn(x:f32[R,C]) -> y:f32[C,R]
KERNEL(file_floats_turn)
{
#pragma omp parallel for num_threads(sq_team(a->R * a->C)) schedule(static)
    for (int64_t row = 0; row < a->R; row += SIDE)
        for (int64_t column = 0; column < a->C; column += SIDE) turn_tile(a, row, column);
    return NULL;
}
