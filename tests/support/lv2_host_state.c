/* SPDX-License-Identifier: ISC */
/* State, paths and copies of the bundle of lv2_host.h. */
#include "support/lv2_host_private.h"

#include "check.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_HEAD = 16 }; /* before each path we hand out with freePath: free() on it would crash */
static const char abstract[] = "abstract:";

static char* give_path(PmtHost* const host, const char* const prefix, const char* const path, const bool release) {
  const size_t head = release ? PATH_HEAD : 0;
  const size_t size = strlen(prefix) + strlen(path) + 1;
  char* const block = malloc(head + size);
  CHECK(block);
  snprintf(block + head, size, "%s%s", prefix, path);
  host->paths_out += release;
  return block + head;
}

typedef struct { PmtHost* host; PmtHostPaths paths; } PathHandle;

static char* map_abstract(LV2_State_Map_Path_Handle handle, const char* path) {
  const PathHandle* const h = handle;
  CHECK(path[0] == '/');
  return give_path(h->host, abstract, path, h->paths.release);
}

static char* map_absolute(LV2_State_Map_Path_Handle handle, const char* path) {
  const PathHandle* const h = handle;
  const size_t length = sizeof abstract - 1;
  return give_path(h->host, "", path + (strncmp(path, abstract, length) ? 0 : length), h->paths.release);
}

static char* make_path(LV2_State_Make_Path_Handle handle, const char* path) {
  const PathHandle* const h = handle;
  return give_path(h->host, "/nowhere/", path, h->paths.release);
}

char* pmt_host_make_path(LV2_State_Make_Path_Handle handle, const char* path) {
  PmtHost* const host = handle;
  char folder[4200];
  CHECK(path[0] != '/' && (size_t)snprintf(folder, sizeof folder, "%s/", host->options.session) < sizeof folder);
  return give_path(host, folder, path, false);
}

static void free_path(LV2_State_Free_Path_Handle handle, char* path) {
  --((const PathHandle*)handle)->host->paths_out;
  free(path - PATH_HEAD);
}

/* Call `body` with the features. */
static void with_paths(PmtHost* const host, const PmtHostPaths paths, void* const data,
                       void (*const body)(PmtHost*, void*, const LV2_Feature* const*)) {
  PathHandle handle = {host, paths};
  LV2_State_Map_Path map = {&handle, map_abstract, map_absolute};
  LV2_State_Make_Path make = {&handle, make_path};
  LV2_State_Free_Path release = {&handle, free_path};
  const LV2_Feature features[] = {
      {LV2_STATE__mapPath, &map}, {LV2_STATE__makePath, &make}, {LV2_STATE__freePath, &release}};
  const bool pass[] = {paths.map, paths.make, paths.release};
  const LV2_Feature* list[4] = {NULL};
  for (size_t i = 0, n = 0; i < 3; ++i) {
    if (pass[i]) {
      list[n++] = &features[i];
    }
  }
  body(host, data, list);
}

static const char* unmap(const PmtHost* const host, const LV2_URID urid) { return host->uri[urid - 1]; }

PmtHostProperty* pmt_host_find_property(PmtHostState* const state, const char* const key) {
  for (uint32_t i = 0; i < PMT_HOST_PROPERTIES; ++i) {
    if (state->property[i].size && !strcmp(state->property[i].key, key)) {
      return &state->property[i];
    }
  }
  return NULL;
}

typedef struct { PmtHost* host; PmtHostState* state; } StateHandle;

static LV2_State_Status store(LV2_State_Handle handle, uint32_t key, const void* value, size_t size, uint32_t type,
                              uint32_t flags) {
  const StateHandle* const h = handle;
  CHECK(h->state->count < PMT_HOST_PROPERTIES && !pmt_host_find_property(h->state, unmap(h->host, key)));
  PmtHostProperty* const property = &h->state->property[h->state->count++];
  CHECK(size && size <= sizeof property->value && flags == LV2_STATE_IS_POD);
  snprintf(property->key, sizeof property->key, "%s", unmap(h->host, key));
  snprintf(property->type, sizeof property->type, "%s", unmap(h->host, type));
  memcpy(property->value, value, size);
  property->size = size;
  return LV2_STATE_SUCCESS;
}

static const void* retrieve(LV2_State_Handle handle, uint32_t key, size_t* size, uint32_t* type, uint32_t* flags) {
  const StateHandle* const h = handle;
  PmtHostProperty* const property = pmt_host_find_property(h->state, unmap(h->host, key));
  if (!property) {
    return NULL;
  }
  *size = property->size;
  *type = pmt_host_map(h->host, property->type);
  *flags = LV2_STATE_IS_POD;
  return property->value;
}

static void save(PmtHost* const host, void* const data, const LV2_Feature* const* const features) {
  StateHandle handle = {host, data};
  memset(handle.state, 0, sizeof *handle.state);
  CHECK(!host->state->save(host->handle, store, &handle, LV2_STATE_IS_POD, features));
}

static void restore(PmtHost* const host, void* const data, const LV2_Feature* const* const features) {
  StateHandle handle = {host, data};
  host->state->restore(host->handle, retrieve, &handle, 0, features);
}

void pmt_host_save(PmtHost* const host, PmtHostState* const state, const PmtHostPaths paths) {
  with_paths(host, paths, state, save);
}

void pmt_host_restore(PmtHost* const host, const PmtHostState* const state, const PmtHostPaths paths) {
  PmtHostState* const copy = malloc(sizeof *copy); /* gone when restore() is back: nobody may keep what it was given */
  CHECK(copy);
  memcpy(copy, state, sizeof *copy);
  with_paths(host, paths, copy, restore);
  memset(copy, 'x', sizeof *copy);
  free(copy);
}

int pmt_host_paths_out(const PmtHost* const host) { return host->paths_out; }

/* Folders ---------------------------------------------------------------------------------------------------------- */

void pmt_host_find_bundle(char* const path, const size_t size) {
  char program[4000];
  const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  CHECK(length > 0);
  program[length] = 0;
  for (int up = 0; up < 2; ++up) {
    char* const slash = strrchr(program, '/');
    CHECK(slash);
    *slash = 0;
  }
  CHECK((size_t)snprintf(path, size, "%s/partimento.lv2", program) < size);
  CHECKF(!access(path, R_OK), "%s: build the plugin first", path);
}

static void copy_file(const char* const from, const char* const to) {
  FILE* const in = fopen(from, "rb");
  FILE* const out = fopen(to, "wb");
  CHECKF(in && out, "%s -> %s", from, to);
  char buffer[65536];
  for (size_t n; (n = fread(buffer, 1, sizeof buffer, in)) > 0;) {
    CHECK(fwrite(buffer, 1, n, out) == n);
  }
  fclose(in);
  CHECK(!fclose(out));
}

/* Plain files and one level of folders, models left out. */
static void copy_folder(const char* const from, const char* const to, const int depth) {
  CHECK(!mkdir(to, 0777));
  DIR* const folder = opendir(from);
  CHECK(folder);
  for (const struct dirent* entry; (entry = readdir(folder));) {
    char a[4200], b[4200];
    struct stat st;
    if (entry->d_name[0] == '.' || strstr(entry->d_name, ".safetensors")) {
      continue;
    }
    CHECK((size_t)snprintf(a, sizeof a, "%s/%s", from, entry->d_name) < sizeof a);
    CHECK((size_t)snprintf(b, sizeof b, "%s/%s", to, entry->d_name) < sizeof b);
    CHECK(!stat(a, &st));
    if (S_ISREG(st.st_mode)) {
      copy_file(a, b);
    } else if (S_ISDIR(st.st_mode) && depth < 1) {
      copy_folder(a, b, depth + 1);
    }
  }
  closedir(folder);
}

void pmt_host_copy_bundle(const char* const directory, const char* const model, char* const path, const size_t size) {
  char bundle[4100];
  pmt_host_find_bundle(bundle, sizeof bundle);
  CHECK((size_t)snprintf(path, size, "%s/partimento.lv2", directory) < size);
  copy_folder(bundle, path, 0);
  if (model) {
    char to[4200];
    CHECK((size_t)snprintf(to, sizeof to, "%s/partimento.safetensors", path) < sizeof to);
    copy_file(model, to);
  }
}
