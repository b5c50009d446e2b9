// A copy of the program, which a test may replace by something else.
#pragma once

#include <filesystem>
#include <string>

#include "support/configuration.h"
#include "support/temporary_directory.h"
#include "support/weir_process.h"

namespace weir::test {

class OwnCopy {
 public:
  OwnCopy() {
    std::filesystem::copy_file(WEIR_BINARY, path());
    allow();
  }
  std::string path() const { return directory_.file("weir"); }
  void replace_by_script(const std::string& commands) const {
    std::filesystem::remove(path());
    directory_.write("weir", "#!/bin/sh\n" + commands + "\n");
    allow();
  }
  WeirProcess::File on(const Configuration& configuration) const {
    return {directory_.write("weir.toml", configuration.to_toml()), path()};
  }

 private:
  void allow() const { std::filesystem::permissions(path(), std::filesystem::perms(0755)); }
  const TemporaryDirectory directory_;
};

}  // namespace weir::test
