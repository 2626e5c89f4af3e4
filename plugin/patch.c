/* SPDX-License-Identifier: ISC */
/* patch:Set and patch:Get, in and out. Above: run(). Below: handover.c, out.c */
#include "plugin.h"

#include <lv2/atom/util.h>

#include <string.h>

static void take_set(PmtPlugin* const self, const LV2_URID property, const LV2_Atom* const value) {
  const PmtUris* const uris = &self->uris;
  PmtHandover* h = self->worker.first;
  while (h && h->property != property) {
    h = h->next;
  }
  if (!h || !h->kind->property || !value) {
    return;
  }
  if (value->type != uris->atom_path && value->type != uris->atom_string) {
    pmt_worker_complain(&self->worker, h->kind, "patch:Set did not bring a path");
    return;
  }
  pmt_handover_wish(h, (const char*)(value + 1), value->size);
  pmt_worker_exchange(&self->worker);
}

/* No property: all are meant. */
static void take_get(PmtPlugin* const self, const LV2_URID property) {
  for (PmtHandover* h = self->worker.first; h; h = h->next) {
    h->path_changed |= !property || property == h->property;
  }
  self->worker.status_changed |= !property || property == self->uris.status;
}

void pmt_plugin_patch(PmtPlugin* const self, const LV2_Atom_Object* const object) {
  const PmtUris* const uris = &self->uris;
  const LV2_Atom *subject = NULL, *property = NULL, *value = NULL;
  LV2_Atom_Object_Query query[] = {{uris->patch_subject, &subject},
                                   {uris->patch_property, &property},
                                   {uris->patch_value, &value},
                                   LV2_ATOM_OBJECT_QUERY_END};
  lv2_atom_object_query(object, query);
  if (subject && subject->type == uris->atom_urid && ((const LV2_Atom_URID*)subject)->body != uris->plugin) {
    return; /* somebody else's */
  }
  const LV2_URID name = property && property->type == uris->atom_urid ? ((const LV2_Atom_URID*)property)->body : 0;
  if (object->body.otype == uris->patch_set) {
    take_set(self, name, value);
  } else {
    take_get(self, name);
  }
}

/* ---- Answers ----------------------------------------------------------------------------------------------------- */

/* A patch:Set up to its text. Written out, and not by LV2's forge: that calls whatever it was given to write with. */
typedef struct {
  LV2_Atom_Object object;
  LV2_Atom_Property_Body property;
  LV2_URID property_urid;
  uint32_t padding;
  LV2_Atom_Property_Body value; /* the text follows */
} Set;

_Static_assert(sizeof(Set) == 56, "every atom begins at a multiple of 8 bytes");

static uint32_t put_text(uint8_t* const to, const char* const text) {
  uint32_t length = 0;
  while (text[length] && length < PMT_MESSAGE_MAX - sizeof(Set) - 1) {
    to[length] = (uint8_t)text[length];
    ++length;
  }
  to[length++] = '\0';
  return length;
}

static bool tell(PmtPlugin* const self, const LV2_URID property, const char* const text, const LV2_URID type) {
  const PmtUris* const uris = &self->uris;
  const uint32_t size = put_text(self->message + sizeof(Set), text);
  const Set set = {
    .object = {{(uint32_t)(sizeof(Set) - sizeof(LV2_Atom)) + size, uris->atom_object}, {0, uris->patch_set}},
    .property = {uris->patch_property, 0, {sizeof(LV2_URID), uris->atom_urid}},
    .property_urid = property,
    .value = {uris->patch_value, 0, {size, type}},
  };
  memcpy(self->message, &set, sizeof set);
  return pmt_out_append(&self->out, self->out.n_frames, &set.object.atom, self->message + sizeof(LV2_Atom));
}

void pmt_plugin_notify(PmtPlugin* const self) {
  PmtWorker* const w = &self->worker;
  for (PmtHandover* h = w->first; h; h = h->next) {
    if (h->path_changed && (!h->path[0] || tell(self, h->property, h->path, self->uris.atom_path))) {
      h->path_changed = false;
    }
  }
  if (w->status_changed && tell(self, self->uris.status, w->status, self->uris.atom_string)) {
    w->status_changed = w->status_fresh = false;
  }
}
