// A Weir whose configuration the test changes while it runs.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <optional>

#include "support/weir_process.h"

namespace weir::test {

// Weir on a file that the test writes anew.
class Reloaded {
 public:
  explicit Reloaded(const Configuration& configuration, const ChildOptions& options = weir_options())
      : weir_(configuration, options) {}

  WeirProcess& operator*() { return weir_; }
  WeirProcess* operator->() { return &weir_; }

  // Has Weir read this and waits for its word on it.
  LogLine with(const std::string& toml) {
    std::ofstream(weir_.config_path()) << toml;
    const std::size_t before = weir_.events("reload").size();
    weir_.child().signal(SIGHUP);
    if (!eventually([&] { return weir_.events("reload").size() > before; })) {
      ADD_FAILURE() << "no word of the reload:\n" << weir_.child().output();
      return {};
    }
    return weir_.events("reload")[before];
  }
  LogLine with(const Configuration& configuration) { return with(configuration.to_toml()); }

  // The same for what must be put in force.
  LogLine well(const Configuration& configuration) {
    const LogLine line = with(configuration);
    EXPECT_EQ(line.level, "info") << line.text("msg") << "\n" << weir_.child().output();
    return line;
  }

  // The same; the log so far is kept no longer.
  void well_and_forget(const Configuration& configuration) {
    std::ofstream(weir_.config_path()) << configuration.to_toml();
    weir_.child().signal(SIGHUP);
    std::optional<LogLine> word;
    EXPECT_TRUE(eventually([&] {
      for (const std::string& text : weir_.child().take_lines()) {
        const auto line = parse_log_line(text);
        if (line && line->event == "reload") word = line;
      }
      return word.has_value();
    }));
    EXPECT_EQ(word.value_or(LogLine{}).level, "info");
  }

 private:
  WeirProcess weir_;
};

}  // namespace weir::test
