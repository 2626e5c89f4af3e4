# SPDX-License-Identifier: ISC
"""The endless streams of training, cut into batches.

Stream s of S over all processes plays piece after piece. A piece begins at the beginning of a chunk of T tokens and
what is left of its last chunk is idle: so a state is carried, or forgotten, by whole streams. Everything is a pure
function of (seed, stream, how many pieces it played): a checkpoint keeps counters, see `places`."""
from dataclasses import dataclass
from typing import Iterator, List, Tuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from .model import Inputs
from .music import Cells, Music, Piece

IDLE = -100  # target that neither costs nor teaches: cross_entropy's own
STREAM = 1 << 20  # tells a stream's chance from a style's


@dataclass
class Batch:
    token: Tensor   # (B, T)
    target: Tensor  # (B, T), IDLE after the end
    style: Tensor   # (B, T), -1 = none
    table: Tensor   # (B, T, 4)
    told: Tensor    # (B, T, columns)
    fresh: Tensor   # (B)
    places: Tensor  # where the streams stand after it

    def pin_memory(self) -> "Batch":
        return Batch(*(value.pin_memory() for value in vars(self).values()))

    def to(self, device: torch.device) -> "Batch":
        return Batch(*(value.to(device, non_blocking=True) for value in vars(self).values()))

    def inputs(self, styles: int) -> Inputs:
        """Style rows become weights."""
        weights = torch.nn.functional.one_hot(self.style + 1, styles + 1)[:, :, 1:].float()
        return Inputs(self.token, weights, self.table, self.fresh, self.told)

    def parts(self, n: int) -> List["Batch"]:
        """The same streams in n groups: they share one optimiser step."""
        pieces = zip(*(value.chunk(n) for value in vars(self).values()))
        return [Batch(*values) for values in pieces]


def to_batch(chunks: List[Cells], length: int, fresh: List[bool], places: np.ndarray) -> Batch:
    size = len(chunks)
    token, target = np.zeros((size, length), np.int64), np.full((size, length), IDLE, np.int64)
    style, table = np.full((size, length), -1, np.int64), np.zeros((size, length, 4), np.int64)
    told = np.full((size, length, chunks[0].told.shape[1]), -1, np.int16)
    for row, cells in enumerate(chunks):
        n = len(cells.token)
        token[row, :n], target[row, :n], style[row, :n], table[row, :n], told[row, :n] = cells
    values = (token, target, style, table, told, np.array(fresh), places.copy())
    return Batch(*(torch.from_numpy(value) for value in values))


class Streams(IterableDataset):
    """Batches of `size` streams without end: those of process `rank` of `world`."""

    def __init__(self, music: Music, size: int, length: int, seed: int, balance: float = 0.6, rank: int = 0,
                 world: int = 1) -> None:
        self.music, self.length, self.seed = music, length, seed
        self.number = np.arange(rank * size, (rank + 1) * size)
        self.total = world * size
        self.train = [music.of("train", k) for k in range(len(music.styles))]
        self.shares = find_shares(music, self.train, balance)
        self.places = np.zeros((size, 2 + len(self.train)), np.int64)  # pieces played, position in this one, and of
        self.style = [0] * size                                        # each style how many were played
        self.cells: List[Cells] = [Cells(*(np.zeros(0),) * 5)] * size

    def draw_piece(self, row: int, random: np.random.Generator) -> Piece:
        """Together the streams play each piece of a style once before they play one again."""
        style = self.style[row] = int(random.choice(len(self.train), p=self.shares))
        pieces = self.train[style]
        turn = self.places[row, 2 + style] * self.total + self.number[row]
        order = np.random.default_rng((self.seed, style, turn // len(pieces))).permutation(len(pieces))
        return pieces[order[turn % len(pieces)]]

    def play(self, row: int) -> None:
        """What the places say."""
        random = np.random.default_rng((self.seed, STREAM, self.number[row], self.places[row, 0]))
        piece = self.draw_piece(row, random)
        self.cells[row] = self.music.vary(piece, self.music.draw(piece, random))

    def move_on(self, row: int) -> None:
        self.places[row, 2 + self.style[row]] += 1
        self.places[row, 0] += 1
        self.places[row, 1] = 0
        self.play(row)

    def next_chunk(self, row: int) -> Tuple[Cells, bool]:
        if self.places[row, 1] >= len(self.cells[row].token):
            self.move_on(row)
        begin = self.places[row, 1]
        self.places[row, 1] += self.length
        return Cells(*(value[begin:begin + self.length] for value in self.cells[row])), bool(begin == 0)

    def __iter__(self) -> Iterator[Batch]:
        rows = range(len(self.places))
        for row in rows:
            self.play(row)
        while True:
            chunks, fresh = zip(*map(self.next_chunk, rows))
            yield to_batch(list(chunks), self.length, list(fresh), self.places)

    def batches(self, workers: int, pin: bool) -> Iterator[Batch]:
        """@param workers 0, or 1 for a process of its own"""
        own = torch.Generator()  # a loader draws a number it does not need: not from what dropout draws from
        return iter(DataLoader(self, batch_size=None, num_workers=workers, pin_memory=pin, generator=own))


def find_shares(music: Music, train: List[List[Piece]], balance: float) -> np.ndarray:
    """Probability of drawing a style, so that its share of tokens is proportional to tokens^balance."""
    if not all(train):
        raise ValueError("a style has no training piece")
    tokens = np.array([music.count("train", k) for k in range(len(train))], float)
    shares = tokens ** balance * np.array([len(pieces) for pieces in train]) / tokens
    return shares / shares.sum()
