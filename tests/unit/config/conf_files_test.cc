// The files in conf/: generated ones are fresh, all of them load, and weir.toml is complete. With
// WEIR_UPDATE=1 in the environment the generated files are written anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/describe.h"
#include "config/load.h"
#include "config/scalars.h"
#include "config/schema.h"
#include "config/toml_reader.h"

namespace weir::config {
namespace {

namespace fs = std::filesystem;

const fs::path kConf = fs::path(WEIR_SOURCE_DIR) / "conf";

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void expect_fresh(const std::string& file, const std::string& generated, const std::string& topic) {
  if (std::getenv("WEIR_UPDATE") != nullptr) std::ofstream(kConf / file) << generated;
  EXPECT_TRUE(text_of(kConf / file) == generated)
      << "conf/" << file << " is not what the schema says; refresh it with:\n  build/release/weir describe "
      << topic << " > conf/" << file;
}

const Node* at(const Node* node, std::string_view key) {
  const Entry* entry = node == nullptr ? nullptr : node->find(key);
  return entry == nullptr ? nullptr : &entry->value;
}

// Where weir.toml keeps the keys of a section.
const Node* table_of(const Node& root, Section section) {
  switch (section) {
    case Section::kRoot:
      return &root;
    case Section::kProcess:
      return at(&root, "process");
    case Section::kProcessLimits:
      return at(at(&root, "process"), "limits");
    case Section::kListenerAccess:
      return at(at(at(&root, "listeners"), "web"), "access");
    case Section::kListenerTls:
      return at(at(at(&root, "listeners"), "tls"), "tls");
    case Section::kCertificate: {
      const Node* list = at(table_of(root, Section::kListenerTls), "certificates");
      return list == nullptr || list->items.empty() ? nullptr : &list->items.back();
    }
    case Section::kRoute: {
      const Node* list = at(at(at(&root, "listeners"), "tls"), "routes");
      return list == nullptr || list->items.empty() ? nullptr : &list->items.back();
    }
    case Section::kListenerLimits:
    case Section::kLimits:  // the same keys; the file shows such a table in a comment
      return at(at(at(&root, "listeners"), "web"), "limits");
    case Section::kLog:
      return at(&root, "log");
    case Section::kAdmin:
      return at(&root, "admin");
    case Section::kListener:
      return at(at(&root, "listeners"), "web");
    case Section::kPool:
      return at(at(&root, "pools"), "web");
    case Section::kPoolTls:
      return at(table_of(root, Section::kPool), "tls");
    case Section::kHealth:
      return at(table_of(root, Section::kPool), "health");
    case Section::kHealthHttp:
      return at(table_of(root, Section::kHealth), "http");
    case Section::kHealthExchange:
      return at(table_of(root, Section::kHealth), "exchange");
    case Section::kPoolSessions:
      return at(table_of(root, Section::kPool), "sessions");
    case Section::kResolve:
      return at(table_of(root, Section::kPool), "resolve");
    case Section::kOutlier:
      return at(table_of(root, Section::kPool), "outlier");
    case Section::kBackend: {
      const Node* list = at(at(at(&root, "pools"), "web"), "backends");
      return list == nullptr || list->items.empty() ? nullptr : &list->items.back();
    }
  }
  return nullptr;
}

TEST(ConfFiles, TheReferenceIsFresh) { expect_fresh("REFERENCE.md", reference_markdown(), "reference"); }

TEST(ConfFiles, TheJsonSchemaIsFresh) { expect_fresh("weir.schema.json", json_schema(), "schema"); }

TEST(ConfFiles, EveryFileLoadsWithoutAProblem) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(kConf)) {
    if (entry.path().extension() != ".toml") continue;
    ++count;
    const Loaded loaded = load_file(entry.path().string(), [](const auto&) { return std::nullopt; });
    for (const Problem& problem : loaded.problems) ADD_FAILURE() << to_string(problem);
  }
  EXPECT_GE(count, 2);
}

// TLS that ends here has a file of its own, since the other one is for any clients and servers.
bool is_of_tls(const Key& key) {
  return key.section == Section::kListenerTls || key.section == Section::kCertificate ||
         key.section == Section::kRoute || key.section == Section::kPoolTls;
}

TEST(ConfFiles, TheCompleteFileHasEveryKeyWithItsDefault) {
  const auto root = parse_tree(text_of(kConf / "weir.toml"), "weir.toml");
  const auto tls_root = parse_tree(text_of(kConf / "tls_terminate.toml"), "tls_terminate.toml");
  ASSERT_TRUE(root) << to_string(root.error());
  ASSERT_TRUE(tls_root) << to_string(tls_root.error());
  for (const Key& key : all_keys()) {
    if (key.type == ValueType::kRouteList) continue;  // its tables are looked at
    const Node* table = table_of(is_of_tls(key) ? *tls_root : *root, key.section);
    const Entry* entry = table == nullptr ? nullptr : table->find(key.name);
    if (entry == nullptr) {
      ADD_FAILURE() << "conf has no file with " << key.name << " of " << title(key.section);
    } else if (!key.default_value.empty()) {
      EXPECT_EQ(found(entry->value), found(default_node(key))) << key.name << " of " << title(key.section);
    }
  }
}

}  // namespace
}  // namespace weir::config
