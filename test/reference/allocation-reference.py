#!/usr/bin/env python3
# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only
"""Reference optima of the min-max bandwidth problem, for the suite wdmoe-core.

Draws 1,000 instances and solves each with 110-bit arithmetic by nested bracketing of monotone
functions: a different and much plainer way than model/core/wdmoe-allocation.cc, with no code of it.

  coupled: T such that sum B_k(T) = B, with B_k(T) the root of bits_d/R_d + bits_u/R_u + c = T.
  split:   T(r) such that sum min(r x + y : device k meets T) = r B_d + B_u, and the ratio r of the
           two prices such that sum x = B_d. T(r) never exceeds the optimum and touches it there, so
           an error of 1e-8 in r is one of 1e-16 in T; likewise inside a device.

One line for each instance, numbers separated by blanks:
  c|s  downlink-Hz  uplink-Hz  optimal-T-in-s  device;device;...
with device = downlink-bits/uplink-bits/compute-s/downlink-law/uplink-law and law = Ls (linear, s
bit/s/Hz) or SG,cap,scale (Shannon). Decimal numbers are exactly what both sides parse.

  pip install gmpy2          (mpmath is used in its place if it is missing: ten times slower)
  python3 allocation-reference.py > allocation-reference.csv       (some minutes)
"""

import random
import sys

try:
    import gmpy2

    gmpy2.get_context().precision = 110
    real, log, log1p, exp = gmpy2.mpfr, gmpy2.log, gmpy2.log1p, gmpy2.exp
except ImportError:
    import mpmath

    mpmath.mp.prec = 110
    real, log, log1p, exp = mpmath.mpf, mpmath.log, mpmath.log1p, mpmath.exp

LN2 = log(real(2))
INF = real("inf")


def bracketed_root(f, low, high, tolerance):
    """Root of a falling f with f(low) > 0 >= f(high): false position (Illinois), and a bisection
    whenever four steps have not made the bracket eight times smaller."""
    f_low, f_high = f(low), f(high)
    width = high - low
    step = side = 0
    while high - low > tolerance:
        step += 1
        middle = (low + high) / 2
        if f_low != INF and (step % 4 or (high - low) * 8 < width):
            middle = low + (high - low) * f_low / (f_low - f_high)
        if step % 4 == 0:
            width = high - low
        # not closer to an end than half the tolerance, so that the bracket closes from both sides
        middle = min(max(middle, low + tolerance / 2), high - tolerance / 2)
        value = f(middle)
        if value == 0:
            return middle
        if value > 0:
            low, f_low = middle, value
            if side > 0:
                f_high = f_high / 2
            side = 1
        else:
            high, f_high = middle, value
            if side < 0 and f_low != INF:
                f_low = f_low / 2
            side = -1
    return (low + high) / 2


def root_near(f, start, step, tolerance):
    """Root of a falling f, looked for around start"""
    value = f(start)
    if value == 0:
        return start
    low = high = start
    if value > 0:
        while f(high) > 0:
            low, high = high, high + step
            step *= 3
    else:
        while f(low) <= 0:
            low, high = low - step, low
            step *= 3
    return bracketed_root(f, low, high, tolerance)


class Leg:
    """One direction of one device: bits over a rate law."""

    def __init__(self, bits, law):
        self.bits = real(bits)
        self.linear = law[0] == "L"
        if self.linear:
            self.cap = real(law[1:])
            self.fastest = real(0)
        else:
            gain, cap, scale = law[1:].split(",")
            self.gain, self.cap, self.scale = real(gain), real(cap), real(scale)
            self.fastest = self.bits * LN2 / (self.scale * self.gain)

    def shannon(self, b):
        return self.scale * b * log1p(self.gain / b) / LN2

    def time(self, b):
        if self.linear:
            return self.bits / (self.cap * b)
        return self.bits / min(self.shannon(b), self.cap * b)

    def slope(self, b):
        """-dt/dB (from the right at the corner)"""
        if self.linear or self.cap * b < self.shannon(b):
            return self.bits / (self.cap * b * b)
        v = self.gain / b
        rate = self.shannon(b)
        return self.bits * self.scale * (log1p(v) - v / (1 + v)) / LN2 / (rate * rate)

    def bandwidth(self, time):
        """Least B that does it in this time (infinite if none does)."""
        if time <= self.fastest:
            return INF
        least = self.bits / (time * self.cap)
        if self.linear:
            return least
        # log1p(v) = r v, by Newton from the right of the root: convergence is monotone
        r = self.fastest / time
        v = 4 / r * (1 - log(r)) if r < 0.5 else 4 * (1 / r - 1)
        for _ in range(200):
            change = (r * v - log1p(v)) / (r - 1 / (1 + v))
            v -= change
            if abs(change) < v * 1e-25:
                break
        return max(least, self.gain / v)


class Device:
    def __init__(self, text):
        bits_down, bits_up, compute, law_down, law_up = text.split("/")
        self.compute = real(compute)
        self.down = Leg(bits_down, law_down) if float(bits_down) > 0 else None
        self.up = Leg(bits_up, law_up) if float(bits_up) > 0 else None
        self.last = real(0)
        self.legs = [leg for leg in (self.down, self.up) if leg]
        self.fastest = self.compute + sum((leg.fastest for leg in self.legs), real(0))

    def shared_bandwidth(self, time):
        if time <= self.fastest:
            return INF
        time -= self.compute
        if len(self.legs) == 1:
            return self.legs[0].bandwidth(time)
        # each leg alone needs less than all the time; half the time for each is enough
        low = max(leg.bandwidth(time) for leg in self.legs)
        spare = (time - self.down.fastest - self.up.fastest) / 2
        high = max(leg.bandwidth(leg.fastest + spare) for leg in self.legs)
        root = bracketed_root(
            lambda z: log(sum(leg.time(exp(z)) for leg in self.legs) / time),
            log(low) - real("1e-25"), log(high) + real("1e-25"), real("1e-24"))
        return exp(root)

    def split_bandwidths(self, time, ratio):
        """(x, y) with least ratio x + y"""
        if time <= self.fastest:
            return INF, INF
        time -= self.compute
        if not self.up:
            return self.down.bandwidth(time), real(0)
        if not self.down:
            return real(0), self.up.bandwidth(time)
        spare = time - self.down.fastest - self.up.fastest

        def give(z):
            # z: the logit of the downlink's part of the spare time
            part = 1 / (1 + exp(-z))
            return (self.down.bandwidth(self.down.fastest + spare * part),
                    self.up.bandwidth(self.up.fastest + spare * (1 - part)))

        def gain(z):
            x, y = give(z)
            # more time for the downlink pays while its price per second is the higher one
            return log(ratio / self.down.slope(x)) - log(1 / self.up.slope(y))

        self.last = root_near(gain, self.last, real("0.05"), real("1e-10"))
        return give(self.last)


def solve_time(demand, budget, fastest, start):
    """T with demand(T) = budget, T > fastest; demand falls."""
    scale = max(fastest, start)

    def f(z):
        # ln demand over ln(T - fastest) is close to a straight line
        return log(demand(fastest + scale * exp(z)) / budget)

    z = log((start - fastest) / scale) if start > fastest else real(0)
    return fastest + scale * exp(root_near(f, z, real("0.1"), real("1e-17")))


def solve(line):
    mode, down_hz, up_hz, devices = line
    down_hz, up_hz = real(down_hz), real(up_hz)
    devices = [Device(text) for text in devices]
    busy = [d for d in devices if d.legs]
    idle = max([d.compute for d in devices if not d.legs], default=real(0))
    if not busy:
        return idle
    fastest = max(d.fastest for d in busy)
    if mode == "c":
        return max(idle, solve_time(
            lambda t: sum(d.shared_bandwidth(t) for d in busy), down_hz, fastest, real(1)))
    if not any(d.up and d.down for d in busy):
        best = idle
        for who, hz in (([d for d in busy if d.down], down_hz), ([d for d in busy if d.up], up_hz)):
            if who:
                best = max(best, solve_time(lambda t: sum(d.shared_bandwidth(t) for d in who), hz,
                                            max(d.fastest for d in who), real(1)))
        return best

    found = real(1)

    def excess(z):
        """ln(sum x / budget) at the T of this ratio; falls with the ratio"""
        nonlocal found
        ratio = exp(z)
        found = solve_time(
            lambda t: sum(ratio * x + y for x, y in (d.split_bandwidths(t, ratio) for d in busy)),
            ratio * down_hz + up_hz, fastest, found)
        return log(sum(d.split_bandwidths(found, ratio)[0] for d in busy) / down_hz)

    middle = log(up_hz / down_hz)
    excess(root_near(excess, middle, real(1), real("1e-8")))
    return max(idle, found)


def draw(rng, index):
    """Instances over a wide range of sizes, loads and laws."""
    mode = "cs"[index % 2]
    count = index // 2 % 64 + 1 if index < 128 else 1 + int(64 * rng.random() ** 7)
    kind = rng.choice(["linear", "shannon", "capped", "mixed", "mixed"])
    sparse = rng.random() < 0.5

    def law():
        k = rng.choice(["linear", "shannon", "capped"]) if kind == "mixed" else kind
        if k == "linear":
            return f"L{rng.uniform(0.1, 7.5):.3g}"
        gain = f"{10 ** rng.uniform(5.5, 11):.3g}"
        if k == "shannon":
            return f"S{gain},inf,1"
        return f"S{gain},{rng.uniform(0.5, 7.5):.3g},{rng.uniform(0.5, 1):.2g}"

    devices = []
    for _ in range(count):
        bits = [65536 * rng.randint(1, 400) for _ in range(2)]
        if sparse:
            bits = [b * (rng.random() < 0.7) for b in bits]
        compute = 0 if rng.random() < 0.3 else float(f"{10 ** rng.uniform(-4, -0.5):.3g}")
        devices.append(f"{bits[0]}/{bits[1]}/{compute:g}/{law()}/{law()}")
    return mode, f"{10 ** rng.uniform(6, 8.5):.4g}", f"{10 ** rng.uniform(6, 8.5):.4g}", devices


def main():
    rng = random.Random(20260101)
    lines = [draw(rng, i) for i in range(1000)]
    first, last = (int(a) for a in sys.argv[1:3]) if len(sys.argv) > 2 else (0, len(lines))
    for i, line in enumerate(lines[first:last]):
        mode, down_hz, up_hz, devices = line
        print(mode, down_hz, up_hz, f"{solve(line):.20g}", ";".join(devices), flush=True)
        if (first + i) % 50 == 49:
            print(f"{first + i + 1} of {len(lines)}", file=sys.stderr)


if __name__ == "__main__":
    main()
