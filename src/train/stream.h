/* SPDX-License-Identifier: ISC */
/** @file stream.h  The endless streams of training: which piece, how changed, what is told beside the tokens.

    Above: trainer.c. Below: corpus.h. Everything is a pure function of (seed, draw number), so a checkpoint is a few
    counters: see PmtStreamPlace. Single thread. */
#ifndef PMT_TRAIN_STREAM_H
#define PMT_TRAIN_STREAM_H

#include "music/ear.h"
#include "train/cell.h"
#include "train/corpus.h"

typedef struct {
  uint64_t seed;
  double balance;                            /**< share of a style = tokens^balance, ... */
  const double* share;                       /**< ... or said: one number a corpus, above 0, of tokens; NULL = by balance */
  uint32_t parts;                            /**< of the model */
  bool hinted;                               /**< cells tell its hints (music/listener.h) ... */
  bool player;                               /**< ... and of a player: from half of the pieces parts are taken out */
  uint8_t pitch_lo[PMT_PARTS_MAX], pitch_hi[PMT_PARTS_MAX]; /**< a transposition stays within */
  const PmtCorpus* corpora;
  size_t n_corpora;
  const uint16_t (*octiles)[PMT_OCTILE_LIMITS]; /**< one row a corpus */
} PmtStreamOptions;

/** Somebody plays some of the piece's parts: their notes are heard, not predicted. */
typedef struct {
  PmtEarMode ear;          /**< OFF: the parts are missing, and no hint tells of it */
  bool told;               /**< no hints but tokens: what they play is fed as notes of the highest of `parts`, as
                                pmt_tell_keys says, at the velocity in force; no such token is a target that counts */
  uint32_t parts;          /**< bits: taken out of the tokens */
  const PmtSequence* other; /**< play this one's parts in their place; NULL = the piece's own */
  bool silent;             /**< there, but plays nothing */
  float late;              /**< share of the notes that are heard one to three ticks late */
} PmtTaken;

/** What is done to a piece for one pass. */
typedef struct {
  int transpose;          /**< semitones */
  float velocity_scale;
  int velocity_shift;     /**< bins */
  uint32_t first_slot;    /**< 0, or the first slot of a bar to begin in the middle */
  bool give_style, give_key, give_phrase, give_density;
  bool give_memory;       /**< of the hints, what stood here before; a first bar has to do without */
  float slips;            /**< share of notes that are misheard: fed as another pitch or drum, never asked for as such */
  float lapses;           /**< share of slots whose memory is not told */
  uint64_t chance;        /**< of slips and lapses */
  uint32_t listen;        /**< tell hints of a model of so many parts; 0 = none */
  PmtTaken taken;         /**< an ear takes hints */
} PmtVariation;

/** As heard in evaluation: nothing changed, style and meter known, the key as asked; no hints unless the caller listens. */
PmtVariation pmt_variation_plain(bool give_key);

/** Cells of one pass: n_tokens - 1 of them (less what is taken out), of (token, target, condition, hints). The token of T_k and all up to the one
    before T_(k+1) are fed under slot k's condition; BOS is fed under the first slot's.
    @param style row of the style table @param[in,out] cells grown as needed, free() it @param[in,out] room */
PmtStatus pmt_vary(const PmtPiece* piece, const PmtVariation* variation, int style,
                   const uint16_t octiles[PMT_OCTILE_LIMITS], PmtCell** cells, size_t* room, size_t* n_cells);

typedef struct PmtStreams PmtStreams;
PmtStatus pmt_streams_new(const PmtStreamOptions* options, uint32_t n, PmtStreams** streams);
void pmt_streams_free(PmtStreams* streams);

/** The next position of a stream. @return false when memory is out */
bool pmt_streams_next(PmtStreams* streams, uint32_t stream, PmtCell* cell);

/** Where a stream is: the draw it plays and how far. */
typedef struct { uint64_t draw, position; } PmtStreamPlace;
/** Counters for a checkpoint: how many pieces were drawn, and of each style. */
uint64_t pmt_streams_draws(const PmtStreams* streams);
PmtStreamPlace pmt_streams_place(const PmtStreams* streams, uint32_t stream);
/** Go to what the calls above said. @return PMT_BAD_ARG for places that cannot be, PMT_NO_MEM */
PmtStatus pmt_streams_seek(PmtStreams* streams, uint64_t draws, const PmtStreamPlace* places);

#endif
