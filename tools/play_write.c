/* SPDX-License-Identifier: ISC */
/* The MIDI file that `partimento play` leaves behind. Above: cmd_play.c. Below: gen/render.h for what the plugin played
   alone, music/smf.h for it and a player. */
#include "play.h"

#include "gen/channels.h"
#include "gen/programs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TICKS_PER_QUARTER = 480 };

/* Programs are those of the start: a MIDI file names them once. */
static uint32_t control_at_start(const PmtPlay* play, const char* symbol, float lo, float hi) {
  const double value = pmt_play_control_at(play, symbol, play->transport.stretches[0].from);
  return (uint32_t)fmin((double)hi, fmax((double)lo, value));
}

static uint32_t style_at_start(const PmtPlay* play) {
  return play->model ? control_at_start(play, "style", 0, (float)play->model->n_styles - 1) : 0;
}

/* ---- alone: the bytes that `partimento generate` writes ---- */

static PmtStatus write_alone(const PmtPlay* play, const PmtSmfOut* maps, PmtError* error) {
  const PmtMidiListOut out = {
    .sample_rate = play->args.sample_rate,
    .ticks_per_quarter = maps->ticks_per_quarter,
    .tempos = maps->tempos,
    .n_tempos = maps->n_tempos,
    .meters = maps->meters,
    .n_meters = maps->n_meters,
    .model = play->model,
    .channel = control_at_start(play, "channel", 1, 16),
    .style = style_at_start(play),
    .end_frame = pmt_transport_played_frames(&play->transport),
  };
  return pmt_midi_list_write(&play->record.list, &out, play->args.out, error);
}

/* ---- with a player: both in the song's own ticks, so that theirs are exact and ours lie with them ---- */

static uint64_t tick_at(const PmtPlay* play, uint64_t frame) {
  const double quarter = pmt_transport_played_quarter(&play->transport, frame);
  return (uint64_t)llround(fmax(0, quarter) * play->player.ticks_per_quarter);
}

static uint32_t used_channels(const PmtMidiList* list) {
  uint32_t used = 0;
  for (size_t i = 0; i < list->n_events; ++i) {
    used |= 1u << (list->events[i].bytes[0] & 15);
  }
  return used;
}

/* @param events room for PMT_CHANNELS more than were recorded @return how many */
static size_t fill_events(const PmtPlay* play, PmtSmfEvent* events) {
  const PmtMidiList* list = &play->record.list;
  size_t n = 0;
  if (play->model) {
    n = pmt_programs_put(play->model, style_at_start(play), control_at_start(play, "channel", 1, 16),
                         used_channels(list), 0, events);
  }
  for (size_t i = 0; i < list->n_events; ++i) {
    events[n] = (PmtSmfEvent){.tick = tick_at(play, list->events[i].frame), .size = list->events[i].size};
    memcpy(events[n++].bytes, list->events[i].bytes, sizeof events->bytes);
  }
  return n;
}

/* A program belongs to a channel, whatever the track: where the plugin plays on the player's, theirs is the last one that
   is free. @return 0..15 */
static uint32_t channel_of_player(const PmtPlay* play) {
  const uint32_t own = play->player.options.channel - 1;
  const uint32_t used = used_channels(&play->record.list) | 1u << PMT_DRUM_CHANNEL;
  for (uint32_t channel = PMT_CHANNELS; (used >> own & 1) && channel-- > 0;) {
    if (!(used >> channel & 1)) {
      return channel;
    }
  }
  return own;
}

static void fill_player(const PmtPlay* play, PmtSmfEvent* events) {
  const PmtMusician* player = &play->player;
  const uint32_t channel = channel_of_player(play);
  for (size_t i = 0; i < player->n_events; ++i) {
    events[i] = player->events[i];
    if ((events[i].bytes[0] & 15) != PMT_DRUM_CHANNEL) {
      events[i].bytes[0] = (uint8_t)((events[i].bytes[0] & 0xf0) | channel);
    }
  }
}

static PmtStatus write_both(const PmtPlay* play, const PmtSmfOut* maps, PmtError* error) {
  const size_t n_player = play->player.n_events;
  const char* names[PMT_CHANNELS] = {NULL};
  PmtSmfEvent* events = malloc((n_player + play->record.list.n_events + PMT_CHANNELS) * sizeof *events);
  if (!events) {
    return pmt_fail(error, PMT_NO_MEM, "%s: out of memory", play->args.out);
  }
  const PmtSmfTrack player = {"Player", events, n_player};
  fill_player(play, events);
  for (uint32_t i = 0; play->model && i < PMT_CHANNELS; ++i) {
    names[i] = pmt_programs_name(play->model, control_at_start(play, "channel", 1, 16), i);
  }
  PmtSmfOut out = *maps;
  out.names = names;
  out.tracks = &player;
  out.n_tracks = 1;
  out.events = events + n_player;
  out.n_events = fill_events(play, events + n_player);
  out.end_tick = tick_at(play, pmt_transport_played_frames(&play->transport));
  const PmtStatus status = pmt_smf_write(play->args.out, &out, error);
  free(events);
  return status;
}

PmtStatus pmt_play_write(PmtPlay* play, PmtError* error) {
  const bool both = pmt_musician_is_there(&play->player);
  PmtSmfTempo* tempos = NULL;
  PmtSmfMeter* meters = NULL;
  PmtSmfOut maps = {.ticks_per_quarter = both ? play->player.ticks_per_quarter : TICKS_PER_QUARTER};
  if (pmt_transport_maps(&play->transport, maps.ticks_per_quarter, &tempos, &maps.n_tempos, &meters, &maps.n_meters)) {
    return pmt_fail(error, PMT_NO_MEM, "%s: out of memory", play->args.out);
  }
  maps.tempos = tempos;
  maps.meters = meters;
  const PmtStatus status = (both ? write_both : write_alone)(play, &maps, error);
  free(tempos);
  free(meters);
  return status;
}
