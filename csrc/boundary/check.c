// Do the arguments agree: axis names, value ranges, memory?
#include "call.h"

int64_t axis_size(const call *c, const sq_axis *axis)
{
    if (axis->size) return axis->size(c->slot);
    return axis->plus + (axis->dim < 0 ? 0 : axis->times * c->slot[axis->dim].n);
}

static bool fail_axis(call *c, const sq_param *p, int k, int64_t size)
{
    const sq_axis *axis = &p->axes[k];
    bool known = axis->size || axis->dim < 0 || c->bound[axis->dim];
    if (!known)
        return fail(c->f, PyExc_ValueError, "%s has size %lld on axis %d, expected %s", p->name, (long long)size, k,
                    axis->text);
    return fail(c->f, PyExc_ValueError, "%s has size %lld on axis %d, expected %s = %lld", p->name, (long long)size, k,
                axis->text, (long long)axis_size(c, axis));
}

// Binds axis names from left to right; expressions and broadcast axes wait until every name that can be bound is bound.
bool bind_axes(call *c)
{
    for (int late = 0; late < 2; late++)
        for (int i = 0; i < c->f->inputs; i++) {
            const sq_param *p = &c->f->params[i];
            PyArrayObject *x = c->array[i];
            if (!x) continue;
            if (!late && PyArray_NDIM(x) != p->ndim)
                return fail(c->f, PyExc_ValueError, "%s has %d axes, expected %d", p->name, PyArray_NDIM(x), p->ndim);
            for (int k = 0; k < p->ndim; k++) {
                const sq_axis *axis = &p->axes[k];
                int64_t size = PyArray_DIM(x, k);
                bool waits = axis->size || axis->broadcast;
                if (waits != late) continue;
                if (axis->dim >= 0 && !axis->size && !c->bound[axis->dim]) {
                    int64_t rest = size - axis->plus;
                    if (rest < 0 || rest % axis->times) return fail_axis(c, p, k, size);
                    c->slot[axis->dim].n = rest / axis->times;
                    c->bound[axis->dim] = true;
                } else if (size != axis_size(c, axis) && !(axis->broadcast && size == 1)) {
                    return fail_axis(c, p, k, size);
                }
            }
        }
    return true;
}

bool check_values(call *c, const sq_param *p, PyArrayObject *x)
{
    int64_t limit = c->slot[p->below].n, n = PyArray_SIZE(x), low = 0, high = -1;
#define SCAN(type)                                                                                                     \
    do {                                                                                                               \
        const type *v = PyArray_DATA(x);                                                                               \
        type least = n ? v[0] : 0, most = least;                                                                       \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            least = v[i] < least ? v[i] : least;                                                                       \
            most = v[i] > most ? v[i] : most;                                                                          \
        }                                                                                                              \
        low = (int64_t)least, high = (int64_t)most;                                                                    \
    } while (0)
    if (n == 0) return true;
    Py_BEGIN_ALLOW_THREADS switch (p->type)
    {
    case SQ_TYPE_i8: SCAN(int8_t); break;
    case SQ_TYPE_i: SCAN(int32_t); break;
    case SQ_TYPE_l: SCAN(int64_t); break;
    case SQ_TYPE_u: SCAN(uint8_t); break;
    case SQ_TYPE_u16: SCAN(uint16_t); break;
    case SQ_TYPE_u32: SCAN(uint32_t); break;
    default: break;
    }
    Py_END_ALLOW_THREADS
#undef SCAN
        if (low >= 0 && high < limit) return true;
    return fail(c->f, PyExc_ValueError, "%s holds %lld, outside [0, %s=%lld)", p->name,
                (long long)(low < 0 ? low : high), p->below_name, (long long)limit);
}

static bool overlaps(PyArrayObject *a, PyArrayObject *b)
{
    char *low[2], *high[2];
    PyArrayObject *both[] = {a, b};
    for (int j = 0; j < 2; j++) {
        if (PyArray_SIZE(both[j]) == 0) return false;
        low[j] = high[j] = PyArray_BYTES(both[j]);
        for (int k = 0; k < PyArray_NDIM(both[j]); k++) {
            npy_intp reach = PyArray_STRIDE(both[j], k) * (PyArray_DIM(both[j], k) - 1);
            if (reach < 0)
                low[j] += reach;
            else
                high[j] += reach;
        }
        high[j] += PyArray_ITEMSIZE(both[j]);
    }
    return low[0] < high[1] && low[1] < high[0];
}

// The arrays of argument i: one, or the items of a list.
static int64_t arrays_of(call *c, int i, PyArrayObject ***arrays)
{
    if (c->items[i]) {
        *arrays = c->items[i];
        return c->items_count[i];
    }
    *arrays = &c->array[i];
    return c->array[i] ? 1 : 0;
}

bool check_overlaps(call *c)
{
    for (int i = 0; i < c->f->inputs; i++) {
        if (!(c->f->params[i].flags & SQ_INPLACE)) continue;
        PyArrayObject **mine, **other;
        int64_t m = arrays_of(c, i, &mine);
        for (int j = 0; j < c->f->inputs; j++) {
            if (j < i && c->f->params[j].flags & SQ_INPLACE) continue;
            int64_t n = arrays_of(c, j, &other);
            for (int64_t s = 0; s < m; s++)
                for (int64_t t = i == j ? s + 1 : 0; t < n; t++)
                    if (overlaps(mine[s], other[t]))
                        return fail(c->f, PyExc_ValueError, "%s is updated in place and shares memory with %s",
                                    c->f->params[i].name, c->f->params[j].name);
        }
    }
    return true;
}
