/* SPDX-License-Identifier: ISC */
/** @file evaluate.h  What a model plays, measured beside held-out music (docs/measures.md): `evaluate --generated`, and
    `evaluate --jam` for what it plays with somebody.

    Above: cmd_evaluate.c. Below: src/measure, train/corpus.h, gen/render.h, jansson.
    evaluate_music.c gathers the sets and compares them; evaluate_pieces.c lets the engine play; evaluate_illegal.c
    looks at the logits; evaluate_print.c and evaluate_picture.c show it. evaluate_jam.c gathers pieces, players and
    company, evaluate_jam_play.c is the host that they play in, evaluate_jam_print.c shows it. */
#ifndef PMT_TOOLS_EVALUATE_H
#define PMT_TOOLS_EVALUATE_H

#include "gen/engine.h"
#include "gen/render.h"
#include "measure/company.h"
#include "measure/copying.h"
#include "measure/distance.h"
#include "music/score.h"
#include "train/corpus.h"

#include <jansson.h>

/* ---- Pieces of the engine ---------------------------------------------------------------------------------------- */

typedef struct { uint8_t beats, unit; } PmtMeterName;

typedef struct {
  PmtControls controls;     /**< seed aside */
  double bpm;               /**< quarters a minute */
  const PmtMeterName* meters; /**< [n] of each piece */
  size_t n;                 /**< pieces of PMT_STRETCH_BARS bars */
  uint32_t seed;            /**< of the first; the next one has the next */
  const char* save;         /**< folder for NNN.mid; NULL: none */
} PmtPiecesPlan;

typedef struct {
  PmtScore* scores;         /**< [plan.n], of PMT_STRETCH_BARS bars each: what was played, read as files are */
  uint64_t notes, tokens, late_slots;
} PmtPieces;

/** Let the engine play. @param model borrowed */
PmtStatus pmt_pieces_play(PmtModel* model, const PmtPiecesPlan* plan, PmtPieces* pieces, PmtError* error);
void pmt_pieces_free(PmtPieces* pieces, size_t n);

/** An engine that has the model for as long as it lives. */
PmtStatus pmt_pieces_engine(const PmtModel* model, double sample_rate, PmtEngine** engine, PmtError* error);

/* ---- Illegal tokens ---------------------------------------------------------------------------------------------- */

/** Probability that the net gives to tokens which the grammar forbids, before they are masked. */
typedef struct {
  size_t tokens;      /**< predictions looked at */
  double mean, max;
  double mean_slot;   /**< the part of the mean that lies on slots which do not come next: a meter it did not foresee */
} PmtIllegal;

/** Over the pieces of a split, told to the net as they are: the first tokens of each, about `tokens_max` in all. */
PmtStatus pmt_illegal_measure(const PmtModel* model, uint32_t style, const PmtCorpus* corpus, PmtSplit split,
                              size_t tokens_max, PmtIllegal* illegal, PmtError* error);

/* ---- To be looked at --------------------------------------------------------------------------------------------- */

/** A piece of either side. */
typedef struct {
  PmtScore score;
  char name[48]; /**< file or seed */
} PmtShown;

/** Eight excerpts of generated pieces, each with a real one to its right, of the same meter where there is one.
    @param title of the page @param path .png or .svg */
PmtStatus pmt_music_draw(const char* title, const PmtShown* generated, size_t n_generated, const PmtShown* held_out,
                         size_t n_held_out, const char* path, PmtError* error);

/* ---- All of it --------------------------------------------------------------------------------------------------- */

typedef struct {
  const char* model_path;
  const char* folder;
  uint32_t style;
  uint32_t bars, seed;
  double temperature, min_p; /**< negative: what the model suggests */
  PmtSplit split;            /**< that generated music is compared with */
  const char* save;          /**< NULL: no files */
  const char* instead;       /**< measure this folder's files and not what the model plays; NULL: the model */
  const char* picture;       /**< NULL: none */
  PmtRefusal refusal;
  void* handle;
} PmtMusicOptions;

typedef struct {
  double temperature, min_p, bpm;
  char meters[64];           /**< "4/4 x 9, 3/4 x 7" */
  uint64_t notes, tokens, late_slots; /**< of the engine; like the above 0 where others' music is measured */
  size_t pieces, excerpts;   /**< generated */
  size_t held_pieces, held_excerpts, training_pieces, training_notes;
  PmtComparisons comparisons;
  PmtCopying copying;
  char copied_from[256];     /**< file with the longest run; empty when there is none */
  PmtIllegal illegal;
} PmtMusicReport;

PmtStatus pmt_music_measure(PmtModel* model, const PmtMusicOptions* options, PmtMusicReport* report, PmtError* error);

/** @return exit status */
int pmt_music_print(const PmtModel* model, const PmtMusicOptions* options, const PmtMusicReport* report);
int pmt_music_print_json(const PmtModel* model, const PmtMusicOptions* options, const PmtMusicReport* report);

/** Every result for programs ends here. @param result let go of; NULL: it could not be made. @return exit status */
int pmt_evaluate_print_json(json_t* result);

/* ---- In company -------------------------------------------------------------------------------------------------- */

/** A held-out piece, and the part of it that a player has. */
typedef struct {
  PmtScore score;
  PmtNote *player, *own, *played; /**< the player's, the piece's other parts, what the engine played along; owned */
  size_t n_player, n_own, n_played;
  size_t bar, n_bars;             /**< to be measured: pickup aside, PMT_STRETCH_BARS at most */
  double bpm;                     /**< quarters a minute */
  size_t n_late;                  /**< notes that came between two ticks, after their eighth had begun ... */
  double late_ms;                 /**< ... and by how much in all */
} PmtJamPiece;

/** A player plays from bar 0 to the end of what is measured. What the engine plays goes into piece->played, on the
    piece's ticks: a note that came between two of them was meant for its eighth.
    @param controls those of the piece @param[out] list what both played; the player is on channel 16 */
PmtStatus pmt_jam_play(PmtEngine* engine, const PmtControls* controls, PmtJamPiece* piece, PmtMidiList* list,
                       PmtError* error);
/** What both played as a file. */
PmtStatus pmt_jam_save(const PmtJamPiece* piece, const PmtMidiList* list, const PmtModel* model, uint32_t style,
                       const char* path, PmtError* error);

typedef struct {
  const char* model_path;
  const char* folder;
  uint32_t style;
  PmtMode mode;              /**< PMT_MODE_GENERATE: plays alone, and is measured with the player all the same */
  PmtYouPlay you_play;       /**< not PMT_YOU_OTHER */
  double wait;               /**< ms; negative: as the engine is */
  double temperature, min_p; /**< negative: what the model suggests */
  PmtSplit split;
  uint32_t pieces;           /**< at most, spread over the split; 0 = all that have company */
  uint32_t seed;             /**< of the first; the next one has the next */
  const char* save;          /**< NULL: no files */
  PmtRefusal refusal;
  void* handle;
} PmtJamOptions;

/** Who plays along with the player. */
typedef enum {
  PMT_JAM_ENGINE,
  PMT_JAM_PIECE, /**< the piece's own other parts */
  PMT_JAM_DEAF,  /**< the engine, as it played to another piece's player: what not to listen comes to */
  PMT_JAM_MOVED, /**< ... and all of it moved to this piece's scale: what knowing the key alone comes to */
  PMT_JAMS
} PmtJam;

typedef struct {
  bool listens;      /**< the model was taught to */
  double temperature, min_p, wait;
  size_t pieces, alone, bars; /**< measured, left out for want of company, bars of the measured */
  uint64_t notes, tokens, late_slots; /**< of the engine */
  size_t late_notes; /**< that came between two ticks, after their eighth had begun ... */
  double late_ms;    /**< ... and by how much in the mean; 0 where there are none */
  PmtCompany company[PMT_JAMS];
} PmtJamReport;

PmtStatus pmt_jam_measure(PmtModel* model, const PmtJamOptions* options, PmtJamReport* report, PmtError* error);

const char* pmt_jam_mode_name(PmtMode mode);        /**< "accompany" */
const char* pmt_jam_you_play_name(PmtYouPlay part); /**< "melody" */

/** @return exit status */
int pmt_jam_print(const PmtModel* model, const PmtJamOptions* options, const PmtJamReport* report);
int pmt_jam_print_json(const PmtModel* model, const PmtJamOptions* options, const PmtJamReport* report);

#endif
