#include "bindings/bindings.h"

NB_MODULE(_core, m) {
  nanobind::set_leak_warnings(false);  // a daemon thread may hold tensors when the process ends
  m.doc() = "The engine of gptengine: tensors, operators, the transformer, the tokenizer.";
  gpte::bind_tensor(m);
  gpte::bind_system(m);
  gpte::bind_ops(m);
  gpte::bind_model(m);
  gpte::bind_decode(m);
  gpte::bind_text(m);
  gpte::bind_text_curate(m);
  gpte::bind_text_split(m);
  gpte::bind_text_train(m);
}
