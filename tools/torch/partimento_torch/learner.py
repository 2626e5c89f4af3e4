# SPDX-License-Identifier: ISC
"""One optimiser step: forward, backward, AdamW (docs/training.md, "The optimiser"). Above: train.py."""
import math
from dataclasses import dataclass
from typing import Dict, List, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .model import Net, State
from .streams import IDLE, Batch
from .team import Team

WARM_UP, FLOOR = 100, 0.05  # steps; of the rate at its height
STEP_TOKENS = 2048          # the tokens a step that a rate is said for
AVERAGE, CLIP, DECAY = 0.999, 1.0, 0.01
AMP = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass
class Options:
    steps: int
    rate: float        # at its height, for STEP_TOKENS a step
    step_tokens: int   # of all processes
    amp: str = "off"
    groups: int = 1    # of streams, one after the other


def decays(name: str, weight: Tensor) -> bool:
    """Matrices do; tables, biases and gains do not."""
    return weight.dim() == 2 and name.split(".")[0] in ("rnn", "blk", "out") and not name.endswith(".rel.weight")


def make_optimiser(net: Net) -> torch.optim.AdamW:
    named = list(net.named_parameters())
    groups = [{"params": [weight for name, weight in named if decays(name, weight) == matrix],
               "weight_decay": DECAY if matrix else 0.0} for matrix in (True, False)]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-8)


def rate_at(step: int, options: Options) -> float:
    """Linear warm-up, then a cosine."""
    height = options.rate * math.sqrt(options.step_tokens / STEP_TOKENS)
    warm = min(WARM_UP, max(1, options.steps // 10))
    if step < warm:
        return height * (step + 1) / warm
    progress = min(1.0, (step - warm) / max(1, options.steps - warm))
    return height * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * progress)))


class Learner:
    def __init__(self, net: Net, team: Team, options: Options) -> None:
        self.net, self.team, self.options = net, team, options
        self.wrapped = team.wrap(net)
        self.optimiser = make_optimiser(net)
        self.scaler = torch.cuda.amp.GradScaler(enabled=options.amp == "fp16")
        self.average: Dict[str, Tensor] = {name: weight.clone() for name, weight in net.state_dict().items()}
        self.states: List[Optional[State]] = [None] * options.groups
        self.step = 0

    def nats_of(self, part: Batch, group: int) -> Tensor:
        """Summed over what counts."""
        amp = self.options.amp
        with torch.autocast(self.team.device.type, AMP.get(amp), enabled=amp in AMP):
            logits, self.states[group] = self.wrapped(part.inputs(self.net.shape.styles), self.states[group])
        return F.cross_entropy(logits.float().flatten(0, 1), part.target.flatten(), ignore_index=IDLE, reduction="sum")

    def backward(self, batch: Batch) -> Tensor:
        """Gradients of nats / positions, idle ones too: so each token weighs the same in whatever group or process it
        is, and neither has to know of the other. Processes meet in the last group. @return summed nats"""
        total = torch.zeros((), device=self.team.device)
        parts = batch.parts(self.options.groups)
        for group, part in enumerate(parts):
            if self.team.world > 1:
                self.wrapped.require_backward_grad_sync = group + 1 == len(parts)
            nats = self.nats_of(part, group)
            self.scaler.scale(nats / batch.token.numel()).backward()
            total += nats.detach()
        return total

    def learn(self, batch: Batch) -> Tensor:
        """One step. @return summed nats of this process's tokens"""
        for group in self.optimiser.param_groups:
            group["lr"] = rate_at(self.step, self.options)
        self.optimiser.zero_grad(set_to_none=True)
        nats = self.backward(batch)
        self.scaler.unscale_(self.optimiser)
        nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.step += 1
        self.follow()
        return nats

    @torch.no_grad()
    def follow(self) -> None:
        """The moving average; a short one while there is little to average."""
        share = 1 - min(AVERAGE, self.step / (self.step + 10))
        for name, weight in self.net.state_dict().items():
            self.average[name].lerp_(weight, share)

    def state(self) -> dict:
        """All that a resumed run needs, in types that load without running code."""
        return {"step": self.step, "net": self.net.state_dict(), "average": self.average,
                "optimiser": self.optimiser.state_dict(), "scaler": self.scaler.state_dict(),
                "states": [list(state) if state else None for state in self.states]}

    def load(self, state: dict) -> None:
        device = self.team.device
        self.step = state["step"]
        self.net.load_state_dict(state["net"])
        self.average = {name: weight.to(device) for name, weight in state["average"].items()}
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])
        self.states = [tuple(part.to(device) for part in parts) if parts else None for parts in state["states"]]
