# SPDX-License-Identifier: ISC
"""safetensors in and out, as docs/model.md, section 7, describes them. Metadata are kept as they are.

8 bytes N (little-endian), N bytes of JSON, data. Nothing is executed on loading."""
import json
import os
from typing import Dict, Tuple

import torch
from torch import Tensor

HEADER_MAX = 1 << 20
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I8": torch.int8}


def read_header(data: bytes) -> Tuple[dict, int]:
    """The JSON and where the data begin."""
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > HEADER_MAX or 8 + size > len(data) or data[8:9] != b"{":
        raise ValueError("no safetensors header")
    return json.loads(data[8:8 + size].decode()), 8 + size


def read_tensor(data: bytes, start: int, entry: dict) -> Tensor:
    begin, end = entry["data_offsets"]
    dtype = DTYPES.get(entry["dtype"])
    if dtype is None:
        raise ValueError(f"dtype {entry['dtype']} is not F32, F16, BF16 or I8")
    if not 0 <= begin < end <= len(data) - start:
        raise ValueError("a tensor lies outside the file")
    return torch.frombuffer(bytearray(data[start + begin:start + end]), dtype=dtype).reshape(entry["shape"])


def as_floats(tensors: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """Float32 throughout: rows of I8 matrices are multiplied by their scales, which go."""
    floats = {}
    for name, tensor in tensors.items():
        if tensor.dtype == torch.int8:
            floats[name] = tensor.float() * tensors[name + ".scale"].float().unsqueeze(1)
        elif not (name.endswith(".scale") and name[:-6] in tensors):
            floats[name] = tensor.float()
    return floats


def read(path: str) -> Tuple[Dict[str, Tensor], Dict[str, str]]:
    """Tensors as float32 by name, and metadata. ValueError or KeyError when the file is none of ours."""
    with open(path, "rb") as file:
        data = file.read()
    header, start = read_header(data)
    metadata = header.pop("__metadata__", {})
    return as_floats({name: read_tensor(data, start, entry) for name, entry in header.items()}), metadata


def write(path: str, tensors: Dict[str, Tensor], metadata: Dict[str, str]) -> None:
    """Float32, whole or not at all."""
    header: dict = {"__metadata__": metadata}
    blocks, at = [], 0
    for name, tensor in tensors.items():
        block = tensor.detach().cpu().float().contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + len(block)]}
        blocks.append(block)
        at += len(block)
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".new", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + b"".join(blocks))
    os.replace(path + ".new", path)
