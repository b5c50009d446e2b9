// The one table of what may be configured: for each key its type, bounds, default, whether it changes while
// running, and a line of help. The parser, the messages, REFERENCE.md and the JSON Schema all read it, so a
// new key is one row here and one `read` in `build`. The default in the table is the one that is applied:
// it goes through the same parser as a user's value. Pure data; lives for the whole program.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::config {

enum class Section {
  kRoot,
  kProcess,
  kProcessLimits,
  kLog,
  kAdmin,
  kListener,
  kListenerAccess,
  kListenerLimits,
  kListenerTls,
  kCertificate,
  kRoute,
  kLimits,
  kPool,
  kBackend,
  kPoolTls,
  kHealth,
  kHealthHttp,
  kHealthExchange,
  kPoolSessions,
  kOutlier,
  kResolve
};

inline constexpr std::array kAllSections{
    Section::kRoot,        Section::kProcess,        Section::kProcessLimits,  Section::kLog,
    Section::kAdmin,       Section::kListener,       Section::kListenerAccess, Section::kListenerLimits,
    Section::kListenerTls, Section::kCertificate,    Section::kRoute,          Section::kLimits,
    Section::kPool,        Section::kBackend,        Section::kPoolTls,        Section::kHealth,
    Section::kHealthHttp,  Section::kHealthExchange, Section::kPoolSessions,   Section::kOutlier,
    Section::kResolve};

enum class ValueType {
  kCount,            // a whole number
  kDuration,         // "30s"; bounds in milliseconds
  kFlag,             // true or false
  kWord,             // one of `words`
  kText,             // any text without control characters
  kName,             // the name of a table or a backend
  kFileMode,         // "0660", octal in a string
  kLogOutput,        // one of `words` or an absolute path
  kAdminAddress,     // an address of this machine only, or the special word
  kListenAddresses,  // an address, a range of ports, or a list of these
  kEndpoint,         // an address or "host:port"
  kBackendList,      // a list of endpoints or tables of Section::kBackend
  kPatternList,      // a list of file names or patterns
  kRate,             // "2000/s"; bounds are base/rate.h's
  kByteRate,         // "1MiB/s"
  kClientList,       // a list of networks, addresses and the word "unix"
  kHostName,         // a host name, nothing, or the special word
  kPath,             // a file name, or the special word
  kPathList,         // a list of file names
  kDecimal,          // a number with a fraction; bounds in thousandths
  kStatusList,       // a list of HTTP statuses: "200", "2xx", "200-299"
  kHashKey,          // "client" or "client_prefix/24"
  kFate,             // "keep", "close" or "drain 30s"; bounds of the duration
  kAddressList,      // a list of IP addresses without port
  kServerList,       // a list of IP addresses, with or without port
  kWordList,         // a list of `words`
  kTextList,         // a list of texts
  kRouteList,        // a list of tables of Section::kRoute
  kCertificateList,  // a list of tables of Section::kCertificate
  kBytes,            // text that may have control characters, as TOML's escapes give them
};

enum class Presence { kOptional, kRequired };
enum class Change { kLive, kRestart };

struct Key {
  Section section = Section::kRoot;
  std::string_view name{};
  ValueType type = ValueType::kText;
  std::string_view default_value{};           // as TOML; empty: there is none
  std::string_view special{};                 // a word in place of a value: "auto", "off"
  std::span<const std::string_view> words{};  // kWord, kWordList: in the order of the model's enum
  std::int64_t least = 0;                     // kCount, kDuration, kDecimal, kFate
  std::int64_t most = 0;
  std::int64_t step = 1;  // kDuration: only multiples of it
  Presence presence = Presence::kOptional;
  Change change = Change::kLive;
  std::string_view help{};
};

// Every key, section by section, in the order in which people should read them.
std::span<const Key> all_keys();

// A table that stands in the tables of another section, e.g. [listeners.NAME.access].
struct NestedTable {
  Section parent;
  std::string_view name;
  Section section;
};
std::span<const NestedTable> nested_tables();

// The keys of one section, in that order.
std::vector<const Key*> keys_of(Section section);

// The key of that name in that section, or null.
const Key* find_key(Section section, std::string_view name);

// How people write the section: "[process]", "[listeners.NAME]"; "the top of the file" for the root.
std::string_view title(Section section);

// One line that says what the section is for.
std::string_view help(Section section);

// What the key takes, for messages and for REFERENCE.md: `a duration from 1s to 1h, e.g. "30s", or "off"`.
std::string expected(const Key& key);

}  // namespace weir::config
