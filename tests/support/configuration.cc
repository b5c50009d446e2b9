#include "support/configuration.h"

#include "support/test_user.h"

namespace weir::test {

std::string Configuration::to_toml() const {
  std::string list;
  for (const std::string& backend : backends) list += (list.empty() ? "" : ", ") + backend;
  const std::string binds =
      also_bind.empty() ? "\"" + bind + "\"" : "[\"" + bind + "\", \"" + also_bind + "\"]";
  const bool changes_user = test_user() != nullptr && process.find("user =") == std::string::npos;
  const std::string user = changes_user ? "user = \"" + std::string(test_user()->pw_name) + "\"\n" : "";
  return "[process]\nworkers = " + std::to_string(workers) + "\n" + user + process +  //
         "\n[log]\n" + log +                                                          //
         "\n[admin]\nbind = \"" + admin + "\"\n" + door +                             //
         "\n[listeners.web]\nbind = " + binds + "\npool = \"web\"\n" + listener +
         "\n[pools.web]\nbackends = [" + list + "]\n" + pool + "\n" + rest;
}

std::string entry(const base::Address& address) { return "\"" + address.to_string() + "\""; }

std::string entry(const base::Address& address, const std::string& name, unsigned weight) {
  return "{ address = \"" + address.to_string() + "\", name = \"" + name +
         "\", weight = " + std::to_string(weight) + " }";
}

std::string entry_with(const base::Address& address, const std::string& name, const std::string& keys) {
  return "{ address = \"" + address.to_string() + "\", name = \"" + name + "\", " + keys + " }";
}

}  // namespace weir::test
