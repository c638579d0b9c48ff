// One argument as the kernel wants it: dtype, contiguity, byte order; and the errors that name function, argument,
// expected and got.
#include "call.h"

#include <stdarg.h>

// Raises `type` with the function's name in front and its signature line behind. Always returns false.
bool fail(const sq_function *f, PyObject *type, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    PyObject *message = PyUnicode_FromFormatV(format, args);
    va_end(args);
    if (message) PyErr_Format(type, "%s: %U\n  signature: %s", f->name, message, f->text);
    Py_XDECREF(message);
    return false;
}

static PyObject *type_name(PyObject *o)
{
    if (PyArray_Check(o)) return PyObject_Str((PyObject *)PyArray_DESCR((PyArrayObject *)o));
    return PyObject_GetAttrString((PyObject *)Py_TYPE(o), "__name__");
}

bool fail_type(const sq_function *f, const sq_param *p, const char *expected, PyObject *got)
{
    PyErr_Clear();
    PyObject *name = type_name(got);
    if (name) fail(f, PyExc_TypeError, "%s is %U, expected %s", p->name, name, expected);
    Py_XDECREF(name);
    return false;
}

int numpy_type(const call *c, sq_type type)
{
    static const int types[] = {NPY_FLOAT, NPY_FLOAT,  NPY_DOUBLE, NPY_INT8,   NPY_INT32, NPY_INT64,
                                NPY_UINT8, NPY_UINT16, NPY_UINT32, NPY_UINT64, NPY_BOOL};
    return type == SQ_TYPE_f ? c->real : types[type];
}

const char *dtype_name(int numpy)
{
    switch (numpy) {
    case NPY_FLOAT: return "float32";
    case NPY_DOUBLE: return "float64";
    case NPY_INT8: return "int8";
    case NPY_INT32: return "int32";
    case NPY_UINT8: return "uint8";
    case NPY_UINT16: return "uint16";
    case NPY_UINT32: return "uint32";
    case NPY_UINT64: return "uint64";
    case NPY_BOOL: return "bool";
    default: return "int64";
    }
}
static int choices_of(const sq_param *p)
{
    int count = 0;
    while (p->choices[count]) count++;
    return count;
}

static bool fail_choice(call *c, const sq_param *p, PyObject *got)
{
    PyObject *names = PyUnicode_FromFormat("'%s'", p->choices[0]);
    for (int i = 1; names && p->choices[i]; i++) {
        PyObject *longer = PyUnicode_FromFormat("%U, '%s'", names, p->choices[i]);
        replace_object(&names, longer);
    }
    if (names) fail(c->f, PyExc_ValueError, "%s is %R, expected one of %U", p->name, got, names);
    Py_XDECREF(names);
    return false;
}

// The number of the name `o` of an enumeration.
static bool choose(call *c, const sq_param *p, PyObject *o)
{
    for (int i = 0; p->choices[i]; i++)
        if (PyUnicode_CompareWithASCIIString(o, p->choices[i]) == 0) {
            c->slot[p->slot].n = i;
            return true;
        }
    return fail_choice(c, p, o);
}

bool scalar(call *c, const sq_param *p, PyObject *o)
{
    sq_slot *s = &c->slot[p->slot];
    if (!o) {
        if (p->type == SQ_TYPE_d)
            s->d = p->number;
        else
            s->n = p->integer;
    } else if (p->type == SQ_TYPE_d) {
        s->d = PyFloat_AsDouble(o);
        if (s->d == -1 && PyErr_Occurred()) return fail_type(c->f, p, "a number", o);
    } else if (p->type == SQ_TYPE_p) {
        if (!PyBool_Check(o) && !PyLong_Check(o) && !PyArray_IsScalar(o, Bool)) return fail_type(c->f, p, "a bool", o);
        s->n = PyObject_IsTrue(o);
    } else if (p->choices && PyUnicode_Check(o)) {
        if (!choose(c, p, o)) return false;
    } else {
        PyObject *index = PyArray_Check(o) ? NULL : PyNumber_Index(o);
        if (!index) return fail_type(c->f, p, "an integer", o);
        int overflow;
        s->n = PyLong_AsLongLongAndOverflow(index, &overflow);
        Py_DECREF(index);
        if (overflow) return fail(c->f, PyExc_OverflowError, "%s does not fit into 64 bits", p->name);
    }
    if (p->choices && (s->n < 0 || s->n >= choices_of(p))) return fail_choice(c, p, o);
    if (p->flags & SQ_MINIMUM && s->n < p->minimum)
        return fail(c->f, PyExc_ValueError, "%s is %lld, expected at least %lld", p->name, (long long)s->n,
                    (long long)p->minimum);
    return true;
}

// The smallest and largest value that an integer array type holds, as far as int64 reaches.
static void integer_range(int type, int64_t *low, int64_t *high)
{
    *low = type == NPY_INT8 ? INT8_MIN : type == NPY_INT32 ? INT32_MIN : type == NPY_INT64 ? INT64_MIN : 0;
    *high = type == NPY_INT8     ? INT8_MAX
            : type == NPY_UINT8  ? UINT8_MAX
            : type == NPY_UINT16 ? UINT16_MAX
            : type == NPY_INT32  ? INT32_MAX
            : type == NPY_UINT32 ? UINT32_MAX
                                 : INT64_MAX;
}

// An integer array of another integer type, every value checked to fit. Steals nothing; NULL on error.
static PyArrayObject *convert_integers(call *c, const sq_param *p, PyArrayObject *from, int type)
{
    int source = PyArray_TYPE(from);
    bool wide = source == NPY_ULONG || source == NPY_ULONGLONG; // may exceed int64
    PyArrayObject *wider = (PyArrayObject *)PyArray_FROMANY((PyObject *)from, wide ? NPY_UINT64 : NPY_INT64, 0, 0,
                                                            NPY_ARRAY_CARRAY_RO | NPY_ARRAY_FORCECAST);
    if (!wider) return NULL;
    int64_t low, high;
    integer_range(type, &low, &high);
    const int64_t *v = PyArray_DATA(wider);
    npy_intp count = PyArray_SIZE(wider);
    for (npy_intp i = 0; i < count; i++) {
        bool fits = wide ? type == NPY_UINT64 || (uint64_t)v[i] <= (uint64_t)high : v[i] >= low && v[i] <= high;
        if (fits) continue;
        if (wide)
            fail(c->f, PyExc_OverflowError, "%s holds %llu, too large for %s", p->name, (unsigned long long)v[i],
                 dtype_name(type));
        else
            fail(c->f, PyExc_OverflowError, "%s holds %lld, outside %s", p->name, (long long)v[i], dtype_name(type));
        Py_DECREF(wider);
        return NULL;
    }
    PyArrayObject *to =
        (PyArrayObject *)PyArray_FROMANY((PyObject *)wider, type, 0, 0, NPY_ARRAY_CARRAY_RO | NPY_ARRAY_FORCECAST);
    Py_DECREF(wider);
    return to;
}

static bool contiguous_axis(PyArrayObject *x, int k)
{
    return PyArray_DIM(x, k) <= 1 || PyArray_STRIDE(x, k) == PyArray_ITEMSIZE(x);
}

// Are the rows usable in place: last axis contiguous, or the one before it where these may be swapped, and every stride
// a multiple of the item size?
static bool rows_usable(PyArrayObject *x, bool swapped)
{
    int n = PyArray_NDIM(x);
    npy_intp item = PyArray_ITEMSIZE(x);
    if (!PyArray_ISALIGNED(x) || !PyArray_ISNOTSWAPPED(x)) return false;
    for (int i = 0; i < n; i++)
        if (PyArray_STRIDE(x, i) % item) return false;
    const bool empty = PyArray_SIZE(x) == 0;
    // A view that repeats a few elements without end is refused by the memory that its copy needs, before it keeps a
    // kernel busy for hours.
    if (PyArray_SIZE(x) > MOST_REPEATED)
        for (int i = 0; i < n; i++)
            if (PyArray_STRIDE(x, i) == 0 && PyArray_DIM(x, i) > 1) return false;
    return n == 0 || empty || contiguous_axis(x, n - 1) || (swapped && n > 1 && contiguous_axis(x, n - 2));
}

static bool usable(PyArrayObject *x, int flags)
{
    return PyArray_ISCARRAY_RO(x) || (flags & SQ_STRIDED && rows_usable(x, flags & SQ_SWAPPED));
}

// Is an array of this type taken for the argument, and converted where it is another one? False: an error is set.
static bool takes(call *c, const sq_param *p, PyArrayObject *x, bool given_as_array)
{
    const int type = numpy_type(c, p->type), own = PyArray_TYPE(x);
    if (own == type) return true;
    if (!given_as_array && PyArray_SIZE(x) == 0) return true; // [] has no type of its own
    const bool integer = PyArray_ISINTEGER(x);
    if (type == NPY_BOOL) return fail_type(c->f, p, "bool", (PyObject *)x);
    if (type == NPY_FLOAT || type == NPY_DOUBLE) {
        // fixed float32 would lose digits of float64; the call's own type was chosen from its arrays
        const bool loses = p->type == SQ_TYPE_f32 && given_as_array && own == NPY_DOUBLE;
        const bool number = PyArray_ISFLOAT(x) || integer || PyArray_ISBOOL(x);
        return (number && !loses) || fail_type(c->f, p, dtype_name(type), (PyObject *)x);
    }
    return integer || fail_type(c->f, p, "integers", (PyObject *)x);
}

// May the kernel write to this array?
static bool is_updatable(call *c, const sq_param *p, PyObject *o)
{
    const int type = numpy_type(c, p->type);
    if (!PyArray_Check(o)) return fail_type(c->f, p, "a NumPy array (it is updated in place)", o);
    if (PyArray_TYPE((PyArrayObject *)o) != type) return fail_type(c->f, p, dtype_name(type), o);
    if (!usable((PyArrayObject *)o, p->flags) || !PyArray_ISWRITEABLE((PyArrayObject *)o))
        return fail(c->f, PyExc_ValueError, "%s is updated in place and must be %s and writeable", p->name,
                    p->flags & SQ_STRIDED ? "contiguous along its last axis" : "C-contiguous");
    return true;
}

// What is given as an array whose type is taken: a new reference, NULL on error. Nothing is copied as long as nobody
// has looked at the shape.
PyArrayObject *as_array(call *c, const sq_param *p, PyObject *o)
{
    const bool array = PyArray_Check(o);
    if (p->flags & SQ_INPLACE && !is_updatable(c, p, o)) return NULL;
    PyArrayObject *x = (PyArrayObject *)o;
    if (array)
        Py_INCREF(o);
    else
        x = (PyArrayObject *)PyArray_FROM_O(o);
    if (!x) {
        if (PyErr_ExceptionMatches(PyExc_ValueError)) fail_type(c->f, p, "an array (not a ragged one)", o);
        return NULL;
    }
    if (takes(c, p, x, array)) return x;
    Py_DECREF((PyObject *)x);
    return NULL;
}

// Is the array as the kernel wants it?
bool is_ready(const call *c, const sq_param *p, PyArrayObject *x)
{
    return PyArray_TYPE(x) == numpy_type(c, p->type) && usable(x, p->flags);
}

// The array in the form that the kernel wants. Steals x; NULL on error.
PyArrayObject *made_ready(call *c, const sq_param *p, PyArrayObject *x)
{
    const int type = numpy_type(c, p->type);
    if (is_ready(c, p, x)) return x;
    const bool floats = type == NPY_FLOAT || type == NPY_DOUBLE || type == NPY_BOOL;
    PyArrayObject *y =
        !floats && PyArray_TYPE(x) != type && PyArray_SIZE(x)
            ? convert_integers(c, p, x, type)
            : (PyArrayObject *)PyArray_FROMANY((PyObject *)x, type, 0, 0, NPY_ARRAY_CARRAY_RO | NPY_ARRAY_FORCECAST);
    Py_DECREF((PyObject *)x);
    return y;
}
