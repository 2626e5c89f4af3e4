# SPDX-License-Identifier: ISC
"""The processes that torchrun started, each with its device; one when it did not."""
import os
import sys

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .model import Net


class Team:
    def __init__(self, device: str = "auto") -> None:
        """@param device auto, cpu or cuda"""
        self.rank, self.world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
        self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if cuda else torch.device("cpu")
        if cuda:
            torch.cuda.set_device(self.device)
        if self.world > 1:
            dist.init_process_group("nccl" if cuda else "gloo")

    def sum(self, value: Tensor) -> Tensor:
        """Over all processes, in a tensor of its own."""
        value = value.to(self.device, copy=True)
        if self.world > 1:
            dist.all_reduce(value)
        return value.cpu()

    def wrap(self, net: Net) -> nn.Module:
        """A net whose gradients are those of all processes."""
        return nn.parallel.DistributedDataParallel(net) if self.world > 1 else net

    def say(self, text: str) -> None:
        if not self.rank:
            print(text, file=sys.stderr, flush=True)

    def end(self) -> None:
        if self.world > 1:
            dist.destroy_process_group()
