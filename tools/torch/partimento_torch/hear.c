/* SPDX-License-Identifier: ISC */
/* music/listener.h for Python: a line of tokens at a time. Above: listener.py, which compiles this. */
#include "music/listener.h"

#include <stddef.h>

#define SEEN __attribute__((visibility("default")))

SEEN size_t pmt_hear_sizes(int of_shape);
SEEN void pmt_hear_shape(uint32_t parts, PmtHintShape* shape);
SEEN void pmt_hear_line(uint32_t parts, const PmtToken* tokens, size_t n, PmtHints* hints);

/** What listener.py must have counted, too. */
size_t pmt_hear_sizes(const int of_shape) {
  return of_shape ? sizeof(PmtHintShape) : sizeof(PmtHints);
}

void pmt_hear_shape(const uint32_t parts, PmtHintShape* const shape) {
  pmt_listener_shape(parts, shape);
}

void pmt_hear_line(const uint32_t parts, const PmtToken* const tokens, const size_t n, PmtHints* const hints) {
  PmtListener listener;
  pmt_listener_reset(&listener, parts);
  for (size_t i = 0; i < n; ++i) {
    pmt_listener_hear(&listener, tokens[i], NULL, &hints[i]);
  }
}
