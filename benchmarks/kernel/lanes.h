// Eight patients in a register, N registers in step: arithmetic, exponential, logarithm.

#pragma once

#include <cstdint>

#ifdef __AVX512F__
#include <immintrin.h>
#endif

namespace {

typedef double v __attribute__((vector_size(64), aligned(64)));
typedef double vu __attribute__((vector_size(64), aligned(8)));  // as NumPy aligns
typedef std::int64_t b __attribute__((vector_size(64), aligned(64)));

#define INLINE inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

INLINE v all(double x) { return v{x, x, x, x, x, x, x, x}; }
INLINE v get(const double* at) { return *reinterpret_cast<const vu*>(at); }

// N registers in step
template <int N>
struct P {
  v r[N];
};

#define BINARY(op)                                        \
  template <int N>                                        \
  INLINE P<N> operator op(const P<N>& x, const P<N>& y) { \
    P<N> z;                                               \
    UNROLL for (int i = 0; i < N; i++) z.r[i] = x.r[i] op y.r[i]; \
    return z;                                             \
  }                                                       \
  template <int N>                                        \
  INLINE P<N> operator op(const P<N>& x, double y) {      \
    P<N> z;                                               \
    UNROLL for (int i = 0; i < N; i++) z.r[i] = x.r[i] op all(y); \
    return z;                                             \
  }                                                       \
  template <int N>                                        \
  INLINE P<N> operator op(double x, const P<N>& y) {      \
    P<N> z;                                               \
    UNROLL for (int i = 0; i < N; i++) z.r[i] = all(x) op y.r[i]; \
    return z;                                             \
  }
BINARY(+) BINARY(-) BINARY(*) BINARY(/)
#undef BINARY

template <int N>
INLINE P<N> load(const v* at) {
  P<N> z;
  UNROLL for (int i = 0; i < N; i++) z.r[i] = at[i];
  return z;
}
template <int N>
INLINE void store(v* at, const P<N>& x) {
  UNROLL for (int i = 0; i < N; i++) at[i] = x.r[i];
}

// What is not a number stays. One instruction, which compilers do not always find.
#ifdef __AVX512F__
INLINE v larger(v x, double bound) { return (v)_mm512_max_pd((__m512d)all(bound), (__m512d)x); }
INLINE v smaller(v x, double bound) { return (v)_mm512_min_pd((__m512d)all(bound), (__m512d)x); }
#else
INLINE v larger(v x, double bound) { return x < all(bound) ? all(bound) : x; }
INLINE v smaller(v x, double bound) { return x > all(bound) ? all(bound) : x; }
#endif
template <int N>
INLINE P<N> at_least(const P<N>& x, double bound) {
  P<N> z;
  UNROLL for (int i = 0; i < N; i++) z.r[i] = larger(x.r[i], bound);
  return z;
}
template <int N>
INLINE P<N> at_most(const P<N>& x, double bound) {
  P<N> z;
  UNROLL for (int i = 0; i < N; i++) z.r[i] = smaller(x.r[i], bound);
  return z;
}

// as ketasim.engine.backends.numba.lanes: Taylor to the twelfth power, even and odd powers apart
template <int N>
INLINE P<N> exponential(P<N> x) {
  x = at_least(at_most(x, 709.0), -708.0);
  const double shift = 6755399441055744.0;
  P<N> moved = x * 1.4426950408889634 + shift;
  P<N> whole = moved - shift;
  P<N> rest = whole * -0.6931471803691238 + x;
  rest = whole * -1.9082149292705877e-10 + rest;
  P<N> q = rest * rest;
  P<N> even = q * (1.0 / 479001600.0) + 1.0 / 3628800.0;
  P<N> odd = q * (1.0 / 39916800.0) + 1.0 / 362880.0;
  even = even * q + 1.0 / 40320.0;
  odd = odd * q + 1.0 / 5040.0;
  even = even * q + 1.0 / 720.0;
  odd = odd * q + 1.0 / 120.0;
  even = even * q + 1.0 / 24.0;
  odd = odd * q + 1.0 / 6.0;
  even = even * q + 0.5;
  odd = odd * q + 1.0;
  even = even * q + 1.0;
  P<N> value = odd * rest + even, z;
  UNROLL for (int i = 0; i < N; i++) {
    b bits = ((b)moved.r[i] + 1023) << 52;
    z.r[i] = value.r[i] * (v)bits;
  }
  return z;
}

// of fdlibm (Sun Microsystems 1993, e_log.c), without branches; of finite numbers only, since what
// is not a number is found in the modes, once a segment
template <int N>
INLINE P<N> logarithm(const P<N>& given) {
  P<N> x = at_least(given, 1e-300), f, k;
  const std::int64_t root = 0x3FE6A09E00000000;
  UNROLL for (int i = 0; i < N; i++) {
    b moved = (b)x.r[i] + (0x3FF0000000000000 - root);
    k.r[i] = __builtin_convertvector((moved >> 52) - 1023, v);
    f.r[i] = (v)((moved & 0x000FFFFFFFFFFFFF) + root) - all(1.0);
  }
  P<N> s = f / (f + 2.0);
  P<N> z = s * s;
  P<N> t = z * 1.479819860511658591e-01 + 1.531383769920937332e-01;
  t = t * z + 1.818357216161805012e-01;
  t = t * z + 2.222219843214978396e-01;
  t = t * z + 2.857142874366239149e-01;
  t = t * z + 3.999999999940941908e-01;
  t = t * z + 6.666666666666735130e-01;
  P<N> half = f * f * 0.5;
  P<N> low = s * (t * z + half) + k * 1.90821492927058770002e-10;
  return k * 6.93147180369123816490e-01 + (f - (half - low));
}

}  // namespace
