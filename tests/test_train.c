/* SPDX-License-Identifier: ISC */
/* The trainer from folder to file: splits, variations, streams, resuming bit for bit, failures with one clear line. */
#include "check.h"
#include "support/fail_alloc.h"
#include "support/scratch.h"

#include "base/file.h"
#include "base/random.h"
#include "music/grammar.h"
#include "music/listener.h"
#include "music/meter.h"
#include "music/smf.h"
#include "nn/net.h"
#include "train/appraise.h"
#include "train/body.h"
#include "train/card.h"
#include "train/stream.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** A little tune of `bars` bars: a melody, a bass, now and then a drum, with changing velocities. */
static void write_midi(const char* path, uint64_t number, uint32_t bars) {
  enum { NOTES = 8 };
  PmtSmfEvent* e = calloc((size_t)bars * NOTES * 6, sizeof *e);
  size_t n = 0;
  CHECK(e);
  for (uint32_t i = 0; i < bars * NOTES; ++i) { /* ends first: at one tick a note ends before the next begins */
    const uint64_t bits = pmt_random_bits(8, number, i / 4);
    const uint8_t pitch = (uint8_t)(60 + (bits >> (i % 4 * 3)) % 12), bass = (uint8_t)(36 + bits % 12);
    const uint8_t velocity = (uint8_t)(50 + (bits >> 20) % 60);
    const uint64_t at = (uint64_t)i * 240;
    e[n++] = (PmtSmfEvent){at, {0x90, pitch, velocity}, 3};
    if (i % 4 == 0) { e[n++] = (PmtSmfEvent){at, {0x91, bass, velocity}, 3}; }
    if (i % 2 == 0 && number % 2) { e[n++] = (PmtSmfEvent){at, {0x99, i % 4 ? 38 : 36, 90}, 3}; }
    if (i % 2 == 0 && number % 2) { e[n++] = (PmtSmfEvent){at + 100, {0x89, i % 4 ? 38 : 36, 0}, 3}; }
    e[n++] = (PmtSmfEvent){at + 230, {0x80, pitch, 0}, 3};
    if (i % 4 == 0) { e[n++] = (PmtSmfEvent){at + 235, {0x81, bass, 0}, 3}; }
  }
  const PmtSmfTempo tempo = {0, 500000};
  const PmtSmfMeter meter = {0, 4, 4};
  const PmtSmfOut out = {.ticks_per_quarter = 480, .tempos = &tempo, .n_tempos = 1, .meters = &meter, .n_meters = 1,
                         .events = e, .n_events = n, .end_tick = (uint64_t)bars * 1920};
  PmtError error;
  CHECKF(pmt_smf_write(path, &out, &error) == PMT_OK, "%s", error.text);
  free(e);
}

/** A folder of n tunes. */
static const char* make_folder(const char* name, uint32_t n) {
  CHECK(!mkdir(pmt_scratch_path("%s", name), 0777));
  for (uint32_t i = 0; i < n; ++i) { write_midi(pmt_scratch_path("%s/tune%02u.mid", name, i), i, 6 + i % 5); }
  return pmt_scratch_path("%s", name);
}

/* -- corpora -------------------------------------------------------------------------------------------------- */

typedef struct { int n; char files[256]; char why[400]; } Refusals;

static void note_refusal(void* handle, const char* file, const char* why) {
  Refusals* r = handle;
  ++r->n;
  snprintf(r->files + strlen(r->files), sizeof r->files - strlen(r->files), "%s ", file);
  snprintf(r->why, sizeof r->why, "%s", why);
}

static void check_corpus(void) {
  PmtCorpus c, again;
  PmtError error = {""};
  Refusals refusals = {0};
  char folder[512];
  snprintf(folder, sizeof folder, "%s", make_folder("plain", 30));
  pmt_scratch_write(pmt_scratch_path("plain/broken.mid"), "MThd no music");
  pmt_scratch_write(pmt_scratch_path("plain/empty.MID"), "");
  pmt_scratch_write(pmt_scratch_path("plain/notes.txt"), "not music, not looked at");
  CHECKF(pmt_corpus_load("x", folder, 4, note_refusal, &refusals, &c, &error) == PMT_OK, "%s", error.text);
  CHECK(c.n_pieces == 30 && c.n_refused == 2 && refusals.n == 2 && !c.has_split);
  CHECK(strstr(refusals.files, "broken.mid") && strstr(refusals.files, "empty.MID") && refusals.why[0]);
  CHECK(pmt_corpus_count(&c, PMT_SPLIT_TRAIN).pieces > 15 && pmt_corpus_count(&c, PMT_SPLIT_VALID).pieces > 0);
  for (size_t i = 1; i < c.n_pieces; ++i) { CHECK(strcmp(c.pieces[i - 1].name, c.pieces[i].name) < 0); }
  /* a piece keeps its side when others go */
  CHECK(!unlink(pmt_scratch_path("plain/tune00.mid")));
  CHECK(pmt_corpus_load("x", folder, 4, NULL, NULL, &again, NULL) == PMT_OK);
  for (size_t i = 0; i < again.n_pieces; ++i) {
    CHECK(!strcmp(again.pieces[i].name, c.pieces[i + 1].name) && again.pieces[i].split == c.pieces[i + 1].split);
  }
  pmt_corpus_free(&again);
  pmt_corpus_free(&c);
  /* the folder's own lists are followed; names of no file are passed over */
  pmt_scratch_write(pmt_scratch_path("plain/valid.txt"), "tune03.mid\r\nno-such.mid\ntune04.mid\n");
  pmt_scratch_write(pmt_scratch_path("plain/test.txt"), "tune05.mid");
  CHECK(pmt_corpus_load("x", folder, 4, NULL, NULL, &c, NULL) == PMT_OK);
  CHECK(c.has_split && pmt_corpus_count(&c, PMT_SPLIT_VALID).pieces == 2 && pmt_corpus_count(&c, PMT_SPLIT_TEST).pieces == 1);
  CHECK(c.pieces[2].split == PMT_SPLIT_VALID && c.pieces[4].split == PMT_SPLIT_TEST);
  pmt_corpus_free(&c);
}

static void check_small_folders(void) {
  for (uint32_t n = 1; n <= 6; ++n) {
    char name[16];
    PmtCorpus c;
    snprintf(name, sizeof name, "small%u", n);
    CHECK(pmt_corpus_load("x", make_folder(name, n), 4, NULL, NULL, &c, NULL) == PMT_OK);
    CHECK(pmt_corpus_count(&c, PMT_SPLIT_TRAIN).pieces >= 1);
    CHECK((n < 2) == (pmt_corpus_count(&c, PMT_SPLIT_VALID).pieces == 0));
    pmt_corpus_free(&c);
  }
}

static void check_bad_folders(void) {
  PmtCorpus c;
  PmtError error = {""};
  CHECK(pmt_corpus_load("x", pmt_scratch_path("nowhere"), 4, NULL, NULL, &c, &error) == PMT_IO &&
        strstr(error.text, "nowhere"));
  CHECK(!mkdir(pmt_scratch_path("void"), 0777));
  CHECK(pmt_corpus_load("x", pmt_scratch_path("void"), 4, NULL, NULL, &c, &error) == PMT_BAD_FILE &&
        strstr(error.text, "void"));
  pmt_scratch_write(pmt_scratch_path("void/a.mid"), "x");
  CHECK(pmt_corpus_load("x", pmt_scratch_path("void"), 4, NULL, NULL, &c, &error) == PMT_BAD_FILE &&
        strstr(error.text, "usable"));
}

/* -- variations and streams ----------------------------------------------------------------------------------- */

/** Cells of the unchanged piece are its tokens, each under the condition of the slot it lies in. */
static void check_order(const PmtPiece* piece) {
  static const uint16_t octiles[PMT_OCTILE_LIMITS] = {1, 2, 3, 4, 5, 6, 7};
  PmtVariation v = pmt_variation_plain(true);
  v.give_phrase = v.give_density = true;
  PmtCell* cells = NULL;
  size_t room = 0, n = 0, slot = 0;
  const PmtSequence* s = &piece->sequence;
  CHECK(pmt_vary(piece, &v, 3, octiles, &cells, &room, &n) == PMT_OK && n == s->n_tokens - 1);
  for (size_t i = 0; i < n; ++i) {
    if (slot + 1 < s->n_slots && s->slots[slot + 1].token == i) { ++slot; } /* from its T token on */
    const PmtSlot* in = &s->slots[slot];
    CHECK(cells[i].token == s->tokens[i] && cells[i].target == s->tokens[i + 1] && cells[i].reset == (i == 0));
    const int16_t* input = cells[i].input;
    CHECK(input[PMT_INPUT_STYLE] == 3 && input[PMT_INPUT_KEY] == in->key && input[PMT_INPUT_PHRASE] == in->phrase);
    CHECK(input[PMT_INPUT_METER] == in->meter && input[PMT_INPUT_DENSITY] == (int)pmt_density_class(octiles, in->bar_notes));
    CHECK(cells[i].counts && cells[i].beat == (pmt_token_class(cells[i].token) == PMT_CLASS_SLOT));
  }
  free(cells);
}

typedef struct { PmtCorpus corpora[2]; PmtFacts facts; PmtStreamOptions options; } Data;

/** Which hints say what stood here before. */
typedef struct { PmtHintShape shape; bool row[PMT_HINTS_MAX], anchor[PMT_LEAPS_MAX]; } Memory;

static Memory memory_of(uint32_t parts) {
  Memory m = {.row = {false}};
  pmt_listener_shape(parts, &m.shape);
  for (uint32_t i = 0; i < m.shape.n_tables; ++i) {
    const char* name = m.shape.table[i].name;
    m.row[i] = !strcmp(name, "near") || !strcmp(name, "near.trust") || !strcmp(name, "far") || !strcmp(name, "far.trust");
  }
  for (uint32_t i = 0; i < m.shape.n_leaps; ++i) {
    m.anchor[i] = !strcmp(m.shape.leap[i].name, "near") || !strcmp(m.shape.leap[i].name, "far");
  }
  return m;
}

/** @return whether anything is told of what stood here before; all else is what a listener hears */
static bool check_heard(const Memory* m, const PmtCell* cell, const PmtHints* heard, bool memory) {
  bool remembers = false;
  for (uint32_t i = 0; i < m->shape.n_tables; ++i) {
    CHECK(cell->hints.row[i] == (m->row[i] && !memory ? -1 : heard->row[i]));
    remembers |= m->row[i] && cell->hints.row[i] >= 0;
  }
  for (uint32_t i = 0; i < m->shape.n_leaps; ++i) {
    CHECK(cell->hints.anchor[i] == (m->anchor[i] && !memory ? -1 : heard->anchor[i]));
    remembers |= m->anchor[i] && cell->hints.anchor[i] >= 0;
  }
  CHECK(!memcmp(cell->hints.kind, heard->kind, sizeof heard->kind));
  return remembers;
}

/** Hints are of the tokens as they are fed: transposed, with other velocities, from a bar in the middle on. */
static void check_hints(const PmtPiece* piece, uint32_t parts) {
  static const uint16_t octiles[PMT_OCTILE_LIMITS] = {0};
  const Memory m = memory_of(parts);
  for (int memory = 0; memory < 2; ++memory) {
    PmtVariation v = pmt_variation_plain(true);
    v.transpose = 3, v.velocity_shift = 1, v.listen = parts, v.give_memory = memory;
    v.first_slot = (uint32_t)piece->sequence.n_slots / 4;
    PmtListener listener;
    PmtHints heard;
    PmtCell* cells = NULL;
    size_t room = 0, n = 0, n_remembers = 0;
    CHECK(pmt_vary(piece, &v, 0, octiles, &cells, &room, &n) == PMT_OK);
    pmt_listener_reset(&listener, parts);
    for (size_t i = 0; i < n; ++i) {
      pmt_listener_hear(&listener, cells[i].token, NULL, &heard);
      n_remembers += check_heard(&m, &cells[i], &heard, memory);
    }
    CHECKF((n_remembers > n / 4) == memory && (memory || !n_remembers), "%zu of %zu cells remember", n_remembers, n);
    free(cells);
  }
}

/** Misheard notes are other notes of the same part, asked for as they were; the listener hears what is fed. */
static void check_slips(const PmtPiece* piece, uint32_t parts, size_t* n_notes, size_t* n_slips) {
  static const uint16_t octiles[PMT_OCTILE_LIMITS] = {0};
  const Memory m = memory_of(parts);
  PmtVariation v = pmt_variation_plain(true);
  PmtCell *plain = NULL, *cells = NULL;
  size_t room[2] = {0}, n = 0, n_same = 0;
  v.listen = parts;
  CHECK(pmt_vary(piece, &v, 0, octiles, &plain, &room[0], &n) == PMT_OK);
  v.slips = 0.2f, v.chance = 9;
  CHECK(pmt_vary(piece, &v, 0, octiles, &cells, &room[1], &n_same) == PMT_OK && n_same == n);
  PmtListener listener;
  PmtHints heard;
  pmt_listener_reset(&listener, parts);
  for (size_t i = 0; i < n; ++i) {
    const PmtToken was = plain[i].token, is = cells[i].token;
    const PmtTokenClass class = pmt_token_class(was);
    CHECK(cells[i].target == plain[i].target && pmt_token_class(is) == class);
    *n_notes += class == PMT_CLASS_NOTE;
    *n_slips += is != was;
    if (is != was) {
      CHECK(class == PMT_CLASS_DRUM || (class == PMT_CLASS_NOTE && pmt_note_part(is) == pmt_note_part(was)));
      CHECK(class == PMT_CLASS_DRUM || abs((int)pmt_note_pitch(is) - (int)pmt_note_pitch(was)) <= 7);
    }
    pmt_listener_hear(&listener, is, NULL, &heard);
    check_heard(&m, &cells[i], &heard, true);
  }
  free(plain), free(cells);
}

/** A lapse is of a whole slot. */
static void check_lapses(const PmtPiece* piece, uint32_t parts, size_t* n_slots, size_t* n_lapses) {
  static const uint16_t octiles[PMT_OCTILE_LIMITS] = {0};
  const Memory m = memory_of(parts);
  PmtVariation v = pmt_variation_plain(true);
  PmtCell* cells = NULL;
  size_t room = 0, n = 0;
  v.listen = parts, v.lapses = 0.5f, v.chance = 9;
  CHECK(pmt_vary(piece, &v, 0, octiles, &cells, &room, &n) == PMT_OK);
  PmtListener listener;
  PmtHints heard;
  pmt_listener_reset(&listener, parts);
  bool knows = false, lapsed = false; /* of this slot */
  for (size_t i = 0; i < n; ++i) {
    if (cells[i].beat) {
      *n_slots += knows, *n_lapses += lapsed;
      knows = lapsed = false;
    }
    pmt_listener_hear(&listener, cells[i].token, NULL, &heard);
    const PmtCell full = {.hints = heard};
    const bool something = check_heard(&m, &full, &heard, true);
    const bool told = something && !memcmp(&cells[i].hints, &heard, sizeof heard);
    if (something) {
      CHECKF(!knows || lapsed == !told, "token %zu: half a slot is told", i);
      knows = true, lapsed = !told;
    }
    check_heard(&m, &cells[i], &heard, !something || told);
  }
  free(cells);
}

static void check_noise(const Data* d) {
  size_t notes = 0, slips = 0, slots = 0, lapses = 0;
  for (size_t i = 0; i < d->corpora[0].n_pieces; ++i) {
    check_slips(&d->corpora[0].pieces[i], d->facts.parts, &notes, &slips);
    check_lapses(&d->corpora[0].pieces[i], d->facts.parts, &slots, &lapses);
  }
  CHECKF(notes > 300 && slips * 10 > notes && slips * 3 < notes, "%zu of %zu notes slip", slips, notes);
  CHECKF(slots > 100 && lapses * 3 > slots && lapses * 3 < 2 * slots, "%zu of %zu slots lapse", lapses, slots);
}


static void load_data(Data* d) {
  CHECK(pmt_corpus_load("a", pmt_scratch_path("plain"), 4, NULL, NULL, &d->corpora[0], NULL) == PMT_OK);
  CHECK(pmt_corpus_load("b", pmt_scratch_path("small6"), 4, NULL, NULL, &d->corpora[1], NULL) == PMT_OK);
  CHECK(pmt_facts_collect(d->corpora, 2, &d->facts) == PMT_OK);
  d->options = (PmtStreamOptions){.seed = 5, .balance = 0.6, .parts = d->facts.parts, .hinted = true, .corpora = d->corpora, .n_corpora = 2,
                                  .octiles = (const uint16_t(*)[PMT_OCTILE_LIMITS])d->facts.octiles};
  memcpy(d->options.pitch_lo, d->facts.pitch_lo, sizeof d->options.pitch_lo);
  memcpy(d->options.pitch_hi, d->facts.pitch_hi, sizeof d->options.pitch_hi);
}

/** A tenth of the passes tell nothing of what stood here before. */
static void check_streams_forget(const Data* d) {
  const Memory m = memory_of(d->facts.parts);
  PmtStreams* streams;
  uint32_t n_pass = 0, n_forgetful = 0, length = 0;
  bool remembers = false;
  CHECK(pmt_streams_new(&d->options, 1, &streams) == PMT_OK);
  while (n_pass < 2000) {
    PmtCell c;
    CHECK(pmt_streams_next(streams, 0, &c));
    if (c.reset && length > 200) { /* long enough to have been somewhere twice */
      ++n_pass;
      n_forgetful += !remembers;
    }
    length = c.reset ? 0 : length + 1;
    remembers = !c.reset && remembers;
    for (uint32_t i = 0; i < m.shape.n_tables; ++i) { remembers |= m.row[i] && c.hints.row[i] >= 0; }
    for (uint32_t i = 0; i < m.shape.n_leaps; ++i) { remembers |= m.anchor[i] && c.hints.anchor[i] >= 0; }
  }
  CHECKF(n_forgetful > 140 && n_forgetful < 260, "%u of %u passes tell nothing", n_forgetful, n_pass);
  pmt_streams_free(streams);
}

/** Every stream of every variation is music by the grammar, within the pitch range. */
static void check_streams_legal(const Data* d) {
  PmtStreams* streams;
  PmtGrammar g;
  PmtLimits limits;
  uint64_t n_style[3] = {0}, n_key = 0, n_pass = 0, n_velocity = 0;
  pmt_limits_all(&limits, d->facts.parts);
  pmt_grammar_reset(&g);
  CHECK(pmt_streams_new(&d->options, 1, &streams) == PMT_OK);
  for (uint32_t t = 0; t < 200000; ++t) {
    PmtCell c;
    CHECK(pmt_streams_next(streams, 0, &c));
    n_pass += c.reset;
    ++n_style[c.input[PMT_INPUT_STYLE] + 1];
    n_key += c.input[PMT_INPUT_KEY] != 0;
    const PmtTokenClass class = pmt_token_class(c.target);
    n_velocity += class == PMT_CLASS_VEL;
    if (class == PMT_CLASS_END) {
      pmt_grammar_reset(&g);
    } else if (class == PMT_CLASS_SLOT) {
      const uint32_t k = c.target - PMT_TOKEN_SLOT;
      pmt_grammar_begin_slot(&g, k, PMT_SLOT_TICKS, (k + 1) % PMT_SLOTS_MAX, 0, PMT_SLOT_TOKENS_MAX);
    } else {
      char name[24];
      pmt_token_name(c.target, name, sizeof name);
      CHECKF(pmt_grammar_accept(&g, &limits, d->facts.parts, c.target), "%s at %u", name, t);
    }
    if (class != PMT_CLASS_NOTE) { continue; }
    const uint32_t part = pmt_note_part(c.target), pitch = pmt_note_pitch(c.target);
    CHECK(pitch >= d->facts.pitch_lo[part] && pitch <= d->facts.pitch_hi[part]);
  }
  CHECK(n_pass > 100 && n_velocity > 100);
  CHECKF(n_style[0] > 10000 && n_style[0] < 30000, "%llu tokens without style", (unsigned long long)n_style[0]);
  const double ta = (double)pmt_corpus_count(&d->corpora[0], PMT_SPLIT_TRAIN).tokens,
               tb = (double)pmt_corpus_count(&d->corpora[1], PMT_SPLIT_TRAIN).tokens;
  const double share = (double)n_style[1] / (double)(n_style[1] + n_style[2]), want = 1.0 / (1.0 + pow(tb / ta, 0.6));
  CHECKF(fabs(share - want) < 0.05, "share of style a %.3f, want %.3f", share, want);
  CHECK(n_key > 20000 && n_key < 180000);
  pmt_streams_free(streams);
}

static void check_streams_seek(const Data* d) {
  enum { N = 3, BEFORE = 5000, AFTER = 3000 };
  PmtStreams *a, *b;
  PmtStreamPlace places[N];
  PmtCell x, y;
  CHECK(pmt_streams_new(&d->options, N, &a) == PMT_OK && pmt_streams_new(&d->options, N, &b) == PMT_OK);
  for (uint32_t i = 0; i < BEFORE; ++i) { CHECK(pmt_streams_next(a, i % N, &x)); }
  for (uint32_t i = 0; i < N; ++i) { places[i] = pmt_streams_place(a, i); }
  CHECK(pmt_streams_seek(b, pmt_streams_draws(a), places) == PMT_OK);
  for (uint32_t i = 0; i < AFTER; ++i) {
    CHECK(pmt_streams_next(a, i % N, &x) && pmt_streams_next(b, i % N, &y));
    CHECK(x.token == y.token && x.target == y.target && x.reset == y.reset && x.beat == y.beat);
    CHECK(!memcmp(x.input, y.input, sizeof x.input) && !memcmp(&x.hints, &y.hints, sizeof x.hints));
  }
  places[0].position = 1u << 30;
  CHECK(pmt_streams_seek(b, pmt_streams_draws(a), places) == PMT_BAD_ARG);
  pmt_streams_free(a);
  pmt_streams_free(b);
}

/* -- whole runs ----------------------------------------------------------------------------------------------- */

static PmtTrainOptions small_run(const char* out) {
  PmtTrainOptions o = pmt_train_defaults();
  o.styles[0] = (PmtStyleSource){"a", strdup(pmt_scratch_path("plain"))};
  o.styles[1] = (PmtStyleSource){"b", strdup(pmt_scratch_path("small6"))};
  o.n_styles = 2;
  o.out = out;
  o.steps = 20;
  o.shape.layers = 2, o.shape.h = 24, o.shape.d = 16, o.batch = 5, o.length = 12, o.threads = 2;
  o.dropout = 0.1;
  return o;
}

static void end_run(PmtTrainOptions* o) {
  for (size_t k = 0; k < o->n_styles; ++k) { free((char*)(uintptr_t)o->styles[k].folder); }
}

static void must_train(const PmtTrainOptions* o, bool finished) {
  PmtTrainResult* r = malloc(sizeof *r);
  PmtError error = {""};
  CHECK(r);
  CHECKF(pmt_train(o, r, &error) == PMT_OK, "%s", error.text);
  CHECK(r->finished == finished);
  if (finished) {
    CHECK(r->n_points > 0);
    if (o->steps >= PMT_EVALUATIONS) { CHECK(r->points[r->n_points - 1].train < r->points[0].train); }
    CHECK(r->test[0].sum.tokens > 0 && r->valid[0].ngram > 0.0);
    CHECKF(pmt_card_write(pmt_scratch_path("card.md"), r, NULL, "curve.svg", &error) == PMT_OK, "%s", error.text);
  }
  pmt_train_result_free(r);
  free(r);
}

/** Every architecture goes on from a checkpoint as if it had never stopped. */
static void check_resume_of(const char* arch, PmtPos pos) {
  char whole[512], halves[512];
  snprintf(whole, sizeof whole, "%s", pmt_scratch_path("%s%d.safetensors", arch, (int)pos));
  snprintf(halves, sizeof halves, "%s", pmt_scratch_path("%s%d-halves.safetensors", arch, (int)pos));
  PmtTrainOptions o = small_run(whole);
  o.shape = (PmtTrainShape){.body = pmt_body_find(arch), .layers = 2, .d = 16, .h = 24, .heads = 2, .ff = 20, .window = 20,
                            .reach = pos == PMT_POS_REL ? 9 : 0, .pos = pos};
  o.steps = 6;
  must_train(&o, true);
  o.out = halves;
  o.pause_after = 3;
  must_train(&o, false);
  o.pause_after = 0;
  o.resume = true;
  must_train(&o, true);
  pmt_scratch_check_same(whole, halves);
  end_run(&o);
}

/** What is left open is chosen: more data, larger nets, less dropout; what is said stays. */
static void check_choices(void) {
  PmtTrainOptions small = pmt_train_defaults(), large = pmt_train_defaults(), said = pmt_train_defaults();
  pmt_train_settle(&small, 10000);
  pmt_train_settle(&large, 10000000);
  CHECK(small.dropout > large.dropout && small.shape.h < large.shape.h && small.batch * small.length == 2048);
  said.shape = (PmtTrainShape){.body = pmt_body_find("tf"), .d = 96, .pos = PMT_POS_REL};
  said.dropout = 0.0;
  pmt_train_settle(&said, 10000);
  CHECK(said.shape.d == 96 && said.dropout == 0.0 && said.shape.heads == 3 && said.shape.reach == said.shape.window);
  CHECK(said.past == (int32_t)said.shape.window - 1);
}

static void check_resume(void) {
  char whole[512], halves[512];
  snprintf(whole, sizeof whole, "%s", pmt_scratch_path("whole.safetensors"));
  snprintf(halves, sizeof halves, "%s", pmt_scratch_path("halves.safetensors"));
  PmtTrainOptions o = small_run(whole);
  must_train(&o, true);
  o.out = halves;
  o.pause_after = 10;
  must_train(&o, false);
  o.pause_after = 0;
  o.resume = true;
  must_train(&o, true);
  pmt_scratch_check_same(whole, halves);
  must_train(&o, true); /* a finished run only writes its results again */
  pmt_scratch_check_same(whole, halves);

  /* a checkpoint of another run, a damaged one, none */
  PmtTrainResult* r = malloc(sizeof *r);
  PmtError error = {""};
  CHECK(r);
  o.seed = 2;
  CHECK(pmt_train(&o, r, &error) == PMT_BAD_ARG && strstr(error.text, "another run"));
  pmt_train_result_free(r);
  o.seed = 1;
  CHECK(!truncate(pmt_scratch_path("halves.safetensors.checkpoint"), 3000));
  CHECK(pmt_train(&o, r, &error) == PMT_BAD_FILE && error.text[0]);
  pmt_train_result_free(r);
  CHECK(!unlink(pmt_scratch_path("halves.safetensors.checkpoint")));
  CHECK(pmt_train(&o, r, &error) == PMT_IO && error.text[0]);
  pmt_train_result_free(r);
  /* no place to write, no music */
  o.resume = false;
  o.out = "/nonexistent/model.safetensors";
  CHECK(pmt_train(&o, r, &error) == PMT_IO && strstr(error.text, "/nonexistent"));
  pmt_train_result_free(r);
  end_run(&o);
  o.n_styles = 1;
  o.styles[0].folder = strdup(pmt_scratch_path("void"));
  CHECK(pmt_train(&o, r, &error) == PMT_BAD_FILE && strstr(error.text, "void"));
  pmt_train_result_free(r);
  end_run(&o);
  free(r);
}

/** Wherever memory runs out the run ends with a status and a line, and nothing is lost (the sanitizer build sees that). */
static void check_memory(void) {
  PmtTrainResult* r = malloc(sizeof *r);
  PmtTrainOptions o = small_run(pmt_scratch_path("memory.safetensors"));
  CHECK(r);
  free((char*)(uintptr_t)o.styles[0].folder);
  o.styles[0].folder = strdup(pmt_scratch_path("small2"));
  o.steps = 1;
  o.batch = 2;
  for (size_t n = 0;; n += 1 + n / 16) {
    PmtError error = {""};
    pmt_fail_after(n);
    const PmtStatus st = pmt_train(&o, r, &error);
    pmt_fail_never();
    const size_t refused = r->n_corpora ? r->corpora[0].n_refused : 0;
    pmt_train_result_free(r);
    if (!st) {
      CHECK(!refused);
      break;
    }
    CHECKF(error.text[0], "allocation %zu: status %d, \"%s\"", n, (int)st, error.text);
  }
  end_run(&o);
  free(r);
}

/** The appraisal's nats are those of the run-time net, fed as the engine feeds it: condition of the slot, then its tokens;
    BOS under the first slot's condition; T_next predicted under the old condition. */
static double step_by_step(const PmtNet* net, uint32_t parts, const PmtPiece* piece) {
  const PmtSequence* s = &piece->sequence;
  PmtNetState* state;
  double nats = 0.0;
  size_t slot = 0;
  PmtListener listener;
  PmtHints hints;
  CHECK(pmt_net_state_new(net, &state) == PMT_OK);
  pmt_net_reset(state);
  pmt_listener_reset(&listener, parts);
  for (size_t i = 0; i + 1 < s->n_tokens; ++i) {
    if (i == 0 || (slot < s->n_slots && s->slots[slot].token == i)) {
      PmtCondition condition = {.style = {1.0f}, .meter = s->slots[slot].meter};
      pmt_net_condition(state, &condition);
      slot += i != 0;
    }
    uint64_t spent = 0;
    pmt_listener_hear(&listener, s->tokens[i], NULL, &hints);
    pmt_net_begin(state, s->tokens[i], &hints);
    while (!pmt_net_run(state, UINT64_MAX / 2, &spent)) {}
    const float* logits = pmt_net_logits(state);
    double sum = 0.0;
    for (uint32_t v = 0; v < pmt_net_config(net)->vocab; ++v) { sum += exp((double)logits[v]); }
    nats += log(sum) - (double)logits[s->tokens[i + 1]];
  }
  pmt_net_state_free(state);
  return nats;
}

static void check_appraisal(void) {
  char model[512], folder[512];
  snprintf(model, sizeof model, "%s", pmt_scratch_path("whole.safetensors"));
  snprintf(folder, sizeof folder, "%s", pmt_scratch_path("small6"));
  PmtTensors* file;
  PmtNet* net;
  PmtCorpus c;
  PmtError error = {""};
  CHECK(pmt_tensors_read(model, &file, &error) == PMT_OK);
  const uint32_t parts = (uint32_t)atoi(pmt_tensors_meta(file, "parts"));
  PmtHintShape told;
  pmt_listener_shape(parts, &told);
  CHECKF(pmt_net_new(file, pmt_vocab_size(parts), &told, &net, &error) == PMT_OK, "%s", error.text);
  CHECK(!strcmp(pmt_tensors_meta(file, "hints"), PMT_LISTENER_NAME) && pmt_net_hints(net)->n_kinds);
  CHECK(!strcmp(pmt_tensors_meta(file, "styles"), "a,b") && pmt_tensors_meta(file, "density_octiles"));
  CHECK(!strcmp(pmt_tensors_meta(file, "drums"), "1"));
  CHECK(pmt_corpus_load("x", folder, parts, NULL, NULL, &c, NULL) == PMT_OK);
  double want = 0.0, quarters = 0.0;
  size_t tokens = 0;
  for (size_t i = 0; i < c.n_pieces; ++i) {
    want += step_by_step(net, parts, &c.pieces[i]);
    tokens += c.pieces[i].sequence.n_tokens - 1;
    quarters += c.pieces[i].ticks / 24.0;
  }
  PmtAppraiseOptions o = {.model = model, .folder = folder, .style = 0, .parts = parts, .threads = 2};
  PmtAppraisal a;
  CHECKF(pmt_appraise(&o, &a, &error) == PMT_OK, "%s", error.text);
  CHECK(a.pieces == c.n_pieces && a.tokens == tokens && fabs(a.quarters - quarters) < 1e-9 && !strcmp(a.part, "all"));
  CHECKF(fabs(a.nats - want) < 1e-4 * want, "%.4f nats, step by step %.4f", a.nats, want);
  double by_class = 0.0;
  for (uint32_t i = 0; i < PMT_SCORE_CLASSES; ++i) { by_class += a.class_nats[i]; }
  CHECK(fabs(by_class - a.nats) < 1e-9 * a.nats && a.class_nats[PMT_CLASS_BOS] == 0.0);
  CHECK(a.class_nats[PMT_CLASS_NOTE] > 0.0 && a.class_nats[PMT_CLASS_DUR] > 0.0 && a.class_nats[PMT_CLASS_END] > 0.0);
  CHECK(a.ngram[PMT_NGRAM_ORDER] > 0.0 && strstr(a.ngram_training, "tenfold"));
  o.baseline = folder; /* with the test pieces in training the 6-gram must do better than without */
  PmtAppraisal cheat;
  CHECK(pmt_appraise(&o, &cheat, &error) == PMT_OK && cheat.ngram[PMT_NGRAM_ORDER] < a.ngram[PMT_NGRAM_ORDER]);
  o.model = pmt_scratch_path("plain/tune01.mid");
  CHECK(pmt_appraise(&o, &a, &error) == PMT_BAD_FILE && strstr(error.text, "tune01.mid"));
  pmt_corpus_free(&c);
  pmt_net_free(net);
  pmt_tensors_free(file);
}

/** The model file says what its net is told, and is read so; what nobody can tell is refused. */
static void check_told(const char* without, bool told, bool leaps) {
  char path[512];
  snprintf(path, sizeof path, "%s", pmt_scratch_path("told-%s.safetensors", without));
  PmtTrainOptions o = small_run(path);
  PmtTensors* file;
  PmtTrainShape shape;
  PmtError error = {""};
  o.steps = 2;
  o.without[o.n_without++] = without;
  must_train(&o, true);
  CHECK(pmt_tensors_read(path, &file, &error) == PMT_OK && pmt_shape_read(file, &shape, &error) == PMT_OK);
  CHECK((pmt_tensors_meta(file, "hints") != NULL) == told && pmt_shape_is_hinted(&shape) == told);
  CHECK((pmt_tensors_find(file, "out.own.0.weight") != NULL) == leaps && (pmt_tensors_find(file, "near.weight") != NULL) == told);
  CHECK(!told || (pmt_shape_without(&shape, "leaps") == leaps && pmt_shape_without(&shape, "near")));
  pmt_tensors_free(file);
  end_run(&o);
}

static void check_unknown_hints(void) {
  PmtTensors* file;
  PmtTrainShape shape;
  PmtError error = {""};
  unsigned char* bytes;
  size_t n;
  CHECK(pmt_file_read(pmt_scratch_path("whole.safetensors"), 1 << 26, &bytes, &n, NULL) == PMT_OK);
  char* said = memmem(bytes, n, PMT_LISTENER_NAME, strlen(PMT_LISTENER_NAME));
  CHECK(said);
  said[strlen(PMT_LISTENER_NAME) - 1] = '9';
  CHECK(pmt_file_write(pmt_scratch_path("other.safetensors"), bytes, n, NULL) == PMT_OK);
  free(bytes);
  CHECK(pmt_tensors_read(pmt_scratch_path("other.safetensors"), &file, &error) == PMT_OK);
  CHECK(pmt_shape_read(file, &shape, &error) == PMT_UNSUPPORTED && strstr(error.text, "slot-9"));
  pmt_tensors_free(file);
}

static void check_without(void) {
  PmtTrainResult* r = calloc(1, sizeof *r);
  PmtError error = {""};
  check_told("hints", false, false);
  check_told("leaps", true, false);
  check_told("kinds", true, true);
  check_unknown_hints();
  PmtTrainOptions o = small_run(pmt_scratch_path("nothing.safetensors"));
  o.without[o.n_without++] = "nonsense";
  CHECK(r && pmt_train(&o, r, &error) == PMT_BAD_ARG && strstr(error.text, "nonsense"));
  pmt_train_result_free(r);
  free(r);
  end_run(&o);
}

static void check_license(void) {
  char text[400];
  pmt_card_license(pmt_scratch_path("plain"), text, sizeof text);
  CHECK(!strcmp(text, "not stated"));
  pmt_scratch_write(pmt_scratch_path("plain/LICENSE.txt"), "\n   MIT License\n\nCopyright (c) someone\nmore\n");
  pmt_scratch_write(pmt_scratch_path("plain/index.tsv"),
                    "file\tlicence\tbars\na.mid\tCC0\t3\nb.mid\tCC BY\t4\nc.mid\tCC0\t4\n");
  pmt_card_license(pmt_scratch_path("plain"), text, sizeof text);
  CHECKF(!strcmp(text, "LICENSE.txt: MIT License, Copyright (c) someone; index.tsv: CC0 2, CC BY 1"), "%s", text);
}

int main(void) {
  pmt_scratch_begin();
  check_corpus();
  check_small_folders();
  check_bad_folders();
  Data* d = calloc(1, sizeof *d);
  CHECK(d);
  load_data(d);
  for (size_t i = 0; i < d->corpora[0].n_pieces; ++i) {
    check_order(&d->corpora[0].pieces[i]);
    check_hints(&d->corpora[0].pieces[i], d->facts.parts);
  }
  check_noise(d);
  check_streams_legal(d);
  check_streams_forget(d);
  check_streams_seek(d);
  pmt_corpus_free(&d->corpora[0]);
  pmt_corpus_free(&d->corpora[1]);
  free(d);
  check_choices();
  check_resume();
  check_resume_of("gru", PMT_POS_ROPE);
  check_resume_of("rnn", PMT_POS_ROPE);
  for (int pos = 0; pos < PMT_TRAIN_POSES; ++pos) { check_resume_of("tf", (PmtPos)pos); }
  check_memory();
  check_appraisal();
  check_without();
  check_license();
  pmt_scratch_end();
  return 0;
}
