// JSON as the admin door writes it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "admin/http_message.h"

namespace weir::admin {

using Json = nlohmann::ordered_json;

// Replacement instead of an exception, should a name not be UTF-8.
inline std::string json_text(const Json& document) {
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

inline HttpResponse json_response(const Json& document, int status = 200) {
  return {status, "application/json", json_text(document), {}};
}

template <class Number>
Json or_null(const std::optional<Number>& number) {
  return number ? Json(*number) : Json();
}

inline Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

}  // namespace weir::admin
