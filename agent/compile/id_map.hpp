// Map from a numeric name to a value, made to be copied: copies share chunks of 64 ids, so that publishing the names of
// 100,000 services after one more was named copies one chunk. Reads like a const std::map.
#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace weft {

template <class Id, class V>
class IdMap {
  static constexpr Id kChunk = 64;
  using Chunk = std::array<std::optional<V>, kChunk>;
  using Chunks = std::map<Id, std::shared_ptr<Chunk>>;  // key: id / kChunk

 public:
  class Iterator {
   public:
    using Entry = std::pair<Id, const V&>;
    struct Arrow {
      Entry entry;
      const Entry* operator->() const { return &entry; }
    };
    using iterator_category = std::input_iterator_tag;
    using value_type = Entry;
    using difference_type = std::ptrdiff_t;
    using pointer = Arrow;
    using reference = Entry;

    Iterator() = default;
    Iterator(typename Chunks::const_iterator chunk, typename Chunks::const_iterator end, std::size_t index)
        : chunk_(chunk), end_(end), index_(index) {
      skip_holes();
    }
    Entry operator*() const { return {static_cast<Id>(chunk_->first * kChunk + index_), *(*chunk_->second)[index_]}; }
    Arrow operator->() const { return {**this}; }
    Iterator& operator++() {
      ++index_;
      skip_holes();
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return chunk_ == other.chunk_ && index_ == other.index_; }

   private:
    void skip_holes() {
      for (; chunk_ != end_; ++chunk_, index_ = 0)
        for (; index_ < kChunk; ++index_)
          if ((*chunk_->second)[index_]) return;
    }
    typename Chunks::const_iterator chunk_;
    typename Chunks::const_iterator end_;
    std::size_t index_ = 0;
  };

  Iterator begin() const { return Iterator(chunks_.begin(), chunks_.end(), 0); }
  Iterator end() const { return Iterator(chunks_.end(), chunks_.end(), 0); }
  Iterator find(Id id) const {
    auto chunk = chunks_.find(static_cast<Id>(id / kChunk));
    if (chunk == chunks_.end() || !(*chunk->second)[id % kChunk]) return end();
    return Iterator(chunk, chunks_.end(), id % kChunk);
  }
  const V* find_value(Id id) const {
    auto chunk = chunks_.find(static_cast<Id>(id / kChunk));
    if (chunk == chunks_.end()) return nullptr;
    const auto& value = (*chunk->second)[id % kChunk];
    return value ? &*value : nullptr;
  }
  bool contains(Id id) const { return find_value(id) != nullptr; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Returns false, changing nothing, when the id has a value already.
  bool emplace(Id id, V value) {
    if (contains(id)) return false;
    auto& chunk = chunks_[static_cast<Id>(id / kChunk)];
    if (!chunk)
      chunk = std::make_shared<Chunk>();
    else if (chunk.use_count() > 1)
      chunk = std::make_shared<Chunk>(*chunk);
    (*chunk)[id % kChunk] = std::move(value);
    ++size_;
    return true;
  }

 private:
  Chunks chunks_;
  std::size_t size_ = 0;
};

}  // namespace weft
