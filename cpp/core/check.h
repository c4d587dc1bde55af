// Errors that name the operator, the argument and both values.
#pragma once

#include <sstream>
#include <stdexcept>

namespace gpte {

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw std::invalid_argument(message.str());  // ValueError in Python
}

// Checks stand where data enters; the parts are only formatted when the condition fails.
template <class... Parts>
inline void check(bool condition, const Parts&... parts) {
  if (__builtin_expect(!condition, 0)) fail(parts...);
}

}  // namespace gpte
