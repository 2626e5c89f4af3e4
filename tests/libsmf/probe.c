/* SPDX-License-Identifier: ISC */
/* One MIDI file through libsmf: prints how many notes it has, or "refused". Above: compare.py. */
#include <smf.h>
#include <stdio.h>

int main(int argc, char** argv) {
  smf_t* const smf = argc > 1 ? smf_load(argv[1]) : NULL;
  if (!smf) {
    puts("refused");
    return 0;
  }
  int n_notes = 0;
  for (smf_event_t* event; (event = smf_get_next_event(smf));) {
    n_notes += event->midi_buffer_length == 3 && (event->midi_buffer[0] & 0xf0) == 0x90 && event->midi_buffer[2] > 0;
  }
  printf("read %d notes\n", n_notes);
  smf_delete(smf);
  return 0;
}
