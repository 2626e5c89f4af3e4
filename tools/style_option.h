/* SPDX-License-Identifier: ISC */
/** @file style_option.h  "--style NAME=DIR", of all commands that learn from folders.

    Above: cmd_train.c, cmd_tokens.c. Below: train/trainer.h. */
#ifndef PMT_TOOLS_STYLE_OPTION_H
#define PMT_TOOLS_STYLE_OPTION_H

#include "train/trainer.h"

/** A PmtCliTake. @param target PmtTrainOptions; the folder lives as long as argv, the name until free */
bool pmt_style_option_take(void* target, const char* value, PmtError* error);
void pmt_style_option_free(PmtTrainOptions* options);

#endif
