"""Patients of many replicates drawn from a pool and rated, compiled.

The text of this file is what is compiled and kept; it stands alone.
"""

# pyright: basic
from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, error_model="numpy", fastmath={"contract", "arcp", "nsz"}, cache=True)
def draw(
    normals, chances, dues, world, numbers, load, ended, durability, shared, expected, times, kept,
    weights, sessions, ends, baseline, rated, stayed, whole, before,
):  # fmt: skip
    """Fill `rated`, `stayed`, `whole` (R, n, V) and `before` (R, n) with scores of the MADRS.

    `normals` (R, n, 8 + 2 V + O), `chances` (R, n, 3) and `dues` (R, n, 3), exponential, are
    random; `world` (R,) is the place of the draw of each replicate in the pool; `numbers` (R, 21)
    those of the replicate, in the order in which they are read below; `load` (2, D, m, V) lowers
    log severity at full sensitivity, by the fast arm and by synapses, `ended` (K, 2, D, m, V) the
    same with so many sessions, and `durability` (m,) is what it was drawn with; `shared` (D, 3, V)
    the onset of an antidepressant, natural and slow course; `expected` (K, D, V) expectation with
    so many sessions, the last with all; `times` (V,) h; `kept` (R, V) what is kept of the
    fluctuation from visit to visit; `weights` (G, O, V) those of the O answers to sessions at each
    visit, with so many sessions, the last with all; `sessions` (S,) h, and those after which they
    leave `ends` (E,); `baseline` mean, SD and the highest score. `whole` may have no replicate, and
    `stayed` neither.
    """
    replicates, patients, _ = normals.shape
    visits, members = len(times), load.shape[2]
    answers = np.ones(weights.shape[1], np.float32)
    whole_of = weights.shape[0] - 1
    every = len(expected) - 1
    highest = np.float32(baseline[2])
    score = np.empty(visits, np.float32)
    noise = np.empty(visits, np.float32)
    keep, fresh = np.empty(visits, np.float32), np.empty(visits, np.float32)
    hopes, onset = np.empty(visits, np.float32), np.empty((3, visits), np.float32)
    for r in range(replicates):
        d = world[r]
        own_numbers = numbers[r].astype(np.float32)
        sens, amplitude, new, natural, slow = own_numbers[:5]
        omega_sens, omega_p, omega_o, omega_n, omega_c = own_numbers[5:10]
        none, none_o, rho, sigma, omega_f, early, late = own_numbers[10:17]
        hazard, each, lack = numbers[r, 17:20]
        omega_a = own_numbers[20]
        rest = np.sqrt(np.float32(1.0) - rho * rho)
        for t in range(visits):
            keep[t] = kept[r, t]
            fresh[t] = np.sqrt(1.0 - kept[r, t] * kept[r, t])
            hopes[t] = expected[every, d, t]
            for row in range(3):
                onset[row, t] = shared[d, row, t]
        for i in range(patients):
            z, u, due = normals[r, i], chances[r, i], dues[r, i]
            j = min(int(u[0] * members), members - 1)
            own = np.float32(0.0)
            if u[1] >= none and sens > 0.0:
                own = sens * np.exp(omega_sens * (rest * z[0] - rho * durability[j]))
            if own > 0.0:
                for o in range(len(answers)):
                    answers[o] = np.exp(omega_a * z[8 + 2 * visits + o])
            e_p = amplitude * np.exp(omega_p * z[1]) + early
            e_o = np.float32(0.0)
            if new > 0.0 and u[2] >= none_o:
                e_o = new * np.exp(omega_o * z[2])
            e_n = natural + omega_n * z[3] + late
            e_c = slow * np.exp(omega_c * z[4])
            m0 = np.float32(min(max(baseline[0] + baseline[1] * z[5], 1.0), baseline[2]))
            state = z[6]
            start = omega_f * state + sigma * z[7]
            for t in range(visits):
                state = keep[t] * state + fresh[t] * z[8 + 2 * t]
                noise[t] = omega_f * state + sigma * z[9 + 2 * t] - start
            for t in range(visits):
                blend = np.float32(0.0)
                for o in range(len(answers)):
                    blend += answers[o] * weights[whole_of, o, t]
                lowered = own * (blend * load[0, d, j, t] + load[1, d, j, t]) + e_p * hopes[t]
                lowered += e_o * onset[0, t] + e_n * onset[1, t] + e_c * onset[2, t]
                value = min(highest, m0 * np.exp(-lowered)) + noise[t]
                score[t] = min(max(value, np.float32(0.0)), highest)
                if times[t] <= 0.0:
                    score[t] = m0
            left = np.inf
            if hazard > 0.0:
                left = due[0] / hazard
            if each > 0.0:
                after = int(np.ceil(min(due[1] / each, 1e9))) - 1
                if after < len(ends):
                    left = min(left, np.nextafter(ends[max(after, 0)], np.inf))
            if lack > 0.0:
                wanted = due[2] / lack
                hours, last, level = 0.0, 0.0, 1.0
                for t in range(visits):
                    more = level * (times[t] - last)
                    if hours + more >= wanted:
                        left = min(left, last + (wanted - hours) / level)
                        break
                    hours += more
                    last = times[t]
                    level = score[t] / m0
            before[r, i] = m0
            for t in range(visits):
                rated[r, i, t] = np.nan if times[t] >= left else score[t]
            if len(stayed):
                for t in range(visits):
                    stayed[r, i, t] = score[t]
            if not len(whole):
                continue
            got = 0
            while got < len(sessions) and sessions[got] < left:
                got += 1
            for t in range(visits):
                value = score[t]
                if times[t] >= left and got < every and times[t] > 0.0:
                    blend = np.float32(0.0)
                    for o in range(len(answers)):
                        blend += answers[o] * weights[got, o, t]
                    lowered = own * (blend * ended[got, 0, d, j, t] + ended[got, 1, d, j, t])
                    lowered += e_p * np.float32(expected[got, d, t])
                    lowered += e_o * onset[0, t] + e_n * onset[1, t] + e_c * onset[2, t]
                    value = min(highest, m0 * np.exp(-lowered)) + noise[t]
                    value = min(max(value, np.float32(0.0)), highest)
                whole[r, i, t] = value
