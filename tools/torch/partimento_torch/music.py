# SPDX-License-Identifier: ISC
"""Pieces as `partimento tokens` prints them, and what is done to one for a pass of training (docs/training.md).

The vocabulary's numbers come with the data: nothing of it is written here."""
import json
import subprocess
from dataclasses import dataclass
from typing import Dict, Iterable, List, NamedTuple, Optional

import numpy as np

from .listener import Listener

FORMAT = "partimento tokens 1"
SLOT_TOKEN, SLOT_TICK, SLOT_BAR, SLOT_METER, SLOT_KEY, SLOT_PHRASE, SLOT_NOTES = range(7)  # columns of Piece.slots
TICKS_PER_QUARTER = 24
TRANSPOSE = (-6, 5)
SLIPS_MOST, LAPSES_MOST, SLIP_MOST = 0.12, 0.5, 7  # src/train/stream.c says what for


@dataclass
class Piece:
    style: int
    name: str
    split: str            # train, valid or test
    ticks: int
    pitch_lo: np.ndarray  # by part; above pitch_hi where a part is empty
    pitch_hi: np.ndarray
    tokens: np.ndarray
    slots: np.ndarray     # (slots, 7)


class Cells(NamedTuple):
    """One pass of a piece: what is fed, what should come next. `table` has the columns of shape.TABLES."""
    token: np.ndarray   # (n)
    target: np.ndarray  # (n)
    style: np.ndarray   # (n) row, -1 = none
    table: np.ndarray   # (n, 4)
    told: np.ndarray    # (n, columns) what the listener tells; none without one


@dataclass
class Variation:
    transpose: int = 0
    velocity_scale: float = 1.0
    velocity_shift: int = 0
    first_slot: int = 0
    give_style: bool = True
    give_key: bool = False
    give_phrase: bool = False
    give_density: bool = False
    give_memory: bool = True
    slips: float = 0.0  # share of notes that are misheard: fed as others, never asked for as such
    lapses: float = 0.0  # share of slots of which memory is not told
    chance: int = 0  # of slips and lapses


class Music:
    """All pieces of all styles, what is known of them, and the vocabulary they are in."""

    def __init__(self, lines: Iterable[str]) -> None:
        lines = iter(lines)
        self.facts = read_facts(next(lines, ""))
        self.vocabulary = self.facts["vocabulary"]
        self.styles: List[dict] = self.facts["styles"]
        self.pieces = [read_piece(json.loads(line)) for line in lines]
        self.midi = np.array(self.vocabulary["velocity_midi"])
        self.listener: Optional[Listener] = None

    def of(self, split: str, style: Optional[int] = None) -> List[Piece]:
        return [p for p in self.pieces if p.split == split and style in (None, p.style)]

    def count(self, split: str, style: int) -> int:
        """Tokens, BOS not counted."""
        return sum(len(piece.tokens) - 1 for piece in self.of(split, style))

    # -- one pass -------------------------------------------------------------------------------------------------

    def belongs(self, tokens: np.ndarray, kind: str) -> np.ndarray:
        first, end = self.vocabulary[kind]
        return (tokens >= first) & (tokens < end)

    def vary_velocity(self, bins: np.ndarray, variation: Variation) -> np.ndarray:
        if variation.velocity_scale == 1.0 and variation.velocity_shift == 0:
            return bins
        midi = np.minimum(127.0, self.midi[bins] * variation.velocity_scale + 0.5).astype(np.int64)
        top = len(self.midi) - 1
        return np.clip(np.clip((midi + 8) // 16 - 1, 0, top) + variation.velocity_shift, 0, top)

    def write_velocities(self, tokens: np.ndarray, source: np.ndarray, slot: np.ndarray, variation: Variation):
        """Insert a VEL wherever what is due differs from what was said last. @param source bins in force"""
        kinds = ("note", "drum", "ornament")  # an ornament's note has the velocity that was said before it
        at = np.flatnonzero(np.logical_or.reduce([self.belongs(tokens, kind) for kind in kinds]))
        due = self.vary_velocity(source[at], variation)
        said = np.concatenate(([self.vocabulary["velocity_start"]], due[:-1]))
        at, due = at[due != said], due[due != said]
        return np.insert(tokens, at, self.vocabulary["velocity"][0] + due), np.insert(slot, at, slot[at])

    def vary(self, piece: Piece, variation: Variation) -> Cells:
        """Tokens from T_k up to the one before T_(k+1) are fed under slot k's condition, BOS under the first slot's."""
        tokens, start = piece.tokens, piece.slots[variation.first_slot, SLOT_TOKEN]
        place = np.arange(len(tokens))
        velocity = self.belongs(tokens, "velocity")
        last = np.maximum.accumulate(np.where(velocity, place, -1))
        source = np.where(last >= 0, tokens[last] - self.vocabulary["velocity"][0], self.vocabulary["velocity_start"])
        kept = place[(place >= start) & ~velocity]
        slot = np.searchsorted(piece.slots[:, SLOT_TOKEN], kept, side="right") - 1
        said, slot = self.write_velocities(tokens[kept], source[kept], slot, variation)
        said = said + variation.transpose * self.belongs(said, "note")
        fed = np.concatenate(([self.vocabulary["bos"]], said[:-1]))
        fed = self.mishear(fed, variation)
        slot = np.concatenate(([variation.first_slot], slot[:-1]))
        return self.conditions(piece, variation, fed, said, piece.slots[slot])

    def conditions(self, piece: Piece, variation: Variation, fed: np.ndarray, said: np.ndarray,
                   slots: np.ndarray) -> Cells:
        table = np.zeros((len(fed), 4), np.int64)
        table[:, 0] = slots[:, SLOT_METER]
        if variation.give_key:
            table[:, 1] = transpose_key(slots[:, SLOT_KEY], variation.transpose)
        if variation.give_phrase:
            table[:, 2] = slots[:, SLOT_PHRASE]
        if variation.give_density:
            limits = np.array(self.styles[piece.style]["octiles"])
            table[:, 3] = 1 + np.searchsorted(limits, slots[:, SLOT_NOTES], side="right")
        return Cells(fed, said, np.full(len(fed), piece.style if variation.give_style else -1), table,
                     self.listen(fed, variation))

    def listen(self, fed: np.ndarray, variation: Variation) -> np.ndarray:
        if self.listener is None:
            return np.zeros((len(fed), 0), np.int16)
        return self.listener.hear(fed, self.remembered(fed, variation))

    def mishear(self, fed: np.ndarray, variation: Variation) -> np.ndarray:
        """Some notes as another pitch of the same part, some drums as another one."""
        if not variation.slips:
            return fed
        random, n = np.random.default_rng((variation.chance, 0)), len(fed)
        slips = random.random(n) < variation.slips
        by = random.integers(1, SLIP_MOST + 1, n) * random.choice((-1, 1), n)
        pitch = (fed - self.vocabulary["note"][0]) % 128 + by
        heard = np.where(self.belongs(fed, "note") & (pitch >= 0) & (pitch < 128), fed + by, fed)
        heard = np.where(self.belongs(fed, "drum"), random.integers(*self.vocabulary["drum"], n), heard)
        return np.where(slips, heard, fed)

    def remembered(self, fed: np.ndarray, variation: Variation) -> np.ndarray:
        """Of which tokens it is told what stood there before: a lapse is of a whole slot."""
        if not variation.lapses or not variation.give_memory:
            return np.full(len(fed), variation.give_memory)
        random, place = np.random.default_rng((variation.chance, 1)), np.arange(len(fed))
        slot = np.maximum.accumulate(np.where(self.belongs(fed, "slot"), place, 0))
        return (random.random(len(fed)) >= variation.lapses)[slot]

    # -- chance ---------------------------------------------------------------------------------------------------

    def draw_transpose(self, piece: Piece, random: np.random.Generator) -> int:
        """One that keeps every part in the model's range; 0 always does."""
        used = piece.pitch_lo <= piece.pitch_hi
        n = len(piece.pitch_lo)
        down = (np.array(self.facts["pitch_lo"][:n]) - piece.pitch_lo)[used]
        up = (np.array(self.facts["pitch_hi"][:n]) - piece.pitch_hi)[used]
        lo = min(0, max(down.max(initial=TRANSPOSE[0]), TRANSPOSE[0]))
        hi = max(0, min(up.min(initial=TRANSPOSE[1]), TRANSPOSE[1]))
        return int(random.integers(lo, hi + 1))

    def draw(self, piece: Piece, random: np.random.Generator) -> Variation:
        variation = Variation(transpose=self.draw_transpose(piece, random))
        if random.random() < 0.5:
            variation.velocity_scale = random.uniform(0.8, 1.2)
            variation.velocity_shift = int(random.integers(-1, 2))
        if random.random() < 0.3:
            bars = piece.slots[:, SLOT_BAR]
            variation.first_slot = int(np.searchsorted(bars, random.integers(bars[0], bars[-1] + 1)))
        variation.give_key, variation.give_phrase, variation.give_density = (random.random(3) < 0.5).tolist()
        variation.give_style = bool(random.random() >= 0.1)
        variation.give_memory = bool(random.random() >= 0.1)
        if self.listener is not None:
            variation.slips = SLIPS_MOST * max(0.0, random.uniform(-1.0, 1.0))
            variation.lapses = LAPSES_MOST * max(0.0, random.uniform(-1.0, 1.0))
            variation.chance = int(random.integers(1 << 62))
        return variation


def transpose_key(key: np.ndarray, by: int) -> np.ndarray:
    """0 unknown, 1..12 major, 13..24 minor."""
    mode = (key - 1) // 12 * 12
    return np.where(key > 0, 1 + mode + (key - 1 - mode + by) % 12, 0)


def read_facts(line: str) -> Dict:
    try:
        facts = json.loads(line)
    except ValueError:
        facts = None
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise ValueError(f"no data of the format {FORMAT!r}: `partimento tokens` prints it")
    return facts


def read_piece(line: Dict) -> Piece:
    arrays = {name: np.array(line[name], np.int64) for name in ("pitch_lo", "pitch_hi", "tokens")}
    return Piece(style=line["style"], name=line["name"], split=line["split"], ticks=line["ticks"],
                 slots=np.array(line["slots"], np.int64).reshape(-1, 7), **arrays)


def read_file(path: str) -> Music:
    with open(path, encoding="utf-8") as file:
        return Music(file)


def read_folders(program: str, styles: List[str]) -> Music:
    """@param program `partimento` @param styles NAME=DIR each"""
    command = [program, "tokens"] + [word for style in styles for word in ("--style", style)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as run:
        try:
            music = Music(run.stdout)
        except ValueError:
            run.stdout.read()
            music = None
    if run.returncode or music is None:
        raise ValueError(f"{' '.join(command)}: exit status {run.returncode}")
    return music
