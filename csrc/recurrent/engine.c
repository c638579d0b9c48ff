// The time loop that all recurrent nets share: recurrent.h says what it does. To read in this order: schedule.h (the
// order of the sequences), share.h (the threads), pack.h and norm.h, step.h (one step), forward.h (all steps),
// backward_products.h, weights.h and backward.h (the gradients), stream.h (one step a call).
#include "recurrent/backward.h"
#include "recurrent/stream.h"
