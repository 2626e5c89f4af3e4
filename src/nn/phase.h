/* SPDX-License-Identifier: ISC */
/** @file phase.h  Angles that grow with a count, for days: a phase is a fraction of a turn in 64 bits.

    count * turn wraps where a turn does, so nothing is accumulated and nothing drifts: the angle between two counts is
    exact to 2^-64 of a turn wherever they are, and any count can be entered directly. Sine and cosine are polynomials
    of at most an eighth of a turn, in double, the same bits everywhere.

    Above: net_tf.c, net_tf_setup.c. Below: nothing. */
#ifndef PMT_NN_PHASE_H
#define PMT_NN_PHASE_H

#include "base/attributes.h"

#include <stdint.h>

/** What one step adds. @param turns of a step, 0 <= turns < 1 */
static inline uint64_t pmt_phase_turn(const double turns) {
  return (uint64_t)(turns * 0x1p64);
}

/** Sine and cosine to within half a unit in the last place of a float. */
static inline void pmt_phase_rotation(const uint64_t phase, float* const sine, float* const cosine) PMT_RT {
  const uint64_t quarter = (phase + (1ull << 61)) >> 62; /* the nearest quarter turn */
  const uint64_t rest = phase - (quarter << 62);         /* two's complement: -1/8 to 1/8 of a turn */
  const double part = rest >> 63 ? -(double)(0 - rest) : (double)rest;
  const double a = part * (6.283185307179586477 * 0x1p-64), z = a * a;
  const double s = a + a * z * (-1.0 / 6 + z * (1.0 / 120 + z * (-1.0 / 5040 + z * (1.0 / 362880 - z / 39916800))));
  const double c =
      1.0 + z * (-0.5 + z * (1.0 / 24 + z * (-1.0 / 720 + z * (1.0 / 40320 + z * (-1.0 / 3628800 + z / 479001600)))));
  const double x = quarter & 1 ? -s : c, y = quarter & 1 ? c : s;
  *cosine = (float)(quarter & 2 ? -x : x);
  *sine = (float)(quarter & 2 ? -y : y);
}

#endif
