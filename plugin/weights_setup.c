/* SPDX-License-Identifier: ISC */
/* The slow half of weights.h. Above: handover_setup.c. Below: gen/model, gen/context */
#include "weights.h"

#include "gen/context.h"

#include <stdio.h>
#include <string.h>

static const char* base_name(const char* const path) {
  const char* const slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* Without its last bars a session is still a session. */
static void resume(PmtPlayer* const player, const char* const text, PmtParcel* const parcel) {
  PmtContext context = {0};
  PmtError error = {""};
  PmtStatus status = pmt_context_parse(text, &context, &error);
  status = status ? status : pmt_player_resume(player, &context, &error);
  pmt_context_free(&context);
  parcel->fresh = !status;
  if (status) {
    parcel->flawed = true;
    const size_t length = strlen(parcel->status);
    snprintf(parcel->status + length, sizeof parcel->status - length, "; the session's last bars are left out: %s",
             error.text[0] ? error.text : pmt_strerror(status));
  }
}

/* Where the file was does not matter if its content is here. */
static PmtStatus get_model(const PmtWanted* const wanted, PmtModel** const model, PmtError* const error) {
  const PmtStatus status = pmt_model_load(wanted->path, model, error);
  if (status && wanted->hash) {
    *model = pmt_model_borrow(wanted->hash);
  }
  return *model ? PMT_OK : status;
}

static PmtStatus load(void* const user, const PmtWanted* const wanted, PmtParcel* const parcel, PmtError* const error) {
  (void)user;
  PmtModel* model = NULL;
  PmtStatus status = get_model(wanted, &model, error);
  if (status) {
    return status;
  }
  PmtPlayer* player = NULL;
  status = pmt_player_new(model, &player);
  if (status) {
    pmt_model_free(model);
    return pmt_fail(error, status, "%s: %s", wanted->path, pmt_strerror(status));
  }
  parcel->object = player;
  parcel->hash = model->hash;
  snprintf(parcel->status, sizeof parcel->status, "playing %s (%s)", model->title[0] ? model->title : "a model",
           base_name(wanted->path));
  if (wanted->context) {
    resume(player, wanted->context, parcel);
  }
  return PMT_OK;
}

static void unload(void* const player) { pmt_player_free(player); }

const PmtHandoverKind pmt_weights_kind = {
  .failed = "model not loaded",
  .property = true,
  .load = load,
  .unload = unload,
  .offer = pmt_weights_offer,
  .take_old = pmt_weights_take_old,
};
