// One generic call path for every kernel, driven by the tables made from the signature lines: keywords, float type,
// inputs, outputs, the GIL, errors. A kernel only computes.
#include "call.h"

#include <string.h>

#include "dispatch.h"

atomic_int sq_isa;
const char sq_no_memory[] = "out of memory";

static bool place_arguments(call *c, PyObject *const *name, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    const sq_function *f = c->f;
    if (count > f->inputs)
        return fail(f, PyExc_TypeError, "%zd positional arguments given, at most %d taken", count, f->inputs);
    for (Py_ssize_t i = 0; i < count; i++) c->given[i] = args[i];
    Py_ssize_t named = keywords ? PyTuple_Size(keywords) : 0;
    for (Py_ssize_t k = 0; k < named; k++) {
        PyObject *key = PyTuple_GetItem(keywords, k);
        int i = 0, all = f->inputs + f->outputs;
        while (i < all && name[i] != key) i++;
        if (i == all) // not interned: compare the text
            for (i = 0; i < all && PyUnicode_Compare(name[i], key); i++) {}
        if (i == all || (i >= f->inputs && !(f->params[i].flags & SQ_OPTIONAL)))
            return fail(f, PyExc_TypeError, "no argument %R", key);
        if (c->given[i]) return fail(f, PyExc_TypeError, "%s is given twice", f->params[i].name);
        c->given[i] = args[count + k];
    }
    for (int i = 0; i < f->inputs; i++) {
        if (c->given[i] == Py_None && f->params[i].flags & SQ_OPTIONAL) c->given[i] = NULL;
        if (!c->given[i] && !(f->params[i].flags & (SQ_OPTIONAL | SQ_DEFAULT)))
            return fail(f, PyExc_TypeError, "argument %s is missing", f->params[i].name);
    }
    return true;
}

// Lists become tuples of their own, which no conversion of an item can shorten; of the optional outputs those stay
// given that are asked for.
static bool freeze_arguments(call *c)
{
    const sq_function *f = c->f;
    for (int i = 0; i < f->inputs + f->outputs; i++) {
        const sq_param *p = &f->params[i];
        PyObject *o = c->given[i];
        if (!o) continue;
        if (i >= f->inputs) {
            int asked = PyObject_IsTrue(o);
            if (asked < 0) return false;
            c->given[i] = asked ? Py_True : NULL;
            c->slot[p->slot].p = c->given[i]; // conditions see which outputs are asked for
        } else if (p->flags & SQ_LIST) {
            if (!PyList_Check(o) && !PyTuple_Check(o)) return fail_type(f, p, "a list or tuple of arrays", o);
            c->frozen[i] = c->given[i] = PySequence_Tuple(o);
            if (!c->given[i]) return false;
        }
    }
    return true;
}

// The call's float type: that of its float arrays, which must agree; float32 where none decides.
static bool choose_real(call *c)
{
    const char *first = NULL;
    for (int i = 0; i < c->f->inputs; i++) {
        const sq_param *p = &c->f->params[i];
        if (p->type != SQ_TYPE_f || !c->given[i]) continue;
        Py_ssize_t count = c->frozen[i] ? PyTuple_Size(c->frozen[i]) : 1;
        for (Py_ssize_t k = 0; k < count; k++) {
            PyObject *o = c->frozen[i] ? PyTuple_GetItem(c->frozen[i], k) : c->given[i];
            if (!PyArray_Check(o)) continue;
            int type = PyArray_TYPE((PyArrayObject *)o);
            if (type != NPY_FLOAT && type != NPY_DOUBLE) continue;
            if (first && type != c->real)
                return fail(c->f, PyExc_TypeError, "%s is %s but %s is %s: convert one of them", p->name,
                            dtype_name(type), first, dtype_name(c->real));
            first = p->name;
            c->real = type;
        }
    }
    return true;
}

static bool list_argument(call *c, int i)
{
    const sq_param *p = &c->f->params[i];
    const int64_t count = PyTuple_Size(c->frozen[i]);
    c->items[i] = PyMem_Calloc((size_t)count + 1, sizeof(PyArrayObject *));
    void **pointers = c->buffers[i] = PyMem_Calloc((size_t)count + 1, sizeof(void *) + sizeof(int64_t));
    if (!c->items[i] || !pointers) return PyErr_NoMemory(), false;
    int64_t *sizes = (int64_t *)(pointers + count);
    c->items_count[i] = count;
    for (int64_t k = 0; k < count; k++) {
        PyArrayObject *x = as_array(c, p, PyTuple_GetItem(c->frozen[i], k));
        c->items[i][k] = x ? made_ready(c, p, x) : NULL;
        if (!c->items[i][k]) return false;
    }
    for (int64_t k = 0; k < count; k++) { // now that no code of a conversion can resize an array
        pointers[k] = PyArray_DATA(c->items[i][k]);
        sizes[k] = PyArray_SIZE(c->items[i][k]);
    }
    c->slot[p->slot].p = pointers;
    c->slot[p->slot + 1].p = sizes;
    c->slot[p->slot + 2].n = count;
    for (int j = 0; j < i; j++) {
        const sq_param *q = &c->f->params[j];
        if (!c->items[j]) continue;
        if (c->items_count[j] != count)
            return fail(c->f, PyExc_ValueError, "%s has %lld arrays, %s has %lld", p->name, (long long)count, q->name,
                        (long long)c->items_count[j]);
        for (int64_t k = 0; k < count; k++)
            if (PyArray_SIZE(c->items[j][k]) != sizes[k])
                return fail(c->f, PyExc_ValueError, "%s[%lld] has %lld elements, %s[%lld] has %lld", p->name,
                            (long long)k, (long long)sizes[k], q->name, (long long)k,
                            (long long)PyArray_SIZE(c->items[j][k]));
    }
    return true;
}

// Puts a copy in the place of an array whose memory somebody else can write to.
static bool make_private(PyArrayObject **x)
{
    if (Py_REFCNT((PyObject *)*x) == 1 && PyArray_CHKFLAGS(*x, NPY_ARRAY_OWNDATA)) return true;
    PyArrayObject *copy = (PyArrayObject *)PyArray_NewCopy(*x, NPY_CORDER);
    if (!copy) return false;
    Py_DECREF((PyObject *)*x);
    *x = copy;
    return true;
}

// Converts what the kernel cannot use as it lies, now that its shape is right. Sizes are compared once more after that:
// code of a conversion could resize an array.
static bool make_ready(call *c)
{
    bool converted = false;
    for (int i = 0; i < c->f->inputs; i++) {
        if (!c->array[i] || is_ready(c, &c->f->params[i], c->array[i])) continue;
        c->array[i] = made_ready(c, &c->f->params[i], c->array[i]);
        if (!c->array[i]) return false;
        converted = true;
    }
    return !converted || bind_axes(c);
}

static bool take_inputs(call *c)
{
    const sq_function *f = c->f;
    for (int i = 0; i < f->inputs; i++) {
        const sq_param *p = &f->params[i];
        if (p->type >= SQ_TYPE_d) {
            if (!scalar(c, p, c->given[i])) return false;
        } else if (c->given[i] && p->flags & SQ_LIST) {
            if (!list_argument(c, i)) return false;
        } else if (c->given[i]) {
            c->array[i] = as_array(c, p, c->given[i]);
            if (!c->array[i]) return false;
        }
    }
    if (!bind_axes(c) || !make_ready(c) || !check_overlaps(c)) return false;
    for (int i = 0; i < f->inputs; i++) {
        const sq_param *p = &f->params[i];
        if (!c->array[i]) continue;
        if (p->flags & SQ_PRIVATE && !make_private(&c->array[i])) return false;
        c->slot[p->slot].p = PyArray_DATA(c->array[i]);
        if (p->below >= 0 && !check_below(c, p, c->array[i])) return false;
        for (int k = 0; p->flags & SQ_STRIDED && k < p->ndim; k++) {
            bool fixed = PyArray_DIM(c->array[i], k) == 1; // a broadcast axis stands still
            c->slot[p->slot + 1 + k].n =
                fixed && p->axes[k].broadcast ? 0 : PyArray_STRIDE(c->array[i], k) / PyArray_ITEMSIZE(c->array[i]);
        }
    }
    return check_conditions(c);
}

static PyArrayObject *new_array(int ndim, npy_intp *sizes, int type)
{
    double elements = 1; // NumPy does not let an empty axis excuse the others
    for (int k = 0; k < ndim; k++) elements *= sizes[k] ? (double)sizes[k] : 1;
    if (elements > (double)PTRDIFF_MAX / 8) return (PyArrayObject *)PyErr_NoMemory();
    if (elements < KEPT_FROM / 8) return (PyArrayObject *)PyArray_SimpleNew(ndim, sizes, type);
    PyObject *before = memory_enter();
    if (!before) return NULL;
    PyArrayObject *made = (PyArrayObject *)PyArray_SimpleNew(ndim, sizes, type);
    memory_leave(before);
    return made;
}

static bool make_outputs(call *c)
{
    for (int i = c->f->inputs; i < c->f->inputs + c->f->outputs; i++) {
        const sq_param *p = &c->f->params[i];
        if (p->flags & SQ_OPTIONAL && !c->given[i]) continue;
        npy_intp sizes[8], *shape = sizes;
        int ndim = p->ndim;
        if (p->flags & SQ_FLAT) {
            ndim = PyArray_NDIM(flat_input(c));
            shape = PyArray_DIMS(flat_input(c));
        } else {
            for (int k = 0; k < ndim; k++) {
                sizes[k] = axis_size(c, &p->axes[k]);
                if (sizes[k] == TOO_LARGE) return PyErr_NoMemory(), false;
                if (sizes[k] < 0)
                    return fail(c->f, PyExc_ValueError, "the output %s would have size %lld on axis %d (%s)", p->name,
                                (long long)sizes[k], k, p->axes[k].text);
            }
        }
        c->array[i] = new_array(ndim, shape, numpy_type(c, p->type));
        if (!c->array[i]) return false;
        c->slot[p->slot].p = PyArray_DATA(c->array[i]);
        c->slot[p->slot + 1].n = PyArray_SIZE(c->array[i]);
    }
    return true;
}

static PyObject *results(call *c, PyTypeObject *type)
{
    PyArrayObject **out = c->array + c->f->inputs;
    if (c->f->outputs == 0) Py_RETURN_NONE;
    if (c->f->outputs == 1) {
        PyObject *only = out[0] ? (PyObject *)out[0] : Py_None;
        Py_INCREF(only);
        return only;
    }
    PyObject *named = PyStructSequence_New(type);
    for (int i = 0; named && i < c->f->outputs; i++) {
        PyObject *item = out[i] ? (PyObject *)out[i] : Py_None;
        Py_INCREF(item);
        PyStructSequence_SetItem(named, i, item);
    }
    return named;
}

static void release(call *c)
{
    for (int i = 0; i < c->f->inputs + c->f->outputs; i++) {
        Py_XDECREF((PyObject *)c->array[i]);
        if (c->items[i])
            for (int64_t k = 0; k < c->items_count[i]; k++) Py_XDECREF((PyObject *)c->items[i][k]);
        PyMem_Free(c->items[i]);
        PyMem_Free(c->buffers[i]);
        Py_XDECREF(c->frozen[i]);
    }
}

static void start(call *c, const sq_function *f)
{
    c->f = f;
    c->real = NPY_FLOAT;
    for (int i = 0; i < f->inputs + f->outputs; i++) {
        c->given[i] = NULL;
        c->array[i] = NULL;
        c->items[i] = NULL;
        c->buffers[i] = NULL;
        c->frozen[i] = NULL;
    }
    memset(c->slot, 0, (size_t)f->slots * sizeof *c->slot);
    memset(c->bound + f->first_dim, 0, (size_t)f->dims * sizeof *c->bound);
}

PyObject *call_kernel(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
{
    const bound_function *function = PyCapsule_GetPointer(self, NULL);
    if (!function) return NULL;
    call c; // large: only what this function has is cleared
    start(&c, function->f);
    PyObject *result = NULL;
    if (place_arguments(&c, function->names, args, count, keywords) && freeze_arguments(&c) && choose_real(&c) &&
        take_inputs(&c) && make_outputs(&c)) {
        const char *(*kernel)(const void *) = c.f->variant[c.real == NPY_DOUBLE && c.f->real][c.f->real ? sq_isa : 0];
        const char *problem;
        Py_BEGIN_ALLOW_THREADS problem = kernel(c.slot);
        Py_END_ALLOW_THREADS if (!problem) result = results(&c, function->result);
        else if (problem == sq_no_memory) PyErr_NoMemory();
        else fail(c.f, PyExc_ValueError, "%s", problem);
    }
    release(&c);
    return result;
}
