// What the files of the boundary share: the tables made from the signature lines, and the state of one call.
#ifndef SEQNN_CALL_H
#define SEQNN_CALL_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL SQ_NUMPY
#ifndef SQ_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// Tables.

enum {
    SQ_OPTIONAL = 1,
    SQ_INPLACE = 2,
    SQ_STRIDED = 4,
    SQ_LIST = 8,
    SQ_OUTPUT = 16,
    SQ_DEFAULT = 32,
    SQ_MINIMUM = 64,
    SQ_SWAPPED = 128,
    SQ_FLAT = 256,
    SQ_PRIVATE = 512, // the kernel trusts the values: nobody else may change them during the call
};

typedef enum {
    SQ_TYPE_f,
    SQ_TYPE_f32,
    SQ_TYPE_f64,
    SQ_TYPE_i8,
    SQ_TYPE_i,
    SQ_TYPE_l,
    SQ_TYPE_u,
    SQ_TYPE_u16,
    SQ_TYPE_u32,
    SQ_TYPE_u64,
    SQ_TYPE_b,
    SQ_TYPE_d,
    SQ_TYPE_n,
    SQ_TYPE_p
} sq_type;

// A kernel's struct of arguments is an array of these.
typedef union {
    void *p;
    double d;
    int64_t n;
} sq_slot;

// dim: slot of the axis name that this axis binds as times * name + plus, or -1; size: any other expression.
typedef struct {
    const char *text;
    int dim;
    int64_t times, plus;
    int64_t (*size)(const sq_slot *);
    int broadcast;
} sq_axis;

typedef struct {
    const char *name;
    sq_type type;
    int flags, slot, ndim;
    const sq_axis *axes;
    int below; // slot of the axis that bounds the values, or -1
    const char *below_name;
    const char *const *choices; // the names that an integer may be given by, up to NULL; or NULL
    double number;
    int64_t integer, minimum;
} sq_param;

// A name in a condition, whose value an error shows.
typedef struct {
    const char *name;
    int slot;
    sq_type type;
} sq_value;

typedef enum { SQ_RANGE, SQ_ASCENDS, SQ_COVERS, SQ_NEEDS, SQ_HOLDS } sq_condition_kind;

// What must hold beyond shapes and types; signatures.py says what each kind means.
typedef struct {
    sq_condition_kind kind;
    const char *text;
    int param, other; // indices, or -1
    int64_t (*low)(const sq_slot *), (*high)(const sq_slot *);
    bool (*holds)(const sq_slot *);
    int values_count;
    const sq_value *values;
} sq_condition;

typedef struct {
    const char *name, *text;
    const sq_param *params; // inputs, then outputs
    int inputs, outputs;
    const sq_condition *conditions;
    int conditions_count;
    int slots, first_dim, dims, real;
    const char *(*variant[2][4])(const void *);
} sq_function;

// A constant, or the names of an enumeration, that Python finds as _core.<stem>.<name>.
typedef struct {
    const char *stem, *name;
    int64_t value;
    const char *const *names;
} sq_shared;

enum { MAX_PARAMS = 48, MAX_SLOTS = 160 };
enum { MOST_REPEATED = 1 << 28 }; // elements that a view may repeat, or rows that hold none
#define TOO_LARGE INT64_MIN

// A function as Python holds it: its table, the interned names of its parameters (a keyword is found by comparing
// pointers), and the type of its results where there are several.
typedef struct {
    const sq_function *f;
    PyTypeObject *result;
    PyObject *names[MAX_PARAMS];
} bound_function;

// One call.

typedef struct {
    const sq_function *f;
    PyObject *given[MAX_PARAMS];       // borrowed; NULL where absent
    PyObject *frozen[MAX_PARAMS];      // owned tuple of the items of a list argument
    PyArrayObject *array[MAX_PARAMS];  // owned
    PyArrayObject **items[MAX_PARAMS]; // owned arrays of a list argument, `items_count` of them
    int64_t items_count[MAX_PARAMS];
    void *buffers[MAX_PARAMS]; // pointers and sizes of a list argument
    int real;                  // NPY_FLOAT or NPY_DOUBLE
    bool bound[MAX_SLOTS];
    sq_slot slot[MAX_SLOTS];
} call;

// Puts another owned object, or NULL, in the place of one.
static inline void replace_object(PyObject **at, PyObject *with)
{
    Py_XDECREF(*at);
    *at = with;
}

// call.c: the whole call, as CPython's vectorcall hands it over; `self` is a capsule of a bound_function.
PyObject *call_kernel(PyObject *self, PyObject *const *args, Py_ssize_t count, PyObject *keywords);
extern atomic_int sq_isa; // index of the instruction set in use; changed by set_isa only

// convert.c: errors (always false), and one argument as the kernel wants it.
bool fail(const sq_function *f, PyObject *type, const char *format, ...);
bool fail_type(const sq_function *f, const sq_param *p, const char *expected, PyObject *got);
int numpy_type(const call *c, sq_type type);
const char *dtype_name(int numpy);
bool scalar(call *c, const sq_param *p, PyObject *o);
PyArrayObject *as_array(call *c, const sq_param *p, PyObject *o); // a new reference, NULL on error
bool is_ready(const call *c, const sq_param *p, PyArrayObject *x);
PyArrayObject *made_ready(call *c, const sq_param *p, PyArrayObject *x); // steals x, NULL on error

// check.c: do the arguments agree with each other?
PyArrayObject *flat_input(const call *c);              // the first array of any shape, or NULL
int64_t axis_size(const call *c, const sq_axis *axis); // TOO_LARGE where 64 bits do not hold it
bool bind_axes(call *c);
bool check_below(call *c, const sq_param *p, PyArrayObject *x);
bool check_conditions(call *c);
bool check_overlaps(call *c);

// items.c: dicts of features as arrays.
PyObject *read_items(PyObject *module, PyObject *args);

// memory.c: memory that is kept when arrays go.
enum { KEPT_FROM = 1 << 17 }; // bytes; smaller arrays gain nothing
bool memory_start(void);      // at import
PyObject *memory_enter(void); // until memory_leave(what it returned) this thread's arrays get kept memory
bool memory_leave(PyObject *before);
PyObject *keep_memory(PyObject *module, PyObject *before);
PyObject *kept_bytes(PyObject *module, PyObject *unused);
PyObject *limit_memory(PyObject *module, PyObject *o);
PyObject *drop_memory(PyObject *module, PyObject *unused);

#endif
