# SPDX-License-Identifier: ISC
"""Partimento's nets in plain PyTorch: the same equations, the same files, other machines. See docs/torch.md.

tensors.py   safetensors in and out
shape.py     architecture and sizes, as a model file says them
model.py     the recurrent nets and what all nets share; decoder.py the Transformer
listener.py  what is told beside tokens; told.py how a net takes it
music.py     what `partimento tokens` prints, and how a piece is varied for training; streams.py makes batches of it
score.py     nats a quarter note of held-out pieces
export.py    a model file and its card
"""
