// A text as Python gives it, str or bytes, as the bytes of its UTF-8 without a copy where it can
// be.
#pragma once

#include <string_view>

#include "bindings/bindings.h"
#include "core/check.h"

namespace gpte {

class TextInput {
 public:
  // A lone surrogate in a str becomes U+FFFD, or with strict a UnicodeEncodeError, which is a
  // ValueError that names its place.
  TextInput(nb::handle text, bool strict) {
    if (PyBytes_Check(text.ptr())) {
      owner_ = nb::borrow(text);
    } else if (!PyUnicode_Check(text.ptr())) {
      const nb::str type = nb::steal<nb::str>(
          PyObject_GetAttrString(reinterpret_cast<PyObject*>(Py_TYPE(text.ptr())), "__name__"));
      fail("tokenizer: text must be str or bytes, not ", type.c_str());
    } else if (nb::cast<bool>(text.attr("isascii")())) {
      owner_ = nb::borrow(text);
      Py_ssize_t size = 0;
      const char* p = PyUnicode_AsUTF8AndSize(text.ptr(), &size);  // its own memory: it is ASCII
      if (!p) throw nb::python_error();
      view_ = {p, size_t(size)};
      return;
    } else {
      owner_ = utf8(text, strict);  // AsUTF8AndSize would keep a copy for the life of the str
    }
    view_ = {PyBytes_AsString(owner_.ptr()), size_t(PyBytes_Size(owner_.ptr()))};
  }

  std::string_view view() const { return view_; }

 private:
  static nb::object utf8(nb::handle text, bool strict) {
    nb::object bytes = nb::steal(PyUnicode_AsUTF8String(text.ptr()));
    if (bytes.is_valid()) return bytes;
    if (strict || !PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) throw nb::python_error();
    PyErr_Clear();
    // By way of UTF-16, which joins surrogates that are a pair.
    const nb::object wide =
        checked(PyUnicode_AsEncodedString(text.ptr(), "utf-16-le", "surrogatepass"));
    const nb::object whole = checked(PyUnicode_Decode(
        PyBytes_AsString(wide.ptr()), PyBytes_Size(wide.ptr()), "utf-16-le", "replace"));
    return checked(PyUnicode_AsUTF8String(whole.ptr()));
  }
  static nb::object checked(PyObject* object) {
    if (!object) throw nb::python_error();
    return nb::steal(object);
  }

  nb::object owner_;
  std::string_view view_;
};

}  // namespace gpte
