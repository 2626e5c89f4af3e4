/* SPDX-License-Identifier: ISC */
/** @file freeze.h  Controls and place as what a slot is made from: limits, biases, conditioning.

    Above: gen/engine_slot.c, once a slot. Below: gen/scale, music. Bounded by parts * 128 pitches. */
#ifndef PMT_GEN_FREEZE_H
#define PMT_GEN_FREEZE_H

#include "gen/engine.h"
#include "gen/repeats.h"
#include "gen/sampler.h"

typedef struct {
  PmtLimits limits;
  PmtSampling sampling;
  PmtCondition condition;
  float velocity;       /**< factor */
  uint16_t scale;       /**< pitch classes an ornament takes its neighbours from; 0 = chromatic */
  PmtControls controls; /**< what it was made from */
} PmtFrozen;

/** NaN becomes the default, the rest is clamped; register ends are put in order. */
PmtControls pmt_controls_sane(const PmtControls* controls) PMT_RT;

/** Whether two sane sets make the same tokens and velocities (enabled, hold and channel act elsewhere). */
bool pmt_controls_alike(const PmtControls* a, const PmtControls* b) PMT_RT;

/** Whether they differ by no more than a host's automation differs from pass to pass of a loop. */
bool pmt_controls_near(const PmtControls* a, const PmtControls* b) PMT_RT;

/** @param controls sane @param place of the slot @param key heard (gen/tonality), used while no scale is set
    @param repeats what the last bars were like: they bound how sure a note may be */
void pmt_freeze(const PmtModel* model, const PmtControls* controls, const PmtPlace* place, uint32_t key,
                const PmtRepeats* repeats, PmtFrozen* frozen) PMT_RT;

/** The conditioning's style weights: (1 - blend) of one, blend of the other. */
void pmt_freeze_styles(const PmtModel* model, const PmtControls* controls, float weight[PMT_STYLES_MAX]) PMT_RT;

/** The style with most weight. */
uint32_t pmt_freeze_lead(const PmtModel* model, const PmtControls* controls) PMT_RT;

/** The conditioning's density row, 1..8. @param density sane */
uint8_t pmt_freeze_density(float density) PMT_RT;

#endif
