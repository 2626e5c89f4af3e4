/* SPDX-License-Identifier: ISC */
/** @file ports.h  The one list of ports in C. ttl/plugin.ttl.in is written by hand for readers; tests/test_ports.c
    compares the two through lilv: index, symbol, kind, default and range.

    No LV2 in here, so that tools and tests may include it. */
#ifndef PMT_PLUGIN_PORTS_H
#define PMT_PLUGIN_PORTS_H

#define PMT_PLUGIN_URI "urn:partimento:generator"
#define PMT_INSTRUMENT_URI "urn:partimento:instrument" /**< with sound: all ports of the generator, then its own */
#define PMT_PLUGIN_MODEL_URI "urn:partimento:model"   /**< parameter, atom:Path: the weights that play */
#define PMT_PLUGIN_STATUS_URI "urn:partimento:status" /**< parameter, atom:String: the last message; read only */

/** X(NAME, symbol, kind, default, min, max), in the order of the indices. */
#define PMT_PORTS(X)                                          \
  X(CONTROL,       "control",       ATOM_IN,   0, 0, 0)       \
  X(MIDI_OUT,      "midi_out",      ATOM_OUT,  0, 0, 0)       \
  X(TEMPERATURE,   "temperature",   FLOAT_IN,  1, 0, 2)       \
  X(STYLE,         "style",         FLOAT_IN,  0, 0, 31)      \
  X(STYLE2,        "style2",        FLOAT_IN,  0, 0, 31)      \
  X(BLEND,         "blend",         FLOAT_IN,  0, 0, 1)       \
  X(DENSITY,       "density",       FLOAT_IN,  0, -1, 1)      \
  X(MIN_P,         "min_p",         FLOAT_IN,  0,      0, 0.5f) \
  X(SEED,          "seed",          FLOAT_IN,  0, 0, 65535)   \
  X(REGISTER_LOW,  "register_low",  FLOAT_IN,  0, 0, 127)     \
  X(REGISTER_HIGH, "register_high", FLOAT_IN,  127, 0, 127)   \
  X(SCALE_ROOT,    "scale_root",    FLOAT_IN,  0, 0, 11)      \
  X(SCALE_MODE,    "scale_mode",    FLOAT_IN,  0, 0, 12)      \
  X(STRICTNESS,    "strictness",    FLOAT_IN,  0.5f, 0, 1)    \
  X(VELOCITY,      "velocity",      FLOAT_IN,  1, 0, 2)       \
  X(CHANNEL,       "channel",       FLOAT_IN,  1, 1, 16)      \
  X(ENABLED,       "enabled",       FLOAT_IN,  1, 0, 1)       \
  X(HOLD,          "hold",          FLOAT_IN,  0, 0, 1)       \
  X(BAR,           "bar",           FLOAT_OUT, 0, 0, 1000000) \
  X(LATE_SLOTS,    "late_slots",    FLOAT_OUT, 0, 0, 1000000) \
  X(SURPRISE,      "surprise",      FLOAT_OUT, 0, 0, 20)      \
  X(LOOP,          "loop",          FLOAT_IN,  0, 0, 1)       \
  X(FREEZE,        "freeze",        FLOAT_IN,  0, 0, 8)       \
  X(RUN,           "run",           FLOAT_IN,  0, 0, 2)       \
  X(TEMPO,         "tempo",         FLOAT_IN,  120, 20, 300)  \
  X(PANIC,         "panic",         FLOAT_IN,  0, 0, 1)       \
  X(CAPTURE,       "capture",       FLOAT_IN,  0, 0, 1)       \
  X(CAPTURE_BARS,  "capture_bars",  FLOAT_IN,  0, 0, 999)     \
  X(MODE,          "mode",          FLOAT_IN,  0, 0, 3)       \
  X(YOU_PLAY,      "you_play",      FLOAT_IN,  0, 0, 5)       \
  X(WAIT,          "wait",          FLOAT_IN,  15, 0, 60)     \
  X(TURN,          "turn",          FLOAT_IN,  2, 0, 8)       \
  X(GIVE_WAY,      "give_way",      FLOAT_IN,  0.5f, 0, 1)    \
  X(FOLLOW,        "follow",        FLOAT_IN,  0.5f, 0, 1)    \
  X(ROOM,          "room",          FLOAT_IN,  0, 0, 2)       \
  X(REST,          "rest",          FLOAT_IN,  0, 0, 16)      \
  X(COUNT_IN,      "count_in",      FLOAT_IN,  0, 0, 8)       \
  X(THRU,          "thru",          FLOAT_IN,  1, 0, 1)       \
  X(LEARN,         "learn",         FLOAT_IN,  0, 0, 1)       \
  X(LEARN_BARS,    "learn_bars",    FLOAT_IN,  4, 1, 8)       \
  X(DOING,         "doing",         FLOAT_OUT, 0, 0, 2)

/** What the instrument has beside these; the indices go on. */
#define PMT_INSTRUMENT_PORTS(X)                               \
  X(VOLUME,        "volume",        FLOAT_IN,  0, -60, 6)     \
  X(PAN,           "pan",           FLOAT_IN,  0, -1, 1)      \
  X(OUT_LEFT,      "out_left",      AUDIO_OUT, 0, 0, 0)       \
  X(OUT_RIGHT,     "out_right",     AUDIO_OUT, 0, 0, 0)

typedef enum { PMT_ATOM_IN, PMT_ATOM_OUT, PMT_FLOAT_IN, PMT_FLOAT_OUT, PMT_AUDIO_OUT } PmtPortKind;

#define PMT_PORT_ENUM(name, symbol, kind, def, min, max) PMT_PORT_##name,
typedef enum { PMT_PORTS(PMT_PORT_ENUM) PMT_PORT_COUNT } PmtPortIndex;
typedef enum {
  PMT_PORT_BEFORE_INSTRUMENT = PMT_PORT_COUNT - 1,
  PMT_INSTRUMENT_PORTS(PMT_PORT_ENUM) PMT_INSTRUMENT_PORT_COUNT
} PmtInstrumentPortIndex;
#undef PMT_PORT_ENUM

#endif
