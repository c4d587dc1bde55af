// Where a tensor lives.
#pragma once

#include <cstdint>
#include <ostream>

namespace gpte {

enum class Device : uint8_t { cpu, cuda };

inline std::ostream& operator<<(std::ostream& out, Device d) {
  return out << (d == Device::cpu ? "cpu" : "cuda");
}

}  // namespace gpte
