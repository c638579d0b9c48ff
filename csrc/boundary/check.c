// Do the arguments agree: axis names, value ranges, memory?
#include "call.h"

#include <stdlib.h>

int64_t axis_size(const call *c, const sq_axis *axis)
{
    if (axis->size) return axis->size(c->slot);
    int64_t product = 0, sum;
    if (axis->dim >= 0 && __builtin_mul_overflow(axis->times, c->slot[axis->dim].n, &product)) return TOO_LARGE;
    return __builtin_add_overflow(axis->plus, product, &sum) ? TOO_LARGE : sum;
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

// Is this array empty, but along its other axes so large that a loop over its rows would not end for hours?
static bool is_endless(PyArrayObject *x)
{
    double rows = 1;
    for (int k = 0; k < PyArray_NDIM(x); k++) rows *= PyArray_DIM(x, k) ? (double)PyArray_DIM(x, k) : 1;
    return PyArray_SIZE(x) == 0 && rows > MOST_REPEATED;
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
            if (!late && is_endless(x))
                return fail(c->f, PyExc_ValueError, "%s is empty, but has more than %d rows", p->name, MOST_REPEATED);
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

// What is found in an array of integers: the least and the largest value, whether a row falls, its ends.
struct found {
    int64_t low, high;
    bool falls;
    int64_t first, last; // of the row that begins highest, and of the one that ends lowest
};

#define SCAN(type)                                                                                                     \
    do {                                                                                                               \
        const type *v = PyArray_DATA(x);                                                                               \
        type least = v[0], most = least;                                                                               \
        for (int64_t i = 0; i < size; i++) {                                                                           \
            least = v[i] < least ? v[i] : least;                                                                       \
            most = v[i] > most ? v[i] : most;                                                                          \
        }                                                                                                              \
        f.low = (int64_t)least, f.high = (int64_t)most;                                                                \
        f.first = INT64_MIN, f.last = INT64_MAX;                                                                       \
        for (int64_t row = 0; rows && row < size; row += n) {                                                          \
            for (int64_t i = row + 1; i < row + n; i++) f.falls |= v[i] < v[i - 1];                                    \
            f.first = (int64_t)v[row] > f.first ? (int64_t)v[row] : f.first;                                           \
            f.last = (int64_t)v[row + n - 1] < f.last ? (int64_t)v[row + n - 1] : f.last;                              \
        }                                                                                                              \
    } while (0)

// Scans a contiguous array that is not empty, by rows of its last axis where `rows` says so.
static struct found scan(sq_type type, PyArrayObject *x, bool rows)
{
    struct found f = {0};
    const int64_t size = PyArray_SIZE(x), n = PyArray_NDIM(x) ? PyArray_DIM(x, PyArray_NDIM(x) - 1) : 1;
    Py_BEGIN_ALLOW_THREADS switch (type)
    {
    case SQ_TYPE_i8: SCAN(int8_t); break;
    case SQ_TYPE_i: SCAN(int32_t); break;
    case SQ_TYPE_l: SCAN(int64_t); break;
    case SQ_TYPE_u: SCAN(uint8_t); break;
    case SQ_TYPE_u16: SCAN(uint16_t); break;
    case SQ_TYPE_u32: SCAN(uint32_t); break;
    default: break;
    }
    Py_END_ALLOW_THREADS return f;
}
#undef SCAN

bool check_below(call *c, const sq_param *p, PyArrayObject *x)
{
    if (PyArray_SIZE(x) == 0) return true;
    const int64_t limit = c->slot[p->below].n;
    const struct found f = scan(p->type, x, false);
    if (f.low >= 0 && f.high < limit) return true;
    return fail(c->f, PyExc_ValueError, "%s holds %lld, outside [0, %s=%lld)", p->name,
                (long long)(f.low < 0 ? f.low : f.high), p->below_name, (long long)limit);
}

// Raises a ValueError that says what was found, what is expected, and the values of the names in that.
static bool fail_condition(call *c, const sq_condition *condition, const char *found, long long value)
{
    PyObject *text = PyUnicode_FromFormat(found, c->f->params[condition->param < 0 ? 0 : condition->param].name, value);
    PyObject *all = text ? PyUnicode_FromFormat("%Uexpected %s", text, condition->text) : NULL;
    Py_XDECREF(text);
    for (int i = 0; all && i < condition->values_count; i++) {
        const sq_value *v = &condition->values[i];
        const sq_slot *s = &c->slot[v->slot];
        PyObject *number = v->type == SQ_TYPE_d ? PyFloat_FromDouble(s->d) : PyLong_FromLongLong(s->n);
        PyObject *longer = number ? PyUnicode_FromFormat("%U%s %s=%S", all, i ? "," : ", got", v->name, number) : NULL;
        Py_XDECREF(number);
        replace_object(&all, longer);
    }
    if (all) fail(c->f, PyExc_ValueError, "%U", all);
    Py_XDECREF(all);
    return false;
}

static bool is_given(const call *c, int param)
{
    const sq_param *p = &c->f->params[param];
    if (p->type == SQ_TYPE_d) return c->slot[p->slot].d != 0;
    if (p->type > SQ_TYPE_d) return c->slot[p->slot].n != 0;
    return c->given[param] != NULL;
}

static bool check_condition(call *c, const sq_condition *condition)
{
    if (condition->kind == SQ_HOLDS) return condition->holds(c->slot) || fail_condition(c, condition, "", 0);
    if (condition->kind == SQ_NEEDS) {
        if (!is_given(c, condition->param) || is_given(c, condition->other)) return true;
        return fail(c->f, PyExc_ValueError, "%s is given without %s", c->f->params[condition->param].name,
                    c->f->params[condition->other].name);
    }
    PyArrayObject *x = c->array[condition->param];
    if (!x) return true;
    const bool ordered = condition->kind != SQ_RANGE, covers = condition->kind == SQ_COVERS;
    const int64_t low = condition->low ? condition->low(c->slot) : INT64_MIN;
    const int64_t high = condition->high ? condition->high(c->slot) : INT64_MAX;
    if (PyArray_SIZE(x) == 0) return !covers || fail_condition(c, condition, "%s is empty, ", 0);
    const struct found f = scan(c->f->params[condition->param].type, x, ordered);
    if (f.low < low || f.high > high)
        return fail_condition(c, condition, "%s holds %lld, ", f.low < low ? f.low : f.high);
    if (f.falls) return fail_condition(c, condition, "%s falls, ", 0);
    if (covers && f.first != low) return fail_condition(c, condition, "%s begins with %lld, ", f.first);
    if (covers && f.last != high) return fail_condition(c, condition, "%s ends with %lld, ", f.last);
    return true;
}

bool check_conditions(call *c)
{
    for (int i = 0; i < c->f->conditions_count; i++)
        if (!check_condition(c, &c->f->conditions[i])) return false;
    return true;
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
