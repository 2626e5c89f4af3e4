/* SPDX-License-Identifier: ISC */
/** @file cmd.h  The subcommands. Each gets argv with its own name first and returns the exit status:
    0 fine, 1 failed (one line on stderr says why), 2 wrong use. Results go to stdout, everything else to stderr. */
#ifndef PMT_TOOLS_CMD_H
#define PMT_TOOLS_CMD_H

int pmt_cmd_train(int argc, char** argv);
int pmt_cmd_benchmark(int argc, char** argv);
int pmt_cmd_evaluate(int argc, char** argv);
int pmt_cmd_generate(int argc, char** argv);
int pmt_cmd_play(int argc, char** argv);
int pmt_cmd_inspect(int argc, char** argv);
int pmt_cmd_tokens(int argc, char** argv);

#endif
