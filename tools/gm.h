/* SPDX-License-Identifier: ISC */
/** @file gm.h  Names of General MIDI, for people. */
#ifndef PMT_TOOLS_GM_H
#define PMT_TOOLS_GM_H

#include <stdint.h>

/** @param program 0..127 */
const char* pmt_gm_program_name(uint32_t program);

/** Short name of a percussion key, or NULL outside 35..81. */
const char* pmt_gm_drum_name(uint32_t key);

#endif
