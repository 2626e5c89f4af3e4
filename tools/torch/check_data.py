#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Files, variations and streams: what can be checked without the engine.

    check_data.py music.tokens      what `partimento tokens` printed"""
import json
import sys
import tempfile
from collections import Counter

import numpy as np
import torch

from partimento_torch import tensors
from partimento_torch.listener import Listener
from partimento_torch.music import Music, Piece, Variation, read_file
from partimento_torch.streams import Batch, Streams


def check(good: bool, what: str) -> None:
    if not good:
        raise AssertionError(what)


def check_tensors(folder: str) -> None:
    path = folder + "/x.safetensors"
    ours = {"a": torch.randn(3, 5), "b": torch.randn(7), "s": torch.tensor(2.5)}
    tensors.write(path, ours, {"title": "Büchlein, \"x\""})
    found, metadata = tensors.read(path)
    check(metadata == {"title": "Büchlein, \"x\""}, "metadata are kept")
    check(list(found) == list(ours) and all(torch.equal(found[name], ours[name]) for name in ours), "tensors are kept")
    with open(path, "rb") as file:
        data = file.read()
    check(int.from_bytes(data[:8], "little") % 8 == 0, "the data are aligned")
    for broken in (b"", data[:7], data[:40], data[:-1], b"\xff" * 64, b"\x08" + bytes(7) + b"[1,2,3] "):
        with open(path, "wb") as file:
            file.write(broken)
        try:
            tensors.read(path)
        except ValueError:
            continue
        raise AssertionError(f"{broken[:20]!r} was read")


def check_dtypes(folder: str) -> None:
    """F16, BF16 and rows of I8 with their scales become floats."""
    half, brain = torch.randn(4).half(), torch.randn(4).bfloat16()
    rows, scale = torch.tensor([[1, -2], [127, 0]], dtype=torch.int8), torch.tensor([0.5, 0.25])
    entries = [("half", "F16", half), ("brain", "BF16", brain.view(torch.int16)), ("w", "I8", rows),
               ("w.scale", "F32", scale)]
    header, blocks = {}, b""
    for name, dtype, tensor in entries:
        block = tensor.numpy().tobytes()
        place = [len(blocks), len(blocks) + len(block)]
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": place}
        blocks += block
    text = json.dumps(header).encode()
    with open(folder + "/y.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + blocks)
    found, _ = tensors.read(folder + "/y.safetensors")
    check(torch.equal(found["half"], half.float()) and torch.equal(found["brain"], brain.float()), "F16 and BF16")
    check(torch.equal(found["w"], rows.float() * scale.unsqueeze(1)) and "w.scale" not in found, "I8 and its scale")


def check_plain(music: Music, piece: Piece) -> None:
    """Nothing changed is the piece itself."""
    cells = music.vary(piece, Variation())
    check(np.array_equal(cells.token, piece.tokens[:-1]), f"{piece.name}: fed")
    check(np.array_equal(cells.target, piece.tokens[1:]), f"{piece.name}: what should come next")
    begins = music.belongs(cells.token, "slot")
    check(np.array_equal(cells.table[begins, 0], piece.slots[:, 3]), f"{piece.name}: meters")
    check(not cells.table[:, 1:].any(), f"{piece.name}: key, phrase and density are not told")


def check_varied(music: Music, piece: Piece, random: np.random.Generator) -> None:
    variation = music.draw(piece, random)
    cells = music.vary(piece, variation)
    check(cells.token[0] == music.vocabulary["bos"] and cells.target[-1] == music.vocabulary["end"], "from BOS to END")
    check(np.array_equal(cells.token[1:], cells.target[:-1]), "what comes next is fed next")
    said = music.belongs(cells.target, "velocity")
    bins = np.concatenate(([music.vocabulary["velocity_start"]], cells.target[said] - music.vocabulary["velocity"][0]))
    check((np.diff(bins) != 0).all() and bins.min() >= 0 and bins.max() <= 7, f"{piece.name}: velocities repeat")
    begin = piece.slots[variation.first_slot, 0]
    source = piece.tokens[begin:]
    notes, pitched = source[music.belongs(source, "note")], cells.target[music.belongs(cells.target, "note")]
    check(np.array_equal(pitched, notes + variation.transpose), f"{piece.name}: notes are transposed")
    first = music.vocabulary["note"][0]
    check(((pitched - first) // 128 == (notes - first) // 128).all(), f"{piece.name}: parts stay")


def check_heard(music: Music, piece: Piece) -> None:
    """A line is heard token by token; another key changes no interval; what is not remembered points nowhere."""
    ear = music.listener = Listener(music.facts["parts"])
    cells, moved = music.vary(piece, Variation()), music.vary(piece, Variation(transpose=-2))
    music.listener = None
    check(cells.told.shape == (len(cells.token), ear.shape.columns), f"{piece.name}: columns")
    check(np.array_equal(cells.told[:9], ear.hear(cells.token[:9])), f"{piece.name}: what comes later is not heard")
    names = [name for name, _ in ear.shape.tables]
    intervals = [names.index(name) for name in names if name.startswith(("motion", "chord", "scale", "near.", "far."))]
    check(np.array_equal(cells.told[:, intervals], moved.told[:, intervals]), f"{piece.name}: intervals")
    check(not np.array_equal(cells.told, moved.told), f"{piece.name}: pitches")
    memory, deaf = ear.shape.memory(), ear.hear(cells.token, remember=False)
    others = np.setdiff1d(np.arange(ear.shape.columns), memory)
    check((deaf[:, memory] == -1).all() and (cells.told[:, memory] >= 0).any(), f"{piece.name}: memory")
    check(np.array_equal(deaf[:, others], cells.told[:, others]), f"{piece.name}: without memory")


def check_noise(music: Music, piece: Piece) -> int:
    """Misheard notes are asked for as they were and heard as they are fed; a lapse is of whole slots."""
    ear = music.listener = Listener(music.facts["parts"])
    plain = music.vary(piece, Variation())
    cells = music.vary(piece, Variation(slips=0.2, chance=7))
    lapsed = music.vary(piece, Variation(lapses=0.5, chance=7))
    music.listener = None
    slips, first = cells.token != plain.token, music.vocabulary["note"][0]
    note = music.belongs(plain.token, "note")
    check(np.array_equal(cells.target, plain.target), f"{piece.name}: what is asked for")
    check(not (slips & ~note & ~music.belongs(plain.token, "drum")).any(), f"{piece.name}: what may slip")
    check(np.array_equal((cells.token - first)[note] // 128, (plain.token - first)[note] // 128), f"{piece.name}: parts")
    check((np.abs(cells.token - plain.token)[note] <= 7).all(), f"{piece.name}: how far")
    check(np.array_equal(cells.told, ear.hear(cells.token)), f"{piece.name}: what is heard of it")
    gone = (lapsed.told != plain.told).any(1)
    deaf = ear.hear(plain.token, remember=False)
    check(np.array_equal(lapsed.told, np.where(gone[:, None], deaf, plain.told)), f"{piece.name}: lapses")
    knows = (deaf != plain.told).any(1)
    for slot in np.split(np.arange(len(gone)), np.flatnonzero(music.belongs(plain.token, "slot"))):
        check(len(set(gone[slot][knows[slot]])) <= 1, f"{piece.name}: half a slot is told")
    return int(slips.sum()) * int(gone.sum())


def same(one: Batch, other: Batch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(vars(one).values(), vars(other).values()))


def check_streams(music: Music) -> None:
    """Pieces come evenly; a stream that goes on from its places is the same stream."""
    streams = Streams(music, 3, 16, seed=5)
    batches = streams.batches(0, False)
    for _ in range(40):
        batch = next(batches)
    again = Streams(music, 3, 16, seed=5)
    again.places = batch.places.numpy().copy()
    there = again.batches(0, False)
    for _ in range(10):
        check(same(next(batches), next(there)), "a resumed stream")


class Watched(Streams):
    """Counts what it plays."""
    played: Counter = Counter()

    def draw_piece(self, row: int, random: np.random.Generator) -> Piece:
        piece = super().draw_piece(row, random)
        self.played[piece.name] += 1
        return piece


def check_turns(music: Music) -> None:
    """Streams that play equally many pieces play each of a style once before any again."""
    check(len(music.styles) == 1, "one style")
    n, streams = len(music.of("train")), Watched(music, 3, 16, seed=5)
    for turn in range(2 * n):
        for row in range(3):
            streams.move_on(row) if turn else streams.play(row)
        if 3 * (turn + 1) % n == 0:
            check(len(streams.played) == n and len(set(streams.played.values())) == 1, f"{streams.played} is uneven")


def check_ornaments(music: Music) -> None:
    """A velocity stands before the ornament and not again before its note."""
    words = music.vocabulary
    velocity, drum, trill, note, slot = (words[kind][0] for kind in ("velocity", "drum", "ornament", "note", "slot"))
    other = slot + 2  # stands for whatever is passed on as it is
    tokens = [words["bos"], slot, velocity + 5, trill, note + 60, other, velocity + 2, drum, note + 64, other, trill,
              note + 62, other, words["end"]]
    piece = Piece(0, "ornaments", "train", 48, np.array([60]), np.array([64]), np.array(tokens),
                  np.array([[1, 0, 0, 8, 0, 1, 4]]))
    cells = music.vary(piece, Variation())
    check(cells.target.tolist() == tokens[1:], f"{cells.target.tolist()} is not {tokens[1:]}")
    louder = music.vary(piece, Variation(velocity_shift=1)).target
    expected = [token + (token in (velocity + 5, velocity + 2)) for token in tokens[1:]]
    check(louder.tolist() == expected, f"{louder.tolist()} is not {expected}")


def main() -> int:
    music = read_file(sys.argv[1])
    random = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        check_tensors(folder)
        check_dtypes(folder)
    for piece in music.pieces:
        check_plain(music, piece)
        check_heard(music, piece)
        for _ in range(20):
            check_varied(music, piece, random)
    check(sum(check_noise(music, piece) for piece in music.pieces) > 0, "nothing slips or lapses")
    check_streams(music)
    check_turns(music)
    check_ornaments(music)
    print(f"check_data: {len(music.pieces)} pieces fine")
    return 0


if __name__ == "__main__":
    sys.exit(main())
