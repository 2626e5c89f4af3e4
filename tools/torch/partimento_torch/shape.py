# SPDX-License-Identifier: ISC
"""Architecture and sizes of a net, from and to a model file (docs/model.md, sections 4 and 7)."""
from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple

from torch import Tensor

from . import listener
from .listener import Hints

TABLES = ("meter", "key", "phrase", "density")  # beside style, which is blended; in the order of a cell's columns
RECURRENT = ("lstm", "gru", "rnn")
POSITIONS = ("rope", "rope2", "sin", "alibi", "rel")


@dataclass
class Shape:
    arch: str
    vocab: int
    d: int
    layers: int
    h: int = 0       # recurrent: units of a layer
    heads: int = 0   # from here on: tf
    ff: int = 0
    window: int = 0  # tokens attended, the new one included
    pos: str = "rope"
    reach: int = 0   # rel: distances told apart
    ticks: Tuple[int, int] = (4, 28)  # rope2: tokens ticks[0] .. ticks[1] - 1 advance musical time
    styles: int = 0  # rows of style.weight; 0 = no such table
    tables: Dict[str, int] = field(default_factory=dict)  # rows of the others that there are
    hints: Optional[Hints] = None  # what it is told beside tokens

    def __post_init__(self) -> None:
        if self.arch not in RECURRENT + ("tf",):
            raise ValueError(f"arch {self.arch!r} is not lstm, gru, rnn or tf")
        if self.arch == "tf":
            self.check_transformer()

    def check_transformer(self) -> None:
        grain = {"rope": 2, "rope2": 4}.get(self.pos, 1)
        if self.pos not in POSITIONS:
            raise ValueError(f"pos {self.pos!r} is not one of {', '.join(POSITIONS)}")
        if self.d % self.heads or self.d // self.heads % grain:
            raise ValueError(f"width {self.d} and {self.heads} heads: a head must be a multiple of {grain}")
        if self.pos == "sin" and (self.d % 2 or self.window % 2):
            raise ValueError("sin: width and window must be even")
        if self.pos == "rel" and not 1 <= self.reach <= self.window:
            raise ValueError("rel: distances are told apart up to the window")

    def metadata(self) -> Dict[str, str]:
        names = ("h",) if self.arch != "tf" else ("heads", "ff", "window", "pos")
        told = {"hints": listener.NAME} if self.hints else {}
        return {**{name: str(getattr(self, name)) for name in ("arch", "layers", "d") + names}, **told}

    def describe(self) -> str:
        told = ", hints" if self.hints else ""
        if self.arch != "tf":
            return f"{self.arch} {self.layers} x {self.h}, d {self.d}{told}"
        return (f"tf {self.layers} x {self.d}, heads {self.heads}, ff {self.ff}, window {self.window}, {self.pos}"
                + (f" {self.reach}" if self.pos == "rel" else "") + told)


def read_hints(tensors: Dict[str, Tensor], metadata: Dict[str, str]) -> Optional[Hints]:
    name = metadata.get("hints")
    if name is None:
        return None
    if name != listener.NAME:
        raise ValueError(f"hints {name!r} are not known, only {listener.NAME!r}")
    return listener.shape(int(metadata["parts"])).keep(tensors)


def read_shape(tensors: Dict[str, Tensor], metadata: Dict[str, str]) -> Shape:
    """KeyError names what is missing."""
    arch = metadata["arch"]
    vocab, d = tensors["emb.weight"].shape
    shape = dict(arch=arch, vocab=vocab, d=d, layers=int(metadata["layers"]),
                 styles=len(tensors.get("style.weight", ())), hints=read_hints(tensors, metadata),
                 tables={name: len(tensors[name + ".weight"]) for name in TABLES if name + ".weight" in tensors})
    if arch != "tf":
        return Shape(h=tensors["out.weight"].shape[1], **shape)
    return Shape(heads=int(metadata["heads"]), ff=int(metadata["ff"]), window=int(metadata["window"]),
                 pos=metadata["pos"], reach=len(tensors.get("blk.0.rel.weight", ())), **shape)
