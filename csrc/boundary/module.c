// The Python module `seqnn._core`: its table of kernels, and the few functions that are not kernels.
#define SQ_IMPORTS_NUMPY
#include "call.h"

#include <stdio.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "dispatch.h"

#include "arithmetic.h" // of the functions in tables.inc
#include "tables.inc"

enum { FUNCTIONS = sizeof sq_functions / sizeof *sq_functions, ISAS = sizeof sq_isas / sizeof *sq_isas };

static PyObject *signatures(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyObject *all = PyDict_New();
    for (int i = 0; all && i < FUNCTIONS; i++) {
        PyObject *text = PyUnicode_FromString(sq_functions[i].text);
        if (!text || PyDict_SetItemString(all, sq_functions[i].name, text) < 0) Py_CLEAR(all);
        Py_XDECREF(text);
    }
    return all;
}

static PyObject *build_info(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
#ifdef _OPENMP
    int openmp = _OPENMP;
#else
    int openmp = 0;
#endif
#if defined(__clang__)
    const char *compiler = "clang " __clang_version__;
#elif defined(__GNUC__)
    const char *compiler = "gcc " __VERSION__;
#else
    const char *compiler = "unknown";
#endif
    return Py_BuildValue("{s:i,s:s,s:s}", "openmp", openmp, "compiler", compiler, "python_headers", PY_VERSION);
}

static PyObject *available_isas(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyObject *list = PyList_New(0);
    for (int i = 0; list && i < ISAS; i++) {
        if (!sq_cpu_has(sq_isas[i])) continue;
        PyObject *name = PyUnicode_FromString(sq_isas[i]);
        if (!name || PyList_Append(list, name) < 0) Py_CLEAR(list);
        Py_XDECREF(name);
    }
    PyObject *tuple = list ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return tuple;
}

static PyObject *get_isa(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyUnicode_FromString(sq_isas[sq_isa]);
}

static PyObject *set_isa(PyObject *module, PyObject *name)
{
    (void)module;
    if (!PyUnicode_Check(name)) return PyErr_Format(PyExc_TypeError, "set_isa: expected a string, got %R", name);
    for (int i = 0; i < ISAS; i++)
        if (PyUnicode_CompareWithASCIIString(name, sq_isas[i]) == 0 && sq_cpu_has(sq_isas[i])) {
            sq_isa = i;
            Py_RETURN_NONE;
        }
    PyObject *known = available_isas(module, NULL);
    if (known) PyErr_Format(PyExc_ValueError, "set_isa: got %R, this build and CPU have %R", name, known);
    Py_XDECREF(known);
    return NULL;
}

static PyObject *get_threads(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyLong_FromLong(sq_get_threads());
}

// A thread count from Python, at least `least`; -1 with an exception set on error.
static int thread_count(PyObject *o, int least)
{
    long n = PyLong_AsLong(o);
    if (n == -1 && PyErr_Occurred()) return -1;
    if (n < least || n > 1024) {
        PyErr_Format(PyExc_ValueError, "the number of threads is %ld, expected %d to 1024", n, least);
        return -1;
    }
    return (int)n;
}

static PyObject *set_threads(PyObject *module, PyObject *o)
{
    (void)module;
    int n = thread_count(o, 1);
    if (n < 0) return NULL;
    sq_set_threads(n);
    Py_RETURN_NONE;
}

static PyObject *set_local_threads(PyObject *module, PyObject *o)
{
    (void)module;
    int n = thread_count(o, 0);
    return n < 0 ? NULL : PyLong_FromLong(sq_set_local_threads(n));
}

static PyObject *force_team(PyObject *module, PyObject *o)
{
    (void)module;
    int n = thread_count(o, 0);
    return n < 0 ? NULL : PyLong_FromLong(sq_force_team(n));
}

static PyMethodDef own_methods[] = {
    {"signatures", signatures, METH_NOARGS, "The signature line of every kernel function, by its name."},
    {"build_info", build_info, METH_NOARGS,
     "OpenMP version (0 = built without), compiler, version of the Python headers."},
    {"available_isas", available_isas, METH_NOARGS,
     "The instruction sets that this build has and this CPU runs, slowest first."},
    {"get_isa", get_isa, METH_NOARGS, "The instruction set in use."},
    {"set_isa", set_isa, METH_O, "Use this instruction set from now on."},
    {"get_threads", get_threads, METH_NOARGS, "The most threads that a call from here uses."},
    {"set_threads", set_threads, METH_O, "Limit the threads of the whole process."},
    {"set_local_threads", set_local_threads, METH_O,
     "Limit the threads of calls from this thread (0 = no own limit); returns the old limit."},
    {"force_team", force_team, METH_O, "For tests: every team has exactly this size (0 = off); returns the old size."},
    {"read_items", read_items, METH_VARARGS,
     "Features of the items of sequences as bytearrays: names, their ends, values, ends of items and of sequences."},
    {"keep_memory", keep_memory, METH_O,
     "Arrays made by this thread get kept memory (None), or what this function returned before; returns what was."},
    {"kept_bytes", kept_bytes, METH_NOARGS, "How much memory is kept for the next arrays."},
    {"limit_memory", limit_memory, METH_O, "Keep at most so many bytes; returns the old limit."},
    {"drop_memory", drop_memory, METH_NOARGS,
     "Give all kept memory back to the system, that of arrays and of kernels; returns how many bytes."},
    {0},
};

// A type of named results: a tuple whose items are attributes too.
static PyTypeObject *result_type(const sq_function *f)
{
    PyStructSequence_Field fields[MAX_PARAMS + 1] = {{0}};
    char name[128];
    snprintf(name, sizeof name, "seqnn._core.%s_result", f->name);
    for (int i = 0; i < f->outputs; i++) fields[i].name = f->params[f->inputs + i].name;
    PyStructSequence_Desc description = {.name = name, .fields = fields, .n_in_sequence = f->outputs};
    return PyStructSequence_NewType(&description);
}

// Adds _core.<stem> objects that hold the constants and the names of enumerations.
static bool add_constants(PyObject *module)
{
    PyObject *types = PyImport_ImportModule("types");
    bool ok = types != NULL;
    for (const sq_shared *s = sq_constants; ok && s->stem; s++) {
        PyObject *value = s->names ? PyTuple_New(0) : PyLong_FromLongLong(s->value);
        for (int i = 0; value && s->names && s->names[i]; i++) {
            PyObject *one = Py_BuildValue("(s)", s->names[i]), *longer = one ? PySequence_Concat(value, one) : NULL;
            Py_XDECREF(one);
            replace_object(&value, longer);
        }
        PyObject *room = PyObject_GetAttrString(module, s->stem);
        if (!room) {
            PyErr_Clear();
            room = PyObject_CallMethod(types, "SimpleNamespace", NULL);
            if (room && PyModule_AddObjectRef(module, s->stem, room) < 0) Py_CLEAR(room);
        }
        ok = room && value && PyObject_SetAttrString(room, s->name, value) == 0;
        Py_XDECREF(room);
        Py_XDECREF(value);
    }
    Py_XDECREF(types);
    return ok;
}

// Both must outlive the function objects; filled at import, then constant.
static PyMethodDef kernel_methods[FUNCTIONS];
static bound_function bound[FUNCTIONS];

static int execute(PyObject *module)
{
    sq_dispatch_init();
    if (!memory_start()) return -1;
    for (int i = 0; i < ISAS; i++)
        if (sq_cpu_has(sq_isas[i])) sq_isa = i;
    for (int i = 0; i < FUNCTIONS; i++) {
        const sq_function *f = &sq_functions[i];
        if (f->inputs + f->outputs > MAX_PARAMS || f->slots > MAX_SLOTS) {
            PyErr_Format(PyExc_SystemError, "%s has too many arguments: raise MAX_PARAMS or MAX_SLOTS", f->name);
            return -1;
        }
        for (int k = 0; k < f->inputs + f->outputs; k++) {
            PyObject *name = PyUnicode_InternFromString(f->params[k].name);
            if (!name) return -1;
            bound[i].names[k] = name; // kept for the life of the process
        }
        bound[i].f = f;
        if (f->outputs > 1 && !(bound[i].result = result_type(f))) return -1;
        kernel_methods[i] =
            (PyMethodDef){f->name, (PyCFunction)(void (*)(void))call_kernel, METH_FASTCALL | METH_KEYWORDS, f->text};
        PyObject *capsule = PyCapsule_New(&bound[i], NULL, NULL);
        PyObject *function = capsule ? PyCFunction_NewEx(&kernel_methods[i], capsule, NULL) : NULL;
        Py_XDECREF(capsule);
        int failed = !function || PyModule_AddObjectRef(module, f->name, function) < 0;
        Py_XDECREF(function);
        if (failed) return -1;
    }
    return add_constants(module) ? 0 : -1;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, execute},
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,    .m_name = "seqnn._core", .m_doc = "The compiled kernels of seqnn.",
    .m_methods = own_methods, .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__core(void)
{
    import_array();
    return PyModuleDef_Init(&definition);
}