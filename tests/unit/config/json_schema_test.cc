// The JSON Schema is held to three things: it has exactly the keys of the table, it takes what Weir takes,
// and it refuses what an editor can see to be wrong. The validator here knows the words of draft 7 that the
// schema uses and fails on any other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <span>

#include "config/describe.h"
#include "config/limits.h"
#include "config/scalars.h"
#include "config/schema.h"
#include "unit/config/support.h"

namespace weir::config {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using testing::IsEmpty;
using testing::Not;

const fs::path kRoot = WEIR_SOURCE_DIR;

const Json& schema() {
  static const Json kSchema = Json::parse(json_schema());
  return kSchema;
}

bool is_of_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  ADD_FAILURE() << "the test does not know the type " << type;
  return false;
}

// Patterns are searched for, not matched whole.
bool has_pattern(const std::string& text, const std::string& pattern) {
  return std::regex_search(text, std::regex(pattern, std::regex::ECMAScript));
}

// Where `value` does not follow `rules`, as "path: word of the schema"; empty when it does.
std::vector<std::string> faults(const Json& rules, const Json& value, const std::string& path);

std::vector<std::string> faults_of_property(const Json& rules, const std::string& key, const Json& value,
                                            const std::string& path) {
  if (rules.contains("properties") && rules["properties"].contains(key)) {
    return faults(rules["properties"][key], value, path);
  }
  if (rules.contains("patternProperties")) {
    for (const auto& [pattern, below] : rules["patternProperties"].items()) {
      if (has_pattern(key, pattern)) return faults(below, value, path);
    }
  }
  const bool is_open = rules.value("additionalProperties", true);
  return is_open ? std::vector<std::string>() : std::vector<std::string>{path + ": additionalProperties"};
}

bool is_allowed(const Json& rules, const std::string& word, const Json& argument, const Json& value) {
  const auto follows_any = [&] {
    return std::any_of(argument.begin(), argument.end(),
                       [&](const Json& one) { return faults(one, value, "").empty(); });
  };
  const auto has_all = [&] {
    return std::all_of(argument.begin(), argument.end(),
                       [&](const Json& key) { return value.contains(key.get<std::string>()); });
  };
  if (word == "type") return is_of_type(value, argument);
  if (word == "const") return value == argument;
  if (word == "enum") return std::find(argument.begin(), argument.end(), value) != argument.end();
  if (word == "pattern") return !value.is_string() || has_pattern(value, argument);
  if (word == "minimum") return !value.is_number() || value.get<double>() >= argument.get<double>();
  if (word == "maximum") return !value.is_number() || value.get<double>() <= argument.get<double>();
  if (word == "minItems") return !value.is_array() || value.size() >= argument.get<std::size_t>();
  if (word == "maxItems") return !value.is_array() || value.size() <= argument.get<std::size_t>();
  if (word == "uniqueItems")
    return !value.is_array() || std::set<Json>(value.begin(), value.end()).size() == value.size();
  if (word == "anyOf") return follows_any();
  if (word == "required") return !value.is_object() || has_all();
  if (word == "additionalProperties") return argument == Json(false) && rules.value("type", "") == "object";
  constexpr std::array kOthers{"$schema",           "title", "description", "default", "properties",
                               "patternProperties", "items"};
  EXPECT_NE(std::find(kOthers.begin(), kOthers.end(), word), kOthers.end())
      << "the test does not know " << word;
  return true;
}

std::vector<std::string> faults(const Json& rules, const Json& value, const std::string& path) {
  std::vector<std::string> out;
  const auto add = [&](const std::vector<std::string>& more) {
    out.insert(out.end(), more.begin(), more.end());
  };
  for (const auto& [word, argument] : rules.items()) {
    if (!is_allowed(rules, word, argument, value)) out.push_back(path + ": " + word);
  }
  if (value.is_object()) {
    for (const auto& [key, below] : value.items())
      add(faults_of_property(rules, key, below, path + "." + key));
  }
  if (value.is_array() && rules.contains("items")) {
    for (const Json& item : value) add(faults(rules["items"], item, path + "[]"));
  }
  return out;
}

Json json_of(const Node& node) {
  switch (node.kind) {
    case Kind::kTable: {
      Json table = Json::object();
      for (const Entry& entry : node.entries) table[entry.key] = json_of(entry.value);
      return table;
    }
    case Kind::kList: {
      Json list = Json::array();
      for (const Node& item : node.items) list.push_back(json_of(item));
      return list;
    }
    case Kind::kInteger:
      return node.integer;
    case Kind::kFlag:
      return node.is_true;
    case Kind::kFloat:
      return std::stod(node.text);
    default:
      return node.text;
  }
}

std::vector<std::string> faults_of(const std::string& toml) {
  return faults(schema(), json_of(tree_of(toml)), "");
}

// What the schema says of a section.
const Json& schema_of(Section section) {
  const Json& properties = schema()["properties"];
  const auto named = [&](const char* name) -> const Json& {
    return properties[name]["patternProperties"].front();
  };
  switch (section) {
    case Section::kRoot:
      return schema();
    case Section::kProcess:
      return properties["process"];
    case Section::kProcessLimits:
      return properties["process"]["properties"]["limits"];
    case Section::kListenerAccess:
      return named("listeners")["properties"]["access"];
    case Section::kListenerLimits:
      return named("listeners")["properties"]["limits"];
    case Section::kListenerTls:
      return named("listeners")["properties"]["tls"];
    case Section::kCertificate:
      return schema_of(Section::kListenerTls)["properties"]["certificates"]["items"];
    case Section::kRoute:
      return named("listeners")["properties"]["routes"]["items"];
    case Section::kLimits:
      return named("limits");
    case Section::kLog:
      return properties["log"];
    case Section::kAdmin:
      return properties["admin"];
    case Section::kListener:
      return named("listeners");
    case Section::kPool:
      return named("pools");
    case Section::kPoolTls:
      return named("pools")["properties"]["tls"];
    case Section::kHealth:
      return named("pools")["properties"]["health"];
    case Section::kHealthHttp:
      return named("pools")["properties"]["health"]["properties"]["http"];
    case Section::kHealthExchange:
      return named("pools")["properties"]["health"]["properties"]["exchange"];
    case Section::kPoolSessions:
      return named("pools")["properties"]["sessions"];
    case Section::kResolve:
      return named("pools")["properties"]["resolve"];
    case Section::kOutlier:
      return named("pools")["properties"]["outlier"];
    case Section::kBackend:
      break;
  }
  return named("pools")["properties"]["backends"]["items"]["anyOf"].back();
}

const Json& schema_of(const Key& key) { return schema_of(key.section)["properties"][std::string(key.name)]; }

// All but the top of the file.
constexpr auto kSections = std::span(kAllSections).subspan(1);

TEST(JsonSchema, EverySectionHasExactlyTheKeysOfTheTable) {
  for (const Section section : kSections) {
    std::vector<std::string> known;
    for (const Key* key : keys_of(section)) known.emplace_back(key->name);
    for (const NestedTable& table : nested_tables()) {
      if (table.parent == section) known.emplace_back(table.name);
    }
    std::vector<std::string> written;
    for (const auto& [name, ignored] : schema_of(section)["properties"].items()) written.push_back(name);
    EXPECT_THAT(written, testing::UnorderedElementsAreArray(known)) << title(section);
  }
}

TEST(JsonSchema, TheTopOfTheFileHasItsOwnKeysAndTheSectionsAndNoOthers) {
  std::vector<std::string> written;
  for (const auto& [name, ignored] : schema()["properties"].items()) written.push_back(name);
  EXPECT_THAT(written, testing::UnorderedElementsAre("include", "process", "log", "admin", "listeners",
                                                     "limits", "pools"));
}

TEST(JsonSchema, NoTableTakesAKeyThatIsNotListed) {
  for (const Section section : kSections)
    EXPECT_EQ(schema_of(section)["additionalProperties"], false) << title(section);
  EXPECT_EQ(schema()["additionalProperties"], false);
  EXPECT_EQ(schema()["properties"]["listeners"]["additionalProperties"], false);
  EXPECT_EQ(schema()["properties"]["limits"]["additionalProperties"], false);
  EXPECT_EQ(schema()["properties"]["pools"]["additionalProperties"], false);
}

TEST(JsonSchema, ExactlyTheRequiredKeysAreRequired) {
  for (const Section section : kSections) {
    std::vector<std::string> required;
    for (const Key* key : keys_of(section)) {
      if (key->presence == Presence::kRequired) required.emplace_back(key->name);
    }
    EXPECT_EQ(schema_of(section).value("required", std::vector<std::string>()), required) << title(section);
  }
  EXPECT_FALSE(schema().contains("required")) << "each of several files holds a part";
}

TEST(JsonSchema, EveryDefaultIsThatOfTheTableAndFollowsItsOwnRules) {
  for (const Key& key : all_keys()) {
    const Json& rules = schema_of(key);
    ASSERT_EQ(rules.contains("default"), !key.default_value.empty()) << key.name;
    if (key.default_value.empty()) continue;
    EXPECT_EQ(rules["default"], json_of(value_of(std::string(key.default_value)))) << key.name;
    EXPECT_THAT(faults(rules, rules["default"], ""), IsEmpty()) << key.name;
  }
}

TEST(JsonSchema, EveryKeyTellsItsHelpAndWhatItTakes) {
  for (const Key& key : all_keys()) {
    const std::string description = schema_of(key)["description"];
    EXPECT_TRUE(description.starts_with(key.help)) << key.name;
    EXPECT_NE(description.find(expected(key)), std::string::npos) << key.name;
  }
}

TEST(JsonSchema, EveryFileThatLoadsFollowsIt) {
  int count = 0;
  for (const char* folder : {"conf", "tests/unit/config/good", "tests/unit/config/good/includes"}) {
    for (const auto& entry : fs::directory_iterator(kRoot / folder)) {
      if (entry.path().extension() != ".toml") continue;
      ++count;
      EXPECT_THAT(faults_of(text_of(entry.path())), IsEmpty()) << entry.path();
    }
  }
  EXPECT_GE(count, 15);
}

TEST(JsonSchema, TakesWhatTheParserTakesAtTheEndsOfEveryCountAndNothingBeyond) {
  for (const Key& key : all_keys()) {
    if (key.type != ValueType::kCount) continue;
    for (const std::int64_t value : {key.least - 1, key.least, key.most, key.most + 1}) {
      Node node;
      node.kind = Kind::kInteger;
      node.integer = value;
      EXPECT_EQ(faults(schema_of(key), value, "").empty(), parse_number(key, node).has_value())
          << key.name << " = " << value;
    }
  }
}

TEST(JsonSchema, TakesWhatTheParserTakesAtTheEndsOfEveryFractionAndNothingBeyond) {
  for (const Key& key : all_keys()) {
    if (key.type != ValueType::kDecimal) continue;
    for (const std::int64_t thousandths : {key.least - 1, key.least, key.most, key.most + 1}) {
      const double value = static_cast<double>(thousandths) / 1000;
      const Node node = value_of(std::to_string(value));
      EXPECT_EQ(faults(schema_of(key), value, "").empty(), parse_decimal(key, node).has_value())
          << key.name << " = " << value;
    }
  }
}

TEST(JsonSchema, TakesEveryWordAndTheSpecialWordOfItsKeyOnly) {
  for (const Key& key : all_keys()) {
    const bool is_list = key.type == ValueType::kWordList;
    for (const std::string_view word : key.words) {
      const Json value = is_list ? Json::array({word}) : Json(word);
      EXPECT_THAT(faults(schema_of(key), value, ""), IsEmpty()) << word;
    }
    if (is_list) {
      EXPECT_THAT(faults(schema_of(key), Json::array({"nonsense"}), ""), Not(IsEmpty())) << key.name;
      EXPECT_THAT(faults(schema_of(key), Json::array({key.words[0], key.words[0]}), ""), Not(IsEmpty()));
    }
    if (!key.special.empty()) {
      EXPECT_THAT(faults(schema_of(key), key.special, ""), IsEmpty()) << key.name;
    }
    if (key.type == ValueType::kWord) {
      EXPECT_THAT(faults(schema_of(key), "nonsense", ""), Not(IsEmpty())) << key.name;
    }
    if (key.type == ValueType::kDuration && key.special.empty()) {
      EXPECT_THAT(faults(schema_of(key), "off", ""), Not(IsEmpty())) << key.name;
    }
  }
}

TEST(JsonSchema, AnyScalarMayComeFromTheEnvironment) {
  for (const Key& key : all_keys()) {
    const bool is_list = key.type == ValueType::kBackendList || key.type == ValueType::kPatternList ||
                         key.type == ValueType::kClientList || key.type == ValueType::kPathList ||
                         key.type == ValueType::kStatusList || key.type == ValueType::kAddressList ||
                         key.type == ValueType::kServerList || key.type == ValueType::kWordList ||
                         key.type == ValueType::kTextList || key.type == ValueType::kRouteList ||
                         key.type == ValueType::kCertificateList;
    if (is_list) continue;
    EXPECT_THAT(faults(schema_of(key), "${VALUE:-x}", ""), IsEmpty()) << key.name;
  }
  EXPECT_THAT(faults_of("[pools.web]\nbackends = [\"${A}\", { address = \"${B}:80\", weight = \"${W}\" }]\n"),
              IsEmpty());
}

TEST(JsonSchema, RefusesWhatAnEditorCanSeeToBeWrong) {
  const std::string listener = "[listeners.web]\npool = \"web\"\n";
  for (const std::string& toml : {
           std::string("colour = 1\n"),
           std::string("include = \"a.toml\"\n"),
           std::string("[proces]\n"),
           std::string("[process]\nworkers = \"4\"\n"),
           std::string("[process]\nworkers = 1.5\n"),
           std::string("[process]\ndrain_timeout = 30\n"),
           std::string("[process]\ndrain_timeout = \"30\"\n"),
           std::string("[process]\ndrain_timeout = \"30 s\"\n"),
           std::string("[log]\noutput = \"weir.log\"\n"),
           std::string("[admin]\nbind = \"localhost:9900\"\n"),
           std::string("[listeners]\nbind = \"0.0.0.0:80\"\n"),
           std::string("[listeners.\"a b\"]\nbind = \"0.0.0.0:80\"\npool = \"web\"\n"),
           "[listeners." + std::string(kMaxNameLength + 1, 'a') +
               "]\nbind = \"0.0.0.0:80\"\npool = \"web\"\n",
           listener,
           listener + "bind = []\n",
           listener + "bind = \"0.0.0.0\"\n",
           listener + "bind = \"web:80\"\n",
           listener + "bind = 80\n",
           listener + "bind = \"0.0.0.0:80\"\nv6only = \"true\"\n",
           listener + "bind = \"0.0.0.0:80\"\nsocket_mode = 660\n",
           listener + "bind = \"0.0.0.0:80\"\nsocket_mode = \"0888\"\n",
           listener + "bind = \"0.0.0.0:80\"\nretries = 1\n",
           listener + "bind = \"0.0.0.0:80\"\nlimits = 5\n",
           listener + "bind = \"0.0.0.0:80\"\naccess = { allow = \"10.0.0.0/8\" }\n",
           listener + "bind = \"0.0.0.0:80\"\nlimits = { connection_rate = \"10\" }\n",
           listener + "bind = \"0.0.0.0:80\"\nlimits = { upload_rate = \"1MB/s\" }\n",
           std::string("[process.limits]\nmax_connections = 5\n"),
           std::string("[pools.web]\n"),
           std::string("[pools.web]\nbackends = []\n"),
           std::string("[pools.web]\nbackends = \"a:80\"\n"),
           std::string("[pools.web]\nbackends = [\"a\"]\n"),
           std::string("[pools.web]\nbackends = [\"_http._tcp\"]\n"),
           std::string("[pools.web]\nbackends = [\"a:80\"]\nresolve = { use = \"aaaa\" }\n"),
           std::string("[pools.web]\nbackends = [\"a:80\"]\nresolve = { servers = [\"dns\"] }\n"),
           std::string("[pools.web]\nbackends = [{ name = \"a\" }]\n"),
           std::string("[pools.web]\nbackends = [{ address = \"a:80\", wieght = 1 }]\n"),
           std::string("[pools.web]\nbackends = [{ address = \"a:80\", state = \"down\" }]\n"),
           std::string("[pools.web]\nbackends = [\"a:80\"]\npanic_threshold = 1.5\n"),
           std::string("[pools.web]\nbackends = [\"a:80\"]\nsource = \"10.0.0.5\"\n"),
           std::string("[pools.web]\nbackends = [\"a:80\"]\nsource = [\"eth0\"]\n"),
           std::string("[pools.web]\nbackends = [\"a:80\"]\nhash_balance = \"1.5\"\n"),
           std::string("[pools.web]\nbackends = [\"a:80\"]\nhash_key = \"client_prefix\"\n"),
           std::string("[pools.web]\nbackends = [\"a:80\"]\nhealth = { interval = \"1s\" }\n"),
           std::string("[pools.web]\nbackends = [\"a:80\"]\nhealth = { type = \"udp\" }\n"),
           std::string("[pools.web]\nbackends = [\"a:80\"]\nsessions = { on_down = \"drain\" }\n"),
           std::string("[pools.web]\nbackends = [\"a:80\"]\nsessions = { on_down = \"drain 30\" }\n"),
           std::string("[pools.web]\nbackends = [\"a:80\"]\noutlier = { max_ejected = 2 }\n"),
           std::string("[pools.web]\nbackends = [\"a:80\"]\n"
                       "health = { type = \"http\", http = { status = [] } }\n"),
           std::string("[pools.web]\nbackends = [\"a:80\"]\n"
                       "health = { type = \"http\", http = { status = [\"6xx\"] } }\n"),
           std::string("[pools.web]\nbackends = [\"a:80\"]\n"
                       "health = { type = \"http\", http = { status = [199] } }\n"),
       }) {
    EXPECT_THAT(faults_of(toml), Not(IsEmpty())) << toml;
  }
}

}  // namespace
}  // namespace weir::config
