// The command line: reads it, and calls the command.
#include "cli/args.h"

int main(int argc, char** argv) { return weir::cli::main_with(argc, argv); }
