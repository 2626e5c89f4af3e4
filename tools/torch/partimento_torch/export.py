# SPDX-License-Identifier: ISC
"""A model file with what the data promise (src/train/export.c writes the same keys), and its card."""
import os
import shlex
import sys
from dataclasses import dataclass
from typing import Dict, List, Optional

import torch
from torch import Tensor

from .model import Net, save
from .music import Music


@dataclass
class About:
    """What a user says of the model, and what the run says."""
    title: str = ""
    author: str = ""
    license: str = ""
    seed: int = 0
    steps: int = 0
    tokens: int = 0
    valid: float = float("nan")  # nats a quarter, mean over styles


def joined(values: List, separator: str = ",") -> str:
    return separator.join(str(value) for value in values)


def describe_styles(music: Music) -> Dict[str, str]:
    styles = music.styles
    return {
        "styles": joined([style["name"] for style in styles]),
        "programs": joined([joined(style["programs"]) for style in styles], ";"),
        "kits": joined([style["kit"] for style in styles]),
        "style_parts": joined([style["parts"] for style in styles]),
        "style_rests": joined([joined(style["rests"]) for style in styles], ";"),
        "style_drums": joined([int(style["drums"]) for style in styles]),
        "style_bpm": joined(["%.4g" % style["bpm"] for style in styles]),
        "density_octiles": joined([joined(style["octiles"]) for style in styles], ";"),
    }


def describe_data(music: Music) -> Dict[str, str]:
    facts = music.facts
    sources = [f"{style['name']}: {len(music.of('train', k))} pieces, {music.count('train', k)} tokens"
               for k, style in enumerate(music.styles)]
    return {
        "format_version": "1", "vocab": music.vocabulary["name"],
        "parts": str(facts["parts"]), "pitch_lo": joined(facts["pitch_lo"]), "pitch_hi": joined(facts["pitch_hi"]),
        "part_names": joined([f"Part {part + 1}" for part in range(facts["parts"])]),
        **describe_styles(music),
        "lag": "1", "microtiming": "0",
        **{name: str(int(facts[name])) for name in ("velocity", "drums", "ornaments")},
        "data_sources": "; ".join(sources), "data_license": "see the model card",
    }


def command_line() -> str:
    return shlex.join([os.path.basename(sys.argv[0])] + sys.argv[1:])


def metadata(music: Music, about: About) -> Dict[str, str]:
    values = {
        **describe_data(music), "temperature": "1.0", "min_p": "0.005", "title": about.title, "author": about.author,
        "license": about.license, "trained_with": f"partimento {music.facts['version']}, PyTorch {torch.__version__}",
        "command": command_line(), "seed": str(about.seed), "steps": str(about.steps),
    }
    if about.valid == about.valid:
        values["valid_nats_per_quarter"] = f"{about.valid:.3f}"
    return values


def data_table(music: Music) -> str:
    rows = ["| style | pieces train / valid / test | refused | training tokens | licence as the folder states it |",
            "|---|---|---|---|---|"]
    for k, style in enumerate(music.styles):
        pieces = " / ".join(str(len(music.of(split, k))) for split in ("train", "valid", "test"))
        tokens = music.count("train", k)
        rows.append(f"| {style['name']} | {pieces} | {style['refused']} | {tokens} | {style['license']} |")
    return "\n".join(rows)


def write_card(path: str, net: Net, music: Music, about: About) -> None:
    parameters = sum(weight.numel() for weight in net.parameters())
    text = f"""# {about.title or "Untitled model"}

A model for Partimento, trained by tools/torch/train.py.

- author: {about.author or "not stated"}
- licence of the weights: {about.license or "not stated"}

## Training data

{data_table(music)}

## How it was trained

    {command_line()}

- {net.shape.describe()}, vocabulary {music.vocabulary["name"]} ({net.shape.vocab} tokens), {parameters} parameters
- seed {about.seed}, {about.steps} steps, {about.tokens} tokens
- {about.valid:.3f} nats a quarter note on the valid pieces, mean over styles; `partimento evaluate` measures it beside
  the 6-gram
"""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def export(path: str, net: Net, weights: Optional[Dict[str, Tensor]], music: Music, about: About) -> None:
    """The model, and its card beside it."""
    save(path, net, metadata(music, about), weights)
    stem = path[:-len(".safetensors")] if path.endswith(".safetensors") else path
    write_card(stem + ".md", net, music, about)
