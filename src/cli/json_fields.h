// Members of the door's JSON as they are shown: whatever shape it has, what strangers have written cannot
// move the terminal. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "cli/text_table.h"
#include "config/text.h"

namespace weir::cli {

// Of a member that is a text or a number; `none` where there is none, or null. Cut after about `longest`
// bytes.
inline std::string word_of(const nlohmann::json& object, const char* name, std::string_view none,
                           std::size_t longest) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::string(none);
  return config::printable(found->is_string() ? found->get<std::string>() : found->dump(), longest);
}

// 0 where it is none.
template <class Number>
Number number_of(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<Number>() : Number{0};
}

// How a backend's state looks.
inline Tone tone_of_state(std::string_view state) {
  if (state == "up") return Tone::kGood;
  return state == "down" || state == "ejected" ? Tone::kBad : Tone::kWarning;
}

}  // namespace weir::cli
