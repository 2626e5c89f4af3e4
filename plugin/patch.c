/* SPDX-License-Identifier: ISC */
/* patch:Set and patch:Get, in and out. Above: run(). Below: worker.c, out.c */
#include "plugin.h"

#include <lv2/atom/util.h>

#include <string.h>

static void take_set(PmtPlugin* const self, const LV2_URID property, const LV2_Atom* const value) {
  const PmtUris* const uris = &self->uris;
  if (property != uris->model || !value) {
    return;
  }
  if (value->type != uris->atom_path && value->type != uris->atom_string) {
    pmt_worker_say(&self->worker, "model not loaded: patch:Set did not bring a path");
    return;
  }
  pmt_worker_wish(&self->worker, (const char*)(value + 1), value->size);
  pmt_worker_exchange(&self->worker, self->engine);
}

/* No property: all are meant. */
static void take_get(PmtPlugin* const self, const LV2_URID property) {
  self->worker.path_changed |= !property || property == self->uris.model;
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

static bool tell(PmtPlugin* const self, const LV2_URID property, const char* const text, const LV2_URID type) {
  LV2_Atom_Forge* const forge = &self->forge;
  LV2_Atom_Forge_Frame frame;
  lv2_atom_forge_set_buffer(forge, self->message, sizeof self->message);
  lv2_atom_forge_object(forge, &frame, 0, self->uris.patch_set);
  lv2_atom_forge_key(forge, self->uris.patch_property);
  lv2_atom_forge_urid(forge, property);
  lv2_atom_forge_key(forge, self->uris.patch_value);
  lv2_atom_forge_typed_string(forge, type, text, (uint32_t)strlen(text));
  lv2_atom_forge_pop(forge, &frame);
  const LV2_Atom* const atom = (const LV2_Atom*)self->message;
  return pmt_out_append(&self->out, self->out.n_frames, atom, atom + 1);
}

void pmt_plugin_notify(PmtPlugin* const self) {
  PmtWorker* const w = &self->worker;
  if (w->path_changed && (!w->path[0] || tell(self, self->uris.model, w->path, self->uris.atom_path))) {
    w->path_changed = false;
  }
  if (w->status_changed && tell(self, self->uris.status, w->status, self->uris.atom_string)) {
    w->status_changed = false;
  }
}
