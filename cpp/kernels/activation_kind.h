// The activations that a model can name.
#pragma once

namespace gpte {

enum class Activation { none, gelu, gelu_tanh, relu, silu, swiglu };

}  // namespace gpte
