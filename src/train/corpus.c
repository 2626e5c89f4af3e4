/* SPDX-License-Identifier: ISC */
/** @file corpus.c  See corpus.h. */
#include "train/corpus.h"

#include "base/file.h"
#include "base/random.h"
#include "music/import.h"
#include "music/meter.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { SPLIT_FILE_BYTES_MAX = 16 << 20 };

static const char* const split_file[PMT_SPLITS] = {"train.txt", "valid.txt", "test.txt"};

/* -- the list of files ---------------------------------------------------------------------------------------- */

static bool is_midi(const char* name) {
  const char* dot = strrchr(name, '.');
  return dot && dot != name && (!strcasecmp(dot, ".mid") || !strcasecmp(dot, ".midi"));
}

static int by_name(const void* a, const void* b) { return strcmp(((const PmtPiece*)a)->name, ((const PmtPiece*)b)->name); }

static PmtStatus list_files(PmtCorpus* corpus, PmtError* error) {
  DIR* dir = opendir(corpus->folder);
  if (!dir) { return pmt_fail(error, errno == ENOMEM ? PMT_NO_MEM : PMT_IO, "%s: cannot open the folder: %m", corpus->folder); }
  PmtStatus st = PMT_OK;
  size_t room = 0;
  for (struct dirent* e; !st && (e = readdir(dir));) {
    if (!is_midi(e->d_name)) { continue; }
    if (corpus->n_pieces == PMT_CORPUS_FILES_MAX) {
      st = pmt_fail(error, PMT_TOO_BIG, "%s: more than %d files", corpus->folder, PMT_CORPUS_FILES_MAX);
      break;
    }
    if (corpus->n_pieces == room) {
      room = room ? 2 * room : 64;
      PmtPiece* grown = realloc(corpus->pieces, room * sizeof *grown);
      if (!grown) { st = pmt_fail(error, PMT_NO_MEM, "%s: out of memory", corpus->folder); break; }
      corpus->pieces = grown;
    }
    corpus->pieces[corpus->n_pieces] = (PmtPiece){.name = strdup(e->d_name)};
    if (!corpus->pieces[corpus->n_pieces].name) { st = pmt_fail(error, PMT_NO_MEM, "%s: out of memory", corpus->folder); break; }
    ++corpus->n_pieces;
  }
  closedir(dir);
  if (!st && !corpus->n_pieces) { st = pmt_fail(error, PMT_BAD_FILE, "%s: no MIDI file in this folder", corpus->folder); }
  if (!st) { qsort(corpus->pieces, corpus->n_pieces, sizeof *corpus->pieces, by_name); }
  return st;
}

/* -- splits --------------------------------------------------------------------------------------------------- */

static PmtPiece* find_piece(PmtCorpus* corpus, char* name) {
  PmtPiece key = {.name = name};
  return bsearch(&key, corpus->pieces, corpus->n_pieces, sizeof key, by_name);
}

/** Read one list, if there is one. Names that are no file here are passed over: lists outlive files. */
static PmtStatus read_split(PmtCorpus* corpus, PmtSplit split, PmtError* error) {
  char path[4096];
  unsigned char* text;
  size_t size;
  if ((size_t)snprintf(path, sizeof path, "%s/%s", corpus->folder, split_file[split]) >= sizeof path) {
    return pmt_fail(error, PMT_TOO_BIG, "%.80s...: path too long", corpus->folder);
  }
  if (access(path, F_OK)) { return PMT_OK; }
  const PmtStatus st = pmt_file_read(path, SPLIT_FILE_BYTES_MAX, &text, &size, error);
  if (st) { return st; }
  char* save = NULL;
  for (char* line = strtok_r((char*)text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
    PmtPiece* piece = find_piece(corpus, line);
    if (!piece) { continue; }
    piece->split = split;
    corpus->has_split = true;
  }
  free(text);
  return PMT_OK;
}

static uint64_t hash_name(const char* name) {
  uint64_t h = 0xcbf29ce484222325u; /* FNV-1a, then mixed: short names must spread */
  for (; *name; ++name) { h = (h ^ (unsigned char)*name) * 0x100000001b3u; }
  return pmt_random_mix(h);
}

/** 80/10/10 by name alone, so that a piece keeps its side when others come and go. */
static void hash_split(PmtCorpus* corpus) {
  size_t n_valid = 0, lowest = 0, n_train = 0;
  for (size_t i = 0; i < corpus->n_pieces; ++i) {
    const uint64_t tenth = hash_name(corpus->pieces[i].name) % 10;
    corpus->pieces[i].split = tenth == 8 ? PMT_SPLIT_VALID : tenth == 9 ? PMT_SPLIT_TEST : PMT_SPLIT_TRAIN;
    n_valid += tenth == 8;
    n_train += tenth < 8;
    if (hash_name(corpus->pieces[i].name) < hash_name(corpus->pieces[lowest].name)) { lowest = i; }
  }
  if (corpus->n_pieces == 1) {
    corpus->pieces[0].split = PMT_SPLIT_TRAIN;
  } else if (!n_train || !n_valid) { /* too few for chance to serve all: one valid piece, the rest trains */
    for (size_t i = 0; i < corpus->n_pieces; ++i) {
      if (corpus->pieces[i].split != PMT_SPLIT_TEST || !n_train) { corpus->pieces[i].split = PMT_SPLIT_TRAIN; }
    }
    corpus->pieces[lowest].split = PMT_SPLIT_VALID;
    n_train = 0;
    for (size_t i = 0; i < corpus->n_pieces; ++i) { n_train += corpus->pieces[i].split == PMT_SPLIT_TRAIN; }
    for (size_t i = 0; !n_train && i < corpus->n_pieces; ++i) {
      if (i != lowest) { corpus->pieces[i].split = PMT_SPLIT_TRAIN; n_train = 1; }
    }
  }
}

/* -- one piece ------------------------------------------------------------------------------------------------ */

static void describe(PmtPiece* piece, const PmtScore* score) {
  piece->ticks = pmt_score_ticks(score);
  piece->bpm = score->n_tempos ? (float)score->tempos[0].bpm : 0.0f;
  piece->parts = (uint8_t)score->parts;
  memcpy(piece->program, score->program, sizeof piece->program);
  piece->kit = score->kit;
  memset(piece->pitch_lo, 255, sizeof piece->pitch_lo);
  memset(piece->pitch_hi, 0, sizeof piece->pitch_hi);
  for (size_t i = 0; i < score->n_notes; ++i) {
    const PmtNote* n = &score->notes[i];
    if (n->ornament != PMT_PLAIN) { piece->ornaments = true; }
    if (n->velocity != PMT_VELOCITY_START) { piece->velocity = true; }
    if (n->part >= PMT_PARTS_MAX) { piece->drums = true; continue; }
    if (n->pitch < piece->pitch_lo[n->part]) { piece->pitch_lo[n->part] = n->pitch; }
    if (n->pitch > piece->pitch_hi[n->part]) { piece->pitch_hi[n->part] = n->pitch; }
  }
}

PmtStatus pmt_piece_of_score(const PmtScore* score, PmtPiece* piece, PmtError* error) {
  const PmtStatus st = pmt_encode(score, &piece->sequence, error);
  if (!st) { describe(piece, score); }
  return st;
}

static PmtStatus import_piece(const PmtCorpus* corpus, uint32_t parts_max, PmtPiece* piece, PmtError* error) {
  char path[4096];
  if ((size_t)snprintf(path, sizeof path, "%s/%s", corpus->folder, piece->name) >= sizeof path) {
    return pmt_fail(error, PMT_TOO_BIG, "path too long");
  }
  PmtImportOptions options = pmt_import_defaults();
  options.parts_max = parts_max;
  PmtScore score = {0};
  PmtStatus st = pmt_import_file(path, &options, &score, NULL, error);
  if (st) { return st; }
  st = pmt_piece_of_score(&score, piece, error);
  pmt_score_free(&score);
  return st;
}

static void free_piece(PmtPiece* piece) {
  free(piece->name);
  pmt_sequence_free(&piece->sequence);
}

/** Import all; the list closes up over refused files. */
static PmtStatus import_all(PmtCorpus* corpus, uint32_t parts_max, PmtRefusal refusal, void* handle, PmtError* error) {
  const size_t n_files = corpus->n_pieces;
  size_t kept = 0;
  PmtStatus fatal = PMT_OK;
  for (size_t i = 0; i < n_files; ++i) {
    PmtPiece piece = corpus->pieces[i];
    PmtError why = {""};
    const PmtStatus st = fatal ? fatal : import_piece(corpus, parts_max, &piece, &why);
    if (!st) {
      corpus->pieces[kept++] = piece;
      continue;
    }
    if (st == PMT_NO_MEM && !fatal) { fatal = pmt_fail(error, st, "%s/%s: out of memory", corpus->folder, piece.name); }
    if (!fatal && refusal) { refusal(handle, piece.name, why.text); }
    corpus->n_refused += !fatal;
    free_piece(&piece);
  }
  corpus->n_pieces = kept;
  return fatal;
}

PmtStatus pmt_corpus_load(const char* name, const char* folder, uint32_t parts_max, PmtRefusal refusal, void* handle,
                          PmtCorpus* corpus, PmtError* error) {
  *corpus = (PmtCorpus){.name = strdup(name), .folder = strdup(folder)};
  if (!corpus->name || !corpus->folder) {
    pmt_corpus_free(corpus);
    return pmt_fail(error, PMT_NO_MEM, "out of memory");
  }
  PmtStatus st = list_files(corpus, error);
  if (!st) {
    for (PmtSplit s = PMT_SPLIT_TRAIN; !st && s < PMT_SPLITS; ++s) { st = read_split(corpus, s, error); }
  }
  if (!st) { st = import_all(corpus, parts_max, refusal, handle, error); }
  if (!st && !corpus->n_pieces) {
    st = pmt_fail(error, PMT_BAD_FILE, "%s: none of the %zu MIDI files is usable", folder, corpus->n_refused);
  }
  if (st) {
    pmt_corpus_free(corpus);
    return st;
  }
  if (!corpus->has_split) { hash_split(corpus); }
  return PMT_OK;
}

void pmt_corpus_free(PmtCorpus* corpus) {
  for (size_t i = 0; i < corpus->n_pieces; ++i) { free_piece(&corpus->pieces[i]); }
  free(corpus->pieces);
  free(corpus->name);
  free(corpus->folder);
  *corpus = (PmtCorpus){0};
}

/* -- counts --------------------------------------------------------------------------------------------------- */

PmtCorpusCount pmt_corpus_count(const PmtCorpus* corpus, PmtSplit split) {
  PmtCorpusCount count = {0, 0, 0.0};
  for (size_t i = 0; i < corpus->n_pieces; ++i) {
    if (corpus->pieces[i].split != split) { continue; }
    ++count.pieces;
    count.tokens += corpus->pieces[i].sequence.n_tokens - 1;
    count.quarters += (double)corpus->pieces[i].ticks / PMT_TICKS_PER_QUARTER;
  }
  return count;
}

static int by_number(const void* a, const void* b) { return *(const uint16_t*)a - *(const uint16_t*)b; }

PmtStatus pmt_corpus_octiles(const PmtCorpus* corpus, uint16_t limits[PMT_OCTILE_LIMITS]) {
  size_t n = 0;
  for (size_t i = 0; i < corpus->n_pieces; ++i) { n += corpus->pieces[i].sequence.n_slots; }
  uint16_t* notes = malloc((n + 1) * sizeof *notes);
  if (!notes) { return PMT_NO_MEM; }
  n = 0;
  for (size_t i = 0; i < corpus->n_pieces; ++i) {
    const PmtSequence* s = &corpus->pieces[i].sequence;
    if (corpus->pieces[i].split != PMT_SPLIT_TRAIN) { continue; }
    for (size_t k = 0; k < s->n_slots; ++k) { /* each bar once */
      if (k == 0 || s->slots[k].bar != s->slots[k - 1].bar) { notes[n++] = s->slots[k].bar_notes; }
    }
  }
  qsort(notes, n, sizeof *notes, by_number);
  for (size_t i = 0; i < PMT_OCTILE_LIMITS; ++i) { limits[i] = n ? notes[n * (i + 1) / 8] : 0; }
  free(notes);
  return PMT_OK;
}

uint32_t pmt_density_class(const uint16_t limits[PMT_OCTILE_LIMITS], uint32_t bar_notes) {
  uint32_t density = 1;
  for (uint32_t i = 0; i < PMT_OCTILE_LIMITS; ++i) { density += limits[i] <= bar_notes; }
  return density;
}
