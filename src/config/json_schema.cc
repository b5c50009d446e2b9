#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "config/describe.h"
#include "config/limits.h"
#include "config/scalars.h"
#include "config/schema.h"

namespace weir::config {
namespace {

using Json = nlohmann::ordered_json;

Json section_schema(Section section);

Json text_matching(std::string pattern) { return {{"type", "string"}, {"pattern", std::move(pattern)}}; }

// Any value may come from the environment, also one that is no string otherwise.
Json from_environment() { return text_matching(R"(\$\{)"); }

Json name_schema(const Key& key) {
  const std::string_view also = key.section == Section::kBackend ? ":" : "";
  return text_matching(fmt::format("^[A-Za-z0-9_.{}-]{{1,{}}}$", also, kMaxNameLength));
}

// The shape only; whether it is an address is left to `weir check`.
Json address_schema(std::string_view host, std::string_view port) {
  return text_matching(fmt::format(R"(^(unix:/.+|({}|\[[0-9A-Fa-f:.]+\]):{})$)", host, port));
}

Json admin_schema() { return address_schema("[0-9.]+", "[0-9]+"); }
Json listen_schema() { return address_schema("[0-9.]+", "[0-9]+(-[0-9]+)?"); }

// With the names of services, which have no port.
Json endpoint_schema() {
  return {{"anyOf",
           {address_schema("[A-Za-z0-9._-]+", "[0-9]+"),
            text_matching(R"(^_[A-Za-z0-9-]+\._[A-Za-z0-9-]+\.[A-Za-z0-9._-]+$)")}}};
}

// The same words as the parser's; what a pattern cannot say (bounds of durations) is left to `weir check`.
Json value_schema(const Key& key) {
  switch (key.type) {
    case ValueType::kCount:
      return {{"type", "integer"}, {"minimum", key.least}, {"maximum", key.most}};
    case ValueType::kDuration:
      return text_matching("^[0-9]+(ms|s|m|h|d)$");
    case ValueType::kFlag:
      return {{"type", "boolean"}};
    case ValueType::kWord:
      return {{"enum", key.words}};
    case ValueType::kText:
    case ValueType::kHostName:
    case ValueType::kPath:
      return {{"type", "string"}};
    case ValueType::kName:
      return name_schema(key);
    case ValueType::kFileMode:
      return text_matching("^0?[0-7]{3}$");
    case ValueType::kLogOutput:
      return {{"anyOf", {Json{{"enum", key.words}}, text_matching("^/")}}};
    case ValueType::kAdminAddress:
      return admin_schema();
    case ValueType::kEndpoint:
      return endpoint_schema();
    case ValueType::kListenAddresses: {
      const Json one = {{"anyOf", {listen_schema(), from_environment()}}};
      return {{"anyOf", {one, Json{{"type", "array"}, {"minItems", 1}, {"items", one}}}}};
    }
    case ValueType::kBackendList: {
      const Json one = {
          {"anyOf", {endpoint_schema(), from_environment(), section_schema(Section::kBackend)}}};
      return {{"type", "array"}, {"minItems", 1}, {"maxItems", kMaxBackends}, {"items", one}};
    }
    case ValueType::kPatternList:
    case ValueType::kPathList:
    case ValueType::kClientList:
      return {{"type", "array"}, {"items", {{"type", "string"}}}};
    case ValueType::kRate:
      return text_matching("^[0-9]+/(s|min|h)$");
    case ValueType::kByteRate:
      return text_matching("^[0-9]+(KiB|MiB|GiB)?/(s|min|h)$");
    case ValueType::kDecimal:
      return {{"type", "number"},
              {"minimum", static_cast<double>(key.least) / 1000},
              {"maximum", static_cast<double>(key.most) / 1000}};
    case ValueType::kStatusList: {
      const Json one = {
          {"anyOf",
           {text_matching("^[2-5]([0-9]{2}|xx|[0-9]{2}-[2-5][0-9]{2})$"),
            Json{{"type", "integer"}, {"minimum", 200}, {"maximum", 599}}, from_environment()}}};
      return {{"type", "array"}, {"minItems", 1}, {"items", one}};
    }
    case ValueType::kAddressList: {
      const Json one = {{"anyOf", {text_matching("^[0-9A-Fa-f:.]+(%.+)?$"), from_environment()}}};
      return {{"type", "array"}, {"maxItems", kMaxSources}, {"items", one}};
    }
    case ValueType::kServerList: {
      const Json one = {{"anyOf",
                         {text_matching("^([0-9A-Fa-f:.]+|[0-9.]+:[0-9]+|\\[[0-9A-Fa-f:.]+\\]:[0-9]+)$"),
                          from_environment()}}};
      return {{"type", "array"}, {"maxItems", kMaxNameServers}, {"items", one}};
    }
    case ValueType::kHashKey:
      return text_matching("^(client(_prefix/[0-9]{1,3})?|server_name)$");
    case ValueType::kFate:
      return text_matching("^(keep|close|drain [0-9]+(ms|s|m|h|d))$");
    case ValueType::kTextList: {
      const Json one = {{"anyOf", {Json{{"type", "string"}}, from_environment()}}};
      return {{"type", "array"}, {"items", one}};
    }
    case ValueType::kRouteList:
      return {{"type", "array"}, {"items", section_schema(Section::kRoute)}};
    case ValueType::kCertificateList:
      return {{"type", "array"}, {"items", section_schema(Section::kCertificate)}};
    case ValueType::kWordList: {
      const Json one = {{"anyOf", {Json{{"enum", key.words}}, from_environment()}}};
      return {{"type", "array"}, {"uniqueItems", true}, {"items", one}};
    }
    case ValueType::kBytes:
      return {{"type", "string"}};
  }
  return {};
}

// Lists say for each of their items that it may come from the environment.
bool is_list(const Key& key) {
  return key.type == ValueType::kListenAddresses || key.type == ValueType::kBackendList ||
         key.type == ValueType::kPatternList || key.type == ValueType::kPathList ||
         key.type == ValueType::kClientList || key.type == ValueType::kStatusList ||
         key.type == ValueType::kAddressList || key.type == ValueType::kServerList ||
         key.type == ValueType::kWordList || key.type == ValueType::kTextList ||
         key.type == ValueType::kRouteList || key.type == ValueType::kCertificateList;
}

Json default_json(const Key& key) {
  const Node node = default_node(key);
  switch (node.kind) {
    case Kind::kInteger:
      return node.integer;
    case Kind::kFlag:
      return node.is_true;
    case Kind::kFloat:
      return parse_decimal(key, node)->value();
    case Kind::kList: {
      Json list = Json::array();
      for (const Node& item : node.items) list.push_back(item.text);
      return list;
    }
    default:
      return node.text;
  }
}

Json key_schema(const Key& key) {
  Json schema = {{"description", fmt::format("{}\n\nTakes {}.", key.help, expected(key))}};
  if (!key.default_value.empty()) schema["default"] = default_json(key);
  if (is_list(key)) {
    schema.update(value_schema(key));
    return schema;
  }
  Json forms = Json::array({value_schema(key)});
  if (!key.special.empty()) forms.push_back({{"const", key.special}});
  forms.push_back(from_environment());
  schema["anyOf"] = std::move(forms);
  return schema;
}

Json section_schema(Section section) {
  Json schema = {{"type", "object"}, {"description", help(section)}, {"additionalProperties", false}};
  Json& properties = schema["properties"] = Json::object();
  Json required = Json::array();
  for (const Key* key : keys_of(section)) {
    properties[std::string(key->name)] = key_schema(*key);
    if (key->presence == Presence::kRequired) required.push_back(key->name);
  }
  for (const NestedTable& table : nested_tables()) {
    if (table.parent == section) properties[std::string(table.name)] = section_schema(table.section);
  }
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

Json named_tables(Section section) {
  return {{"type", "object"},
          {"description", help(section)},
          {"additionalProperties", false},
          {"patternProperties",
           {{fmt::format("^[A-Za-z0-9_.-]{{1,{}}}$", kMaxNameLength), section_schema(section)}}}};
}

}  // namespace

std::string json_schema() {
  // No table is required: in a configuration of several files each holds a part.
  Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "Weir configuration"}};
  schema.update(section_schema(Section::kRoot));
  schema["description"] =
      "Made from the configuration schema by `weir describe schema`; edit src/config/schema_table.cc "
      "instead.";
  Json& properties = schema["properties"];
  properties["process"] = section_schema(Section::kProcess);
  properties["log"] = section_schema(Section::kLog);
  properties["admin"] = section_schema(Section::kAdmin);
  properties["listeners"] = named_tables(Section::kListener);
  properties["limits"] = named_tables(Section::kLimits);
  properties["pools"] = named_tables(Section::kPool);
  return schema.dump(2) + "\n";
}

}  // namespace weir::config
