#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Training speed of PyTorch on the nets that bench/bench_train.c measures: forward, backward and Adam.

At its best setting on a few cores (Debian 12, PyTorch 1.13): the OpenMP build of OpenBLAS, so that there is one team of
threads and not two; threads that sleep while they wait; no dropout and no clipping, which our trainer is measured with.
Started without these it starts itself anew with them, and with the kernels of OpenBLAS that src/train/blas.c
would choose: both sides compute with the same. Two figures: by the clock, and by the time that the threads were
busy, which is what a machine that nobody shares would give at best. --beside: our trainer in between, and the ratio.
--fifo: real-time priority for both.

    apt-get install --no-install-recommends python3-torch python3-numpy libopenblas0-openmp"""
import argparse
import ctypes
import glob
import os
import re
import statistics
import subprocess
import sys
import time
from typing import Callable, List, NamedTuple, Optional, Tuple

VOCAB, STREAMS, STEPS = 400, 32, 256


def better_core() -> Optional[str]:
    """As src/train/blas.c: a processor newer than OpenBLAS's list gets the kernels of 2004, and could do better."""
    try:
        openblas = ctypes.CDLL("libopenblas.so.0")
    except OSError:
        return None
    openblas.openblas_get_corename.restype = ctypes.c_char_p
    if openblas.openblas_get_corename() != b"Prescott":
        return None
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        flags = next((line.split() for line in info if line.startswith("flags")), [])
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= set(flags):
        return "SkylakeX"
    return "Haswell" if {"avx2", "fma"} <= set(flags) else None


def start_anew(threads: int, fifo: bool) -> None:
    """Libraries read these once, as they are loaded."""
    if "PMT_BENCH_TORCH" in os.environ:
        return
    environment = dict(os.environ, PMT_BENCH_TORCH=os.environ.get("LD_LIBRARY_PATH", ""), OMP_NUM_THREADS=str(threads),
                       OMP_WAIT_POLICY="PASSIVE")
    core = better_core() if "OPENBLAS_CORETYPE" not in os.environ else None
    if core:
        environment["OPENBLAS_CORETYPE"] = core
    for folder in glob.glob("/usr/lib/*/openblas-openmp"):
        environment["LD_LIBRARY_PATH"] = folder
    if fifo:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    os.execve(sys.executable, [sys.executable] + sys.argv, environment)


class Speed(NamedTuple):
    """Tokens a second."""
    clock: float
    busy: float


def measure_ours(program: str, case: int) -> Speed:
    """bench_train's case, in the environment that we were started in."""
    environment = dict(os.environ, PMT_BENCH_ONLY=str(case), LD_LIBRARY_PATH=os.environ["PMT_BENCH_TORCH"])
    for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY"):
        environment.pop(name)
    run = subprocess.run([program], env=environment, stdout=subprocess.PIPE, check=True, universal_newlines=True)
    line = next(line for line in run.stdout.splitlines() if " tokens/s " in line)
    print(line, flush=True)
    return Speed(*(float(number) for number in re.search(r"(\d+) tokens/s +by busy time +(\d+)", line).groups()))


def cases() -> List[Tuple[str, "nn.Module", Callable]]:
    """Name, net, and how tokens become logits."""
    from torch import nn, ones, triu

    from partimento_torch.model import Inputs, build
    from partimento_torch.shape import Shape

    def ours(net, token):
        import torch
        nothing = torch.zeros(STREAMS, STEPS, 0)
        return net(Inputs(token, nothing, nothing, torch.ones(STREAMS, dtype=torch.bool)))[0]

    def theirs(net, token):
        return net[2](net[1](net[0](token), mask))

    mask = triu(ones(STEPS, STEPS), 1).bool()
    layer = nn.TransformerEncoderLayer(256, 8, 1024, 0.0, "gelu", batch_first=True, norm_first=True)
    encoder = nn.ModuleList([nn.Embedding(VOCAB, 256), nn.TransformerEncoder(layer, 6), nn.Linear(256, VOCAB)])
    decoder = Shape(arch="tf", vocab=VOCAB, d=256, layers=6, heads=8, ff=1024, window=STEPS)
    return [("lstm 2 x 512, d 512", build(Shape(arch="lstm", vocab=VOCAB, d=512, layers=2, h=512)), ours),
            ("tf 6 x 256, heads 8, ff 1024", build(decoder), ours),
            ("the same, torch.nn's layers", encoder, theirs)]


def measure(name: str, net, logits_of: Callable, rounds: int) -> Speed:
    import torch
    token = torch.randint(VOCAB, (STREAMS, STEPS + 1))
    optimiser = torch.optim.Adam(net.parameters())
    seconds, busy = [], []
    for _ in range(rounds + 1):
        start, busy_start = time.monotonic(), time.process_time()
        optimiser.zero_grad()
        logits = logits_of(net, token[:, :-1])
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), token[:, 1:].flatten()).backward()
        optimiser.step()
        seconds.append(time.monotonic() - start)
        busy.append((time.process_time() - busy_start) / torch.get_num_threads())
    parameters = sum(weight.numel() for weight in net.parameters()) / 1e6
    speed = Speed(*(STREAMS * STEPS / statistics.median(taken[1:]) for taken in (seconds, busy)))
    print(f"{name:30s} {STREAMS} x {STEPS}  {parameters:5.2f} M  {speed.clock:6.0f} tokens/s  "
          f"by busy time {speed.busy:6.0f}", flush=True)
    return speed


def blas_in_use() -> str:
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return " ".join(sorted({os.path.realpath(line.split()[-1]) for line in maps if "blas" in line}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=min(2, len(os.sched_getaffinity(0))))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", type=int, help="one case: 0, 1 or 2")
    parser.add_argument("--beside", metavar="BENCH_TRAIN", help="build/bench/bench_train")
    parser.add_argument("--fifo", action="store_true")
    args = parser.parse_args()
    start_anew(args.threads, args.fifo)
    import torch
    torch.manual_seed(1)
    print(f"PyTorch {torch.__version__}, forward, backward and Adam, {torch.get_num_threads()} threads, "
          f"{blas_in_use()}, core {os.environ.get('OPENBLAS_CORETYPE', 'of its own choice')}, "
          f"load {os.getloadavg()[0]:.1f}", flush=True)
    speeds = {}
    for number, case in enumerate(cases()):
        if args.only in (None, number):
            speeds[number] = measure(*case, args.rounds)
    for ours, theirs in ((1, (0,)), (2, (1, 2))):  # bench_train's case, and which of these it is held to: the faster
        found = [speeds[number] for number in theirs if number in speeds]
        if args.beside and found:
            best, own = Speed(*map(max, zip(*found))), measure_ours(args.beside, ours)
            print(f"ours is {own.clock / best.clock:.2f} times as fast by the clock, "
                  f"{own.busy / best.busy:.2f} by busy time", flush=True)


if __name__ == "__main__":
    main()
