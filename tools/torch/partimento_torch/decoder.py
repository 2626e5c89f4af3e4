# SPDX-License-Identifier: ISC
"""The Transformer: decoder only, pre-norm, five ways to know where (docs/model.md, section 4; src/nn/net.h).

Keys and values of earlier calls are the state: `room` of them are seen without gradient, so that training can see the
window that the engine plays with. Positions count from where a stream began. Letters: B streams of T positions, P
before them, K = P + T keys, H heads of e numbers."""
import math
from typing import Iterator, NamedTuple, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .model import Inputs, Net, State
from .shape import Shape


class Past(NamedTuple):
    seen: Tensor          # (B) how many of the P last there are
    steps: Tensor         # (B) positions since the stream began
    slots: Tensor         # (B) tick tokens since then
    keys: State           # (B, H, P, e) of each layer, turned
    values: State         # the same


class Gain(nn.Module):
    """g * x / sqrt(mean(x^2) + 1e-5)"""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-5) * self.weight).to(x.dtype)


class Where(NamedTuple):
    """What attention needs to know of places, the same in each layer."""
    bias: Tensor              # (B or 1, H or 1, T, K) added to the scores: minus infinity for what is not seen
    distance: Tensor          # (T, K) int64, of key from query; negative for what comes later
    turn: Optional[Tuple[Tensor, Tensor]]  # cosine and sine (B, 1, T, e / 2)


def turn_pairs(x: Tensor, turn: Tuple[Tensor, Tensor]) -> Tensor:
    """Neighbours (2i, 2i + 1) turn together."""
    cosine, sine = turn
    left, right = x[..., 0::2], x[..., 1::2]
    return torch.stack((left * cosine - right * sine, left * sine + right * cosine), -1).flatten(-2).to(x.dtype)


class Block(nn.Module):
    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        d, self.heads = shape.d, shape.heads
        self.norm1 = Gain(d)
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        if shape.pos == "rel":
            self.rel = nn.Embedding(shape.reach, d)
        self.o = nn.Linear(d, d, bias=False)
        self.norm2 = Gain(d)
        self.f1 = nn.Linear(d, shape.ff)
        self.f2 = nn.Linear(shape.ff, d)
        self.drop = nn.Dropout(dropout)
        self.init_weights(shape)

    def init_weights(self, shape: Shape) -> None:
        """Variance 1 / inputs; what is added to the stream is smaller the more layers add to it."""
        depth = (2 * shape.layers) ** -0.5
        for linear, scale in ((self.qkv, 0.7), (self.o, depth), (self.f1, 1.0), (self.f2, depth)):
            reach = scale * (3 / linear.in_features) ** 0.5
            nn.init.uniform_(linear.weight, -reach, reach)
            if linear.bias is not None:
                nn.init.zeros_(linear.bias)
        if shape.pos == "rel":
            nn.init.uniform_(self.rel.weight, -0.1, 0.1)

    def split(self, x: Tensor) -> Tensor:
        """(B, T, d) to (B, H, T, e)"""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def by_distance(self, q: Tensor, where: Where) -> Tensor:
        """q . r of each key's distance, (B, H, T, K). @param q divided by sqrt(e)"""
        rows = self.rel.weight.unflatten(-1, (self.heads, -1))  # (R, H, e), a row a distance
        near = where.distance.clamp(0, len(rows) - 1).expand(*q.shape[:2], -1, -1)
        return torch.einsum("bhte,rhe->bhtr", q, rows).gather(-1, near)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, where: Where) -> Tensor:
        q = q * q.shape[-1] ** -0.5
        scores = q @ k.transpose(-1, -2)
        if hasattr(self, "rel"):
            scores = scores + self.by_distance(q, where)
        return torch.softmax(scores + where.bias, -1, dtype=torch.float32).to(v.dtype) @ v

    def forward(self, x: Tensor, past: Tuple[Tensor, Tensor], where: Where) -> Tuple[Tensor, Tensor, Tensor]:
        q, k, v = (self.split(part) for part in self.qkv(self.norm1(x)).chunk(3, -1))
        if where.turn is not None:
            q, k = turn_pairs(q, where.turn), turn_pairs(k, where.turn)
        if past[0].shape[2]:
            k, v = torch.cat((past[0].to(k.dtype), k), 2), torch.cat((past[1].to(v.dtype), v), 2)
        x = x + self.drop(self.o(self.attend(q, k, v, where).transpose(1, 2).flatten(2)))
        wide = F.gelu(self.f1(self.norm2(x)), approximate="tanh")
        return x + self.drop(self.f2(wide)), k, v


class Transformer(Net):
    def __init__(self, shape: Shape, dropout: float = 0.0) -> None:
        super().__init__(shape, shape.d, dropout)
        self.blk = nn.ModuleList(Block(shape, dropout) for _ in range(shape.layers))
        self.norm = Gain(shape.d)
        self.carries = shape.pos != "sin"  # added positions end with the window
        self.room = shape.window - 1 if self.carries else 0

    # -- where ----------------------------------------------------------------------------------------------------

    def recall(self, inputs: Inputs, state: Optional[State]) -> Past:
        """A state's parts; of fresh streams nothing."""
        if state is None:
            none = torch.zeros_like(inputs.fresh, dtype=torch.int64)
            empty = self.emb.weight.new_zeros(len(none), self.shape.heads, 0, self.shape.d // self.shape.heads)
            return Past(none, none, none, (empty,) * self.shape.layers, (empty,) * self.shape.layers)
        seen, steps, slots = (count * ~inputs.fresh for count in state[:3])
        return Past(seen, steps, slots, state[3:3 + self.shape.layers], state[3 + self.shape.layers:])

    def turn(self, steps: Tensor, slots: Tensor) -> Optional[Tuple[Tensor, Tensor]]:
        """Cosine and sine of each pair of a head, from angles in double precision. @param steps, slots (B, T)"""
        if self.shape.pos not in ("rope", "rope2"):
            return None
        e = self.shape.d // self.shape.heads
        pair = torch.arange(e // 2, dtype=torch.float64, device=steps.device)
        angle = steps.unsqueeze(-1) * 10000.0 ** (-2.0 * pair / e)
        if self.shape.pos == "rope2":  # the second half of a head turns by musical time, periods of 2 to 128 slots
            half = e // 4
            share = pair[:half] / max(half - 1, 1)
            angle[..., half:] = slots.unsqueeze(-1) * (math.pi * 64.0 ** -share)
        return angle.cos().float().unsqueeze(1), angle.sin().float().unsqueeze(1)

    def find_where(self, past: Past, steps: Tensor, slots: Tensor) -> Where:
        device, before, length = steps.device, past.keys[0].shape[2], steps.shape[1]
        key = torch.arange(before + length, device=device)
        distance = key[before:].unsqueeze(1) - key
        visible = (distance >= 0) & (distance < self.shape.window)
        if before:  # else no stream differs from another
            visible = visible & (key >= before - past.seen.reshape(-1, 1, 1, 1))
        bias = torch.zeros((), device=device)
        if self.shape.pos == "alibi":
            head = torch.arange(1, self.shape.heads + 1, device=device).reshape(-1, 1, 1)
            bias = -(2.0 ** (-8.0 * head / self.shape.heads)) * distance
        bias = torch.where(visible.reshape(-1, 1, length, len(key)), bias, -math.inf)
        return Where(bias, distance, self.turn(steps, slots))

    def sinusoids(self, steps: Tensor) -> Tensor:
        """(B, T, d): sine and cosine by turns."""
        d = self.shape.d
        pair = torch.arange(d // 2, dtype=torch.float64, device=steps.device)
        angle = steps.unsqueeze(-1) * 10000.0 ** (-2.0 * pair / d)
        return torch.stack((angle.sin(), angle.cos()), -1).flatten(-2).float()

    # -- the step -------------------------------------------------------------------------------------------------

    def keep(self, x: Tensor) -> Tensor:
        return x[:, :, max(0, x.shape[2] - self.room):].detach()

    def forward(self, inputs: Inputs, state: Optional[State] = None) -> Tuple[Tensor, State]:
        past = self.recall(inputs, state)
        length = inputs.token.shape[1]
        tick = (inputs.token >= self.shape.ticks[0]) & (inputs.token < self.shape.ticks[1])
        steps = past.steps.unsqueeze(1) + torch.arange(length, device=past.steps.device)
        slots = past.slots.unsqueeze(1) + tick.long().cumsum(1)
        where = self.find_where(past, steps, slots)
        x = self.embed(inputs)
        x = self.drop(x + self.sinusoids(steps) if self.shape.pos == "sin" else x)
        keys: State = ()
        values: State = ()
        for block, k, v in zip(self.blk, past.keys, past.values):
            x, k, v = block(x, (k, v), where)
            keys, values = keys + (self.keep(k),), values + (self.keep(v),)
        seen = (past.seen + length).clamp(max=self.room)
        return self.read_out(self.norm(x), inputs), (seen, steps[:, -1] + 1, slots[:, -1]) + keys + values

    def sweep(self, inputs: Inputs, chunk: int) -> Iterator[Tuple[int, Tensor]]:
        """`sin`: halves of windows, each seen with the half before it, positions counted from that one's beginning."""
        if self.carries:
            yield from super().sweep(inputs, chunk)
            return
        half = self.shape.window // 2
        for begin in range(0, inputs.token.shape[1], half):
            origin = max(0, begin - half)
            logits, _ = self(inputs.part(origin, begin + half, True), None)
            yield begin, logits[:, begin - origin:]
