// Vectors of the instruction set this file is compiled for, by compiler vector extensions: arithmetic is written once.
//
// Everything below lives in a namespace of that instruction set. A template instantiated in an AVX-512 object under a shared name
// could be the copy that the linker keeps for every caller, and an older processor would stop at it.
#pragma once

#include <utility>

#include "../matrix.h"

#if defined(__AVX512F__) || defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#define PARZEN_BOTH
#define PARZEN_INLINE inline __attribute__((always_inline))
#define PARZEN_UNROLL _Pragma("GCC unroll 16")

#include "../polynomials.h"

namespace parzen::PARZEN_ISA_NAME {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

template <class T>
struct vector_of;
template <>
struct vector_of<float> {
  typedef float type __attribute__((vector_size(vector_bytes)));
  typedef decltype(type{} < type{}) bits;  // int32_t by whatever name the compiler has for a comparison's lanes
  typedef std::uint32_t word __attribute__((vector_size(vector_bytes)));
};
template <>
struct vector_of<double> {
  typedef double type __attribute__((vector_size(vector_bytes)));
  typedef decltype(type{} < type{}) bits;
  typedef std::uint64_t word __attribute__((vector_size(vector_bytes)));
};
template <class T>
using vec = typename vector_of<T>::type;
template <class T>
using bits = typename vector_of<T>::bits;
template <class T>
using words = typename vector_of<T>::word;  // where sums may wrap around
template <class T>
constexpr int lanes = vector_bytes / int(sizeof(T));

template <class T>
PARZEN_INLINE vec<T> load(const T* p) {
  return *reinterpret_cast<const vec<T>*>(p);
}
template <class T>
PARZEN_INLINE void store(T* p, vec<T> v) {
  *reinterpret_cast<vec<T>*>(p) = v;
}
template <class T>
PARZEN_INLINE vec<T> broadcast(T s) {
  return s - vec<T>{};  // x - 0 is x, also for -0: folded to a plain broadcast, which x + 0 is not
}

// 0, 1, 2, ... as integers of T's width.
template <class T>
PARZEN_INLINE bits<T> lane_numbers() {
  bits<T> v{};
  PARZEN_UNROLL
  for (int l = 0; l < lanes<T>; ++l) v[l] = l;
  return v;
}

PARZEN_INLINE vec<float> max(vec<float> a, vec<float> b) { return a > b ? a : b; }
PARZEN_INLINE vec<double> max(vec<double> a, vec<double> b) { return a > b ? a : b; }
PARZEN_INLINE vec<float> min(vec<float> a, vec<float> b) { return a < b ? a : b; }
PARZEN_INLINE vec<double> min(vec<double> a, vec<double> b) { return a < b ? a : b; }

#if defined(__AVX512F__)
PARZEN_INLINE bool any(bits<float> m) { return _mm512_test_epi32_mask((__m512i)m, (__m512i)m) != 0; }
PARZEN_INLINE bool any(bits<double> m) { return _mm512_test_epi64_mask((__m512i)m, (__m512i)m) != 0; }
PARZEN_INLINE vec<float> sqrt(vec<float> v) { return (vec<float>)_mm512_maskz_sqrt_ps(__mmask16(-1), (__m512)v); }
PARZEN_INLINE vec<double> sqrt(vec<double> v) { return (vec<double>)_mm512_maskz_sqrt_pd(__mmask8(-1), (__m512d)v); }
// What is left of the nearest integer.
PARZEN_INLINE vec<float> fraction(vec<float> v) { return (vec<float>)_mm512_maskz_reduce_ps(__mmask16(-1), (__m512)v, 8); }
PARZEN_INLINE vec<double> fraction(vec<double> v) { return (vec<double>)_mm512_maskz_reduce_pd(__mmask8(-1), (__m512d)v, 8); }
// v 2^e, e integral and of any size.
PARZEN_INLINE vec<float> scale_by_power(vec<float> v, vec<float> e) {
  return (vec<float>)_mm512_maskz_scalef_ps(__mmask16(-1), (__m512)v, (__m512)e);
}
PARZEN_INLINE vec<double> scale_by_power(vec<double> v, vec<double> e) {
  return (vec<double>)_mm512_maskz_scalef_pd(__mmask8(-1), (__m512d)v, (__m512d)e);
}
#elif defined(__AVX2__)
PARZEN_INLINE bool any(bits<float> m) { return _mm256_movemask_ps((__m256)m) != 0; }
PARZEN_INLINE bool any(bits<double> m) { return _mm256_movemask_pd((__m256d)m) != 0; }
PARZEN_INLINE vec<float> sqrt(vec<float> v) { return (vec<float>)_mm256_sqrt_ps((__m256)v); }
PARZEN_INLINE vec<double> sqrt(vec<double> v) { return (vec<double>)_mm256_sqrt_pd((__m256d)v); }
#elif defined(__SSE2__)
PARZEN_INLINE bool any(bits<float> m) { return _mm_movemask_ps((__m128)m) != 0; }
PARZEN_INLINE bool any(bits<double> m) { return _mm_movemask_pd((__m128d)m) != 0; }
PARZEN_INLINE vec<float> sqrt(vec<float> v) { return (vec<float>)_mm_sqrt_ps((__m128)v); }
PARZEN_INLINE vec<double> sqrt(vec<double> v) { return (vec<double>)_mm_sqrt_pd((__m128d)v); }
#elif defined(__ARM_NEON)
PARZEN_INLINE bool any(bits<float> m) { return vmaxvq_u32((uint32x4_t)m) != 0; }
PARZEN_INLINE bool any(bits<double> m) { return vmaxvq_u32((uint32x4_t)m) != 0; }
PARZEN_INLINE vec<float> sqrt(vec<float> v) { return (vec<float>)vsqrtq_f32((float32x4_t)v); }
PARZEN_INLINE vec<double> sqrt(vec<double> v) { return (vec<double>)vsqrtq_f64((float64x2_t)v); }
#endif

// The lower or upper half of a vector. By a shuffle: through memory, the compiler would keep the whole vector there.
typedef float half_vector __attribute__((vector_size(vector_bytes / 2)));
template <bool upper, int... I>
PARZEN_INLINE half_vector half(vec<float> v, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(v, v, (I + (upper ? int(sizeof...(I)) : 0))...);
}
template <bool upper>
PARZEN_INLINE half_vector half(vec<float> v) {
  return half<upper>(v, std::make_integer_sequence<int, lanes<float> / 2>{});
}

// A vector's lanes in float64: where every sum that leaves a tile lives.
template <class T>
struct Wide {
  static constexpr int parts = sizeof(double) / sizeof(T);
  vec<double> part[parts];

  Wide() = default;
  PARZEN_INLINE explicit Wide(vec<T> v) {
    if constexpr (parts == 1) {
      part[0] = v;
    } else {
      part[0] = __builtin_convertvector(half<false>(v), vec<double>);
      part[1] = __builtin_convertvector(half<true>(v), vec<double>);
    }
  }

  PARZEN_INLINE void add(vec<T> v) {
    const Wide other(v);
    for (int p = 0; p < parts; ++p) part[p] += other.part[p];
  }

  PARZEN_INLINE void add_product(const Wide& a, const Wide& b) {
    for (int p = 0; p < parts; ++p) part[p] += a.part[p] * b.part[p];
  }
};

template <class T>
PARZEN_INLINE double total(const Wide<T>& w) {
  double sum = 0;
  for (const auto& part : w.part)
    for (int l = 0; l < lanes<double>; ++l) sum += part[l];
  return sum;
}

// A vector's lanes in float64, in one vector: float32 lanes l and l + half are added first.
template <class T>
PARZEN_INLINE vec<double> folded(vec<T> v) {
  if constexpr (sizeof(T) == sizeof(double)) {
    return v;
  } else {
    return __builtin_convertvector(half<false>(v) + half<true>(v), vec<double>);
  }
}

PARZEN_INLINE double total(vec<double> v) {
  double sum = 0;
  for (int l = 0; l < lanes<double>; ++l) sum += v[l];
  return sum;
}

// a0 b0 a1 b1 ... of the lower or the upper halves.
template <class T, bool upper, int... I>
PARZEN_INLINE vec<T> interleave(vec<T> a, vec<T> b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, ((I & 1) * lanes<T> + I / 2 + (upper ? lanes<T> / 2 : 0))...);
}

// rows[i][j] becomes rows[j][i]: log2(lanes) perfect shuffles of the rows.
template <class T>
PARZEN_INLINE void transpose(vec<T> (&rows)[lanes<T>]) {
  constexpr int n = lanes<T>;
  constexpr std::make_integer_sequence<int, n> all{};
  PARZEN_UNROLL
  for (int stage = 1; stage < n; stage *= 2) {
    vec<T> next[n];
    PARZEN_UNROLL
    for (int i = 0; i < n / 2; ++i) {
      next[2 * i] = interleave<T, false>(rows[i], rows[i + n / 2], all);
      next[2 * i + 1] = interleave<T, true>(rows[i], rows[i + n / 2], all);
    }
    PARZEN_UNROLL
    for (int i = 0; i < n; ++i) rows[i] = next[i];
  }
}

// 2^t for t <= 126, within 2 ulp; 0 below the smallest normal number.
template <class T>
PARZEN_INLINE vec<T> exp2(vec<T> t) {
  using C = Exp2<T>;
#if defined(__AVX512F__)
  // r is 0 where t is too large to have a fraction, whatever the compiler makes of the product that t is.
  const vec<T> r = fraction(t), whole = t - r;
#else
  t = max(t, broadcast<T>(C::lowest));
  const vec<T> shifted = t + C::shift;
  const vec<T> r = t - (shifted - C::shift);
#endif
  constexpr int terms = C::terms;
  vec<T> p = broadcast<T>(C::q(terms - 1));
  PARZEN_UNROLL
  for (int i = terms - 2; i >= 0; --i) p = p * r + C::q(i);
  p = p * r + T(1);
#if defined(__AVX512F__)
  return scale_by_power(p, whole);  // 0 where the exponent is out of range below: no clamp
#else
  // The low bits of `shifted` hold round(t); the shift by the mantissa's width drops everything above them.
  return (vec<T>)((words<T>)p + ((words<T>)shifted << C::mantissa));
#endif
}

// log2(v) for v >= 1, by log2(m 2^e) = e + (2/ln 2) atanh((m-1)/(m+1)) with m in [sqrt(1/2), sqrt(2)); absolute error a few ulp
// of 1.
template <class T>
PARZEN_INLINE vec<T> log2(vec<T> v) {
  constexpr int mantissa = Exp2<T>::mantissa;
  constexpr bool single = sizeof(T) == 4;
  using U = decltype(words<T>{}[0] + words<T>{}[0]);
  const U half_bits = single ? U(0x3f3504f3) : U(0x3fe6a09e667f3bcd);  // sqrt(1/2)
  const bits<T> exponent = (bits<T>)((words<T>)v - (half_bits - words<T>{})) >> mantissa;
  const vec<T> m = (vec<T>)((words<T>)v - ((words<T>)exponent << mantissa));
  const vec<T> s = (m - T(1)) / (m + T(1));
  const vec<T> z = s * s;
  constexpr int terms = single ? 5 : 11;
  vec<T> p = broadcast<T>(T(1) / T(2 * terms - 1));
  PARZEN_UNROLL
  for (int i = terms - 2; i >= 0; --i) p = p * z + T(1) / T(2 * i + 1);
  return __builtin_convertvector(exponent, vec<T>) + T(2.8853900817779268) * s * p;  // 2 / ln 2
}

// sin(pi e/2) for e in [0, 1], a quarter of the wave, within 2 ulp.
template <class T>
PARZEN_INLINE vec<T> sin_quarter(vec<T> e) {
  using C = SinQuarter<T>;
  const vec<T> z = e * e;
  constexpr int terms = C::terms;
  vec<T> p = broadcast<T>(C::p(terms - 1));
  PARZEN_UNROLL
  for (int i = terms - 2; i >= 0; --i) p = p * z + C::p(i);
  return p * e;
}

}  // namespace parzen::PARZEN_ISA_NAME
