// What was taken from the environment by ${NAME}, so that messages do not show it: it may be a password, and
// logs are read by others than the configuration. Values that are too short to be a secret are left as they
// are, since they would be found in words that have nothing to do with them. Pure.
#pragma once

#include <map>
#include <string>

#include "config/problem.h"

namespace weir::config {

class Secrets {
 public:
  void note(const std::string& name, const std::string& value);

  // "${NAME}" in the place of each value, and of the beginning of one that a message has cut.
  std::string hidden(const std::string& text) const;
  void hide(Problems& problems) const;

 private:
  std::map<std::string, std::string> names_;  // by the value as messages show it
};

}  // namespace weir::config
