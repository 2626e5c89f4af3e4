/* SPDX-License-Identifier: ISC */
/* General MIDI names. Above: cmd_inspect.c, roll_draw.c. */
#include "gm.h"

#include "music/vocab.h"

#include <stddef.h>

static const char* const program_names[128] = {
  "Acoustic piano", "Bright piano", "Electric grand", "Honky-tonk piano", "Electric piano 1", "Electric piano 2",
  "Harpsichord", "Clavinet", "Celesta", "Glockenspiel", "Music box", "Vibraphone", "Marimba", "Xylophone",
  "Tubular bells", "Dulcimer", "Drawbar organ", "Percussive organ", "Rock organ", "Church organ", "Reed organ",
  "Accordion", "Harmonica", "Tango accordion", "Nylon guitar", "Steel guitar", "Jazz guitar", "Clean guitar",
  "Muted guitar", "Overdriven guitar", "Distortion guitar", "Guitar harmonics", "Acoustic bass", "Finger bass",
  "Pick bass", "Fretless bass", "Slap bass 1", "Slap bass 2", "Synth bass 1", "Synth bass 2", "Violin", "Viola",
  "Cello", "Contrabass", "Tremolo strings", "Pizzicato strings", "Harp", "Timpani", "String ensemble 1",
  "String ensemble 2", "Synth strings 1", "Synth strings 2", "Choir", "Voice", "Synth voice", "Orchestra hit",
  "Trumpet", "Trombone", "Tuba", "Muted trumpet", "French horn", "Brass section", "Synth brass 1", "Synth brass 2",
  "Soprano sax", "Alto sax", "Tenor sax", "Baritone sax", "Oboe", "English horn", "Bassoon", "Clarinet", "Piccolo",
  "Flute", "Recorder", "Pan flute", "Bottle", "Shakuhachi", "Whistle", "Ocarina", "Square lead", "Saw lead",
  "Calliope lead", "Chiff lead", "Charang lead", "Voice lead", "Fifths lead", "Bass lead", "New age pad", "Warm pad",
  "Polysynth pad", "Choir pad", "Bowed pad", "Metallic pad", "Halo pad", "Sweep pad", "Rain", "Soundtrack",
  "Crystal", "Atmosphere", "Brightness", "Goblins", "Echoes", "Sci-fi", "Sitar", "Banjo", "Shamisen", "Koto",
  "Kalimba", "Bagpipe", "Fiddle", "Shanai", "Tinkle bell", "Agogo", "Steel drums", "Woodblock", "Taiko",
  "Melodic tom", "Synth drum", "Reverse cymbal", "Fret noise", "Breath noise", "Seashore", "Bird tweet", "Telephone",
  "Helicopter", "Applause", "Gunshot",
};

static const char* const drum_names[PMT_DRUMS] = {
  "Kick 2", "Kick", "Stick", "Snare", "Clap", "Snare 2", "Tom 6", "Hat", "Tom 5", "Hat pedal", "Tom 4", "Hat open",
  "Tom 3", "Tom 2", "Crash", "Tom 1", "Ride", "China", "Ride bell", "Tambourine", "Splash", "Cowbell", "Crash 2",
  "Vibraslap", "Ride 2", "Bongo hi", "Bongo lo", "Conga mute", "Conga hi", "Conga lo", "Timbale hi", "Timbale lo",
  "Agogo hi", "Agogo lo", "Cabasa", "Maracas", "Whistle", "Whistle 2", "Guiro", "Guiro 2", "Claves", "Block hi",
  "Block lo", "Cuica mute", "Cuica", "Triangle", "Triangle 2",
};

const char* pmt_gm_program_name(uint32_t program) {
  return program_names[program & 127];
}

const char* pmt_gm_drum_name(uint32_t key) {
  return key >= PMT_DRUM_LO && key <= PMT_DRUM_HI ? drum_names[key - PMT_DRUM_LO] : NULL;
}
