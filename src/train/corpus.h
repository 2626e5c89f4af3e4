/* SPDX-License-Identifier: ISC */
/** @file corpus.h  A folder of MIDI files as tokens, split into train, valid and test by piece.

    Above: stream.c (training), score.c and ngram.c (evaluation), card.c. Below: music/import.h, music/codec.h. */
#ifndef PMT_TRAIN_CORPUS_H
#define PMT_TRAIN_CORPUS_H

#include "base/status.h"
#include "music/codec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { PMT_SPLIT_TRAIN, PMT_SPLIT_VALID, PMT_SPLIT_TEST, PMT_SPLITS } PmtSplit;

enum { PMT_CORPUS_PARTS_MAX = 4, PMT_CORPUS_FILES_MAX = 100000 };

/** One imported file. */
typedef struct {
  char* name;             /**< file name in its folder */
  PmtSplit split;
  PmtSequence sequence;
  uint32_t ticks;         /**< of the score */
  float bpm;              /**< opening tempo, quarter notes a minute */
  uint8_t parts;          /**< melodic parts in use */
  uint8_t program[PMT_PARTS_MAX], kit;
  uint8_t pitch_lo[PMT_PARTS_MAX], pitch_hi[PMT_PARTS_MAX]; /**< 255, 0 where a part is empty */
  bool drums, ornaments, velocity; /**< some drum, ornament, VEL token occurs */
} PmtPiece;

/** One style: a folder. Pieces are sorted by name. */
typedef struct {
  char* name;
  char* folder;
  PmtPiece* pieces;
  size_t n_pieces;
  size_t n_refused;
  bool has_split;        /**< the folder says which piece is in which split */
} PmtCorpus;

/** Called for each refused file with its name and one line; may be NULL. */
typedef void (*PmtRefusal)(void* handle, const char* file, const char* why);

/** Import every *.mid (and .midi, any case) of a folder. Splits come from train.txt, valid.txt and test.txt when they are
    there (a file in none of them trains), else from a hash of the file name, 80/10/10, with at least one valid piece
    when there are two.
    @param parts_max parts to merge into, 1..PMT_PARTS_MAX
    @return PMT_BAD_FILE when no file is usable, PMT_IO when the folder cannot be read, PMT_NO_MEM */
PmtStatus pmt_corpus_load(const char* name, const char* folder, uint32_t parts_max, PmtRefusal refusal, void* handle,
                          PmtCorpus* corpus, PmtError* error);
void pmt_corpus_free(PmtCorpus* corpus); /**< a zeroed struct is fine */

/** Tokens of a score and what is known of it; name and split are the caller's. @return what pmt_encode says */
PmtStatus pmt_piece_of_score(const PmtScore* score, PmtPiece* piece, PmtError* error);

typedef struct { size_t pieces, tokens; double quarters; } PmtCorpusCount;
/** Pieces, tokens (BOS not counted) and quarter notes of one split. */
PmtCorpusCount pmt_corpus_count(const PmtCorpus* corpus, PmtSplit split);

/** Limits of the octiles of notes a bar over the training pieces: class = 1 + how many limits are <= the bar's notes. */
enum { PMT_OCTILE_LIMITS = 7 };
PmtStatus pmt_corpus_octiles(const PmtCorpus* corpus, uint16_t limits[PMT_OCTILE_LIMITS]);
uint32_t pmt_density_class(const uint16_t limits[PMT_OCTILE_LIMITS], uint32_t bar_notes);

#endif
