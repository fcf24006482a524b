// What kernels.h needs of a backend, one number at a time: a vec is a scalar, the threads of a block are the lanes.
#pragma once

#include <math.h>
#include <string.h>

#include <type_traits>

#include "../matrix.h"
#include "runtime.h"

#define PARZEN_ISA_NAME cuda
#include "../polynomials.h"

namespace parzen::cuda {

template <class T>
using vec = T;
template <class T>
constexpr int lanes = 1;

template <class T>
PARZEN_INLINE T broadcast(T s) {
  return s;
}

PARZEN_INLINE float max(float a, float b) { return ::fmaxf(a, b); }
PARZEN_INLINE double max(double a, double b) { return ::fmax(a, b); }
PARZEN_INLINE float min(float a, float b) { return ::fminf(a, b); }
PARZEN_INLINE double min(double a, double b) { return ::fmin(a, b); }
PARZEN_INLINE float sqrt(float v) {
#ifdef __CUDA_ARCH__
  asm("sqrt.approx.f32 %0, %0;" : "+f"(v));  // within 2^-23 of it; a correctly rounded one takes a dozen operations
  return v;
#else
  return ::sqrtf(v);
#endif
}
PARZEN_INLINE double sqrt(double v) { return ::sqrt(v); }
PARZEN_INLINE float multiply_add(float a, float b, float c) { return ::fmaf(a, b, c); }
PARZEN_INLINE double multiply_add(double a, double b, double c) { return ::fma(a, b, c); }

template <class To, class From>
PARZEN_INLINE To bits_of(From from) {
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}

// p_0 + r p_1 + r^2 p_2 + ... by Horner.
template <class T, class Coefficient>
PARZEN_INLINE T polynomial(T r, int terms, Coefficient coefficient) {
  T p = coefficient(terms - 1);
  PARZEN_UNROLL
  for (int i = terms - 2; i >= 0; --i) p = multiply_add(p, r, coefficient(i));
  return p;
}

// 2^t for t <= 126 by multiply-adds, within 2 ulp; 0 below the smallest normal number.
template <class T>
PARZEN_INLINE T exp2_by_polynomial(T t) {
  using C = Exp2<T>;
  using Word = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  t = max(t, C::lowest);
  const T shifted = t + C::shift;
  const T r = t - (shifted - C::shift);
  const T p = multiply_add(polynomial(r, C::terms, [](int i) { return C::q(i); }), r, T(1));
  return bits_of<T>(Word(bits_of<Word>(p) + (bits_of<Word>(shifted) << C::mantissa)));
}

// 2^t, within 2 ulp either way. A device takes float32's from its special-function units (ex2.approx: 2 ulp, results below the
// smallest normal number are 0), each of which takes as long as four (8.0) or eight multiply-adds; the polynomial takes ten of
// these. One pair's one exponential has a dozen other operations about it, and the units keep up. Where a pair has many
// exponentials one of four goes by the polynomial: `number` counts them, is known to the compiler, and says which.
template <class T>
PARZEN_INLINE T exp2(T t, index number = 0) {
#ifdef __CUDA_ARCH__
  if constexpr (sizeof(T) == 4) {
    if (number % 4 != 3) {
      float value;
      asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(value) : "f"(t));
      return value;
    }
  }
#else
  (void)number;
#endif
  return exp2_by_polynomial(t);
}

// For v >= 1; absolute error a few ulp of 1.
template <class T>
PARZEN_INLINE T log2(T v) {
  if constexpr (sizeof(T) == 4)
    return ::log2f(v);
  else
    return ::log2(v);
}

// sin(pi e/2) for e in [0, 1], within 2 ulp.
template <class T>
PARZEN_INLINE T sin_quarter(T e) {
  using C = SinQuarter<T>;
  return polynomial(e * e, C::terms, [](int i) { return C::p(i); }) * e;
}

}  // namespace parzen::cuda
