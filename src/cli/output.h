// The standard streams, as commands use them. Nothing here throws: a reader who has gone or a full disk must
// not end a program that serves.
#pragma once

#include <string_view>

namespace weir::cli {

// Where whoever started the program has closed descriptor 0, 1 or 2, /dev/null takes its number: else what is
// opened first would, and would be given what is meant for people. To be called before anything is opened.
void open_standard_descriptors();

// To the standard output, at once. False: not all of it could be written, and the standard error says why.
bool print(std::string_view text);

// To the standard error, as far as it takes it.
void complain(std::string_view text);

// The environment has NO_COLOR with a value that is not empty (https://no-color.org).
bool wants_no_colours();

}  // namespace weir::cli
