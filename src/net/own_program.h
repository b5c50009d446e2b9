// The program that this process runs, as it was called: where it is found now, which after an installation is
// another file than the one that runs, and what it was called with. And how it is started once more, as a
// sibling: a child of this process's parent, so that whoever looks after this one looks after that one too.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace weir::net {

struct OwnProgram {
  std::string path;                    // absolute; empty: it cannot be told
  std::vector<std::string> arguments;  // its name among them
};

// Before the working directory changes, and anything in the environment.
OwnProgram own_program();

struct Sibling {
  pid_t pid = 0;
  base::UniqueFd handle;  // a pidfd, pidfd_open(2): ready to be read when it has ended; no child of ours
};

// Runs it with the environment as it is now, in which `changes` are made (an empty value takes a variable
// out), with `kept` open under its number, with no signal blocked, and with the capabilities of the calling
// thread. When the program cannot be executed the sibling ends at once, after it has written "f" and the
// reason to `kept`. Without a descriptor for its handle it is not started. clone(2), CLONE_PARENT; not for
// process 1, which has no parent.
base::Result<Sibling> start_sibling(const OwnProgram& program,
                                    const std::vector<std::pair<std::string, std::string>>& changes,
                                    int kept);

// Ends it at once (SIGKILL), or tells it something. Nothing happens when it has ended.
void signal_sibling(const Sibling& sibling, int signal);

}  // namespace weir::net
