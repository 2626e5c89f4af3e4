/* SPDX-License-Identifier: ISC */
/** @file lv2_host_private.h  What the files of lv2_host share: the host itself. */
#ifndef PMT_TESTS_SUPPORT_LV2_HOST_PRIVATE_H
#define PMT_TESTS_SUPPORT_LV2_HOST_PRIVATE_H

#include "support/lv2_host.h"

#include <lv2/atom/forge.h>
#include <lv2/log/log.h>
#include <lv2/state/state.h>
#include <lv2/urid/urid.h>
#include <lv2/worker/worker.h>

#include <pthread.h>
#include <stdatomic.h>

enum { HOST_URIS = 128, HOST_IN = 65536, HOST_CANARY = 64, HOST_CANARY_BYTE = 0x5a, HOST_RING = 64, HOST_MESSAGE = 256,
       HOST_PORTS = 48, HOST_FRAMES = 65536, HOST_TOLD = 8 };

/** Messages from one thread to one other, without locks: schedule_work() runs in the audio thread. */
typedef struct {
  struct { uint32_t size; uint8_t bytes[HOST_MESSAGE]; } message[HOST_RING];
  _Atomic(uint32_t) head, tail;
} HostRing;

/** What cycles need, mapped once: looking names up took more time than the plugin's silence. */
typedef struct {
  LV2_URID midi, position, frame, speed, bar, bar_beat, beats_per_bar, beat_unit, bpm, set, get, property, value;
} HostKeys;

struct PmtHost {
  PmtHostOptions options;
  char uri[HOST_URIS][96];
  uint32_t n_uris;
  LV2_URID_Map map_feature; /* the plugin may keep them */
  LV2_Log_Log log_feature;
  void* library;
  const LV2_Descriptor* descriptor;
  const LV2_Worker_Interface* worker;
  const LV2_State_Interface* state;
  LV2_Handle handle;
  HostKeys key;
  float port[HOST_PORTS];
  _Alignas(8) uint8_t in[HOST_IN];
  LV2_Atom_Forge forge;
  LV2_Atom_Forge_Frame in_frame;
  float* audio[2]; /* of the instrument */
  uint8_t* out;
  uint32_t out_capacity;
  bool out_connected;
  uint64_t frame;
  PmtMidiList midi;
  bool sounds[16][128];
  uint32_t n_sounding, n_messages;
  struct { LV2_URID property; char text[4200]; } told[HOST_TOLD];
  char log[1024];
  _Atomic(uint32_t) n_log_lines;
  void (*watch)(bool inside);
  bool running;

  LV2_Worker_Schedule schedule;
  HostRing requests, responses;
  _Atomic(uint32_t) n_requests;
  _Atomic(bool) stop;
  pthread_t thread;
  bool threaded;
  int paths_out;
};

LV2_URID pmt_host_map(void* host, const char* uri);
char* pmt_host_make_path(LV2_State_Make_Path_Handle host, const char* path); /**< malloc's, in options.session */
void pmt_host_begin(PmtHost* host);
void pmt_host_worker_start(PmtHost* host);
void pmt_host_worker_stop(PmtHost* host);
/** Call the watch, if there is one. */
void pmt_host_tell_watch(PmtHost* host, bool inside);
/** Deliver responses: after run(). */
void pmt_host_worker_respond(PmtHost* host);

#endif
