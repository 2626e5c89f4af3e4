/* SPDX-License-Identifier: ISC */
/** @file curve.h  The loss curves of a training run as a picture. Above: cmd_train.c. Below: cairo. */
#ifndef PMT_TOOLS_CURVE_H
#define PMT_TOOLS_CURVE_H

#include "train/trainer.h"

/** Draw training loss (nats a token) above validation loss (nats a quarter, each style and their mean), over steps.
    SVG. @return PMT_IO with one line */
PmtStatus pmt_curve_draw(const char* path, const PmtTrainResult* result, PmtError* error);

#endif
