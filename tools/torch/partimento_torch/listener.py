# SPDX-License-Identifier: ISC
"""What a net is told beside a token (src/base/hints.h), and who tells it: the engine's own listener, src/music/listener.c.

It is compiled when it is first asked for, so that there is one listener and not two that may come to differ. That takes
a C compiler (`cc`, or what $CC names) and the source tree around tools/torch; nothing else of it is needed."""
import ctypes
import os
import shlex
import subprocess
import tempfile
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Iterable, List, Tuple, Union

import numpy as np

NAME = "slot-1"  # metadata "hints" of a model that this listener tells
TABLES_MAX, LEAPS_MAX, CLASSES, NAME_BYTES = 60, 44, 12, 24
SOURCES = ("listener", "ear", "vocab", "grammar", "meter")
MEMORY = ("near", "far", "you.tune")  # names of what points at earlier slots


@dataclass(frozen=True)
class Leap:
    name: str
    first: int
    count: int  # 0: the model has none
    reach: int


@dataclass(frozen=True)
class Hints:
    """A row of 0s: the model has no such table."""
    tables: Tuple[Tuple[str, int], ...]  # name, rows
    leaps: Tuple[Leap, ...]
    kinds: int
    kind_first: int
    kind_count: int
    kind_span: int

    @property
    def columns(self) -> int:
        """Of what the listener tells a token: rows, anchors, kinds."""
        return len(self.tables) + len(self.leaps) + CLASSES

    def keep(self, tensors: Iterable[str]) -> "Hints":
        """What a file with these tensors has."""
        there = set(tensors)
        return replace(self, tables=tuple((name, rows * (f"{name}.weight" in there)) for name, rows in self.tables),
                       leaps=tuple(replace(leap, count=leap.count * (f"out.{leap.name}.weight" in there))
                                   for leap in self.leaps),
                       kinds=self.kinds * ("out.kind.weight" in there))

    def without(self, names: Iterable[str]) -> "Hints":
        """As `partimento train --without` leaves out: hints, tables, leaps, kinds, or by name, numbers left out."""
        kept = [f"{name}.weight" for name, _ in self.tables] + [f"out.{leap.name}.weight" for leap in self.leaps]
        kept.append("out.kind.weight")
        for name in names:
            left = [tensor for tensor in kept if not is_called(tensor, name)]
            if len(left) == len(kept):
                raise ValueError(f"--without {name}: there are no such hints")
            kept = left
        return self.keep(kept)

    def any(self) -> bool:
        return bool(self.kinds or any(rows for _, rows in self.tables) or any(leap.count for leap in self.leaps))

    def memory(self) -> List[int]:
        """Columns that point at earlier slots."""
        names = [name for name, _ in self.tables] + [leap.name for leap in self.leaps]
        return [column for column, name in enumerate(names) if name.startswith(MEMORY)]


def is_called(tensor: str, name: str) -> bool:
    output = tensor.startswith("out.")
    kinds = tensor == "out.kind.weight"
    if name in ("hints", "tables", "leaps", "kinds"):
        return name == "hints" or (name == "kinds" if kinds else name == ("leaps" if output else "tables"))
    return not kinds and tensor[4 if output else 0:].startswith(name + ".")


# -- the compiled one ---------------------------------------------------------------------------------------------

class CTable(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char * NAME_BYTES), ("rows", ctypes.c_uint32)]


class CLeap(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char * NAME_BYTES)] + [(n, ctypes.c_uint32) for n in ("first", "count", "reach")]


class CShape(ctypes.Structure):
    _fields_ = ([("table", CTable * TABLES_MAX), ("leap", CLeap * LEAPS_MAX)]
                + [(n, ctypes.c_uint32) for n in ("tables", "leaps", "kinds", "first", "count", "span")])


TOLD = np.dtype([("row", np.int16, TABLES_MAX), ("anchor", np.int16, LEAPS_MAX), ("kind", np.uint8, CLASSES)])


@lru_cache(maxsize=None)
def library() -> ctypes.CDLL:
    here = os.path.dirname(os.path.abspath(__file__))
    source = os.path.join(here, "..", "..", "..", "src")
    files = [os.path.join(here, "hear.c")] + [os.path.join(source, "music", f"{name}.c") for name in SOURCES]
    missing = [name for name in files if not os.path.exists(name)]
    if missing:
        raise ValueError(f"{missing[0]} is missing: nets that are told hints need the source tree around tools/torch")
    with tempfile.TemporaryDirectory() as folder:
        made = os.path.join(folder, "listener.so")
        command = [*shlex.split(os.environ.get("CC", "cc")), "-std=c11", "-O2", "-fPIC", "-shared",
                   "-fvisibility=hidden", "-I" + source, "-o", made, *files]
        try:
            subprocess.run(command, check=True, stderr=subprocess.PIPE, universal_newlines=True)
        except (OSError, subprocess.CalledProcessError) as error:
            text = getattr(error, "stderr", None) or str(error)
            raise ValueError(f"{shlex.join(command)}: {text}") from None
        found = ctypes.CDLL(made)
    found.pmt_hear_sizes.restype = ctypes.c_size_t
    found.pmt_hear_line.argtypes = [ctypes.c_uint32, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
    if [found.pmt_hear_sizes(1), found.pmt_hear_sizes(0)] != [ctypes.sizeof(CShape), TOLD.itemsize]:
        raise ValueError("listener.py: src/base/hints.h has other sizes")
    return found


def shape(parts: int) -> Hints:
    """All that is told a model of so many parts."""
    told = CShape()
    library().pmt_hear_shape(parts, ctypes.byref(told))
    tables = tuple((table.name.decode(), table.rows) for table in told.table[:told.tables])
    leaps = tuple(Leap(leap.name.decode(), leap.first, leap.count, leap.reach) for leap in told.leap[:told.leaps])
    return Hints(tables, leaps, told.kinds, told.first, told.count, told.span)


class Listener:
    def __init__(self, parts: int) -> None:
        self.parts, self.shape = parts, shape(parts)

    def hear(self, tokens: np.ndarray, remember: Union[bool, np.ndarray] = True) -> np.ndarray:
        """A line from BOS on: (n, columns). @param remember where not, nothing points at earlier slots"""
        line = np.ascontiguousarray(tokens, np.uint16)
        told = np.empty(len(line), TOLD)
        library().pmt_hear_line(self.parts, line.ctypes.data, len(line), told.ctypes.data)
        rows, anchors = told["row"][:, :len(self.shape.tables)], told["anchor"][:, :len(self.shape.leaps)]
        columns = np.concatenate((rows, anchors, told["kind"].astype(np.int16)), 1)
        forgotten = np.flatnonzero(~np.broadcast_to(remember, len(line)))
        columns[np.ix_(forgotten, self.shape.memory())] = -1
        return columns
