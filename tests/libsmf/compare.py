#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The evidence against libsmf (docs/midi-files.md). No part of make check. From the repository root:

  cc -g -o ./probe tests/libsmf/probe.c $(pkg-config --cflags --libs smf)
  python3 tests/libsmf/compare.py ./probe

Needs libsmf-dev and valgrind. Feeds it a sound file cut at every byte, 2,000 mutations (fixed seed) of the files that our
fuzzer kept, and the kinds of files that the issue names; then every 20th mutation under valgrind."""
import collections, glob, os, random, subprocess, sys, tempfile


def track(events):
    events += b"\0\xff\x2f\0"
    return b"MTrk" + len(events).to_bytes(4, "big") + events


def midi(division, *tracks):
    return b"MThd\0\0\0\6\0\1" + len(tracks).to_bytes(2, "big") + division + b"".join(tracks)


NOTES = b"\0\x90\x3c\x40\x60\x80\x3c\0\0\x90\x3e\x40\x60\x80\x3e\0"
MAPS = b"\0\xff\x58\4\3\2\x18\x08\0\xff\x51\3\7\xa1\x20"
SOUND = midi(b"\0\x60", track(MAPS), track(b"\0\xff\3\4name\0\xc0\5" + NOTES))
NAMED = {
    "SMPTE division, 25 frames of 40": midi(b"\xe7\x28", track(NOTES)),
    "SMPTE division, 29.97 frames of 80": midi(b"\xe3\x50", track(NOTES)),
    "RIFF RMID": b"RIFF" + (len(SOUND) + 12).to_bytes(4, "little") + b"RMIDdata" + len(SOUND).to_bytes(4, "little") + SOUND,
    "damaged second track": midi(b"\0\x60", track(NOTES), track(NOTES + b"\0\x90\xff")),
    "track without end": SOUND[:-4],
}


def run(command, data, folder):
    path = os.path.join(folder, "x.mid")
    with open(path, "wb") as file:
        file.write(data)
    done = subprocess.run(command + [path], capture_output=True, text=True, errors="replace", timeout=60)
    if done.returncode < 0:
        last = done.stderr.strip().split("\n")[-1]
        return f"killed by signal {-done.returncode}: " + last.split(": ", 1)[-1], done.stderr
    return ("read" if done.stdout.startswith("read") else "refused"), done.stderr


def report(title, outcomes):
    counts = collections.Counter(outcomes)
    print(f"{title}: {len(outcomes)}")
    for outcome, n in counts.most_common():
        print(f"  {n:5} {outcome}")


def mutate(dice, data):
    data = bytearray(data)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(data))
        kind = dice.randrange(3)
        if kind == 0:
            data[at] = dice.randrange(256)
        elif kind == 1:
            data[at] ^= 1 << dice.randrange(8)
        elif len(data) > 20:
            del data[at]
    return bytes(data)


def main():
    probe = [sys.argv[1]]
    dice = random.Random(1)
    seeds = [SOUND] * 10 + [s for s in (open(p, "rb").read() for p in sorted(glob.glob("tests/data/smf/*"))) if s[:4] == b"MThd"]
    mutants = [mutate(dice, dice.choice(seeds)) for _ in range(2000)]
    with tempfile.TemporaryDirectory() as folder:
        for name, data in NAMED.items():
            print(f"{name}: {run(probe, data, folder)[0]}")
        report("cut at every byte", [run(probe, SOUND[:n], folder)[0] for n in range(len(SOUND))])
        report("mutations", [run(probe, data, folder)[0] for data in mutants])
        faults = []
        for data in mutants[::20]:
            lines = run(["valgrind", "-q"] + probe, data, folder)[1].split("\n")
            faults.append(next((l.split("== ")[-1] for l in lines if "Invalid" in l or "uninit" in l), "clean"))
        report("every 20th mutation under valgrind", faults)


main()
