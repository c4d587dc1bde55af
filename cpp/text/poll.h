// How training tells how far it is, and hears that it is to stop.
#pragma once

#include <cstdint>
#include <functional>

namespace gpte {

// Called every few milliseconds with what is done of how much; may throw to stop the work.
using Poll = std::function<void(const char* phase, int64_t done, int64_t total)>;

}  // namespace gpte
