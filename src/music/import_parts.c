/* SPDX-License-Identifier: ISC */
/* Which voices of a file become which parts. Above: import.c.

   A voice is a (track, channel) pair that has notes. As many as fit keep the file's order, which is score order. If
   there are more, they are ordered by mean pitch and the two neighbours that lose least by it are merged, again and
   again. */
#include "music/import_internal.h"

#include <math.h>
#include <stdlib.h>

enum { GROUPS_MAX = 128 };

typedef struct {
  uint64_t pitch_sum;
  uint32_t n_notes;
} Voice;

typedef struct {
  Voice voice;
  uint32_t id; /* of the group before sorting */
} Group;

static double mean_pitch(const Voice* const v) {
  return (double)v->pitch_sum / v->n_notes;
}

static Voice join(const Voice a, const Voice b) {
  return (Voice){a.pitch_sum + b.pitch_sum, a.n_notes + b.n_notes};
}

static int compare_groups(const void* const left, const void* const right) {
  const Group* const a = left;
  const Group* const b = right;
  const double x = mean_pitch(&a->voice), y = mean_pitch(&b->voice);
  if (x != y) {
    return x > y ? -1 : 1;
  }
  return a->id < b->id ? -1 : a->id > b->id;
}

/** What is lost when two voices share a part: the identity of the smaller, the more the further apart they are. */
static double cost_of_merging(const Voice* const a, const Voice* const b) {
  const uint32_t fewer = a->n_notes < b->n_notes ? a->n_notes : b->n_notes;
  return fewer * (1.0 + fabs(mean_pitch(a) - mean_pitch(b)));
}

/** Merge neighbours in runs[0..n) until at most `parts_max` are left. n <= 128, so the square is small.
    @return how many */
static uint32_t merge_neighbours(Voice* const runs, uint32_t* const n_groups, uint32_t n, const uint32_t parts_max) {
  while (n > parts_max) {
    uint32_t best = 0;
    for (uint32_t i = 1; i + 1 < n; ++i) {
      if (cost_of_merging(&runs[i], &runs[i + 1]) < cost_of_merging(&runs[best], &runs[best + 1])) {
        best = i;
      }
    }
    runs[best] = join(runs[best], runs[best + 1]);
    n_groups[best] += n_groups[best + 1];
    --n;
    for (uint32_t i = best + 1; i < n; ++i) {
      runs[i] = runs[i + 1];
      n_groups[i] = n_groups[i + 1];
    }
  }
  return n;
}

/** Order groups from high to low, merge them down to parts_max. @param[out] part_of_group by group id
    @return parts */
static uint32_t part_groups(Group* const groups, const uint32_t n, const uint32_t parts_max,
                            uint8_t part_of_group[GROUPS_MAX]) {
  Voice runs[GROUPS_MAX];
  uint32_t n_groups[GROUPS_MAX];
  qsort(groups, n, sizeof *groups, compare_groups);
  for (uint32_t i = 0; i < n; ++i) {
    runs[i] = groups[i].voice;
    n_groups[i] = 1;
  }
  const uint32_t parts = merge_neighbours(runs, n_groups, n, parts_max);
  for (uint32_t part = 0, at = 0; part < parts; ++part) {
    for (uint32_t i = 0; i < n_groups[part]; ++i) {
      part_of_group[groups[at++].id] = (uint8_t)part;
    }
  }
  return parts;
}

/** Group of a voice: its own while there are few; with more than 128 voices those of one mean pitch go together, which
    bounds the merging. */
static uint32_t group_of(const Voice* const voice, const uint32_t rank, const uint32_t n_voices) {
  return n_voices <= GROUPS_MAX ? rank : (uint32_t)mean_pitch(voice);
}

static uint32_t merge_voices(const Voice* const voices, const uint32_t n_slots, const uint32_t n_voices,
                             const uint32_t parts_max, uint8_t* const part_of) {
  Group groups[GROUPS_MAX] = {0};
  for (uint32_t i = 0, rank = 0; i < n_slots; ++i) {
    if (voices[i].n_notes) {
      Group* const group = &groups[group_of(&voices[i], rank++, n_voices)];
      group->voice = join(group->voice, voices[i]);
    }
  }
  uint32_t n = 0;
  for (uint32_t id = 0; id < GROUPS_MAX; ++id) {
    if (groups[id].voice.n_notes) {
      groups[n] = groups[id];
      groups[n++].id = id;
    }
  }
  uint8_t part_of_group[GROUPS_MAX] = {0};
  const uint32_t parts = part_groups(groups, n, parts_max, part_of_group);
  for (uint32_t i = 0, rank = 0; i < n_slots; ++i) {
    if (voices[i].n_notes) {
      part_of[i] = part_of_group[group_of(&voices[i], rank++, n_voices)];
    }
  }
  return parts;
}

static uint32_t keep_voices(const Voice* const voices, const uint32_t n_slots, uint8_t* const part_of) {
  uint32_t parts = 0;
  for (uint32_t i = 0; i < n_slots; ++i) {
    if (voices[i].n_notes) {
      part_of[i] = (uint8_t)parts++;
    }
  }
  return parts;
}

PmtStatus pmt_import_parts(const PmtSmf* const smf, const uint32_t parts_max, uint8_t** const part_of,
                           uint32_t* const parts, uint32_t* const parts_merged) {
  const uint32_t n_slots = smf->n_tracks * PMT_SMF_CHANNELS;
  Voice* const voices = calloc(n_slots, sizeof *voices);
  *part_of = malloc(n_slots);
  if (!voices || !*part_of) {
    free(voices);
    free(*part_of);
    *part_of = NULL;
    return PMT_NO_MEM;
  }
  for (size_t i = 0; i < smf->n_notes; ++i) {
    const PmtSmfNote* const note = &smf->notes[i];
    if (note->channel != PMT_DRUM_CHANNEL) {
      Voice* const voice = &voices[note->track * PMT_SMF_CHANNELS + note->channel];
      *voice = join(*voice, (Voice){note->pitch, 1});
    }
  }
  uint32_t n_voices = 0;
  for (uint32_t i = 0; i < n_slots; ++i) {
    (*part_of)[i] = PMT_PART_DRUMS;
    n_voices += voices[i].n_notes > 0;
  }
  *parts = n_voices <= parts_max ? keep_voices(voices, n_slots, *part_of)
                                 : merge_voices(voices, n_slots, n_voices, parts_max, *part_of);
  *parts_merged = n_voices - *parts;
  free(voices);
  return PMT_OK;
}
