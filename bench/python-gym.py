# Copyright (c) 2026 The WDMoE for ns-3 authors
#
# SPDX-License-Identifier: GPL-2.0-only

"""What a step of wdmoe.gym costs, and how much of it is simulation: steps/s, and us a step beside the same scenario
under topk-equal of C++; and how a simulation can be made to wait: greenlet against threads that hand over.

    python bench/python-gym.py
"""

import statistics
import threading
import time

import gymnasium
import greenlet
import numpy as np

import wdmoe.gym


def episode(env, seed):
    """CPU seconds of reset() and of the steps, and how many."""
    action = np.ones(env.action_space.shape, np.float32)
    began = time.process_time()
    env.reset(seed=seed)
    first = time.process_time()
    steps, over = 0, False
    while not over:
        _, _, terminated, truncated, _ = env.step(action)
        over = terminated or truncated
        steps += 1
    return first - began, time.process_time() - first, steps


def play(env, seed):
    """CPU seconds of the same blocks without an agent."""
    began = time.process_time()
    env.unwrapped.play("topk-equal", seed)
    return time.process_time() - began


def hand_over(count=20_000):
    """us for a way there and back: greenlet, and two threads."""
    main = greenlet.getcurrent()

    def wait():
        while True:
            main.switch()

    other = greenlet.greenlet(wait)
    began = time.perf_counter()
    for _ in range(count):
        other.switch()
    switches = time.perf_counter() - began

    there, back, stop = threading.Semaphore(0), threading.Semaphore(0), []

    def serve():
        while not stop:
            there.acquire()
            back.release()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    began = time.perf_counter()
    for _ in range(count):
        there.release()
        back.acquire()
    threads = time.perf_counter() - began
    stop.append(True)
    there.release()
    thread.join()
    return 1e6 * switches / count, 1e6 * threads / count


def main():
    """Print the tables."""
    heads = ("radio", "tokens", "steps", "us/step", "steps/s", "reset ms", "C++ us/block", "Python us/step")
    print("".join(f"{head:>15}" for head in heads))
    for radio, tokens, episodes in (("ideal", 1, 5), ("ideal", 16, 5), ("ideal", 64, 3), ("lte", 8, 1)):
        few = {"requests": 1, "blocks": 2, "max_output_tokens": 2} if radio == "lte" else {}
        env = gymnasium.make(wdmoe.gym.ID, radio=radio, max_prompt_tokens=tokens, disable_env_checker=True, **few)
        episode(env, 1)
        play(env, 1)
        rows = [(*episode(env, seed), play(env, seed)) for seed in range(1, episodes + 1)]
        steps = rows[0][2]
        step = statistics.median(stepping / n for _, stepping, n, _ in rows)
        whole = statistics.median((start + stepping) / n for start, stepping, n, _ in rows)
        alone = statistics.median(run / n for _, _, n, run in rows)
        start = statistics.median(start for start, *_ in rows)
        env.close()
        values = (1e6 * step, 1 / whole, 1e3 * start, 1e6 * alone, 1e6 * (whole - alone))
        print(f"{radio:>15}{tokens:15}{steps:15}" + "".join(f"{value:15.0f}" for value in values))
    switches, threads = hand_over()
    print(f"\nto wait and go on: greenlet {switches:.2f} us, threads {threads:.1f} us")


if __name__ == "__main__":
    main()
