/* SPDX-License-Identifier: ISC */
/** @file blas.h  Which kernels OpenBLAS uses.

    Above: tools/main.c, bench/bench_train.c. Below: OpenBLAS. */
#ifndef PMT_TRAIN_BLAS_H
#define PMT_TRAIN_BLAS_H

/** To be called first in main(). OpenBLAS knows processors by a list; one that is newer than the list gets the kernels of
    2004 ("Prescott"), a quarter of the speed. Where that happened, and the processor can do better, the program starts itself
    anew with OPENBLAS_CORETYPE set, which is read when the library is loaded. A value that is set already counts; so does
    one that is empty. When the program cannot start itself, it goes on slowly. */
void pmt_blas_settle(char** argv);

#endif
