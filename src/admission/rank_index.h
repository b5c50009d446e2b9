// Sorted numbers, built once, and one question: which is the last that is at or below this one? A tree with
// one cache line a node: over the numbers stands every 16th of them (every 8th of 64 bits), over those again,
// until one node is left. So a search of a hundred thousand reads five or six lines, of which all but two are
// always in the cache, whatever the numbers are. Immutable: any thread may ask. What the numbers mean is the
// owner's business.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <vector>

#include "base/assert.h"

namespace weir::admission {

// `Key` is an unsigned integer.
template <class Key>
class RankIndex {
 public:
  // `keys` are sorted and different, and the first is 0.
  explicit RankIndex(const std::vector<Key>& keys) {
    WEIR_ASSERT(!keys.empty() && keys.front() == 0);
    WEIR_ASSERT(std::adjacent_find(keys.begin(), keys.end(), std::greater_equal<>()) == keys.end());
    std::vector<Key> level = keys;
    while (true) {
      levels_.push_back(nodes_of(level));
      if (levels_.back().nodes.size() == 1) break;
      level = firsts_of(levels_.back());
    }
    std::reverse(levels_.begin(), levels_.end());
  }

  // The position of the last key that is at or below `key`.
  std::size_t find(Key key) const {
    std::size_t at = 0;
    for (const Level& level : levels_) {
      const Node& node = level.nodes[at];
      // All of them, without a branch that depends on the key.
      std::size_t count = 0;
      for (const Key other : node.keys) count += static_cast<std::size_t>(other <= key);
      // What fills up the last node is the greatest key, which may count too much.
      at = std::min(at * kNodeKeys + count, level.size) - 1;
    }
    return at;
  }

  Key operator[](std::size_t position) const {
    return levels_.back().nodes[position / kNodeKeys].keys[position % kNodeKeys];
  }

  std::size_t memory_bytes() const {
    std::size_t bytes = levels_.capacity() * sizeof(Level);
    for (const Level& level : levels_) bytes += level.nodes.capacity() * sizeof(Node);
    return bytes;
  }

 private:
  static constexpr std::size_t kCacheLine = 64;
  static constexpr std::size_t kNodeKeys = kCacheLine / sizeof(Key);

  struct alignas(kCacheLine) Node {
    std::array<Key, kNodeKeys> keys;
  };

  struct Level {
    std::vector<Node> nodes;
    std::size_t size;  // keys in it, less what fills up the last node
  };

  static Level nodes_of(const std::vector<Key>& keys) {
    Level level{std::vector<Node>((keys.size() + kNodeKeys - 1) / kNodeKeys), keys.size()};
    for (std::size_t i = 0; i < level.nodes.size() * kNodeKeys; ++i) {
      level.nodes[i / kNodeKeys].keys[i % kNodeKeys] = i < keys.size() ? keys[i] : static_cast<Key>(~Key{0});
    }
    return level;
  }

  static std::vector<Key> firsts_of(const Level& level) {
    std::vector<Key> firsts;
    firsts.reserve(level.nodes.size());
    for (const Node& node : level.nodes) firsts.push_back(node.keys[0]);
    return firsts;
  }

  std::vector<Level> levels_;  // from the one node to the keys themselves
};

}  // namespace weir::admission
