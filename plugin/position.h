/* SPDX-License-Identifier: ISC */
/** @file position.h  time:Position as hosts really write it -> PmtPosition. */
#ifndef PMT_PLUGIN_POSITION_H
#define PMT_PLUGIN_POSITION_H

#include "gen/engine.h"
#include "uris.h"

/** Read a position object. Any numeric atom type will do for any field; what is missing, not finite or absurd counts as
    not given (engine.h says what that means). @param speed_last used when the host gives no speed */
PmtPosition pmt_position_read(const PmtUris* uris, const LV2_Atom_Object* object, float speed_last) PMT_RT;

#endif
