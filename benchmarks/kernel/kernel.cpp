// Workload W by hand: the scheme of ketasim's compiled engine for this one model.
//
// Modes of the linear block, exponential integrals for G and D, Krogstad's fourth-order step for A
// and for S with M, a quintic between steps; the same tables go in and the same numbers come out.
// Everything that is known of W is used: its 8 modes and which of them show in which signal, the 14
// or 1 columns, the states that need to be read. As in the engine, G and D are their distance from
// 1, where they rest; 1 is added where they are read. Eight patients fill a register; R registers
// go through the calendar together, segment by segment, in four passes, so that each pass is a short
// loop with more independent work than latency:
//   1. modes: signals at every point, linear states at the requested times
//   2. points: the production of G at every middle and end, without order
//   3. G, D and A
//   4. S and M
// and then the segment's values are turned and written.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

#include "lanes.h"

namespace {

// Weights of a step. Where a weight only ever meets the mean of two stages, its half is kept.
enum { G_ = 0, D_ = 8, A_ = 16, S_ = 29, M_ = 39, USED = 49 };
enum { EH, V0, VM, V1, E, W0, WM, W1, A0, B0, BM, C0, CM };       // of G, D and A
enum { eh, e, w0, hwm, w1, a0, b0, bm, c0, cm };                  // of S and M

constexpr int MODES = 8;

enum Parameter { IC50, GAMMA, KG, SG, KD, G50, SD, SH, EC50H, KS, SS, D50, PSI, KAIN, KM, WA, S504, PARAMETERS };
enum Fixed { SHIFT, POWER, CG, CD, HD, EC, G2, PS, CS, DS, LS, PA, PM, CM_, S4_, FIXED };

// e^z, phi_1, phi_2, phi_3 for -1 <= z <= 0 by series, else by the formula
template <int N>
INLINE void phi(const P<N>& z, P<N>& p0, P<N>& p1, P<N>& p2, P<N>& p3) {
  static const double series[15] = {
      1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0, 1.0 / 40320.0, 1.0 / 362880.0,
      1.0 / 3628800.0, 1.0 / 39916800.0, 1.0 / 479001600.0, 1.0 / 6227020800.0,
      1.0 / 87178291200.0, 1.0 / 1307674368000.0, 1.0 / 20922789888000.0, 1.0 / 355687428096000.0};
  P<N> near = at_least(z, -1.0), far = at_most(z, -1.0);
  P<N> t = near * series[14] + series[13];
  UNROLL for (int n = 12; n >= 0; n--) t = t * near + series[n];
  P<N> c2 = near * t + 0.5, c1 = near * c2 + 1.0;
  p0 = exponential(z);
  P<N> per = 1.0 / far;
  P<N> f1 = (p0 - 1.0) * per, f2 = (f1 - 1.0) * per, f3 = (f2 - 0.5) * per;
  UNROLL for (int i = 0; i < N; i++) {
    p1.r[i] = z.r[i] < all(-1.0) ? f1.r[i] : c1.r[i];
    p2.r[i] = z.r[i] < all(-1.0) ? f2.r[i] : c2.r[i];
    p3.r[i] = z.r[i] < all(-1.0) ? f3.r[i] : t.r[i];
  }
}

struct Tables {
  std::int64_t groups, patients;
  const double *parameters, *initial, *losses, *amounts, *rates, *row_modes, *entry_modes;
  std::int64_t rows, entries, sources, segments_, sizes_, offsets_, times;
  const std::int64_t *event_first, *kind, *entry, *source;
  const double* duration;
  const std::uint8_t* running;
  const double* sizes;
  const std::uint8_t* filling;
  const std::int64_t *size_of, *segments, *held, *anchored;
  const double* offsets;
  const std::uint8_t* filling_later;
  const std::int64_t* offset_of;
  const double* shape;
  std::int64_t first_row;  // of the amounts among the rows
  double* out;
  std::int64_t* blown;
};

struct Memory {
  v* at = nullptr;
  std::size_t left = 0;
  void* whole = nullptr;
  explicit Memory(std::size_t count) : left(count) {
    whole = std::aligned_alloc(4096, (count * sizeof(v) + 4095) / 4096 * 4096);
    at = static_cast<v*>(whole);
  }
  ~Memory() { std::free(whole); }
  v* take(std::size_t count) {
    v* it = at;
    at += count;
    return it;
  }
};

// Writes rows of eight patients as rows of numbers of each patient.
INLINE void turn8(const v* rows, std::size_t stride, double* out, std::size_t apart, int lanes) {
  v x[8], y[8];
  UNROLL for (int i = 0; i < 8; i++) x[i] = rows[i * stride];
  UNROLL for (int i = 0; i < 8; i += 2) {
    y[i] = __builtin_shuffle(x[i], x[i + 1], b{0, 8, 2, 10, 4, 12, 6, 14});
    y[i + 1] = __builtin_shuffle(x[i], x[i + 1], b{1, 9, 3, 11, 5, 13, 7, 15});
  }
  UNROLL for (int h = 0; h < 8; h += 4) UNROLL for (int i = h; i < h + 2; i++) {
    x[i] = __builtin_shuffle(y[i], y[i + 2], b{0, 1, 8, 9, 4, 5, 12, 13});
    x[i + 2] = __builtin_shuffle(y[i], y[i + 2], b{2, 3, 10, 11, 6, 7, 14, 15});
  }
  UNROLL for (int i = 0; i < 4; i++) {
    y[i] = __builtin_shuffle(x[i], x[i + 4], b{0, 1, 2, 3, 8, 9, 10, 11});
    y[i + 4] = __builtin_shuffle(x[i], x[i + 4], b{4, 5, 6, 7, 12, 13, 14, 15});
  }
  if (lanes == 8) {
    UNROLL for (int i = 0; i < 8; i++) *reinterpret_cast<vu*>(out + i * apart) = y[i];
  } else {
    for (int i = 0; i < lanes; i++) *reinterpret_cast<vu*>(out + i * apart) = y[i];
  }
}

#ifndef LINEAR_AT_ONCE
#define LINEAR_AT_ONCE 1
#endif
#ifndef POINTS_AT_ONCE
#define POINTS_AT_ONCE 2
#endif
#ifndef FIRST_AT_ONCE
#define FIRST_AT_ONCE 2
#endif
#ifndef SECOND_AT_ONCE
#define SECOND_AT_ONCE 2
#endif

// One run of R registers (R/2 groups of the tables) through the calendar.
template <int R, bool FULL>
struct Course {
  static constexpr int Q = FULL ? 14 : 1;
  const Tables& t;
  Memory memory;
  int longest;
  v *fixed, *loss, *weights, *growth, *filled, *later, *later_filled, *signal_modes, *entry_modes,
      *row_modes, *amount, *state, *supply, *now, *past, *x, *ch, *pass, *values;

  static int longest_of(const Tables& t) {
    std::int64_t most = 0;
    for (int g = 0; g < t.segments_; g++) most = std::max(most, t.segments[g + 1] - t.segments[g]);
    return static_cast<int>(most);
  }

  explicit Course(const Tables& tables)
      : t(tables),
        memory(static_cast<std::size_t>(R) *
               (FIXED + 5 + USED * tables.sizes_ + 2 * MODES * tables.sizes_ +
                2 * MODES * tables.offsets_ + 12 + tables.entries * MODES + 9 * MODES +
                tables.sources + 2 * MODES + 15 + 2 * (2 * longest_of(tables) + 1) +
                4 * longest_of(tables) + (FULL ? 14 : 1) * tables.times + 16)),
        longest(longest_of(tables)) {
    fixed = memory.take(FIXED * R);
    loss = memory.take(5 * R);
    weights = memory.take(USED * t.sizes_ * R);
    growth = memory.take(MODES * t.sizes_ * R);
    filled = memory.take(MODES * t.sizes_ * R);
    later = memory.take(MODES * t.offsets_ * R);
    later_filled = memory.take(MODES * t.offsets_ * R);
    signal_modes = memory.take(12 * R);
    entry_modes = memory.take(t.entries * MODES * R);
    row_modes = memory.take(9 * MODES * R);
    amount = memory.take(t.sources * R);
    state = memory.take(MODES * R);
    supply = memory.take(MODES * R);
    now = memory.take(5 * R);
    past = memory.take(10 * R);
    x = memory.take((2 * longest + 1) * R);
    ch = memory.take((2 * longest + 1) * R);
    pass = memory.take(4 * longest * R);
    values = memory.take((Q * t.times + 16) * R);
  }

  // rows of a table of groups of sixteen
  INLINE v row(const double* table, std::int64_t group, int half, std::int64_t rows, std::int64_t k) {
    return get(table + (group * rows + k) * 16 + 8 * half);
  }

  void begin(const std::int64_t* group) {
    for (int r = 0; r < R; r++) {
      std::int64_t g = group[r / 2];
      int h = r % 2;
      auto p = [&](int k) { return row(t.parameters, g, h, PARAMETERS, k); };
      auto put = [&](int k, v value) { fixed[k * R + r] = value; };
      put(SHIFT, -p(GAMMA) * logarithm(P<1>{{p(IC50)}}).r[0]);
      put(POWER, p(GAMMA));
      put(CG, p(KG) * p(SG) * all(4.0));
      put(CD, p(KD) * p(SD));
      put(HD, p(KD) * p(SH));
      put(EC, p(EC50H));
      put(G2, p(G50) * p(G50));
      put(PS, p(KS));
      put(CS, p(KS) * p(SS));
      put(DS, p(D50));
      put(LS, p(KS) * p(PSI));
      put(PA, p(KAIN));
      put(PM, p(KM));
      put(CM_, p(KM) * p(WA));
      put(S4_, p(S504));
      for (int i = 0; i < 5; i++) {
        loss[i * R + r] = row(t.losses, g, h, 5, i);
        now[i * R + r] = row(t.initial, g, h, 5, i);
      }
      const int first[5] = {0, 1, 2, 3, 7};
      for (int k = 0; k < 5; k++) signal_modes[k * R + r] = row(t.row_modes, g, h, t.rows * MODES, first[k]);
      for (int k = 0; k < 7; k++)
        signal_modes[(5 + k) * R + r] = row(t.row_modes, g, h, t.rows * MODES, MODES + k);
      for (int k = 0; k < t.entries * MODES; k++)
        entry_modes[k * R + r] = row(t.entry_modes, g, h, t.entries * MODES, k);
      if (FULL)
        for (int k = 0; k < 9 * MODES; k++)
          row_modes[k * R + r] = row(t.row_modes, g, h, t.rows * MODES, t.first_row * MODES + k);
      for (int k = 0; k < t.sources; k++) amount[k * R + r] = row(t.amounts, g, h, t.sources, k);
      for (int i = 0; i < MODES; i++) {
        state[i * R + r] = supply[i * R + r] = all(0.0);
        P<1> rate = {{row(t.rates, g, h, MODES, i)}};
        grow(rate, i, r, t.sizes, t.sizes_, 0.5, t.filling, growth, filled);
        if (FULL) grow(rate, i, r, t.offsets, t.offsets_, 1.0, t.filling_later, later, later_filled);
      }
      for (int s = 0; s < t.sizes_; s++) weigh(weights + (s * USED) * R + r, r, t.sizes[s]);
    }
  }

  INLINE void grow(P<1> rate, int i, int r, const double* times, std::int64_t count, double part,
                   const std::uint8_t* filling, v* left, v* added) {
    for (int s = 0; s < count; s++) {
      P<1> z = rate * (part * times[s]), e0, e1, e2, e3;
      if (filling[s]) {
        phi(z, e0, e1, e2, e3);
        added[(s * MODES + i) * R + r] = e1.r[0] * all(part * times[s]);
      } else {
        e0 = exponential(z);
      }
      left[(s * MODES + i) * R + r] = e0.r[0];
    }
  }

  void weigh(v* w, int r, double size) {
    const double half = 0.5 * size;
    for (int state = 0; state < 5; state++) {
      P<1> k = {{loss[state * R + r]}}, h0, h1, h2, h3;
      phi(k * -half, h0, h1, h2, h3);
      // the whole step from its half: sums of positive numbers
      P<1> f0 = h0 * h0, f1 = 0.5 * (h0 * h1 + h1), f2 = 0.25 * (h0 * h2 + h1 + h2);
      P<1> f3 = 0.125 * (h0 * h3 + 0.5 * h1 + h2 + h3);
      auto put = [&](int place, const P<1>& value) { w[place * R] = value.r[0]; };
      P<1> full0 = size * (f1 - 3.0 * f2 + 4.0 * f3), fullm = size * (4.0 * f2 - 8.0 * f3);
      P<1> full1 = size * (4.0 * f3 - f2);
      P<1> wa0 = half * h1, wb0 = size * (0.5 * h1 - h2), wbm = size * h2;
      P<1> wc0 = size * (f1 - 2.0 * f2), wcm = (2.0 * size) * f2;
      if (state == 0 || state == 1 || state == 3) {
        const int at = state == 0 ? G_ : state == 1 ? D_ : A_;
        put(at + EH, h0);
        put(at + V0, half * (h1 - 1.5 * h2 + h3));
        put(at + VM, size * (h2 - h3));
        put(at + V1, half * (h3 - 0.5 * h2));
        put(at + E, f0);
        put(at + W0, full0);
        put(at + WM, state == 3 ? 0.5 * fullm : fullm);
        put(at + W1, full1);
        if (state == 3) {
          put(at + A0, wa0);
          put(at + B0, wb0);
          put(at + BM, wbm);
          put(at + C0, wc0);
          put(at + CM, wcm);
        }
      } else {
        const int at = state == 2 ? S_ : M_;
        put(at + eh, h0);
        put(at + e, f0);
        put(at + w0, full0);
        put(at + hwm, 0.5 * fullm);
        put(at + w1, full1);
        put(at + a0, wa0);
        put(at + b0, wb0);
        put(at + bm, wbm);
        put(at + c0, wc0);
        put(at + cm, wcm);
      }
    }
  }

  void events(int g) {
    for (std::int64_t k = t.event_first[g]; k < t.event_first[g + 1]; k++) {
      double factor = t.kind[k] == 0 ? 1.0 : (t.kind[k] == 1 ? 1.0 : -1.0) / t.duration[k];
      v* into = t.kind[k] == 0 ? state : supply;
      for (int i = 0; i < MODES; i++)
        for (int r = 0; r < R; r++)
          into[i * R + r] += amount[t.source[k] * R + r] * all(factor) *
                             entry_modes[(t.entry[k] * MODES + i) * R + r];
    }
  }

  // 1. modes along a segment
  template <int N, bool RUNNING>
  void linear(int r, std::int64_t first, std::int64_t last, v* out, std::int64_t before) {
    P<N> s[MODES], in[MODES], wx[5], wh[7];
    UNROLL for (int i = 0; i < MODES; i++) s[i] = load<N>(state + i * R + r);
    if (RUNNING) UNROLL for (int i = 0; i < MODES; i++) in[i] = load<N>(supply + i * R + r);
    UNROLL for (int i = 0; i < 5; i++) wx[i] = load<N>(signal_modes + i * R + r);
    UNROLL for (int i = 0; i < 7; i++) wh[i] = load<N>(signal_modes + (5 + i) * R + r);
    const P<N> tiny = {{all(1e-250)}};
    {
      P<N> sx = wx[4] * s[7], sh = wh[6] * s[6];
      UNROLL for (int i = 0; i < 4; i++) sx = sx + wx[i] * s[i];
      UNROLL for (int i = 0; i < 6; i++) sh = sh + wh[i] * s[i];
      store<N>(x + r, sx);
      store<N>(ch + r, sh);
    }
    for (std::int64_t step = first; step < last; step++) {
      if (FULL)
        for (std::int64_t o = t.held[step]; o < t.held[step + 1]; o++)
          read<N, RUNNING>(s, in, r, t.offset_of[o], out + (o - before) * Q * R + r);
      const v* grow = growth + t.size_of[step] * MODES * R + r;
      const v* fill = filled + t.size_of[step] * MODES * R + r;
      P<N> xm, xe, hm, he;
      UNROLL for (int i = MODES - 1; i >= 0; i--) {
        P<N> left = load<N>(grow + i * R), half, full;
        if (RUNNING) {
          P<N> more = load<N>(fill + i * R) * in[i] + tiny;
          half = s[i] * left + more;
          full = half * left + more;
        } else {
          half = s[i] * left + tiny;
          full = half * left + tiny;
        }
        s[i] = full;
        if (i == 7) {
          xm = wx[4] * half;
          xe = wx[4] * full;
        } else if (i == 6) {
          hm = wh[6] * half;
          he = wh[6] * full;
        } else {
          hm = hm + wh[i] * half;
          he = he + wh[i] * full;
          if (i < 4) {
            xm = xm + wx[i] * half;
            xe = xe + wx[i] * full;
          }
        }
      }
      v* at = x + (2 * (step - first) + 1) * R + r;
      v* ah = ch + (2 * (step - first) + 1) * R + r;
      store<N>(at, xm);
      store<N>(at + R, xe);
      store<N>(ah, hm);
      store<N>(ah + R, he);
    }
    UNROLL for (int i = 0; i < MODES; i++) store<N>(state + i * R + r, s[i]);
  }

  // linear states at a time after the beginning of a step
  template <int N, bool RUNNING>
  INLINE void read(const P<N>* s, const P<N>* in, int r, std::int64_t offset, v* out) {
    P<N> after[MODES];
    UNROLL for (int i = 0; i < MODES; i++) {
      after[i] = s[i];
      if (offset > 0) {
        after[i] = after[i] * load<N>(later + (offset * MODES + i) * R + r);
        if (RUNNING)
          after[i] = after[i] + in[i] * load<N>(later_filled + (offset * MODES + i) * R + r);
      }
    }
    const v* w = row_modes + r;
    store<N>(out, P<N>{} * 0.0);
    UNROLL for (int k = 1; k < 9; k++) {
      const int many = k < 5 ? 4 : k < 7 ? 6 : k < 8 ? 7 : 4;
      P<N> total = load<N>(w + k * MODES * R) * after[0];
      UNROLL for (int i = 1; i < many; i++)
        total = total + load<N>(w + (k * MODES + i) * R) * after[i];
      if (k == 8) total = total + load<N>(w + (k * MODES + 7) * R) * after[7];
      store<N>(out + k * R, total);
    }
  }

  // 2. the production of G above its rest from its drive, in place
  template <int N>
  void points(int r, std::int64_t count) {
    const P<N> shift = load<N>(fixed + SHIFT * R + r), power = load<N>(fixed + POWER * R + r);
    const P<N> cg = load<N>(fixed + CG * R + r);
    for (std::int64_t k = 0; k < count; k++) {
      P<N> drive = exponential(power * logarithm(load<N>(x + k * R + r)) + shift);
      P<N> free = 1.0 / (drive + 1.0);
      store<N>(x + k * R + r, drive * free * (cg * free));
    }
  }

  template <int N>
  INLINE void between(const double* q, const P<N>& k, const v* was, const P<N>& y0, const P<N>& n0,
                      const P<N>& y1, const P<N>& n1, v* out, double rest = 0.0) {
    P<N> yp = load<N>(was), np = load<N>(was + R);
    P<N> value = q[0] * yp + q[1] * y0 + q[2] * y1;
    value = value + q[3] * (np - k * yp) + q[4] * (n0 - k * y0) + q[5] * (n1 - k * y1);
    store<N>(out, rest == 0.0 ? value : value + rest);
  }

  // 3. G and D above their rest, and A; what S and M need of them goes into `pass`
  template <int N>
  void upper(int r, std::int64_t first, std::int64_t last, v* out, std::int64_t before) {
    auto f = [&](int k) { return load<N>(fixed + k * R + r); };
    const P<N> kg = load<N>(loss + r), kd = load<N>(loss + R + r), ka = load<N>(loss + 3 * R + r);
    P<N> g = load<N>(now + r), d = load<N>(now + R + r), a = load<N>(now + 3 * R + r);
    auto burst = [&](const P<N>& h2, const P<N>& conc) {
      P<N> first = h2 + f(G2), second = conc + f(EC);
      return (f(CD) * h2 * second + f(HD) * conc * first) / (first * second);
    };
    P<N> ng = load<N>(x + r);
    P<N> nd = burst(g * g, load<N>(ch + r)), na = f(PA) * g * (1.0 - a);
    for (std::int64_t step = first; step < last; step++) {
      const std::int64_t k = step - first;
      const v* ws = weights + t.size_of[step] * USED * R + r;
      auto w = [&](int place) { return load<N>(ws + place * R); };
      const v* at = x + (2 * k + 1) * R + r;
      const v* ah = ch + (2 * k + 1) * R + r;
      P<N> gm = load<N>(at), ge = load<N>(at + R);
      P<N> g1 = w(G_ + E) * g + w(G_ + W0) * ng + w(G_ + WM) * gm + w(G_ + W1) * ge;
      P<N> half = w(G_ + EH) * g + w(G_ + V0) * ng + w(G_ + VM) * gm + w(G_ + V1) * ge;
      P<N> dm = burst(half * half, load<N>(ah)), de = burst(g1 * g1, load<N>(ah + R));
      P<N> d1 = w(D_ + E) * d + w(D_ + W0) * nd + w(D_ + WM) * dm + w(D_ + W1) * de;
      P<N> um = w(D_ + EH) * d + w(D_ + V0) * nd + w(D_ + VM) * dm + w(D_ + V1) * de;
      v* give = pass + 4 * k * R + r;
      store<N>(give, f(CS) * um / (um + f(DS)) + f(PS));
      store<N>(give + R, f(CS) * d1 / (d1 + f(DS)) + f(PS));
      P<N> im = f(PA) * half, ie = f(PA) * g1;
      P<N> early = im * (1.0 - (w(A_ + EH) * a + w(A_ + A0) * na));
      P<N> late = im * (1.0 - (w(A_ + EH) * a + w(A_ + B0) * na + w(A_ + BM) * early));
      P<N> end = ie * (1.0 - (w(A_ + E) * a + w(A_ + C0) * na + w(A_ + CM) * late));
      P<N> a1 = w(A_ + E) * a + w(A_ + W0) * na + w(A_ + WM) * (early + late) + w(A_ + W1) * end;
      P<N> n1 = ie * (1.0 - a1);
      P<N> known = w(A_ + EH) * a + w(A_ + V0) * na + w(A_ + V1) * n1;
      P<N> am = known + w(A_ + VM) * late;
      am = known + w(A_ + VM) * (im * (1.0 - am));
      store<N>(give + 2 * R, f(CM_) * am);
      store<N>(give + 3 * R, f(CM_) * a1);
      if (FULL) {
        for (std::int64_t o = t.anchored[step]; o < t.anchored[step + 1]; o++) {
          v* to = out + ((o - before) * Q + 9) * R + r;
          const double* q = t.shape + 6 * o;
          between<N>(q, kg, past + r, g, ng, g1, ge, to, 1.0);
          between<N>(q, kd, past + 2 * R + r, d, nd, d1, de, to + R, 1.0);
          between<N>(q, ka, past + 6 * R + r, a, na, a1, n1, to + 3 * R);
        }
        if (step + 1 < last && t.anchored[step + 1] < t.anchored[step + 2]) {
          store<N>(past + r, g);
          store<N>(past + R + r, ng);
          store<N>(past + 2 * R + r, d);
          store<N>(past + 3 * R + r, nd);
          store<N>(past + 6 * R + r, a);
          store<N>(past + 7 * R + r, na);
        }
      }
      g = g1, ng = ge, d = d1, nd = de, a = a1, na = n1;
    }
    store<N>(now + r, g);
    store<N>(now + R + r, d);
    store<N>(now + 3 * R + r, a);
  }

  // 4. S and M
  template <int N>
  void lower(int r, std::int64_t first, std::int64_t last, v* out, std::int64_t before, const v* ua) {
    auto f = [&](int k) { return load<N>(fixed + k * R + r); };
    const P<N> ks = load<N>(loss + 2 * R + r), km = load<N>(loss + 4 * R + r);
    P<N> s = load<N>(now + 2 * R + r), m = load<N>(now + 4 * R + r);
    P<N> ns, nm;
    auto produce = [&](const P<N>& s, const P<N>& m, const P<N>& u, const P<N>& a, P<N>& ns, P<N>& nm) {
      P<N> well = 1.0 - m, s2 = s * s, s4 = s2 * s2;
      ns = u - f(LS) * well * s;
      nm = f(PM) * (s4 / (s4 + f(S4_))) + a * well;
    };
    produce(s, m, load<N>(ua + r), load<N>(ua + R + r), ns, nm);
    for (std::int64_t step = first; step < last; step++) {
      const v* ws = weights + t.size_of[step] * USED * R + r;
      auto w = [&](int place) { return load<N>(ws + place * R); };
      const v* given = pass + 4 * (step - first) * R + r;
      P<N> um = load<N>(given), ue = load<N>(given + R);
      P<N> am = load<N>(given + 2 * R), ae = load<N>(given + 3 * R);
      P<N> es, em, ls, lm, ts, tm, n1s, n1m;
      produce(w(S_ + eh) * s + w(S_ + a0) * ns, w(M_ + eh) * m + w(M_ + a0) * nm, um, am, es, em);
      produce(w(S_ + eh) * s + w(S_ + b0) * ns + w(S_ + bm) * es,
              w(M_ + eh) * m + w(M_ + b0) * nm + w(M_ + bm) * em, um, am, ls, lm);
      produce(w(S_ + e) * s + w(S_ + c0) * ns + w(S_ + cm) * ls,
              w(M_ + e) * m + w(M_ + c0) * nm + w(M_ + cm) * lm, ue, ae, ts, tm);
      P<N> s1 = w(S_ + e) * s + w(S_ + w0) * ns + w(S_ + hwm) * (es + ls) + w(S_ + w1) * ts;
      P<N> m1 = w(M_ + e) * m + w(M_ + w0) * nm + w(M_ + hwm) * (em + lm) + w(M_ + w1) * tm;
      produce(s1, m1, ue, ae, n1s, n1m);
      for (std::int64_t o = t.anchored[step]; o < t.anchored[step + 1]; o++) {
        const double* q = t.shape + 6 * o;
        v* to = out + (o - before) * Q * R + r;
        if (FULL) between<N>(q, ks, past + 4 * R + r, s, ns, s1, n1s, to + 11 * R);
        between<N>(q, km, past + 8 * R + r, m, nm, m1, n1m, to + (FULL ? 13 * R : 0));
      }
      if (step + 1 < last && t.anchored[step + 1] < t.anchored[step + 2]) {
        if (FULL) {
          store<N>(past + 4 * R + r, s);
          store<N>(past + 5 * R + r, ns);
        }
        store<N>(past + 8 * R + r, m);
        store<N>(past + 9 * R + r, nm);
      }
      s = s1, m = m1, ns = n1s, nm = n1m;
    }
    store<N>(now + 2 * R + r, s);
    store<N>(now + 4 * R + r, m);
  }

  template <int WANTED, class Work>
  INLINE void each(Work work) {
    constexpr int N = WANTED < R ? WANTED : R;
    for (int r = 0; r < R; r += N) work(std::integral_constant<int, N>{}, r);
  }

  void run(const std::int64_t* group) {
    begin(group);
    std::int64_t waiting = 0, written = 0;  // rows of values not yet written, and written
    int active = 0;
    for (int g = 0; g < t.segments_; g++) {
      const std::int64_t first = t.segments[g], last = t.segments[g + 1];
      const std::int64_t before = t.anchored[first], until = t.anchored[last];
      for (std::int64_t k = t.event_first[g]; k < t.event_first[g + 1]; k++)
        active += t.kind[k] == 1 ? 1 : t.kind[k] == 2 ? -1 : 0;
      events(g);
      if (active == 0)
        for (int i = 0; i < MODES * R; i++) supply[i] = all(0.0);
      v* out = values + waiting * R;
      each<LINEAR_AT_ONCE>([&](auto n, int r) {
        if (t.running[g])
          linear<decltype(n)::value, true>(r, first, last, out, before);
        else
          linear<decltype(n)::value, false>(r, first, last, out, before);
      });
      each<POINTS_AT_ONCE>(
          [&](auto n, int r) { points<decltype(n)::value>(r, 2 * (last - first) + 1); });
      v start[2 * R];
      for (int r = 0; r < R; r++) {
        v d = now[R + r];
        start[r] = fixed[CS * R + r] * d / (d + fixed[DS * R + r]) + fixed[PS * R + r];
        start[R + r] = fixed[CM_ * R + r] * now[3 * R + r];
      }
      each<FIRST_AT_ONCE>(
          [&](auto n, int r) { upper<decltype(n)::value>(r, first, last, out, before); });
      each<SECOND_AT_ONCE>(
          [&](auto n, int r) { lower<decltype(n)::value>(r, first, last, out, before, start); });
      waiting += (until - before) * Q;
      write(group, waiting, written, g + 1 == t.segments_);
      for (int r = 0; r < R; r++) {
        v wrong = all(0.0);
        for (int i = 0; i < 5; i++) wrong += now[i * R + r] - now[i * R + r];
        for (int i = 0; i < MODES; i++) wrong += state[i * R + r] - state[i * R + r];
        for (int lane = 0; lane < 8; lane++)
          if (!(wrong[lane] == 0.0) && t.blown[group[r / 2]] == 0) t.blown[group[r / 2]] = g + 1;
      }
    }
  }

  // Rows by eight, as soon as there are eight; those left over go to the front.
  void write(const std::int64_t* group, std::int64_t& waiting, std::int64_t& written, bool end) {
    const std::size_t apart = static_cast<std::size_t>(t.times * Q);
    const std::int64_t whole = waiting / 8 * 8;
    for (int r = 0; r < R; r++) {
      if (r >= 2 && group[r / 2] == group[r / 2 - 1]) continue;
      const std::int64_t patient = group[r / 2] * 16 + 8 * (r % 2);
      const int lanes = static_cast<int>(std::min<std::int64_t>(8, t.patients - patient));
      if (lanes <= 0) continue;
      double* out = t.out + patient * apart + written;
      for (std::int64_t k = 0; k < whole; k += 8) turn8(values + k * R + r, R, out + k, apart, lanes);
      if (end)
        for (std::int64_t k = whole; k < waiting; k++)
          for (int lane = 0; lane < lanes; lane++) out[lane * apart + k] = values[k * R + r][lane];
    }
    for (std::int64_t k = whole; k < waiting; k++)
      for (int r = 0; r < R; r++) values[(k - whole) * R + r] = values[k * R + r];
    written += whole;
    waiting -= whole;
  }
};

#ifndef REGISTERS
#define REGISTERS 2
#endif

template <bool FULL>
void work(const Tables& t, std::int64_t first, std::int64_t last) {
  Course<REGISTERS, FULL> course(t);
  constexpr int many = REGISTERS / 2;
  for (std::int64_t g = first; g < last; g += many) {
    std::int64_t group[many];
    for (int k = 0; k < many; k++) group[k] = std::min(g + k, last - 1);
    course.run(group);
  }
}

}  // namespace

extern "C" void solve_w(const Tables* tables, int full, int threads) {
  const Tables& t = *tables;
  auto part = [&](std::int64_t first, std::int64_t last) {
    if (full)
      work<true>(t, first, last);
    else
      work<false>(t, first, last);
  };
  if (threads <= 1) return part(0, t.groups);
  std::vector<std::thread> pool;
  for (int k = 0; k < threads; k++)
    pool.emplace_back(part, t.groups * k / threads, t.groups * (k + 1) / threads);
  for (auto& one : pool) one.join();
}
