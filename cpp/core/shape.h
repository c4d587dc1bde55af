// Sizes of a tensor, at most four axes, kept in place: shapes are made in every step.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <ostream>

#include "core/check.h"

namespace gpte {

class Shape {
 public:
  static constexpr int kMaxRank = 4;
  static constexpr int64_t kMostElements = int64_t(1) << 59;  // their bytes fit in int64_t

  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes) {
    for (int64_t size : sizes) push(size);
  }

  void push(int64_t size) {
    check(rank_ < kMaxRank, "shape: rank must be at most ", int(kMaxRank));
    check(size >= 0, "shape: size ", size, " must not be negative");
    check(size == 0 || numel() <= kMostElements / size, "shape: ", *this, " with a size ", size,
          " has more than 2^59 elements");
    sizes_[rank_++] = size;
  }
  int rank() const { return rank_; }
  // Negative axes count from the end.
  int64_t dim(int axis) const {
    const int i = axis < 0 ? axis + rank_ : axis;
    check(i >= 0 && i < rank_, "shape: axis ", axis, " is outside ", *this);
    return sizes_[i];
  }
  int64_t operator[](int axis) const { return dim(axis); }
  int64_t numel() const {
    int64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= sizes_[i];
    return n;
  }
  bool operator==(const Shape& other) const {
    if (rank_ != other.rank_) return false;
    for (int i = 0; i < rank_; ++i)
      if (sizes_[i] != other.sizes_[i]) return false;
    return true;
  }
  bool operator!=(const Shape& other) const { return !(*this == other); }

  friend std::ostream& operator<<(std::ostream& out, const Shape& s) {
    out << "(";
    for (int i = 0; i < s.rank_; ++i) out << (i ? ", " : "") << s.sizes_[i];
    return out << (s.rank_ == 1 ? ",)" : ")");
  }

 private:
  int64_t sizes_[kMaxRank] = {0, 0, 0, 0};
  int rank_ = 0;
};

}  // namespace gpte
