/* SPDX-License-Identifier: ISC */
/* Above: gen/engine_slot.c. Below: gen/scale, gen/repeats, music/grammar. */
#include "gen/freeze.h"

#include "base/random.h"
#include "music/meter.h"

#include <string.h>

enum { POLYPHONY = 48, PHRASE_BARS = 8, DENSITY_ROWS = 8 };

static const float end_bias_range = 3.0f;   /* logits for density 1 */
static const float penalty_range = 8.0f;    /* logits for strictness 1 */
static const float strict_from = 0.99f;

static float sane(const float value, const float lo, const float hi, const float otherwise) {
  return !(value == value) ? otherwise : value < lo ? lo : value > hi ? hi : value;
}

static uint32_t whole(const float value) { return (uint32_t)(value + 0.5f); }

/** One of a port's choices 0 .. n - 1. */
static float choice(const float value, const uint32_t n) { return (float)whole(sane(value, 0.0f, (float)(n - 1), 0.0f)); }

/** Cut down to a length of the ports in bars. */
static float doubled_bars(const float bars) {
  return bars >= 8.0f ? 8.0f : bars >= 4.0f ? 4.0f : bars >= 2.0f ? 2.0f : bars >= 1.0f ? 1.0f : 0.0f;
}

PmtControls pmt_controls_default(void) {
  return (PmtControls){.temperature = 1.0f, .register_hi = 127.0f, .strictness = 0.5f, .velocity = 1.0f,
                       .channel = 1.0f, .enabled = 1.0f, .tempo = 120.0f,
                       .wait = 15.0f, .turn = 2.0f, .give_way = 0.5f, .follow = 0.5f, .thru = 1.0f};
}

PmtControls pmt_controls_sane(const PmtControls* const c) {
  const float lo = sane(c->register_lo, 0.0f, 127.0f, 0.0f);
  const float hi = sane(c->register_hi, 0.0f, 127.0f, 127.0f);
  return (PmtControls){
    .temperature = sane(c->temperature, 0.0f, 2.0f, 1.0f),
    .style = sane(c->style, 0.0f, (float)(PMT_STYLES_MAX - 1), 0.0f),
    .style2 = sane(c->style2, 0.0f, (float)(PMT_STYLES_MAX - 1), 0.0f),
    .blend = sane(c->blend, 0.0f, 1.0f, 0.0f),
    .density = sane(c->density, -1.0f, 1.0f, 0.0f),
    .min_p = sane(c->min_p, 0.0f, 0.5f, 0.0f),
    .seed = sane(c->seed, 0.0f, 65535.0f, 0.0f),
    .register_lo = lo < hi ? lo : hi,
    .register_hi = lo < hi ? hi : lo,
    .scale_root = sane(c->scale_root, 0.0f, 11.0f, 0.0f),
    .scale_mode = sane(c->scale_mode, 0.0f, (float)(PMT_SCALES - 1), 0.0f),
    .strictness = sane(c->strictness, 0.0f, 1.0f, 0.5f),
    .velocity = sane(c->velocity, 0.0f, 2.0f, 1.0f),
    .channel = sane(c->channel, 1.0f, 16.0f, 1.0f),
    .enabled = c->enabled <= 0.0f ? 0.0f : 1.0f,
    .hold = c->hold > 0.0f ? 1.0f : 0.0f,
    .loop = c->loop > 0.5f ? (float)PMT_LOOP_SAME : (float)PMT_LOOP_NEW,
    .freeze = doubled_bars(c->freeze),
    .run = choice(c->run, PMT_RUNS),
    .tempo = sane(c->tempo, 20.0f, 300.0f, 120.0f),
    .mode = choice(c->mode, PMT_MODES),
    .you_play = choice(c->you_play, PMT_YOUS),
    .wait = sane(c->wait, 0.0f, 60.0f, 15.0f),
    .turn = c->turn == c->turn ? doubled_bars(c->turn) : 2.0f,
    .give_way = sane(c->give_way, 0.0f, 1.0f, 0.5f),
    .follow = sane(c->follow, 0.0f, 1.0f, 0.5f),
    .room = choice(c->room, PMT_MANNERS),
    .rest = (float)whole(sane(c->rest, 0.0f, 16.0f, 0.0f)),
    .count_in = (float)whole(sane(c->count_in, 0.0f, 8.0f, 0.0f)),
    .thru = c->thru <= 0.0f ? 0.0f : 1.0f,
  };
}

bool pmt_controls_alike(const PmtControls* const a, const PmtControls* const b) {
  return a->temperature == b->temperature && a->style == b->style && a->style2 == b->style2 && a->blend == b->blend &&
         a->density == b->density && a->min_p == b->min_p && a->seed == b->seed && a->register_lo == b->register_lo &&
         a->register_hi == b->register_hi && a->scale_root == b->scale_root && a->scale_mode == b->scale_mode &&
         a->strictness == b->strictness && a->velocity == b->velocity;
}

static bool near(const float a, const float b) { return a - b <= 0.02f && b - a <= 0.02f; }

bool pmt_controls_near(const PmtControls* const a, const PmtControls* const b) {
  return near(a->temperature, b->temperature) && a->style == b->style && a->style2 == b->style2 &&
         near(a->blend, b->blend) && near(a->density, b->density) && near(a->min_p, b->min_p) && a->seed == b->seed &&
         a->register_lo == b->register_lo && a->register_hi == b->register_hi && a->scale_root == b->scale_root &&
         a->scale_mode == b->scale_mode && near(a->strictness, b->strictness) && near(a->velocity, b->velocity);
}

static uint32_t style_index(const PmtModel* const model, const float style) {
  const uint32_t index = whole(style);
  return index < model->n_styles ? index : model->n_styles - 1;
}

void pmt_freeze_styles(const PmtModel* const model, const PmtControls* const c, float weight[PMT_STYLES_MAX]) {
  memset(weight, 0, PMT_STYLES_MAX * sizeof *weight);
  weight[style_index(model, c->style)] += 1.0f - c->blend;
  weight[style_index(model, c->style2)] += c->blend;
}

uint32_t pmt_freeze_lead(const PmtModel* const model, const PmtControls* const c) {
  return style_index(model, c->blend > 0.5f ? c->style2 : c->style);
}

static uint32_t max_of(const uint32_t a, const uint32_t b) { return a > b ? a : b; }
static uint32_t min_of(const uint32_t a, const uint32_t b) { return a < b ? a : b; }

/** Melodic parts that the sounding styles knew in training. */
static uint32_t parts_in_use(const PmtModel* const model, const float weight[PMT_STYLES_MAX]) {
  uint32_t parts = 0;
  for (uint32_t i = 0; i < model->n_styles; ++i) {
    parts = weight[i] > 0.0f ? max_of(parts, model->parts_used[i]) : parts;
  }
  return min_of(parts, model->parts);
}

/** A style without drums gets none, however unsure the model is of it: a rag in 4/4 would else turn into a beat. */
static bool drums_in_use(const PmtModel* const model, const float weight[PMT_STYLES_MAX]) {
  bool drums = false;
  for (uint32_t i = 0; i < model->n_styles; ++i) {
    drums |= weight[i] > 0.0f && model->style_drums[i];
  }
  return drums && model->drums;
}

static void freeze_limits(const PmtModel* const model, const PmtControls* const c, const float weight[PMT_STYLES_MAX],
                          const uint16_t allowed, PmtLimits* const limits) {
  const uint32_t parts = parts_in_use(model, weight);
  const bool drums = drums_in_use(model, weight);
  pmt_limits_clear(limits);
  const uint32_t lo = whole(c->register_lo), hi = whole(c->register_hi);
  for (uint32_t p = 0; p < parts; ++p) {
    const uint32_t last = min_of(hi, model->pitch_hi[p]);
    for (uint32_t n = max_of(lo, model->pitch_lo[p]); n <= last; ++n) {
      if (allowed >> n % 12 & 1) {
        pmt_limits_set(limits, pmt_token_note(p, n), true);
      }
    }
  }
  for (uint32_t key = PMT_DRUM_LO; drums && key <= PMT_DRUM_HI; ++key) {
    pmt_limits_set(limits, pmt_token_drum(key), true);
  }
  limits->ornaments = model->ornaments;
  limits->velocity = model->velocity;
  limits->polyphony = POLYPHONY;
}

/** Equal places draw equally, wherever the transport started. */
static uint64_t place_key(const PmtPlace* const place) {
  return pmt_random_mix((uint64_t)place->bar) ^ place->index;
}

static uint8_t phrase_of(const int64_t bar) {
  const int64_t in_phrase = bar % PHRASE_BARS;
  return (uint8_t)(1 + (in_phrase < 0 ? in_phrase + PHRASE_BARS : in_phrase));
}

/** In the middle the style's usual density, not "unknown": left free, textures thinned out to one voice for
    bars on end. */
uint8_t pmt_freeze_density(const float density) {
  return (uint8_t)(1 + min_of(DENSITY_ROWS - 1, (uint32_t)((density + 1.0f) * 0.5f * (float)DENSITY_ROWS)));
}

/** Set, or what the sounding styles' is. */
static float min_p_of(const PmtModel* const model, const PmtControls* const c, const float weight[PMT_STYLES_MAX]) {
  float sum = 0.0f;
  for (uint32_t i = 0; i < model->n_styles; ++i) {
    sum += weight[i] * model->min_p[i];
  }
  return c->min_p > 0.0f ? c->min_p : sum;
}

/** Who wants it thin gets it thin: below the middle of Density parts are asked back less. */
static void ask_parts(const PmtModel* const model, const PmtControls* const c, const PmtRepeats* const repeats,
                      PmtFrozen* const frozen) {
  const float wanted = c->density < 0.0f ? 1.0f + c->density : 1.0f;
  pmt_repeats_ask_back(repeats, model->rests[pmt_freeze_lead(model, c)], frozen->sampling.asked);
  for (uint32_t p = 0; p < PMT_PARTS_MAX; ++p) {
    frozen->sampling.asked[p] *= wanted;
  }
}

void pmt_freeze(const PmtModel* const model, const PmtControls* const c, const PmtPlace* const place,
                const uint32_t key, const PmtRepeats* const repeats, PmtFrozen* const frozen) {
  const uint32_t mode = whole(c->scale_mode), root = whole(c->scale_root);
  const uint16_t in_scale = pmt_scale_bits(mode, root);
  const bool strict = c->strictness >= strict_from;
  frozen->controls = *c;
  frozen->velocity = c->velocity;
  frozen->scale = mode == PMT_SCALE_OFF ? 0 : in_scale;
  pmt_freeze_styles(model, c, frozen->condition.style);
  frozen->sampling = (PmtSampling){
    .tau = c->temperature,
    .min_p = min_p_of(model, c, frozen->condition.style),
    .doubt = pmt_repeats_doubt(repeats),
    .doubt_drums = repeats->drums_alone,
    .end_bias = -end_bias_range * c->density,
    .penalised = strict ? 0 : (uint16_t)(~in_scale & 0xfff),
    .penalty = penalty_range * c->strictness,
    .seed = whole(c->seed),
    .place = place_key(place),
  };
  ask_parts(model, c, repeats, frozen);
  frozen->condition.meter = (uint8_t)pmt_meter_class(place->bar_ticks);
  frozen->condition.key = (uint8_t)(mode == PMT_SCALE_OFF ? key : pmt_scale_key(mode, root));
  frozen->condition.phrase = phrase_of(place->bar);
  frozen->condition.density = pmt_freeze_density(c->density);
  freeze_limits(model, c, frozen->condition.style, strict ? in_scale : 0xfff, &frozen->limits);
}
