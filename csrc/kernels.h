// The kernels as small functors of a pair's argument, <x,y> or |x-y|^2. vec<T>, a vector or a scalar, and
// exp2, log2 and sqrt of it are the backend's. The kernel function is applied while the arguments are still in registers.
#pragma once

#include "reductions.h"
#ifdef PARZEN_CUDA
#include "cuda/scalar.h"
#else
#include "cpu/simd.h"
#endif

namespace parzen::PARZEN_ISA_NAME {

enum class Argument { inner_product, squared_distance };

// (gamma <x,y> + coef0)^p. P = 0: any degree, by repeated squaring.
template <class T, int P>
struct Polynomial {
  static constexpr Argument argument = Argument::inner_product;
  T gamma, coef0;
  int degree;

  PARZEN_BOTH explicit Polynomial(const Kernel& k) : gamma(T(k.gamma)), coef0(T(k.coef0)), degree(k.degree) {}

  PARZEN_INLINE vec<T> operator()(vec<T> inner) const {
    const vec<T> base = inner * gamma + coef0;
    if constexpr (P == 1) return base;
    if constexpr (P == 2) return base * base;
    if constexpr (P == 3) return base * base * base;
    vec<T> power = base, result = broadcast<T>(T(1));
    for (int p = degree;;) {
      if (p & 1) result *= power;
      if ((p >>= 1) == 0) return result;
      power *= power;
    }
  }
};

constexpr double log2_e = 1.4426950408889634074;

// exp(-scale |x-y|^2), as 2^(-scale log2(e) |x-y|^2).
template <class T>
struct Gaussian {
  static constexpr Argument argument = Argument::squared_distance;
  T factor;

  PARZEN_BOTH explicit Gaussian(const Kernel& k) : factor(T(-k.scales[0] * log2_e)) {}

  PARZEN_INLINE vec<T> operator()(vec<T> squared) const { return exp2<T>(squared * factor); }
};

// Mean over b of exp(-scales[b] |x-y|^2).
template <class T>
struct GaussianMean {
  static constexpr Argument argument = Argument::squared_distance;
  const double* scales;
  int count;

  PARZEN_BOTH explicit GaussianMean(const Kernel& k) : scales(k.scales), count(k.count) {}

  PARZEN_INLINE vec<T> operator()(vec<T> squared) const {
    vec<T> sum{};
    for (int b = 0; b < count; ++b) sum += exp2<T>(squared * T(-scales[b] * log2_e));
    return sum * T(1.0 / count);
  }
};

// (1 + scale |x-y|^2)^-alpha, as 2^(-alpha log2(1 + ...)).
template <class T>
struct RationalQuadratic {
  static constexpr Argument argument = Argument::squared_distance;
  T scale, exponent;

  PARZEN_BOTH explicit RationalQuadratic(const Kernel& k) : scale(T(k.scale)), exponent(T(-k.alpha)) {}

  PARZEN_INLINE vec<T> operator()(vec<T> squared) const { return exp2<T>(log2<T>(squared * scale + T(1)) * exponent); }
};

// -|x-y|
template <class T>
struct Energy {
  static constexpr Argument argument = Argument::squared_distance;

  PARZEN_BOTH explicit Energy(const Kernel&) {}

  PARZEN_INLINE vec<T> operator()(vec<T> squared) const { return -sqrt(squared); }
};

// Calls use(kernel) with the functor that `k` names.
template <class T, class Use>
PARZEN_BOTH void with_kernel(const Kernel& k, const Use& use) {
  switch (k.kind) {
    case Kernel::Kind::polynomial:
      switch (k.degree) {
        case 1: return use(Polynomial<T, 1>(k));
        case 2: return use(Polynomial<T, 2>(k));
        case 3: return use(Polynomial<T, 3>(k));
        default: return use(Polynomial<T, 0>(k));
      }
    case Kernel::Kind::gaussian:
      if (k.count == 1) return use(Gaussian<T>(k));
      return use(GaussianMean<T>(k));
    case Kernel::Kind::rational_quadratic: return use(RationalQuadratic<T>(k));
    case Kernel::Kind::energy: return use(Energy<T>(k));
  }
}

// Profiles of a density's kernel at one bandwidth h, as functions of |x-q|^2 or, where `of_distance`, of |x-q|. The `compact` ones
// are k itself, exactly 0 from |x-q| = h on; the others are log2 k, which a log-sum-exp takes.
template <class T>
struct GaussianProfile {
  static constexpr bool of_distance = false, compact = false;
  T factor;

  PARZEN_BOTH explicit GaussianProfile(double h) : factor(T(-(0.5 / h / h) * log2_e)) {}

  PARZEN_INLINE vec<T> operator()(vec<T> squared) const { return squared * factor; }
};

template <class T>
struct ExponentialProfile {
  static constexpr bool of_distance = true, compact = false;
  T factor;

  PARZEN_BOTH explicit ExponentialProfile(double h) : factor(T(-log2_e / h)) {}

  PARZEN_INLINE vec<T> operator()(vec<T> distance) const { return distance * factor; }
};

template <class T>
struct TophatProfile {
  static constexpr bool of_distance = false, compact = true;
  T edge;

  PARZEN_BOTH explicit TophatProfile(double h) : edge(T(h * h)) {}

  PARZEN_INLINE vec<T> operator()(vec<T> squared) const { return squared < edge ? broadcast<T>(T(1)) : vec<T>{}; }
};

// The part of the way from the edge of the support to its middle, in [0, 1]. Where it is small the difference is exact (Sterbenz),
// so that what is relatively wrong there is the distance alone; 1 - r would lose the digits of r as well.
template <class T>
struct Inside {
  T edge, inverse;

  PARZEN_BOTH explicit Inside(double edge) : edge(T(edge)), inverse(T(1 / edge)) {}

  PARZEN_INLINE vec<T> operator()(vec<T> argument) const { return max(edge - argument, vec<T>{}) * inverse; }
};

template <class T>
struct EpanechnikovProfile {
  static constexpr bool of_distance = false, compact = true;
  Inside<T> inside;

  PARZEN_BOTH explicit EpanechnikovProfile(double h) : inside(h * h) {}

  PARZEN_INLINE vec<T> operator()(vec<T> squared) const { return inside(squared); }
};

template <class T>
struct LinearProfile {
  static constexpr bool of_distance = true, compact = true;
  Inside<T> inside;

  PARZEN_BOTH explicit LinearProfile(double h) : inside(h) {}

  PARZEN_INLINE vec<T> operator()(vec<T> distance) const { return inside(distance); }
};

// cos(pi r/2) = sin(pi (1-r)/2): relatively right at the edge too.
template <class T>
struct CosineProfile {
  static constexpr bool of_distance = true, compact = true;
  Inside<T> inside;

  PARZEN_BOTH explicit CosineProfile(double h) : inside(h) {}

  PARZEN_INLINE vec<T> operator()(vec<T> distance) const { return sin_quarter<T>(inside(distance)); }
};

}  // namespace parzen::PARZEN_ISA_NAME
