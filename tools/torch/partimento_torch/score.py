# SPDX-License-Identifier: ISC
"""How well a net predicts held-out pieces, as `partimento evaluate` measures it: style and meter told, key, phrase and
density not; nats of all tokens, END included, over the length in quarter notes."""
from typing import List, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .model import Inputs, Net
from .music import TICKS_PER_QUARTER, Cells, Music, Piece, Variation
from .streams import IDLE, to_batch

CHUNK, SIDE_BY_SIDE = 128, 16


class Score(NamedTuple):
    nats: Tensor      # (styles), summed
    tokens: Tensor
    quarters: Tensor

    def by_quarter(self) -> Tensor:
        return self.nats / self.quarters

    def mean(self) -> float:
        """Of the styles that have pieces; NaN when none has."""
        return float(self.by_quarter()[self.quarters > 0].mean())


def choose(pieces: List[Piece], most: int) -> List[Piece]:
    """Evenly through the names."""
    return [pieces[i * len(pieces) // most] for i in range(most)] if 0 < most < len(pieces) else pieces


@torch.no_grad()
def score_group(net: Net, cells: List[Cells], device: torch.device) -> np.ndarray:
    """Nats of each run."""
    length = max(len(run.token) for run in cells)
    batch = to_batch(cells, length, [True] * len(cells), np.zeros((len(cells), 1))).to(device)
    inputs: Inputs = batch.inputs(net.shape.styles)
    nats = torch.zeros(len(cells), dtype=torch.float64, device=device)
    for begin, logits in net.sweep(inputs, CHUNK):
        target = batch.target[:, begin:begin + logits.shape[1]]
        cost = F.cross_entropy(logits.float().transpose(1, 2), target, ignore_index=IDLE, reduction="none")
        nats += cost.double().sum(1)
    return nats.cpu().numpy()


def score(net: Net, music: Music, split: str, device: torch.device, most: int = 0, rank: int = 0,
          world: int = 1) -> Score:
    """@param most pieces of each style, 0 = all @return the sums of this process's share"""
    chosen = [piece for style in range(len(music.styles)) for piece in choose(music.of(split, style), most)]
    chosen = sorted(chosen, key=lambda piece: -len(piece.tokens))[rank::world]
    sums = torch.zeros(3, len(music.styles), dtype=torch.float64)
    was_training = net.training
    net.eval()
    for i in range(0, len(chosen), SIDE_BY_SIDE):
        group = chosen[i:i + SIDE_BY_SIDE]
        cells = [music.vary(piece, Variation()) for piece in group]
        for piece, run, nats in zip(group, cells, score_group(net, cells, device)):
            sums[:, piece.style] += torch.tensor([nats, len(run.token), piece.ticks / TICKS_PER_QUARTER])
    net.train(was_training)
    return Score(*sums)
