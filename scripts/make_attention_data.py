#!/usr/bin/env python3
"""Writes examples/data/attention_*.npy: data, labels of a teacher with three heads, and a start.

Our own small instance of the paper's attention experiment; needs NumPy.
"""
import pathlib

import numpy as np

TOKEN, HEAD, LENGTH, COUNT, PARTICLES = 4, 2, 8, 32, 48
DATA = pathlib.Path(__file__).resolve().parents[1] / 'examples' / 'data'


def attention(neurons, z):
    """The mean over neurons (Q, K, V, O), each HEAD x TOKEN, of O' softmax(Qz . Kz) Vz."""
    out = np.zeros_like(z)
    for q, k, v, o in neurons:
        score = (z @ q.T) @ np.swapaxes(z @ k.T, 1, 2) / np.sqrt(HEAD)
        weight = np.exp(score - score.max(-1, keepdims=True))
        weight /= weight.sum(-1, keepdims=True)
        out += weight @ (z @ v.T) @ o
    return out / len(neurons)


def main():
    rng = np.random.default_rng(2604)
    z = rng.normal(size=(COUNT, LENGTH, TOKEN))
    teacher = rng.normal(size=(3, 4, HEAD, TOKEN))
    np.save(DATA / 'attention_inputs.npy', z)
    np.save(DATA / 'attention_labels.npy', attention(teacher, z))
    np.save(DATA / 'attention_x0.npy', 0.5 * rng.normal(size=(PARTICLES, 4 * HEAD * TOKEN)))


if __name__ == '__main__':
    main()
