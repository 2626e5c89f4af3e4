/* SPDX-License-Identifier: ISC */
/* The last bars, from the tape and as text. Above: the plugin's state. Below: gen/tape, music/codec, music/grammar.

   The text is one line of words, so that it survives every host's way of keeping a string:

     partimento-context 1 next BAR INDEX
       slot STYLE METER KEY PHRASE LENGTH TOKEN ...   as often as there are slots; the first token is the slot's T
     end

   A stranger may have written it. Every number has its range, and the tokens of each slot are held to the grammar. */
#include "gen/context.h"

#include "music/grammar.h"
#include "music/meter.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  SLOTS_MAX = PMT_CONTEXT_BARS * PMT_SLOTS_MAX,
  SLOT_TIME = PMT_TAPE_QUARTER / 2,
  SLOT_ROOM = 64, /* tokens; a slot of the engine has at most PMT_SLOT_STEPS_MAX and its T, and we may add a velocity */
  TOKEN_BITS = 11,
  TOKENS_A_RECORD = 3,
  WORD_SHOWN = 24,
  VERSION = 1,
};

static const char magic[] = "partimento-context";

_Static_assert(PMT_SLOT_STEPS_MAX + 2 <= SLOT_ROOM, "a slot fits");

/* ---- Building ---------------------------------------------------------------------------------------------------- */

/** How many tokens make something complete: all of them, unless the slot was cut. Any velocity does, for nobody knows
    which one was in force. @param tokens the T first */
static size_t count_complete(const PmtToken* const tokens, const size_t n) {
  PmtGrammar g;
  PmtLimits limits;
  const uint32_t k = (uint32_t)(tokens[0] - PMT_TOKEN_SLOT);
  size_t complete = 1;
  pmt_limits_all(&limits, PMT_PARTS_MAX);
  pmt_grammar_reset(&g);
  pmt_grammar_begin_slot(&g, k, PMT_SLOT_TICKS, k + 1, 0, PMT_SLOT_TOKENS_MAX);
  for (size_t i = 1; i < n; ++i) {
    const bool velocity = pmt_token_class(tokens[i]) == PMT_CLASS_VEL;
    g.velocity = velocity ? (uint8_t)((tokens[i] - PMT_TOKEN_VEL + 1) % PMT_VELOCITIES) : g.velocity;
    g.tokens = 1;
    if (pmt_token_class(tokens[i]) == PMT_CLASS_SLOT || !pmt_grammar_accept(&g, &limits, PMT_PARTS_MAX, tokens[i])) {
      break;
    }
    complete = g.state == PMT_AFTER_DUR || g.state == PMT_AFTER_COMPLETE ? i + 1 : complete;
  }
  return complete;
}

/** What a slot is of its bar. @param meter class; unknown is 4/4 */
static double share_of_bar(const uint32_t meter) { return 1.0 / (double)(meter ? meter : 8); }

static bool is_onset(const PmtToken token) {
  const PmtTokenClass class = pmt_token_class(token);
  return class == PMT_CLASS_NOTE || class == PMT_CLASS_DRUM;
}

/** @param n_tokens_max of all slots together */
static PmtStatus begin_context(PmtContext* const context, const size_t n_tokens_max, PmtError* const error) {
  PmtSequence* const s = &context->sequence;
  s->tokens = malloc((n_tokens_max + 2) * sizeof *s->tokens);
  s->slots = calloc(SLOTS_MAX, sizeof *s->slots);
  if (!s->tokens || !s->slots) {
    return pmt_fail(error, PMT_NO_MEM, "out of memory for the last bars");
  }
  s->tokens[s->n_tokens++] = PMT_BOS;
  return PMT_OK;
}

static void add_slot(PmtContext* const context, const PmtTapeSlot* const head, const uint32_t length,
                     const PmtToken* const tokens, const size_t n) {
  PmtSequence* const s = &context->sequence;
  context->style[s->n_slots] = head->style;
  s->slots[s->n_slots++] = (PmtSlot){.token = (uint32_t)s->n_tokens, .meter = head->meter, .key = head->key,
                                     .phrase = head->phrase, .length = (uint8_t)length};
  memcpy(s->tokens + s->n_tokens, tokens, n * sizeof *tokens);
  s->n_tokens += n;
}

/** Ticks, bars and their onsets: they follow from the rest. */
static void end_context(PmtContext* const context) {
  PmtSequence* const s = &context->sequence;
  s->tokens[s->n_tokens++] = PMT_END;
  uint16_t onsets[SLOTS_MAX] = {0};
  for (size_t i = 0; i < s->n_slots; ++i) {
    PmtSlot* const slot = &s->slots[i];
    const PmtSlot* const before = i ? slot - 1 : NULL;
    slot->tick = before ? before->tick + before->length : 0;
    slot->bar = before ? before->bar + (s->tokens[slot->token] <= s->tokens[before->token]) : 0;
    const size_t end = i + 1 < s->n_slots ? slot[1].token : s->n_tokens;
    for (size_t t = slot->token; t < end; ++t) {
      onsets[slot->bar] = (uint16_t)(onsets[slot->bar] + is_onset(s->tokens[t]));
    }
  }
  for (size_t i = 0; i < s->n_slots; ++i) {
    s->slots[i].bar_notes = onsets[s->slots[i].bar];
  }
}

void pmt_context_free(PmtContext* const context) { pmt_sequence_free(&context->sequence); }

/* ---- From the tape ----------------------------------------------------------------------------------------------- */

typedef struct {
  PmtTapeSlot head;
  uint8_t length; /* ticks */
  size_t record;  /* after the slot's own */
} Mark;

/** The slots composed last, and the place of what plays. */
typedef struct {
  const PmtTapeRecord* records;
  size_t n;
  Mark mark[SLOTS_MAX]; /* a ring */
  size_t n_marks;       /* ever; those before a change of style do not count */
  int64_t first_bar;    /* where the first of them lies */
  uint32_t first_index;
  uint32_t bar_ticks;
  int64_t bar;
  uint64_t bar_time, time; /* of its line, or of where it was entered; of what began last */
  uint32_t entered;        /* slot at bar_time */
} Scan;

static uint32_t index_at(const Scan* const s, const uint64_t time) {
  return s->entered + (uint32_t)((time - s->bar_time) / SLOT_TIME);
}

static const Mark* mark_at(const Scan* const s, const size_t i) { return &s->mark[i % SLOTS_MAX]; }

/** Another style in the lead is a new piece: it does not remember what was before, and nor do we. */
static void take_slot(Scan* const s, const size_t record) {
  const PmtTapeRecord* const r = &s->records[record];
  const PmtTapeSlot head = pmt_tape_slot_of(r->payload);
  if (r->time == s->bar_time) {
    s->entered = head.index;
  }
  if (s->n_marks && mark_at(s, s->n_marks - 1)->head.style != head.style) {
    s->n_marks = 0;
  }
  if (!s->n_marks) {
    s->first_bar = s->bar;
    s->first_index = index_at(s, r->time);
  }
  const uint32_t in_bar = index_at(s, r->time) * PMT_SLOT_TICKS;
  s->mark[s->n_marks++ % SLOTS_MAX] = (Mark){
    .head = head,
    .length = (uint8_t)(in_bar < s->bar_ticks ? pmt_slot_length(in_bar, s->bar_ticks) : (uint32_t)PMT_SLOT_TICKS),
    .record = record + 1,
  };
}

static void scan_tape(Scan* const s) {
  s->bar_ticks = PMT_TICKS_PER_WHOLE;
  for (size_t i = 0; i < s->n; ++i) {
    const PmtTapeRecord* const r = &s->records[i];
    switch (r->kind) {
    case PMT_TAPE_METER:
      s->bar_ticks = pmt_meter_bar_ticks(
        (PmtMeter){.beats = (float)(r->payload >> 8) / 64.0f, .unit = (int)(r->payload & 0xff)});
      break;
    case PMT_TAPE_BAR:
      s->bar = (int32_t)(uint32_t)r->payload;
      s->bar_time = s->time = r->time;
      s->entered = 0;
      break;
    case PMT_TAPE_SLOT:
      s->time = r->time;
      take_slot(s, i);
      break;
    case PMT_TAPE_MIDI: /* of a repeated slot, only its notes tell; an end may come before the slot it would be in */
      s->time = (r->payload >> 20 & 0xf) == 9 ? r->time : s->time;
      break;
    default: break;
    }
  }
}

/** Tokens of a mark's slot that are complete, and room for one more. @return how many, 0 when none is there yet */
static size_t read_tokens(const Scan* const s, const Mark* const mark, PmtToken tokens[SLOT_ROOM]) {
  size_t n = 0;
  for (size_t i = mark->record; i < s->n && s->records[i].kind != PMT_TAPE_SLOT; ++i) {
    if (s->records[i].kind != PMT_TAPE_TOKENS) {
      continue;
    }
    for (uint32_t j = 0; j < TOKENS_A_RECORD && n + 1 < SLOT_ROOM; ++j) {
      const uint32_t word = s->records[i].payload >> TOKEN_BITS * j & ((1u << TOKEN_BITS) - 1);
      if (word) {
        tokens[n++] = (PmtToken)(word - 1);
      }
    }
  }
  return n && pmt_token_class(tokens[0]) == PMT_CLASS_SLOT ? count_complete(tokens, n) : 0;
}

/** The first of the marks that lie in the last bars: at a bar line, if it is not the very first. */
static size_t first_mark(const Scan* const s) {
  const size_t oldest = s->n_marks > SLOTS_MAX ? s->n_marks - SLOTS_MAX : 0;
  size_t first = s->n_marks;
  double bars = 0.0;
  while (first > oldest && bars < (double)PMT_CONTEXT_BARS - 1e-6) {
    bars += share_of_bar(mark_at(s, --first)->head.meter);
  }
  for (size_t i = first; first > 0 && i < s->n_marks; ++i) {
    if (mark_at(s, i)->head.index == 0) {
      return i;
    }
  }
  return first;
}

/** The velocity in force before a mark: what was said last of it in this piece. */
static PmtToken velocity_before(const Scan* const s, const Mark* const mark) {
  for (size_t i = mark->record; i-- > 0;) {
    const PmtTapeRecord* const r = &s->records[i];
    if (r->kind == PMT_TAPE_SLOT && pmt_tape_slot_of(r->payload).style != mark->head.style) {
      break;
    }
    for (uint32_t j = TOKENS_A_RECORD; r->kind == PMT_TAPE_TOKENS && j-- > 0;) {
      const uint32_t word = r->payload >> TOKEN_BITS * j & ((1u << TOKEN_BITS) - 1);
      if (word && pmt_token_class((PmtToken)(word - 1)) == PMT_CLASS_VEL) {
        return (PmtToken)(word - 1);
      }
    }
  }
  return pmt_token_vel(PMT_VELOCITY_START);
}

/** Music that begins here says its velocity before the first note, unless it is the usual one.
    @return whether nothing more is to be done */
static bool say_velocity(const PmtToken velocity, PmtToken tokens[SLOT_ROOM], size_t* const n) {
  for (size_t i = 1; i < *n; ++i) {
    const PmtTokenClass class = pmt_token_class(tokens[i]);
    if (class == PMT_CLASS_VEL) {
      return true;
    }
    if (class == PMT_CLASS_ORNAMENT || is_onset(tokens[i])) {
      if (velocity != pmt_token_vel(PMT_VELOCITY_START)) {
        memmove(tokens + i + 1, tokens + i, (*n - i) * sizeof *tokens);
        tokens[i] = velocity;
        ++*n;
      }
      return true;
    }
  }
  return false;
}

static PmtStatus read_slots(const Scan* const s, PmtContext* const context, PmtError* const error) {
  const size_t first = first_mark(s);
  const PmtStatus status = first < s->n_marks
                             ? begin_context(context, (s->n_marks - first) * SLOT_ROOM, error)
                             : pmt_fail(error, PMT_BAD_ARG, "nothing was composed yet");
  if (status) {
    return status;
  }
  bool said = false;
  const PmtToken velocity = velocity_before(s, mark_at(s, first));
  for (size_t i = first; i < s->n_marks; ++i) {
    const Mark* const mark = mark_at(s, i);
    PmtToken tokens[SLOT_ROOM];
    size_t n = read_tokens(s, mark, tokens);
    if (n) {
      said = said || say_velocity(velocity, tokens, &n);
      add_slot(context, &mark->head, mark->length, tokens, n);
    }
  }
  if (!context->sequence.n_slots) {
    return pmt_fail(error, PMT_BAD_ARG, "nothing was composed yet");
  }
  end_context(context);
  const uint32_t next = index_at(s, s->time) + 1;
  const bool within = next * PMT_SLOT_TICKS < s->bar_ticks;
  context->next_bar = s->bar + !within;
  context->next_index = within ? next : 0;
  context->whole = first == 0;
  context->first_bar = s->first_bar;
  context->first_index = s->first_index;
  return PMT_OK;
}

PmtStatus pmt_context_read(const PmtTape* const tape, PmtContext* const context, PmtError* const error) {
  *context = (PmtContext){0};
  PmtTapeRecord* const records = malloc(PMT_TAPE_RECORDS * sizeof *records);
  Scan* const scan = calloc(1, sizeof *scan);
  PmtStatus status = PMT_NO_MEM;
  if (records && scan) {
    scan->records = records;
    scan->n = pmt_tape_copy(tape, records);
    scan_tape(scan);
    status = read_slots(scan, context, error);
  } else {
    pmt_fail(error, status, "out of memory for the last bars");
  }
  free(records);
  free(scan);
  if (status) {
    pmt_context_free(context);
  }
  return status;
}

/* ---- Two as one -------------------------------------------------------------------------------------------------- */

/** The first slot of the last `bars` bars, at a bar line. */
static size_t first_of_last(const PmtSequence* const s, double bars) {
  size_t first = s->n_slots, at_line = s->n_slots;
  while (first > 0 && (bars -= share_of_bar(s->slots[first - 1].meter)) > -1e-6) {
    --first;
    at_line = first == 0 || s->tokens[s->slots[first].token] == PMT_TOKEN_SLOT ? first : at_line;
  }
  return at_line;
}

/** Slots from `first` on. @param velocity in force before the sequence; afterwards, at its end */
static void add_slots(PmtContext* const to, const PmtContext* const from, const size_t first, PmtToken* const velocity,
                      bool* const said) {
  const PmtSequence* const s = &from->sequence;
  for (size_t i = 0; i < s->n_slots; ++i) {
    const PmtSlot* const slot = &s->slots[i];
    const PmtTapeSlot head = {.meter = slot->meter, .key = slot->key, .phrase = slot->phrase, .style = from->style[i]};
    PmtToken tokens[SLOT_ROOM];
    size_t n = (i + 1 < s->n_slots ? slot[1].token : s->n_tokens - 1) - slot->token;
    n = n < SLOT_ROOM ? n : SLOT_ROOM - 1;
    memcpy(tokens, s->tokens + slot->token, n * sizeof *tokens);
    if (i >= first) {
      *said = *said || say_velocity(*velocity, tokens, &n);
      add_slot(to, &head, slot->length, tokens, n);
    }
    for (size_t t = 1; t < n; ++t) {
      *velocity = pmt_token_class(tokens[t]) == PMT_CLASS_VEL ? tokens[t] : *velocity;
    }
  }
}

PmtStatus pmt_context_join(const PmtContext* const earlier, PmtContext* const later, PmtError* const error) {
  const PmtSequence *a = &earlier->sequence, *b = &later->sequence;
  const bool goes_on = later->whole && a->n_slots && b->n_slots && later->first_bar == earlier->next_bar &&
                       later->first_index == earlier->next_index && later->style[0] == earlier->style[a->n_slots - 1];
  double bars = PMT_CONTEXT_BARS;
  for (size_t i = 0; i < b->n_slots; ++i) {
    bars -= share_of_bar(b->slots[i].meter);
  }
  const size_t first = goes_on ? first_of_last(a, bars) : a->n_slots;
  if (first == a->n_slots || a->n_slots - first + b->n_slots > SLOTS_MAX) {
    return PMT_OK;
  }
  PmtContext joined = *later;
  joined.sequence = (PmtSequence){0};
  const PmtStatus status = begin_context(&joined, a->n_tokens + b->n_tokens + 1, error);
  if (status) {
    pmt_context_free(&joined);
    return status;
  }
  PmtToken velocity = pmt_token_vel(PMT_VELOCITY_START);
  bool said = false;
  add_slots(&joined, earlier, first, &velocity, &said);
  add_slots(&joined, later, 0, &velocity, &said);
  end_context(&joined);
  pmt_context_free(later);
  *later = joined;
  return PMT_OK;
}

/* ---- To text ----------------------------------------------------------------------------------------------------- */

typedef struct {
  char* text;
  size_t used, size; /* used >= size: it did not fit */
} Page;

static void print(Page* const page, const char* const format, ...) PMT_PRINTF(2, 3);
static void print(Page* const page, const char* const format, ...) {
  if (page->used < page->size) {
    va_list args;
    va_start(args, format);
    page->used += (size_t)vsnprintf(page->text + page->used, page->size - page->used, format, args);
    va_end(args);
  }
}

size_t pmt_context_print(const PmtContext* const context, char* const text, const size_t size) {
  const PmtSequence* const s = &context->sequence;
  Page page = {text, 0, size};
  print(&page, "%s %d next %lld %u", magic, VERSION, (long long)context->next_bar, context->next_index);
  for (size_t i = 0; i < s->n_slots; ++i) {
    const PmtSlot* const slot = &s->slots[i];
    const size_t end = i + 1 < s->n_slots ? slot[1].token : s->n_tokens - 1; /* END is at the end */
    print(&page, " slot %u %u %u %u %u", context->style[i], slot->meter, slot->key, slot->phrase, slot->length);
    for (size_t t = slot->token; t < end; ++t) {
      print(&page, " %u", s->tokens[t]);
    }
  }
  print(&page, " end");
  return page.used < page.size ? page.used : 0;
}

/* ---- From text --------------------------------------------------------------------------------------------------- */

typedef struct {
  const char* at;   /* the present word ... */
  size_t length;    /* ... of so many bytes; 0 = the text has ended */
  uint32_t number;  /* of it, from 1 */
  PmtError* error;
} Words;

static bool is_blank(const char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static void next_word(Words* const w) {
  w->at += w->length;
  while (is_blank(*w->at)) {
    ++w->at;
  }
  w->length = 0;
  while (w->at[w->length] && !is_blank(w->at[w->length])) {
    ++w->length;
  }
  ++w->number;
}

static bool is_word(const Words* const w, const char* const word) {
  return w->length == strlen(word) && !memcmp(w->at, word, w->length);
}

static PmtStatus refuse(const Words* const w, const char* const wanted) {
  char shown[WORD_SHOWN + 1];
  const size_t n = w->length < WORD_SHOWN ? w->length : WORD_SHOWN;
  for (size_t i = 0; i < n; ++i) {
    shown[i] = w->at[i] > 0x20 && w->at[i] < 0x7f ? w->at[i] : '?';
  }
  shown[n] = '\0';
  if (!w->length) {
    return pmt_fail(w->error, PMT_BAD_FILE, "the session's last bars end at word %u, need %s", w->number, wanted);
  }
  return pmt_fail(w->error, PMT_BAD_FILE, "the session's last bars: word %u is \"%s%s\", need %s", w->number, shown,
                  n < w->length ? "..." : "", wanted);
}

static PmtStatus take_word(Words* const w, const char* const word) {
  if (!is_word(w, word)) {
    return refuse(w, word);
  }
  next_word(w);
  return PMT_OK;
}

/** A decimal number in lo..hi, of at most ten digits. */
static PmtStatus take_number(Words* const w, const int64_t lo, const int64_t hi, const char* const wanted,
                             int64_t* const value) {
  const bool minus = w->length && *w->at == '-';
  int64_t number = 0;
  bool good = w->length > minus && w->length <= 10u + minus;
  for (size_t i = minus; good && i < w->length; ++i) {
    good = w->at[i] >= '0' && w->at[i] <= '9';
    number = number * 10 + (w->at[i] - '0');
  }
  number = minus ? -number : number;
  if (!good || number < lo || number > hi) {
    return refuse(w, wanted);
  }
  *value = number;
  next_word(w);
  return PMT_OK;
}

static PmtStatus take_byte(Words* const w, const int64_t lo, const int64_t hi, const char* const wanted,
                           uint8_t* const value) {
  int64_t number = 0;
  const PmtStatus status = take_number(w, lo, hi, wanted, &number);
  *value = (uint8_t)number;
  return status;
}

/** Words up to the next that is not a number. */
static PmtStatus take_tokens(Words* const w, PmtToken tokens[SLOT_ROOM], size_t* const n) {
  for (*n = 0; w->length && !is_word(w, "slot") && !is_word(w, "end"); ++*n) {
    int64_t token = 0;
    if (*n == SLOT_ROOM) {
      return refuse(w, "the next slot: no slot has so many tokens");
    }
    const int64_t lo = *n ? 0 : PMT_TOKEN_SLOT, hi = *n ? PMT_VOCAB_MAX - 1 : PMT_TOKEN_SLOT + PMT_SLOTS_MAX - 1;
    const PmtStatus status = take_number(w, lo, hi, *n ? "a token" : "a slot token", &token);
    if (status) {
      return status;
    }
    tokens[*n] = (PmtToken)token;
  }
  return *n ? PMT_OK : refuse(w, "a slot token");
}

static PmtStatus parse_slot(Words* const w, PmtContext* const context) {
  PmtTapeSlot head = {0};
  uint8_t length = 0;
  PmtToken tokens[SLOT_ROOM];
  size_t n = 0;
  PmtStatus status = take_byte(w, 0, PMT_STYLES_MAX - 1, "a style", &head.style);
  status = status ? status : take_byte(w, 0, PMT_METER_CLASSES - 1, "a meter", &head.meter);
  status = status ? status : take_byte(w, 0, 24, "a key", &head.key);
  status = status ? status : take_byte(w, 0, 8, "a bar of the phrase", &head.phrase);
  status = status ? status : take_byte(w, 1, PMT_SLOT_TICKS, "a length of 1 to 12 ticks", &length);
  status = status ? status : take_tokens(w, tokens, &n);
  if (status) {
    return status;
  }
  const size_t complete = count_complete(tokens, n);
  if (complete < n) {
    char name[24];
    pmt_token_name(tokens[complete], name, sizeof name);
    return pmt_fail(w->error, PMT_BAD_FILE, "the session's last bars: slot %zu is no music from token %zu on, %s",
                    context->sequence.n_slots + 1, complete + 1, name);
  }
  add_slot(context, &head, length, tokens, n);
  return PMT_OK;
}

static PmtStatus parse(Words* const w, PmtContext* const context) {
  int64_t version = 0, bar = 0, index = 0;
  PmtStatus status = take_word(w, magic);
  status = status ? status : take_number(w, 0, INT32_MAX, "a version", &version);
  if (!status && version != VERSION) {
    return pmt_fail(w->error, PMT_UNSUPPORTED, "the session's last bars are of version %d, need %d", (int)version,
                    VERSION);
  }
  status = status ? status : take_word(w, "next");
  status = status ? status : take_number(w, INT32_MIN, INT32_MAX, "a bar", &bar);
  status = status ? status : take_number(w, 0, PMT_BAR_TICKS_MAX / PMT_SLOT_TICKS - 1, "a slot of the bar", &index);
  while (!status && is_word(w, "slot")) {
    if (context->sequence.n_slots == SLOTS_MAX) {
      return refuse(w, "the end: there are too many slots");
    }
    next_word(w);
    status = parse_slot(w, context);
  }
  if (!status && !context->sequence.n_slots) {
    return refuse(w, "slot");
  }
  status = status ? status : take_word(w, "end");
  if (!status && w->length) {
    return refuse(w, "nothing more");
  }
  context->next_bar = bar;
  context->next_index = (uint32_t)index;
  return status;
}

PmtStatus pmt_context_parse(const char* const text, PmtContext* const context, PmtError* const error) {
  *context = (PmtContext){0};
  const size_t length = strnlen(text, PMT_CONTEXT_TEXT_MAX);
  if (length == PMT_CONTEXT_TEXT_MAX) {
    return pmt_fail(error, PMT_TOO_BIG, "the session's last bars: %d bytes or more", PMT_CONTEXT_TEXT_MAX);
  }
  PmtStatus status = begin_context(context, length / 2 + 1, error); /* a token and a blank */
  if (!status) {
    Words words = {.at = text, .error = error};
    next_word(&words);
    status = parse(&words, context);
  }
  if (status) {
    pmt_context_free(context);
    return status;
  }
  end_context(context);
  return PMT_OK;
}
