#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Train a net on folders of MIDI files with PyTorch, in as many processes as torchrun starts. See docs/torch.md.

    train.py --style bach=DIR --style rags=DIR --out mine.safetensors --steps 20000
    partimento tokens --style bach=DIR > music.tokens                   at home, then on the cluster:
    torchrun --nproc_per_node=8 train.py --data music.tokens --out mine.safetensors --steps 20000 --amp bf16
"""
import argparse
import math
import os
import sys
import time
from typing import Dict, Optional

import torch
from torch import Tensor

from partimento_torch import music as music_of
from partimento_torch.export import About, export
from partimento_torch.learner import Learner, Options, rate_at
from partimento_torch.listener import Listener
from partimento_torch.model import Net, build, load
from partimento_torch.music import Music
from partimento_torch.score import Score, score
from partimento_torch.shape import POSITIONS, RECURRENT, Shape
from partimento_torch.streams import IDLE, Batch, Streams
from partimento_torch.team import Team

PATIENCE = 5  # evaluations without gain, in the second half
LOOK = 10     # steps from one look at the loss to the next, at most: a look waits for the device


class Run:
    def __init__(self, args: argparse.Namespace, team: Team, music: Music, net: Net) -> None:
        self.args, self.team, self.music, self.net = args, team, music, net
        step_tokens = args.batch * args.length * team.world
        self.learner = Learner(net, team, Options(args.steps, args.rate, step_tokens, args.amp, args.accumulate))
        self.streams = Streams(music, args.batch, args.length, args.seed, args.balance, team.rank, team.world)
        self.every = args.every or max(1, args.steps // 20)
        self.best: Optional[Dict[str, Tensor]] = None
        self.best_valid, self.best_step, self.stale = math.inf, 0, 0
        self.sums = torch.zeros(3, dtype=torch.float64)  # tokens; nats, tokens looked at
        self.since, self.tokens = time.monotonic(), 0.0

    # -- evaluation -----------------------------------------------------------------------------------------------

    def score_with(self, weights: Dict[str, Tensor]) -> Score:
        own = {name: weight.clone() for name, weight in self.net.state_dict().items()}
        self.net.load_state_dict(weights)
        team = self.team
        share = score(self.net, self.music, "valid", team.device, self.args.pieces, team.rank, team.world)
        self.net.load_state_dict(own)
        return Score(*team.sum(torch.stack(share)))

    def evaluate(self) -> None:
        """The weights and their average; the better of the two may be the best so far, and is exported then."""
        seconds = time.monotonic() - self.since
        candidates = [(self.score_with(weights), weights) for weights in (self.net.state_dict(), self.learner.average)]
        found, weights = min(candidates, key=lambda one: one[0].mean())
        self.report(found, weights is self.learner.average, seconds)
        self.stale += 1
        if not found.mean() >= self.best_valid:  # better, or there is nothing to measure
            self.best = {name: weight.detach().cpu().clone() for name, weight in weights.items()}
            self.best_valid, self.best_step, self.stale = found.mean(), self.learner.step, 0
            self.export()
        self.since = time.monotonic()

    def report(self, found: Score, averaged: bool, seconds: float) -> None:
        tokens, nats, seen = self.team.sum(self.sums).tolist()
        self.sums.zero_()
        self.tokens += tokens
        names = [style["name"] for style in self.music.styles]
        styles = ", ".join(f"{name} {value:.2f}" for name, value in zip(names, found.by_quarter()))
        step, loss = self.learner.step, nats / seen if seen else math.nan
        self.team.say(f"step {step}/{self.args.steps}  rate {rate_at(step - 1, self.learner.options):.2e}  "
                      f"train {loss:.3f} nats/token  valid {found.mean():.3f} nats/quarter "
                      f"({styles}){' averaged' if averaged else ''}  {tokens / seconds:.0f} tokens/s")

    def export(self) -> None:
        if self.team.rank:
            return
        args = self.args
        about = About(args.title, args.author, args.license, args.seed, self.best_step, int(self.tokens),
                      self.best_valid)
        export(args.out, self.net, self.best, self.music, about)

    # -- checkpoints ----------------------------------------------------------------------------------------------

    @property
    def checkpoint(self) -> str:
        """Each process its own: it has streams, states and chance of its own."""
        return self.args.out + ".checkpoint" + (f".{self.team.rank}" if self.team.world > 1 else "")

    @property
    def settings(self) -> str:
        """What a checkpoint must agree with."""
        args = self.args
        return (f"{self.net.shape.describe()}, {args.batch} x {args.length} in {args.accumulate}, steps {args.steps}, "
                f"seed {args.seed}, {self.team.world} processes")

    def keep(self, places: Tensor) -> None:
        state = dict(settings=self.settings, learner=self.learner.state(), places=places, chance=torch.get_rng_state(),
                     **{name: getattr(self, name) for name in KEPT})
        torch.save(state, self.checkpoint + ".new")
        os.replace(self.checkpoint + ".new", self.checkpoint)

    def resume(self) -> None:
        state = torch.load(self.checkpoint, map_location="cpu")
        if state["settings"] != self.settings:
            raise ValueError(f"{self.checkpoint} is of another run: {state['settings']}; not {self.settings}")
        self.learner.load(state["learner"])
        self.streams.places = state["places"].numpy()
        torch.set_rng_state(state["chance"])
        for name in KEPT:
            setattr(self, name, state[name])

    # -- the whole ------------------------------------------------------------------------------------------------

    def learn(self, batch: Batch) -> None:
        counted = int((batch.target != IDLE).sum())
        nats = self.learner.learn(batch.to(self.team.device))
        self.sums[0] += counted
        if self.learner.step % min(LOOK, self.every) == 0:
            self.sums[1:] += torch.tensor([float(nats), counted])

    def run(self) -> None:
        args = self.args
        if args.resume:
            self.resume()
        self.net.train()
        batches = self.streams.batches(args.workers, self.team.device.type == "cuda")
        self.since = time.monotonic()
        while not self.is_over():
            batch = next(batches)
            self.learn(batch)
            if self.learner.step % self.every == 0 or self.learner.step == args.steps:
                self.evaluate()
                self.keep(batch.places)
            elif self.learner.step == args.pause_after:
                self.keep(batch.places)
            if self.learner.step == args.pause_after:
                self.team.say("paused; --resume goes on")
                return
        self.team.say(f"{args.out}: the weights of step {self.best_step}")

    def is_over(self) -> bool:
        early = self.stale >= PATIENCE and 2 * self.learner.step > self.args.steps
        return early or self.learner.step >= self.args.steps


KEPT = ("best", "best_valid", "best_step", "stale", "tokens", "sums")


# -- the command line ---------------------------------------------------------------------------------------------

def make_net(args: argparse.Namespace, music: Music) -> Net:
    """A new net for these data, or the one to go on from."""
    vocab, styles = music.vocabulary["size"], len(music.styles)
    if args.begin:
        net, _ = load(args.begin, args.dropout)
        if (net.shape.vocab, net.shape.styles) != (vocab, styles):
            raise ValueError(f"{args.begin}: {net.shape.vocab} tokens and {net.shape.styles} styles, but the data have "
                             f"{vocab} and {styles}")
        return net
    transformer = args.arch == "tf"
    left_out = dict.fromkeys(["you", *args.without])  # nobody plays along here
    told = None if "hints" in args.without else Listener(music.facts["parts"]).shape.without(left_out)
    shape = Shape(arch=args.arch, vocab=vocab, d=args.d, layers=args.layers or (4 if transformer else 2), h=args.h,
                  heads=args.heads, ff=args.ff or 4 * args.d, window=args.window, pos=args.pos,
                  reach=args.window if args.pos == "rel" else 0,
                  ticks=tuple(music.vocabulary["slot"]), styles=styles, tables=music.facts["tables"],
                  hints=told if told and told.any() else None)
    return build(shape, args.dropout)


def settle(args: argparse.Namespace, shape: Shape) -> None:
    """What was not said, by architecture."""
    transformer = shape.arch == "tf"
    args.batch = args.batch or (8 if transformer else 16)
    args.length = args.length or (256 if transformer else 128)
    args.rate = args.rate or (3e-3 if not transformer else 2e-3 if shape.d <= 256 else 1e-3)
    if args.batch % args.accumulate:
        raise ValueError(f"--batch: {args.batch} streams are no multiple of --accumulate {args.accumulate}")


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument("--style", action="append", metavar="NAME=DIR", help="learn a style from the MIDI files in DIR")
    data.add_argument("--data", metavar="FILE", help="what `partimento tokens` printed")
    add("--partimento", default="partimento", metavar="PROGRAM", help="for --style: the program that reads MIDI files")
    add("--out", required=True, metavar="FILE", help="write the model there (.safetensors), its card beside it")
    add("--from", dest="begin", metavar="FILE", help="begin with the weights of this model")
    add("--steps", type=positive, default=10000)
    add("--arch", choices=RECURRENT + ("tf",), default="lstm")
    add("--layers", type=positive, help="2; tf 4")
    add("--d", type=positive, default=192, help="width of the embedding; of a Transformer throughout (192)")
    add("--h", type=positive, default=384, help="units of a recurrent layer (384)")
    add("--heads", type=positive, default=6)
    add("--ff", type=positive, help="4 d")
    add("--window", type=positive, default=512, help="tokens that a Transformer's token sees, itself among them (512)")
    add("--pos", choices=POSITIONS, default="rope")
    add("--without", action="append", default=[], metavar="NAME",
        help="leave out what the net is told beside tokens: hints (all), tables, leaps, kinds, or one of near, far, motion, "
             "chord, scale, own, top, above, below; may be repeated")
    add("--past", type=int, help="tf: earlier tokens seen beside those of the step (the window)")
    add("--batch", type=positive, help="streams of each process (16; tf 8)")
    add("--length", type=positive, help="tokens a step of each stream (128; tf 256)")
    add("--accumulate", type=positive, default=1, metavar="N", help="a step's streams in N groups, one after the other")
    add("--rate", type=float, help="at its height, for 2048 tokens a step (3e-3; tf 2e-3, wider than 256 1e-3)")
    add("--dropout", type=float, default=0.1)
    add("--balance", type=float, default=0.6, help="share of a style = its tokens to this power (0.6)")
    add("--seed", type=int, default=1)
    add("--amp", choices=("off", "bf16", "fp16"), default="off", help="mixed precision")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add("--workers", type=int, choices=(0, 1), default=0, help="1: batches are made in a process of their own")
    add("--every", type=positive, metavar="N", help="evaluate and keep a checkpoint each N steps (a twentieth)")
    add("--pieces", type=int, default=40, help="valid pieces of each style in an evaluation, 0 = all (40)")
    add("--pause-after", type=positive, metavar="N", help="keep a checkpoint after step N and leave")
    add("--resume", action="store_true", help="go on from OUT.checkpoint")
    for name in ("title", "author", "license"):
        add("--" + name, default="")
    return parser


def train(args: argparse.Namespace, team: Team) -> None:
    music = music_of.read_file(args.data) if args.data else music_of.read_folders(args.partimento, args.style)
    torch.manual_seed(args.seed)  # the same first weights everywhere
    net = make_net(args, music).to(team.device)
    settle(args, net.shape)
    music.listener = Listener(music.facts["parts"]) if net.shape.hints else None
    if net.shape.arch == "tf" and args.past is not None:
        net.room = min(net.room, args.past)
    torch.manual_seed(args.seed * 4096 + 1 + team.rank)  # other dropout everywhere
    team.say(net.shape.describe())
    Run(args, team, music, net).run()


def main() -> int:
    args = make_parser().parse_args()
    team = Team(args.device)
    try:
        train(args, team)
    except (ValueError, OSError) as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        team.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
