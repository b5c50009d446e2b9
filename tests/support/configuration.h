// The configuration of a test as text: one listener "web" on a free loopback port, one pool "web", the admin
// door open. What a test is about goes in as further lines of a section.
#pragma once

#include <string>
#include <vector>

#include "base/address.h"

namespace weir::test {

struct Configuration {
  std::vector<std::string> backends;  // entries of the list, quoted: see `entry`
  unsigned workers = 1;
  std::string bind = "127.0.0.1:0";
  std::string also_bind;  // a second address of the listener
  std::string admin = "127.0.0.1:0";
  std::string door;      // further lines of [admin]
  std::string process;   // lines of [process]; `user` comes from `test_user` unless it is among them
  std::string log;       // lines of [log]
  std::string listener;  // lines of [listeners.web]
  std::string pool;      // lines of [pools.web]
  std::string rest;      // whatever else, at the end

  std::string to_toml() const;
};

// A backend for the list: its address, or its address with a name and a weight, or with a name and other
// keys.
std::string entry(const base::Address& address);
std::string entry(const base::Address& address, const std::string& name, unsigned weight = 1);
std::string entry_with(const base::Address& address, const std::string& name, const std::string& keys);

}  // namespace weir::test
