// What Gradus throws. Misuse throws; numbers follow IEEE (log(-1) is NaN).
#pragma once

#include <stdexcept>
#include <string>

namespace gradus {

/// Base of every exception of this library.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A tape is used wrongly: no active tape, a variable of another tape, thread or recording, slots exhausted.
struct TapeError : Error {
  using Error::Error;
};

/// Shapes, sizes or indices do not fit.
struct ShapeError : Error {
  using Error::Error;
};

/// An argument is outside what the function accepts: an unknown name, a parameter that makes no sense.
struct ArgumentError : Error {
  using Error::Error;
};

}  // namespace gradus
