// Coefficients of the elementary functions that every backend computes for itself.
#pragma once

#ifndef PARZEN_ISA_NAME
#error "compile with -DPARZEN_ISA_NAME=baseline|avx2|avx512|neon|cuda"
#endif

namespace parzen::PARZEN_ISA_NAME {

// Constants of 2^r on [-1/2, 1/2] as 1 + r q(r): Chebyshev fits of q, relative error 5.1e-9 (float) and 8.4e-18 (double).
template <class T>
struct Exp2;
template <>
struct Exp2<float> {
  static constexpr int terms = 6;
  PARZEN_INLINE static constexpr float q(int i) {
    constexpr float values[] = {0.69314718802622878f,  0.24022650760568126f,   0.055503571142190778f,
                                0.009618082557277851f, 0.0013390863364671234f, 0.00015453162945120690f};
    return values[i];
  }
  static constexpr float shift = 12582912.0f;  // 1.5 * 2^23: adding it leaves the rounded integer in the low bits
  static constexpr float lowest = -127.0f;     // 2^lowest has exponent field 0: exactly 0 after the shift
  static constexpr int mantissa = 23;
};
template <>
struct Exp2<double> {
  static constexpr int terms = 11;
  PARZEN_INLINE static constexpr double q(int i) {
    constexpr double values[] = {0.69314718055994530942,     0.2402265069591009822,    0.055504108664821594339,
                                 0.0096181291076068885273,   0.001333355814641693531,  0.00015403530441736050155,
                                 0.000015252733829836118394, 1.3215442587921689653e-6, 1.0178062445845773521e-7,
                                 7.0725859692492236999e-9,   4.4549605981865183938e-10};
    return values[i];
  }
  static constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double lowest = -1023.0;
  static constexpr int mantissa = 52;
};

// Constants of sin(pi e/2) on [0, 1] as e p(e^2): minimax fits of p, relative error 5.4e-9 (float) and 2.6e-19 (double).
template <class T>
struct SinQuarter;
template <>
struct SinQuarter<float> {
  static constexpr int terms = 5;
  PARZEN_INLINE static constexpr float p(int i) {
    constexpr float values[] = {1.5707963184504816813f, -0.64596371062652431344f, 0.07968967901390094675f,
                                -0.0046737666653901145483f, 0.00015148513975133831902f};
    return values[i];
  }
};
template <>
struct SinQuarter<double> {
  static constexpr int terms = 9;
  PARZEN_INLINE static constexpr double p(int i) {
    constexpr double values[] = {1.5707963267948966188,     -0.64596409750624619109,    0.079692626246165435757,
                                 -0.0046817541353026433367, 0.00016044118470682417128,  -3.5988430072119294906e-6,
                                 5.6921348729858676949e-8,  -6.6843217311466418887e-10, 5.8706111170934858714e-12};
    return values[i];
  }
};

}  // namespace parzen::PARZEN_ISA_NAME
