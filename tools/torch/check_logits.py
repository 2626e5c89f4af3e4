#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Logits of these modules beside the engine's, for random weights and inputs of every architecture.

    check_logits.py build/tests/net_logits              random models
    check_logits.py build/tests/net_logits MODEL...     these files

Two streams one after the other, longer than the window of a Transformer. Prints the largest difference and the
largest logit of each and exits with 1 when one is above the tolerance."""
import argparse
import os
import subprocess
import sys
import tempfile
from typing import Dict, Iterator, List, Optional, Tuple

import torch
from torch import Tensor

from partimento_torch import listener
from partimento_torch.model import Inputs, Net, build, load, save
from partimento_torch.shape import POSITIONS, TABLES, Shape

ROWS = {"meter": 26, "key": 25, "phrase": 9, "density": 9}
TOLERANCE = 1e-5  # of the largest logit, or of 1
CHUNK = 50  # no divisor of the lengths


def random_shapes() -> Iterator[Shape]:
    every = dict(vocab=256, d=48, styles=3, tables=ROWS)
    for arch in ("lstm", "gru", "rnn"):
        yield Shape(arch=arch, layers=2, h=72, **every)
        yield Shape(arch=arch, layers=1, h=33, vocab=640, d=20)
    for pos in POSITIONS:
        reach = 40 if pos == "rel" else 0
        yield Shape(arch="tf", layers=3, heads=4, ff=100, window=64, pos=pos, reach=reach, **every)
        yield Shape(arch="tf", layers=2, heads=2, ff=64, window=24, pos=pos, reach=24 if reach else 0, vocab=640, d=40,
                    tables={"meter": 26})
    yield from told_shapes()


def told_shapes() -> Iterator[Shape]:
    """Each architecture with all hints, and one with a few."""
    four, one = listener.shape(4), listener.shape(1)
    for arch in ("lstm", "gru", "rnn"):
        yield Shape(arch=arch, layers=2, h=48, d=24, vocab=640, hints=four)
    for pos in POSITIONS:
        yield Shape(arch="tf", layers=2, heads=2, ff=64, window=24, pos=pos, reach=24 if pos == "rel" else 0, vocab=640, d=40,
                    hints=four)
    for names in (("kinds", "near"), ("tables",), ("leaps",)):
        yield Shape(arch="lstm", layers=1, h=33, d=20, vocab=256, hints=one.without(names))


def random_net(shape: Shape) -> Net:
    """Weights of the size that training gives, so that gates and attention have something to say."""
    net = build(shape)
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if name.startswith("out.") and name.count(".") > 1:
                weight.normal_(0.0, 0.2)
            elif name.startswith("rnn.weight") or name.endswith(("qkv.weight", "rel.weight")):
                weight.mul_(2.0)
            elif weight.dim() == 1:
                weight.add_(0.2 * torch.randn_like(weight))
    return net


def random_inputs(shape: Shape, length: int) -> Inputs:
    """Half of the tokens are ticks; conditions change at each."""
    token = torch.randint(shape.vocab, (1, length))
    ticks = torch.randint(shape.ticks[0], shape.ticks[1], (1, length))
    token = torch.where(torch.rand(1, length) < 0.5, ticks, token)
    style = torch.rand(1, length, shape.styles)
    table = torch.stack([torch.randint(ROWS[name], (1, length)) for name in TABLES], -1)
    return Inputs(token, style, table, torch.ones(1, dtype=torch.bool), listen(shape, token))


def listen(shape: Shape, token: Tensor) -> Optional[Tensor]:
    if not shape.hints:
        return None
    parts = sum(leap.name.startswith("own.") for leap in shape.hints.leaps)
    return torch.from_numpy(listener.Listener(parts).hear(token[0].numpy())).unsqueeze(0)


def step_lines(inputs: Inputs) -> str:
    lines = ["reset"]
    for token, table, style in zip(inputs.token[0].tolist(), inputs.table[0].tolist(), inputs.style[0].tolist()):
        lines.append(" ".join([str(token), *map(str, table), *(f"{weight:.9g}" for weight in style)]))
    return "\n".join(lines) + "\n"


def engine_logits(program: str, model: str, streams: List[Inputs]) -> Tensor:
    text = "".join(map(step_lines, streams))
    run = subprocess.run([program, model], input=text, stdout=subprocess.PIPE, check=True, universal_newlines=True)
    return torch.tensor([[float(value) for value in line.split()] for line in run.stdout.splitlines()])


@torch.no_grad()
def own_logits(net: Net, streams: List[Inputs]) -> Tensor:
    """One stream after the other in the same state, which the second must forget."""
    net.eval()
    found, state = [], None
    for inputs in streams:
        if not net.carries:
            found.extend(logits[0] for _, logits in net.sweep(inputs, CHUNK))
            continue
        for begin in range(0, inputs.token.shape[1], CHUNK):
            logits, state = net(inputs.part(begin, begin + CHUNK, begin == 0), state)
            found.append(logits[0])
    return torch.cat(found)


def compare(program: str, path: str) -> Tuple[Shape, float, float]:
    """Largest difference and largest logit."""
    net, _ = load(path)
    longest = 3 * net.shape.window + 11 if net.shape.arch == "tf" else 200
    streams = [random_inputs(net.shape, length) for length in (longest, 17)]
    theirs, ours = engine_logits(program, path, streams), own_logits(net, streams)
    return net.shape, float((theirs - ours).abs().max()), float(theirs.abs().max())


def random_files(folder: str) -> Iterator[str]:
    for number, shape in enumerate(random_shapes()):
        path = os.path.join(folder, f"{number}.safetensors")
        metadata: Dict[str, str] = {"format_version": "1", "vocab": "slot-v1", "parts": str(shape.vocab // 128 - 1)}
        save(path, random_net(shape), metadata)
        yield path


def check(program: str, paths: Iterator[str]) -> int:
    failed = 0
    for path in paths:
        shape, difference, largest = compare(program, path)
        good = difference <= TOLERANCE * max(1.0, largest)
        failed += not good
        label = shape.arch + (f"-{shape.pos}" if shape.arch == "tf" else "")
        verdict = "" if good else " TOO MUCH"
        print(f"{label:9s} {difference:.2e} of {largest:.2f}{verdict}   {shape.describe()}, V {shape.vocab}")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="compare these nets with the engine's")
    parser.add_argument("program", help="build/tests/net_logits")
    parser.add_argument("models", nargs="*", help="model files; random ones when there are none")
    args = parser.parse_args()
    torch.manual_seed(1)
    if args.models:
        return check(args.program, iter(args.models))
    with tempfile.TemporaryDirectory() as folder:
        return check(args.program, random_files(folder))


if __name__ == "__main__":
    sys.exit(main())
