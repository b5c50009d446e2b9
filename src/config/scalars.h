// One node to one value by the rules of one key of the schema: type, unit, bounds, words. Pure. What fails is
// the text of a problem: what was found and what is allowed; the caller adds the key's name and the place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "base/rate.h"
#include "config/node.h"
#include "config/schema.h"

namespace weir::config {

template <class T>
using Value = tl::expected<T, std::string>;

// kCount as it is, kDuration in milliseconds, kFileMode as its bits; nothing for the key's special word.
Value<std::optional<std::int64_t>> parse_number(const Key& key, const Node& node);

// kDecimal; nothing for the key's special word.
Value<std::optional<double>> parse_decimal(const Key& key, const Node& node);

// kFlag.
Value<bool> parse_flag(const Key& key, const Node& node);

// kWord: the position in `key.words`.
Value<std::size_t> parse_word(const Key& key, const Node& node);

// kText, kName, kLogOutput, kBytes, and the raw text of any other key that is written as a string.
Value<std::string> parse_text(const Key& key, const Node& node);

// kRate and kByteRate; nothing for the key's special word.
Value<std::optional<base::Rate>> parse_rate(const Key& key, const Node& node);

// The node of the key's default. Precondition: the key has one.
Node default_node(const Key& key);

// `found 30, expected ...`
std::string mismatch(const Key& key, const Node& node);

}  // namespace weir::config
