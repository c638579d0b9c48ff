// Do the arguments agree: axis names, value ranges, memory?
#include "call.h"

#include <stdlib.h>

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

PyArrayObject *flat_input(const call *c)
{
    for (int i = 0; i < c->f->inputs; i++)
        if (c->f->params[i].flags & SQ_FLAT && c->array[i]) return c->array[i];
    return NULL;
}

// An array of any shape has that of the first one.
static bool check_flat(call *c, const sq_param *p, PyArrayObject *x)
{
    PyArrayObject *first = flat_input(c);
    if (PyArray_NDIM(x) == PyArray_NDIM(first) &&
        PyArray_CompareLists(PyArray_DIMS(x), PyArray_DIMS(first), PyArray_NDIM(x)))
        return true;
    return fail(c->f, PyExc_ValueError, "%s has another shape than the arrays before it", p->name);
}

// Binds axis names from left to right; expressions and broadcast axes wait until every name that can be bound is bound.
bool bind_axes(call *c)
{
    for (int late = 0; late < 2; late++)
        for (int i = 0; i < c->f->inputs; i++) {
            const sq_param *p = &c->f->params[i];
            PyArrayObject *x = c->array[i];
            if (!x) continue;
            const bool flat = p->flags & SQ_FLAT;
            if (!late && flat && !check_flat(c, p, x)) return false;
            if (!late && !flat && PyArray_NDIM(x) != p->ndim)
                return fail(c->f, PyExc_ValueError, "%s has %d axes, expected %d", p->name, PyArray_NDIM(x), p->ndim);
            for (int k = 0; k < p->ndim; k++) {
                const sq_axis *axis = &p->axes[k];
                int64_t size = flat ? PyArray_SIZE(x) : PyArray_DIM(x, k);
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

// The memory from the first to the last byte of an array of argument `param`.
struct extent {
    const char *low, *high;
    int param;
    bool inplace;
};

static struct extent extent_of(PyArrayObject *x, int param, bool inplace)
{
    struct extent e = {PyArray_BYTES(x), PyArray_BYTES(x) + PyArray_ITEMSIZE(x), param, inplace};
    for (int k = 0; k < PyArray_NDIM(x); k++) {
        npy_intp reach = PyArray_STRIDE(x, k) * (PyArray_DIM(x, k) - 1);
        if (reach < 0)
            e.low += reach;
        else
            e.high += reach;
    }
    return e;
}

static int by_address(const void *a, const void *b)
{
    const char *first = ((const struct extent *)a)->low, *second = ((const struct extent *)b)->low;
    return (first > second) - (first < second);
}

// An array that is updated in place shares no memory with any other. In the order of their addresses, each is compared
// with the one before it that reaches furthest, so that hundreds of arrays (the parameters of a model) cost little.
bool check_overlaps(call *c)
{
    int64_t room = 0;
    bool inplace = false;
    for (int i = 0; i < c->f->inputs; i++) {
        room += c->items[i] ? c->items_count[i] : c->array[i] != NULL;
        inplace |= c->f->params[i].flags & SQ_INPLACE;
    }
    if (!inplace || room < 2) return true;
    struct extent few[16], *all = room <= 16 ? few : PyMem_Malloc((size_t)room * sizeof *all);
    if (!all) return PyErr_NoMemory(), false;
    int64_t count = 0;
    for (int i = 0; i < c->f->inputs; i++) {
        PyArrayObject **arrays = c->items[i] ? c->items[i] : &c->array[i];
        int64_t n = c->items[i] ? c->items_count[i] : c->array[i] != NULL;
        for (int64_t k = 0; k < n; k++)
            if (PyArray_SIZE(arrays[k])) all[count++] = extent_of(arrays[k], i, c->f->params[i].flags & SQ_INPLACE);
    }
    qsort(all, (size_t)count, sizeof *all, by_address);
    bool apart = true;
    const struct extent *furthest = NULL, *written = NULL; // of all, and of those updated in place
    for (int64_t i = 0; i < count && apart; i++) {
        const struct extent *e = &all[i], *other = e->inplace ? furthest : written;
        if (other && other->high > e->low) {
            bool first = e->inplace && (!other->inplace || e->param < other->param);
            apart = fail(c->f, PyExc_ValueError, "%s is updated in place and shares memory with %s",
                         c->f->params[(first ? e : other)->param].name, c->f->params[(first ? other : e)->param].name);
        }
        if (!furthest || e->high > furthest->high) furthest = e;
        if (e->inplace && (!written || e->high > written->high)) written = e;
    }
    if (all != few) PyMem_Free(all);
    return apart;
}
