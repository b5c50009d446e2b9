// A heap of small numbers (positions of candidates), each with a key that may change while it is in: the one
// with the least key is found at once, a change takes the logarithm of their count. It knows where each one
// is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace weir::balance {

// `Key` has `<`, a strict weak order, and is cheap to copy.
template <class Key>
class IndexedHeap {
 public:
  // For the numbers below `count`. Empty.
  explicit IndexedHeap(std::size_t count) : places_(count, kOut) { items_.reserve(count); }

  bool empty() const { return items_.empty(); }
  bool contains(std::uint32_t id) const { return places_[id] != kOut; }

  // Puts it in, or changes its key.
  void set(std::uint32_t id, const Key& key) {
    std::size_t place = places_[id];
    if (place == kOut) {
      place = items_.size();
      items_.push_back({key, id});
    }
    move({key, id}, place);
  }

  // Takes it out if it is in.
  void erase(std::uint32_t id) {
    const std::size_t place = places_[id];
    if (place == kOut) return;
    const Item last = items_.back();
    items_.pop_back();
    places_[id] = kOut;
    if (last.id != id) move(last, place);
  }

  void clear() {
    for (const Item& item : items_) places_[item.id] = kOut;
    items_.clear();
  }

  // Of those that are not `refused(id)`, one with the least key. It looks at twice as many as are refused at
  // most, and one more.
  template <class Refused>
  std::optional<std::uint32_t> least(const Refused& refused) const {
    const std::size_t place = least_below(0, refused);
    if (place == kOut) return std::nullopt;
    return items_[place].id;
  }

 private:
  static constexpr std::uint32_t kOut = ~0u;

  struct Item {
    Key key;
    std::uint32_t id;
  };

  // From `place`, which is free to be written over, up or down to where the item belongs.
  void move(const Item& item, std::size_t place) {
    while (place > 0 && item.key < items_[(place - 1) / 2].key) {
      put(items_[(place - 1) / 2], place);
      place = (place - 1) / 2;
    }
    for (std::size_t child = 2 * place + 1; child < items_.size(); child = 2 * place + 1) {
      if (child + 1 < items_.size() && items_[child + 1].key < items_[child].key) ++child;
      if (!(items_[child].key < item.key)) break;
      put(items_[child], place);
      place = child;
    }
    put(item, place);
  }

  void put(const Item& item, std::size_t place) {
    items_[place] = item;
    places_[item.id] = static_cast<std::uint32_t>(place);
  }

  template <class Refused>
  std::size_t least_below(std::size_t place, const Refused& refused) const {
    if (place >= items_.size()) return kOut;
    if (!refused(items_[place].id)) return place;
    const std::size_t left = least_below(2 * place + 1, refused);
    const std::size_t right = least_below(2 * place + 2, refused);
    if (left == kOut || right == kOut) return left == kOut ? right : left;
    return items_[right].key < items_[left].key ? right : left;
  }

  std::vector<Item> items_;
  std::vector<std::uint32_t> places_;
};

}  // namespace weir::balance
