# SPDX-License-Identifier: ISC
"""Hints in a net: rows added to its input, rows of its output that read the same top (src/base/hints.h has the
equations). Columns of `told` are those of listener.Hints: rows of tables, anchors of leaps, kinds of pitch classes."""
from typing import List

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .listener import CLASSES, Hints

TABLE_REACH = 0.2  # first values, as src/train/params.c has them; leaps and kinds begin at 0


def put(root: nn.Module, path: str, module: nn.Module) -> None:
    """root.a.b.c = module, with whatever is missing on the way: a tensor's name is its module's path."""
    *way, last = path.split(".")
    for name in way:
        if not hasattr(root, name):
            root.add_module(name, nn.Module())
        root = getattr(root, name)
    root.add_module(last, module)


def get(root: nn.Module, path: str) -> Tensor:
    for name in path.split("."):
        root = getattr(root, name)
    return root.weight


def add_modules(net: nn.Module, hints: Hints, d: int, width: int) -> None:
    """Tables in the net, leaps and kinds in net.out. Shorter names first: near, then near.trust in it."""
    for name, rows in sorted(hints.tables):
        if rows:
            put(net, name, nn.Embedding(rows, d))
            nn.init.uniform_(get(net, name), -TABLE_REACH, TABLE_REACH)
    extra = [(leap.name, 2 * leap.reach + 1) for leap in hints.leaps if leap.count]
    for name, rows in sorted(extra) + [("kind", hints.kinds)] * bool(hints.kinds):
        put(net.out, name, nn.Linear(width, rows, bias=False))
        nn.init.zeros_(get(net.out, name))


class Told:
    """What of it a net has, and where. Not a module: the weights are the net's."""

    def __init__(self, hints: Hints) -> None:
        self.hints = hints
        self.tables = [(column, name) for column, (name, rows) in enumerate(hints.tables) if rows]
        self.sizes = torch.tensor([hints.tables[column][1] for column, _ in self.tables], dtype=torch.int64)
        self.nothing = int(self.sizes.sum())
        self.leaps = [(len(hints.tables) + index, leap) for index, leap in enumerate(hints.leaps) if leap.count]
        rows = [(column, by, leap.first, leap.count)
                for column, leap in self.leaps for by in range(-leap.reach, leap.reach + 1)]
        self.rows = torch.tensor(rows, dtype=torch.int64).reshape(-1, 4).t()  # column, by, first, count of each

    def add(self, net: nn.Module, told: Tensor) -> Tensor:
        """Sum of the rows that are told, (B, T, d): one lookup in all tables, behind which stands a row of nothing."""
        weights: List[Tensor] = [get(net, name) for _, name in self.tables]
        sizes = self.sizes.to(told.device)
        row = told[..., [column for column, _ in self.tables]].long()
        row = torch.where((row >= 0) & (row < sizes), row + sizes.cumsum(0) - sizes, self.nothing)
        every = torch.cat(weights + [weights[0].new_zeros(1, weights[0].shape[1])])
        summed = F.embedding_bag(row.flatten(0, 1), every, mode="sum", padding_idx=self.nothing)
        return summed.unflatten(0, row.shape[:2])

    def add_leaps(self, out: nn.Module, top: Tensor, told: Tensor, logits: Tensor) -> Tensor:
        value = F.linear(top, torch.cat([get(out, leap.name) for _, leap in self.leaps]))
        column, by, first, count = self.rows.to(told.device)
        anchor = told[..., column].long()
        at = anchor + by
        valid = (anchor >= 0) & (at >= 0) & (at < count)
        token = torch.where(valid, first + at, 0)
        return logits.scatter_add(-1, token, (value * valid).to(logits.dtype))

    def add_kinds(self, out: nn.Module, top: Tensor, told: Tensor, logits: Tensor) -> Tensor:
        hints = self.hints
        value = F.linear(top, get(out, "kind"))
        kind = told[..., -CLASSES:].long()
        of_class = value.gather(-1, kind.clamp(0, hints.kinds - 1)) * ((kind >= 0) & (kind < hints.kinds))
        token = torch.arange(hints.kind_count, device=told.device)
        added = of_class[..., token % hints.kind_span % CLASSES]
        behind = logits.shape[-1] - hints.kind_first - hints.kind_count
        return logits + F.pad(added, (hints.kind_first, behind)).to(logits.dtype)

    def finish(self, out: nn.Module, top: Tensor, told: Tensor, logits: Tensor) -> Tensor:
        """Leaps, then kinds."""
        if self.leaps:
            logits = self.add_leaps(out, top, told, logits)
        return self.add_kinds(out, top, told, logits) if self.hints.kinds else logits
