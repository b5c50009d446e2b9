// The schema for people and for editors: conf/REFERENCE.md, conf/weir.schema.json and weir.toml(5). Pure text
// from the one table, so none can say anything that the parser does not do. A test holds the files to these
// functions.
#pragma once

#include <string>

namespace weir::config {

// Markdown: every section with its keys, defaults, what they take, and whether a change needs a restart.
std::string reference_markdown();

// The manual page weir.toml(5), in the language of man(7): the same for `man`.
std::string manual_page();

// JSON Schema, draft 7, as the TOML extensions of editors read it. Ends with a newline.
std::string json_schema();

}  // namespace weir::config
