#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Are the weights of two model files the same, whatever their metadata?    check_same.py ONE OTHER TOLERANCE"""
import sys

from partimento_torch import tensors


def main() -> int:
    one, other = (tensors.read(path)[0] for path in sys.argv[1:3])
    if {name: w.shape for name, w in one.items()} != {name: w.shape for name, w in other.items()}:
        print("other names or shapes")
        return 1
    difference = max(float((one[name] - other[name]).abs().max()) for name in one)
    print(f"largest difference {difference:.2e}")
    return 0 if difference <= float(sys.argv[3]) else 1


if __name__ == "__main__":
    sys.exit(main())
