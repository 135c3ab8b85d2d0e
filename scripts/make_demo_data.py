#!/usr/bin/env python3
"""Writes the clouds of `wgamma demo`: annulus, disks and two silhouettes, 700 points each.

Standard library only and one fixed seed, so the shipped files can be made again to the byte:
    python3 scripts/make_demo_data.py [directory, default examples/data]
"""
import math
import os
import random
import sys

COUNT = 700
SEED = 2604


def annulus(rng, inner=1.0, outer=1.6):
    """A uniform point of the annulus: the squared radius is uniform."""
    radius = math.sqrt(rng.uniform(inner**2, outer**2))
    angle = rng.uniform(0.0, 2.0 * math.pi)
    return radius * math.cos(angle), radius * math.sin(angle)


def disks(rng, radius=0.62, height=0.95, shift=4.2):
    """A uniform point of two disks, one above the other, moved right by `shift`."""
    length = radius * math.sqrt(rng.random())
    angle = rng.uniform(0.0, 2.0 * math.pi)
    side = height if rng.random() < 0.5 else -height
    return shift + length * math.cos(angle), side + length * math.sin(angle)


def in_polygon(x, y, corners):
    """Even-odd rule."""
    inside = False
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1]):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            inside = not inside
    return inside


def in_cat(x, y):
    """A sitting cat from behind: body, head, ears and a curled tail."""
    body = (x / 0.66) ** 2 + ((y + 0.62) / 0.78) ** 2 < 1.0 and y > -1.3
    head = (x / 0.50) ** 2 + ((y - 0.52) / 0.44) ** 2 < 1.0
    ear = in_polygon(abs(x), y, [(0.10, 0.85), (0.42, 1.30), (0.50, 0.60)])
    ring = math.hypot(x - 0.78, y + 0.80)
    tail = abs(ring - 0.42) < 0.10 and (x > 0.70 or y < -0.80)
    tip = math.hypot(x - 0.70, y + 0.38) < 0.10
    return body or head or ear or tail or tip


def in_star(x, y, outer=1.45, inner=0.62):
    """A five-pointed star, one point up."""
    corners = []
    for k in range(10):
        radius = outer if k % 2 == 0 else inner
        angle = math.pi / 2.0 + k * math.pi / 5.0
        corners.append((radius * math.cos(angle), radius * math.sin(angle)))
    return in_polygon(x, y, corners)


def draw(rng, sampler):
    return [sampler(rng) for _ in range(COUNT)]


def fill(rng, contains, candidates=12):
    """Points spread evenly inside a silhouette: of several uniform candidates the one farthest
    from the points so far (Mitchell's best candidate), so that 700 points show the outline."""
    points = []
    while len(points) < COUNT:
        best, best_distance = None, -1.0
        for _ in range(candidates):
            x, y = rng.uniform(-1.5, 1.5), rng.uniform(-1.5, 1.5)
            while not contains(x, y):
                x, y = rng.uniform(-1.5, 1.5), rng.uniform(-1.5, 1.5)
            nearest = min(((x - u) ** 2 + (y - v) ** 2 for u, v in points), default=1.0)
            if nearest > best_distance:
                best, best_distance = (x, y), nearest
        points.append(best)
    return points


def write(directory, name, points):
    with open(os.path.join(directory, name), "w", encoding="ascii", newline="\n") as file:
        file.write("x,y\n")
        for x, y in points:
            file.write(f"{x:.6g},{y:.6g}\n")


def main():
    directory = sys.argv[1] if len(sys.argv) > 1 else os.path.join("examples", "data")
    os.makedirs(directory, exist_ok=True)
    rng = random.Random(SEED)
    write(directory, "annulus.csv", draw(rng, annulus))
    write(directory, "disks.csv", draw(rng, disks))
    write(directory, "shape_a.csv", fill(rng, in_cat))
    write(directory, "shape_b.csv", fill(rng, in_star))


if __name__ == "__main__":
    main()
