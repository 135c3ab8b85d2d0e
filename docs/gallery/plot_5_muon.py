"""
Training with Muon
==================

A small network, y = W2 tanh(W1 x), trained by plain gradient steps, by Muon's five Newton-Schulz
steps and by the exact polar factor, each with the step that serves it best of four.
"""
import matplotlib.pyplot as plt
import numpy as np
import wgamma

rng = np.random.default_rng(11)
inputs = rng.normal(size=(400, 12)) * np.logspace(0, -1.5, 12)
labels = np.tanh(inputs @ rng.normal(size=(12, 8))) @ rng.normal(size=(8, 4))
start = rng.normal(size=(12, 32)) * 0.3, rng.normal(size=(32, 4)) * 0.2


def loss_and_gradients(w1, w2):
    hidden = np.tanh(inputs @ w1)
    miss = hidden @ w2 - labels
    back = (miss @ w2.T) * (1 - hidden**2)
    return 0.5 * np.mean(np.sum(miss**2, axis=1)), (inputs.T @ back / 400, hidden.T @ miss / 400)


def train(direction, step, rounds=150, momentum=0.9):
    weights, memory, losses = [w.copy() for w in start], [0.0, 0.0], []
    for k in range(rounds):
        loss, gradients = loss_and_gradients(*weights)
        losses.append(loss)
        for i in range(2):
            memory[i] = momentum * memory[i] + gradients[i]
            weights[i] = weights[i] - step * (1 - k / rounds) * direction(memory[i])
    return losses


ways = {'gradient': (lambda g: g, (0.03, 0.1, 0.3, 1.0)),
        'Muon, five Newton-Schulz steps': (lambda g: wgamma.polar(g, 'muon'), (0.01, 0.03, 0.1, 0.3)),
        'Muon, exact': (lambda g: wgamma.polar(g, 'exact'), (0.01, 0.03, 0.1, 0.3))}
for name, (direction, steps) in ways.items():
    best = min((train(direction, step) for step in steps),
               key=lambda losses: losses[-1] if np.isfinite(losses[-1]) else np.inf)
    plt.semilogy(best, label=f'{name}: {best[-1]:.2g}')
plt.xlabel('step')
plt.ylabel('loss')
plt.legend()
plt.tight_layout()
