# SPDX-License-Identifier: ISC
"""What all nets share, and the recurrent ones. A module's state_dict() is the model file, name by name.

    x = E[token] + sum_i w_i S[i] + M[meter] + K[key] + B[phrase] + G[density]     logits = W_out top + b_out

and what hints add to both (told.py).

The engine's side of this is src/nn/net.h; check_logits.py compares the two."""
import math
from typing import Dict, Iterator, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn

from . import tensors
from .shape import TABLES, Shape, read_shape
from .told import TABLE_REACH, Told, add_modules

State = Tuple[Tensor, ...]  # what is carried from call to call, without gradient
TOKEN_REACH = 0.8  # first values, as src/train/params.c has them


class Inputs(NamedTuple):
    """B streams of T positions. `fresh` streams begin here: they see nothing of what was before."""
    token: Tensor  # (B, T) int64
    style: Tensor  # (B, T, styles) weights
    table: Tensor  # (B, T, 4) int64: rows of meter, key, phrase, density
    fresh: Tensor  # (B) bool
    told: Optional[Tensor] = None  # (B, T, columns) what a listener told, see listener.Hints; a net that takes hints asks

    def part(self, begin: int, end: int, fresh: bool) -> "Inputs":
        """Positions begin .. end - 1; streams begin with them where `fresh`."""
        return Inputs(self.token[:, begin:end], self.style[:, begin:end], self.table[:, begin:end],
                      torch.full_like(self.fresh, fresh), None if self.told is None else self.told[:, begin:end])


class Net(nn.Module):
    """forward(inputs, state) -> logits (B, T, V), state; no state is the beginning."""

    carries = True  # what a state tells of the past is all that the engine knows of it

    def __init__(self, shape: Shape, width: int, dropout: float) -> None:
        super().__init__()
        self.shape = shape
        self.emb = nn.Embedding(shape.vocab, shape.d)
        if shape.styles:
            self.style = nn.Embedding(shape.styles, shape.d)
        for name, rows in shape.tables.items():
            self.add_module(name, nn.Embedding(rows, shape.d))
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(width, shape.vocab)
        self.init_shared(width)
        self.told = Told(shape.hints) if shape.hints else None
        if shape.hints:
            add_modules(self, shape.hints, shape.d, width)

    def init_shared(self, width: int) -> None:
        nn.init.uniform_(self.emb.weight, -TOKEN_REACH, TOKEN_REACH)
        for name in ("style",) + TABLES:
            if hasattr(self, name):
                nn.init.uniform_(getattr(self, name).weight, -TABLE_REACH, TABLE_REACH)
        nn.init.uniform_(self.out.weight, -width ** -0.5, width ** -0.5)
        nn.init.zeros_(self.out.bias)

    def embed(self, inputs: Inputs) -> Tensor:
        x = self.emb(inputs.token)
        if self.shape.styles:
            x = x + inputs.style.to(x.dtype) @ self.style.weight
        for column, name in enumerate(TABLES):
            if name in self.shape.tables:
                x = x + getattr(self, name)(inputs.table[:, :, column])
        return x + self.told.add(self, inputs.told) if self.told and self.told.tables else x

    def read_out(self, top: Tensor, inputs: Inputs) -> Tensor:
        logits = self.out(top)
        return self.told.finish(self.out, top, inputs.told, logits) if self.told else logits

    def sweep(self, inputs: Inputs, chunk: int) -> Iterator[Tuple[int, Tensor]]:
        """Logits of whole streams as the engine makes them, a chunk at a time: (first position, logits)."""
        state = None
        for begin in range(0, inputs.token.shape[1], chunk):
            logits, state = self(inputs.part(begin, begin + chunk, begin == 0), state)
            yield begin, logits


class Recurrent(Net):
    def __init__(self, shape: Shape, dropout: float = 0.0) -> None:
        super().__init__(shape, shape.h, dropout)
        cell = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[shape.arch]
        self.rnn = cell(shape.d, shape.h, shape.layers, batch_first=True, dropout=dropout if shape.layers > 1 else 0.0)
        for name, weight in self.rnn.named_parameters():
            if name.startswith("bias"):
                nn.init.zeros_(weight)
            if name.startswith("bias_ih") and shape.arch == "lstm":
                nn.init.ones_(weight.data[shape.h:2 * shape.h])  # gates i, f, g, o: to keep is the beginning

    def forward(self, inputs: Inputs, state: Optional[State] = None) -> Tuple[Tensor, State]:
        if state is not None:
            keep = (~inputs.fresh).reshape(1, -1, 1)
            state = tuple(part * keep for part in state)
        lstm = self.shape.arch == "lstm"
        top, after = self.rnn(self.drop(self.embed(inputs)), state if lstm or state is None else state[0])
        return self.read_out(self.drop(top), inputs), tuple(part.detach() for part in (after if lstm else (after,)))


def build(shape: Shape, dropout: float = 0.0) -> Net:
    from .decoder import Transformer
    return Transformer(shape, dropout) if shape.arch == "tf" else Recurrent(shape, dropout)


def load(path: str, dropout: float = 0.0) -> Tuple[Net, Dict[str, str]]:
    """A net from a model file, and the file's metadata. ValueError says what does not fit."""
    weights, metadata = tensors.read(path)
    net = build(read_shape(weights, metadata), dropout)
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"{path}: {error}") from None
    return net, metadata


def save(path: str, net: Net, metadata: Dict[str, str], weights: Optional[Dict[str, Tensor]] = None) -> None:
    """@param weights in place of the net's own"""
    if any(not math.isfinite(float(tensor.sum())) for tensor in (weights or net.state_dict()).values()):
        raise ValueError(f"{path}: a weight is not finite")
    tensors.write(path, weights or net.state_dict(), {**metadata, **net.shape.metadata()})
