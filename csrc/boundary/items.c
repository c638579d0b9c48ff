// The features of tokens, which come as dicts or lists of strings, as one text of names and an array of values. What is
// a string here, and how names are put together, is CRFsuite's.
#include "call.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// A list of numbers or characters that grows.
typedef struct {
    char *data;
    size_t size, capacity;
} growing;

typedef struct {
    growing names, ends, values, items, sequences; // names end in a newline each
    int64_t count;                                 // of names
    bool weighted;                                 // whether a value is not 1; else there are no values
    bool zeros;                                    // whether features with the value 0 are kept
    Py_ssize_t sequence, item;                     // where we are, for errors
} reading;

// What stands before a name, as keys of dicts that hold dicts do; `owned` keeps the text alive, or is NULL.
typedef struct prefix {
    const struct prefix *before;
    const char *text;
    Py_ssize_t size;
    PyObject *owned;
} prefix;

static bool reserve(growing *g, size_t more)
{
    if (more <= g->capacity - g->size) return true;
    const size_t capacity = 2 * g->capacity + more + 1024;
    char *data = realloc(g->data, capacity);
    if (!data) return PyErr_NoMemory(), false;
    g->data = data, g->capacity = capacity;
    return true;
}

static bool append(growing *g, const void *bytes, size_t size)
{
    if (!reserve(g, size)) return false;
    memcpy(g->data + g->size, bytes, size);
    g->size += size;
    return true;
}

static bool append_count(growing *g, int64_t value) { return append(g, &value, sizeof value); }

// Raises an error about the present item; `format` has one %R at most. Always returns false.
static bool refuse(const reading *r, PyObject *type, const char *format, PyObject *got)
{
    PyErr_Clear();
    PyObject *message = PyUnicode_FromFormat(format, got);
    if (message) PyErr_Format(type, "X[%zd][%zd]: %U", r->sequence, r->item, message);
    Py_XDECREF(message);
    return false;
}

static bool text_of(const reading *r, PyObject *o, prefix *to)
{
    to->owned = NULL;
    if (PyUnicode_Check(o)) {
        to->text = PyUnicode_AsUTF8AndSize(o, &to->size);
        if (to->text) return true;
        PyErr_Clear(); // lone surrogates: bytes that were no UTF-8, or as they are
        to->owned = PyUnicode_AsEncodedString(o, "utf-8", "surrogateescape");
        if (!to->owned) PyErr_Clear(), to->owned = PyUnicode_AsEncodedString(o, "utf-8", "surrogatepass");
        if (!to->owned) return false;
    } else if (PyBytes_Check(o)) {
        Py_INCREF(o);
        to->owned = o;
    } else {
        return refuse(r, PyExc_TypeError, "expected names of features that are strings, got %.60R", o);
    }
    char *text;
    if (PyBytes_AsStringAndSize(to->owned, &text, &to->size) < 0) return false;
    to->text = text;
    return true;
}

// memcpy for what is mostly short.
static void copy(char *to, const char *from, size_t size)
{
    if (size > 16) {
        memcpy(to, from, size);
    } else if (size >= 8) {
        char tail[8];
        memcpy(tail, from + size - 8, 8), memcpy(to, from, 8), memcpy(to + size - 8, tail, 8);
    } else if (size >= 4) {
        char tail[4];
        memcpy(tail, from + size - 4, 4), memcpy(to, from, 4), memcpy(to + size - 4, tail, 4);
    } else {
        for (size_t i = 0; i < size; i++) to[i] = from[i];
    }
}

// Keeps the value of the feature that was added last; those before a first value that is not 1 are all 1.
static bool append_value(reading *r, double value)
{
    if (value == 1 && !r->weighted) return true;
    const int64_t missing = r->count - 1 - (int64_t)(r->values.size / sizeof value);
    const double one = 1;
    r->weighted = true;
    for (int64_t i = 0; i < missing; i++)
        if (!append(&r->values, &one, sizeof one)) return false;
    return append(&r->values, &value, sizeof value);
}

// Adds the feature `before:last` with a value.
static bool add(reading *r, const prefix *before, const prefix *last, double value)
{
    if (value == 0 && !r->zeros) return true;
    size_t size = (size_t)last->size;
    for (const prefix *p = before; p; p = p->before) size += (size_t)p->size + 1;
    if (size == 0) return refuse(r, PyExc_ValueError, "a feature has an empty name: leave it out", NULL);
    if (!reserve(&r->names, size + 1)) return false;
    char *to = r->names.data + r->names.size + size;
    *to = '\n';
    copy(to -= last->size, last->text, (size_t)last->size);
    for (const prefix *p = before; p; p = p->before) {
        *--to = ':';
        copy(to -= p->size, p->text, (size_t)p->size);
    }
    r->names.size += size + 1;
    r->count++;
    return append_count(&r->ends, (int64_t)r->names.size) && append_value(r, value);
}

static bool read_features(reading *r, const prefix *before, PyObject *o);

// Says what is wrong with a value that became no number; an error of its own code stays as it is.
static bool refuse_value(const reading *r, PyObject *value)
{
    if (PyErr_ExceptionMatches(PyExc_TypeError))
        return refuse(r, PyExc_TypeError,
                      "expected a string, a number, a bool, or a dict or list of these as the value of a feature, got "
                      "%.60R",
                      value);
    if (PyErr_ExceptionMatches(PyExc_OverflowError))
        return refuse(r, PyExc_ValueError, "expected a value that a float64 can hold, got %.60R", value);
    return false;
}

// A feature of a dict: key and value are held by the caller.
static bool read_pair(reading *r, const prefix *before, PyObject *key, PyObject *value)
{
    prefix name, text;
    if (!text_of(r, key, &name)) return false;
    name.before = before;
    bool good = false;
    if (PyUnicode_Check(value) || PyBytes_Check(value)) {
        good = text_of(r, value, &text);
        if (good) {
            good = add(r, &name, &text, 1);
            Py_XDECREF(text.owned);
        }
    } else if (value == Py_True || value == Py_False) {
        good = add(r, before, &name, value == Py_True);
    } else if (PyDict_Check(value) || PyList_Check(value) || PyTuple_Check(value) || PyAnySet_Check(value)) {
        good = read_features(r, &name, value);
    } else {
        const double number = PyFloat_AsDouble(value);
        if (number == -1 && PyErr_Occurred())
            good = refuse_value(r, value);
        else if (!isfinite(number))
            good = refuse(r, PyExc_ValueError, "expected a finite value, got %R", value);
        else
            good = add(r, before, &name, number);
    }
    Py_XDECREF(name.owned);
    return good;
}

static bool read_names(reading *r, const prefix *before, PyObject *o)
{
    PyObject *iterator = PyObject_GetIter(o), *one;
    if (!iterator) return false;
    bool good = true;
    while (good && (one = PyIter_Next(iterator))) {
        prefix name;
        good = text_of(r, one, &name);
        if (good) {
            good = add(r, before, &name, 1);
            Py_XDECREF(name.owned);
        }
        Py_DECREF(one);
    }
    Py_DECREF(iterator);
    return good && !PyErr_Occurred();
}

static bool read_dict(reading *r, const prefix *before, PyObject *dict)
{
    PyObject *key, *value;
    Py_ssize_t place = 0;
    bool good = true;
    while (good && PyDict_Next(dict, &place, &key, &value)) {
        Py_INCREF(key), Py_INCREF(value); // a value's own code may change the dict
        good = read_pair(r, before, key, value);
        Py_DECREF(key), Py_DECREF(value);
    }
    return good;
}

// The features of an item, or of a dict or list inside one.
static bool read_features(reading *r, const prefix *before, PyObject *o)
{
    if (Py_EnterRecursiveCall(" in the features of an item")) return false;
    bool good;
    if (PyDict_Check(o)) {
#if defined(Py_GIL_DISABLED) && defined(Py_BEGIN_CRITICAL_SECTION)
        Py_BEGIN_CRITICAL_SECTION(o);
        good = read_dict(r, before, o);
        Py_END_CRITICAL_SECTION();
#else
        good = read_dict(r, before, o);
#endif
    } else if (PyList_Check(o) || PyTuple_Check(o) || PyAnySet_Check(o)) {
        good = read_names(r, before, o);
    } else {
        good = refuse(r, PyExc_TypeError,
                      "expected a dict of features, or a list of their names, for each item, got %.60R", o);
    }
    Py_LeaveRecursiveCall();
    return good;
}

static bool read_item(reading *r, PyObject *item)
{
    const size_t start = r->names.size;
    if (!read_features(r, NULL, item)) return false;
    if (r->names.size > start && memchr(r->names.data + start, 0, r->names.size - start))
        return refuse(r, PyExc_ValueError, "the name of a feature holds a NUL character, which it cannot", NULL);
    return append_count(&r->items, r->count);
}

static bool refuse_sequence(const reading *r, PyObject *sequence)
{
    PyErr_Format(PyExc_TypeError, "X[%zd]: expected a list of items, each a dict of features, got %.60R", r->sequence,
                 sequence);
    return false;
}

static bool read_sequence(reading *r, PyObject *sequence)
{
    if (PyUnicode_Check(sequence) || PyBytes_Check(sequence) || PyDict_Check(sequence))
        return refuse_sequence(r, sequence);
    PyObject *iterator = PyObject_GetIter(sequence), *item;
    if (!iterator) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) refuse_sequence(r, sequence);
        return false;
    }
    bool good = true;
    for (r->item = 0; good && (item = PyIter_Next(iterator)); r->item++) {
        good = read_item(r, item);
        Py_DECREF(item);
    }
    Py_DECREF(iterator);
    return good && !PyErr_Occurred() && append_count(&r->sequences, (int64_t)(r->items.size / sizeof(int64_t)));
}

// read_items(sequences, first, zeros) -> (names, ends, values, items, sequences), all bytearrays: UTF-8 names, each
// with a newline; int64 where each ends; float64 value of each, None where all are 1; int64 how many names there are up
// to the end of each item; int64 how many items there are up to the end of each sequence. Errors count from `first`.
// Features with the value 0 are left out unless `zeros`.
PyObject *read_items(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *list, *result = NULL;
    Py_ssize_t first;
    int zeros;
    if (!PyArg_ParseTuple(args, "O!np:read_items", &PyList_Type, &list, &first, &zeros)) return NULL;
    reading r = {.zeros = zeros};
    bool good = true;
    for (Py_ssize_t i = 0; good && i < PyList_Size(list); i++) {
        PyObject *sequence = PySequence_GetItem(list, i); // a reference of our own: others may shorten the list
        if (!sequence) goto done;
        r.sequence = first + i;
        good = read_sequence(&r, sequence);
        Py_DECREF(sequence);
    }
    if (good) {
        growing *all[] = {&r.names, &r.ends, &r.values, &r.items, &r.sequences};
        result = PyTuple_New(5);
        for (int k = 0; result && k < 5; k++) {
            PyObject *one = k == 2 && !r.weighted
                                ? Py_NewRef(Py_None)
                                : PyByteArray_FromStringAndSize(all[k]->data, (Py_ssize_t)all[k]->size);
            if (!one || PyTuple_SetItem(result, k, one) < 0) Py_CLEAR(result);
        }
    }
done:
    free(r.names.data), free(r.ends.data), free(r.values.data), free(r.items.data), free(r.sequences.data);
    return result;
}
