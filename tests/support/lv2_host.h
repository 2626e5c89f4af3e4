/* SPDX-License-Identifier: ISC */
/** @file lv2_host.h  A small LV2 host for tests: loads an object of the built bundle by dlopen and drives its one
    descriptor.

    It misbehaves on request as real hosts do: without a worker, with one that refuses, that forgets, that is polled, or
    that runs inside schedule_work(); with an output buffer of any size; with paths that are not malloc's. After each
    cycle it checks what holds for every plugin: events whole, in order, inside the buffer, nothing written behind it,
    no note-on for a note that sounds on, no note-off for one that does not, sound that is there, finite and no longer
    than the cycle. Calls that fail end the test. */
#ifndef PMT_TESTS_SUPPORT_LV2_HOST_H
#define PMT_TESTS_SUPPORT_LV2_HOST_H

#include "gen/render.h"

#include <lv2/core/lv2.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  PMT_HOST_NO_WORKER, /**< no work:schedule at all */
  PMT_HOST_THREAD,    /**< a thread with mod-host's 64 KiB of stack */
  PMT_HOST_POLLED,    /**< work happens in pmt_host_work() */
  PMT_HOST_INSIDE,    /**< inside schedule_work(), as when freewheeling */
  PMT_HOST_REFUSING,  /**< schedule_work() says no; pmt_host_accept() mends it into PMT_HOST_POLLED */
  PMT_HOST_LOSING,    /**< it says yes and forgets, as jalv's does when its ring is full */
} PmtHostWorker;

typedef struct {
  const char* bundle;    /**< directory */
  const char* uri;       /**< NULL = the generator; or PMT_INSTRUMENT_URI */
  double sample_rate;    /**< 0 = 48000 */
  PmtHostWorker worker;
  uint32_t out_capacity; /**< 0 = 65536 */
  const char* session;   /**< folder of the paths that state:makePath makes in instantiate(); NULL: it is not offered */
  bool options;          /**< pass opts:options, as Ardour: maxBlockLength 8192 */
  bool no_urid_map;      /**< instantiate must then fail */
  bool no_ports;         /**< connect the two atom ports only */
  size_t fail_after;     /**< not 0: allocations in instantiate() fail from this one on, counted from 1 */
} PmtHostOptions;

typedef struct PmtHost PmtHost;

/** Load, instantiate, connect with default values. NULL when the plugin refuses to be instantiated. */
PmtHost* pmt_host_new(const PmtHostOptions* options);
void pmt_host_free(PmtHost* host);
void pmt_host_activate(PmtHost* host);
void pmt_host_deactivate(PmtHost* host);

/** Value of a control port, to read or write. @param port PmtPortIndex or PmtInstrumentPortIndex */
float* pmt_host_port(PmtHost* host, uint32_t port);
float* pmt_host_control(PmtHost* host, const char* symbol);
/** Connect a port elsewhere (NULL: to nothing). */
void pmt_host_connect(PmtHost* host, uint32_t port, void* data);
void pmt_host_set_out_capacity(PmtHost* host, uint32_t capacity);

/** Atom types a position is written with. */
typedef enum { PMT_HOST_PLAIN, PMT_HOST_DOUBLES, PMT_HOST_FLOATS, PMT_HOST_INTS, PMT_HOST_NUMBERS } PmtHostNumbers;

/** Events for the next cycle, in frame order. Fields of the position that engine.h calls "not given" are left out. */
void pmt_host_send_position(PmtHost* host, uint32_t frame, const PmtPosition* position, PmtHostNumbers numbers);
void pmt_host_send_midi(PmtHost* host, uint32_t frame, const uint8_t* bytes, uint32_t size);
/** Any other atom. */
void pmt_host_send_atom(PmtHost* host, uint32_t frame, const char* type_uri, const void* value, uint32_t size);
/** patch:Set of `property` to `value` (`size` bytes, of atom type `type_uri`). */
void pmt_host_send_set(PmtHost* host, uint32_t frame, const char* property, const char* type_uri, const void* value,
                       uint32_t size);
/** The same for the model, as hosts do it. */
void pmt_host_send_model(PmtHost* host, uint32_t frame, const char* path);
/** patch:Get of a property, or of all when NULL. */
void pmt_host_send_get(PmtHost* host, uint32_t frame, const char* property);

/** One cycle. Around the call of the plugin's run() and nothing else (what the worker does inside it is left out),
    `watch` is called with true, then false. */
void pmt_host_run(PmtHost* host, uint32_t n_frames);
void pmt_host_watch(PmtHost* host, void (*watch)(bool inside));

/** Work for the worker, in PMT_HOST_POLLED: do it all. @return how many requests there were */
uint32_t pmt_host_work(PmtHost* host);
/** PMT_HOST_REFUSING becomes PMT_HOST_POLLED. */
void pmt_host_accept(PmtHost* host);
/** From the next cycle on: freewheeling begins, the ring fills up. Neither from nor to a thread or none. */
void pmt_host_set_worker(PmtHost* host, PmtHostWorker worker);
/** How often schedule_work() was called. */
uint32_t pmt_host_requests(const PmtHost* host);
/** Run empty cycles, up to about two seconds, until the status text contains `text`. */
bool pmt_host_await(PmtHost* host, const char* text);

/** What the instrument sounded in the last cycle: its frames. @param side 0 left, 1 right */
const float* pmt_host_audio(const PmtHost* host, int side);

/** All MIDI so far; frames count from the first cycle. May be emptied by pmt_midi_list_free(). */
PmtMidiList* pmt_host_midi(PmtHost* host);
uint64_t pmt_host_frame(const PmtHost* host);
uint32_t pmt_host_sounding(const PmtHost* host);
/** The text (a path, a string) of a property as last told by patch:Set; "" at first. */
const char* pmt_host_told(PmtHost* host, const char* property);
const char* pmt_host_status(PmtHost* host); /**< that of PMT_PLUGIN_STATUS_URI */
const char* pmt_host_path(PmtHost* host);   /**< that of PMT_PLUGIN_MODEL_URI */
uint32_t pmt_host_messages(const PmtHost* host);  /**< patch:Set received */
const char* pmt_host_log(const PmtHost* host);    /**< last line logged */
uint32_t pmt_host_log_lines(const PmtHost* host); /**< how many there were */

enum { PMT_HOST_PROPERTIES = 8, PMT_HOST_VALUE = 66000 };

typedef struct {
  char key[128], type[128];
  char value[PMT_HOST_VALUE];
  size_t size; /**< 0: nothing is stored here. Take 1 away to be Carla */
} PmtHostProperty;

/** What a host keeps of save(), in the order stored. A zeroed struct is empty. Half a megabyte: mind the stack. */
typedef struct {
  union {
    PmtHostProperty property[PMT_HOST_PROPERTIES];
    struct { /* the first of them: shorter to write for those who want just one */
      char key[128], type[128];
      char value[PMT_HOST_VALUE];
      size_t size;
    };
  };
  uint32_t count; /**< stored by save(); restore() looks at all that have a size */
} PmtHostState;

/** NULL: it was not stored. */
PmtHostProperty* pmt_host_find_property(PmtHostState* state, const char* key);

typedef struct {
  bool map;     /**< state:mapPath: paths are turned into "abstract:..." */
  bool release; /**< state:freePath: paths are then no malloc blocks, so that free() would crash */
  bool make;    /**< state:makePath */
} PmtHostPaths;

void pmt_host_save(PmtHost* host, PmtHostState* state, PmtHostPaths paths);
void pmt_host_restore(PmtHost* host, const PmtHostState* state, PmtHostPaths paths);
/** Paths given to the plugin and not freed (only counted with `release`). */
int pmt_host_paths_out(const PmtHost* host);

LV2_Handle pmt_host_handle(const PmtHost* host);

/** Path of the bundle beside the running test: ../partimento.lv2 of its folder. */
void pmt_host_find_bundle(char* path, size_t size);
/** Copy the bundle into `directory`/partimento.lv2 with `model` (NULL: none) as its model. */
void pmt_host_copy_bundle(const char* directory, const char* model, char* path, size_t size);

#endif
