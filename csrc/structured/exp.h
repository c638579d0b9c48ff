// The exponential of sums over paths.
#ifndef SEQNN_STRUCTURED_EXP_H
#define SEQNN_STRUCTURED_EXP_H

#include "vec/math.h"

#define EXP_LEAST (SQ_DOUBLE ? -690 : -80)

// e^x for x <= 0, and 0 below EXP_LEAST: numbers that lack some of their digits, as still smaller ones do, take a
// processor a hundred times as long, and -inf is everywhere among the scores.
ALWAYS_INLINE vf exp_or_zero(vf x)
{
    const vf e = vf_exp_bounded(vf_max(vf_set(EXP_LEAST), x));
    return vf_select(x < EXP_LEAST, vf_set(0), e);
}

#endif
