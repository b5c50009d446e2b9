#include "admin/page.h"

#include <algorithm>

namespace weir::admin {
namespace {

// Content Security Policy Level 3. What is drawn is set by scripts; no markup has styles or handlers of its
// own.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string_view type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "text/javascript; charset=utf-8";
}

}  // namespace

std::optional<HttpResponse> page_response(std::string_view name) {
  const std::span<const PageFile> files = page_files();
  const auto file =
      std::find_if(files.begin(), files.end(), [name](const PageFile& one) { return one.name == name; });
  if (file == files.end()) return std::nullopt;
  HttpResponse response;
  response.content_type = type_of(name);
  response.body = file->bytes;
  response.headers = {{"Content-Security-Policy", kPolicy}, {"Referrer-Policy", "no-referrer"}};
  if (file->is_gzipped) response.headers.emplace_back("Content-Encoding", "gzip");
  return response;
}

}  // namespace weir::admin
