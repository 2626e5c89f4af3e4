/* SPDX-License-Identifier: ISC */
/** @file state.h  Saving and restoring: every property that is a path, the model's hash, the last bars. Host's thread,
    while run() goes on. */
#ifndef PMT_PLUGIN_STATE_H
#define PMT_PLUGIN_STATE_H

#include <lv2/state/state.h>

extern const LV2_State_Interface pmt_state_interface;

#endif
