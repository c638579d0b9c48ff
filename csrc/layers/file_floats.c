// The weights of files as models hold them: 16-bit floats widened to float32, matrices turned.
#include "base/arith.h"
#include "base/half.h"
#include "file_floats_args.h"

//= form bfloat16 float16

enum { CHUNK = 1 << 14, SIDE = 16 };

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
            for (int64_t i = begin; i < end; i++) y[i] = widened_half(x[i]);
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
