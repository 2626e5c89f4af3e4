/* SPDX-License-Identifier: ISC */
/** @file peak.h  How much memory a run took.

    Above: tools/cmd_train.c, tools/cmd_benchmark.c, bench/bench_train.c. Below: the system. */
#ifndef PMT_TRAIN_PEAK_H
#define PMT_TRAIN_PEAK_H

/** The most of this process that was in memory at a time, in MiB, libraries and all; 0 where the system does not
    say. */
double pmt_peak_mib(void);

#endif
