// The dashboard: a page that the binary carries whole, so that a browser needs no other place to show it. It
// holds nothing of what Weir knows; what it shows it asks of the other paths of the door, as any client does.
// This is how its files are answered, not what they do (dashboard/).
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "admin/http_message.h"

namespace weir::admin {

// A file of src/admin/dashboard, or of what that stands on. Made by cmake/embed_page.cmake.
struct PageFile {
  std::string_view name;  // "main.js"
  std::string_view bytes;
  bool is_gzipped = false;
};
std::span<const PageFile> page_files();

// The file of that name with the headers that let the page load from nowhere else and be shown in no other
// page's frame; nothing where there is none.
std::optional<HttpResponse> page_response(std::string_view name);

}  // namespace weir::admin
