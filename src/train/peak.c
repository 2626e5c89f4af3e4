/* SPDX-License-Identifier: ISC */
/** @file peak.c  See peak.h. */
#include "train/peak.h"

#include <sys/resource.h>

double pmt_peak_mib(void) {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) ? 0.0 : (double)usage.ru_maxrss / 1024.0;
}
