// The shape of the command line: commands, their arguments, their help with examples. CLI11 stays inside its
// .cc file.
#pragma once

namespace weir::cli {

// Parses and runs; returns the exit status (see ExitStatus).
int main_with(int argc, char** argv);

}  // namespace weir::cli
