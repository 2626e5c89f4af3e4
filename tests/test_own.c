/* SPDX-License-Identifier: ISC */
/* Training on somebody's own music: going on from a model, what it keeps of the old, what is refused before an hour is
   lost, and what is said in the end. */
#include "check.h"
#include "support/fail_alloc.h"
#include "support/scratch.h"
#include "support/tiny_model.h"

#include "base/file.h"
#include "base/random.h"
#include "music/smf.h"
#include "train/body.h"
#include "train/card.h"
#include "train/rehearsal.h"
#include "train/run.h"
#include "train/verdict.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BAR = 1920, TUNES = 6 };

/* -- what is learned from ------------------------------------------------------------------------------------- */

static uint8_t pitch_at(uint64_t number, uint32_t i, uint32_t voice) {
  return (uint8_t)(84 - 16 * voice + pmt_random_bits(3, number, i * 8 + voice) % 9);
}

/** A few bars of quarters in so many voices. */
static void write_tune(const char* path, uint64_t number, uint32_t bars, uint32_t voices) {
  PmtSmfEvent* e = calloc((size_t)bars * 4 * voices * 2, sizeof *e);
  size_t n = 0;
  CHECK(e);
  for (uint32_t i = 0; i < bars * 4; ++i) {
    for (uint32_t v = 0; v < voices; ++v) {
      const uint8_t pitch = pitch_at(number, i, v);
      e[n++] = (PmtSmfEvent){(uint64_t)i * 480, {(uint8_t)(0x90 + v), pitch, 80}, 3};
    }
    for (uint32_t v = 0; v < voices; ++v) {
      const uint8_t pitch = pitch_at(number, i, v);
      e[n++] = (PmtSmfEvent){(uint64_t)i * 480 + 470, {(uint8_t)(0x80 + v), pitch, 0}, 3};
    }
  }
  const PmtSmfTempo tempo = {0, 600000};
  const PmtSmfMeter meter = {0, 4, 4};
  const PmtSmfOut out = {.ticks_per_quarter = 480, .tempos = &tempo, .n_tempos = 1, .meters = &meter, .n_meters = 1,
                         .events = e, .n_events = n, .end_tick = (uint64_t)bars * BAR};
  PmtError error;
  CHECKF(pmt_smf_write(path, &out, &error) == PMT_OK, "%s", error.text);
  free(e);
}

static void make_folder(const char* name, uint32_t n, uint32_t voices) {
  CHECK(!mkdir(pmt_scratch_path("%s", name), 0777));
  for (uint32_t i = 0; i < n; ++i) { write_tune(pmt_scratch_path("%s/tune%u.mid", name, i), i + 1, 8, voices); }
}

static const char* make_model(const char* name, const PmtTinyOptions* options) {
  PmtError error;
  const char* path = pmt_scratch_path("%s", name);
  CHECKF(pmt_tiny_model_write(path, options, &error) == PMT_OK, "%s", error.text);
  return path;
}

static PmtTrainOptions small_run(const char* from, const char* out, const char* style, const char* folder) {
  PmtTrainOptions o = pmt_train_defaults();
  o.from = from;
  o.out = out;
  o.styles[0] = (PmtStyleSource){style, folder};
  o.n_styles = 1;
  o.steps = 6;
  o.batch = 4;
  o.length = 10;
  o.threads = 2;
  return o;
}

static PmtTrainResult* must_train(const PmtTrainOptions* o, bool finished) {
  PmtTrainResult* r = malloc(sizeof *r);
  PmtError error = {""};
  CHECK(r);
  CHECKF(pmt_train(o, r, &error) == PMT_OK, "%s", error.text);
  CHECK(r->finished == finished);
  return r;
}

static void end(PmtTrainResult* r) {
  pmt_train_result_free(r);
  free(r);
}

/** Refused with this line, before anything was written. */
static void must_refuse(const PmtTrainOptions* o, const char* line) {
  PmtTrainResult* r = malloc(sizeof *r);
  PmtError error = {""};
  char path[600];
  CHECK(r);
  CHECKF(pmt_train(o, r, &error) != PMT_OK, "not refused: %s", line);
  CHECKF(strstr(error.text, line), "\"%s\" does not say \"%s\"", error.text, line);
  CHECK(access(o->out, F_OK));
  snprintf(path, sizeof path, "%s.untrained", o->out);
  CHECK(access(path, F_OK));
  end(r);
}

static PmtModel* load(const char* path) {
  PmtModel* model;
  PmtError error = {""};
  CHECKF(pmt_model_load(path, &model, &error) == PMT_OK, "%s", error.text);
  return model;
}

/* -- going on from a model ------------------------------------------------------------------------------------ */

/** The old rows are there, unchanged; a new one is their mean. */
static void check_weights(void) {
  PmtOrigin origin;
  PmtParams params;
  PmtError error = {""};
  CHECKF(pmt_origin_open(pmt_scratch_path("lstm.safetensors"), &origin, &error) == PMT_OK, "%s", error.text);
  PmtTrainShape shape = origin.shape;
  pmt_shape_music(&shape, 4);
  CHECK(pmt_params_layout(&shape, &params, &error) == PMT_OK);
  float* w = pmt_params_array(&params);
  CHECKF(pmt_origin_weights(&origin, &params, w, &error) == PMT_OK, "%s", error.text);
  const PmtBlock* style = pmt_params_find(&params, "style.weight");
  float old[2 * 64];
  CHECK(style && style->rows == 4 && style->cols <= 64);
  CHECK(pmt_tensors_load(origin.file, "style.weight", 2, style->cols, old, &error) == PMT_OK);
  for (uint32_t c = 0; c < style->cols; ++c) {
    const float *a = &w[style->at + c], mean = 0.5f * (old[c] + old[style->cols + c]);
    CHECK(a[0] == old[c] && a[style->cols] == old[style->cols + c]);
    CHECK(fabsf(a[2 * style->cols] - mean) < 1e-6f && fabsf(a[3 * style->cols] - mean) < 1e-6f);
  }
  free(w);
  pmt_origin_close(&origin);
}

/** A further style beside the old ones; what the file said of those, it says again. */
static void check_added(void) {
  const char* out = pmt_scratch_path("added.safetensors");
  PmtTrainOptions o = small_run(pmt_scratch_path("lstm.safetensors"), out, "mine", pmt_scratch_path("tunes"));
  PmtTrainResult* r = must_train(&o, true);
  CHECK(r->n_corpora == 3 && r->origin.kept[0] && r->origin.kept[1] && !r->origin.kept[2]);
  CHECK(r->origin.tokens > 0 && isfinite(r->origin.before[0]) && isfinite(r->origin.after[1]));
  CHECK(r->params.shape.body == &pmt_body_lstm && r->valid[2].sum.tokens > 0 && r->learned[2].tokens > 0);
  CHECK(!r->valid[0].sum.tokens); /* its own music is no figure for the card */
  PmtModel *old = load(o.from), *new = load(out);
  CHECK(new->n_styles == 3 && !strcmp(new->style_name[0], "alpha") && !strcmp(new->style_name[2], "mine"));
  for (int k = 0; k < 2; ++k) {
    CHECK(!memcmp(old->program[k], new->program[k], sizeof old->program[k]) && old->kit[k] == new->kit[k]);
    CHECK(old->parts_used[k] == new->parts_used[k] && old->style_bpm[k] == new->style_bpm[k]);
    CHECK(!memcmp(old->rests[k], new->rests[k], new->parts));
  }
  CHECK(new->style_bpm[2] == 100.0f && new->parts_used[2] == 2 && new->parts == old->parts);
  CHECK(new->rests[2][0] == 0 && new->rests[2][1] < PMT_RESTS_ANY);
  pmt_model_free(old);
  pmt_model_free(new);
  const char* card = pmt_scratch_path("added.md");
  unsigned char* text;
  size_t size;
  CHECK(pmt_card_write(card, r, "One sentence.\nAnother.\n", "x.svg", NULL) == PMT_OK);
  CHECK(pmt_file_read(card, 1 << 20, &text, &size, NULL) == PMT_OK);
  CHECK(strstr((char*)text, "- One sentence.\n- Another.\n") && strstr((char*)text, "went on from the model"));
  CHECK(strstr((char*)text, "| alpha |") && strstr((char*)text, "| mine | 4 /") == NULL);
  free(text);
  end(r);
}

/** A style of the same name, in any case, is refined, and is not rehearsed. */
static void check_refined(void) {
  PmtTrainOptions o = small_run(pmt_scratch_path("lstm.safetensors"), pmt_scratch_path("refined.safetensors"), "BETA",
                                pmt_scratch_path("tunes"));
  PmtTrainResult* r = must_train(&o, true);
  PmtModel* new = load(o.out);
  CHECK(r->n_corpora == 2 && r->origin.kept[0] && !r->origin.kept[1] && new->n_styles == 2);
  CHECK(new->style_bpm[1] == 100.0f && new->parts_used[1] == 2);
  pmt_model_free(new);
  end(r);
}

/** Rehearsing keeps the old: with it, what the model played stays more likely than without. */
static void check_kept(void) {
  double worse[2];
  for (int keep = 0; keep < 2; ++keep) {
    PmtTrainOptions o = small_run(pmt_scratch_path("lstm.safetensors"), pmt_scratch_path("kept%d.safetensors", keep),
                                  "mine", pmt_scratch_path("tunes"));
    o.steps = 20;
    o.batch = 8;
    o.length = 32;
    o.rate = 2e-2;
    o.dropout = 0.0;
    o.keep = keep ? 0.7 : 0.0;
    o.styles[0].folder = pmt_scratch_path("tunes");
    PmtTrainResult* r = must_train(&o, true);
    const PmtTrainPoint* last = &r->points[r->n_points - 1];
    worse[keep] = last->style[0] + last->style[1] - r->origin.before[0] - r->origin.before[1];
    CHECKF(last->style[2] < r->origin.before[2], "%g nats/quarter, %g before", last->style[2], r->origin.before[2]);
    end(r);
  }
  CHECKF(worse[1] < worse[0], "with rehearsal %+g nats/quarter, without %+g", worse[1], worse[0]);
}

/** From a model, too, stopping half way changes nothing. */
static void check_resume_of(const char* arch, const char* pos) {
  const PmtTinyOptions tiny = {.arch = arch, .pos = pos, .window = 20, .slot_bias = 3.0f};
  char from[512], whole[512], halves[512];
  snprintf(from, sizeof from, "%s", make_model("origin.safetensors", &tiny));
  snprintf(whole, sizeof whole, "%s", pmt_scratch_path("whole.safetensors"));
  snprintf(halves, sizeof halves, "%s", pmt_scratch_path("halves.safetensors"));
  PmtTrainOptions o = small_run(from, whole, "mine", pmt_scratch_path("tunes"));
  end(must_train(&o, true));
  o.out = halves;
  o.pause_after = 3;
  end(must_train(&o, false));
  o.pause_after = 0;
  o.resume = true;
  end(must_train(&o, true));
  pmt_scratch_check_same(whole, halves);
}

static void check_other_origin(void) {
  const PmtTinyOptions other = {.seed = 77};
  char from[512];
  snprintf(from, sizeof from, "%s", make_model("other.safetensors", &other));
  PmtTrainOptions o = small_run(from, pmt_scratch_path("added.safetensors"), "mine", pmt_scratch_path("tunes"));
  PmtTrainResult* r = malloc(sizeof *r);
  PmtError error = {""};
  CHECK(r);
  o.resume = true;
  CHECK(pmt_train(&o, r, &error) == PMT_BAD_ARG && strstr(error.text, "another run"));
  end(r);
}

/* -- what it plays -------------------------------------------------------------------------------------------- */

static void check_same_sequence(const PmtSequence* a, const PmtSequence* b) {
  CHECK(a->n_tokens == b->n_tokens && !memcmp(a->tokens, b->tokens, a->n_tokens * sizeof *a->tokens));
  CHECK(a->n_slots == b->n_slots);
}

/** The same whatever the number of threads; whole pieces, some kept back. */
static void check_rehearsal(void) {
  const bool wanted[2] = {true, false};
  PmtCorpus corpora[2][2] = {{{0}}};
  PmtModel* model = load(pmt_scratch_path("lstm.safetensors"));
  for (uint32_t i = 0; i < 2; ++i) {
    PmtPool* pool;
    PmtError error = {""};
    CHECK(pmt_pool_new(1 + 2 * i, &pool) == PMT_OK);
    CHECKF(pmt_rehearse(model, wanted, 9, 4, NULL, pool, corpora[i], &error) == PMT_OK, "%s", error.text);
    pmt_pool_free(pool);
  }
  const PmtCorpus *a = &corpora[0][0], *b = &corpora[1][0];
  CHECK(a->n_pieces == 9 && !strcmp(a->name, "alpha") && !corpora[0][1].n_pieces);
  CHECK(pmt_corpus_count(a, PMT_SPLIT_VALID).pieces == 1 && pmt_corpus_count(a, PMT_SPLIT_TRAIN).pieces == 8);
  for (size_t i = 0; i < a->n_pieces; ++i) {
    const PmtSequence* s = &a->pieces[i].sequence;
    check_same_sequence(s, &b->pieces[i].sequence);
    CHECK(s->n_slots && s->slots[s->n_slots - 1].bar == PMT_REHEARSAL_BARS - 1);
    CHECK(!i || s->n_tokens != a->pieces[i - 1].sequence.n_tokens ||
          memcmp(s->tokens, a->pieces[i - 1].sequence.tokens, s->n_tokens * sizeof *s->tokens));
  }
  for (int i = 0; i < 4; ++i) { pmt_corpus_free(&corpora[i / 2][i % 2]); }
  pmt_model_free(model);
}

static void check_stopped(void) {
  const volatile sig_atomic_t stopped = 1;
  PmtTrainOptions o = small_run(pmt_scratch_path("lstm.safetensors"), pmt_scratch_path("stopped.safetensors"), "mine",
                                pmt_scratch_path("tunes"));
  o.stop = &stopped;
  must_refuse(&o, "stopped before the first step");
}

/* -- refused -------------------------------------------------------------------------------------------------- */

static void check_refusals(void) {
  const PmtTinyOptions one = {.parts = 1};
  const char* out = pmt_scratch_path("refused.safetensors");
  PmtTrainOptions o = small_run(make_model("one.safetensors", &one), out, "mine", pmt_scratch_path("tunes"));
  must_refuse(&o, "most pieces have up to 2 parts, the model has 1");
  o.from = pmt_scratch_path("nowhere.safetensors");
  must_refuse(&o, "nowhere");
  o.from = pmt_scratch_path("tunes/tune0.mid");
  must_refuse(&o, "tune0.mid");
  o.from = pmt_scratch_path("lstm.safetensors");
  static char names[PMT_STYLES_MAX][8];
  for (size_t k = 0; k < PMT_STYLES_MAX - 1; ++k) { /* and the two that are there */
    snprintf(names[k], sizeof names[k], "s%zu", k);
    o.styles[o.n_styles = k] = (PmtStyleSource){names[k], pmt_scratch_path("tunes")};
  }
  o.n_styles = PMT_STYLES_MAX - 1;
  must_refuse(&o, "2 styles and 31 would be new");
}

/** A piece with more parts than the model has, among others that fit, is merged. */
static void check_merged(void) {
  const PmtTinyOptions two = {.parts = 2, .slot_bias = 3.0f};
  make_folder("mixed", 5, 2);
  write_tune(pmt_scratch_path("mixed/rich.mid"), 9, 8, 4);
  PmtTrainOptions o = small_run(make_model("two.safetensors", &two), pmt_scratch_path("merged.safetensors"), "mine",
                                pmt_scratch_path("mixed"));
  PmtTrainResult* r = must_train(&o, true);
  CHECK(r->corpora[2].n_pieces == 6 && r->corpora[2].pieces[0].parts <= 2);
  for (size_t i = 0; i < r->corpora[2].n_pieces; ++i) { CHECK(r->corpora[2].pieces[i].parts <= 2); }
  end(r);
}

/** What the engine would not load is refused before the first step, what it loads is trained. */
static void check_limits(void) {
  static const struct { PmtTrainShape shape; const char* line; } cases[] = {
    {{.layers = 1, .d = 264, .heads = 2, .ff = 8, .window = 8}, "heads wider than 128"},
    {{.layers = 1, .d = 256, .heads = 2, .ff = 8, .window = 8}, NULL},
    {{.layers = 1, .d = 80, .heads = 40, .ff = 8, .window = 8}, "\"heads\""},
    {{.layers = 12, .d = 16, .heads = 2, .ff = 8, .window = 8}, NULL},
    {{.layers = 1, .d = 16, .heads = 2, .ff = 2049, .window = 8}, "\"ff\""},
    {{.layers = 1, .d = 16, .heads = 2, .ff = 2048, .window = 8}, NULL},
    {{.layers = 1, .d = 1032, .heads = 12, .ff = 8, .window = 8}, "\"d\""},
    {{.layers = 1, .d = 12, .heads = 2, .ff = 8, .window = 8, .pos = PMT_POS_ROPE2}, "multiple of 4"},
    {{.layers = 1, .d = 16, .heads = 2, .ff = 8, .window = 9, .pos = PMT_POS_SIN}, "multiple of 2"},
    {{.layers = 4, .d = 256, .heads = 8, .ff = 8, .window = 8192}, "more MiB than 64"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    PmtTrainOptions o = small_run(NULL, pmt_scratch_path("limit%zu.safetensors", i), "mine", pmt_scratch_path("tunes"));
    o.shape = cases[i].shape;
    o.shape.body = &pmt_body_tf;
    o.steps = 1;
    o.length = 4;
    o.past = 0;
    if (cases[i].line) { must_refuse(&o, cases[i].line); } else { end(must_train(&o, true)); }
  }
  PmtTrainOptions o = small_run(NULL, pmt_scratch_path("deep.safetensors"), "mine", pmt_scratch_path("tunes"));
  o.shape = (PmtTrainShape){.body = &pmt_body_lstm, .layers = PMT_LAYERS_MAX + 1, .d = 8, .h = 8};
  must_refuse(&o, "\"layers\": 9 is not in 1..8");
}

/* -- what is said --------------------------------------------------------------------------------------------- */

static bool says(const PmtTrainResult* r, const PmtVerdict* v, const char* what) {
  static char text[8192];
  pmt_verdict_print(r, v, text, sizeof text);
  return strstr(text, what) != NULL;
}

/** Counted from the files and from what the model plays. */
static void check_verdict_found(void) {
  PmtTrainOptions o = small_run(pmt_scratch_path("lstm.safetensors"), pmt_scratch_path("verdict.safetensors"), "mine",
                                pmt_scratch_path("tunes"));
  PmtTrainResult* r = must_train(&o, true);
  PmtVerdict v;
  PmtError error = {""};
  CHECKF(pmt_verdict_find(r, o.out, 64, &v, &error) == PMT_OK, "%s", error.text);
  const PmtCorpusCount train = pmt_corpus_count(&r->corpora[2], PMT_SPLIT_TRAIN);
  CHECK(v.n == 1 && v.styles[0].style == 2 && v.styles[0].pieces == train.pieces && v.styles[0].held_pieces == TUNES - train.pieces);
  CHECK(v.styles[0].notes == train.pieces * 8 * 4 * 2);
  CHECK(fabs(v.styles[0].minutes - (double)train.pieces * 32.0 / 100.0) < 1e-3);
  CHECK(v.styles[0].played && !isnan(v.styles[0].copying.share[0].generated) && v.styles[0].learned > 0.0);
  CHECK(says(r, &v, "mine: ") && says(r, &v, "notes that it plays") && says(r, &v, "Kept of the model it began from: 2 styles. "));
  CHECK(!says(r, &v, "alpha: "));
  pmt_verdict_free(&v);
  CHECK(pmt_verdict_find(r, pmt_scratch_path("nowhere"), 64, &v, &error) != PMT_OK && strstr(error.text, "nowhere"));
  pmt_verdict_free(&v);
  CHECK(pmt_verdict_find(r, pmt_scratch_path("nowhere"), 0, &v, &error) == PMT_OK && !v.styles[0].played);
  CHECK(!says(r, &v, "that it plays"));
  pmt_verdict_free(&v);
  end(r);
}

/** Put in the place of a piece what the model plays with a seed. */
static void replace_piece(PmtPiece* piece, const char* model_path, uint32_t style, uint32_t seed) {
  PmtModel* model = load(model_path);
  PmtPlaying* playing;
  PmtScore score;
  PmtError error = {""};
  const PmtPlayed ask = {.style = style, .bars = 32, .beats = 4, .unit = 4, .temperature = model->temperature,
                         .min_p = 0.0f, .seed = seed};
  CHECK(pmt_playing_new(model, &playing) == PMT_OK);
  CHECKF(pmt_playing_piece(playing, &ask, &score, &error) == PMT_OK, "%s", error.text);
  pmt_sequence_free(&piece->sequence);
  piece->sequence = (PmtSequence){0};
  CHECKF(score.n_notes > 30 && pmt_piece_of_score(&score, piece, &error) == PMT_OK, "%s", error.text);
  pmt_score_free(&score);
  pmt_playing_free(playing);
  pmt_model_free(model);
}

/** A model that plays what it learned from copies, and is told which file. */
static void check_copying(void) {
  PmtTrainOptions o = small_run(pmt_scratch_path("lstm.safetensors"), pmt_scratch_path("copy.safetensors"), "beta",
                                pmt_scratch_path("tunes"));
  PmtTrainResult* r = must_train(&o, true);
  PmtCorpus* corpus = &r->corpora[1];
  PmtVerdict v;
  size_t copied = 0;
  while (corpus->pieces[copied].split != PMT_SPLIT_TRAIN) { ++copied; }
  for (size_t i = 0; i < corpus->n_pieces; ++i) { /* one to copy, the rest kept back */
    if (i != copied) { corpus->pieces[i].split = PMT_SPLIT_VALID; }
  }
  replace_piece(&corpus->pieces[copied], o.out, 1, 0);
  CHECK(pmt_verdict_find(r, o.out, 32, &v, NULL) == PMT_OK);
  const PmtStyleVerdict* s = &v.styles[0];
  CHECKF(s->copying.longest.n >= 30 && !strcmp(s->copied_from, corpus->pieces[copied].name), "longest %zu", s->copying.longest.n);
  CHECKF(s->copying.share[1].generated == 1.0, "%g", s->copying.share[1].generated);
  CHECK(s->has_bound && !s->copying.within);
  CHECK(says(r, &v, "it copies") && says(r, &v, "is from tune"));
  pmt_verdict_free(&v);
  end(r);
}

/** Each sentence belongs to numbers. */
static void check_words(void) {
  static PmtTrainResult r;
  static char mine[] = "mine";
  PmtCorpus corpus = {.name = mine};
  PmtStyleVerdict s = {.pieces = 20, .notes = 200000, .minutes = 90.0, .held_pieces = 4, .learned = 10.0, .held = 10.5,
                       .played = true, .has_bound = true, .copied_from = "a.mid"};
  PmtVerdict v = {&s, 1};
  r.corpora = &corpus;
  r.n_corpora = 1;
  s.copying = (PmtCopying){.within = true, .longest = {.n = 17}};
  for (int i = 0; i < PMT_COPY_LENGTHS; ++i) { s.copying.share[i] = (PmtCopyShare){0.02, 0.01, 0.03, true}; }
  CHECK(says(&r, &v, "mine: 20 pieces, 200000 notes, 90 minutes") && !says(&r, &v, "little"));
  CHECK(says(&r, &v, "not learned by heart") && says(&r, &v, "2.0 % stand in your pieces; of those in the pieces kept back, 1.0 %"));
  CHECK(says(&r, &v, "17 notes and is from a.mid") && says(&r, &v, "no more than pieces of this music share"));
  s.copying.within = false;
  s.held = 12.0;
  CHECK(says(&r, &v, "it copies") && says(&r, &v, "some of it was learned by heart"));
  s.held = 20.0;
  s.notes = 6000;
  CHECK(!says(&r, &v, "little"));
  s.notes = 3000;
  s.has_bound = false;
  CHECK(says(&r, &v, "much of it was learned by heart") && says(&r, &v, "little: from so few notes"));
  CHECK(says(&r, &v, "Too few pieces were kept back"));
  s.held = (double)NAN;
  r.options.from = "old";
  CHECK(says(&r, &v, "nothing tells") && says(&r, &v, "little even to add to a model") && !says(&r, &v, "Try --from"));
  CHECK(says(&r, &v, "No step made"));
  r.points[0] = (PmtTrainPoint){.step = 10, .valid = 10.0};
  r.points[1] = (PmtTrainPoint){.step = 20, .valid = 10.05};
  r.n_points = 2;
  r.best_step = 10;
  CHECK(!says(&r, &v, "After step"));
  r.points[1].valid = 11.0;
  CHECK(says(&r, &v, "After step 10 the pieces kept back were no longer learned"));
  char little[40]; /* never beyond its room */
  pmt_verdict_print(&r, &v, little, sizeof little);
  CHECK(strlen(little) == sizeof little - 1);
}

/* -- memory --------------------------------------------------------------------------------------------------- */

/** Wherever memory runs out there is a status and a line; the sanitizer build sees that nothing is lost. */
static void check_memory(void) {
  PmtTrainOptions o = small_run(pmt_scratch_path("lstm.safetensors"), pmt_scratch_path("memory.safetensors"), "mine",
                                pmt_scratch_path("tunes"));
  PmtTrainResult* r = malloc(sizeof *r);
  CHECK(r);
  o.steps = 1;
  o.threads = 1;
  for (size_t n = 0;; n += 1 + n / 4) {
    PmtError error = {""};
    PmtVerdict v = {NULL, 0};
    pmt_fail_after(n);
    PmtStatus st = pmt_train(&o, r, &error);
    if (!st) { st = pmt_verdict_find(r, o.out, 32, &v, &error); }
    pmt_fail_never();
    const size_t refused = r->n_corpora > 2 ? r->corpora[2].n_refused : 0;
    pmt_verdict_free(&v);
    pmt_train_result_free(r);
    if (!st) {
      CHECK(!refused);
      break;
    }
    CHECKF(error.text[0], "allocation %zu: status %d, \"%s\"", n, (int)st, error.text);
  }
  free(r);
}

int main(void) {
  static const char* const poses[] = {"rope", "rope2", "sin", "alibi", "rel"};
  pmt_scratch_begin();
  make_folder("tunes", TUNES, 2);
  const PmtTinyOptions sparse = {.slot_bias = 1.5f}; /* few notes: what it plays is soon learned from */
  make_model("lstm.safetensors", &sparse);
  check_weights();
  check_added();
  check_refined();
  check_kept();
  check_resume_of("lstm", NULL);
  check_resume_of("gru", NULL);
  check_resume_of("rnn", NULL);
  for (size_t i = 0; i < sizeof poses / sizeof *poses; ++i) { check_resume_of("tf", poses[i]); }
  check_other_origin();
  check_rehearsal();
  check_stopped();
  check_refusals();
  check_merged();
  check_limits();
  check_verdict_found();
  check_copying();
  check_words();
  check_memory();
  pmt_scratch_end();
  puts("test_own: a model goes on, keeps what it had, and says what became of it");
  return 0;
}
